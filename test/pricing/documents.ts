/** Answers of Product Pricing v0 as its document shows them, for tests to change. */

const money = (Amount: number, CurrencyCode = 'USD') => ({ CurrencyCode, Amount });

/** An item of an answer of getPricing. */
export function ownPriceItem(asin: string, amount = 12.99, more: object = {}) {
  return {
    status: 'Success',
    ASIN: asin,
    Product: {
      Identifiers: { MarketplaceASIN: { MarketplaceId: 'ATVPDKIKX0DER', ASIN: asin } },
      Offers: [
        {
          offerType: 'B2C',
          BuyingPrice: { ListingPrice: money(amount), LandedPrice: money(amount), Shipping: money(0) },
          RegularPrice: money(amount + 2),
          FulfillmentChannel: 'AMAZON',
          ItemCondition: 'New',
          ItemSubCondition: 'New',
          SellerSKU: `SKU-${asin}`,
        },
      ],
    },
    ...more,
  };
}

export function offerOf(sellerId: string, amount: number, more: object = {}) {
  return {
    SellerId: sellerId,
    SubCondition: 'new',
    MyOffer: sellerId === 'ME',
    ListingPrice: money(amount),
    Shipping: money(0),
    ShippingTime: { minimumHours: 0, maximumHours: 24, availabilityType: 'NOW' },
    IsFulfilledByAmazon: sellerId === 'ME',
    IsBuyBoxWinner: false,
    IsFeaturedMerchant: true,
    ...more,
  };
}

/** The payload about the offers of an item: the first seller has the Buy Box and the lowest price. */
export function offersItem(asin: string, sellers: Readonly<Record<string, number>> = { ME: 12.99, RIVAL: 13.49 }) {
  const entries = Object.entries(sellers).sort(([, left], [, right]) => left - right);
  const [winner = 'ME', lowest = 0] = entries[0] ?? [];
  const isEmpty = entries.length === 0;
  return {
    MarketplaceID: 'ATVPDKIKX0DER',
    ASIN: asin,
    ItemCondition: 'New',
    status: isEmpty ? 'NoBuyableOffers' : 'Success',
    Identifier: { MarketplaceId: 'ATVPDKIKX0DER', ASIN: asin, ItemCondition: 'New' },
    Summary: {
      TotalOfferCount: entries.length,
      ...(!isEmpty && {
        NumberOfOffers: [{ condition: 'new', fulfillmentChannel: 'Merchant', OfferCount: entries.length }],
        LowestPrices: [
          {
            condition: 'new',
            fulfillmentChannel: 'Merchant',
            LandedPrice: money(lowest),
            ListingPrice: money(lowest),
            Shipping: money(0),
          },
        ],
        BuyBoxPrices: [
          {
            condition: 'New',
            sellerId: winner,
            LandedPrice: money(lowest),
            ListingPrice: money(lowest),
            Shipping: money(0),
          },
        ],
        ListPrice: money(19.99),
        CompetitivePriceThreshold: money(15),
        SalesRankings: [{ ProductCategoryId: 'books', Rank: 42 }],
        BuyBoxEligibleOffers: [{ condition: 'new', fulfillmentChannel: 'Merchant', OfferCount: entries.length }],
      }),
    },
    Offers: entries.map(([sellerId, amount]) => offerOf(sellerId, amount, { IsBuyBoxWinner: sellerId === winner })),
  };
}

/** The same with everything that the document has: Points, Prime, discounts, tiers and business prices. */
export function richOffersItem(asin: string) {
  const whole = offersItem(asin);
  const Points = { PointsNumber: 10, PointsMonetaryValue: money(1) };
  const more = {
    offerType: 'B2C',
    SellerFeedbackRating: { SellerPositiveFeedbackRating: 98, FeedbackCount: 1_200 },
    Points,
    Shipping: money(2),
    ShipsFrom: { State: 'WA', Country: 'US' },
    PrimeInformation: { IsPrime: true, IsNationalPrime: true },
    quantityDiscountPrices: [
      { quantityTier: 3, quantityDiscountType: 'QUANTITY_DISCOUNT', listingPrice: money(12) },
      { quantityTier: 9, quantityDiscountType: 'QUANTITY_DISCOUNT', listingPrice: money(11) },
    ],
  };
  const [box, low] = [whole.Summary.BuyBoxPrices?.[0], whole.Summary.LowestPrices?.[0]];
  // With shipping and less the value of the Points.
  const landed = { Shipping: money(2), LandedPrice: money(13.99), Points };
  const forBusiness = {
    offerType: 'B2B',
    quantityTier: 3,
    quantityDiscountType: 'QUANTITY_DISCOUNT',
    ListingPrice: money(12),
    Shipping: money(0),
    LandedPrice: money(12),
  };
  return {
    ...whole,
    Summary: {
      ...whole.Summary,
      LowestPrices: [
        { ...low, offerType: 'B2C', ...landed },
        { ...low, ...forBusiness },
      ],
      BuyBoxPrices: [
        { ...box, offerType: 'B2C', ...landed },
        { ...box, ...forBusiness },
      ],
      SuggestedLowerPricePlusShipping: money(12.5),
    },
    Offers: whole.Offers.map((offer) => ({ ...offer, ...more })),
  };
}

/** An own offer, likewise. */
export function richOwnPriceItem(asin: string) {
  const whole = ownPriceItem(asin);
  const Points = { PointsNumber: 10, PointsMonetaryValue: money(1) };
  const discount = { quantityTier: 5, quantityDiscountType: 'QUANTITY_DISCOUNT', listingPrice: money(10) };
  const BuyingPrice = { ListingPrice: money(12.99), Shipping: money(2), LandedPrice: money(13.99), Points };
  const Offers = whole.Product.Offers.map((offer) => ({
    ...offer,
    BuyingPrice,
    businessPrice: money(11.5),
    quantityDiscountPrices: [discount],
  }));
  return { ...whole, Product: { ...whole.Product, Offers } };
}

/** A response within a batch of getItemOffersBatch. */
export function batchedResponse(asin: string, payload: unknown, statusCode = 200) {
  return {
    headers: { 'x-amzn-RequestId': 'r1', Date: 'Sun, 01 Jan 2026 00:00:00 GMT' },
    status: { statusCode, reasonPhrase: statusCode === 200 ? 'OK' : 'Error' },
    body: statusCode === 200 ? { payload } : payload,
    request: { MarketplaceId: 'ATVPDKIKX0DER', Asin: asin, ItemCondition: 'New', CustomerType: 'Consumer' },
  };
}

export function failureBody(code: string, message: string) {
  return { errors: [{ code, message, details: '' }] };
}
