import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { HeldEntitlement } from '../../lambdas/entitlements/entitlement.ts';
import type { EntitlementsSecret } from '../../lambdas/entitlements/entitlements-secret.ts';
import { createWebhookGranter } from '../../lambdas/entitlements/webhook-granter.client.ts';
import type { Clock } from '../../lambdas/shared/clock.ts';
import { CredentialError, UpstreamError } from '../../lambdas/shared/errors.ts';
import type { GranterSettings } from '../../lambdas/shared/settings.ts';
import { WebhookKeys } from '../../lambdas/shared/webhooks/standard-webhooks.ts';
import { checkSignature } from '../../local/signature-v4.ts';
import { isSignedBy } from '../partner-api/push-signature.ts';
import { answer, type Behaviour, type ScriptedServer, startScriptedServer } from '../shared/scripted-server.ts';
import { LeapingClock } from '../shared/virtual-clock.ts';

const KEY = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const ROLE = { accessKeyId: 'ASIAFUNCTION', secretAccessKey: 'secret-of-the-function', sessionToken: 'session/+=' };
const ENTITLEMENT: HeldEntitlement = {
  partner: 'example',
  playerId: 'player123',
  entitlementId: 'entitlement-2',
  sku: 'primegaming_season01_drop01',
  account: '0'.repeat(32),
  status: 'CLAIMED',
  fence: 'fence-1',
  lease: 5,
  grantId: 'entitlement-1',
  items: [
    { itemId: 'coins', quantity: 500, kind: 'stackable' },
    { itemId: 'skin_mechahat', quantity: 1, kind: 'unique' },
  ],
  since: 4,
};
const GIVEN = ENTITLEMENT.items.map((item) => ({ ...item, granted: true }));

let game: ScriptedServer;
let clock: LeapingClock;
beforeAll(async () => {
  game = await startScriptedServer('game');
});
afterAll(() => game[Symbol.asyncDispose]());
beforeEach(() => {
  game.reset();
  clock = new LeapingClock();
});

type Signature = Extract<GranterSettings, { kind: 'webhook' }>['signature'];
interface Given {
  readonly url?: string;
  readonly signature?: Signature;
  readonly secret?: () => Promise<EntitlementsSecret>;
  readonly timeoutMs?: number;
  readonly clock?: Clock;
}
const granter = (given: Given = {}) =>
  createWebhookGranter({
    settings: {
      url: given.url ?? `${game.url}/grants`,
      signature: given.signature ?? { kind: 'hmac' },
      timeoutMs: given.timeoutMs ?? 10_000,
    },
    secret: given.secret ?? (async () => ({ webhookKey: WebhookKeys.parse(KEY), ca: game.ca })),
    credentials: { current: async () => ROLE },
    clock: given.clock ?? clock,
  });
const grant = (given: Given = {}, entitlement = ENTITLEMENT, deadline = Infinity) =>
  granter(given)(entitlement, new Set(), deadline);
const failureOf = async (work: Promise<unknown>): Promise<UpstreamError> => {
  const error: unknown = await work.then(
    (result) => expect.unreachable(`should have failed, and gave ${JSON.stringify(result)}`),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(UpstreamError);
  return error as UpstreamError;
};
const sigv4 = (service: 'execute-api' | 'lambda' = 'execute-api') =>
  ({ kind: 'sigv4', service, region: 'eu-west-1', resourceArn: 'arn:aws:execute-api:eu-west-1:1:x' }) as const;

describe('a grant by webhook', () => {
  it('is one POST that names the grant, the player, the SKU and its items', async () => {
    game.next.push(answer(204));
    expect(await grant({ url: `${game.url}/prime/grants?stage=live` })).toEqual({
      kind: 'given',
      given: GIVEN,
      writes: [],
    });
    expect(game.seen).toMatchObject([{ method: 'POST', url: '/prime/grants?stage=live' }]);
    expect(String(game.seen[0]?.body)).toBe(
      '{"grantId":"entitlement-1","partner":"example","playerId":"player123","sku":"primegaming_season01_drop01",' +
        '"items":[{"itemId":"coins","quantity":500,"kind":"stackable"},' +
        '{"itemId":"skin_mechahat","quantity":1,"kind":"unique"}]}',
    );
    expect(game.seen[0]?.headers).toMatchObject({
      'content-type': 'application/json',
      'idempotency-key': 'entitlement-1',
      'webhook-id': 'entitlement-1',
    });
  });

  it('says the same at every try, byte for byte, also when another entitlement has inherited it', async () => {
    game.always = answer(204);
    const shuffled = ENTITLEMENT.items.map(({ kind, quantity, itemId }) => ({ kind, quantity, itemId }));
    const tries: HeldEntitlement[] = [
      ENTITLEMENT,
      { ...ENTITLEMENT, fence: 'fence-2', lease: 500, since: 400, stuck: 'GRANTER_UNAVAILABLE' },
      { ...ENTITLEMENT, entitlementId: 'entitlement-3', account: '1'.repeat(32), items: shuffled },
    ];
    for (const [index, one] of tries.entries()) {
      clock.leap(60_000);
      await granter()(one, new Set(['skin_mechahat'].slice(index)), Infinity);
    }
    expect(new Set(game.seen.map(({ body }) => String(body))).size).toBe(1);
    expect(new Set(game.seen.map(({ headers }) => headers['idempotency-key']))).toEqual(new Set(['entitlement-1']));
    // Each is signed at its own time.
    expect(new Set(game.seen.map(({ headers }) => headers['webhook-timestamp'])).size).toBe(3);
  });

  it('keeps its connection', async () => {
    game.always = answer(204);
    const before = game.connections();
    const one = granter();
    for (let index = 0; index < 3; index += 1) await one(ENTITLEMENT, new Set(), Infinity);
    expect(game.connections() - before).toBe(1);
  });
});

describe('the signature of a webhook', () => {
  it('is that of Standard Webhooks, by each key of the secret', async () => {
    const next = `whsec_${Buffer.alloc(32, 9).toString('base64')}`;
    game.always = answer(204);
    await grant({ secret: async () => ({ webhookKey: WebhookKeys.parse(`${next} ${KEY}`), ca: game.ca }) });
    const [seen] = game.seen;
    const headers = seen?.headers as Record<string, string>;
    for (const key of [KEY, next]) expect(isSignedBy(key, headers, String(seen?.body), clock.now())).toBe(true);
    expect(
      isSignedBy(`whsec_${Buffer.alloc(32, 8).toString('base64')}`, headers, String(seen?.body), clock.now()),
    ).toBe(false);
    expect(headers).not.toHaveProperty('authorization');
  });

  it('cannot be made without a key: nothing is sent, and the error is about the secret', async () => {
    const error = await failureOf(grant({ secret: async () => ({ ca: game.ca }) }));
    expect(error).toBeInstanceOf(CredentialError);
    expect(error).toMatchObject({ code: 'SecretMalformed', status: undefined });
    const failing = new CredentialError('SecretsManagerFails', 'down');
    await expect(grant({ secret: () => Promise.reject(failing) })).rejects.toBe(failing);
    expect(game.seen).toHaveLength(0);
  });

  it('goes only to a server that is trusted, by the secret’s authority as it is now', async () => {
    game.always = answer(204);
    const webhookKey = WebhookKeys.parse(KEY);
    let secret: EntitlementsSecret = { webhookKey };
    const one = granter({ secret: async () => secret });
    expect(await failureOf(one(ENTITLEMENT, new Set(), Infinity))).toMatchObject({ code: 'UntrustedServer' });
    expect(game.seen).toHaveLength(0);
    secret = { webhookKey, ca: game.ca };
    expect(await one(ENTITLEMENT, new Set(), Infinity)).toMatchObject({ kind: 'given' });
  });
});

describe('the signature of a webhook by SigV4', () => {
  const publicOnes = getCACertificates('default');
  const secret = () => Promise.reject(new Error('there is no secret'));
  beforeAll(() => setDefaultCACertificates([...publicOnes, game.ca]));
  afterAll(() => setDefaultCACertificates(publicOnes));

  it.each(['execute-api', 'lambda'] as const)('is made by the role of the function, for %s', async (service) => {
    game.always = answer(204);
    const signature = sigv4(service);
    await grant({ url: `${game.url}/a%20b/grants?b=2&a=1`, signature, secret });
    const seen = game.seen[0]!;
    const checked = checkSignature(seen, { region: 'eu-west-1', service }, () => ROLE, clock.now());
    expect(checked).toEqual({ accessKeyId: ROLE.accessKeyId });
    expect(checkSignature({ ...seen, body: Buffer.from('{}') }, { region: 'eu-west-1', service }, () => ROLE, clock.now()))
      .toHaveProperty('problem.kind', 'wrong'); // prettier-ignore
    expect(String(seen.headers.authorization)).toContain('idempotency-key');
    expect(seen.headers).not.toHaveProperty('webhook-signature');
  });
});

/** What is made of each answer: given, refused for good, or the error by which the grant is repeated later. */
const LADDER: readonly [Behaviour | number, string][] = [
  ...[200, 201, 202, 204, 299].map((status) => [status, 'given'] as [number, string]),
  ...[400, 402, 404, 405, 406, 410, 413, 422, 451, 499].map((status) => [status, 'refused'] as [number, string]),
  ...[401, 403].map((status) => [status, 'SignatureRefused'] as [number, string]),
  [429, 'Throttled'],
  ...[408, 409, 425, 500, 502, 503, 504, 599].map((status) => [status, 'ServerError'] as [number, string]),
  ...[301, 302, 304, 307].map((status) => [status, 'Redirected'] as [number, string]),
  [{ kind: 'reset' }, 'ConnectionLost'],
  [{ kind: 'cut' }, 'ConnectionLost'],
];

describe('what a game may answer', () => {
  const rows = LADDER.map(([given, outcome]) =>
    typeof given === 'number'
      ? { what: String(given), behaviour: answer(given, '', { location: '/' }), outcome }
      : { what: given.kind, behaviour: given, outcome },
  );
  it.each(rows)('$what: $outcome, after one try', async ({ behaviour, outcome }) => {
    game.always = behaviour;
    const ended: unknown = await grant().catch((error: unknown) => error);
    expect(ended instanceof UpstreamError ? ended.code : (ended as { kind: string }).kind).toBe(outcome);
    expect(game.seen).toHaveLength(1);
    if (ended instanceof UpstreamError) {
      // A webhook's address may hold a secret: no more of it is told than the host.
      expect(ended.message).toContain(game.host);
      expect(ended.message).not.toMatch(/grants\?|\/grants|whsec_|player123/u);
    }
  });

  it('may be nothing in time, by the settings or by what is left of the request', async () => {
    game.always = { kind: 'hang' };
    const ended = await Promise.all([
      failureOf(grant({ timeoutMs: 1_500 })),
      failureOf(grant({}, ENTITLEMENT, clock.now() + 1_400)),
    ]);
    expect(ended).toMatchObject([{ code: 'TimedOut' }, { code: 'TimedOut' }]);
    expect(ended.map(({ message }) => /within \d+ ms/u.exec(message)?.[0])).toEqual([
      'within 1500 ms',
      'within 1400 ms',
    ]);
  });

  it('is not asked for where less than a quarter of a second is left', async () => {
    game.always = answer(204);
    for (const left of [-1, 0, 249]) {
      const error = await failureOf(grant({}, ENTITLEMENT, clock.now() + left));
      expect(error).toMatchObject({ code: 'NoTimeLeft', unsent: true });
    }
    expect(game.seen).toHaveLength(0);
    expect(await grant({}, ENTITLEMENT, clock.now() + 250)).toMatchObject({ kind: 'given' });
  });

  it('may name items that the player had before', async () => {
    game.next.push(
      answer(200, {
        items: [{ itemId: 'skin_mechahat', granted: false, more: 1 }, { itemId: 'other', granted: false }, null],
      }),
    );
    expect(await grant()).toMatchObject({ given: [GIVEN[0], { ...GIVEN[1], granted: false }] });
  });

  it.each<[unknown]>([
    [''],
    ['{"items":'],
    ['<html>'],
    [null],
    [[]],
    [{ items: null }],
    [{ items: 'skin_mechahat' }],
    [{ items: [{ itemId: 'skin_mechahat', granted: true }] }],
    [{ items: [{ itemId: 'skin_mechahat', granted: null }] }],
    [{ items: [{ itemId: 'skin_mechahat', granted: 'false' }] }],
    [{ items: [{ itemId: 'skin_mechahat' }, 'skin_mechahat', { granted: false }] }],
    [{ granted: false }],
  ])('means that all was given where it says %j', async (body) => {
    game.next.push(answer(200, body));
    expect(await grant()).toMatchObject({ kind: 'given', given: GIVEN });
  });
});
