import { describe, expect, it } from 'vitest';
import { ASIN, CA, DE, SHOP, US, items, startPricing, type Answered } from './running-pricing.ts';
import { start } from './running-simulator.ts';

const ONE_ITEM = { ItemType: 'Asin', Asins: ASIN };
const expired = {
  status: 403,
  json: { errors: [{ code: 'Unauthorized', details: 'The access token you provided has expired.' }] },
};

describe('Login with Amazon', () => {
  it('trades a refresh token for an access token that opens the API', async () => {
    const { askToken, price, simulator } = await startPricing();
    const answer = await askToken();
    expect(answer).toMatchObject({
      status: 200,
      headers: { 'cache-control': 'no-store' },
      json: {
        access_token: expect.stringMatching(/^Atza\|.{40,}$/) as string,
        token_type: 'bearer',
        expires_in: 3600,
      },
    });
    expect((await price(ONE_ITEM, { token: answer.json.access_token ?? '' })).status).toBe(200);
    expect(simulator.tokenCalls('shop')).toBe(1);
  });

  it('gives another token every time, and all of them are good', async () => {
    const { token, price } = await startPricing();
    const [one, other] = [await token(), await token()];
    expect(one).not.toBe(other);
    for (const each of [one, other]) expect((await price(ONE_ITEM, { token: each })).status).toBe(200);
  });

  it('says what is wrong with a form', async () => {
    const { askToken, ask, simulator } = await startPricing({
      accounts: [SHOP, { ...SHOP, name: 'other', sellerId: 'A2OTHER' }],
    });
    const foreign = simulator.pricingCredentials('other').refreshToken;
    const cases: [Record<string, string | undefined>, number, string, string][] = [
      [{ grant_type: undefined }, 400, 'invalid_request', 'grant_type'],
      [{ grant_type: 'password' }, 400, 'unsupported_grant_type', 'grant type'],
      [{ client_id: undefined }, 400, 'invalid_request', 'client_id'],
      [{ refresh_token: undefined }, 400, 'invalid_request', 'refresh_token'],
      [{ client_secret: 'wrong' }, 401, 'invalid_client', 'Client authentication failed'],
      [{ client_secret: undefined }, 401, 'invalid_client', 'Client authentication failed'],
      [{ client_id: 'nobody' }, 401, 'invalid_client', 'Client authentication failed'],
      [{ refresh_token: 'Atzr|never-issued' }, 400, 'invalid_grant', 'refresh_token'],
      [{ refresh_token: foreign }, 400, 'invalid_grant', 'refresh_token'],
    ];
    for (const [fields, status, error, words] of cases) {
      expect(await askToken('shop', fields)).toMatchObject({
        status,
        json: { error, error_description: expect.stringContaining(words) as string },
      });
    }
    expect(await ask('/auth/o2/token')).toMatchObject({ status: 400, json: { error: 'invalid_request' } });
  });

  it('counts the calls of each account, failed ones too, and never shows a secret in its report', async () => {
    const { askToken, simulator, control } = await startPricing({
      accounts: [SHOP, { ...SHOP, name: 'other', sellerId: 'A2OTHER' }],
    });
    await askToken('shop');
    await askToken('shop', { client_secret: 'wrong' });
    await askToken('other');
    expect([simulator.tokenCalls('shop'), simulator.tokenCalls('other')]).toEqual([2, 1]);
    expect(simulator.requests().operations).toEqual({
      'shop/token': { total: 2, byStatus: { 200: 1, 401: 1 } },
      'other/token': { total: 1, byStatus: { 200: 1 } },
    });
    const shown = (await control('GET', '/control/selling-accounts')).text;
    expect(JSON.parse(shown)).toMatchObject({ accounts: [{ name: 'shop', tokenCalls: 2 }, { name: 'other' }] });
    const { clientSecret, refreshToken } = simulator.pricingCredentials('shop');
    expect(shown).not.toContain(clientSecret);
    expect(shown).not.toContain(refreshToken);
    expect(() => simulator.tokenCalls('nobody')).toThrow('nobody');
  });

  it('refuses a refresh token that was revoked; access tokens that are out live on', async () => {
    const { askToken, token, price, control } = await startPricing();
    const old = await token();
    expect((await control('PUT', '/control/selling-accounts/shop/revocation')).status).toBe(204);
    expect(await askToken()).toMatchObject({ status: 400, json: { error: 'invalid_grant' } });
    expect((await price(ONE_ITEM, { token: old })).status).toBe(200);
    await control('DELETE', '/control/selling-accounts/shop/revocation');
    expect((await askToken()).status).toBe(200);
  });

  it('can be made to fail, in the words of its own errors', async () => {
    const { askToken, control } = await startPricing();
    await control('POST', '/control/faults', { kind: 'status', code: 503, match: { operation: 'token' }, times: 1 });
    expect(await askToken()).toMatchObject({ status: 503, json: { error: 'server_error' } });
    expect((await askToken()).status).toBe(200);
  });
});

describe('an access token', () => {
  it('is forbidden when it is missing or made up', async () => {
    const { price, simulator } = await startPricing();
    for (const [token, details] of [
      [null, 'missing'],
      ['', 'missing'],
      ['Atza|made-up', 'revoked, malformed or invalid'],
    ] as const) {
      expect(await price(ONE_ITEM, { token })).toMatchObject({
        status: 403,
        json: { errors: [{ code: 'Unauthorized', details: expect.stringContaining(details) as string }] },
      });
    }
    expect(simulator.requests().operations).toEqual({ '(none)/getPricing': { total: 3, byStatus: { 403: 3 } } });
  });

  it('expires to the millisecond after its life, and a new one opens the API again', async () => {
    const { token, price, clock } = await startPricing({ tokenLifeSeconds: 60 });
    const first = await token();
    clock.pass(59_999);
    expect((await price(ONE_ITEM, { token: first })).status).toBe(200);
    clock.pass(1);
    expect(await price(ONE_ITEM, { token: first })).toMatchObject(expired);
    expect((await price(ONE_ITEM, { token: await token() })).status).toBe(200);
  });

  it('is said to be expired in the message or in the details, in the mixed dialect', async () => {
    const { token, price, clock } = await startPricing({ dialect: 'mixed', tokenLifeSeconds: 1 });
    const old = await token();
    clock.pass(1000);
    const places = new Set<string>();
    for (let round = 0; round < 20; round += 1) {
      const [error] = (await price(ONE_ITEM, { token: old })).json.errors ?? [];
      const words = 'The access token you provided has expired.';
      places.add(error?.message === words ? 'message' : error?.details === words ? 'details' : 'nowhere');
    }
    expect([...places].sort()).toEqual(['details', 'message']);
  });

  it('expires when control says so, for one account only', async () => {
    const { token, price, control } = await startPricing({
      accounts: [SHOP, { ...SHOP, name: 'other', sellerId: 'A2OTHER' }],
    });
    const [one, other] = [await token('shop'), await token('other')];
    expect((await control('POST', '/control/selling-accounts/shop/expire-tokens')).json).toEqual({ expired: 1 });
    expect(await price(ONE_ITEM, { token: one })).toMatchObject(expired);
    expect((await price(ONE_ITEM, { token: other })).status).toBe(200);
  });

  it('expires with every n-th request when a fault says so', async () => {
    const { token, price, control } = await startPricing();
    await control('POST', '/control/faults', { kind: 'expire-token', every: 3 });
    const statuses = [];
    let current = await token();
    for (let index = 0; index < 7; index += 1) {
      const { status } = await price(ONE_ITEM, { token: current });
      statuses.push(status);
      if (status === 403) current = await token();
    }
    expect(statuses).toEqual([200, 200, 403, 200, 200, 403, 200]);
  });

  it('opens no marketplace that is not the account’s, in this region or another', async () => {
    const { price, itemOffers } = await startPricing({ accounts: [{ ...SHOP, marketplaces: [US] }] });
    for (const MarketplaceId of [CA, DE]) {
      const denied = { status: 403, json: { errors: [{ code: 'Unauthorized' }] } };
      expect(await price({ ...ONE_ITEM, MarketplaceId })).toMatchObject(denied);
      expect(await itemOffers(ASIN, { MarketplaceId })).toMatchObject(denied);
    }
  });
});

describe('the rate', () => {
  const account = { name: 'shop', sellerId: SHOP.sellerId, marketplaces: [US] };

  it('is that of today, or of the document, for each operation by itself', async () => {
    for (const [profile, limits] of [
      ['today', { price: [1, 2000], competitive: [1, 2000], itemOffers: [1, 2000] }],
      ['document', { price: [20, 100], competitive: [20, 100], itemOffers: [10, 200] }],
    ] as const) {
      const started = await startPricing({ accounts: [account], profile });
      const asks: Record<string, () => Promise<Answered>> = {
        price: () => started.price(ONE_ITEM),
        competitive: () => started.competitive(ONE_ITEM),
        itemOffers: () => started.itemOffers(ASIN),
      };
      for (const [name, [burst, msPerToken]] of Object.entries(limits)) {
        const ask = asks[name];
        if (!ask) throw new Error(name);
        const statuses = [];
        for (let index = 0; index <= burst; index += 1) statuses.push((await ask()).status);
        expect(statuses).toEqual([...Array.from({ length: burst }, () => 200), 429]);
        started.clock.pass(msPerToken - 1);
        expect((await ask()).status).toBe(429);
        started.clock.pass(1);
        expect((await ask()).status).toBe(200);
      }
    }
  });

  it('is exceeded in Amazon’s words, without a hint when to come back', async () => {
    const { price } = await startPricing({ accounts: [account] });
    await price(ONE_ITEM);
    const answer = await price(ONE_ITEM);
    expect(answer).toMatchObject({ status: 429, json: { errors: [{ code: 'QuotaExceeded' }] } });
    expect(answer.headers).not.toHaveProperty('retry-after');
    expect(answer.headers).not.toHaveProperty('x-amzn-ratelimit-limit');
    expect(answer.headers['x-amzn-requestid']).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('is not used up by a token that is refused', async () => {
    const { price } = await startPricing({ accounts: [account] });
    for (const token of [null, 'Atza|made-up']) expect((await price(ONE_ITEM, { token })).status).toBe(403);
    expect((await price(ONE_ITEM)).status).toBe(200);
    expect((await price(ONE_ITEM)).status).toBe(429);
  });

  it('is each account’s own', async () => {
    const other = { ...account, name: 'other', sellerId: 'A2OTHER' };
    const { price } = await startPricing({ accounts: [account, other] });
    expect((await price(ONE_ITEM)).status).toBe(200);
    expect((await price(ONE_ITEM)).status).toBe(429);
    expect((await price(ONE_ITEM, { account: 'other' })).status).toBe(200);
  });

  it('is told on 200, 400 and 404 only', async () => {
    const { price, itemOffers, control, clock } = await startPricing({ profile: 'document', accounts: [account] });
    const header = (answer: Answered): unknown => answer.headers['x-amzn-ratelimit-limit'];
    expect(header(await price(ONE_ITEM))).toBe('10');
    expect(header(await itemOffers(ASIN))).toBe('5');
    expect(header(await price({ ItemType: 'Neither' }))).toBe('10');
    for (const code of [401, 403, 429, 500, 503]) {
      await control('POST', '/control/faults', { kind: 'status', code, times: 1 });
      clock.pass(1000);
      const answer = await price(ONE_ITEM);
      expect([answer.status, header(answer)]).toEqual([code, undefined]);
    }
    await control('POST', '/control/faults', { kind: 'status', code: 404, times: 1 });
    expect(header(await price(ONE_ITEM))).toBe('10');
  });

  it('is never told, or only sometimes, when asked for that', async () => {
    const never = await startPricing({ rateHeader: 'never' });
    expect((await never.price(ONE_ITEM)).headers).not.toHaveProperty('x-amzn-ratelimit-limit');
    const sometimes = await startPricing({ rateHeader: 'sometimes' });
    const told = [];
    for (let index = 0; index < 30; index += 1) {
      told.push('x-amzn-ratelimit-limit' in (await sometimes.price(ONE_ITEM)).headers);
    }
    expect(new Set(told)).toEqual(new Set([true, false]));
  });

  it('can be changed at run time, and taken back to what it was', async () => {
    const { price, control, clock } = await startPricing({ accounts: [account] });
    const path = '/control/selling-accounts/shop/rates';
    expect((await control('PUT', path, { getPricing: { rate: 4, burst: 2 } })).json).toMatchObject({
      rates: { getPricing: { rate: 4, burst: 2 }, getItemOffers: { rate: 0.5, burst: 1 } },
    });
    const statuses = [];
    for (let index = 0; index < 3; index += 1) statuses.push((await price(ONE_ITEM)).status);
    clock.pass(250);
    const answer = await price(ONE_ITEM);
    // A higher burst fills up in its own time.
    expect([...statuses, answer.status]).toEqual([200, 429, 429, 200]);
    expect(answer.headers['x-amzn-ratelimit-limit']).toBe('4');
    await control('PUT', path, { getPricing: null });
    expect((await price(ONE_ITEM)).status).toBe(429);
    clock.pass(10_000);
    expect((await price(ONE_ITEM)).status).toBe(200);
    expect((await price(ONE_ITEM)).status).toBe(429);
    for (const wrong of [{}, { getPrice: null }, { getPricing: { rate: 0, burst: 1 } }]) {
      expect((await control('PUT', path, wrong)).status).toBe(400);
    }
    expect((await control('PUT', '/control/selling-accounts/nobody/rates', { getPricing: null })).status).toBe(404);
  });
});

describe('what was asked', () => {
  it('is reported by account and operation, with marketplaces and items', async () => {
    const { price, itemOffers, simulator, clock } = await startPricing({ items: items(2) });
    await price({ ItemType: 'Asin', Asins: 'B000000001,B000000002' });
    await itemOffers('B000000009');
    const report = simulator.requests();
    expect(report.operations).toEqual({
      'shop/token': { total: 1, byStatus: { 200: 1 } },
      'shop/getPricing': { total: 1, byStatus: { 200: 1 } },
      'shop/getItemOffers': { total: 1, byStatus: { 400: 1 } },
    });
    expect(report.accounts).toEqual({});
    expect(report.total).toBe(3);
    expect(report.arrivals[1]).toEqual({
      number: 2,
      at: clock.now(),
      account: 'shop',
      licensor: null,
      alid: null,
      operation: 'getPricing',
      marketplaceIds: [US],
      items: ['B000000001', 'B000000002'],
      outcome: 200,
    });
  });
});

describe('a simulator without Product Pricing', () => {
  it('has none of it', async () => {
    const { simulator, control } = await start();
    expect(() => simulator.pricingUrl).toThrow('not simulated');
    expect(() => simulator.tokenUrl).toThrow('not simulated');
    expect(() => simulator.priceTruth(US, ASIN)).toThrow('not simulated');
    expect((await control('GET', '/control/price-truth')).status).toBe(404);
    for (const rule of [{ kind: 'expire-token' }, { kind: 'inner-status', code: 429 }]) {
      expect((await control('POST', '/control/faults', rule)).status).toBe(400);
    }
    expect((await control('POST', '/control/faults', { kind: 'hang', match: { asin: ASIN } })).status).toBe(400);
    expect(simulator.requests()).not.toHaveProperty('operations');
  });
});

describe('selling accounts and items', () => {
  it('are refused when they cannot be', async () => {
    const other = { ...SHOP, name: 'other', sellerId: 'A2OTHER' };
    const credentials = { clientId: 'c', clientSecret: 's', refreshToken: 'r' };
    const item = { marketplaceId: US, asin: ASIN };
    const wrong: [Parameters<typeof startPricing>[0], string][] = [
      [{ accounts: [SHOP, SHOP] }, 'Two selling accounts'],
      [
        {
          accounts: [
            { ...SHOP, credentials },
            { ...other, credentials },
          ],
        },
        'same refresh token',
      ],
      [{ accounts: [{ ...SHOP, name: '../x' }] }, 'cannot be'],
      [{ accounts: [{ ...SHOP, marketplaces: [US, DE] }] }, 'one region'],
      [{ accounts: [{ ...SHOP, marketplaces: [] }] }, 'one region'],
      [{ accounts: [{ ...SHOP, marketplaces: ['US'] }] }, 'no marketplace'],
      [{ items: [{ ...item, asin: 'short' }] }, 'no ASIN'],
      [{ items: [{ ...item, marketplaceId: 'US' }] }, 'no marketplace'],
      [{ items: [{ ...item, marketplaceId: DE, sku: 'x' }] }, 'No account'],
      [{ items: [{ ...item, sku: 'x', account: 'nobody' }] }, 'nobody'],
      [
        {
          items: [
            { ...item, sku: 'x' },
            { ...item, asin: 'B000000002', sku: 'x' },
          ],
        },
        `that of ${ASIN}`,
      ],
      [{ tempo: -1 }, 'tempo'],
      [{ tokenLifeSeconds: 0 }, 'token'],
    ];
    for (const [options, words] of wrong) await expect(startPricing(options)).rejects.toThrow(words);
  });
});
