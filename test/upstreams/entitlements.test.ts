import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { ACCOUNT, ENTITLEMENT, PLAYER, SKU, reportOf, startEntitlements } from './running-entitlements.ts';
import { start, temporaryDirectory } from './running-simulator.ts';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const OTHER = 'e2';
const CONTENT_TYPE = 'application/json;charset UTF-8';

describe('the list of entitlements', () => {
  it('is the document’s, header and all, as often as asked', async () => {
    const { list } = await startEntitlements();
    for (let round = 0; round < 2; round += 1) {
      const answer = await list();
      expect(answer.status).toBe(200);
      expect(answer.headers).toMatchObject({ 'content-type': CONTENT_TYPE, 'content-language': 'en-US' });
      expect(answer.json).toEqual({
        Entitlements: [{ EntitlementId: ENTITLEMENT, NextInstruction: 'FULFILL', VendorProductId: SKU }],
      });
    }
  });

  it('holds what the account has claimed, oldest first, two claims of one SKU included, and of no other account', async () => {
    const { simulator, list, listed } = await startEntitlements();
    const second = simulator.claim({ account: ACCOUNT, sku: SKU });
    const odd = simulator.claim({ account: ACCOUNT, sku: 'not as the document says', instruction: 'NOOP' });
    const others = simulator.claim({ account: 'bob', sku: SKU });
    expect(second).toMatch(UUID);
    expect((await list()).json).toMatchObject({
      Entitlements: [
        { EntitlementId: ENTITLEMENT },
        { EntitlementId: second, VendorProductId: SKU, NextInstruction: 'FULFILL' },
        { EntitlementId: odd, VendorProductId: 'not as the document says', NextInstruction: 'NOOP' },
      ],
    });
    expect(await listed(simulator.issueToken({ account: 'bob' }))).toEqual([others]);
    expect(await listed(simulator.issueToken({ account: 'newcomer' }))).toEqual([]);
    expect(simulator.openClaims('bob')).toEqual([
      { account: 'bob', entitlementId: others, sku: SKU, instruction: 'FULFILL', state: 'open' },
    ]);
  });

  it('no longer has what is revoked, which can be claimed again, by another account', async () => {
    const { simulator, listed, results } = await startEntitlements();
    simulator.revoke(ENTITLEMENT);
    expect(await listed()).toEqual([]);
    expect(await results()).toEqual([[ENTITLEMENT, 'ERROR']]);
    expect(() => simulator.revoke(ENTITLEMENT)).toThrow('no open claim');
    simulator.claim({ account: 'bob', sku: SKU, entitlementId: ENTITLEMENT });
    expect(await listed()).toEqual([]);
    expect(await listed(simulator.issueToken({ account: 'bob' }))).toEqual([ENTITLEMENT]);
    expect(() => simulator.claim({ account: 'bob', sku: SKU, entitlementId: ENTITLEMENT })).toThrow('already');
  });
});

describe('a report', () => {
  it('fulfils a claim once: it is listed no more, and to repeat it is an ERROR', async () => {
    const { simulator, fulfil, listed, clock } = await startEntitlements();
    const at = clock.now();
    const answer = await fulfil();
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toBe(CONTENT_TYPE);
    expect(answer.json).toEqual({ FulfillmentStatusUpdates: [{ EntitlementId: ENTITLEMENT, Result: 'SUCCESS' }] });
    expect(await listed()).toEqual([]);
    clock.pass(5);
    expect((await fulfil()).json).toEqual({
      FulfillmentStatusUpdates: [{ EntitlementId: ENTITLEMENT, Result: 'ERROR' }],
    });
    const report = { account: ACCOUNT, entitlementId: ENTITLEMENT, lastInstruction: 'FULFILL', fulfillmentAddress: PLAYER }; // prettier-ignore
    expect(simulator.reports()).toEqual([
      { ...report, number: 1, at, result: 'SUCCESS', applied: true },
      { ...report, number: 2, at: at + 5, result: 'ERROR', applied: false },
    ]);
    expect(() => simulator.claim({ account: ACCOUNT, sku: SKU, entitlementId: ENTITLEMENT })).toThrow('already');
  });

  it('judges each of several items by itself, in their order', async () => {
    const { simulator, results, listed } = await startEntitlements();
    simulator.claim({ account: ACCOUNT, sku: SKU, entitlementId: OTHER });
    simulator.claim({ account: 'bob', sku: SKU, entitlementId: 'of-bob' });
    expect(await results(['unknown', OTHER, 'of-bob', OTHER, ENTITLEMENT])).toEqual([
      ['unknown', 'ERROR'],
      [OTHER, 'SUCCESS'],
      ['of-bob', 'ERROR'],
      [OTHER, 'ERROR'],
      [ENTITLEMENT, 'SUCCESS'],
    ]);
    expect(await listed()).toEqual([]);
    expect(simulator.openClaims('bob')).toHaveLength(1);
  });

  it.each([
    ['another instruction', { LastInstruction: 'NOOP' }],
    ['no instruction', { LastInstruction: undefined }],
    ['no address', { FulfillmentAddress: undefined }],
    ['an empty address', { FulfillmentAddress: ' ' }],
    ['an e-mail address', { FulfillmentAddress: 'anna@example.com' }],
  ])('is an ERROR and changes nothing: %s', async (_, overrides) => {
    const { simulator, results, listed } = await startEntitlements();
    expect(await results([], { body: reportOf([ENTITLEMENT], overrides) })).toEqual([[ENTITLEMENT, 'ERROR']]);
    expect(await listed()).toEqual([ENTITLEMENT]);
    expect(simulator.reports()).toMatchObject([{ result: 'ERROR', applied: false }]);
  });

  it('gives a claim to one of many reports at once', async () => {
    const { simulator, results } = await startEntitlements();
    const answers = await Promise.all(Array.from({ length: 20 }, () => results()));
    expect(answers.flat().filter(([, result]) => result === 'SUCCESS')).toHaveLength(1);
    expect(simulator.reports().filter(({ applied }) => applied)).toHaveLength(1);
  });

  const update = { EntitlementId: ENTITLEMENT, LastInstruction: 'FULFILL', FulfillmentAddress: PLAYER };
  it.each<[string, unknown]>([
    ['no JSON', '{"FulfillmentStatusUpdates": ['],
    ['a list', [update]],
    ['no items', { FulfillmentStatusUpdates: [] }],
    ['another name', { fulfillmentStatusUpdates: [update] }],
    ['an item without its identifier', { FulfillmentStatusUpdates: [{ ...update, EntitlementId: undefined }] }],
    ['an empty identifier', { FulfillmentStatusUpdates: [{ ...update, EntitlementId: '' }] }],
    ['an address that is no text', { FulfillmentStatusUpdates: [{ ...update, FulfillmentAddress: 7 }] }],
    ['a field too many', { FulfillmentStatusUpdates: [{ ...update, NextInstruction: 'FULFILL' }] }],
    ['one wrong item among right ones', { FulfillmentStatusUpdates: [update, {}] }],
  ])('is refused whole with 400 and changes nothing: %s', async (_, body) => {
    const { simulator, fulfil, listed } = await startEntitlements();
    expect(await fulfil([], { body })).toMatchObject({ status: 400, json: { message: expect.any(String) } });
    expect(await listed()).toEqual([ENTITLEMENT]);
    expect(simulator.reports()).toEqual([]);
  });

  it.each([
    ['text/plain', 400],
    ['application/jsonish', 400],
    ['application/json', 200],
    ['application/json; charset=utf-8', 200],
    [CONTENT_TYPE, 200],
  ])('needs the media type of JSON, whatever follows it: %s', async (type, status) => {
    const { fulfil } = await startEntitlements();
    expect((await fulfil([ENTITLEMENT], { headers: { 'content-type': type } })).status).toBe(status);
  });
});

describe('the profile', () => {
  it('is what the token’s scopes let be known, and the same user_id in each', async () => {
    const { simulator, profile } = await startEntitlements();
    const known = { account: 'bob', userId: 'amzn1.account.K2LI23KL2LK2', name: 'Bob B.', email: 'bob@example.com', postalCode: '98101' }; // prettier-ignore
    expect(simulator.addAccount(known)).toEqual(known);
    const seen = async (...scopes: string[]) =>
      await profile({ token: simulator.issueToken({ account: 'bob', scopes }) });
    expect(await seen('profile', 'postal_code')).toMatchObject({
      status: 200,
      headers: { 'content-type': 'application/json' },
    });
    const [user_id, person] = [known.userId, { name: known.name, email: known.email }];
    expect((await seen('profile', 'postal_code')).json).toEqual({ user_id, ...person, postal_code: '98101' });
    expect((await seen('profile')).json).toEqual({ user_id, ...person });
    expect((await seen('profile:user_id', 'games::prime')).json).toEqual({ user_id });
    expect((await seen('postal_code')).json).toEqual({ user_id, postal_code: '98101' });
    expect(await seen('games::prime')).toMatchObject({ status: 403, json: { error: 'insufficient_scope' } });
  });

  it('is made up where nothing is said of an account, the same for the same seed', async () => {
    const of = async (seed: number) => (await (await startEntitlements({}, { seed })).profile()).json;
    const first = await of(1);
    expect(first).toEqual({
      user_id: expect.stringMatching(/^amzn1\.account\.[A-Z2-7]{28}$/),
      name: expect.stringMatching(/^\w+ \w+$/),
      email: expect.stringContaining('@example.com'),
      postal_code: expect.stringMatching(/^\d{5}$/),
    });
    expect(await of(1)).toEqual(first);
    expect(await of(2)).not.toEqual(first);
  });

  it('tells an unknown token from a missing one, in the words of Login with Amazon', async () => {
    const { profile, simulator } = await startEntitlements();
    const refusal = (error: string) => ({
      error,
      error_description: expect.any(String) as string,
      request_id: expect.stringMatching(UUID) as string,
    });
    expect(await profile({ token: null })).toMatchObject({ status: 400, json: refusal('invalid_request') });
    expect(await profile({ token: 'Atza|unknown' })).toMatchObject({ status: 400, json: refusal('invalid_token') });
    const expired = simulator.issueToken({ account: ACCOUNT, lifeMs: 0 });
    expect(await profile({ token: expired })).toMatchObject({ status: 400, json: refusal('invalid_token') });
  });
});

describe('an access token', () => {
  it('looks as Amazon’s do, and is another one each time', async () => {
    const { simulator, token } = await startEntitlements();
    expect(token).toMatch(/^Atza\|[\w-]{350,2000}$/);
    expect(simulator.issueToken({ account: ACCOUNT })).not.toBe(token);
  });

  it('is needed at both endpoints of Prime Gaming: 401 without a good one, 403 where the player has not agreed', async () => {
    const { simulator, list, fulfil, listed } = await startEntitlements();
    const scanty = simulator.issueToken({ account: ACCOUNT, scopes: ['profile', 'postal_code'] });
    for (const [token, status] of [
      [null, 401],
      ['', 401],
      ['Atza|unknown', 401],
      [simulator.issueToken({ account: ACCOUNT, lifeMs: 0 }), 401],
      [scanty, 403],
      [simulator.issueToken({ account: ACCOUNT, scopes: ['games::prime'] }), 200],
    ] as const) {
      for (const answer of [await list({ token }), await fulfil(['unknown'], { token })]) {
        expect(answer.status).toBe(status);
        expect(answer.headers['content-type']).toBe(CONTENT_TYPE);
        if (status !== 200) expect(answer.json).toEqual({ message: expect.any(String) });
      }
    }
    expect(await listed()).toEqual([ENTITLEMENT]);
  });

  it('lives for as long as it is said to, and for an hour where nothing is said', async () => {
    const { simulator, list, token, clock } = await startEntitlements();
    const brief = simulator.issueToken({ account: ACCOUNT, lifeMs: 1000 });
    const status = async (shown: string) => (await list({ token: shown })).status;
    clock.pass(999);
    expect([await status(brief), await status(token)]).toEqual([200, 200]);
    clock.pass(1);
    expect([await status(brief), await status(token)]).toEqual([401, 200]);
    clock.pass(3_598_999);
    expect(await status(token)).toBe(200);
    clock.pass(1);
    expect(await status(token)).toBe(401);
  });

  it('has expired where it does so while the request is under way', async () => {
    const { list, fault, simulator } = await startEntitlements();
    const brief = simulator.issueToken({ account: ACCOUNT, lifeMs: 1000 });
    await fault({ kind: 'latency', ms: 2000, uplinkShare: 0.5 });
    expect((await list({ token: brief })).status).toBe(401);
  });

  it('is in no line that the simulator writes, and in no report, as little as the person', async () => {
    const lines: string[] = [];
    const directory = await temporaryDirectory();
    const started = await startEntitlements(
      { stateFile: path.join(directory, 'claims.json') },
      { log: (line) => lines.push(line) },
    );
    await started.fault({ kind: 'drop', match: { operation: 'fulfil' } });
    await started.profile();
    await expect(started.fulfil()).rejects.toThrow();
    const { json } = await started.profile();
    const requests = JSON.stringify(started.simulator.requests());
    const told = lines.join('\n') + requests + JSON.stringify(started.simulator.reports());
    expect(told).toContain('Prime Gaming');
    for (const secret of [started.token, ...Object.values(json as object).map(String)]) {
      expect(told).not.toContain(secret);
    }
  });
});

describe('another request', () => {
  it.each([
    ['DELETE', '/api/entitlements'],
    ['GET', '/api/fulfill'],
    ['POST', '/user/profile'],
    ['GET', '/api/entitlements/'],
    ['GET', '/'],
  ])('finds nothing: %s %s', async (method, target) => {
    const { list } = await startEntitlements();
    expect((await list({ method, path: target })).status).toBe(404);
  });

  it('may carry a query', async () => {
    const { list } = await startEntitlements();
    expect((await list({ path: '/api/entitlements?x=1' })).status).toBe(200);
  });
});

describe('the log of requests', () => {
  it('tells whose they were and what they reported, and counts by account and operation', async () => {
    const { simulator, list, fulfil, profile } = await startEntitlements();
    await profile();
    await list({ token: 'Atza|unknown' });
    await fulfil([ENTITLEMENT, OTHER]);
    const report = simulator.requests();
    expect(report.arrivals).toMatchObject([
      { account: ACCOUNT, operation: 'profile', outcome: 200 },
      { account: null, operation: 'entitlements', outcome: 401 },
      { account: ACCOUNT, operation: 'fulfil', items: [ENTITLEMENT, OTHER], outcome: 200 },
    ]);
    expect(report.operations).toEqual({
      [`${ACCOUNT}/profile`]: { total: 1, byStatus: { 200: 1 } },
      '(none)/entitlements': { total: 1, byStatus: { 401: 1 } },
      [`${ACCOUNT}/fulfil`]: { total: 1, byStatus: { 200: 1 } },
    });
  });
});

describe('claims', () => {
  it('go on in the next run with the same seed, accounts included, and begin anew with another', async () => {
    const stateFile = path.join(await temporaryDirectory(), 'claims.json');
    const run = (seed: number) => startEntitlements({ stateFile }, { seed });
    const first = await run(1);
    const bob = first.simulator.addAccount({ account: 'bob', name: 'Bob B.' });
    const later = first.simulator.claim({ account: 'bob', sku: SKU });
    await first.fulfil();
    await first.simulator.stop();

    const second = await run(1);
    expect(await second.listed()).toEqual([]);
    expect(await second.results()).toEqual([[ENTITLEMENT, 'ERROR']]);
    expect(await second.listed(second.simulator.issueToken({ account: 'bob' }))).toEqual([later]);
    const { json } = await second.profile({ token: second.simulator.issueToken({ account: 'bob' }) });
    expect(json).toMatchObject({ user_id: bob.userId, name: 'Bob B.' });
    expect((await second.list({ token: first.token })).status).toBe(401);
    await second.simulator.stop();

    const other = await run(2);
    expect(await other.listed()).toEqual([ENTITLEMENT]);
    expect(other.simulator.openClaims('bob')).toEqual([]);
  });

  it('are kept where only an account has changed, or only a claim', async () => {
    const stateFile = path.join(await temporaryDirectory(), 'claims.json');
    const first = await startEntitlements({ stateFile });
    await first.simulator.stop();
    const second = await startEntitlements({ stateFile });
    second.simulator.addAccount({ account: ACCOUNT, name: 'Anna A.' });
    await second.simulator.stop();
    const third = await startEntitlements({ stateFile });
    expect((await third.profile()).json).toMatchObject({ name: 'Anna A.' });
    await third.fulfil();
    await third.simulator.stop();
    expect(await (await startEntitlements({ stateFile })).listed()).toEqual([]);
  });
});

describe('the options', () => {
  it.each([
    ['listed twice', { accounts: [{ account: 'a' }, { account: 'a' }] }],
    ['cannot have one user_id', { accounts: [{ account: 'a', userId: 'u' }, { account: 'b', userId: 'u' }] }], // prettier-ignore
    ['already', { claims: [{ account: 'a', sku: SKU, entitlementId: 'e' }, { account: 'b', sku: SKU, entitlementId: 'e' }] }], // prettier-ignore
    ['sku', { claims: [{ account: 'a', sku: '' }] }],
  ])('are refused when they cannot be right: %s', async (reason, options) => {
    await expect(startEntitlements(options)).rejects.toThrow(reason);
  });

  it('say so where entitlements are not simulated', async () => {
    const { simulator } = await start();
    for (const use of [
      () => simulator.entitlementsUrl,
      () => simulator.profileUrl,
      () => simulator.entitlementsCredentials(),
      () => simulator.issueToken({ account: ACCOUNT }),
      () => simulator.reports(),
    ]) {
      expect(use).toThrow('not simulated');
    }
    const { simulator: running } = await startEntitlements();
    expect(running.profileUrl).toBe(`${running.entitlementsUrl}/user/profile`);
  });
});
