import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import type { ItemAnswer } from '../../lambdas/pricing/pricing.client.ts';
import { SellingCredentials } from '../../lambdas/pricing/selling-credentials.ts';
import {
  CredentialError,
  RejectedError,
  ThrottledError,
  UnavailableError,
  UnreadableAnswerError,
} from '../../lambdas/shared/errors.ts';
import { serve } from '../shared/https-server.ts';
import { CREDENTIALS, json, rejection, setting, type Answer, type SeenRequest } from './seller-central.ts';

const US = 'ATVPDKIKX0DER';
const twoAsins = { marketplaceId: US, itemType: 'asin', items: ['B1', 'B2'] } as const;
const money = (Amount: number) => ({ CurrencyCode: 'USD', Amount });
const priceOf = (ASIN: string, Amount = 10) => ({
  status: 'Success',
  ASIN,
  Product: {
    Identifiers: { MarketplaceASIN: { MarketplaceId: US, ASIN } },
    CompetitivePricing: {
      CompetitivePrices: [{ CompetitivePriceId: '1', Price: { ListingPrice: money(Amount) } }],
      NumberOfOfferListings: [],
    },
  },
});
const offersOf = (subject: object, status = 'Success') => ({
  marketplaceId: US,
  ...subject,
  status,
  ItemCondition: 'New',
  Identifier: { MarketplaceId: US, ItemCondition: 'New', ...subject },
  Summary: { TotalOfferCount: 0 },
  Offers: [],
});
const error = (code: string, message: string, details = '') => ({ errors: [{ code, message, details }] });
const EXPIRED = error(
  'Unauthorized',
  'Access to requested resource is denied.',
  'The access token you provided has expired.',
);
const gone = (_: SeenRequest, response: ServerResponse): void => void response.destroy();

/** What an answer comes to, in one word. */
function kindOf(answer: ItemAnswer<unknown> | undefined): string {
  if (answer === undefined) return 'nothing';
  return answer.kind === 'item' ? 'item' : `${answer.error.name} ${answer.error.code}`;
}

describe('asking for prices', () => {
  it('shows the token and who asks, and gives answer, times, granted rate and the name of the request', async () => {
    const headers = { 'x-amzn-RateLimit-Limit': '0.5', 'x-amzn-RequestId': 'request-1' };
    await using upstream = await setting(json(200, { payload: [priceOf('B1', 9.5), priceOf('B2')] }, headers));
    const { body, ...rest } = await upstream.client.getCompetitivePricing(twoAsins);
    expect([...body].map(([item, answer]) => [item, kindOf(answer)])).toEqual([
      ['B1', 'item'],
      ['B2', 'item'],
    ]);
    expect(body.get('B1')).toMatchObject({
      item: {
        Product: { CompetitivePricing: { CompetitivePrices: [{ Price: { ListingPrice: { Amount: '9.5' } } }] } },
      },
      drift: [],
    });
    expect(rest).toEqual({
      sentAt: expect.any(Number),
      answeredAt: rest.sentAt + 1,
      rateLimit: 0.5,
      requestId: 'request-1',
    });
    expect(upstream.requests).toMatchObject([
      {
        method: 'GET',
        target: `/products/pricing/v0/competitivePrice?MarketplaceId=${US}&Asins=B1,B2&ItemType=Asin`,
        headers: { 'x-amz-access-token': 'Atza|hunter2token1', accept: 'application/json' },
      },
    ]);
    expect(upstream.requests[0]?.headers['user-agent']).toMatch(/^OfferRelay\/[\d.]+ \(Language=Node\.js\/\d+\)$/);
  });

  it.each(['', 'many', '0', '-1', 'Infinity'])('takes no rate from the header %j', async (limit) => {
    await using upstream = await setting(json(200, { payload: [] }, { 'x-amzn-RateLimit-Limit': limit }));
    expect(await upstream.client.getPricing(twoAsins)).not.toHaveProperty('rateLimit');
  });

  it('uses one connection and one token for requests that follow each other, and says when each leaves', async () => {
    await using upstream = await setting(json(200, { payload: [] }));
    let left = 0;
    for (let request = 0; request < 3; request += 1) {
      await upstream.client.getPricing(twoAsins, { onLeft: () => (left += 1) });
    }
    // One for the token and one for the prices.
    expect([upstream.requests.length, upstream.tokenRequests(), upstream.connections(), left]).toEqual([3, 1, 2, 3]);
  });

  it('asks for one token, however many requests wait for it', async () => {
    await using upstream = await setting(json(200, { payload: [] }));
    await Promise.all(Array.from({ length: 20 }, () => upstream.client.getPricing(twoAsins)));
    expect([upstream.requests.length, upstream.tokenRequests()]).toEqual([20, 1]);
  });

  it('sends nothing that cannot be sent', async () => {
    await using upstream = await setting(json(200, { payload: [] }));
    const request = { marketplaceId: US, itemType: 'sku', items: ['a,b'] } as const;
    const failure = await rejection(upstream.client.getPricing(request));
    expect(failure).toBeInstanceOf(RangeError);
    expect([upstream.requests.length, upstream.tokenRequests()]).toEqual([0, 0]);
  });
});

describe('the items of a list', () => {
  it('are found by what they say they are, in any order', async () => {
    const skus = ['a b', 'b', 'B'];
    const payload = [
      { status: 'Success', SellerSKU: 'B' },
      { status: 'ClientError', SellerSKU: 'b' },
      {
        status: 'Success',
        Product: { Identifiers: { SKUIdentifier: { SellerSKU: 'a b', SellerId: '', MarketplaceId: '' } } },
      },
    ];
    await using upstream = await setting(json(200, { payload }));
    const { body, drift } = await upstream.client.getPricing({ marketplaceId: US, itemType: 'sku', items: skus });
    expect([...body.keys()]).toEqual(skus);
    expect([...body.values()].map((answer) => (answer.kind === 'item' ? answer.item.status : kindOf(answer)))).toEqual([
      'Success',
      'ClientError',
      'Success',
    ]);
    expect(drift).toBeUndefined();
  });

  it('are asked for by ASIN in any case, and found under an identifier where the ASIN is empty', async () => {
    const payload = [{ status: 'Success', ASIN: '', Product: priceOf('B1').Product }, priceOf('b2')];
    await using upstream = await setting(json(200, { payload }));
    const { body } = await upstream.client.getPricing({ ...twoAsins, items: ['b1', 'B2'] });
    expect([...body].map(([item, answer]) => [item, kindOf(answer)])).toEqual([
      ['b1', 'item'],
      ['B2', 'item'],
    ]);
  });

  it('fail alone: a bad one spoils no other, and is kept as it came', async () => {
    const bad = {
      status: 'Success',
      ASIN: 'B2',
      Product: { Offers: [{ BuyingPrice: { ListingPrice: { Amount: 'x' } } }] },
    };
    await using upstream = await setting([
      json(200, { payload: [priceOf('B1'), bad] }),
      json(200, { payload: [bad, priceOf('B1')] }),
    ]);
    const answers = [await upstream.client.getPricing(twoAsins), await upstream.client.getPricing(twoAsins)];
    for (const { body } of answers) {
      expect(kindOf(body.get('B1'))).toBe('item');
      const failed = body.get('B2');
      if (failed?.kind !== 'failed') throw new Error('expected a failure');
      expect(failed.error).toBeInstanceOf(UnreadableAnswerError);
      expect(failed.error).toMatchObject({
        raw: JSON.stringify(bad),
        status: 200,
        shape:
          'Product.Offers[].BuyingPrice.ListingPrice.Amount:custom Product.Offers[].BuyingPrice.ListingPrice.CurrencyCode:invalid_type',
      });
    }
  });

  it('that are missing are failures to try again', async () => {
    await using upstream = await setting(
      json(200, { payload: [priceOf('B1')], ...error('InternalFailure', 'try later') }),
    );
    const { body, drift } = await upstream.client.getPricing(twoAsins);
    expect([...body.values()].map(kindOf)).toEqual(['item', 'UnavailableError MissingItem']);
    expect(body.get('B2')).toMatchObject({
      error: { message: expect.stringContaining('asin "B2": InternalFailure: try later') },
    });
    expect(drift).toEqual(['errors[].code: "InternalFailure"']);
  });

  it('that come twice or unasked are left out, the first one counts, and both are drift', async () => {
    const payload = [priceOf('B1', 1), priceOf('B9'), 7, priceOf('B2'), priceOf('B1', 2)];
    await using upstream = await setting(json(200, { payload }));
    const { body, drift } = await upstream.client.getCompetitivePricing(twoAsins);
    expect([...body.keys()]).toEqual(['B1', 'B2']);
    expect(JSON.stringify(body.get('B1'))).toContain('"Amount":"1"');
    expect(drift).toEqual(['payload[]: not asked for', 'payload[]: repeated']);
  });

  it('tell their own drift', async () => {
    await using upstream = await setting(
      json(200, { payload: [{ ...priceOf('B1'), status: 'Paused' }, priceOf('B2')] }),
    );
    const { body } = await upstream.client.getCompetitivePricing(twoAsins);
    expect(body.get('B1')).toMatchObject({ kind: 'item', drift: ['status: "Paused"'] });
    expect(body.get('B2')).toMatchObject({ kind: 'item', drift: [] });
  });
});

describe('the offers of one item', () => {
  it('are asked for by ASIN and by SKU', async () => {
    await using upstream = await setting([
      json(200, { payload: offersOf({ ASIN: 'B1' }) }),
      json(200, { payload: offersOf({ SKU: 'a/b' }, 'NoBuyableOffers') }),
    ]);
    const byAsin = await upstream.client.getItemOffers({ marketplaceId: US, asin: 'B1', condition: 'New' });
    expect(byAsin.body).toMatchObject({ kind: 'item', item: { ASIN: 'B1', MarketplaceID: US }, drift: [] });
    const listing = { marketplaceId: US, sku: 'a/b', condition: 'New', customerType: 'Business' } as const;
    const bySku = await upstream.client.getListingOffers(listing);
    expect(bySku.body).toMatchObject({ kind: 'item', item: { status: 'NoBuyableOffers' } });
    expect(upstream.requests.map(({ target }) => target)).toEqual([
      `/products/pricing/v0/items/B1/offers?MarketplaceId=${US}&ItemCondition=New&CustomerType=Consumer`,
      `/products/pricing/v0/listings/a%2Fb/offers?MarketplaceId=${US}&ItemCondition=New&CustomerType=Business`,
    ]);
  });

  it('are a failure of the item when they cannot be read', async () => {
    const payload = { ...offersOf({ ASIN: 'B1' }), Offers: [{}] };
    await using upstream = await setting(json(200, { payload }));
    const { body } = await upstream.client.getItemOffers({ marketplaceId: US, asin: 'B1', condition: 'New' });
    expect(body).toMatchObject({
      kind: 'failed',
      error: { code: 'UnreadableAnswer', shape: 'Offers[].ListingPrice:invalid_type', raw: JSON.stringify(payload) },
    });
  });
});

describe('a batch', () => {
  const requestOf = (subject: object, rest: object = { CustomerType: 'Consumer' }) => ({
    MarketplaceId: US,
    ItemCondition: 'New',
    ...subject,
    ...rest,
  });
  const response = (statusCode: number, body: object, request: object | undefined, headers = {}) => ({
    status: { statusCode, reasonPhrase: 'because' },
    headers,
    body,
    request,
  });
  const success = (asin: string) => response(200, { payload: offersOf({ ASIN: asin }) }, requestOf({ Asin: asin }));
  const asking = (...asins: string[]) => ({
    requests: asins.map((asin) => ({ marketplaceId: US, asin, condition: 'New' as const })),
  });

  it('sends one body, and finds each response by its request, whatever their order', async () => {
    const responses = [success('B3'), success('B1'), success('B2')];
    await using upstream = await setting(json(200, { responses }));
    const { body, drift } = await upstream.client.getItemOffersBatch(asking('B1', 'B2', 'B3'));
    expect(body.map((answer) => (answer.kind === 'item' ? answer.item.ASIN : kindOf(answer)))).toEqual([
      'B1',
      'B2',
      'B3',
    ]);
    expect(drift).toBeUndefined();
    expect(upstream.requests).toMatchObject([
      {
        method: 'POST',
        target: '/batches/products/pricing/v0/itemOffers',
        headers: { 'content-type': 'application/json', 'x-amz-access-token': 'Atza|hunter2token1' },
      },
    ]);
    expect(JSON.parse(upstream.requests[0]?.body ?? '')).toMatchObject({
      requests: [{ uri: '/products/pricing/v0/items/B1/offers', CustomerType: 'Consumer' }, {}, {}],
    });
  });

  it('of SKUs tells customers and cases apart, in whatever case their names are written', async () => {
    const of = (sku: string, customerType: 'Consumer' | 'Business') => ({
      marketplaceId: US,
      sku,
      condition: 'New' as const,
      customerType,
    });
    const asked = [of('a', 'Consumer'), of('a', 'Business'), of('A', 'Consumer')];
    const payload = (sku: string, total: number) => ({
      payload: { ...offersOf({ SKU: sku }), Summary: { TotalOfferCount: total } },
    });
    const responses = [
      response(200, payload('A', 3), {
        marketplaceId: US,
        itemCondition: 'new',
        sellerSku: 'A',
        customerType: 'consumer',
      }),
      response(200, payload('a', 2), requestOf({ SellerSKU: 'a' }, { CustomerType: 'Business' })),
      // Amazon leaves the customer type out where it is the default.
      response(200, payload('a', 1), requestOf({ SellerSKU: 'a' }, {})),
    ];
    await using upstream = await setting(json(200, { responses }));
    const { body } = await upstream.client.getListingOffersBatch({ requests: asked });
    expect(body.map((answer) => answer.kind === 'item' && answer.item.Summary?.TotalOfferCount)).toEqual([1, 2, 3]);
    expect(upstream.requests[0]?.target).toBe('/batches/products/pricing/v0/listingOffers');
  });

  it('finds a response that repeats no request by what its payload is about', async () => {
    const responses = [response(200, { payload: offersOf({ ASIN: 'B2' }) }, undefined), success('B1')];
    await using upstream = await setting(json(200, { responses }));
    const { body } = await upstream.client.getItemOffersBatch(asking('B1', 'B2'));
    expect(body.map(kindOf)).toEqual(['item', 'item']);
  });

  it('gives each failure inside its own error, and the others their items', async () => {
    const failures: [number, object][] = [
      [429, error('QuotaExceeded', 'You exceeded your quota for the requested resource.')],
      [500, error('InternalFailure', 'We encountered an internal error.')],
      [503, {}],
      [400, error('InvalidInput', 'B4 is an invalid ASIN for marketplace ATVPDKIKX0DER')],
      [404, {}],
      [403, error('Unauthorized', 'Access to requested resource is denied.')],
      [200, {}],
      [200, error('InvalidInput', 'B8 is an invalid ASIN')],
      [200, error('Whatever', 'odd')],
      [200, { payload: { status: 'Success' } }],
    ];
    const asins = failures.map((_, index) => `B${index + 1}`);
    const responses = failures.map(([status, body], index) =>
      response(status, body, requestOf({ Asin: asins[index] }), { 'X-Amzn-RequestId': 'inner-1' }),
    );
    await using upstream = await setting(json(200, { responses: [...responses, success('B99')] }));
    const { body } = await upstream.client.getItemOffersBatch(asking(...asins, 'B99'));
    expect(body.map(kindOf)).toEqual([
      'ThrottledError Throttled',
      'UnavailableError ServerError',
      'UnavailableError ServerError',
      'RejectedError InvalidInput',
      'RejectedError NotFound',
      'CredentialError CredentialsRefused',
      'UnreadableAnswerError UnreadableAnswer',
      'RejectedError InvalidInput',
      'UnavailableError UpstreamErrors',
      'UnreadableAnswerError UnreadableAnswer',
      'item',
    ]);
    expect(body[3]).toMatchObject({
      error: {
        status: 400,
        message: expect.stringMatching(/B4 is an invalid ASIN for marketplace ATVPDKIKX0DER \(request inner-1\)$/),
      },
    });
    expect(body[6]).toMatchObject({ error: { shape: 'body.payload:missing', raw: JSON.stringify(responses[6]) } });
    expect(body[9]).toMatchObject({ error: { raw: '{"status":"Success"}' } });
    expect(upstream.requests).toHaveLength(1);
  });

  it('takes what comes without a status line by its body', async () => {
    const responses = [
      { body: { payload: offersOf({ ASIN: 'B1' }) }, request: requestOf({ Asin: 'B1' }) },
      { body: error('QuotaExceeded', 'slowly'), request: requestOf({ asin: 'B2' }, {}) },
    ];
    await using upstream = await setting(json(200, { responses }));
    const { body } = await upstream.client.getItemOffersBatch(asking('B1', 'B2'));
    expect(body.map(kindOf)).toEqual(['item', 'ThrottledError Throttled']);
  });

  it('leaves out what nobody asked for and what comes twice, and misses what does not come', async () => {
    const responses = [
      response(429, {}, requestOf({ Asin: 'B1' })),
      success('B1'),
      success('B9'),
      response(
        200,
        { payload: offersOf({ ASIN: 'B2' }) },
        { ...requestOf({ Asin: 'B2' }), MarketplaceId: 'A1F83G8C2ARO7P' },
      ),
      response(200, { payload: offersOf({ ASIN: 'B2' }) }, { ...requestOf({ Asin: 'B2' }), ItemCondition: 'Used' }),
      response(500, {}, undefined),
      null,
    ];
    await using upstream = await setting(json(200, { responses }));
    const { body, drift } = await upstream.client.getItemOffersBatch(asking('B1', 'B2'));
    expect(body.map(kindOf)).toEqual(['ThrottledError Throttled', 'UnavailableError MissingItem']);
    expect(drift).toEqual(['responses[]: not asked for', 'responses[]: repeated']);
  });
});

describe('repeating', () => {
  it.each([
    ['429', json(429, error('QuotaExceeded', 'slowly'))],
    ['408', json(408, {})],
    ['500', json(500, 'oops')],
    ['503', json(503, {})],
    ['errors in place of a payload', json(200, error('InternalFailure', 'try later'))],
    ['a lost connection', gone],
  ] as [string, Answer][])('happens after %s, with growing pauses', async (_, failure) => {
    await using upstream = await setting([failure, failure, json(200, { payload: [priceOf('B1'), priceOf('B2')] })]);
    const { body } = await upstream.client.getPricing(twoAsins);
    expect([...body.values()].map(kindOf)).toEqual(['item', 'item']);
    expect(upstream.sleeps).toHaveLength(2);
    expect(upstream.tokenRequests()).toBe(1);
  });

  it.each([
    ['429', json(429, {}), ThrottledError],
    ['503', json(503, {}), UnavailableError],
    ['a lost connection', gone, UnavailableError],
  ] as [string, Answer, typeof ThrottledError | typeof UnavailableError][])(
    'is left to a caller who pays for each request after %s',
    async (_, failure, kind) => {
      await using upstream = await setting(failure);
      expect(await rejection(upstream.client.getPricing(twoAsins, { retryOn: 'unsent' }))).toBeInstanceOf(kind);
      expect(upstream.requests).toHaveLength(1);
    },
  );

  it('of what was never sent costs nobody anything', async () => {
    await using upstream = await setting(json(200, { payload: [] }));
    const closed = await serve({}, () => undefined);
    await closed[Symbol.asyncDispose]();
    await using away = await setting(json(200, { payload: [] }), { baseUrl: closed.url });
    const failure = await rejection(away.client.getPricing(twoAsins, { retryOn: 'unsent' }));
    expect(failure).toMatchObject({ code: 'Unreachable', unsent: true });
    expect(away.sleeps).toHaveLength(2);
    expect(upstream.requests).toEqual([]);
  });

  it('happens after a time-out', async () => {
    const warm = json(200, { payload: [] });
    await using upstream = await setting([warm, () => undefined, warm], { timeoutMs: 1_000 });
    await upstream.client.getPricing(twoAsins);
    await upstream.client.getPricing(twoAsins);
    expect(upstream.requests).toHaveLength(3);
  });

  it('ends when the caller gives up, also while there is no token yet', async () => {
    const controller = new AbortController();
    await using upstream = await setting(() => controller.abort(new Error('no longer wanted')));
    expect(await rejection(upstream.client.getPricing(twoAsins, { signal: controller.signal }))).toMatchObject({
      message: 'no longer wanted',
    });
    const early = new AbortController();
    const never = { accessToken: () => new Promise<never>(() => undefined), renew: async () => '' };
    await using waiting = await setting(json(200, { payload: [] }), { tokens: never });
    const asking = rejection(waiting.client.getPricing(twoAsins, { signal: early.signal }));
    early.abort(new Error('given up'));
    expect(await asking).toMatchObject({ message: 'given up' });
  });
});

describe('a refused token', () => {
  it.each([
    [403, EXPIRED],
    [401, EXPIRED],
    [
      403,
      error(
        'Unauthorized',
        'Access to requested resource is denied.',
        'The access token you provided is revoked, malformed or invalid.',
      ),
    ],
    [403, error('ExpiredToken', 'no longer')],
  ])('is renewed once after %i %j, and the request sent again', async (status, body) => {
    await using upstream = await setting([json(status, body), json(200, { payload: [priceOf('B1'), priceOf('B2')] })]);
    const { body: prices } = await upstream.client.getPricing(twoAsins, { retryOn: 'unsent' });
    expect(kindOf(prices.get('B1'))).toBe('item');
    expect(upstream.requests.map(({ headers }) => headers['x-amz-access-token'])).toEqual([
      'Atza|hunter2token1',
      'Atza|hunter2token2',
    ]);
  });

  it('is left to a caller who takes a slot for each request, with the new token in place', async () => {
    await using upstream = await setting([json(403, EXPIRED), json(200, { payload: [] })]);
    const options = { retryOn: 'retryable', onExpired: 'fail' } as const;
    const failure = await rejection(upstream.client.getPricing(twoAsins, options));
    expect(failure).toBeInstanceOf(UnavailableError);
    expect(failure).toMatchObject({ code: 'TokenRenewed', unsent: false });
    expect(upstream.requests).toHaveLength(1);
    await upstream.client.getPricing(twoAsins, options);
    expect(upstream.requests[1]?.headers['x-amz-access-token']).toBe('Atza|hunter2token2');
    expect(upstream.tokenRequests()).toBe(2);
  });

  it('fails for good when the new one is refused too', async () => {
    await using upstream = await setting(json(403, EXPIRED));
    const failure = await rejection(upstream.client.getPricing(twoAsins));
    expect(failure).toBeInstanceOf(CredentialError);
    expect(failure).toMatchObject({ status: 403 });
    expect([upstream.requests.length, upstream.tokenRequests()]).toEqual([2, 2]);
    expect(await rejection(upstream.client.getPricing(twoAsins, { onExpired: 'fail' }))).toBeInstanceOf(
      CredentialError,
    );
    expect(upstream.tokenRequests()).toBe(2);
  });

  it('is renewed once for requests that are refused together', async () => {
    const byToken: Answer = (seen, response) =>
      seen.headers['x-amz-access-token'] === 'Atza|hunter2token1'
        ? json(403, EXPIRED)(seen, response)
        : json(200, { payload: [] })(seen, response);
    await using upstream = await setting(byToken);
    await Promise.all(Array.from({ length: 20 }, () => upstream.client.getPricing(twoAsins)));
    expect([upstream.requests.length, upstream.tokenRequests()]).toEqual([40, 2]);
  });

  it.each([
    error('Unauthorized', 'Access to requested resource is denied.'),
    error('MissingAuthenticationToken', 'Access to requested resource is denied.'),
    {},
  ])('is not what %j means: that fails at once', async (body) => {
    await using upstream = await setting(json(403, body));
    const failure = await rejection(upstream.client.getPricing(twoAsins));
    expect(failure).toBeInstanceOf(CredentialError);
    expect(failure).toMatchObject({ code: 'CredentialsRefused', message: expect.stringContaining('Pricing role') });
    expect([upstream.requests.length, upstream.tokenRequests()]).toEqual([1, 1]);
  });

  it('is never asked for where the credentials are refused', async () => {
    await using upstream = await setting(json(200, { payload: [] }));
    upstream.tokenAnswers.push(json(400, { error: 'invalid_grant' }));
    const failure = await rejection(upstream.client.getPricing(twoAsins));
    expect(failure).toMatchObject({ name: 'CredentialError', code: 'InvalidGrant' });
    expect(upstream.requests).toEqual([]);
  });

  it('costs no tries of the request where no token is to be had', async () => {
    await using upstream = await setting(json(200, { payload: [] }));
    upstream.tokenAnswers.push(...Array.from({ length: 9 }, () => json(503, {})));
    expect(await rejection(upstream.client.getPricing(twoAsins))).toBeInstanceOf(UnavailableError);
    expect([upstream.requests.length, upstream.tokenRequests()]).toEqual([0, 3]);
  });
});

describe('an answer to a whole request', () => {
  it.each([
    [400, error('InvalidInput', 'B2 is an invalid ASIN for marketplace X', 'see the guide'), 'InvalidInput'],
    [404, error('NotFound', "The requested resource doesn't exist."), 'NotFound'],
    [404, {}, 'NotFound'],
    [413, '<html>', 'Rejected'],
    [400, error('not a code!', 'odd'), 'Rejected'],
  ])('of %i %j is a rejection', async (status, body, code) => {
    await using upstream = await setting(json(status, body, { 'x-amzn-RequestId': 'request-1' }));
    const failure = await rejection(upstream.client.getPricing(twoAsins));
    expect(failure).toBeInstanceOf(RejectedError);
    expect(failure).toMatchObject({
      status,
      code,
      retryable: false,
      message: expect.stringMatching(/\(request request-1\)$/),
    });
    expect(upstream.requests).toHaveLength(1);
  });

  it('keeps what Amazon says, all of it and in bounded length', async () => {
    const errors = [
      { code: 'InvalidInput', message: 'B1 is an invalid ASIN', details: 'first' },
      { code: 'InvalidInput', message: 'B2 is an invalid ASIN' },
    ];
    await using upstream = await setting([json(400, { errors }), json(400, 'x'.repeat(100_000))]);
    expect(await rejection(upstream.client.getPricing(twoAsins))).toMatchObject({
      message: expect.stringContaining(
        'to /products/pricing/v0/price: InvalidInput: B1 is an invalid ASIN: first; InvalidInput: B2 is an invalid ASIN',
      ),
    });
    const long = await rejection(upstream.client.getPricing(twoAsins));
    expect(long instanceof Error && long.message.length).toBeLessThan(500);
  });

  it('is no place to be redirected to', async () => {
    await using upstream = await setting(json(302, '', { location: '/' }));
    expect(await rejection(upstream.client.getPricing(twoAsins))).toMatchObject({ code: 'Redirected', status: 302 });
  });

  it.each([
    ['<html>', 'not-json'],
    [{}, 'payload:missing'],
    [{ payload: {} }, 'payload:invalid_type'],
    ['null', 'body:invalid_type'],
    ['7', 'body:invalid_type'],
  ])('is unreadable as %j', async (body, shape) => {
    await using upstream = await setting(json(200, body));
    const failure = await rejection(upstream.client.getPricing(twoAsins));
    expect(failure).toBeInstanceOf(UnreadableAnswerError);
    expect(failure).toMatchObject({ shape, raw: typeof body === 'string' ? body : JSON.stringify(body) });
    expect(upstream.requests).toHaveLength(1);
  });

  it('is unreadable as a batch without responses, and as offers without a payload', async () => {
    await using upstream = await setting(json(200, {}));
    const request = { marketplaceId: US, asin: 'B1', condition: 'New' } as const;
    expect(await rejection(upstream.client.getItemOffersBatch({ requests: [request] }))).toMatchObject({
      shape: 'responses:missing',
    });
    expect(await rejection(upstream.client.getItemOffers(request))).toMatchObject({ shape: 'payload:missing' });
  });

  it('is a rejection where errors stand in the place of a payload and say so', async () => {
    await using upstream = await setting(json(200, error('InvalidInput', 'B1 is an invalid ASIN')));
    expect(await rejection(upstream.client.getPricing(twoAsins))).toMatchObject({
      name: 'RejectedError',
      code: 'InvalidInput',
    });
  });

  it('is unreadable when it is too large, and kept in bounded size', async () => {
    await using upstream = await setting(json(200, `"${'x'.repeat(5_000_001)}"`));
    const failure = await rejection(upstream.client.getPricing(twoAsins));
    expect(failure).toMatchObject({ shape: 'too-large' });
    expect(failure instanceof UnreadableAnswerError && failure.raw.length).toBeLessThanOrEqual(200_000);
  });
});

describe('credentials', () => {
  it('never end up in an error or an item, even when the upstream echoes them', async () => {
    const secrets = ['Atza|hunter2token1', CREDENTIALS.clientSecret, CREDENTIALS.refreshToken];
    const echo = [...secrets, ...secrets.map(encodeURIComponent)].join(' ');
    for (const status of [200, 302, 400, 401, 403, 404, 429, 503]) {
      await using upstream = await setting(json(status, { ...error(echo, echo, echo), echo }));
      const failure = await rejection(upstream.client.getPricing(twoAsins));
      if (!(failure instanceof Error)) throw new Error('expected an error');
      expect(`${failure.stack} ${JSON.stringify(failure)} ${String(failure.cause)}`).not.toContain('hunter2');
    }
    await using upstream = await setting([
      json(200, echo),
      json(200, {
        payload: [
          { ...priceOf('B1'), status: echo },
          { ASIN: 'B2', status: 7, echo },
        ],
      }),
    ]);
    expect(await rejection(upstream.client.getPricing(twoAsins))).toMatchObject({
      raw: expect.not.stringContaining('hunter2'),
    });
    const { body } = await upstream.client.getPricing(twoAsins);
    expect([...body.values()].map((answer) => answer.kind)).toEqual(['item', 'failed']);
    const failed = body.get('B2');
    const raw = failed?.kind === 'failed' && failed.error instanceof UnreadableAnswerError ? failed.error.raw : '';
    expect(raw).toContain('[redacted]');
    expect(`${JSON.stringify([...body])} ${raw}`).not.toContain('hunter2');
  });

  it('are refused in the secret when they cannot be sent, and freed of their margins', () => {
    expect(SellingCredentials.parse({ ...CREDENTIALS, refreshToken: ' Atzr|x\n' }).refreshToken).toBe('Atzr|x');
    for (const wrong of [{ clientId: '' }, { clientSecret: 'two words' }, { refreshToken: undefined }, { ca: '' }]) {
      expect(SellingCredentials.safeParse({ ...CREDENTIALS, ...wrong }).success).toBe(false);
    }
  });
});
