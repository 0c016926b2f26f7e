import type { Clock } from '../../lambdas/shared/clock.ts';
import type { Slice } from '../../lambdas/shared/laps/slice.ts';
import { fitting, requestsPerSlice } from '../../lambdas/shared/laps/plan-bucket.ts';
import type { Bucket } from '../../lambdas/shared/pacer/pacer.ts';
import { retry } from '../../lambdas/shared/retry.ts';
import type { RetryPolicy } from '../../lambdas/shared/settings.ts';
import { SlicesRefusedError, type SlicesQueue } from '../../lambdas/shared/slices-queue.ts';
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
  readonly clock: Clock;
}

/** What a request comes to. */
export interface Sending {
  readonly watches: number;
  readonly slices: number;
  /** What the slowest bucket needs at its configured rate. */
  readonly seconds: number;
}

/** Not all slices are known to be sent. */
export class PartlySentError extends Error {
  override readonly name = 'PartlySentError';
  /** Slices that SQS has taken for sure. */
  readonly sent: number;

  constructor(sent: number, cause: unknown) {
    super(`${sent} slices were sent`, { cause });
    this.sent = sent;
  }
}

/**
 * What is planned for a bucket waits while it is busy with this. Together with the two and a half minutes that are
 * planned ahead of it, it is over before the alarm SlicesWaiting goes off, which more than ten minutes of waiting set off.
 */
const LONGEST_SECONDS = 8 * 60;
/** Slices that are sent, and repeated, together. */
const SLICES_PER_CALL = 10;
const RESEND: RetryPolicy = { attempts: 5, baseMs: 200, capMs: 5_000 };

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
   * @param earlier resolves when the lines before these have been taken
   * @throws TargetError when a bucket would be busy for longer than it may
   */
  async take(
    batch: readonly GoodLine[],
    earlier: () => Promise<unknown>,
    refuse: (line: GoodLine, reason: string) => void,
  ): Promise<void> {
    const rows = await this.#parts.rows.get([...new Set(batch.map(({ watchId }) => watchId))]);
    // The same lines have to give the same slices, in whatever order the answers arrive: a slice is known by its content.
    await earlier();
    for (const line of batch) {
      const row = rows.get(line.watchId);
      if (row?.lap === undefined) refuse(line, 'is not on the watch list: import it first');
      else if (this.#bucket(row.bucketId) === undefined) {
        refuse(line, `is in the bucket ${row.bucketId}, which the settings do not know: import it again to move it`);
      } else this.#want(row.bucketId, line.watchId);
    }
  }

  /**
   * Sends what was taken.
   *
   * @param begins hears what will be sent before anything is
   * @throws PartlySentError when SQS did not take all of it
   */
  async send(begins: (sending: Sending) => void): Promise<void> {
    const slices = [...this.#wanted].flatMap(([bucketId, watches]) => this.#pack(bucketId, [...watches]));
    begins({
      watches: slices.reduce((sum, slice) => sum + slice.watches.length, 0),
      slices: slices.length,
      seconds: Math.max(0, ...[...this.#wanted].map(([bucketId, { size }]) => this.#seconds(bucketId, size))),
    });
    for (let sent = 0; sent < slices.length; sent += SLICES_PER_CALL) {
      try {
        // What SQS has taken of them already is the same message to it.
        await retry(() => this.#parts.slices.send(slices.slice(sent, sent + SLICES_PER_CALL)), RESEND, {
          shouldRetry: (error) => error instanceof SlicesRefusedError,
          clock: this.#parts.clock,
          random: Math.random,
        });
      } catch (error) {
        throw new PartlySentError(sent, error);
      }
    }
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
