import * as fc from 'fast-check';
import { normaliseOffers, normalisePrice } from '../../lambdas/pricing/normalise-prices.ts';
import type { MoneyType, OffersItem, PriceItem } from '../../lambdas/pricing/pricing-answers.ts';
import type { PriceSnapshot } from '../../lambdas/pricing/price-snapshot.ts';
import { hasPrice, type Prices } from '../../lambdas/pricing/prices.ts';
import type { PriceWatch } from '../../lambdas/shared/watches.ts';
import type { Draw } from '../offer-status/arbitrary-offers.ts';

export { anySeed, Draw } from '../offer-status/arbitrary-offers.ts';

/** Who asks, and for what. */
export const ME = 'A0ME';
export const own = { sellerId: ME };
export const watch: PriceWatch = {
  account: 'main',
  view: 'offers',
  marketplaceId: 'ATVPDKIKX0DER',
  itemType: 'asin',
  condition: 'New',
  customerType: 'Consumer',
  item: 'B000000001',
};
export const ownWatch: PriceWatch = { ...watch, view: 'own', condition: 'Any' };

const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const some = <T>(value: fc.Arbitrary<T>, maxLength: number) => fc.array(value, { maxLength });
const record = <T>(fields: { [Name in keyof T]: fc.Arbitrary<T[Name]> }) =>
  fc.record(fields, { noNullPrototype: true });

// Few values, so that equal keys, equal prices and ties are common.
const money = (...amounts: string[]): fc.Arbitrary<MoneyType> =>
  fc.constantFrom(...amounts).map((Amount) => ({ CurrencyCode: 'USD', Amount }));
const price = money('9.99', '10', '10.50', '12.00');
const shipping = money('0', '0.00', '3.5');
const condition = fc.constantFrom('New', 'new', 'Used');
const channel = fc.constantFrom('Amazon', 'Merchant', 'MERCHANT');
const offerType = fc.constantFrom(undefined, 'B2C', 'B2B');
const subcondition = fc.constantFrom('New', 'Very Good', 'Good');
const seller = fc.constantFrom(ME, 'A1', 'A2', 'A3');
const quantityTier = fc.constantFrom(undefined, undefined, 3);
const discountType = maybe(fc.constant('QUANTITY_DISCOUNT'));

const points = maybe(
  record({ PointsNumber: fc.constantFrom(0, 5, 10), PointsMonetaryValue: maybe(money('0', '0.05', '0.1')) }),
);
const prices = { ListingPrice: price, Shipping: maybe(shipping), LandedPrice: maybe(price), Points: points };
const discounts = maybe(
  some(
    record({
      quantityTier: fc.constantFrom(2, 5),
      quantityDiscountType: fc.constant('QUANTITY_DISCOUNT'),
      listingPrice: money('8', '9.00'),
    }),
    2,
  ),
);
const tier = { condition, offerType, quantityTier, quantityDiscountType: discountType };
const count = record({
  condition: maybe(condition),
  fulfillmentChannel: maybe(channel),
  OfferCount: fc.constantFrom(0, 1, 2, undefined),
});
const SalesRankings = maybe(
  some(record({ ProductCategoryId: fc.constantFrom('toys', 'games'), Rank: fc.integer({ min: 1, max: 5 }) }), 2),
);

const offer = record({
  ...prices,
  MyOffer: maybe(fc.boolean()),
  offerType,
  SubCondition: subcondition,
  SellerId: maybe(seller),
  quantityDiscountPrices: discounts,
  ShipsFrom: maybe(record({ State: maybe(fc.constantFrom('WA', 'NY')), Country: fc.constant('US') })),
  IsFulfilledByAmazon: fc.boolean(),
  PrimeInformation: maybe(record({ IsPrime: fc.boolean(), IsNationalPrime: fc.boolean() })),
  IsBuyBoxWinner: maybe(fc.boolean()),
  IsFeaturedMerchant: maybe(fc.boolean()),
});

const summary = record({
  TotalOfferCount: fc.constant(0),
  NumberOfOffers: maybe(some(count, 3)),
  LowestPrices: maybe(some(record({ ...tier, ...prices, fulfillmentChannel: channel }), 4)),
  BuyBoxPrices: maybe(some(record({ ...tier, ...prices, sellerId: maybe(seller) }), 3)),
  ListPrice: maybe(price),
  CompetitivePriceThreshold: maybe(price),
  SuggestedLowerPricePlusShipping: maybe(price),
  SalesRankings,
  BuyBoxEligibleOffers: maybe(some(count, 3)),
});

/** Any answer about offers, with parts that fit each other. */
export const anyOffersItem: fc.Arbitrary<OffersItem> = fc
  .tuple(some(offer, 5), summary, fc.constantFrom(0, 0, 30), fc.constantFrom('Success', 'NoBuyableOffers'))
  .map(([offers, Summary, unlisted, status]) => {
    const isWon = (Summary.BuyBoxPrices ?? []).length > 0;
    return {
      MarketplaceID: watch.marketplaceId,
      ASIN: watch.item,
      status,
      Summary: { ...Summary, TotalOfferCount: offers.length === 0 ? 0 : offers.length + unlisted },
      Offers: offers.map((one) => ({ ...one, IsBuyBoxWinner: isWon ? one.IsBuyBoxWinner : undefined })),
    };
  });

/** Any item of an answer with own or competitive prices. */
export const anyPriceItem: fc.Arbitrary<PriceItem> = record({
  status: fc.constant('Success'),
  ASIN: fc.constant(watch.item),
  Product: record({
    CompetitivePricing: maybe(
      record({
        CompetitivePrices: some(
          record({
            CompetitivePriceId: fc.constantFrom('1', '2', '3'),
            Price: record(prices),
            ...tier,
            subcondition: maybe(subcondition),
            sellerId: maybe(seller),
            belongsToRequester: maybe(fc.boolean()),
          }),
          4,
        ),
        NumberOfOfferListings: some(
          record({ condition: fc.constantFrom('Any', 'new', 'Used'), Count: fc.constantFrom(0, 3, 4) }),
          3,
        ),
        TradeInValue: maybe(price),
      }),
    ),
    SalesRankings,
    Offers: maybe(
      some(
        record({
          BuyingPrice: record(prices),
          RegularPrice: maybe(price),
          businessPrice: maybe(price),
          quantityDiscountPrices: discounts,
          FulfillmentChannel: fc.constantFrom('AMAZON', 'MERCHANT'),
          ItemCondition: condition,
          ItemSubCondition: subcondition,
          SellerSKU: fc.constantFrom('S1', 'S2'),
          offerType,
        }),
        3,
      ),
    ),
  }),
});

/** Any snapshot, with the parts of every view. */
export const anySnapshot: fc.Arbitrary<PriceSnapshot> = fc
  .tuple(anyOffersItem, anyPriceItem)
  .map(([offersItem, priceItem]) => {
    const offers = normaliseOffers(offersItem, watch, own).snapshot;
    const { own: mine, competitive, tradeInValue } = normalisePrice(priceItem, ownWatch, own).snapshot;
    return { ...offers, own: mine, competitive, ...(tradeInValue !== undefined && { tradeInValue }) };
  });

/** Any state, quite often without a price. */
export const anyPrices: fc.Arbitrary<Prices> = fc
  .option(anySnapshot, { freq: 8 })
  .map((price) => (price && hasPrice(price) ? { price } : {}));

/** The same data with every object's fields in another order and, unless only those may be, every list, too. */
export function shuffled<T>(draw: Draw, value: T, only?: 'fields'): T {
  const walk = (part: unknown): unknown => {
    if (Array.isArray(part)) return only ? part.map(walk) : draw.shuffled(part.map(walk));
    if (typeof part !== 'object' || part === null) return part;
    return Object.fromEntries(draw.shuffled(Object.entries(part).map(([name, inner]) => [name, walk(inner)])));
  };
  return walk(value) as T;
}

/** The same data with fields that nobody knows in every object. */
export function withStrangeFields<T>(draw: Draw, value: T): T {
  const walk = (part: unknown): unknown => {
    if (Array.isArray(part)) return part.map(walk);
    if (typeof part !== 'object' || part === null) return part;
    const strange = {
      Strange: draw.oneOf<unknown>(null, 7, 'text', { deep: [] }),
      OffersAvailableTime: `${draw.below(9)}`,
    };
    return { ...Object.fromEntries(Object.entries(part).map(([name, inner]) => [name, walk(inner)])), ...strange };
  };
  return walk(value) as T;
}

const ENUMS =
  /^(?:condition|ItemCondition|(?:Item)?SubCondition|subcondition|[fF]ulfillmentChannel|offerType|quantityDiscountType|status)$/u;

/** The same data with words that the document does not know in the place of one of its own, or of several. */
export function withStrangeWords<T>(draw: Draw, value: T): T {
  const often = draw.oneOf(2, 5, 20);
  const walk = (part: unknown): unknown => {
    if (Array.isArray(part)) return part.map(walk);
    if (typeof part !== 'object' || part === null) return part;
    return Object.fromEntries(
      Object.entries(part).map(([name, inner]) => {
        const isWord = ENUMS.test(name) && typeof inner === 'string' && draw.below(often) === 0;
        return [name, isWord ? draw.oneOf('Strange', 'Stranger') : walk(inner)];
      }),
    );
  };
  return walk(value) as T;
}
