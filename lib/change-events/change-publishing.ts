import { Duration, Stack, Validations } from 'aws-cdk-lib';
import type { CfnTable } from 'aws-cdk-lib/aws-dynamodb';
import { EventSourceMapping, StartingPosition } from 'aws-cdk-lib/aws-lambda';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { Settings } from '../../config/settings.ts';
import type { Environment as PublishChangesEnvironment } from '../../lambdas/change-events/publish-changes.handler.ts';
import type { Environment as RepublishChangesEnvironment } from '../../lambdas/change-events/republish-changes.handler.ts';
import { FunctionSchedule, TICK_LIFETIME } from '../shared/function-schedule.ts';
import { HandlerFunction } from '../shared/handler-function.ts';
import { removalPolicyOf } from '../shared/removal.ts';
import type { WatchTables } from '../shared/watch-tables.ts';
import { ChangeBus } from './change-bus.ts';

export interface ChangePublishingProps {
  readonly tables: WatchTables;
  readonly settings: Settings;
}

/** Takes recorded changes to the bus: at once from the stream, and once more for those that got stuck. */
export class ChangePublishing extends Construct {
  readonly bus: ChangeBus;
  readonly publisher: HandlerFunction<PublishChangesEnvironment>;
  readonly reconciler: HandlerFunction<RepublishChangesEnvironment>;
  /** Positions of the stream's batches that the publisher gave up; their changes wait in the index `unpublished`. */
  readonly failedBatches: Queue;

  constructor(scope: Construct, id: string, { tables, settings }: ChangePublishingProps) {
    super(scope, id);
    this.bus = new ChangeBus(this, 'ChangeBus', { settings });
    this.failedBatches = new Queue(this, 'FailedBatches', {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
      removalPolicy: removalPolicyOf(settings),
    });
    Validations.of(this.failedBatches).acknowledge(
      { id: 'AwsSolutions-SQS3', reason: 'Holds what failed already, for the operator to read; nothing consumes it.' },
      {
        id: 'Serverless-SQSRedrivePolicy',
        reason: 'Holds what failed already, for the operator to read; nothing consumes it.',
      },
    );
    this.publisher = this.definePublisher(tables, settings);
    this.reconciler = this.defineReconciler(tables, settings);
  }

  private definePublisher(tables: WatchTables, settings: Settings) {
    const { bus } = this.bus;
    const publisher = new HandlerFunction<PublishChangesEnvironment>(this, 'PublishChanges', {
      handler: 'change-events/publish-changes',
      description: 'History stream: puts the events of each recorded change on the bus.',
      timeout: Duration.seconds(60),
      memorySize: 256,
      environment: { HISTORY_TABLE: tables.history.tableName, BUS_NAME: bus.eventBusName },
      permissions: [
        {
          actions: ['dynamodb:DescribeStream', 'dynamodb:GetRecords', 'dynamodb:GetShardIterator'],
          resources: [tables.historyStreamArn],
        },
        { actions: ['dynamodb:ListStreams'], resources: [`${tables.history.tableArn}/stream/*`] },
        { actions: ['dynamodb:BatchGetItem', 'dynamodb:UpdateItem'], resources: [tables.history.tableArn] },
        { actions: ['events:PutEvents'], resources: [bus.eventBusArn] },
        { actions: ['sqs:SendMessage'], resources: [this.failedBatches.queueArn] },
      ],
      settings,
    });
    const history = Stack.of(this).getLogicalId(tables.history.node.defaultChild as CfnTable);
    Validations.of(publisher.role).acknowledge({
      id: `AwsSolutions-IAM5[Resource::<${history}.Arn>/stream/*]`,
      reason: 'ListStreams, which Lambda asks for, is about all streams of a table; the data of only one can be read.',
    });

    const { queueArn } = this.failedBatches;
    new EventSourceMapping(this, 'HistoryToPublishChanges', {
      target: publisher.function,
      eventSourceArn: tables.historyStreamArn,
      startingPosition: StartingPosition.TRIM_HORIZON,
      // The publisher marks rows as published; those updates come back on the stream and are of no interest.
      filters: [{ pattern: JSON.stringify({ eventName: ['INSERT'] }) }],
      batchSize: 100,
      bisectBatchOnError: true,
      retryAttempts: 10,
      reportBatchItemFailures: true,
      onFailure: { bind: () => ({ destination: queueArn }) },
    });
    return publisher;
  }

  private defineReconciler(tables: WatchTables, settings: Settings) {
    const { bus } = this.bus;
    const reconciler = new HandlerFunction<RepublishChangesEnvironment>(this, 'RepublishChanges', {
      handler: 'change-events/republish-changes',
      description: 'Schedule: publishes changes that have not left the history table for minutes.',
      timeout: Duration.seconds(120),
      memorySize: 256,
      maximumEventAge: TICK_LIFETIME,
      environment: { HISTORY_TABLE: tables.history.tableName, BUS_NAME: bus.eventBusName },
      permissions: [
        { actions: ['dynamodb:Query'], resources: [tables.unpublishedIndexArn] },
        { actions: ['dynamodb:BatchGetItem', 'dynamodb:UpdateItem'], resources: [tables.history.tableArn] },
        { actions: ['events:PutEvents'], resources: [bus.eventBusArn] },
      ],
      settings,
    });
    new FunctionSchedule(this, 'ReconcileSchedule', {
      target: reconciler.function,
      expression: settings.schedules.reconcile,
      description: `Offer Relay (${settings.stage}): publishes what is still unpublished`,
    });
    return reconciler;
  }
}
