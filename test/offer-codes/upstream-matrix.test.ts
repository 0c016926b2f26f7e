import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { temporaryCredentials } from '../../lambdas/shared/sigv4/signing-credentials.ts';
import type { OfferCodesClientOptions } from '../../lambdas/offer-codes/offer-codes.client.ts';
import { startEngineTables, type EngineTables } from '../shared/engine-tables.ts';
import { startSilentServer } from '../shared/silent-server.ts';
import { LeapingClock } from '../shared/virtual-clock.ts';
import { codeWorld, type ApiAnswer } from './code-world.ts';
import { tellInto } from '../shared/told.ts';
import { KEY, startUpstream, type Behaviour, type Upstream } from './upstream.ts';

/** What the partner gets: status, what the body says, and how often the upstream was asked. */
type Result = readonly [status: number, says: string, tries: number];

interface Row {
  /** What Amazon does, as the docs have it. */
  readonly when: string;
  readonly behaviours: readonly Behaviour[];
  readonly always?: boolean;
  readonly verify: Result;
  readonly redeem: Result;
  readonly client?: () => Partial<OfferCodesClientOptions>;
}

const answer = (status: number, body: unknown): Behaviour => ({
  kind: 'answer',
  status,
  body: typeof body === 'string' ? body : JSON.stringify(body),
});
const says = (message: string): Behaviour => answer(200, { message });
const fails = (status: number, code: string): Behaviour =>
  answer(status, { error: { code, message: `about ${CODE} and ${KEY.sessionToken}` } });

/** Credentials of an assumed role: where they are refused, there are others to be had. */
function inAssumedRole(): Partial<OfferCodesClientOptions> {
  let session = 0;
  const assume = async () => {
    session += 1;
    return { ...KEY, accessKeyId: `${KEY.accessKeyId}${session}`, expiresAt: clock.now() + 3_600_000 };
  };
  return { credentials: temporaryCredentials(assume, clock) };
}

const CODE = 'MATRIX-7141';
const unreadable = { verify: [502, 'UPSTREAM_UNREADABLE', 3], redeem: [504, 'REDEMPTION_UNKNOWN', 1] } as const;
const failing = { verify: [503, 'UPSTREAM_UNAVAILABLE', 3], redeem: [504, 'REDEMPTION_UNKNOWN', 1] } as const;
const rejected = { verify: [502, 'UPSTREAM_REJECTED', 1], redeem: [502, 'UPSTREAM_REJECTED', 1] } as const;
const credentials = { verify: [502, 'UPSTREAM_CREDENTIALS', 1], redeem: [502, 'UPSTREAM_CREDENTIALS', 1] } as const;
/** Of a redemption that some other 4xx has ended: it may come from anything on the way, and be about the answer. */
const doubtful = { verify: rejected.verify, redeem: [504, 'REDEMPTION_UNKNOWN', 1] } as const;
const success = { verify: [200, 'valid', 1], redeem: [200, 'redeemed', 1] } as const;
const denied = (reason: string) => ({
  verify: [200, `not valid: ${reason}`, 1] as const,
  redeem: [200, `not redeemed: ${reason}`, 1] as const,
});

const MATRIX: readonly Row[] = [
  { when: '200 `SUCCESS`', behaviours: [says('SUCCESS')], ...success },
  { when: '200 `INVALID_OFFER_CODE`', behaviours: [says('INVALID_OFFER_CODE')], ...denied('INVALID_OFFER_CODE') },
  {
    when: '200 `FAILURE:DENIED:EXCEEDED_USAGE_LIMIT`',
    behaviours: [says('FAILURE:DENIED:EXCEEDED_USAGE_LIMIT')],
    ...denied('EXCEEDED_USAGE_LIMIT'),
  },
  {
    when: '200 `FAILURE:DENIED:DEAL_INACTIVE`',
    behaviours: [says('FAILURE:DENIED:DEAL_INACTIVE')],
    ...denied('DEAL_INACTIVE'),
  },
  {
    when: '200 `FAILURE:DENIED:` and a new word',
    behaviours: [says('FAILURE:DENIED:NEW_WORD')],
    ...denied('NEW_WORD'),
  },
  { when: '200 `FAILURE:DENIED:` and nothing', behaviours: [says('FAILURE:DENIED:')], always: true, ...unreadable },
  { when: '200 and another message', behaviours: [says('MAYBE')], always: true, ...unreadable },
  { when: '200 and no message', behaviours: [answer(200, { error: { code: 'X' } })], always: true, ...unreadable },
  { when: '200 and no JSON', behaviours: [answer(200, '<html>SUCCESS</html>')], always: true, ...unreadable },
  { when: '200 and no body', behaviours: [answer(200, '')], always: true, ...unreadable },
  { when: '200 and more than 5 MB', behaviours: [answer(200, ' '.repeat(5_000_001))], always: true, ...unreadable },
  {
    when: '200, cut off in the middle of the body',
    behaviours: [{ kind: 'answer', status: 200, body: '{"message":"SUCC', length: 21 }],
    always: true,
    ...failing,
  },
  {
    when: 'no JSON, then `SUCCESS`',
    behaviours: [answer(200, '{')],
    verify: [200, 'valid', 2],
    redeem: unreadable.redeem,
  },
  { when: '202 `SUCCESS`', behaviours: [answer(202, { message: 'SUCCESS' })], always: true, ...unreadable },
  { when: '302', behaviours: [answer(302, '')], always: true, ...failing },
  { when: '400 BadRequest', behaviours: [fails(400, 'BadRequest')], always: true, ...rejected },
  { when: '401', behaviours: [answer(401, '')], always: true, ...credentials },
  {
    when: '403 MissingAuthenticationToken',
    behaviours: [fails(403, 'MissingAuthenticationToken')],
    always: true,
    ...credentials,
  },
  { when: '403 InvalidSignature', behaviours: [fails(403, 'InvalidSignature')], always: true, ...credentials },
  { when: '404', behaviours: [fails(404, 'NotFound')], always: true, ...rejected },
  {
    when: '401 or 403 once, with `offerCodes.role`',
    behaviours: [fails(403, 'InvalidSignature')],
    client: inAssumedRole,
    verify: [200, 'valid', 2],
    redeem: [200, 'redeemed', 2],
  },
  {
    when: '401 or 403 always, with `offerCodes.role`',
    behaviours: [answer(401, '')],
    always: true,
    client: inAssumedRole,
    verify: [502, 'UPSTREAM_CREDENTIALS', 2],
    redeem: [502, 'UPSTREAM_CREDENTIALS', 2],
  },
  { when: '405, 409, 422 or another 4xx', behaviours: [fails(409, 'Conflict')], always: true, ...doubtful },
  { when: '408', behaviours: [answer(408, '')], always: true, ...failing },
  {
    when: '429 once',
    behaviours: [fails(429, 'TooManyRequests')],
    verify: [200, 'valid', 2],
    redeem: [200, 'redeemed', 2],
  },
  {
    when: '429 always',
    behaviours: [fails(429, 'TooManyRequests')],
    always: true,
    verify: [503, 'UPSTREAM_THROTTLED', 3],
    redeem: [503, 'UPSTREAM_THROTTLED', 3],
  },
  {
    when: '500 once',
    behaviours: [fails(500, 'InternalError')],
    verify: [200, 'valid', 2],
    redeem: [504, 'REDEMPTION_UNKNOWN', 1],
  },
  { when: '500 always', behaviours: [fails(500, 'InternalError')], always: true, ...failing },
  { when: '503 always', behaviours: [answer(503, 'Service Unavailable')], always: true, ...failing },
  {
    when: '500, 503, then `SUCCESS`',
    behaviours: [fails(500, 'InternalError'), answer(503, '')],
    verify: [200, 'valid', 3],
    redeem: failing.redeem,
  },
  {
    when: 'no answer in time',
    behaviours: [{ kind: 'hang' }],
    always: true,
    verify: [504, 'UPSTREAM_TIMEOUT', 3],
    redeem: [504, 'REDEMPTION_UNKNOWN', 1],
    client: () => ({ timeoutMs: 1_000 }),
  },
  {
    when: 'connection lost before the request is processed',
    behaviours: [{ kind: 'reset', processed: false }],
    always: true,
    ...failing,
  },
  {
    when: 'connection lost after the request is processed',
    behaviours: [{ kind: 'reset', processed: true }],
    always: true,
    ...failing,
  },
  {
    when: 'connection lost once',
    behaviours: [{ kind: 'reset', processed: false }],
    verify: [200, 'valid', 2],
    redeem: failing.redeem,
  },
  {
    when: 'connection accepted, and no TLS handshake in time',
    behaviours: [],
    client: () => ({ baseUrl: silent.url, timeoutMs: 300 }),
    verify: [503, 'UPSTREAM_UNAVAILABLE', 0],
    redeem: [503, 'UPSTREAM_UNAVAILABLE', 0],
  },
  {
    when: 'connection refused',
    behaviours: [],
    // Port 1 of this machine: nobody listens there, and nobody may without being root.
    client: () => ({ baseUrl: 'https://127.0.0.1:1' }),
    verify: [503, 'UPSTREAM_UNAVAILABLE', 0],
    redeem: [503, 'UPSTREAM_UNAVAILABLE', 0],
  },
];

let tables: EngineTables;
let upstream: Upstream;
let silent: Awaited<ReturnType<typeof startSilentServer>>;
beforeAll(async () => {
  tables = await startEngineTables();
  upstream = await startUpstream();
  silent = await startSilentServer();
});
afterAll(async () => {
  await silent[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
  await tables.stop();
});
beforeEach(() => {
  upstream.seen.length = 0;
  upstream.next.length = 0;
  upstream.always = undefined;
  upstream.uses.set(CODE, 1);
  upstream.keyOf = (id) => (id.startsWith(KEY.accessKeyId) ? { ...KEY, accessKeyId: id } : undefined);
});

function summary({ status, body }: ApiAnswer): string {
  if (body.error) return body.error.code;
  const outcome = status === 200 && 'valid' in body ? 'valid' : 'redeemed';
  return body[outcome] === true ? outcome : `not ${outcome}: ${String(body['reason'])}`;
}

const clock = new LeapingClock();
let keys = 0;
async function result(row: Row, operation: 'verify' | 'redeem'): Promise<Result> {
  clock.leap(1_000);
  upstream.now = clock.now;
  if (row.always === true) [upstream.always] = row.behaviours;
  else upstream.next.push(...row.behaviours);
  const telemetry = tellInto();
  const world = codeWorld({
    database: tables.database,
    upstream,
    clock,
    telemetry,
    ...(row.client && { client: row.client() }),
  });
  const given = await world[operation]({ code: CODE, ...(operation === 'redeem' && { key: `matrix-${++keys}` }) });
  // Whatever happens, neither the partner nor the log gets a code or a credential.
  const written = JSON.stringify([given, telemetry.lines]);
  for (const secret of [CODE, KEY.secretAccessKey, KEY.sessionToken]) expect(written).not.toContain(secret);
  return [given.status, summary(given), upstream.seen.length];
}

describe('what a partner gets when Amazon', () => {
  it.each(MATRIX)('does this: $when', async (row) => {
    expect(await result(row, 'verify')).toEqual(row.verify);
    upstream.seen.length = 0;
    upstream.next.length = 0;
    upstream.uses.set(CODE, 1);
    expect(await result(row, 'redeem')).toEqual(row.redeem);
  });

  it('is what the docs say', () => {
    const cell = ([status, told, tries]: Result) =>
      `${status} ${/^[A-Z]/u.test(told) ? `\`${told}\`` : told} | ${tries}`;
    const lines = MATRIX.map(({ when, verify, redeem }) => `| ${when} | ${cell(verify)} | ${cell(redeem)} |`);
    const docs = readFileSync(new URL('../../docs/offer-codes.md', import.meta.url), 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('|'))
      .map((line) => line.replaceAll(/ +/g, ' '));
    const from = docs.findIndex((line) => line.includes('| verify |')) + 2;
    expect(docs.slice(from, from + lines.length)).toEqual(lines);
  });
});
