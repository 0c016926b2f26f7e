import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import addFormats from 'ajv-formats';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FulfilledEntitlement, Fulfilment, InventoryItem } from '../../lambdas/entitlements/player-answers.ts';
import type { BusEvent } from '../../local/cloud/cloud.ts';
import { partnerAccess, type PartnerAccess } from '../../local/partners-file.ts';
import { webhookHeaders } from '../partner-api/push-signature.ts';
import { startGameBackend, type GameBackend } from './game-backend.ts';
import { startLocalStack, until, type LocalStack } from './local-stack.ts';
import { callSigned, sendRaw, type PartnerAnswer } from './partner-clients.ts';
import { storedEntitlements, type StoredEntitlements } from './stored-entitlements.ts';

const coins = (quantity: number) => ({ itemId: 'coins', quantity, kind: 'stackable' }) as const;
const HAT = { itemId: 'skin_mechahat', quantity: 1, kind: 'unique' } as const;
const SKUS = { drop01: [coins(500), HAT], drop02: [coins(250)] };
const newKey = (): string => `whsec_${randomBytes(32).toString('base64')}`;
const KEYS = { webhookKey: newKey(), pushKey: newKey() };

type PartnerName = 'arcade' | 'guild' | 'studio';
const partnersWith = (game: GameBackend): Record<PartnerName, object> => {
  const common = { capabilities: ['entitlements'], plan: { perSecond: 2_000, burst: 2_000 } };
  return {
    // The stack's own inventory.
    arcade: { ...common, accountId: '111122223333', externalId: 'arcade-1', entitlements: { skus: SKUS } },
    // A backend of its own.
    guild: {
      ...{ ...common, accountId: '222233334444', externalId: 'guild-1' },
      entitlements: { skus: SKUS, granter: { kind: 'webhook', url: game.url, timeoutMs: 5_000 } },
    },
    // Amazon calls for each claim.
    studio: {
      ...{ ...common, accountId: '333344445555', externalId: 'studio-1' },
      entitlements: { skus: SKUS, push: true },
    },
  };
};

let game: GameBackend;
let stack: LocalStack;
let access: Record<PartnerName, PartnerAccess>;
let stored: StoredEntitlements;

/** Gets whoever calls what they need; a restart changes all of it. */
function enter(): void {
  access = partnerAccess(stack.cloud, stack.settings.partnerApi);
  for (const [name, { credentials }] of Object.entries(access)) {
    stack.keepsSecret(`secret key of ${name}`, credentials.secretAccessKey);
    stack.keepsSecret(`session token of ${name}`, credentials.sessionToken);
  }
  stored?.close();
  stored = storedEntitlements(stack.cloud);
}

beforeAll(async () => {
  game = await startGameBackend(KEYS.webhookKey);
  stack = await startLocalStack({
    titles: [],
    // A machine that is busy with other things is no upstream that fails.
    entitlements: { timeoutMs: 5_500, deadlineMs: 22_000, stuckAfterSeconds: 60 },
    partners: partnersWith(game),
    partnerSecrets: {
      guild: { webhookKey: KEYS.webhookKey, ca: game.ca },
      studio: { pushKey: KEYS.pushKey },
    },
    // Whoever is at work when the stack stops is killed.
    cloud: { stopGraceMs: 100 },
  });
  enter();
});
// Fails when a token, or anything of a player's Amazon account, is found in what the stack has written.
afterAll(async () => {
  stored?.close();
  await stack?.stop();
  await game?.[Symbol.asyncDispose]();
});

let series = 0;
/** A player whom nobody knows yet, with an Amazon account of its own that has claimed these SKUs. */
function newPlayer(partner: PartnerName, ...skus: string[]) {
  series += 1;
  const [playerId, account] = [`player-${series}`, `account-${series}`];
  const claim = (sku: string): string => stack.simulator.claim({ account, sku });
  const { userId } = stack.simulator.addAccount({ account });
  return { partner, playerId, account, userId, claim, claims: skus.map(claim), token: stack.issueToken({ account }) };
}
type Player = Pick<ReturnType<typeof newPlayer>, 'partner' | 'playerId' | 'token'>;

const fulfil = ({ partner, playerId, token }: Player, signal?: AbortSignal): Promise<PartnerAnswer> =>
  callSigned(access[partner], {
    method: 'POST',
    path: `/v1/players/${playerId}/entitlements/fulfil`,
    headers: { 'x-amz-access-token': token },
    ...(signal && { signal }),
  });
/** What a call that succeeds says. */
async function fulfilled(player: Player): Promise<Fulfilment> {
  const answer = await fulfil(player);
  expect([answer.status, answer.body]).toEqual([200, expect.anything()]);
  return answer.body as Fulfilment;
}
const unlink = ({ partner, playerId }: Omit<Player, 'token'>): Promise<PartnerAnswer> =>
  callSigned(access[partner], { method: 'DELETE', path: `/v1/players/${playerId}/amazon-account` });

/** What the built-in inventory has given a player. */
async function inventoryOf({ partner, playerId }: Omit<Player, 'token'>): Promise<Record<string, number>> {
  const { status, body } = await callSigned(access[partner], { path: `/v1/players/${playerId}/inventory` });
  expect(status).toBe(200);
  const { items } = body as { items: InventoryItem[] };
  return Object.fromEntries(items.map(({ itemId, quantity }) => [itemId, quantity]));
}

/**
 * Has so many execution environments start, a few at a time: where every processor has hundreds of programs to start at
 * once, none is ready within the time of a request.
 */
async function warmUp(environments: number): Promise<void> {
  const player = newPlayer('arcade');
  const match = { operation: 'profile', account: player.account };
  // Each call is held for a while, so that the others need environments of their own.
  const release = await stack.fault({ kind: 'latency', ms: 1_500, match });
  for (let calls = 25; calls <= environments; calls += 25) {
    await Promise.all(Array.from({ length: calls }, () => fulfil(player)));
  }
  await release();
}

const outcomes = ({ entitlements }: Fulfilment) =>
  entitlements.map(({ sku, outcome, reported, reason }: FulfilledEntitlement) => ({ sku, outcome, reported, reason }));
const had = (sku: string, outcome: 'granted' | 'alreadyOwned' = 'granted') => ({
  ...{ sku, outcome, reported: true, reason: null },
});
const codeOf = ({ status, body }: PartnerAnswer) => [status, (body as { error?: { code: string } }).error?.code];

/** What became of reports of an entitlement at Amazon: how many came, and how many took effect. */
const reportsOf = (entitlementId: string) => {
  const all = stack.simulator.reports().filter((report) => report.entitlementId === entitlementId);
  return { sent: all.length, applied: all.filter(({ applied }) => applied).length };
};

const ajv = new Ajv2020({ strict: false });
addFormats.default(ajv);
const docs = resolve(import.meta.dirname, '../../docs/events');
const schemaOf = (type: string) =>
  ajv.compile(
    JSON.parse(readFileSync(join(docs, `${type.toLowerCase().replaceAll(' ', '-')}.schema.json`), 'utf8')) as object,
  );
const schemas = new Map(
  ['Entitlement Granted', 'Entitlement Reported', 'Entitlement Stuck'].map((type) => [type, schemaOf(type)]),
);

interface Detail {
  readonly metadata: { readonly id: string; readonly subject: string; readonly sequence: number };
  readonly data: Readonly<Record<string, unknown>>;
}
const detailOf = ({ detail }: BusEvent): Detail => detail as unknown as Detail;

/** The events about an entitlement as they came, each once: delivery is at least once. */
function eventsOf(entitlementId: string): { readonly type: string; readonly detail: Detail }[] {
  const events = new Map<string, { type: string; detail: Detail }>();
  for (const event of stack.events) {
    const detail = detailOf(event);
    if (detail.data['entitlementId'] !== entitlementId || events.has(detail.metadata.id)) continue;
    events.set(detail.metadata.id, { type: event['detail-type'], detail });
  }
  return [...events.values()];
}
const typesOf = (entitlementId: string): string[] =>
  eventsOf(entitlementId).map(({ type }) => type.replace('Entitlement ', ''));
/** Waits for as many events of an entitlement, and says which they are. */
async function told(entitlementId: string, count: number): Promise<string[]> {
  await until(`${count} events of an entitlement`, () => typesOf(entitlementId).length >= count);
  return typesOf(entitlementId);
}

/** What a metric of the entitlements has counted so far. */
const counted = (metric: string): number =>
  stack.logs.reduce((sum, text) => {
    if (!text.includes('"_aws"') || !text.includes(`"${metric}"`)) return sum;
    return sum + Number((JSON.parse(text) as Record<string, unknown>)[metric] ?? 0);
  }, 0);

describe('a player who starts the game', () => {
  it('gets what is claimed, once; Amazon knows, and the bus tells', async () => {
    const player = newPlayer('arcade', 'drop01', 'drop02');
    const { entitlements, complete } = await fulfilled(player);
    expect(complete).toBe(true);
    expect(entitlements).toEqual([
      {
        ...{ entitlementId: player.claims[0], ...had('drop01') },
        items: [coins(500), HAT].map((item) => ({ ...item, granted: true })),
      },
      { entitlementId: player.claims[1], ...had('drop02'), items: [{ ...coins(250), granted: true }] },
    ]);
    expect(await inventoryOf(player)).toEqual({ coins: 750, skin_mechahat: 1 });
    expect(stack.simulator.openClaims(player.account)).toEqual([]);
    for (const id of player.claims) expect(reportsOf(id)).toEqual({ sent: 1, applied: 1 });
    const addresses = stack.simulator.reports().map(({ fulfillmentAddress }) => fulfillmentAddress);
    expect(new Set(addresses.slice(-2))).toEqual(new Set([player.playerId]));

    expect(await fulfilled(player)).toEqual({ entitlements: [], complete: true });
    expect(await inventoryOf(player)).toEqual({ coins: 750, skin_mechahat: 1 });
    for (const id of player.claims) {
      expect(await told(id, 2)).toEqual(['Granted', 'Reported']);
      expect(reportsOf(id).sent).toBe(1);
    }
    const [first] = eventsOf(player.claims[0]!);
    expect(first?.detail.data).toEqual({
      ...{ partner: 'arcade', playerId: player.playerId, entitlementId: player.claims[0], sku: 'drop01' },
      ...{ items: entitlements[0]?.items, alreadyOwnedBy: null },
    });
  });

  it('has each item once of several entitlements of one SKU, and what is unique once of several SKUs', async () => {
    await stored.catalogueOf('arcade').put([['hats', [HAT, coins(1)]]]);
    const player = newPlayer('arcade', 'drop01', 'drop01', 'hats');
    const { entitlements, complete } = await fulfilled(player);
    expect(complete).toBe(true);
    expect(outcomes({ entitlements, complete })).toEqual([had('drop01'), had('drop01', 'alreadyOwned'), had('hats')]);
    expect(entitlements[1]?.items).toEqual([]);
    // Which of the two SKUs came first is nobody's concern.
    const hats = entitlements.flatMap(({ items }) => items).filter(({ itemId }) => itemId === HAT.itemId);
    expect(hats.map(({ granted }) => granted).sort()).toEqual([false, true]);
    expect(await inventoryOf(player)).toEqual({ coins: 501, skin_mechahat: 1 });
    expect(stack.simulator.openClaims(player.account)).toEqual([]);
    await told(player.claims[1]!, 2);
    const [granted] = eventsOf(player.claims[1]!);
    expect(granted?.detail.data).toMatchObject({ items: [], alreadyOwnedBy: player.claims[0] });
  });

  it('is told apart by the token, without which nothing is done', async () => {
    const player = newPlayer('arcade', 'drop01');
    const path = `/v1/players/${player.playerId}/entitlements/fulfil`;
    expect(codeOf(await callSigned(access.arcade, { method: 'POST', path }))).toEqual([400, 'PLAYER_TOKEN_REQUIRED']);
    stack.keepsSecret('a made-up token', 'Atza|made-up-by-somebody');
    expect(codeOf(await fulfil({ ...player, token: 'Atza|made-up-by-somebody' }))).toEqual([
      ...[401, 'PLAYER_TOKEN_REFUSED'],
    ]);
    const expired = stack.issueToken({ account: player.account, lifeMs: 0 });
    expect(codeOf(await fulfil({ ...player, token: expired }))).toEqual([401, 'PLAYER_TOKEN_REFUSED']);
    for (const scopes of [['profile'], ['games::prime']]) {
      const token = stack.issueToken({ account: player.account, scopes });
      expect(codeOf(await fulfil({ ...player, token }))).toEqual([403, 'PLAYER_CONSENT_MISSING']);
    }
    // A name would go to Amazon.
    expect(codeOf(await fulfil({ ...player, playerId: 'anna.smith' }))).toEqual([400, 'INVALID_REQUEST']);
    expect(await inventoryOf(player)).toEqual({});
    expect(await stored.row('arcade', player.claims[0]!)).toBeUndefined();
    expect(reportsOf(player.claims[0]!).sent).toBe(0);
  });

  it('is unblocked by the operator who adds an unknown SKU; everything else went on meanwhile', async () => {
    const player = newPlayer('arcade', 'season-9', 'drop02');
    const unknown = counted('UnknownSkus');
    const first = await fulfilled(player);
    expect(outcomes(first)).toEqual([
      { sku: 'season-9', outcome: 'failed', reported: false, reason: 'UNKNOWN_SKU' },
      had('drop02'),
    ]);
    expect(first.complete).toBe(true);
    await until('the metric', () => counted('UnknownSkus') === unknown + 1);
    expect(stack.logs.some((text) => text.includes('does not know what is claimed') && text.includes('season-9'))).toBe(
      true,
    );
    expect(reportsOf(player.claims[0]!).sent).toBe(0);

    await stored.catalogueOf('arcade').put([['season-9', [{ itemId: 'banner', quantity: 1, kind: 'unique' }]]]);
    expect(outcomes(await fulfilled(player))).toEqual([had('season-9')]);
    expect(await inventoryOf(player)).toEqual({ banner: 1, coins: 250 });
    expect(await told(player.claims[0]!, 2)).toEqual(['Granted', 'Reported']);
  });

  it('can be two hundred devices at once', { timeout: 240_000 }, async () => {
    await warmUp(200);
    const player = newPlayer('arcade', 'drop01', 'drop02', 'drop01');
    const startedAt = performance.now();
    const answers = await Promise.all(Array.from({ length: 200 }, () => fulfil(player)));
    const seconds = (performance.now() - startedAt) / 1000;
    const statuses = Map.groupBy(answers, ({ status }) => status);
    expect([...statuses.keys()]).toEqual([200]);
    expect(outcomes(await fulfilled(player)).filter(({ reported }) => !reported)).toEqual([]);
    expect(await inventoryOf(player)).toEqual({ coins: 750, skin_mechahat: 1 });
    expect(stack.simulator.openClaims(player.account)).toEqual([]);
    for (const id of player.claims) {
      expect(await told(id, 2)).toEqual(['Granted', 'Reported']);
      expect((await stored.row('arcade', id))?.status).toBe('REPORTED');
      expect(reportsOf(id).applied).toBe(1);
    }
    const entitlements = answers.flatMap(({ body }) => (body as Fulfilment).entitlements);
    const said = Map.groupBy(entitlements, ({ outcome, reason }) => `${outcome} ${reason ?? ''}`.trim());
    const counts = Object.fromEntries([...said].map(([key, all]) => [key, all.length]));
    console.log(JSON.stringify({ requests: answers.length, seconds: Number(seconds.toFixed(1)), ...counts }));
  });
});

describe('an Amazon account', () => {
  it('is one player’s, and a player has one, until they are unlinked', async () => {
    const [first, second] = [newPlayer('arcade', 'drop01'), newPlayer('arcade', 'drop02')];
    await fulfilled(first);
    // Somebody else with the account of the first, and the first one with another account.
    expect(codeOf(await fulfil({ ...second, token: first.token }))).toEqual([409, 'ACCOUNT_OF_ANOTHER']);
    expect(codeOf(await fulfil({ ...first, token: second.token }))).toEqual([409, 'PLAYER_LINKED_OTHERWISE']);
    expect(await inventoryOf(second)).toEqual({});
    expect(stack.simulator.openClaims(second.account)).toHaveLength(1);
    // Another game has players and accounts of its own.
    expect(await fulfilled({ ...first, partner: 'studio', playerId: second.playerId })).toEqual({
      ...{ entitlements: [], complete: true },
    });

    expect((await unlink(first)).status).toBe(204);
    expect((await unlink(first)).status).toBe(204);
    expect(outcomes(await fulfilled({ ...first, token: second.token }))).toEqual([had('drop02')]);
    const later = first.claim('drop02');
    expect(outcomes(await fulfilled({ ...second, token: first.token }))).toEqual([had('drop02')]);
    expect(await told(later, 2)).toEqual(['Granted', 'Reported']);
    expect([await inventoryOf(first), await inventoryOf(second)]).toEqual([
      { coins: 750, skin_mechahat: 1 },
      { coins: 250 },
    ]);
  });

  it('that moves on does not take along what its former player was granted', async () => {
    const [first, second] = [newPlayer('arcade', 'drop01'), newPlayer('arcade')];
    const mend = await stack.fault({ kind: 'inner-result', match: { operation: 'fulfil', account: first.account } });
    expect(outcomes(await fulfilled(first))).toEqual([{ ...had('drop01'), reported: false, reason: 'REPORT_UNKNOWN' }]);
    await mend();
    await unlink(first);
    const moved = { ...second, token: first.token };
    expect(codeOf(await fulfil(moved))).toEqual([409, 'ENTITLEMENT_OF_ANOTHER']);
    first.claim('drop02');
    expect(outcomes(await fulfilled(moved))).toEqual([
      { sku: 'drop01', outcome: 'failed', reported: false, reason: 'ENTITLEMENT_OF_ANOTHER' },
      had('drop02'),
    ]);
    expect([await inventoryOf(first), await inventoryOf(second)]).toEqual([
      { coins: 500, skin_mechahat: 1 },
      { coins: 250 },
    ]);
  });
});

describe('one call grants once and reports, whatever Amazon does meanwhile', () => {
  it.each<[string, { rule: object; assumed: boolean; sent: number }]>([
    [
      'the answer to a report is lost, and the report was had',
      { rule: { kind: 'drop', match: { operation: 'fulfil' } }, assumed: true, sent: 1 },
    ],
    [
      'the answer to a report is lost, and the report with it',
      { rule: { kind: 'drop', effect: 'none', match: { operation: 'fulfil' } }, assumed: false, sent: 2 },
    ],
    [
      'a report is answered ERROR, and had no effect',
      { rule: { kind: 'inner-result', match: { operation: 'fulfil' } }, assumed: false, sent: 2 },
    ],
    [
      'a report is answered ERROR, although it was had',
      { rule: { kind: 'inner-result', effect: 'applied', match: { operation: 'fulfil' } }, assumed: true, sent: 1 },
    ],
    [
      'a report is answered without a word about the entitlement',
      { rule: { kind: 'inner-missing', match: { operation: 'fulfil' } }, assumed: true, sent: 1 },
    ],
    [
      'a report is answered with something that is no JSON',
      { rule: { kind: 'malformed', match: { operation: 'fulfil' } }, assumed: true, sent: 1 },
    ],
    [
      'a report fails',
      { rule: { kind: 'status', code: 500, match: { operation: 'fulfil' } }, assumed: false, sent: 2 },
    ],
    [
      'the list fails twice',
      { rule: { kind: 'status', code: 503, match: { operation: 'entitlements' }, times: 2 }, assumed: false, sent: 1 },
    ],
    [
      'the list is cut off',
      { rule: { kind: 'malformed', match: { operation: 'entitlements' } }, assumed: false, sent: 1 },
    ],
    [
      'the list is slow',
      { rule: { kind: 'latency', ms: 1_500, match: { operation: 'entitlements' } }, assumed: false, sent: 1 },
    ],
    ['the profile is cut off', { rule: { kind: 'drop', match: { operation: 'profile' } }, assumed: false, sent: 1 }],
  ])('%s', async (_, { rule, assumed, sent }) => {
    const player = newPlayer('arcade', 'drop01');
    const [id = ''] = player.claims;
    const { match } = rule as { match: object };
    await stack.fault({ times: 1, ...rule, match: { ...match, account: player.account } });
    const { entitlements, complete } = await fulfilled(player);
    // It has struck as often as it was to.
    expect(await stack.control('GET', '/control/faults')).toEqual({ faults: [] });
    expect([outcomes({ entitlements, complete }), complete]).toEqual([[had('drop01')], true]);
    expect(await inventoryOf(player)).toEqual({ coins: 500, skin_mechahat: 1 });
    expect(reportsOf(id)).toEqual({ sent, applied: 1 });
    expect(await told(id, 2)).toEqual(['Granted', 'Reported']);
    expect(eventsOf(id)[1]?.detail.data).toMatchObject({ assumed });
  });
});

describe('what one call cannot bring to its end, a later one does', () => {
  it('each item of several is decided by itself', async () => {
    const player = newPlayer('arcade', 'drop01', 'drop02');
    const [failing = '', other = ''] = player.claims;
    const mend = await stack.fault({ kind: 'inner-result', match: { operation: 'fulfil', entitlement: failing } });
    const first = await fulfilled(player);
    expect(outcomes(first)).toEqual([{ ...had('drop01'), reported: false, reason: 'REPORT_UNKNOWN' }, had('drop02')]);
    expect(first.complete).toBe(false);
    expect(await told(other, 2)).toEqual(['Granted', 'Reported']);
    expect(typesOf(failing)).toEqual(['Granted']);
    await mend();
    expect(outcomes(await fulfilled(player))).toEqual([had('drop01')]);
    expect(await inventoryOf(player)).toEqual({ coins: 750, skin_mechahat: 1 });
    expect(await told(failing, 2)).toEqual(['Granted', 'Reported']);
  });

  it('an outage is told, and nothing is granted in it', async () => {
    const player = newPlayer('arcade', 'drop01');
    const mend = await stack.fault({
      ...{ kind: 'status', code: 503, match: { operation: 'entitlements', account: player.account } },
    });
    const answer = await fulfil(player);
    expect(codeOf(answer)).toEqual([503, 'UPSTREAM_UNAVAILABLE']);
    expect(await stored.row('arcade', player.claims[0]!)).toBeUndefined();
    await mend();
    expect(outcomes(await fulfilled(player))).toEqual([had('drop01')]);
  });

  it('a token that expires between grant and report is asked for anew, and the new one reports', async () => {
    const player = newPlayer('arcade', 'drop01');
    const [id = ''] = player.claims;
    await stack.fault({ kind: 'expire-token', times: 1, match: { operation: 'fulfil', account: player.account } });
    expect(codeOf(await fulfil(player))).toEqual([401, 'PLAYER_TOKEN_REFUSED']);
    expect(codeOf(await fulfil(player))).toEqual([401, 'PLAYER_TOKEN_REFUSED']);
    expect((await stored.row('arcade', id))?.status).toBe('GRANTED');
    expect(await inventoryOf(player)).toEqual({ coins: 500, skin_mechahat: 1 });

    const token = stack.issueToken({ account: player.account });
    expect(outcomes(await fulfilled({ ...player, token }))).toEqual([had('drop01')]);
    expect(await inventoryOf(player)).toEqual({ coins: 500, skin_mechahat: 1 });
    expect(await told(id, 2)).toEqual(['Granted', 'Reported']);
  });

  it('a player who hangs up in mid-request loses nothing', async () => {
    const player = newPlayer('arcade', 'drop01', 'drop02');
    // Long enough for the client to be gone by the time Amazon answers.
    const mend = await stack.fault({
      ...{ kind: 'latency', ms: 1_000, match: { operation: 'fulfil', account: player.account } },
    });
    const gone = new AbortController();
    const call = fulfil(player, gone.signal);
    await until('the first grant', async () => (await stored.row('arcade', player.claims[0]!))?.status === 'GRANTED');
    gone.abort();
    await expect(call).rejects.toThrow();
    for (const id of player.claims) expect(await told(id, 2)).toEqual(['Granted', 'Reported']);
    await mend();
    expect(await fulfilled(player)).toEqual({ entitlements: [], complete: true });
    expect(await inventoryOf(player)).toEqual({ coins: 750, skin_mechahat: 1 });
    for (const id of player.claims) expect(reportsOf(id)).toEqual({ sent: 1, applied: 1 });
  });

  it('what stays unreported for long is told once, and reported when the player is back', async () => {
    const player = newPlayer('arcade', 'drop01');
    const [id = ''] = player.claims;
    const mend = await stack.fault({ kind: 'inner-result', match: { operation: 'fulfil', account: player.account } });
    await fulfilled(player);
    await mend();
    await stored.age('arcade', id, 'since', 120_000);
    for (const _ of [1, 2]) await stack.cloud.invoke('Entitlements/SweepEntitlements/Function', {});
    await told(id, 2);
    expect(outcomes(await fulfilled(player))).toEqual([had('drop01')]);
    expect(await told(id, 3)).toEqual(['Granted', 'Stuck', 'Reported']);
    expect(eventsOf(id)[1]?.detail.data).toMatchObject({ status: 'GRANTED', reason: 'NOT_REPORTED' });
    expect((await stored.row('arcade', id))?.stuck).toBeUndefined();
  });
});

describe("a game's own backend", () => {
  const granted = async (id: string) => (await stored.row('guild', id))?.status === 'GRANTED';

  it('is called for each SKU, signed, and gives each once', async () => {
    const player = newPlayer('guild', 'drop01', 'drop01', 'drop02');
    const answer = await fulfilled(player);
    expect(outcomes(answer)).toEqual([had('drop01'), had('drop01', 'alreadyOwned'), had('drop02')]);
    expect(await fulfilled(player)).toEqual({ entitlements: [], complete: true });
    expect(game.givenTo(player.playerId)).toHaveLength(2);
    expect(game.givenTo(player.playerId)).toEqual(expect.arrayContaining([[coins(500), HAT], [coins(250)]]));
    expect(game.bodiesFor(player.playerId)).toHaveLength(2);
    // The stack's own inventory is for games without one.
    expect(await inventoryOf(player)).toEqual({});
  });

  // The queue tries again after fifteen seconds: all three wait at the same time.
  it('that fails is called again from the queue; one that refuses is left to an operator', async () => {
    const [down, deaf, refused] = [
      newPlayer('guild', 'drop01'),
      newPlayer('guild', 'drop01'),
      newPlayer('guild', 'drop02'),
    ];
    const [downId = '', deafId = '', refusedId = ''] = [down, deaf, refused].map(({ claims }) => claims[0]);
    game.moods.set(down.playerId, 'is out of service');
    game.moods.set(deaf.playerId, 'gives and hangs up');
    game.moods.set(refused.playerId, 'refuses');
    const pending = { outcome: 'pending', reported: false, reason: 'GRANTER_UNAVAILABLE' };
    for (const player of [down, deaf]) {
      const { entitlements, complete } = await fulfilled(player);
      expect([complete, outcomes({ entitlements, complete })]).toEqual([false, [{ sku: 'drop01', ...pending }]]);
    }
    expect(outcomes(await fulfilled(refused))).toEqual([
      { sku: 'drop02', outcome: 'failed', reported: false, reason: 'GRANTER_REFUSED' },
    ]);
    game.moods.delete(down.playerId);
    game.moods.delete(deaf.playerId);

    await until('the queue to have granted', async () => (await granted(downId)) && (await granted(deafId)));
    for (const player of [down, deaf]) {
      expect(game.givenTo(player.playerId)).toEqual([[coins(500), HAT]]);
      // The same call, byte for byte.
      expect(game.bodiesFor(player.playerId)).toHaveLength(2);
      expect(new Set(game.bodiesFor(player.playerId)).size).toBe(1);
    }
    expect(outcomes(await fulfilled(down))).toEqual([had('drop01')]);
    expect(await told(downId, 2)).toEqual(['Granted', 'Reported']);

    expect(await told(refusedId, 1)).toEqual(['Stuck']);
    expect(eventsOf(refusedId)[0]?.detail.data).toMatchObject({ status: 'CLAIMED', reason: 'GRANTER_REFUSED' });
    const letters = await stored.takeDeadLetters();
    expect(letters.map(({ Body = '' }) => JSON.parse(Body) as unknown)).toEqual([
      { partner: 'guild', entitlementId: refusedId },
    ]);
    expect(letters[0]?.MessageAttributes?.['reason']?.StringValue).toContain('GRANTER_REFUSED');
    // What has been given up is nothing for the sweeper.
    await stack.cloud.invoke('Entitlements/SweepEntitlements/Function', {});
    expect(game.bodiesFor(refused.playerId)).toHaveLength(2);

    game.moods.delete(refused.playerId);
    // As a redrive does; the local queues know no StartMessageMoveTask.
    await stored.send(letters[0]!.Body!);
    await until('the redrive to have granted', () => granted(refusedId));
    expect(game.givenTo(refused.playerId)).toEqual([[coins(250)]]);
    expect((await stored.row('guild', refusedId))?.stuck).toBeUndefined();
    expect(outcomes(await fulfilled(refused))).toEqual([had('drop02')]);
    expect(await told(refusedId, 3)).toEqual(['Stuck', 'Granted', 'Reported']);
    expect(await stored.takeDeadLetters()).toEqual([]);
  });

  it('gives once, also where the function is killed while it waits: the sweeper has the grant resumed', async () => {
    const player = newPlayer('guild', 'drop01');
    const [id = ''] = player.claims;
    game.moods.set(player.playerId, 'never answers');
    const call = fulfil(player).then(
      ({ status }) => status,
      () => 'cut off',
    );
    await until('the backend to be called', () => game.bodiesFor(player.playerId).length === 1);
    await stack.restart();
    expect(await call).not.toBe(200);
    enter();
    game.moods.delete(player.playerId);
    const row = await stored.row('guild', id);
    expect(row?.status).toBe('CLAIMED');

    // Whoever holds it might still be at work.
    expect(outcomes(await fulfilled(player))).toEqual([
      { sku: 'drop01', outcome: 'pending', reported: false, reason: 'IN_PROGRESS' },
    ]);
    await stored.age('guild', id, 'lease', 120_000);
    const resumed = counted('GrantsResumed');
    await stack.cloud.invoke('Entitlements/SweepEntitlements/Function', {});
    await until('the grant to be resumed', () => granted(id));
    await until('the metric', () => counted('GrantsResumed') === resumed + 1);
    expect(outcomes(await fulfilled(player))).toEqual([had('drop01')]);
    expect(game.givenTo(player.playerId)).toEqual([[coins(500), HAT]]);
    expect(new Set(game.bodiesFor(player.playerId)).size).toBe(1);
    expect(await told(id, 2)).toEqual(['Granted', 'Reported']);
  });

  it('was never called without a right signature', () => {
    expect(game.complaints).toEqual([]);
  });
});

describe('the push integration', () => {
  interface Push {
    readonly partner?: string;
    readonly key?: string;
    /** Milliseconds by which the call is older than it should be. */
    readonly age?: number;
    readonly sent?: (headers: Record<string, string>) => Record<string, string>;
  }
  const push = (route: string, content: object, { partner = 'studio', key, age = 0, sent }: Push = {}) => {
    const body = JSON.stringify(content);
    const headers = webhookHeaders(
      key ?? KEYS.pushKey,
      `msg_${randomBytes(8).toString('hex')}`,
      Date.now() - age,
      body,
    );
    const all = { 'content-type': 'application/json', ...headers };
    const { url } = access.studio;
    const path = `${new URL(url).pathname}/v1/push/${partner}/${route}`;
    return sendRaw(url, 'POST', path, sent ? sent(all) : all, body);
  };
  const claimOf = (player: ReturnType<typeof newPlayer>, EntitlementId: string, VendorProductId = 'drop01') => ({
    ...{ EntitlementId, VendorProductId, UserId: player.userId },
  });
  const linkOf = ({ userId, playerId }: ReturnType<typeof newPlayer>) => ({
    ...{ UserId: userId, FulfillmentAddress: playerId },
  });

  it('links, grants each claim once however often it comes, and unlinks', async () => {
    const player = newPlayer('studio');
    const claim = claimOf(player, `pushed-${player.playerId}`);
    expect(codeOf(await push('claims', claim))).toEqual([404, 'ACCOUNT_NOT_LINKED']);
    expect((await push('account-links', linkOf(player))).status).toBe(204);
    expect((await push('account-links', linkOf(player))).status).toBe(204);
    const acknowledged = { EntitlementId: claim.EntitlementId, Result: 'SUCCESS' };
    const first = await push('claims', claim);
    expect([first.status, first.body]).toEqual([200, acknowledged]);
    const again = await push('claims', { ...claim, SomethingNew: [1] });
    expect([again.status, again.body]).toEqual([200, acknowledged]);
    const second = await push('claims', claimOf(player, `${claim.EntitlementId}-2`));
    expect(second.status).toBe(200);
    expect(await inventoryOf(player)).toEqual({ coins: 500, skin_mechahat: 1 });
    expect(await told(claim.EntitlementId, 2)).toEqual(['Granted', 'Reported']);

    expect(codeOf(await push('claims', claimOf(player, 'of-no-sku-1', 'nobody-knows')))).toEqual([503, 'UNKNOWN_SKU']);
    expect((await push('account-unlinks', { UserId: player.userId })).status).toBe(204);
    expect(codeOf(await push('claims', claim))).toEqual([404, 'ACCOUNT_NOT_LINKED']);
    // The account is free for somebody else, and what it has brought already is not.
    const other = newPlayer('studio');
    expect((await push('account-links', { ...linkOf(other), UserId: player.userId })).status).toBe(204);
    expect(codeOf(await push('account-links', linkOf(player)))).toEqual([409, 'ACCOUNT_OF_ANOTHER']);
    expect(codeOf(await push('account-links', linkOf(other)))).toEqual([409, 'PLAYER_LINKED_OTHERWISE']);
    expect(codeOf(await push('claims', claim))).toEqual([409, 'ENTITLEMENT_OF_ANOTHER']);
    expect(await inventoryOf(other)).toEqual({});
  });

  it('and a call of the player are about the same entitlements', async () => {
    const player = newPlayer('studio', 'drop01');
    await push('account-links', linkOf(player));
    expect((await push('claims', claimOf(player, player.claims[0]!))).status).toBe(200);
    expect(outcomes(await fulfilled(player))).toEqual([had('drop01')]);
    expect(await inventoryOf(player)).toEqual({ coins: 500, skin_mechahat: 1 });
    expect(await told(player.claims[0]!, 2)).toEqual(['Granted', 'Reported']);
  });

  it('gives one grant to many calls at a time', async () => {
    const player = newPlayer('studio');
    const claim = claimOf(player, `raced-${player.playerId}`);
    await push('account-links', linkOf(player));
    const answers = await Promise.all(Array.from({ length: 10 }, () => push('claims', claim)));
    // Who comes while it is being granted is asked to come again.
    for (const answer of answers) {
      expect([
        [200, undefined],
        [503, 'GRANT_PENDING'],
      ]).toContainEqual(codeOf(answer));
    }
    expect((await push('claims', claim)).status).toBe(200);
    expect(await inventoryOf(player)).toEqual({ coins: 500, skin_mechahat: 1 });
    expect(await told(claim.EntitlementId, 2)).toEqual(['Granted', 'Reported']);
  });

  it.each<[string, Push]>([
    ['no signature', { sent: ({ 'webhook-signature': _, ...others }) => others }],
    ['the key of somebody else', { key: newKey() }],
    ['a signature of another body', { sent: (all) => ({ ...all, 'webhook-id': `${all['webhook-id']}0` }) }],
    ['a signature that is too old', { age: 6 * 60_000 }],
    ['a signature that is too early', { age: -6 * 60_000 }],
  ])('does nothing for %s', async (_, how) => {
    const player = newPlayer('studio');
    for (const [route, content] of [
      ['account-links', linkOf(player)],
      ['claims', claimOf(player, 'forged-1')],
      ['account-unlinks', { UserId: player.userId }],
    ] as const) {
      expect(codeOf(await push(route, content, how))).toEqual([401, 'PUSH_SIGNATURE_REFUSED']);
    }
    expect(codeOf(await push('claims', claimOf(player, 'forged-1')))).toEqual([404, 'ACCOUNT_NOT_LINKED']);
    expect(await stored.row('studio', 'forged-1')).toBeUndefined();
  });

  it('is there for partners that have it only', async () => {
    const player = newPlayer('arcade');
    expect(codeOf(await push('account-links', linkOf(player), { partner: 'arcade' }))).toEqual([404, 'NOT_FOUND']);
    expect(codeOf(await push('account-links', linkOf(player), { partner: 'nobody' }))).toEqual([404, 'NOT_FOUND']);
  });
});

describe('every event about entitlements', () => {
  it('is as the documents say, rises in its subject, and comes of each kind once at most for one reason', () => {
    const events = stack.events.filter(({ 'detail-type': type }) => type.startsWith('Entitlement'));
    expect(new Set(events.map(({ 'detail-type': type }) => type))).toEqual(new Set(schemas.keys()));
    for (const event of events) {
      const check = schemas.get(event['detail-type'])!;
      expect([event['detail-type'], check(event.detail), check.errors]).toEqual([event['detail-type'], true, null]);
      const { metadata, data } = detailOf(event);
      expect(event.source).toBe('offer-relay');
      expect(metadata.subject).toBe(`entitlement/${String(data['partner'])}/${String(data['entitlementId'])}`);
    }
    const ids = new Set(events.map((event) => String(detailOf(event).data['entitlementId'])));
    for (const id of ids) {
      const all = eventsOf(id);
      const sequences = all.map(({ detail }) => detail.metadata.sequence);
      expect(sequences).toEqual([...new Set(sequences)].sort((left, right) => left - right));
      const kinds = all.map(({ type }) => type);
      expect(kinds).toEqual([...new Set(kinds)]);
    }
  });

  it('leaves nothing in the queues', async () => {
    await until('the queue of grants to be empty', async () =>
      Object.values(await stored.grantsLeft()).every((count) => count === 0),
    );
    expect(await stored.takeDeadLetters()).toEqual([]);
  });
});
