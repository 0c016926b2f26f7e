import { describe, expect, test } from 'vitest';
import { DynamoDbCalls } from '../../bench/dynamodb-calls.ts';
import { brokenPromises, type Remains } from '../../bench/entitlement-checks.ts';
import { enrolPlayer, inventoryOf, type Player } from '../../bench/entitlement-players.ts';
import type { Caller } from '../../local/cloud/cloud.ts';

const PARTNER = 'acme';

/** Two players with three claims each, of which two of the first one hold the same unique item. */
function players(): [Player, Player] {
  let claims = 0;
  const desk = { issueToken: () => 'token', claim: () => `claim-${(claims += 1)}` };
  const enrol = (playerId: string, number: number) => enrolPlayer(desk, playerId, { number, claims: 3, tokenMs: 1 });
  return [enrol('player-1', 4), enrol('player-2', 0)];
}

/** What is left behind where all went as promised. */
function remainsOf(all: readonly Player[]) {
  const claims = all.flatMap(({ playerId, claims }) => claims.map((claim) => ({ playerId, ...claim })));
  const happened = (detailType: string) =>
    claims.map(({ entitlementId }) => ({
      subject: `entitlement/${PARTNER}/${entitlementId}`,
      events: [{ detailType }],
    }));
  return {
    entitlements: [
      ...claims.map(({ playerId, entitlementId }) => ({
        owner: `entitlement|${PARTNER}|${entitlementId}`,
        part: 'entitlement',
        ...{ playerId, entitlementId, status: 'REPORTED' },
      })),
      ...all.flatMap((player) => [
        { owner: `player|${PARTNER}|${player.playerId}`, part: 'account' },
        ...[...inventoryOf(player)].map(([part, held]) => ({
          owner: `inventory|${PARTNER}|${player.playerId}`,
          part,
          ...held,
        })),
      ]),
    ] as Record<string, unknown>[],
    history: [...happened('Entitlement Granted'), ...happened('Entitlement Reported')],
    reports: claims.map(({ playerId, entitlementId }) => ({
      entitlementId,
      fulfillmentAddress: playerId,
      applied: true,
    })),
  };
}

test('an inventory adds up what is stackable, and holds what is unique once', () => {
  const [player] = players();
  expect(player.claims.map(({ sku }) => sku)).toEqual(['bench_drop05', 'bench_drop06', 'bench_drop01']);
  expect(Object.fromEntries(inventoryOf(player))).toEqual({
    skin_mechahat: { quantity: 1, kind: 'unique' },
    gems: { quantity: 20, kind: 'stackable' },
    coins: { quantity: 550, kind: 'stackable' },
    skin_robodog: { quantity: 1, kind: 'unique' },
  });
});

describe('what is not as promised', () => {
  const [one, two] = players();
  const broken = (alter: (remains: ReturnType<typeof remainsOf>) => unknown): string[] => {
    const remains = remainsOf([one, two]);
    alter(remains);
    return brokenPromises(PARTNER, { oneByOne: [one], sideBySide: [two] }, remains satisfies Remains);
  };

  test('is nothing where each claim came out once', () => {
    expect(broken(() => undefined)).toEqual([]);
  });

  test.each<[string, (remains: ReturnType<typeof remainsOf>) => unknown, string]>([
    [
      'coins that were given twice',
      ({ entitlements }) => (entitlements.find(({ part }) => part === 'coins')!['quantity'] = 1_050),
      'inventory of player-1',
    ],
    [
      'an item that is missing',
      ({ entitlements }) =>
        entitlements.splice(
          entitlements.findIndex(({ part }) => part === 'gems'),
          1,
        ),
      'inventory of player-1',
    ],
    [
      'an item that nobody claimed',
      ({ entitlements }) =>
        entitlements.push({
          owner: 'inventory|acme|player-1',
          part: 'sword',
          ...{ quantity: 1, kind: 'unique' },
        }),
      'inventory of player-1',
    ],
    [
      'a marker that stays',
      ({ entitlements }) => entitlements.push({ owner: 'player|acme|player-1', part: 'open|claim-1' }),
      'what player-1 has open',
    ],
    [
      'an entitlement that is granted and not reported',
      ({ entitlements }) => (entitlements[0]!['status'] = 'GRANTED'),
      'rows of claim-1',
    ],
    [
      'an entitlement of another player',
      ({ entitlements }) => (entitlements[0]!['playerId'] = 'player-2'),
      'rows of claim-1',
    ],
    ['an entitlement without a row', ({ entitlements }) => entitlements.shift(), 'rows of claim-1'],
    ['a claim that was not reported', ({ reports }) => reports.shift(), 'who reported claim-1'],
    [
      'a claim that was reported again, though its requests came one by one',
      ({ reports }) => reports.push({ ...reports[0]!, applied: false }),
      'who reported claim-1',
    ],
    [
      'a claim that was taken twice',
      ({ reports }) => reports.push(reports.find(({ entitlementId }) => entitlementId === 'claim-4')!),
      'who reported claim-4',
    ],
    [
      'a report with the wrong address',
      ({ reports }) => (reports[0]!.fulfillmentAddress = 'player-2'),
      'who reported claim-1',
    ],
    [
      'a report of a claim that nobody made',
      ({ reports }) => reports.push({ entitlementId: 'claim-9', fulfillmentAddress: 'player-1', applied: true }),
      'reports that were taken in all',
    ],
    ['an event that is missing', ({ history }) => history.pop(), 'events of claim-6'],
    ['an event that is there twice', ({ history }) => history.push(history[0]!), 'events of claim-1'],
    [
      'an entitlement that nobody claimed',
      ({ entitlements }) => entitlements.push({ owner: 'entitlement|acme|claim-9', part: 'entitlement' }),
      'entitlements in all',
    ],
    [
      'an inventory of somebody else',
      ({ entitlements }) =>
        entitlements.push({
          owner: 'inventory|acme|player-9',
          part: 'coins',
          ...{ quantity: 1, kind: 'stackable' },
        }),
      'inventories in all',
    ],
  ])('is %s', (_, alter, told) => {
    expect(broken(alter)).toContainEqual(expect.stringMatching(new RegExp(`^${told}: `)));
  });

  test('is not a report that was refused, where requests of one player met', () => {
    expect(
      broken(({ reports }) =>
        reports.push({ entitlementId: 'claim-4', fulfillmentAddress: 'player-2', applied: false }),
      ),
    ).toEqual([]);
  });
});

describe('calls to DynamoDB', () => {
  const SERVER: Caller = { kind: 'function', logicalId: 'Server' };
  const call = (operation: string, input: Record<string, unknown> = {}, caller = SERVER, service = 'dynamodb') => ({
    ...{ at: 0, caller, service, operation, input, permissions: [] },
  });

  test('are counted by their commands, for the one function', () => {
    const calls = new DynamoDbCalls(() => 'Server');
    calls.count(call('Query'));
    calls.count(call('Query'));
    calls.count(call('GetItem'));
    calls.count(call('GetItem', {}, { kind: 'function', logicalId: 'Other' }));
    calls.count(call('GetItem', {}, { kind: 'operator' }));
    calls.count(call('SendMessage', {}, SERVER, 'sqs'));
    expect(calls.take()).toEqual({ byCommand: { GetItem: 1, Query: 2 }, all: 3, repeatedTransactions: 0 });
    expect(calls.take()).toEqual({ byCommand: {}, all: 0, repeatedTransactions: 0 });
  });

  test('tell of transactions that were sent again, also after a question', () => {
    const calls = new DynamoDbCalls(() => 'Server');
    for (const ClientRequestToken of ['one', 'two', 'one'])
      calls.count(call('TransactWriteItems', { ClientRequestToken }));
    expect(calls.take()).toMatchObject({ all: 3, repeatedTransactions: 1 });
    calls.count(call('TransactWriteItems', { ClientRequestToken: 'two' }));
    expect(calls.take()).toMatchObject({ all: 1, repeatedTransactions: 1 });
  });
});
