import type { CheckResult } from '../capability.ts';
import type { Request, RunEvidence } from './evidence.ts';

/** Times are whole milliseconds: a request may seem to come that much too early. */
const ROUNDING_MS = 1;
/** So long after a pause of the machine, requests that it has held up may still come together. */
const AFTER_PAUSE_MS = 1_000;
/** Where less than this share of the requests can be judged, the run has shown nothing. */
const LEAST_JUDGED = 0.7;

/**
 * No kill breaks the pace: nobody is throttled, and no window holds more than burst + rate × its length. What a pause of
 * the machine has pressed together says nothing about the stack, and is counted apart; but most of it must be judged.
 */
export function checkRate({
  requests,
  buckets,
  pauses,
}: Pick<RunEvidence, 'requests' | 'buckets' | 'pauses'>): CheckResult {
  const violations: string[] = [];
  const isPressed = ({ at }: Request): boolean =>
    pauses.some((pause) => at >= pause.at - pause.ms && at <= pause.at + AFTER_PAUSE_MS);
  const judged = requests.filter((request) => !isPressed(request)).length;
  const counts = {
    'requests judged': judged,
    'beside a pause': requests.length - judged,
    throttled: 0,
    'throttled beside a pause': 0,
    pauses: pauses.length,
  };
  if (judged < requests.length * LEAST_JUDGED) {
    const share = `${judged} of ${requests.length} requests`;
    violations.push(`the machine paused so often that only ${share} can be judged: again, with less beside it`);
  }
  for (const { id, perSecond, burst } of buckets) {
    const mine = requests.filter((request) => request.bucket === id).toSorted((a, b) => a.at - b.at);
    const refused = mine.filter(({ outcome }) => outcome === 429);
    const unexcused = refused.filter((request) => !isPressed(request));
    counts.throttled += unexcused.length;
    counts['throttled beside a pause'] += refused.length - unexcused.length;
    if (unexcused.length > 0) violations.push(`${id}: ${unexcused.length} of ${mine.length} requests were throttled`);
    // A pause cuts the run in two: no window is looked at that reaches over one.
    for (const stretch of stretches(mine, isPressed)) {
      const worst = worstWindow(
        stretch.map(({ at }) => at),
        perSecond / 1000,
      );
      if (worst.requests > burst + (perSecond / 1000) * (worst.ms + ROUNDING_MS)) {
        const what = `${worst.requests} requests within ${worst.ms} ms`;
        violations.push(`${id}: ${what}, where ${perSecond} a second and a burst of ${burst} are granted`);
      }
    }
  }
  return { name: 'rate is kept', counts, violations };
}

/** Runs of requests between those that were pressed together. */
function stretches(requests: readonly Request[], isPressed: (request: Request) => boolean): Request[][] {
  const result: Request[][] = [[]];
  for (const request of requests) {
    if (isPressed(request)) result.push([]);
    else result.at(-1)!.push(request);
  }
  return result;
}

/** The window with the most requests beyond what the rate alone grants for its length. */
function worstWindow(times: readonly number[], perMs: number): { requests: number; ms: number } {
  let worst = { excess: -Infinity, requests: 0, ms: 0 };
  let begin = { credit: Infinity, index: 0 };
  for (const [index, time] of times.entries()) {
    const credit = index - perMs * time;
    if (credit < begin.credit) begin = { credit, index };
    const excess = credit - begin.credit + 1;
    if (excess > worst.excess) {
      worst = { excess, requests: index - begin.index + 1, ms: time - times[begin.index]! };
    }
  }
  return worst;
}
