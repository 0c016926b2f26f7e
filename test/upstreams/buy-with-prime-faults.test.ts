import { describe, expect, it } from 'vitest';
import { FIND, OFFERS, ORDER, aliasOf, mug, startBuyWithPrime, type Answered, type StartedBuyWithPrime, offerIn, orderIn } from './running-buy-with-prime.ts'; // prettier-ignore

const ALIAS = aliasOf('shop/1');
const INPUT = { input: { lineItems: [mug()] } };

/** A simulator with an offer, and how to order it under one alias. */
async function startOrdering() {
  const started = await startBuyWithPrime();
  const input = { baseOfferId: await started.quote(), aliases: [ALIAS] };
  return { ...started, input, send: () => started.send(ORDER, { input }), asked: () => started.order(input) };
}
const orders = ({ upstream }: Pick<StartedBuyWithPrime, 'upstream'>) => upstream.orders().length;

describe('an order whose answer goes wrong', () => {
  it.each<[string, object]>([
    ['lost before it began', { kind: 'drop' }],
    ['lost in the middle', { kind: 'drop', when: 'mid-answer' }],
  ])('is made: %s', async (_, rule) => {
    const started = await startOrdering();
    await started.fault({ ...rule, match: { operation: 'createOrderFromOffer' } });
    await expect(started.send()).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(orders(started)).toBe(1);
    expect((await started.ask(FIND, { id: { alias: ALIAS } })).data?.['order']).toMatchObject({ aliases: [ALIAS] });
    expect((await started.asked()).errors?.[0]?.errorType).toBe('ConflictError');
  });

  it('is not made where the connection is reset before', async () => {
    const started = await startOrdering();
    await started.fault({ kind: 'drop', effect: 'none' });
    await expect(started.send()).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(orders(started)).toBe(0);
    expect((await started.asked()).errors).toBeUndefined();
  });

  it.each([400, 403, 408, 429, 500, 502, 503])(
    'is not made where the status is %i, unless the rule says so',
    async (code) => {
      const started = await startOrdering();
      await started.fault({ kind: 'status', code });
      await started.fault({ kind: 'status', code, effect: 'applied' });
      expect(await started.send()).toMatchObject({
        status: code,
        json: { errors: [{ message: `Simulated ${code}` }] },
      });
      expect(orders(started)).toBe(0);
      expect((await started.send()).status).toBe(code);
      expect(orders(started)).toBe(1);
    },
  );

  it.each<[string, object, string]>([
    ['cut off', { kind: 'malformed' }, '{"data'],
    ['HTML', { kind: 'malformed', how: 'invalid' }, '<html>'],
    ['empty', { kind: 'status', code: 200, body: '', effect: 'applied' }, ''],
  ])('is made where the answer is %s', async (_, rule, beginning) => {
    const started = await startOrdering();
    await started.fault(rule);
    const { status, text, json } = await started.send();
    expect([status, json, text.startsWith(beginning)]).toEqual([200, undefined, true]);
    expect(orders(started)).toBe(1);
  });

  it('is made later where the rule says so, once, whatever the answer was', async () => {
    for (const rule of [
      { kind: 'drop' },
      { kind: 'status', code: 504 },
      { kind: 'graphql-error', errorType: 'InternalServerError' },
    ]) {
      const started = await startOrdering();
      await started.fault({ ...rule, effect: 'later' });
      await started.send().catch(() => undefined);
      expect(orders(started)).toBe(0);
      expect(await started.ask(FIND, { id: { alias: ALIAS } })).toEqual({ data: { order: null } });
      expect(started.upstream.landLateOrders()).toEqual([{ made: true }]);
      expect(orders(started)).toBe(1);
      expect(started.upstream.landLateOrders()).toEqual([]);
    }
  });

  it('comes too late where its alias has an order by then, or its offer is gone', async () => {
    const started = await startOrdering();
    await started.fault({ kind: 'drop', effect: 'later', times: 2 });
    await started.send().catch(() => undefined);
    const second = { baseOfferId: started.input.baseOfferId, aliases: [aliasOf('shop/2')] };
    await started.order(second).catch(() => undefined);
    expect((await started.asked()).errors).toBeUndefined();
    expect(started.upstream.landLateOrders()).toEqual([
      { made: false, reason: 'ConflictError' },
      { made: false, reason: 'ResourceNotFoundException' },
    ]);
    expect(orders(started)).toBe(1);
  });
});

describe('an error of GraphQL on demand', () => {
  it.each<['classification' | 'errorType' | 'extensions' | 'message', object]>([
    ['classification', { message: 'Simulated ValidationError', extensions: { classification: { type: 'ValidationError', code: 'Some', details: {}, errorType: 'ValidationException', errorCode: 400 } } }], // prettier-ignore
    ['errorType', { message: 'Simulated ValidationError', errorType: 'ValidationError', errorCode: 'Some' }],
    ['extensions', { message: 'Simulated ValidationError', extensions: { errorType: 'ValidationError', errorCode: 'Some' } }], // prettier-ignore
    ['message', { message: 'ValidationError (Some): Simulated ValidationError' }],
  ])('says its type and code where the dialect has them: %s', async (errorPlace, error) => {
    const { fault, ask } = await startBuyWithPrime({ dialect: { errorPlace } });
    await fault({ kind: 'graphql-error', errorType: 'ValidationError', errorCode: 'Some' });
    expect(await ask(OFFERS, INPUT)).toEqual({ data: null, errors: [error] });
  });

  it.each([
    'AccessDeniedError',
    'ConflictError',
    'InternalServerError',
    'ResourceNotFoundError',
    'ThrottlingError',
    'ValidationError',
    'SomethingNew',
  ])('has any type, and no effect unless the rule says so: %s', async (errorType) => {
    const started = await startOrdering();
    await started.fault({ kind: 'graphql-error', errorType });
    await started.fault({ kind: 'graphql-error', errorType, effect: 'applied' });
    expect(await started.asked()).toMatchObject({ data: null, errors: [{ errorType }] });
    expect(orders(started)).toBe(0);
    expect(await started.asked()).toMatchObject({ data: null, errors: [{ errorType }] });
    expect(orders(started)).toBe(1);
  });

  it('takes a field out wherever it is, and leaves the rest there, with its effect', async () => {
    const { fault, ask } = await startBuyWithPrime();
    await fault({ kind: 'graphql-error', errorType: 'InternalServerError', field: 'reversalOffers' });
    const answer = await ask(OFFERS, { input: { lineItems: [mug(), mug()] } });
    const { errors } = answer;
    const lines = offerIn(answer).lineItems;
    expect(lines.map(({ product, reversalOffers }) => [product !== null, reversalOffers])).toEqual([
      [true, null],
      [true, null],
    ]);
    const place = (index: number) => ['offers', 'edges', 0, 'node', 'lineItems', index, 'reversalOffers'];
    expect(errors).toEqual(
      [0, 1].map((index) => ({
        message: 'Simulated InternalServerError',
        errorType: 'InternalServerError',
        path: place(index),
      })),
    );
    const started = await startOrdering();
    await started.fault({ kind: 'graphql-error', errorType: 'InternalServerError', field: 'lineItems' });
    expect(orderIn(await started.asked())).toMatchObject({ lineItems: null });
    expect(orders(started)).toBe(1);
  });

  it.each<[string, (started: StartedBuyWithPrime, code: 'extensions' | 'message') => Promise<Answered>]>([
    [
      'of an offer',
      ({ ask }) => ask(OFFERS, { input: { lineItems: [{ ...mug(), product: { identifier: { sku: 'none' } } }] } }),
    ],
    ['of the gateway', ({ ask }) => ask(OFFERS, INPUT, { headers: { 'x-api-target-id': 'none' } })],
  ])('is spelt as every refusal is: %s', async (_, act) => {
    const spelt = async (errorPlace: 'extensions' | 'message') => {
      const { errors } = await act(await startBuyWithPrime({ dialect: { errorPlace } }), errorPlace);
      return errors?.[0];
    };
    const { errorType } = (await spelt('extensions'))?.extensions ?? {};
    expect(errorType).toMatch(/^(ValidationError|AccessDeniedError)$/);
    const told = await spelt('message');
    expect(told?.message).toContain(errorType);
    expect(told).not.toHaveProperty('errorType');
    expect(told).not.toHaveProperty('extensions');
  });
});

describe('a fault rule', () => {
  it('matches operation, account, product and alias, the token endpoint included', async () => {
    const started = await startOrdering();
    const { fault, send, control, ask, token } = started;
    const status = async () => (await send()).status;
    await fault({ kind: 'status', code: 500, match: { operation: 'token' } });
    expect(await token()).toMatchObject({ status: 500, json: { error: 'server_error' } });
    for (const match of [
      { operation: 'order' },
      { account: 'other' },
      { alias: 'shop/2' },
      { product: 'poster' },
      { api: 'pricing' },
    ]) {
      const id = await fault({ kind: 'status', code: 500, match });
      expect(await ask(OFFERS, INPUT)).toHaveProperty('data.offers.totalCount', 1);
      await control('DELETE', `/control/faults/${id}`);
    }
    await fault({ kind: 'status', code: 501, match: { product: 'mug', operation: 'offers', api: 'buy-with-prime' } });
    await expect(ask(OFFERS, INPUT)).rejects.toThrow('501');
    await fault({ kind: 'status', code: 502, match: { alias: 'shop/1', account: 'shop' } });
    expect(await status()).toBe(502);
  });

  it('makes an access token expire, delays, hangs, adds headers and drifts', async () => {
    const { fault, send, ask, clock, simulator } = await startBuyWithPrime();
    await ask(OFFERS, INPUT);
    await fault({ kind: 'headers', headers: { 'cache-control': 'max-age=7' } });
    expect((await send(OFFERS, INPUT)).headers['cache-control']).toBe('max-age=7');
    await fault({ kind: 'latency', ms: 400 });
    await ask(OFFERS, INPUT);
    expect(clock.waits).toEqual([100, 300]);
    await fault({ kind: 'drift', how: 'unknown-enum-value' });
    expect(JSON.stringify(await ask(OFFERS, INPUT))).toContain('"badge":"Not-Yet-Documented"');
    await fault({ kind: 'drift', how: 'unknown-field' });
    expect(JSON.stringify(await ask(OFFERS, INPUT))).toContain('IntroducedLater');
    await fault({ kind: 'drift', how: 'missing-field' });
    expect(offerIn(await ask(OFFERS, INPUT))).not.toHaveProperty('id');
    await fault({ kind: 'drift', how: 'wrong-type' });
    expect(offerIn(await ask(OFFERS, INPUT)).lineItems).toBe('unexpected');
    await fault({ kind: 'hang' });
    void send(OFFERS, INPUT).catch(() => undefined);
    await expect.poll(() => simulator.requests().byStatus['hung']).toBe(1);
    await fault({ kind: 'expire-token' });
    expect((await send(OFFERS, INPUT)).status).toBe(401);
  });

  it('does not strike what is turned away', async () => {
    const { fault, refusal, ask } = await startBuyWithPrime();
    await fault({ kind: 'status', code: 500, match: { operation: 'offers' } });
    expect((await refusal(OFFERS, INPUT, { headers: { 'x-api-target-id': 'none' } }))[0]).toBe('AccessDeniedError');
    await expect(ask(OFFERS, INPUT)).rejects.toThrow('500');
  });
});

describe('the mixed dialect', () => {
  it('has every spelling, the same ones for the same seed', async () => {
    const texts = async (seed: number) => {
      const { ask, upstream } = await startBuyWithPrime({ dialect: 'mixed' }, { seed });
      const value = upstream.issueShopperToken({ postalCode: '98109' });
      const lineItems = [mug(), { product: { productId: 'poster' }, amount: { value: 1 } }];
      const answers: unknown[] = [];
      for (let round = 0; round < 60; round += 1) {
        const shopperIdentity = round % 2 === 0 ? undefined : { lwaAccessToken: { value } };
        answers.push(await ask(OFFERS, { input: { lineItems, shopperIdentity } }));
      }
      // Identifiers are new ones each time.
      return JSON.stringify(answers).replaceAll(/"[0-9a-f]{8}-[0-9a-f-]{27}"/g, '"ID"');
    };
    const first = await texts(1);
    for (const spelling of [
      '"isPrimeEligible":"true"',
      '"isPrimeEligible":true',
      '"isPrimeEligible":"false"',
      '"isPrimeEligible":false',
      '"offerPrime":"true"',
      '"deliveryOfferSummary":null,"summary":{',
      '"deliveryOfferSummary":{',
      '"summary":null,"details":{"id":null',
      '"details":{"id":"ID"',
      '"reversalOffers":null',
      '"reversalOffers":{"summary":null}',
      '"resolutionTypes":[]',
      '"totalCount":null',
    ]) {
      expect(first).toContain(spelling);
    }
    expect(await texts(1)).toBe(first);
    expect(await texts(2)).not.toBe(first);
  });

  it('writes amounts short or with cents, and always exactly', async () => {
    const texts = new Set<string>();
    for (const amounts of ['short', 'cents'] as const) {
      const { send } = await startBuyWithPrime({ dialect: { amounts } });
      const { text } = await send(OFFERS, INPUT);
      texts.add(/"amount":[\d.]+/.exec(text)?.[0] ?? '');
    }
    expect([...texts]).toEqual(['"amount":12.5', '"amount":12.50']);
  });

  it('refuses in every way that there is', async () => {
    const { ask, upstream, quote, order } = await startBuyWithPrime({ dialect: 'mixed', consumesOffers: false });
    await order({ baseOfferId: await quote(), aliases: [ALIAS] });
    const told = new Set<string>();
    for (let round = 0; round < 80; round += 1) {
      const taken = { baseOfferId: upstream.offers()[0]!.offerId, aliases: [ALIAS] };
      for (const answer of [
        await order(taken),
        await order({ baseOfferId: 'unknown' }),
        await ask(FIND, { id: { orderId: 'unknown' } }),
      ]) {
        const [error] = answer.errors ?? [];
        told.add(
          error === undefined
            ? 'nothing'
            : [error.errorType, error.errorCode, error.extensions?.['errorCode']].join(' ').trim(),
        );
        if (error?.message.startsWith('ValidationError (')) told.add('in the message');
      }
    }
    expect([...told]).toEqual(
      expect.arrayContaining([
        'nothing',
        'ConflictError',
        'ValidationError AliasValueAlreadyExists',
        'ValidationError OfferExpired',
        'ResourceNotFoundError ResourceNotFoundException',
        'AliasValueAlreadyExists',
        'OfferExpired',
        'in the message',
      ]),
    );
  });
});
