import { describe, expect, it } from 'vitest';
import type { CheckResult } from './capability.ts';
import { helpText, readCrashOptions } from './crash-options.ts';
import { attempt, isClean, refuseEmpty, reportLines } from './crash-report.ts';
import { offerStatus } from './offer-status/offer-status.ts';

const { moments } = offerStatus;

describe('npm run crash', () => {
  it('has defaults that need no thought', () => {
    expect(readCrashOptions([], moments)).toEqual({ help: false, kills: 10, seed: 1, at: [], keep: false });
  });

  it('takes what it is told', () => {
    const options = readCrashOptions(['--kills', '3', '--seed', '42', '--at', 'send, record', '--keep'], moments);
    expect(options).toEqual({ help: false, kills: 3, seed: 42, at: ['send', 'record'], keep: true });
  });

  it.each([
    [['--kills', '0'], '--kills is "0"; it must be a whole number from 1 to 1000.'],
    [['--seed', 'x'], '--seed is "x"'],
    [['--at', 'never'], '--at names "never"; the kinds are any, '],
    [['--kill', '3'], '--kill'],
    [['surplus'], 'surplus'],
  ])('refuses %j and says why', (argv, message) => {
    expect(() => readCrashOptions(argv, moments)).toThrow(message);
  });

  it('explains its options and every kind of moment', () => {
    for (const word of ['--kills', '--seed', '--at', '--keep', ...Object.keys(moments)]) {
      expect(helpText(moments)).toContain(word);
    }
  });

  it('shows what was looked at, and what is wrong without flooding the screen', () => {
    const checks: CheckResult[] = [
      { name: 'versions', counts: { watches: 3, versions: 9 }, violations: [] },
      {
        name: 'events',
        counts: { events: 12 },
        violations: Array.from({ length: 12 }, (_, index) => `wrong ${index}`),
      },
    ];
    const lines = reportLines(checks);
    expect(lines[0]).toBe('versions  ok      3 watches, 9 versions');
    expect(lines[1]).toBe('events    FAILED  12 events');
    expect(lines).toContain('  wrong 9');
    expect(lines).not.toContain('  wrong 10');
    expect(lines.at(-1)).toBe('  … and 2 more');
    expect(isClean(checks)).toBe(false);
    expect(isClean(checks.slice(0, 1))).toBe(true);
  });

  it('takes no check for passed that had nothing to look at', () => {
    const check = { name: 'slices', counts: { slices: 0, lost: 3 }, violations: [] };
    expect(refuseEmpty(check).violations).toEqual(['there was nothing to look at: 0 slices']);
    expect(refuseEmpty({ ...check, counts: {} }).violations).toHaveLength(1);
    expect(refuseEmpty({ ...check, counts: { slices: 1, lost: 0 } }).violations).toEqual([]);
  });

  it('takes a check that throws for one that has found something, and goes on with the others', () => {
    const thrown = attempt('slices', () => {
      throw new Error('no such thing');
    });
    expect(thrown).toMatchObject({ name: 'slices', violations: [expect.stringContaining('no such thing')] });
    expect(isClean([refuseEmpty(thrown)])).toBe(false);
    const check = { name: 'laps', counts: { laps: 1 }, violations: [] };
    expect(attempt('laps', () => check)).toBe(check);
  });
});
