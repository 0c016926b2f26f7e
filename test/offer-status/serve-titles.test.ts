import { SendMessageBatchCommand, SQSClient } from '@aws-sdk/client-sqs';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { PutCommand } from '@aws-sdk/lib-dynamodb';
import { mockClient } from 'aws-sdk-client-mock';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ChangeStore } from '../../lambdas/change-events/changes.store.ts';
import { HistoryStore } from '../../lambdas/change-events/history.store.ts';
import { offerStatusAccounts } from '../../lambdas/offer-status/offer-status-accounts.ts';
import type { Offer, Offers } from '../../lambdas/offer-status/offer.ts';
import { servedTitles, serveTitles } from '../../lambdas/offer-status/serve-titles.ts';
import { titleRoutes as routes } from '../../lambdas/offer-status/title-routes.ts';
import { connectDatabase } from '../../lambdas/shared/database.ts';
import { invalidLapOf, Slice } from '../../lambdas/shared/laps/slice.ts';
import { ServedWatches } from '../../lambdas/shared/partner-api/served-watches.ts';
import { OfferStatusSettings } from '../../lambdas/shared/settings-schema.ts';
import { SlicesQueue } from '../../lambdas/shared/slices-queue.ts';
import { titleWatchId, type TitleWatch } from '../../lambdas/shared/watches.ts';
import { WatchStore } from '../../lambdas/shared/watches.store.ts';
import { startEngineTables, type EngineTables } from '../shared/engine-tables.ts';
import { type AnswerBody, errorOf, partnerClient } from '../shared/gateway-requests.ts';
import { LeapingClock } from '../shared/virtual-clock.ts';

const SETTINGS = OfferStatusSettings.parse({
  accounts: { main: { licensors: ['studio', 'a|b%2F', 'Ünï+code'] }, other: { licensors: ['indie'] } },
});
const BUCKET = 'offer-status|main|global|status';

let tables: EngineTables;
beforeAll(async () => {
  tables = await startEngineTables();
});
afterAll(() => tables.stop());

const sqs = mockClient(SQSClient);
beforeEach(() => {
  sqs.reset();
  sqs.on(SendMessageBatchCommand).resolves({});
});
const slices = (): Slice[] =>
  sqs
    .commandCalls(SendMessageBatchCommand)
    .flatMap((call) => call.args[0].input.Entries ?? [])
    .map(({ MessageBody }) => Slice.parse(JSON.parse(MessageBody ?? '')));

/** The routes on the engine's tables, or on another database. */
function client(database = tables.database, settings = SETTINGS) {
  const clock = new LeapingClock();
  const kind = servedTitles(offerStatusAccounts(settings));
  const unreadable: string[] = [];
  const store = new WatchStore<Offers>(database, 'Watches', clock);
  const watches = new ServedWatches({
    kind,
    watches: store,
    slices: new SlicesQueue(new SQSClient({ region: 'us-east-1' }), 'https://queue'),
    clock,
    onUnreadable: (watchId) => void unreadable.push(watchId),
  });
  const history = new HistoryStore(database, 'History', clock, () => undefined);
  return { ...partnerClient(serveTitles({ kind, watches, history }), clock), clock, store, unreadable };
}

let titles = 0;
/** A title of its own for each test. */
const title = (fields: Partial<TitleWatch> = {}): TitleWatch => ({
  licensor: 'studio',
  alid: `T${String(++titles).padStart(5, '0')}`,
  marketplace: 'GLOBAL',
  ...fields,
});
const pathOf = ({ licensor, alid }: TitleWatch) => ({ licensor, alid });

const offer = (alid: string, status: string): Offer => ({
  alid,
  groupingEntity: null,
  marketplace: 'GLOBAL',
  licensor: { organizationId: 'studio', displayName: null },
  status,
  comments: null,
  start: null,
  end: null,
  platformIds: [],
  windows: [],
  updatedAt: null,
});
const changes = () => new ChangeStore(tables.database, { watches: 'Watches', history: 'History' });

/** Records versions of a title that is on the list, one a minute. */
async function record({ store, clock }: ReturnType<typeof client>, watch: TitleWatch, versions: readonly Offers[]) {
  const watchId = titleWatchId(watch);
  for (const after of versions) {
    clock.leap(60_000);
    const head = (await store.heads([watchId])).get(watchId)!;
    const outcome = await changes().record({
      watchId,
      seenVersion: head.version,
      seenObservedAt: head.observedAt,
      bucketId: head.bucketId,
      lap: `${head.bucketId}#steady`,
      after,
      changes: Object.fromEntries(
        Object.keys(after).map((key) => [key, [{ change: 'statusMoved', offerKey: key, from: 'Ready', to: 'Live' }]]),
      ),
      events: Object.keys(after).map((item) => ({ detailType: 'Offer Went Live', item, about: {} })),
      historyPath: '/',
      correlationId: 'm',
      sentAt: clock.now(),
      now: clock.now(),
    });
    expect(outcome).toBe('recorded');
  }
}
/** A title on the list with so many versions, whose offers carry the number of their version. */
async function recorded(versions: number) {
  const api = client();
  const watch = title();
  await api.store.add({ watchId: titleWatchId(watch), bucketId: BUCKET });
  const first = api.clock.now();
  await record(
    api,
    watch,
    Array.from({ length: versions }, (_, index) => ({ k: offer(watch.alid, `S${index + 1}`) })),
  );
  /** When a version was recorded. */
  const at = (version: number, ms = 0) => new Date(first + version * 60_000 + ms).toISOString();
  return { api, watch, at };
}

describe('the status of a title', () => {
  it('is the head with its offers in one fixed order, whatever the order of the row', async () => {
    const { api, watch } = await recorded(1);
    const [a, b, c] = ['a', 'b', 'c'].map((alid) => offer(alid, 'Live'));
    await record(api, watch, [{ 'c|-|GLOBAL': c!, 'a|-|GLOBAL': a!, 'b|-|GLOBAL': b! }]);
    const { status, body } = await api.call(routes.status, { path: pathOf(watch) });
    expect([status, body]).toEqual([
      200,
      {
        ...watch,
        watchId: titleWatchId(watch),
        version: 2,
        changedAt: new Date(api.clock.now()).toISOString(),
        queue: 'steady',
        problem: null,
        offers: [a, b, c],
      },
    ]);
  });

  it('tells of a title that was never seen, and of a problem without its fingerprint', async () => {
    const api = client();
    const watch = title();
    await api.store.add({ watchId: titleWatchId(watch), bucketId: BUCKET });
    const path = pathOf(watch);
    expect((await api.call(routes.status, { path })).body).toMatchObject({
      version: 0,
      changedAt: null,
      queue: 'new',
      problem: null,
      offers: [],
    });
    const problem = { code: 'UnreadableAnswer', message: 'no', since: '2026-01-01T00:00:00.000Z' };
    const row = { watchId: titleWatchId(watch), bucketId: BUCKET };
    await api.store.place(row, 'urgent', { problem: { ...problem, shape: 'f00' } });
    expect((await api.call(routes.status, { path })).body).toMatchObject({ queue: 'urgent', problem });
    await tables.database.send(new PutCommand({ TableName: 'Watches', Item: { ...row, lap: invalidLapOf(BUCKET) } }));
    expect((await api.call(routes.status, { path })).body).toMatchObject({ queue: 'invalid' });
  });

  it('is the one in the only marketplace in which the title is watched, and asks which one where there are two', async () => {
    const api = client();
    const [global, german] = [title(), title({ marketplace: 'DE' })].map((one) => ({ ...one, alid: 'both' }));
    const path = pathOf(global!);
    await api.store.add({ watchId: titleWatchId(german!), bucketId: BUCKET });
    expect((await api.call(routes.status, { path })).body).toMatchObject({ marketplace: 'DE' });
    await api.store.add({ watchId: titleWatchId(global!), bucketId: BUCKET });
    for (const route of [routes.status, routes.history, routes.check, routes.readWatch]) {
      expect(errorOf(await api.call(route, { path }))).toBe(
        '400 AMBIGUOUS: several watches match: the query parameter marketplace tells them apart (GLOBAL, DE)',
      );
      const german = await api.call(route, { path, query: { marketplace: 'DE' } });
      expect(german.status).toBeLessThan(300);
    }
  });

  it.each([routes.status, routes.history, routes.check, routes.readWatch])(
    'is 404 at $operationId for what is not watched, and for what could never be',
    async (route) => {
      const { api, watch } = await recorded(0);
      const long = { licensor: 'é'.repeat(200), alid: 'é'.repeat(700) };
      for (const path of [{ licensor: 'studio', alid: 'unheard-of' }, { ...pathOf(watch), licensor: 'x' }, long]) {
        expect(errorOf(await api.call(route, { path }))).toMatch(/^404 NOT_FOUND/u);
      }
      const elsewhere = await api.call(route, { path: pathOf(watch), query: { marketplace: 'JP' } });
      expect(elsewhere.status).toBe(404);
    },
  );

  it('is 404 once the title is taken off the list, while its history stays', async () => {
    const { api, watch } = await recorded(2);
    const path = pathOf(watch);
    expect((await api.call(routes.unwatch, { path })).status).toBe(204);
    for (const route of [routes.status, routes.check, routes.readWatch]) {
      expect((await api.call(route, { path })).status).toBe(404);
    }
    const { body } = await api.call(routes.history, { path });
    expect(body.items).toMatchObject([{ version: 2 }, { version: 1 }]);
    expect(slices()).toEqual([]);
  });

  it('answers 304 to whoever has it, until something changes', async () => {
    const { api, watch } = await recorded(1);
    const request = { path: pathOf(watch) };
    const { headers } = await api.call(routes.status, request);
    const known = { ...request, headers: { 'If-None-Match': headers['ETag']! } };
    expect(await api.call(routes.status, known)).toMatchObject({ status: 304, body: undefined });
    await record(api, watch, [{ k: offer(watch.alid, 'Live') }]);
    expect((await api.call(routes.status, known)).status).toBe(200);
  });

  it.each([
    [{ marketplace: 'FR' }, 'query parameter marketplace must be one of GLOBAL, US, DE, JP, GB'],
    [{ marketplace: '' }, 'query parameter marketplace must be one of GLOBAL, US, DE, JP, GB'],
    [{ market: 'US' }, 'query parameter market is not known here'],
  ])('refuses the query %j and names the rule', async (query, message) => {
    const answer = await client().call(routes.status, { path: pathOf(title()), query });
    expect(errorOf(answer)).toBe(`400 INVALID_REQUEST: ${message}`);
  });
});

describe('the history of a title', () => {
  const versionsOf = ({ items }: AnswerBody) => items.map(({ version }) => version);

  it('tells each version with its offers, its changes and the kinds of its events, each once', async () => {
    const { api, watch, at } = await recorded(1);
    const [a, b] = ['a', 'b'].map((alid) => offer(alid, 'Live'));
    await record(api, watch, [{ b: b!, a: a! }]);
    const { body } = await api.call(routes.history, { path: pathOf(watch), query: { limit: '1' } });
    const moved = { change: 'statusMoved', from: 'Ready', to: 'Live' };
    expect(body.items).toEqual([
      {
        version: 2,
        observedAt: at(2),
        events: ['Offer Went Live'],
        offers: [a, b],
        changes: [
          { ...moved, offerKey: 'a' },
          { ...moved, offerKey: 'b' },
        ],
      },
    ]);
  });

  it('is empty for a title that was never seen', async () => {
    const { api, watch } = await recorded(0);
    expect((await api.call(routes.history, { path: pathOf(watch) })).body).toEqual({ items: [], next: null });
  });

  it('gives the versions recorded from one instant on and before another, whatever the offset they are written with', async () => {
    const { api, watch, at } = await recorded(9);
    const path = pathOf(watch);
    const within = async (query: Record<string, string>) =>
      versionsOf((await api.call(routes.history, { path, query })).body);
    expect(await within({})).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1]);
    for (let version = 1; version <= 9; version += 1) {
      const newer = [9, 8, 7, 6, 5, 4, 3, 2, 1].filter((one) => one >= version);
      const older = [9, 8, 7, 6, 5, 4, 3, 2, 1].filter((one) => one < version);
      expect(await within({ from: at(version) })).toEqual(newer);
      expect(await within({ from: at(version, 1) })).toEqual(newer.slice(0, -1));
      expect(await within({ to: at(version) })).toEqual(older);
      expect(await within({ to: at(version, 1) })).toEqual([version, ...older]);
    }
    expect(await within({ from: at(3), to: at(6) })).toEqual([5, 4, 3]);
    expect(await within({ from: at(6), to: at(3) })).toEqual([]);
    expect(await within({ to: '1999-01-01T00:00:00Z' })).toEqual([]);
    expect(await within({ from: '2999-01-01T00:00:00Z' })).toEqual([]);
    const berlin = at(4).replace(/T\d\d/u, (hour) => `T${String(Number(hour.slice(1)) + 2).padStart(2, '0')}`);
    expect(await within({ from: berlin.replace('Z', '+02:00'), to: at(5) })).toEqual([4]);
  });

  it('is whole and without repeats in pages of any size, also while versions arrive', async () => {
    const { api, watch, at } = await recorded(12);
    const path = pathOf(watch);
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 13 }),
        fc.option(fc.integer({ min: 0, max: 13 }), { nil: undefined }),
        fc.option(fc.integer({ min: 0, max: 13 }), { nil: undefined }),
        async (limit, from, to) => {
          const range = { ...(from !== undefined && { from: at(from) }), ...(to !== undefined && { to: at(to) }) };
          const newest = ((await api.store.heads([titleWatchId(watch)])).get(titleWatchId(watch))?.version ?? 0) + 1;
          const seen: unknown[] = [];
          let cursor: string | undefined;
          do {
            const query = { ...range, limit: String(limit), ...(cursor !== undefined && { cursor }) };
            const { body } = await api.call(routes.history, { path, query });
            expect(body.items.length).toBeLessThanOrEqual(limit);
            seen.push(...versionsOf(body));
            cursor = body.next ?? undefined;
          } while (cursor !== undefined);
          const whole = Array.from({ length: newest }, (_, index) => newest - index);
          expect(seen).toEqual(whole.filter((one) => one >= Math.max(1, from ?? 1) && one < (to ?? newest)));
        },
      ),
      { numRuns: 40 },
    );
    const query = { limit: '5' };
    const first = (await api.call(routes.history, { path, query })).body;
    const second = await api.call(routes.history, { path, query: { ...query, cursor: first.next } });
    await record(api, watch, [{ k: offer(watch.alid, 'Live') }]);
    const again = await api.call(routes.history, { path, query: { ...query, cursor: first.next } });
    expect(again).toEqual(second);
    expect(second.headers['ETag']).toMatch(/^"[\w-]{22}"$/u);
    expect(versionsOf(again.body)).toEqual([7, 6, 5, 4, 3]);
  });

  it('does not pretend that there is a next page where the page ends with the range', async () => {
    const { api, watch, at } = await recorded(4);
    const query = { limit: '2', from: at(3) };
    expect((await api.call(routes.history, { path: pathOf(watch), query })).body.next).toBeNull();
    const all = await api.call(routes.history, { path: pathOf(watch), query: { limit: '4' } });
    expect(all.body.next).toBeNull();
  });

  it('refuses a cursor of another title, another range or another route, and takes it with another limit', async () => {
    const { api, watch, at } = await recorded(3);
    const { api: other, watch: stranger } = await recorded(3);
    const { next } = (await api.call(routes.history, { path: pathOf(watch), query: { limit: '1' } })).body;
    const listed = (await api.call(routes.list, { query: { limit: '1' } })).body;
    expect(listed.next).toEqual(expect.any(String));
    for (const [path, query] of [
      [pathOf(stranger), { cursor: next }],
      [pathOf(watch), { cursor: next, from: at(0) }],
      [pathOf(watch), { cursor: next, to: at(9) }],
      [pathOf(watch), { cursor: listed.next }],
      [pathOf(watch), { cursor: 'nonsense' }],
    ] as const) {
      expect(errorOf(await other.call(routes.history, { path, query }))).toMatch(/^400 INVALID_CURSOR/u);
    }
    for (const cursor of [next, 'x']) {
      expect(errorOf(await api.call(routes.list, { query: { cursor } }))).toMatch(/^400 INVALID_CURSOR/u);
    }
    const { body } = await api.call(routes.history, { path: pathOf(watch), query: { limit: '2', cursor: next } });
    expect(versionsOf(body)).toEqual([2, 1]);
  });

  it('passes on what was recorded by the schema of another day', async () => {
    const { api, watch, at } = await recorded(3);
    const old = { watchId: titleWatchId(watch), version: 2, observedAt: at(2), after: { k: { state: 'LIVE' } } };
    await tables.database.send(new PutCommand({ TableName: 'History', Item: old }));
    const { status, body } = await api.ask(routes.history, { path: pathOf(watch) });
    expect([status, versionsOf(body)]).toEqual([200, [3, 2, 1]]);
    expect(body.items[1]).toEqual({
      version: 2,
      observedAt: at(2),
      events: [],
      offers: [{ state: 'LIVE' }],
      changes: [],
    });
  });

  it('ends a page before it grows too large for an answer, however it has to be escaped', async () => {
    const { api, watch } = await recorded(1);
    // Quotes and backslashes grow fourfold on their way through two layers of JSON.
    const large = { ...offer(watch.alid, 'Live'), comments: '"\\'.repeat(90_000) };
    await record(
      api,
      watch,
      Array.from({ length: 9 }, () => ({ k: large })),
    );
    const path = pathOf(watch);
    const seen: unknown[] = [];
    let cursor: string | undefined;
    do {
      const { body } = await api.call(routes.history, { path, query: { limit: '100', ...(cursor && { cursor }) } });
      expect(JSON.stringify(JSON.stringify(body)).length).toBeLessThan(5_000_000);
      expect(body.items.length).toBeGreaterThan(0);
      seen.push(...versionsOf(body));
      cursor = body.next ?? undefined;
      if (seen.length < 10) expect(body.items.length).toBeGreaterThan(3);
    } while (cursor !== undefined);
    expect(seen).toEqual([10, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
  });

  it('finds a range in a long history without reading through it', async () => {
    const { api, watch, at } = await recorded(40);
    const before = tables.calls()['QueryCommand'] ?? 0;
    const { body } = await api.call(routes.history, { path: pathOf(watch), query: { to: at(5), limit: '2' } });
    expect(versionsOf(body)).toEqual([4, 3]);
    expect((tables.calls()['QueryCommand'] ?? 0) - before).toBeLessThanOrEqual(7);
  });

  it.each([
    [{ limit: '0' }, 'query parameter limit must be a whole number from 1 to 100'],
    [{ limit: '101' }, 'query parameter limit must be a whole number from 1 to 100'],
    [{ limit: '1e1' }, 'query parameter limit must be a whole number from 1 to 100'],
    [{ from: 'yesterday' }, 'query parameter from must be an instant such as 2026-03-01T00:00:00Z'],
    [{ to: '2026-03-01' }, 'query parameter to must be an instant such as 2026-03-01T00:00:00Z'],
    [{ from: '2026-03-01T00:00:00' }, 'query parameter from must be an instant such as 2026-03-01T00:00:00Z'],
    [{ cursor: '' }, 'query parameter cursor must be `next` of the page before, as it was'],
  ])('refuses the query %j and names the rule', async (query, message) => {
    const answer = await client().call(routes.history, { path: pathOf(title()), query });
    expect(errorOf(answer)).toBe(`400 INVALID_REQUEST: ${message}`);
  });
});

describe('an urgent check of a title', () => {
  it('is sent at once as a slice of its own, and is one with other wishes of the same half minute', async () => {
    const { api, watch } = await recorded(1);
    const path = pathOf(watch);
    const wish = async () => (await api.call(routes.check, { path })).body;
    api.clock.leap(30_000 - (api.clock.now() % 30_000));
    const requestedAt = new Date(api.clock.now()).toISOString();
    expect(await wish()).toEqual({ watchId: titleWatchId(watch), requestedAt });
    api.clock.leap(29_999);
    await wish();
    api.clock.leap(1);
    await wish();
    const [first, second, third] = slices();
    expect(first).toEqual({
      id: expect.stringMatching(/^offer-status\|main\|global\|status#check-now#api-[0-9a-f]{16}-\d+$/u),
      bucket: BUCKET,
      class: 'urgent',
      watches: [titleWatchId(watch)],
    });
    expect(second).toEqual(first);
    expect(third?.id).not.toBe(first?.id);
    // Where it stands in its lap is left alone.
    expect((await api.call(routes.readWatch, { path })).body).toMatchObject({ queue: 'steady' });
  });

  it('is not one with wishes for another title', async () => {
    const { api, watch } = await recorded(0);
    const other = title();
    await api.store.add({ watchId: titleWatchId(other), bucketId: BUCKET });
    for (const path of [watch, other].map(pathOf)) await api.call(routes.check, { path });
    const [first, second] = slices();
    expect(first?.id).not.toBe(second?.id);
  });

  it('moves a title along that the settings have given to another account', async () => {
    const { api, watch } = await recorded(1);
    const moved = client(tables.database, OfferStatusSettings.parse({ accounts: { new: { licensors: ['studio'] } } }));
    await moved.call(routes.check, { path: pathOf(watch) });
    expect(slices()).toMatchObject([{ bucket: 'offer-status|new|global|status', watches: [titleWatchId(watch)] }]);
    const head = (await api.store.heads([titleWatchId(watch)])).get(titleWatchId(watch));
    expect(head?.lap).toBe('offer-status|new|global|status#new');
    const nobody = client(tables.database, OfferStatusSettings.parse({}));
    expect(errorOf(await nobody.call(routes.check, { path: pathOf(watch) }))).toBe(
      '404 NOT_FOUND: No account of the settings serves this watch any more.',
    );
    expect(slices()).toHaveLength(1);
  });

  it('is 503 where SQS does not take it', async () => {
    const { api, watch } = await recorded(0);
    sqs.on(SendMessageBatchCommand).resolves({ Failed: [{ Id: '0', SenderFault: false, Code: 'InternalError' }] });
    const answer = await api.call(routes.check, { path: pathOf(watch) });
    expect(errorOf(answer)).toMatch(/^503 STORAGE_UNAVAILABLE/u);
    expect(answer.headers['Retry-After']).toBe('1');
  });
});

describe('the watch list of titles', () => {
  it('takes a title once, and gives it back with its versions after a removal', async () => {
    const { api, watch } = await recorded(0);
    const path = pathOf(title());
    const put = () => api.call(routes.watch, { path });
    expect(await put()).toMatchObject({
      status: 201,
      body: { ...path, marketplace: 'GLOBAL', version: 0, queue: 'new' },
    });
    expect((await put()).status).toBe(200);
    await record(api, { ...path, marketplace: 'GLOBAL' }, [{ k: offer('x', 'Live') }]);
    expect(await put()).toMatchObject({ status: 200, body: { version: 1, queue: 'steady' } });
    expect((await api.call(routes.unwatch, { path })).status).toBe(204);
    expect((await api.call(routes.unwatch, { path })).status).toBe(204);
    expect(await put()).toMatchObject({ status: 201, body: { version: 1, queue: 'new' } });
    expect((await api.call(routes.readWatch, { path: pathOf(watch) })).status).toBe(200);
  });

  it('keeps marketplaces apart', async () => {
    const api = client();
    const path = pathOf(title());
    expect((await api.call(routes.watch, { path, query: { marketplace: 'US' } })).body.marketplace).toBe('US');
    expect((await api.call(routes.watch, { path })).status).toBe(201);
    await api.call(routes.unwatch, { path });
    expect((await api.call(routes.readWatch, { path })).body.marketplace).toBe('US');
  });

  it('moves a title that the settings have given to another account, as an import does', async () => {
    const { api, watch } = await recorded(1);
    const moved = client(tables.database, OfferStatusSettings.parse({ accounts: { new: { licensors: ['studio'] } } }));
    const answer = await moved.call(routes.watch, { path: pathOf(watch) });
    expect(answer).toMatchObject({ status: 200, body: { version: 1, queue: 'new' } });
    const head = (await api.store.heads([titleWatchId(watch)])).get(titleWatchId(watch));
    expect(head).toMatchObject({
      bucketId: 'offer-status|new|global|status',
      lap: 'offer-status|new|global|status#new',
    });
  });

  it('refuses a licensor that no account serves, by name and without repeating it', async () => {
    const api = client();
    const path = { licensor: 'somebody', alid: 'A' };
    expect(errorOf(await api.call(routes.watch, { path }))).toBe(
      '400 INVALID_REQUEST: path parameter licensor is none that an account of the settings serves',
    );
    // It is not on the list, which is what was asked for.
    expect((await api.call(routes.unwatch, { path })).status).toBe(204);
  });

  it.each([
    [{ alid: ' A' }, 'path parameter alid begins or ends with a space'],
    [{ alid: 'A\u00a0' }, 'path parameter alid begins or ends with a space'],
    [{ licensor: 'studio ' }, 'path parameter licensor begins or ends with a space'],
    [{ alid: 'A\uFFFD' }, 'path parameter alid holds bytes that are not UTF-8'],
    [{ alid: 'A\nB' }, 'path parameter alid must be well-formed Unicode without control characters'],
    [{ alid: '..' }, 'path parameter alid must not be "." or "..", which a path cannot carry'],
    [{ alid: '' }, 'path parameter alid must not be empty'],
    [{ alid: 'A'.repeat(701) }, 'path parameter alid must have at most 700 characters'],
    [
      { alid: '/'.repeat(400) },
      'path parameter licensor and alid are too long together: percent-encoded they may take about 1000 bytes',
    ],
  ])('refuses %j and names the rule', async (fields, message) => {
    const api = client();
    const path = { ...pathOf(title()), ...fields };
    for (const route of [routes.watch, routes.unwatch]) {
      expect(errorOf(await api.call(route, { path }))).toBe(`400 INVALID_REQUEST: ${message}`);
    }
  });

  it('takes the longest identifier that the index can hold', async () => {
    const api = client();
    const room = 1024 - titleWatchId({ licensor: 'studio', marketplace: 'GLOBAL', alid: '' }).length;
    const alid = `${'/'.repeat(Math.floor(room / 3))}${'x'.repeat(room % 3)}`;
    expect((await api.call(routes.watch, { path: { licensor: 'studio', alid } })).status).toBe(201);
    expect((await api.call(routes.readWatch, { path: { licensor: 'studio', alid } })).body.alid).toBe(alid);
    expect((await api.call(routes.watch, { path: { licensor: 'studio', alid: `${alid}x` } })).status).toBe(400);
  });

  const awkward = fc
    .oneof(
      fc.string({ unit: 'binary', minLength: 1, maxLength: 30 }),
      fc.string({ unit: fc.constantFrom('%', '%2F', '/', '+', ' ', '|', '"', '\\', 'é', '𝄞', '..', '?', '#', '&', ':'), minLength: 1, maxLength: 12 }), // prettier-ignore
    )
    .filter((text) => text.isWellFormed() && text === text.trim() && !/^\.{0,2}$|\p{Cc}|\uFFFD/u.test(text));

  it('keeps any licensor and ALID exactly from PUT over GET and the list to DELETE', async () => {
    await fc.assert(
      fc.asyncProperty(awkward, awkward, fc.constantFrom('GLOBAL', 'JP'), async (licensor, alid, marketplace) => {
        const api = client(
          tables.database,
          OfferStatusSettings.parse({ accounts: { any: { licensors: [licensor] } } }),
        );
        const [path, query] = [{ licensor, alid }, { marketplace }];
        const put = await api.call(routes.watch, { path, query });
        expect(put).toMatchObject({ status: 201, body: { licensor, alid, marketplace } });
        expect((await api.call(routes.readWatch, { path, query })).body).toEqual(put.body);
        const listed = await listAll(api, { licensor });
        expect(listed).toContainEqual(put.body);
        expect((await api.call(routes.unwatch, { path, query })).status).toBe(204);
        expect((await api.call(routes.readWatch, { path, query })).status).toBe(404);
      }),
      { numRuns: 60 },
    );
  });

  const listAll = async (api: ReturnType<typeof client>, query: Record<string, string>) => {
    const items: Record<string, unknown>[] = [];
    let cursor: string | undefined;
    do {
      const { body } = await api.call(routes.list, { query: { ...query, ...(cursor !== undefined && { cursor }) } });
      items.push(...body.items);
      cursor = body.next ?? undefined;
    } while (cursor !== undefined);
    return items;
  };

  it('is listed whole and without repeats in pages of any size, by licensor or not, without what was removed', async () => {
    const api = client();
    const others = Array.from({ length: 25 }, () => title({ licensor: 'indie' }));
    for (const one of others)
      await api.store.add({ watchId: titleWatchId(one), bucketId: 'offer-status|other|global|status' });
    await api.store.remove(titleWatchId(others[7]!));
    await api.store.add({ watchId: 'price|not|a|title', bucketId: 'b' });
    const expected = others
      .filter((_, index) => index !== 7)
      .map(({ alid }) => alid)
      .sort();
    const whole = (await listAll(api, { limit: '1000' })).map(({ watchId }) => watchId).sort();
    expect(new Set(whole).size).toBe(whole.length);
    for (const limit of ['1', '2', '7', '24', '1000']) {
      const indie = await listAll(api, { limit, licensor: 'indie' });
      expect(indie.map(({ alid }) => alid).sort()).toEqual(expected);
      expect((await listAll(api, { limit })).map(({ watchId }) => watchId).sort()).toEqual(whole);
    }
    expect(await listAll(api, { licensor: 'nobody' })).toEqual([]);
    const { next } = (await api.call(routes.list, { query: { limit: '1', licensor: 'indie' } })).body;
    expect(errorOf(await api.call(routes.list, { query: { cursor: next } }))).toMatch(/^400 INVALID_CURSOR/u);
  });

  it('leaves rows out that are no titles, and tells so', async () => {
    const api = client();
    const row = { watchId: 'title|broken', bucketId: BUCKET };
    await api.store.add(row);
    await listAll(api, { limit: '1000' });
    expect(api.unreadable).toEqual(['title|broken']);
    await api.store.remove(row.watchId);
  });

  it('looks through a bounded part of the table for each page', async () => {
    const api = client();
    // Half a megabyte and more each: a scan reads three of them at a time.
    for (let index = 0; index < 30; index += 1) {
      const Item = {
        watchId: `price|filler|${index}`,
        bucketId: 'b',
        lap: 'b#new',
        state: { text: 'x'.repeat(390_000) },
      };
      await tables.database.send(new PutCommand({ TableName: 'Watches', Item }));
    }
    const before = tables.calls()['ScanCommand'] ?? 0;
    const first = await api.call(routes.list, { query: { licensor: 'nobody' } });
    expect((tables.calls()['ScanCommand'] ?? 0) - before).toBe(4);
    expect(first.body).toEqual({ items: [], next: expect.any(String) });
    expect(await listAll(api, { licensor: 'nobody' })).toEqual([]);
  });
});

describe('a database that does not answer', () => {
  it.each(Object.values(routes))('makes $operationId 503, and not a fault of ours', async (route) => {
    const database = connectDatabase(
      new DynamoDBClient({
        endpoint: 'http://127.0.0.1:1',
        region: 'us-east-1',
        credentials: { accessKeyId: 'x', secretAccessKey: 'x' },
        maxAttempts: 1,
      }),
    );
    const api = client(database);
    const path = Object.keys(route.pathParameters).length === 0 ? {} : pathOf(title());
    const answer = await api.call(route, { path });
    expect(errorOf(answer)).toMatch(/^503 STORAGE_UNAVAILABLE/u);
    expect(answer.headers['Retry-After']).toBe('1');
  });
});
