import type { APIGatewayProxyEvent } from 'aws-lambda';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as z from 'zod/mini';
import {
  CredentialError,
  RejectedError,
  ThrottledError,
  UnavailableError,
  UnreadableAnswerError,
} from '../../lambdas/shared/errors.ts';
import { API_ERRORS, ApiError } from '../../lambdas/shared/partner-api/api-error.ts';
import { canonical } from '../../lambdas/shared/partner-api/canonical.ts';
import { cursorsOf } from '../../lambdas/shared/partner-api/cursor.ts';
import { describeIssues } from '../../lambdas/shared/partner-api/describe-issues.ts';
import { type IdentifyPartner, partnerIdentifier } from '../../lambdas/shared/partner-api/partners.ts';
import {
  defineRoute,
  instantText,
  numberText,
  oneOf,
  pathText,
  queryText,
} from '../../lambdas/shared/partner-api/route.ts';
import {
  createPartnerHandler,
  type PartnerAnswer,
  type PartnerRequest,
  serve,
} from '../../lambdas/shared/partner-api/serve.ts';
import { BINDINGS, CONTEXT, eventOf, PARTNERS, recordedTelemetry, type Request } from './gateway-requests.ts';
import { LeapingClock } from './virtual-clock.ts';

const Body = z.strictObject({ code: z.string(), many: z.optional(z.array(z.int()).check(z.maxLength(2))) });
const read = defineRoute({
  operationId: 'readThing',
  method: 'GET',
  path: '/v1/things/{thing}',
  capability: 'reading',
  summary: 'A thing.',
  pathParameters: { thing: pathText(20) },
  query: { size: z._default(numberText(1, 9), 3), colour: z.optional(oneOf(['red', 'green'])) },
  hasETag: true,
  answers: { 200: 'It.', 203: 'Nearly.' },
  errors: [],
});
const write = defineRoute({
  operationId: 'writeThing',
  method: 'POST',
  path: '/v1/things/{thing}',
  capability: 'reading',
  summary: 'Writes a thing.',
  pathParameters: { thing: pathText(20) },
  query: {},
  idempotent: true,
  body: Body,
  answers: { 200: 'Done.' },
  errors: [],
});

type Seen = PartnerRequest<unknown, unknown, unknown>;

/** The two routes, whose work is given; and what they, the log and the metrics have seen. */
function api(
  work: (request: Seen) => Promise<PartnerAnswer> = () => Promise.resolve({ status: 200 }),
  corsOrigin?: string,
) {
  const seen: Seen[] = [];
  const recorded = recordedTelemetry();
  const clock = new LeapingClock();
  const take = (request: Seen): Promise<PartnerAnswer> => {
    seen.push(request);
    clock.leap(7);
    return work(request);
  };
  const handler = createPartnerHandler({
    routes: [serve(read, take), serve(write, take)],
    identify: partnerIdentifier(BINDINGS, PARTNERS),
    telemetry: recorded.telemetry,
    clock,
    corsOrigin,
  });
  const send = async (
    route: typeof read | typeof write,
    request: Request,
    change?: (event: APIGatewayProxyEvent) => void,
  ) => {
    const event = eventOf(route, { path: { thing: 'x' }, ...request });
    change?.(event);
    return handler(event, CONTEXT);
  };
  return {
    ...recorded,
    seen,
    clock,
    read: (request: Request = {}, change?: (event: APIGatewayProxyEvent) => void) => send(read, request, change),
    write: (request: Request = {}, change?: (event: APIGatewayProxyEvent) => void) =>
      send(write, { headers: { 'Idempotency-Key': 'k' }, body: { code: 'c' }, ...request }, change),
  };
}
const errorIn = ({ body }: { body: string }) =>
  (JSON.parse(body) as { error: { code: string; message: string } }).error;

describe('a request of a partner', () => {
  it('reaches its work parsed, with the partner, the request id and the time that is left', async () => {
    const { read, seen, clock } = api();
    const startedAt = clock.now();
    await read({ path: { thing: 'a b/%2F' }, query: { size: '5' } });
    expect(seen).toEqual([
      {
        partner: { ...PARTNERS.partners['acme'], name: 'acme' },
        path: { thing: 'a b/%2F' },
        query: { size: 5 },
        body: undefined,
        idempotencyKey: '',
        playerToken: '',
        requestId: 'request-1',
        deadline: startedAt + 10_000,
      },
    ]);
    await read();
    expect(seen[1]).toMatchObject({ query: { size: 3 } });
  });

  it('has its path parameters decoded exactly once', async () => {
    const { read, seen } = api();
    const text = fc
      .string({ unit: 'binary', minLength: 1, maxLength: 20 })
      .filter((one) => one.isWellFormed() && one.length <= 20 && !/^\.{1,2}$|\p{Cc}/u.test(one));
    await fc.assert(
      fc.asyncProperty(text, async (thing) => {
        expect((await read({ path: { thing } })).statusCode).toBe(200);
        expect(seen.at(-1)?.path).toEqual({ thing });
      }),
    );
  });

  it.each(['%', '%zz', '%C3%28', '%ED%A0%80'])('is refused where a path parameter is no UTF-8: %s', async (thing) => {
    const answer = await api().read({}, (event) => (event.pathParameters = { thing }));
    expect(errorIn(answer)).toMatchObject({
      code: 'INVALID_REQUEST',
      message: 'path parameter thing is not well-formed percent-encoded UTF-8',
    });
  });

  it('is refused where a query parameter is given twice, is not known or is wrong, each by name', async () => {
    const { read, seen } = api();
    const twice = await read({}, (event) => (event.multiValueQueryStringParameters = { size: ['1', '2'] }));
    expect(errorIn(twice).message).toBe('query parameter size is given more than once');
    const own = await read({}, (event) => (event.multiValueQueryStringParameters = { 'C0DE-1': ['1', '2'] }));
    expect(errorIn(own).message).toBe('query parameter (a name of its own) is given more than once');
    const answer = await read({ query: { size: '10', colour: 'blue', 'T0K3N!': 'secret-value' } });
    expect(errorIn(answer).message.split('; ').sort()).toEqual([
      'query parameter (a name of its own) is not known here',
      'query parameter colour must be one of red, green',
      'query parameter size must be a whole number from 1 to 9',
    ]);
    expect(answer.body).not.toMatch(/secret-value|T0K3N/u);
    expect(seen).toEqual([]);
  });

  it('has its body from JSON, in base64 too', async () => {
    const { write, seen } = api();
    await write();
    await write({}, (event) => {
      event.body = Buffer.from('{"code":"é"}').toString('base64');
      event.isBase64Encoded = true;
    });
    expect(seen.map(({ body }) => body)).toEqual([{ code: 'c' }, { code: 'é' }]);
  });

  it('is known by the identifier that API Gateway gives it, and not by that of the client', async () => {
    const { read, seen, lines } = api();
    await read({}, (event) => {
      event.requestContext.requestId = 'A-CODE-OF-THE-CLIENT';
      event.requestContext.extendedRequestId = 'ZxTq2Ej6oAMEs1g=';
    });
    expect(seen[0]?.requestId).toBe('ZxTq2Ej6oAMEs1g=');
    expect(JSON.stringify(lines)).not.toContain('A-CODE-OF-THE-CLIENT');
  });

  it('has a body that is JSON by its own word, if it says a word', async () => {
    const { write, seen } = api();
    const typed = (type: string) => write({ headers: { 'Idempotency-Key': 'k', 'content-type': type } });
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'application/jsonlines',
      'application/xml',
    ]) {
      const answer = await typed(type);
      expect([type, answer.statusCode, errorIn(answer).code]).toEqual([type, 415, 'UNSUPPORTED_MEDIA_TYPE']);
    }
    for (const type of ['application/json', 'Application/JSON; charset=UTF-8', 'application/json ;x=1'])
      await typed(type);
    expect(seen).toHaveLength(3);
  });

  it.each<[unknown, string]>([
    ['{"code":', 'the body is not JSON'],
    [' ', 'the body is missing'],
    [{}, 'field code is missing'],
    [{ code: 5 }, 'field code must be of type string'],
    [{ code: 'SECRET', many: [1, 2, 3] }, 'field many must be at most 2 long'],
    [{ code: 'SECRET', many: [1, 'SECRET'] }, 'field many.1 must be of type number'],
    [{ code: 'SECRET', extra: 'SECRET' }, 'field extra is not known here'],
    [{ code: 'SECRET', SECRET9: 1 }, 'field (a name of its own) is not known here'],
    ['null', 'the body must be of type object'],
  ])('is refused with the body %j, and the message repeats no value', async (body, message) => {
    const answer = await api().write({ body });
    expect([answer.statusCode, errorIn(answer)]).toEqual([
      400,
      { code: 'INVALID_REQUEST', message, requestId: 'request-1' },
    ]);
    expect(answer.body).not.toContain('SECRET');
  });

  it('has its Idempotency-Key under whatever spelling, where its route requires one', async () => {
    const { write, seen } = api();
    for (const name of ['Idempotency-Key', 'idempotency-key', 'IDEMPOTENCY-KEY'])
      await write({ headers: { [name]: 'k-1' } });
    expect(seen.map(({ idempotencyKey }) => idempotencyKey)).toEqual(['k-1', 'k-1', 'k-1']);
    for (const headers of [{}, { 'Idempotency-Key': ' ' }] as Record<string, string>[]) {
      expect(errorIn(await write({ headers })).code).toBe('IDEMPOTENCY_KEY_REQUIRED');
    }
    for (const key of ['a b', 'é', 'k'.repeat(256)]) {
      expect(errorIn(await write({ headers: { 'Idempotency-Key': key } }))).toMatchObject({
        code: 'INVALID_REQUEST',
        message: 'the header Idempotency-Key must be 1 to 255 visible ASCII characters',
      });
    }
  });

  it('is refused by a role that is no partner’s, by the key of another, and where there is no such route', async () => {
    const { read, seen } = api();
    const as = (caller: string | null, apiKeyId: string | null) =>
      read({}, ({ requestContext: { identity } }) => Object.assign(identity, { caller, apiKeyId }));
    for (const caller of ['AROAOTHER:session', 'AROAACM:E', '', null]) {
      expect(errorIn(await as(caller, 'key-acme')).code).toBe('NOT_A_PARTNER');
    }
    for (const key of ['key-rival', '', null]) {
      expect(await as('AROAACME:s', key)).toMatchObject({ statusCode: 403 });
      expect(errorIn(await as('AROAACME:s', key)).code).toBe('API_KEY_OF_ANOTHER');
    }
    const lost = await read({}, (event) => (event.resource = '/v1/other'));
    expect([lost.statusCode, errorIn(lost).message]).toEqual([404, 'There is no such route.']);
    expect(seen).toEqual([]);
    await as('AROARIVAL:any:thing', 'key-rival');
    expect(seen[0]?.partner.name).toBe('rival');
  });
});

describe('an answer to a partner', () => {
  it('has its headers, the time that the upstream took, and no cache', async () => {
    const { write } = api(() =>
      Promise.resolve({ status: 200, body: { a: 1 }, headers: { 'X-Own': 'y' }, upstreamMs: 12.345 }),
    );
    expect(await write()).toEqual({
      statusCode: 200,
      body: '{"a":1}',
      headers: {
        'Cache-Control': 'no-store',
        'Content-Type': 'application/json',
        'X-Own': 'y',
        'Server-Timing': 'upstream;dur=12.3',
      },
    });
    const empty = await api(() => Promise.resolve({ status: 200 })).write();
    expect(empty).toEqual({ statusCode: 200, body: '', headers: { 'Cache-Control': 'no-store' } });
  });

  it('lets the pages of one origin read it, where there is one, errors included', async () => {
    const origin = 'https://shop.example';
    const { read } = api(undefined, origin);
    for (const request of [{}, { query: { size: 'x' } }]) {
      expect((await read(request)).headers).toMatchObject({
        'Access-Control-Allow-Origin': origin,
        'Access-Control-Expose-Headers': 'Age, ETag, Retry-After, Server-Timing, x-amz-apigw-id',
      });
    }
    expect((await api().read()).headers).not.toHaveProperty('Access-Control-Allow-Origin');
  });

  it('has an ETag by its body, and is left out for whoever names it', async () => {
    let state = 1;
    const { read } = api(() => Promise.resolve({ status: 200, body: { state } }));
    const first = await read();
    const tag = String(first.headers?.['ETag']);
    expect(first.headers).toMatchObject({
      ETag: expect.stringMatching(/^"[\w-]{22}"$/u),
      'Cache-Control': 'private, no-cache',
    });
    for (const known of [tag, `W/${tag}`, `"other", ${tag}`, `"other",W/${tag}`, '*']) {
      expect(await read({ headers: { 'If-None-Match': known } })).toEqual({
        statusCode: 304,
        body: '',
        headers: { ETag: tag, 'Cache-Control': 'private, no-cache' },
      });
    }
    for (const known of ['"other"', tag.slice(1, -1), '']) {
      expect((await read({ headers: { 'if-none-match': known } })).statusCode).toBe(200);
    }
    state = 2;
    const second = await read({ headers: { 'If-None-Match': tag } });
    expect(second.statusCode).toBe(200);
    expect(second.headers?.['ETag']).not.toBe(tag);
  });

  it('has no ETag where it is no whole one, or its route has none', async () => {
    expect((await api(() => Promise.resolve({ status: 203, body: {} })).read()).headers).not.toHaveProperty('ETag');
    expect((await api(() => Promise.resolve({ status: 200, body: {} })).write()).headers).not.toHaveProperty('ETag');
  });

  const named = (name: string, fields: object = {}) => Object.assign(new Error('SECRET'), { name, ...fields });
  it.each<[string, unknown, string, number, string | undefined]>([
    ['one of its own', new ApiError('REQUEST_IN_PROGRESS', 'wait', 2.2), 'REQUEST_IN_PROGRESS', 409, '3'],
    ['a pause of no time', new ApiError('THROTTLED', undefined, 0), 'THROTTLED', 429, '1'],
    ['a throttled upstream', new ThrottledError('SECRET'), 'UPSTREAM_THROTTLED', 503, '1'],
    [
      'one that says until when',
      new ThrottledError('SECRET', { retryAfterMs: 59_001 }),
      'UPSTREAM_THROTTLED',
      503,
      '60',
    ],
    ['an upstream that is down', new UnavailableError('Down', 'SECRET'), 'UPSTREAM_UNAVAILABLE', 503, '1'],
    ['an upstream that is too slow', new UnavailableError('TimedOut', 'SECRET'), 'UPSTREAM_TIMEOUT', 504, undefined],
    ['refused credentials', new CredentialError('No', 'SECRET'), 'UPSTREAM_CREDENTIALS', 502, undefined],
    ['a secret of the stage', new CredentialError('SecretUnavailable', 'SECRET'), 'STORAGE_UNAVAILABLE', 503, '1'],
    ['a Secrets Manager that fails', new CredentialError('SecretsManagerFails', 'SECRET'), 'STORAGE_UNAVAILABLE', 503, '1'], // prettier-ignore
    ['a refused request', new RejectedError('No', 'SECRET'), 'UPSTREAM_REJECTED', 502, undefined],
    ['an unreadable answer', new UnreadableAnswerError('SECRET', { raw: 'SECRET', shape: 'f00' }), 'UPSTREAM_UNREADABLE', 502, undefined], // prettier-ignore
    ['a throttled table', named('ThrottlingException'), 'STORAGE_UNAVAILABLE', 503, '1'],
    ['keys that a table leaves over', named('UnprocessedKeysError'), 'STORAGE_UNAVAILABLE', 503, '1'],
    ['a service that fails', named('X', { $metadata: { httpStatusCode: 500 } }), 'STORAGE_UNAVAILABLE', 503, '1'],
    ['a service that hangs', named('TimeoutError', { $metadata: {} }), 'STORAGE_UNAVAILABLE', 503, '1'],
    ['a service that is not there', named('Error', { code: 'ECONNREFUSED' }), 'STORAGE_UNAVAILABLE', 503, '1'],
    ['a name that is not found', named('Error', { code: 'ENOTFOUND' }), 'STORAGE_UNAVAILABLE', 503, '1'],
    ['a service that refuses', named('ValidationException', { $metadata: { httpStatusCode: 400 } }), 'INTERNAL_ERROR', 500, undefined], // prettier-ignore
    ['a fault of our own', new TypeError('SECRET'), 'INTERNAL_ERROR', 500, undefined],
    ['what is no error', 'SECRET', 'INTERNAL_ERROR', 500, undefined],
  ])('tells of %s with a code of its own, and neither it nor a line of the log with what was said', async (...row) => {
    const [, thrown, code, status, retryAfter] = row;
    const { write, lines, counts } = api(() => Promise.reject(thrown));
    const answer = await write({ body: { code: 'SECRET' } });
    expect([answer.statusCode, errorIn(answer).code, answer.headers?.['Retry-After']]).toEqual([
      status,
      code,
      retryAfter,
    ]);
    expect(answer.headers).toMatchObject({ 'Content-Type': 'application/json', 'Cache-Control': 'no-store' });
    expect(answer.body).not.toContain('SECRET');
    const warned = lines.filter(({ level }) => level === 'warn');
    expect(warned.map(({ details }) => details['code'])).toEqual(status >= 500 ? [code] : []);
    expect(counts).toEqual({
      ApiRequests: 1,
      ...(status >= 500 && {
        [['INTERNAL_ERROR', 'STORAGE_UNAVAILABLE'].includes(code) ? 'ApiFaults' : 'ApiUpstreamFailures']: 1,
      }),
      ...(code === 'UPSTREAM_CREDENTIALS' && { CredentialsRefused: 1 }),
    });
    // Messages of the upstream's errors are made by us; those of other errors may hold anything.
    const others = lines.map(({ details: { error: _, ...rest } }) => rest);
    expect(JSON.stringify(others)).not.toContain('SECRET');
  });

  it('leaves one line in the log, which names no path, no parameter and no key', async () => {
    const { write, lines } = api(() => Promise.resolve({ status: 200, upstreamMs: 3 }));
    await write({ path: { thing: 'SECRET' }, headers: { 'Idempotency-Key': 'SECRET', authorization: 'SECRET' } });
    expect(lines).toEqual([
      {
        level: 'info',
        message: 'request',
        details: {
          operation: 'writeThing',
          requestId: 'request-1',
          partner: 'acme',
          upstreamMs: 3,
          status: 200,
          ms: 7,
        },
      },
    ]);
  });
});

describe('whoever says whom a request comes from', () => {
  const handlerOf = (identify: IdentifyPartner) =>
    createPartnerHandler({
      routes: [serve(read, ({ partner }) => Promise.resolve({ status: 200, body: { name: partner.name } }))],
      identify,
      telemetry: recordedTelemetry().telemetry,
      clock: new LeapingClock(),
    });
  const event = eventOf(read, { path: { thing: 'x' }, headers: { 'X-Partner': 'rival' } });

  it('has the whole request for it, and time', async () => {
    const answer = await handlerOf(async ({ headers }) => {
      await Promise.resolve();
      const name = headers['X-Partner'] ?? '';
      return { ...PARTNERS.partners[name]!, name };
    })(event, CONTEXT);
    expect(JSON.parse(answer.body)).toEqual({ name: 'rival' });
  });

  it('may refuse it later, with a code of its own, and the work is not done', async () => {
    const answer = await handlerOf(() => Promise.reject(new ApiError('PUSH_SIGNATURE_REFUSED')))(event, CONTEXT);
    expect([answer.statusCode, errorIn(answer).code]).toEqual([401, 'PUSH_SIGNATURE_REFUSED']);
  });
});

describe('the codes of errors', () => {
  it('have a status of failure and a sentence each, and these are what an error is made of', () => {
    for (const [code, { status, meaning }] of Object.entries(API_ERRORS)) {
      expect(status).toBeGreaterThanOrEqual(400);
      expect(meaning).toMatch(/^[A-Z].*\.$/u);
      const error = new ApiError(code as keyof typeof API_ERRORS);
      expect([error.name, error.code, error.status, error.message]).toEqual(['ApiError', code, status, meaning]);
    }
  });
});

describe('the bindings of partners', () => {
  it('are refused where they are malformed', () => {
    for (const bindings of ['acme', 'acme=AROA', 'acme=/key', '=AROA/key']) {
      expect(() => partnerIdentifier(bindings, PARTNERS)).toThrow(RangeError);
    }
    expect(() => partnerIdentifier('', PARTNERS)).not.toThrow();
  });

  // While a stage is being deployed, variables and settings come one after the other.
  it('may name somebody whom the settings do not know yet, and who is let in by nobody', () => {
    const identify = partnerIdentifier(`toString=AROASTRANGER/key0 ${BINDINGS}`, PARTNERS);
    const from = (caller: string, apiKeyId: string) =>
      ({ requestContext: { identity: { caller, apiKeyId } } }) as Parameters<typeof identify>[0];
    const [, roleId = '', keyId = ''] = /^acme=(\w+)\/(\S+)/.exec(BINDINGS) ?? [];
    expect(identify(from(`${roleId}:s`, keyId)).name).toBe('acme');
    expect(() => identify(from('AROASTRANGER:s', 'key0'))).toThrow(new ApiError('NOT_A_PARTNER'));
  });
});

describe('a cursor', () => {
  const numbers = cursorsOf(['list', 'a', undefined], z.int());
  it('gives its position back to its own query, and to no other', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (position) => {
        expect(numbers.decode(numbers.encode(position))).toBe(position);
        expect(numbers.encode(position)).toMatch(/^[\w-]+$/u);
      }),
    );
    for (const query of [
      ['list', 'a'],
      ['list', 'a', ''],
      ['list', 'a', 'null'],
      ['list', 'b', undefined],
      ['a', 'list', undefined],
    ]) {
      expect(() => cursorsOf(query, z.int()).decode(numbers.encode(5))).toThrow(new ApiError('INVALID_CURSOR'));
    }
  });

  it('is refused where it is none, whatever it is', () => {
    const other = cursorsOf(['list', 'a', undefined], z.string()).encode('text');
    const bare = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
    for (const text of ['', 'x', '%', other, bare(null), bare(5), bare({ at: 5 }), bare({ q: 1, at: 5 })]) {
      expect(() => numbers.decode(text)).toThrow(new ApiError('INVALID_CURSOR'));
    }
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(() => numbers.decode(text)).toThrow(ApiError);
      }),
    );
  });
});

describe('the texts of requests', () => {
  const told = (schema: z.core.$ZodType, value: unknown) => {
    const parsed = z.safeParse(schema, value);
    return parsed.success ? parsed.data : describeIssues(parsed.error.issues, value, 'parameter');
  };

  it.each<[z.core.$ZodType, unknown, unknown]>([
    [pathText(5), 'a/%2F', 'a/%2F'],
    [pathText(5), '', 'the body must not be empty'],
    [pathText(5), '123456', 'the body must have at most 5 characters'],
    [pathText(5), '.', 'the body must not be "." or "..", which a path cannot carry'],
    [pathText(5), '..', 'the body must not be "." or "..", which a path cannot carry'],
    [pathText(5), '...', '...'],
    [pathText(5), 'a\u0000', 'the body must be well-formed Unicode without control characters'],
    [pathText(5), 'a\ud800', 'the body must be well-formed Unicode without control characters'],
    [queryText(5), '..', '..'],
    [queryText(5), '\n', 'the body must be well-formed Unicode without control characters'],
    [numberText(2, 9), '2', 2],
    [numberText(2, 9), '09', 9],
    [numberText(2, 9), '1', 'the body must be a whole number from 2 to 9'],
    [numberText(2, 9), '10', 'the body must be a whole number from 2 to 9'],
    [numberText(2, 9), '-3', 'the body must be a whole number from 2 to 9'],
    [numberText(2, 9), ' 3', 'the body must be a whole number from 2 to 9'],
    [numberText(2, 9), '3.0', 'the body must be a whole number from 2 to 9'],
    [instantText, '2026-03-01T01:00:00+01:00', Date.parse('2026-03-01T00:00:00Z')],
    [instantText, '2026-02-30T00:00:00Z', 'the body must be an instant such as 2026-03-01T00:00:00Z'],
    [z.object({ n: z.number().check(z.positive()) }), { n: 0 }, 'parameter n must be above 0'],
    [z.object({ n: z.number().check(z.gte(2)) }), { n: 1 }, 'parameter n must be at least 2'],
    [z.object({ n: z.number().check(z.lt(2)) }), { n: 2 }, 'parameter n must be below 2'],
    [z.object({ n: z.number().check(z.lte(2)) }), { n: 3 }, 'parameter n must be at most 2'],
    [z.object({ s: z.string().check(z.minLength(2)) }), { s: 'x' }, 'parameter s must be at least 2 characters long'],
    [z.object({ w: z.enum(['a', 'b']) }), { w: 'c' }, 'parameter w must be one of a, b'],
    [z.object({ s: z.string().check(z.regex(/x/u)) }), { s: 'c' }, 'parameter s is not valid'],
  ])('are understood or refused with their rule: %#', (schema, value, expected) => {
    expect(told(schema, value)).toEqual(expected);
  });
});

describe('a canonical value', () => {
  it('is the same value, and has one text whatever the order of its fields', () => {
    const reversed = (value: unknown): unknown =>
      Array.isArray(value)
        ? value.map(reversed)
        : typeof value === 'object' && value !== null
          ? Object.fromEntries(
              Object.entries(value)
                .reverse()
                .map(([name, field]) => [name, reversed(field)]),
            )
          : value;
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(JSON.parse(JSON.stringify(canonical(value)))).toEqual(JSON.parse(JSON.stringify(value)));
        expect(JSON.stringify(canonical(reversed(value)))).toBe(JSON.stringify(canonical(value)));
      }),
    );
  });
});
