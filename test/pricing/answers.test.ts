import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  BatchOffersResponse,
  GetOffersBatchResponse,
  GetPricingResponse,
  MoneyType,
  OffersItem,
  PriceItem,
} from '../../lambdas/pricing/pricing-answers.ts';
import { offersDrift, priceDrift } from '../../lambdas/pricing/pricing-drift.ts';

const usd = (amount: unknown) => ({ CurrencyCode: 'USD', Amount: amount });
const price = (amount = 10) => ({ ListingPrice: usd(amount), LandedPrice: usd(amount), Shipping: usd(0) });

/** Each definition of a price list, with every documented field. */
const ownPrice = {
  status: 'Success',
  ASIN: 'B00V5DG6IQ',
  SellerSKU: 'sku-1',
  Product: {
    Identifiers: {
      MarketplaceASIN: { MarketplaceId: 'ATVPDKIKX0DER', ASIN: 'B00V5DG6IQ' },
      SKUIdentifier: { MarketplaceId: 'ATVPDKIKX0DER', SellerId: 'A1', SellerSKU: 'sku-1' },
    },
    AttributeSets: [{ anything: { at: 'all' } }],
    Relationships: [{}],
    SalesRankings: [{ ProductCategoryId: 'toy_display_on_website', Rank: 12 }],
    Offers: [
      {
        offerType: 'B2B',
        BuyingPrice: { ...price(), Points: { PointsNumber: 3, PointsMonetaryValue: usd(0.03) } },
        RegularPrice: usd(12),
        businessPrice: usd(9.5),
        quantityDiscountPrices: [{ quantityTier: 2, quantityDiscountType: 'QUANTITY_DISCOUNT', listingPrice: usd(9) }],
        FulfillmentChannel: 'MERCHANT',
        ItemCondition: 'New',
        ItemSubCondition: 'New',
        SellerSKU: 'sku-1',
      },
    ],
  },
};

const competitivePrice = {
  status: 'Success',
  ASIN: 'B00V5DG6IQ',
  Product: {
    Identifiers: { MarketplaceASIN: { MarketplaceId: 'ATVPDKIKX0DER', ASIN: 'B00V5DG6IQ' } },
    CompetitivePricing: {
      CompetitivePrices: [
        {
          CompetitivePriceId: '1',
          Price: price(),
          condition: 'new',
          subcondition: 'new',
          offerType: 'B2C',
          quantityTier: 1,
          quantityDiscountType: 'QUANTITY_DISCOUNT',
          sellerId: 'A1',
          belongsToRequester: true,
        },
      ],
      NumberOfOfferListings: [
        { Count: 20, condition: 'Any' },
        { Count: 3, condition: 'new' },
      ],
      TradeInValue: usd(1.5),
    },
    SalesRankings: [],
  },
};

const offer = {
  MyOffer: false,
  offerType: 'B2C',
  SubCondition: 'very_good',
  SellerId: 'A1',
  ConditionNotes: 'as new',
  SellerFeedbackRating: { SellerPositiveFeedbackRating: 99.5, FeedbackCount: 1000 },
  ShippingTime: { minimumHours: 0, maximumHours: 24, availableDate: '2026-01-01', availabilityType: 'NOW' },
  ListingPrice: usd(10),
  quantityDiscountPrices: [{ quantityTier: 2, quantityDiscountType: 'QUANTITY_DISCOUNT', listingPrice: usd(9) }],
  Points: { PointsNumber: 1, PointsMonetaryValue: { CurrencyCode: 'JPY', Amount: 1 } },
  Shipping: usd(4.99),
  ShipsFrom: { State: 'WA', Country: 'US' },
  IsFulfilledByAmazon: false,
  PrimeInformation: { IsPrime: true, IsNationalPrime: false },
  IsBuyBoxWinner: true,
  IsFeaturedMerchant: true,
};

const offers = {
  MarketplaceID: 'ATVPDKIKX0DER',
  ASIN: 'B00V5DG6IQ',
  SKU: 'sku-1',
  ItemCondition: 'New',
  status: 'Success',
  Identifier: { MarketplaceId: 'ATVPDKIKX0DER', ASIN: 'B00V5DG6IQ', SellerSKU: 'sku-1', ItemCondition: 'New' },
  Summary: {
    TotalOfferCount: 2_500,
    NumberOfOffers: [{ condition: 'new', fulfillmentChannel: 'Merchant', OfferCount: 2_500 }],
    LowestPrices: [
      {
        condition: 'new',
        fulfillmentChannel: 'Amazon',
        offerType: 'B2C',
        quantityTier: 1,
        quantityDiscountType: 'QUANTITY_DISCOUNT',
        ...price(),
        Points: { PointsNumber: 0 },
      },
    ],
    BuyBoxPrices: [{ condition: 'New', offerType: 'B2C', ...price(), Points: { PointsNumber: 0 }, sellerId: 'A1' }],
    ListPrice: usd(20),
    CompetitivePriceThreshold: usd(19),
    SuggestedLowerPricePlusShipping: usd(18),
    SalesRankings: [{ ProductCategoryId: '251975011', Rank: 15 }],
    BuyBoxEligibleOffers: [{ condition: 'new', fulfillmentChannel: 'Merchant', OfferCount: 2 }],
    OffersAvailableTime: '2026-01-01T00:00:00Z',
  },
  Offers: [offer],
};

/** What the item is without its numbers, which become text. */
function amountsAsText(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(amountsAsText);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, field]) => [name, name === 'Amount' ? String(field) : amountsAsText(field)]),
  );
}

function withOffer(fields: object) {
  return { ...offers, Offers: [{ ...offer, ...fields }] };
}
function withSummary(fields: object) {
  return { ...offers, Summary: { ...offers.Summary, ...fields } };
}
function withLowest(fields: object) {
  return withSummary({ LowestPrices: [{ ...offers.Summary.LowestPrices[0], ...fields }] });
}
function withOwn(fields: object) {
  return {
    ...ownPrice,
    Product: { ...ownPrice.Product, Offers: [{ ...ownPrice.Product.Offers[0], ...fields }] },
  };
}
function withCompetitive(fields: object) {
  const { CompetitivePricing } = competitivePrice.Product;
  return {
    ...competitivePrice,
    Product: {
      ...competitivePrice.Product,
      CompetitivePricing: {
        ...CompetitivePricing,
        CompetitivePrices: [{ ...CompetitivePricing.CompetitivePrices[0], ...fields }],
      },
    },
  };
}

describe('an item as the document has it', () => {
  it.each([
    ['own price', PriceItem, ownPrice],
    ['competitive price', PriceItem, competitivePrice],
    ['offers', OffersItem, offers],
  ])('keeps every field of its %s, amounts as text', (_, schema, value) => {
    expect(schema.parse(structuredClone(value))).toEqual(amountsAsText(value));
  });

  it('drifts nowhere', () => {
    expect(priceDrift(PriceItem.parse(ownPrice))).toEqual([]);
    expect(priceDrift(PriceItem.parse(competitivePrice))).toEqual([]);
    expect(offersDrift(OffersItem.parse(offers))).toEqual([]);
  });
});

describe('an amount', () => {
  it.each([
    [10, '10'],
    [9.5, '9.5'],
    [0.1, '0.1'],
    [0, '0'],
    [-0, '0'],
    [1.1 + 2.2, '3.3000000000000003'],
    [999_999_999_999_999, '999999999999999'],
    ['10.00', '10'],
    ['0.50', '0.5'],
    [' 007.10 ', '7.1'],
    ['000', '0'],
  ])('of %j is %s', (amount, text) => {
    expect(MoneyType.parse(usd(amount)).Amount).toBe(text);
  });

  it.each([
    Number.NaN,
    Infinity,
    -1,
    1e-7,
    1e15,
    1e21,
    '1e3',
    '',
    '.5',
    '5.',
    '1,50',
    '12 USD',
    '-1',
    'NaN',
    true,
    [],
    undefined,
  ])('may not be %j', (amount) => {
    expect(MoneyType.safeParse(usd(amount)).success).toBe(false);
  });

  it('of any price in cents is read without a loss', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 999_999_999_999 }), (cents) => {
        const exact = `${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, '0')}`;
        const shortest = exact.replace(/\.?0+$/u, '');
        expect(MoneyType.parse(usd(JSON.parse(exact))).Amount).toBe(shortest);
        expect(MoneyType.parse(usd(exact)).Amount).toBe(shortest);
      }),
    );
  });

  it('needs a currency', () => {
    expect(MoneyType.safeParse({ Amount: 1 }).success).toBe(false);
    expect(MoneyType.safeParse({ CurrencyCode: 'Dollar', Amount: 1 }).success).toBe(false);
    expect(MoneyType.parse({ CurrencyCode: ' usd', Amount: 1 })).toEqual({ CurrencyCode: 'USD', Amount: '1' });
  });
});

describe('an item of offers', () => {
  it.each([
    [
      'marketplaceId for MarketplaceID',
      { ...offers, MarketplaceID: undefined, marketplaceId: 'X' },
      { MarketplaceID: 'X' },
    ],
    [
      'MarketplaceId for MarketplaceID',
      { ...offers, MarketplaceID: undefined, MarketplaceId: 'X' },
      { MarketplaceID: 'X' },
    ],
    ['lower-case names everywhere', { status: 'NoBuyableOffers', asin: 'B1', sku: 's' }, { ASIN: 'B1', SKU: 's' }],
    ['null for a missing field', { ...offers, SKU: null, ASIN: null }, { MarketplaceID: 'ATVPDKIKX0DER' }],
    ['unknown fields', { ...offers, Foo: { Bar: 1 }, ['__proto__']: 1 }, { status: 'Success' }],
    [
      'lowest prices without landed price and shipping',
      withLowest({ LandedPrice: undefined, Shipping: undefined }),
      {},
    ],
    ['lowest prices with empty money', withLowest({ LandedPrice: {}, Shipping: { Amount: null } }), {}],
    ['a success without offers', { ...offers, Offers: undefined }, { status: 'Success' }],
    ['money without an amount', withLowest({ Shipping: { CurrencyCode: 'USD' } }), {}],
    ['hollow Points', withOffer({ Points: {} }), {}],
    ['Points that are told as nothing', withOffer({ Points: { PointsNumber: null, Xyzzy: 1 } }), {}],
    ['counts without a number', withSummary({ NumberOfOffers: [{ condition: 'new' }] }), {}],
    ['no buyable offers', { status: 'NoBuyableOffers', Summary: { TotalOfferCount: 0 }, Offers: [] }, { Offers: [] }],
    ['no buyable offers and nothing else', { status: 'NoBuyableOffers' }, { status: 'NoBuyableOffers' }],
    ['no summary when it is too soon', { status: 'ActiveButTooSoonForProcessing', Summary: {} }, { Summary: {} }],
    ['a status of its own', { ...offers, status: 'Paused' }, { status: 'Paused' }],
    ['an unreadable rating', withOffer({ SellerFeedbackRating: 'good', ConditionNotes: 7 }), {}],
    ['offers without what nothing rests on', { ...offers, Offers: [{ ListingPrice: usd(1) }] }, {}],
    ['more than twenty offers', { ...offers, Offers: Array.from({ length: 30 }, () => offer) }, {}],
  ])('may have %s', (_, value, kept) => {
    expect(OffersItem.parse(JSON.parse(JSON.stringify(value)))).toMatchObject(amountsAsText(kept) as object);
  });

  it('prefers the documented name where two stand side by side', () => {
    expect(OffersItem.parse({ ...offers, marketplaceId: 'wrong' }).MarketplaceID).toBe('ATVPDKIKX0DER');
  });

  it('takes lower camel and Pascal case in shipping times and quantity discounts', () => {
    const fields = {
      ShippingTime: { MinimumHours: 1, maximumHours: 2, AvailabilityType: 'NOW' },
      QuantityDiscountPrices: [{ QuantityTier: 2, quantitydiscounttype: 'QUANTITY_DISCOUNT', ListingPrice: usd(9) }],
    };
    const [read] = OffersItem.parse({ ...offers, Offers: [{ ListingPrice: usd(1), ...fields }] }).Offers ?? [];
    expect(read).toMatchObject({
      ShippingTime: { minimumHours: 1, maximumHours: 2, availabilityType: 'NOW' },
      quantityDiscountPrices: [{ quantityTier: 2, listingPrice: { Amount: '9' } }],
    });
  });

  it('spoils nothing where a price of reference or the sales ranks cannot be read, and says so', () => {
    const broken = {
      ListPrice: 'much',
      CompetitivePriceThreshold: { Amount: 1 },
      SuggestedLowerPricePlusShipping: { Xyzzy: 1 },
      SalesRankings: [{ ProductCategoryId: 'x', Rank: 1.5 }],
    };
    const unreadable = Object.fromEntries(Object.keys(broken).map((name) => [name, null]));
    expect(OffersItem.parse(withSummary(broken)).Summary).toMatchObject({ TotalOfferCount: 2_500, ...unreadable });
    expect(OffersItem.parse(withSummary({ ListPrice: { CurrencyCode: 'USD' } })).Summary?.ListPrice).toBeUndefined();
  });

  it('gives nothing for empty money', () => {
    const [row] = OffersItem.parse(withLowest({ Shipping: {} })).Summary?.LowestPrices ?? [];
    expect(row?.Shipping).toBeUndefined();
  });

  it.each([
    ['without a status', { ...offers, status: undefined }],
    ['that is a success without a summary', { ...offers, Summary: undefined }],
    ['that is a success without a count', withSummary({ TotalOfferCount: undefined })],
    ['with an offer without a price', withOffer({ ListingPrice: undefined })],
    ['with a price without a currency', withOffer({ ListingPrice: { Amount: 1 } })],
    ['with shipping of an unknown kind', withOffer({ Shipping: { CurrencyCode: 'USD', Xyzzy: 1 } })],
    ['with Points of an unknown kind', withOffer({ Points: { Xyzzy: 1 } })],
    ['with a summary of an unknown kind', { ...offers, Summary: { Xyzzy: 1 } }],
    ['with shipping that is a number', withOffer({ Shipping: 5 })],
    ['with a Buy Box price without a condition', withSummary({ BuyBoxPrices: [price()] })],
    ['with a lowest price without a listing price', withLowest({ ListingPrice: {} })],
    ['with a winner that is no flag', withOffer({ IsBuyBoxWinner: 'yes' })],
    ['with a count that is no number', withSummary({ TotalOfferCount: 'many' })],
    ['that is nothing', null],
    ['that is a list', [offers]],
  ])('cannot be one %s', (_, value) => {
    expect(OffersItem.safeParse(value).success).toBe(false);
  });
});

describe('an item of prices', () => {
  it.each([
    ['a failure', { status: 'ClientError', ASIN: 'B1' }, { status: 'ClientError' }],
    ['a success without offers', { status: 'Success', ASIN: 'B1', Product: { Identifiers: {} } }, {}],
    ['a competitive price of another kind', withCompetitive({ CompetitivePriceId: '3' }), {}],
    [
      'identifiers that are empty',
      { status: 'Success', Product: { Identifiers: { SKUIdentifier: { SellerSKU: '' } } } },
      {},
    ],
    ['no competitive prices', { status: 'Success', Product: { CompetitivePricing: { CompetitivePrices: [] } } }, {}],
    ['attributes of any shape', { ...ownPrice, Product: { ...ownPrice.Product, AttributeSets: 'none' } }, {}],
    ['no regular price', withOwn({ RegularPrice: undefined }), {}],
  ])('may be %s', (_, value, kept) => {
    expect(PriceItem.parse(JSON.parse(JSON.stringify(value)))).toMatchObject(kept);
  });

  it.each([
    ['without a status', { ASIN: 'B1' }],
    ['with an own offer without a price', withOwn({ BuyingPrice: undefined })],
    ['with an own offer without a listing price', withOwn({ BuyingPrice: { LandedPrice: usd(1) } })],
    ['with a competitive price without an identifier', withCompetitive({ CompetitivePriceId: undefined })],
    ['with a competitive price without a price', withCompetitive({ Price: undefined })],
    ['without the list of competitive prices', { status: 'Success', Product: { CompetitivePricing: {} } }],
    ['with a product of an unknown kind', { status: 'Success', ASIN: 'B1', Product: { Xyzzy: 1 } }],
    ['with a discount without a tier', withOwn({ quantityDiscountPrices: [{ listingPrice: usd(1) }] })],
  ])('cannot be one %s', (_, value) => {
    expect(PriceItem.safeParse(value).success).toBe(false);
  });
});

describe('drift', () => {
  it('names unknown values, which survive, by their place', () => {
    const own = PriceItem.parse(
      withOwn({ offerType: 'C2C', FulfillmentChannel: 'DRONE', ItemCondition: 'Odd', ItemSubCondition: 'Odd' }),
    );
    expect(own.Product?.Offers?.[0]?.FulfillmentChannel).toBe('DRONE');
    expect(priceDrift({ ...own, status: 'Paused' })).toEqual([
      'Product.Offers[].FulfillmentChannel: "DRONE"',
      'Product.Offers[].ItemCondition: "Odd"',
      'Product.Offers[].ItemSubCondition: "Odd"',
      'Product.Offers[].offerType: "C2C"',
      'status: "Paused"',
    ]);
    const fields = { SubCondition: 'Foo', ShippingTime: { availabilityType: 'LATER' }, offerType: 'B2X' };
    expect(offersDrift(OffersItem.parse(withOffer(fields)))).toEqual([
      'Offers[].ShippingTime.availabilityType: "LATER"',
      'Offers[].SubCondition: "Foo"',
      'Offers[].offerType: "B2X"',
    ]);
    expect(offersDrift(OffersItem.parse(withLowest({ condition: 'any', quantityDiscountType: 'X' })))).toEqual([
      'Summary.LowestPrices[].condition: "any"',
      'Summary.LowestPrices[].quantityDiscountType: "X"',
    ]);
    expect(priceDrift(PriceItem.parse(withCompetitive({ condition: 'Odd', subcondition: 'Odd' })))).toEqual([
      'Product.CompetitivePricing.CompetitivePrices[].condition: "Odd"',
      'Product.CompetitivePricing.CompetitivePrices[].subcondition: "Odd"',
    ]);
  });

  it('is nothing where Amazon writes a known value in another way', () => {
    const value = withLowest({ condition: 'NEW', fulfillmentChannel: 'MERCHANT' });
    expect(offersDrift(OffersItem.parse(value))).toEqual([]);
    expect(offersDrift(OffersItem.parse(withOffer({ SubCondition: 'open box' })))).toEqual([]);
    expect(priceDrift(PriceItem.parse(withCompetitive({ CompetitivePriceId: '7' })))).toEqual([]);
    expect(offersDrift(OffersItem.parse(withLowest({ LandedPrice: {}, Shipping: {} })))).toEqual([]);
  });

  it('names mandatory fields that are missing', () => {
    expect(offersDrift(OffersItem.parse({ status: 'NoBuyableOffers' }))).toEqual([
      'Identifier: missing',
      'ItemCondition: missing',
      'MarketplaceID: missing',
    ]);
    const bare = { condition: 'new', ListingPrice: usd(1) };
    expect(offersDrift(OffersItem.parse(withSummary({ BuyBoxPrices: [bare, bare] })))).toEqual([
      'Summary.BuyBoxPrices[].LandedPrice: missing',
      'Summary.BuyBoxPrices[].Shipping: missing',
    ]);
    expect(
      priceDrift(PriceItem.parse({ status: 'Success', Product: { CompetitivePricing: { CompetitivePrices: [] } } })),
    ).toEqual(['Product.CompetitivePricing.NumberOfOfferListings: missing', 'Product.Identifiers: missing']);
  });

  it('is bounded in number and length', () => {
    const odd = Array.from({ length: 100 }, (_, index) => ({ ...offer, SubCondition: `${index}${'x'.repeat(200)}` }));
    const found = offersDrift(OffersItem.parse({ ...offers, Offers: odd }));
    expect(found).toHaveLength(20);
    expect(Math.max(...found.map((text) => text.length))).toBeLessThanOrEqual(100);
  });
});

describe('an envelope', () => {
  it('leaves its entries unread', () => {
    expect(GetPricingResponse.parse({ payload: [1, { status: 7 }] })).toEqual({ payload: [1, { status: 7 }] });
    expect(GetOffersBatchResponse.parse({ Responses: [null] })).toEqual({ responses: [null] });
    expect(GetPricingResponse.safeParse({ payload: {} }).success).toBe(false);
  });

  it('keeps of its errors what can be read', () => {
    const { errors } = GetPricingResponse.parse({ errors: [{ code: 'X', message: 7, Details: 'd' }, 'odd', null] });
    expect(errors).toEqual([{ code: 'X', details: 'd' }, {}, {}]);
    expect(GetPricingResponse.parse({ errors: 'odd' }).errors).toBeUndefined();
  });

  it('of a batch has a status line, headers, a body and the request', () => {
    const response = {
      headers: { 'x-amzn-RequestId': 'r1' },
      status: { statusCode: 200, reasonPhrase: 'OK' },
      body: { payload: { anything: 1 } },
      request: { MarketplaceId: 'M', ItemCondition: 'New', CustomerType: 'Business', Asin: 'B1', SellerSKU: 's' },
    };
    expect(BatchOffersResponse.parse(response)).toEqual(response);
    expect(BatchOffersResponse.parse({ status: 'odd', request: { asin: 'B1' } }).request?.Asin).toBe('B1');
  });
});
