import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { paginateScan, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import addFormats from 'ajv-formats';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AMAZON_ERROR_TYPES } from '../../lambdas/buy-with-prime/amazon-refusal.ts';
import type { PlacedOrder } from '../../lambdas/buy-with-prime/buy-with-prime-answers.ts';
import type { OrderRequest, QuotedItem, QuoteRequest } from '../../lambdas/buy-with-prime/buy-with-prime-requests.ts';
import type { Order } from '../../lambdas/buy-with-prime/order.ts';
import type { Quote } from '../../lambdas/buy-with-prime/quote.ts';
import { connectDatabase } from '../../lambdas/shared/database.ts';
import { KeyedRequest } from '../../lambdas/shared/idempotency/idempotency.store.ts';
import { buyWithPrimeSecretName } from '../../lambdas/shared/settings.ts';
import { partnerAccess, type PartnerAccess } from '../../local/partners-file.ts';
import {
  DOCUMENT_DIALECT,
  type BuyWithPrimeDialect,
} from '../../local/upstreams/buy-with-prime/buy-with-prime-dialect.ts';
import { wordError } from '../../local/upstreams/buy-with-prime/refusals.ts';
import { documentedErrors, type DocumentedError } from './documented-graphql-errors.ts';
import { startLocalStack, until, type LocalStack } from './local-stack.ts';
import { callSigned, type PartnerAnswer } from './partner-clients.ts';
import type { SecretPlace } from './secret-scan.ts';

const common = { capabilities: ['buy-with-prime'], plan: { perSecond: 2_000, burst: 2_000 } };
const PARTNERS = {
  shop: { ...common, accountId: '111122223333', externalId: 'shop-1', buyWithPrime: { account: 'store' } },
  // Another shop that sells for the same merchant.
  sibling: { ...common, accountId: '222233334444', externalId: 'sibling-1', buyWithPrime: { account: 'store' } },
  // Shops whose merchants have trouble with their credentials.
  moving: { ...common, accountId: '333344445555', externalId: 'moving-1', buyWithPrime: { account: 'moved' } },
  rotating: { ...common, accountId: '666677778888', externalId: 'rotating-1', buyWithPrime: { account: 'rotated' } },
  without: { ...common, accountId: '444455556666', externalId: 'without-1' },
  reader: { ...common, accountId: '555566667777', externalId: 'reader-1', capabilities: ['reading'] },
};
type PartnerName = keyof typeof PARTNERS;
/** The last is what another one becomes: nobody orders for it by that name. */
const ACCOUNTS = ['store', 'moved', 'rotated', 'rotated-anew'];

const MUG = { productId: 'mug', quantity: 1 };
/** The poster is delivered without Prime. */
const MIXED: QuotedItem[] = [MUG, { sku: 'POSTER / 01', quantity: 2 }];
/** A shopper, of whom nothing may be found in anything that the stack has written. */
const SHOPPER = {
  name: 'Wilhelmina Pipeline-Example',
  streetAddress: '410 Pipeline Terrace',
  email: 'wilhelmina@pipeline.example',
  ipAddress: '203.0.113.177',
  externalId: 'checkout-session-of-wilhelmina',
};
const HOME = {
  ...{ name: SHOPPER.name, streetAddress: SHOPPER.streetAddress, locality: 'Seattle' },
  ...{ region: 'WA', countryCode: 'US', postalCode: '98109' },
};

/** What a checkout asks for: delivery to the shopper's home. */
const toHome = (...lineItems: QuotedItem[]): QuoteRequest => ({ lineItems, location: { shippingAddress: HOME } });

let stack: LocalStack;
let isStopped = false;
let access: Record<PartnerName, PartnerAccess>;
let token: string;

/** Gets whoever calls what they need; a restart changes all of it. */
function enter(): void {
  access = partnerAccess(stack.cloud, stack.settings.partnerApi);
  for (const [name, { credentials }] of Object.entries(access)) {
    stack.keepsSecret(`secret key of ${name}`, credentials.secretAccessKey);
    stack.keepsSecret(`session token of ${name}`, credentials.sessionToken);
  }
}

beforeAll(async () => {
  stack = await startLocalStack({
    titles: [],
    partners: PARTNERS,
    buyWithPrime: {
      accounts: ACCOUNTS.map((account) => ({ account })),
      products: ACCOUNTS.flatMap((account) => [
        { account, productId: 'mug', sku: 'MUG-01', price: '12.50', title: 'Enamel Mug' },
        { account, productId: 'poster', sku: 'POSTER / 01', price: '9', prime: false },
        { account, productId: 'vase', sku: 'VASE-01', price: '30', taxPercent: '10', deliveryCharge: '4.99' },
      ]),
      // Each of a hundred environments asks for its own.
      tokenRate: { rate: 1_000, burst: 1_000 },
      rate: { rate: 2_000, burst: 2_000 },
      // A machine that is busy with other things is no upstream that fails.
      settings: { timeoutMs: 5_500, deadlineMs: 22_000, accounts: { store: {}, moved: {}, rotated: {} } },
    },
    // Whoever is at work when the stack stops is killed.
    cloud: { stopGraceMs: 100 },
  });
  for (const [field, value] of Object.entries(SHOPPER)) stack.keepsSecret(`${field} of the shopper`, value);
  token = stack.issueShopperToken({ shopper: 'wilhelmina', postalCode: HOME.postalCode, lifeMs: 24 * 3_600_000 });
  enter();
});
afterAll(async () => {
  if (!isStopped) await stack?.stop();
});

interface Call {
  readonly from?: PartnerName;
  /** The shopper's. @default none */
  readonly token?: string;
  readonly signal?: AbortSignal;
}
const post = (resource: string, body: unknown, { from = 'shop', token: shopper, signal }: Call, headers = {}) =>
  callSigned(access[from], {
    method: 'POST',
    path: `/v1/buy-with-prime/${resource}`,
    headers: { ...headers, ...(shopper !== undefined && { 'x-amz-access-token': shopper }) },
    body: JSON.stringify(body),
    ...(signal && { signal }),
  });
const quote = (body: unknown, call: Call = {}): Promise<PartnerAnswer> => post('offers', body, call);
async function quoted(body: QuoteRequest, call: Call = {}): Promise<Quote> {
  const answer = await quote(body, call);
  expect([answer.status, answer.body]).toEqual([200, expect.anything()]);
  return answer.body as Quote;
}
const order = (key: string, body: unknown, call: Call = {}): Promise<PartnerAnswer> =>
  post('orders', body, call, { 'Idempotency-Key': key });
async function ordered({ key, body, from }: Checkout): Promise<PlacedOrder> {
  const answer = await order(key, body, { from });
  expect([answer.status, answer.body]).toEqual([201, expect.anything()]);
  return answer.body as PlacedOrder;
}
const read = (orderId: string, from: PartnerName = 'shop'): Promise<PartnerAnswer> =>
  callSigned(access[from], { path: `/v1/buy-with-prime/orders/${encodeURIComponent(orderId)}` });
const codeOf = ({ status, body }: PartnerAnswer) => [status, (body as { error?: { code: string } }).error?.code];

/** The one offer of a quote. */
function offerIn({ offers }: Quote): Quote['offers'][number] {
  const [offer] = offers;
  if (offer === undefined || offers.length > 1) throw new Error(`${offers.length} offers in the place of one`);
  return offer;
}
/** What an offer costs now, by Amazon's own account. */
const totalOf = (offerId: string): string => {
  const offer = stack.simulator.buyWithPrime.offers().find((one) => one.offerId === offerId);
  if (offer === undefined) throw new Error('the offer is not there any more');
  return offer.total;
};

interface Checkout {
  readonly from: PartnerName;
  readonly key: string;
  readonly alias: string;
  readonly body: OrderRequest;
}
let series = 0;
/** A checkout that has an offer, which nobody has ordered yet. */
async function checkout(wanted: Partial<OrderRequest> & { from?: PartnerName } = {}): Promise<Checkout> {
  const { from = 'shop', ...changes } = wanted;
  // Others may ask while this one waits.
  const number = (series += 1);
  const asked: QuoteRequest = changes.quote ?? toHome(MUG);
  const { offerId } = offerIn(await quoted(asked, { from, token }));
  const body: OrderRequest = {
    orderId: `order ${number} / № 1 + 50%`,
    offerId,
    quote: asked,
    totalPrice: { amount: totalOf(offerId), currencyCode: 'USD' },
    desiredExecutionState: 'STARTED',
    customer: { name: SHOPPER.name, email: SHOPPER.email },
    ...changes,
  };
  return { from, key: randomUUID(), alias: `${from}/${body.orderId}`, body };
}

/** The orders at Amazon that stand under an alias. */
const madeOf = ({ alias }: Pick<Checkout, 'alias'>) =>
  stack.simulator.buyWithPrime
    .orders()
    .filter(({ aliases }) =>
      aliases.some(({ aliasType, aliasId }) => aliasType === 'EXTERNAL_ID' && aliasId === alias),
    );
/** How often Amazon has been asked something about an alias or a product. */
const askedOf = (operation: string, item: string): number =>
  stack.simulator
    .requests()
    .arrivals.filter((arrival) => arrival.operation === operation && arrival.items?.includes(item)).length;
/** Lets something go wrong with the mutations of an order. */
const spoil = ({ alias }: Checkout, rule: object) =>
  stack.fault({ times: 1, ...rule, match: { operation: 'createOrderFromOffer', alias } });

const ajv = new Ajv2020({ strict: false });
addFormats.default(ajv);
const docs = resolve(import.meta.dirname, '../../docs');
const schemas = new Map(
  ['Order Created', 'Order Rejected'].map((type) => [
    type,
    ajv.compile(
      JSON.parse(
        readFileSync(join(docs, 'events', `${type.toLowerCase().replaceAll(' ', '-')}.schema.json`), 'utf8'),
      ) as object,
    ),
  ]),
);

interface Detail {
  readonly metadata: { readonly id: string; readonly subject: string; readonly sequence: number };
  readonly data: Readonly<Record<string, unknown>>;
}
interface Told extends Detail {
  readonly type: string;
}
/** The events about orders as they came, each once: delivery is at least once. */
function events(): Told[] {
  const all = new Map<string, Told>();
  for (const { 'detail-type': type, detail } of stack.events) {
    const { metadata, data } = detail as unknown as Detail;
    if (schemas.has(type) && !all.has(metadata.id)) all.set(metadata.id, { type, metadata, data });
  }
  return [...all.values()];
}
const eventsOf = ({ from, body }: Checkout) =>
  events().filter(({ data }) => data['partner'] === from && data['orderId'] === body.orderId);
/** Waits for as many events of an order, and says which they are. */
async function told(of: Checkout, count = 1): Promise<string[]> {
  await until(`${count} events of an order`, () => eventsOf(of).length >= count);
  return eventsOf(of).map(({ type, data }) => {
    const what = type === 'Order Created' ? (data['assumed'] === true ? 'assumed' : 'made') : data['reason'];
    return `${type}: ${String(what)}`;
  });
}

/** What a metric has counted so far. */
const counted = (metric: string): number =>
  stack.logs.reduce((sum, text) => {
    if (!text.includes('"_aws"') || !text.includes(`"${metric}"`)) return sum;
    return sum + Number((JSON.parse(text) as Record<string, unknown>)[metric] ?? 0);
  }, 0);
/** Does something, and waits until it has been counted once more. */
async function counting<Result>(metric: string, act: () => Promise<Result>): Promise<Result> {
  const before = counted(metric);
  const result = await act();
  await until(`${metric} to be counted`, () => counted(metric) > before);
  return result;
}

describe('a quote', () => {
  it('without a place or a shopper is given again for a while, and says how old it is', async () => {
    const body = { lineItems: [{ sku: 'VASE-01', quantity: 3 }] };
    const first = await quote(body);
    expect([first.status, first.headers['age']]).toEqual([200, '0']);
    let again = first;
    await counting('QuotesCached', () =>
      until('the quote to be a second old', async () => {
        again = await quote(body);
        return again.headers['age'] !== '0';
      }),
    );
    expect(Number(again.headers['age'])).toBeGreaterThan(0);
    expect(again.body).toEqual(first.body);
    expect(askedOf('offers', 'VASE-01')).toBe(1);
    expect(offerIn(first.body as Quote).lineItems).toMatchObject([
      {
        product: { productId: 'vase' },
        delivery: { isPrimeEligible: true, provider: 'AMAZON', earliest: null, message: { badge: 'PRIME' } },
        returns: { resolutionTypes: ['RETURN'] },
      },
    ]);
  });

  it('for an IP address is made for each shopper', async () => {
    const body = { lineItems: [MUG], location: { ipAddress: SHOPPER.ipAddress } };
    const [first, second] = [await quote(body), await quote(body)];
    expect([first.headers['age'], second.headers['age']]).toEqual(['0', '0']);
    expect(offerIn(first.body as Quote).offerId).not.toBe(offerIn(second.body as Quote).offerId);
    expect(offerIn(first.body as Quote).lineItems).toMatchObject([{ delivery: { isPrimeEligible: true } }]);
  });

  it.each([true, false])('that wants delivery with Prime to be %s has no other', async (isPrimeEligible) => {
    const { lineItems } = offerIn(await quoted({ lineItems: MIXED.map((item) => ({ ...item, isPrimeEligible })) }));
    expect(lineItems.map(({ delivery }) => delivery?.isPrimeEligible)).toEqual(
      isPrimeEligible ? [true, undefined] : [undefined, false],
    );
  });

  it('at checkout has dates of delivery for an address and a shopper, with Prime and without', async () => {
    const answer = await quote({ ...toHome(...MIXED), shopperExternalId: SHOPPER.externalId }, { token });
    expect([answer.status, answer.headers['age'], (answer.body as Quote).totalCount]).toEqual([200, '0', 1]);
    const iso = expect.stringMatching(/^\d{4}-\d{2}-\d{2}T/) as string;
    expect(offerIn(answer.body as Quote).lineItems).toMatchObject([
      {
        product: {
          productId: 'mug',
          title: 'Enamel Mug',
          price: { amount: '12.5', currencyCode: 'USD' },
        },
        delivery: {
          isPrimeEligible: true,
          provider: 'AMAZON',
          latest: iso,
          message: { badge: 'PRIME' },
        },
      },
      {
        product: { productId: 'poster', price: { amount: '9', currencyCode: 'USD' } },
        delivery: { isPrimeEligible: false, provider: 'MERCHANT', latest: iso, message: { badge: 'NONE' } },
      },
    ]);
  });

  it('is refused with its reason', async () => {
    const somewhere = (change: object) => ({
      ...{ lineItems: [MUG], location: { shippingAddress: { ...HOME, ...change } } },
    });
    const expired = stack.issueShopperToken({ lifeMs: 0 });
    stack.keepsSecret('a made-up token of a shopper', 'Atza|made-up-by-a-shop');
    for (const [answer, status, code] of [
      [await quote(somewhere({}), { token: 'Atza|made-up-by-a-shop' }), 401, 'SHOPPER_TOKEN_REFUSED'],
      [await quote(somewhere({}), { token: expired }), 401, 'SHOPPER_TOKEN_REFUSED'],
      [await quote({ lineItems: [{ productId: 'nobody sells it', quantity: 1 }] }), 422, 'UNKNOWN_PRODUCT'],
      [await quote({ lineItems: [{ sku: 'NOBODY / 1', quantity: 1 }] }), 422, 'UNKNOWN_PRODUCT'],
      [await quote(somewhere({ region: 'Washington' })), 422, 'INVALID_ADDRESS'],
      [await quote(somewhere({ postalCode: 'none' })), 422, 'INVALID_ADDRESS'],
      [await quote(somewhere({ region: 'PR', postalCode: '00901' })), 422, 'INVALID_DESTINATION'],
      [await quote(somewhere({ countryCode: 'DE', region: 'BE' })), 422, 'INVALID_DESTINATION'],
    ] as const) {
      expect(codeOf(answer)).toEqual([status, code]);
    }
  });

  it('of too many items is refused before Amazon is asked', async () => {
    const { total } = stack.simulator.requests();
    const items = (count: number, more: object = {}) =>
      Array.from({ length: count }, () => ({ ...MUG, ...more })) satisfies QuotedItem[];
    expect(codeOf(await quote({ lineItems: items(41) }))).toEqual([400, 'INVALID_REQUEST']);
    const eligible = items(21, { isPrimeEligible: true });
    expect(codeOf(await quote({ lineItems: eligible }))).toEqual([400, 'INVALID_REQUEST']);
    expect(stack.simulator.requests().total).toBe(total);
    const most = await quote({
      lineItems: [...items(20), ...items(20).map(() => ({ productId: 'poster', quantity: 1 }))],
    });
    expect([most.status, offerIn(most.body as Quote).lineItems.length]).toEqual([200, 40]);
  });

  it('is for partners that sell for a merchant', async () => {
    const { total } = stack.simulator.requests();
    const { body } = await checkout();
    const asked = stack.simulator.requests().total;
    expect(asked).toBe(total + 1);
    for (const [from, code] of [
      ['without', 'BUY_WITH_PRIME_NOT_ALLOWED'],
      ['reader', 'ACCESS_DENIED'],
    ] as const) {
      expect(codeOf(await quote({ lineItems: [MUG] }, { from }))).toEqual([403, code]);
      expect(codeOf(await order(randomUUID(), body, { from }))).toEqual([403, code]);
      expect(codeOf(await read(body.orderId, from))).toEqual([403, code]);
    }
    expect(stack.simulator.requests().total).toBe(asked);
  });
});

describe('an order', () => {
  it.each(['STARTED', 'NOT_STARTED'] as const)('is made once, %s, read as it is, and told', async (state) => {
    const placing = await checkout({
      quote: { ...toHome(...MIXED), shopperExternalId: SHOPPER.externalId },
      desiredExecutionState: state,
      aliases: [{ aliasType: 'EXTERNAL_DISPLAY_ID', aliasId: `displayed in state ${state}` }],
      orderLinks: [{ destinationType: 'EXTERNAL_ORDER_MANAGEMENT', url: 'https://shop.example/orders/1?a=b#c' }],
    });
    const { body } = placing;
    const placed = await counting('OrdersCreated', () => ordered(placing));
    const [made, ...others] = madeOf(placing);
    expect(others).toEqual([]);
    expect(placed).toMatchObject({
      ...{ orderId: body.orderId, amazonOrderId: made?.orderId, assumed: false },
      order: {
        ...{ orderId: body.orderId, amazonOrderId: made?.orderId, executionState: state },
        aliases: body.aliases,
        totalPrice: { amount: '30.5', currencyCode: 'USD' },
        lineItems: [
          { product: { productId: 'mug' }, amount: { value: 1 }, delivery: { provider: 'AMAZON' } },
          { product: { productId: 'poster' }, amount: { value: 2 }, delivery: { provider: 'MERCHANT' } },
        ],
        orderLinks: [{ destinationType: 'EXTERNAL_ORDER_MANAGEMENT', url: 'https://shop.example/orders/1?a=b#c' }],
      },
    });
    expect(made?.executionState).toBe(state);

    expect(await ordered(placing)).toEqual(placed);
    expect(askedOf('createOrderFromOffer', placing.alias)).toBe(1);
    const found = await read(body.orderId);
    expect([found.status, found.body]).toEqual([200, placed.order]);
    stack.simulator.buyWithPrime.shipLine(made!.orderId);
    const shipped = (await read(body.orderId)).body as Order;
    expect(shipped.lineItems.map(({ packages }) => packages.length)).toEqual([1, 0]);

    expect(await told(placing)).toEqual(['Order Created: made']);
    expect(eventsOf(placing)[0]).toMatchObject({
      metadata: { subject: `order/shop/${encodeURIComponent(body.orderId)}` },
      data: {
        ...{ partner: 'shop', account: 'store', orderId: body.orderId, items: 2, totalPrice: body.totalPrice },
        ...{ amazonOrderId: made?.orderId, desiredExecutionState: state, assumed: false },
      },
    });
  });

  it('11: is refused under a key that was used for another order', async () => {
    const placing = await checkout();
    await ordered(placing);
    const others = { desiredExecutionState: 'NOT_STARTED', orderId: 'another', offerId: 'another' } as const;
    for (const [field, value] of Object.entries(others)) {
      const answer = await order(placing.key, { ...placing.body, [field]: value });
      expect(codeOf(answer)).toEqual([422, 'IDEMPOTENCY_KEY_REUSED']);
    }
    expect(askedOf('createOrderFromOffer', placing.alias)).toBe(1);
    expect(codeOf(await read('another'))).toEqual([404, 'NOT_FOUND']);
  });

  it('is refused where its orderId has an order, and the key stays with the refusal', async () => {
    const first = await checkout();
    await ordered(first);
    const second = await checkout({ orderId: first.body.orderId });
    for (const _ of [1, 2]) expect(codeOf(await order(second.key, second.body))).toEqual([409, 'ORDER_EXISTS']);
    expect(madeOf(first)).toHaveLength(1);
    expect(await told(first, 2)).toEqual(['Order Created: made', 'Order Rejected: ORDER_EXISTS']);
  });

  it('is refused where Amazon has another address of the shopper', async () => {
    const elsewhere = stack.issueShopperToken({ postalCode: '10001' });
    const placing = await checkout();
    const { offerId } = offerIn(await quoted(placing.body.quote, { token: elsewhere }));
    const answer = await counting('OrdersRejected', () => order(placing.key, { ...placing.body, offerId }));
    expect(codeOf(answer)).toEqual([422, 'ADDRESS_MISMATCH']);
    expect(madeOf(placing)).toEqual([]);
    expect(await told(placing)).toEqual(['Order Rejected: ADDRESS_MISMATCH']);
  });

  it('38: is each partner’s own, although merchant, orderId and Idempotency-Key are the same', async () => {
    const mine = await checkout();
    const theirs = { ...(await checkout({ from: 'sibling', orderId: mine.body.orderId })), key: mine.key };
    expect(codeOf(await read(mine.body.orderId, 'sibling'))).toEqual([404, 'NOT_FOUND']);
    const [first, second] = await Promise.all([ordered(mine), ordered(theirs)]);
    expect(first.amazonOrderId).not.toBe(second.amazonOrderId);
    for (const [placing, placed] of [
      [mine, first],
      [theirs, second],
    ] as const) {
      expect(madeOf(placing).map(({ orderId }) => orderId)).toEqual([placed.amazonOrderId]);
      const found = await read(placing.body.orderId, placing.from);
      expect(found.body).toMatchObject({ amazonOrderId: placed.amazonOrderId, orderId: placing.body.orderId });
      expect(await told(placing)).toEqual(['Order Created: made']);
      expect(await ordered(placing)).toEqual(placed);
    }
    // What one of them has alone, the other does not have at all.
    const alone = await checkout();
    await ordered(alone);
    expect(codeOf(await read(alone.body.orderId, 'sibling'))).toEqual([404, 'NOT_FOUND']);
    expect(codeOf(await read(alone.alias, 'sibling'))).toEqual([404, 'NOT_FOUND']);
  });
});

describe('an order whose answer is lost', () => {
  const isUnknown = async ({ key, body, from }: Checkout): Promise<void> => {
    const answer = await counting('OrdersUnknown', async () => {
      const lost = await order(key, body, { from });
      expect(codeOf(lost)).toEqual([504, 'ORDER_UNKNOWN']);
      return lost;
    });
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
  };

  it.each<[string, { rule: object; assumed: boolean }]>([
    ['and the order with it', { rule: { kind: 'drop', effect: 'none' }, assumed: false }],
    ['although there is the order', { rule: { kind: 'drop' }, assumed: true }],
    ['in the middle of it', { rule: { kind: 'drop', when: 'mid-answer' }, assumed: true }],
    ['behind a gateway that gave up', { rule: { kind: 'status', code: 504, effect: 'applied' }, assumed: true }],
    ['since it is no JSON', { rule: { kind: 'malformed' }, assumed: true }],
    [
      'in an error of Amazon’s own',
      {
        rule: { kind: 'graphql-error', errorType: 'InternalServerError', effect: 'applied' },
        assumed: true,
      },
    ],
  ])('34: %s, is one order after the repeat', async (_, { rule, assumed }) => {
    const placing = await checkout();
    await spoil(placing, rule);
    await isUnknown(placing);
    expect(madeOf(placing)).toHaveLength(assumed ? 1 : 0);
    const other = await order(placing.key, { ...placing.body, desiredExecutionState: 'NOT_STARTED' });
    expect(codeOf(other)).toEqual([422, 'IDEMPOTENCY_KEY_REUSED']);

    const placed = await ordered(placing);
    expect(placed.assumed).toBe(assumed);
    expect(madeOf(placing).map(({ orderId }) => orderId)).toEqual([placed.amazonOrderId]);
    expect(askedOf('createOrderFromOffer', placing.alias)).toBe(assumed ? 1 : 2);
    expect((await ordered(placing)).amazonOrderId).toBe(placed.amazonOrderId);
    expect(await told(placing)).toEqual([`Order Created: ${assumed ? 'assumed' : 'made'}`]);
  });

  it('34: and that lands before the repeat is found by its alias', async () => {
    const placing = await checkout();
    await spoil(placing, { kind: 'drop', effect: 'later' });
    await isUnknown(placing);
    expect(madeOf(placing)).toEqual([]);
    expect(codeOf(await read(placing.body.orderId))).toEqual([404, 'NOT_FOUND']);
    expect(stack.simulator.buyWithPrime.landLateOrders()).toEqual([{ made: true }]);
    const placed = await ordered(placing);
    expect(placed.assumed).toBe(true);
    expect(madeOf(placing).map(({ orderId }) => orderId)).toEqual([placed.amazonOrderId]);
    expect(await told(placing)).toEqual(['Order Created: assumed']);
  });

  it('34: and that lands after the repeat is refused by Amazon, for the alias', async () => {
    const placing = await checkout();
    await spoil(placing, { kind: 'drop', effect: 'later' });
    await isUnknown(placing);
    const placed = await ordered(placing);
    expect(placed.assumed).toBe(false);
    expect(stack.simulator.buyWithPrime.landLateOrders()).toEqual([{ made: false, reason: 'ConflictError' }]);
    expect(madeOf(placing).map(({ orderId }) => orderId)).toEqual([placed.amazonOrderId]);
    expect(await told(placing)).toEqual(['Order Created: made']);
  });

  it('34: and that Amazon refuses meanwhile stays unknown for as long as it may still land', async () => {
    const placing = await checkout({ quote: toHome({ sku: 'VASE-01', quantity: 1 }) });
    await spoil(placing, { kind: 'drop', effect: 'later' });
    await isUnknown(placing);
    stack.simulator.buyWithPrime.setPrice('store', 'vase', '31');
    for (const _ of [1, 2]) await isUnknown(placing);
    stack.simulator.buyWithPrime.setPrice('store', 'vase', '30');
    expect(stack.simulator.buyWithPrime.landLateOrders()).toEqual([{ made: true }]);
    expect((await ordered(placing)).assumed).toBe(true);
    expect(madeOf(placing)).toHaveLength(1);
    expect(await told(placing)).toEqual(['Order Created: assumed']);
  });

  it('34: and that is not the one under its alias is told from it', async () => {
    const [first, second] = [await checkout(), await checkout({ quote: toHome(...MIXED) })];
    const same = { ...second, alias: first.alias, body: { ...second.body, orderId: first.body.orderId } };
    await spoil(same, { kind: 'drop', effect: 'none' });
    await isUnknown(same);
    await ordered(first);
    expect(codeOf(await order(same.key, same.body))).toEqual([409, 'ORDER_EXISTS']);
    expect(madeOf(first)).toHaveLength(1);
    expect(await told(first, 2)).toEqual(['Order Created: made', 'Order Rejected: ORDER_EXISTS']);
  });

  it('34: and whose further alias another order takes meanwhile is refused by the repeat', async () => {
    const aliases = [{ aliasType: 'EXTERNAL_DISPLAY_ID', aliasId: 'displayed to two shoppers' }];
    const [lost, other] = [await checkout({ aliases }), await checkout({ aliases })];
    await spoil(lost, { kind: 'drop', effect: 'none' });
    await isUnknown(lost);
    await ordered(other);
    expect(codeOf(await order(lost.key, lost.body))).toEqual([409, 'ORDER_EXISTS']);
    expect(madeOf(lost)).toEqual([]);
    expect(await told(lost)).toEqual(['Order Rejected: ORDER_EXISTS']);
  });

  it('36: since the shop hangs up in the middle, is one order all the same', async () => {
    const placing = await checkout();
    // Long enough for the shop to be gone by the time Amazon answers.
    const mend = await stack.fault({
      ...{ kind: 'latency', ms: 1_000, match: { operation: 'createOrderFromOffer', alias: placing.alias } },
    });
    const gone = new AbortController();
    const call = order(placing.key, placing.body, { signal: gone.signal });
    await until('the order to be made', () => madeOf(placing).length === 1);
    gone.abort();
    await expect(call).rejects.toThrow();
    expect(await told(placing)).toEqual(['Order Created: made']);
    await mend();
    const placed = await ordered(placing);
    expect([placed.assumed, placed.amazonOrderId]).toEqual([false, madeOf(placing)[0]?.orderId]);
    expect(askedOf('createOrderFromOffer', placing.alias)).toBe(1);
  });
});

describe('an offer that is not what it was', () => {
  const setPrice = (price: string) => stack.simulator.buyWithPrime.setPrice('store', 'vase', price);

  it.each<[string, { code: string; change: () => void; after: () => void }]>([
    [
      'has expired',
      {
        code: 'OFFER_EXPIRED',
        change: () => expect(stack.simulator.buyWithPrime.expireOffers('store')).toBeGreaterThan(0),
        after: () => undefined,
      },
    ],
    ['costs another amount', { code: 'PRICE_CHANGED', change: () => setPrice('33.33'), after: () => setPrice('30') }],
  ])('35: and %s, makes no order, and another one to choose from', async (_, { code, change, after }) => {
    const placing = await checkout({ quote: toHome({ productId: 'vase', quantity: 3 }) });
    change();
    const refused = await counting('OrdersRejected', () => order(placing.key, placing.body, { token }));
    expect(codeOf(refused)).toEqual([409, code]);
    const again = await order(placing.key, placing.body, { token });
    expect([codeOf(again), (again.body as { error: { message: string } }).error.message]).toEqual([
      [409, code],
      (refused.body as { error: { message: string } }).error.message,
    ]);
    expect(madeOf(placing)).toEqual([]);
    expect(await told(placing)).toEqual([`Order Rejected: ${code}`]);

    const [first, second] = [refused, again].map(({ body }) => offerIn((body as { quote: Quote }).quote));
    expect(new Set([placing.body.offerId, first?.offerId, second?.offerId]).size).toBe(3);
    const [line] = first!.lineItems;
    expect(line?.product?.price?.amount).toBe(code === 'PRICE_CHANGED' ? '33.33' : '30');
    const body: OrderRequest = {
      ...{ ...placing.body, offerId: first!.offerId },
      totalPrice: { amount: totalOf(first!.offerId), currencyCode: 'USD' },
    };
    const placed = await ordered({ ...placing, key: randomUUID(), body });
    expect(madeOf(placing).map(({ orderId }) => orderId)).toEqual([placed.amazonOrderId]);
    expect(await told(placing, 2)).toEqual([`Order Rejected: ${code}`, 'Order Created: made']);
    after();
  });

  it('35: is refused without another one where Amazon cannot make it', async () => {
    const placing = await checkout();
    stack.simulator.buyWithPrime.expireOffers('store');
    const mend = await stack.fault({ kind: 'status', code: 503, match: { operation: 'offers', product: 'mug' } });
    const answer = await order(placing.key, placing.body);
    await mend();
    expect([codeOf(answer), (answer.body as { quote: unknown }).quote]).toEqual([[409, 'OFFER_EXPIRED'], null]);
    const again = await order(placing.key, placing.body);
    expect(offerIn((again.body as { quote: Quote }).quote).offerId).toEqual(expect.any(String));
  });
});

describe('credentials of the merchant', () => {
  /** For an IP address, so that none is kept. */
  const uncached = { lineItems: [MUG], location: { ipAddress: SHOPPER.ipAddress } };
  /** Neither a merchant's credentials are known any more, nor what they were exchanged for. */
  const refuse = async (account: string) => {
    const mend = await stack.fault({
      ...{ kind: 'status', code: 401, body: { error: 'invalid_client' } },
      match: { operation: 'token', account },
    });
    stack.simulator.buyWithPrime.expireTokens(account);
    return mend;
  };
  const tokens = (account: string): number => stack.simulator.buyWithPrime.tokenRequests(account);

  it('31: that are refused fail every request until they are known again, after one look at the secret each', async () => {
    const placing = await checkout({ from: 'moving' });
    const mend = await refuse('moved');
    for (const call of [
      () => quote(uncached, { from: 'moving' }),
      () => read(placing.body.orderId, 'moving'),
      () => order(placing.key, placing.body, { from: 'moving' }),
    ]) {
      const before = tokens('moved');
      const answer = await counting('CredentialsRefused', call);
      expect(codeOf(answer)).toEqual([502, 'UPSTREAM_CREDENTIALS']);
      expect(tokens('moved') - before).toBe(1);
    }
    expect(madeOf(placing)).toEqual([]);
    expect((await quote(uncached, { from: 'shop' })).status).toBe(200);
    await mend();
    expect((await ordered(placing)).assumed).toBe(false);
    expect(await told(placing)).toEqual(['Order Created: made']);
  });

  it('31: whose token expires are exchanged for another one within the request', async () => {
    const placing = await checkout();
    const before = tokens('store');
    await stack.fault({
      ...{ kind: 'expire-token', times: 1 },
      match: { operation: 'createOrderFromOffer', alias: placing.alias },
    });
    await ordered(placing);
    expect(tokens('store') - before).toBe(1);
    expect(madeOf(placing)).toHaveLength(1);
  });

  it('31: that are rotated while it runs are found in the secret at once', async () => {
    await quoted(uncached, { from: 'rotating' });
    const mend = await refuse('rotated');
    const { stage, buyWithPrime } = stack.settings;
    stack.cloud.putSecret(
      buyWithPrimeSecretName(stage, 'rotated', buyWithPrime.accounts['rotated']),
      stack.simulator.buyWithPrime.credentials('rotated-anew'),
    );
    expect((await quote(uncached, { from: 'rotating' })).status).toBe(200);
    const placing = await checkout({ from: 'rotating' });
    await ordered(placing);
    expect(madeOf(placing).map(({ account }) => account)).toEqual(['rotated-anew']);
    await mend();
  });
});

describe('an answer that is not as documented', () => {
  const drift = (rule: object) => ({ kind: 'drift', times: 1, ...rule });

  it.each<[string, { rule: object; lines: object[]; metric: string }]>([
    [
      'a part of a wrong type',
      {
        rule: drift({ how: 'wrong-type', field: 'reversalOffers' }),
        lines: [{ delivery: { isPrimeEligible: true }, returns: null }],
        metric: 'SchemaDrift',
      },
    ],
    ['lines that cannot be read', { rule: drift({ how: 'wrong-type' }), lines: [], metric: 'SchemaDrift' }],
    [
      'a part that Amazon has an error of',
      {
        rule: { kind: 'graphql-error', errorType: 'InternalServerError', field: 'reversalOffers', times: 1 },
        lines: [{ delivery: { isPrimeEligible: true }, returns: null }],
        metric: 'PartialAnswers',
      },
    ],
  ])('32: of a quote, with %s, is served as far as it goes, and counted', async (_, { rule, lines, metric }) => {
    await stack.fault({ ...rule, match: { operation: 'offers', product: 'mug' } });
    const { offers } = await counting(metric, () => quoted(toHome(MUG)));
    expect(offers[0]?.lineItems).toMatchObject(lines);
    // The next one is whole again.
    expect(offerIn(await quoted(toHome(MUG))).lineItems).toMatchObject([{ returns: { resolutionTypes: ['RETURN'] } }]);
  });

  it('32: of a quote, with a word that nobody knows, is passed on', async () => {
    await stack.fault(drift({ how: 'unknown-enum-value', match: { operation: 'offers', product: 'mug' } }));
    const [line] = offerIn(await quoted(toHome(MUG))).lineItems;
    expect(line?.delivery?.message?.badge).toBe('Not-Yet-Documented');
  });

  it('32: of a quote, without an offer’s identifier, is no quote, and counted for each try', async () => {
    await stack.fault({ ...drift({ how: 'missing-field' }), times: 3, match: { operation: 'offers', product: 'mug' } });
    const before = counted('SchemaDrift');
    expect(codeOf(await quote(toHome(MUG)))).toEqual([502, 'UPSTREAM_UNREADABLE']);
    await until('each try to be counted', () => counted('SchemaDrift') >= before + 3);
  });

  it('32: of an order, with lines that cannot be read, is served and counted, and the order made once', async () => {
    const placing = await checkout();
    await spoil(placing, drift({ how: 'wrong-type' }));
    const placed = await counting('SchemaDrift', () => ordered(placing));
    expect(placed.assumed).toBe(false);
    expect(placed.order).toMatchObject({ orderId: placing.body.orderId, totalPrice: { amount: '12.5' } });
    expect((await ordered(placing)).order?.lineItems).toMatchObject([{ product: { productId: 'mug' } }]);
    expect(madeOf(placing)).toHaveLength(1);
  });

  it('32: of an order, without its identifier, is one order after the repeat', async () => {
    const placing = await checkout();
    await spoil(placing, drift({ how: 'missing-field' }));
    const answer = await counting('SchemaDrift', () => order(placing.key, placing.body));
    expect(codeOf(answer)).toEqual([504, 'ORDER_UNKNOWN']);
    expect((await ordered(placing)).assumed).toBe(true);
    expect(madeOf(placing)).toHaveLength(1);
  });
});

describe('a hundred repeats of one order at a time', () => {
  /** Has so many execution environments start, a few at a time: none would be ready in time if all started at once. */
  async function warmUp(environments: number): Promise<void> {
    const body = { lineItems: [{ productId: 'poster', quantity: 1 }], location: { ipAddress: SHOPPER.ipAddress } };
    // Each call is held for a while, so that the others need environments of their own.
    const release = await stack.fault({
      kind: 'latency',
      ms: 1_500,
      match: { operation: 'offers', product: 'poster' },
    });
    for (let calls = 25; calls <= environments; calls += 25) {
      await Promise.all(Array.from({ length: calls }, () => quoted(body)));
    }
    await release();
  }

  it('34: make one order, which is told once, although answers are lost in between', { timeout: 120_000 }, async () => {
    await warmUp(100);
    const placing = await checkout();
    // The first answer is lost, and the order lands when all is over; a look whether it is there fails; it is made,
    // and the answer is lost again.
    await spoil(placing, { kind: 'drop', effect: 'later' });
    await spoil(placing, { kind: 'drop' });
    await stack.fault({ kind: 'status', code: 503, times: 3, match: { operation: 'order', alias: placing.alias } });
    const said = new Map<string, number>();
    const persist = async (): Promise<PlacedOrder> => {
      for (;;) {
        const answer = await order(placing.key, placing.body);
        const code = codeOf(answer).join(' ').trim();
        said.set(code, (said.get(code) ?? 0) + 1);
        if (answer.status === 201) return answer.body as PlacedOrder;
        expect(['409 REQUEST_IN_PROGRESS', '504 ORDER_UNKNOWN']).toContain(code);
        await sleep(200 + 300 * Math.random());
      }
    };
    const placed = await Promise.all(Array.from({ length: 100 }, persist));
    const [made, ...others] = madeOf(placing);
    expect(others).toEqual([]);
    expect(new Set(placed.map(({ amazonOrderId, assumed }) => `${amazonOrderId} ${assumed}`))).toEqual(
      new Set([`${made?.orderId} true`]),
    );
    expect([said.get('201'), said.get('504 ORDER_UNKNOWN')]).toEqual([100, 3]);
    expect(askedOf('createOrderFromOffer', placing.alias)).toBe(2);
    expect(stack.simulator.buyWithPrime.landLateOrders()).toEqual([{ made: false, reason: 'ConflictError' }]);
    expect(await told(placing)).toEqual(['Order Created: assumed']);
    console.log(JSON.stringify({ repeats: placed.length, ...Object.fromEntries(said) }));
  });
});

describe('an error of the GraphQL API, wherever it is told', () => {
  type Place = BuyWithPrimeDialect['errorPlace'];
  const PLACES = ['classification', 'errorType', 'extensions', 'message'] as const satisfies Place[];
  /** A part of what each operation gives. */
  const PARTS = {
    offers: ['offers', 'edges'],
    order: ['order', 'lineItems'],
    createOrderFromOffer: ['createOrderFromOffer', 'order', 'lineItems'],
  } as const;
  const documented = documentedErrors();
  // Throttling comes last, since it makes whoever has met it careful.
  const isThrottling = ({ type }: DocumentedError): number => Number(type === 'ThrottlingError');
  const inOrder = documented.toSorted((left, right) => isThrottling(left) - isThrottling(right));

  /** As the simulator words it in this place. */
  const ruleOf = ({ type, code, isOfPart }: DocumentedError, place: Place, operation: keyof typeof PARTS): object => {
    if (place === DOCUMENT_DIALECT.errorPlace && !isOfPart)
      return { kind: 'graphql-error', errorType: type, ...(code && { errorCode: code }) };
    const path = isOfPart ? PARTS[operation] : undefined;
    const error = wordError({ type, code, path, message: 'not so' }, place);
    return { kind: 'status', code: 200, body: { data: null, errors: [error] } };
  };
  const said = (answer: PartnerAnswer): string => codeOf(answer).join(' ').trim();

  it('is in the table for each of its types', () => {
    expect(new Set(documented.map(({ type }) => type))).toEqual(new Set([...AMAZON_ERROR_TYPES, 'SomethingNewError']));
    expect(documented.filter(({ type }) => type === 'ValidationError').length).toBeGreaterThan(10);
  });

  it.each(inOrder)('$name is answered as documented, and by one order in the end', async (row) => {
    const results = await Promise.all(
      PLACES.map(async (place) => {
        const productId = `of ${randomUUID()}`;
        stack.simulator.buyWithPrime.setProduct({ account: 'store', productId, sku: productId, price: '1' });
        const placing = await checkout();
        const mend = [
          await stack.fault({ ...ruleOf(row, place, 'offers'), match: { operation: 'offers', product: productId } }),
          await stack.fault({ ...ruleOf(row, place, 'order'), match: { operation: 'order', alias: placing.alias } }),
          await spoil(placing, { ...ruleOf(row, place, 'createOrderFromOffer'), times: 100 }),
        ];
        const [quoting, reading, ordering] = await Promise.all([
          quote({ lineItems: [{ productId, quantity: 1 }] }),
          read(placing.body.orderId),
          order(placing.key, placing.body),
        ]);
        const made = madeOf(placing).length;
        for (const end of mend) await end();
        const repeat = row.made === 'maybe' ? await ordered(placing) : undefined;
        return {
          ...{ quote: said(quoting), read: said(reading), order: said(ordering), made },
          ...{ repeated: madeOf(placing).length, assumed: repeat?.assumed },
        };
      }),
    );
    const { quote: quoting, read: reading, order: ordering, made } = row;
    const repeat = made === 'maybe' ? { repeated: 1, assumed: false } : { repeated: 0, assumed: undefined };
    const wanted = { quote: quoting, read: reading, order: ordering, made: 0, ...repeat };
    expect(results).toEqual(PLACES.map(() => wanted));
  });
});

describe('a function that is killed in the middle of an order', () => {
  /** Makes it as if the lease of each request that is under way had ended. */
  async function endLeases(): Promise<number> {
    const { region, credentials, endpoints, outputs } = stack.cloud;
    const client = new DynamoDBClient({ region, credentials, endpoint: endpoints.dynamodb });
    const database = connectDatabase(client);
    const TableName = outputs['RequestsTableName'];
    let ended = 0;
    for await (const { Items = [] } of paginateScan({ client: database }, { TableName, ConsistentRead: true })) {
      for (const row of Items.map((item) => KeyedRequest.safeParse(item).data)) {
        if (row?.status !== 'IN_FLIGHT') continue;
        await database.send(
          new UpdateCommand({
            ...{ TableName, Key: { requestId: row.requestId }, UpdateExpression: 'SET lease = :now' },
            ExpressionAttributeValues: { ':now': Date.now() },
          }),
        );
        ended += 1;
      }
    }
    client.destroy();
    return ended;
  }

  it('leaves one order after the repeat, whether Amazon had made it or not', async () => {
    const [early, late] = [await checkout(), await checkout()];
    await spoil(early, { kind: 'hang', effect: 'none' });
    await spoil(late, { kind: 'hang' });
    const calls = [early, late].map(({ key, body }) =>
      order(key, body).then(
        ({ status }) => status,
        () => 'cut off',
      ),
    );
    for (const { alias } of [early, late]) {
      await until('Amazon to be asked', () => askedOf('createOrderFromOffer', alias) === 1);
    }
    await stack.restart();
    for (const call of calls) expect(await call).not.toBe(201);
    enter();
    expect([madeOf(early).length, madeOf(late).length]).toEqual([0, 1]);

    // Whoever holds the keys might still be at work.
    for (const { key, body } of [early, late]) {
      const answer = await order(key, body);
      expect(codeOf(answer)).toEqual([409, 'REQUEST_IN_PROGRESS']);
      expect(Number(answer.headers['retry-after'])).toBeGreaterThan(1);
    }
    expect(await endLeases()).toBe(2);
    expect([(await ordered(early)).assumed, (await ordered(late)).assumed]).toEqual([false, true]);
    for (const placing of [early, late]) expect(madeOf(placing)).toHaveLength(1);
    expect([await told(early), await told(late)]).toEqual([['Order Created: made'], ['Order Created: assumed']]);
  });
});

describe('every event about an order', () => {
  it('is as the documents say; there is one of each order that Amazon has, and of no other', async () => {
    const orders = stack.simulator.buyWithPrime.orders();
    const created = () => events().filter(({ type }) => type === 'Order Created');
    await until('an event of each order', () => created().length >= orders.length);
    const namesOf = (names: readonly string[]): string[] => names.toSorted();
    expect(namesOf(created().map(({ data }) => `${String(data['amazonOrderId'])} ${String(data['account'])}`))).toEqual(
      // What the settings call it, whoever the merchant's credentials are.
      namesOf(orders.map(({ orderId, account }) => `${orderId} ${account.replace('-anew', '')}`)),
    );
    for (const event of stack.events.filter(({ 'detail-type': type }) => schemas.has(type))) {
      const check = schemas.get(event['detail-type'])!;
      expect([event['detail-type'], check(event.detail), check.errors]).toEqual([event['detail-type'], true, null]);
      const { metadata, data } = event.detail as unknown as Detail;
      expect(event.source).toBe('offer-relay');
      const { partner, orderId } = data as { partner: string; orderId: string };
      expect(metadata.subject).toBe(`order/${partner}/${encodeURIComponent(orderId)}`);
    }
    for (const [, all] of Map.groupBy(events(), ({ metadata }) => metadata.subject)) {
      const sequences = all.map(({ metadata }) => metadata.sequence);
      expect(sequences).toEqual([...new Set(sequences)].sort((left, right) => left - right));
    }
  });
});

describe('what is a shopper’s', () => {
  it('is found where it is written down, and was not before', async () => {
    const needles = Object.entries({ ...SHOPPER, token }).map(([field, value]) => ({
      name: field === 'token' ? 'an access token of a shopper' : `${field} of the shopper`,
      file: `planted-${field}.log`,
      value,
    }));
    for (const { file, value } of needles) {
      writeFileSync(join(stack.folder, 'cloud', file), `${JSON.stringify({ level: 'WARN', told: value })}\n`);
    }
    stack.logs.push(`a line with ${SHOPPER.email} in it`);
    isStopped = true;
    const refusal = await stack.stop().then(
      () => '[]',
      (error: unknown) => (error instanceof Error ? error.message : ''),
    );
    const found = JSON.parse(refusal.slice(refusal.indexOf('['))) as Partial<SecretPlace>[];
    const asItIs = found.filter(({ form }) => form === 'as it is');
    expect(new Set(asItIs.map(({ needle, place }) => `${needle}: ${place ?? 'logs'}`))).toEqual(
      new Set([...needles.map(({ name, file }) => `${name}: ${file}`), 'email of the shopper: logs']),
    );
    // In any other form, it is a planted one again.
    for (const { place = 'planted' } of found) expect(place).toMatch(/^planted/);
  });
});
