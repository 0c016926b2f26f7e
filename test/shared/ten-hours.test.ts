import { describe, expect, it } from 'vitest';
import { createRandom } from '../../local/upstreams/seeded-random.ts';
import { LogNormalLatency, sampleLatency } from '../../local/upstreams/latency.ts';
import { PollingWorld } from './polling-world.ts';

const HOURS = 10;
const SECONDS = HOURS * 3_600;
/** A lap of full requests at the granted rate. */
const LAP_SECONDS = 1_200;

/** Least share of the granted rate that has to be used. */
const RATES = [
  { perSecond: 0.1, burst: 1, pack: 20, least: 0.97 },
  { perSecond: 0.5, burst: 1, pack: 20, least: 0.92 },
  { perSecond: 5, burst: 10, pack: 1, least: 0.98 },
  { perSecond: 10, burst: 20, pack: 20, least: 0.99 },
];

describe('ten hours of polling, with two workers and two planners that die', () => {
  it.each(RATES)(
    'at $perSecond per second, burst $burst: no 429, at least $least of the rate, no wait beyond 1.1 laps',
    async ({ perSecond, burst, pack, least }) => {
      const latencies = createRandom(1, 'latency', String(perSecond));
      const latency = LogNormalLatency.parse({ medianMs: 200, sigma: 0.25 });
      const world = new PollingWorld({
        bucket: { limit: { perSecond, burst }, pack },
        travel: () => {
          const { uplinkMs, downlinkMs } = sampleLatency(latency, latencies);
          return [uplinkMs, downlinkMs];
        },
      });
      world.add(perSecond * LAP_SECONDS * pack, 'steady');
      let undisturbed = Infinity;
      await world.pass(60 * HOURS, async () => {
        const { clock } = world;
        await clock.sleep(2 * 3_600_000);
        undisturbed = world.longestWait;
        world.workCrashAfter = 1_000;
        await clock.sleep(2 * 3_600_000);
        world.planCrash = 'beforeSending';
        await clock.sleep(2 * 3_600_000);
        world.workCrashAfter = 100;
        await clock.sleep(2 * 3_600_000);
        world.planCrash = 'inSending';
      });
      const used = world.requests / (perSecond * SECONDS);
      const laps = world.longestWait / undisturbed;
      console.log(
        `${perSecond}/${burst}: ${world.requests} requests, ${(used * 100).toFixed(2)} %, longest wait ${laps.toFixed(3)} laps, ${world.throttled} × 429`,
      );
      expect(world.throttled).toBe(0);
      expect(used).toBeGreaterThanOrEqual(least);
      expect(laps).toBeLessThanOrEqual(1.1);
      expect({ lost: world.lost, letters: world.letters }).toEqual({ lost: [], letters: [] });
    },
    600_000,
  );
});
