import type { Slice } from '../../lambdas/shared/laps/slice.ts';
import { fitting, requestsPerSlice } from '../../lambdas/shared/laps/plan-bucket.ts';
import type { Bucket } from '../../lambdas/shared/pacer/pacer.ts';
import type { SlicesQueue } from '../../lambdas/shared/slices-queue.ts';
import { TargetError } from './errors.ts';
import type { WatchKind } from './kinds.ts';
import type { WatchRows } from './rows.ts';
import { duration } from './screen.ts';
import type { GoodLine } from './watch-file.ts';

export interface CheckNowParts {
  readonly rows: Pick<WatchRows, 'get'>;
  readonly slices: Pick<SlicesQueue, 'send'>;
  readonly kind: WatchKind;
  /** Sending time of one slice, in seconds. */
  readonly sliceSeconds: number;
  readonly requestId: string;
}

/**
 * What is planned for a bucket waits while it is busy with this. Half an hour without progress would look like a lost
 * backlog to the planner.
 */
const LONGEST_SECONDS = 20 * 60;

/** Has watches checked at once: slices that nobody planned, at the end of their bucket's queue. */
export class CheckNow {
  readonly #parts: CheckNowParts;
  /** Watches by bucket, in the order of the file. */
  readonly #wanted = new Map<string, Set<string>>();

  constructor(parts: CheckNowParts) {
    this.#parts = parts;
  }

  /**
   * Takes the watches that are on the list, and refuses the others.
   *
   * @throws TargetError when a bucket would be busy for longer than it may
   */
  async take(batch: readonly GoodLine[], refuse: (line: GoodLine, reason: string) => void): Promise<void> {
    const rows = await this.#parts.rows.get([...new Set(batch.map(({ watchId }) => watchId))]);
    for (const line of batch) {
      const row = rows.get(line.watchId);
      if (row?.lap === undefined) refuse(line, 'is not on the watch list: import it first');
      else if (this.#bucket(row.bucketId) === undefined) {
        refuse(line, `is in the bucket ${row.bucketId}, which the settings do not know: import it again to move it`);
      } else this.#want(row.bucketId, line.watchId);
    }
  }

  /** Sends what was taken. Returns how many watches, in how many slices, and how long the slowest bucket needs. */
  async send(): Promise<{ readonly watches: number; readonly slices: number; readonly seconds: number }> {
    const slices = [...this.#wanted].flatMap(([bucketId, watches]) => this.#pack(bucketId, [...watches]));
    await this.#parts.slices.send(slices);
    const watches = slices.reduce((sum, slice) => sum + slice.watches.length, 0);
    const seconds = Math.max(0, ...[...this.#wanted].map(([bucketId, { size }]) => this.#seconds(bucketId, size)));
    return { watches, slices: slices.length, seconds };
  }

  #bucket(bucketId: string): { readonly bucket: Bucket; readonly pack: number } | undefined {
    return this.#parts.kind.buckets.find(({ bucket }) => bucket.id === bucketId);
  }

  #want(bucketId: string, watchId: string): void {
    const watches = this.#wanted.get(bucketId) ?? new Set();
    this.#wanted.set(bucketId, watches.add(watchId));
    if (watches.size === 1 || this.#seconds(bucketId, watches.size) <= LONGEST_SECONDS) return;
    const { perSecond } = this.#bucket(bucketId)!.bucket.limit;
    throw new TargetError(
      `These are too many at once for ${bucketId}: at ${perSecond} requests a second they would take more than ` +
        `${duration(LONGEST_SECONDS)}, and what is planned would wait for as long. Nothing was sent; check fewer.`,
    );
  }

  #seconds(bucketId: string, watches: number): number {
    const { bucket, pack } = this.#bucket(bucketId)!;
    return Math.ceil(watches / pack) / bucket.limit.perSecond;
  }

  /** Slices as the planner cuts them, except that no backlog counts them. */
  #pack(bucketId: string, watches: readonly string[]): Slice[] {
    const { bucket, pack } = this.#bucket(bucketId)!;
    const size = requestsPerSlice(bucket.limit.perSecond, this.#parts.sliceSeconds) * pack;
    const slices: Slice[] = [];
    for (let index = 0; index < watches.length; index += slices.at(-1)!.watches.length) {
      const id = `${bucketId}#check-now#${this.#parts.requestId}#${slices.length + 1}`;
      slices.push({ id, bucket: bucketId, class: 'urgent', watches: fitting(watches.slice(index, index + size)) });
    }
    return slices;
  }
}
