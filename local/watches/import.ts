import { putOnList, type PutOutcome } from '../../lambdas/shared/put-on-list.ts';
import type { WatchStore } from '../../lambdas/shared/watches.store.ts';
import type { Checked, WatchKind } from './kinds.ts';
import { inLanes } from '../bulk/lanes.ts';
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
  /** On the list already, in the right bucket, with another tuning than its line says. */
  tuned: number;
  /** Lines that name a watch of an earlier line. */
  duplicates: number;
}

export interface ImportParts {
  readonly rows: Pick<WatchRows, 'get'>;
  readonly store: Pick<WatchStore<never>, 'add' | 'place' | 'tune'>;
  readonly kind: Pick<WatchKind, 'bucketOf' | 'tuningOf'>;
}

/** Writes that one batch has under way at a time; with all batches in flight just below the SDK's 50 sockets. */
const LANES = 12;

/** Puts watches on the list, batch by batch. Reads first, so that what is right already costs no write. */
export class Importer {
  readonly counts: ImportCounts = { added: 0, alreadyThere: 0, returned: 0, moved: 0, tuned: 0, duplicates: 0 };
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
    await inLanes(distinct, LANES, async ([watchId, line]) => {
      const outcome = await this.#put(line, rows.get(watchId));
      const isRepeat = repeats.has(watchId) && (outcome === 'alreadyThere' || outcome === 'tuned');
      this.counts[isRepeat ? 'duplicates' : outcome] += 1;
    });
  }

  /** The lines of a batch by their watch, and which watches earlier batches have had. The last line says the tuning. */
  #distinct(batch: readonly GoodLine[]) {
    const distinct = new Map<string, GoodLine>();
    const repeats = new Set<string>();
    for (const line of batch) {
      const isAgain = distinct.has(line.watchId);
      distinct.set(line.watchId, line);
      if (isAgain) this.counts.duplicates += 1;
      else if (this.#sightings.add(line.watchId)) repeats.add(line.watchId);
    }
    return { distinct, repeats };
  }

  async #put({ watchId, fields }: GoodLine, row: WatchRow | undefined): Promise<PutOutcome> {
    const { rows, store, kind } = this.#parts;
    const bucketId = valueOf(watchId, kind.bucketOf(fields));
    const tuning = valueOf(watchId, kind.tuningOf(fields, row?.tuning ?? {}));
    const read = async (id: string): Promise<WatchRow | undefined> => (await rows.get([id])).get(id);
    return putOnList({ store, read }, row, { watchId, bucketId, tuning });
  }
}

/** Of a line that has been checked. */
function valueOf<T>(watchId: string, checked: Checked<T>): T {
  if ('value' in checked) return checked.value;
  throw new RangeError(`${watchId}: ${checked.problems.join('; ')}`);
}
