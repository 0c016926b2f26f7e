import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runCrashes } from '../crash/crash-run.ts';
import { offerStatus } from '../crash/offer-status/offer-status.ts';

describe('a stack that is killed again and again', () => {
  it('loses no change, no event and no title, tells nothing that never was, and keeps the rate', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'offer-relay-crash-test-'));
    const lines: string[] = [];
    try {
      const { checks, kills } = await runCrashes(offerStatus, {
        kills: 3,
        seed: 3,
        at: ['slice', 'record', 'send'],
        folder,
        signal: new AbortController().signal,
        tell: (line) => lines.push(line),
      });
      expect(kills).toBe(3);
      const violations = checks.flatMap(({ name, violations: all }) => all.map((violation) => `${name}: ${violation}`));
      expect(violations, lines.join('\n')).toEqual([]);
      // There was something to look at.
      const count = (name: string, what: string): number =>
        checks.find((check) => check.name === name)?.counts[what] ?? 0;
      const titles = count('versions without a gap', 'watches');
      expect(titles).toBeGreaterThan(0);
      expect(count('versions without a gap', 'versions')).toBeGreaterThanOrEqual(titles);
      expect(count('events of every version', 'events')).toBeGreaterThanOrEqual(titles);
      expect(count('no lap skips a watch', 'visits')).toBeGreaterThanOrEqual(titles);
      expect(count('every slice asks', 'visits')).toBeGreaterThan(titles);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }, 600_000);
});
