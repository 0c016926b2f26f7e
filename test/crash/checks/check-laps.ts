import type { CheckResult } from '../capability.ts';
import type { Head, Interval, RunEvidence, Version } from './evidence.ts';
import { overlap, rootOf, visitsOf } from './evidence.ts';

/** A planner that saw the list before a watch came to it may still be sending; none runs longer. */
const PLANNER_MS = 10_000;
/** The planner's interval and a run of it, with some room: so soon a watch that is back is planned again. */
const BACK_MS = 5_000;

interface Lap {
  readonly from: number;
  /** When the slice was sent, for the first and the last time, that a watch belongs into. */
  readonly sentFor: (watchId: string) => Span;
  /** How often each watch has been served in it. */
  readonly times: ReadonlyMap<string, number>;
}

interface Span {
  readonly from: number;
  readonly to: number;
}

/**
 * No lap skips a watch: in each complete lap of a bucket every one of its steady watches is worked off, in exactly one
 * slice. Where a lap begins and ends is read off what was sent; what is in it, off what was worked off.
 */
export function checkLaps({
  heads,
  history,
  sent,
  worked,
  outages,
}: Pick<RunEvidence, 'heads' | 'history' | 'sent' | 'worked' | 'outages'>): CheckResult {
  const violations: string[] = [];
  const counts = { laps: 0, visits: 0, 'away meanwhile': 0 };
  const firstSeen = new Map(history.filter(({ version }) => version === 1).map((row) => [row.watchId, row]));
  const away = awayTimes({ sent, worked }, outages);
  const served = servedBySlice({ sent, worked });
  for (const [bucketId, watches] of Map.groupBy(heads, (head) => head.bucketId)) {
    const laps = lapsOf(
      sent.filter(({ slice }) => slice.bucket === bucketId),
      served,
    );
    const steadyFrom = new Map(watches.map((head) => [head.watchId, steadySince(head, firstSeen, laps, outages)]));
    counts.laps += laps.length;
    if (laps.length === 0) violations.push(`${bucketId}: has no complete lap`);
    for (const [index, lap] of laps.entries()) {
      const where = `lap ${index + 1} of ${laps.length} of ${bucketId}`;
      for (const { watchId } of watches) {
        const times = lap.times.get(watchId) ?? 0;
        counts.visits += times;
        if (times > 1) violations.push(`${watchId}: ${times} times in ${where}`);
        if (times > 0 || lap.from < steadyFrom.get(watchId)!) continue;
        const sentAt = lap.sentFor(watchId);
        const excused = (away.get(watchId) ?? []).some(({ from, to }) => from <= sentAt.to && to >= sentAt.from);
        if (excused) counts['away meanwhile'] += 1;
        else violations.push(`${watchId}: skipped in ${where}`);
      }
    }
  }
  return { name: 'no lap skips a watch', counts, violations };
}

/** So many milliseconds after a time, not counting outages. */
function after(at: number, ms: number, outages: readonly Interval[]): number {
  return at + ms + overlap(outages, at, at + ms);
}

/** From when on a watch must be in every lap: since it first was in one, or since it has been seen for some time. */
function steadySince(
  { watchId }: Head,
  firstSeen: ReadonlyMap<string, Version>,
  laps: readonly Lap[],
  outages: readonly Interval[],
): number {
  const seen = firstSeen.get(watchId);
  const inLap = laps.find(({ times }) => times.has(watchId))?.from ?? Infinity;
  return Math.min(inLap, seen === undefined ? Infinity : after(Date.parse(seen.observedAt), PLANNER_MS, outages));
}

/**
 * When each watch was out of the laps: after a failure it is in an urgent slice, from the visit before on and until that
 * slice has been worked off and a planner has seen it.
 */
function awayTimes(slices: Pick<RunEvidence, 'sent' | 'worked'>, outages: readonly Interval[]): Map<string, Span[]> {
  const times = new Map<string, Span[]>();
  const last = new Map<string, number>();
  for (const { watchId, run } of visitsOf(slices)) {
    if (run.slice.class === 'urgent') {
      const from = last.get(watchId) ?? run.startedAt;
      times.set(watchId, [...(times.get(watchId) ?? []), { from, to: after(run.endedAt, BACK_MS, outages) }]);
    }
    last.set(watchId, run.startedAt);
  }
  return times;
}

/** The watches that were served under each planned slice's name: by itself, or by what was left over of it. */
function servedBySlice(slices: Pick<RunEvidence, 'sent' | 'worked'>): Map<string, Set<string>> {
  const served = new Map<string, Set<string>>();
  for (const { watchId, run, followed } of visitsOf(slices)) {
    const id = rootOf(run.slice.id);
    const known = served.get(id) ?? new Set();
    served.set(id, known);
    if (followed !== 'by the rest') known.add(watchId);
  }
  return served;
}

/** A bucket's complete laps over its steady watches. Slices are in key order; a lap ends where the order starts over. */
function lapsOf(sent: RunEvidence['sent'], served: ReadonlyMap<string, ReadonlySet<string>>): Lap[] {
  const steady = sent.filter(
    ({ slice }) => slice.class === 'steady' && slice.watches.length > 0 && rootOf(slice.id) === slice.id,
  );
  // A slice that was sent twice is one. It reaches as far as either message.
  const slices = [...Map.groupBy(steady, ({ slice }) => slice.id)]
    .map(([id, same]) => {
      const range = same.flatMap(({ slice }) => slice.watches).sort();
      const { endsAt = 0 } = same[0]!.slice;
      return {
        endsAt,
        sentAt: { from: same[0]!.at, to: same.at(-1)!.at },
        first: range[0]!,
        last: range.at(-1)!,
        served: served.get(id) ?? new Set<string>(),
      };
    })
    .sort((a, b) => a.endsAt - b.endsAt);
  const laps: (typeof slices)[] = [];
  let last: string | undefined;
  for (const slice of slices) {
    if (last === undefined || slice.first <= last) laps.push([]);
    laps.at(-1)!.push(slice);
    ({ last } = slice);
  }
  // The last one may have been cut off by the end of the run.
  return laps.slice(0, -1).map((lap) => {
    const times = new Map<string, number>();
    for (const each of lap) for (const watch of each.served) times.set(watch, (times.get(watch) ?? 0) + 1);
    const sentFor = (watchId: string): Span => (lap.find((each) => each.last >= watchId) ?? lap.at(-1)!).sentAt;
    return { from: lap[0]!.sentAt.from, sentFor, times };
  });
}
