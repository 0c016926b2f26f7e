import type { CheckResult } from '../capability.ts';
import type { RunEvidence, Slice } from './evidence.ts';
import { overlap, requestsByWatch, rootOf, visitsOf } from './evidence.ts';

/** A body of a message that is shown. */
const SHOWN = 200;

const identity = (slice: Slice): string => `${slice.id}\n${[...slice.watches].sort().join('\n')}`;

/**
 * Every slice that was sent has been worked off. One that a kill may have kept from reaching the queue is sent again
 * under its name, perhaps with other watches; what it held is then the laps' matter. The upstream never fails, so nothing
 * may lie in the dead-letter queue.
 */
export function checkSlicesEnd({
  sent,
  worked,
  dead,
  outages,
}: Pick<RunEvidence, 'sent' | 'worked' | 'dead' | 'outages'>): CheckResult {
  const violations = dead.map((body) => `in the dead-letter queue: ${body.slice(0, SHOWN)}`);
  const done = new Set(worked.map(({ slice }) => identity(slice)));
  const byId = Map.groupBy(sent, ({ slice }) => slice.id);
  let otherwise = 0;
  for (const [id, same] of byId) {
    const last = same.reduce((latest, each) => (each.at >= latest.at ? each : latest));
    for (const { at, slice } of new Map(same.map((each) => [identity(each.slice), each])).values()) {
      if (done.has(identity(slice))) continue;
      const superseded = identity(slice) !== identity(last.slice) && done.has(identity(last.slice));
      if (superseded && overlap(outages, at, last.at) > 0) otherwise += 1;
      else violations.push(`${id}: was sent with ${slice.watches.length} watches and never worked off`);
    }
  }
  const sentOnes = new Set(sent.map(({ slice }) => identity(slice)));
  for (const { slice } of worked) {
    if (!sentOnes.has(identity(slice))) violations.push(`${slice.id}: was worked off, and nobody has sent it so`);
  }
  const counts = { slices: byId.size, 'sent again otherwise': otherwise };
  return { name: 'every slice ends', counts, violations };
}

/**
 * Whoever works a slice off has been answered about each of its watches meanwhile. One that nobody was asked about is in
 * the rest of the slice, which is worked off later and held to the same. One that got no answer, as the machine paused, is
 * so too, or in another slice that comes soon, or the list still says in the end that it is urgent.
 */
export function checkSlicesAsk({
  heads,
  sent,
  worked,
  requests,
}: Pick<RunEvidence, 'heads' | 'sent' | 'worked' | 'requests'>): CheckResult {
  const violations: string[] = [];
  const lapOf = new Map(heads.map(({ watchId, lap }) => [watchId, lap]));
  const requestsOf = requestsByWatch(requests);
  const visits = visitsOf({ sent, worked });
  const lastOf = new Map(visits.map((visit) => [visit.watchId, visit]));
  const counts = { visits: 0, 'left to the rest': 0, 'without an answer': 0 };
  for (const visit of visits) {
    const { watchId, run, followed } = visit;
    const lap = lapOf.get(watchId);
    if (lap === undefined) continue;
    counts.visits += 1;
    const meanwhile = requestsOf(watchId).filter(({ at }) => at >= run.startedAt && at <= run.endedAt);
    if (meanwhile.some(({ outcome }) => outcome === 200)) continue;
    if (followed === 'by the rest') {
      counts['left to the rest'] += 1;
    } else if (meanwhile.length === 0) {
      violations.push(`${watchId}: was not asked about when ${run.slice.id} was worked off`);
    } else {
      counts['without an answer'] += 1;
      const stillUrgent = lastOf.get(watchId) === visit && lap.endsWith('#urgent');
      if (followed !== undefined || stillUrgent) continue;
      const outcomes = meanwhile.map(({ outcome }) => outcome).join(', ');
      violations.push(`${watchId}: got no answer (${outcomes}) when ${run.slice.id} was worked off, and none later`);
    }
  }
  return { name: 'every slice asks', counts, violations };
}

/** For information: what the kills have cost in work that was done before. */
export function countDoubleWork({
  sent,
  worked,
  requests,
}: Pick<RunEvidence, 'sent' | 'worked' | 'requests'>): CheckResult {
  const wanted = new Map<string, Set<string>>();
  for (const { slice } of sent) {
    for (const watchId of slice.watches) {
      wanted.set(watchId, (wanted.get(watchId) ?? new Set()).add(rootOf(slice.id)));
    }
  }
  const requestsOf = requestsByWatch(requests);
  const asked = new Set(requests.flatMap(({ watches }) => watches));
  const extra = [...asked].reduce(
    (sum, watchId) => sum + Math.max(0, requestsOf(watchId).length - (wanted.get(watchId)?.size ?? 0)),
    0,
  );
  const counts = {
    requests: requests.length,
    'questions beyond one a lap': extra,
    'slices sent again': sent.length - new Set(sent.map(({ slice }) => slice.id)).size,
    'slices received again': worked.filter(({ receives }) => receives > 1).length,
    'slices worked off again': worked.length - new Set(worked.map(({ slice }) => identity(slice))).size,
  };
  return { name: 'double work (information)', counts, violations: [] };
}
