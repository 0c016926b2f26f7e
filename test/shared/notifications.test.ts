import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type {
  ReadNotification,
  TakeNotificationsParts,
} from '../../lambdas/shared/notifications/take-notifications.ts';
import { takeNotifications } from '../../lambdas/shared/notifications/take-notifications.ts';
import type { Whereabouts } from '../../lambdas/shared/watches.store.ts';
import { WatchStore } from '../../lambdas/shared/watches.store.ts';
import type { EngineTables } from './engine-tables.ts';
import { startEngineTables } from './engine-tables.ts';
import { VirtualClock } from './virtual-clock.ts';

/** `id:watch,watch`, or a body that nobody understands. */
const read: ReadNotification = (body) => {
  const [id = '', watches] = body.split(':');
  if (watches === undefined) return { refused: { code: 'UnreadableMessage', message: 'no colon' } };
  return { notification: { id: id === '' ? undefined : id, watchIds: watches.split(',').filter((one) => one !== '') } };
};

/** A door in front of a table in memory. */
function doorOf(rows: readonly Whereabouts[], broken: { read?: boolean; write?: string; refuse?: boolean } = {}) {
  const table = new Map(rows.map((row) => [row.watchId, row]));
  const reads: string[][] = [];
  const writes: string[] = [];
  const refused: string[] = [];
  const counts: Record<string, number> = {};
  const lines: unknown[] = [];
  const parts: TakeNotificationsParts = {
    read,
    watches: {
      whereabouts(ids) {
        reads.push([...ids]);
        if (broken.read) return Promise.reject(new Error('throttled'));
        return Promise.resolve(ids.flatMap((id) => table.get(id) ?? []));
      },
      hurry({ watchId, bucketId }, notified) {
        if (broken.write === watchId) return Promise.reject(new Error('throttled'));
        writes.push(watchId);
        const row = table.get(watchId);
        if (row?.lap !== `${bucketId}#steady`) return Promise.resolve(false);
        table.set(watchId, { ...row, lap: `${bucketId}#urgent`, notified });
        return Promise.resolve(true);
      },
    },
    refusedMessages: {
      refuse(body, { code }) {
        if (broken.refuse) return Promise.reject(new Error('queue is gone'));
        refused.push(`${code} ${body}`);
        return Promise.resolve();
      },
    },
    count: (metric, by) => (counts[metric] = (counts[metric] ?? 0) + by),
    info: (message, details) => lines.push([message, details]),
    warn: (message, details) => lines.push([message, details]),
  };
  const take = (...bodies: string[]) =>
    takeNotifications(
      bodies.map((body, index) => ({ messageId: `m${index}`, body })),
      parts,
    );
  /** The watch has been looked at. */
  const serve = (watchId: string): void => {
    const row = table.get(watchId);
    if (row) table.set(watchId, { ...row, lap: `${row.bucketId}#steady` });
  };
  return { take, serve, table, reads, writes, refused, counts, lines };
}

const row = (watchId: string, lap: string | undefined = 'b#steady', notified?: string[]): Whereabouts => ({
  watchId,
  bucketId: 'b',
  lap,
  notified,
});

describe('the door for notifications', () => {
  it('makes a steady watch urgent in its own bucket and remembers which notification asked for it', async () => {
    const door = doorOf([row('w')]);
    expect(await door.take('n1:w')).toEqual([]);
    expect(door.table.get('w')).toMatchObject({ lap: 'b#urgent', notified: ['n1'] });
    expect(door.counts).toEqual({ NotificationsTaken: 1, NotificationsRefused: 0, WatchesHurried: 1 });
  });

  it('reads all watches of a batch at once and writes each of them once, however often it is named', async () => {
    const door = doorOf([row('w'), row('v')]);
    await door.take('n1:w,v', 'n2:w', 'n2:w', 'n3:w,w');
    expect(door.reads).toEqual([['w', 'v']]);
    expect(door.writes.toSorted()).toEqual(['v', 'w']);
    expect(door.table.get('w')?.notified).toEqual(['n1', 'n2', 'n3']);
    expect(door.counts).toMatchObject({ NotificationsTaken: 3, WatchesHurried: 2 });
  });

  it('writes nothing for a notification that comes again after its watch was looked at', async () => {
    const door = doorOf([row('w')]);
    await door.take('n1:w');
    door.serve('w');
    await door.take('n1:w');
    expect(door.writes).toEqual(['w']);
    expect(door.table.get('w')?.lap).toBe('b#steady');
    await door.take('n1:w', 'n2:w');
    expect(door.table.get('w')).toMatchObject({ lap: 'b#urgent', notified: ['n1', 'n2'] });
  });

  it('remembers the last ten notifications of a watch and none longer than a hash', async () => {
    const door = doorOf([row('w')]);
    for (let n = 1; n <= 30; n += 1) {
      await door.take(`${n === 30 ? 'x'.repeat(100_000) : `n${n}`}:w`);
      door.serve('w');
    }
    const notified = door.table.get('w')?.notified ?? [];
    expect(notified).toHaveLength(10);
    expect(notified.slice(0, 9)).toEqual(Array.from({ length: 9 }, (_, index) => `n${index + 21}`));
    expect(notified[9]).toMatch(/^[0-9a-f]{64}$/);
    await door.take(`${'x'.repeat(100_000)}:w`);
    expect(door.table.get('w')?.lap).toBe('b#steady');
  });

  it.each([
    ['urgent already', row('w', 'b#urgent')],
    ['new, and seen soon anyway', row('w', 'b#new')],
    ['removed', { watchId: 'w', bucketId: 'b' }],
    ['unusable', row('w', 'b#invalid')],
    ['on its way from another bucket', row('w', 'other#steady')],
  ])('leaves a watch alone that is %s', async (_, given) => {
    const door = doorOf([given]);
    expect(await door.take('n1:w')).toEqual([]);
    expect(door.writes).toEqual([]);
  });

  it('takes a notification about nothing that is watched without a write', async () => {
    const door = doorOf([]);
    expect(await door.take('n1:w', 'n2:')).toEqual([]);
    expect(door.writes).toEqual([]);
    expect(door.counts).toMatchObject({ NotificationsTaken: 2, WatchesHurried: 0 });
  });

  it('goes by the message where a notification has no identifier', async () => {
    const door = doorOf([row('w')]);
    await door.take(':w');
    expect(door.table.get('w')?.notified).toEqual(['m0']);
  });

  it('puts what nobody understands aside with the reason, and goes on with the rest', async () => {
    const door = doorOf([row('w')]);
    expect(await door.take('gibberish', 'n1:w', 'more of it')).toEqual([]);
    expect(door.refused).toEqual(['UnreadableMessage gibberish', 'UnreadableMessage more of it']);
    expect(door.table.get('w')?.lap).toBe('b#urgent');
    expect(door.counts).toMatchObject({ NotificationsTaken: 1, NotificationsRefused: 2 });
  });

  it('lets only those messages stay whose watch could not be written', async () => {
    const door = doorOf([row('w'), row('v')], { write: 'w' });
    expect(await door.take('n1:v', 'n2:w', 'n3:v', 'n2:w')).toEqual(['m1', 'm3']);
    expect(door.table.get('v')?.lap).toBe('b#urgent');
  });

  it('lets every message stay that is about a watch when the table cannot be read', async () => {
    const door = doorOf([row('w')], { read: true });
    expect(await door.take('n1:w', 'gibberish', 'n2:')).toEqual(['m0']);
    expect(door.refused).toHaveLength(1);
  });

  it('lets a message stay that could not be put aside', async () => {
    const door = doorOf([row('w')], { refuse: true });
    expect(await door.take('gibberish', 'n1:w')).toEqual(['m0']);
    expect(door.table.get('w')?.lap).toBe('b#urgent');
  });

  it('logs nothing of what the messages say', async () => {
    const door = doorOf([row('w')], { write: 'w' });
    await door.take('secret-seller-1 gibberish', 'n1:w');
    expect(JSON.stringify(door.lines)).not.toContain('gibberish');
  });
});

describe('the watch store, on the real engine', () => {
  let tables: EngineTables;
  beforeAll(async () => {
    tables = await startEngineTables();
  });
  afterAll(() => tables.stop());
  const store = () => new WatchStore<unknown>(tables.database, 'Watches', new VirtualClock());

  it('hurries a steady watch once, until it has been served again', async () => {
    const watch = { watchId: 'hurried', bucketId: 'b' };
    await store().add(watch);
    expect(await store().hurry(watch, ['n1'])).toBe(false);
    await store().place(watch, 'steady', {});
    expect(await store().hurry(watch, ['n1'])).toBe(true);
    expect(await store().hurry(watch, ['n1', 'n2'])).toBe(false);
    expect(await store().whereabouts(['hurried'])).toEqual([{ ...watch, lap: 'b#urgent', notified: ['n1'] }]);
    expect((await store().lapReader('b')('urgent', null, 10)).watches).toEqual(['hurried']);
    await store().place(watch, 'steady', {});
    expect((await store().whereabouts(['hurried']))[0]).toMatchObject({ lap: 'b#steady', notified: ['n1'] });
  });

  it('brings no removed or unknown watch back, and moves none between buckets', async () => {
    const watch = { watchId: 'removed', bucketId: 'b' };
    await store().add(watch);
    await store().place(watch, 'steady', {});
    expect(await store().hurry({ ...watch, bucketId: 'other' }, ['n1'])).toBe(false);
    await store().remove('removed');
    expect(await store().hurry(watch, ['n1'])).toBe(false);
    expect(await store().hurry({ watchId: 'never', bucketId: 'b' }, ['n1'])).toBe(false);
    expect(await store().whereabouts(['removed', 'never'])).toEqual([watch]);
  });

  it('keeps notes and versions of a watch that it hurries', async () => {
    const watch = { watchId: 'noted', bucketId: 'b' };
    await store().add(watch);
    await store().place(watch, 'steady', { attempts: 2, missingSince: 5 });
    await store().hurry(watch, ['n1']);
    expect((await store().heads(['noted'])).get('noted')).toMatchObject({
      lap: 'b#urgent',
      attempts: 2,
      missingSince: 5,
      addedAt: expect.any(String),
    });
  });
});
