import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { AmazonRefusal } from '../../lambdas/buy-with-prime/amazon-refusal.ts';
import type { BuyWithPrimeClient } from '../../lambdas/buy-with-prime/buy-with-prime-port.ts';
import type { Quote } from '../../lambdas/buy-with-prime/quote.ts';
import {
  CredentialError,
  RejectedError,
  ThrottledError,
  UnavailableError,
  UnreadableAnswerError,
} from '../../lambdas/shared/errors.ts';
import { tellInto } from '../shared/told.ts';
import { rowsOf, startEngineTables, type EngineTables } from '../shared/engine-tables.ts';
import { LeapingClock } from '../shared/virtual-clock.ts';
import { AmazonOrders, lineOf } from './amazon-orders.ts';
import { eventsOf, ITEMS, orderBody, SHOPPER, shopWorld } from './shop-world.ts';

let tables: EngineTables;
beforeAll(async () => {
  tables = await startEngineTables();
});
afterAll(() => tables.stop());

let clock = new LeapingClock();
let amazon = new AmazonOrders(clock.now);
let count = 0;
beforeEach(() => {
  clock = new LeapingClock();
  amazon = new AmazonOrders(clock.now);
});

const world = (client: Partial<BuyWithPrimeClient> = {}, quoteCacheSeconds?: number) =>
  shopWorld({
    database: tables.database,
    client: { ...amazon.client(), ...client },
    clock,
    ...(quoteCacheSeconds !== undefined && { quoteCacheSeconds }),
  });

/** A client of which every quote is told by its number. */
function countingQuotes(expiresAt?: () => number) {
  const asked: { readonly account: string; readonly items: number; readonly token: string | undefined }[] = [];
  const offers: BuyWithPrimeClient['offers'] = async ({ account }, request, token) => {
    asked.push({ account, items: request.lineItems.length, token });
    const quote: Quote = {
      quotedAt: new Date(clock.now()).toISOString(),
      offers: [{ offerId: `offer-${asked.length}`, lineItems: [] }],
      totalCount: 1,
    };
    return { quote, expiresAt: expiresAt?.() };
  };
  return { asked, offers };
}

const offerIdOf = ({ body }: { body: Record<string, unknown> }) => (body['offers'] as Quote['offers'])[0]?.offerId;

describe('a quote', () => {
  it('without a place and a shopper is given again for a minute, and tells how old it is', async () => {
    const { asked, offers } = countingQuotes();
    const { quote, telemetry } = world({ offers });
    const first = await quote({ lineItems: ITEMS });
    expect(first).toMatchObject({ status: 200, headers: { Age: '0', 'Cache-Control': 'no-store' } });
    clock.leap(12_700);
    const again = await quote({ lineItems: ITEMS });
    expect(again).toMatchObject({ status: 200, body: first.body, headers: { Age: '12' } });
    expect(telemetry).toMatchObject({ counts: { QuotesCached: 1 } });
    // The fields in another order are the same question, and a partner of the same account asks it as well.
    const [mug, lamp] = ITEMS;
    const turned = await quote({ lineItems: [{ quantity: 1, productId: mug?.productId }, lamp] }, {}, 'second');
    expect(offerIdOf(turned)).toBe('offer-1');
    expect(offerIdOf(await quote({ lineItems: ITEMS }, {}, 'elsewhere'))).toBe('offer-2');
    clock.leap(47_300);
    expect(offerIdOf(await quote({ lineItems: ITEMS }))).toBe('offer-3');
    expect(asked).toHaveLength(3);
  });

  it('is never given to two where it names a place or a shopper, or other items', async () => {
    const { asked, offers } = countingQuotes();
    const { quote } = world({ offers });
    const address = orderBody('any', 'any').quote.location;
    const bodies = [
      { lineItems: ITEMS, location: { ipAddress: '203.0.113.7' } },
      { lineItems: ITEMS, location: { ipAddress: '203.0.113.7' } },
      { lineItems: ITEMS, location: address },
      { lineItems: ITEMS, location: address },
      { lineItems: ITEMS.slice(1) },
      { lineItems: ITEMS.slice(1).map((item) => ({ ...item, isPrimeEligible: true })) },
    ];
    for (const body of bodies) expect((await quote(body)).headers).toMatchObject({ Age: '0' });
    for (let times = 0; times < 2; times += 1) {
      const signedIn = await quote({ lineItems: ITEMS, shopperExternalId: 'session' }, { 'x-amz-access-token': 'any' });
      expect(signedIn).toMatchObject({ status: 200, headers: { Age: '0' } });
    }
    expect(asked).toHaveLength(8);
    expect(asked.at(-1)).toEqual({ account: 'store', items: 2, token: 'any' });
  });

  it('is not kept beyond what Amazon says, nor where the settings want none kept', async () => {
    const short = countingQuotes(() => clock.now() + 5_000);
    const { quote } = world({ offers: short.offers });
    await quote({ lineItems: ITEMS });
    clock.leap(4_999);
    expect(offerIdOf(await quote({ lineItems: ITEMS }))).toBe('offer-1');
    clock.leap(1);
    expect(offerIdOf(await quote({ lineItems: ITEMS }))).toBe('offer-2');

    const none = countingQuotes();
    const uncached = world({ offers: none.offers }, 0);
    for (let times = 0; times < 2; times += 1) await uncached.quote({ lineItems: ITEMS });
    expect(none.asked).toHaveLength(2);
  });

  it('is kept for the five hundred questions that were asked last', async () => {
    const { asked, offers } = countingQuotes();
    const { quote } = world({ offers });
    const ask = (product: number) => quote({ lineItems: [{ productId: `product-${product}`, quantity: 1 }] });
    for (let product = 0; product < 500; product += 1) await ask(product);
    await ask(0);
    await ask(500);
    expect(asked).toHaveLength(501);
    expect((await ask(0)).status).toBe(200);
    expect(asked).toHaveLength(501);
    await ask(1);
    expect(asked).toHaveLength(502);
  });

  it.each([
    [new AmazonRefusal('ValidationError', 'ExpiredIdpToken', 'no'), 401, 'SHOPPER_TOKEN_REFUSED'],
    [new AmazonRefusal('ValidationError', 'InvalidIdpToken', 'no'), 401, 'SHOPPER_TOKEN_REFUSED'],
    [new AmazonRefusal('ValidationError', 'InvalidAddress', 'no'), 422, 'INVALID_ADDRESS'],
    [new AmazonRefusal('ValidationError', 'InvalidDestination', 'no'), 422, 'INVALID_DESTINATION'],
    [new AmazonRefusal('ValidationError', 'ItemDoesNotExist', 'no'), 422, 'UNKNOWN_PRODUCT'],
    [new AmazonRefusal('ResourceNotFoundError', 'ResourceNotFoundException', 'no'), 422, 'UNKNOWN_PRODUCT'],
    [new AmazonRefusal('ResourceNotFoundError', '', 'no'), 422, 'UNKNOWN_PRODUCT'],
    [new AmazonRefusal('ValidationError', 'TooManyMugs', 'no'), 422, 'BUY_WITH_PRIME_REFUSED'],
    [new AmazonRefusal('ValidationError', 'constructor', 'no'), 422, 'BUY_WITH_PRIME_REFUSED'],
    [new AmazonRefusal('ConflictError', '', 'no'), 422, 'BUY_WITH_PRIME_REFUSED'],
    [new CredentialError('AccessDenied', 'no'), 502, 'UPSTREAM_CREDENTIALS'],
    [new RejectedError('Rejected', 'no', { status: 400 }), 502, 'UPSTREAM_REJECTED'],
    [new UnreadableAnswerError('no', { raw: '', shape: 'any' }), 502, 'UPSTREAM_UNREADABLE'],
    [new ThrottledError('no'), 503, 'UPSTREAM_THROTTLED'],
    [new UnavailableError('ServerError', 'no'), 503, 'UPSTREAM_UNAVAILABLE'],
    [new UnavailableError('TimedOut', 'no'), 504, 'UPSTREAM_TIMEOUT'],
  ] as const)('that fails with %s is answered %i %s', async (error, status, code) => {
    const { quote } = world({ offers: () => Promise.reject(error) });
    const answer = await quote({ lineItems: ITEMS });
    expect(answer).toMatchObject({ status, body: { error: { code } } });
    if (code === 'BUY_WITH_PRIME_REFUSED') expect(answer.body.error?.message).toContain(error.code);
  });

  it.each<[string, unknown, string]>([
    ['no items', { lineItems: [] }, 'field lineItems must not be empty'],
    [
      '41 items',
      { lineItems: Array.from({ length: 41 }, () => ITEMS[0]) },
      'field lineItems must have at most 40 items',
    ],
    [
      '21 items that are to be eligible',
      { lineItems: Array.from({ length: 21 }, () => ({ ...ITEMS[0], isPrimeEligible: true })) },
      'field lineItems must have at most 20 items that are to be eligible for Prime',
    ],
    ['two names of a product', { lineItems: [{ productId: 'a', sku: 'b', quantity: 1 }] }, 'field lineItems.0'],
    ['no name of a product', { lineItems: [{ quantity: 1 }] }, 'field lineItems.0 must have either productId or sku'],
    ['half a product', { lineItems: [{ productId: 'a', quantity: 0.5 }] }, 'field lineItems.0.quantity'],
    [
      'no IP address',
      { lineItems: ITEMS, location: { ipAddress: '300.1.1.1' } },
      'field location.ipAddress must be an IP',
    ],
    [
      'two places',
      { lineItems: ITEMS, location: { ...orderBody('a', 'b').quote.location, ipAddress: '203.0.113.7' } },
      'field location must have either ipAddress or shippingAddress',
    ],
    ['a session without a shopper', { lineItems: ITEMS, shopperExternalId: 'any' }, 'field shopperExternalId needs'],
    ['an unknown field', { lineItems: ITEMS, extra: 1 }, 'extra'],
  ])('with %s is refused before Amazon is asked', async (_, body, message) => {
    const answer = await world().quote(body);
    expect(answer).toMatchObject({ status: 400, body: { error: { code: 'INVALID_REQUEST' } } });
    expect(answer.body.error?.message).toContain(message);
    expect(amazon.asked).toEqual([]);
  });

  it('of forty items, twenty of each kind, may be asked for', async () => {
    const lineItems = Array.from({ length: 40 }, (_, index) => ({ ...ITEMS[0], isPrimeEligible: index % 2 === 0 }));
    expect((await world().quote({ lineItems })).status).toBe(200);
  });

  it('is not made for a partner that has no account', async () => {
    const answer = await world().quote({ lineItems: ITEMS }, {}, 'without');
    expect(answer).toMatchObject({ status: 403, body: { error: { code: 'BUY_WITH_PRIME_NOT_ALLOWED' } } });
  });
});

const placed = () => {
  const orderId = `order-${++count}`;
  return { orderId, key: `key-of-${orderId}`, body: orderBody(orderId, amazon.offer(ITEMS, '25')) };
};

describe('an order', () => {
  it('is answered whole, and read again as it is', async () => {
    const { orderId, key, body } = placed();
    const { order, read } = world();
    const answer = await order(key, body);
    expect(answer).toMatchObject({
      status: 201,
      body: { orderId, assumed: false, order: { orderId, executionState: 'STARTED', lineItems: ITEMS.map(lineOf) } },
    });
    expect(await read(orderId)).toMatchObject({ status: 200, body: answer.body['order'] });
    expect(await read(`${orderId}-other`)).toMatchObject({ status: 404, body: { error: { code: 'NOT_FOUND' } } });
    expect(await eventsOf(tables.database, orderId)).toEqual([
      {
        detailType: 'Order Created',
        data: {
          partner: 'first',
          account: 'store',
          orderId,
          amazonOrderId: answer.body['amazonOrderId'],
          totalPrice: { amount: '25.00', currencyCode: 'USD' },
          items: 2,
          desiredExecutionState: 'STARTED',
          assumed: false,
        },
      },
    ]);
  });

  it('that is made is answered as made, though Amazon cannot tell it again', async () => {
    const { key, body } = placed();
    const first = await world().order(key, body);
    const again = await world({ findOrder: () => Promise.reject(new UnavailableError('ServerError', 'no')) }).order(
      key,
      body,
    );
    expect(again).toEqual({ ...first, body: { ...first.body, order: null }, headers: again.headers });
  });

  it('with an orderId that has an order is refused, also where it is the same one under another key', async () => {
    const { orderId, key, body } = placed();
    const { order } = world();
    expect((await order(key, body)).status).toBe(201);
    const other = await order(`${key}-2`, { ...body, offerId: amazon.offer(ITEMS, '25') });
    expect(other).toMatchObject({ status: 409, body: { error: { code: 'ORDER_EXISTS' } } });
    expect(amazon.orders.get(`first/${orderId}`)).toHaveLength(1);
    expect((await eventsOf(tables.database, orderId)).map(({ detailType }) => detailType)).toEqual([
      'Order Created',
      'Order Rejected',
    ]);
  });

  it('under a key that was used for another order is refused', async () => {
    const { key, body } = placed();
    const { order } = world();
    await order(key, body);
    const other = await order(key, { ...body, totalPrice: { amount: '26.00', currencyCode: 'USD' } });
    expect(other).toMatchObject({ status: 422, body: { error: { code: 'IDEMPOTENCY_KEY_REUSED' } } });
  });

  it('of an offer that is gone is refused without a quote where Amazon cannot be asked for one', async () => {
    const { key, body } = placed();
    const { order } = world({ offers: () => Promise.reject(new ThrottledError('no')) });
    amazon.offers.clear();
    expect(await order(key, body)).toMatchObject({
      status: 409,
      body: { error: { code: 'OFFER_EXPIRED' }, quote: null },
    });
  });

  it.each([
    [new AmazonRefusal('ConflictError', '', 'no'), 409, 'ORDER_EXISTS'],
    [new AmazonRefusal('ConflictError', 'AnyCode', 'no'), 409, 'ORDER_EXISTS'],
    [new AmazonRefusal('ValidationError', 'AliasValueAlreadyExists', 'no'), 409, 'ORDER_EXISTS'],
    [new AmazonRefusal('ValidationError', 'OfferExpired', 'no'), 409, 'OFFER_EXPIRED'],
    [new AmazonRefusal('ResourceNotFoundError', 'ResourceNotFoundException', 'no'), 409, 'OFFER_EXPIRED'],
    [new AmazonRefusal('ValidationError', 'ExpiredIdpToken', 'no'), 409, 'OFFER_EXPIRED'],
    [new AmazonRefusal('ValidationError', 'InvalidIdpToken', 'no'), 409, 'OFFER_EXPIRED'],
    [new AmazonRefusal('ValidationError', 'TotalPriceMismatch', 'no'), 409, 'PRICE_CHANGED'],
    [new AmazonRefusal('ValidationError', 'AddressMismatch', 'no'), 422, 'ADDRESS_MISMATCH'],
    [new AmazonRefusal('ValidationError', 'InvalidAddress', 'no'), 422, 'INVALID_ADDRESS'],
    [new AmazonRefusal('ValidationError', 'InvalidDestination', 'no'), 422, 'INVALID_DESTINATION'],
    [new AmazonRefusal('ValidationError', 'ItemDoesNotExist', 'no'), 422, 'UNKNOWN_PRODUCT'],
    [new AmazonRefusal('ValidationError', 'TooManyMugs', 'no'), 422, 'BUY_WITH_PRIME_REFUSED'],
    [new AmazonRefusal('ValidationError', 'constructor', 'no'), 422, 'BUY_WITH_PRIME_REFUSED'],
    [new AmazonRefusal('ValidationError', '', 'no'), 422, 'BUY_WITH_PRIME_REFUSED'],
  ] as const)('that Amazon refuses with %s is answered %i %s for good, and told', async (refusal, status, code) => {
    const { orderId, key, body } = placed();
    const { order, telemetry } = world();
    amazon.refusal = refusal;
    const answer = await order(key, body);
    expect(answer).toMatchObject({ status, body: { error: { code } } });
    expect(await eventsOf(tables.database, orderId)).toMatchObject([
      { detailType: 'Order Rejected', data: { reason: code, items: 2 } },
    ]);
    amazon.refusal = undefined;
    expect(await order(key, body)).toMatchObject({ status, body: { error: answer.body.error } });
    expect(amazon.orders.size).toBe(0);
    expect(telemetry).toMatchObject({ counts: { OrdersRejected: 1 } });
  });

  it.each([
    [new CredentialError('AccessDenied', 'no'), 502, 'UPSTREAM_CREDENTIALS'],
    [new RejectedError('Rejected', 'no', { status: 400 }), 502, 'UPSTREAM_REJECTED'],
    [new ThrottledError('no'), 503, 'UPSTREAM_THROTTLED'],
    [new UnavailableError('Unreachable', 'no', { unsent: true }), 503, 'UPSTREAM_UNAVAILABLE'],
  ] as const)('that provably was not made, by %s, leaves the key free', async (error, status, code) => {
    const { orderId, key, body } = placed();
    const failing = await world({ createOrder: () => Promise.reject(error) }).order(key, body);
    expect(failing).toMatchObject({ status, body: { error: { code } } });
    expect(await eventsOf(tables.database, orderId)).toEqual([]);
    // Even for another body: nothing has been done under it.
    expect((await world().order(key, { ...body, desiredExecutionState: 'NOT_STARTED' })).status).toBe(201);
  });

  it.each([
    new UnavailableError('ServerError', 'no'),
    new UnavailableError('TimedOut', 'no'),
    new UnavailableError('ConnectionLost', 'no'),
    new UnreadableAnswerError('no', { raw: '', shape: 'any' }),
    new RejectedError('Rejected', 'no', { status: 409 }),
    new Error('any'),
  ])('of which nobody knows whether it was made, by %s, keeps the key', async (error) => {
    const { key, body } = placed();
    const telemetry = tellInto();
    const client = { ...amazon.client(), createOrder: () => Promise.reject(error) };
    const { order } = shopWorld({ database: tables.database, client, clock, telemetry });
    expect(await order(key, body)).toMatchObject({ status: 504, body: { error: { code: 'ORDER_UNKNOWN' } } });
    expect(telemetry.counts).toMatchObject({ OrdersUnknown: 1, ApiUpstreamFailures: 1 });
    const other = await world().order(key, { ...body, desiredExecutionState: 'NOT_STARTED' });
    expect(other.body.error?.code).toBe('IDEMPOTENCY_KEY_REUSED');
    expect((await world().order(key, body)).status).toBe(201);
  });

  it.each<[string, (body: ReturnType<typeof orderBody>) => unknown, string]>([
    ['no total', ({ totalPrice: _, ...body }) => body, 'totalPrice'],
    [
      'a total that is no decimal',
      (body) => ({ ...body, totalPrice: { amount: '1e2', currencyCode: 'USD' } }),
      'totalPrice.amount',
    ],
    [
      'a total that is a number',
      (body) => ({ ...body, totalPrice: { amount: 25, currencyCode: 'USD' } }),
      'totalPrice.amount',
    ],
    ['no state', ({ desiredExecutionState: _, ...body }) => body, 'desiredExecutionState'],
    [
      'an alias of the kind that is ours',
      (body) => ({ ...body, aliases: [{ aliasType: 'EXTERNAL_ID', aliasId: 'mine' }] }),
      'aliases must not have the type EXTERNAL_ID',
    ],
    [
      'five aliases besides ours',
      (body) => ({ ...body, aliases: Array.from({ length: 5 }, () => ({ aliasType: 'ANY', aliasId: 'mine' })) }),
      'aliases must have at most 4 aliases',
    ],
    [
      'a link without TLS',
      (body) => ({ ...body, orderLinks: [{ destinationType: 'ANY', url: 'http://a.example' }] }),
      'orderLinks.0.url',
    ],
    ['an orderId that no path can carry', (body) => ({ ...body, orderId: '..' }), 'orderId'],
    [
      'more than twenty items together that are not to be eligible',
      (body) => ({
        ...body,
        additionalLineItems: Array.from({ length: 21 }, () => ({ ...ITEMS[0], delivery: { provider: 'MERCHANT' } })),
      }),
      'additionalLineItems must leave at most 40 items together with those of the quote, 20 of a kind',
    ],
    [
      'more than forty items together',
      (body) => ({
        ...body,
        additionalLineItems: Array.from({ length: 39 }, () => ({ ...ITEMS[0], delivery: { provider: 'MERCHANT' } })),
      }),
      'additionalLineItems must leave at most 40 items',
    ],
  ])('with %s is refused before anything is done', async (_, change, message) => {
    const { key, body } = placed();
    const answer = await world().order(key, change(body));
    expect(answer).toMatchObject({ status: 400, body: { error: { code: 'INVALID_REQUEST' } } });
    expect(answer.body.error?.message).toContain(message);
    expect(amazon.asked).toEqual([]);
  });

  it('passes nothing of its shopper to rows or log lines', async () => {
    const telemetry = tellInto();
    const { key, body } = placed();
    const { order, quote } = shopWorld({ database: tables.database, client: amazon.client(), clock, telemetry });
    await quote(body.quote, { 'x-amz-access-token': SHOPPER.token });
    await order(key, body);
    amazon.refusal = new AmazonRefusal('ValidationError', 'InvalidAddress', 'no');
    await order(`${key}-2`, body);
    amazon.refusal = undefined;
    amazon.fates.push('lost before');
    await order(`${key}-3`, { ...body, orderId: `${body.orderId}-3` });
    const rows = [...(await rowsOf(tables.database, 'Requests')), ...(await rowsOf(tables.database, 'History'))];
    const text = JSON.stringify([rows, telemetry.lines]);
    expect(text).toContain('it is not known whether an order was made');
    for (const secret of Object.values(SHOPPER)) expect(text).not.toContain(secret);
  });
});

describe('two partners of one account', () => {
  it('have orders of their own under the same orderId and key, and neither sees that of the other', async () => {
    const { orderId, key, body } = placed();
    const { order, read } = world();
    const first = await order(key, body, 'first');
    const second = await order(key, { ...body, offerId: amazon.offer(ITEMS, '25') }, 'second');
    expect([first.status, second.status]).toEqual([201, 201]);
    expect(first.body['amazonOrderId']).not.toBe(second.body['amazonOrderId']);
    for (const [partner, answer] of [
      ['first', first],
      ['second', second],
    ] as const) {
      expect((await read(orderId, partner)).body).toMatchObject({ amazonOrderId: answer.body['amazonOrderId'] });
      expect(await eventsOf(tables.database, orderId, partner)).toHaveLength(1);
    }
    const { orderId: own, key: ownKey, body: ownBody } = placed();
    await order(ownKey, ownBody, 'first');
    expect((await read(own, 'second')).status).toBe(404);
  });
});
