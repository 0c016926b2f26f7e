import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Clock } from '../../lambdas/shared/clock.ts';
import { fullJitter, retry } from '../../lambdas/shared/retry.ts';

const policy = { attempts: 4, baseMs: 100, capMs: 250 };

function leapingClock(): Clock & { readonly sleeps: number[] } {
  let now = 1_000;
  const sleeps: number[] = [];
  return {
    sleeps,
    now: () => now,
    async sleepUntil(time) {
      sleeps.push(time - now);
      now = Math.max(now, time);
    },
  };
}

function failing(times: number) {
  let calls = 0;
  const operation = async (): Promise<string> => {
    calls += 1;
    if (calls <= times) throw new Error(`failure ${calls}`);
    return 'done';
  };
  return { operation, calls: () => calls };
}

describe('full jitter', () => {
  it('grows exponentially up to the cap and spreads over the whole range', () => {
    expect([1, 2, 3, 4].map((failures) => fullJitter(failures, policy, () => 0.5))).toEqual([50, 100, 125, 125]);
    expect(fullJitter(3, policy, () => 0)).toBe(0);
  });

  it('never exceeds the cap nor falls below zero', () => {
    const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5_000 }), random, (failures, value) => {
        const pause = fullJitter(failures, policy, () => value);
        expect(pause).toBeGreaterThanOrEqual(0);
        expect(pause).toBeLessThan(policy.capMs);
      }),
    );
  });
});

describe('retry', () => {
  it('pauses between tries and returns the first success', async () => {
    const clock = leapingClock();
    const { operation, calls } = failing(2);
    expect(await retry(operation, policy, { shouldRetry: () => true, clock, random: () => 0.5 })).toBe('done');
    expect(calls()).toBe(3);
    expect(clock.sleeps).toEqual([50, 100]);
  });

  it('gives up after the last try with the last failure and without a further pause', async () => {
    const clock = leapingClock();
    const { operation, calls } = failing(9);
    const done = retry(operation, policy, { shouldRetry: () => true, clock, random: () => 0 });
    await expect(done).rejects.toThrow('failure 4');
    expect(calls()).toBe(4);
    expect(clock.sleeps).toHaveLength(3);
  });

  it('does not repeat what must not be repeated', async () => {
    const { operation, calls } = failing(9);
    const shouldRetry = (error: unknown) => !(error instanceof Error && error.message === 'failure 2');
    const done = retry(operation, policy, { shouldRetry, clock: leapingClock(), random: () => 0 });
    await expect(done).rejects.toThrow('failure 2');
    expect(calls()).toBe(2);
  });

  it('begins no try at or after the deadline', async () => {
    const { operation, calls } = failing(9);
    const clock = leapingClock();
    const done = retry(operation, policy, { shouldRetry: () => true, clock, random: () => 0.5, deadline: 1_150 });
    await expect(done).rejects.toThrow('failure 2');
    expect(calls()).toBe(2);
    expect(clock.now()).toBeLessThan(1_150);
  });

  it('ends a pause when the caller gives up', async () => {
    const controller = new AbortController();
    const { operation, calls } = failing(9);
    const clock: Clock = {
      now: () => 0,
      sleepUntil: () => {
        controller.abort(new Error('no longer wanted'));
        return new Promise(() => undefined);
      },
    };
    const conditions = { shouldRetry: () => true, clock, random: () => 0.5, signal: controller.signal };
    await expect(retry(operation, policy, conditions)).rejects.toThrow('no longer wanted');
    expect(calls()).toBe(1);
  });

  it('does not begin when the caller has given up already', async () => {
    const { operation, calls } = failing(0);
    const signal = AbortSignal.abort(new Error('no longer wanted'));
    const conditions = { shouldRetry: () => true, clock: leapingClock(), random: () => 0.5, signal };
    await expect(retry(operation, policy, conditions)).rejects.toThrow('no longer wanted');
    expect(calls()).toBe(0);
  });
});
