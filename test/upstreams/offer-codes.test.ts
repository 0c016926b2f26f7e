import path from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  CODE,
  INACTIVE,
  INDIAN,
  INVALID,
  LIMIT,
  MULTIPLE,
  SINGLE,
  SUCCESS,
  WEEKEND,
  startOfferCodes,
} from './running-offer-codes.ts';
import { start, temporaryDirectory } from './running-simulator.ts';

const DAY_MS = 86_400_000;

describe('verifying an offer code', () => {
  it('succeeds for a code that gives its benefit, as often as asked', async () => {
    const { verify, simulator } = await startOfferCodes();
    for (let round = 0; round < 3; round += 1) {
      const answer = await verify();
      expect(answer).toMatchObject(SUCCESS);
      expect(answer.text).toBe('{"message":"SUCCESS"}');
    }
    expect(simulator.offerCodeTruth(SINGLE.id, CODE)).toEqual({
      benefit: SINGLE.id,
      code: CODE,
      state: 'valid',
      redemptions: [],
      verifications: 3,
    });
  });

  it('finds a code invalid that is unknown, of another benefit, or written in another case', async () => {
    const { verify } = await startOfferCodes({ codes: [{ benefit: SINGLE.id, code: 'Summer' }] });
    expect(await verify({ code: 'Summer' })).toMatchObject(SUCCESS);
    expect(await verify({ code: 'summer' })).toMatchObject(INVALID);
    expect(await verify({ code: 'Summer ' })).toMatchObject(INVALID);
    expect(await verify({ code: 'Summer', benefit: MULTIPLE.id })).toMatchObject(INVALID);
  });

  it('finds a code invalid from the moment that it expires', async () => {
    const started = await startOfferCodes({
      codes: [
        { benefit: SINGLE.id, code: 'by-number', expiresAt: Date.UTC(2026, 4, 1, 0, 0, 1) },
        { benefit: SINGLE.id, code: 'by-text', expiresAt: '2026-05-01T02:00:01+02:00' },
      ],
    });
    const { verify, redeem, clock, simulator } = started;
    clock.pass(999);
    for (const code of ['by-number', 'by-text']) expect(await verify({ code })).toMatchObject(SUCCESS);
    clock.pass(1);
    for (const code of ['by-number', 'by-text']) {
      expect(await verify({ code })).toMatchObject(INVALID);
      expect(await redeem({ code })).toMatchObject(INVALID);
      expect(simulator.offerCodeTruth(SINGLE.id, code)).toMatchObject({ state: 'expired', redemptions: [] });
    }
  });

  it('denies what has a reason of its own, whatever the code would be worth', async () => {
    const message = 'FAILURE:DENIED:CUSTOMER_NOT_ELIGIBLE';
    const { verify, redeem, simulator } = await startOfferCodes({
      codes: [{ benefit: SINGLE.id, code: CODE, message }],
    });
    expect(await verify()).toMatchObject({ status: 200, json: { message } });
    expect(await redeem()).toMatchObject({ status: 200, json: { message } });
    expect(simulator.offerCodeTruth(SINGLE.id, CODE)).toMatchObject({ state: 'denied', redemptions: [] });
  });

  it('looks at the weekday where the customer is, and in UTC where that is not told', async () => {
    const { verify, redeem, clock } = await startOfferCodes();
    const at = (zone?: string) => verify({ benefit: WEEKEND.id, headers: { 'x-amz-time-zone': zone } });
    // A Friday, 19:00.
    clock.pass(19 * 3_600_000);
    expect(await at()).toMatchObject(INACTIVE);
    expect(await at('Asia/Kolkata')).toMatchObject(SUCCESS);
    expect(await at('America/Los_Angeles')).toMatchObject(INACTIVE);
    expect(await redeem({ benefit: WEEKEND.id })).toMatchObject(INACTIVE);
    // A Sunday, 19:00.
    clock.pass(2 * DAY_MS);
    expect(await at('UTC')).toMatchObject(SUCCESS);
    expect(await at('Asia/Kolkata')).toMatchObject(INACTIVE);
    expect(await at('America/Los_Angeles')).toMatchObject(SUCCESS);
  });

  it('lets a code have weekdays of its own', async () => {
    const { verify } = await startOfferCodes({
      codes: [
        { benefit: WEEKEND.id, code: 'fridays', activeWeekdays: ['Friday'] },
        { benefit: SINGLE.id, code: 'never', activeWeekdays: [] },
      ],
    });
    expect(await verify({ benefit: WEEKEND.id, code: 'fridays' })).toMatchObject(SUCCESS);
    expect(await verify({ code: 'never' })).toMatchObject(INACTIVE);
  });
});

describe('redeeming an offer code', () => {
  it('uses up a code of single use: to repeat it, or to verify it then, finds it invalid', async () => {
    const { verify, redeem, simulator, clock } = await startOfferCodes();
    expect(await verify()).toMatchObject(SUCCESS);
    const at = clock.now();
    expect(await redeem()).toMatchObject(SUCCESS);
    clock.pass(5);
    expect(await redeem()).toMatchObject(INVALID);
    expect(await verify()).toMatchObject(INVALID);
    expect(simulator.offerCodeTruth(SINGLE.id, CODE)).toMatchObject({ state: 'used', redemptions: [{ at }] });
  });

  it('counts each time with a code of multiple use, until its limit is reached', async () => {
    const { verify, redeem, simulator } = await startOfferCodes();
    const benefit = MULTIPLE.id;
    for (let time = 1; time <= MULTIPLE.usageLimit; time += 1) {
      expect(await redeem({ benefit, headers: { 'x-amz-request-id': 'the-same' } })).toMatchObject(SUCCESS);
      expect(simulator.offerCodeTruth(benefit, CODE).redemptions).toHaveLength(time);
    }
    expect(await verify({ benefit })).toMatchObject(LIMIT);
    expect(await redeem({ benefit })).toMatchObject(LIMIT);
    expect(simulator.offerCodeTruth(benefit, CODE)).toMatchObject({ state: 'limit-reached' });
    expect(simulator.offerCodeTruth(benefit, CODE).redemptions).toHaveLength(MULTIPLE.usageLimit);
  });

  it('gives a code of single use to one of many that ask at once', async () => {
    const { redeem, simulator } = await startOfferCodes();
    const answers = await Promise.all(Array.from({ length: 20 }, () => redeem()));
    expect(answers.filter(({ text }) => text.includes('SUCCESS'))).toHaveLength(1);
    expect(simulator.offerCodeTruth(SINGLE.id, CODE).redemptions).toHaveLength(1);
  });

  it('keeps the time of redemption that it is told, and judges the code as of then', async () => {
    const { redeem, simulator, clock } = await startOfferCodes();
    const told = (text: string) => ({ benefit: WEEKEND.id, headers: { 'x-amz-offer-code-redemption-time': text } });
    expect(await redeem(told('20260424T1200Z'))).toMatchObject(INACTIVE);
    expect(await redeem(told('20260425T2359Z'))).toMatchObject(SUCCESS);
    expect(simulator.offerCodeTruth(WEEKEND.id, CODE).redemptions).toEqual([
      { at: clock.now(), redemptionTime: '20260425T2359Z' },
    ]);
  });

  it('begins with the redemptions that a code is said to have had', async () => {
    const { verify, simulator, clock } = await startOfferCodes({
      codes: [
        { benefit: SINGLE.id, code: CODE, redeemed: 1 },
        { benefit: MULTIPLE.id, code: CODE, redeemed: 2 },
        { benefit: MULTIPLE.id, code: 'worn', redeemed: 3 },
      ],
    });
    expect(await verify()).toMatchObject(INVALID);
    expect(await verify({ benefit: MULTIPLE.id })).toMatchObject(SUCCESS);
    expect(await verify({ benefit: MULTIPLE.id, code: 'worn' })).toMatchObject(LIMIT);
    expect(simulator.offerCodeTruth(SINGLE.id, CODE).redemptions).toEqual([{ at: clock.now() }]);
  });
});

describe('a request that is wrong in itself', () => {
  it.each([
    ['no marketplace', { headers: { 'x-amz-marketplace': undefined } }, /x-amz-marketplace is missing/],
    ['a marketplace that there is not', { headers: { 'x-amz-marketplace': 'us' } }, /"us" .* no marketplace/],
    ['an unknown benefit', { benefit: 'NOBODYS' }, /not one of the caller/],
    [
      'a benefit of another marketplace',
      { benefit: INDIAN.id, headers: { 'x-amz-marketplace': 'US' }, signing: { region: 'us-east-1' } },
      /in this marketplace/,
    ],
    ['a place that is no time zone', { headers: { 'x-amz-time-zone': 'Mars/Olympus' } }, /"Mars\/Olympus"/],
    ['an offset for a time zone', { headers: { 'x-amz-time-zone': '+05:30' } }, /x-amz-time-zone/],
    ['an empty time zone', { headers: { 'x-amz-time-zone': '' } }, /x-amz-time-zone/],
    ['a code that is not percent-encoded', { segment: '50%' }, /percent-encoding/],
    ['a code that is not UTF-8', { segment: '%FF' }, /percent-encoding/],
  ])('is a BadRequest: %s', async (_, asking, message) => {
    const { verify, simulator } = await startOfferCodes();
    const answer = await verify(asking);
    expect(answer.status).toBe(400);
    expect(answer.json).toEqual({ error: { code: 'BadRequest', message: expect.stringMatching(message) } });
    expect(simulator.offerCodeTruth(SINGLE.id, CODE).verifications).toBe(0);
  });

  it.each(['2026-05-01T10:30Z', '20260501T103000Z', '20260230T1030Z', '20260501T2460Z', '20260501T1030', ''])(
    'is a BadRequest: redeemed at "%s"',
    async (time) => {
      const { redeem, verify, simulator } = await startOfferCodes();
      const headers = { 'x-amz-offer-code-redemption-time': time };
      const answer = await redeem({ headers });
      expect(answer.status).toBe(400);
      expect(answer.json).toEqual({ error: { code: 'BadRequest', message: expect.stringContaining(`"${time}"`) } });
      expect(simulator.offerCodeTruth(SINGLE.id, CODE).redemptions).toEqual([]);
      expect(await verify({ headers })).toMatchObject(SUCCESS);
    },
  );

  it.each([
    ['another path', { path: '/v1/customer/benefit/FREE_MONTH/offer-code/1/cancel' }],
    ['a longer path', { path: `/v1/customer/benefit/FREE_MONTH/offer-code/${CODE}/verify/now` }],
    ['a closing slash', { path: `/v1/customer/benefit/FREE_MONTH/offer-code/${CODE}/verify/` }],
    ['a code with a slash that is not encoded', { segment: 'a/b' }],
    ['no code', { segment: '' }],
    ['two dots for a code', { segment: '..' }],
    ['another method', { method: 'POST' }],
    ['another version', { path: `/v2/customer/benefit/FREE_MONTH/offer-code/${CODE}/verify` }],
  ])('is not found: %s', async (_, asking) => {
    const { verify, simulator } = await startOfferCodes();
    const answer = await verify(asking);
    expect(answer.status).toBe(404);
    expect(answer.json).toEqual({ error: { code: 'NotFound', message: expect.any(String) } });
    expect(simulator.requests().operations).toEqual({ '(none)/(none)': { total: 1, byStatus: { 404: 1 } } });
  });
});

describe('a code', () => {
  it.each([
    ['blanks', 'SAVE 10 NOW', 'SAVE%2010%20NOW'],
    ['a slash', 'A/B', 'A%2FB'],
    ['a plus sign as it is', 'A+B', 'A+B'],
    ['an encoded plus sign', 'A+B', 'A%2BB'],
    ['percent signs that look like encoding', '100%2F', '100%252F'],
    ['dots', '..', '%2E%2E'],
    ['other scripts', '茶壺-größe', encodeURIComponent('茶壺-größe')],
    ['an emoji in lower-case hex', '🎬', '%f0%9f%8e%ac'],
    ['marks that browsers leave alone', "it's (new)!*~", "it's%20(new)!*~"],
    ['a query’s marks', 'a?b=c&d#e', 'a%3Fb%3Dc%26d%23e'],
    ['colons and semicolons', 'md:a;b,c@d', 'md:a;b,c@d'],
    ['one kilobyte', 'X'.repeat(1024), 'X'.repeat(1024)],
  ])('arrives byte for byte: %s', async (_, code, segment) => {
    const { redeem, simulator } = await startOfferCodes({ codes: [{ benefit: SINGLE.id, code }] });
    expect(await redeem({ segment, unsigned: { 'x-amz-request-id': 'first' } })).toMatchObject(SUCCESS);
    expect(await redeem({ segment })).toMatchObject(INVALID);
    expect(simulator.offerCodeTruth(SINGLE.id, code).redemptions).toHaveLength(1);
    expect(simulator.requests().arrivals).toMatchObject([
      { operation: 'redeem', outcome: 200, offerCode: { codeSegment: segment, requestId: 'first' } },
      { operation: 'redeem', outcome: 200, offerCode: { codeSegment: segment, requestId: null } },
    ]);
  });

  it('is in no line that the simulator writes', async () => {
    const lines: string[] = [];
    const { verify, redeem, control } = await startOfferCodes({}, { log: (line) => lines.push(line) });
    await control('POST', '/control/faults', { kind: 'drop', match: { operation: 'redeem' }, times: 1 });
    await verify();
    await expect(redeem()).rejects.toThrow();
    await redeem({ tamper: ({ headers }) => delete headers['x-amz-marketplace'] });
    expect(lines.join('\n')).toContain('offer codes');
    expect(lines.join('\n')).not.toContain(CODE);
  });
});

describe('the log of requests', () => {
  it('tells what each request carried, and counts by benefit and operation', async () => {
    const { verify, redeem, clock, simulator } = await startOfferCodes();
    await verify({
      headers: { 'x-amz-time-zone': 'Asia/Kolkata', 'x-amz-request-id': 'signed' },
    });
    clock.pass(61_000);
    await redeem({
      headers: { 'x-amz-offer-code-redemption-time': '20260501T0001Z' },
      unsigned: { 'x-amz-request-id': 'r-2' },
    });
    await verify({ benefit: 'NOBODYS' });
    const report = simulator.requests();
    const nothing = { timeZone: null, redemptionTime: null };
    expect(report.arrivals.map(({ offerCode }) => offerCode)).toEqual([
      { ...nothing, benefit: SINGLE.id, codeSegment: CODE, requestId: 'signed', date: '20260501T000000Z', timeZone: 'Asia/Kolkata' }, // prettier-ignore
      { ...nothing, benefit: SINGLE.id, codeSegment: CODE, requestId: 'r-2', date: '20260501T000101Z', redemptionTime: '20260501T0001Z' }, // prettier-ignore
      { ...nothing, benefit: null, codeSegment: CODE, requestId: null, date: '20260501T000101Z' },
    ]);
    expect(report.operations).toEqual({
      [`${SINGLE.id}/verify`]: { total: 1, byStatus: { 200: 1 } },
      [`${SINGLE.id}/redeem`]: { total: 1, byStatus: { 200: 1 } },
      '(none)/verify': { total: 1, byStatus: { 400: 1 } },
    });
  });
});

describe('the lives of codes', () => {
  it('go on in the next run with the same seed, and begin anew with another', async () => {
    const stateFile = path.join(await temporaryDirectory(), 'codes.json');
    const run = (seed: number) => startOfferCodes({ stateFile }, { seed });
    const first = await run(1);
    await first.verify();
    await first.redeem();
    const truth = first.simulator.offerCodeTruth(SINGLE.id, CODE);
    await first.simulator.stop();
    const second = await run(1);
    expect(second.simulator.offerCodeTruth(SINGLE.id, CODE)).toEqual(truth);
    expect(await second.verify()).toMatchObject(INVALID);
    await second.simulator.stop();
    const other = await run(2);
    expect(await other.verify()).toMatchObject(SUCCESS);
  });

  it('are kept while a run does not have the code', async () => {
    const stateFile = path.join(await temporaryDirectory(), 'codes.json');
    const first = await startOfferCodes({ stateFile });
    await first.redeem();
    await first.simulator.stop();
    const without = await startOfferCodes({ stateFile, codes: [{ benefit: MULTIPLE.id, code: CODE }] });
    expect(await without.redeem({ benefit: MULTIPLE.id })).toMatchObject(SUCCESS);
    await without.simulator.stop();
    const again = await startOfferCodes({ stateFile });
    expect(again.simulator.offerCodeTruth(SINGLE.id, CODE)).toMatchObject({ state: 'used' });
    expect(again.simulator.offerCodeTruth(MULTIPLE.id, CODE).redemptions).toHaveLength(1);
  });
});

describe('the options', () => {
  it.each([
    ['Two benefits', { benefits: [SINGLE, SINGLE] }],
    ['no marketplace', { benefits: [{ ...SINGLE, marketplace: 'XX' }] }],
    ['no usage limit', { benefits: [{ ...SINGLE, usageLimit: 2 }] }],
    ['There is no benefit "NOBODYS"', { codes: [{ benefit: 'NOBODYS', code: CODE }] }],
    ['listed twice', { codes: [{ benefit: SINGLE.id, code: CODE }, { benefit: SINGLE.id, code: CODE }] }], // prettier-ignore
    ['activeWeekdays', { codes: [{ benefit: SINGLE.id, code: CODE, activeWeekdays: ['Caturday'] as never }] }],
  ])('are refused when they cannot be right: %s', async (reason, options) => {
    await expect(startOfferCodes(options)).rejects.toThrow(reason);
  });

  it('say so where offer codes are not simulated', async () => {
    const { simulator } = await start();
    expect(() => simulator.offerCodesUrl).toThrow('not simulated');
    expect(() => simulator.offerCodeTruth(SINGLE.id, CODE)).toThrow('not simulated');
    const { simulator: running } = await startOfferCodes();
    expect(() => running.offerCodeTruth(SINGLE.id, 'never')).toThrow('never had');
  });
});
