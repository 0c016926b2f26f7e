import { describe, expect, it } from 'vitest';
import { takeNotifications } from '../../lambdas/shared/notifications/take-notifications.ts';
import type { WatchHead, Whereabouts } from '../../lambdas/shared/watches.store.ts';
import { PollingWorld } from './polling-world.ts';

/** getCompetitivePricing at today's rate: one request in two seconds, each for twenty watches. */
const BUCKET = { limit: { perSecond: 0.5, burst: 1 }, pack: 20 };
const A_MINUTE = 1_000;
const BATCH_EVERY_MS = 5_000;

type Row = WatchHead<unknown> & Whereabouts;

/** A polling world with a door: notifications about the given watches, one after the other, through the real use case. */
function flooded(about: (world: PollingWorld) => readonly string[]) {
  const world = new PollingWorld({ bucket: BUCKET });
  const rows = world.watches as Map<string, Row>;
  const watchIds = about(world);
  const counts: Record<string, number> = {};
  let sent = 0;
  let longestQueue = 0;
  let longestMemory = 0;
  const parts: Parameters<typeof takeNotifications>[1] = {
    read: (body) => ({ notification: JSON.parse(body) as { id: string; watchIds: string[] } }),
    watches: {
      whereabouts: (ids) => Promise.resolve(ids.flatMap((id) => rows.get(id) ?? [])),
      hurry({ watchId, bucketId }, notified) {
        const row = rows.get(watchId);
        if (row?.lap !== `${bucketId}#steady`) return Promise.resolve(false);
        world.move(watchId, 'urgent');
        rows.set(watchId, { ...row, lap: `${bucketId}#urgent`, notified });
        longestMemory = Math.max(longestMemory, notified.length);
        return Promise.resolve(true);
      },
    },
    refusedMessages: { refuse: () => Promise.reject(new Error('nothing is to be refused')) },
    count: (metric, by) => (counts[metric] = (counts[metric] ?? 0) + by),
    info: () => undefined,
    warn: (message) => {
      throw new Error(message);
    },
  };
  const calm = new PollingWorld({ bucket: BUCKET });
  about(calm);
  const flood = async (end: number): Promise<void> => {
    while (world.clock.now() < end) {
      const records = Array.from({ length: Math.round((A_MINUTE * BATCH_EVERY_MS) / 60_000) }, () => {
        sent += 1;
        // A step without a common divisor comes by every watch, in no order that a lap has.
        const watchId = watchIds[(sent * 7_919) % watchIds.length] ?? '';
        return { messageId: `m${sent}`, body: JSON.stringify({ id: `n${sent}`, watchIds: [watchId] }) };
      });
      expect(await takeNotifications(records, parts)).toEqual([]);
      longestQueue = Math.max(longestQueue, world.queue.length);
      await world.clock.sleep(BATCH_EVERY_MS);
    }
  };
  return {
    world,
    /** The same bucket and the same watches, of which nobody tells anything. */
    calm,
    counts,
    bounds: () => ({ longestQueue, longestMemory }),
    async pass(minutes: number) {
      await calm.pass(minutes);
      await world.pass(minutes, flood);
    },
  };
}

describe('a flood of a thousand notifications a minute', () => {
  it('about five hundred watches of a slow bucket leaves the others their share, and grows nothing', async () => {
    let quiet: string[] = [];
    let loud: string[] = [];
    const { world, calm, counts, bounds, pass } = flooded((to) => {
      // Six laps of what the bucket can do in a minute, nobody tells of any of them.
      quiet = to.add(3_600, 'steady', 'q');
      return (loud = to.add(500, 'steady', 'n'));
    });
    const answered = new Map<string, number>();
    world.upstream = (watchId) => {
      answered.set(watchId, (answered.get(watchId) ?? 0) + 1);
      return { kind: 'unchanged' };
    };
    await pass(60);

    expect(counts['NotificationsTaken']).toBeGreaterThan(59_000);
    // The bucket loses nothing by it.
    expect(world.requests).toBeGreaterThan(0.97 * calm.requests);
    const told = [...answered]
      .filter(([watchId]) => watchId.startsWith('n'))
      .reduce((sum, [, count]) => sum + count, 0);
    const served = [...answered.values()].reduce((sum, count) => sum + count, 0);
    // Urgent ones may not have more than two fifths as long as the others want the rest.
    expect((served - told) / served).toBeGreaterThan(0.55);
    // A lap of the hurried ones waits until the one before has been served; they have their share all the same.
    expect(told / served).toBeGreaterThan(0.2);
    expect(world.oldest(quiet)).toBeLessThan(1.4 * calm.oldest(quiet));
    expect(world.oldest(loud)).toBeLessThan(5);
    // One write at most for each visit, not one for each notification.
    expect(counts['WatchesHurried']).toBeLessThan(told + 500);
    expect(bounds().longestMemory).toBeLessThanOrEqual(10);
    expect(bounds().longestQueue).toBeLessThan(12);
    expect({ lost: world.lost, letters: world.letters }).toEqual({ lost: [], letters: [] });
  });

  it('about every watch there is keeps each of them as fresh as the rate allows', async () => {
    let all: string[] = [];
    const { world, calm, bounds, pass } = flooded((to) => (all = to.add(500, 'steady', 'n')));
    await pass(60);
    expect(world.requests).toBeGreaterThan(0.8 * calm.requests);
    expect(world.oldest(all)).toBeLessThan(6);
    expect(bounds().longestMemory).toBeLessThanOrEqual(10);
    expect(bounds().longestQueue).toBeLessThan(12);
  });
});
