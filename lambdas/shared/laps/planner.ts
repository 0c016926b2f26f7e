import { SQSClient } from '@aws-sdk/client-sqs';
import * as z from 'zod/mini';
import { systemClock } from '../clock.ts';
import { connectDatabase, SERVICE_TIMEOUTS } from '../database.ts';
import { BucketStore } from '../pacer/buckets.store.ts';
import type { PollingSettings } from '../settings.ts';
import { SlicesQueue } from '../slices-queue.ts';
import type { Telemetry } from '../telemetry.ts';
import { WatchStore } from '../watches.store.ts';
import type { PackedBucket } from './packing.ts';
import type { BucketOrder } from './plan-bucket.ts';
import { topUpBuckets } from './top-up.ts';

const nonEmpty = z.string().check(z.minLength(1));

/** What a planner function is told by its environment. */
export const PlannerEnvironment = z.object({
  WATCHES_TABLE: nonEmpty,
  BUCKETS_TABLE: nonEmpty,
  SLICES_QUEUE_URL: nonEmpty,
});
export type PlannerEnvironment = z.infer<typeof PlannerEnvironment>;

export interface PlannerOptions {
  readonly environment: PlannerEnvironment;
  readonly telemetry: Telemetry;
  readonly polling: PollingSettings;
  readonly buckets: readonly PackedBucket[];
  readonly minLapSeconds: BucketOrder['minLapSeconds'];
}

/** A planner's handler: at each tick it tops up every bucket. Built once per execution environment. */
export function createPlanner(options: PlannerOptions): () => Promise<void> {
  const { environment, telemetry, polling, minLapSeconds } = options;
  const database = connectDatabase();
  const buckets = new BucketStore(database, environment.BUCKETS_TABLE);
  const watches = new WatchStore(database, environment.WATCHES_TABLE, systemClock);
  const slices = new SlicesQueue(new SQSClient(SERVICE_TIMEOUTS), environment.SLICES_QUEUE_URL);
  const { backlogSeconds, sliceSeconds } = polling;
  const orders = options.buckets.map((bucket) => ({ ...bucket, backlogSeconds, sliceSeconds, minLapSeconds }));
  return async () => {
    try {
      const { slices: planned, stalledSeconds } = await topUpBuckets(orders, {
        buckets,
        lapReader: (id) => watches.lapReader(id),
        send: (list) => slices.send(list),
        now: systemClock.now,
      });
      telemetry.count('SlicesPlanned', planned);
      telemetry.seconds('StalledSeconds', stalledSeconds);
      telemetry.info('planned', { slices: planned });
    } finally {
      telemetry.flush();
    }
  };
}
