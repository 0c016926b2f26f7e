import { describe, expect, it } from 'vitest';
import { exampleOfferCodes, offerCodesByState } from '../../local/upstreams/example-offer-codes.ts';
import { INDIAN, MULTIPLE, SINGLE, startOfferCodes } from './running-offer-codes.ts';

const BENEFITS = [SINGLE, MULTIPLE, INDIAN];

describe('the example codes', () => {
  it('have the states that they are said to have, in every time zone, and answer accordingly', async () => {
    const codes = exampleOfferCodes(BENEFITS, 3);
    const { simulator, verify } = await startOfferCodes({
      benefits: BENEFITS,
      codes: codes.map(({ state: _, ...code }) => code),
    });
    const messages: Record<string, string> = {};
    for (const { benefit, code, state } of codes) {
      expect(simulator.offerCodeTruth(benefit, code).state).toBe(state);
      for (const zone of ['Pacific/Kiritimati', 'Pacific/Pago_Pago']) {
        const { json } = await verify({ benefit, code, headers: { 'x-amz-time-zone': zone } });
        const { message } = json as { message: string };
        expect((messages[state] ??= message)).toBe(message);
      }
    }
    expect(messages).toEqual({
      valid: 'SUCCESS',
      used: 'INVALID_OFFER_CODE',
      expired: 'INVALID_OFFER_CODE',
      'limit-reached': 'FAILURE:DENIED:EXCEEDED_USAGE_LIMIT',
      inactive: 'FAILURE:DENIED:DEAL_INACTIVE',
      denied: 'FAILURE:DENIED:CUSTOMER_NOT_ELIGIBLE',
    });
  });

  it('are the same for the same seed, distinct, and begin with a number that needs no encoding', () => {
    const codes = exampleOfferCodes(BENEFITS, 50, 7);
    expect(exampleOfferCodes(BENEFITS, 50, 7)).toEqual(codes);
    expect(exampleOfferCodes(BENEFITS, 50, 8)).not.toEqual(codes);
    const all = codes.map(({ benefit, code }) => `${benefit} ${code}`);
    expect(new Set(all).size).toBe(all.length);
    const byState = offerCodesByState(BENEFITS, codes);
    expect(Object.keys(byState[SINGLE.id]?.codes ?? {})).toEqual(['valid', 'used', 'expired', 'inactive', 'denied']);
    expect(byState[MULTIPLE.id]).toMatchObject({ marketplace: 'US', use: 'multiple', usageLimit: 3 });
    for (const { codes: states } of Object.values(byState)) {
      for (const [first, ...others] of Object.values(states)) {
        expect(first).toMatch(/^\d{12}$/);
        expect(others).toHaveLength(49);
        expect(others.some((code) => encodeURIComponent(code) !== code)).toBe(true);
      }
    }
  });

  it('are those of a shorter list to begin with', () => {
    const short = offerCodesByState([SINGLE], exampleOfferCodes([SINGLE], 5));
    const long = offerCodesByState(BENEFITS, exampleOfferCodes(BENEFITS, 9));
    expect(long[SINGLE.id]?.codes['valid']?.slice(0, 5)).toEqual(short[SINGLE.id]?.codes['valid']);
  });
});
