import { Duration, Validations } from 'aws-cdk-lib';
import { EventSourceMapping, RecursiveLoop } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import type { Settings } from '../../config/settings.ts';
import type { PlannerEnvironment } from '../../lambdas/shared/laps/planner.ts';
import type { WorkerEnvironment } from '../../lambdas/shared/laps/slice-worker.ts';
import { credentialSecretArns } from './credential-secrets.ts';
import { FunctionSchedule, TICK_LIFETIME } from './function-schedule.ts';
import type { HandlerPath } from './handler-bundle.ts';
import { HandlerFunction } from './handler-function.ts';
import type { MetricRoom } from './relay-metric.ts';
import { SliceQueues } from './slice-queues.ts';
import type { WatchTables } from './watch-tables.ts';

export interface PacedQueueProps {
  /** The room whose functions these are, as their metrics name it. */
  readonly room: MetricRoom;
  readonly planner: HandlerPath;
  readonly worker: HandlerPath;
  /** MiB; the processor's share grows with it. */
  readonly workerMemorySize: number;
  /** What one watch is called where people read it, such as `title`. */
  readonly noun: string;
  /** The upstream API, by its name. */
  readonly upstream: string;
  /** Names of the secrets that the worker reads. */
  readonly secrets: readonly string[];
  readonly tables: WatchTables;
  readonly settings: Settings;
}

/**
 * Asks an upstream about all watches at the rate that it grants: schedule, planner, queue, worker.
 *
 * The planner cuts the laps of each token bucket into slices; the queue's message group is the bucket, so that one worker
 * at a time sends out of it.
 */
export class PacedQueue extends Construct {
  readonly room: MetricRoom;
  readonly noun: string;
  readonly upstream: string;
  readonly queues: SliceQueues;
  readonly planner: HandlerFunction<PlannerEnvironment>;
  readonly worker: HandlerFunction<WorkerEnvironment>;

  constructor(scope: Construct, id: string, props: PacedQueueProps) {
    super(scope, id);
    this.room = props.room;
    this.noun = props.noun;
    this.upstream = props.upstream;
    this.queues = new SliceQueues(this, 'Queues', { settings: props.settings });
    this.planner = this.definePlanner(props);
    this.worker = this.defineWorker(props);
    // A new planner must not send an old worker slices of an account that the old one does not know.
    this.planner.function.node.addDependency(this.worker.function);
  }

  private definePlanner({ planner: handler, noun, tables, settings }: PacedQueueProps) {
    const { slices } = this.queues;
    const planner = new HandlerFunction<PlannerEnvironment>(this, 'Planner', {
      handler,
      description: `Schedule: tops up the slices of each bucket of ${noun}s.`,
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
      description: `Offer Relay (${settings.stage}): plans the next checks of ${noun}s`,
    });
    return planner;
  }

  private defineWorker({
    worker: handler,
    workerMemorySize,
    noun,
    upstream,
    secrets,
    tables,
    settings,
  }: PacedQueueProps) {
    const { slices, deadLetters } = this.queues;
    const secretArns = credentialSecretArns(this, secrets);
    const worker = new HandlerFunction<WorkerEnvironment>(this, 'Worker', {
      handler,
      description: `Slices queue: asks ${upstream} about the ${noun}s of a slice and records what changed.`,
      timeout: Duration.seconds(60),
      memorySize: workerMemorySize,
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
    const mapping = new EventSourceMapping(this, 'SlicesToWorker', {
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
