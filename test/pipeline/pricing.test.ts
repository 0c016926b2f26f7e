import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { WatchVersion } from '../../lambdas/change-events/history-row.ts';
import { priceEventSchemas } from '../../lambdas/pricing/price-event-schemas.ts';
import type { PriceSnapshot } from '../../lambdas/pricing/price-snapshot.ts';
import type { Prices } from '../../lambdas/pricing/prices.ts';
import type { PricingOperation } from '../../lambdas/shared/settings-schema.ts';
import { PRICING_OPERATIONS } from '../../lambdas/shared/settings-schema.ts';
import type { CustomerType, ItemType, PriceView, PriceWatch } from '../../lambdas/shared/watches.ts';
import { CUSTOMER_TYPES, PRICE_VIEWS, priceWatchId } from '../../lambdas/shared/watches.ts';
import type { WatchHead } from '../../lambdas/shared/watches.store.ts';
import type { BusEvent, InvocationInfo, ServiceCall } from '../../local/cloud/cloud.ts';
import { startDynamoDb } from '../../local/cloud/dynamodb-engine.ts';
import type { ItemOptions, ItemState } from '../../local/upstreams/simulator.ts';
import { startCountingProxy } from './counting-proxy.ts';
import type { LocalStack, SellerName } from './local-stack.ts';
import { AUSTRALIA, CANADA, JAPAN, SELLERS, startLocalStack, until, US } from './local-stack.ts';
import { meaningOfMarket, meaningOfPrice } from './price-meaning.ts';
import type { Stored } from './stored.ts';
import { storedIn } from './stored.ts';

/** SKUs are whatever a seller has typed. */
const AWKWARD = [
  'Shelf 3 / 12',
  'A+B',
  '50%25-OFF',
  '7/8"',
  "O'Hara & Söhne #1",
  'größe?',
  '茶壺',
  '(old); see=new',
  'a|b',
  '..x',
];
const SKUS = [...AWKWARD, ...Array.from({ length: 12 }, (_, index) => `SKU-${index}`)];
/** What separates the SKUs of a list cannot be in one. */
const WITH_COMMA = 'red, large';
const asinIn = (place: string, index: number): string => `B0${place}${String(index).padStart(8 - place.length, '0')}`;
const [MOVED, LONELY, DELETED] = [asinIn('US', 0), asinIn('US', 1), asinIn('US', 2)];
const UNKNOWN = 'B0NOTTHERE';

const ITEMS: readonly ItemOptions[] = [
  ...Array.from({ length: 24 }, (_, index) => ({
    ...{ marketplaceId: US, asin: asinIn('US', index), sku: [...SKUS, WITH_COMMA][index] },
  })),
  ...[0, 1, 2].map((index) => ({ marketplaceId: CANADA, asin: asinIn('CA', index), sku: `${index}% maple / CA` })),
  ...[0, 1, 2, 3].map((index) => ({ marketplaceId: JAPAN, asin: asinIn('JP', index), sku: `急須 ${index}` })),
  ...[0, 1].map((index) => ({ marketplaceId: AUSTRALIA, asin: asinIn('AU', index), sku: `AU+${index}` })),
];
const itemsIn = (marketplaceId: string): readonly ItemOptions[] =>
  ITEMS.filter((item) => item.marketplaceId === marketplaceId);

const watchOf = (
  marketplaceId: string,
  view: PriceView,
  itemType: ItemType,
  item: string,
  rest: Partial<PriceWatch> = {},
): PriceWatch => ({
  account: marketplaceId === US || marketplaceId === CANADA ? 'americas' : 'pacific',
  ...{ view, marketplaceId, itemType, item, customerType: 'Consumer' },
  condition: view === 'offers' ? 'New' : 'Any',
  ...rest,
});
const watchesOf = (
  items: readonly ItemOptions[],
  views: readonly PriceView[],
  itemTypes: readonly ItemType[],
  customerType: CustomerType,
): PriceWatch[] =>
  items.flatMap(({ marketplaceId, asin, sku = '' }) =>
    views.flatMap((view) =>
      itemTypes.map((itemType) =>
        watchOf(marketplaceId, view, itemType, itemType === 'asin' ? asin : sku, { customerType }),
      ),
    ),
  );

/** Watches of things that Amazon cannot be asked about. */
const INVALID: readonly PriceWatch[] = [
  ...(['own', 'competitive', 'offers'] as const).map((view) => watchOf(US, view, 'asin', UNKNOWN)),
  watchOf(US, 'own', 'sku', 'no such SKU'),
  watchOf(US, 'offers', 'sku', 'no such SKU'),
  watchOf(US, 'own', 'sku', WITH_COMMA),
  watchOf(JAPAN, 'offers', 'asin', UNKNOWN),
];
const VALID: readonly PriceWatch[] = [
  ...watchesOf(itemsIn(US), ['competitive', 'offers'], ['asin'], 'Consumer'),
  ...watchesOf(itemsIn(US).slice(0, SKUS.length), ['own', 'offers'], ['sku'], 'Consumer'),
  watchOf(US, 'offers', 'sku', WITH_COMMA),
  ...watchesOf(itemsIn(US).slice(0, 5), PRICE_VIEWS, ['asin', 'sku'], 'Business'),
  ...itemsIn(US)
    .slice(4, 8)
    .flatMap(({ asin }) => [
      watchOf(US, 'offers', 'asin', asin, { condition: 'Used' }),
      watchOf(US, 'own', 'asin', asin, { condition: 'New' }),
    ]),
  ...watchesOf(itemsIn(CANADA), PRICE_VIEWS, ['asin'], 'Consumer'),
  ...watchesOf(itemsIn(CANADA), ['own', 'offers'], ['sku'], 'Consumer'),
  ...CUSTOMER_TYPES.flatMap((customerType) =>
    watchesOf([...itemsIn(JAPAN), ...itemsIn(AUSTRALIA)], PRICE_VIEWS, ['asin', 'sku'], customerType),
  ),
];

const ACCOUNTS = Object.keys(SELLERS) as SellerName[];

interface PriceEvent {
  readonly metadata: { readonly id: string; readonly subject: string; readonly sequence: number };
  readonly data: {
    readonly watchId: string;
    readonly view: PriceView;
    readonly asin: string | null;
    readonly before: PriceSnapshot | null;
    readonly after: PriceSnapshot | null;
    readonly changes: readonly { readonly change: string; readonly outcome?: string }[];
  };
}
const detailOf = (event: BusEvent): PriceEvent => event.detail as unknown as PriceEvent;

const calls: ServiceCall[] = [];
const invocations: InvocationInfo[] = [];
// Undefined only where the start has failed.
let stack: LocalStack;
let stored: Stored;
let proxy: Awaited<ReturnType<typeof startCountingProxy>>;
let stopEngine: () => Promise<void>;

beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'offer-relay-engine-'));
  const engine = await startDynamoDb(folder, undefined);
  proxy = await startCountingProxy(engine.url);
  stopEngine = async () => {
    await proxy.stop();
    await engine.stop();
    await rm(folder, { recursive: true, force: true });
  };
  stack = await startLocalStack({
    titles: [],
    items: ITEMS,
    prices: [...VALID, ...INVALID],
    cloud: {
      engines: { dynamodbUrl: proxy.url },
      onCall: (call) => calls.push(call),
      onInvocation: (invocation) => invocations.push(invocation),
    },
  });
  stored = storedIn(stack.cloud, 'Price');
  await catchUp('the first sight of all prices');
  await stack.pollPrices('all refusals', refused);
}, 180_000);

afterAll(async () => {
  stored?.close();
  await stack?.stop();
  await stopEngine?.();
});

afterEach(async () => {
  await stack.control('DELETE', '/control/faults');
});

const asinOf = ({ marketplaceId, itemType, item }: PriceWatch): string =>
  itemType === 'asin' ? item : (itemsIn(marketplaceId).find(({ sku }) => sku === item)?.asin ?? '');
const truthOf = (watch: PriceWatch): ItemState | undefined =>
  stack.simulator.priceTruth(watch.marketplaceId, asinOf(watch)).at(-1);

function isTrue(watch: PriceWatch, price: PriceSnapshot | null | undefined): boolean {
  const { sellerId } = SELLERS[watch.account as SellerName];
  return JSON.stringify(meaningOfPrice(price)) === JSON.stringify(meaningOfMarket(truthOf(watch), watch, sellerId));
}

/** The watches of which a subscriber that has read every event knows something else than what is true. */
function toldWrong(): PriceWatch[] {
  const told = new Map<string, PriceEvent>();
  for (const event of stack.events.map(detailOf)) {
    const before = told.get(event.data.watchId);
    if ((before?.metadata.sequence ?? 0) <= event.metadata.sequence) told.set(event.data.watchId, event);
  }
  return VALID.filter((watch) => !isTrue(watch, told.get(priceWatchId(watch))?.data.after));
}

type Head = WatchHead<Prices>;
const headsOf = async (watches: readonly PriceWatch[]): Promise<(Head | undefined)[]> => {
  const heads = await stored.watches.heads(watches.map(priceWatchId));
  return watches.map((watch) => heads.get(priceWatchId(watch)) as Head | undefined);
};
const headOf = async (watch: PriceWatch): Promise<Head | undefined> => (await headsOf([watch]))[0];

async function headsWrong(): Promise<PriceWatch[]> {
  const heads = await headsOf(VALID);
  return VALID.filter((watch, index) => {
    const head = heads[index];
    return !head?.version || head.missingSince !== undefined || !isTrue(watch, head.state?.price);
  });
}

/** Polls until what is told and what is stored is true. */
async function catchUp(what: string): Promise<void> {
  try {
    await stack.pollPrices(what, async () => toldWrong().length === 0 && (await headsWrong()).length === 0);
  } catch (cause) {
    const wrong = { told: toldWrong().map(priceWatchId), heads: (await headsWrong()).map(priceWatchId) };
    throw new Error(`${String(cause)}; wrong are ${JSON.stringify(wrong)}`, { cause });
  }
}
const eventsOf = (watch: PriceWatch, from = 0): BusEvent[] =>
  stack.events.slice(from).filter((event) => detailOf(event).data.watchId === priceWatchId(watch));
const kindsOf = (events: readonly BusEvent[]): string[] =>
  [...new Set(events.map((event) => event['detail-type']))].sort();
const refused = (): boolean => INVALID.every((watch) => kindsOf(eventsOf(watch)).includes('Watch Invalid'));
const idle = (): Promise<void> => until('the queue to run empty', async () => (await stored.slicesLeft()) === 0);

const isWorker = (functionId: string | undefined): boolean => functionId?.startsWith('PriceChecksWorker') ?? false;
/** An execution environment reads an account's secret when it first serves it, and keeps it for minutes. */
const secretReads = (account: SellerName): number =>
  calls.filter(
    ({ operation, input }) =>
      operation === 'GetSecretValue' && String(input['SecretId']).endsWith(`/pricing/${account}`),
  ).length;

const arrivals = (after = 0) =>
  stack.simulator.requests(after).arrivals.filter(({ operation }) => operation !== undefined && operation !== 'token');
const lastArrival = (): number => stack.simulator.requests().total;
const asked = (operation: PricingOperation, after = 0) =>
  arrivals(after).filter((arrival) => arrival.operation === operation);

function operationOf({ account, view, itemType }: PriceWatch): PricingOperation {
  if (view !== 'offers') return view === 'own' ? 'getPricing' : 'getCompetitivePricing';
  const single = itemType === 'asin' ? 'getItemOffers' : 'getListingOffers';
  return account === 'pacific' ? single : `${single}Batch`;
}

/** Polls until every item that Amazon knows has been asked about once more, and then until nothing is under way. */
async function lap(): Promise<void> {
  const from = lastArrival();
  const named = (account: string | null, operation: string | undefined, marketplaceId: string, item: string): string =>
    JSON.stringify([account, operation, marketplaceId, item]);
  const heads = await headsOf(VALID);
  const wanted = VALID.filter((_, index) => /#(?:steady|urgent)$/.test(heads[index]?.lap ?? '')).map((watch) =>
    named(watch.account, operationOf(watch), watch.marketplaceId, watch.item),
  );
  await stack.pollPrices('a lap', () => {
    const answered = new Set(
      arrivals(from).flatMap(({ account, operation, marketplaceIds = [], items = [], outcome }) =>
        outcome === 200 ? items.flatMap((item) => marketplaceIds.map((id) => named(account, operation, id, item))) : [],
      ),
    );
    return wanted.every((one) => answered.has(one));
  });
  await idle();
}

/** Plays faults until each has happened as often as it should. */
async function faults(rules: readonly Record<string, unknown>[]): Promise<void> {
  for (const rule of rules) await stack.fault(rule);
  await stack.pollPrices('the faults to happen', async () => {
    const { faults: left } = (await stack.control('GET', '/control/faults')) as { faults: unknown[] };
    return left.length === 0;
  });
}

const itemPath = (asin: string, marketplaceId = US): string => `/control/prices/${marketplaceId}/${asin}`;
const own = (sku: string, listingPrice: string, rest = {}) => ({
  ...{ sellerId: SELLERS.americas.sellerId, sku, listingPrice },
  ...rest,
});
const rival = (sellerId: string, listingPrice: string, rest = {}) => ({ sellerId, listingPrice, ...rest });
const sell = (asin: string, offers: readonly object[]) => stack.control('PUT', itemPath(asin), { offers });

/** One step in the life of every item, or two where the first leads to what Amazon says nothing about for a while. */
async function advanceAll(): Promise<void> {
  await idle();
  for (const { marketplaceId, asin } of ITEMS) {
    const step = () => stack.control('POST', `${itemPath(asin, marketplaceId)}/advance`) as Promise<ItemState>;
    if ((await step()).status === 'ActiveButTooSoonForProcessing') await step();
  }
}

describe('the price pipeline on the local cloud', () => {
  it('tells every price at first sight, once, as it is: own, competitive and offers, by ASIN and by SKU, for both kinds of customers', () => {
    expect(toldWrong()).toEqual([]);
    const seen = VALID.map((watch) => eventsOf(watch));
    for (const events of seen) expect(kindsOf(events).filter((kind) => kind !== 'Price Added')).toEqual([]);
    for (const events of seen) expect(events.length).toBeLessThanOrEqual(1);
    // Each kind of watch has seen something.
    const kinds = [
      Map.groupBy(VALID, ({ account, marketplaceId, view }) => [account, marketplaceId, view].join()),
      Map.groupBy(VALID, ({ view, itemType, customerType }) => [view, itemType, customerType].join()),
    ].flatMap((groups) => [...groups]);
    expect(kinds).toHaveLength(4 * 3 + 3 * 2 * 2);
    const unseen = kinds.filter(([, watches]) => watches.every((watch) => eventsOf(watch).length === 0));
    expect(unseen.map(([kind]) => kind)).toEqual([]);
  });

  it('has asked each of the six operations, with as many items to a request as it takes', () => {
    const sizes = (operation: PricingOperation): number[] => asked(operation).map(({ items = [] }) => items.length);
    for (const operation of PRICING_OPERATIONS) {
      const most = ['getItemOffers', 'getListingOffers'].includes(operation) ? 1 : 20;
      expect([operation, Math.max(...sizes(operation))]).toEqual([operation, most]);
    }
    const items = new Set(arrivals().flatMap(({ items: names = [] }) => names));
    for (const { sku } of ITEMS) if (sku !== undefined) expect([...items]).toContain(sku);
    // One by one, what Amazon does not know is refused as a whole request.
    const failed = arrivals().filter(({ outcome }) => outcome !== 200);
    const failures = failed.map(({ operation, items: names = [], outcome }) => [operation, ...names, outcome].join());
    expect(new Set(failures)).toEqual(new Set([`getItemOffers,${UNKNOWN},400`]));
  });

  it('calls a watch invalid once that Amazon cannot be asked about, and spends no further request on it', async () => {
    await idle();
    const from = lastArrival();
    await lap();
    for (const watch of INVALID) {
      expect(kindsOf(eventsOf(watch))).toEqual(['Watch Invalid']);
      expect(eventsOf(watch)).toHaveLength(1);
      expect(await headOf(watch)).toMatchObject({ version: 1, lap: expect.stringMatching(/#invalid$/) as unknown });
    }
    const items = new Set(arrivals(from).flatMap(({ items: names = [] }) => names));
    expect(items).not.toContain(UNKNOWN);
    expect(items).not.toContain('no such SKU');
    expect(await stored.deadLetters()).toEqual([]);
  });

  it('makes no write but its slice’s reservation, and no event, when nothing has changed', async () => {
    await lap();
    const rows = async () => [await stored.watchRows(), await stored.historyRows()];
    const [before, from, calledFrom, invokedFrom] = [
      await rows(),
      stack.events.length,
      calls.length,
      invocations.length,
    ];
    proxy.writes();
    await lap();
    const slices = invocations.slice(invokedFrom).filter(({ functionId }) => isWorker(functionId));
    expect(slices.length).toBeGreaterThanOrEqual(8);
    const { UpdateItem = 0, ...others } = proxy.writes();
    expect(others).toEqual({});
    const updates = calls.slice(calledFrom).filter(({ operation }) => operation === 'UpdateItem');
    expect(UpdateItem).toBe(updates.length);
    const buckets = stack.cloud.physicalId('WatchTables/Buckets');
    expect(new Set(updates.map(({ input }) => input['TableName']))).toEqual(new Set([buckets]));
    // Of a worker one for each slice; where another environment has served the bucket meanwhile, one more that is refused,
    // and one where a slow connection has pushed the schedule back. Of a planner what it plans, that it has sent it, and
    // that it waits for it.
    const ofWorker = updates.filter(({ caller }) => isWorker(caller.logicalId)).length;
    expect(ofWorker).toBeGreaterThanOrEqual(slices.length);
    expect(ofWorker).toBeLessThanOrEqual(3 * slices.length);
    expect(updates.length - ofWorker).toBeLessThanOrEqual(3 * slices.length);
    expect(await rows()).toEqual(before);
    expect(stack.events).toHaveLength(from);
  });

  it('asks for one access token for each account in an execution environment', () => {
    const environments = invocations.filter(({ functionId, coldStart }) => isWorker(functionId) && coldStart).length;
    for (const account of ACCOUNTS) {
      expect(secretReads(account)).toBeGreaterThan(0);
      expect(secretReads(account)).toBeLessThanOrEqual(environments);
      expect(stack.simulator.tokenCalls(account)).toBe(secretReads(account));
    }
  });

  it('tells a change in words that its schema holds: prices move, the Buy Box is won and lost, a competitor comes and goes', async () => {
    const [sku = ''] = SKUS;
    const watched = [
      watchOf(US, 'own', 'sku', sku),
      watchOf(US, 'competitive', 'asin', MOVED),
      watchOf(US, 'offers', 'asin', MOVED),
    ];
    /** For each of the views the kinds of its events, and how the Buy Box went. */
    const toldOf = async (...offers: readonly object[]): Promise<string[]> => {
      const from = stack.events.length;
      await sell(MOVED, offers);
      await catchUp('the change to be told');
      return watched.map((watch) => {
        const events = eventsOf(watch, from);
        const outcomes = events.flatMap((event) =>
          detailOf(event).data.changes.flatMap(({ outcome }) => outcome ?? []),
        );
        return [...kindsOf(events), ...new Set(outcomes)].join(', ');
      });
    };
    const [dear, cheap] = [own(sku, '20.00'), own(sku, '18.50')];
    await toldOf(dear, rival('A1RIVAL', '19.00'));
    expect(await toldOf(cheap, rival('A1RIVAL', '19.00'))).toEqual([
      'Price Changed',
      'Buy Box Changed, won',
      'Buy Box Changed, Lowest Price Changed, Price Changed, won',
    ]);
    expect(await toldOf(cheap, rival('A1RIVAL', '19.00'), rival('A2RIVAL', '25.00'))).toEqual([
      '',
      'Offer Count Changed',
      'Competitor Entered, Offer Count Changed',
    ]);
    expect(await toldOf(cheap, rival('A1RIVAL', '19.00'))).toEqual([
      '',
      'Offer Count Changed',
      'Competitor Left, Offer Count Changed',
    ]);
    expect(await toldOf(cheap, rival('A1RIVAL', '17.99'))).toEqual([
      '',
      'Buy Box Changed, lost',
      'Buy Box Changed, Lowest Price Changed, Price Changed, lost',
    ]);
    expect(await toldOf(cheap, rival('A1RIVAL', '17.99'))).toEqual(['', '', '']);
  });

  it('believes in a price that is gone after a second look, and tells it again when it is back', async () => {
    const watched = [watchOf(US, 'competitive', 'asin', LONELY), watchOf(US, 'offers', 'asin', LONELY)];
    const offers = [own(SKUS[1] ?? '', '12.00'), rival('A1RIVAL', '13.00')];
    await sell(LONELY, offers);
    await catchUp('a price');
    await idle();

    const [from, after] = [stack.events.length, lastArrival()];
    await stack.control('PUT', itemPath(LONELY), { status: 'NoBuyableOffers', offers: [] });
    await catchUp('the removal to be told');
    for (const watch of watched) {
      expect(kindsOf(eventsOf(watch, from))).toEqual(['Price Removed']);
      const { observedAt = '' } = (await headOf(watch)) ?? {};
      const looks = asked(operationOf(watch), after).filter(
        ({ at, items = [] }) => items.includes(LONELY) && at <= Date.parse(observedAt),
      );
      expect(looks.length).toBeGreaterThanOrEqual(2);
    }

    const back = stack.events.length;
    await sell(LONELY, offers);
    await catchUp('the price to be told again');
    for (const watch of watched) expect(kindsOf(eventsOf(watch, back))).toEqual(['Price Added']);
  });

  it('tells nothing of a part that one answer lacks', async () => {
    await lap();
    const from = stack.events.length;
    const lacking = { kind: 'drift', how: 'missing-field', field: 'LowestPrices' };
    await faults([{ ...lacking, match: { operation: 'getItemOffersBatch', asin: MOVED }, times: 1 }]);
    await lap();
    expect(stack.events.slice(from)).toEqual([]);
    expect(await headsWrong()).toEqual([]);
    expect(await stored.deadLetters()).toEqual([]);
  });

  it('gives up an item that Amazon has forgotten after half a minute, and goes on with its versions when it is added again', async () => {
    const watched = VALID.filter((watch) => watch.marketplaceId === US && asinOf(watch) === DELETED);
    expect(watched.length).toBeGreaterThan(5);
    const before = await headsOf(watched);
    const hadPrice = watched.filter((_, index) => before[index]?.state?.price);
    expect(hadPrice.length).toBeGreaterThan(0);
    const from = stack.events.length;
    await stack.control('DELETE', itemPath(DELETED));
    await stack.pollPrices('the item to be missed', async () => {
      const heads = await headsOf(hadPrice);
      return heads.every((head) => head?.missingSince !== undefined);
    });
    await lap();
    for (const watch of hadPrice) expect(eventsOf(watch, from)).toEqual([]);

    for (const watch of hadPrice) await stored.ageMissing(priceWatchId(watch), 31_000);
    await stack.pollPrices('the watches to be invalid', () =>
      watched.every((watch) => eventsOf(watch, from).length > 0),
    );
    await idle();
    for (const watch of watched) expect(kindsOf(eventsOf(watch, from))).toEqual(['Watch Invalid']);
    const after = lastArrival();
    await lap();
    expect(arrivals(after).flatMap(({ items = [] }) => items)).not.toContain(DELETED);

    const versions = (await headsOf(watched)).map((head) => head?.version ?? 0);
    const back = stack.events.length;
    await sell(DELETED, [own(SKUS[2] ?? '', '9.99', { businessPrice: '9.49' }), rival('A1RIVAL', '10.99')]);
    for (const watch of watched) expect(await stored.watches.remove(priceWatchId(watch))).toBe(true);
    expect(await stack.list.addPrices(watched)).toBe(watched.length);
    await catchUp('the prices to be told again');
    for (const watch of watched) expect(kindsOf(eventsOf(watch, back))).toEqual(['Price Added']);
    expect((await headsOf(watched)).map((head) => head?.version)).toEqual(versions.map((version) => version + 1));
  });

  it('does not ask about a watch that was removed, and tells what has changed when it is added again', async () => {
    const [{ asin, marketplaceId } = { asin: '', marketplaceId: '' }] = itemsIn(CANADA);
    const watch = watchOf(marketplaceId, 'competitive', 'asin', asin);
    const sold = (price: string) =>
      stack.control('PUT', itemPath(asin, marketplaceId), { offers: [rival('A1RIVAL', price)] });
    await sold('30.00');
    await catchUp('a price');
    const { version = 0 } = (await headOf(watch)) ?? {};
    await stored.watches.remove(priceWatchId(watch));
    await idle();
    const after = lastArrival();
    await sold('31.00');
    await lap();
    expect(asked('getCompetitivePricing', after).flatMap(({ items = [] }) => items)).not.toContain(asin);
    await stack.list.addPrices([watch]);
    await catchUp('the change to be told');
    expect(await headOf(watch)).toMatchObject({ version: version + 1 });
  });

  it.each<[string, readonly Record<string, unknown>[]]>([
    [
      'items of a batch or list fail, are throttled or left out',
      [
        { kind: 'inner-status', code: 500, match: { operation: 'getItemOffersBatch' }, times: 9 },
        { kind: 'inner-status', code: 429, match: { operation: 'getListingOffersBatch' }, times: 9 },
        { kind: 'inner-missing', match: { operation: 'getCompetitivePricing' }, times: 9 },
        { kind: 'inner-missing', match: { operation: 'getPricing' }, times: 3 },
      ],
    ],
    [
      'requests are answered with 503 or 429, cut off or answered with half a JSON',
      [
        { kind: 'status', code: 503, match: { operation: 'getPricing' }, times: 2 },
        { kind: 'status', code: 429, match: { operation: 'getItemOffersBatch' }, times: 2 },
        { kind: 'drop', when: 'mid-answer', match: { operation: 'getCompetitivePricing' }, times: 2 },
        { kind: 'malformed', how: 'truncated', match: { operation: 'getListingOffersBatch' }, times: 1 },
        { kind: 'status', code: 503, match: { operation: 'getItemOffers' }, times: 2 },
        { kind: 'status', code: 429, match: { operation: 'getListingOffers' }, times: 1 },
      ],
    ],
  ])('loses nothing and tells nothing false when %s', async (_, rules) => {
    await idle();
    const from = stack.events.length;
    await faults(rules);
    await stack.pollPrices('all failures to be made good', async () => {
      const heads = await headsOf(VALID);
      return heads.every((head) => head?.attempts === undefined && head?.lap?.endsWith('#steady'));
    });
    await idle();
    expect(stack.events.slice(from)).toEqual([]);
    expect(await headsWrong()).toEqual([]);
    expect(await stored.deadLetters()).toEqual([]);
    await advanceAll();
    await catchUp('what has changed since');
    expect(stack.events.length).toBeGreaterThan(from);
  });

  it('renews an access token that expires in mid-run once, and loses nothing by it', async () => {
    await idle();
    const [from, after] = [stack.events.length, lastArrival()];
    /** Token calls beside the first one of each environment. */
    const renewals = () => ACCOUNTS.map((account) => stack.simulator.tokenCalls(account) - secretReads(account));
    const before = renewals();
    await faults(ACCOUNTS.map((account) => ({ kind: 'expire-token', match: { account }, times: 1 })));
    await lap();
    const forbidden = (since: number) => arrivals(since).filter(({ outcome }) => outcome === 403);
    expect(new Set(forbidden(after).map(({ account }) => account))).toEqual(new Set(ACCOUNTS));
    const renewed = lastArrival();
    await lap();
    expect(forbidden(renewed)).toEqual([]);
    expect(renewals()).toEqual(before.map((count) => count + 1));
    expect(stack.events.slice(from)).toEqual([]);
    expect(await stored.deadLetters()).toEqual([]);
  });

  it('asks at once about what Amazon’s notification says has changed', async () => {
    await lap();
    const watch = watchOf(US, 'competitive', 'asin', MOVED);
    const told = (): object | undefined =>
      stack.notifications.find((one) => JSON.stringify(one).includes(`"ASIN":"${MOVED}"`) && 'NotificationType' in one);
    stack.notifications.length = 0;
    // Some are lost on their way.
    for (let cents = 10; told() === undefined && cents < 20; cents += 1) {
      await sell(MOVED, [own(SKUS[0] ?? '', `15.${cents}`), rival('A1RIVAL', '17.99')]);
      await sleep(50);
    }
    const after = lastArrival();
    await stack.notify(told() ?? {});
    await until('the watch to be urgent', async () => (await headOf(watch))?.lap?.endsWith('#urgent') ?? false);
    const alone = () => asked('getCompetitivePricing', after).some(({ items }) => items?.join() === MOVED);
    await stack.pollPrices('a request of its own', alone);
    await catchUp('the change to be told');
    await stack.pollPrices(
      'it to be a steady one again',
      async () => (await headOf(watch))?.lap?.endsWith('#steady') ?? false,
    );
  });

  it('has followed whole lives without a gap between versions', async () => {
    await advanceAll();
    await catchUp('all lives to be told');
    const rows = (await stored.historyRows()).map((row) => WatchVersion.parse(row));
    const byWatch = Map.groupBy(rows, ({ watchId }) => watchId);
    const watches = [...VALID, ...INVALID];
    for (const head of await headsOf(watches)) {
      const versions = (byWatch.get(head?.watchId ?? '') ?? []).toSorted((left, right) => left.version - right.version);
      expect(versions.map(({ version }) => version)).toEqual(versions.map((_, index) => index + 1));
      expect(versions.at(-1)?.version).toBe(head?.version);
      const times = versions.map(({ observedAt }) => observedAt);
      expect(times).toEqual(times.toSorted());
    }
    expect(byWatch.size).toBe(watches.length);
  });

  it('has published every event as its schema says, each once', () => {
    const kinds = Object.keys(priceEventSchemas);
    for (const event of stack.events) {
      const schema = priceEventSchemas[event['detail-type'] as keyof typeof priceEventSchemas];
      expect(schema.safeParse(event.detail).error).toBeUndefined();
      expect(event.source).toBe('offer-relay');
    }
    expect(kindsOf(stack.events)).toEqual(kinds.toSorted());
    const ids = stack.events.map((event) => detailOf(event).metadata.id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('writes neither tokens nor what they are got with into events, rows, queues or logs', async () => {
    const rows = [await stored.watchRows(), await stored.historyRows(), await stored.bucketRows()];
    const sent = calls.map(({ input }) => input);
    const written = JSON.stringify([rows, stack.events, sent, await stored.deadLetters(), stack.logs]);
    expect(stack.logs.length).toBeGreaterThan(0);
    for (const there of [MOVED, 'SendMessage', 'pricing|americas'])
      expect(written + JSON.stringify(calls)).toContain(there);
    for (const account of ACCOUNTS) {
      const { clientSecret, refreshToken } = stack.simulator.pricingCredentials(account);
      for (const secret of [clientSecret, refreshToken]) expect(written).not.toContain(secret);
    }
    // Every access token begins so.
    expect(written).not.toContain('Atza|');
  });
});
