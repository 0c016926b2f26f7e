import type { WatchHead } from '../watches.store.ts';

/** A thing that was known must be unknown for this long, in two answers, before it counts as gone. */
const GONE_AFTER_MS = 30_000;
/** … and for this long where nothing else has been found meanwhile. */
const ALONE_GONE_AFTER_MS = 3_600_000;

/** Tells things that are gone from upstreams that have lost them. One instance serves an execution environment. */
export class Disappearance {
  /** The watch whose thing was found last, by bucket. */
  readonly #found = new Map<string, { readonly watchId: string; readonly at: number }>();

  /** Takes note of a thing that is there. */
  found({ bucketId, watchId }: Pick<WatchHead<unknown>, 'bucketId' | 'watchId'>, at: number): void {
    this.#found.set(bucketId, { watchId, at });
  }

  /**
   * Whether a known thing that is unknown again is gone: some time after it first was, provided that the upstream has
   * known another thing since. One that knows nothing at all is out of order, not empty.
   */
  isGone(head: Pick<WatchHead<unknown>, 'bucketId' | 'watchId' | 'missingSince'>, now: number): boolean {
    if (head.missingSince === undefined) return false;
    const found = this.#found.get(head.bucketId);
    const foundOther = found !== undefined && found.watchId !== head.watchId && found.at > head.missingSince;
    return now - head.missingSince >= (foundOther ? GONE_AFTER_MS : ALONE_GONE_AFTER_MS);
  }
}
