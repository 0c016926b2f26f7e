import { SQSClient } from '@aws-sdk/client-sqs';
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import * as z from 'zod/mini';
import type { Clock } from '../clock.ts';
import { systemClock } from '../clock.ts';
import { connectDatabase, SERVICE_TIMEOUTS } from '../database.ts';
import { DeadLetterQueue } from '../dead-letters.ts';
import { BucketStore } from '../pacer/buckets.store.ts';
import { Pacer } from '../pacer/pacer.ts';
import { fullJitter } from '../retry.ts';
import type { PollingSettings, RetryPolicy } from '../settings.ts';
import { SlicesQueue } from '../slices-queue.ts';
import type { Telemetry } from '../telemetry.ts';
import { WatchStore } from '../watches.store.ts';
import type { PackedBucket } from './packing.ts';
import { receiveSlices } from './receive-slices.ts';
import type { Checks } from './slice-runner.ts';
import { SliceRunner } from './slice-runner.ts';

const nonEmpty = z.string().check(z.minLength(1));

/** What a worker function is told by its environment. */
export const WorkerEnvironment = z.object({
  WATCHES_TABLE: nonEmpty,
  HISTORY_TABLE: nonEmpty,
  BUCKETS_TABLE: nonEmpty,
  SLICES_QUEUE_URL: nonEmpty,
  DEAD_LETTER_QUEUE_URL: nonEmpty,
});
export type WorkerEnvironment = z.infer<typeof WorkerEnvironment>;

/** What a room's checks find in their worker. */
export interface WorkerParts<State> {
  readonly database: DynamoDBDocumentClient;
  readonly heads: WatchStore<State>['heads'];
  readonly clock: Clock;
  /** Pause before another try at a contended row, milliseconds. */
  readonly pause: (attempt: number) => number;
  /** Hears of what an answer held that its document does not know. */
  readonly onDrift: (watchId: string, drift: readonly string[]) => void;
}

export interface SliceWorkerOptions<State> {
  readonly environment: WorkerEnvironment;
  readonly telemetry: Telemetry;
  readonly polling: PollingSettings;
  /** Pauses between the tries of a request. */
  readonly retry: RetryPolicy;
  /** The bucket with an identifier, or undefined where the settings name none. */
  readonly bucket: (bucketId: string) => PackedBucket | undefined;
  readonly checks: (parts: WorkerParts<State>) => Checks<State>;
}

const CONTENDED: RetryPolicy = { attempts: 1, baseMs: 20, capMs: 1_000 };

/** A worker's handler: runs the slices of its queue. Built once per execution environment. */
export function createSliceWorker<State>(
  options: SliceWorkerOptions<State>,
): (event: SQSEvent, context: Context) => Promise<SQSBatchResponse> {
  const { environment, telemetry, polling, retry, bucket } = options;
  const clock = systemClock;
  const database = connectDatabase();
  const sqs = new SQSClient(SERVICE_TIMEOUTS);
  const watches = new WatchStore<State>(database, environment.WATCHES_TABLE, clock);
  const slices = new SlicesQueue(sqs, environment.SLICES_QUEUE_URL);
  const deadLetters = new DeadLetterQueue(sqs, environment.DEAD_LETTER_QUEUE_URL);
  /** Each surprise is logged once per environment and counted each time. */
  const driftSeen = new Set<string>();
  const runner = new SliceRunner<State>(
    {
      pacer: new Pacer(new BucketStore(database, environment.BUCKETS_TABLE), clock),
      watches,
      slices,
      deadLetters,
      clock,
      attempts: polling.attempts,
      pause: () => fullJitter(1, retry, Math.random),
      count: telemetry.count,
      warn: telemetry.warn,
    },
    options.checks({
      database,
      heads: (ids) => watches.heads(ids),
      clock,
      pause: (attempt) => fullJitter(attempt, CONTENDED, Math.random),
      onDrift(watchId, drift) {
        telemetry.count('SchemaDrift', drift.length);
        const fresh = drift.filter((surprise) => !driftSeen.has(surprise));
        for (const surprise of fresh) driftSeen.add(surprise);
        if (fresh.length > 0) telemetry.warn('answers hold what the document does not know', { watchId, drift: fresh });
      },
    }),
  );
  return async (event, context) => {
    try {
      const staying = await receiveSlices(
        event.Records,
        {
          run: (slice, of, delivery) => runner.run(slice, of, delivery),
          bucket,
          slices,
          deadLetters,
          clock,
          log: (message, details) => telemetry.info(message, details),
        },
        () => context.getRemainingTimeInMillis(),
      );
      return { batchItemFailures: staying.map((itemIdentifier) => ({ itemIdentifier })) };
    } finally {
      telemetry.flush();
    }
  };
}
