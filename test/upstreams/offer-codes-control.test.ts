import { describe, expect, it } from 'vitest';
import { CODE, INACTIVE, INVALID, LIMIT, SINGLE, SUCCESS, startOfferCodes } from './running-offer-codes.ts';

const path = (code: string, benefit: string = SINGLE.id): string =>
  `/control/offer-codes/${benefit}/${encodeURIComponent(code)}`;

describe('control of offer codes', () => {
  it('adds codes, and leaves those alone that are there', async () => {
    const { control, verify, redeem } = await startOfferCodes();
    await redeem();
    const codes = [
      { benefit: SINGLE.id, code: CODE },
      { benefit: SINGLE.id, code: 'A/B' },
    ];
    expect(await control('POST', '/control/offer-codes', codes)).toMatchObject({
      status: 201,
      json: { added: 1, existing: 1 },
    });
    expect(await verify({ code: 'A/B' })).toMatchObject(SUCCESS);
    expect(await verify()).toMatchObject(INVALID);
  });

  it('gives a code a new life', async () => {
    const { control, verify, redeem } = await startOfferCodes();
    await redeem();
    expect(await control('PUT', path(CODE), {})).toMatchObject({
      json: { benefit: SINGLE.id, code: CODE, state: 'valid', redemptions: [], verifications: 0 },
    });
    expect(await verify()).toMatchObject(SUCCESS);
    expect(await control('PUT', path(CODE), { redeemed: 1 })).toMatchObject({ json: { state: 'used' } });
    expect(await verify()).toMatchObject(INVALID);
    expect(await control('PUT', path(CODE), { expiresAt: '2026-04-30T23:59:59Z' })).toMatchObject({
      json: { state: 'expired' },
    });
    const message = 'FAILURE:DENIED:OTHER';
    expect(await control('PUT', path(CODE), { message })).toMatchObject({ json: { state: 'denied' } });
    expect(await verify()).toMatchObject({ json: { message } });
    expect(await control('PUT', path(CODE), { activeWeekdays: ['Monday'] })).toMatchObject({
      json: { state: 'inactive' },
    });
    expect(await verify()).toMatchObject(INACTIVE);
  });

  it('makes a code unknown, and remembers what became of it', async () => {
    const { control, verify, redeem, simulator } = await startOfferCodes();
    await redeem();
    expect(await control('DELETE', path(CODE))).toMatchObject({ json: { state: 'unknown' } });
    expect(await verify()).toMatchObject(INVALID);
    expect(simulator.offerCodeTruth(SINGLE.id, CODE)).toMatchObject({ state: 'unknown', verifications: 1 });
    expect(simulator.offerCodeTruth(SINGLE.id, CODE).redemptions).toHaveLength(1);
    expect(await control('DELETE', path('never'))).toMatchObject({ status: 404 });
    const added = await control('POST', '/control/offer-codes', [{ benefit: SINGLE.id, code: CODE }]);
    expect(added).toMatchObject({ json: { added: 1 } });
    expect(await verify()).toMatchObject(SUCCESS);
  });

  it('makes benefits and changes their deals', async () => {
    const { control, verify, redeem } = await startOfferCodes();
    const deal = { marketplace: 'US', use: 'multiple', usageLimit: 1 };
    expect(await control('PUT', '/control/benefits/NEW%2FONE', deal)).toMatchObject({ status: 200, json: deal });
    await control('POST', '/control/offer-codes', [{ benefit: 'NEW/ONE', code: CODE }]);
    const benefit = 'NEW/ONE';
    expect(await redeem({ benefit })).toMatchObject(SUCCESS);
    expect(await verify({ benefit })).toMatchObject(LIMIT);
    await control('PUT', '/control/benefits/NEW%2FONE', { ...deal, usageLimit: 2 });
    expect(await verify({ benefit })).toMatchObject(SUCCESS);
    await control('PUT', '/control/benefits/NEW%2FONE', { ...deal, marketplace: 'IN' });
    expect((await verify({ benefit })).status).toBe(400);
  });

  it('tells the truth about one code, a benefit’s or all', async () => {
    const { control } = await startOfferCodes();
    const truth = async (query: string) => (await control('GET', `/control/offer-code-truth${query}`)).json;
    expect(await truth(`?benefit=${SINGLE.id}&code=${CODE}`)).toEqual({
      codes: [{ benefit: SINGLE.id, code: CODE, state: 'valid', redemptions: [], verifications: 0 }],
    });
    expect(await truth(`?benefit=${SINGLE.id}`)).toMatchObject({ codes: [{ benefit: SINGLE.id }] });
    expect((await truth('')) as { codes: unknown[] }).toMatchObject({ codes: { length: 4 } });
    expect(await truth(`?code=never`)).toEqual({ error: 'There never was such a code.' });
  });

  it.each([
    ['PUT', '/control/benefits/X', { marketplace: 'XX', use: 'single' }],
    ['PUT', '/control/benefits/X', { marketplace: 'US', use: 'twice' }],
    ['PUT', '/control/benefits/X', { marketplace: 'US', use: 'single', usageLimit: 3 }],
    ['POST', '/control/offer-codes', { benefit: SINGLE.id, code: CODE }],
    [
      'POST',
      '/control/offer-codes',
      [
        { benefit: SINGLE.id, code: 'good' },
        { benefit: 'NOBODYS', code: CODE },
      ],
    ],
    ['POST', '/control/offer-codes', [{ benefit: SINGLE.id, code: '' }]],
    ['PUT', path(CODE, 'NOBODYS'), {}],
    ['PUT', path(CODE), { redeemed: -1 }],
    ['PUT', path(CODE), { expiresAt: 'tomorrow' }],
    ['PUT', path(CODE), { state: 'valid' }],
  ])('refuses what cannot be: %s %s %j', async (method, target, body) => {
    const { control, verify, simulator } = await startOfferCodes();
    const answer = await control(method, target, body);
    expect(answer).toMatchObject({ status: 400, json: { error: expect.any(String) } });
    expect(await verify()).toMatchObject(SUCCESS);
    expect(() => simulator.offerCodeTruth(SINGLE.id, 'good')).toThrow();
  });
});
