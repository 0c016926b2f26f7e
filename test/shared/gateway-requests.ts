import { Ajv2020 } from 'ajv/dist/2020.js';
import type { APIGatewayProxyEvent, Context } from 'aws-lambda';
import { expect } from 'vitest';
import * as z from 'zod';
import type { Clock } from '../../lambdas/shared/clock.ts';
import { API_ERRORS, type ApiErrorCode } from '../../lambdas/shared/partner-api/api-error.ts';
import { partnerIdentifier } from '../../lambdas/shared/partner-api/partners.ts';
import { ANSWER_BODIES } from '../../config/openapi/operations.ts';
import type { Route } from '../../lambdas/shared/partner-api/route.ts';
import { createPartnerHandler, type ServedRoute } from '../../lambdas/shared/partner-api/serve.ts';
import { PartnerApiSettings } from '../../lambdas/shared/settings-schema.ts';
import type { Telemetry } from '../../lambdas/shared/telemetry.ts';

/** What a request says; path parameters as they are, not encoded. */
export interface Request {
  readonly path?: Readonly<Record<string, string>>;
  /** What is null or undefined is left out. */
  readonly query?: Readonly<Record<string, string | null | undefined>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Made into JSON, unless it is text. */
  readonly body?: unknown;
}

/** A body as JSON has it. `items` and `next` are what pages have; an answer without a body has none of all. */
export interface AnswerBody extends Readonly<Record<string, unknown>> {
  readonly items: readonly Readonly<Record<string, unknown>>[];
  readonly next: string | null;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: AnswerBody;
}

export const PARTNERS = PartnerApiSettings.parse({
  partners: {
    acme: { accountId: '111122223333', externalId: 'acme', benefits: ['B1'] },
    rival: { accountId: '444455556666', externalId: 'rival' },
  },
});
export const BINDINGS = 'acme=AROAACME/key-acme rival=AROARIVAL/key-rival';

/** The proxy event that API Gateway makes of a request by the partner acme. */
export function eventOf(route: Pick<Route, 'method' | 'path'>, request: Request = {}): APIGatewayProxyEvent {
  const { path = {}, headers = {}, body } = request;
  const query = Object.fromEntries(Object.entries(request.query ?? {}).filter(([, value]) => value != null)) as Record<
    string,
    string
  >;
  const encoded = Object.fromEntries(Object.entries(path).map(([name, text]) => [name, encodeURIComponent(text)]));
  const called = route.path.replaceAll(/\{(\w+)\}/gu, (_, name: string) => encoded[name] ?? '');
  const identity = { caller: 'AROAACME:session', apiKeyId: 'key-acme', sourceIp: '192.0.2.1' };
  return {
    resource: route.path,
    path: called,
    httpMethod: route.method,
    headers,
    multiValueHeaders: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]])),
    pathParameters: Object.keys(encoded).length === 0 ? null : encoded,
    queryStringParameters: Object.keys(query).length === 0 ? null : query,
    multiValueQueryStringParameters:
      Object.keys(query).length === 0
        ? null
        : Object.fromEntries(Object.entries(query).map(([name, value]) => [name, [value]])),
    stageVariables: null,
    body: body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body),
    isBase64Encoded: false,
    requestContext: {
      requestId: 'request-1',
      stage: 'test',
      path: `/test${called}`,
      domainName: 'abc123.execute-api.us-east-1.amazonaws.com',
      identity,
    } as APIGatewayProxyEvent['requestContext'],
  };
}

/** Telemetry that keeps what it gets. */
export function recordedTelemetry() {
  const lines: { level: string; message: string; details: Readonly<Record<string, unknown>> }[] = [];
  const counts: Record<string, number> = {};
  const at =
    (level: string) =>
    (message: string, details: Readonly<Record<string, unknown>> = {}) =>
      void lines.push({ level, message, details });
  const telemetry: Telemetry = {
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    count: (metric, by) => void (counts[metric] = (counts[metric] ?? 0) + by),
    seconds: () => undefined,
    flush: () => undefined,
  };
  return { telemetry, lines, counts };
}

export const CONTEXT = { getRemainingTimeInMillis: () => 10_000 } as Context;

/** Errors that any route may answer with. */
const GENERAL: readonly ApiErrorCode[] = ['INVALID_REQUEST', 'STORAGE_UNAVAILABLE', 'INTERNAL_ERROR'];
const ajv = new Ajv2020({ strict: true, allErrors: true, validateFormats: false });
const validators = new Map<unknown, ReturnType<typeof ajv.compile>>();

/**
 * Calls routes as API Gateway does, and holds each answer to what its route promises: a status that it has, a body of
 * exactly the shape that the OpenAPI document shows, an error code that it names.
 */
export function partnerClient(routes: readonly ServedRoute[], clock: Clock) {
  const recorded = recordedTelemetry();
  const handler = createPartnerHandler({
    routes,
    identify: partnerIdentifier(BINDINGS, PARTNERS),
    telemetry: recorded.telemetry,
    clock,
  });
  const ask = async (route: Route, request: Request = {}): Promise<Answer> => {
    const result = await handler(eventOf(route, request), CONTEXT);
    const body = (result.body === '' ? undefined : JSON.parse(result.body)) as AnswerBody;
    return { status: result.statusCode, headers: result.headers as Record<string, string>, body };
  };
  return {
    ...recorded,
    /** Without a look at what is promised. */
    ask,
    async call(route: Route, request: Request = {}): Promise<Answer> {
      const answer = await ask(route, request);
      expectPromised(route, answer);
      return answer;
    },
  };
}

function expectPromised(route: Route, { status, body }: Answer): void {
  if (status >= 400) {
    const { code } = body['error'] as { code: ApiErrorCode };
    expect([...route.errors, ...GENERAL]).toContain(code);
    expect(API_ERRORS[code].status).toBe(status);
    expect(body).toEqual({ error: { code, message: expect.any(String), requestId: 'request-1' } });
    return;
  }
  if (status === 304) return;
  const promised = route.answers[status];
  expect(promised, `${route.operationId} promises no ${status}`).toBeDefined();
  const shape = ANSWER_BODIES[route.operationId]?.[status];
  if (shape === undefined) return expect(body).toBeUndefined();
  let validate = validators.get(shape);
  if (!validate) {
    validate = ajv.compile(z.toJSONSchema(shape, { io: 'output' }));
    validators.set(shape, validate);
  }
  expect(validate(body) ? [] : validate.errors).toEqual([]);
}

/** The code and the message of an error. */
export function errorOf({ status, body }: Answer): string {
  const { code, message } = body['error'] as { code: string; message: string };
  return `${status} ${code}: ${message}`;
}
