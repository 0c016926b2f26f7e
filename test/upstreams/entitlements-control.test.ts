import { describe, expect, it } from 'vitest';
import { ACCOUNT, ENTITLEMENT, PLAYER, SKU, startEntitlements } from './running-entitlements.ts';

const at = (path: string): string => `/control/prime-gaming/${path}`;

describe('control of entitlements', () => {
  it('makes accounts and changes them', async () => {
    const { control, profile, simulator } = await startEntitlements();
    const wanted = [
      { account: ACCOUNT, name: 'Anna A.' },
      { account: 'bob', userId: 'amzn1.account.BOB' },
    ];
    const answer = await control('POST', at('accounts'), wanted);
    expect(answer).toMatchObject({ status: 201, json: { accounts: wanted } });
    expect((await profile()).json).toMatchObject({ name: 'Anna A.' });
    expect((await profile({ token: simulator.issueToken({ account: 'bob' }) })).json).toMatchObject({
      user_id: 'amzn1.account.BOB',
    });
    expect((await control('GET', at('accounts'))).json).toMatchObject({ accounts: wanted });
    expect(await control('POST', at('accounts'), [{ account: 'carl', userId: 'amzn1.account.BOB' }])).toMatchObject({
      status: 400,
      json: { error: expect.stringContaining('user_id') },
    });
    // What nobody has any more can be had.
    await control('POST', at('accounts'), [{ account: 'bob', userId: 'amzn1.account.ROBERT' }]);
    const carl = [{ account: 'carl', userId: 'amzn1.account.BOB' }];
    expect(await control('POST', at('accounts'), carl)).toMatchObject({ status: 201, json: { accounts: carl } });
  });

  it('issues tokens, in the order of the list, and ends those of an account', async () => {
    const { control, list, profile, token } = await startEntitlements();
    const { status, json } = await control('POST', at('tokens'), [
      { account: ACCOUNT },
      { account: 'bob' },
      { account: 'bob', scopes: ['profile'] },
      { account: ACCOUNT, lifeMs: 0 },
    ]);
    expect(status).toBe(201);
    const { tokens } = json as { tokens: string[] };
    const listed = async (shown: string | undefined) => (await list({ token: shown ?? null })).status;
    expect(await Promise.all(tokens.map(listed))).toEqual([200, 200, 403, 401]);
    expect((await profile({ token: tokens[2] ?? null })).status).toBe(200);
    expect(await control('POST', at(`accounts/${ACCOUNT}/expire-tokens`))).toMatchObject({ json: { expired: 2 } });
    expect(await Promise.all([token, ...tokens].map(listed))).toEqual([401, 401, 200, 403, 401]);
    expect((await control('POST', at('accounts/nobody/expire-tokens'))).status).toBe(404);
  });

  it('adds claims and revokes them, and tells what became of each', async () => {
    const { control, listed, fulfil } = await startEntitlements();
    const added = await control('POST', at('claims'), [
      { account: ACCOUNT, sku: 'a/b', entitlementId: 'e/2' },
      { account: 'bob', sku: SKU, instruction: 'NOOP' },
    ]);
    expect(added).toMatchObject({ status: 201, json: { entitlementIds: ['e/2', expect.any(String)] } });
    expect(await listed()).toEqual([ENTITLEMENT, 'e/2']);
    expect(await control('DELETE', at('claims/e%2F2'))).toMatchObject({ json: { state: 'revoked', sku: 'a/b' } });
    expect(await listed()).toEqual([ENTITLEMENT]);
    expect((await control('DELETE', at('claims/e%2F2'))).status).toBe(404);
    await fulfil();
    const claims = async (query = '') => (await control('GET', at(`claims${query}`))).json;
    expect(await claims(`?account=${ACCOUNT}`)).toMatchObject({
      claims: [
        { entitlementId: ENTITLEMENT, state: 'fulfilled', fulfilled: { address: PLAYER } },
        { entitlementId: 'e/2', state: 'revoked' },
      ],
    });
    expect(await claims()).toMatchObject({ claims: [{}, {}, { account: 'bob', instruction: 'NOOP', state: 'open' }] });
  });

  it('tells every report, or those after one', async () => {
    const { control, fulfil } = await startEntitlements();
    await fulfil();
    await fulfil(['unknown']);
    const reports = async (query: string) => (await control('GET', at(`reports${query}`))).json;
    expect(await reports('')).toMatchObject({
      reports: [
        { number: 1, account: ACCOUNT, entitlementId: ENTITLEMENT, fulfillmentAddress: PLAYER, applied: true },
        { number: 2, entitlementId: 'unknown', result: 'ERROR' },
      ],
    });
    expect(await reports('?after=1')).toMatchObject({ reports: [{ number: 2 }] });
    expect((await control('GET', at('reports?after=x'))).status).toBe(400);
  });

  it('takes the claims of thousands of accounts in one call, and lists each its own', async () => {
    const { control, listed } = await startEntitlements();
    const accounts = Array.from({ length: 2000 }, (_, index) => `player-${index}`);
    const claims = accounts.flatMap((account) => ['1', '2', '3'].map((sku) => ({ account, sku })));
    const added = await control('POST', at('claims'), claims);
    const { entitlementIds } = added.json as { entitlementIds: string[] };
    expect(new Set(entitlementIds).size).toBe(6000);
    const issued = await control('POST', at('tokens'), accounts.map((account) => ({ account }))); // prettier-ignore
    const { tokens } = issued.json as { tokens: string[] };
    for (const index of [0, 999, 1999]) {
      expect(await listed(tokens[index])).toEqual(entitlementIds.slice(index * 3, index * 3 + 3));
    }
  });

  it.each<[string, unknown, number]>([
    ['accounts', { account: 'x' }, 400],
    ['accounts', [{ account: '' }], 400],
    ['accounts', [{ account: 'x', user_id: 'y' }], 400],
    ['tokens', [{}], 400],
    ['tokens', [{ account: 'x', lifeMs: -1 }], 400],
    ['tokens', [{ account: 'x', scopes: 'profile' }], 400],
    ['claims', [{ account: 'x' }], 400],
    ['claims', [{ account: 'x', sku: SKU }, { account: 'x', sku: '' }], 400], // prettier-ignore
    ['claims', [{ account: 'x', sku: SKU }, { account: 'x', sku: SKU, entitlementId: ENTITLEMENT }], 409], // prettier-ignore
    ['claims', [{ account: 'x', sku: SKU, entitlementId: 'e' }, { account: 'x', sku: SKU, entitlementId: 'e' }], 409], // prettier-ignore
  ])('refuses what cannot be, and does nothing of it: %s %j', async (path, body, status) => {
    const { control, simulator } = await startEntitlements();
    expect(await control('POST', at(path), body)).toMatchObject({ status, json: { error: expect.any(String) } });
    expect(simulator.openClaims('x')).toEqual([]);
    expect((await control('GET', at('accounts'))).json).toMatchObject({ accounts: [{ account: ACCOUNT }] });
  });
});
