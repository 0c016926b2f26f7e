import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { packs } from '../../lambdas/shared/laps/packing.ts';
import { planBucket } from '../../lambdas/shared/laps/plan-bucket.ts';
import type { ReadLap } from '../../lambdas/shared/laps/plan-bucket.ts';

const self = (id: string): string => id;

describe('packing watches into requests', () => {
  it('puts as many into one request as it carries', () => {
    expect(packs(['a|1', 'a|2', 'b|3'], self, { pack: 2 })).toEqual([['a|1', 'a|2'], ['b|3']]);
  });

  it('keeps watches with other parameters apart where parameters hold for a whole request', () => {
    expect(packs(['a|1', 'b|2', 'b|3', 'a|4'], self, { pack: 20, uniform: true })).toEqual([
      ['a|1'],
      ['b|2', 'b|3'],
      ['a|4'],
    ]);
  });

  it('loses none, mixes none that do not fit together, and fills what it can', () => {
    const ids = fc.array(
      fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.nat(999)).map(([kind, item]) => `${kind}|${item}`),
    );
    fc.assert(
      fc.property(ids, fc.integer({ min: 1, max: 20 }), fc.boolean(), (watches, pack, uniform) => {
        const sorted = watches.toSorted();
        const requests = packs(sorted, self, { pack, uniform });
        expect(requests.flat()).toEqual(sorted);
        for (const request of requests) {
          expect(request.length).toBeLessThanOrEqual(pack);
          if (uniform) expect(new Set(request.map((id) => id[0])).size).toBe(1);
        }
        const groups = uniform ? Object.values(Object.groupBy(sorted, (id) => id[0] ?? '')) : [sorted];
        const least = groups.reduce((sum, group) => sum + Math.ceil((group?.length ?? 0) / pack), 0);
        expect(requests).toHaveLength(least);
      }),
    );
  });

  it('plans whole requests: over a lap, no more of them than its groups need', async () => {
    const order = {
      id: 'b',
      limit: { perSecond: 10, burst: 20 },
      pack: 20,
      uniform: true,
      backlogSeconds: 150,
      sliceSeconds: 20,
      minLapSeconds: { new: 60, urgent: 60, steady: 60 },
    };
    // Long enough that a message holds fewer watches than a slice could send.
    const name = (market: string, index: number): string => `price|${market}|${String(index).padStart(60, '0')}`;
    const lap = ['DE', 'UK', 'US'].flatMap((market) =>
      Array.from({ length: 1_990 }, (_, index) => name(market, index)),
    );
    const read: ReadLap = (watchClass, after, limit) => {
      const from = watchClass !== 'steady' ? lap.length : after === null ? 0 : lap.indexOf(after) + 1;
      return Promise.resolve({ watches: lap.slice(from, from + limit), last: from + limit >= lap.length });
    };
    const { slices, planned } = await planBucket(order, {}, 0, read);
    expect(slices.flatMap(({ watches }) => watches)).toEqual(lap);
    expect(planned).toBe(3 * Math.ceil(1_990 / 20));
    expect(slices.every(({ watches }) => JSON.stringify(watches).length <= 61_000)).toBe(true);
  });
});
