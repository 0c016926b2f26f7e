import { marketplaceOf } from './marketplaces.ts';

/** The vocabularies that the API's document lists. Answers may hold others: states set by control are free text. */
export const ITEM_CONDITIONS = ['New', 'Used', 'Collectible', 'Refurbished', 'Club'] as const;
export type ItemCondition = (typeof ITEM_CONDITIONS)[number];
export const CUSTOMER_TYPES = ['Consumer', 'Business'] as const;
export type CustomerType = (typeof CUSTOMER_TYPES)[number];
/** The quantities at which a discount may begin. */
export const QUANTITY_TIERS = [2, 3, 5, 10, 20, 30, 50] as const;

export interface QuantityDiscount {
  readonly tier: number;
  readonly price: string;
}

/** One seller's offer. Amounts are exact decimal text in the marketplace's currency, such as `12.99`. */
export interface OfferState {
  readonly sellerId: string;
  /** The seller's own name for the listing, where the seller is an account of the simulator; else null. */
  readonly sku: string | null;
  readonly condition: string;
  readonly subCondition: string;
  readonly isFulfilledByAmazon: boolean;
  readonly isPrime: boolean;
  /** Without promotion. */
  readonly regularPrice: string;
  /** What it costs now, promotions included. */
  readonly listingPrice: string;
  readonly shipping: string;
  /** Amazon Points, which only Japan has; a point is worth one yen. */
  readonly points: number;
  /** What a business buyer pays; null where there is no such offer. */
  readonly businessPrice: string | null;
  readonly quantityDiscounts: readonly QuantityDiscount[];
  /** Eligible for the Buy Box. */
  readonly isFeatured: boolean;
  readonly winsBuyBox: boolean;
  readonly winsBusinessBuyBox: boolean;
  readonly feedback: { readonly rating: number; readonly count: number };
  readonly shippingHours: { readonly minimum: number; readonly maximum: number };
  readonly shipsFrom: { readonly country: string; readonly state: string | null };
  readonly notes: string | null;
}

/** An item at one moment: all that has meaning, and nothing that has not (order, sales ranks, times of answers). */
export interface ItemState {
  /** Counts from 0. */
  step: number;
  /** Since when, in milliseconds since the epoch. */
  at: number;
  /** What happened: `born`, `price-moved`, `seller-came`, `set`, `deleted` … */
  event: string;
  /** False when the API calls the ASIN invalid. */
  known: boolean;
  status: string;
  listPrice: string | null;
  /** Above this price nobody wins the Buy Box. */
  competitivePriceThreshold: string | null;
  offers: readonly OfferState[];
}

/** What of a state is the market's doing. */
export type Market = Pick<ItemState, 'status' | 'listPrice' | 'competitivePriceThreshold' | 'offers'>;

export interface ItemId {
  marketplaceId: string;
  asin: string;
}

/** Tells an item's offers apart. */
export function offerKey({ sellerId, condition, sku }: OfferState): string {
  return `${sellerId}/${condition}/${sku ?? ''}`;
}

/** Amounts are added up in the smallest unit of the currency: cents, pence, yen. */
export function toMinor(amount: string, marketplaceId: string): number {
  return Math.round(Number(amount) * 10 ** marketplaceOf(marketplaceId).decimals);
}

/** Exact decimal text with the currency's digits. */
export function toAmount(minor: number, marketplaceId: string): string {
  const { decimals } = marketplaceOf(marketplaceId);
  if (decimals === 0) return String(minor);
  const digits = String(minor).padStart(decimals + 1, '0');
  return `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
}

/** What a buyer of the given kind pays for one, without shipping. */
export function priceFor(offer: OfferState, customer: CustomerType): string {
  return customer === 'Business' ? (offer.businessPrice ?? offer.listingPrice) : offer.listingPrice;
}

/** Price + shipping − points, in the smallest unit: what offers are ranked by. */
export function landedMinor(offer: OfferState, customer: CustomerType, marketplaceId: string): number {
  const price = toMinor(priceFor(offer, customer), marketplaceId) + toMinor(offer.shipping, marketplaceId);
  return price - pointsMinor(offer, marketplaceId);
}

/** What an offer's points are worth, in the smallest unit. */
export function pointsMinor(offer: OfferState, marketplaceId: string): number {
  return marketplaceOf(marketplaceId).country === 'JP' ? offer.points : 0;
}

/**
 * Decides who is in the Buy Box. For each condition that has one (New and Used), the cheapest featured offer wins, a
 * Prime offer being taken for 3 % cheaper than it is; an offer of the other kind that is cheaper still, or within 5 % of the
 * winner, is a second winner. Nobody wins above the competitive price threshold.
 */
export function decideBuyBox(market: Market, marketplaceId: string): Market {
  const winners = {
    Consumer: winnersFor('Consumer', market, marketplaceId),
    Business: winnersFor('Business', market, marketplaceId),
  };
  const offers = market.offers.map((offer) => ({
    ...offer,
    winsBuyBox: winners.Consumer.has(offerKey(offer)),
    winsBusinessBuyBox: winners.Business.has(offerKey(offer)),
  }));
  return { ...market, offers };
}

function winnersFor(customer: CustomerType, market: Market, marketplaceId: string): ReadonlySet<string> {
  const threshold = market.competitivePriceThreshold;
  const bound = threshold === null ? Number.POSITIVE_INFINITY : toMinor(threshold, marketplaceId);
  const winners = new Set<string>();
  for (const condition of ['New', 'Used']) {
    const candidates = market.offers
      .filter((offer) => offer.isFeatured && offer.condition === condition)
      .map((offer) => ({ offer, landed: landedMinor(offer, customer, marketplaceId) }))
      .filter(({ landed }) => landed <= bound);
    const ranked = candidates.sort(
      (one, other) => weighed(one) - weighed(other) || (offerKey(one.offer) < offerKey(other.offer) ? -1 : 1),
    );
    const [first] = ranked;
    if (!first) continue;
    winners.add(offerKey(first.offer));
    const second = ranked.find(({ offer }) => offer.isPrime !== first.offer.isPrime);
    if (second && second.landed <= first.landed * 1.05) winners.add(offerKey(second.offer));
  }
  return winners;
}

function weighed({ offer, landed }: { offer: OfferState; landed: number }): number {
  return offer.isPrime ? landed * 0.97 : landed;
}
