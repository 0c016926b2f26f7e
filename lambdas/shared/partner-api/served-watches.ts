import { createHash } from 'node:crypto';
import * as z from 'zod/mini';
import type { Clock } from '../clock.ts';
import { classOf, lapOf } from '../laps/slice.ts';
import { putOnList } from '../put-on-list.ts';
import type { SlicesQueue } from '../slices-queue.ts';
import { SlicesRefusedError } from '../slices-queue.ts';
import { fitsIndex } from '../watch-identifiers.ts';
import type { NewWatch, WatchEntry, WatchHead, WatchStore } from '../watches.store.ts';
import { ApiError } from './api-error.ts';
import { cursorsOf } from './cursor.ts';
import type { CheckAccepted } from './answer-fields.ts';

/** One kind of watches, as the partner API has to know it. */
export interface ServedKind<Watch> {
  /** What the identifiers begin with, such as `title|`. */
  readonly prefix: string;
  readonly idOf: (watch: Watch) => string;
  /** @throws RangeError for what is no identifier of this kind */
  readonly parse: (watchId: string) => Watch;
  /** The bucket that the settings give to a watch, or undefined where they serve it no more. */
  readonly bucketOf: (watch: Watch) => string | undefined;
  /** The query parameters that tell watches of one thing apart, in the order in which they are asked for. */
  readonly selectors: readonly (keyof Watch & string)[];
}

export interface ServedWatchesParts<Watch, State> {
  readonly kind: ServedKind<Watch>;
  readonly watches: Pick<WatchStore<State>, 'heads' | 'entries' | 'scanEntries' | 'add' | 'place' | 'tune' | 'remove'>;
  readonly slices: Pick<SlicesQueue, 'send'>;
  readonly clock: Clock;
  /** Hears of rows that are no watches of the kind. */
  readonly onUnreadable: (watchId: string) => void;
}

/** A watch with what its row says. */
export interface Served<Watch, Row> {
  readonly watch: Watch;
  readonly row: Row;
}

/** Wishes for one watch within so many milliseconds are one. */
const ONE_WISH_MS = 30_000;
/** Megabytes of the table that one page of the list may look through. */
const MOST_SCANS = 4;
/** A watch's identifier is percent-encoded. */
const WatchId = z.string().check(z.regex(/^[\x21-\x7e]{1,1024}$/u));

/** What the partner API does with watches of one kind, whatever they are watches of. */
export class ServedWatches<Watch extends object, State> {
  readonly #parts: ServedWatchesParts<Watch, State>;

  constructor(parts: ServedWatchesParts<Watch, State>) {
    this.#parts = parts;
  }

  /**
   * The one of these watches that is on the list, with its state.
   *
   * @throws ApiError NOT_FOUND where none is, AMBIGUOUS where several are
   */
  async head(candidates: readonly Watch[]): Promise<Served<Watch, WatchHead<State>>> {
    return this.#only(candidates, (ids) => this.#parts.watches.heads(ids), isListed);
  }

  /** The same without its state, which costs less to fetch. */
  async entry(candidates: readonly Watch[]): Promise<Served<Watch, WatchEntry>> {
    return this.#only(candidates, (ids) => this.#parts.watches.entries(ids), isListed);
  }

  /**
   * The one of these watches that a version was recorded of, whether or not it still is on the list.
   *
   * @throws ApiError NOT_FOUND where there is none, AMBIGUOUS where there are several
   */
  async recorded(candidates: readonly Watch[]): Promise<Served<Watch, WatchEntry>> {
    return this.#only(
      candidates,
      (ids) => this.#parts.watches.entries(ids),
      ({ lap, version }) => lap !== undefined || version > 0,
    );
  }

  /**
   * Has the one of these watches that is on the list looked at at once: a slice that nobody planned, at the end of its
   * bucket's queue. Of several wishes within half a minute SQS keeps one.
   *
   * @throws ApiError NOT_FOUND and AMBIGUOUS as `entry` does; NOT_FOUND as well where the settings serve the watch no more
   */
  async check(candidates: readonly Watch[]): Promise<CheckAccepted> {
    const { watch, row } = await this.entry(candidates);
    const { watches, slices, clock, kind } = this.#parts;
    const bucketId = kind.bucketOf(watch);
    if (bucketId === undefined)
      throw new ApiError('NOT_FOUND', 'No account of the settings serves this watch any more.');
    // A worker of the bucket that it was in would not ask about it.
    if (bucketId !== row.bucketId) await watches.place({ watchId: row.watchId, bucketId }, 'new', {});
    const now = clock.now();
    const hash = createHash('sha256').update(row.watchId).digest('hex').slice(0, 16);
    const id = `${bucketId}#check-now#api-${hash}-${Math.floor(now / ONE_WISH_MS)}`;
    try {
      await slices.send([{ id, bucket: bucketId, class: 'urgent', watches: [row.watchId] }]);
    } catch (error) {
      if (error instanceof SlicesRefusedError) throw new ApiError('STORAGE_UNAVAILABLE', undefined, 1);
      throw error;
    }
    return { watchId: row.watchId, requestedAt: new Date(now).toISOString() };
  }

  /** Puts a watch on the list; says whether it was not on it, and what its row says now. */
  async put(watch: NewWatch): Promise<{ readonly isNew: boolean; readonly row: WatchEntry }> {
    const { watches } = this.#parts;
    const { watchId, bucketId } = watch;
    const read = async (): Promise<WatchEntry | undefined> => (await watches.entries([watchId])).get(watchId);
    const outcome = await putOnList({ store: watches, read }, await read(), watch);
    // Whoever takes it off the list in this moment does so after it was put there.
    const row = { lap: lapOf(bucketId, 'new'), ...((await read()) ?? { watchId, bucketId, version: 0 }) };
    return { isNew: outcome === 'added' || outcome === 'returned', row };
  }

  /** Takes a watch off the list, if it is on it. */
  async remove(watchId: string): Promise<void> {
    await this.#parts.watches.remove(watchId);
  }

  /**
   * A page of the list. It may hold fewer watches than its limit, or none, and still have a next one: a scan looks through
   * the whole table, and each page through a bounded part of it.
   *
   * @param scope what chooses among the watches, by which a cursor is bound to its query
   * @throws ApiError INVALID_CURSOR for a cursor of another query
   */
  async list(
    { limit, cursor }: { readonly limit: number; readonly cursor?: string | undefined },
    scope: readonly (string | undefined)[],
    isWanted: (watch: Watch) => boolean,
  ): Promise<{ readonly items: Served<Watch, WatchEntry>[]; readonly next: string | null }> {
    const { kind, watches } = this.#parts;
    const cursors = cursorsOf(['list', kind.prefix, ...scope], WatchId);
    let after = cursor === undefined ? undefined : cursors.decode(cursor);
    const items: Served<Watch, WatchEntry>[] = [];
    for (let scans = 1; ; scans += 1) {
      // Where most rows are meant, the first scan is enough. To fill the page further costs a megabyte, whatever it lacks.
      const rows = scans === 1 ? limit : undefined;
      const page = await watches.scanEntries({ prefix: kind.prefix, after, rows });
      for (const row of page.entries) {
        const watch = this.#readable(row.watchId);
        if (watch === undefined || !isWanted(watch)) continue;
        if (items.length === limit) return { items, next: cursors.encode(items.at(-1)?.row.watchId ?? '') };
        items.push({ watch, row });
      }
      after = page.after;
      if (after === undefined) return { items, next: null };
      if (scans === MOST_SCANS || items.length >= limit / 2) return { items, next: cursors.encode(after) };
    }
  }

  async #only<Row extends WatchEntry>(
    candidates: readonly Watch[],
    rowsOf: (watchIds: readonly string[]) => Promise<ReadonlyMap<string, Row>>,
    isMeant: (row: Row) => boolean,
  ): Promise<Served<Watch, Row>> {
    const { idOf, selectors } = this.#parts.kind;
    // What is too long for the index cannot be on the list, and what is too long for a key cannot be asked for.
    const byId = new Map(candidates.map((watch) => [idOf(watch), watch] as const).filter(([id]) => fitsIndex(id)));
    const rows = await rowsOf([...byId.keys()]);
    const found = [...byId].flatMap(([id, watch]): Served<Watch, Row>[] => {
      const row = rows.get(id);
      return row !== undefined && isMeant(row) ? [{ watch, row }] : [];
    });
    const [first, ...others] = found;
    if (first === undefined) throw new ApiError('NOT_FOUND');
    if (others.length > 0)
      throw ambiguity(
        found.map(({ watch }) => watch),
        selectors,
      );
    return first;
  }

  #readable(watchId: string): Watch | undefined {
    try {
      return this.#parts.kind.parse(watchId);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.#parts.onUnreadable(watchId);
      return undefined;
    }
  }
}

/** What every answer says of a watch. A problem's fingerprint is our own affair. */
export function watchFieldsOf({ watchId, version, observedAt, lap, problem }: WatchEntry) {
  return {
    watchId,
    version,
    changedAt: observedAt ?? null,
    queue: classOf(lap ?? ''),
    problem: problem === undefined ? null : { code: problem.code, message: problem.message, since: problem.since },
  };
}

/** Names the first parameter by which the watches differ, and what it may be. */
export function ambiguity<Watch>(watches: readonly Watch[], selectors: readonly (keyof Watch & string)[]): ApiError {
  for (const selector of selectors) {
    const values = [...new Set(watches.map((watch) => String(watch[selector])))];
    if (values.length > 1) {
      return new ApiError(
        'AMBIGUOUS',
        `several watches match: the query parameter ${selector} tells them apart (${values.join(', ')})`,
      );
    }
  }
  return new ApiError('AMBIGUOUS');
}

function isListed({ lap }: WatchEntry): boolean {
  return lap !== undefined;
}
