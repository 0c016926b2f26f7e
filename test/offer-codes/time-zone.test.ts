import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { isTimeZone } from '../../lambdas/offer-codes/time-zone.ts';

describe('the name of a time zone', () => {
  it.each([
    'America/Los_Angeles',
    'Asia/Kolkata',
    'Asia/Calcutta',
    'UTC',
    'GMT',
    'US/Pacific',
    'Europe/Kyiv',
    'Europe/Kiev',
    'Etc/GMT+5',
    'America/Argentina/Buenos_Aires',
    'GB-Eire',
    'EST5EDT',
  ])('may be %s', (name) => {
    expect(isTimeZone(name)).toBe(true);
  });

  it.each([
    'america/los_angeles',
    'AMERICA/LOS_ANGELES',
    'utc',
    'Asia/Kolkatta',
    '+05:30',
    'UTC+5',
    'PST',
    'IST',
    'SystemV/PST8',
    'Factory',
    '',
    ' UTC',
    'Asia/Kolkata\n',
    'constructor',
  ])('may not be %j', (name) => {
    expect(isTimeZone(name)).toBe(false);
  });

  // Debian's copy of the database, where there is one: it lists every name, links included.
  const database = '/usr/share/zoneinfo/tzdata.zi';
  it.runIf(existsSync(database))('may be any that the database knows, but its placeholder', () => {
    const names = readFileSync(database, 'utf8')
      .split('\n')
      .map((line) => line.split(' '))
      .flatMap(([kind, first, second]) => (kind === 'Z' ? [first] : kind === 'L' ? [second] : []))
      .filter((name) => name !== undefined && name !== 'Factory') as string[];
    expect(names.length).toBeGreaterThan(500);
    expect(names.filter((name) => !isTimeZone(name))).toEqual([]);
  });

  it('is one that the runtime itself takes', () => {
    for (const name of ['Asia/Kolkata', 'Etc/GMT-14', 'W-SU', 'Pacific/Kanton']) {
      expect(() => new Intl.DateTimeFormat('en', { timeZone: name })).not.toThrow();
    }
  });
});
