import type { CheckResult } from '../capability.ts';
import type { Evidence, Request, Slice } from './evidence.ts';
import { titleOfWatch } from './evidence.ts';

/** A request that the upstream was slow to notice counts for the slice that sent it, unless the next one has begun. */
const LATE_MS = 5_000;

const identity = (slice: Slice): string => `${slice.id}\n${[...slice.watches].sort().join('\n')}`;
/** What is left over of a slice is sent again as `<id>~<message>`. */
const rootOf = (id: string): string => id.replace(/~[^~]*$/, '');

/**
 * Every slice that was sent has been worked off, or lies in the dead-letter queue. One that a kill may have kept from
 * reaching the queue is sent again under its name, perhaps with other watches.
 */
export function checkSlicesEnd({ sent, worked, dead }: Pick<Evidence, 'sent' | 'worked' | 'dead'>): CheckResult {
  const violations: string[] = [];
  const done = new Set([...worked.map(({ slice }) => slice), ...dead].map(identity));
  const byId = Map.groupBy(sent, ({ slice }) => slice.id);
  let lost = 0;
  for (const [id, same] of byId) {
    const open = same.filter(({ slice }) => !done.has(identity(slice)));
    const last = same.at(-1)!;
    if (open.length === 0) continue;
    // Sent again with other watches, which were worked off: the first message never reached the queue.
    if (open.every(({ slice }) => identity(slice) !== identity(last.slice))) lost += 1;
    else violations.push(`${id}: was sent with ${last.slice.watches.length} watches and never worked off`);
  }
  const sentIds = new Set(byId.keys());
  for (const { slice } of worked) {
    if (!sentIds.has(slice.id)) violations.push(`${slice.id}: was worked off, and nobody has sent it`);
  }
  const counts = { slices: byId.size, 'sent again otherwise': lost, 'in the dead-letter queue': dead.length };
  return { name: 'every slice ends', counts, violations };
}

/** Whoever works a slice off has asked about each of its watches meanwhile, or has sent the rest again. */
export function checkSlicesAsk({
  heads,
  sent,
  worked,
  requests,
}: Pick<Evidence, 'heads' | 'sent' | 'worked' | 'requests'>): CheckResult {
  const violations: string[] = [];
  const listed = new Set(heads.filter(({ lap }) => lap !== undefined).map(({ watchId }) => watchId));
  const times = requestTimes(requests);
  const sentAgain = new Map(sent.map(({ slice }) => [slice.id, new Set(slice.watches)]));
  const byBucket = Map.groupBy(worked, ({ slice }) => slice.bucket);
  let visits = 0;
  let leftOver = 0;
  for (const runs of byBucket.values()) {
    runs.sort((a, b) => a.startedAt - b.startedAt);
    for (const [index, { slice, messageId, startedAt, endedAt }] of runs.entries()) {
      const until = Math.min(endedAt + LATE_MS, runs[index + 1]?.startedAt ?? Infinity);
      const again = sentAgain.get(`${rootOf(slice.id)}~${messageId}`);
      for (const watchId of slice.watches) {
        if (!listed.has(watchId)) continue;
        visits += 1;
        const asked = (times.get(titleKey(titleOfWatch(watchId))) ?? []).some((at) => at >= startedAt && at <= until);
        if (asked) continue;
        if (again?.has(watchId)) leftOver += 1;
        else violations.push(`${watchId}: was not asked about when ${slice.id} was worked off`);
      }
    }
  }
  return { name: 'every slice asks', counts: { visits, 'left to another slice': leftOver }, violations };
}

const titleKey = ({ licensor, alid }: { licensor: string | null; alid: string | null }): string =>
  JSON.stringify([licensor, alid]);

function requestTimes(requests: readonly Request[]): Map<string, number[]> {
  const times = new Map<string, number[]>();
  for (const request of requests) {
    const key = titleKey(request);
    const known = times.get(key);
    if (known) known.push(request.at);
    else times.set(key, [request.at]);
  }
  return times;
}

/** For information: what the kills have cost in work that was done before. */
export function countDoubleWork({
  sent,
  worked,
  requests,
}: Pick<Evidence, 'sent' | 'worked' | 'requests'>): CheckResult {
  const wanted = new Map<string, Set<string>>();
  for (const { slice } of sent) {
    for (const watchId of slice.watches) {
      const key = titleKey(titleOfWatch(watchId));
      wanted.set(key, (wanted.get(key) ?? new Set()).add(rootOf(slice.id)));
    }
  }
  let extra = 0;
  for (const [key, times] of requestTimes(requests)) extra += Math.max(0, times.length - (wanted.get(key)?.size ?? 0));
  const counts = {
    requests: requests.length,
    'beyond one a lap': extra,
    'slices worked off again': worked.length - new Set(worked.map(({ slice }) => identity(slice))).size,
  };
  return { name: 'double work (information)', counts, violations: [] };
}
