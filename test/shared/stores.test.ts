import { TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import { GetCommand, QueryCommand, TransactWriteCommand } from '@aws-sdk/lib-dynamodb';
import { mockClient } from 'aws-sdk-client-mock';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RecordedChange } from '../../lambdas/change-events/changes.store.ts';
import { ChangeStore } from '../../lambdas/change-events/changes.store.ts';
import { HistoryRow } from '../../lambdas/change-events/history-row.ts';
import { OccurrenceStore } from '../../lambdas/change-events/occurrences.store.ts';
import { unpublishedShard } from '../../lambdas/change-events/unpublished.ts';
import { HistoryStore } from '../../lambdas/change-events/history.store.ts';
import { BucketStore } from '../../lambdas/shared/pacer/buckets.store.ts';
import { WatchStore } from '../../lambdas/shared/watches.store.ts';
import type { EngineTables } from './engine-tables.ts';
import { startEngineTables } from './engine-tables.ts';
import { losingAnswers } from './losing-database.ts';
import { VirtualClock } from './virtual-clock.ts';

let tables: EngineTables;
beforeAll(async () => {
  tables = await startEngineTables();
});
afterAll(() => tables.stop());

const clock = new VirtualClock();
let count = 0;
/** A watch of its own for each test. */
const watchOf = (bucketId = 'b') => ({ watchId: `title|studio|GLOBAL|A${String(++count).padStart(4, '0')}`, bucketId });
const watches = () => new WatchStore(tables.database, 'Watches', clock);
const changes = () => new ChangeStore(tables.database, { watches: 'Watches', history: 'History' });
const history = () =>
  new HistoryStore(tables.database, 'History', clock, (row) => {
    throw new Error(row);
  });

function change(watchId: string, given: Partial<RecordedChange> = {}): RecordedChange {
  return {
    watchId,
    seenVersion: 0,
    seenObservedAt: undefined,
    bucketId: 'b',
    lap: 'b#steady',
    after: { offer: { status: 'Live', comments: null } },
    changes: { offer: [{ change: 'offerAdded' }] },
    events: [{ detailType: 'Offer Added', item: 'offer', about: { alid: 'A', groupingEntity: null } }],
    historyPath: '/v1/titles/studio/A/history',
    correlationId: 'm1',
    sentAt: 5,
    now: clock.now(),
    ...given,
  };
}

describe('the watch store', () => {
  it('adds a watch once, into the lap of new ones', async () => {
    const watch = watchOf();
    expect(await watches().add(watch)).toBe(true);
    expect(await watches().add(watch)).toBe(false);
    expect((await watches().heads([watch.watchId])).get(watch.watchId)).toMatchObject({ lap: 'b#new', version: 0 });
  });

  it('keeps the versions of a removed watch, and goes on with them when it comes back', async () => {
    const watch = watchOf();
    await watches().add(watch);
    await changes().record(change(watch.watchId));
    expect(await watches().remove(watch.watchId)).toBe(true);
    expect(await watches().remove(watch.watchId)).toBe(false);
    expect((await watches().heads([watch.watchId])).get(watch.watchId)?.lap).toBeUndefined();
    await watches().add(watch);
    expect((await watches().heads([watch.watchId])).get(watch.watchId)).toMatchObject({ lap: 'b#new', version: 1 });
    expect(await changes().record(change(watch.watchId, { seenVersion: 1 }))).toBe('recorded');
    expect(await history().read([{ watchId: watch.watchId, version: 2 }])).toHaveLength(1);
  });

  it('reads a lap in key order, page by page, and says where it ends', async () => {
    const added = Array.from({ length: 5 }, () => watchOf('paged'));
    for (const watch of added.toReversed()) await watches().add(watch);
    const read = watches().lapReader('paged');
    const first = await read('new', null, 3);
    expect(first).toEqual({ watches: added.slice(0, 3).map((watch) => watch.watchId), last: false });
    expect(await read('new', first.watches.at(-1) ?? null, 3)).toEqual({
      watches: added.slice(3).map((watch) => watch.watchId),
      last: true,
    });
    expect(await read('urgent', null, 3)).toEqual({ watches: [], last: true });
  });

  it('moves a watch between laps with its notes, and takes notes off again', async () => {
    const watch = watchOf('moved');
    await watches().add(watch);
    const problem = { code: 'BadRequest', message: 'no', since: '2026-01-01T00:00:00.000Z' };
    await watches().place(watch, 'urgent', { attempts: 2, problem });
    expect((await watches().heads([watch.watchId])).get(watch.watchId)).toMatchObject({
      lap: 'moved#urgent',
      attempts: 2,
      problem,
    });
    await watches().place(watch, 'steady', {});
    const head = (await watches().heads([watch.watchId])).get(watch.watchId);
    expect([head?.lap, head?.attempts, head?.problem]).toEqual(['moved#steady', undefined, undefined]);
  });

  it('does not bring a removed watch back by moving it', async () => {
    const watch = watchOf();
    await watches().add(watch);
    await watches().remove(watch.watchId);
    expect(await watches().place(watch, 'steady', {})).toBe(false);
    expect((await watches().heads([watch.watchId])).get(watch.watchId)?.lap).toBeUndefined();
  });

  it('reads more heads than one call can carry', async () => {
    const added = Array.from({ length: 120 }, () => watchOf('many'));
    await Promise.all(added.map((watch) => watches().add(watch)));
    const heads = await watches().heads([...added.map((watch) => watch.watchId), 'unheard-of']);
    expect(heads.size).toBe(120);
  });
});

describe('recording a change', () => {
  it('writes head and history together, marked as unpublished', async () => {
    const watch = watchOf();
    await watches().add(watch);
    expect(await changes().record(change(watch.watchId))).toBe('recorded');
    expect((await watches().heads([watch.watchId])).get(watch.watchId)).toMatchObject({
      lap: 'b#steady',
      version: 1,
      sentAt: 5,
      state: { offer: { status: 'Live', comments: null } },
    });
    expect(await history().read([{ watchId: watch.watchId, version: 1 }])).toEqual([
      expect.objectContaining({ version: 1, correlationId: 'm1', unpublished: unpublishedShard(watch.watchId) }),
    ]);
  });

  it('lets one of two racing workers win', async () => {
    const watch = watchOf();
    await watches().add(watch);
    const outcomes = await Promise.all([
      changes().record(change(watch.watchId)),
      changes().record(change(watch.watchId)),
    ]);
    expect(outcomes.toSorted()).toEqual(['outrun', 'recorded']);
    expect(await history().read([1, 2].map((version) => ({ watchId: watch.watchId, version })))).toHaveLength(1);
  });

  it('writes nothing for a watch that has been removed meanwhile', async () => {
    const watch = watchOf();
    await watches().add(watch);
    await watches().remove(watch.watchId);
    expect(await changes().record(change(watch.watchId))).toBe('outrun');
    expect(await history().read([{ watchId: watch.watchId, version: 1 }])).toEqual([]);
  });

  it('leaves a watch that has been moved meanwhile in its new bucket’s lap', async () => {
    const watch = watchOf();
    await watches().add(watch);
    await watches().place({ ...watch, bucketId: 'other' }, 'new', {});
    expect(await changes().record(change(watch.watchId))).toBe('outrun');
    const head = (await watches().heads([watch.watchId])).get(watch.watchId);
    expect(head).toMatchObject({ bucketId: 'other', lap: 'other#new', version: 0 });
    expect(await changes().record(change(watch.watchId, { bucketId: 'other', lap: 'other#steady' }))).toBe('recorded');
  });

  it('lets observation times rise with the versions, even when the clock falls back', async () => {
    const watch = watchOf();
    await watches().add(watch);
    const later = new Date(clock.now() + 60_000).toISOString();
    await changes().record(change(watch.watchId, { seenObservedAt: later }));
    const [row] = await history().read([{ watchId: watch.watchId, version: 1 }]);
    expect(row?.observedAt).toBe(new Date(Date.parse(later) + 1).toISOString());
  });

  it('refuses a state that no row can hold, and writes nothing', async () => {
    const watch = watchOf();
    await watches().add(watch);
    const after = { offer: { text: 'x'.repeat(400_000) } };
    expect(await changes().record(change(watch.watchId, { after }))).toBe('tooLarge');
    expect((await watches().heads([watch.watchId])).get(watch.watchId)?.version).toBe(0);
  });

  it.each([
    ['TransactionConflict', 'contended'],
    ['ThrottlingError', 'contended'],
    ['ConditionalCheckFailed', 'outrun'],
  ])('calls a transaction cancelled for %s %s', async (code, outcome) => {
    const fault = mockClient(tables.database);
    try {
      fault.on(TransactWriteCommand).rejects(
        new TransactionCanceledException({
          $metadata: {},
          message: 'cancelled',
          CancellationReasons: [{ Code: 'None' }, { Code: code }],
        }),
      );
      expect(await changes().record(change('w'))).toBe(outcome);
    } finally {
      fault.restore();
    }
  });
});

describe('recording an occurrence', () => {
  const occurrences = () => new OccurrenceStore(tables.database, 'History', clock);
  const verified = (subject: string, correlationId = 'request-1') => ({
    subject,
    detailType: 'Offer Code Verified',
    data: { partner: 'acme' },
    correlationId,
  });
  const rowsOf = async (subject: string) => {
    const query = { KeyConditionExpression: 'watchId = :subject', ExpressionAttributeValues: { ':subject': subject } };
    const page = await tables.database.send(new QueryCommand({ TableName: 'History', ...query }));
    return (page.Items ?? []).map((item) => HistoryRow.parse(item));
  };

  it('puts a row that waits to be published, and will be dropped after 90 days', async () => {
    await occurrences().record(verified('code/one'));
    const { Item } = await tables.database.send(
      new GetCommand({ TableName: 'History', Key: { watchId: 'code/one', version: clock.now() } }),
    );
    expect(Item).toEqual({
      watchId: 'code/one',
      subject: 'code/one',
      version: clock.now(),
      events: [{ detailType: 'Offer Code Verified', data: { partner: 'acme' } }],
      correlationId: 'request-1',
      observedAt: new Date(clock.now()).toISOString(),
      unpublished: unpublishedShard('code/one'),
      expiresAt: Math.floor(clock.now() / 1000) + 90 * 86_400,
    });
  });

  it('loses none of several within one millisecond', async () => {
    const requests = Array.from({ length: 5 }, (_, index) => `request-${index}`);
    await Promise.all(requests.map((request) => occurrences().record(verified('code/two', request))));
    const now = clock.now();
    expect((await rowsOf('code/two')).map(({ version }) => version)).toEqual(
      [0, 1, 2, 3, 4].map((later) => now + later),
    );
  });

  it('writes one row where the answer to the first write was lost and the SDK repeats it', async () => {
    const losing = await losingAnswers(tables.database, (nth) => nth === 2);
    // Of another request, which had the millisecond first.
    await occurrences().record(verified('code/lost', 'request-0'));
    await new OccurrenceStore(losing.database, 'History', clock).record(verified('code/lost'));
    losing.stop();
    expect(losing.sent()).toBe(3);
    expect((await rowsOf('code/lost')).map(({ correlationId }) => correlationId)).toEqual(['request-0', 'request-1']);
  });

  it('writes one row where the answer was lost and its event has been published meanwhile', async () => {
    const losing = await losingAnswers(
      tables.database,
      (nth) => nth === 1,
      async () => {
        await history().clear({ watchId: 'code/told', version: clock.now() });
      },
    );
    await new OccurrenceStore(losing.database, 'History', clock).record(verified('code/told'));
    losing.stop();
    expect(losing.sent()).toBe(2);
    expect(await rowsOf('code/told')).toHaveLength(1);
    expect((await rowsOf('code/told'))[0]?.unpublished).toBeUndefined();
  });

  it('keeps the first of what has a subject to itself, however often it comes', async () => {
    const outcomes = await Promise.all(
      ['request-1', 'request-2', 'request-3'].map((request) =>
        occurrences().recordOnce(verified('buy-with-prime/one', request)),
      ),
    );
    expect(outcomes.filter(Boolean)).toHaveLength(1);
    const [row, ...others] = await rowsOf('buy-with-prime/one');
    expect(others).toEqual([]);
    expect(row).toMatchObject({ version: 1, correlationId: `request-${outcomes.indexOf(true) + 1}` });
    expect(row?.unpublished).toBe(unpublishedShard('buy-with-prime/one'));
    expect(await occurrences().recordOnce(verified('buy-with-prime/two'))).toBe(true);
  });

  it('does not announce again what occurs once and has been published', async () => {
    await occurrences().recordOnce(verified('buy-with-prime/three'));
    await history().clear({ watchId: 'buy-with-prime/three', version: 1 });
    expect(await occurrences().recordOnce(verified('buy-with-prime/three', 'request-2'))).toBe(false);
    expect((await rowsOf('buy-with-prime/three')).map(({ unpublished }) => unpublished)).toEqual([undefined]);
  });

  it('writes one row of what occurs once where the answer was lost and the SDK repeats the write', async () => {
    const losing = await losingAnswers(tables.database, (nth) => nth === 1);
    await new OccurrenceStore(losing.database, 'History', clock).recordOnce(verified('buy-with-prime/lost'));
    losing.stop();
    expect(losing.sent()).toBe(2);
    expect(await rowsOf('buy-with-prime/lost')).toHaveLength(1);
  });

  it('says that what occurs once could not be recorded', async () => {
    await expect(
      new OccurrenceStore(tables.database, 'Nowhere', clock).recordOnce(verified('buy-with-prime/four')),
    ).rejects.toThrow();
  });

  it('can be a part of a transaction, which fails where its number is taken', async () => {
    const { Put } = occurrences().item(verified('code/three'));
    await tables.database.send(new TransactWriteCommand({ TransactItems: [{ Put }] }));
    await expect(tables.database.send(new TransactWriteCommand({ TransactItems: [{ Put }] }))).rejects.toThrow(
      TransactionCanceledException,
    );
    const later = occurrences().item(verified('code/three'), 1);
    await tables.database.send(new TransactWriteCommand({ TransactItems: [later] }));
    expect(await rowsOf('code/three')).toHaveLength(2);
  });
});

describe('the history store', () => {
  it('finds what is unpublished and old, and forgets what has been published', async () => {
    const watch = watchOf();
    await watches().add(watch);
    await changes().record(change(watch.watchId));
    const key = { watchId: watch.watchId, version: 1 };
    const find = async (time: number) =>
      (await history().unpublishedBefore(new Date(time), 500)).filter((found) => found.watchId === watch.watchId);
    expect(await find(clock.now() - 1)).toEqual([]);
    expect(await find(clock.now() + 1)).toEqual([{ ...key, observedAt: new Date(clock.now()).toISOString() }]);
    await history().clear(key);
    expect(await find(clock.now() + 1)).toEqual([]);
    expect(await history().read([key])).toHaveLength(1);
  });
});

describe('the bucket store', () => {
  const reservation = {
    slice: 's1',
    start: 1_000.5,
    tat: 2_000.125,
    configured: 10,
    granted: 10,
    share: 1,
    throttledAt: 0,
  };

  it('takes a reservation only on top of the one that it was computed from', async () => {
    const buckets = new BucketStore(tables.database, 'Buckets');
    expect(await buckets.read('fresh')).toEqual({});
    expect(await buckets.reserve('fresh', { ...reservation, started: 7 }, undefined)).toBeUndefined();
    expect(await buckets.reserve('fresh', { ...reservation, slice: 's2' }, undefined)).toMatchObject({ slice: 's1' });
    const next = { ...reservation, slice: 's2', tat: 3_000 };
    expect(await buckets.reserve('fresh', next, { slice: 's1', tat: 2_000.125 })).toBeUndefined();
    expect(await buckets.reserve('fresh', next, { slice: 's1', tat: 2_000.125 })).toMatchObject({ slice: 's2' });
    expect(await buckets.read('fresh')).toMatchObject({ slice: 's2', tat: 3_000, started: 7 });
  });

  it('lets one of two planners win, beside the reservations', async () => {
    const buckets = new BucketStore(tables.database, 'Buckets');
    const plan = { planned: 200, laps: { steady: { cursor: 'w', startedAt: 5, through: 200 } } };
    await buckets.reserve('planned', reservation, undefined);
    const unsent = [{ class: 'steady', after: null, last: 'w', endsAt: 200 }];
    const outcomes = [
      await buckets.recordPlan('planned', undefined, { ...plan, unsent }),
      await buckets.recordPlan('planned', undefined, { ...plan, unsent }),
      await buckets.recordPlan('planned', 1, { ...plan, unsent, planned: 400 }),
    ];
    expect(outcomes).toEqual([1, undefined, 2]);
    expect((await buckets.read('planned')).unsent).toEqual(unsent);
    await buckets.recordSent('planned', 1);
    expect((await buckets.read('planned')).unsent).toEqual(unsent);
    await buckets.recordSent('planned', 2);
    expect((await buckets.read('planned')).unsent).toBeUndefined();
    await buckets.recordStall('planned', 2, { started: 5, since: 7, markedAt: 7 });
    await buckets.hold('planned', 99);
    expect(await buckets.read('planned')).toMatchObject({
      stall: { started: 5, since: 7, markedAt: 7 },
      heldUntil: 99,
    });
    expect(await buckets.read('planned')).toMatchObject({ planVersion: 2, planned: 400, slice: 's1', laps: plan.laps });
    const { Item } = await tables.database.send(new GetCommand({ TableName: 'Buckets', Key: { bucketId: 'planned' } }));
    expect(Item).toMatchObject({ planned: 400 });
  });
});
