/**
 * What the snapshot reads of an answer of Product Pricing v0, field by field as the document names them. The client's
 * parsed answers fit these.
 */

type Maybe<T> = T | null | undefined;

/** `MoneyType`; the amount is exact decimal text. */
export interface MoneyType {
  readonly CurrencyCode?: Maybe<string>;
  readonly Amount?: Maybe<string>;
}

export interface PointsType {
  readonly PointsNumber?: Maybe<number>;
  readonly PointsMonetaryValue?: Maybe<MoneyType>;
}

/** `PriceType`, and what `LowestPriceType`, `BuyBoxPriceType` and `OfferDetail` share with it. */
export interface PriceType {
  readonly LandedPrice?: Maybe<MoneyType>;
  readonly ListingPrice?: Maybe<MoneyType>;
  readonly Shipping?: Maybe<MoneyType>;
  readonly Points?: Maybe<PointsType>;
}

export interface QuantityDiscountPriceType {
  readonly quantityTier?: Maybe<number>;
  readonly quantityDiscountType?: Maybe<string>;
  readonly listingPrice?: Maybe<MoneyType>;
}

interface ForCustomers {
  readonly offerType?: Maybe<string>;
}

interface ForQuantity extends ForCustomers {
  readonly condition?: Maybe<string>;
  readonly quantityTier?: Maybe<number>;
  readonly quantityDiscountType?: Maybe<string>;
}

/** The objects of `OffersList` in an answer of getPricing. */
export interface OwnOfferType extends ForCustomers {
  readonly BuyingPrice?: Maybe<PriceType>;
  readonly RegularPrice?: Maybe<MoneyType>;
  readonly businessPrice?: Maybe<MoneyType>;
  readonly quantityDiscountPrices?: Maybe<readonly QuantityDiscountPriceType[]>;
  readonly FulfillmentChannel?: Maybe<string>;
  readonly ItemCondition?: Maybe<string>;
  readonly ItemSubCondition?: Maybe<string>;
  readonly SellerSKU?: Maybe<string>;
}

export interface CompetitivePriceType extends ForQuantity {
  readonly CompetitivePriceId?: Maybe<string>;
  readonly Price?: Maybe<PriceType>;
  readonly subcondition?: Maybe<string>;
  readonly sellerId?: Maybe<string>;
  readonly belongsToRequester?: Maybe<boolean>;
}

export interface SalesRankType {
  readonly ProductCategoryId?: Maybe<string>;
  readonly Rank?: Maybe<number>;
}

/** `Price`: one item of an answer of getPricing or getCompetitivePricing. */
export interface PriceItem {
  readonly status?: Maybe<string>;
  readonly SellerSKU?: Maybe<string>;
  readonly ASIN?: Maybe<string>;
  readonly Product?: Maybe<{
    readonly Identifiers?: Maybe<{
      readonly MarketplaceASIN?: Maybe<{ readonly MarketplaceId?: Maybe<string>; readonly ASIN?: Maybe<string> }>;
      readonly SKUIdentifier?: Maybe<{ readonly SellerSKU?: Maybe<string> }>;
    }>;
    readonly CompetitivePricing?: Maybe<{
      readonly CompetitivePrices?: Maybe<readonly CompetitivePriceType[]>;
      readonly NumberOfOfferListings?: Maybe<
        readonly { readonly Count?: Maybe<number>; readonly condition?: Maybe<string> }[]
      >;
      readonly TradeInValue?: Maybe<MoneyType>;
    }>;
    readonly SalesRankings?: Maybe<readonly SalesRankType[]>;
    readonly Offers?: Maybe<readonly OwnOfferType[]>;
  }>;
}

export interface OfferCountType {
  readonly condition?: Maybe<string>;
  readonly fulfillmentChannel?: Maybe<string>;
  readonly OfferCount?: Maybe<number>;
}

export interface LowestPriceType extends PriceType, ForQuantity {
  readonly fulfillmentChannel?: Maybe<string>;
}

export interface BuyBoxPriceType extends PriceType, ForQuantity {
  readonly sellerId?: Maybe<string>;
}

export interface OfferDetail extends ForCustomers, PriceType {
  readonly MyOffer?: Maybe<boolean>;
  readonly SubCondition?: Maybe<string>;
  readonly SellerId?: Maybe<string>;
  readonly quantityDiscountPrices?: Maybe<readonly QuantityDiscountPriceType[]>;
  readonly ShipsFrom?: Maybe<{ readonly State?: Maybe<string>; readonly Country?: Maybe<string> }>;
  readonly IsFulfilledByAmazon?: Maybe<boolean>;
  readonly PrimeInformation?: Maybe<{ readonly IsPrime?: Maybe<boolean>; readonly IsNationalPrime?: Maybe<boolean> }>;
  readonly IsBuyBoxWinner?: Maybe<boolean>;
  readonly IsFeaturedMerchant?: Maybe<boolean>;
}

/** `GetOffersResult`: the answer about the offers of one item. */
export interface OffersItem {
  readonly MarketplaceID?: Maybe<string>;
  readonly ASIN?: Maybe<string>;
  readonly SKU?: Maybe<string>;
  readonly status?: Maybe<string>;
  readonly Identifier?: Maybe<{
    readonly MarketplaceId?: Maybe<string>;
    readonly ASIN?: Maybe<string>;
    readonly SellerSKU?: Maybe<string>;
  }>;
  readonly Summary?: Maybe<{
    readonly TotalOfferCount?: Maybe<number>;
    readonly NumberOfOffers?: Maybe<readonly OfferCountType[]>;
    readonly LowestPrices?: Maybe<readonly LowestPriceType[]>;
    readonly BuyBoxPrices?: Maybe<readonly BuyBoxPriceType[]>;
    readonly ListPrice?: Maybe<MoneyType>;
    readonly CompetitivePriceThreshold?: Maybe<MoneyType>;
    readonly SuggestedLowerPricePlusShipping?: Maybe<MoneyType>;
    readonly SalesRankings?: Maybe<readonly SalesRankType[]>;
    readonly BuyBoxEligibleOffers?: Maybe<readonly OfferCountType[]>;
  }>;
  readonly Offers?: Maybe<readonly OfferDetail[]>;
}
