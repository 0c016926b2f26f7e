import { describe, expect, it } from 'vitest';
import type { ItemState } from '../../local/upstreams/simulator.ts';
import { ASIN, SHOP, SKU, US, items, startPricing } from './running-pricing.ts';

const PATH = `/control/prices/${US}/${ASIN}`;

describe('the control endpoint of Product Pricing', () => {
  it('moves an item exactly one step, and the truth remembers every state', async () => {
    const { control, simulator } = await startPricing();
    const states: unknown[] = [];
    for (let step = 0; step < 10; step += 1) {
      const { status, json } = await control('POST', `${PATH}/advance`);
      expect(status).toBe(200);
      states.push(json);
    }
    const truth = simulator.priceTruth(US, ASIN);
    expect(truth.slice(1)).toEqual(states);
    expect(truth[0]).toMatchObject({ step: 0, event: 'born', known: true });
    expect((await control('GET', `/control/price-truth?marketplaceId=${US}&asin=${ASIN}`)).json).toEqual({
      items: [
        {
          marketplaceId: US,
          asin: ASIN,
          listings: [{ account: 'shop', sellerId: SHOP.sellerId, sku: SKU }],
          states: truth,
        },
      ],
    });
  });

  it('sets offers outright: a seller and a price will do, and the rules say who wins', async () => {
    const { control, itemOffers } = await startPricing();
    const offers = [
      { sellerId: 'A1', listingPrice: '10' },
      { sellerId: 'A2', listingPrice: '9.5', isFulfilledByAmazon: true },
      { sellerId: 'A3', listingPrice: '5', condition: 'Used', subCondition: 'VeryGood' },
    ];
    const { json } = await control('PUT', PATH, { listPrice: '12.3', offers });
    expect(json).toMatchObject({
      event: 'set',
      listPrice: '12.30',
      offers: [
        { sellerId: 'A1', listingPrice: '10.00', regularPrice: '10.00', shipping: '0.00', winsBuyBox: false },
        { sellerId: 'A2', listingPrice: '9.50', isPrime: true, winsBuyBox: true },
        { sellerId: 'A3', winsBuyBox: true },
      ],
    });
    const { json: answer } = await itemOffers(ASIN, { ItemCondition: 'Used' });
    expect(answer.payload).toMatchObject({ Offers: [{ SellerId: 'A3', SubCondition: 'Very Good' }] });
    const forced = await control('PUT', PATH, { offers: [offers[0], { ...offers[1], winsBuyBox: false }] });
    expect((forced.json as ItemState).offers.map(({ winsBuyBox }) => winsBuyBox)).toEqual([false, false]);
  });

  it('takes an account’s offer for its listing, unless it names another', async () => {
    const { control, price } = await startPricing();
    const own = { sellerId: SHOP.sellerId, listingPrice: '4' };
    await control('PUT', PATH, { offers: [own, { sellerId: 'A1', listingPrice: '5' }] });
    expect((await price({ ItemType: 'Sku', Skus: SKU })).json.payload).toMatchObject([
      { Product: { Offers: [{ SellerSKU: SKU }] } },
    ]);
    const { json } = await control('PUT', PATH, {
      offers: [
        { ...own, sku: SKU },
        { ...own, condition: 'Used' },
      ],
    });
    expect((json as ItemState).offers.map(({ sku }) => sku)).toEqual([SKU, null]);
  });

  it('refuses what no item can be, and leaves everything as it was', async () => {
    const { control, simulator } = await startPricing();
    const offer = { sellerId: 'A1', listingPrice: '10' };
    for (const body of [
      {},
      { offers: [{ sellerId: 'A1' }] },
      { offers: [{ ...offer, listingPrice: 10 }] },
      { offers: [{ ...offer, listingPrice: '10.001' }] },
      { offers: [{ ...offer, listingPrice: '-1' }] },
      { offers: [{ ...offer, price: '1' }] },
      { offers: [offer, offer] },
      { offers: [], listPrice: 'free' },
    ]) {
      expect(await control('PUT', PATH, body)).toMatchObject({
        status: 400,
        json: { error: expect.any(String) as string },
      });
      expect((await control('PUT', `/control/prices/${US}/B00NEWITEM`, body)).status).toBe(400);
    }
    expect(simulator.priceTruth(US, ASIN)).toHaveLength(1);
    expect(() => simulator.priceTruth(US, 'B00NEWITEM')).toThrow('never was');
    expect((await control('PUT', '/control/prices/nowhere/B00NEWITEM', { offers: [] })).status).toBe(400);
  });

  it('makes an ASIN invalid, and valid again', async () => {
    const { control, itemOffers, price, listingOffers } = await startPricing();
    expect((await control('DELETE', PATH)).json).toMatchObject({ event: 'deleted', known: false, offers: [] });
    expect((await itemOffers(ASIN)).status).toBe(400);
    expect((await listingOffers(SKU)).status).toBe(400);
    expect((await price({ ItemType: 'Asin', Asins: ASIN })).json.payload).toEqual([{ status: 'ClientError', ASIN }]);
    expect((await control('POST', `${PATH}/advance`)).status).toBe(409);
    await control('PUT', PATH, { offers: [{ sellerId: 'A1', listingPrice: '3' }] });
    expect((await itemOffers(ASIN)).status).toBe(200);
  });

  it('adds items and listings', async () => {
    const { control, price, listingOffers } = await startPricing();
    const added = [...items(3), { marketplaceId: US, asin: ASIN, sku: 'second listing' }];
    expect(await control('POST', '/control/prices', added)).toMatchObject({ status: 201, json: { added: 3 } });
    expect(await control('POST', '/control/prices', added)).toMatchObject({ status: 201, json: { added: 0 } });
    expect((await price({ ItemType: 'Asin', Asins: 'B000000003' })).json.payload).toMatchObject([
      { status: 'Success' },
    ]);
    for (const sku of [SKU, 'SKU 1/x', 'second listing']) expect((await listingOffers(sku)).status).toBe(200);
    for (const wrong of [[{ marketplaceId: US }], [{ marketplaceId: US, asin: 'short' }], {}]) {
      expect((await control('POST', '/control/prices', wrong)).status).toBe(400);
    }
  });

  it('changes the tempo, and freezes all at 0', async () => {
    const { control, clock, simulator } = await startPricing({ items: items(10), tempo: 600 });
    clock.pass(60_000);
    await control('PUT', '/control/price-tempo', { tempo: 0 });
    const count = (): number => items(10).reduce((sum, { asin }) => sum + simulator.priceTruth(US, asin).length - 1, 0);
    const before = count();
    expect(before).toBeGreaterThan(400);
    clock.pass(600_000);
    expect(count()).toBe(before);
    await control('PUT', '/control/price-tempo', { tempo: 600 });
    clock.pass(60_000);
    expect(count()).toBeGreaterThan(before + 400);
    expect((await control('PUT', '/control/price-tempo', { tempo: -1 })).status).toBe(400);
  });

  it('says 404 to items and accounts that there are not', async () => {
    const { control } = await startPricing();
    const none = `/control/prices/${US}/B00NEWITEM`;
    expect((await control('POST', `${none}/advance`)).status).toBe(404);
    expect((await control('DELETE', none)).status).toBe(404);
    expect((await control('GET', `/control/price-truth?marketplaceId=${US}&asin=B00NEWITEM`)).status).toBe(404);
    expect((await control('POST', '/control/selling-accounts/nobody/expire-tokens')).status).toBe(404);
  });
});
