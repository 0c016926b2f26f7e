import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BucketOrder, ReadLap } from '../../lambdas/shared/laps/plan-bucket.ts';
import { planBucket } from '../../lambdas/shared/laps/plan-bucket.ts';
import type { Slice } from '../../lambdas/shared/laps/slice.ts';
import { topUpBuckets } from '../../lambdas/shared/laps/top-up.ts';
import type { BucketRow, PlanWrite } from '../../lambdas/shared/pacer/buckets.store.ts';

const order: BucketOrder = {
  id: 'b',
  limit: { perSecond: 10, burst: 5 },
  pack: 1,
  backlogSeconds: 150,
  sliceSeconds: 20,
  minLapSeconds: { new: 1, urgent: 1, steady: 1 },
};
const NOW = 1_000_000_000;

const names = (count: number, prefix = 'w'): string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}${String(index).padStart(6, '0')}`);

/** Laps in memory; counts the watches that were read. */
function lapsOf(lists: Partial<Record<string, string[]>>): { read: ReadLap; reads: () => number; calls: () => number } {
  let reads = 0;
  let calls = 0;
  return {
    reads: () => reads,
    calls: () => calls,
    read: (watchClass, after, limit) => {
      const list = (lists[watchClass] ?? []).filter((watch) => after === null || watch > after);
      calls += 1;
      reads += Math.min(limit, list.length);
      return Promise.resolve({ watches: list.slice(0, limit), last: list.length < limit });
    },
  };
}

const watchesOf = (slices: readonly Slice[]): string[] => slices.flatMap((slice) => slice.watches);

describe('planning a bucket', () => {
  it('cuts a lap into slices of about twenty seconds and stops at the backlog', async () => {
    const { slices, planned } = await planBucket(order, {}, NOW, lapsOf({ steady: names(10_000) }).read);
    expect(slices.map((slice) => slice.watches.length)).toEqual(Array(7).fill(200));
    expect(planned).toBe(1_400);
    expect(slices.map((slice) => slice.endsAt)).toEqual([200, 400, 600, 800, 1_000, 1_200, 1_400]);
  });

  it('goes on where the last plan ended, and tops up only what has been started since', async () => {
    const laps = lapsOf({ steady: names(10_000) });
    const first = await planBucket(order, {}, NOW, laps.read);
    const row: BucketRow = { ...first, laps: { ...first.laps }, started: 600 };
    const second = await planBucket(order, row, NOW + 60_000, laps.read);
    expect(watchesOf(second.slices)).toEqual(names(10_000).slice(1_400, 2_000));
    expect((await planBucket(order, { ...first, laps: { ...first.laps } }, NOW, laps.read)).slices).toEqual([]);
  });

  it('stands still while nothing is started', async () => {
    const laps = lapsOf({ steady: names(10_000) });
    let row: BucketRow = {};
    for (let minute = 0; minute < 20; minute += 1) {
      const plan = await planBucket(order, row, NOW + minute * 60_000, laps.read);
      row = { ...row, planned: plan.planned, laps: { ...plan.laps } };
    }
    expect(row.planned).toBe(1_400);
  });

  it('plans slices of a few requests, to be sent step by step, where the interval exceeds three seconds', async () => {
    const slow = { ...order, limit: { perSecond: 0.1, burst: 1 } };
    const { slices } = await planBucket(slow, {}, NOW, lapsOf({ steady: names(100) }).read);
    expect(slices.map(({ watches }) => watches.length)).toEqual([6, 6]);
    // Whoever is in a hurry does not wait until a slice is full.
    const hasty = await planBucket(slow, {}, NOW, lapsOf({ urgent: names(2), steady: names(100) }).read);
    expect(hasty.slices.map(({ class: each, watches }) => [each, watches.length])).toEqual([
      ['urgent', 2],
      ['steady', 6],
      ['steady', 6],
    ]);
  });

  it('packs watches: a slice holds as many as its requests can carry', async () => {
    const packed = { ...order, limit: { perSecond: 0.5, burst: 1 }, pack: 20 };
    const { slices } = await planBucket(packed, {}, NOW, lapsOf({ steady: names(1_000) }).read);
    expect(slices[0]?.watches).toHaveLength(200);
    expect(slices[0]?.endsAt).toBe(10);
  });

  it('does not start a lap again before its least time, and several laps ahead where the list is short', async () => {
    const laps = lapsOf({ steady: names(50) });
    const patient = { ...order, minLapSeconds: { ...order.minLapSeconds, steady: 300 } };
    const first = await planBucket(patient, {}, NOW, laps.read);
    expect(watchesOf(first.slices)).toEqual(names(50));
    const row = { ...first, laps: { ...first.laps }, started: 50 };
    expect((await planBucket(patient, row, NOW + 299_000, laps.read)).slices).toEqual([]);
    expect(watchesOf((await planBucket(patient, row, NOW + 300_000, laps.read)).slices)).toEqual(names(50));
    const short = await planBucket({ ...order, minLapSeconds: { new: 1, urgent: 1, steady: 20 } }, {}, NOW, laps.read);
    expect(watchesOf(short.slices)).toEqual(names(50));
    const longer = lapsOf({ steady: names(300) });
    const ahead = await planBucket(
      { ...order, minLapSeconds: { new: 1, urgent: 1, steady: 20 } },
      {},
      NOW,
      longer.read,
    );
    expect(watchesOf(ahead.slices).length).toBeGreaterThan(4 * 300);
  });

  it('serves urgent watches first, then new ones, and keeps the steady ones their fifth', async () => {
    const laps = lapsOf({ new: names(10_000, 'n'), urgent: names(30, 'u'), steady: names(10_000, 's') });
    const { slices } = await planBucket(order, {}, NOW, laps.read);
    expect(slices.map((slice) => slice.class)).toEqual([
      'urgent',
      'new',
      'new',
      'new',
      'new',
      'new',
      'steady',
      'steady',
    ]);
  });

  it('lets a flood of urgent watches starve neither the new nor the steady ones', async () => {
    const laps = lapsOf({ new: names(10_000, 'n'), urgent: names(10_000, 'u'), steady: names(10_000, 's') });
    const { slices } = await planBucket(order, {}, NOW, laps.read);
    const count = (name: string) => slices.filter((slice) => slice.class === name).length;
    expect([count('urgent'), count('new'), count('steady')]).toEqual([2, 3, 2]);
  });

  it('finds a slice for urgent watches also where a minute of a slow bucket is hardly three', async () => {
    const laps = lapsOf({ urgent: names(100, 'u'), steady: names(10_000, 's') });
    const slow = { ...order, limit: { perSecond: 0.5, burst: 1 } };
    // Of 75 requests 27 have been started: two slices of ten fit.
    const row: BucketRow = { planned: 75, started: 27, laps: {} };
    const { slices } = await planBucket(slow, row, NOW, laps.read);
    expect(slices.map((slice) => slice.class)).toEqual(['urgent', 'steady']);
  });

  it('does not send an urgent watch again while its last slice has not been started', async () => {
    const laps = lapsOf({ urgent: names(3, 'u') });
    const first = await planBucket(order, {}, NOW, laps.read);
    expect(watchesOf(first.slices)).toEqual(names(3, 'u'));
    const waiting = { ...first, laps: { ...first.laps } };
    expect((await planBucket(order, waiting, NOW + 60_000, laps.read)).slices).toEqual([]);
    const started = { ...waiting, started: first.planned };
    expect((await planBucket(order, started, NOW + 60_000, laps.read)).slices).toHaveLength(1);
  });

  it('keeps a slice within the size of a message', async () => {
    const long = names(500).map((name) => name + 'x'.repeat(400));
    const { slices } = await planBucket(order, {}, NOW, lapsOf({ steady: long }).read);
    expect(Math.max(...slices.map((slice) => JSON.stringify(slice).length))).toBeLessThan(64_000);
    expect(watchesOf(slices).slice(0, 500)).toEqual(long);
  });

  it('reads no more per planned request from a long list than from a short one', async () => {
    const [short, long] = [lapsOf({ steady: names(1_000) }), lapsOf({ steady: names(100_000) })];
    const plans = [await planBucket(order, {}, NOW, short.read), await planBucket(order, {}, NOW, long.read)];
    expect(long.reads() / (plans[1]?.planned ?? 0)).toBeLessThanOrEqual(short.reads() / (plans[0]?.planned ?? 0));
  });

  it('visits every watch once a lap, whatever the list, the rate and the speed of the workers', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 900 }),
        fc.constantFrom(0.1, 0.5, 3, 10),
        fc.constantFrom(1, 20),
        fc.array(fc.integer({ min: 0, max: 100 }), { minLength: 5, maxLength: 40 }),
        async (count, perSecond, pack, progress) => {
          const list = names(count);
          const laps = lapsOf({ steady: list });
          const some = { ...order, limit: { perSecond, burst: 1 }, pack };
          let row: BucketRow = {};
          const visits: string[] = [];
          for (const [minute, percent] of progress.entries()) {
            const plan = await planBucket(some, row, NOW + minute * 60_000, laps.read);
            visits.push(...watchesOf(plan.slices));
            const started = row.started ?? 0;
            row = {
              planned: plan.planned,
              laps: { ...plan.laps },
              started: started + Math.floor(((plan.planned - started) * percent) / 100),
            };
          }
          expect(visits).toEqual(visits.map((_, index) => list[index % count]));
        },
      ),
      { numRuns: 100 },
    );
  });
});

describe('topping up', () => {
  /** A queue that deduplicates, a row with its conditions, and a planner that can die before or after it sends. */
  function world(list: string[]) {
    const laps = lapsOf({ steady: list });
    const queue = new Map<string, Slice>();
    let row: BucketRow = {};
    let dies: 'before sending' | 'while sending' | 'after sending' | undefined;
    let now = NOW;
    const killed = () => Promise.reject(new Error('killed'));
    const parts = {
      buckets: {
        read: () => Promise.resolve(row),
        recordPlan: (_: string, seen: number | undefined, { unsent, ...plan }: PlanWrite) => {
          if (row.planVersion !== seen) return Promise.resolve(undefined);
          const { stall: _stall, ...rest } = row;
          row = { ...rest, ...plan, unsent, planVersion: (seen ?? 0) + 1 };
          return Promise.resolve(row.planVersion);
        },
        recordSent: (_: string, version: number) => {
          const { unsent, ...rest } = row;
          if (unsent && row.planVersion === version) row = rest;
          return Promise.resolve();
        },
        recordStall: (_: string, version: number | undefined, stall: BucketRow['stall']) => {
          if (row.planVersion === version && stall) row = { ...row, stall };
          return Promise.resolve();
        },
      },
      lapReader: () => laps.read,
      send: (slices: readonly Slice[]) => {
        if (dies === 'before sending') return killed();
        const taken = dies === 'while sending' ? slices.slice(0, 3) : slices;
        for (const slice of taken) queue.set(JSON.stringify(slice), slice);
        return dies === undefined ? Promise.resolve() : killed();
      },
      now: () => now,
    };
    return {
      parts,
      queue,
      dies: (when: typeof dies) => (dies = when),
      row: () => row,
      start: (n: number) => (row = { ...row, started: n }),
      hold: (until: number) => (row = { ...row, heldUntil: until }),
      later: (ms: number) => (now += ms),
      tick: async () => (await topUpBuckets([order], parts)).slices,
      stalled: async () => (await topUpBuckets([order], parts)).stalledSeconds,
    };
  }

  it.each(['before sending', 'while sending', 'after sending'] as const)(
    'sends no slice twice and skips no watch when a planner dies %s and the workers have gone on meanwhile',
    async (when) => {
      const { tick, queue, dies, start, later } = world(names(3_000));
      dies(when);
      await expect(tick()).rejects.toThrow(AggregateError);
      dies(undefined);
      start(200);
      later(60_000);
      await tick();
      start(1_400);
      await tick();
      const sent = watchesOf([...queue.values()]);
      expect(sent).toEqual(names(3_000).slice(0, sent.length));
      expect(sent.length).toBeGreaterThan(1_400);
    },
  );

  it('writes down where it stands, and afterwards that it has sent', async () => {
    const { tick, row } = world(names(3_000));
    await tick();
    expect(row()).toMatchObject({ planVersion: 1, planned: 1_400 });
    expect(row().unsent).toBeUndefined();
  });

  it('does the work once when two planners overlap', async () => {
    const { tick, queue, row } = world(names(3_000));
    const counts = await Promise.all([tick(), tick()]);
    expect(counts.toSorted()).toEqual([0, 7]);
    expect(watchesOf([...queue.values()])).toEqual(names(3_000).slice(0, 1_400));
    expect(row().planVersion).toBe(1);
  });

  it('plans nothing while a worker holds the bucket in an outage', async () => {
    const { tick, hold, later } = world(names(3_000));
    hold(NOW + 100_000);
    expect(await tick()).toBe(0);
    later(100_000);
    expect(await tick()).toBe(7);
  });

  it('goes on after a whole backlog was lost, once a marker has come through the queue', async () => {
    const { tick, stalled, queue, start, later } = world(names(3_000));
    await tick();
    queue.clear();
    for (let minute = 0; minute < 29; minute += 1) {
      later(60_000);
      expect(await tick()).toBe(0);
    }
    expect(queue.size).toBe(0);
    later(2 * 60_000);
    expect(await stalled()).toBe(30 * 60);
    const markers = [...queue.values()];
    expect(markers).toEqual([expect.objectContaining({ watches: [], endsAt: 1_400 })]);
    start(markers[0]?.endsAt ?? 0);
    expect(await tick()).toBe(7);
  });

  it('tops up the other buckets when one fails', async () => {
    const { parts, queue } = world(names(100));
    const broken = { ...order, id: 'broken' };
    const lapReader = (id: string): ReadLap =>
      id === 'broken' ? () => Promise.reject(new Error('no lap')) : parts.lapReader();
    await expect(topUpBuckets([broken, order], { ...parts, lapReader })).rejects.toThrow(
      '1 of 2 buckets failed: no lap',
    );
    expect(queue.size).toBeGreaterThan(0);
  });
});
