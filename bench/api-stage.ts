/** The settings of the stage that `bench:api` runs, besides those that every stand has. */

export const BENEFIT = 'BENCH_BENEFIT';
export const OFFER_CODES_TRUST = 'offer-relay/bench/offer-codes/trust';
/** The merchant account at Buy with Prime. */
export const ACCOUNT = 'store';

// A machine that is busy with other things is no upstream that fails.
export const API_STAGE = {
  offerCodes: {
    trustSecret: OFFER_CODES_TRUST,
    benefits: { [BENEFIT]: { marketplace: 'US', use: 'single' } },
    timeoutMs: 10_000,
    deadlineMs: 20_000,
  },
  buyWithPrime: { accounts: { [ACCOUNT]: {} }, timeoutMs: 7_000, deadlineMs: 21_000 },
};

export const API_PARTNER = { benefits: [BENEFIT], buyWithPrime: { account: ACCOUNT } };
