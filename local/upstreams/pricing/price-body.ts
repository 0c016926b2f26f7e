import type { Random } from '../seeded-random.ts';
import {
  channelWord,
  conditionWord,
  discountPrices,
  money,
  offerTypeOf,
  prices,
  quantityDiscountPrices,
  salesRankings,
  subConditionWord,
  type AnswerContext,
} from './answer-words.ts';
import { landedMinor, type CustomerType, type ItemState, type OfferState } from './item-state.ts';
import type { Lookup } from './pricing-request.ts';

/** The account in whose name a request is made. */
export interface Requester {
  sellerId: string;
}

/** What was asked for, and what it is. */
export interface PricedItem {
  lookup: Lookup;
  asin: string;
  state: ItemState;
  /** The same stream for every answer about the item. */
  constants: Random;
}

/** The item of a list that does not exist: it has a status and nothing else. */
export function unknownPrice({ by, name }: Lookup): object {
  return { status: 'ClientError', [by === 'asin' ? 'ASIN' : 'SellerSKU']: name };
}

/** An item of getPricing's answer: the requester's own offers of one kind. */
export function ownPrice(priced: PricedItem, requester: Requester, context: AnswerContext): object {
  const { lookup, state } = priced;
  const isBusiness = lookup.customer === 'Business';
  const own = state.offers.filter(
    (offer) =>
      offer.sellerId === requester.sellerId &&
      (lookup.by === 'asin' || offer.sku === lookup.name) &&
      (lookup.condition === undefined || offer.condition === lookup.condition) &&
      (!isBusiness || offer.businessPrice !== null),
  );
  const offers = context.random.shuffled(own).map((offer) => ({
    ...(isBusiness && { offerType: 'B2B' }),
    // A consumer's price comes with what it would be for a business; the other way round there is only one.
    BuyingPrice: prices(offer, lookup.customer, context),
    RegularPrice: money(offer.regularPrice, context),
    ...(!isBusiness && offer.businessPrice !== null && { businessPrice: money(offer.businessPrice, context) }),
    ...quantityDiscountPrices(offer, context),
    FulfillmentChannel: channelWord(offer.isFulfilledByAmazon, context.dialect.ownChannel),
    ItemCondition: offer.condition,
    ItemSubCondition: subConditionWord(offer.subCondition, context),
    SellerSKU: offer.sku ?? '',
  }));
  const isTold = offers.length > 0 || context.dialect.emptyOffers;
  return envelope(priced, requester, context, isTold ? { Offers: offers } : {});
}

/** An item of getCompetitivePricing's answer: the prices in the Buy Box, for one kind of buyer. */
export function competitivePrice(priced: PricedItem, requester: Requester, context: AnswerContext): object {
  const { lookup, state } = priced;
  const { customer } = lookup;
  const rows = state.offers
    .filter((offer) => (customer === 'Business' ? offer.winsBusinessBuyBox : offer.winsBuyBox))
    .flatMap((offer) => {
      const id = offer.condition === 'New' ? '1' : '2';
      return competitiveRows(offer, id, customer, requester, context);
    });
  return envelope(priced, requester, context, {
    CompetitivePricing: {
      CompetitivePrices: context.random.shuffled([...rows, ...lowestNewRow(state, customer, requester, context)]),
      NumberOfOfferListings: listingCounts(state, context),
    },
    SalesRankings: salesRankings(priced.constants, context),
  });
}

function competitiveRows(
  offer: OfferState,
  id: string,
  customer: CustomerType,
  requester: Requester,
  context: AnswerContext,
): object[] {
  const row = {
    CompetitivePriceId: id,
    Price: prices(offer, customer, context),
    condition: conditionWord(offer.condition, context),
    subcondition: subConditionWord(offer.subCondition, context),
    ...(customer === 'Business' && { offerType: offerTypeOf(offer), sellerId: offer.sellerId }),
    belongsToRequester: offer.sellerId === requester.sellerId,
  };
  if (customer !== 'Business') return [row];
  const tiers = offer.quantityDiscounts.map((discount) => {
    const { quantityTier, quantityDiscountType, ...Price } = discountPrices(offer, discount, context);
    return { ...row, quantityTier, quantityDiscountType, Price };
  });
  return [row, ...tiers];
}

/** A row that the document does not know: the lowest price of a new item, whoever is in the Buy Box. */
function lowestNewRow(
  state: ItemState,
  customer: CustomerType,
  requester: Requester,
  context: AnswerContext,
): object[] {
  const id = context.dialect.extraCompetitivePriceId;
  const [lowest] = state.offers
    .filter((offer) => offer.condition === 'New')
    .sort((one, other) => landed(one, customer, context) - landed(other, customer, context));
  return id === undefined || !lowest ? [] : competitiveRows(lowest, id, customer, requester, context).slice(0, 1);
}

function listingCounts(state: ItemState, context: AnswerContext): object[] {
  const conditions = [...new Set(state.offers.map((offer) => offer.condition))];
  const counts = conditions.map((condition) => ({
    Count: state.offers.filter((offer) => offer.condition === condition).length,
    condition: conditionWord(condition, context),
  }));
  return [...counts, { Count: state.offers.length, condition: 'Any' }];
}

function envelope(
  { lookup, asin }: PricedItem,
  requester: Requester,
  { dialect }: AnswerContext,
  content: object,
): object {
  const { marketplaceId, name } = lookup;
  const bySku = lookup.by === 'sku';
  const skuIdentifier = bySku
    ? { SKUIdentifier: { MarketplaceId: marketplaceId, SellerId: requester.sellerId, SellerSKU: name } }
    : dialect.skuIdentifier === 'empty' && { SKUIdentifier: { MarketplaceId: '', SellerId: '', SellerSKU: '' } };
  return {
    status: 'Success',
    ...(bySku ? { SellerSKU: name } : { ASIN: asin }),
    Product: {
      Identifiers: { MarketplaceASIN: { MarketplaceId: marketplaceId, ASIN: asin }, ...skuIdentifier },
      ...content,
    },
  };
}

function landed(offer: OfferState, customer: CustomerType, { marketplaceId }: AnswerContext): number {
  return landedMinor(offer, customer, marketplaceId);
}
