import { meaningOfOffers, meaningOfTruth } from '../../pipeline/meaning.ts';
import type { CheckResult } from '../capability.ts';
import { versionsByWatch } from './check-versions.ts';
import type { Evidence } from './evidence.ts';

/**
 * The history is a subsequence of the truth: each version was true at some moment between its question and its answer,
 * and none is older than the one before. In the end the head is what is true now. Compared by meaning, with readings that
 * share no code with the stack.
 */
export function checkTruth({ heads, history, truth }: Pick<Evidence, 'heads' | 'history' | 'truth'>): CheckResult {
  const violations: string[] = [];
  let states = 0;
  const byWatch = versionsByWatch(history);
  for (const head of heads) {
    const lives = truth.get(head.watchId) ?? [];
    states += lives.length;
    const meanings = lives.map((state) => text(meaningOfTruth(state)));
    let next = 0;
    for (const row of byWatch.get(head.watchId) ?? []) {
      const seen = text(meaningOfOffers(row.after));
      const observedAt = Date.parse(row.observedAt);
      const wasTrue = (index: number): boolean =>
        meanings[index] === seen && lives[index]!.at <= observedAt && (lives[index + 1]?.at ?? Infinity) >= row.sentAt;
      const found = meanings.findIndex((_, index) => index >= next && wasTrue(index));
      if (found === -1) {
        const why = meanings.includes(seen) ? 'was not true when it was asked for' : 'never was true';
        violations.push(`${head.watchId}: what version ${row.version} holds ${why}`);
      } else {
        next = found + 1;
      }
    }
    if (text(meaningOfOffers(head.state)) !== meanings.at(-1)) {
      violations.push(`${head.watchId}: the head at version ${head.version} is not what is true now`);
    }
  }
  const counts = { 'true states': states, seen: history.length };
  return { name: 'history is what was true', counts, violations };
}

function text(meaning: readonly string[]): string {
  return meaning.join('\n');
}
