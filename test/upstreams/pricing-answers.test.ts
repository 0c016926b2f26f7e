import { describe, expect, it } from 'vitest';
import type { ItemState, PriceOfferState } from '../../local/upstreams/simulator.ts';
import { JP, SHOP, US, batched, items, startPricing, type StartedPricing } from './running-pricing.ts';

/** Amounts with the digits they have on the wire: what a client that parses decimals sees. */
interface Money {
  CurrencyCode: string;
  Amount: number;
}
interface Row {
  condition: string;
  fulfillmentChannel?: string;
  ListingPrice: Money;
  LandedPrice?: Money;
  Shipping?: Money;
  Points?: { PointsNumber: number };
  quantityTier?: number;
  offerType?: string;
  OfferCount?: number;
}
interface Offer extends Row {
  SellerId: string;
  MyOffer?: boolean;
  IsFulfilledByAmazon: boolean;
  IsBuyBoxWinner?: boolean;
  IsFeaturedMerchant?: boolean;
  PrimeInformation: { IsPrime: boolean };
  SubCondition: string;
  quantityDiscountPrices?: { quantityTier: number; listingPrice: Money }[];
}
interface Offers {
  status: string;
  ASIN?: string;
  MarketplaceID?: string;
  marketplaceId?: string;
  Summary: {
    TotalOfferCount: number;
    NumberOfOffers?: Row[];
    LowestPrices?: Row[];
    BuyBoxPrices?: Row[];
    BuyBoxEligibleOffers?: Row[];
    ListPrice?: Money;
    CompetitivePriceThreshold?: Money;
    SalesRankings?: { Rank: number }[];
    OffersAvailableTime?: string;
  };
  Offers: Offer[];
}
interface Price {
  status: string;
  Product: {
    Identifiers: { SKUIdentifier?: { SellerSKU: string; SellerId: string } };
    Offers?: {
      BuyingPrice: Row;
      RegularPrice: Money;
      businessPrice?: Money;
      FulfillmentChannel: string;
      SellerSKU: string;
      quantityDiscountPrices?: unknown[];
    }[];
    CompetitivePricing?: {
      CompetitivePrices: {
        CompetitivePriceId: string;
        Price: Row;
        belongsToRequester: boolean;
        condition: string;
        quantityTier?: number;
      }[];
      NumberOfOfferListings: { Count: number; condition: string }[];
    };
    SalesRankings?: { Rank: number }[];
  };
}

const CONDITIONS = ['New', 'Used', 'Collectible', 'Refurbished', 'Club'];
const CUSTOMERS = ['Consumer', 'Business'] as const;
const shopInJapan = { ...SHOP, marketplaces: [JP] };

function current(started: StartedPricing, asin: string, marketplaceId: string = US): ItemState {
  const state = started.simulator.priceTruth(marketplaceId, asin).at(-1);
  if (!state) throw new Error('missing');
  return state;
}

const priceFor = (offer: PriceOfferState, customer: string): number =>
  Number(customer === 'Business' ? (offer.businessPrice ?? offer.listingPrice) : offer.listingPrice);
const landed = (offer: PriceOfferState, customer: string): number =>
  Number((priceFor(offer, customer) + Number(offer.shipping) - offer.points).toFixed(2));

async function offersOf(
  started: StartedPricing,
  asin: string,
  query: Record<string, string> = {},
): Promise<{ body: Offers; text: string }> {
  const { status, json, text } = await started.itemOffers(asin, query);
  expect(status).toBe(200);
  return { body: json.payload as Offers, text };
}

describe('answers about offers', () => {
  for (const [dialect, marketplaceId] of [
    ['document', US],
    ['mixed', US],
    ['document', JP],
  ] as const) {
    it(`agree with the truth in every number: ${dialect} dialect, marketplace ${marketplaceId}`, async () => {
      const catalogue = items(25, marketplaceId);
      const started = await startPricing({
        accounts: [marketplaceId === JP ? shopInJapan : SHOP],
        items: catalogue,
        dialect,
      });
      let compared = 0;
      for (const { asin } of catalogue) {
        const state = current(started, asin, marketplaceId);
        for (const condition of CONDITIONS) {
          for (const customer of CUSTOMERS) {
            const query = { MarketplaceId: marketplaceId, ItemCondition: condition, CustomerType: customer };
            const { body } = await offersOf(started, asin, query);
            compared += agree(body, state, condition, customer);
          }
        }
      }
      expect(compared).toBeGreaterThan(100);
    });
  }

  /** Compares one answer with the truth; answers how many offers were compared. */
  function agree(body: Offers, state: ItemState, condition: string, customer: string): number {
    const expected = state.offers.filter((offer) => offer.condition === condition);
    const isBusiness = customer === 'Business';
    const wins = (offer: PriceOfferState): boolean => (isBusiness ? offer.winsBusinessBuyBox : offer.winsBuyBox);
    expect(body.status).toBe(state.offers.length === 0 ? 'NoBuyableOffers' : 'Success');
    expect(body.MarketplaceID ?? body.marketplaceId).toBeDefined();
    expect(body.Summary.TotalOfferCount).toBe(expected.length);
    expect(body.Offers ?? []).toHaveLength(Math.min(20, expected.length));
    if (state.offers.length > 0)
      expect(body.Summary.ListPrice?.Amount ?? null).toBe(state.listPrice && Number(state.listPrice));

    for (const offer of body.Offers ?? []) {
      const truth = expected.find(({ sellerId }) => sellerId === offer.SellerId);
      if (!truth) throw new Error('an offer that is not true');
      expect({
        price: offer.ListingPrice.Amount,
        shipping: offer.Shipping?.Amount,
        points: offer.Points?.PointsNumber ?? 0,
        isMine: offer.MyOffer ?? false,
        byAmazon: offer.IsFulfilledByAmazon,
        wins: offer.IsBuyBoxWinner ?? false,
        featured: offer.IsFeaturedMerchant ?? false,
        prime: offer.PrimeInformation.IsPrime,
        discounts: (offer.quantityDiscountPrices ?? []).map((row) => [row.quantityTier, row.listingPrice.Amount]),
        type: offer.offerType,
      }).toEqual({
        price: priceFor(truth, customer),
        shipping: Number(truth.shipping),
        points: truth.points,
        isMine: truth.sellerId === SHOP.sellerId,
        byAmazon: truth.isFulfilledByAmazon,
        wins: wins(truth),
        featured: truth.isFeatured,
        prime: truth.isPrime,
        discounts: isBusiness ? truth.quantityDiscounts.map(({ tier, price }) => [tier, Number(price)]) : [],
        type: isBusiness ? (truth.businessPrice === null ? 'B2C' : 'B2B') : undefined,
      });
    }

    const counted = (rows: Row[] | undefined, isCounted: (offer: PriceOfferState) => boolean): void => {
      for (const row of rows ?? []) {
        const count = expected.filter((offer) => isIn(row, offer) && isCounted(offer)).length;
        expect(row.OfferCount ?? count).toBe(count);
        expect(count).toBeGreaterThan(0);
      }
    };
    counted(body.Summary.NumberOfOffers, () => true);
    counted(body.Summary.BuyBoxEligibleOffers, (offer) => offer.isFeatured);
    for (const row of body.Summary.LowestPrices ?? []) {
      const group = expected.filter((offer) => isIn(row, offer));
      if (row.quantityTier !== undefined) {
        const prices = group.flatMap((offer) =>
          offer.quantityDiscounts.filter(({ tier }) => tier === row.quantityTier),
        );
        expect(row.ListingPrice.Amount).toBe(Math.min(...prices.map(({ price }) => Number(price))));
        continue;
      }
      const lowest = Math.min(...group.map((offer) => landed(offer, customer)));
      expect(row.LandedPrice?.Amount ?? lowest).toBe(lowest);
      const cheapest = group.filter((offer) => landed(offer, customer) === lowest);
      expect(cheapest.map((offer) => priceFor(offer, customer))).toContain(row.ListingPrice.Amount);
    }
    const boxes = (body.Summary.BuyBoxPrices ?? []).filter(({ quantityTier }) => quantityTier === undefined);
    expect(boxes.map((row) => row.LandedPrice?.Amount).sort()).toEqual(
      expected
        .filter(wins)
        .map((offer) => landed(offer, customer))
        .sort(),
    );
    return body.Offers?.length ?? 0;
  }

  const isIn = (row: Row, offer: PriceOfferState): boolean =>
    row.condition.toLowerCase() === offer.condition.toLowerCase() &&
    row.fulfillmentChannel?.toLowerCase() === (offer.isFulfilledByAmazon ? 'amazon' : 'merchant');

  it('list twenty offers at most, however many there are, and always the cheapest', async () => {
    const started = await startPricing();
    const offers = Array.from({ length: 45 }, (_, index) => ({
      sellerId: `A${String(index).padStart(3, '0')}`,
      listingPrice: `${100 - index}.50`,
    }));
    await started.control('PUT', `/control/prices/${US}/B000000001`, { offers });
    const { body } = await offersOf(started, 'B000000001');
    expect(body.Summary.TotalOfferCount).toBe(45);
    expect(body.Offers.map(({ ListingPrice }) => ListingPrice.Amount).sort()).toEqual(
      offers
        .slice(25)
        .map(({ listingPrice }) => Number(listingPrice))
        .sort(),
    );
  });

  it('differ in order and sales ranks though nothing has changed', async () => {
    const started = await startPricing({ items: items(1) });
    const offers = ['A1', 'A2', 'A3', 'A4', 'A5'].map((sellerId) => ({ sellerId, listingPrice: '9.99' }));
    await started.control('PUT', `/control/prices/${US}/B000000001`, { offers });
    const orders = new Set<string>();
    const ranks = new Set<string>();
    for (let round = 0; round < 12; round += 1) {
      const { body } = await offersOf(started, 'B000000001');
      orders.add(body.Offers.map(({ SellerId }) => SellerId).join());
      ranks.add(JSON.stringify(body.Summary.SalesRankings));
      const [price] = (await started.competitive({ ItemType: 'Asin', Asins: 'B000000001' })).json.payload as Price[];
      ranks.add(JSON.stringify(price?.Product.SalesRankings));
    }
    expect(orders.size).toBeGreaterThan(3);
    expect(ranks.size).toBeGreaterThan(10);
  });

  it('say why an item has no offers, and work out anew when it will have some', async () => {
    const started = await startPricing({ items: items(1) });
    const set = (body: object) => started.control('PUT', `/control/prices/${US}/B000000001`, body);
    for (const status of ['NoBuyableOffers', 'NoOfferDueToMissingShippingCharge', 'ActiveButTooSoonForProcessing']) {
      await set({ status, offers: [] });
      const { body } = await offersOf(started, 'B000000001');
      expect(body).toMatchObject({ status, Offers: [], Summary: { TotalOfferCount: 0 } });
      expect('OffersAvailableTime' in body.Summary).toBe(status === 'ActiveButTooSoonForProcessing');
    }
    const times = new Set<string | undefined>();
    for (let round = 0; round < 5; round += 1) {
      const { body } = await offersOf(started, 'B000000001');
      times.add(body.Summary.OffersAvailableTime);
      expect(Date.parse(body.Summary.OffersAvailableTime ?? '')).toBeGreaterThan(started.clock.now());
    }
    expect(times.size).toBeGreaterThan(1);
    await set({ offers: [{ sellerId: 'A1', condition: 'Used', listingPrice: '5' }] });
    expect((await offersOf(started, 'B000000001')).body).toMatchObject({ status: 'Success', Offers: [] });
  });

  it('have points in Japan only, and take them off the landed price', async () => {
    const offer = { sellerId: 'A1', listingPrice: '1000', shipping: '200', points: 50 };
    const started = await startPricing({ accounts: [shopInJapan], items: items(1, JP) });
    await started.control('PUT', `/control/prices/${JP}/B000000001`, { offers: [offer] });
    const { body } = await offersOf(started, 'B000000001', { MarketplaceId: JP });
    expect(body.Offers[0]?.Points).toEqual({
      PointsNumber: 50,
      PointsMonetaryValue: { CurrencyCode: 'JPY', Amount: 50 },
    });
    expect(body.Summary.LowestPrices?.[0]?.LandedPrice).toEqual({ CurrencyCode: 'JPY', Amount: 1150 });
    const american = await startPricing();
    await american.control('PUT', `/control/prices/${US}/B000000001`, { offers: [offer] });
    const { text } = await offersOf(american, 'B000000001');
    expect(text).not.toContain('Points');
  });

  it('write amounts with all their digits, or as the dialect has it, and never another value', async () => {
    const offers = [{ sellerId: 'A1', listingPrice: '10.50', shipping: '3' }];
    const document = await startPricing();
    await document.control('PUT', `/control/prices/${US}/B000000001`, { offers });
    const { text } = await offersOf(document, 'B000000001');
    expect(text).toContain('"Amount":10.50');
    expect(text).toContain('"Amount":3.00');

    const mixed = await startPricing({ dialect: 'mixed', items: items(30) });
    const spellings = new Set<string>();
    for (const { asin } of items(30)) {
      await mixed.control('PUT', `/control/prices/${US}/${asin}`, { offers });
      for (let round = 0; round < 3; round += 1) {
        const answer = await offersOf(mixed, asin);
        for (const [, amount = ''] of answer.text.matchAll(/"Amount":([\d.]+)/g)) spellings.add(amount);
      }
    }
    expect([...spellings].sort()).toEqual(['10.5', '10.50', '13.5', '13.50', '3', '3.00']);
  });
});

describe('answers about prices', () => {
  it('tell the account’s own offers and the Buy Box, in agreement with the truth', async () => {
    const catalogue = items(20);
    for (const dialect of ['document', 'mixed'] as const) {
      const started = await startPricing({ items: catalogue, dialect });
      let seen = 0;
      for (const { asin, sku } of catalogue) {
        const state = current(started, asin);
        const own = state.offers.find(({ sellerId }) => sellerId === SHOP.sellerId);
        const ways: Record<string, string>[] = [
          { ItemType: 'Asin', Asins: asin },
          { ItemType: 'Sku', Skus: sku },
        ];
        for (const by of ways) {
          const [priced] = (await started.price(by)).json.payload as Price[];
          const told = priced?.Product.Offers ?? [];
          expect(told).toHaveLength(own ? 1 : 0);
          if (!own) continue;
          seen += 1;
          expect(told[0]).toMatchObject({
            BuyingPrice: {
              ListingPrice: { Amount: Number(own.listingPrice) },
              LandedPrice: { Amount: landed(own, 'Consumer') },
              Shipping: { Amount: Number(own.shipping) },
            },
            RegularPrice: { Amount: Number(own.regularPrice) },
            SellerSKU: sku,
          });
          expect(told[0]?.FulfillmentChannel.toUpperCase()).toBe(own.isFulfilledByAmazon ? 'AMAZON' : 'MERCHANT');
          const [business] = (await started.price({ ...by, OfferType: 'B2B' })).json.payload as Price[];
          const [terms] = business?.Product.Offers ?? [];
          expect(terms?.BuyingPrice.ListingPrice.Amount ?? null).toBe(own.businessPrice && Number(own.businessPrice));
          expect(terms?.quantityDiscountPrices ?? []).toHaveLength(own.quantityDiscounts.length);
        }
        for (const customer of CUSTOMERS) {
          const [priced] = (await started.competitive({ ItemType: 'Asin', Asins: asin, CustomerType: customer })).json
            .payload as Price[];
          const { CompetitivePrices = [], NumberOfOfferListings = [] } = priced?.Product.CompetitivePricing ?? {};
          for (const [id, condition] of [
            ['1', 'New'],
            ['2', 'Used'],
          ]) {
            const winners = state.offers.filter(
              (offer) =>
                offer.condition === condition &&
                (customer === 'Business' ? offer.winsBusinessBuyBox : offer.winsBuyBox),
            );
            const told = CompetitivePrices.filter(
              (row) => row.CompetitivePriceId === id && row.quantityTier === undefined,
            );
            expect(told.map((row) => [row.Price.LandedPrice?.Amount, row.belongsToRequester]).sort()).toEqual(
              winners.map((offer) => [landed(offer, customer), offer.sellerId === SHOP.sellerId]).sort(),
            );
          }
          const any = NumberOfOfferListings.find(({ condition }) => condition.toLowerCase() === 'any');
          expect(any?.Count).toBe(state.offers.length);
        }
      }
      expect(seen).toBeGreaterThan(10);
    }
  });

  it('identify an item by SKU with the seller', async () => {
    const { price } = await startPricing({ items: items(1) });
    const [bySku] = (await price({ ItemType: 'Sku', Skus: 'SKU 1/x' })).json.payload as Price[];
    expect(bySku?.Product.Identifiers).toEqual({
      MarketplaceASIN: { MarketplaceId: US, ASIN: 'B000000001' },
      SKUIdentifier: { MarketplaceId: US, SellerId: SHOP.sellerId, SellerSKU: 'SKU 1/x' },
    });
  });

  it('filter the account’s own offers by condition', async () => {
    const { price, control } = await startPricing({ items: items(1) });
    const own = { sellerId: SHOP.sellerId, sku: 'SKU 1/x', listingPrice: '10' };
    await control('PUT', `/control/prices/${US}/B000000001`, {
      offers: [own, { ...own, condition: 'Used', sku: 'used' }],
    });
    const count = async (query: Record<string, string>): Promise<number | undefined> => {
      const [priced] = (await price({ ItemType: 'Asin', Asins: 'B000000001', ...query })).json.payload as Price[];
      return priced?.Product.Offers?.length;
    };
    expect([await count({}), await count({ ItemCondition: 'Used' }), await count({ ItemCondition: 'Club' })]).toEqual([
      2, 1, 0,
    ]);
  });
});

describe('the mixed dialect', () => {
  it('uses every spelling that clients must tolerate, and one spelling for each item', async () => {
    const catalogue = items(40);
    const started = await startPricing({ items: catalogue, dialect: 'mixed' });
    const seen = new Set<string>();
    for (const { asin } of catalogue) {
      const { body, text } = await offersOf(started, asin);
      seen.add('MarketplaceID' in body ? 'MarketplaceID' : 'marketplaceId');
      for (const row of body.Summary.LowestPrices ?? []) {
        seen.add(`row ${'LandedPrice' in row ? 'with' : 'without'} LandedPrice`);
        seen.add(`row ${'Shipping' in row ? 'with' : 'without'} Shipping`);
        seen.add(row.condition);
        seen.add(row.fulfillmentChannel ?? '');
      }
      for (const row of body.Summary.NumberOfOffers ?? []) seen.add(`OfferCount ${'OfferCount' in row}`);
      for (const offer of body.Offers ?? []) {
        seen.add(`MyOffer false ${offer.MyOffer === false}`);
        seen.add(`IsNationalPrime ${'IsNationalPrime' in offer.PrimeInformation}`);
      }
      const empty = await offersOf(started, asin, { ItemCondition: 'Club' });
      seen.add(`nothing on offer: ${JSON.stringify(empty.body.Offers)}`);
      const [priced] = (await started.competitive({ ItemType: 'Asin', Asins: asin })).json.payload as Price[];
      for (const row of priced?.Product.CompetitivePricing?.CompetitivePrices ?? []) seen.add(row.CompetitivePriceId);
      const [own] = (await started.price({ ItemType: 'Asin', Asins: asin, ItemCondition: 'Club' })).json
        .payload as Price[];
      seen.add(`no offers: ${JSON.stringify(own?.Product.Offers)}`);
      seen.add(`SKUIdentifier ${'SKUIdentifier' in (priced?.Product.Identifiers ?? {})}`);
      const keys = (json: string): string => [...new Set(json.match(/"\w+":/g))].sort().join();
      expect(keys((await offersOf(started, asin)).text)).toBe(keys(text));
    }
    expect([...seen].sort()).toEqual(
      [
        'MarketplaceID', 'marketplaceId', 'row with LandedPrice', 'row without LandedPrice', 'row with Shipping',
        'row without Shipping', 'New', 'new', 'Amazon', 'AMAZON', 'Merchant', 'MERCHANT', 'OfferCount true',
        'OfferCount false', 'MyOffer false true', 'MyOffer false false', '1', '2', '3', '4545645646',
        'SKUIdentifier true', 'SKUIdentifier false',
        'no offers: []', 'no offers: undefined', 'nothing on offer: []', 'nothing on offer: undefined',
        'IsNationalPrime true', 'IsNationalPrime false',
      ].sort(),
    ); // prettier-ignore
  });

  it('calls an unknown item of a batch invalid or not found', async () => {
    const { itemBatch } = await startPricing({ dialect: 'mixed' });
    const asins = Array.from({ length: 20 }, (_, index) => `B00UNKNO${String(index).padStart(2, '0')}`);
    const { json } = await itemBatch(asins.map((asin) => batched('asin', asin)));
    const seen = (json.responses ?? []).map(({ status, body }) => `${status.statusCode} ${body.errors?.[0]?.code}`);
    expect([...new Set(seen)].sort()).toEqual(['400 InvalidInput', '404 NotFound']);
  });
});
