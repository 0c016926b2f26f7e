import { describe, expect, it } from 'vitest';
import {
  CODE,
  INVALID,
  MULTIPLE,
  SINGLE,
  SUCCESS,
  startOfferCodes,
  type Asking,
  type StartedOfferCodes,
} from './running-offer-codes.ts';
import { start } from './running-simulator.ts';

async function fault({ control }: StartedOfferCodes, rule: object): Promise<void> {
  expect(await control('POST', '/control/faults', { times: 1, ...rule })).toMatchObject({ status: 201 });
}

const redemptions = ({ simulator }: StartedOfferCodes, benefit: string = SINGLE.id): number =>
  simulator.offerCodeTruth(benefit, CODE).redemptions.length;

describe('a redemption whose answer goes wrong', () => {
  it.each([
    ['lost before it began', { kind: 'drop' }],
    ['lost in the middle', { kind: 'drop', when: 'mid-answer' }],
  ])('has taken place: %s', async (_, rule) => {
    const started = await startOfferCodes();
    await fault(started, rule);
    await expect(started.redeem()).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(redemptions(started)).toBe(1);
    expect(await started.redeem()).toMatchObject(INVALID);
    expect(await started.verify()).toMatchObject(INVALID);
  });

  it('has not taken place where the connection is reset before', async () => {
    const started = await startOfferCodes();
    await fault(started, { kind: 'drop', effect: 'none' });
    await expect(started.redeem()).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(redemptions(started)).toBe(0);
    expect(await started.redeem()).toMatchObject(SUCCESS);
  });

  it.each([429, 500, 502, 503, 504])(
    'has not taken place when it is answered %i, unless the rule says so',
    async (code) => {
      const started = await startOfferCodes();
      await fault(started, { kind: 'status', code, headers: { 'retry-after': '1' } });
      await fault(started, { kind: 'status', code, effect: 'applied' });
      expect(await started.redeem()).toMatchObject({
        status: code,
        headers: { 'retry-after': '1' },
        json: { error: { code: expect.any(String), message: `Simulated ${code}` } },
      });
      expect(redemptions(started)).toBe(0);
      expect((await started.redeem()).status).toBe(code);
      expect(redemptions(started)).toBe(1);
    },
  );

  it('has taken place when its body is cut off or no JSON, unless the rule says otherwise', async () => {
    const started = await startOfferCodes();
    const benefit = MULTIPLE.id;
    await fault(started, { kind: 'malformed' });
    await fault(started, { kind: 'malformed', how: 'invalid' });
    await fault(started, { kind: 'malformed', effect: 'none' });
    expect(await started.redeem({ benefit })).toMatchObject({ status: 200, text: '{"message":', json: undefined });
    expect(await started.redeem({ benefit })).toMatchObject({ status: 200, text: expect.stringContaining('<html>') });
    expect(redemptions(started, benefit)).toBe(2);
    expect(await started.redeem({ benefit })).toMatchObject({ status: 200, text: '{"message":' });
    expect(redemptions(started, benefit)).toBe(2);
  });

  it('has taken place while its client waits in vain, unless the rule says otherwise', async () => {
    const started = await startOfferCodes();
    const benefit = MULTIPLE.id;
    const hung = () => started.simulator.requests().byStatus['hung'] ?? 0;
    const waiting = [];
    for (const [rule, given] of [
      [{ kind: 'hang' }, 1],
      [{ kind: 'hang', effect: 'none' }, 1],
    ] as const) {
      await fault(started, rule);
      const answers = waiting.push(started.redeem({ benefit }).catch(() => 'cut off'));
      while (hung() < answers) await new Promise((resolve) => setImmediate(resolve));
      expect(redemptions(started, benefit)).toBe(given);
    }
    await started.simulator.stop();
    expect(await Promise.all(waiting)).toEqual(['cut off', 'cut off']);
  });

  it('takes place once the request has arrived, however long the answer is under way', async () => {
    const started = await startOfferCodes();
    const sent = started.clock.now();
    await fault(started, { kind: 'latency', ms: 4000, uplinkShare: 0.25 });
    expect(await started.redeem()).toMatchObject(SUCCESS);
    expect(started.simulator.offerCodeTruth(SINGLE.id, CODE).redemptions).toEqual([{ at: sent + 1000 }]);
    expect(started.clock.waits).toEqual([1000, 3000]);
  });
});

describe('a fault of offer codes', () => {
  const named = (id: string): Asking => ({ unsigned: { 'x-amz-request-id': id } });
  it.each<[string, Record<string, string>, ['verify' | 'redeem', Asking], ['verify' | 'redeem', Asking]]>([
    ['operation', { operation: 'redeem' }, ['redeem', {}], ['verify', {}]],
    ['benefit', { benefit: MULTIPLE.id }, ['verify', { benefit: MULTIPLE.id }], ['verify', {}]],
    ['code', { code: 'A/B +' }, ['verify', { segment: 'A%2FB%20%2B' }], ['verify', { code: 'A%2FB +' }]],
    ['request identifier', { requestId: 'r-7' }, ['verify', named('r-7')], ['verify', named('r-8')]],
    ['several', { benefit: SINGLE.id, operation: 'verify' }, ['verify', {}], ['redeem', {}]],
  ])('strikes the requests that it matches, and no others: by %s', async (_, match, struck, spared) => {
    const started = await startOfferCodes();
    const ask = async ([operation, asking]: typeof struck): Promise<number> =>
      (await started[operation](asking)).status;
    await fault(started, { kind: 'status', code: 503, match, times: 100 });
    expect(await ask(struck)).toBe(503);
    expect(await ask(spared)).toBe(200);
  });

  it('spares the other APIs where it names this one', async () => {
    const started = await startOfferCodes();
    await fault(started, { kind: 'status', code: 503, match: { api: 'offer-codes' }, times: 100 });
    expect((await started.verify()).status).toBe(503);
    expect((await started.getTitle()).status).toBe(200);
  });

  it('answers any message', async () => {
    const started = await startOfferCodes();
    const body = { message: 'FAILURE:DENIED:SOMETHING_NEW' };
    await fault(started, { kind: 'status', code: 200, body });
    expect(await started.redeem()).toMatchObject({ status: 200, json: body });
    expect(redemptions(started)).toBe(0);
    await fault(started, { kind: 'drift', how: 'missing-field' });
    expect(await started.verify()).toMatchObject({ status: 200, json: {} });
  });

  it('does not strike what the gateway turns away', async () => {
    const started = await startOfferCodes();
    await fault(started, { kind: 'status', code: 500 });
    expect((await started.verify({ signing: { region: 'eu-west-1' } })).status).toBe(403);
    expect((await started.verify({ path: '/' })).status).toBe(404);
    expect((await started.verify()).status).toBe(500);
    expect(started.simulator.offerCodeTruth(SINGLE.id, CODE).verifications).toBe(0);
  });

  it('cannot name an effect where nothing has one', async () => {
    const { control } = await start();
    const rule = { kind: 'drop', effect: 'none' };
    expect(await control('POST', '/control/faults', rule)).toMatchObject({ status: 400 });
    expect(await control('POST', '/control/faults', { kind: 'drop', match: { benefit: 'x' } })).toMatchObject({ status: 400 }); // prettier-ignore
  });
});

describe('latency of offer codes', () => {
  it('can be that of every request', async () => {
    const { verify, clock } = await startOfferCodes({ latency: { medianMs: 80, sigma: 0 } });
    await verify();
    expect(clock.waits).toEqual([20, 60]);
  });
});
