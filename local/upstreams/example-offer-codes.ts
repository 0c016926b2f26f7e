import type { CodeState } from './offer-codes/offer-code-ledger.ts';
import type { BenefitOptions, CodeOptions } from './offer-codes/offer-code-options.ts';
import { createRandom, type Random } from './seeded-random.ts';

/** A code, and what it is worth before anybody has redeemed it. */
export type ExampleOfferCode = CodeOptions & { readonly state: CodeState };

/** A denial that the API may answer although its document does not name it. */
const OTHER_DENIAL = 'FAILURE:DENIED:CUSTOMER_NOT_ELIGIBLE';
const LONG_AGO = '2020-01-01T00:00:00Z';

/**
 * Codes in each state that a benefit's codes can have, at any time and in any time zone. The first of a state is a
 * number, as on a barcode; of the others some hold blanks, slashes or per cent signs, so a client that encodes carelessly
 * fails at once. Deterministic, and those of a benefit do not depend on the other benefits.
 *
 * @param count codes in each state
 */
export function exampleOfferCodes(benefits: readonly BenefitOptions[], count = 12, seed = 1): ExampleOfferCode[] {
  return benefits.flatMap((benefit) =>
    statesOf(benefit).flatMap(({ state, ...terms }, place) => {
      const random = createRandom(seed, 'offer-codes', benefit.id, state);
      return Array.from({ length: count }, (_, index) => {
        const id = String((place + 1) * 100_000 + index);
        return { benefit: benefit.id, code: newCode(id, index === 0, random), state, ...terms };
      });
    }),
  );
}

/** Example codes by benefit and state, for people. */
export function offerCodesByState(
  benefits: readonly BenefitOptions[],
  codes: readonly ExampleOfferCode[],
): Record<string, Omit<BenefitOptions, 'id'> & { codes: Partial<Record<CodeState, string[]>> }> {
  return Object.fromEntries(
    benefits.map(({ id, ...deal }) => {
      const byState: Partial<Record<CodeState, string[]>> = {};
      for (const { benefit, state, code } of codes) if (benefit === id) (byState[state] ??= []).push(code);
      return [id, { ...deal, codes: byState }];
    }),
  );
}

function statesOf({
  use,
  usageLimit,
}: BenefitOptions): (Omit<CodeOptions, 'benefit' | 'code'> & { state: CodeState })[] {
  return [
    { state: 'valid' },
    ...(use === 'single' ? [{ state: 'used', redeemed: 1 } as const] : []),
    ...(usageLimit === undefined ? [] : [{ state: 'limit-reached', redeemed: usageLimit } as const]),
    { state: 'expired', expiresAt: LONG_AGO },
    { state: 'inactive', activeWeekdays: [] },
    { state: 'denied', message: OTHER_DENIAL },
  ];
}

/** @param id makes the code distinct whatever the dice say */
function newCode(id: string, isPlain: boolean, random: Random): string {
  const digits = `${random.integer(100_000, 999_999)}${id}`;
  const forms = [
    `PRIME-${id}`,
    `SAVE 10 ${id}`,
    `A/B ${id}`,
    `2+1-${id}`,
    `50%25-${id}`,
    `größe-${id}`,
    `茶壺-${id}`,
    `md:${id};x`,
  ];
  return isPlain || random.chance(0.6) ? digits : random.pick(forms);
}
