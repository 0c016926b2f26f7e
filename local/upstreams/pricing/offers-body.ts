import {
  channelWord,
  conditionWord,
  discountPrices,
  flag,
  money,
  offerTypeOf,
  points,
  prices,
  quantityDiscountPrices,
  salesRankings,
  subConditionWord,
  type AnswerContext,
} from './answer-words.ts';
import {
  landedMinor,
  offerKey,
  priceFor,
  toAmount,
  type CustomerType,
  type ItemState,
  type OfferState,
} from './item-state.ts';
import type { PricedItem, Requester } from './price-body.ts';

/** Most offers that an answer lists ("Max items"). */
export const MAX_OFFERS_SHOWN = 20;

export interface OffersContext extends AnswerContext {
  /** When the answer is given, in milliseconds since the epoch. */
  now: number;
}

/** The payload of getItemOffers and getListingOffers: offers of one condition, as one kind of buyer sees them. */
export function offersPayload(priced: PricedItem, requester: Requester, context: OffersContext): object {
  const { lookup, state, asin } = priced;
  const { marketplaceId, customer, name } = lookup;
  const condition = lookup.condition ?? 'New';
  const offers = state.offers.filter((offer) => offer.condition === condition);
  const shown = cheapestFirst(offers, customer, marketplaceId).slice(0, MAX_OFFERS_SHOWN);
  const bySku = lookup.by === 'sku';
  return {
    [context.dialect.marketplaceKey]: marketplaceId,
    ...(bySku ? { SKU: name } : { ASIN: asin }),
    ItemCondition: condition,
    status: statusOf(state),
    Identifier: {
      MarketplaceId: marketplaceId,
      ...(bySku ? { SellerSKU: name } : { ASIN: asin }),
      ItemCondition: condition,
    },
    Summary: summary(offers, priced, context),
    ...((shown.length > 0 || context.dialect.noOffers) && {
      Offers: context.random.shuffled(shown).map((offer) => offerDetail(offer, customer, requester, context)),
    }),
  };
}

/** Without any offer an item is not `Success`; with offers of other conditions only, it is. */
function statusOf({ status, offers }: ItemState): string {
  return status === 'Success' && offers.length === 0 ? 'NoBuyableOffers' : status;
}

function summary(offers: readonly OfferState[], priced: PricedItem, context: OffersContext): object {
  const { state, lookup } = priced;
  const { customer, marketplaceId } = lookup;
  if (state.offers.length === 0) {
    // Worked out anew for every answer, so that it never is the same twice.
    const availableAt = new Date(context.now + context.random.integer(60, 5400) * 1000).toISOString();
    return {
      TotalOfferCount: 0,
      ...(state.status === 'ActiveButTooSoonForProcessing' && { OffersAvailableTime: availableAt }),
    };
  }
  const winners = offers.filter((offer) => (customer === 'Business' ? offer.winsBusinessBuyBox : offer.winsBuyBox));
  const [cheapest] = cheapestFirst(offers, customer, marketplaceId);
  const { random } = context;
  return {
    TotalOfferCount: offers.length,
    NumberOfOffers: random.shuffled(offerCounts(offers, context)),
    LowestPrices: random.shuffled(lowestPrices(offers, customer, context)),
    ...(winners.length > 0 && {
      BuyBoxPrices: random.shuffled(winners.flatMap((offer) => buyBoxPrices(offer, customer, context))),
    }),
    ...(state.listPrice !== null && { ListPrice: money(state.listPrice, context) }),
    ...(state.competitivePriceThreshold !== null && {
      CompetitivePriceThreshold: money(state.competitivePriceThreshold, context),
    }),
    ...(cheapest && {
      SuggestedLowerPricePlusShipping: money(
        toAmount(landedMinor(cheapest, customer, marketplaceId), marketplaceId),
        context,
      ),
    }),
    SalesRankings: salesRankings(priced.constants, context),
    BuyBoxEligibleOffers: random.shuffled(
      offerCounts(
        offers.filter((offer) => offer.isFeatured),
        context,
      ),
    ),
  };
}

function offerCounts(offers: readonly OfferState[], context: AnswerContext): object[] {
  return byConditionAndChannel(offers).map((group) => ({
    ...placeOf(group[0], context),
    ...(context.dialect.offerCount && { OfferCount: group.length }),
  }));
}

function lowestPrices(offers: readonly OfferState[], customer: CustomerType, context: AnswerContext): object[] {
  const rows = byConditionAndChannel(offers).flatMap((group) => {
    const [lowest = group[0]] = cheapestFirst(group, customer, context.marketplaceId);
    const place = placeOf(lowest, context);
    if (customer === 'Consumer') return [{ ...place, ...prices(lowest, customer, context) }];
    return [
      { ...place, offerType: offerTypeOf(lowest), ...prices(lowest, customer, context) },
      ...lowestDiscounts(group).map(({ offer, tier, price }) => ({
        ...place,
        offerType: 'B2B',
        ...discountPrices(offer, { tier, price }, context),
      })),
    ];
  });
  return rows.map((row) => shortened(row, context));
}

/** For each quantity tier the lowest price of a group of offers. */
function lowestDiscounts(group: readonly OfferState[]): { offer: OfferState; tier: number; price: string }[] {
  const lowest = new Map<number, { offer: OfferState; tier: number; price: string }>();
  for (const offer of group) {
    for (const { tier, price } of offer.quantityDiscounts) {
      const best = lowest.get(tier);
      if (!best || Number(price) < Number(best.price)) lowest.set(tier, { offer, tier, price });
    }
  }
  return [...lowest.values()];
}

/** A row of lowest prices without what the document requires and practice leaves out. */
function shortened(row: Record<string, unknown>, { dialect }: AnswerContext): object {
  const { LandedPrice, Shipping, ...rest } = row;
  switch (dialect.lowestPrices) {
    case 'whole':
      return row;
    case 'without-landed':
      return { ...rest, Shipping };
    case 'without-shipping':
      return { ...rest, LandedPrice };
    case 'listing-only':
      return rest;
  }
}

function buyBoxPrices(offer: OfferState, customer: CustomerType, context: AnswerContext): object[] {
  const condition = conditionWord(offer.condition, context);
  const single = prices(offer, customer, context);
  if (customer === 'Consumer') return [{ condition, ...single }];
  const { sellerId } = offer;
  return [
    { condition, offerType: offerTypeOf(offer), ...single, sellerId },
    ...offer.quantityDiscounts.map((discount) => ({
      condition,
      offerType: 'B2B',
      ...discountPrices(offer, discount, context),
      sellerId,
    })),
  ];
}

function offerDetail(offer: OfferState, customer: CustomerType, requester: Requester, context: AnswerContext): object {
  const { feedback, shippingHours, shipsFrom, notes } = offer;
  return {
    ...flag('MyOffer', offer.sellerId === requester.sellerId, context),
    ...(customer === 'Business' && { offerType: offerTypeOf(offer) }),
    SubCondition: subConditionWord(offer.subCondition, context),
    SellerId: offer.sellerId,
    ...(notes !== null && { ConditionNotes: notes }),
    SellerFeedbackRating: { SellerPositiveFeedbackRating: feedback.rating, FeedbackCount: feedback.count },
    ShippingTime: {
      minimumHours: shippingHours.minimum,
      maximumHours: shippingHours.maximum,
      availabilityType: 'NOW',
    },
    ListingPrice: money(priceFor(offer, customer), context),
    ...(customer === 'Business' && quantityDiscountPrices(offer, context)),
    ...points(offer, context),
    Shipping: money(offer.shipping, context),
    ShipsFrom: { ...(shipsFrom.state !== null && { State: shipsFrom.state }), Country: shipsFrom.country },
    IsFulfilledByAmazon: offer.isFulfilledByAmazon,
    PrimeInformation: {
      IsPrime: offer.isPrime,
      ...(context.dialect.nationalPrime && { IsNationalPrime: offer.isPrime }),
    },
    ...flag('IsBuyBoxWinner', customer === 'Business' ? offer.winsBusinessBuyBox : offer.winsBuyBox, context),
    ...flag('IsFeaturedMerchant', offer.isFeatured, context),
  };
}

function placeOf(offer: OfferState, context: AnswerContext): { condition: string; fulfillmentChannel: string } {
  return {
    condition: conditionWord(offer.condition, context),
    fulfillmentChannel: channelWord(offer.isFulfilledByAmazon, context.dialect.channel),
  };
}

function byConditionAndChannel(offers: readonly OfferState[]): [OfferState, ...OfferState[]][] {
  const groups = new Map<string, [OfferState, ...OfferState[]]>();
  for (const offer of offers) {
    const key = `${offer.condition}/${offer.isFulfilledByAmazon}`;
    const group = groups.get(key);
    if (group) group.push(offer);
    else groups.set(key, [offer]);
  }
  return [...groups.values()];
}

/** Offers by landed price. Equal ones keep one order, so that the twenty shown are the same ones in every answer. */
export function cheapestFirst(
  offers: readonly OfferState[],
  customer: CustomerType,
  marketplaceId: string,
): OfferState[] {
  const landed = (offer: OfferState): number => landedMinor(offer, customer, marketplaceId);
  return [...offers].sort((one, other) => landed(one) - landed(other) || (offerKey(one) < offerKey(other) ? -1 : 1));
}
