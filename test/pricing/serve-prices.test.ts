import { SendMessageBatchCommand, SQSClient } from '@aws-sdk/client-sqs';
import { mockClient } from 'aws-sdk-client-mock';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ChangeStore } from '../../lambdas/change-events/changes.store.ts';
import { HistoryStore } from '../../lambdas/change-events/history.store.ts';
import { comparePrices } from '../../lambdas/pricing/compare-prices.ts';
import { priceRoutes } from '../../lambdas/pricing/price-routes.ts';
import type { Prices } from '../../lambdas/pricing/prices.ts';
import { pricingAccounts } from '../../lambdas/pricing/pricing-accounts.ts';
import { servedPrices, servePrices } from '../../lambdas/pricing/serve-prices.ts';
import { Slice } from '../../lambdas/shared/laps/slice.ts';
import type { Route } from '../../lambdas/shared/partner-api/route.ts';
import { ServedWatches } from '../../lambdas/shared/partner-api/served-watches.ts';
import { PricingSettings } from '../../lambdas/shared/settings-schema.ts';
import { SlicesQueue } from '../../lambdas/shared/slices-queue.ts';
import { CUSTOMER_TYPES, ITEM_CONDITIONS, priceWatchId, type PriceWatch } from '../../lambdas/shared/watches.ts';
import { WatchStore } from '../../lambdas/shared/watches.store.ts';
import { startEngineTables, type EngineTables } from '../shared/engine-tables.ts';
import { type AnswerBody, errorOf, partnerClient } from '../shared/gateway-requests.ts';
import { LeapingClock } from '../shared/virtual-clock.ts';
import { anyPrices, anySeed, Draw, shuffled } from './arbitrary-prices.ts';

const SETTINGS = PricingSettings.parse({
  accounts: {
    shop: { marketplaces: ['US', 'CA'] },
    outlet: { marketplaces: ['US'] },
    'shop-eu': { marketplaces: ['DE', 'UK'] },
  },
});
const DE = 'A1PA6795UKMFR9';
const { byAsin, bySku, list } = priceRoutes;

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

function client(settings = SETTINGS) {
  const clock = new LeapingClock();
  const accounts = pricingAccounts(settings);
  const store = new WatchStore<Prices>(tables.database, 'Watches', clock);
  const watches = new ServedWatches({
    kind: servedPrices(accounts),
    watches: store,
    slices: new SlicesQueue(new SQSClient({ region: 'us-east-1' }), 'https://queue'),
    clock,
    onUnreadable: (watchId) => expect.fail(watchId),
  });
  const history = new HistoryStore(tables.database, 'History', clock, () => undefined);
  return { ...partnerClient(servePrices({ accounts, watches, history }), clock), clock, store };
}
const onlyAccount = (marketplaces: string[], extra: object = {}) =>
  PricingSettings.parse({ accounts: { solo: { marketplaces } }, ...extra });

let items = 0;
/** An ASIN of its own for each test. */
const asin = () => `B${String(++items).padStart(9, '0')}`;
const watchOf = (item: string, fields: Partial<PriceWatch> = {}): PriceWatch => ({
  account: 'shop-eu',
  view: 'offers',
  marketplaceId: DE,
  itemType: 'asin',
  condition: 'New',
  customerType: 'Consumer',
  item,
  ...fields,
});
const german = (item: string) => ({ marketplaceId: 'DE', asin: item });

const [amount] = fc.sample(
  anyPrices.filter(({ price }) => price !== undefined),
  { seed: 7, numRuns: 1 },
);
const snapshot = amount!.price!;

async function record({ store, clock }: ReturnType<typeof client>, watch: PriceWatch, after: Prices) {
  const watchId = priceWatchId(watch);
  clock.leap(60_000);
  const head = (await store.heads([watchId])).get(watchId)!;
  const changes = comparePrices(head.state ?? null, after);
  const outcome = await new ChangeStore(tables.database, { watches: 'Watches', history: 'History' }).record({
    watchId,
    seenVersion: head.version,
    seenObservedAt: head.observedAt,
    bucketId: head.bucketId,
    lap: `${head.bucketId}#steady`,
    after: { ...after },
    changes: changes.length === 0 ? {} : { price: changes },
    events: [{ detailType: 'Price Added', item: 'price', about: {} }],
    historyPath: '/',
    correlationId: 'm',
    sentAt: clock.now(),
    now: clock.now(),
  });
  expect(outcome).toBe('recorded');
  return changes;
}

describe('the price of an item', () => {
  it('is the head of its watch, by ASIN and by SKU, with the marketplace by country or by identifier', async () => {
    const api = client();
    const [item, sku] = [asin(), `S/K U ${asin()}`];
    await api.call(byAsin.watch, { path: german(item) });
    await api.call(bySku.watch, { path: { marketplaceId: 'DE', sku } });
    await record(api, watchOf(item), { price: snapshot });
    const named = { account: 'shop-eu', view: 'offers', marketplaceId: DE, condition: 'New', customerType: 'Consumer' };
    for (const marketplaceId of ['DE', 'de', DE]) {
      const { body } = await api.call(byAsin.price, { path: { marketplaceId, asin: item } });
      const changedAt = new Date(api.clock.now()).toISOString();
      const told = { version: 1, changedAt, queue: 'steady', problem: null, price: snapshot };
      expect(body).toEqual({ ...named, asin: item, sku: null, watchId: priceWatchId(watchOf(item)), ...told });
      const { body: unseen } = await api.call(bySku.price, { path: { marketplaceId, sku } });
      expect(unseen).toMatchObject({ ...named, asin: null, sku, version: 0, changedAt: null, price: null });
    }
  });

  it('has one ETag for equal states, in whatever order the table gives their fields', async () => {
    const api = client();
    const item = asin();
    const path = german(item);
    await api.call(byAsin.watch, { path });
    await record(api, watchOf(item), { price: snapshot });
    const { headers } = await api.call(byAsin.price, { path });
    const draw = new Draw(1);
    for (let again = 0; again < 5; again += 1) {
      expect((await api.call(byAsin.price, { path, headers: { 'if-none-match': headers['ETag']! } })).status).toBe(304);
      await record(api, watchOf(item), { price: shuffled(draw, snapshot, 'fields') });
      const head = await api.call(byAsin.price, { path });
      expect(JSON.stringify(head.body['price'])).toBe(
        JSON.stringify((await api.call(byAsin.price, { path })).body['price']),
      );
      Object.assign(headers, head.headers);
    }
  });

  it('is null where there is none any more', async () => {
    const api = client();
    const item = asin();
    await api.call(byAsin.watch, { path: german(item) });
    await record(api, watchOf(item), { price: snapshot });
    await record(api, watchOf(item), {});
    expect((await api.call(byAsin.price, { path: german(item) })).body).toMatchObject({ version: 2, price: null });
    const { body } = await api.call(byAsin.history, { path: german(item) });
    expect(body.items).toMatchObject([
      { version: 2, price: null, changes: [{ change: 'priceRemoved' }], events: ['Price Added'] },
      { version: 1, price: snapshot, changes: [{ change: 'priceAdded', price: snapshot }] },
    ]);
  });

  it('asks for the first parameter that tells the watches apart, one after the other', async () => {
    const api = client();
    const item = asin();
    const path = { marketplaceId: 'US', asin: item };
    const put = async (query: Record<string, string>) =>
      expect((await api.call(byAsin.watch, { path, query })).status).toBe(201);
    const query: Record<string, string> = {};
    const asked = async () => {
      const answers = await Promise.all(
        [byAsin.price, byAsin.history, byAsin.check, byAsin.readWatch].map((route) => api.call(route, { path, query })),
      );
      return new Set(answers.map((answer) => (answer.status < 300 ? 'found' : errorOf(answer))));
    };
    const apart = (which: string) => new Set([`400 AMBIGUOUS: several watches match: the query parameter ${which}`]);
    await put({ account: 'shop' });
    expect(await asked()).toEqual(new Set(['found']));
    await put({ account: 'shop', customerType: 'Business' });
    expect(await asked()).toEqual(apart('customerType tells them apart (Consumer, Business)'));
    await put({ account: 'shop', condition: 'Used' });
    expect(await asked()).toEqual(apart('condition tells them apart (New, Used)'));
    await put({ account: 'shop', view: 'own' });
    expect(await asked()).toEqual(apart('view tells them apart (own, offers)'));
    await put({ account: 'outlet' });
    expect(await asked()).toEqual(apart('account tells them apart (shop, outlet)'));
    query['account'] = 'shop';
    expect(await asked()).toEqual(apart('view tells them apart (own, offers)'));
    query['view'] = 'offers';
    expect(await asked()).toEqual(apart('condition tells them apart (New, Used)'));
    query['condition'] = 'New';
    expect(await asked()).toEqual(apart('customerType tells them apart (Consumer, Business)'));
    query['customerType'] = 'Business';
    expect(await asked()).toEqual(new Set(['found']));
  });

  it('finds each watch that can be, whatever it is asked by', async () => {
    const api = client();
    const views = [
      ...['Any', ...ITEM_CONDITIONS].map((condition) => ({ view: 'own', condition })),
      { view: 'competitive', condition: 'Any' },
      ...ITEM_CONDITIONS.map((condition) => ({ view: 'offers', condition })),
    ];
    for (const account of ['shop', 'outlet']) {
      for (const how of views) {
        for (const customerType of CUSTOMER_TYPES) {
          const path = { marketplaceId: 'US', asin: asin() };
          const query = { account, ...how, customerType };
          expect((await api.call(byAsin.watch, { path, query })).status).toBe(201);
          for (const some of [{}, query, { view: how.view }, { condition: how.condition, customerType }]) {
            expect((await api.call(byAsin.readWatch, { path, query: some })).body).toMatchObject(query);
          }
        }
      }
    }
  });

  it('is 404 for what is not watched, and where the parameters exclude each other', async () => {
    const api = client();
    const item = asin();
    await api.call(byAsin.watch, { path: german(item) });
    for (const [path, query] of [
      [german(asin()), {}],
      [{ marketplaceId: 'UK', asin: item }, {}],
      [{ marketplaceId: 'JP', asin: item }, {}],
      [german(item), { account: 'nobody' }],
      [german(item), { account: 'shop' }],
      [german(item), { view: 'own' }],
      [german(item), { condition: 'Used' }],
      [german(item), { view: 'competitive', condition: 'New' }],
      [german(item), { customerType: 'Business' }],
    ] as const) {
      for (const route of [byAsin.price, byAsin.history, byAsin.check, byAsin.readWatch]) {
        expect(errorOf(await api.call(route, { path, query }))).toMatch(/^404 NOT_FOUND/u);
      }
    }
    const sku = 'é'.repeat(200);
    expect((await api.call(bySku.price, { path: { marketplaceId: 'DE', sku } })).status).toBe(404);
    expect(slices()).toEqual([]);
  });

  it('leaves the history of an account to be read that the settings have lost, to whoever names it', async () => {
    const before = client();
    const item = asin();
    await before.call(byAsin.watch, { path: german(item) });
    await record(before, watchOf(item), { price: snapshot });
    const now = client(onlyAccount(['DE']));
    expect((await now.call(byAsin.history, { path: german(item) })).status).toBe(404);
    const query = { account: 'shop-eu' };
    expect((await now.call(byAsin.history, { path: german(item), query })).body.items).toHaveLength(1);
    expect(errorOf(await now.call(byAsin.check, { path: german(item), query }))).toBe(
      '404 NOT_FOUND: No account of the settings serves this watch any more.',
    );
    expect(slices()).toEqual([]);
  });

  it.each<[Record<string, string>, Record<string, string>, RegExp]>([
    [
      { marketplaceId: 'XX' },
      {},
      /^path parameter marketplaceId must be one of CA, US, .*, or the identifier of one of these$/u,
    ],
    [{ asin: 'b000000001' }, {}, /^path parameter asin must be 10 capital letters and digits$/u],
    [{ asin: 'B00000001' }, {}, /^path parameter asin must be 10/u],
    [{}, { view: 'all' }, /^query parameter view must be one of own, competitive, offers$/u],
    [
      {},
      { condition: 'Mint' },
      /^query parameter condition must be one of Any, New, Used, Collectible, Refurbished, Club$/u,
    ],
    [{}, { customerType: 'B2B' }, /^query parameter customerType must be one of Consumer, Business$/u],
    [{}, { account: '' }, /^query parameter account must not be empty$/u],
    [{}, { account: 'x'.repeat(41) }, /^query parameter account must have at most 40 characters$/u],
    [{}, { marketplace: 'DE' }, /^query parameter marketplace is not known here$/u],
  ])('refuses %j with %j at every route, and names the rule', async (path, query, message) => {
    const api = client();
    const routes: readonly Route[] = Object.values(byAsin);
    for (const route of routes) {
      const { status, body } = await api.call(route, { path: { ...german(asin()), ...path }, query });
      expect([status, body['error']]).toEqual([
        400,
        { code: 'INVALID_REQUEST', message: expect.stringMatching(message), requestId: 'request-1' },
      ]);
    }
  });
});

describe('an urgent check of a price', () => {
  it('goes to the bucket of its operation, also where Amazon has refused the item for good', async () => {
    const api = client();
    const item = asin();
    await api.call(byAsin.watch, { path: german(item) });
    const bucket = 'pricing|shop-eu|eu|getItemOffersBatch';
    await new ChangeStore(tables.database, { watches: 'Watches', history: 'History' }).record({
      watchId: priceWatchId(watchOf(item)),
      seenVersion: 0,
      seenObservedAt: undefined,
      bucketId: bucket,
      lap: `${bucket}#invalid`,
      problem: { code: 'InvalidInput', message: 'no such ASIN', since: '2026-01-01T00:00:00.000Z' },
      after: {},
      changes: { price: [{ change: 'watchInvalid', code: 'InvalidInput', message: 'no such ASIN' }] },
      events: [],
      historyPath: '/',
      correlationId: 'm',
      sentAt: 1,
      now: api.clock.now(),
    });
    const { body } = await api.call(byAsin.price, { path: german(item) });
    expect(body).toMatchObject({ queue: 'invalid', problem: { code: 'InvalidInput' }, price: null });
    expect((await api.call(byAsin.check, { path: german(item) })).status).toBe(202);
    expect(slices()).toMatchObject([{ bucket, class: 'urgent', watches: [priceWatchId(watchOf(item))] }]);
    expect((await api.call(byAsin.readWatch, { path: german(item) })).body).toMatchObject({ queue: 'invalid' });
  });
});

describe('the watch list of prices', () => {
  it('takes the usual view, condition and customers where none are named', async () => {
    const api = client();
    const put = async (query: Record<string, string>) =>
      (await api.call(byAsin.watch, { path: german(asin()), query })).body;
    const consumer = { account: 'shop-eu', customerType: 'Consumer' };
    expect(await put({})).toMatchObject({ ...consumer, view: 'offers', condition: 'New', tuning: {}, queue: 'new' });
    expect(await put({ view: 'own' })).toMatchObject({ ...consumer, view: 'own', condition: 'Any' });
    expect(await put({ view: 'competitive' })).toMatchObject({ ...consumer, view: 'competitive', condition: 'Any' });
  });

  it.each<[Record<string, string>, Record<string, string>, string]>([
    [{}, { condition: 'Any' }, '400 INVALID_REQUEST: query parameter condition must be one of New, Used, Collectible, Refurbished, Club in the view offers'], // prettier-ignore
    [{}, { view: 'competitive', condition: 'New' }, '400 INVALID_REQUEST: query parameter condition must be one of Any in the view competitive'], // prettier-ignore
    [{ marketplaceId: 'US' }, {}, '400 AMBIGUOUS: several watches match: the query parameter account tells them apart (shop, outlet)'], // prettier-ignore
    [{ marketplaceId: 'JP' }, {}, '400 INVALID_REQUEST: path parameter marketplaceId must be one that an account of the settings sells in: US, CA, DE, UK'], // prettier-ignore
    [{ sku: ' S' }, {}, '400 INVALID_REQUEST: path parameter sku begins or ends with a space'],
    [{ sku: 'S\uFFFD' }, {}, '400 INVALID_REQUEST: path parameter sku holds bytes that are not UTF-8'],
    [{ sku: 'S\tT' }, {}, '400 INVALID_REQUEST: path parameter sku must be well-formed Unicode without control characters'], // prettier-ignore
    [{ sku: '..' }, {}, '400 INVALID_REQUEST: path parameter sku must not be "." or "..", which a path cannot carry'],
    [{ sku: 'A,B' }, { view: 'own' }, '400 INVALID_REQUEST: path parameter sku holds a comma, and the views own and competitive ask Amazon for a list of SKUs that commas separate: only the view offers can watch it'], // prettier-ignore
    [{ sku: '𝄞'.repeat(100) }, {}, '400 INVALID_REQUEST: path parameter sku is too long: percent-encoded it may take about 900 bytes'], // prettier-ignore
  ])('refuses to put %j with %j on it or to take it off, and names the rule', async (path, query, message) => {
    const api = client();
    for (const route of [bySku.watch, bySku.unwatch]) {
      const answer = await api.call(route, { path: { marketplaceId: 'DE', sku: 'S', ...path }, query });
      expect(errorOf(answer)).toBe(message);
    }
  });

  it('refuses an account that does not sell there, and takes its watches off all the same', async () => {
    const api = client();
    for (const account of ['nobody', 'shop']) {
      const request = { path: german(asin()), query: { account } };
      expect(errorOf(await api.call(byAsin.watch, request))).toBe(
        '400 INVALID_REQUEST: query parameter account must be one that sells in the marketplace: shop-eu',
      );
      expect((await api.call(byAsin.unwatch, request)).status).toBe(204);
    }
    const nowhere = { path: { marketplaceId: 'JP', asin: asin() }, query: { account: 'shop' } };
    expect(errorOf(await api.call(byAsin.watch, nowhere))).toContain('marketplaceId must be one that an account');
    const none = client(PricingSettings.parse({}));
    expect(errorOf(await none.call(byAsin.watch, { path: german(asin()) }))).toMatch(/sells in: there is none$/u);
  });

  it('takes a SKU with a comma in the view offers, where requests carry no list', async () => {
    const api = client();
    const path = { marketplaceId: 'DE', sku: `A,B ${asin()}` };
    expect((await api.call(bySku.watch, { path })).body).toMatchObject({ sku: path.sku, asin: null });
  });

  it('replaces the tuning by that of the body, and keeps it where there is no body', async () => {
    const api = client();
    const path = german(asin());
    const put = async (body?: unknown) => {
      const answer = await api.call(byAsin.watch, { path, body });
      return [answer.status, answer.body['tuning']];
    };
    const all = { threshold: { absolute: '0.50', percent: 2.5 }, compareSalesRanks: true, ignoreOfferCounts: true };
    expect(await put(all)).toEqual([201, all]);
    expect(await put()).toEqual([200, all]);
    expect(await put({ threshold: { percent: 5 } })).toEqual([200, { threshold: { percent: 5 } }]);
    const { body } = await api.call(byAsin.readWatch, { path });
    expect(body['tuning']).toEqual({ threshold: { percent: 5 } });
    await api.call(byAsin.unwatch, { path });
    expect(await put()).toEqual([201, { threshold: { percent: 5 } }]);
    await api.call(byAsin.unwatch, { path });
    expect(await put({ compareSalesRanks: true })).toEqual([201, { compareSalesRanks: true }]);
    // What is usual anyway is nothing that is set.
    for (const usual of [{}, { threshold: {} }, { compareSalesRanks: false, ignoreOfferCounts: false }]) {
      await put(all);
      expect(await put(usual)).toEqual([200, {}]);
    }
    const row = (await api.store.heads([priceWatchId(watchOf(path.asin))])).get(priceWatchId(watchOf(path.asin)));
    expect(row).not.toHaveProperty('tuning');
  });

  it('costs no write where everything is as it is wanted', async () => {
    const api = client();
    const path = german(asin());
    const body = { threshold: { percent: 5 } };
    await api.call(byAsin.watch, { path, body });
    const before = tables.calls()['UpdateItemCommand'];
    await api.call(byAsin.watch, { path, body });
    await api.call(byAsin.watch, { path });
    expect(tables.calls()['UpdateItemCommand']).toBe(before);
  });

  it.each<[unknown, string]>([
    ['{', 'the body is not JSON'],
    [[], 'the body must be of type object'],
    [{ treshold: {} }, 'field treshold is not known here'],
    [{ threshold: { absolute: '0.00' } }, 'field threshold.absolute must be above 0'],
    [{ threshold: { absolute: 0.5 } }, 'field threshold.absolute must be of type string'],
    [{ threshold: { absolute: '-1' } }, 'field threshold.absolute must be a decimal amount such as 0.50'],
    [{ threshold: { percent: 0 } }, 'field threshold.percent must be at least 0.0001'],
    [{ threshold: { percent: 6e-323 } }, 'field threshold.percent must be at least 0.0001'],
    [{ threshold: { percent: 101 } }, 'field threshold.percent must be at most 100'],
    [{ threshold: { per: 1 } }, 'field threshold.per is not known here'],
    [{ compareSalesRanks: 'yes' }, 'field compareSalesRanks must be of type boolean'],
  ])('refuses the body %j and names the field with its rule', async (body, message) => {
    const api = client();
    const path = german(asin());
    expect(errorOf(await api.call(byAsin.watch, { path, body }))).toBe(`400 INVALID_REQUEST: ${message}`);
    expect((await api.call(byAsin.readWatch, { path })).status).toBe(404);
  });

  it('moves a price to the operation that the settings give it now, with its tuning and its versions', async () => {
    const item = asin();
    const path = german(item);
    const before = client();
    await before.call(byAsin.watch, { path, body: { compareSalesRanks: true } });
    await record(before, watchOf(item), { price: snapshot });
    const now = client(PricingSettings.parse({ ...SETTINGS, offersOperations: { asin: 'getItemOffers' } }));
    const moved = await now.call(byAsin.watch, { path });
    expect(moved).toMatchObject({
      status: 200,
      body: { version: 1, queue: 'new', tuning: { compareSalesRanks: true } },
    });
    const watchId = priceWatchId(watchOf(item));
    const head = (await now.store.heads([watchId])).get(watchId);
    expect(head?.lap).toBe('pricing|shop-eu|eu|getItemOffers#new');
  });

  const listAll = async (api: ReturnType<typeof client>, query: Record<string, string>) => {
    const items: AnswerBody['items'][number][] = [];
    let cursor: string | null = null;
    do {
      const { body } = await api.call(list, { query: { ...query, cursor } });
      items.push(...body.items);
      cursor = body.next;
    } while (cursor !== null);
    return items;
  };

  it('is chosen from by account, view and marketplace together, and its cursors are bound to these', async () => {
    const api = client();
    const [first, second, third] = [asin(), asin(), asin()];
    await api.call(byAsin.watch, { path: { marketplaceId: 'CA', asin: first } });
    await api.call(byAsin.watch, { path: { marketplaceId: 'CA', asin: second }, query: { view: 'own' } });
    await api.call(byAsin.watch, { path: { marketplaceId: 'UK', asin: third } });
    const listed = async (query: Record<string, string>) =>
      (await listAll(api, { limit: '1', ...query }))
        .map((one) => one['asin'])
        .filter((one) => [first, second, third].includes(String(one)))
        .sort();
    expect(await listed({})).toEqual([first, second, third]);
    expect(await listed({ account: 'shop' })).toEqual([first, second]);
    expect(await listed({ view: 'own' })).toEqual([second]);
    expect(await listed({ marketplaceId: 'ca' })).toEqual([first, second]);
    expect(await listed({ marketplaceId: 'A1F83G8C2ARO7P' })).toEqual([third]);
    expect(await listed({ marketplaceId: 'CA', view: 'offers', account: 'shop' })).toEqual([first]);
    expect(await listed({ account: 'shop', marketplaceId: 'UK' })).toEqual([]);
    const { next } = (await api.call(list, { query: { limit: '1', marketplaceId: 'CA' } })).body;
    expect(next).not.toBeNull();
    expect(errorOf(await api.call(list, { query: { cursor: next } }))).toMatch(/^400 INVALID_CURSOR/u);
    expect((await api.call(list, { query: { cursor: next, marketplaceId: 'A2EUQ1WTGCTBG2' } })).status).toBe(200);
    expect(errorOf(await api.call(list, { query: { marketplaceId: 'XX' } }))).toMatch(/^400 INVALID_REQUEST: query parameter marketplaceId must be one of/u); // prettier-ignore
  });

  const sku = fc
    .oneof(
      fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }),
      fc.string({ unit: fc.constantFrom('"', ',', '|', '%', '%2F', '+', '/', ' ', 'é', '𝄞', '7', '=', '#', '?', '..'), minLength: 1, maxLength: 15 }), // prettier-ignore
    )
    .filter((text) => text.isWellFormed() && text === text.trim() && !/^\.{0,2}$|[\p{Cc}\uFFFD]/u.test(text));

  it('keeps any SKU exactly from PUT over GET and the list to DELETE', async () => {
    const api = client();
    await fc.assert(
      fc.asyncProperty(sku, fc.constantFrom('US', 'CA'), async (text, marketplaceId) => {
        const path = { marketplaceId, sku: text };
        const query = { account: 'shop', customerType: 'Business' };
        const put = await api.call(bySku.watch, { path, query });
        expect(put).toMatchObject({ status: 201, body: { sku: text, asin: null } });
        expect((await api.call(bySku.readWatch, { path })).body).toEqual(put.body);
        expect(await listAll(api, { limit: '1000' })).toContainEqual(put.body);
        expect((await api.call(bySku.unwatch, { path, query })).status).toBe(204);
        expect((await api.call(bySku.readWatch, { path })).status).toBe(404);
      }),
      { numRuns: 60 },
    );
  });

  it('gives any price back exactly as it was recorded, in its head and in its history', async () => {
    const api = client();
    await fc.assert(
      fc.asyncProperty(anyPrices, anyPrices, anySeed, async (first, second, seed) => {
        const item = asin();
        const path = german(item);
        await api.call(byAsin.watch, { path });
        const recorded = [
          await record(api, watchOf(item), first),
          await record(api, watchOf(item), shuffled(new Draw(seed), second, 'fields')),
        ];
        expect((await api.call(byAsin.price, { path })).body['price']).toEqual(second.price ?? null);
        const { body } = await api.call(byAsin.history, { path });
        expect(body.items.map(({ price, changes }) => [price, changes])).toEqual([
          [second.price ?? null, recorded[1]],
          [first.price ?? null, recorded[0]],
        ]);
      }),
      { numRuns: 30 },
    );
  });
});
