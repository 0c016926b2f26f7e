import { isDeepStrictEqual } from 'node:util';
import type { NewWatch, WatchEntry, WatchStore } from './watches.store.ts';

/**
 * What has become of a watch that was to be on the list: `added` for the first time; `returned` after a removal, so that
 * its versions go on; or there already, `moved` to the bucket that the settings give it now, `tuned` anew, or left alone.
 */
export type PutOutcome = 'added' | 'alreadyThere' | 'returned' | 'moved' | 'tuned';

/** What is known of a watch: enough to tell what has to be written. */
export type KnownWatch = Pick<WatchEntry, 'bucketId' | 'lap' | 'tuning'>;

export interface PutOnListParts {
  readonly store: Pick<WatchStore<never>, 'add' | 'place' | 'tune'>;
  /** The row as it is now. */
  readonly read: (watchId: string) => Promise<KnownWatch | undefined>;
}

/**
 * Puts a watch on the list as it is wanted: in its bucket, and with its tuning where one is given. What is right already
 * costs no write.
 *
 * @param row the watch's row as it was read last; undefined where there is none
 */
export async function putOnList(
  { store, read }: PutOnListParts,
  row: KnownWatch | undefined,
  { watchId, bucketId, tuning }: NewWatch,
): Promise<PutOutcome> {
  // Goes round again only where somebody else has put the watch on the list since it was read.
  for (let known = row; ; known = await read(watchId)) {
    const isTuned = tuning !== undefined && !isDeepStrictEqual(tuning, known?.tuning ?? {});
    if (known?.lap !== undefined) {
      const isMoved = known.bucketId !== bucketId;
      if (!isMoved && !isTuned) return 'alreadyThere';
      // A watch that has been removed since it was read is added below.
      const isThere =
        (!isTuned || (await store.tune(watchId, tuning))) &&
        (!isMoved || (await store.place({ watchId, bucketId }, 'new', {})));
      if (isThere) return isMoved ? 'moved' : 'tuned';
    }
    if (await store.add({ watchId, bucketId, ...(isTuned && { tuning }) })) {
      return known === undefined ? 'added' : 'returned';
    }
  }
}
