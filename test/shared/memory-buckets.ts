import type { BucketRow } from '../../lambdas/shared/pacer/buckets.store.ts';
import type { Reservations } from '../../lambdas/shared/pacer/pacer.ts';

/** Bucket rows in memory, with the conditions of the real store. Counts what it is asked for. */
export class MemoryBuckets implements Reservations {
  readonly rows = new Map<string, BucketRow>();
  reads = 0;
  writes = 0;
  refusals = 0;

  read(bucketId: string): Promise<BucketRow> {
    this.reads += 1;
    return Promise.resolve(this.rows.get(bucketId) ?? {});
  }

  hold: Reservations['hold'] = (bucketId, heldUntil) => {
    this.rows.set(bucketId, { ...this.rows.get(bucketId), heldUntil });
    return Promise.resolve();
  };

  reserve: Reservations['reserve'] = (bucketId, write, seen) => {
    const row = this.rows.get(bucketId) ?? {};
    if (row.slice !== seen?.slice || row.tat !== seen?.tat) {
      this.refusals += 1;
      return Promise.resolve(row);
    }
    this.writes += 1;
    this.rows.set(bucketId, { ...row, ...write });
    return Promise.resolve(undefined);
  };
}
