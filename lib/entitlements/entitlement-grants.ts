import { Duration, Validations } from 'aws-cdk-lib';
import { EventSourceMapping } from 'aws-cdk-lib/aws-lambda';
import { Queue, QueueEncryption, type QueueProps } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { type Settings, webhookSecrets } from '../../config/settings.ts';
import type { Environment as ResumeGrantsEnvironment } from '../../lambdas/entitlements/resume-grants.handler.ts';
import type { Environment as SweepEntitlementsEnvironment } from '../../lambdas/entitlements/sweep-entitlements.handler.ts';
import { credentialSecretArns } from '../shared/credential-secrets.ts';
import { FunctionSchedule, TICK_LIFETIME } from '../shared/function-schedule.ts';
import { HandlerFunction } from '../shared/handler-function.ts';
import { removalPolicyOf } from '../shared/removal.ts';
import type { WatchTables } from '../shared/watch-tables.ts';
import { EntitlementTable } from './entitlement-table.ts';
import { acknowledgeWebhookWildcards, webhookPermissions } from './webhook-permissions.ts';

export interface EntitlementGrantsProps {
  readonly tables: WatchTables;
  readonly settings: Settings;
}

const RESUME_TIMEOUT = Duration.seconds(30);
/** Receipts beyond those that the function itself gives up after: a message gets there only where the function cannot run. */
const RECEIPTS_BESIDES_TRIES = 20;
/** Grants at once: a backend that has just come back is not to be overrun. */
const BATCH_SIZE = 5;
const MOST_BATCHES = 10;

/**
 * What becomes of entitlements that a request could not bring to their end: the table that knows them, the queue in which
 * grants wait for their next try, and the sweeper that finds what was left behind.
 */
export class EntitlementGrants extends Construct {
  readonly store: EntitlementTable;
  /** Grants that could not be had at once. */
  readonly queue: Queue;
  readonly deadLetters: Queue;
  readonly resumer: HandlerFunction<ResumeGrantsEnvironment>;
  readonly sweeper: HandlerFunction<SweepEntitlementsEnvironment>;

  constructor(scope: Construct, id: string, props: EntitlementGrantsProps) {
    super(scope, id);
    const { settings } = props;
    this.store = new EntitlementTable(this, 'Store', { settings });

    const common = {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      removalPolicy: removalPolicyOf(settings),
    } as const satisfies QueueProps;
    // No redrive allow policy: it would name the queue, which names this one, and only fixed names break the ring.
    this.deadLetters = new Queue(this, 'DeadLetters', { retentionPeriod: Duration.days(14), ...common });
    Validations.of(this.deadLetters).acknowledge(
      { id: 'AwsSolutions-SQS3', reason: 'This is the dead-letter queue.' },
      { id: 'Serverless-SQSRedrivePolicy', reason: 'This is the dead-letter queue.' },
    );
    this.queue = new Queue(this, 'Queue', {
      // As Lambda advises: six times the function's time-out.
      visibilityTimeout: Duration.seconds(6 * RESUME_TIMEOUT.toSeconds()),
      // Longer than all tries with their pauses, and shorter than in the dead-letter queue, where a message keeps its age.
      retentionPeriod: Duration.days(4),
      deadLetterQueue: {
        queue: this.deadLetters,
        maxReceiveCount: settings.runtime.entitlements.grantAttempts + RECEIPTS_BESIDES_TRIES,
      },
      ...common,
    });
    this.resumer = this.defineResumer(props);
    this.sweeper = this.defineSweeper(props);
  }

  private defineResumer({ tables, settings }: EntitlementGrantsProps) {
    const { entitlements } = this.store;
    const secrets = credentialSecretArns(this, webhookSecrets(settings));
    const webhooks = webhookPermissions(settings.runtime.partnerApi.partners);
    const resumer = new HandlerFunction<ResumeGrantsEnvironment>(this, 'ResumeGrants', {
      handler: 'entitlements/resume-grants',
      description: 'Grants queue: grants what could not be granted at once, and gives up in the end.',
      timeout: RESUME_TIMEOUT,
      memorySize: 256,
      environment: {
        ENTITLEMENTS_TABLE: entitlements.tableName,
        HISTORY_TABLE: tables.history.tableName,
        GRANTS_QUEUE_URL: this.queue.queueUrl,
        DEAD_LETTER_QUEUE_URL: this.deadLetters.queueUrl,
      },
      permissions: [
        {
          actions: ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes', 'sqs:ChangeMessageVisibility'],
          resources: [this.queue.queueArn],
        },
        { actions: ['sqs:SendMessage'], resources: [this.deadLetters.queueArn] },
        // The claim put every row that a grant is about, but for the items of the inventory: those are updated into being.
        { actions: ['dynamodb:GetItem', 'dynamodb:UpdateItem'], resources: [entitlements.tableArn] },
        { actions: ['dynamodb:PutItem'], resources: [tables.history.tableArn] },
        ...(secrets.length > 0 ? [{ actions: ['secretsmanager:GetSecretValue'], resources: secrets }] : []),
        ...webhooks,
      ],
      settings,
    });
    acknowledgeWebhookWildcards(resumer.role, webhooks);
    const mapping = new EventSourceMapping(this, 'QueueToResumeGrants', {
      target: resumer.function,
      eventSourceArn: this.queue.queueArn,
      batchSize: BATCH_SIZE,
      maxConcurrency: MOST_BATCHES,
      reportBatchItemFailures: true,
    });
    Validations.of(mapping).acknowledge({
      id: 'Serverless-LambdaEventSourceMappingDestination',
      reason: "A queue's mapping has no such destination; the redrive policy of the queue does that work.",
    });
    return resumer;
  }

  private defineSweeper({ tables, settings }: EntitlementGrantsProps) {
    const { entitlements, openIndexArn } = this.store;
    const sweeper = new HandlerFunction<SweepEntitlementsEnvironment>(this, 'SweepEntitlements', {
      handler: 'entitlements/sweep-entitlements',
      description: 'Schedule: has grants resumed that were left behind, and tells which entitlements are stuck.',
      timeout: Duration.seconds(120),
      memorySize: 256,
      maximumEventAge: TICK_LIFETIME,
      environment: {
        ENTITLEMENTS_TABLE: entitlements.tableName,
        HISTORY_TABLE: tables.history.tableName,
        GRANTS_QUEUE_URL: this.queue.queueUrl,
      },
      permissions: [
        { actions: ['dynamodb:Query'], resources: [openIndexArn] },
        { actions: ['dynamodb:UpdateItem'], resources: [entitlements.tableArn] },
        { actions: ['dynamodb:PutItem'], resources: [tables.history.tableArn] },
        { actions: ['sqs:SendMessage'], resources: [this.queue.queueArn] },
      ],
      settings,
    });
    new FunctionSchedule(this, 'SweepSchedule', {
      target: sweeper.function,
      expression: settings.schedules.sweep,
      description: `Offer Relay (${settings.stage}): looks for entitlements that were left behind`,
    });
    return sweeper;
  }
}
