import { describe, expect, it } from 'vitest';
import { start } from './running-simulator.ts';
import { ACCOUNT, OFFERS, mug, startBuyWithPrime, type Answered, type Asking } from './running-buy-with-prime.ts';

const INPUT = { input: { lineItems: [mug()] } };

describe('the token endpoint', () => {
  it('trades credentials for a token that lives for fifteen minutes, and counts how often', async () => {
    const { token, ask, upstream, clock, send } = await startBuyWithPrime();
    const answer = await token();
    expect(answer).toMatchObject({ status: 200, headers: { 'cache-control': 'no-store' } });
    expect(answer.json).toEqual({ access_token: expect.any(String), token_type: 'Bearer', expires_in: 900 });
    const { access_token: shown } = answer.json as { access_token: string };
    clock.pass(899_999);
    expect((await ask(OFFERS, INPUT, { token: shown })).errors).toBeUndefined();
    clock.pass(1);
    expect((await send(OFFERS, INPUT, { token: shown })).status).toBe(401);
    expect([upstream.tokenRequests(ACCOUNT), upstream.tokenRequests('other')]).toEqual([1, 0]);
  });

  it.each<[string, Record<string, string>, number, string]>([
    ['no grant', { grant_type: '' }, 400, 'invalid_request'],
    ['no secret', { client_secret: '' }, 400, 'invalid_request'],
    ['another grant', { grant_type: 'refresh_token' }, 400, 'unsupported_grant_type'],
    ['an unknown client', { client_id: 'nobody' }, 401, 'invalid_client'],
    ['another secret', { client_secret: 'wrong' }, 401, 'invalid_client'],
  ])('refuses in the words of OAuth: %s', async (_, change, status, error) => {
    const { token, upstream } = await startBuyWithPrime();
    const { clientId, clientSecret } = upstream.credentials(ACCOUNT);
    const form = { grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret };
    expect(await token({ ...form, ...change })).toMatchObject({ status, json: { error } });
    const asJson = await token(form, { 'content-type': 'application/json' });
    expect(asJson).toMatchObject({ status: 400, json: { error: 'invalid_request' } });
  });

  it('turns a client away that asks more often than it may, and nobody else', async () => {
    const { token, upstream, clock } = await startBuyWithPrime();
    const statuses = async (count: number) => {
      const answers = await Promise.all(Array.from({ length: count }, () => token()));
      return answers.map(({ status }) => status).sort();
    };
    expect(await statuses(5)).toEqual([200, 200, 200, 429, 429]);
    const { clientId, clientSecret } = upstream.credentials('other');
    const form = { grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret };
    expect((await token(form)).status).toBe(200);
    clock.pass(1000);
    expect(await statuses(4)).toEqual([200, 200, 200, 429]);
    expect(upstream.tokenRequests(ACCOUNT)).toBe(9);
  });
});

describe('the GraphQL endpoint', () => {
  it.each<[string, Asking]>([
    ['none', { token: null }],
    ['an unknown one', { token: 'unknown' }],
    ['one of another scheme', { token: null, headers: { authorization: 'Basic eA==' } }],
  ])('answers 401 without a good access token: %s', async (_, asking) => {
    const { send } = await startBuyWithPrime();
    expect(await send(OFFERS, INPUT, asking)).toMatchObject({
      status: 401,
      headers: { 'www-authenticate': expect.stringContaining('Bearer') },
      json: { errors: [{ message: expect.any(String) }] },
    });
  });

  it('denies access to a target that is missing, unknown or another merchant’s, with the status 200', async () => {
    const { refusal, upstream } = await startBuyWithPrime();
    for (const target of [undefined, 'unknown', upstream.credentials('other').targetId]) {
      const headers = { 'x-api-target-id': target };
      expect(await refusal(OFFERS, INPUT, { headers })).toEqual(['AccessDeniedError', undefined]);
    }
  });

  it('wants the version of the document', async () => {
    const { refusal } = await startBuyWithPrime();
    for (const version of [undefined, '2024-01-01']) {
      const headers = { 'x-api-version': version };
      expect(await refusal(OFFERS, INPUT, { headers })).toEqual(['ValidationError', undefined]);
    }
  });

  it('throttles a merchant that asks more often than it may, and nobody else', async () => {
    const { ask, clock } = await startBuyWithPrime({ rate: { rate: 2, burst: 2 } });
    const types = async (asking: Asking = {}) => (await ask(OFFERS, INPUT, asking)).errors?.[0]?.errorType;
    expect([await types(), await types(), await types()]).toEqual([undefined, undefined, 'ThrottlingError']);
    expect(await types({ account: 'other' })).not.toBe('ThrottlingError');
    clock.pass(500);
    expect([await types(), await types()]).toEqual([undefined, 'ThrottlingError']);
  });

  it.each<[string, Asking, number]>([
    ['no JSON', { body: '{' }, 400],
    ['no document', { body: { variables: {} } }, 400],
    ['variables that are none', { body: { query: OFFERS, variables: [] } }, 400],
    ['another media type', { headers: { 'content-type': 'text/plain' } }, 415],
    ['a document that is none', { body: { query: '{ offers(' } }, 200],
    ['a field that there is not', { body: { query: '{ offers(input: {lineItems: []}) { wrong } }' } }, 200],
    ['an argument that is missing', { body: { query: '{ offers { totalCount } }' } }, 200],
    ['a variable of another type', { body: { query: OFFERS, variables: { input: 7 } } }, 200],
    ['an amount in a text', { body: { query: OFFERS, variables: { input: { lineItems: [mug('1' as never)] } } } }, 200],
    ['a flag that is none', { body: { query: OFFERS, variables: { input: { lineItems: [mug(1, { isPrimeEligible: 'yes' })] } } } }, 200], // prettier-ignore
  ])('answers requests that are none as GraphQL over HTTP has it: %s', async (_, asking, status) => {
    const { send, upstream } = await startBuyWithPrime();
    const answer = await send('', {}, asking);
    expect(answer.status).toBe(status);
    const { data, errors } = answer.json as Answered;
    expect(data).toBeUndefined();
    expect(errors).toEqual([expect.objectContaining({ message: expect.any(String) })]);
    expect(JSON.stringify(errors)).not.toContain('errorType');
    expect(upstream.offers()).toEqual([]);
  });

  it('tells of a wrong document by the status where the client wants GraphQL’s own media type', async () => {
    const { send } = await startBuyWithPrime();
    const accept = 'application/graphql-response+json, application/json;q=0.9';
    const wrong = await send('{ nothing }', {}, { headers: { accept } });
    expect(wrong.status).toBe(400);
    expect(wrong.headers['content-type']).toMatch(/^application\/graphql-response\+json/);
    const right = await send(OFFERS, INPUT, { headers: { accept: 'application/json' } });
    expect(right.headers['content-type']).toMatch(/^application\/json/);
  });

  it.each([
    ['PUT', '/graphql'],
    ['POST', '/'],
    ['PUT', '/token'],
  ])('is the only one beside the token’s: %s %s', async (method, path) => {
    const { send } = await startBuyWithPrime();
    expect((await send(OFFERS, INPUT, { method, path })).status).toBe(404);
  });
});

describe('the log of requests', () => {
  it('tells whose they were and what they named, and holds no token and nothing of a shopper', async () => {
    const lines: string[] = [];
    const started = await startBuyWithPrime({}, { log: (line) => lines.push(line) });
    const { quote, order, send, simulator, upstream } = started;
    const value = upstream.issueShopperToken();
    const baseOfferId = await quote([mug()], {
      shopperIdentity: { lwaAccessToken: { value, externalId: 'session-7' } },
    });
    await order({ baseOfferId, aliases: [{ aliasType: 'EXTERNAL_ID', aliasId: 'shop/1' }] });
    await send(OFFERS, INPUT, { token: 'unknown' });
    const report = simulator.requests();
    expect(report.arrivals).toMatchObject([
      { account: ACCOUNT, operation: 'token', outcome: 200 },
      { account: ACCOUNT, operation: 'offers', items: ['mug'], outcome: 200 },
      { account: ACCOUNT, operation: 'createOrderFromOffer', items: ['shop/1'], outcome: 200 },
      { account: null, operation: 'offers', outcome: 401 },
    ]);
    expect(report.operations).toMatchObject({ [`${ACCOUNT}/offers`]: { total: 1 }, '(none)/offers': { total: 1 } });
    const told = JSON.stringify([report, lines, upstream.orders(), upstream.offers()]);
    const { clientSecret } = upstream.credentials(ACCOUNT);
    for (const secret of [value, clientSecret, 'session-7', 'John Doe', 'Terry']) expect(told).not.toContain(secret);
  });
});

describe('the options', () => {
  it.each<[string, object]>([
    ['Two merchants', { accounts: [{ account: 'a' }, { account: 'a' }], products: [] }],
    ['no merchant "b"', { products: [{ account: 'b', productId: 'x', sku: 'x', price: '1' }] }],
    [
      'listed twice',
      { products: [1, 2].map((price) => ({ account: ACCOUNT, productId: 'x', sku: 'x', price: String(price) })) },
    ],
    [
      'have the SKU',
      { products: ['x', 'y'].map((productId) => ({ account: ACCOUNT, productId, sku: 'x', price: '1' })) },
    ],
    ['amount', { products: [{ account: ACCOUNT, productId: 'x', sku: 'x', price: '1.00001' }] }],
    ['offerLifeSeconds', { offerLifeSeconds: 0 }],
    ['rate', { rate: { rate: 0, burst: 1 } }],
  ])('are refused when they cannot be right: %s', async (reason, options) => {
    await expect(startBuyWithPrime(options)).rejects.toThrow(reason);
  });

  it('say so where Buy with Prime is not simulated', async () => {
    const { simulator, control } = await start();
    expect(() => simulator.buyWithPrime).toThrow('not simulated');
    const rule = { kind: 'graphql-error', errorType: 'InternalServerError' };
    expect((await control('POST', '/control/faults', rule)).status).toBe(400);
    expect((await control('POST', '/control/faults', { kind: 'drop', effect: 'later' })).status).toBe(400);
  });
});
