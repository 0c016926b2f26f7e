import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TokenBucket } from '../../local/upstreams/token-bucket.ts';

const limits = fc.record({ rate: fc.integer({ min: 1, max: 200 }), burst: fc.integer({ min: 1, max: 50 }) });
const gaps = fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 120 });

function arrivalTimes(pauses: readonly number[]): number[] {
  let now = 1_700_000_000_000;
  return pauses.map((pause) => (now += pause));
}

describe('a token bucket', () => {
  it('never grants more than burst + rate × t in any interval', () => {
    fc.assert(
      fc.property(limits, gaps, (limit, pauses) => {
        const bucket = new TokenBucket(limit);
        const granted = arrivalTimes(pauses).filter((now) => bucket.take(now));
        for (const [first, from] of granted.entries()) {
          for (const [ahead, to] of granted.slice(first).entries()) {
            expect(ahead + 1).toBeLessThanOrEqual(limit.burst + (limit.rate * (to - from)) / 1000 + 1e-6);
          }
        }
      }),
    );
  });

  it('keeps its tokens when its limit changes, as far as the new burst holds them', () => {
    const granted = (bucket: TokenBucket, now: number) => {
      let count = 0;
      while (bucket.take(now)) count += 1;
      return count;
    };
    const used = new TokenBucket({ rate: 1, burst: 5 });
    for (let index = 0; index < 3; index += 1) used.take(1_000);
    expect(granted(used.withLimit({ rate: 10, burst: 20 }, 1_000), 1_000)).toBe(2);
    expect(granted(used.withLimit({ rate: 10, burst: 20 }, 1_000), 1_500)).toBe(7);
    expect(granted(used.withLimit({ rate: 10, burst: 1 }, 1_000), 1_000)).toBe(1);
    expect(granted(new TokenBucket({ rate: 1, burst: 5 }).withLimit({ rate: 2, burst: 9 }, 1_000), 1_000)).toBe(5);
  });

  it('agrees with a bucket that counts its tokens in exact fractions', () => {
    fc.assert(
      fc.property(limits, gaps, (limit, pauses) => {
        const bucket = new TokenBucket(limit);
        // Thousandths of a token, so that the model has whole numbers only.
        let thousandths = limit.burst * 1000;
        let last = Number.NaN;
        for (const now of arrivalTimes(pauses)) {
          const refill = Number.isNaN(last) ? 0 : (now - last) * limit.rate;
          last = now;
          thousandths = Math.min(limit.burst * 1000, thousandths + refill);
          // Rates that do not divide 1000 may differ by a rounding error on the very edge.
          const isOnTheEdge = Math.abs(thousandths - 1000) < 1e-6 && 1000 % limit.rate !== 0;
          if (isOnTheEdge) return;
          const expected = thousandths >= 1000;
          if (expected) thousandths -= 1000;
          expect(bucket.take(now)).toBe(expected);
        }
      }),
    );
  });

  it('grants every request of a client that comes exactly at its rate, for ever', () => {
    const bucket = new TokenBucket({ rate: 10, burst: 1 });
    for (let index = 0; index < 10_000; index += 1) expect(bucket.take(index * 100)).toBe(true);
  });

  it('is not bent by a clock that jumps back', () => {
    const bucket = new TokenBucket({ rate: 10, burst: 1 });
    expect(bucket.take(5000)).toBe(true);
    expect(bucket.take(0)).toBe(false);
    expect(bucket.take(5100)).toBe(true);
  });

  it('refuses a limit that could never grant anything', () => {
    expect(() => new TokenBucket({ rate: 0, burst: 5 })).toThrow(/rate/);
    expect(() => new TokenBucket({ rate: 10, burst: 0 })).toThrow(/burst/);
  });
});
