import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { APIGatewayProxyEvent, APIGatewayProxyResult, Context } from 'aws-lambda';
import { OccurrenceStore } from '../../lambdas/change-events/occurrences.store.ts';
import { CodeHistoryStore } from '../../lambdas/offer-codes/code-history.store.ts';
import { InvalidCodeStore } from '../../lambdas/offer-codes/invalid-codes.store.ts';
import { createOfferCodesClient, type OfferCodesClientOptions } from '../../lambdas/offer-codes/offer-codes.client.ts';
import { serveOfferCodes } from '../../lambdas/offer-codes/serve-offer-codes.ts';
import type { Clock } from '../../lambdas/shared/clock.ts';
import { IdempotencyTable } from '../../lambdas/shared/idempotency/idempotency.store.ts';
import { createPartnerHandler } from '../../lambdas/shared/partner-api/serve.ts';
import { givenCredentials } from '../../lambdas/shared/sigv4/signing-credentials.ts';
import type { Telemetry } from '../../lambdas/shared/telemetry.ts';
import type { InvalidCodesLimit } from '../../lambdas/shared/settings.ts';
import { tellInto } from '../shared/told.ts';
import { KEY } from './upstream.ts';

export const HASH_KEY = 'key-of-the-hashes-'.repeat(3);
export const BENEFITS = {
  SINGLE: { marketplace: 'US', use: 'single' },
  OTHER: { marketplace: 'US', use: 'single' },
  MULTIPLE: { marketplace: 'IN', use: 'multiple' },
} as const;

export interface WorldOptions {
  readonly database: DynamoDBDocumentClient;
  readonly upstream: { readonly url: string; readonly ca: string };
  readonly clock: Clock;
  readonly telemetry?: Telemetry;
  readonly client?: Partial<OfferCodesClientOptions>;
  readonly deadlineMs?: number;
  readonly invalidCodes?: InvalidCodesLimit;
  /** Of the partner `own`. */
  readonly ownInvalidCodes?: InvalidCodesLimit;
}

export interface ApiRequest {
  readonly code: string;
  readonly benefit?: string;
  /** `first` unless told otherwise. */
  readonly partner?: 'first' | 'second' | 'own';
  readonly timeZone?: string;
  readonly key?: string;
  readonly body?: unknown;
}

export interface ApiAnswer {
  readonly status: number;
  readonly body: Record<string, unknown> & { readonly error?: { readonly code: string; readonly message: string } };
  readonly headers: Readonly<Record<string, unknown>>;
}

/** How long the function may take, milliseconds. */
export const FUNCTION_MS = 20_000;

/** How long one try of the upstream may take, milliseconds. */
export const UPSTREAM_MS = 9_500;

/** The function of offer codes with everything but AWS and Amazon real, called as API Gateway calls it. */
export function codeWorld(options: WorldOptions) {
  const { database, upstream, clock } = options;
  const telemetry = options.telemetry ?? tellInto();
  const partner = (name: string, invalidCodes?: InvalidCodesLimit) => ({
    name,
    accountId: '000000000000',
    externalId: 'any',
    capabilities: ['offer-codes' as const],
    benefits: ['SINGLE', 'MULTIPLE', 'UNSET'],
    plan: { perSecond: 10, burst: 20 },
    entitlements: { skus: {}, granter: { kind: 'inventory' as const }, push: false },
    invalidCodes,
  });
  const partners = { first: partner('first'), second: partner('second'), own: partner('own', options.ownInvalidCodes) };
  const handler = createPartnerHandler({
    routes: serveOfferCodes({
      settings: {
        benefits: BENEFITS,
        regions: { US: 'us-east-1', IN: 'eu-west-1' },
        deadlineMs: options.deadlineMs ?? 6_000,
        timeoutMs: UPSTREAM_MS,
        invalidCodes: options.invalidCodes ?? { limit: 1_000, windowSeconds: 600 },
      },
      client: createOfferCodesClient({
        baseUrl: upstream.url,
        timeoutMs: UPSTREAM_MS,
        attempts: 3,
        credentials: givenCredentials(() => KEY),
        trust: async () => ({ ca: upstream.ca }),
        clock,
        random: () => 0.5,
        ...options.client,
      }),
      hashKey: async () => HASH_KEY,
      requests: new IdempotencyTable(database, 'Requests', clock),
      invalidCodes: new InvalidCodeStore(database, 'Requests', clock),
      codeHistory: new CodeHistoryStore(database, 'History'),
      occurrences: new OccurrenceStore(database, 'History', clock),
      telemetry,
      clock,
    }),
    identify: ({ requestContext }) => partners[requestContext.identity.caller as keyof typeof partners],
    telemetry,
    clock,
  });

  const call = async (operation: 'verify' | 'redeem', request: ApiRequest): Promise<ApiAnswer> => {
    const { code, benefit = 'SINGLE', timeZone, key, body } = request;
    const event = {
      httpMethod: operation === 'verify' ? 'GET' : 'POST',
      resource: `/v1/benefits/{benefitId}/offer-codes/{offerCode}/${operation}`,
      pathParameters: { benefitId: encodeURIComponent(benefit), offerCode: encodeURIComponent(code) },
      headers: key === undefined ? {} : { 'Idempotency-Key': key },
      multiValueQueryStringParameters: timeZone === undefined ? null : { timeZone: [timeZone] },
      body: body === undefined ? null : JSON.stringify(body),
      isBase64Encoded: false,
      requestContext: { requestId: 'request-of-the-gateway', identity: { caller: request.partner ?? 'first' } },
    } as unknown as APIGatewayProxyEvent;
    const context = { getRemainingTimeInMillis: () => FUNCTION_MS } as Context;
    const { statusCode, body: text, headers = {} }: APIGatewayProxyResult = await handler(event, context);
    return { status: statusCode, body: JSON.parse(text) as ApiAnswer['body'], headers };
  };
  return {
    telemetry,
    verify: (request: ApiRequest) => call('verify', request),
    redeem: (request: ApiRequest) => call('redeem', request),
  };
}
