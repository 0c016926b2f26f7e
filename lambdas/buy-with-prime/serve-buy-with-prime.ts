import type { OccurrenceStore } from '../change-events/occurrences.store.ts';
import type { Clock } from '../shared/clock.ts';
import type { IdempotencyStore } from '../shared/idempotency/idempotency.store.ts';
import { keyedHash } from '../shared/keyed-hash.ts';
import { ApiError } from '../shared/partner-api/api-error.ts';
import type { PartnerRequest, ServedRoute } from '../shared/partner-api/serve.ts';
import { serve } from '../shared/partner-api/serve.ts';
import type { BuyWithPrimeSettings } from '../shared/settings.ts';
import type { Telemetry } from '../shared/telemetry.ts';
import { AmazonRefusal } from './amazon-refusal.ts';
import type { BuyWithPrimeCall, BuyWithPrimeClient } from './buy-with-prime-port.ts';
import { buyWithPrimeRoutes } from './buy-with-prime-routes.ts';
import { aliasOf, orderOffer } from './order-offer.ts';
import { QuoteCache, quoteOffers } from './quote-offers.ts';
import { quoteRefusal } from './refusals.ts';

export interface BuyWithPrimeParts {
  readonly settings: Pick<BuyWithPrimeSettings, 'deadlineMs' | 'quoteCacheSeconds'>;
  readonly client: BuyWithPrimeClient;
  /** Key of the hashes that stand for requests. */
  readonly hashKey: () => Promise<string>;
  readonly requests: IdempotencyStore;
  readonly occurrences: Pick<OccurrenceStore, 'item'>;
  readonly telemetry: Pick<Telemetry, 'count' | 'warn'>;
  readonly clock: Clock;
}

/** What is kept of the function's time for writing down what Amazon has said. */
const RECORDING_MS = 1_500;

/** The routes about offers and orders of Buy with Prime. */
export function serveBuyWithPrime(parts: BuyWithPrimeParts): ServedRoute[] {
  const { settings, client, hashKey, telemetry, clock } = parts;
  const cache = new QuoteCache(settings.quoteCacheSeconds, clock);

  const callOf = ({ partner, deadline }: PartnerRequest<unknown, unknown, unknown>) => {
    const account = partner.buyWithPrime?.account;
    if (account === undefined) throw new ApiError('BUY_WITH_PRIME_NOT_ALLOWED');
    const waited: { ms: number | undefined } = { ms: undefined };
    const call: BuyWithPrimeCall = {
      account,
      deadline: Math.min(clock.now() + settings.deadlineMs, deadline - RECORDING_MS),
      onWaited: (ms) => (waited.ms = (waited.ms ?? 0) + ms),
    };
    return { call, waited };
  };

  return [
    serve(buyWithPrimeRoutes.quote, async (request) => {
      const { body, shopperToken } = request;
      if (body.shopperExternalId !== undefined && shopperToken === undefined) {
        throw new ApiError(
          'INVALID_REQUEST',
          "field shopperExternalId needs the shopper's access token in the header x-amz-access-token",
        );
      }
      const { call, waited } = callOf(request);
      const { quote, ageSeconds, cached } = await quoteOffers({ client, cache }, call, body, shopperToken).catch(
        (error: unknown) => {
          throw error instanceof AmazonRefusal ? quoteRefusal(error) : error;
        },
      );
      telemetry.count('QuotesGiven', 1);
      if (cached) telemetry.count('QuotesCached', 1);
      return { status: 200, body: quote, headers: { Age: String(ageSeconds) }, upstreamMs: waited.ms };
    }),
    serve(buyWithPrimeRoutes.order, async (request) => {
      const { partner, body, idempotencyKey, shopperToken, requestId, deadline } = request;
      const { call, waited } = callOf(request);
      const placed = await orderOffer(
        { ...parts, hash: keyedHash(await hashKey()) },
        {
          partner: partner.name,
          request: body,
          idempotencyKey,
          shopperToken,
          call,
          requestId,
          functionDeadline: deadline,
        },
      );
      return { status: 201, body: placed, upstreamMs: waited.ms };
    }),
    serve(buyWithPrimeRoutes.readOrder, async (request) => {
      const { partner, path } = request;
      const { call, waited } = callOf(request);
      const order = await client.findOrder(call, aliasOf(partner.name, path.orderId));
      if (order === undefined) throw new ApiError('NOT_FOUND', 'There is no order with this orderId.');
      return { status: 200, body: order, upstreamMs: waited.ms };
    }),
  ];
}
