import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { comparePrices } from '../../lambdas/pricing/compare-prices.ts';
import { normaliseOffers, normalisePrice } from '../../lambdas/pricing/normalise-prices.ts';
import { OffersItem, type OfferDetail, type PriceItem } from '../../lambdas/pricing/pricing-answers.ts';
import { PriceSnapshot } from '../../lambdas/pricing/price-snapshot.ts';
import { hasPrice, pricesAfter, type PriceReading } from '../../lambdas/pricing/prices.ts';
import { UnreadableAnswerError } from '../../lambdas/shared/errors.ts';
import {
  anyOffersItem,
  anyPriceItem,
  anyPrices,
  anySeed,
  Draw,
  ME,
  own,
  ownWatch,
  shuffled,
  watch,
  withStrangeFields,
  withStrangeWords,
} from './arbitrary-prices.ts';

const usd = (Amount: string) => ({ CurrencyCode: 'USD', Amount });
const yen = (Amount: string) => ({ CurrencyCode: 'JPY', Amount });
const listed = (SellerId: string, amount: string, fields: Partial<OfferDetail> = {}): OfferDetail => ({
  SellerId,
  SubCondition: 'New',
  ListingPrice: usd(amount),
  Shipping: usd('0.00'),
  IsFulfilledByAmazon: false,
  ...fields,
});
const offersItem = (fields: Partial<OffersItem> = {}, Summary: OffersItem['Summary'] = {}): OffersItem => {
  const Offers = fields.Offers ?? [];
  return { status: 'Success', Offers, ...fields, Summary: { TotalOfferCount: Offers.length, ...Summary } };
};
const readOffers = (item: OffersItem, of = watch, by: { sellerId?: string } = own) => normaliseOffers(item, of, by);
const readPrice = (Product: PriceItem['Product'], of = ownWatch) =>
  normalisePrice({ status: 'Success', ASIN: watch.item, Product }, of, own);

/** The error that reading gives, with its shape. */
function refusal(read: () => unknown): UnreadableAnswerError {
  try {
    read();
  } catch (error) {
    if (error instanceof UnreadableAnswerError) return error;
    throw error;
  }
  throw new Error('it was read');
}

const nothing = {
  own: [],
  buyBox: [],
  lowest: [],
  competitive: [],
  offers: [],
  offerCounts: [],
  buyBoxEligible: [],
  salesRanks: [],
};

describe('a snapshot of offers', () => {
  it('holds what the document describes', () => {
    const item: OffersItem = {
      MarketplaceID: 'ATVPDKIKX0DER',
      ASIN: 'B000000001',
      status: 'Success',
      Identifier: { MarketplaceId: 'ATVPDKIKX0DER', ASIN: 'B000000001' },
      Summary: {
        TotalOfferCount: 2,
        NumberOfOffers: [{ condition: 'new', fulfillmentChannel: 'Merchant', OfferCount: 2 }],
        LowestPrices: [
          {
            condition: 'new',
            fulfillmentChannel: 'Merchant',
            offerType: 'B2C',
            LandedPrice: usd('12.5'),
            ListingPrice: usd('10.00'),
            Shipping: usd('2.50'),
          },
        ],
        BuyBoxPrices: [
          {
            condition: 'New',
            offerType: 'B2C',
            LandedPrice: usd('13'),
            ListingPrice: usd('13'),
            Shipping: usd('0'),
            sellerId: ME,
          },
          {
            condition: 'New',
            offerType: 'B2B',
            quantityTier: 5,
            quantityDiscountType: 'QUANTITY_DISCOUNT',
            LandedPrice: usd('11'),
            ListingPrice: usd('11'),
            Shipping: usd('0'),
          },
        ],
        ListPrice: usd('19.99'),
        CompetitivePriceThreshold: usd('12.00'),
        SuggestedLowerPricePlusShipping: usd('11.90'),
        SalesRankings: [{ ProductCategoryId: 'toys', Rank: 12 }],
        BuyBoxEligibleOffers: [{ condition: 'new', fulfillmentChannel: 'Merchant', OfferCount: 1 }],
      },
      Offers: [
        listed(ME, '13', {
          MyOffer: true,
          offerType: 'B2C',
          PrimeInformation: { IsPrime: true, IsNationalPrime: true },
          IsFulfilledByAmazon: true,
          IsBuyBoxWinner: true,
          IsFeaturedMerchant: true,
          ShipsFrom: { State: 'WA', Country: 'US' },
        }),
        listed('A1', '10.00', {
          SubCondition: 'very_good',
          Shipping: usd('2.50'),
          PrimeInformation: { IsPrime: false, IsNationalPrime: false },
          IsBuyBoxWinner: true,
          quantityDiscountPrices: [
            { quantityTier: 9, quantityDiscountType: 'QUANTITY_DISCOUNT', listingPrice: usd('8.00') },
            { quantityTier: 3, quantityDiscountType: 'QUANTITY_DISCOUNT', listingPrice: usd('9.00') },
          ],
        }),
      ],
    };
    expect(readOffers(item)).toEqual({
      drift: [],
      unread: [],
      snapshot: {
        ...nothing,
        asin: 'B000000001',
        condition: 'New',
        status: 'Success',
        currency: 'USD',
        buyBox: [
          {
            condition: 'New',
            customerType: 'Business',
            quantityTier: 5,
            listing: '11',
            shipping: '0',
            landed: '11',
            mine: null,
            winners: [],
          },
          {
            condition: 'New',
            customerType: 'Consumer',
            listing: '13',
            shipping: '0',
            landed: '13',
            mine: true,
            winners: [
              { sellerId: ME, prime: true },
              { sellerId: 'A1', prime: false },
            ],
          },
        ],
        lowest: [
          {
            condition: 'New',
            channel: 'Merchant',
            customerType: 'Consumer',
            listing: '10',
            shipping: '2.5',
            landed: '12.5',
          },
        ],
        offers: [
          {
            sellerId: ME,
            mine: true,
            subcondition: 'New',
            channel: 'Amazon',
            listing: '13',
            shipping: '0',
            landed: '13',
            prime: 'national',
            shipsFrom: { country: 'US', state: 'WA' },
            buyBoxWinner: true,
            featured: true,
          },
          {
            sellerId: 'A1',
            mine: false,
            subcondition: 'Very Good',
            channel: 'Merchant',
            listing: '10',
            shipping: '2.5',
            landed: '12.5',
            quantityDiscounts: [
              { quantityTier: 3, listing: '9' },
              { quantityTier: 9, listing: '8' },
            ],
            prime: 'none',
            buyBoxWinner: true,
          },
        ],
        totalOfferCount: 2,
        offerCounts: [{ condition: 'New', channel: 'Merchant', count: 2 }],
        buyBoxEligible: [{ condition: 'New', channel: 'Merchant', count: 1 }],
        listPrice: '19.99',
        competitivePriceThreshold: '12',
        suggestedLowerPrice: '11.9',
        salesRanks: [{ category: 'toys', rank: 12 }],
      },
    });
  });

  it('calculates what landed is where the answer does not say', () => {
    const points = { PointsNumber: 100, PointsMonetaryValue: yen('100') };
    const Offers = [
      { SellerId: 'A1', ListingPrice: yen('1500'), Shipping: yen('300'), Points: points },
      { SellerId: 'A2', ListingPrice: yen('1500') },
      { SellerId: 'A3', ListingPrice: yen('1500'), Points: { PointsNumber: 0, PointsMonetaryValue: yen('0') } },
    ];
    const { snapshot } = readOffers(offersItem({ Offers }));
    expect(snapshot.currency).toBe('JPY');
    expect(snapshot.offers).toMatchObject([
      { landed: '1700', points: { number: 100, value: '100' } },
      { landed: '1500' },
      { landed: '1500' },
    ]);
    expect(snapshot.offers[1]).not.toHaveProperty('shipping');
    expect(snapshot.offers[2]).not.toHaveProperty('points');
  });

  it('believes a landed price that is given', () => {
    const LowestPrices = [
      { condition: 'New', fulfillmentChannel: 'Amazon', ListingPrice: usd('10'), LandedPrice: usd('9.5') },
    ];
    expect(readOffers(offersItem({}, { LowestPrices })).snapshot.lowest).toMatchObject([
      { listing: '10', landed: '9.5' },
    ]);
  });

  it('holds repeated rows once, and no counts of nothing', () => {
    const one = listed('A1', '10.0');
    const lowest = { condition: 'New', fulfillmentChannel: 'amazon', ListingPrice: usd('10.00') };
    const item = offersItem(
      { Offers: [one, { ...one, ListingPrice: usd('10.00') }, listed('A1', '11')] },
      {
        LowestPrices: [lowest, { ...lowest, condition: 'new', ListingPrice: usd('10') }],
        NumberOfOffers: [{ condition: 'New', fulfillmentChannel: 'Amazon', OfferCount: 0 }],
      },
    );
    const { snapshot } = readOffers(item);
    expect(snapshot.offers.map(({ listing }) => listing)).toEqual(['10', '11']);
    expect(snapshot.lowest).toHaveLength(1);
    expect(snapshot.offerCounts).toEqual([]);
  });

  it('tells own offers by their mark or by the seller', () => {
    const Offers = [listed(ME, '1'), listed('A1', '2', { MyOffer: true }), listed('A2', '3'), { ...listed('', '4') }];
    const mine = (by: { sellerId?: string }) =>
      Object.fromEntries(
        readOffers(offersItem({ Offers }), watch, by).snapshot.offers.map((one) => [one.listing, one.mine]),
      );
    expect(mine(own)).toEqual({ 1: true, 2: true, 3: false, 4: null });
    expect(mine({})).toEqual({ 1: null, 2: true, 3: null, 4: null });
  });

  it('gives the Buy Box to whoever is told to be in it', () => {
    const box = { condition: 'New', ListingPrice: usd('10') };
    const winner = (seller: string, amount = '10') => listed(seller, amount, { IsBuyBoxWinner: true });
    const boxes = (BuyBoxPrices: NonNullable<OffersItem['Summary']>['BuyBoxPrices'], ...Offers: OfferDetail[]) =>
      readOffers(offersItem({ Offers }, { BuyBoxPrices })).snapshot.buyBox.map(({ mine, winners }) => ({
        mine,
        winners,
      }));
    expect(boxes([box])).toEqual([{ mine: null, winners: [] }]);
    expect(boxes([box], winner(ME))).toEqual([{ mine: true, winners: [{ sellerId: ME }] }]);
    expect(boxes([{ ...box, sellerId: 'A1' }], winner(ME, '12'))).toEqual([
      { mine: true, winners: [{ sellerId: ME }, { sellerId: 'A1' }] },
    ]);
    expect(boxes([{ ...box, sellerId: 'A1' }])).toEqual([{ mine: false, winners: [{ sellerId: 'A1' }] }]);
    // Offers in New say nothing of the Used Buy Box, nor of that for five.
    expect(
      boxes(
        [
          { ...box, condition: 'Used' },
          { ...box, quantityTier: 5 },
        ],
        winner(ME),
      ),
    ).toEqual([
      { mine: null, winners: [] },
      { mine: null, winners: [] },
    ]);
    // Two Buy Boxes of one kind: each goes to the seller that it names, or by its price.
    expect(boxes([{ ...box, ListingPrice: usd('9') }, box], winner('A2', '9'), winner(ME))).toEqual([
      { mine: true, winners: [{ sellerId: ME }] },
      { mine: false, winners: [{ sellerId: 'A2' }] },
    ]);
    // What nobody compares does not decide between two Buy Boxes at one price.
    const twins = (quantityDiscountType?: string) =>
      boxes(
        [
          { ...box, quantityDiscountType },
          { ...box, sellerId: 'A1' },
        ],
        winner('A2'),
      );
    expect(twins('BULK')).toEqual(expect.arrayContaining(twins()));
  });

  it('takes from the watch what the answer lacks', () => {
    const bySku = { ...watch, itemType: 'sku', item: 'S 1/x', customerType: 'Business' } as const;
    const LowestPrices = [{ condition: 'New', fulfillmentChannel: 'Amazon', ListingPrice: usd('10') }];
    const { snapshot } = readOffers(offersItem({ Offers: [listed('A1', '1')] }, { LowestPrices }), bySku);
    expect(snapshot).toMatchObject({ sku: 'S 1/x', condition: 'New', lowest: [{ customerType: 'Business' }] });
    expect(snapshot).not.toHaveProperty('asin');
    expect(snapshot.offers[0]).not.toHaveProperty('customerType');
    expect(readOffers(offersItem({ ASIN: 'B2' }), bySku).snapshot).toMatchObject({ asin: 'B2', sku: 'S 1/x' });
  });

  it('holds twenty offers at most', () => {
    const Offers = Array.from({ length: 25 }, (_, index) => listed(`A${index}`, '1'));
    expect(readOffers(offersItem({ Offers })).snapshot.offers).toHaveLength(20);
  });

  it('counts offers that look alike, so that it is known whether all are listed', () => {
    const twin = listed('A1', '10');
    const { offers, totalOfferCount } = readOffers(offersItem({ Offers: [twin, listed('A2', '9'), twin] })).snapshot;
    expect(offers).toMatchObject([{ sellerId: 'A1', alike: 2 }, { sellerId: 'A2' }]);
    expect(totalOfferCount).toBe(3);
    const [before, after] = [
      [twin, twin],
      [twin, twin, listed('A3', '11')],
    ].map((Offers) => pricesAfter(null, readOffers(offersItem({ Offers }))));
    const changes = comparePrices(before ?? null, after ?? {}, { ignoreOfferCounts: true });
    expect(changes).toContainEqual(expect.objectContaining({ change: 'offerChanged', from: null }));
  });

  it('takes a quantity from one for none', () => {
    const box = (quantityTier?: number) => ({ condition: 'New', ListingPrice: usd('10'), quantityTier });
    const tiers = [undefined, 0, 1, 2].map(
      (tier) => readOffers(offersItem({}, { BuyBoxPrices: [box(tier)] })).snapshot.buyBox[0]?.quantityTier,
    );
    expect(tiers).toEqual([undefined, undefined, undefined, 2]);
  });

  it('does not say how far Prime goes where the answer does not', () => {
    const primes = [
      { IsPrime: true, IsNationalPrime: true },
      { IsPrime: true, IsNationalPrime: false },
      { IsPrime: true },
      { IsPrime: false },
    ];
    const Offers = primes.map((PrimeInformation, index) => listed(`A${index}`, '1', { PrimeInformation }));
    const { snapshot } = readOffers(offersItem({ Offers }));
    expect(snapshot.offers.map(({ prime }) => prime)).toEqual(['national', 'regional', undefined, 'none']);
  });

  it('knows that the account is not in a Buy Box of nobody listed, if its own offers all say so', () => {
    const mine = (...Offers: OfferDetail[]) =>
      readOffers(offersItem({ Offers }, { BuyBoxPrices: [{ condition: 'New', ListingPrice: usd('12') }] })).snapshot
        .buyBox[0]?.mine;
    const said = (seller: string, IsBuyBoxWinner?: boolean) => listed(seller, '10', { IsBuyBoxWinner });
    expect(mine(said('A1', false), said(ME, false))).toBe(false);
    expect(mine(said('A1', false), said(ME))).toBeNull();
    expect(mine(said(ME, false), { ...said(ME), ListingPrice: usd('11') })).toBeNull();
    expect(mine(said(ME, false), { ...said(ME, true), ListingPrice: usd('11') })).toBe(true);
    expect(mine(said('A1', false))).toBeNull();
  });

  it('is small', () => {
    const offer = (index: number): OfferDetail => ({
      ...listed(`A1B2C3D4E5F6${String(index).padStart(2, '0')}`, `${100 + index}.99`),
      Shipping: usd('3.99'),
      ShipsFrom: { State: 'WA', Country: 'US' },
      PrimeInformation: { IsPrime: true, IsNationalPrime: true },
      IsBuyBoxWinner: index === 0,
      IsFeaturedMerchant: true,
    });
    const price = { condition: 'New', offerType: 'B2C', ListingPrice: usd('100.99'), Shipping: usd('3.99') };
    const counts = ['Amazon', 'Merchant'].flatMap((fulfillmentChannel) =>
      ['New', 'Used'].map((condition) => ({ condition, fulfillmentChannel, OfferCount: 17 })),
    );
    const bytes = (count: number): number => {
      const Offers = Array.from({ length: count }, (_, index) => offer(index));
      const LowestPrices = ['New', 'Used'].flatMap((condition) =>
        ['Amazon', 'Merchant'].map((fulfillmentChannel) => ({ ...price, condition, fulfillmentChannel })),
      );
      const item = offersItem(
        { Offers },
        {
          NumberOfOffers: counts,
          BuyBoxEligibleOffers: counts,
          LowestPrices,
          BuyBoxPrices: [{ ...price, sellerId: 'A1B2C3D4E5F600' }],
          ListPrice: usd('149.99'),
          CompetitivePriceThreshold: usd('99.99'),
          SalesRankings: [{ ProductCategoryId: 'home_garden_display_on_website', Rank: 123_456 }],
        },
      );
      return Buffer.byteLength(JSON.stringify(readOffers(item).snapshot));
    };
    expect(bytes(2)).toBeLessThan(2_000);
    expect(bytes(20)).toBeLessThan(6_000);
  });
});

describe('a snapshot of own and competitive prices', () => {
  it('holds own prices', () => {
    const BuyingPrice = { ListingPrice: usd('9.00'), Shipping: usd('1'), LandedPrice: usd('10.00') };
    const { snapshot, drift } = readPrice({
      Identifiers: { MarketplaceASIN: { MarketplaceId: watch.marketplaceId, ASIN: watch.item } },
      Offers: [
        {
          BuyingPrice,
          RegularPrice: usd('12.00'),
          businessPrice: usd('8.50'),
          quantityDiscountPrices: [
            { quantityTier: 5, quantityDiscountType: 'QUANTITY_DISCOUNT', listingPrice: usd('8') },
          ],
          FulfillmentChannel: 'AMAZON',
          ItemCondition: 'new',
          ItemSubCondition: 'New',
          SellerSKU: 'S1',
          offerType: 'B2C',
        },
      ],
    });
    expect(drift).toEqual([]);
    expect(snapshot).toEqual({
      ...nothing,
      asin: watch.item,
      status: 'Success',
      currency: 'USD',
      own: [
        {
          sku: 'S1',
          condition: 'New',
          subcondition: 'New',
          customerType: 'Consumer',
          channel: 'Amazon',
          listing: '9',
          shipping: '1',
          landed: '10',
          regular: '12',
          businessPrice: '8.5',
          quantityDiscounts: [{ quantityTier: 5, listing: '8' }],
        },
      ],
    });
  });

  it('takes the competitive prices 1 and 2 for the Buy Box in New and Used', () => {
    const Price = { ListingPrice: usd('9.00') };
    const { snapshot } = readPrice({
      CompetitivePricing: {
        CompetitivePrices: [
          { CompetitivePriceId: '1', Price, belongsToRequester: true, offerType: 'B2C' },
          { CompetitivePriceId: '2', Price, condition: 'used', subcondition: 'good', sellerId: 'A1' },
          { CompetitivePriceId: '7', Price, condition: 'New', sellerId: ME },
        ],
        NumberOfOfferListings: [
          { condition: 'Any', Count: 4 },
          { condition: 'new', Count: 3 },
        ],
        TradeInValue: usd('2.00'),
      },
    });
    const same = { customerType: 'Consumer', listing: '9', landed: '9' };
    expect(snapshot.buyBox).toEqual([
      { condition: 'New', ...same, mine: true, winners: [] },
      { condition: 'Used', subcondition: 'Good', ...same, mine: false, winners: [{ sellerId: 'A1' }] },
    ]);
    expect(snapshot.competitive).toEqual([{ id: '7', condition: 'New', ...same, mine: true, sellerId: ME }]);
    expect(snapshot.offerCounts).toEqual([
      { condition: 'Any', count: 4 },
      { condition: 'New', count: 3 },
    ]);
    expect(snapshot.tradeInValue).toBe('2');
  });
});

describe('a price', () => {
  const box = { condition: 'New', ListingPrice: usd('10') };
  it.each<[string, PriceReading, boolean]>([
    ['an own offer', readPrice({ Offers: [{ ItemCondition: 'New', BuyingPrice: { ListingPrice: usd('1') } }] }), true],
    ['no own offer', readPrice({ Offers: [], SalesRankings: [{ ProductCategoryId: 'toys', Rank: 1 }] }), false],
    ['no product', readPrice(undefined), false],
    [
      'a competitive price',
      readPrice({
        CompetitivePricing: { CompetitivePrices: [{ CompetitivePriceId: '9', Price: { ListingPrice: usd('1') } }] },
      }),
      true,
    ],
    ['an offer', readOffers(offersItem({ Offers: [listed('A1', '10')] })), true],
    ['a Buy Box', readOffers(offersItem({}, { BuyBoxPrices: [box] })), true],
    [
      'a Buy Box in another condition',
      readOffers(offersItem({}, { BuyBoxPrices: [{ ...box, condition: 'Used' }] })),
      false,
    ],
    [
      'a number of listings',
      readPrice({
        CompetitivePricing: { CompetitivePrices: [], NumberOfOfferListings: [{ condition: 'New', Count: 2 }] },
      }),
      true,
    ],
    [
      'a number of offers in another condition',
      readOffers(offersItem({}, { NumberOfOffers: [{ condition: 'Used', OfferCount: 2 }] })),
      false,
    ],
    ['no offers', readOffers(offersItem({ status: 'NoBuyableOffers' }, { ListPrice: usd('10') })), false],
  ])('%s', (_, { snapshot, unread }, expected) => {
    expect(unread).toEqual([]);
    expect(hasPrice(snapshot)).toBe(expected);
    expect(pricesAfter(null, { snapshot, unread })).toEqual(expected ? { price: snapshot } : {});
  });
});

describe('what the document does not know', () => {
  it('is kept where it informs, and leaves its row out where it would tell rows apart', () => {
    const item = offersItem(
      { Offers: [listed('A1', '10', { SubCondition: 'Shiny' }), listed('A2', '11', { offerType: 'B2G' })] },
      {
        LowestPrices: [{ condition: 'Restored', fulfillmentChannel: 'Drone', ListingPrice: usd('1') }],
        NumberOfOffers: [{ condition: 'New', fulfillmentChannel: 'Drone', OfferCount: 1 }, { condition: 'New' }],
        BuyBoxPrices: [{ condition: 'New', ListingPrice: { CurrencyCode: 'USD', Amount: 'cheap' } }],
      },
    );
    const { snapshot, unread, drift } = readOffers({ ...item, status: 'Splendid' });
    expect(snapshot.offers).toMatchObject([{ sellerId: 'A1', subcondition: 'Shiny' }]);
    expect(snapshot).toMatchObject({ status: 'Splendid', lowest: [], offerCounts: [], buyBox: [] });
    expect(unread).toEqual(['buyBox', 'lowest', 'offerCounts', 'offers']);
    expect(drift).toEqual([
      'BuyBoxPrices[].ListingPrice: "cheap"',
      'LowestPrices[].condition: "Restored"',
      'LowestPrices[].fulfillmentChannel: "Drone"',
      'NumberOfOffers[].OfferCount: null',
      'NumberOfOffers[].fulfillmentChannel: "Drone"',
      'Offers[].SubCondition: "Shiny"',
      'Offers[].offerType: "B2G"',
      'status: "Splendid"',
    ]);
  });

  it('is reported within bounds', () => {
    const strange = (index: number) => listed('A1', '1', { SubCondition: `${index}${'x'.repeat(500)}` });
    const { drift } = readOffers(offersItem({ Offers: Array.from({ length: 30 }, (_, index) => strange(index)) }));
    expect(drift).toHaveLength(20);
    expect(Math.max(...drift.map((text) => text.length))).toBeLessThanOrEqual(100);
  });

  it('keeps rows that may still be there, and believes everything else', () => {
    const lowest = (condition: string, amount: string) => ({
      condition,
      fulfillmentChannel: 'Amazon',
      ListingPrice: usd(amount),
    });
    const seen = (...LowestPrices: ReturnType<typeof lowest>[]) =>
      readOffers(offersItem({ Offers: [listed('A1', '9')] }, { LowestPrices, ListPrice: usd('20') }));
    const before = pricesAfter(null, seen(lowest('New', '10'), lowest('Used', '5')));
    const conditions = (reading: PriceReading) =>
      pricesAfter(before, reading).price?.lowest.map(({ condition, listing }) => `${condition} ${listing}`);
    expect(conditions(seen(lowest('New', '11'), lowest('Restored', '5')))).toEqual(['New 11', 'Used 5']);
    expect(conditions(seen(lowest('New', '11')))).toEqual(['New 11']);
    expect(pricesAfter(null, seen(lowest('Restored', '5'))).price?.lowest).toEqual([]);
  });

  it('believes that nothing can be bought where the list of offers is left out as well', () => {
    const before = pricesAfter(null, readOffers(offersItem({ Offers: [listed('A1', '9')] })));
    for (const status of ['Success', 'NoBuyableOffers', 'NoOfferDueToMissingShippingCharge']) {
      const { Offers: _, ...item } = offersItem({ status });
      const reading = readOffers(item);
      expect(reading).toMatchObject({ unread: [], drift: [] });
      expect(pricesAfter(before, reading)).toEqual({});
    }
  });

  it('keeps the offers that it knows where others are counted and the list is left out', () => {
    const LowestPrices = [{ condition: 'New', fulfillmentChannel: 'Amazon', ListingPrice: usd('9') }];
    const before = pricesAfter(null, readOffers(offersItem({ Offers: [listed('A1', '9')] }, { LowestPrices })));
    const { Offers: _, ...item } = offersItem({}, { LowestPrices, TotalOfferCount: 1 });
    const reading = readOffers(item);
    expect(reading.unread).toEqual(['offers']);
    expect(reading.drift).toEqual(['Offers: null']);
    expect(pricesAfter(before, reading)).toEqual(before);
  });

  it('keeps what it knows of prices of reference and sales ranks that cannot be read', () => {
    const SalesRankings = [{ ProductCategoryId: 'toys', Rank: 12 }];
    const Offers = [listed('A1', '9')];
    const before = pricesAfter(null, readOffers(offersItem({ Offers }, { ListPrice: usd('20'), SalesRankings })));
    const summary = { TotalOfferCount: 1, ListPrice: 'much', SalesRankings: 7, CompetitivePriceThreshold: [] };
    const reading = readOffers(OffersItem.parse({ status: 'Success', Offers, Summary: summary }));
    expect(reading.unread).toEqual(['competitivePriceThreshold', 'listPrice', 'salesRanks']);
    expect(reading.drift).toEqual([
      'SalesRankings: unreadable',
      'Summary.CompetitivePriceThreshold: unreadable',
      'Summary.ListPrice: unreadable',
    ]);
    expect(pricesAfter(before, reading)).toEqual(before);
  });

  it('keeps no more offers than Amazon lists, however often one of them cannot be read', () => {
    const answer = (round: number, count: number, total: number) => {
      const Offers = Array.from({ length: count }, (_, index) => listed(`A${round * count + index}`, '1'));
      return readOffers(
        offersItem({ Offers: [...Offers, listed('A0', '1', { offerType: 'B2X' })] }, { TotalOfferCount: total }),
      );
    };
    for (const [count, total] of [
      [19, 2_000],
      [9, 10],
    ] as const) {
      let state = pricesAfter(null, answer(0, count, total));
      for (let round = 1; round < 5; round += 1) state = pricesAfter(state, answer(round, count, total));
      expect(state.price?.offers).toHaveLength(total > 20 ? 19 : 20);
    }
  });

  it('says nothing against a price when Amazon is not done with the item', () => {
    const before = pricesAfter(null, readOffers(offersItem({ Offers: [listed('A1', '9')] })));
    for (const status of ['ActiveButTooSoonForProcessing', 'ClientError', 'Splendid']) {
      const reading = readOffers(offersItem({ status }));
      expect(reading.unread).toBe('everything');
      expect(pricesAfter(before, reading)).toEqual(before);
      expect(pricesAfter(null, reading)).toEqual({});
    }
    for (const status of ['Success', 'NoBuyableOffers', 'NoOfferDueToMissingShippingCharge']) {
      expect(pricesAfter(before, readOffers(offersItem({ status })))).toEqual({});
    }
  });

  it('never makes a change, wherever it stands', () => {
    let strange = 0;
    const unchanged = (before: PriceReading, after: PriceReading): void => {
      const state = pricesAfter(null, before);
      expect(comparePrices(state, pricesAfter(state, after))).toEqual([]);
      if (after.drift.length > 0) strange += 1;
    };
    fc.assert(
      fc.property(anyOffersItem, anyPriceItem, anySeed, (offers, price, seed) => {
        const draw = new Draw(seed);
        const change = <T>(item: T): T => withStrangeFields(draw, withStrangeWords(draw, item));
        unchanged(normaliseOffers(offers, watch, own), normaliseOffers(change(offers), watch, own));
        unchanged(normalisePrice(price, ownWatch, own), normalisePrice(change(price), ownWatch, own));
      }),
      { numRuns: 1_000 },
    );
    expect(strange).toBeGreaterThan(500);
  });
});

describe('an answer that contradicts itself', () => {
  const winner = { Offers: [listed('A1', '10', { IsBuyBoxWinner: true })] };
  it.each<[string, () => unknown]>([
    ['offers-nowhere', () => readOffers(offersItem({}, { TotalOfferCount: 3 }))],
    ['winner-without-buy-box', () => readOffers(offersItem(winner))],
    ['winner-without-buy-box', () => readOffers(offersItem(winner, { BuyBoxPrices: [] }))],
    ['no-summary', () => readOffers({ status: 'Success', Offers: [] })],
    ['item', () => readOffers(offersItem({ ASIN: 'B000000002' }))],
    ['item', () => readPrice({ Offers: [] }, { ...ownWatch, item: 'B000000002' })],
    ['marketplace', () => readOffers(offersItem({ MarketplaceID: 'A1F83G8C2ARO7P' }))],
    ['marketplace', () => readPrice({ Identifiers: { MarketplaceASIN: { MarketplaceId: 'A1F83G8C2ARO7P' } } })],
    [
      'currencies',
      () =>
        readOffers(offersItem({ Offers: [listed('A1', '10', { Shipping: { CurrencyCode: 'EUR', Amount: '1' } })] })),
    ],
  ])('is refused by its shape %s', (shape, read) => {
    const error = refusal(read);
    expect(error.shape).toBe(`contradiction:${shape}`);
    expect(JSON.parse(error.raw)).toMatchObject({ status: 'Success' });
  });

  it('is one only where Amazon is done with the item', () => {
    expect(readOffers(offersItem({ status: 'ActiveButTooSoonForProcessing' }, { TotalOfferCount: 3 })).unread).toBe(
      'everything',
    );
    expect(readOffers(offersItem({ ASIN: 'b000000001' })).snapshot.asin).toBe('B000000001');
  });
});

describe('snapshots', () => {
  it('are the same data, in the same order, however the answer is ordered', () => {
    fc.assert(
      fc.property(anyOffersItem, anyPriceItem, anySeed, (offers, price, seed) => {
        const draw = new Draw(seed);
        const same = (left: PriceReading, right: PriceReading): void => {
          expect(JSON.stringify(right.snapshot)).toBe(JSON.stringify(left.snapshot));
        };
        same(normaliseOffers(offers, watch, own), normaliseOffers(shuffled(draw, offers), watch, own));
        same(normalisePrice(price, ownWatch, own), normalisePrice(shuffled(draw, price), ownWatch, own));
      }),
      { numRuns: 500 },
    );
  });

  it('fit their schema, survive storage, and hold no field without a value', () => {
    fc.assert(
      fc.property(anyPrices, ({ price }) => {
        if (price) expect(PriceSnapshot.parse(JSON.parse(JSON.stringify(price)))).toStrictEqual(price);
      }),
    );
  });
});
