import type { CheckResult } from '../capability.ts';
import type { Evidence } from './evidence.ts';

/** Times are whole milliseconds: a request may seem to come that much too early. */
const ROUNDING_MS = 1;

/** No kill breaks the pace: nobody is throttled, and no window holds more than burst + rate × its length. */
export function checkRate({ requests, buckets }: Pick<Evidence, 'requests' | 'buckets'>): CheckResult {
  const violations: string[] = [];
  let throttled = 0;
  for (const { id, account, perSecond, burst } of buckets) {
    const mine = requests.filter((request) => request.account === account).toSorted((a, b) => a.at - b.at);
    const refused = mine.filter(({ outcome }) => outcome === 429).length;
    throttled += refused;
    if (refused > 0) violations.push(`${id}: ${refused} of ${mine.length} requests were throttled`);
    const worst = worstWindow(
      mine.map(({ at }) => at),
      perSecond / 1000,
    );
    if (worst.requests > burst + (perSecond / 1000) * (worst.ms + ROUNDING_MS)) {
      violations.push(
        `${id}: ${worst.requests} requests within ${worst.ms} ms, where ${perSecond} a second and a burst of ${burst} are granted`,
      );
    }
  }
  return { name: 'rate is kept', counts: { requests: requests.length, throttled }, violations };
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
