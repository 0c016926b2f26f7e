import type { Random } from '../seeded-random.ts';
import {
  QUANTITY_TIERS,
  decideBuyBox,
  offerKey,
  toAmount,
  toMinor,
  type Market,
  type OfferState,
  type QuantityDiscount,
} from './item-state.ts';
import { marketplaceOf } from './marketplaces.ts';

/** Most offers of others. Some items are crowded: more offers than an answer may hold. */
export const MAX_OFFERS = 12;
export const MAX_OFFERS_IN_A_CROWD = 34;

/** What is fixed for an item's life: where it is sold, what it costs roughly, and which of its offers are ours. */
export interface ItemNature {
  marketplaceId: string;
  /** What the market thinks it is worth, in the smallest unit of the currency. */
  worth: number;
  isCrowded: boolean;
  /** The accounts' own listings, on sale or not. */
  listings: readonly Listing[];
}

export interface Listing {
  account: string;
  sellerId: string;
  sku: string;
}

const CONDITIONS = [
  ['New', 'New'],
  ['New', 'New'],
  ['New', 'New'],
  ['Used', 'Mint'],
  ['Used', 'VeryGood'],
  ['Used', 'Good'],
  ['Used', 'Acceptable'],
  ['Refurbished', 'Refurbished'],
  ['Collectible', 'Good'],
] as const;
/** Of New, a used item's price falls to about this. */
const WORTH_BY_SUB_CONDITION: Readonly<Record<string, number>> = {
  New: 1,
  Mint: 0.85,
  VeryGood: 0.75,
  Good: 0.65,
  Acceptable: 0.5,
  Refurbished: 0.8,
};
const STATES: Readonly<Record<string, readonly string[]>> = {
  US: ['CA', 'NJ', 'NY', 'TX', 'WA'],
  CA: ['BC', 'ON', 'QC'],
};
const NOTES = ['Dust jacket slightly worn.', 'Box opened, never used.', 'Ships in its original packaging – like new.'];
const SELLER_LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';

/** What an item costs and how many want to sell it. */
export function bornNature(random: Random, marketplaceId: string): Omit<ItemNature, 'listings'> {
  const { currency, decimals } = marketplaceOf(marketplaceId);
  // Most things cost between 8 and 80 dollars, some a great deal more.
  const dollars = 6 + random.exponential(35);
  const unit = currency === 'JPY' ? 140 : 10 ** decimals;
  return { marketplaceId, worth: Math.round(dollars * unit), isCrowded: random.chance(0.08) };
}

/** An item's market on its first day. */
export function bornMarket(nature: ItemNature, random: Random): Market {
  const count = nature.isCrowded ? random.integer(22, 30) : random.integer(0, 6);
  let offers: readonly OfferState[] = nature.listings
    .filter(() => random.chance(0.85))
    .map((listing) => ownOffer(nature, listing, random));
  for (let index = 0; index < count; index += 1) offers = [...offers, foreignOffer(nature, random)];
  const listPrice = random.chance(0.7) ? money(nature, nature.worth * (1.05 + random.next() * 0.3)) : null;
  const competitivePriceThreshold = random.chance(0.3) ? money(nature, nature.worth * 1.15) : null;
  const status = offers.length === 0 ? 'NoBuyableOffers' : 'Success';
  return decideBuyBox({ status, listPrice, competitivePriceThreshold, offers: distinct(offers) }, nature.marketplaceId);
}

/** An offer of one of the simulator's accounts. */
export function ownOffer(nature: ItemNature, { sellerId, sku }: Listing, random: Random): OfferState {
  const isFulfilledByAmazon = random.chance(0.6);
  return {
    ...newOffer(nature, sellerId, isFulfilledByAmazon, ['New', 'New'], random),
    sku,
    isFeatured: true,
    isPrime: isFulfilledByAmazon,
  };
}

/** An offer of somebody else. */
export function foreignOffer(nature: ItemNature, random: Random): OfferState {
  return newOffer(nature, newSellerId(random), random.chance(0.4), random.pick(CONDITIONS), random);
}

function newOffer(
  nature: ItemNature,
  sellerId: string,
  isFulfilledByAmazon: boolean,
  [condition, subCondition]: readonly [string, string],
  random: Random,
): OfferState {
  const { country } = marketplaceOf(nature.marketplaceId);
  const share = WORTH_BY_SUB_CONDITION[subCondition] ?? 1.1;
  const regular = nature.worth * share * (0.9 + random.next() * 0.25);
  const regularPrice = money(nature, regular);
  const isOnSale = random.chance(0.15);
  const listingPrice = isOnSale ? money(nature, regular * (0.8 + random.next() * 0.15)) : regularPrice;
  const isAbroad = !isFulfilledByAmazon && random.chance(0.1);
  const minimum = isFulfilledByAmazon ? 0 : random.pick([24, 48, 96]);
  return {
    sellerId,
    sku: null,
    condition,
    subCondition,
    isFulfilledByAmazon,
    isPrime: isFulfilledByAmazon || random.chance(0.1),
    regularPrice,
    listingPrice,
    shipping: isFulfilledByAmazon || random.chance(0.4) ? money(nature, 0) : money(nature, nature.worth * 0.12),
    points: country === 'JP' && random.chance(0.6) ? Math.round(Number(listingPrice) * 0.01) : 0,
    businessPrice: null,
    quantityDiscounts: [],
    ...(random.chance(0.25) && businessTerms(nature, listingPrice, random)),
    isFeatured: isFulfilledByAmazon || random.chance(0.6),
    winsBuyBox: false,
    winsBusinessBuyBox: false,
    feedback: { rating: random.integer(70, 100), count: Math.round(random.exponential(900)) },
    shippingHours: { minimum, maximum: minimum + random.pick([0, 24, 48]) },
    shipsFrom: isAbroad
      ? { country: 'CN', state: null }
      : { country, state: STATES[country] ? random.pick(STATES[country]) : null },
    notes: condition !== 'New' && random.chance(0.5) ? random.pick(NOTES) : null,
  };
}

/** A price for business buyers and, sometimes, discounts for those who buy many. */
export function businessTerms(
  nature: ItemNature,
  listingPrice: string,
  random: Random,
): Pick<OfferState, 'businessPrice' | 'quantityDiscounts'> {
  const listing = toMinor(listingPrice, nature.marketplaceId);
  const business = Math.max(1, Math.round(listing * (0.88 + random.next() * 0.1)));
  return {
    businessPrice: toAmount(business, nature.marketplaceId),
    quantityDiscounts: random.chance(0.5) ? quantityDiscounts(nature, business, random) : [],
  };
}

function quantityDiscounts(nature: ItemNature, business: number, random: Random): QuantityDiscount[] {
  const first = random.integer(0, 3);
  const tiers = QUANTITY_TIERS.slice(first, first + random.integer(1, 3));
  let price = business;
  return tiers.map((tier) => {
    price = Math.max(1, Math.round(price * (0.9 + random.next() * 0.08)));
    return { tier, price: toAmount(price, nature.marketplaceId) };
  });
}

/** Decimal text of a number of smallest units; at least one, unless it is nothing. */
export function money(nature: ItemNature, minor: number): string {
  return toAmount(minor === 0 ? 0 : Math.max(1, Math.round(minor)), nature.marketplaceId);
}

/** Amazon's merchant tokens begin with `A` and have about fourteen letters and digits. */
function newSellerId(random: Random): string {
  return `A${Array.from({ length: 13 }, () => SELLER_LETTERS[random.integer(0, 35)]).join('')}`;
}

/** One seller has one offer of a condition; a second one under the same name is dropped. */
function distinct(offers: readonly OfferState[]): OfferState[] {
  return [...new Map(offers.map((offer) => [offerKey(offer), offer])).values()];
}
