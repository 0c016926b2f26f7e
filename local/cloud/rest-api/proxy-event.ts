import { randomBytes } from 'node:crypto';
import { mediaTypeOf, type ApiRequest } from './api-request.ts';
import type { MethodDefinition } from './definition.ts';
import { isOneOf } from './media-types.ts';
import type { RequestContext } from './request-context.ts';
import type { Route } from './routing.ts';

/** What a function gets of a request. */
export interface ProxyEvent {
  readonly resource: string;
  readonly path: string;
  readonly httpMethod: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly multiValueHeaders: Readonly<Record<string, readonly string[]>>;
  readonly queryStringParameters: Readonly<Record<string, string>> | null;
  readonly multiValueQueryStringParameters: Readonly<Record<string, readonly string[]>> | null;
  /** Still percent-encoded. */
  readonly pathParameters: Readonly<Record<string, string>> | null;
  readonly stageVariables: Readonly<Record<string, string>> | null;
  readonly requestContext: RequestContext;
  readonly body: string | null;
  readonly isBase64Encoded: boolean;
}

/**
 * Headers that a function never sees, in lower case.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html
 */
const DROPPED: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'content-md5',
  'expect',
  'keep-alive',
  'max-forwards',
  'proxy-authenticate',
  'server',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'www-authenticate',
]);

/**
 * Words a request as Lambda proxy integrations do.
 *
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
 */
export function proxyEvent(
  request: ApiRequest,
  route: Route & { readonly method: MethodDefinition },
  stageVariables: Readonly<Record<string, string>>,
  binaryMediaTypes: readonly string[],
  requestContext: RequestContext,
): ProxyEvent {
  const { body, query } = request;
  const binary = isOneOf(mediaTypeOf(request), binaryMediaTypes);
  const headers = headersFor(request, route.method, requestContext.identity.sourceIp);
  return {
    resource: route.resource.path,
    path: request.path,
    httpMethod: request.httpMethod,
    headers: lastOfEach(headers),
    multiValueHeaders: headers,
    queryStringParameters: orNull(lastOfEach(query)),
    multiValueQueryStringParameters: orNull(query),
    pathParameters: orNull(route.pathParameters),
    stageVariables: orNull(stageVariables),
    requestContext,
    body: body.length === 0 ? null : body.toString(binary ? 'base64' : 'utf8'),
    isBase64Encoded: body.length > 0 && binary,
  };
}

function headersFor(request: ApiRequest, method: MethodDefinition, sourceIp: string) {
  const given = Object.entries(request.headers).filter(([name, values]) => {
    const lower = name.toLowerCase();
    if (lower !== 'authorization') return !DROPPED.has(lower);
    // A signature is API Gateway's business alone.
    return method.authorization !== 'AWS_IAM' && !values.some((value) => value.startsWith('AWS4-HMAC-SHA256'));
  });
  const forwardedFor = given.find(([name]) => name.toLowerCase() === 'x-forwarded-for')?.[1] ?? [];
  const added: Record<string, readonly string[]> = {
    'X-Amzn-Trace-Id': [`Root=1-${Math.floor(Date.now() / 1000).toString(16)}-${randomBytes(12).toString('hex')}`],
    'X-Forwarded-For': [[...forwardedFor, sourceIp].join(', ')],
    // On AWS these are 443 and https; a function that makes a URL of them makes the right one here.
    'X-Forwarded-Port': [String(request.message.socket.localPort)],
    'X-Forwarded-Proto': ['http'],
  };
  const names = new Set(Object.keys(added).map((name) => name.toLowerCase()));
  const kept = given.filter(([name]) => !names.has(name.toLowerCase()));
  return { ...Object.fromEntries(kept), ...added };
}

const lastOfEach = (byName: Readonly<Record<string, readonly string[]>>): Record<string, string> =>
  Object.fromEntries(Object.entries(byName).map(([name, values]) => [name, values.at(-1)!]));

const orNull = <T extends object>(object: T): T | null => (Object.keys(object).length === 0 ? null : object);
