import type { BucketRow, PlanWrite } from '../pacer/buckets.store.ts';
import type { BucketOrder, ReadLap } from './plan-bucket.ts';
import { planBucket } from './plan-bucket.ts';
import type { Slice } from './slice.ts';

export interface TopUpParts {
  readonly readRow: (bucketId: string) => Promise<BucketRow>;
  readonly lapReader: (bucketId: string) => ReadLap;
  readonly send: (slices: readonly Slice[]) => Promise<void>;
  readonly recordPlan: (bucketId: string, seenVersion: number | undefined, plan: PlanWrite) => Promise<boolean>;
  readonly now: () => number;
}

/**
 * Tops up every bucket; one that fails does not hold up the others.
 *
 * Slices are sent first, then the row is written. A planner that dies in between, or that runs beside another, sends
 * the same slices again, and the queue drops them as duplicates.
 *
 * @returns how many slices were planned
 * @throws AggregateError when buckets failed, after all have been tried
 */
export async function topUpBuckets(orders: readonly BucketOrder[], parts: TopUpParts): Promise<number> {
  const results = await Promise.allSettled(orders.map((order) => topUp(order, parts)));
  const failures = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
  if (failures.length > 0) throw new AggregateError(failures, `${failures.length} of ${orders.length} buckets failed`);
  return results.reduce((sum, result) => sum + (result.status === 'fulfilled' ? result.value : 0), 0);
}

async function topUp(order: BucketOrder, parts: TopUpParts): Promise<number> {
  const row = await parts.readRow(order.id);
  const plan = await planBucket(order, row, parts.now(), parts.lapReader(order.id));
  if (plan.slices.length === 0) return 0;
  await parts.send(plan.slices);
  const recorded = await parts.recordPlan(order.id, row.planVersion, { planned: plan.planned, laps: plan.laps });
  return recorded ? plan.slices.length : 0;
}
