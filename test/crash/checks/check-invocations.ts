import type { CheckResult } from '../capability.ts';
import type { Fact, FactOf } from '../facts.ts';
import { overlap } from './evidence.ts';

/** No function fails: the upstream answers, and the services do unless the database is being stalled. */
export function checkInvocations(facts: readonly Fact[]): CheckResult {
  const stalls = facts.filter((fact): fact is FactOf<'outage'> => fact.kind === 'outage' && fact.cause === 'stall');
  const ended = facts.filter((fact) => fact.kind === 'ended');
  const failed = ended.filter(({ outcome }) => outcome === 'error');
  const unexcused = failed.filter(({ startedAt, at }) => overlap(stalls, startedAt, at) === 0);
  const begun = facts.filter((fact) => fact.kind === 'began').length;
  const counts = {
    begun,
    'cut off by kills': begun - ended.length,
    'timed out': ended.filter(({ outcome }) => outcome === 'timeout').length,
    'failed in a stall': failed.length - unexcused.length,
  };
  const violations = unexcused.map(({ functionId, error }) => `${functionId} failed: ${JSON.stringify(error)}`);
  return { name: 'no function fails', counts, violations };
}
