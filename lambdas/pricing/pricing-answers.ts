import * as z from 'zod/mini';

/**
 * What the responses of Product Pricing v0 hold (section "Definitions"), a schema for each definition under its
 * documented name. What a snapshot rests on is required, so that nothing missing is taken for a change; other mandatory
 * fields may be missing, which `pricing-drift.ts` reports. Names are taken in any case (`MarketplaceID`,
 * `marketplaceId`), null stands for a missing field, and unknown fields are left out. Enums are open: unknown values stay.
 * An object that holds something, but no documented field, is unreadable rather than empty.
 */
function definition<Shape extends z.core.$ZodShape>(shape: Shape) {
  const documented = new Map(Object.keys(shape).map((name) => [name.toLowerCase(), name]));
  return z.pipe(
    z.transform((value, context) => {
      if (!isObject(value)) return value;
      const there = Object.entries(value).filter(([, field]) => field !== null && field !== undefined);
      const isOfKind = Object.keys(value).some((name) => documented.has(name.toLowerCase()));
      if (there.length === 0 || isOfKind) return inDocumentedNames(value, documented);
      context.issues.push({ code: 'custom', message: 'no documented field', input: value });
      return z.NEVER;
    }),
    z.object(shape),
  );
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function inDocumentedNames(value: object, documented: ReadonlyMap<string, string>): unknown {
  const entries = Object.entries(value).flatMap(([name, field]: [string, unknown]) => {
    const known = documented.get(name.toLowerCase());
    return known === undefined || field === null || (name !== known && Object.hasOwn(value, known))
      ? []
      : [[known, field] as const];
  });
  return Object.fromEntries(entries);
}

const Text = z.optional(z.string());
const Flag = z.optional(z.boolean());
const Count = z.optional(z.int());
const list = <Entry extends z.core.$ZodType>(entry: Entry) => z.optional(z.array(entry));

/** For what nothing rests on: left out where it is not as documented, so that it spoils nothing beside it. */
const aside = <Schema extends z.core.$ZodType>(schema: Schema) => z.catch(z.optional(schema), undefined);

/** For what stands alone: null where it is not as documented, so that it is unknown and spoils nothing beside it. */
const alone = <Schema extends z.core.$ZodType>(schema: Schema) => z.catch(z.nullable(z.optional(schema)), null);

/** The most digits before and after the point: far above any price, and what a JSON number can hold. */
const DECIMAL = /^(?<whole>\d{1,15})(?:\.(?<fraction>\d{1,17}))?$/u;

/**
 * An amount as the shortest decimal text that is equal to it (`12.5`, `0`, never `12.50` or `1e3`), so that equal
 * amounts are equal texts. A JSON number is taken by its shortest text, which loses nothing of a price.
 */
const Amount = z.pipe(
  z.union([z.string(), z.number()]),
  z.transform((value, context) => {
    const { whole, fraction = '' } = DECIMAL.exec(String(value).trim())?.groups ?? {};
    if (whole === undefined) {
      context.issues.push({ code: 'custom', message: 'not an amount of money', input: value });
      return z.NEVER;
    }
    const decimals = fraction.replace(/0+$/u, '');
    return `${whole.replace(/^0+(?=\d)/u, '')}${decimals && `.${decimals}`}`;
  }),
);

/** Both fields are documented as optional; an amount without a currency is none. */
export const MoneyType = definition({
  CurrencyCode: z.string().check(z.trim(), z.toUpperCase(), z.regex(/^[A-Z]{3}$/u)),
  Amount,
});
export type MoneyType = z.infer<typeof MoneyType>;

/** Money that may be missing: left out, null, or an object without anything but a currency. */
const Money = z.pipe(
  z.transform((value) => (isObject(value) && isWithoutAmount(value) ? undefined : value)),
  z.optional(MoneyType),
);

function isWithoutAmount(value: object): boolean {
  const there = Object.entries(value).filter(([, field]) => field !== null);
  return there.every(([name, field]) => name.toLowerCase() === 'currencycode' && typeof field === 'string');
}

export const Points = definition({ PointsNumber: Count, PointsMonetaryValue: Money });
export type Points = z.infer<typeof Points>;

export const PriceType = definition({
  LandedPrice: Money,
  ListingPrice: MoneyType,
  Shipping: Money,
  Points: z.optional(Points),
});
export type PriceType = z.infer<typeof PriceType>;

export const QuantityDiscountPriceType = definition({
  quantityTier: z.int(),
  quantityDiscountType: Text,
  listingPrice: MoneyType,
});
export type QuantityDiscountPriceType = z.infer<typeof QuantityDiscountPriceType>;

export const SalesRankType = definition({ ProductCategoryId: z.string(), Rank: z.int() });
export type SalesRankType = z.infer<typeof SalesRankType>;

export const ASINIdentifier = definition({ MarketplaceId: Text, ASIN: Text });
export type ASINIdentifier = z.infer<typeof ASINIdentifier>;

export const SellerSKUIdentifier = definition({ MarketplaceId: Text, SellerId: Text, SellerSKU: Text });
export type SellerSKUIdentifier = z.infer<typeof SellerSKUIdentifier>;

export const IdentifierType = definition({
  MarketplaceASIN: z.optional(ASINIdentifier),
  SKUIdentifier: z.optional(SellerSKUIdentifier),
});
export type IdentifierType = z.infer<typeof IdentifierType>;

/** `CompetitivePriceId` 1 is the new and 2 the used Buy Box price; others exist. */
export const CompetitivePriceType = definition({
  CompetitivePriceId: z.string(),
  Price: PriceType,
  condition: Text,
  subcondition: Text,
  offerType: Text,
  quantityTier: Count,
  quantityDiscountType: Text,
  sellerId: Text,
  belongsToRequester: Flag,
});
export type CompetitivePriceType = z.infer<typeof CompetitivePriceType>;

export const OfferListingCountType = definition({ Count, condition: z.string() });
export type OfferListingCountType = z.infer<typeof OfferListingCountType>;

export const CompetitivePricingType = definition({
  CompetitivePrices: z.array(CompetitivePriceType),
  NumberOfOfferListings: list(OfferListingCountType),
  TradeInValue: alone(Money),
});
export type CompetitivePricingType = z.infer<typeof CompetitivePricingType>;

/** An own offer in an answer of getPricing. The document has lost this definition; Amazon's model has it. */
export const OfferType = definition({
  offerType: Text,
  BuyingPrice: PriceType,
  RegularPrice: Money,
  businessPrice: Money,
  quantityDiscountPrices: list(QuantityDiscountPriceType),
  FulfillmentChannel: Text,
  ItemCondition: Text,
  ItemSubCondition: Text,
  SellerSKU: Text,
});
export type OfferType = z.infer<typeof OfferType>;

export const Product = definition({
  Identifiers: z.optional(IdentifierType),
  AttributeSets: aside(z.array(z.unknown())),
  Relationships: aside(z.array(z.unknown())),
  CompetitivePricing: z.optional(CompetitivePricingType),
  SalesRankings: alone(list(SalesRankType)),
  Offers: list(OfferType),
});
export type Product = z.infer<typeof Product>;

/** The definition "Price": an item of an answer of getPricing or getCompetitivePricing. */
export const PriceItem = definition({
  status: z.string(),
  SellerSKU: Text,
  ASIN: Text,
  Product: z.optional(Product),
});
export type PriceItem = z.infer<typeof PriceItem>;

export const ItemIdentifier = definition({ MarketplaceId: Text, ASIN: Text, SellerSKU: Text, ItemCondition: Text });
export type ItemIdentifier = z.infer<typeof ItemIdentifier>;

export const OfferCountType = definition({ condition: Text, fulfillmentChannel: Text, OfferCount: Count });
export type OfferCountType = z.infer<typeof OfferCountType>;

/** Landed price and shipping are documented as mandatory, and often missing. */
export const LowestPriceType = definition({
  condition: z.string(),
  fulfillmentChannel: z.string(),
  offerType: Text,
  quantityTier: Count,
  quantityDiscountType: Text,
  LandedPrice: Money,
  ListingPrice: MoneyType,
  Shipping: Money,
  Points: z.optional(Points),
});
export type LowestPriceType = z.infer<typeof LowestPriceType>;

export const BuyBoxPriceType = definition({
  condition: z.string(),
  offerType: Text,
  quantityTier: Count,
  quantityDiscountType: Text,
  LandedPrice: Money,
  ListingPrice: MoneyType,
  Shipping: Money,
  Points: z.optional(Points),
  sellerId: Text,
});
export type BuyBoxPriceType = z.infer<typeof BuyBoxPriceType>;

export const Summary = definition({
  TotalOfferCount: Count,
  NumberOfOffers: list(OfferCountType),
  LowestPrices: list(LowestPriceType),
  BuyBoxPrices: list(BuyBoxPriceType),
  ListPrice: alone(Money),
  CompetitivePriceThreshold: alone(Money),
  SuggestedLowerPricePlusShipping: alone(Money),
  SalesRankings: alone(list(SalesRankType)),
  BuyBoxEligibleOffers: list(OfferCountType),
  /** Computed anew for each answer. */
  OffersAvailableTime: aside(z.string()),
});
export type Summary = z.infer<typeof Summary>;

export const SellerFeedbackType = definition({
  SellerPositiveFeedbackRating: z.optional(z.number()),
  FeedbackCount: z.optional(z.number()),
});
export type SellerFeedbackType = z.infer<typeof SellerFeedbackType>;

export const DetailedShippingTimeType = definition({
  minimumHours: z.optional(z.number()),
  maximumHours: z.optional(z.number()),
  availableDate: Text,
  availabilityType: Text,
});
export type DetailedShippingTimeType = z.infer<typeof DetailedShippingTimeType>;

export const ShipsFromType = definition({ State: Text, Country: Text });
export type ShipsFromType = z.infer<typeof ShipsFromType>;

export const PrimeInformationType = definition({ IsPrime: Flag, IsNationalPrime: Flag });
export type PrimeInformationType = z.infer<typeof PrimeInformationType>;

export const OfferDetail = definition({
  MyOffer: Flag,
  offerType: Text,
  SubCondition: Text,
  SellerId: Text,
  ConditionNotes: aside(z.string()),
  SellerFeedbackRating: aside(SellerFeedbackType),
  ShippingTime: aside(DetailedShippingTimeType),
  ListingPrice: MoneyType,
  quantityDiscountPrices: list(QuantityDiscountPriceType),
  Points: z.optional(Points),
  Shipping: Money,
  ShipsFrom: z.optional(ShipsFromType),
  IsFulfilledByAmazon: Flag,
  PrimeInformation: z.optional(PrimeInformationType),
  IsBuyBoxWinner: Flag,
  IsFeaturedMerchant: Flag,
});
export type OfferDetail = z.infer<typeof OfferDetail>;

/**
 * The definition "GetOffersResult": the payload about one item, by ASIN or by SKU. Only a success has to hold the
 * number of offers: where nothing can be bought, or it is too soon, Amazon may leave it out. The offers themselves may be
 * missing from any answer.
 */
export const OffersItem = definition({
  MarketplaceID: Text,
  ASIN: Text,
  SKU: Text,
  ItemCondition: Text,
  status: z.string(),
  Identifier: z.optional(ItemIdentifier),
  Summary: z.optional(Summary),
  Offers: list(OfferDetail),
}).check(
  z.refine((item) => item.status !== 'Success' || item.Summary?.TotalOfferCount !== undefined, {
    path: ['Summary', 'TotalOfferCount'],
  }),
);
export type OffersItem = z.infer<typeof OffersItem>;

/** The definition "Error". */
const ErrorType = definition({ code: aside(z.string()), message: aside(z.string()), details: aside(z.string()) });
export type ErrorType = z.infer<typeof ErrorType>;

/** What takes the place of a payload, in any operation; whatever else stands there is none. */
const ErrorList = aside(z.array(z.catch(ErrorType, {})));

/** Envelopes hold their entries unread: each is read by itself, and a bad one spoils no other. */
export const GetPricingResponse = definition({ payload: list(z.unknown()), errors: ErrorList });

export const GetOffersResponse = definition({ payload: z.optional(z.unknown()), errors: ErrorList });

/** The definitions "GetItemOffersBatchResponse" and "GetListingOffersBatchResponse". */
export const GetOffersBatchResponse = definition({ responses: list(z.unknown()), errors: ErrorList });

/** The definitions "ItemOffersRequestParams" and "ListingOffersRequestParams". */
const OffersRequestParams = definition({
  MarketplaceId: aside(z.string()),
  ItemCondition: aside(z.string()),
  CustomerType: aside(z.string()),
  Asin: aside(z.string()),
  SellerSKU: aside(z.string()),
});
export type OffersRequestParams = z.infer<typeof OffersRequestParams>;

/** The definitions "ItemOffersResponse" and "ListingOffersResponse". */
export const BatchOffersResponse = definition({
  headers: aside(z.record(z.string(), z.unknown())),
  /** GetOffersHttpStatusLine */
  status: aside(definition({ statusCode: z.int(), reasonPhrase: aside(z.string()) })),
  body: aside(GetOffersResponse),
  request: aside(OffersRequestParams),
});
export type BatchOffersResponse = z.infer<typeof BatchOffersResponse>;

const named = { ASIN: aside(z.string()), SellerSKU: aside(z.string()) };

/** What an item of a price list says it is about, whatever else is wrong with it. */
export const PriceSubject = definition({
  ...named,
  Product: aside(
    definition({
      Identifiers: aside(
        definition({ MarketplaceASIN: aside(definition(named)), SKUIdentifier: aside(definition(named)) }),
      ),
    }),
  ),
});

/** What a payload about offers says it is about, whatever else is wrong with it. */
export const OffersSubject = definition({
  MarketplaceID: aside(z.string()),
  ASIN: aside(z.string()),
  SKU: aside(z.string()),
  ItemCondition: aside(z.string()),
  Identifier: aside(definition({ ...named, MarketplaceId: aside(z.string()), ItemCondition: aside(z.string()) })),
});
