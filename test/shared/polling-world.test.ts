import { describe, expect, it } from 'vitest';
import { UnavailableError } from '../../lambdas/shared/errors.ts';
import type { Visit } from '../../lambdas/shared/laps/slice-runner.ts';
import { PollingWorld } from './polling-world.ts';

const down: Visit = { kind: 'failed', error: new UnavailableError('ServerError', 'the upstream answered 503') };
const unchanged: Visit = { kind: 'unchanged' };

describe('planner, queue, pacer and worker together, over hours', () => {
  it('keep a catalogue fresh at the full rate', async () => {
    const world = new PollingWorld();
    const all = world.add(300, 'new');
    await world.pass(60);
    expect(world.requests).toBeGreaterThan(0.95 * 3_600);
    expect(world.oldest(all)).toBeLessThan(8);
    expect([...world.watches.values()].every((head) => head.lap === 'b#steady')).toBe(true);
  });

  it('go on by themselves when a secret is made three hours late, and lose no slice', async () => {
    const world = new PollingWorld();
    const all = world.add(300, 'new');
    world.secret = false;
    await world.pass(180);
    expect(world.requests).toBe(0);
    world.secret = true;
    await world.pass(45);
    expect(world.oldest(all)).toBeLessThan(30);
    expect({ lost: world.lost, letters: world.letters }).toEqual({ lost: [], letters: [] });
  });

  it('stand still in an outage of a day, give nothing up, and are fresh again soon after', async () => {
    const world = new PollingWorld();
    const all = world.add(300, 'steady');
    await world.pass(20);
    world.upstream = () => down;
    await world.pass(24 * 60);
    expect(world.queue.length).toBeLessThan(12);
    expect({ lost: world.lost, letters: world.letters }).toEqual({ lost: [], letters: [] });
    world.upstream = () => unchanged;
    await world.pass(30);
    expect(world.oldest(all)).toBeLessThan(20);
  }, 60_000);

  it('let no dozen of broken neighbours hold up the others', async () => {
    const world = new PollingWorld();
    const all = world.add(300, 'steady');
    const broken = new Set(all.slice(100, 115));
    world.upstream = (id) => (broken.has(id) ? down : unchanged);
    await world.pass(120);
    expect(world.requests).toBeGreaterThan(0.9 * 7_200);
    expect(world.oldest(all.filter((id) => !broken.has(id)))).toBeLessThan(9);
    // Each is given up once, with its reason, and polled on.
    expect(world.letters.toSorted()).toEqual([...broken].toSorted());
    expect(world.queue.length).toBeLessThan(12);
  });

  it('tell of a part that is missing everywhere, and go on at the full rate', async () => {
    const world = new PollingWorld({ bucket: { limit: { perSecond: 0.5, burst: 1 }, pack: 20 } });
    const all = world.add(400, 'steady');
    const told = new Set<string>();
    world.upstream = (id) => {
      if (told.has(id)) return unchanged;
      if (world.watches.get(id)?.missingParts === undefined) {
        return { kind: 'vanished', since: 1, missingParts: ['x'] };
      }
      told.add(id);
      return unchanged;
    };
    await world.pass(60);
    expect(told.size).toBe(all.length);
    expect(world.requests).toBeGreaterThan(0.6 * 1_800);
  });

  it('serve a bucket of half a minute between requests, and one that 429s have slowed down as much', async () => {
    const world = new PollingWorld({ bucket: { limit: { perSecond: 0.03, burst: 1 }, pack: 1 } });
    world.add(20, 'steady');
    await world.pass(120);
    expect(world.requests).toBeGreaterThan(0.95 * 0.03 * 7_200);
  });

  it('recover when the queue is purged, and when an old slice is redriven', async () => {
    const world = new PollingWorld();
    const all = world.add(300, 'steady');
    await world.pass(20);
    const [old] = world.queue;
    world.queue.length = 0;
    await world.pass(50);
    expect(world.oldest(all)).toBeLessThan(15);
    if (old) world.send([{ ...old.slice, endsAt: 1 }]);
    await world.pass(20);
    expect(world.oldest(all)).toBeLessThan(10);
  });

  it('look at urgent watches soon, also while a catalogue is being imported', async () => {
    const world = new PollingWorld();
    const urgent = world.add(5, 'urgent', 'u');
    world.add(100, 'steady', 's');
    world.add(3_000, 'new', 'n');
    await world.pass(6);
    expect(world.oldest(urgent)).toBeLessThan(7);
    await world.pass(54);
    const imported = 3_000 - [...world.watches.values()].filter((head) => head.lap === 'b#new').length;
    expect(imported).toBeGreaterThan(0.6 * 3_600);
    // The steady ones, to which the imported come, keep their fifth.
    expect(world.requests - imported).toBeGreaterThan(0.15 * 3_600);
  });
});
