import { Duration, Validations } from 'aws-cdk-lib';
import { EventSourceMapping, RecursiveLoop } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import type { Settings } from '../../config/settings.ts';
import type { Environment as CheckTitlesEnvironment } from '../../lambdas/offer-status/check-titles.handler.ts';
import type { Environment as PlanChecksEnvironment } from '../../lambdas/offer-status/plan-checks.handler.ts';
import { FunctionSchedule, TICK_LIFETIME } from '../shared/function-schedule.ts';
import { HandlerFunction } from '../shared/handler-function.ts';
import type { WatchTables } from '../shared/watch-tables.ts';
import { credentialSecretArns } from './credential-secrets.ts';
import { SliceQueues } from './slice-queues.ts';

export interface TitleChecksProps {
  readonly tables: WatchTables;
  readonly settings: Settings;
}

/** Plans which titles are asked about next, and asks: schedule, planner, queue, worker. */
export class TitleChecks extends Construct {
  readonly queues: SliceQueues;
  readonly planner: HandlerFunction<PlanChecksEnvironment>;
  readonly worker: HandlerFunction<CheckTitlesEnvironment>;

  constructor(scope: Construct, id: string, { tables, settings }: TitleChecksProps) {
    super(scope, id);
    this.queues = new SliceQueues(this, 'Queues', { settings });
    this.planner = this.definePlanner(tables, settings);
    this.worker = this.defineWorker(tables, settings);
    // A new planner must not send an old worker slices of an account that the old one does not know.
    this.planner.function.node.addDependency(this.worker.function);
  }

  private definePlanner(tables: WatchTables, settings: Settings) {
    const { slices } = this.queues;
    const planner = new HandlerFunction<PlanChecksEnvironment>(this, 'PlanChecks', {
      handler: 'offer-status/plan-checks',
      description: 'Schedule: tops up the slices of each bucket.',
      timeout: Duration.seconds(50),
      memorySize: 256,
      maximumEventAge: TICK_LIFETIME,
      environment: {
        WATCHES_TABLE: tables.watches.tableName,
        BUCKETS_TABLE: tables.buckets.tableName,
        SLICES_QUEUE_URL: slices.queueUrl,
      },
      permissions: [
        { actions: ['dynamodb:Query'], resources: [tables.lapIndexArn] },
        { actions: ['dynamodb:GetItem', 'dynamodb:UpdateItem'], resources: [tables.buckets.tableArn] },
        { actions: ['sqs:SendMessage'], resources: [slices.queueArn] },
      ],
      settings,
    });
    new FunctionSchedule(this, 'PlanSchedule', {
      target: planner.function,
      expression: settings.schedules.plan,
      description: `Offer Relay (${settings.stage}): plans the next checks`,
    });
    return planner;
  }

  private defineWorker(tables: WatchTables, settings: Settings) {
    const { slices, deadLetters } = this.queues;
    const secretArns = credentialSecretArns(this, settings);
    const worker = new HandlerFunction<CheckTitlesEnvironment>(this, 'CheckTitles', {
      handler: 'offer-status/check-titles',
      description: 'Slices queue: asks the Offer Status API about the titles of a slice and records what changed.',
      timeout: Duration.seconds(60),
      memorySize: 512,
      // A slice that an outage holds is sent to the same queue again and again; Lambda would take that for a runaway loop
      // and stop it after 16 links.
      recursiveLoop: RecursiveLoop.ALLOW,
      environment: {
        WATCHES_TABLE: tables.watches.tableName,
        HISTORY_TABLE: tables.history.tableName,
        BUCKETS_TABLE: tables.buckets.tableName,
        SLICES_QUEUE_URL: slices.queueUrl,
        DEAD_LETTER_QUEUE_URL: deadLetters.queueUrl,
      },
      permissions: [
        {
          actions: ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes', 'sqs:ChangeMessageVisibility'],
          resources: [slices.queueArn],
        },
        { actions: ['dynamodb:BatchGetItem', 'dynamodb:UpdateItem'], resources: [tables.watches.tableArn] },
        { actions: ['dynamodb:PutItem'], resources: [tables.history.tableArn] },
        { actions: ['dynamodb:GetItem', 'dynamodb:UpdateItem'], resources: [tables.buckets.tableArn] },
        // Watches of a slice that have to be asked about again go to the end of the bucket's queue.
        { actions: ['sqs:SendMessage'], resources: [slices.queueArn, deadLetters.queueArn] },
        ...(secretArns.length > 0 ? [{ actions: ['secretsmanager:GetSecretValue'], resources: secretArns }] : []),
      ],
      settings,
    });
    const mapping = new EventSourceMapping(this, 'SlicesToCheckTitles', {
      target: worker.function,
      eventSourceArn: slices.queueArn,
      batchSize: 1,
      maxConcurrency: settings.workers.maximumConcurrency,
      reportBatchItemFailures: true,
    });
    Validations.of(mapping).acknowledge({
      id: 'Serverless-LambdaEventSourceMappingDestination',
      reason: "A queue's mapping has no such destination; the redrive policy of the queue does that work.",
    });
    return worker;
  }
}
