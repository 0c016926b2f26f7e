import type { PricingOperation, RateLimit } from '../shared/settings.ts';

/** Most items that one request takes ("Max count", "Max items"). */
export const MOST_ITEMS = 20;

/**
 * Amazon's default rates in requests per second: those of today, and those of the reference document ("Usage Plan"),
 * which are older and higher.
 */
export const RATE_PROFILES: Readonly<
  Record<'today' | 'document', Readonly<Record<PricingOperation, Readonly<RateLimit>>>>
> = {
  today: {
    getPricing: { perSecond: 0.5, burst: 1 },
    getCompetitivePricing: { perSecond: 0.5, burst: 1 },
    getListingOffers: { perSecond: 1, burst: 2 },
    getItemOffers: { perSecond: 0.5, burst: 1 },
    getItemOffersBatch: { perSecond: 0.1, burst: 1 },
    getListingOffersBatch: { perSecond: 0.5, burst: 1 },
  },
  document: {
    getPricing: { perSecond: 10, burst: 20 },
    getCompetitivePricing: { perSecond: 10, burst: 20 },
    getListingOffers: { perSecond: 5, burst: 10 },
    getItemOffers: { perSecond: 5, burst: 10 },
    getItemOffersBatch: { perSecond: 0.5, burst: 1 },
    getListingOffersBatch: { perSecond: 0.5, burst: 1 },
  },
};

/** How many items one request of an operation takes. */
export function packOf(operation: PricingOperation): number {
  return operation === 'getItemOffers' || operation === 'getListingOffers' ? 1 : MOST_ITEMS;
}

/** Whether one set of parameters holds for all items of a request. A batch has parameters for each. */
export function isUniform(operation: PricingOperation): boolean {
  return operation === 'getPricing' || operation === 'getCompetitivePricing';
}
