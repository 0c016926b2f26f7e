import type { BucketRow, LapState, SliceOutline } from '../pacer/buckets.store.ts';
import { LONGEST_SLEEP_MS } from '../pacer/pacer.ts';
import { learnedRate, usableRate } from '../pacer/rate.ts';
import type { PackedBucket } from './packing.ts';
import { packs } from './packing.ts';
import type { Slice, WatchClass } from './slice.ts';
import { WATCH_CLASSES } from './slice.ts';

/** What the planner needs to know of a bucket; durations in seconds. */
export interface BucketOrder extends PackedBucket {
  readonly backlogSeconds: number;
  readonly sliceSeconds: number;
  readonly minLapSeconds: Readonly<Record<WatchClass, number>>;
}

/** Reads a lap in key order, from behind a watch. `last` says whether the lap ends with this page. */
export type ReadLap = (
  watchClass: WatchClass,
  after: string | null,
  limit: number,
) => Promise<{ readonly watches: readonly string[]; readonly last: boolean }>;

export interface BucketPlan {
  readonly slices: readonly Slice[];
  /** The same slices as ranges of their laps: small enough to be written down before they are sent. */
  readonly outlines: readonly SliceOutline[];
  readonly planned: number;
  readonly laps: Readonly<Record<string, LapState>>;
}

/** Requests of a slice that is sent step by step; each is a receipt of its message, of which the queue allows ten. */
const MOST_STEPS = 6;
/** Watches that are read at once when a slice is made anew. */
const OUTLINE_PAGE = 1_000;
/** Most watches that are read for one slice; about as many fit into its message. */
const MOST_WATCHES = 1_000;
/** Room that a slice's list of watches may take in its message. */
const LARGEST_LIST_BYTES = 60_000;
/** Shares of a top-up that are kept for the classes behind, as long as these want them. */
const KEPT_BEHIND_URGENT = 0.6;
const KEPT_BEHIND_NEW = 0.2;

/**
 * Tops a bucket up to its backlog: goes on with each lap where it stands and cuts it into slices. Reads only as many
 * watches as it plans, writes nothing.
 *
 * @param now epoch milliseconds
 */
export async function planBucket(
  order: BucketOrder,
  row: BucketRow,
  now: number,
  readLap: ReadLap,
): Promise<BucketPlan> {
  const laps: Record<string, LapState> = { ...row.laps };
  const slices: Slice[] = [];
  const outlines: SliceOutline[] = [];
  let planned = Math.max(row.planned ?? 0, row.started ?? 0);
  if ((row.heldUntil ?? 0) > now) return { slices, outlines, planned, laps };

  const rate = usableRate(learnedRate(row, order.limit), now);
  const perSlice = requestsPerSlice(rate, order.sliceSeconds);
  // A bucket that goes step by step is too slow to round shares to whole slices. Only of what is in no hurry slices are
  // whole, since a message costs the same whatever its length.
  const unit = isStepwise(rate) ? 1 : perSlice;
  const started = row.started ?? 0;
  const limit = started + Math.max(Math.floor(rate * order.backlogSeconds), 2 * perSlice);
  /** Classes that have nothing in their lap: they need no second look. */
  const empty = new Set<WatchClass>();
  /** Plans one class's slices up to `ceiling` requests planned. */
  async function topUp(watchClass: WatchClass, ceiling: number): Promise<void> {
    // Nothing is read that there is no room for.
    const least = watchClass === 'steady' ? perSlice : unit;
    while (planned + least <= ceiling && !empty.has(watchClass)) {
      const most = Math.min(perSlice, ceiling - planned);
      const lap = laps[watchClass];
      const expectedStart = now + ((planned - started) / rate) * 1000;
      if (lap?.cursor == null && lap !== undefined) {
        if (expectedStart < lap.startedAt + order.minLapSeconds[watchClass] * 1000) return;
        // A hasty watch leaves its lap when it has been served: do not serve it again before it had the chance.
        if (watchClass !== 'steady' && lap.through > started) return;
      }
      const page = await readLap(watchClass, lap?.cursor ?? null, Math.min(most * order.pack, MOST_WATCHES));
      const requests = requestsOf(page, most, order);
      const watches = requests.flat();
      const whole = watches.length === page.watches.length;
      if (requests.length === 0) {
        // The lap ended exactly with the slice before, or there is nothing in it.
        if (lap === undefined || lap.cursor === null) {
          empty.add(watchClass);
          return;
        }
        laps[watchClass] = { ...lap, cursor: null };
        continue;
      }
      planned += requests.length;
      const startedAt = lap === undefined || lap.cursor === null ? expectedStart : lap.startedAt;
      laps[watchClass] = {
        cursor: page.last && whole ? null : (watches.at(-1) ?? null),
        startedAt,
        through: planned,
      };
      const outline = { class: watchClass, after: lap?.cursor ?? null, last: watches.at(-1) ?? '', endsAt: planned };
      outlines.push(outline);
      slices.push(sliceOf(order.id, outline, watches));
    }
  }

  const room = limit - planned;
  // Rounded to whole slices, what is kept may be all of a slow bucket's room, each time anew.
  const leastAhead = room >= 2 * unit ? unit : 0;
  const ceilings = {
    urgent: Math.max(limit - wholeSlices(room * KEPT_BEHIND_URGENT, unit), planned + leastAhead),
    new: limit - wholeSlices(room * KEPT_BEHIND_NEW, unit),
    steady: limit,
  };
  for (const watchClass of WATCH_CLASSES) await topUp(watchClass, ceilings[watchClass]);
  // What a class does not want is there for the others.
  for (const watchClass of WATCH_CLASSES) await topUp(watchClass, limit);
  return { slices, outlines, planned, laps };
}

/** The first requests of a page: as many as a slice sends and its message holds. */
function requestsOf(
  page: { readonly watches: readonly string[]; readonly last: boolean },
  perSlice: number,
  order: BucketOrder,
): string[][] {
  const watches = fitting(page.watches);
  const requests = packs(watches, (watch) => watch, order);
  const goesOn = !page.last || watches.length < page.watches.length;
  const hasRoom = (requests.at(-1)?.length ?? 0) < order.pack;
  // What comes behind may belong to the last request, which can carry it next time.
  const isCut = goesOn && hasRoom && requests.length > 1 && requests.length <= perSlice;
  return isCut ? requests.slice(0, -1) : requests.slice(0, perSlice);
}

/** A slice whose outline was written down: what its range of the lap holds now. */
export async function fillOutline(bucketId: string, outline: SliceOutline, readLap: ReadLap): Promise<Slice> {
  const watches: string[] = [];
  for (let after = outline.after; ;) {
    const page = await readLap(outline.class as WatchClass, after, OUTLINE_PAGE);
    watches.push(...page.watches.filter((watch) => watch <= outline.last));
    after = page.watches.at(-1) ?? null;
    if (page.last || after === null || after >= outline.last) return sliceOf(bucketId, outline, watches);
  }
}

function sliceOf(bucketId: string, outline: SliceOutline, watches: readonly string[]): Slice {
  const { class: watchClass, endsAt } = outline;
  return {
    id: `${bucketId}#${watchClass}#${endsAt}`,
    bucket: bucketId,
    class: watchClass,
    endsAt,
    watches: [...watches],
  };
}

/** Requests of one slice at a rate per second, which is sent in about so many seconds, or in as many steps. */
export function requestsPerSlice(rate: number, sliceSeconds: number): number {
  return isStepwise(rate) ? MOST_STEPS : Math.max(1, Math.floor(rate * sliceSeconds));
}

/** Whether requests lie so far apart that the queue does the waiting between them. */
function isStepwise(rate: number): boolean {
  return 1000 / rate > LONGEST_SLEEP_MS;
}

/** So many requests, in whole slices and at least one. */
function wholeSlices(requests: number, perSlice: number): number {
  return Math.max(1, Math.ceil(requests / perSlice)) * perSlice;
}

/** The first watches that fit into one message. */
export function fitting(watches: readonly string[]): string[] {
  let bytes = 0;
  const end = watches.findIndex((watch) => (bytes += Buffer.byteLength(watch) + 3) > LARGEST_LIST_BYTES);
  return end === -1 ? [...watches] : watches.slice(0, Math.max(1, end));
}
