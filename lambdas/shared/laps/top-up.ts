import type { BucketRow, BucketStore } from '../pacer/buckets.store.ts';
import type { BucketOrder, ReadLap } from './plan-bucket.ts';
import { fillOutline, planBucket } from './plan-bucket.ts';
import type { Slice } from './slice.ts';

export interface TopUpParts {
  readonly buckets: Pick<BucketStore, 'read' | 'recordPlan' | 'recordSent' | 'recordStall'>;
  readonly lapReader: (bucketId: string) => ReadLap;
  readonly send: (slices: readonly Slice[]) => Promise<void>;
  readonly now: () => number;
}

export interface TopUp {
  readonly slices: number;
  readonly stalledSeconds: number;
}

/** A full backlog that has not moved for so long has probably been lost: purged, expired or dead-lettered. */
const STALLED_MS = 30 * 60_000;

/**
 * Tops up every bucket; one that fails does not hold up the others.
 *
 * The plan is written first, with its slices as ranges, then they are sent, then that is noted. Only one of several
 * planners can write; and where one dies in between, the next sends the same ranges, which the queue drops as duplicates
 * as far as they have been sent.
 *
 * @returns how many slices were planned, and for how long the worst backlog has not moved, in seconds
 * @throws AggregateError when buckets failed, after all have been tried
 */
export async function topUpBuckets(orders: readonly BucketOrder[], parts: TopUpParts): Promise<TopUp> {
  const results = await Promise.allSettled(orders.map((order) => topUp(order, parts)));
  const failures = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
  if (failures.length > 0) {
    // Lambda's log shows the message alone.
    const first = failures[0] instanceof Error ? failures[0].message : String(failures[0]);
    throw new AggregateError(failures, `${failures.length} of ${orders.length} buckets failed: ${first}`);
  }
  const done = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  return {
    slices: done.reduce((sum, { slices }) => sum + slices, 0),
    stalledSeconds: Math.max(0, ...done.map(({ stalledSeconds }) => stalledSeconds)),
  };
}

async function topUp(order: BucketOrder, parts: TopUpParts): Promise<TopUp> {
  const { buckets, send, now } = parts;
  const readLap = parts.lapReader(order.id);
  const row = await buckets.read(order.id);
  if (row.unsent !== undefined && row.planVersion !== undefined) {
    const slices: Slice[] = [];
    for (const outline of row.unsent) slices.push(await fillOutline(order.id, outline, readLap));
    await send(slices);
    await buckets.recordSent(order.id, row.planVersion);
  }
  const { slices, outlines, planned, laps } = await planBucket(order, row, now(), readLap);
  if (slices.length === 0) return { slices: 0, stalledSeconds: await watchStall(order, row, parts) };
  const version = await buckets.recordPlan(order.id, row.planVersion, { planned, laps, unsent: outlines });
  if (version === undefined) return { slices: 0, stalledSeconds: 0 };
  await send(slices);
  await buckets.recordSent(order.id, version);
  return { slices: slices.length, stalledSeconds: 0 };
}

/**
 * Slices that are lost never count as started, and a backlog of lost slices would keep its bucket still for good. The
 * queue is in order: once a marker behind them has come through, they are known to be gone.
 *
 * @returns for how long the backlog has not moved, in seconds
 */
async function watchStall(order: BucketOrder, row: BucketRow, { buckets, send, now }: TopUpParts): Promise<number> {
  const { planned = 0, started = 0, stall, planVersion, heldUntil = 0 } = row;
  if (planned <= started) return 0;
  if (stall?.started !== started) {
    await buckets.recordStall(order.id, planVersion, { started, since: now(), markedAt: now() });
    return 0;
  }
  // In an outage the slices are known to be there.
  if (now() - stall.markedAt >= STALLED_MS && heldUntil <= now()) {
    const id = `${order.id}#marker#${planned}#${now()}`;
    await send([{ id, bucket: order.id, class: 'steady', endsAt: planned, watches: [] }]);
    await buckets.recordStall(order.id, planVersion, { ...stall, markedAt: now() });
  }
  return (now() - stall.since) / 1000;
}
