import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  createPrimeGamingClient,
  type PrimeGamingClientOptions,
} from '../../lambdas/entitlements/prime-gaming.client.ts';
import { CredentialError, UpstreamError } from '../../lambdas/shared/errors.ts';
import { MAX_ANSWER_BYTES } from '../../lambdas/shared/http.ts';
import { answer, type Behaviour, type ScriptedServer, startScriptedServer } from '../shared/scripted-server.ts';
import { LeapingClock } from '../shared/virtual-clock.ts';

const TOKEN = 'Atza|IQEBLjAsAhRmHjNgHpi0U-Dme37rR6CuUpSR';
const USER = 'amzn1.account.K2LI23KL2LK2';
const ID = 'b2b5f185-c529-8eee-2b0e-ecd365f74181';
const SKU = 'primegaming_season01_drop01';

let amazon: ScriptedServer;
beforeAll(async () => {
  amazon = await startScriptedServer('prime-gaming');
});
afterAll(() => amazon[Symbol.asyncDispose]());
beforeEach(() => {
  amazon.reset();
  counted = {};
});

let counted: Record<string, number> = {};
const warned: Record<string, unknown>[] = [];
const client = (options: Partial<PrimeGamingClientOptions> = {}) =>
  createPrimeGamingClient({
    baseUrl: amazon.url,
    profileUrl: `${amazon.url}/user/profile`,
    timeoutMs: 10_000,
    attempts: 3,
    trust: async () => ({ ca: amazon.ca }),
    clock: new LeapingClock(),
    random: () => 0,
    telemetry: {
      count: (metric, by) => void (counted[metric] = (counted[metric] ?? 0) + by),
      warn: (message, details) => void warned.push({ message, ...details }),
    },
    ...options,
  });

const OPERATIONS = ['profile', 'list', 'report'] as const;
type Operation = (typeof OPERATIONS)[number];
const run = (
  operation: Operation,
  options: Partial<PrimeGamingClientOptions> = {},
  deadline = Infinity,
): Promise<unknown> => {
  const call = { token: TOKEN, deadline };
  const one = client(options);
  if (operation === 'profile') return one.accountOf(call);
  return operation === 'list' ? one.list(call) : one.report(call, ID, 'player123');
};
const failureOf = async (work: Promise<unknown>): Promise<UpstreamError> => {
  const error: unknown = await work.then(
    (result) => expect.unreachable(`should have failed, and gave ${JSON.stringify(result)}`),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(UpstreamError);
  return error as UpstreamError;
};
const list = (...entries: unknown[]): Behaviour => answer(200, { Entitlements: entries });
const entry = (changes: object = {}) => ({
  EntitlementId: ID,
  NextInstruction: 'FULFILL',
  VendorProductId: SKU,
  ...changes,
});
const acknowledged = (...updates: unknown[]): Behaviour => answer(200, { FulfillmentStatusUpdates: updates });
const profile = (userId: unknown = USER): Behaviour =>
  answer(200, { user_id: userId, email: 'jane@example.com', name: 'Jane Doe', postal_code: '98052' });
const GOOD: Readonly<Record<Operation, Behaviour>> = {
  profile: profile(),
  list: list(entry()),
  report: acknowledged({ EntitlementId: ID, Result: 'SUCCESS' }),
};

describe('the requests', () => {
  it('ask for the list as the document has it', async () => {
    amazon.next.push(GOOD.list);
    expect(await run('list')).toEqual([{ entitlementId: ID, sku: SKU, instruction: 'FULFILL' }]);
    expect(amazon.seen).toMatchObject([{ method: 'GET', url: '/api/entitlements' }]);
    expect(amazon.seen[0]?.headers).toMatchObject({ 'x-amz-access-token': TOKEN, accept: 'application/json' });
    expect(amazon.seen[0]?.headers).not.toHaveProperty('content-type');
    expect(amazon.seen[0]?.body.length).toBe(0);
  });

  it('report one entitlement as the document has it, in plain application/json', async () => {
    amazon.next.push(GOOD.report);
    expect(await run('report')).toBe('reported');
    const [seen] = amazon.seen;
    expect(seen).toMatchObject({ method: 'POST', url: '/api/fulfill' });
    expect(seen?.headers).toMatchObject({ 'x-amz-access-token': TOKEN, 'content-type': 'application/json' });
    expect(JSON.parse(String(seen?.body))).toEqual({
      FulfillmentStatusUpdates: [{ EntitlementId: ID, LastInstruction: 'FULFILL', FulfillmentAddress: 'player123' }],
    });
  });

  it('ask Login with Amazon for the account, and take nothing else of the profile', async () => {
    amazon.next.push(GOOD.profile);
    expect(await run('profile')).toBe(USER);
    expect(amazon.seen).toMatchObject([
      { method: 'GET', url: '/user/profile', headers: { 'x-amz-access-token': TOKEN } },
    ]);
  });

  it('keep the path of their base URL, and their connection', async () => {
    amazon.always = GOOD.list;
    const before = amazon.connections();
    const one = client({ baseUrl: `${amazon.url}/stage//` });
    for (let index = 0; index < 3; index += 1) await one.list({ token: TOKEN, deadline: Infinity });
    expect(amazon.seen.map(({ url }) => url)).toEqual(Array(3).fill('/stage/api/entitlements'));
    expect(amazon.connections() - before).toBe(1);
  });

  it('trust the authority that they are given, and ask for it before each try', async () => {
    amazon.always = GOOD.list;
    const trusted: { ca?: string } = {};
    const one = client({ attempts: 1, trust: async () => trusted });
    const call = { token: TOKEN, deadline: Infinity };
    expect(await failureOf(one.list(call))).toMatchObject({ code: 'UntrustedServer', unsent: true });
    trusted.ca = amazon.ca;
    expect(await one.list(call)).toHaveLength(1);
    const failing = new CredentialError('SecretUnavailable', 'no secret');
    await expect(client({ trust: () => Promise.reject(failing) }).list(call)).rejects.toBe(failing);
  });
});

/** What each operation makes of an answer, with three tries: its result or the error's code, and how often it asked. */
const LADDER: readonly [what: string, Behaviour, Readonly<Record<Operation, string>>][] = [
  ['400', answer(400), { profile: 'Rejected ×1', list: 'Rejected ×1', report: 'Rejected ×1' }],
  [
    '400 invalid_token',
    answer(400, { error: 'invalid_token', error_description: `expired: ${TOKEN}`, request_id: 'r' }),
    { profile: 'TokenRefused ×1', list: 'TokenRefused ×1', report: 'TokenRefused ×1' },
  ],
  ['401', answer(401), { profile: 'TokenRefused ×1', list: 'TokenRefused ×1', report: 'TokenRefused ×1' }],
  [
    '401 insufficient_scope',
    answer(401, { error: 'insufficient_scope' }),
    { profile: 'ScopeMissing ×1', list: 'ScopeMissing ×1', report: 'ScopeMissing ×1' },
  ],
  ['403', answer(403, '<html>'), { profile: 'ScopeMissing ×1', list: 'ScopeMissing ×1', report: 'ScopeMissing ×1' }],
  [
    '403 insufficient_scope',
    answer(403, { error: 'insufficient_scope' }),
    { profile: 'ScopeMissing ×1', list: 'ScopeMissing ×1', report: 'ScopeMissing ×1' },
  ],
  [
    '403 invalid_token',
    answer(403, { error: 'invalid_token' }),
    { profile: 'TokenRefused ×1', list: 'TokenRefused ×1', report: 'TokenRefused ×1' },
  ],
  ['404', answer(404), { profile: 'Rejected ×1', list: 'Rejected ×1', report: 'Rejected ×1' }],
  ['408', answer(408), { profile: 'ServerError ×3', list: 'ServerError ×3', report: 'unknown ×1' }],
  ['409', answer(409), { profile: 'Rejected ×1', list: 'Rejected ×1', report: 'unknown ×1' }],
  ['410', answer(410), { profile: 'Rejected ×1', list: 'Rejected ×1', report: 'unknown ×1' }],
  ['422', answer(422), { profile: 'Rejected ×1', list: 'Rejected ×1', report: 'unknown ×1' }],
  ['429', answer(429), { profile: 'Throttled ×3', list: 'Throttled ×3', report: 'Throttled ×3' }],
  ['500', answer(500), { profile: 'ServerError ×3', list: 'ServerError ×3', report: 'unknown ×1' }],
  ['502', answer(502), { profile: 'ServerError ×3', list: 'ServerError ×3', report: 'unknown ×1' }],
  [
    '503 invalid_token',
    answer(503, { error: 'invalid_token' }),
    { profile: 'ServerError ×3', list: 'ServerError ×3', report: 'unknown ×1' },
  ],
  ['504', answer(504), { profile: 'ServerError ×3', list: 'ServerError ×3', report: 'unknown ×1' }],
  [
    '302',
    answer(302, '', { location: '/' }),
    { profile: 'Redirected ×3', list: 'Redirected ×3', report: 'unknown ×1' },
  ],
  ['204', answer(204), { profile: 'UnreadableAnswer ×3', list: 'UnreadableAnswer ×3', report: 'unknown ×1' }],
  [
    '202 with the right body',
    answer(202, {
      user_id: USER,
      Entitlements: [],
      FulfillmentStatusUpdates: [{ EntitlementId: ID, Result: 'SUCCESS' }],
    }),
    { profile: 'UnreadableAnswer ×3', list: 'UnreadableAnswer ×3', report: 'unknown ×1' },
  ],
  [
    '200 with no JSON',
    answer(200, `<html>${TOKEN}`),
    { profile: 'UnreadableAnswer ×3', list: 'UnreadableAnswer ×3', report: 'unknown ×1' },
  ],
  [
    '200 with nothing',
    answer(200, ''),
    { profile: 'UnreadableAnswer ×3', list: 'UnreadableAnswer ×3', report: 'unknown ×1' },
  ],
  [
    '200 with another body',
    answer(200, { message: TOKEN }),
    { profile: 'UnreadableAnswer ×3', list: 'UnreadableAnswer ×3', report: 'unknown ×1' },
  ],
  [
    '200 with a bare array',
    answer(200, []),
    { profile: 'UnreadableAnswer ×3', list: 'UnreadableAnswer ×3', report: 'unknown ×1' },
  ],
  [
    '200 with null in the place of what counts',
    answer(200, { user_id: null, Entitlements: null, FulfillmentStatusUpdates: null }),
    { profile: 'UnreadableAnswer ×3', list: 'UnreadableAnswer ×3', report: 'unknown ×1' },
  ],
  [
    'a connection lost before the answer',
    { kind: 'reset' },
    { profile: 'ConnectionLost ×3', list: 'ConnectionLost ×3', report: 'unknown ×1' },
  ],
  [
    'a connection lost within the answer',
    { kind: 'cut' },
    { profile: 'ConnectionLost ×3', list: 'ConnectionLost ×3', report: 'unknown ×1' },
  ],
];

describe('what Amazon may answer', () => {
  const rows = LADDER.flatMap(([what, behaviour, outcomes]) =>
    OPERATIONS.map((operation) => ({ what, behaviour, operation, outcome: outcomes[operation] })),
  );
  it.each(rows)('$what to the $operation: $outcome', async ({ behaviour, operation, outcome }) => {
    amazon.always = behaviour;
    const ended: unknown = await run(operation).catch((reason: unknown) => reason);
    const result = ended instanceof UpstreamError ? ended.code : ended;
    expect(`${String(result)} ×${amazon.seen.length}`).toBe(outcome);
    const status = behaviour.kind === 'answer' ? behaviour.status : undefined;
    if (ended instanceof UpstreamError) {
      expect(ended.status).toBe(status);
      expect(ended.message).toContain(amazon.host);
    }
    expect(counted['SchemaDrift'] ?? 0).toBe(
      status !== undefined && status >= 200 && status < 300 ? amazon.seen.length : 0,
    );
  });

  it.each(rows.filter(({ outcome }) => !outcome.startsWith('unknown')))(
    '$what to the $operation leaves neither the token nor a word of Amazon’s in the error',
    async ({ behaviour, operation }) => {
      amazon.always = behaviour;
      const error = await failureOf(run(operation));
      const everything = JSON.stringify(Object.getOwnPropertyNames(error).map((name) => error[name as 'message']));
      expect(everything).not.toMatch(/Atza|IQEBLj|html|expired/u);
    },
  );

  it('may be nothing within the time of a try: a report is unknown then, and is not repeated', async () => {
    amazon.always = { kind: 'hang' };
    const options = { timeoutMs: 1_500, attempts: 1 };
    const ended = await Promise.all(
      OPERATIONS.map((operation) => run(operation, options).catch((error: unknown) => error)),
    );
    expect(ended).toMatchObject([{ code: 'TimedOut', unsent: false }, { code: 'TimedOut', unsent: false }, 'unknown']);
    amazon.seen.length = 0;
    expect(await run('report', { ...options, attempts: 3 })).toBe('unknown');
    expect(amazon.seen).toHaveLength(1);
  });

  it('may be nothing within the time of all tries, which cuts a try off', async () => {
    amazon.always = { kind: 'hang' };
    const clock = new LeapingClock();
    const error = await failureOf(run('list', { clock, attempts: 1 }, clock.now() + 1_500));
    expect(error).toMatchObject({ code: 'TimedOut' });
    expect(error.message).toContain('within 1500 ms');
  });

  it('may be more than is read', async () => {
    amazon.always = answer(200, `{"Entitlements":[],"x":"${'x'.repeat(MAX_ANSWER_BYTES)}"}`);
    expect(await failureOf(run('list', { attempts: 1 }))).toMatchObject({ shape: 'too-large', raw: '' });
  });

  it.each(OPERATIONS)('is read whatever its content type says, and with fields that nobody knows: %s', async (one) => {
    const { body } = GOOD[one] as { body: object };
    for (const type of ['text/html', 'application/json;charset UTF-8', '']) {
      amazon.next.push(answer(200, { ...body, Unknown: { of: 'any kind' } }, { 'content-type': type }));
      expect(await run(one)).toEqual(
        { profile: USER, list: [{ entitlementId: ID, sku: SKU, instruction: 'FULFILL' }], report: 'reported' }[one],
      );
    }
    expect(counted).toEqual({});
  });
});

describe('tries', () => {
  it.each(['profile', 'list'] as const)('go on after what may pass: %s', async (operation) => {
    amazon.next.push(answer(503), { kind: 'reset' }, answer(200, 'no'), answer(429), GOOD[operation]);
    await run(operation, { attempts: 5 });
    expect(amazon.seen).toHaveLength(5);
  });

  it('of a report go on after 429 only, until another end', async () => {
    amazon.next.push(answer(429), answer(429), GOOD.report);
    expect(await run('report')).toBe('reported');
    amazon.next.push(answer(429), answer(500), GOOD.report);
    expect(await run('report')).toBe('unknown');
    expect(amazon.seen).toHaveLength(5);
  });

  it('of a report that never left go on, and end in an error', async () => {
    const asked: string[] = [];
    const trust = async () => {
      asked.push('try');
      // The certificate is refused in the handshake, before anything is sent.
      return asked.length < 3 ? {} : { ca: amazon.ca };
    };
    amazon.next.push(GOOD.report);
    expect(await run('report', { trust })).toBe('reported');
    expect([asked.length, amazon.seen.length]).toEqual([3, 1]);
    const error = await failureOf(run('report', { trust: async () => ({}) }));
    expect(error).toMatchObject({ code: 'UntrustedServer', unsent: true });
    expect(amazon.seen).toHaveLength(1);
  });

  it('pause at most 100 ms, then 200 ms', async () => {
    const clock = new LeapingClock();
    amazon.always = answer(500);
    const from = clock.now();
    await failureOf(run('list', { clock, random: () => 0.999_999 }));
    expect(clock.now() - from).toBeGreaterThan(290);
    expect(clock.now() - from).toBeLessThanOrEqual(300);
  });

  it('begin only with a quarter of a second left, the first one too', async () => {
    const clock = new LeapingClock();
    amazon.always = answer(429);
    for (const operation of OPERATIONS) {
      for (const left of [-1, 0, 249]) {
        const error = await failureOf(run(operation, { clock }, clock.now() + left));
        expect(error).toMatchObject({ code: 'NoTimeLeft', unsent: true });
      }
    }
    expect(amazon.seen).toHaveLength(0);
    expect(await failureOf(run('report', { clock }, clock.now() + 250))).toMatchObject({ code: 'Throttled' });
    expect(amazon.seen).toHaveLength(1);
  });
});

describe('the list', () => {
  it('is empty where Amazon says so, and only there', async () => {
    amazon.next.push(list());
    expect(await run('list')).toEqual([]);
    expect(counted).toEqual({});
  });

  it('loses no entry by another one that is malformed, and counts those', async () => {
    const good = (id: string, changes: object = {}) => entry({ EntitlementId: id, ...changes });
    const wrong = [null, 'text', 5, [], {}, { EntitlementId: '' }, good('x', { EntitlementId: 7 })];
    amazon.next.push(list(good('first'), ...wrong, good('last')));
    const listed = (await run('list')) as { entitlementId: string }[];
    // One of them may be any entitlement: by such a list nothing is known to be gone.
    expect(listed.map(({ entitlementId }) => entitlementId)).toEqual(['first', '', 'last']);
    expect(counted).toEqual({ SchemaDrift: wrong.length });
  });

  it('still names an entitlement without a SKU, so that nobody takes it for done', async () => {
    amazon.next.push(
      list(
        { EntitlementId: 'a', NextInstruction: 'FULFILL' },
        { EntitlementId: 'b', VendorProductId: null },
        { EntitlementId: 'c', VendorProductId: '' },
      ),
    );
    expect(await run('list')).toEqual(
      ['a', 'b', 'c'].map((entitlementId) => ({ entitlementId, sku: '', instruction: 'FULFILL' })),
    );
    expect(counted).toEqual({ SchemaDrift: 3 });
  });

  it('has an entitlement once, as it comes first', async () => {
    amazon.next.push(list(entry(), entry(), entry({ EntitlementId: 'second' }), entry({ VendorProductId: 'other' })));
    expect(await run('list')).toEqual([
      { entitlementId: ID, sku: SKU, instruction: 'FULFILL' },
      { entitlementId: 'second', sku: SKU, instruction: 'FULFILL' },
    ]);
  });

  it('keeps what each entry asks for; the deprecated field may be missing', async () => {
    amazon.next.push(
      list(
        entry({ EntitlementId: 'a', NextInstruction: 'NOOP' }),
        entry({ EntitlementId: 'b', NextInstruction: undefined }),
        entry({ EntitlementId: 'c', NextInstruction: null }),
        entry({ EntitlementId: 'd', NextInstruction: '' }),
      ),
    );
    const listed = (await run('list')) as { instruction: string }[];
    expect(listed.map(({ instruction }) => instruction)).toEqual(['NOOP', 'FULFILL', 'FULFILL', '']);
    expect(counted).toEqual({});
  });
});

describe('a report', () => {
  const other = { EntitlementId: 'other', Result: 'SUCCESS' };
  const said = (Result: unknown) => ({ EntitlementId: ID, Result });
  it.each<[string, Behaviour]>([
    ['ERROR', acknowledged(said('ERROR'))],
    ['another word', acknowledged(said('success'))],
    ['no word', acknowledged({ EntitlementId: ID })],
    ['nothing about any entitlement', acknowledged()],
    ['something about another entitlement only', acknowledged(other)],
    ['both words', acknowledged(said('SUCCESS'), said('ERROR'))],
    ['the word once, and once none', acknowledged(said('SUCCESS'), { EntitlementId: ID })],
    ['something malformed', acknowledged(null, 'SUCCESS', [ID, 'SUCCESS'])],
  ])('is unknown where Amazon says %s, and is not repeated', async (_, behaviour) => {
    amazon.always = behaviour;
    expect(await run('report')).toBe('unknown');
    expect(amazon.seen).toHaveLength(1);
  });

  it('is told apart from what is said about others, malformed or not', async () => {
    amazon.next.push(acknowledged(null, { ...other, Result: 'ERROR' }, { ...said('SUCCESS'), More: 1 }));
    expect(await run('report')).toBe('reported');
  });
});

describe('the account', () => {
  it.each([undefined, null, '', 5, {}])('is unreadable where user_id is %j', async (userId) => {
    amazon.always = answer(200, { user_id: userId, email: 'jane@example.com', name: 'Jane Doe' });
    const error = await failureOf(run('profile'));
    expect(error).toMatchObject({ code: 'UnreadableAnswer', raw: '' });
    expect(`${error.message} ${String(error.stack)}`).not.toMatch(/jane/iu);
  });
});
