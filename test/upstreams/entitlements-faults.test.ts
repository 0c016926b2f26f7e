import { describe, expect, it } from 'vitest';
import { ACCOUNT, ENTITLEMENT, SKU, startEntitlements, type StartedEntitlements } from './running-entitlements.ts';
import { start } from './running-simulator.ts';

const OTHER = 'e2';

/** How often the claim of the start has been fulfilled: 0 or 1. */
const fulfilments = ({ simulator }: StartedEntitlements): number =>
  simulator.reports().filter(({ applied }) => applied).length;

/** A simulator with two claims of the account. */
async function startTwo(): Promise<StartedEntitlements> {
  const started = await startEntitlements();
  started.simulator.claim({ account: ACCOUNT, sku: 'another', entitlementId: OTHER });
  return started;
}

describe('a report whose answer goes wrong', () => {
  it.each([
    ['lost before it began', { kind: 'drop' }],
    ['lost in the middle', { kind: 'drop', when: 'mid-answer' }],
  ])('has taken place: %s', async (_, rule) => {
    const started = await startEntitlements();
    await started.fault(rule);
    await expect(started.fulfil()).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(fulfilments(started)).toBe(1);
    expect(await started.listed()).toEqual([]);
    expect(await started.results()).toEqual([[ENTITLEMENT, 'ERROR']]);
  });

  it('has not taken place where the connection is reset before', async () => {
    const started = await startEntitlements();
    await started.fault({ kind: 'drop', effect: 'none' });
    await expect(started.fulfil()).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(fulfilments(started)).toBe(0);
    expect(started.simulator.reports()).toMatchObject([{ result: 'SUCCESS', applied: false }]);
    expect(await started.results()).toEqual([[ENTITLEMENT, 'SUCCESS']]);
  });

  it.each([401, 403, 429, 500, 503])(
    'has not taken place when it is answered %i, unless the rule says so',
    async (code) => {
      const started = await startEntitlements();
      await started.fault({ kind: 'status', code });
      await started.fault({ kind: 'status', code, effect: 'applied' });
      expect(await started.fulfil()).toMatchObject({ status: code, json: { message: `Simulated ${code}` } });
      expect(fulfilments(started)).toBe(0);
      expect((await started.fulfil()).status).toBe(code);
      expect(fulfilments(started)).toBe(1);
    },
  );

  it('has taken place when its body is cut off or no JSON, unless the rule says otherwise', async () => {
    const started = await startTwo();
    await started.fault({ kind: 'malformed', effect: 'none' });
    await started.fault({ kind: 'malformed' });
    await started.fault({ kind: 'malformed', how: 'invalid' });
    expect(await started.fulfil()).toMatchObject({ status: 200, json: undefined });
    expect(fulfilments(started)).toBe(0);
    expect(await started.fulfil()).toMatchObject({ status: 200, json: undefined });
    expect(fulfilments(started)).toBe(1);
    expect(await started.fulfil([OTHER])).toMatchObject({ status: 200, text: expect.stringContaining('<html>') });
    expect(fulfilments(started)).toBe(2);
  });

  it('has taken place while its client waits in vain, unless the rule says otherwise', async () => {
    const started = await startEntitlements();
    const hung = () => started.simulator.requests().byStatus['hung'] ?? 0;
    const waiting = [];
    for (const [rule, given] of [
      [{ kind: 'hang', effect: 'none' }, 0],
      [{ kind: 'hang' }, 1],
    ] as const) {
      await started.fault(rule);
      const answers = waiting.push(started.fulfil().catch(() => 'cut off'));
      while (hung() < answers) await new Promise((resolve) => setImmediate(resolve));
      expect(fulfilments(started)).toBe(given);
    }
    await started.simulator.stop();
    expect(await Promise.all(waiting)).toEqual(['cut off', 'cut off']);
  });

  it('takes place once the request has arrived, however long the answer is under way', async () => {
    const started = await startEntitlements();
    const sent = started.clock.now();
    await started.fault({ kind: 'latency', ms: 4000, uplinkShare: 0.25 });
    expect(await started.results()).toEqual([[ENTITLEMENT, 'SUCCESS']]);
    expect(started.simulator.reports()).toMatchObject([{ at: sent + 1000, applied: true }]);
    expect(started.clock.waits).toEqual([1000, 3000]);
  });
});

describe('an item of a report', () => {
  it('is answered ERROR and not fulfilled, while the others are', async () => {
    const started = await startTwo();
    await started.fault({ kind: 'inner-result', match: { entitlement: ENTITLEMENT } });
    expect(await started.results([ENTITLEMENT, OTHER])).toEqual([
      [ENTITLEMENT, 'ERROR'],
      [OTHER, 'SUCCESS'],
    ]);
    expect(await started.listed()).toEqual([ENTITLEMENT]);
  });

  it('is answered ERROR although it is fulfilled, or SUCCESS although it is not, or another word', async () => {
    const started = await startTwo();
    await started.fault({ kind: 'inner-result', effect: 'applied' });
    expect(await started.results()).toEqual([[ENTITLEMENT, 'ERROR']]);
    expect(await started.listed()).toEqual([OTHER]);
    await started.fault({ kind: 'inner-result', result: 'SUCCESS' });
    expect(await started.results([OTHER])).toEqual([[OTHER, 'SUCCESS']]);
    expect(await started.listed()).toEqual([OTHER]);
    await started.fault({ kind: 'inner-result', result: 'PENDING' });
    expect(await started.results([OTHER])).toEqual([[OTHER, 'PENDING']]);
  });

  it('is missing in the answer, fulfilled unless the rule says otherwise', async () => {
    const started = await startTwo();
    await started.fault({ kind: 'inner-missing', match: { entitlement: ENTITLEMENT }, effect: 'none' });
    expect(await started.results([ENTITLEMENT, OTHER])).toEqual([[OTHER, 'SUCCESS']]);
    expect(await started.listed()).toEqual([ENTITLEMENT]);
    await started.fault({ kind: 'inner-missing', match: { operation: 'fulfil' } });
    expect(await started.results()).toEqual([]);
    expect(await started.listed()).toEqual([]);
  });

  it('goes wrong the first times that it is reported', async () => {
    const started = await startTwo();
    await started.fault({ kind: 'inner-result', firstTries: 2, times: 100 });
    const word = async (id: string) => (await started.results([id]))[0]?.[1];
    expect([await word(ENTITLEMENT), await word(OTHER), await word(ENTITLEMENT)]).toEqual(['ERROR', 'ERROR', 'ERROR']);
    expect([await word(ENTITLEMENT), await word(OTHER), await word(OTHER)]).toEqual(['SUCCESS', 'ERROR', 'SUCCESS']);
  });

  it('comes to nothing where the whole report does', async () => {
    const started = await startEntitlements();
    await started.fault({ kind: 'inner-missing' });
    await started.fault({ kind: 'drop', effect: 'none' });
    await expect(started.fulfil()).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(fulfilments(started)).toBe(0);
  });
});

describe('a list that goes wrong', () => {
  it('leaves an entitlement out, and has it the next time', async () => {
    const started = await startTwo();
    await started.fault({ kind: 'inner-missing', match: { operation: 'entitlements', sku: SKU } });
    expect(await started.listed()).toEqual([OTHER]);
    expect(await started.listed()).toEqual([ENTITLEMENT, OTHER]);
  });

  it('drifts: an instruction that nobody knows, fields too many, too few or of another type', async () => {
    const started = await startEntitlements();
    const first = async () => ((await started.list()).json as { Entitlements: unknown[] }).Entitlements[0];
    const right = { EntitlementId: ENTITLEMENT, NextInstruction: 'FULFILL', VendorProductId: SKU };
    await started.fault({ kind: 'drift', how: 'unknown-enum-value', value: 'HOLD' });
    expect(await first()).toEqual({ ...right, NextInstruction: 'HOLD' });
    await started.fault({ kind: 'drift', how: 'unknown-field' });
    expect(await first()).toEqual({ ...right, IntroducedLater: { since: 'today' } });
    await started.fault({ kind: 'drift', how: 'missing-field' });
    expect(await first()).toEqual({ NextInstruction: 'FULFILL', VendorProductId: SKU });
    await started.fault({ kind: 'drift', how: 'wrong-type' });
    expect(await first()).toEqual({ ...right, VendorProductId: { unexpected: SKU } });
    await started.fault({ kind: 'drift', how: 'missing-field', field: 'Entitlements' });
    expect((await started.list()).json).toEqual({});
    await started.fault({ kind: 'drift', how: 'unknown-enum-value', match: { operation: 'fulfil' } });
    expect(await started.results()).toEqual([[ENTITLEMENT, 'Not-Yet-Documented']]);
  });
});

describe('a profile that goes wrong', () => {
  it('answers in the words of Login with Amazon, or without the user_id', async () => {
    const { fault, profile } = await startEntitlements();
    await fault({ kind: 'status', code: 500, match: { api: 'login' } });
    expect(await profile()).toMatchObject({ status: 500, json: { error: 'ServerError' } });
    await fault({ kind: 'drift', how: 'missing-field', match: { operation: 'profile' } });
    const { json } = await profile();
    expect(json).not.toHaveProperty('user_id');
    expect(json).toHaveProperty('email');
  });
});

describe('a token', () => {
  it('expires before the request that a rule names, between list and report for example, and a new one goes on', async () => {
    const { fault, list, fulfil, listed, results, simulator } = await startEntitlements();
    await fault({ kind: 'expire-token', match: { operation: 'fulfil' } });
    expect(await listed()).toEqual([ENTITLEMENT]);
    expect((await fulfil()).status).toBe(401);
    expect((await list()).status).toBe(401);
    expect(simulator.reports()).toEqual([]);
    const token = simulator.issueToken({ account: ACCOUNT });
    expect(await results([ENTITLEMENT], { token })).toEqual([[ENTITLEMENT, 'SUCCESS']]);
  });

  it('expires after so many requests of an account', async () => {
    const { fault, list, simulator } = await startEntitlements();
    const others = simulator.issueToken({ account: 'bob' });
    await fault({ kind: 'expire-token', match: { account: ACCOUNT }, every: 3 });
    const status = async (token?: string) => (await list(token === undefined ? {} : { token })).status;
    expect([await status(), await status(others), await status(), await status(), await status(others)]).toEqual([
      200, 200, 200, 401, 200,
    ]);
  });
});

describe('a fault of entitlements', () => {
  it.each<[string, Record<string, string>, 'list' | 'fulfil' | 'profile', 'list' | 'fulfil' | 'profile' | undefined]>([
    ['operation', { operation: 'entitlements' }, 'list', 'fulfil'],
    ['operation', { operation: 'fulfil' }, 'fulfil', 'list'],
    ['operation', { operation: 'profile' }, 'profile', 'list'],
    ['API', { api: 'prime-gaming' }, 'list', 'profile'],
    ['API', { api: 'login' }, 'profile', 'fulfil'],
    ['entitlement', { entitlement: ENTITLEMENT }, 'fulfil', 'profile'],
    ['entitlement, which is listed', { entitlement: ENTITLEMENT }, 'list', 'profile'],
    ['SKU', { sku: SKU }, 'fulfil', 'profile'],
    ['account', { account: ACCOUNT }, 'profile', undefined],
  ])('strikes the requests that it matches, and no others: by %s', async (_, match, struck, spared) => {
    const started = await startEntitlements();
    await started.fault({ kind: 'status', code: 503, match, times: 100 });
    expect((await started[struck]()).status).toBe(503);
    if (spared !== undefined) expect((await started[spared]()).status).toBe(200);
    const token = started.simulator.issueToken({ account: 'bob' });
    if (match['account'] !== undefined) expect((await started.profile({ token })).status).toBe(200);
  });

  it('spares the other APIs, and what is turned away', async () => {
    const started = await startEntitlements();
    await started.fault({ kind: 'status', code: 503, match: { api: 'prime-gaming' } });
    expect((await started.getTitle()).status).toBe(200);
    expect((await started.list({ token: 'Atza|unknown' })).status).toBe(401);
    expect((await started.list()).status).toBe(503);
  });

  it('cannot be had where nothing simulated can play it', async () => {
    const { control } = await start();
    const refused = async (rule: object) => (await control('POST', '/control/faults', rule)).status;
    expect(await refused({ kind: 'inner-result' })).toBe(400);
    expect(await refused({ kind: 'drop', match: { entitlement: 'x' } })).toBe(400);
    const priced = await start({ pricing: { accounts: [], items: [] } });
    const missing = { kind: 'inner-missing' };
    expect(await priced.control('POST', '/control/faults', missing)).toMatchObject({ status: 201 });
    expect(await priced.control('POST', '/control/faults', { ...missing, effect: 'none' })).toMatchObject({
      status: 400,
      json: { error: expect.stringContaining('effect') },
    });
  });
});

describe('latency of entitlements', () => {
  it('can be that of every request', async () => {
    const { list, clock } = await startEntitlements({ latency: { medianMs: 80, sigma: 0 } });
    await list();
    expect(clock.waits).toEqual([20, 60]);
  });
});
