/** The six operations of Product Pricing v0. */
export const OPERATIONS = [
  'getPricing',
  'getCompetitivePricing',
  'getListingOffers',
  'getItemOffers',
  'getItemOffersBatch',
  'getListingOffersBatch',
] as const;
export type Operation = (typeof OPERATIONS)[number];

/** Requests per second, and how many may come at once. */
export interface RateLimit {
  rate: number;
  burst: number;
}

export type RateProfile = 'today' | 'document';

/** What an account is granted unless it has a rate of its own: Amazon's defaults of today, or those of the document. */
export const RATE_PROFILES: Readonly<Record<RateProfile, Readonly<Record<Operation, RateLimit>>>> = {
  today: {
    getPricing: { rate: 0.5, burst: 1 },
    getCompetitivePricing: { rate: 0.5, burst: 1 },
    getListingOffers: { rate: 1, burst: 2 },
    getItemOffers: { rate: 0.5, burst: 1 },
    getItemOffersBatch: { rate: 0.1, burst: 1 },
    getListingOffersBatch: { rate: 0.5, burst: 1 },
  },
  document: {
    getPricing: { rate: 10, burst: 20 },
    getCompetitivePricing: { rate: 10, burst: 20 },
    getListingOffers: { rate: 5, burst: 10 },
    getItemOffers: { rate: 5, burst: 10 },
    getItemOffersBatch: { rate: 0.5, burst: 1 },
    getListingOffersBatch: { rate: 0.5, burst: 1 },
  },
};
