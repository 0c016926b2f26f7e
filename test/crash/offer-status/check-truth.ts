import type { Offers } from '../../../lambdas/offer-status/offers.ts';
import type { TitleState } from '../../../local/upstreams/simulator.ts';
import { meaningOfOffers, meaningOfTruth } from '../../pipeline/meaning.ts';
import type { CheckResult } from '../capability.ts';
import { versionsByWatch } from '../checks/check-versions.ts';
import { overlap, requestsByWatch, visitsOf } from '../checks/evidence.ts';
import type { Evidence } from './evidence.ts';
import { titleOfWatch } from './evidence.ts';

/** How long a worker waits for an answer, and what of that a pause has to take for the answer to come too late. */
const CLIENT_TIMEOUT_MS = 1_500;
const LONG_PAUSE_MS = 1_000;

/**
 * The history is a subsequence of the truth: each version was true at some moment between a question that the upstream
 * knows of and its answer, and none is older than the one before. In the end the head is what is true now. Compared by
 * meaning, with readings that share no code with the stack.
 */
export function checkTruth({
  watches,
  heads,
  history,
  requests,
  truth,
}: Pick<Evidence, 'watches' | 'heads' | 'history' | 'requests' | 'truth'>): CheckResult {
  const violations: string[] = [];
  let states = 0;
  const byWatch = versionsByWatch(history);
  const requestsOf = requestsByWatch(requests);
  const headOf = new Map(heads.map((head) => [head.watchId, head]));
  for (const watchId of watches) {
    const lives = truth.get(watchId) ?? [];
    states += lives.length;
    const meanings = lives.map(ofTruth);
    let next = 0;
    for (const row of byWatch.get(watchId) ?? []) {
      const seen = ofOffers(row.after);
      const observedAt = Date.parse(row.observedAt);
      // Only a title without offers may be one that the upstream does not know.
      const answers = Object.keys(row.after).length === 0 ? [200, 404] : [200];
      const asked = requestsOf(watchId).filter(
        ({ at, outcome }) => answers.includes(Number(outcome)) && at >= row.sentAt && at <= observedAt,
      );
      const [first] = asked;
      if (first === undefined) {
        violations.push(`${watchId}: the upstream has answered nothing that version ${row.version} could be`);
      }
      const since = first?.at ?? row.sentAt;
      const wasTrue = (index: number): boolean =>
        meanings[index] === seen && lives[index]!.at <= observedAt && (lives[index + 1]?.at ?? Infinity) >= since;
      const found = meanings.findIndex((_, index) => index >= next && wasTrue(index));
      if (found === -1) {
        const why = meanings.includes(seen) ? 'was not true when it was asked for' : 'never was true';
        violations.push(`${watchId}: what version ${row.version} holds ${why}`);
      } else {
        next = found + 1;
      }
      for (const wrong of foreign(row.after, watchId)) violations.push(`${watchId}: version ${row.version} ${wrong}`);
    }
    const head = headOf.get(watchId);
    if (ofOffers(head?.state) !== meanings.at(-1)) {
      violations.push(`${watchId}: the head at version ${head?.version ?? 0} is not what is true now`);
    }
  }
  const counts = { 'true states': states, seen: history.length };
  return { name: 'history is what was true', counts, violations };
}

/**
 * What a title was answered counts: when a worker has ended well, the version in force is what was true as it asked, or
 * came to be later.
 */
export function checkAnswersCount({
  history,
  sent,
  worked,
  requests,
  pauses,
  truth,
}: Pick<Evidence, 'history' | 'sent' | 'worked' | 'requests' | 'pauses' | 'truth'>): CheckResult {
  const violations: string[] = [];
  let answers = 0;
  const byWatch = versionsByWatch(history);
  const requestsOf = requestsByWatch(requests);
  for (const { watchId, run, followed } of visitsOf({ sent, worked })) {
    const lives = truth.get(watchId);
    // Whoever comes after is held to the same.
    if (lives === undefined || followed === 'by the rest' || followed === 'by an urgent slice') continue;
    const last = requestsOf(watchId).findLast(
      ({ at, outcome }) => outcome === 200 && at >= run.startedAt && at <= run.endedAt,
    );
    if (last === undefined) continue;
    // In a long pause an answer may come when nobody waits for it any longer.
    const paused = overlap(pauses, last.at - CLIENT_TIMEOUT_MS, last.at + CLIENT_TIMEOUT_MS) >= LONG_PAUSE_MS;
    if (paused && followed === 'by a slice on its way') continue;
    answers += 1;
    const inForce = byWatch.get(watchId)?.findLast(({ observedAt }) => Date.parse(observedAt) <= run.endedAt);
    // Times are whole milliseconds: what became true in the same one may have come after the question.
    const known = Math.max(
      0,
      lives.findLastIndex(({ at }) => at < last.at),
    );
    const right = lives.slice(known).filter(({ at }) => at <= run.endedAt);
    if (inForce !== undefined && right.map(ofTruth).includes(ofOffers(inForce.after))) continue;
    const what = inForce === undefined ? 'no version' : `version ${inForce.version}`;
    violations.push(`${watchId}: ${what} is in force after ${run.slice.id}, which was answered something else`);
  }
  return { name: 'every answer counts', counts: { answers }, violations };
}

/** Where an offer says that it is another title's. */
function foreign(offers: Offers, watchId: string): string[] {
  const { licensor, marketplace, alid } = titleOfWatch(watchId);
  return Object.values(offers).flatMap((offer) => [
    ...(offer.alid === alid ? [] : [`holds an offer of ${offer.alid}`]),
    ...(offer.marketplace === marketplace ? [] : [`holds an offer in ${offer.marketplace}`]),
    ...(offer.licensor.organizationId === licensor ? [] : [`holds an offer of ${offer.licensor.organizationId}`]),
  ]);
}

const ofTruth = (state: TitleState): string => meaningOfTruth(state).join('\n');
const ofOffers = (offers: Offers | undefined): string => meaningOfOffers(offers).join('\n');
