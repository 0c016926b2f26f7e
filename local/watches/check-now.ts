import type { Clock } from '../../lambdas/shared/clock.ts';
import { packs, type PackedBucket } from '../../lambdas/shared/laps/packing.ts';
import { fitting, requestsPerSlice } from '../../lambdas/shared/laps/plan-bucket.ts';
import type { Slice } from '../../lambdas/shared/laps/slice.ts';
import { retry } from '../../lambdas/shared/retry.ts';
import type { RetryPolicy } from '../../lambdas/shared/settings.ts';
import { SlicesRefusedError, type SlicesQueue } from '../../lambdas/shared/slices-queue.ts';
import { TargetError } from '../bulk/errors.ts';
import type { WatchKind } from './kinds.ts';
import type { WatchRows } from './rows.ts';
import { duration } from '../bulk/screen.ts';
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

/** What is wanted of one bucket. */
interface Wanted {
  readonly bucket: PackedBucket;
  /** In the order of the file. */
  readonly watches: Set<string>;
  /** Watches by the parameters that they can share a request by. */
  readonly sharing: Map<string, number>;
  requests: number;
}

/** Has watches checked at once: slices that nobody planned, at the end of their bucket's queue. */
export class CheckNow {
  readonly #parts: CheckNowParts;
  readonly #wanted = new Map<string, Wanted>();

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
      if (row?.lap === undefined) {
        refuse(line, 'is not on the watch list: import it first');
        continue;
      }
      const bucket = this.#parts.kind.buckets.find(({ id }) => id === row.bucketId);
      if (bucket === undefined) {
        refuse(line, `is in the bucket ${row.bucketId}, which the settings do not know: import it again to move it`);
        continue;
      }
      this.#want(bucket, line.watchId);
    }
  }

  /**
   * Sends what was taken.
   *
   * @param begins hears what will be sent before anything is
   * @throws PartlySentError when SQS did not take all of it
   */
  async send(begins: (sending: Sending) => void): Promise<void> {
    const wanted = [...this.#wanted.values()];
    const slices = wanted.flatMap(({ bucket, watches }) => this.#cut(bucket, [...watches]));
    begins({
      watches: slices.reduce((sum, slice) => sum + slice.watches.length, 0),
      slices: slices.length,
      seconds: Math.max(0, ...wanted.map(secondsOf)),
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

  #want(bucket: PackedBucket, watchId: string): void {
    const fresh = (): Wanted => ({ bucket, watches: new Set(), sharing: new Map(), requests: 0 });
    const wanted = this.#wanted.get(bucket.id) ?? fresh();
    this.#wanted.set(bucket.id, wanted);
    if (wanted.watches.has(watchId)) return;
    wanted.watches.add(watchId);
    const sharing = bucket.uniform === true ? watchId.slice(0, watchId.lastIndexOf('|')) : '';
    const before = wanted.sharing.get(sharing) ?? 0;
    wanted.sharing.set(sharing, before + 1);
    if (before % bucket.pack !== 0) return;
    wanted.requests += 1;
    if (wanted.requests === 1 || secondsOf(wanted) <= LONGEST_SECONDS) return;
    throw new TargetError(
      `These are too many at once for ${bucket.id}: at ${bucket.limit.perSecond} requests a second they would take more than ` +
        `${duration(LONGEST_SECONDS)}, and what is planned would wait for as long. Nothing was sent; check fewer.`,
    );
  }

  /** Slices as the planner cuts them, in whole requests, except that no backlog counts them. */
  #cut(bucket: PackedBucket, watches: readonly string[]): Slice[] {
    const perSlice = requestsPerSlice(bucket.limit.perSecond, this.#parts.sliceSeconds);
    // Watches that can share a request are neighbours in the order of their keys.
    const inOrder = bucket.pack === 1 ? watches : watches.toSorted();
    const requests = packs(inOrder, (watchId) => watchId, bucket);
    const slices: Slice[] = [];
    for (let index = 0; index < requests.length;) {
      const next = requests.slice(index, index + perSlice);
      const room = fitting(next.flat()).length;
      const sent: string[] = [];
      for (const request of next) {
        if (sent.length > 0 && sent.length + request.length > room) break;
        sent.push(...request);
        index += 1;
      }
      const id = `${bucket.id}#check-now#${this.#parts.requestId}#${slices.length + 1}`;
      slices.push({ id, bucket: bucket.id, class: 'urgent', watches: sent });
    }
    return slices;
  }
}

/** At the configured rate. */
function secondsOf({ requests, bucket }: Wanted): number {
  return requests / bucket.limit.perSecond;
}
