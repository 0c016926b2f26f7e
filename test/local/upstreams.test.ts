import { sign } from 'aws4';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { BuyWithPrimeSettings, EntitlementsSettings, RuntimeSettings } from '../../lambdas/shared/settings-schema.ts';
import { openExampleCatalogue } from '../../local/example-catalogue.ts';
import { openUpstreams } from '../../local/open-upstreams.ts';
import { upstreamAddresses } from '../../local/upstream-addresses.ts';

const HERE = 'https://127.0.0.1:8443';
const AMAZON_TOKENS = 'https://api.amazon.com/auth/o2/token';
const CODES_TRUST = 'trust-of-offer-codes';
const GAMING_TRUST = 'trust-of-entitlements';
const AMAZON_PROFILE = 'https://api.amazon.com/user/profile';
const skus = { drop01: [{ itemId: 'coins', kind: 'stackable' }], drop02: [{ itemId: 'hat', kind: 'unique' }] };
const SELL = 'offer-relay/local/buy-with-prime/sell';
const AMAZON_SHOP = 'https://api.buywithprime.amazon.com';
const SHOP = { accountId: '444455556666', externalId: 'of-shop', buyWithPrime: { account: 'sell' } };
const GAME = { accountId: '111122223333', externalId: 'of-game', entitlements: { skus } };
const settingsWith = (pricing: object = {}, offerCodes: object = {}, partners: object = { game: GAME, shop: SHOP }) =>
  RuntimeSettings.parse({
    stage: 'local',
    offerStatus: { baseUrl: HERE, accounts: { main: { licensors: ['example-studios'] } } },
    pricing: {
      baseUrl: HERE,
      tokenUrl: `${HERE}/auth/o2/token`,
      rateProfile: 'document',
      accounts: { shop: { marketplaces: ['US', 'CA'], sellerId: 'A1' }, 'shop-eu': { marketplaces: ['DE'] } },
      ...pricing,
    },
    offerCodes: {
      baseUrl: HERE,
      trustSecret: CODES_TRUST,
      benefits: { MONTH: { marketplace: 'US', use: 'single' }, PASS: { marketplace: 'IN', use: 'multiple' } },
      ...offerCodes,
    },
    entitlements: { baseUrl: HERE, profileUrl: `${HERE}/user/profile`, trustSecret: GAMING_TRUST },
    buyWithPrime: { graphqlUrl: `${HERE}/graphql`, tokenUrl: `${HERE}/token`, accounts: { sell: {}, unused: {} } },
    partnerApi: { partners },
  });

describe('the addresses of the upstreams', () => {
  it('are simulated where the settings expect them on this machine', () => {
    expect(upstreamAddresses(settingsWith(), {})).toMatchObject({
      offerStatus: { isSimulated: true },
      pricing: { isSimulated: true },
      offerCodes: { isSimulated: true },
      entitlements: { isSimulated: true },
      buyWithPrime: { isSimulated: true },
    });
    const amazon = settingsWith({ baseUrl: undefined, tokenUrl: undefined });
    expect(upstreamAddresses(amazon, {}).pricing).toEqual({
      name: 'SP-API Product Pricing',
      url: undefined,
      isSimulated: false,
      tokenUrl: AMAZON_TOKENS,
    });
    expect(upstreamAddresses(settingsWith({ accounts: {} }), {}).pricing).toBeUndefined();
    expect(upstreamAddresses(settingsWith({}, { baseUrl: undefined }), {}).offerCodes).toEqual({
      name: 'Prime Offer Codes',
      url: 'https://prime-apis.amazon.com',
      isSimulated: false,
    });
    expect(upstreamAddresses(settingsWith({}, { benefits: {} }), {}).offerCodes).toBeUndefined();
    const reader = { ...GAME, capabilities: ['reading'] };
    const nobody = upstreamAddresses(settingsWith({}, {}, { reader: { ...SHOP, ...reader } }), {});
    expect([nobody.entitlements, nobody.buyWithPrime]).toEqual([undefined, undefined]);
    expect(upstreamAddresses(settingsWith({}, {}, { game: GAME }), {}).buyWithPrime).toBeUndefined();
    const amazonShop = { ...settingsWith(), buyWithPrime: BuyWithPrimeSettings.parse({ accounts: { sell: {} } }) };
    expect(upstreamAddresses(amazonShop, {}).buyWithPrime).toEqual({
      name: 'Buy with Prime',
      url: `${AMAZON_SHOP}/graphql`,
      isSimulated: false,
      tokenUrl: `${AMAZON_SHOP}/token`,
    });
    expect(
      upstreamAddresses({ ...settingsWith(), entitlements: EntitlementsSettings.parse({}) }, {}).entitlements,
    ).toEqual({
      name: 'Prime Gaming entitlements',
      url: 'https://gaming.amazon.com',
      isSimulated: false,
      profileUrl: AMAZON_PROFILE,
    });
  });

  it('come from the environment one by one, the tokens from Amazon unless it says otherwise', () => {
    const OFFER_RELAY_PRICING_URL = 'https://sandbox.example.test';
    const { offerStatus, pricing } = upstreamAddresses(settingsWith(), { OFFER_RELAY_PRICING_URL });
    expect(offerStatus.isSimulated).toBe(true);
    expect(pricing).toMatchObject({ url: OFFER_RELAY_PRICING_URL, isSimulated: false, tokenUrl: AMAZON_TOKENS });
    const OFFER_RELAY_TOKEN_URL = 'https://tokens.example.test';
    const both = upstreamAddresses(settingsWith(), { OFFER_RELAY_PRICING_URL, OFFER_RELAY_TOKEN_URL });
    expect(both.pricing?.tokenUrl).toBe(OFFER_RELAY_TOKEN_URL);
    const other = upstreamAddresses(settingsWith(), { OFFER_RELAY_OFFER_STATUS_URL: 'https://offers.example.test' });
    expect(other).toMatchObject({ offerStatus: { isSimulated: false }, pricing: { isSimulated: true } });
    const codes = upstreamAddresses(settingsWith(), { OFFER_RELAY_OFFER_CODES_URL: 'https://codes.example.test' });
    expect(codes.offerCodes).toMatchObject({ url: 'https://codes.example.test', isSimulated: false });
    expect(codes.pricing?.isSimulated).toBe(true);
    const OFFER_RELAY_ENTITLEMENTS_URL = 'https://gaming.example.test';
    const gaming = upstreamAddresses(settingsWith(), { OFFER_RELAY_ENTITLEMENTS_URL });
    expect(gaming).toMatchObject({ offerCodes: { isSimulated: true }, entitlements: { isSimulated: false } });
    expect(gaming.entitlements).toMatchObject({ url: OFFER_RELAY_ENTITLEMENTS_URL, profileUrl: AMAZON_PROFILE });
    const OFFER_RELAY_PROFILE_URL = 'https://login.example.test/user/profile';
    const own = upstreamAddresses(settingsWith(), { OFFER_RELAY_ENTITLEMENTS_URL, OFFER_RELAY_PROFILE_URL });
    expect(own.entitlements?.profileUrl).toBe(OFFER_RELAY_PROFILE_URL);
    const OFFER_RELAY_BUY_WITH_PRIME_URL = 'https://shop.example.test/graphql';
    const shop = upstreamAddresses(settingsWith(), { OFFER_RELAY_BUY_WITH_PRIME_URL });
    expect(shop).toMatchObject({ entitlements: { isSimulated: true }, buyWithPrime: { isSimulated: false } });
    expect(shop.buyWithPrime).toMatchObject({ url: OFFER_RELAY_BUY_WITH_PRIME_URL, tokenUrl: `${AMAZON_SHOP}/token` });
    const OFFER_RELAY_BUY_WITH_PRIME_TOKEN_URL = 'https://shop.example.test/token';
    const ownShop = { OFFER_RELAY_BUY_WITH_PRIME_URL, OFFER_RELAY_BUY_WITH_PRIME_TOKEN_URL };
    expect(upstreamAddresses(settingsWith(), ownShop).buyWithPrime?.tokenUrl).toBe(
      OFFER_RELAY_BUY_WITH_PRIME_TOKEN_URL,
    );
  });

  it('have no endpoint of Login with Amazon that would never be asked', () => {
    expect(() => upstreamAddresses(settingsWith(), { OFFER_RELAY_TOKEN_URL: AMAZON_TOKENS })).toThrow(
      /OFFER_RELAY_TOKEN_URL is set, and OFFER_RELAY_PRICING_URL is not/,
    );
    expect(() => upstreamAddresses(settingsWith(), { OFFER_RELAY_PROFILE_URL: AMAZON_PROFILE })).toThrow(
      /OFFER_RELAY_PROFILE_URL is set, and OFFER_RELAY_ENTITLEMENTS_URL is not/,
    );
    const OFFER_RELAY_BUY_WITH_PRIME_TOKEN_URL = `${AMAZON_SHOP}/token`;
    expect(() => upstreamAddresses(settingsWith(), { OFFER_RELAY_BUY_WITH_PRIME_TOKEN_URL })).toThrow(
      /OFFER_RELAY_BUY_WITH_PRIME_TOKEN_URL is set, and OFFER_RELAY_BUY_WITH_PRIME_URL is not/,
    );
  });
});

describe('the upstreams of a start', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'offer-relay-upstreams-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));
  async function open(environment: Record<string, string> = {}, settings = settingsWith()) {
    const upstreams = await openUpstreams({
      settings,
      seed: 1,
      port: 0,
      path: (...parts) => join(folder, ...parts),
      ...openExampleCatalogue(settings, 1),
      environment,
    });
    onTestFinished(() => upstreams.stop());
    return upstreams;
  }

  it('let the stack in with the secrets of its accounts', async () => {
    const { addresses, overrides, secrets, controlUrl } = await open();
    expect(addresses.map(({ isSimulated }) => isSimulated)).toEqual([true, true, true, true, true]);
    for (const { url } of addresses) expect(url).toMatch(/^https:\/\/127\.0\.0\.1:\d+(?:\/graphql)?$/u);
    expect(controlUrl).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/u);
    expect(overrides).toEqual({
      offerStatusUrl: addresses[0]?.url,
      pricingUrl: addresses[1]?.url,
      tokenUrl: `${addresses[1]?.url}/auth/o2/token`,
      offerCodesUrl: addresses[2]?.url,
      entitlementsUrl: addresses[3]?.url,
      profileUrl: `${addresses[3]?.url}/user/profile`,
      buyWithPrimeUrl: addresses[4]?.url,
      buyWithPrimeTokenUrl: addresses[4]?.url?.replace('/graphql', '/token'),
    });
    expect(Object.keys(secrets).sort()).toEqual([
      SELL,
      'offer-relay/local/offer-status/main',
      'offer-relay/local/pricing/shop',
      'offer-relay/local/pricing/shop-eu',
      GAMING_TRUST,
      CODES_TRUST,
    ]);
    expect(Object.keys(secrets['offer-relay/local/pricing/shop'] as object).sort()).toEqual([
      'ca',
      'clientId',
      'clientSecret',
      'refreshToken',
    ]);
    expect(Object.keys(secrets[SELL] as object).sort()).toEqual(['ca', 'clientId', 'clientSecret', 'targetId']);
  });

  it('are simulated apart from one another', async () => {
    const file = join(folder, 'secrets.json');
    await writeFile(file, JSON.stringify({ 'offer-relay/local/pricing/shop': { clientId: 'mine' } }));
    const priced = await open({
      OFFER_RELAY_PRICING_URL: 'https://sandbox.example.test',
      OFFER_RELAY_SECRETS_FILE: file,
    });
    expect(priced.overrides).toMatchObject({ pricingUrl: 'https://sandbox.example.test', tokenUrl: AMAZON_TOKENS });
    expect(priced.secrets).toMatchObject({
      'offer-relay/local/pricing/shop': { clientId: 'mine' },
      'offer-relay/local/offer-status/main': { apiKey: expect.any(String) },
    });
    expect(priced.secrets).not.toHaveProperty(['offer-relay/local/pricing/shop-eu']);

    const titled = await open({
      OFFER_RELAY_OFFER_STATUS_URL: 'https://offers.example.test',
      OFFER_RELAY_SECRETS_FILE: file,
    });
    expect(titled.overrides.offerStatusUrl).toBe('https://offers.example.test');
    expect(titled.overrides.pricingUrl).toMatch(/^https:\/\/127\.0\.0\.1:/u);
    expect(titled.secrets).toHaveProperty(['offer-relay/local/pricing/shop-eu']);
    expect(titled.secrets).not.toHaveProperty(['offer-relay/local/offer-status/main']);
  });

  it('keep the credentials of their simulators, whatever a file holds for all APIs', async () => {
    const file = join(folder, 'all-secrets.json');
    const mine = { apiKey: 'mine', clientId: 'mine' };
    const names = ['offer-status/main', 'pricing/shop', 'pricing/shop-eu'].map((name) => `offer-relay/local/${name}`);
    await writeFile(file, JSON.stringify(Object.fromEntries(names.map((name) => [name, mine]))));
    const isMine = (secrets: Readonly<Record<string, unknown>>) =>
      names.map((name) => JSON.stringify(secrets[name]) === JSON.stringify(mine));
    const priced = await open({ OFFER_RELAY_PRICING_URL: 'https://a.example.test', OFFER_RELAY_SECRETS_FILE: file });
    expect(isMine(priced.secrets)).toEqual([false, true, true]);
    const titled = await open({
      OFFER_RELAY_OFFER_STATUS_URL: 'https://a.example.test',
      OFFER_RELAY_SECRETS_FILE: file,
    });
    expect(isMine(titled.secrets)).toEqual([true, false, false]);
  });

  it('name all that need credentials, and run no simulator when nothing is simulated', async () => {
    const elsewhere = {
      OFFER_RELAY_OFFER_STATUS_URL: 'https://offers.example.test',
      OFFER_RELAY_PRICING_URL: 'https://sandbox.example.test',
    };
    await expect(open(elsewhere)).rejects.toThrow(
      'Prime Video Offer Status is https://offers.example.test, and SP-API Product Pricing is https://sandbox.example.test: its credentials',
    );
    const file = join(folder, 'none.json');
    await writeFile(file, '{}');
    const { controlUrl, addresses } = await open({ ...elsewhere, OFFER_RELAY_SECRETS_FILE: file });
    expect(controlUrl).toMatch(/^http:/u);
    expect(addresses.map(({ isSimulated }) => isSimulated)).toEqual([false, false, true, true, true]);
    const nowhere = {
      ...elsewhere,
      OFFER_RELAY_OFFER_CODES_URL: 'https://codes.example.test',
      OFFER_RELAY_ENTITLEMENTS_URL: 'https://gaming.example.test',
      OFFER_RELAY_BUY_WITH_PRIME_URL: 'https://shop.example.test/graphql',
    };
    const none = await open({ ...nowhere, OFFER_RELAY_SECRETS_FILE: file });
    expect(none.controlUrl).toBeUndefined();
    expect(none.addresses.map(({ isSimulated }) => isSimulated)).toEqual([false, false, false, false, false]);
  });

  it('take the signatures of whoever is vouched for, and give each code the state that it is said to have', async () => {
    const credentials = { accessKeyId: 'ASIAROLE', secretAccessKey: 'secret', sessionToken: 'session' };
    const upstreams = await open();
    const { codes } = openExampleCatalogue(settingsWith(), 1);
    expect(codes).toHaveLength(10 * 12);
    const verify = async ({ benefit, code }: { benefit: string; code: string }): Promise<unknown> => {
      const { host, hostname, port } = new URL(upstreams.overrides.offerCodesUrl ?? '');
      const [marketplace, region] = benefit === 'MONTH' ? ['US', 'us-east-1'] : ['IN', 'eu-west-1'];
      const path = `/v1/customer/benefit/${benefit}/offer-code/${encodeURIComponent(code)}/verify`;
      const { headers } = sign(
        { host, path, service: 'execute-api', region, headers: { 'x-amz-marketplace': marketplace } },
        { ...credentials },
      );
      const { ca } = upstreams.secrets[CODES_TRUST] as { ca: string };
      const call = request({ hostname, port, path, headers, ca, agent: false });
      call.end();
      const [response] = (await once(call, 'response')) as [IncomingMessage];
      return await json(response);
    };
    const first = (benefit: string, state: string) =>
      codes.find((code) => code.benefit === benefit && code.state === state)!;
    expect(await verify(first('MONTH', 'valid'))).toMatchObject({ error: { code: 'InvalidSignature' } });
    upstreams.onSigningKey((id) => (id === credentials.accessKeyId ? credentials : undefined));
    expect(await verify(first('MONTH', 'valid'))).toEqual({ message: 'SUCCESS' });
    expect(await verify(first('MONTH', 'used'))).toEqual({ message: 'INVALID_OFFER_CODE' });
    expect(await verify(first('PASS', 'valid'))).toEqual({ message: 'SUCCESS' });
    expect(await verify(first('PASS', 'limit-reached'))).toEqual({ message: 'FAILURE:DENIED:EXCEEDED_USAGE_LIMIT' });
  });

  it('trust another API for offer codes as Node would, or as the file of secrets says', async () => {
    const elsewhere = { OFFER_RELAY_OFFER_CODES_URL: 'https://codes.example.test' };
    const usual = await open(elsewhere);
    expect(usual.overrides.offerCodesUrl).toBe('https://codes.example.test');
    expect(usual.simulatesOfferCodes).toBe(false);
    expect(usual.secrets[CODES_TRUST]).toEqual({ ca: expect.stringContaining('BEGIN CERTIFICATE') });
    const file = join(folder, 'trust.json');
    const names = [CODES_TRUST, 'offer-relay/local/pricing/shop'];
    await writeFile(file, JSON.stringify(Object.fromEntries(names.map((name) => [name, { ca: 'mine' }]))));
    const given = await open({ ...elsewhere, OFFER_RELAY_SECRETS_FILE: file });
    expect(given.secrets[CODES_TRUST]).toEqual({ ca: 'mine' });
    expect(given.secrets['offer-relay/local/pricing/shop']).toHaveProperty('clientSecret');
  });
});

describe('the players of a start', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'offer-relay-players-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  async function open(environment: Record<string, string> = {}, settings = settingsWith()) {
    const examples = openExampleCatalogue(settings, 1);
    const path = (...parts: string[]) => join(folder, ...parts);
    const upstreams = await openUpstreams({ settings, seed: 1, port: 0, path, ...examples, environment });
    onTestFinished(() => upstreams.stop());
    return { upstreams, examples };
  }

  it('have claimed each SKU of their game once, and go on as they were', async () => {
    const listed = async (): Promise<unknown> => {
      const { upstreams, examples } = await open();
      const { account = '', playerId } = examples.players.get('game') ?? {};
      expect(playerId).toMatch(/\d/u);
      const { ca } = upstreams.secrets[GAMING_TRUST] as { ca: string };
      const token = upstreams.playerToken(account) ?? '';
      const ask = async (path: string, body?: object) => {
        const call = request(`${upstreams.overrides.entitlementsUrl}${path}`, {
          method: body ? 'POST' : 'GET',
          headers: { 'x-amz-access-token': token, 'content-type': 'application/json' },
          ca,
          agent: false,
        });
        call.end(body && JSON.stringify(body));
        const [response] = (await once(call, 'response')) as [IncomingMessage];
        return (await json(response)) as { Entitlements?: { EntitlementId: string; VendorProductId: string }[] };
      };
      const { Entitlements: entitlements = [] } = await ask('/api/entitlements');
      const [first] = entitlements;
      if (first) {
        const { EntitlementId } = first;
        const update = { EntitlementId, LastInstruction: 'FULFILL', FulfillmentAddress: playerId };
        await ask('/api/fulfill', { FulfillmentStatusUpdates: [update] });
      }
      await upstreams.stop();
      return entitlements.map(({ VendorProductId }) => VendorProductId);
    };
    expect(await listed()).toEqual(['drop01', 'drop02']);
    expect(await listed()).toEqual(['drop02']);
    expect(await listed()).toEqual([]);
  });

  it('are none where Prime Gaming is elsewhere, which is trusted as Node would, or as the file of secrets says', async () => {
    const elsewhere = { OFFER_RELAY_ENTITLEMENTS_URL: 'https://gaming.example.test' };
    const { upstreams } = await open(elsewhere);
    expect(upstreams.overrides).toMatchObject({ entitlementsUrl: 'https://gaming.example.test', profileUrl: AMAZON_PROFILE }); // prettier-ignore
    expect(upstreams.simulatesEntitlements).toBe(false);
    expect(upstreams.playerToken('game-player')).toBeUndefined();
    expect(upstreams.secrets[GAMING_TRUST]).toEqual({ ca: expect.stringContaining('BEGIN CERTIFICATE') });
    const file = join(folder, 'trust.json');
    await writeFile(file, JSON.stringify({ [GAMING_TRUST]: { ca: 'mine' }, [CODES_TRUST]: { ca: 'mine' } }));
    const { upstreams: given } = await open({ ...elsewhere, OFFER_RELAY_SECRETS_FILE: file });
    expect(given.secrets[GAMING_TRUST]).toEqual({ ca: 'mine' });
    expect(given.secrets[CODES_TRUST]).not.toEqual({ ca: 'mine' });
  });

  it('may be served by a webhook of their game, whose keys come from the file of secrets', async () => {
    const webhook = { skus, granter: { kind: 'webhook', url: 'https://game.example.test/grants' } };
    const settings = settingsWith({}, {}, { game: { ...GAME, entitlements: webhook } });
    const name = 'offer-relay/local/entitlements/game';
    const file = join(folder, 'keys.json');
    await writeFile(file, JSON.stringify({ [name]: { webhookKey: 'mine' }, [GAMING_TRUST]: { ca: 'mine' } }));
    const { upstreams } = await open({ OFFER_RELAY_SECRETS_FILE: file }, settings);
    expect(upstreams.secrets[name]).toEqual({ webhookKey: 'mine' });
    expect(upstreams.secrets[GAMING_TRUST]).not.toEqual({ ca: 'mine' });
  });
});

describe('the shops of a start', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'offer-relay-shops-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  async function open(environment: Record<string, string> = {}) {
    const settings = settingsWith();
    const examples = openExampleCatalogue(settings, 1);
    const path = (...parts: string[]) => join(folder, ...parts);
    const upstreams = await openUpstreams({ settings, seed: 1, port: 0, path, ...examples, environment });
    onTestFinished(() => upstreams.stop());
    return { upstreams, examples };
  }

  it('sell the example products to a shopper who is signed in, with the credentials of the secret', async () => {
    const { upstreams, examples } = await open();
    const { ca, ...shown } = upstreams.secrets[SELL] as Record<'ca' | 'clientId' | 'clientSecret' | 'targetId', string>;
    const post = async (url = '', headers: Record<string, string>, body: string) => {
      const call = request(url, { method: 'POST', headers, ca, agent: false });
      call.end(body);
      const [response] = (await once(call, 'response')) as [IncomingMessage];
      return (await json(response)) as Record<string, unknown>;
    };
    const { access_token: token } = await post(
      upstreams.overrides.buyWithPrimeTokenUrl,
      { 'content-type': 'application/x-www-form-urlencoded' },
      new URLSearchParams({ grant_type: 'client_credentials', client_id: shown.clientId, client_secret: shown.clientSecret }).toString(), // prettier-ignore
    );
    const { shopper = '', externalId } = examples.shoppers.get('shop') ?? {};
    const query = `query ($input: OffersInput!) {
      offers(input: $input) { edges { node { lineItems { product { price { amount } offerPrime } } } } }
    }`;
    const input = {
      lineItems: ['example-mug', 'example-lamp', 'example-poster'].map((productId) => ({
        product: { productId },
        amount: { value: 1 },
      })),
      shopperIdentity: { lwaAccessToken: { value: upstreams.shopperToken(shopper), externalId } },
    };
    const answer = await post(
      upstreams.overrides.buyWithPrimeUrl,
      {
        'content-type': 'application/json',
        authorization: `Bearer ${String(token)}`,
        'x-api-target-id': shown.targetId,
        'x-api-version': '2024-11-01',
      },
      JSON.stringify({ query, variables: { input } }),
    );
    const product = (amount: number, offerPrime: boolean) => ({ product: { price: { amount }, offerPrime } });
    expect(answer).toEqual({
      data: {
        offers: {
          edges: [{ node: { lineItems: [product(12.5, true), product(39.99, true), product(9, false)] } }],
        },
      },
    });
  });

  it('are none where Buy with Prime is elsewhere, whose credentials come from the file of secrets', async () => {
    const elsewhere = { OFFER_RELAY_BUY_WITH_PRIME_URL: 'https://shop.example.test/graphql' };
    await expect(open(elsewhere)).rejects.toThrow(
      'Buy with Prime is https://shop.example.test/graphql: its credentials',
    );
    const file = join(folder, 'secrets.json');
    await writeFile(file, JSON.stringify({ [SELL]: { clientId: 'mine' }, [GAMING_TRUST]: { ca: 'mine' } }));
    const { upstreams } = await open({ ...elsewhere, OFFER_RELAY_SECRETS_FILE: file });
    expect(upstreams.overrides).toMatchObject({
      buyWithPrimeUrl: 'https://shop.example.test/graphql',
      buyWithPrimeTokenUrl: `${AMAZON_SHOP}/token`,
    });
    expect(upstreams.simulatesBuyWithPrime).toBe(false);
    expect(upstreams.shopperToken('shop-shopper')).toBeUndefined();
    expect(upstreams.secrets[SELL]).toEqual({ clientId: 'mine' });
    expect(upstreams.secrets[GAMING_TRUST]).not.toEqual({ ca: 'mine' });
  });
});

describe('the example catalogue', () => {
  it('has a shopper for each shop that may order, and the same products for each account', () => {
    const partners = { shop: SHOP, twin: SHOP, reader: { ...SHOP, capabilities: ['reading'] }, game: GAME };
    const { shoppers, products } = openExampleCatalogue(settingsWith({}, {}, partners), 1);
    expect([...shoppers]).toEqual([
      ['shop', { shopper: 'shop-shopper', externalId: 'checkout-1' }],
      ['twin', { shopper: 'twin-shopper', externalId: 'checkout-1' }],
    ]);
    expect(new Set(products.map(({ account }) => account))).toEqual(new Set(['sell']));
    expect(products.map(({ productId }) => productId)).toEqual(
      expect.arrayContaining(['example-mug', 'example-lamp', 'example-poster']),
    );
    expect(new Set(products.map(({ prime = true }) => prime))).toEqual(new Set([true, false]));
  });

  it('has a player for each game that has SKUs and may fulfil them', () => {
    const partners = {
      game: GAME,
      empty: { ...GAME, entitlements: {} },
      reader: { ...GAME, capabilities: ['reading'] },
    };
    const { players, claims } = openExampleCatalogue(settingsWith({}, {}, partners), 1);
    expect([...players.keys()]).toEqual(['game']);
    expect(claims.map(({ account, sku }) => [account, sku])).toEqual([
      ['game-player', 'drop01'],
      ['game-player', 'drop02'],
    ]);
  });

  it('watches every view of what its accounts sell, in each of their marketplaces', () => {
    const { titles, items, prices, nameOf } = openExampleCatalogue(settingsWith(), 1);
    expect(titles).toHaveLength(200);
    expect(new Set(prices.map(({ view }) => view))).toEqual(new Set(['own', 'competitive', 'offers']));
    expect(new Set(prices.map(({ account, marketplaceId }) => `${account} ${marketplaceId}`))).toEqual(
      new Set(['shop ATVPDKIKX0DER', 'shop A2EUQ1WTGCTBG2', 'shop-eu A1PA6795UKMFR9']),
    );
    expect(prices.filter(({ view }) => view === 'offers')).toHaveLength(items.length);
    for (const { item, view } of prices) {
      expect(nameOf(item)).toMatch(/\w/u);
      if (view !== 'offers') expect(item).not.toContain(',');
    }
    for (const { alid } of titles) expect(nameOf(alid)).toMatch(/\w/u);
  });

  it('leaves out what no account may watch', () => {
    const settings = settingsWith({ accounts: { shop: { marketplaces: ['CA'] } } });
    const { items, titles } = openExampleCatalogue(
      { ...settings, offerStatus: { ...settings.offerStatus, accounts: {} } },
      1,
    );
    expect(titles).toEqual([]);
    expect(new Set(items.map(({ marketplaceId }) => marketplaceId))).toEqual(new Set(['A2EUQ1WTGCTBG2']));
  });
});
