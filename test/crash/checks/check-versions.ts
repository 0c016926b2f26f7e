import { isDeepStrictEqual } from 'node:util';
import type { CheckResult } from '../capability.ts';
import type { RunEvidence, Version } from './evidence.ts';

/** A watch's versions in order. */
export function versionsByWatch<V extends Pick<Version, 'watchId' | 'version'>>(
  history: readonly V[],
): Map<string, V[]> {
  const byWatch = Map.groupBy(history, ({ watchId }) => watchId);
  for (const rows of byWatch.values()) rows.sort((a, b) => a.version - b.version);
  return byWatch;
}

/**
 * Every watch has a head, and head and history are of one piece: versions 1 to the head's, each once and in time, and the
 * head is the last of them.
 */
export function checkVersions({
  watches,
  heads,
  history,
}: Pick<RunEvidence, 'watches' | 'heads' | 'history'>): CheckResult {
  const violations: string[] = [];
  const byWatch = versionsByWatch(history);
  const known = new Set(heads.map(({ watchId }) => watchId));
  for (const watchId of watches) {
    if (!known.has(watchId)) violations.push(`${watchId}: is on the list and has no head`);
  }
  for (const watchId of byWatch.keys()) {
    if (!known.has(watchId)) violations.push(`${watchId}: has a history and no head`);
  }
  for (const { watchId, version, state, observedAt } of heads) {
    const rows = byWatch.get(watchId) ?? [];
    const have = new Set(rows.map((row) => row.version));
    for (let wanted = 1; wanted <= version; wanted += 1) {
      if (!have.has(wanted)) violations.push(`${watchId}: version ${wanted} is missing in the history`);
    }
    for (const extra of [...have].filter((number) => number > version)) {
      violations.push(`${watchId}: version ${extra} is in the history, and the head is at ${version}`);
    }
    for (const [number, same] of Map.groupBy(rows, (row) => row.version)) {
      if (same.length > 1) violations.push(`${watchId}: version ${number} is in the history ${same.length} times`);
    }
    const last = rows.at(-1);
    if (last?.version === version) {
      if (!isDeepStrictEqual(last.after, state)) {
        violations.push(`${watchId}: the head's state is not that of version ${version}`);
      }
      if (last.observedAt !== observedAt) {
        violations.push(`${watchId}: the head's observedAt is not that of version ${version}`);
      }
    }
    for (const [index, row] of rows.entries()) {
      const before = rows[index - 1];
      if (before !== undefined && before.observedAt >= row.observedAt) {
        violations.push(`${watchId}: version ${row.version} was not observed after version ${before.version}`);
      }
    }
  }
  return { name: 'versions without a gap', counts: { watches: heads.length, versions: history.length }, violations };
}
