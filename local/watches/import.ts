import type { WatchStore } from '../../lambdas/shared/watches.store.ts';
import type { WatchKind } from './kinds.ts';
import { inLanes } from './lanes.ts';
import type { WatchRow, WatchRows } from './rows.ts';
import { Sightings } from './sightings.ts';
import type { GoodLine } from './watch-file.ts';

/** What has become of the lines. */
export interface ImportCounts {
  /** Put on the list for the first time. */
  added: number;
  alreadyThere: number;
  /** Put back on the list after a removal: their versions go on. */
  returned: number;
  /** On the list already, in another bucket than the settings say now. */
  moved: number;
  /** Lines that name a watch of an earlier line. */
  duplicates: number;
}

export interface ImportParts {
  readonly rows: Pick<WatchRows, 'get'>;
  readonly store: Pick<WatchStore<never>, 'add' | 'place'>;
  readonly kind: Pick<WatchKind, 'bucketOf'>;
}

/** Writes that one batch has under way at a time; with all batches in flight just below the SDK's 50 sockets. */
const LANES = 12;

/** Puts watches on the list, batch by batch. Reads first, so that what is right already costs no write. */
export class Importer {
  readonly counts: ImportCounts = { added: 0, alreadyThere: 0, returned: 0, moved: 0, duplicates: 0 };
  readonly #parts: ImportParts;
  readonly #sightings = new Sightings();

  constructor(parts: ImportParts) {
    this.#parts = parts;
  }

  async import(batch: readonly GoodLine[], earlier: () => Promise<unknown>): Promise<void> {
    const { distinct, repeats } = this.#distinct(batch);
    // Of two lines that name one watch, the first one has to be through before the second can be told from it.
    if (repeats.size > 0) await earlier();
    const rows = await this.#parts.rows.get([...distinct.keys()]);
    await inLanes(distinct, LANES, async ([watchId, bucketId]) => {
      const outcome = await this.#put(watchId, bucketId, rows.get(watchId));
      this.counts[outcome === 'alreadyThere' && repeats.has(watchId) ? 'duplicates' : outcome] += 1;
    });
  }

  /** The buckets of a batch's watches, and which watches earlier batches have had. */
  #distinct(batch: readonly GoodLine[]) {
    const distinct = new Map<string, string>();
    const repeats = new Set<string>();
    for (const line of batch) {
      if (distinct.has(line.watchId)) {
        this.counts.duplicates += 1;
        continue;
      }
      distinct.set(line.watchId, this.#bucketOf(line));
      if (this.#sightings.add(line.watchId)) repeats.add(line.watchId);
    }
    return { distinct, repeats };
  }

  #bucketOf({ watchId, fields }: GoodLine): string {
    const bucket = this.#parts.kind.bucketOf(fields);
    if ('value' in bucket) return bucket.value;
    throw new RangeError(`${watchId}: ${bucket.problems.join('; ')}`);
  }

  async #put(watchId: string, bucketId: string, row: WatchRow | undefined): Promise<keyof ImportCounts> {
    const { store } = this.#parts;
    if (row?.lap !== undefined) {
      if (row.bucketId === bucketId) return 'alreadyThere';
      // A watch that has been removed since it was read is added below.
      if (await store.place({ watchId, bucketId }, 'new', {})) return 'moved';
    }
    if (!(await store.add({ watchId, bucketId }))) return 'alreadyThere';
    return row === undefined ? 'added' : 'returned';
  }
}
