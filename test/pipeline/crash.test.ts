import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { runCrashes } from '../crash/crash-run.ts';
import { offerStatus } from '../crash/offer-status/offer-status.ts';

/** The run ends itself before the test would be given up, and leaves no process behind. */
const TEST_LIMIT_MS = 600_000;
const RUN_LIMIT_MS = TEST_LIMIT_MS - 60_000;

it(
  'a stack that is killed again and again loses no change, no event and no title, tells nothing that never was, and keeps the rate',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'offer-relay-crash-test-'));
    const lines: string[] = [`the data is in ${folder}`];
    try {
      const { checks, kills, missed } = await runCrashes(offerStatus, {
        kills: 3,
        seed: 3,
        at: ['slice', 'record', 'send'],
        folder,
        catchUpLimitMs: 120_000,
        signal: AbortSignal.timeout(RUN_LIMIT_MS),
        tell: (line) => lines.push(line),
      });
      expect({ kills, missed }, lines.join('\n')).toEqual({ kills: 3, missed: 0 });
      const violations = checks.flatMap(({ name, violations: all }) => all.map((violation) => `${name}: ${violation}`));
      expect(violations, lines.join('\n')).toEqual([]);
      // There was something to look at.
      const count = (name: string, what: string): number =>
        checks.find((check) => check.name === name)?.counts[what] ?? 0;
      const titles = count('versions without a gap', 'watches');
      expect(titles).toBeGreaterThan(0);
      expect(count('versions without a gap', 'versions')).toBeGreaterThanOrEqual(titles);
      expect(count('events of every version', 'events')).toBeGreaterThanOrEqual(titles);
      expect(count('events tell what changed', 'changed offers')).toBeGreaterThanOrEqual(titles);
      expect(count('every answer counts', 'answers')).toBeGreaterThan(titles);
      expect(count('no lap skips a watch', 'visits')).toBeGreaterThanOrEqual(titles);
      expect(count('every slice asks', 'visits')).toBeGreaterThan(titles);
      expect(count('rate is kept', 'requests judged')).toBeGreaterThan(titles);
    } catch (error) {
      throw new Error(`${(error as Error).message}\n${lines.join('\n')}`, { cause: error });
    }
    await rm(folder, { recursive: true, force: true });
  },
  TEST_LIMIT_MS,
);
