import { randomUUID } from 'node:crypto';
import type { APIGatewayProxyEvent, APIGatewayProxyResult, Context } from 'aws-lambda';
import type { ApiAnswer } from './api-contract.ts';
import { type GeneratedRequest, pathOf } from './request-generator.ts';

export type ProxyHandler = (event: APIGatewayProxyEvent, context: Context) => Promise<APIGatewayProxyResult>;

/** Who calls, as API Gateway has found out. */
export interface ProxyCaller {
  readonly roleId: string;
  readonly apiKeyId: string;
}

/** The event that API Gateway would make of a request. */
export function proxyEvent(request: GeneratedRequest, caller: ProxyCaller, requestId: string): APIGatewayProxyEvent {
  const { operation, method, pathParameters, query, headers, body } = request;
  const names = [...new Set(query.map(([name]) => name))];
  const valuesOf = (name: string) => query.filter(([given]) => given === name).map(([, value]) => value);
  return {
    resource: operation.path,
    path: pathOf(request),
    httpMethod: method,
    headers,
    multiValueHeaders: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]])),
    pathParameters: Object.keys(pathParameters).length === 0 ? null : pathParameters,
    queryStringParameters:
      names.length === 0 ? null : Object.fromEntries(names.map((name) => [name, valuesOf(name).at(-1)])),
    multiValueQueryStringParameters:
      names.length === 0 ? null : Object.fromEntries(names.map((name) => [name, valuesOf(name)])),
    stageVariables: null,
    body: body ?? null,
    isBase64Encoded: false,
    requestContext: {
      requestId,
      stage: 'test',
      path: `/test${pathOf(request)}`,
      domainName: 'api.invalid',
      identity: { caller: `${caller.roleId}:session`, apiKeyId: caller.apiKeyId },
    } as APIGatewayProxyEvent['requestContext'],
  };
}

/** Calls the function that serves an operation, and adds to its answer what API Gateway adds. */
export function sendToHandlers(
  handlers: ReadonlyMap<string, ProxyHandler>,
  caller: ProxyCaller,
): (request: GeneratedRequest) => Promise<ApiAnswer> {
  const context = { getRemainingTimeInMillis: () => 10_000 } as Context;
  return async (request) => {
    const handler = handlers.get(request.operation.handler);
    if (handler === undefined) throw new Error(`there is no handler ${request.operation.handler}`);
    const requestId = randomUUID();
    const { statusCode, headers = {}, body } = await handler(proxyEvent(request, caller, requestId), context);
    const lowerCase = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), String(value)]);
    return {
      status: statusCode,
      headers: { ...(Object.fromEntries(lowerCase) as Record<string, string>), 'x-amz-apigw-id': requestId },
      body,
    };
  };
}
