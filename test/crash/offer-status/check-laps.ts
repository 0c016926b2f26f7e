import type { CheckResult } from '../capability.ts';
import type { Evidence, Head, SentSlice, Version } from './evidence.ts';

/** A planner that saw the list before a watch came to it may still be sending; none runs longer. */
const PLANNER_MS = 10_000;
/** A watch that has failed is away until its urgent slice has been worked off. */
const AWAY_MS = 120_000;

interface Lap {
  readonly from: number;
  readonly to: number;
  /** How often each watch is in it. */
  readonly times: ReadonlyMap<string, number>;
}

/** No lap skips a watch: each complete lap of a bucket holds every one of its steady watches, exactly once. */
export function checkLaps({ heads, history, sent }: Pick<Evidence, 'heads' | 'history' | 'sent'>): CheckResult {
  const violations: string[] = [];
  const counts = { laps: 0, visits: 0, 'away meanwhile': 0 };
  const firstSeen = new Map(history.filter(({ version }) => version === 1).map((row) => [row.watchId, row]));
  const elsewhere = awayTimes(sent);
  for (const [bucketId, watches] of Map.groupBy(heads, (head) => head.bucketId)) {
    const laps = lapsOf(sent.filter(({ slice }) => slice.bucket === bucketId));
    const steadyFrom = new Map(watches.map((head) => [head.watchId, steadySince(head, firstSeen, laps)]));
    counts.laps += laps.length;
    for (const [index, lap] of laps.entries()) {
      const where = `lap ${index + 1} of ${laps.length} of ${bucketId}`;
      for (const { watchId } of watches) {
        const times = lap.times.get(watchId) ?? 0;
        counts.visits += times;
        if (times > 1) violations.push(`${watchId}: ${times} times in ${where}`);
        if (times > 0 || lap.from < steadyFrom.get(watchId)!) continue;
        const away = (elsewhere.get(watchId) ?? []).some((at) => at > lap.from - AWAY_MS && at < lap.to + AWAY_MS);
        if (away) counts['away meanwhile'] += 1;
        else violations.push(`${watchId}: skipped in ${where}`);
      }
    }
  }
  return { name: 'no lap skips a watch', counts, violations };
}

/** From when on a watch must be in every lap: since it first was in one, or since it has been seen for some time. */
function steadySince({ watchId }: Head, firstSeen: ReadonlyMap<string, Version>, laps: readonly Lap[]): number {
  const seen = firstSeen.get(watchId);
  const inLap = laps.find(({ times }) => times.has(watchId))?.from ?? Infinity;
  return Math.min(inLap, seen === undefined ? Infinity : Date.parse(seen.observedAt) + PLANNER_MS);
}

/** When a watch that had been steady was in a slice of another class: after failures it is looked at sooner. */
function awayTimes(sent: readonly SentSlice[]): Map<string, number[]> {
  const times = new Map<string, number[]>();
  const steady = new Set<string>();
  for (const { at, slice } of sent) {
    for (const watchId of slice.watches) {
      if (slice.class === 'steady') steady.add(watchId);
      else if (steady.has(watchId)) times.set(watchId, [...(times.get(watchId) ?? []), at]);
    }
  }
  return times;
}

/** A bucket's complete laps over its steady watches. Slices are in key order; a lap ends where the order starts over. */
function lapsOf(sent: readonly SentSlice[]): Lap[] {
  const planned = sent.filter(
    ({ slice }) => slice.class === 'steady' && slice.watches.length > 0 && !slice.id.includes('~'),
  );
  // A slice that was sent twice is one, with all that either message held.
  const slices = [...Map.groupBy(planned, ({ slice }) => slice.endsAt ?? 0)]
    .sort(([a], [b]) => a - b)
    .map(([, same]) => ({
      at: same[0]!.at,
      watches: [...new Set(same.flatMap(({ slice }) => slice.watches))].sort(),
    }));
  const laps: { at: number; watches: string[] }[][] = [];
  let last: string | undefined;
  for (const slice of slices) {
    if (last === undefined || slice.watches[0]! <= last) laps.push([]);
    laps.at(-1)!.push(slice);
    last = slice.watches.at(-1);
  }
  // The last one may have been cut off by the end of the run.
  return laps.slice(0, -1).map((lap) => {
    const times = new Map<string, number>();
    for (const { watches } of lap) for (const watch of watches) times.set(watch, (times.get(watch) ?? 0) + 1);
    return { from: lap[0]!.at, to: lap.at(-1)!.at, times };
  });
}
