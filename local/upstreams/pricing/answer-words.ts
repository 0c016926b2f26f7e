import { exactNumber } from '../exact-number.ts';
import type { Random } from '../seeded-random.ts';
import {
  landedMinor,
  pointsMinor,
  priceFor,
  toAmount,
  type CustomerType,
  type OfferState,
  type QuantityDiscount,
} from './item-state.ts';
import { marketplaceOf } from './marketplaces.ts';
import type { PricingDialect } from './pricing-dialect.ts';

/** What it takes to word one answer about one item. */
export interface AnswerContext {
  marketplaceId: string;
  dialect: PricingDialect;
  /** Decides what differs between two answers though nothing has changed: order, sales ranks, digits. */
  random: Random;
}

/** A `MoneyType`. */
export function money(amount: string, { marketplaceId, dialect, random }: AnswerContext): object {
  const short = amount.includes('.') ? amount.replace(/\.?0+$/, '') : amount;
  const isShort = dialect.amounts === 'short' || (dialect.amounts === 'either' && random.chance(0.5));
  return { CurrencyCode: marketplaceOf(marketplaceId).currency, Amount: exactNumber(isShort ? short : amount) };
}

/** A `Points`, where there are some. */
export function points(offer: OfferState, context: AnswerContext): object {
  const worth = pointsMinor(offer, context.marketplaceId);
  if (worth === 0) return {};
  const value = money(toAmount(worth, context.marketplaceId), context);
  return {
    Points: { PointsNumber: offer.points, ...(context.dialect.pointsValue && { PointsMonetaryValue: value }) },
  };
}

/** The prices of an offer: landed, listed, shipping and points. */
export function prices(offer: OfferState, customer: CustomerType, context: AnswerContext): object {
  const landed = toAmount(landedMinor(offer, customer, context.marketplaceId), context.marketplaceId);
  return {
    LandedPrice: money(landed, context),
    ListingPrice: money(priceFor(offer, customer), context),
    Shipping: money(offer.shipping, context),
    ...points(offer, context),
  };
}

/** The prices of one of an offer's quantity discounts, shipping included as for a single one. */
export function discountPrices(
  offer: OfferState,
  { tier, price }: QuantityDiscount,
  context: AnswerContext,
): { quantityTier: number; quantityDiscountType: string } {
  const discounted = { ...offer, listingPrice: price, businessPrice: price };
  return {
    quantityTier: tier,
    quantityDiscountType: 'QUANTITY_DISCOUNT',
    ...prices(discounted, 'Business', context),
  };
}

/** `quantityDiscountPrices`, where there are some. */
export function quantityDiscountPrices(offer: OfferState, context: AnswerContext): object {
  if (offer.quantityDiscounts.length === 0) return {};
  return {
    quantityDiscountPrices: offer.quantityDiscounts.map(({ tier, price }) => ({
      quantityTier: tier,
      quantityDiscountType: 'QUANTITY_DISCOUNT',
      listingPrice: money(price, context),
    })),
  };
}

/** Whether an offer is one for business buyers only, as the API names it. */
export function offerTypeOf(offer: OfferState): 'B2B' | 'B2C' {
  return offer.businessPrice === null ? 'B2C' : 'B2B';
}

/** A condition as summaries spell it. */
export function conditionWord(condition: string, { dialect }: AnswerContext): string {
  return dialect.condition === 'new' ? condition.toLowerCase() : condition;
}

export function subConditionWord(subCondition: string, { dialect }: AnswerContext): string {
  const spaced = subCondition.replaceAll(/(?<=[a-z])(?=[A-Z])/g, ' ');
  switch (dialect.subCondition) {
    case 'VeryGood':
      return subCondition;
    case 'very_good':
      return spaced.toLowerCase().replaceAll(' ', '_');
    case 'Very Good':
      return spaced;
  }
}

export function channelWord(isFulfilledByAmazon: boolean, spelling: 'Merchant' | 'MERCHANT'): string {
  const word = isFulfilledByAmazon ? 'Amazon' : 'Merchant';
  return spelling === 'MERCHANT' ? word.toUpperCase() : word;
}

/** A flag that some answers leave out where it is false. */
export function flag(name: string, value: boolean, { dialect }: AnswerContext): object {
  return value || dialect.falseFlags ? { [name]: value } : {};
}

const CATEGORIES = ['toy_display_on_website', 'kitchen_display_on_website', 'office_product_display_on_website'];

/** The item's sales ranks, which go up and down all the time though nothing happens to its offers. */
export function salesRankings(item: Random, { random }: AnswerContext): object[] {
  const wobbled = (rank: number): number => Math.max(1, Math.round(rank * (0.97 + random.next() * 0.06)));
  return [
    { ProductCategoryId: item.pick(CATEGORIES), Rank: wobbled(item.integer(200, 90_000)) },
    { ProductCategoryId: String(item.integer(100_000, 9_999_999)), Rank: wobbled(item.integer(30, 9_000)) },
  ];
}
