import { QueryCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { HistoryRow } from '../../lambdas/change-events/history-row.ts';
import { publishChanges, type BusEntry } from '../../lambdas/change-events/publish-changes.ts';
import { Redemption, Verification } from '../../lambdas/offer-codes/offer-code-answers.ts';
import { offerCodeEventSchemas } from '../../lambdas/offer-codes/offer-code-event-schemas.ts';
import { keyedHash } from '../../lambdas/shared/keyed-hash.ts';
import { rowsOf, startEngineTables, type EngineTables } from '../shared/engine-tables.ts';
import { LeapingClock } from '../shared/virtual-clock.ts';
import { codeWorld, HASH_KEY, UPSTREAM_MS, type WorldOptions } from './code-world.ts';
import { tellInto } from '../shared/told.ts';
import { KEY, startUpstream, type Behaviour, type Upstream } from './upstream.ts';

let tables: EngineTables;
let upstream: Upstream;
beforeAll(async () => {
  tables = await startEngineTables();
  upstream = await startUpstream();
});
afterAll(async () => {
  await upstream[Symbol.asyncDispose]();
  await tables.stop();
});

const clock = new LeapingClock();
const hash = keyedHash(HASH_KEY);
let count = 0;
let code = '';
beforeEach(() => {
  // A window of the guard for each test.
  clock.leap(86_400_000);
  upstream.now = clock.now;
  upstream.next.length = 0;
  upstream.seen.length = 0;
  code = `CODE-${++count}`;
});

const world = (options: Partial<WorldOptions> = {}) =>
  codeWorld({ database: tables.database, upstream, clock, ...options });
const says = (message: string): Behaviour => ({ kind: 'answer', status: 200, body: JSON.stringify({ message }) });
const lost: Behaviour = { kind: 'reset', processed: true };

async function eventsOf(partner = 'first'): Promise<BusEntry[]> {
  const { Items = [] } = await tables.database.send(
    new QueryCommand({
      TableName: 'History',
      KeyConditionExpression: 'watchId = :subject',
      ExpressionAttributeValues: { ':subject': `code/${hash('offer code', [partner, code])}` },
    }),
  );
  const entries: BusEntry[] = [];
  await publishChanges(
    {
      read: async () => [],
      put: async (some) => {
        entries.push(...some);
        return new Set();
      },
      clear: async () => undefined,
      clock,
      pause: () => 0,
      attempts: 1,
      count: () => undefined,
    },
    Items.map((item) => HistoryRow.parse(item)),
  );
  for (const { detailType, detail } of entries) {
    offerCodeEventSchemas[detailType as keyof typeof offerCodeEventSchemas].parse(JSON.parse(detail));
  }
  return entries;
}
const dataOf = ({ detail }: BusEntry) => (JSON.parse(detail) as { data: unknown }).data;

describe('a verification', () => {
  it('says that a code is valid, and is told in an event', async () => {
    upstream.uses.set(code, 1);
    const { status, body, headers } = await world().verify({ code, timeZone: 'Asia/Kolkata' });
    expect({ status, body }).toEqual({ status: 200, body: { valid: true, message: 'SUCCESS' } });
    expect(Verification.parse(body)).toEqual(body);
    expect(headers['Server-Timing']).toMatch(/^upstream;dur=\d+\.\d$/);
    expect(upstream.seen[0]?.headers).toMatchObject({
      'x-amz-time-zone': 'Asia/Kolkata',
      'x-amz-request-id': 'request-of-the-gateway',
    });
    const [event, ...others] = await eventsOf();
    expect(others).toEqual([]);
    expect(event?.detailType).toBe('Offer Code Verified');
    expect(dataOf(event!)).toEqual({
      codeHash: hash('offer code', ['first', code]),
      benefitId: 'SINGLE',
      marketplace: 'US',
      partner: 'first',
      valid: true,
      reason: null,
    });
    expect(JSON.parse(event!.detail)).toMatchObject({
      metadata: { subject: `code/${hash('offer code', ['first', code])}`, correlationId: 'request-of-the-gateway' },
    });
  });

  it('says why a code is not valid, in Amazon’s words', async () => {
    upstream.next.push(says('FAILURE:DENIED:DEAL_INACTIVE'));
    const { body } = await world().verify({ code });
    expect(body).toEqual({ valid: false, reason: 'DEAL_INACTIVE', message: 'FAILURE:DENIED:DEAL_INACTIVE' });
    expect(Verification.parse(body)).toEqual(body);
    expect(dataOf((await eventsOf())[0]!)).toMatchObject({ valid: false, reason: 'DEAL_INACTIVE' });
  });

  it('signs for the region of the benefit’s marketplace', async () => {
    await world().verify({ code, benefit: 'MULTIPLE' });
    expect(upstream.seen[0]).toMatchObject({ problem: undefined, headers: { 'x-amz-marketplace': 'IN' } });
  });

  it.each(['OTHER', 'UNSET', 'constructor', '__proto__'])('is refused for the benefit %s', async (benefit) => {
    const { status, body } = await world().verify({ code, benefit });
    expect([status, body.error?.code]).toEqual([403, 'BENEFIT_NOT_ALLOWED']);
    expect(upstream.seen).toEqual([]);
  });

  it.each(['asia/kolkata', '+05:30', 'PST'])(
    'is refused with the time zone %s, which it names the rule of',
    async (timeZone) => {
      const { status, body } = await world().verify({ code, timeZone });
      expect([status, body.error?.code]).toEqual([400, 'INVALID_REQUEST']);
      expect(body.error?.message).toContain('query parameter timeZone must be the name of an IANA time zone');
    },
  );

  it('is not answered where its event cannot be recorded', async () => {
    upstream.uses.set(code, 1);
    const failing = { send: (command: { constructor: { name: string } }) => fail(command) };
    const fail = (command: { constructor: { name: string } }) =>
      command.constructor.name === 'PutCommand'
        ? Promise.reject(Object.assign(new Error('down'), { $metadata: { httpStatusCode: 500 } }))
        : tables.database.send(command as never);
    const { status, body } = await world({ database: failing as never }).verify({ code });
    expect([status, body.error?.code]).toEqual([503, 'STORAGE_UNAVAILABLE']);
    expect(JSON.stringify(body)).not.toContain('valid');
  });
});

describe('a redemption', () => {
  it('is had once for a key, and told once', async () => {
    upstream.uses.set(code, 1);
    const one = world();
    const first = await one.redeem({ code, key: `once-${code}`, body: { redeemedAt: '2026-03-01T13:45:59+01:00' } });
    expect(first).toMatchObject({
      status: 200,
      body: { redeemed: true, redeemedAt: '2026-03-01T12:45:00Z', assumed: false },
    });
    expect(Redemption.parse(first.body)).toEqual(first.body);
    expect(first.headers['Server-Timing']).toBeDefined();
    expect(upstream.seen[0]?.headers['x-amz-offer-code-redemption-time']).toBe('20260301T1245Z');

    clock.leap(3_600_000);
    const again = await one.redeem({ code, key: `once-${code}`, body: { redeemedAt: '2026-03-01T12:45:00Z' } });
    expect(again.body).toEqual(first.body);
    expect(again.headers['Server-Timing']).toBeUndefined();
    expect(upstream.seen).toHaveLength(1);
    const [event, ...others] = await eventsOf();
    expect(others).toEqual([]);
    expect(dataOf(event!)).toEqual({
      codeHash: hash('offer code', ['first', code]),
      benefitId: 'SINGLE',
      marketplace: 'US',
      partner: 'first',
      redeemed: true,
      redeemedAt: '2026-03-01T12:45:00Z',
      assumed: false,
      reason: null,
    });
    expect(JSON.parse(event!.detail)).toMatchObject({ metadata: { occurredAt: '2026-03-01T12:45:00Z' } });
  });

  it('is of now where no time is given, and stays so', async () => {
    upstream.uses.set(code, 1);
    const one = world();
    const now = `${new Date(clock.now()).toISOString().slice(0, 16)}:00Z`;
    const first = await one.redeem({ code, key: `now-${code}` });
    expect(first.body['redeemedAt']).toBe(now);
    clock.leap(120_000);
    expect((await one.redeem({ code, key: `now-${code}` })).body['redeemedAt']).toBe(now);
  });

  it('that is denied is final, and is told once', async () => {
    const one = world();
    const denied = { redeemed: false, reason: 'INVALID_OFFER_CODE', message: 'INVALID_OFFER_CODE' };
    expect((await one.redeem({ code, key: `denied-${code}` })).body).toEqual(denied);
    upstream.uses.set(code, 1);
    expect(await one.redeem({ code, key: `denied-${code}` })).toMatchObject({ status: 200, body: denied });
    expect((await eventsOf()).map(dataOf)).toMatchObject([
      { redeemed: false, reason: 'INVALID_OFFER_CODE', redeemedAt: null, assumed: false },
    ]);
    expect(upstream.redeemed.filter((redeemed) => redeemed.code === code)).toEqual([]);
  });

  it.each<[string, { code?: string; benefit?: string; timeZone?: string; body?: unknown }]>([
    ['code', { code: 'ANOTHER' }],
    ['benefit', { benefit: 'MULTIPLE' }],
    ['time zone', { timeZone: 'UTC' }],
    ['time', { body: { redeemedAt: '2026-03-01T12:00:00Z' } }],
  ])('refuses its key for another %s', async (_, changed) => {
    upstream.uses.set(code, 1);
    const one = world();
    await one.redeem({ code, key: `reused-${code}` });
    const { status, body } = await one.redeem({ code, key: `reused-${code}`, ...changed });
    expect([status, body.error?.code]).toEqual([422, 'IDEMPOTENCY_KEY_REUSED']);
  });

  it('needs a key, and keys belong to their partner', async () => {
    const one = world();
    expect((await one.redeem({ code })).body.error?.code).toBe('IDEMPOTENCY_KEY_REQUIRED');
    upstream.uses.set(code, 2);
    await one.redeem({ code, key: `shared-${code}` });
    const second = await one.redeem({ code, key: `shared-${code}`, partner: 'second' });
    expect(second.body['redeemed']).toBe(true);
    expect(upstream.redeemed.filter((redeemed) => redeemed.code === code)).toHaveLength(2);
    expect(await eventsOf('second')).toHaveLength(1);
  });

  it.each(['9999-12-31T23:59:00-05:00', '0000-01-01T00:00:00+05:00'])(
    'refuses the time %s, which cannot be told',
    async (redeemedAt) => {
      const { status, body } = await world().redeem({ code, key: `time-${code}`, body: { redeemedAt } });
      expect([status, body.error?.code]).toEqual([400, 'INVALID_REQUEST']);
      expect(upstream.seen).toEqual([]);
    },
  );

  it('leaves its key free where the upstream refused it unprocessed, and may then have another time', async () => {
    upstream.uses.set(code, 1);
    const one = world();
    upstream.next.push({ kind: 'answer', status: 403, body: '' });
    expect((await one.redeem({ code, key: `free-${code}` })).body.error?.code).toBe('UPSTREAM_CREDENTIALS');
    clock.leap(120_000);
    const now = `${new Date(clock.now()).toISOString().slice(0, 16)}:00Z`;
    expect((await one.redeem({ code, key: `free-${code}` })).body).toEqual({
      redeemed: true,
      redeemedAt: now,
      assumed: false,
    });
  });
});

describe('a redemption whose answer is lost', () => {
  const losing = async (options: { benefit?: string; behaviour?: Behaviour } = {}) => {
    upstream.next.push(options.behaviour ?? lost);
    const one = world();
    const request = { code, key: `lost-${code}`, ...(options.benefit && { benefit: options.benefit }) };
    const { status, body, headers } = await one.redeem(request);
    expect([status, body.error?.code]).toEqual([504, 'REDEMPTION_UNKNOWN']);
    // What is still on its way has arrived by then.
    expect(Number(headers['Retry-After'])).toBe(Math.ceil(UPSTREAM_MS / 1_000));
    clock.leap(90_000);
    return { one, request };
  };

  it('is assumed where the code is used up now', async () => {
    upstream.uses.set(code, 1);
    const { one, request } = await losing();
    const { body } = await one.redeem(request);
    expect(body).toMatchObject({ redeemed: true, assumed: true });
    expect((await one.redeem(request)).body).toEqual(body);
    expect(upstream.redeemed.filter((redeemed) => redeemed.code === code)).toHaveLength(1);
    expect((await eventsOf()).map(dataOf)).toMatchObject([{ redeemed: true, assumed: true }]);
  });

  it('is had at the same time as before where it was not processed', async () => {
    upstream.uses.set(code, 1);
    const { one, request } = await losing({ behaviour: { kind: 'reset', processed: false } });
    const { body } = await one.redeem(request);
    expect(body).toMatchObject({ redeemed: true, assumed: false });
    const times = upstream.seen.flatMap(({ headers }) => headers['x-amz-offer-code-redemption-time'] ?? []);
    expect(times).toHaveLength(2);
    expect(new Set(times).size).toBe(1);
  });

  it('stays unknown where the code can be used again', async () => {
    upstream.uses.set(code, 5);
    const { one, request } = await losing({ benefit: 'MULTIPLE' });
    for (let repeat = 0; repeat < 3; repeat += 1) {
      expect((await one.redeem(request)).body.error?.code).toBe('REDEMPTION_UNKNOWN');
    }
    expect(upstream.redeemed.filter((redeemed) => redeemed.code === code)).toHaveLength(1);
    expect(await eventsOf()).toEqual([]);
  });

  it('stays unknown while the code cannot be asked about, and while its deal rests', async () => {
    upstream.uses.set(code, 1);
    const { one, request } = await losing();
    const failure: Behaviour = { kind: 'answer', status: 500, body: '' };
    for (const behaviours of [
      [failure, failure, failure],
      [says('?'), says('?'), says('?')],
      [says('FAILURE:DENIED:DEAL_INACTIVE')],
    ]) {
      upstream.next.push(...behaviours);
      expect((await one.redeem(request)).body.error?.code).toBe('REDEMPTION_UNKNOWN');
    }
    expect((await one.redeem(request)).body).toMatchObject({ redeemed: true, assumed: true });
  });

  it('stays unknown where the repeat is refused or lost as well', async () => {
    upstream.uses.set(code, 1);
    const { one, request } = await losing({ behaviour: { kind: 'reset', processed: false } });
    const throttled: Behaviour = { kind: 'answer', status: 429, body: '' };
    upstream.next.push(says('SUCCESS'), throttled, throttled, throttled);
    expect((await one.redeem(request)).body.error?.code).toBe('REDEMPTION_UNKNOWN');
    upstream.next.push(says('SUCCESS'), lost);
    expect((await one.redeem(request)).body.error?.code).toBe('REDEMPTION_UNKNOWN');
    expect((await one.redeem(request)).body).toMatchObject({ redeemed: true, assumed: true });
    expect(upstream.redeemed.filter((redeemed) => redeemed.code === code)).toHaveLength(1);
  });

  it('was denied where the code was known to be invalid before', async () => {
    await world().verify({ code });
    clock.leap(60_000);
    const { one, request } = await losing();
    expect((await one.redeem(request)).body).toEqual({
      redeemed: false,
      reason: 'INVALID_OFFER_CODE',
      message: 'INVALID_OFFER_CODE',
    });
  });

  it('was denied where another key has redeemed the code', async () => {
    upstream.uses.set(code, 1);
    const { one, request } = await losing({ behaviour: { kind: 'reset', processed: false } });
    expect((await one.redeem({ ...request, key: `other-${code}` })).body).toMatchObject({ redeemed: true });
    expect((await one.redeem(request)).body).toMatchObject({ redeemed: false, reason: 'INVALID_OFFER_CODE' });
    expect(upstream.redeemed.filter((redeemed) => redeemed.code === code)).toHaveLength(1);
  });

  it('is taken for had by one of two keys that lost their answers, since the code counts once', async () => {
    upstream.uses.set(code, 1);
    const { one, request } = await losing();
    upstream.next.push({ kind: 'reset', processed: false });
    const other = { ...request, key: `other-${code}` };
    expect((await one.redeem(other)).body.error?.code).toBe('REDEMPTION_UNKNOWN');
    // Nobody can know which of the two it was: whoever asks first is told so.
    expect((await one.redeem(other)).body).toMatchObject({ redeemed: true, assumed: true });
    expect((await one.redeem(request)).body).toMatchObject({ redeemed: false, reason: 'INVALID_OFFER_CODE' });
    expect((await eventsOf()).map(dataOf)).toMatchObject([{ redeemed: true }, { redeemed: false }]);
  });

  it('stays unknown where no time is left to ask again, and sends nothing then', async () => {
    upstream.uses.set(code, 1);
    const { one, request } = await losing({ behaviour: { kind: 'reset', processed: false } });
    upstream.seen.length = 0;
    const late = world({ deadlineMs: 249 });
    expect((await late.redeem(request)).body.error?.code).toBe('REDEMPTION_UNKNOWN');
    expect(upstream.seen).toEqual([]);
    // The time runs out between the question and the redemption.
    upstream.effect = async () => clock.leap(3_000);
    expect((await one.redeem(request)).body.error?.code).toBe('REDEMPTION_UNKNOWN');
    upstream.effect = async () => undefined;
    expect(upstream.seen.map(({ operation }) => operation)).toEqual(['verify']);
    expect((await one.redeem(request)).body).toMatchObject({ redeemed: true, assumed: false });
  });

  it('leaves a line in the log that says why, without the code', async () => {
    upstream.next.push(lost);
    const telemetry = tellInto();
    await world({ telemetry }).redeem({ code, key: `log-${code}` });
    expect(telemetry.lines).toContainEqual(
      expect.objectContaining({
        level: 'warn',
        message: 'a redemption is unknown',
        cause: expect.objectContaining({ name: 'UnavailableError' }),
      }),
    );
  });
});

describe('the guard', () => {
  const limit = { limit: 3, windowSeconds: 600 };

  it('answers so many invalid codes in a window, and then asks nobody until the window ends', async () => {
    const telemetry = tellInto();
    const one = world({ invalidCodes: limit, telemetry });
    // In the middle of a window, whose start is a multiple of its length.
    clock.leap(600_000 - (clock.now() % 600_000) + 200_000);
    expect((await one.verify({ code: `${code}-a` })).status).toBe(200);
    expect((await one.redeem({ code: `${code}-b`, key: `guard-${code}` })).status).toBe(200);
    expect((await one.verify({ code: `${code}-c` })).status).toBe(200);
    upstream.seen.length = 0;
    const refused = await one.verify({ code: `${code}-d` });
    expect([refused.status, refused.body.error?.code]).toEqual([429, 'TOO_MANY_INVALID_CODES']);
    expect(Number(refused.headers['Retry-After'])).toBe(400);
    expect((await one.redeem({ code: `${code}-e`, key: `guard-e-${code}` })).status).toBe(429);
    expect(upstream.seen).toEqual([]);
    expect(telemetry.counts).toMatchObject({ InvalidCodes: 3, GuardTrips: 2 });

    // Others are not held up, a final answer is given again, and the next window begins anew.
    expect((await one.verify({ code, partner: 'second' })).status).toBe(200);
    expect((await one.redeem({ code: `${code}-b`, key: `guard-${code}` })).status).toBe(200);
    clock.leap(400_000);
    expect((await one.verify({ code: `${code}-d` })).status).toBe(200);
  });

  it('leaves the key of a refused redemption free', async () => {
    const one = world({ invalidCodes: { limit: 1, windowSeconds: 600 } });
    await one.verify({ code: `${code}-a` });
    expect((await one.redeem({ code, key: `held-${code}` })).status).toBe(429);
    clock.leap(600_000);
    upstream.uses.set(code, 1);
    expect((await one.redeem({ code, key: `held-${code}` })).body).toMatchObject({ redeemed: true });
  });

  it('keeps a lost redemption unknown while it holds, and resolves it afterwards', async () => {
    const one = world({ invalidCodes: { limit: 1, windowSeconds: 600 } });
    upstream.uses.set(code, 1);
    upstream.next.push(lost);
    await one.redeem({ code, key: `later-${code}` });
    await one.verify({ code: `${code}-a` });
    expect((await one.redeem({ code, key: `later-${code}` })).body.error?.code).toBe('TOO_MANY_INVALID_CODES');
    clock.leap(600_000);
    expect((await one.redeem({ code, key: `later-${code}` })).body).toMatchObject({ redeemed: true, assumed: true });
  });

  it('counts no other denial, and no code that is valid', async () => {
    const one = world({ invalidCodes: { limit: 1, windowSeconds: 600 } });
    upstream.uses.set(code, 1);
    for (let turn = 0; turn < 3; turn += 1) {
      upstream.next.push(says('FAILURE:DENIED:EXCEEDED_USAGE_LIMIT'));
      expect((await one.verify({ code })).status).toBe(200);
      expect((await one.verify({ code })).body['valid']).toBe(true);
    }
  });

  it('counts a denial once, however often its key is repeated', async () => {
    const one = world({ invalidCodes: { limit: 2, windowSeconds: 600 } });
    for (let turn = 0; turn < 4; turn += 1) {
      expect((await one.redeem({ code, key: `counted-${code}` })).status).toBe(200);
    }
    expect((await one.verify({ code })).status).toBe(200);
    expect((await one.verify({ code })).status).toBe(429);
  });

  it('goes by a partner’s own limit where it has one', async () => {
    const one = world({ invalidCodes: limit, ownInvalidCodes: { limit: 1, windowSeconds: 600 } });
    expect((await one.verify({ code: `${code}-a`, partner: 'own' })).status).toBe(200);
    expect((await one.verify({ code: `${code}-b`, partner: 'own' })).status).toBe(429);
  });
});

describe('nothing that is written', () => {
  it('holds a code, a key, a token or the key of the hashes', async () => {
    const telemetry = tellInto();
    const one = world({ telemetry });
    const secret = 'UNMISTAKABLE-7F3A91';
    upstream.uses.set(secret, 1);
    // Upstreams may echo what they were sent, in whatever they say.
    const echo = (status: number): Behaviour => ({
      kind: 'answer',
      status,
      body: JSON.stringify({ error: { code: secret, message: `${secret} ${KEY.sessionToken}` }, message: secret }),
    });
    const given: unknown[] = [];
    // The code itself may be somebody's Idempotency-Key.
    for (const behaviours of [[echo(400)], [echo(403)], [echo(500)], [echo(200)], []]) {
      upstream.next.push(...behaviours);
      given.push(await one.verify({ code: secret }), await one.redeem({ code: secret, key: secret }));
      upstream.next.length = 0;
    }
    given.push(
      await one.verify({ code: secret, benefit: secret }),
      await one.verify({ code: secret, timeZone: secret }),
    );

    const rows = [...(await rowsOf(tables.database, 'Requests')), ...(await rowsOf(tables.database, 'History'))];
    expect(rows.length).toBeGreaterThan(10);
    const written = JSON.stringify([given, telemetry.lines, rows]);
    const token = String(upstream.seen.at(-1)?.headers.authorization).split('Signature=')[1];
    for (const hidden of [secret, KEY.secretAccessKey, KEY.sessionToken, HASH_KEY, token]) {
      expect(hidden?.length).toBeGreaterThan(8);
      expect(written).not.toContain(hidden);
      expect(written).not.toContain(JSON.stringify(hidden).slice(1, -1));
    }
  });
});
