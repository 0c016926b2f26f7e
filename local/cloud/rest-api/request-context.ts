import { randomBytes, randomUUID } from 'node:crypto';
import { ACCOUNT_ID } from '../intrinsics.ts';
import { headerOf, type ApiRequest } from './api-request.ts';
import type { AuthorizedCaller } from './authorization.ts';
import type { RestApiDefinition, StageDefinition } from './definition.ts';
import type { Route } from './routing.ts';

/** Who sent a request: whatever is not known of it is null. */
export type RequestIdentity = {
  readonly accessKey: string | null;
  readonly accountId: string | null;
  readonly apiKey: string | null;
  readonly apiKeyId: string | null;
  readonly caller: string | null;
  readonly clientCert: null;
  readonly cognitoAuthenticationProvider: null;
  readonly cognitoAuthenticationType: null;
  readonly cognitoIdentityId: null;
  readonly cognitoIdentityPoolId: null;
  readonly principalOrgId: null;
  readonly sourceIp: string;
  readonly user: string | null;
  readonly userAgent: string | null;
  readonly userArn: string | null;
};

/** What a function, a gateway response and the access log get to know about a request. */
export type RequestContext = {
  readonly accountId: string;
  readonly apiId: string;
  readonly deploymentId: string;
  readonly domainName: string;
  readonly domainPrefix: string;
  readonly extendedRequestId: string;
  readonly httpMethod: string;
  readonly identity: RequestIdentity;
  /** With the stage. */
  readonly path: string;
  readonly protocol: string;
  readonly requestId: string;
  /** Such as `20/Feb/2018:22:48:57 +0000`. */
  readonly requestTime: string;
  /** Epoch milliseconds. */
  readonly requestTimeEpoch: number;
  readonly resourceId?: string;
  readonly resourcePath?: string;
  readonly stage: string;
};

/** What is known of a request before it is routed. @param now epoch milliseconds */
export function requestContext(
  api: RestApiDefinition,
  stage: StageDefinition,
  request: ApiRequest,
  now: number,
): RequestContext {
  const domainName = (headerOf(request, 'host') ?? '').replace(/:\d+$/, '');
  return {
    accountId: ACCOUNT_ID,
    apiId: api.id,
    deploymentId: stage.deployment.id,
    domainName,
    domainPrefix: domainName.split('.')[0]!,
    extendedRequestId: extendedRequestId(),
    httpMethod: request.httpMethod,
    identity: {
      accessKey: null,
      accountId: null,
      apiKey: null,
      apiKeyId: null,
      caller: null,
      clientCert: null,
      cognitoAuthenticationProvider: null,
      cognitoAuthenticationType: null,
      cognitoIdentityId: null,
      cognitoIdentityPoolId: null,
      principalOrgId: null,
      sourceIp: (request.message.socket.remoteAddress ?? '').replace(/^::ffff:/, ''),
      user: null,
      userAgent: headerOf(request, 'user-agent') ?? null,
      userArn: null,
    },
    path: request.fullPath,
    protocol: `HTTP/${request.message.httpVersion}`,
    // Clients may choose it.
    requestId: headerOf(request, 'x-amzn-requestid') ?? randomUUID(),
    requestTime: commonLogTime(now),
    requestTimeEpoch: now,
    stage: stage.name,
  };
}

export const withRoute = (context: RequestContext, { resource }: Route): RequestContext => ({
  ...context,
  resourceId: resource.id,
  resourcePath: resource.path,
});

export const withCaller = (context: RequestContext, caller: AuthorizedCaller): RequestContext => ({
  ...context,
  identity: {
    ...context.identity,
    accessKey: caller.accessKey,
    accountId: caller.account,
    caller: caller.userId,
    user: caller.userId,
    userArn: caller.arn,
  },
});

export const withApiKey = (context: RequestContext, key: { id: string; value: string }): RequestContext => ({
  ...context,
  identity: { ...context.identity, apiKey: key.value, apiKeyId: key.id },
});

export const extendedRequestId = (): string => randomBytes(11).toString('base64');

/** https://httpd.apache.org/docs/1.3/logs.html#common */
function commonLogTime(now: number): string {
  // Sun, 06 Nov 1994 08:49:37 GMT
  const [, day, month, year, time] = new Date(now).toUTCString().split(' ');
  return `${day}/${month}/${year}:${time} +0000`;
}
