import * as z from 'zod/mini';
import { cursorsOf } from '../shared/partner-api/cursor.ts';
import type { WatchEntry } from '../shared/watches.store.ts';
import type { HistoryStore, StoredVersion } from './history.store.ts';

/** What a page of a history is asked for by; times in epoch milliseconds. */
export interface HistoryQuery {
  readonly from?: number | undefined;
  readonly to?: number | undefined;
  readonly limit: number;
  readonly cursor?: string | undefined;
}

export interface HistoryPage<Item> {
  readonly items: Item[];
  /** Cursor of the next page; null where this one is the last. */
  readonly next: string | null;
}

/** Lambda answers with 6 MB at most, in which the body is one JSON text: what it holds is escaped once more. */
const LARGEST_PAGE_BYTES = 4_000_000;

/** A cursor is the version that its page stands below, so a page stays as it is while newer versions arrive. */
const Below = z.int().check(z.positive());

/**
 * A page of a watch's history, newest first. It ends before its limit where it would become too large for an answer, and
 * then holds one version at least.
 *
 * Times of recording rise with the versions. So the first version at `to` or later is found by halving, in one read for
 * each doubling of the versions, and `from` is where reading on ends: what lies outside of the range is not read through.
 *
 * @param itemOf what the page shows of a version
 * @throws ApiError INVALID_CURSOR for a cursor of another watch or another range of time
 */
export async function historyPage<Item>(
  history: Pick<HistoryStore, 'newestFirst' | 'stampAt'>,
  watch: Pick<WatchEntry, 'watchId' | 'version' | 'observedAt'>,
  { from, to, limit, cursor }: HistoryQuery,
  itemOf: (version: StoredVersion) => Item,
): Promise<HistoryPage<Item>> {
  const cursors = cursorsOf(['history', watch.watchId, textOf(from), textOf(to)], Below);
  const below = cursor === undefined ? await firstAtOrAfter(history, watch, to) : cursors.decode(cursor);
  const items: Item[] = [];
  let bytes = 0;
  let last = below;
  // One more tells whether there is a next page.
  for await (const version of history.newestFirst(watch.watchId, below, limit + 1)) {
    if (from !== undefined && Date.parse(version.observedAt) < from) break;
    const item = itemOf(version);
    bytes += Buffer.byteLength(JSON.stringify(JSON.stringify(item)));
    if (items.length === limit || (items.length > 0 && bytes > LARGEST_PAGE_BYTES)) {
      return { items, next: cursors.encode(last) };
    }
    items.push(item);
    last = version.version;
  }
  return { items, next: null };
}

/** What every history shows of a version. */
export function versionFieldsOf({ version, observedAt, events }: StoredVersion) {
  return { version, observedAt, events: [...new Set(events.map(({ detailType }) => detailType))] };
}

/** The first version that was recorded at a time or later; the one behind the newest where there is none. */
async function firstAtOrAfter(
  history: Pick<HistoryStore, 'stampAt'>,
  { watchId, version, observedAt }: Pick<WatchEntry, 'watchId' | 'version' | 'observedAt'>,
  time: number | undefined,
): Promise<number> {
  const isBefore = (stamp: string): boolean => time === undefined || Date.parse(stamp) < time;
  if (observedAt === undefined || isBefore(observedAt)) return version + 1;
  // Versions up to `before` were recorded before the time, `first` and all behind it were not.
  let before = 0;
  let first = version;
  while (first - before > 1) {
    const middle = before + Math.floor((first - before) / 2);
    const stamp = await history.stampAt(watchId, middle);
    if (stamp === undefined || isBefore(stamp.observedAt)) before = middle;
    else first = stamp.version;
  }
  return first;
}

function textOf(time: number | undefined): string | undefined {
  return time === undefined ? undefined : String(time);
}
