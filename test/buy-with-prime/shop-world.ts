import { QueryCommand, type DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { APIGatewayProxyEvent, Context } from 'aws-lambda';
import type { BuyWithPrimeClient } from '../../lambdas/buy-with-prime/buy-with-prime-port.ts';
import { serveBuyWithPrime } from '../../lambdas/buy-with-prime/serve-buy-with-prime.ts';
import { OccurrenceStore } from '../../lambdas/change-events/occurrences.store.ts';
import type { Clock } from '../../lambdas/shared/clock.ts';
import type { IdempotencyStore } from '../../lambdas/shared/idempotency/idempotency.store.ts';
import { IdempotencyTable } from '../../lambdas/shared/idempotency/idempotency.store.ts';
import { createPartnerHandler } from '../../lambdas/shared/partner-api/serve.ts';
import type { Telemetry } from '../../lambdas/shared/telemetry.ts';
import { tellInto } from '../shared/told.ts';

export interface ShopAnswer {
  readonly status: number;
  readonly body: Record<string, unknown> & { readonly error?: { readonly code: string; readonly message: string } };
  readonly headers: Readonly<Record<string, unknown>>;
}

export interface ShopOptions {
  readonly database: DynamoDBDocumentClient;
  readonly client: BuyWithPrimeClient;
  readonly clock: Clock;
  readonly telemetry?: Telemetry;
  /** @default the table */
  readonly requests?: IdempotencyStore;
  readonly quoteCacheSeconds?: number;
  /** Of the partners that share one. @default store */
  readonly account?: string;
}

/** How long the function may take, milliseconds. */
export const FUNCTION_MS = 20_000;
export const HASH_KEY = 'key-of-the-hashes-'.repeat(3);
/** What a shopper must find nowhere but at Amazon. */
export const SHOPPER = {
  token: 'Atza|token-of-the-shopper',
  name: 'Wilhelmina Shopper',
  email: 'wilhelmina@shopper.example',
  street: '410 Unlikely Terrace',
} as const;

export const ITEMS = [
  { productId: 'mug', quantity: 1 },
  { sku: 'LAMP-01', quantity: 2 },
];

/** The body of an order that tells everything about its shopper. */
export const orderBody = (orderId: string, offerId: string, amount = '25.00') => ({
  orderId,
  offerId,
  quote: {
    lineItems: ITEMS,
    location: {
      shippingAddress: {
        name: SHOPPER.name,
        streetAddress: SHOPPER.street,
        locality: 'Seattle',
        region: 'WA',
        countryCode: 'US',
        postalCode: '98109',
      },
    },
  },
  totalPrice: { amount, currencyCode: 'USD' },
  desiredExecutionState: 'STARTED',
  customer: { name: SHOPPER.name, email: SHOPPER.email },
});

/** The function of Buy with Prime, called as API Gateway calls it. Partners `first` and `second` share an account, `elsewhere` has another. */
export function shopWorld(options: ShopOptions) {
  const { database, client, clock } = options;
  const telemetry = options.telemetry ?? tellInto();
  const partner = (name: string, account: string | undefined) => ({
    name,
    accountId: '000000000000',
    externalId: 'any',
    capabilities: ['buy-with-prime' as const],
    benefits: [],
    plan: { perSecond: 10, burst: 20 },
    entitlements: { skus: {}, granter: { kind: 'inventory' as const }, push: false },
    ...(account !== undefined && { buyWithPrime: { account } }),
  });
  const partners = {
    first: partner('first', options.account ?? 'store'),
    second: partner('second', options.account ?? 'store'),
    elsewhere: partner('elsewhere', 'other-store'),
    without: partner('without', undefined),
  };
  const handler = createPartnerHandler({
    routes: serveBuyWithPrime({
      settings: { deadlineMs: 15_000, quoteCacheSeconds: options.quoteCacheSeconds ?? 60 },
      client,
      hashKey: async () => HASH_KEY,
      requests: options.requests ?? new IdempotencyTable(database, 'Requests', clock),
      occurrences: new OccurrenceStore(database, 'History', clock),
      telemetry,
      clock,
    }),
    identify: ({ requestContext }) => partners[requestContext.identity.caller as keyof typeof partners],
    telemetry,
    clock,
  });

  const call = async (
    route: Pick<APIGatewayProxyEvent, 'httpMethod' | 'resource' | 'pathParameters'>,
    { body, headers = {}, from = 'first' }: { body?: unknown; headers?: Record<string, string>; from?: string },
  ): Promise<ShopAnswer> => {
    const event = {
      ...route,
      headers,
      multiValueQueryStringParameters: null,
      body: body === undefined ? null : JSON.stringify(body),
      isBase64Encoded: false,
      requestContext: { requestId: 'request-of-the-gateway', identity: { caller: from } },
    } as unknown as APIGatewayProxyEvent;
    const context = { getRemainingTimeInMillis: () => FUNCTION_MS } as Context;
    const { statusCode, body: text, headers: answered = {} } = await handler(event, context);
    return { status: statusCode, body: JSON.parse(text) as ShopAnswer['body'], headers: answered };
  };
  const at = (httpMethod: string, resource: string, pathParameters: Record<string, string> | null = null) => ({
    httpMethod,
    resource: `/v1/buy-with-prime/${resource}`,
    pathParameters,
  });
  const withToken = { 'x-amz-access-token': SHOPPER.token };
  return {
    telemetry,
    quote: (body: unknown, headers: Record<string, string> = {}, from?: string) =>
      call(at('POST', 'offers'), { body, headers, ...(from !== undefined && { from }) }),
    order: (key: string, body: unknown, from?: string) =>
      call(at('POST', 'orders'), {
        body,
        headers: { 'Idempotency-Key': key, ...withToken },
        ...(from !== undefined && { from }),
      }),
    read: (orderId: string, from?: string) =>
      call(at('GET', 'orders/{orderId}', { orderId: encodeURIComponent(orderId) }), {
        ...(from !== undefined && { from }),
      }),
  };
}

/** The events that were recorded about an order, oldest first. */
export async function eventsOf(
  database: DynamoDBDocumentClient,
  orderId: string,
  partner = 'first',
): Promise<{ readonly detailType: string; readonly data: Record<string, unknown> }[]> {
  const { Items = [] } = await database.send(
    new QueryCommand({
      TableName: 'History',
      KeyConditionExpression: 'watchId = :subject',
      ExpressionAttributeValues: { ':subject': `order/${partner}/${encodeURIComponent(orderId)}` },
      ConsistentRead: true,
    }),
  );
  return Items.flatMap(({ events }) => events as { detailType: string; data: Record<string, unknown> }[]);
}
