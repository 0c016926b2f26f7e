import { describe, expect, it } from 'vitest';
import { ASIN, CA, DE, SHOP, SKU, US, batched, items, startPricing, type Answered } from './running-pricing.ts';

const INVALID_MARKETPLACE = 'Requested MarketplaceId is invalid, unsupported, or does not exist.';

function refused(answer: Answered, words: string): void {
  expect(answer.json.errors?.[0]?.message).toContain(words);
  expect(answer).toMatchObject({ status: 400, json: { errors: [{ code: 'InvalidInput' }] } });
  expect(answer.json).not.toHaveProperty('payload');
}

describe('getPricing and getCompetitivePricing', () => {
  it('answer each item that was asked for, by ASIN or by SKU', async () => {
    const many = items(20);
    const { price, competitive } = await startPricing({ items: many });
    for (const ask of [price, competitive]) {
      const byAsin = await ask({ ItemType: 'Asin', Asins: many.map(({ asin }) => asin).join() });
      const bySku = await ask({ ItemType: 'Sku', Skus: many.map(({ sku }) => sku).join() });
      const names = (answer: Answered, key: string): unknown[] =>
        (answer.json.payload as Record<string, unknown>[]).map((item) => item[key]).sort();
      expect(names(byAsin, 'ASIN')).toEqual(many.map(({ asin }) => asin));
      expect(names(bySku, 'SellerSKU')).toEqual(many.map(({ sku }) => sku).sort());
    }
  });

  it('call an ASIN or SKU that does not exist a client error, and answer the others', async () => {
    const { price, competitive } = await startPricing();
    for (const ask of [price, competitive]) {
      expect((await ask({ ItemType: 'Asin', Asins: `${ASIN},B00UNKNOWN` })).json.payload).toEqual(
        expect.arrayContaining([
          expect.objectContaining({ status: 'Success', ASIN }),
          { status: 'ClientError', ASIN: 'B00UNKNOWN' },
        ]) as unknown,
      );
      expect((await ask({ ItemType: 'Sku', Skus: 'no such' })).json.payload).toEqual([
        { status: 'ClientError', SellerSKU: 'no such' },
      ]);
    }
  });

  it('say what is wrong with their parameters', async () => {
    const { price, competitive, ask } = await startPricing();
    const one = { ItemType: 'Asin', Asins: ASIN };
    const twentyOne = items(21)
      .map(({ asin }) => asin)
      .join();
    for (const list of [price, competitive]) {
      refused(await list({ ...one, MarketplaceId: '' }), 'MarketplaceId');
      refused(await list({ ...one, MarketplaceId: 'US' }), INVALID_MARKETPLACE);
      refused(await list({ Asins: ASIN }), 'ItemType');
      refused(await list({ ...one, ItemType: 'ASIN' }), 'ItemType');
      refused(await list({ ItemType: 'Asin' }), 'Asins');
      refused(await list({ ItemType: 'Sku', Asins: ASIN }), 'Asins');
      refused(await list({ ...one, Skus: SKU }), 'Skus');
      refused(await list({ ItemType: 'Asin', Asins: ',' }), 'Asins');
      refused(await list({ ItemType: 'Asin', Asins: twentyOne }), '20');
      refused(
        await list({ ItemType: 'Asin', Asins: `${ASIN},b00lower01` }),
        `b00lower01 is an invalid ASIN for marketplace ${US}`,
      );
    }
    refused(await price({ ...one, ItemCondition: 'new' }), 'ItemCondition');
    refused(await price({ ...one, OfferType: 'C2C' }), 'OfferType');
    refused(await competitive({ ...one, CustomerType: 'business' }), 'CustomerType');
    refused(
      await ask(`/products/pricing/v0/price?MarketplaceId=${US}&MarketplaceId=${CA}&ItemType=Asin&Asins=${ASIN}`),
      'MarketplaceId',
    );
  });

  it('take a list in one parameter or in several, and an item that is named twice once', async () => {
    const { ask } = await startPricing({ items: items(2) });
    const base = `/products/pricing/v0/price?MarketplaceId=${US}&ItemType=Asin`;
    for (const list of ['&Asins=B000000001,B000000002', '&Asins=B000000001&Asins=B000000002&Asins=B000000001']) {
      expect((await ask(base + list)).json.payload).toHaveLength(2);
    }
  });
});

describe('getItemOffers and getListingOffers', () => {
  it('say what is wrong with their parameters', async () => {
    const { itemOffers, listingOffers, ask } = await startPricing();
    for (const offers of [
      (query: Record<string, string>) => itemOffers(ASIN, query),
      (query: Record<string, string>) => listingOffers(SKU, query),
    ]) {
      refused(await offers({ MarketplaceId: '' }), 'MarketplaceId');
      refused(await offers({ MarketplaceId: 'nowhere' }), INVALID_MARKETPLACE);
      refused(await offers({ ItemCondition: '' }), 'ItemCondition');
      refused(await offers({ ItemCondition: 'Mint' }), 'ItemCondition');
      refused(await offers({ CustomerType: 'Retail' }), 'CustomerType');
    }
    refused(await itemOffers('B00UNKNOWN'), `B00UNKNOWN is an invalid ASIN for marketplace ${US}`);
    refused(await itemOffers('short'), `short is an invalid ASIN for marketplace ${US}`);
    refused(await listingOffers('no such'), `no such is an invalid SKU for marketplace ${US}`);
    refused(await ask(`/products/pricing/v0/items/%E0%A4%A/offers?MarketplaceId=${US}&ItemCondition=New`), 'percent');
  });

  it('decode a SKU exactly once', async () => {
    const { listingOffers, ask } = await startPricing();
    expect(await listingOffers(SKU)).toMatchObject({ status: 200, json: { payload: { SKU } } });
    expect((await listingOffers(encodeURIComponent(SKU))).status).toBe(400);
    const target = `/products/pricing/v0/listings/${SKU.replaceAll(' ', '%20').replaceAll('ö', '%C3%B6').replaceAll('ß', '%C3%9F')}/offers`;
    expect((await ask(`${target}?MarketplaceId=${US}&ItemCondition=New`)).status).toBe(403);
  });

  it('keep what an account lists to itself and to the marketplace', async () => {
    const other = { ...SHOP, name: 'other', sellerId: 'A2OTHER' };
    const listings = [
      { marketplaceId: US, asin: ASIN, sku: SKU },
      { marketplaceId: US, asin: 'B000000002', sku: SKU, account: 'other' },
    ];
    const { listingOffers } = await startPricing({ accounts: [SHOP, other], items: listings });
    const asinOf = async (account: string): Promise<unknown> => {
      const { json } = await listingOffers(SKU, {}, { account });
      return (json.payload as { Identifier: unknown }).Identifier;
    };
    expect(await asinOf('shop')).toEqual({ MarketplaceId: US, SellerSKU: SKU, ItemCondition: 'New' });
    expect((await listingOffers(SKU, { MarketplaceId: CA })).status).toBe(400);
    expect((await listingOffers(SKU, { MarketplaceId: CA }, { account: 'other' })).status).toBe(400);
  });
});

describe('the batch operations', () => {
  it('say what is wrong with the whole of a batch', async () => {
    const { itemBatch, listingBatch, ask } = await startPricing({ items: items(21) });
    const one = batched('asin', ASIN) as Record<string, unknown>;
    refused(await itemBatch(undefined), 'requests');
    refused(await itemBatch([]), 'requests');
    refused(await itemBatch({ 0: one }), 'requests');
    refused(await itemBatch(items(21).map(({ asin }) => batched('asin', asin))), '20');
    refused(await itemBatch([one, 7]), 'requests[1]');
    refused(await itemBatch([{ ...one, uri: undefined }]), 'uri');
    refused(await itemBatch([{ ...one, uri: `${String(one['uri'])}?ItemCondition=New` }]), 'uri');
    refused(await itemBatch([batched('sku', SKU)]), 'uri');
    refused(await listingBatch([one]), 'uri');
    refused(await itemBatch([{ ...one, method: 'POST' }]), 'method');
    refused(await itemBatch([{ ...one, headers: 'none' }]), 'headers');
    refused(await itemBatch([{ ...one, MarketplaceId: undefined }]), 'MarketplaceId');
    refused(await itemBatch([{ ...one, MarketplaceId: 'nowhere' }]), INVALID_MARKETPLACE);
    refused(await itemBatch([{ ...one, ItemCondition: undefined }]), 'ItemCondition');
    refused(await itemBatch([{ ...one, CustomerType: 'Retail' }]), 'CustomerType');
    refused(await itemBatch([{ ...one, CustomerType: 3 }]), 'CustomerType');
    refused(await ask('/batches/products/pricing/v0/itemOffers', { method: 'POST', body: '{"requests": [' }), 'JSON');
  });

  it('refuse a batch that asks the same twice, default and all', async () => {
    const { itemBatch, listingBatch } = await startPricing();
    refused(await itemBatch([batched('asin', ASIN), batched('asin', ASIN)]), 'Duplicate requests');
    refused(
      await itemBatch([batched('asin', ASIN), batched('asin', ASIN, { CustomerType: 'Consumer' })]),
      'Duplicate requests',
    );
    refused(await listingBatch([batched('sku', SKU), batched('sku', SKU)]), 'Duplicate requests');
    const distinct = [
      batched('asin', ASIN),
      batched('asin', ASIN, { CustomerType: 'Business' }),
      batched('asin', ASIN, { ItemCondition: 'Used' }),
      batched('asin', ASIN, { MarketplaceId: CA }),
    ];
    expect((await itemBatch(distinct)).json.responses).toHaveLength(4);
  });

  it('answer each request with a status of its own, in another order every time', async () => {
    const { itemBatch, simulator } = await startPricing({ items: items(12) });
    const wanted = [
      ...items(12).map(({ asin }) => batched('asin', asin)),
      batched('asin', 'B00UNKNOWN'),
      batched('asin', 'short'),
      batched('asin', ASIN, { MarketplaceId: DE, CustomerType: 'Business' }),
    ];
    const orders = new Set<string>();
    for (let round = 0; round < 4; round += 1) {
      const { status, json } = await itemBatch(wanted);
      expect(status).toBe(200);
      const responses = json.responses ?? [];
      const of = (asin: string, marketplaceId: string = US) =>
        responses.find(({ request }) => request['Asin'] === asin && request['MarketplaceId'] === marketplaceId);
      expect(responses).toHaveLength(15);
      for (const { asin } of items(12)) {
        expect(of(asin)).toMatchObject({
          status: { statusCode: 200, reasonPhrase: 'OK' },
          headers: { 'x-amzn-RequestId': expect.any(String) as string },
          body: { payload: { ASIN: asin } },
          request: { MarketplaceId: US, ItemCondition: 'New', Asin: asin },
        });
        expect(of(asin)?.request).not.toHaveProperty('CustomerType');
      }
      for (const asin of ['B00UNKNOWN', 'short']) {
        expect(of(asin)).toMatchObject({
          status: { statusCode: 400, reasonPhrase: 'Bad Request' },
          body: { errors: [{ code: 'InvalidInput', message: `${asin} is an invalid ASIN for marketplace ${US}` }] },
        });
      }
      expect(of(ASIN, DE)).toMatchObject({
        status: { statusCode: 403 },
        body: { errors: [{ code: 'Unauthorized' }] },
        request: { CustomerType: 'Business' },
      });
      orders.add(JSON.stringify(responses.map(({ request }) => request)));
    }
    expect(orders.size).toBeGreaterThan(1);
    expect(simulator.requests().arrivals.at(-1)?.items).toHaveLength(15);
  });

  it('answer listings by SKU', async () => {
    const { listingBatch } = await startPricing();
    const { json } = await listingBatch([batched('sku', SKU), batched('sku', 'no such')]);
    expect(json.responses).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          request: { MarketplaceId: US, ItemCondition: 'New', SellerSKU: SKU },
          body: { payload: expect.objectContaining({ SKU, MarketplaceID: US }) as unknown },
        }),
        expect.objectContaining({ status: { statusCode: 400, reasonPhrase: 'Bad Request' } }),
      ]) as unknown,
    );
  });
});

describe('a path or method that is no operation’s', () => {
  it('is denied, as the gateway does not know it', async () => {
    const { ask } = await startPricing();
    for (const [method, path] of [
      ['GET', '/products/pricing/v0/prices'],
      ['GET', '/products/pricing/v0/items//offers'],
      ['POST', '/products/pricing/v0/price'],
      ['GET', '/batches/products/pricing/v0/itemOffers'],
      ['GET', `/products/pricing/v0/items/../items/${ASIN}/offers`],
    ] as const) {
      expect(await ask(path, { method })).toMatchObject({ status: 403, json: { errors: [{ code: 'Unauthorized' }] } });
    }
  });
});
