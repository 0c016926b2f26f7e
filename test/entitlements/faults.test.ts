import { ProvisionedThroughputExceededException, TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import { TransactWriteCommand, type DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { GrantMessage } from '../../lambdas/entitlements/grant-queue.ts';
import { UnavailableError } from '../../lambdas/shared/errors.ts';
import { losingAnswers } from '../shared/losing-database.ts';
import { startEngineTables, type EngineTables } from '../shared/engine-tables.ts';
import { LeapingClock } from '../shared/virtual-clock.ts';
import { startAmazon, type Amazon } from './amazon.ts';
import { FUNCTION_MS, gameBackend, playerWorld, stored, type WorldOptions } from './player-world.ts';

let tables: EngineTables;
let amazon: Amazon;
beforeAll(async () => {
  tables = await startEngineTables();
  amazon = await startAmazon();
});
afterAll(async () => {
  await amazon[Symbol.asyncDispose]();
  await tables.stop();
});

let clock = new LeapingClock();
let count = 0;
let player = '';
let token = '';
let user = '';
let claimed: string[] = [];
beforeEach(() => {
  clock = new LeapingClock();
  player = `player-${++count}`;
  [token, user] = [`token-of-${player}`, `user-of-${player}`];
  claimed = [];
  amazon.tokens.set(token, user);
});
afterEach(() => {
  for (const behaviours of Object.values(amazon.next)) behaviours.splice(0);
  amazon.after = () => undefined;
});

/** An entitlement of the present player, by a short name of this test. */
function claim(name: string, sku: string, instruction?: string): string {
  const id = `${player}-${name}`;
  amazon.claim(user, id, sku, instruction);
  claimed.push(id);
  return id;
}
const world = (options: Partial<WorldOptions> = {}) =>
  playerWorld({ database: tables.database, amazon, clock, ...options });
const fulfil = (options: Partial<WorldOptions> = {}) => world(options).fulfil(player, token);
const now = () => stored(tables.database, player, claimed);
const reported = () =>
  amazon.reports.filter(({ address }) => address === player).map(({ entitlementId }) => entitlementId);
const afterLease = () => clock.leap(FUNCTION_MS + 20_000);
const told = (events: readonly { readonly detailType: string }[]) => events.map(({ detailType }) => detailType);
const GRANTED_AND_REPORTED = ['Entitlement Granted', 'Entitlement Reported'];

/** A database that never answers from its n-th call on: whoever waits for it is dead. */
function dyingAt(calls: number, applied: boolean): DynamoDBDocumentClient {
  let sent = 0;
  return {
    send: async (command: never, options: never) => {
      sent += 1;
      if (sent > calls && !applied) return new Promise<never>(() => undefined);
      const answer = await tables.database.send(command, options);
      return sent > calls ? new Promise<never>(() => undefined) : answer;
    },
  } as unknown as DynamoDBDocumentClient;
}

/** A request whose function dies at its n-th call of a table. Read, link, claim, grant, report: calls 1 to 5. */
async function dies(calls: number, applied = false, options: Partial<WorldOptions> = {}): Promise<void> {
  void fulfil({ database: dyingAt(calls, applied), ...options });
  // Dead once nothing moves any more: as many turns as a request that lives needs, and more.
  await world().fulfil(`other-of-${player}`, 'no token');
  await new Promise((resolve) => setTimeout(resolve, 250));
}

describe('fulfilment survives', () => {
  it('1: a crash before the claim: nothing is granted, and the repeat succeeds', async () => {
    const id = claim('e1', 'drop02');
    await dies(2);
    expect(await now()).toMatchObject({ items: {}, entitlements: [], events: [] });
    const { status, body } = await fulfil();
    expect(status).toBe(200);
    expect(body).toEqual({
      entitlements: [
        {
          entitlementId: id,
          sku: 'drop02',
          outcome: 'granted',
          reported: true,
          reason: null,
          items: [{ itemId: 'coins', quantity: 250, kind: 'stackable', granted: true }],
        },
      ],
      complete: true,
    });
    expect((await now()).items).toEqual({ coins: 250 });
  });

  it('2: a crash after the claim: it is resumed after the lease, and granted once', async () => {
    claim('e1', 'drop02');
    await dies(2, true);
    expect((await now()).entitlements).toMatchObject([{ status: 'CLAIMED' }]);
    expect((await fulfil()).body).toMatchObject({
      complete: false,
      entitlements: [{ outcome: 'pending', reason: 'IN_PROGRESS' }],
    });
    expect((await now()).items).toEqual({});
    afterLease();
    expect((await fulfil()).body).toMatchObject({ complete: true, entitlements: [{ outcome: 'granted' }] });
    expect((await now()).items).toEqual({ coins: 250 });
  });

  it('3: a grant that was applied and whose answer was lost: one grant', async () => {
    claim('e1', 'drop02');
    // Below the SDK's own repetitions, so that the write is sent again; and above, where the function itself repeats.
    const losing = await losingAnswers(tables.database, (nth) => nth === 4);
    const { body } = await fulfil({ database: losing.database });
    losing.stop();
    expect(body.entitlements).toMatchObject([{ outcome: 'granted', reported: true }]);
    const { items, events } = await now();
    expect(items).toEqual({ coins: 250 });
    expect(told(events)).toEqual(GRANTED_AND_REPORTED);
  });

  it('3: a webhook that gave and whose answer was lost: one grant, under the same identifier', async () => {
    const id = claim('e1', 'drop02');
    const game = gameBackend();
    const queue: GrantMessage[] = [];
    let lost = 0;
    const granter: typeof game.granter = async (...call) => {
      const answer = await game.granter(...call);
      lost += 1;
      if (lost <= 2) throw new UnavailableError('TimedOut', 'no answer');
      return answer;
    };
    const { body } = await fulfil({ granter, queue });
    expect(body).toMatchObject({
      complete: false,
      entitlements: [{ outcome: 'pending', reason: 'GRANTER_UNAVAILABLE', reported: false }],
    });
    expect(queue).toEqual([{ partner: 'acme', entitlementId: id }]);
    expect(await world({ granter, queue }).resume()).toHaveLength(1);
    expect(await world({ granter, queue }).resume()).toEqual([]);
    expect([...game.given]).toEqual([[id, { playerId: player, sku: 'drop02' }]]);
    expect((await fulfil({ granter, queue })).body).toMatchObject({ complete: true });
    expect(told((await now()).events)).toEqual(GRANTED_AND_REPORTED);
  });

  it('4: a crash after the grant: the next request only reports', async () => {
    const id = claim('e1', 'drop02');
    await dies(3, true);
    expect((await now()).entitlements).toMatchObject([{ status: 'GRANTED' }]);
    expect(reported()).toEqual([]);
    const before = (await now()).entitlements[0];
    // At once: what is granted needs no lease.
    expect((await fulfil()).body.entitlements).toMatchObject([{ outcome: 'granted', reported: true }]);
    expect(reported()).toEqual([id]);
    const { entitlements, items } = await now();
    expect(entitlements).toMatchObject([{ status: 'REPORTED', given: before?.given }]);
    expect(items).toEqual({ coins: 250 });
  });

  it('5: a report that was applied and whose answer was lost: listed again, it is done', async () => {
    claim('e1', 'drop02');
    amazon.next.fulfil.push({ kind: 'reset', applied: true });
    expect((await fulfil()).body).toMatchObject({ complete: true, entitlements: [{ reported: true, reason: null }] });
    const { entitlements, events } = await now();
    expect(entitlements).toMatchObject([{ status: 'REPORTED' }]);
    expect(events.at(-1)).toMatchObject({ detailType: 'Entitlement Reported', data: { assumed: true } });
  });

  it.each([
    ['ERROR', { kind: 'error', applied: false }],
    ['5xx', { kind: 'status', status: 500 }],
    ['a lost connection', { kind: 'reset', applied: false }],
    ['nonsense', { kind: 'text', body: 'oops' }],
    ['429', { kind: 'status', status: 429 }],
  ] as const)('6: %s to every report: the grant is kept, and reported by the next request', async (_, behaviour) => {
    const id = claim('e1', 'drop02');
    amazon.next.fulfil.push(...Array.from({ length: 9 }, () => behaviour));
    const { status, body } = await fulfil();
    expect(status).toBe(200);
    expect(body).toMatchObject({
      complete: false,
      entitlements: [{ outcome: 'granted', reported: false, reason: 'REPORT_UNKNOWN' }],
    });
    expect(await now()).toMatchObject({ items: { coins: 250 }, entitlements: [{ status: 'GRANTED' }] });
    amazon.next.fulfil.splice(0);
    expect((await fulfil()).body).toMatchObject({ complete: true });
    expect(reported()).toEqual([id]);
    expect(told((await now()).events)).toEqual(GRANTED_AND_REPORTED);
  });

  it('6: a report that fails once is repeated by the same request', async () => {
    const id = claim('e1', 'drop02');
    amazon.next.fulfil.push({ kind: 'error', applied: false });
    expect((await fulfil()).body).toMatchObject({ complete: true });
    expect(reported()).toEqual([id]);
    expect((await now()).events.at(-1)).toMatchObject({ data: { assumed: false } });
  });

  it('7: a crash after the report and before it is recorded: the next request finds that it is done', async () => {
    const id = claim('e1', 'drop02');
    await dies(4);
    expect(reported()).toEqual([id]);
    expect((await now()).entitlements).toMatchObject([{ status: 'GRANTED' }]);
    expect((await fulfil()).body).toMatchObject({
      complete: true,
      entitlements: [{ entitlementId: id, outcome: 'granted', reported: true }],
    });
    const { entitlements, markers, events } = await now();
    expect([entitlements[0]?.status, markers]).toEqual(['REPORTED', []]);
    expect(told(events)).toEqual(GRANTED_AND_REPORTED);
    expect(reported()).toEqual([id]);
  });

  it('8: many concurrent requests for the same entitlement: one grant, and the same answer or a pending one', async () => {
    const id = claim('e1', 'drop01');
    const environments = Array.from({ length: 6 }, () => world());
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => environments.map((environment) => environment.fulfil(player, token))).flat(),
    );
    for (const answer of answers) {
      expect(answer.status).toBe(200);
      const [entitlement] = answer.body.entitlements;
      // What was done before it was listed is not in the answer.
      if (entitlement) expect(['granted', 'pending']).toContain(entitlement.outcome);
    }
    expect(await now()).toMatchObject({ items: { coins: 500, skin: 1 }, entitlements: [{ status: 'REPORTED' }] });
    expect(reported()).toEqual([id]);
    expect(told((await now()).events)).toEqual(GRANTED_AND_REPORTED);
  });

  it('9: two entitlements of one SKU for one player: one grant, and both are reported', async () => {
    const ids = [claim('e1', 'drop02'), claim('e2', 'drop02')];
    expect((await fulfil()).body).toMatchObject({
      complete: true,
      entitlements: [
        { outcome: 'granted', reported: true },
        { outcome: 'alreadyOwned', reported: true, items: [] },
      ],
    });
    expect((await now()).items).toEqual({ coins: 250 });
    expect(reported()).toEqual(ids);
    expect((await now()).entitlements[1]).toMatchObject({ alreadyOwnedBy: ids[0] });
    // And one that comes much later.
    const later = claim('e3', 'drop02');
    expect((await fulfil()).body.entitlements).toMatchObject([{ entitlementId: later, outcome: 'alreadyOwned' }]);
    expect((await now()).items).toEqual({ coins: 250 });
  });

  it('10: the same entitlement for another player: 409, and nothing is granted', async () => {
    claim('e1', 'drop02');
    amazon.next.fulfil.push(...Array.from({ length: 9 }, () => ({ kind: 'error', applied: false }) as const));
    await fulfil();
    amazon.next.fulfil.splice(0);
    const other = `other-${player}`;
    expect(await world().fulfil(other, token)).toMatchObject({
      status: 409,
      body: { error: { code: 'ACCOUNT_OF_ANOTHER' } },
    });
    // Though the account is linked anew, what one player was given is not given to another.
    expect(await world().unlink(player)).toMatchObject({ status: 204 });
    expect(await world().fulfil(other, token)).toMatchObject({
      status: 409,
      body: { error: { code: 'ENTITLEMENT_OF_ANOTHER' } },
    });
    expect((await stored(tables.database, other, [])).items).toEqual({});
    expect(reported()).toEqual([]);
    // What else the account has goes on.
    claim('e2', 'skinpack');
    expect(await world().fulfil(other, token)).toMatchObject({
      status: 200,
      body: {
        entitlements: [{ outcome: 'failed', reason: 'ENTITLEMENT_OF_ANOTHER' }, { outcome: 'granted' }],
      },
    });
  });

  it('10: a player whose link is to another account: 409', async () => {
    await fulfil();
    amazon.tokens.set(`second-${token}`, `second-${user}`);
    expect(await world().fulfil(player, `second-${token}`)).toMatchObject({
      status: 409,
      body: { error: { code: 'PLAYER_LINKED_OTHERWISE' } },
    });
  });

  it('12: a zombie past its lease writes nothing', async () => {
    const id = claim('e1', 'drop02');
    const game = gameBackend();
    const { promise: released, resolve: release } = Promise.withResolvers<undefined>();
    const slow: typeof game.granter = async (...call) => {
      await released;
      return game.granter(...call);
    };
    const zombie = fulfil({ granter: slow });
    while ((await now()).entitlements[0]?.status !== 'CLAIMED') await new Promise((resolve) => setTimeout(resolve, 5));
    clock.leap(FUNCTION_MS - 4_000);
    const lease = (await now()).entitlements[0]?.lease ?? 0;
    clock.leap(lease - clock.now());
    await world({ granter: game.granter, queue: [] }).fulfil(player, token);
    const before = await now();
    expect(before.entitlements).toMatchObject([{ status: 'REPORTED' }]);
    release(undefined);
    await zombie;
    expect(await now()).toEqual(before);
    expect(game.given.size).toBe(1);
    expect(reported()).toEqual([id]);
  });

  it("13: a player's token that expires in the middle: 401, resumed with the new one, and told nowhere", async () => {
    const ids = [claim('e1', 'drop02'), claim('e2', 'skinpack')];
    amazon.after = (operation) => {
      if (operation === 'list') amazon.tokens.delete(token);
    };
    const first = world();
    const answer = await first.fulfil(player, token);
    expect(answer).toMatchObject({ status: 401, body: { error: { code: 'PLAYER_TOKEN_REFUSED' } } });
    amazon.after = () => undefined;
    expect((await now()).entitlements.map(({ status }) => status)).toEqual(['GRANTED', 'GRANTED']);
    const fresh = `fresh-${token}`;
    amazon.tokens.set(fresh, user);
    expect(await world().fulfil(player, fresh)).toMatchObject({ status: 200, body: { complete: true } });
    expect(reported().sort()).toEqual(ids);
    const everything = JSON.stringify([answer, first.telemetry.lines, await now()]);
    for (const secret of [token, fresh, user, 'Anna Muster', 'anna@example.com'])
      expect(everything).not.toContain(secret);
  });

  it('13: a token that lacks a scope: 403 with a code of its own; one that nobody knows: 401', async () => {
    amazon.unconsented.add(token);
    expect(await fulfil()).toMatchObject({ status: 403, body: { error: { code: 'PLAYER_CONSENT_MISSING' } } });
    amazon.unconsented.delete(token);
    expect(await world().fulfil(player, 'nobody')).toMatchObject({
      status: 401,
      body: { error: { code: 'PLAYER_TOKEN_REFUSED' } },
    });
  });

  it.each([
    ['throttles', () => new ProvisionedThroughputExceededException({ $metadata: {}, message: 'slow down' })],
    [
      'cancels what meets another write',
      () =>
        new TransactionCanceledException({
          $metadata: {},
          message: 'cancelled',
          CancellationReasons: [{ Code: 'TransactionConflict' }, { Code: 'None' }],
        }),
    ],
  ])('14: a table that %s at any one call: it is repeated, and nothing is skipped', async (_, failure) => {
    const ids = [claim('e1', 'drop01'), claim('e2', 'drop01')];
    let calls = 0;
    const counting = {
      send: (command: never, options: never) => {
        calls += 1;
        return tables.database.send(command, options);
      },
    } as unknown as DynamoDBDocumentClient;
    await fulfil({ database: counting });
    expect(reported()).toEqual(ids);
    for (let failing = 1; failing <= calls; failing += 1) {
      player = `player-${++count}`;
      [token, user] = [`token-of-${player}`, `user-of-${player}`];
      amazon.tokens.set(token, user);
      claimed = [];
      claim('e1', 'drop01');
      claim('e2', 'drop01');
      let sent = 0;
      const database = {
        send: async (command: never, options: never) => {
          sent += 1;
          // Only a transaction can be cancelled.
          const isCancelled = failure() instanceof TransactionCanceledException;
          if (sent === failing && (!isCancelled || (command as object) instanceof TransactWriteCommand))
            throw failure();
          return tables.database.send(command, options);
        },
      } as unknown as DynamoDBDocumentClient;
      const first = await fulfil({ database });
      if (first.status !== 200 || !first.body.complete) {
        // What is read is not repeated by the function: whoever calls is told to.
        if (first.status !== 200) expect(first.status).toBe(503);
        afterLease();
        await fulfil();
      }
      const { items, entitlements, events } = await now();
      expect(items, `call ${failing}`).toEqual({ coins: 500, skin: 1 });
      expect(entitlements.map(({ status }) => status)).toEqual(['REPORTED', 'REPORTED']);
      expect(told(events)).toEqual([...GRANTED_AND_REPORTED, ...GRANTED_AND_REPORTED]);
    }
  });

  it('15: a VendorProductId that the catalogue does not know: no grant, no report, an alarm; the others go on', async () => {
    const unknown = claim('e1', 'unheard-of');
    const known = claim('e2', 'drop02');
    const visit = world();
    const { status, body } = await visit.fulfil(player, token);
    expect(status).toBe(200);
    expect(body.entitlements).toMatchObject([
      { entitlementId: unknown, outcome: 'failed', reason: 'UNKNOWN_SKU', reported: false, items: [] },
      { entitlementId: known, outcome: 'granted', reported: true },
    ]);
    expect(visit.telemetry.counts['UnknownSkus']).toBe(1);
    expect(reported()).toEqual([known]);
    expect((await now()).entitlements).toHaveLength(1);
    // Once the catalogue knows it, the next request grants it.
    const skus = { 'unheard-of': [{ itemId: 'relic', quantity: 1, kind: 'unique' as const }] };
    expect((await fulfil({ skus })).body).toMatchObject({ complete: true, entitlements: [{ outcome: 'granted' }] });
  });

  it('15: what was granted before the catalogue forgot its SKU is reported all the same', async () => {
    const id = claim('e1', 'drop02');
    await dies(3, true);
    const visit = world({ skus: {} });
    expect((await visit.fulfil(player, token)).body).toMatchObject({
      complete: true,
      entitlements: [{ outcome: 'granted', reported: true, items: [{ itemId: 'coins' }] }],
    });
    expect(reported()).toEqual([id]);
    expect(visit.telemetry.counts['UnknownSkus']).toBeUndefined();
  });

  it('16: a fulfilment that answers only some items: each is decided by itself', async () => {
    const ids = [claim('e1', 'drop01'), claim('e2', 'drop02'), claim('e3', 'skinpack')];
    amazon.next.fulfil.push({ kind: 'silent', applied: true }, { kind: 'silent', applied: false });
    expect((await fulfil()).body).toMatchObject({ complete: true });
    expect(reported().sort()).toEqual(ids);
    const assumed = (await now()).events.filter(({ data }) => data['assumed'] === true);
    expect(assumed).toHaveLength(1);
  });

  it('36: a client that hangs up: the work goes on to its end, or is resumed', async () => {
    const id = claim('e1', 'drop02');
    // Nobody waits for the answer: what the function does is not about who waits.
    void fulfil();
    while (reported().length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await fulfil();
    expect(await now()).toMatchObject({ items: { coins: 250 }, entitlements: [{ status: 'REPORTED' }], markers: [] });
    expect(reported()).toEqual([id]);
  });

  it.each([
    ['the built-in inventory', false],
    ['a webhook', true],
  ])(
    '37: a claim that dies before its grant and is revoked while another of its SKU comes: one grant by %s',
    async (_, isWebhook) => {
      const game = gameBackend();
      const options = isWebhook ? { granter: game.granter, queue: [] } : {};
      const revoked = claim('e1', 'drop02');
      await dies(2, true, options);
      amazon.claims.delete(revoked);
      const second = claim('e2', 'drop02');
      expect((await fulfil(options)).body.entitlements).toMatchObject([
        { entitlementId: second, outcome: 'pending', reason: 'SKU_IN_PROGRESS' },
        { entitlementId: revoked, outcome: 'pending' },
      ]);
      afterLease();
      expect((await fulfil(options)).body).toMatchObject({
        complete: true,
        entitlements: [{ entitlementId: second, outcome: 'granted', reported: true }],
      });
      expect(reported()).toEqual([second]);
      const { items, entitlements, markers } = await now();
      if (isWebhook) expect([...game.given.values()]).toEqual([{ playerId: player, sku: 'drop02' }]);
      else expect(items).toEqual({ coins: 250 });
      expect(entitlements).toMatchObject([
        { entitlementId: revoked, status: 'PASSED' },
        { entitlementId: second, grantId: revoked, status: 'REPORTED' },
      ]);
      expect(markers).toEqual([]);
      // Listed again for another player, it is not granted: a webhook would take the grant for one that it has given.
      amazon.claim(`other-${user}`, revoked, 'drop02');
      amazon.tokens.set(`other-${token}`, `other-${user}`);
      expect(await world(options).fulfil(`other-${player}`, `other-${token}`)).toMatchObject({
        status: 409,
        body: { error: { code: 'ENTITLEMENT_OF_ANOTHER' } },
      });
      // Listed again for this one, it is already owned.
      amazon.claim(user, revoked, 'drop02');
      expect((await fulfil(options)).body.entitlements).toMatchObject([{ outcome: 'alreadyOwned', reported: true }]);
    },
  );

  it('37: the same where the sweeper comes first: one grant, and what was revoked is not reported', async () => {
    const revoked = claim('e1', 'drop02');
    await dies(2, true);
    amazon.claims.delete(revoked);
    afterLease();
    const queue: GrantMessage[] = [];
    await world({ queue }).sweep();
    expect(queue).toContainEqual({ partner: 'acme', entitlementId: revoked });
    await world({ queue: [{ partner: 'acme', entitlementId: revoked }] }).resume();
    const second = claim('e2', 'drop02');
    expect((await fulfil()).body).toMatchObject({ complete: true });
    expect((await now()).items).toEqual({ coins: 250 });
    expect(reported()).toEqual([second]);
  });
});

describe('the queue and the sweeper', () => {
  it('give a grant up after its last try, with its reason, and take it up again when it is redriven', async () => {
    const id = claim('e1', 'drop02');
    const game = gameBackend();
    let isDown = true;
    const granter: typeof game.granter = async (...call) => {
      if (isDown) throw new UnavailableError('ServerError', 'the game answered 500');
      return game.granter(...call);
    };
    const queue: GrantMessage[] = [];
    const deadLetters: { body: string; code: string }[] = [];
    const options = { granter, queue, deadLetters, grantAttempts: 3 };
    await fulfil(options);
    for (let tries = 1; tries < 3; tries += 1) expect(await world(options).resume()).toHaveLength(1);
    expect(await world(options).resume()).toEqual([]);
    expect(deadLetters).toEqual([{ body: expect.stringContaining(id), code: 'GRANTER_UNAVAILABLE' }]);
    expect((await now()).events.at(-1)).toMatchObject({
      detailType: 'Entitlement Stuck',
      data: { entitlementId: id, status: 'CLAIMED', reason: 'GRANTER_UNAVAILABLE' },
    });
    // The sweeper leaves it to the operator.
    afterLease();
    clock.leap(3_600_000);
    const swept: GrantMessage[] = [];
    await world({ queue: swept }).sweep();
    expect(swept).not.toContainEqual({ partner: 'acme', entitlementId: id });
    isDown = false;
    queue.push(JSON.parse(deadLetters[0]?.body ?? '') as GrantMessage);
    expect(await world(options).resume()).toEqual([]);
    expect(await now()).toMatchObject({ entitlements: [{ status: 'GRANTED' }] });
    expect((await now()).entitlements[0]?.stuck).toBeUndefined();
    expect((await fulfil(options)).body).toMatchObject({ complete: true });
  });

  it('give up at once what a game refuses, and tell it once', async () => {
    const id = claim('e1', 'drop02');
    const queue: GrantMessage[] = [];
    const deadLetters: { body: string; code: string }[] = [];
    const options = { granter: async () => ({ kind: 'refused' as const }), queue, deadLetters };
    expect((await fulfil(options)).body.entitlements).toMatchObject([{ outcome: 'failed', reason: 'GRANTER_REFUSED' }]);
    await world(options).resume();
    expect(deadLetters).toEqual([{ body: expect.any(String), code: 'GRANTER_REFUSED' }]);
    // The player comes again: tried again, and neither queued nor told again.
    expect((await fulfil(options)).body.entitlements).toMatchObject([{ outcome: 'failed', reason: 'GRANTER_REFUSED' }]);
    expect(queue).toEqual([]);
    expect(told((await now()).events)).toEqual(['Entitlement Stuck']);
    expect(reported()).not.toContain(id);
  });

  it('queue a failed grant once, however often the player comes', async () => {
    const id = claim('e1', 'drop02');
    const granter = (): Promise<never> => Promise.reject(new UnavailableError('TimedOut', 'no answer'));
    const queue: GrantMessage[] = [];
    for (let visit = 0; visit < 5; visit += 1) {
      expect((await fulfil({ granter, queue })).body.entitlements).toMatchObject([{ reason: 'GRANTER_UNAVAILABLE' }]);
      clock.leap(10_000);
    }
    expect(queue).toEqual([{ partner: 'acme', entitlementId: id }]);
    // And tries of the player do not use up those of the queue.
    expect((await now()).entitlements).toMatchObject([{ tries: 0 }]);
  });

  it('do not sweep again what was given up, and count it into no age', async () => {
    const id = claim('e1', 'drop02');
    const options = { granter: async () => ({ kind: 'refused' as const }), queue: [] as GrantMessage[] };
    await fulfil(options);
    await world(options).resume();
    const rows = await world().store.openEntitlements('CLAIMED', 1_000);
    expect(rows.map(({ entitlementId }) => entitlementId)).not.toContain(id);
    // Revoked by Amazon after all: nobody is told to come again for it.
    amazon.claims.delete(id);
    expect((await fulfil(options)).body).toEqual({
      entitlements: [
        { entitlementId: id, sku: 'drop02', outcome: 'failed', reported: false, reason: 'GRANTER_REFUSED', items: [] },
      ],
      complete: true,
    });
  });

  it('leave a failed grant to the queue, and send it anew only where the queue has lost it', async () => {
    const id = claim('e1', 'drop02');
    const granter = (): Promise<never> => Promise.reject(new UnavailableError('TimedOut', 'no answer'));
    await fulfil({ granter, queue: [] });
    const sweepNow = async (): Promise<boolean> => {
      const queue: GrantMessage[] = [];
      await world({ queue }).sweep();
      return queue.some(({ entitlementId }) => entitlementId === id);
    };
    afterLease();
    expect(await sweepNow()).toBe(false);
    clock.leap(20 * 60_000);
    expect(await sweepNow()).toBe(true);
  });

  it('tell once of what nobody has reported for long, and let the player report it all the same', async () => {
    const id = claim('e1', 'drop02');
    await dies(3, true);
    clock.leap(86_400_000 - 60_000);
    await world().sweep();
    expect(told((await now()).events)).toEqual(['Entitlement Granted']);
    clock.leap(120_000);
    const sweeping = world();
    await sweeping.sweep();
    expect(sweeping.telemetry.counts['EntitlementsStuck']).toBeGreaterThanOrEqual(1);
    await world().sweep();
    const { events } = await now();
    expect(events.at(-1)).toMatchObject({
      detailType: 'Entitlement Stuck',
      data: { entitlementId: id, status: 'GRANTED', reason: 'NOT_REPORTED' },
    });
    expect(told(events)).toEqual(['Entitlement Granted', 'Entitlement Stuck']);
    expect(reported()).toEqual([]);
    expect((await fulfil()).body).toMatchObject({ complete: true });
    expect(reported()).toEqual([id]);
  });

  it('put aside what no worker can understand', async () => {
    const deadLetters: { body: string; code: string }[] = [];
    const queue = [{ partner: 'acme' } as unknown as GrantMessage];
    expect(await world({ queue, deadLetters }).resume()).toEqual([]);
    expect(deadLetters).toEqual([{ body: '{"partner":"acme"}', code: 'UnreadableMessage' }]);
  });
});

describe('a fulfilment', () => {
  it('grants a unique item once, though two SKUs hold it, and tells that it was there', async () => {
    claim('e1', 'drop01');
    claim('e2', 'skinpack');
    const { body } = await fulfil();
    expect(body).toMatchObject({ complete: true });
    const skins = body.entitlements.flatMap(({ items }) => items.filter(({ itemId }) => itemId === 'skin'));
    expect(skins.map(({ granted }) => granted).sort()).toEqual([false, true]);
    expect((await now()).items).toEqual({ coins: 500, skin: 1, hat: 1 });
  });

  it('skips what Amazon wants nothing done for, and what is not spelt as it should be', async () => {
    const noop = claim('e1', 'drop02', 'NOOP');
    amazon.claim(user, `${player}-e2`, 'has spaces');
    expect((await fulfil()).body).toMatchObject({
      entitlements: [
        { entitlementId: noop, outcome: 'skipped', reason: 'NO_INSTRUCTION' },
        { outcome: 'failed', reason: 'INVALID_ENTITLEMENT' },
      ],
    });
    expect((await now()).items).toEqual({});
    expect(reported()).toEqual([]);
  });

  it('takes nothing for done by a list of which an entry has no identifier', async () => {
    const id = claim('e1', 'drop02');
    const list = JSON.stringify({ Entitlements: [{ VendorProductId: 'drop02', NextInstruction: 'FULFILL' }] });
    await dies(3, true);
    amazon.next.list.push({ kind: 'text', body: list });
    expect((await fulfil()).body.entitlements).toMatchObject([
      { entitlementId: '', outcome: 'failed', reason: 'INVALID_ENTITLEMENT' },
    ]);
    expect((await now()).entitlements).toMatchObject([{ status: 'GRANTED' }]);
    amazon.next.list.push(undefined, { kind: 'text', body: list });
    amazon.next.fulfil.push({ kind: 'error', applied: false }, { kind: 'error', applied: false });
    await fulfil();
    await fulfil();
    expect(reported()).toEqual([id]);
  });

  it('refuses a call without a token, and a player that looks like a name or an e-mail address', async () => {
    expect(await world().fulfil(player, '')).toMatchObject({
      status: 400,
      body: { error: { code: 'PLAYER_TOKEN_REQUIRED' } },
    });
    for (const name of ['anna.smith', 'anna@example.com', 'Anna Smith', 'a'.repeat(129)]) {
      const { status, body } = await world().fulfil(name, token);
      expect([status, body.error?.code], name).toEqual([400, 'INVALID_REQUEST']);
      expect(body.error?.message).toMatch(/playerId/u);
    }
  });

  it('costs one call of the tables where nothing is new, and four for the first entitlement of a linked player', async () => {
    await fulfil();
    const calls = async (): Promise<string[]> => {
      const sent: string[] = [];
      const counting = {
        send: (command: never, options: never) => {
          sent.push((command as object).constructor.name);
          return tables.database.send(command, options);
        },
      } as unknown as DynamoDBDocumentClient;
      await fulfil({ database: counting });
      return sent;
    };
    expect(await calls()).toEqual(['QueryCommand']);
    claim('e1', 'drop01');
    expect(await calls()).toEqual(['QueryCommand', ...Array.from({ length: 3 }, () => 'TransactWriteCommand')]);
  });
});
