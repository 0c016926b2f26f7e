import { createHash } from 'node:crypto';
import type { APIGatewayProxyEvent, APIGatewayProxyResult, Context } from 'aws-lambda';
import * as z from 'zod/mini';
import type { Clock } from '../clock.ts';
import { CredentialError, RejectedError, ThrottledError, UnavailableError, UpstreamError } from '../errors.ts';
import { isServiceFailure } from '../service-failure.ts';
import type { Telemetry } from '../telemetry.ts';
import { ApiError, type ApiErrorCode } from './api-error.ts';
import { describeIssues } from './describe-issues.ts';
import type { CallingPartner, IdentifyPartner } from './partners.ts';
import { bodyOf, decodedPath, headerOf, queryOf, requestIdOf } from './proxy-event.ts';
import type { Route } from './route.ts';

/** A request that has been let in and understood. */
export interface PartnerRequest<Path, Query, Body> {
  readonly partner: CallingPartner;
  readonly path: Path;
  readonly query: Query;
  readonly body: Body;
  /** Of a route that requires one, and empty otherwise. */
  readonly idempotencyKey: string;
  /** The player's access token, of a route that requires one, and empty otherwise. Never kept, never told. */
  readonly playerToken: string;
  /** The shopper's access token, of a route that takes one, where there is one. Never kept, never told. */
  readonly shopperToken: string | undefined;
  /** API Gateway's; goes along to the upstream, into events and into log lines. */
  readonly requestId: string;
  /** When the function has to have answered, epoch milliseconds. */
  readonly deadline: number;
}

export interface PartnerAnswer {
  /** One of the route's `answers`. */
  readonly status: number;
  /** Made into JSON. @default no body */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** How much of the time was waiting for the upstream. */
  readonly upstreamMs?: number | undefined;
}

/** A route with its work. */
export interface ServedRoute {
  readonly route: Route;
  readonly answer: (event: APIGatewayProxyEvent, partner: CallingPartner, deadline: number) => Promise<PartnerAnswer>;
}

/** Joins a route with its work, which gets what the route's schemas make of a request. */
export function serve<
  Path extends z.core.$ZodShape,
  Query extends z.core.$ZodShape,
  Body extends z.core.$ZodType = z.ZodMiniUndefined,
>(
  route: Route<Path, Query, Body>,
  work: (
    request: PartnerRequest<z.output<z.ZodMiniObject<Path>>, z.output<z.ZodMiniObject<Query>>, z.output<Body>>,
  ) => Promise<PartnerAnswer>,
): ServedRoute {
  const path = z.strictObject(route.pathParameters);
  const query = z.strictObject(route.query);
  return {
    route,
    answer: (event, partner, deadline) =>
      work({
        partner,
        path: parsed(path, decodedPath(event), 'path parameter'),
        query: parsed(query, queryOf(event), 'query parameter'),
        body: jsonBodyOf(route.body, event) as z.output<Body>,
        idempotencyKey: route.idempotent === true ? idempotencyKeyOf(event) : '',
        playerToken: route.playerToken === true ? playerTokenOf(event) : '',
        shopperToken: route.shopperToken === true ? accessTokenOf(event) : undefined,
        requestId: requestIdOf(event),
        deadline,
      }),
  };
}

/** These ask for patience, and are counted where they come from. */
const WAITING: readonly ApiErrorCode[] = ['GRANT_PENDING', 'UNKNOWN_SKU'];
/** What pages may read besides the headers that every page may. */
const EXPOSED_HEADERS = 'Age, ETag, Retry-After, Server-Timing, x-amz-apigw-id';
const JSON_BODY = { 'Content-Type': 'application/json' };

export interface PartnerHandlerParts {
  readonly routes: readonly ServedRoute[];
  readonly identify: IdentifyPartner;
  readonly telemetry: Telemetry;
  readonly clock: Clock;
  /** Origin whose pages may read the answers. */
  readonly corsOrigin?: string | undefined;
}

/** A function of the partner API: finds the route, the partner and the request's parts, and answers whatever happens. */
export function createPartnerHandler({ routes, identify, telemetry, clock, corsOrigin }: PartnerHandlerParts) {
  const served = new Map(routes.map((one) => [`${one.route.method} ${one.route.path}`, one]));
  const always = {
    'Cache-Control': 'no-store',
    ...(corsOrigin !== undefined && {
      'Access-Control-Allow-Origin': corsOrigin,
      'Access-Control-Expose-Headers': EXPOSED_HEADERS,
    }),
  };

  return async (event: APIGatewayProxyEvent, context: Context): Promise<APIGatewayProxyResult> => {
    const startedAt = clock.now();
    const requestId = requestIdOf(event);
    const found = served.get(`${event.httpMethod} ${event.resource}`);
    const note: Record<string, unknown> = { operation: found?.route.operationId, requestId };
    let result: APIGatewayProxyResult;
    try {
      const partner = await identify(event);
      note['partner'] = partner.name;
      if (found === undefined) throw new ApiError('NOT_FOUND', 'There is no such route.');
      const answer = await found.answer(event, partner, startedAt + context.getRemainingTimeInMillis());
      note['upstreamMs'] = answer.upstreamMs;
      result = success(found.route, event, answer);
    } catch (error) {
      const refusal = apiErrorOf(error);
      note['code'] = refusal.code;
      if (refusal.status >= 500 && !WAITING.includes(refusal.code)) {
        const isOurs = refusal.code === 'INTERNAL_ERROR' || refusal.code === 'STORAGE_UNAVAILABLE';
        telemetry.count(isOurs ? 'ApiFaults' : 'ApiUpstreamFailures', 1);
        if (refusal.code === 'UPSTREAM_CREDENTIALS') telemetry.count('CredentialsRefused', 1);
        telemetry.warn('a request failed', { ...note, ...faultOf(error) });
      }
      result = failure(refusal, requestId);
    }
    telemetry.count('ApiRequests', 1);
    telemetry.info('request', { ...note, status: result.statusCode, ms: clock.now() - startedAt });
    telemetry.flush();
    return { ...result, headers: { ...always, ...(result.body !== '' && JSON_BODY), ...result.headers } };
  };
}

function success(route: Route, event: APIGatewayProxyEvent, answer: PartnerAnswer): APIGatewayProxyResult {
  const body = answer.body === undefined ? '' : JSON.stringify(answer.body);
  const headers = {
    ...answer.headers,
    ...(answer.upstreamMs !== undefined && { 'Server-Timing': `upstream;dur=${answer.upstreamMs.toFixed(1)}` }),
  };
  if (route.hasETag !== true || answer.status !== 200) return { statusCode: answer.status, headers, body };
  const tag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
  const tagged = { ...headers, ETag: tag, 'Cache-Control': 'private, no-cache' };
  const known = headerOf(event, 'if-none-match');
  return known !== undefined && namesTag(known, tag)
    ? { statusCode: 304, headers: tagged, body: '' }
    : { statusCode: 200, headers: tagged, body };
}

/** If-None-Match compares weakly (RFC 9110, section 13.1.2). */
function namesTag(header: string, tag: string): boolean {
  return header.split(',').some((part) => ['*', tag].includes(part.trim().replace(/^W\//u, '')));
}

function failure(error: ApiError, requestId: string): APIGatewayProxyResult {
  const { code, message, status, retryAfterSeconds, beside } = error;
  const headers: Record<string, string> =
    retryAfterSeconds === undefined ? {} : { 'Retry-After': String(Math.max(1, Math.ceil(retryAfterSeconds))) };
  return { statusCode: status, headers, body: JSON.stringify({ error: { code, message, requestId }, ...beside }) };
}

/** What a partner is told of an error. */
function apiErrorOf(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof ThrottledError) {
    return new ApiError('UPSTREAM_THROTTLED', undefined, (error.retryAfterMs ?? 1_000) / 1_000);
  }
  if (error instanceof UnavailableError) {
    return error.code === 'TimedOut'
      ? new ApiError('UPSTREAM_TIMEOUT')
      : new ApiError('UPSTREAM_UNAVAILABLE', undefined, 1);
  }
  // The stage's own secrets are no business of Amazon's.
  if (error instanceof CredentialError && error.code.startsWith('Secret')) {
    return new ApiError('STORAGE_UNAVAILABLE', undefined, 1);
  }
  if (error instanceof CredentialError) return new ApiError('UPSTREAM_CREDENTIALS');
  if (error instanceof RejectedError) return new ApiError('UPSTREAM_REJECTED');
  if (error instanceof UpstreamError) return new ApiError('UPSTREAM_UNREADABLE');
  return isServiceFailure(error) ? new ApiError('STORAGE_UNAVAILABLE', undefined, 1) : new ApiError('INTERNAL_ERROR');
}

/** What a log may know of an error: messages of our own tree hold no secret, those of others may hold anything. */
function faultOf(error: unknown): Readonly<Record<string, unknown>> {
  if (error instanceof UpstreamError) return { error };
  if (!(error instanceof Error)) return { fault: typeof error };
  return { fault: error.name, at: error.stack?.split('\n').filter((line) => line.startsWith('    at ')) };
}

function jsonBodyOf(schema: z.core.$ZodType | undefined, event: APIGatewayProxyEvent): unknown {
  if (schema === undefined) return undefined;
  const text = bodyOf(event).toString();
  const type = headerOf(event, 'content-type');
  if (text !== '' && type !== undefined && !/^application\/json\s*(?:;|$)/iu.test(type)) {
    throw new ApiError('UNSUPPORTED_MEDIA_TYPE');
  }
  let json: unknown;
  try {
    json = text.trim() === '' ? undefined : JSON.parse(text);
  } catch {
    throw new ApiError('INVALID_REQUEST', 'the body is not JSON');
  }
  return parsed(schema, json, 'field');
}

function idempotencyKeyOf(event: APIGatewayProxyEvent): string {
  const key = headerOf(event, 'idempotency-key');
  if (key === undefined || key.trim() === '') throw new ApiError('IDEMPOTENCY_KEY_REQUIRED');
  if (/^[\x21-\x7e]{1,255}$/u.test(key)) return key;
  throw new ApiError('INVALID_REQUEST', 'the header Idempotency-Key must be 1 to 255 visible ASCII characters');
}

function playerTokenOf(event: APIGatewayProxyEvent): string {
  const token = accessTokenOf(event);
  if (token === undefined) throw new ApiError('PLAYER_TOKEN_REQUIRED');
  return token;
}

function accessTokenOf(event: APIGatewayProxyEvent): string | undefined {
  const token = headerOf(event, 'x-amz-access-token');
  if (token === undefined || token.trim() === '') return undefined;
  if (/^[\x21-\x7e]{1,4096}$/u.test(token)) return token;
  throw new ApiError('INVALID_REQUEST', 'the header x-amz-access-token must be 1 to 4096 visible ASCII characters');
}

function parsed<Schema extends z.core.$ZodType>(schema: Schema, value: unknown, noun: string): z.output<Schema> {
  const result = z.safeParse(schema, value);
  if (result.success) return result.data;
  throw new ApiError('INVALID_REQUEST', describeIssues(result.error.issues, value, noun));
}
