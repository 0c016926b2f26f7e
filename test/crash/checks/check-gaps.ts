import type { CheckResult } from '../capability.ts';
import type { RunEvidence } from './evidence.ts';
import { overlap, requestsByWatch } from './evidence.ts';

/** Two laps may lie between two looks at a watch: it comes first in the one and last in the other. */
const LAPS = 2;
/** For whatever a small machine does at its own pace. */
const MARGIN_MS = 60_000;

/**
 * Nobody is left waiting: between two answers about a watch there is no more time than two laps and what outages and
 * pauses in between explain. After an outage the slice that was cut off stays hidden, is worked off again, and the rest of
 * the lap waits for it.
 */
export function checkGaps({
  watches,
  requests,
  outages,
  pauses,
  settings,
}: Pick<RunEvidence, 'watches' | 'requests' | 'outages' | 'pauses' | 'settings'>): CheckResult {
  const violations: string[] = [];
  const requestsOf = requestsByWatch(requests);
  const begin = requests[0]?.at ?? 0;
  const end = requests.at(-1)?.at ?? 0;
  const perOutage = settings.visibilityMs + settings.workerMs + settings.lapMs;
  let longest = 0;
  for (const watchId of watches) {
    const answered = requestsOf(watchId).filter(({ outcome }) => outcome === 200);
    const times = [begin, ...answered.map(({ at }) => at), end];
    for (const [index, to] of times.slice(1).entries()) {
      const from = times[index]!;
      const gap = to - from;
      longest = Math.max(longest, gap);
      // Most gaps need no explanation.
      if (gap <= LAPS * settings.lapMs + MARGIN_MS) continue;
      const disturbed = outages.filter(({ at, ms }) => at >= from && at - ms <= to);
      const explained =
        LAPS * settings.lapMs +
        MARGIN_MS +
        overlap(outages, from, to) +
        overlap(pauses, from, to) +
        disturbed.length * perOutage;
      if (gap <= explained) continue;
      const seconds = (ms: number): string => `${Math.round(ms / 1000)} s`;
      violations.push(
        `${watchId}: got no answer for ${seconds(gap)}, of which ${disturbed.length} outages explain ${seconds(explained)}`,
      );
    }
  }
  const counts = { watches: watches.length, 's longest wait': Math.round(longest / 1000) };
  return { name: 'nobody is left waiting', counts, violations };
}
