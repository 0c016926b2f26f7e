import { coerceInputValue, getVariableValues, parse, validate, type OperationDefinitionNode } from 'graphql';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { hadNoEffect } from '../../lambdas/buy-with-prime/order-effect.ts';
import { systemClock } from '../../lambdas/shared/clock.ts';
import { CredentialError, ThrottledError, UnavailableError } from '../../lambdas/shared/errors.ts';
import { answer, type Behaviour } from '../shared/scripted-server.ts';
import { VirtualClock } from '../shared/virtual-clock.ts';
import { schema } from './amazon-schema.ts';
import {
  ALIAS,
  CHECKOUT,
  clientWorld,
  CREDENTIALS,
  failureOf,
  GOOD,
  ORDER,
  PRODUCT_PAGE,
  SHOPPER_TOKEN,
  type ClientWorld,
} from './client-world.ts';

let world: ClientWorld;
beforeAll(async () => {
  world = await clientWorld();
});
afterAll(() => world[Symbol.asyncDispose]());
beforeEach(() => world.reset());

interface Sent {
  readonly query: string;
  readonly operationName: string;
  readonly variables: Record<string, unknown>;
}
const sent = (index = 0): Sent => JSON.parse(String(world.server.seen[index]?.body)) as Sent;
const says = (errorType: string, errorCode?: string): Behaviour =>
  answer(200, { data: null, errors: [{ errorType, errorCode, message: 'about Jane Doe, 410 Terry Avenue' }] });
const OPERATIONS = ['offers', 'find', 'create'] as const;

describe('the requests', () => {
  it.each(OPERATIONS)('have the headers of the document, and are valid by the schema: %s', async (operation) => {
    world.server.always = GOOD[operation];
    await world.client().run(operation);
    expect(world.server.seen).toHaveLength(1);
    expect(world.server.seen[0]).toMatchObject({
      method: 'POST',
      url: '/graphql',
      headers: {
        authorization: 'Bearer hunter2token1',
        'content-type': 'application/json',
        'x-api-target-id': CREDENTIALS.targetId,
        'x-api-version': '2024-11-01',
      },
    });
    const { query, variables, operationName } = sent();
    const document = parse(query);
    expect(validate(schema, document)).toEqual([]);
    const [definition] = document.definitions as OperationDefinitionNode[];
    expect(definition?.name?.value).toBe(operationName);
    expect(getVariableValues(schema, definition?.variableDefinitions ?? [], variables).errors).toBeUndefined();
  });

  it('ask at checkout with the address, the shopper and the filter as the samples have them', async () => {
    world.server.always = GOOD.offers;
    await world.client().run('offers');
    expect(sent().variables).toEqual({
      input: {
        lineItems: [
          { product: { identifier: { sku: 'sku-1' } }, amount: { unit: 'ONE', value: 2 } },
          {
            product: { productId: 'product-2' },
            amount: { unit: 'ONE', value: 1 },
            deliveryTerms: { isPrimeEligible: 'true' },
          },
        ],
        location: CHECKOUT.location,
        shopperIdentity: { lwaAccessToken: { value: SHOPPER_TOKEN, externalId: 'session-77' } },
      },
    });
    expect(sent().query).toContain('deliveryPreviewId');
  });

  it('ask on a product page for its own selection, without a shopper', async () => {
    world.server.always = GOOD.offers;
    const { client, call } = world.client();
    await client.offers(call, PRODUCT_PAGE, undefined);
    await client.offers(call, { lineItems: PRODUCT_PAGE.lineItems }, undefined);
    expect(sent().variables).toEqual({
      input: {
        lineItems: [
          {
            product: { productId: 'product-1' },
            amount: { unit: 'ONE', value: 1 },
            deliveryTerms: { isPrimeEligible: 'false' },
          },
        ],
        location: { ipAddress: '198.51.100.7' },
      },
    });
    expect(sent().query).toContain('deliveryOfferSummary');
    expect(sent(1).variables).toEqual({ input: { lineItems: [expect.anything()] } });
  });

  it('order with everything that the partner gave, amounts as exact numbers', async () => {
    world.server.always = GOOD.create;
    const { client, call } = world.client();
    const discounts = {
      summary: { amount: { amount: '1.00', currencyCode: 'USD' }, displayString: 'a dollar less' },
      details: [
        {
          amount: { amount: '0.0001', currencyCode: 'USD' },
          couponCode: 'SPRING',
          aliases: [{ aliasType: 'EXTERNAL_ID', aliasId: 'promotion-1' }],
        },
      ],
    };
    const orderLinks = [{ destinationType: 'EXTERNAL_ORDER_MANAGEMENT', url: 'https://shop.example/1001' }];
    await client.createOrder(
      call,
      {
        ...ORDER,
        totalPrice: { amount: '12345678901.2345', currencyCode: 'USD' },
        aliases: [{ aliasType: 'EXTERNAL_DISPLAY_ID', aliasId: '#1001' }],
        discounts,
        orderLinks,
        additionalLineItems: [
          {
            sku: 'sku-9',
            quantity: 3,
            title: 'Own goods',
            price: { amount: '2.50', currencyCode: 'USD' },
            delivery: {
              provider: 'MERCHANT',
              isPrimeEligible: false,
              speed: 'Standard',
              charge: { amount: '4.99', currencyCode: 'USD' },
            },
            taxes: { amount: '0.20', currencyCode: 'USD' },
          },
        ],
      },
      ALIAS,
    );
    expect(sent().variables).toEqual({
      input: {
        baseOfferId: 'offer-1',
        aliases: [
          { aliasType: 'EXTERNAL_ID', aliasId: ALIAS },
          { aliasType: 'EXTERNAL_DISPLAY_ID', aliasId: '#1001' },
        ],
        desiredExecutionState: 'STARTED',
        totalPrice: { value: { amount: 12345678901.2345, currencyCode: 'USD' } },
        customer: { contact: { emailData: { name: 'Jane Doe', email: 'jane@example.com' } } },
        discounts: {
          summary: { amount: { amount: 1, currencyCode: 'USD' }, displayString: 'a dollar less' },
          details: [
            {
              amount: { amount: 0.0001, currencyCode: 'USD' },
              couponCode: 'SPRING',
              aliases: [{ aliasType: 'EXTERNAL_ID', aliasId: 'promotion-1' }],
            },
          ],
        },
        orderLinks,
        additionalLineItems: [
          {
            amount: { unit: 'ONE', value: 3 },
            product: {
              identifier: { sku: 'sku-9' },
              title: 'Own goods',
              price: { amount: 2.5, currencyCode: 'USD' },
            },
            selectedDeliveryOffer: {
              details: {
                deliveryProvider: 'MERCHANT',
                deliveryTerms: { isPrimeEligible: 'false', deliverySpeed: 'Standard' },
                deliveryCharge: { amount: 4.99, currencyCode: 'USD' },
              },
            },
            taxes: { summary: { collectableTaxAmount: { amount: 0.2, currencyCode: 'USD' } } },
          },
        ],
      },
    });
    expect(String(world.server.seen[0]?.body)).toContain('"amount":12345678901.2345,');
    const input = schema.getType('CreateOrderFromOfferInput');
    if (input === undefined || !('getFields' in input)) throw new Error('the schema has no such input');
    expect(coerceInputValue(sent().variables['input'], input as never)).toBeTruthy();
  });

  it('look an order up by its alias', async () => {
    world.server.always = GOOD.find;
    await world.client().run('find');
    expect(sent().variables).toEqual({ orderIdentifier: { alias: { aliasType: 'EXTERNAL_ID', aliasId: ALIAS } } });
  });

  it('keep their connection', async () => {
    world.server.always = GOOD.find;
    const { run } = world.client();
    const before = world.server.connections();
    for (let index = 0; index < 3; index += 1) await run('find');
    // One for the token endpoint, one for the API: each has its own pool.
    expect(world.server.connections() - before).toBe(2);
  });
});

describe('a quote', () => {
  it('tells when Amazon was asked, and lasts as long as Amazon says', async () => {
    const { client, call, clock } = world.client();
    world.server.next.push(answer(200, GOOD_OFFERS, { 'cache-control': 'public, max-age=60', age: '20' }));
    world.server.next.push(answer(200, GOOD_OFFERS, { 'cache-control': 'max-age=60, no-store' }));
    world.server.next.push(answer(200, GOOD_OFFERS, { 'cache-control': 'max-age="30", s-maxage=5' }));
    world.server.next.push(answer(200, GOOD_OFFERS, { 'cache-control': 'max-age=soon' }));
    world.server.next.push(answer(200, GOOD_OFFERS));
    const lives = [];
    for (let index = 0; index < 5; index += 1) {
      const { quote, expiresAt } = await client.offers(call, CHECKOUT, undefined);
      expect(Date.parse(quote.quotedAt)).toBe(clock.now());
      lives.push(expiresAt === undefined ? undefined : expiresAt - clock.now());
    }
    expect(lives).toEqual([40_000, 0, 5_000, 0, undefined]);
  });

  it('ends with the first of its offers that does, wherever that is said', async () => {
    const { client, call, clock } = world.client();
    const at = (seconds: number) => new Date(clock.now() + seconds * 1_000).toISOString();
    const node = {
      id: 'o-1',
      expiresAt: at(300),
      lineItems: [{ deliveryOffer: { details: { expiresAt: at(90), date: { expiresAt: 'soon' } } } }],
    };
    world.server.always = answer(200, { data: { offers: { edges: [{ node }] } } }, { 'cache-control': 'max-age=120' });
    const { expiresAt } = await client.offers(call, CHECKOUT, undefined);
    expect(expiresAt).toBe(clock.now() + 90_000);
  });

  it('survives an answer that is deeper than any stack', async () => {
    const { client, call } = world.client();
    const deep = `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`;
    world.server.always = answer(200, `{"data":{"offers":{"edges":[{"node":{"id":"o","x":${deep}}}]}}}`);
    expect((await client.offers(call, CHECKOUT, undefined)).quote.offers).toHaveLength(1);
  });
});
const GOOD_OFFERS = { data: { offers: { edges: [{ node: { id: 'o-1', lineItems: [] } }] } } };

describe('the access token', () => {
  it('is fetched once for everybody, and kept a minute short of its life', async () => {
    const { run, clock } = world.client();
    world.server.always = GOOD.find;
    const deadline = Infinity;
    await Promise.all(Array.from({ length: 20 }, () => run('find', { deadline })));
    clock.leap(840_000 - 1);
    await run('find', { deadline });
    expect(world.tokens.asked).toBe(1);
    clock.leap(1);
    await run('find', { deadline });
    expect(world.tokens.asked).toBe(2);
  });

  it.each(OPERATIONS)('is renewed once where it is refused, even if there is one try only: %s', async (operation) => {
    for (const refusal of [answer(401), answer(403, '<html>'), says('AccessDeniedError')]) {
      world.reset();
      world.server.next.push(refusal);
      world.server.always = GOOD[operation];
      await world.client({ attempts: 1 }).run(operation);
      expect(world.server.seen.map(({ headers }) => headers.authorization)).toEqual([
        'Bearer hunter2token1',
        'Bearer hunter2token2',
      ]);
    }
  });

  it('is not renewed without end: not within a call, and not by the next ones', async () => {
    world.server.always = says('AccessDeniedError');
    const { run } = world.client();
    expect(await failureOf(run('create'))).toMatchObject({ code: 'AccessDenied' });
    expect(world.server.seen).toHaveLength(2);
    const next = await failureOf(run('create'));
    expect(next).toBeInstanceOf(CredentialError);
    expect(next).toMatchObject({ code: 'FreshTokenRefused' });
    expect(hadNoEffect(next)).toBe(true);
    expect(world.tokens.asked).toBe(2);
  });

  it.each(OPERATIONS)(
    'that is not to be had is asked for again, and the request has not left: %s',
    async (operation) => {
      world.tokens.next.push(answer(503), answer(200, '<html>'));
      world.server.always = GOOD[operation];
      await world.client().run(operation);
      expect(world.tokens.asked).toBe(3);
      world.tokens.next.push(...Array.from({ length: 3 }, (): Behaviour => ({ kind: 'reset' })));
      const error = await failureOf(world.client().run(operation));
      expect(error).toBeInstanceOf(UnavailableError);
      expect(hadNoEffect(error)).toBe(true);
      expect(world.server.seen).toHaveLength(1);
    },
  );

  it('that is throttled makes the account pause', async () => {
    world.tokens.next.push(answer(429), answer(429));
    world.server.always = GOOD.find;
    const { run, clock } = world.client();
    const begun = clock.now();
    await run('find');
    expect(clock.now() - begun).toBeGreaterThanOrEqual(100 + 200);
    expect(world.tokens.asked).toBe(3);
  });

  it('is not waited for beyond the deadline', async () => {
    world.tokens.next.push({ kind: 'hang' });
    const { run } = world.client({ attempts: 1 }, { clock: systemClock });
    const error = await failureOf(run('create', { deadline: Date.now() + 400 }));
    expect(error).toMatchObject({ code: 'TimedOut', unsent: true });
    expect(world.server.seen).toHaveLength(0);
  });

  it.each([
    [400, 'invalid_grant', 'InvalidGrant'],
    [401, 'invalid_client', 'InvalidClient'],
  ])('that is refused with %i %s ends the call at once', async (status, error, code) => {
    world.tokens.next.push(answer(status, { error }));
    const failure = await failureOf(world.client().run('create'));
    expect(failure).toBeInstanceOf(CredentialError);
    expect(failure).toMatchObject({ code });
    expect(world.tokens.asked).toBe(1);
  });
});

describe('throttling', () => {
  it.each([
    ['429', answer(429)],
    ['a ThrottlingError', says('ThrottlingError')],
  ])('by %s makes everybody who asks for this account pause, and nobody of another', async (_, throttled) => {
    const { client, call, run, clock } = world.client();
    world.server.next.push(throttled);
    world.server.always = GOOD.find;
    const begun = clock.now();
    expect(await failureOf(world.client({ attempts: 1 }).run('find'))).toBeInstanceOf(ThrottledError);
    world.server.next.push(throttled);
    await run('find');
    expect(clock.now() - begun).toBeGreaterThanOrEqual(100);
    const before = clock.now();
    world.server.next.push(throttled);
    await failureOf(client.createOrder({ ...call, deadline: before + 300 }, ORDER, ALIAS));
    await client.findOrder({ ...call, account: 'another', deadline: before + 10_000 }, ALIAS);
    expect(clock.now()).toBeLessThan(before + 300);
  });

  it('is over for a call that cannot wait: nothing is sent', async () => {
    const clock = new VirtualClock();
    const { run } = world.client({}, { clock });
    world.server.next.push(answer(429, '', { 'retry-after': '30' }));
    world.server.always = GOOD.create;
    const deadline = clock.now() + 20_000;
    const first = await clockRun(clock, failureOf(run('create', { deadline })));
    expect(first).toBeInstanceOf(ThrottledError);
    expect(first).toMatchObject({ code: 'Throttled', status: undefined });
    expect(world.server.seen).toHaveLength(1);
    for (const operation of OPERATIONS) {
      const error = await failureOf(run(operation, { deadline }));
      expect(error).toBeInstanceOf(ThrottledError);
      expect(hadNoEffect(error)).toBe(true);
    }
    expect(world.server.seen).toHaveLength(1);
  });

  it.each([
    ['429', 429, '7'],
    ['503', 503, '7'],
    ['429 and a date', 429, new Date(Date.parse('2026-01-01T00:00:07Z')).toUTCString()],
  ])('lasts as long as Retry-After says: %s', async (_, status, header) => {
    const { run, clock } = world.client();
    world.server.next.push(answer(status, '', { 'retry-after': header }));
    world.server.always = GOOD.find;
    const begun = clock.now();
    await run('find');
    expect(clock.now() - begun).toBe(7_000);
  });

  it('below the root of an answer counts as well, and what is there is served', async () => {
    const { run, clock, counted } = world.client();
    const errors = [{ errorType: 'ThrottlingError', path: ['order', 'payments'] }];
    world.server.next.push(answer(200, { data: { order: { id: 'a-1', payments: null } }, errors }));
    world.server.always = GOOD.find;
    expect(await run('find')).toMatchObject({ amazonOrderId: 'a-1' });
    expect(counted).toMatchObject({ PartialAnswers: 1 });
    const begun = clock.now();
    await run('find');
    expect(clock.now() - begun).toBe(100);
  });
});

/** Real answers come between the virtual sleeps: the clock waits for them. */
async function clockRun<Result>(clock: VirtualClock, work: Promise<Result>): Promise<Result> {
  for (;;) {
    try {
      return await clock.run(work);
    } catch (error) {
      if (!(error instanceof Error) || error.message !== 'everything waits and nobody sleeps') throw error;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}

describe('the time of a call', () => {
  it('is told, whatever became of it', async () => {
    const waited: number[] = [];
    const onWaited = (ms: number) => void waited.push(ms);
    world.server.next.push(GOOD.find, answer(400));
    const { run } = world.client();
    await run('find', { onWaited });
    await failureOf(run('find', { onWaited }));
    expect(waited).toHaveLength(2);
    expect(waited.every((ms) => ms > 0)).toBe(true);
  });

  it('ends before a try that could only be cut off', async () => {
    const { run, clock } = world.client();
    const error = await failureOf(run('create', { deadline: clock.now() + 249 }));
    expect(error).toMatchObject({ code: 'NoTimeLeft', unsent: true });
    expect(world.server.seen).toHaveLength(0);
  });

  it('bounds a try where the time-out does not', async () => {
    world.server.always = { kind: 'hang' };
    const { run } = world.client({}, { clock: systemClock });
    const error = await failureOf(run('create', { deadline: Date.now() + 600 }));
    expect(error).toMatchObject({ code: 'TimedOut', unsent: false });
  });
});

describe('an answer', () => {
  it.each(['find', 'create'] as const)('with an order is one, whatever errors come along: %s', async (operation) => {
    const order = { id: 'a-1' };
    const data = operation === 'find' ? { order } : { createOrderFromOffer: { order } };
    const errors = [{ errorType: 'InternalServerError' }, { message: 'Jane Doe' }, 'x'];
    const { run, counted, warned } = world.client();
    world.server.next.push(answer(200, { data, errors }));
    expect(await run(operation)).toMatchObject({ amazonOrderId: 'a-1', orderId: '1001' });
    expect(counted).toMatchObject({ PartialAnswers: 1 });
    expect(JSON.stringify(warned)).not.toContain('Doe');
  });

  it("of the mutation may be in the place where the document's sample has it", async () => {
    world.server.next.push(answer(200, { data: { order: { id: 'a-1' } } }));
    expect(await world.client().run('create')).toMatchObject({ amazonOrderId: 'a-1' });
  });

  it('with offers and errors is a quote; without any offer the errors decide', async () => {
    const errors = [{ errorType: 'ValidationError', errorCode: 'ItemDoesNotExist', path: ['offers'] }];
    const { run, clock, counted } = world.client();
    world.server.next.push(answer(200, { ...GOOD_OFFERS, errors }));
    // What is missing for a moment is not kept for others.
    expect(await run('offers')).toMatchObject({ quote: { offers: [{ offerId: 'o-1' }] }, expiresAt: clock.now() });
    expect(counted).toMatchObject({ PartialAnswers: 1 });
    for (const edges of [[], null, [{ node: null }]]) {
      world.server.next.push(answer(200, { data: { offers: { edges } }, errors }));
      expect(await failureOf(run('offers'))).toMatchObject({ reason: 'ItemDoesNotExist' });
    }
  });

  it('is counted with its places where it has drifted', async () => {
    const { run, counted, warned } = world.client();
    world.server.next.push(answer(200, { data: { order: { id: 'a-1', lineItems: [{ createdAt: 'Jane Doe' }] } } }));
    await run('find');
    expect(counted).toEqual({ SchemaDrift: 1 });
    expect(warned).toEqual([expect.objectContaining({ places: ['lineItems[].createdAt'] })]);
  });

  it.each([
    ['null without errors', { data: { order: null } }],
    ['a ResourceNotFoundError', { data: { order: null }, errors: [{ errorType: 'ResourceNotFoundError' }] }],
    ['its code only', { data: null, errors: [{ extensions: { code: 'ResourceNotFoundException' } }] }],
  ])('that there is no such order is %s', async (_, body) => {
    world.server.next.push(answer(200, body));
    expect(await world.client().run('find')).toBeUndefined();
  });

  it('that an order is not found is none where anything else went wrong', async () => {
    const errors = [{ errorType: 'ResourceNotFoundError' }, { errorType: 'InternalServerError' }];
    world.server.always = answer(200, { data: { order: null }, errors });
    expect(await failureOf(world.client().run('find'))).toBeInstanceOf(UnavailableError);
  });
});

it.each(['offers', 'create'] as const)(
  'forty callers of a throttled account are served but for those whom Amazon has refused three times: %s',
  async (operation) => {
    const clock = new VirtualClock();
    const { run } = world.client({}, { clock });
    world.server.next.push(...Array.from({ length: 20 }, () => answer(429)));
    world.server.always = GOOD[operation];
    const deadline = clock.now() + 3_600_000;
    const results = await clockRun(
      clock,
      Promise.allSettled(Array.from({ length: 40 }, () => run(operation, { deadline }))),
    );
    expect(results.filter(({ status }) => status === 'fulfilled').length).toBeGreaterThanOrEqual(34);
    expect(world.server.seen.length).toBeLessThanOrEqual(60);
  },
);
