import type { OccurrenceStore } from '../change-events/occurrences.store.ts';
import type { Clock } from '../shared/clock.ts';
import { CredentialError, UpstreamError } from '../shared/errors.ts';
import type { IdempotencyStore } from '../shared/idempotency/idempotency.store.ts';
import { runOnce, type Outcome } from '../shared/idempotency/run-once.ts';
import type { KeyedHash } from '../shared/keyed-hash.ts';
import { ApiError } from '../shared/partner-api/api-error.ts';
import type { Telemetry } from '../shared/telemetry.ts';
import { AmazonRefusal } from './amazon-refusal.ts';
import type { PlacedOrder } from './buy-with-prime-answers.ts';
import type { BuyWithPrimeCall, BuyWithPrimeClient } from './buy-with-prime-port.ts';
import type { OrderRequest } from './buy-with-prime-requests.ts';
import { hadNoEffect } from './order-effect.ts';
import type { Order } from './order.ts';
import type { Quote } from './quote.ts';
import { isAliasTaken, orderRejection, refused, type Rejection } from './refusals.ts';
import { isSameOrder } from './same-order.ts';

/** A partner's wish to turn an offer into an order. */
export interface OrderWish {
  readonly partner: string;
  readonly request: OrderRequest;
  readonly idempotencyKey: string;
  /** LWA access token of the shopper, for a fresh quote. */
  readonly shopperToken: string | undefined;
  readonly call: BuyWithPrimeCall;
  readonly requestId: string;
  /** When the function ends, epoch milliseconds. */
  readonly functionDeadline: number;
}

export interface OrderParts {
  readonly client: BuyWithPrimeClient;
  readonly requests: IdempotencyStore;
  readonly occurrences: Pick<OccurrenceStore, 'item'>;
  readonly hash: KeyedHash;
  readonly telemetry: Pick<Telemetry, 'count' | 'warn'>;
  readonly clock: Clock;
}

/** What is kept of the answer: the rest is read from Amazon again. */
type Created = { readonly created: true; readonly amazonOrderId: string; readonly assumed: boolean };
type Rejected = { readonly created: false; readonly reason: Rejection; readonly said: string };
type Ended = Outcome<Created | Rejected>;

/** Rejections after which there may be something else to order. */
const REQUOTED: readonly Rejection[] = ['OFFER_EXPIRED', 'PRICE_CHANGED'];

/** EXTERNAL_ID of an order at Amazon: two partners' orders never have the same one. */
export function aliasOf(partner: string, orderId: string): string {
  return `${partner}/${orderId}`;
}

/**
 * Makes one order for each Idempotency-Key, and one for each orderId. Where an answer is lost, the same key later finds the
 * order by its alias, or makes it: the alias forbids two. See docs/adr/0017.
 *
 * @throws ApiError ORDER_UNKNOWN, a `Rejection`, SHOPPER_TOKEN_REFUSED, those of `runOnce`; and what the client throws where
 *   there is provably no order
 */
export async function orderOffer(parts: OrderParts, wish: OrderWish): Promise<PlacedOrder> {
  const { requests, hash, clock, telemetry } = parts;
  const { partner, request, idempotencyKey, functionDeadline } = wish;
  const attempt = new OrderTry(parts, wish);
  const { data, repeated } = await runOnce<Record<string, never>, Created | Rejected>(
    { store: requests, hash, clock },
    { partner, key: idempotencyKey, operation: 'order offer', request, deadline: functionDeadline },
    {
      reference: {},
      perform: () => attempt.perform(),
      resolve: (_, lostUntil) => attempt.resolve(lostUntil),
      conclude: (_, ended) => attempt.conclude(ended),
    },
  );
  if (!repeated) telemetry.count(data.created ? 'OrdersCreated' : 'OrdersRejected', 1);
  if (!data.created) throw await attempt.rejection(data);
  const { amazonOrderId, assumed } = data;
  return { orderId: request.orderId, amazonOrderId, assumed, order: await attempt.order() };
}

/** One try of an order: what it asks Amazon, and what the answers mean. */
class OrderTry {
  readonly #parts: OrderParts;
  readonly #wish: OrderWish;
  readonly #alias: string;
  #order: Order | undefined;

  constructor(parts: OrderParts, wish: OrderWish) {
    this.#parts = parts;
    this.#wish = wish;
    this.#alias = aliasOf(wish.partner, wish.request.orderId);
  }

  /** The first try: an order that stands under the alias is another one. */
  async perform(): Promise<Ended> {
    try {
      return await this.#create();
    } catch (error) {
      return hadNoEffect(error) ? this.#refused(error) : this.#unknown(error);
    }
  }

  /**
   * Finds out what became of a try that has been lost, and makes the order where there is none.
   *
   * @param lostUntil until when the lost try may still reach Amazon, epoch milliseconds
   */
  async resolve(lostUntil: number): Promise<Ended> {
    try {
      const found = await this.#find();
      if (found) return this.#compared(found);
    } catch (error) {
      return this.#unknown(error, lostUntil);
    }
    try {
      return await this.#create();
    } catch (error) {
      if (!hadNoEffect(error)) return this.#unknown(error);
      return this.#refusedAfter(lostUntil, error).catch((failure: unknown) => this.#unknown(failure, lostUntil));
    }
  }

  /** Ends as an earlier try has, whose answer could not be written. */
  conclude(data: Created | Rejected): Ended {
    return this.#done(data);
  }

  /** The order, as this try has got it or as Amazon tells it now; null where it cannot. */
  async order(): Promise<Order | null> {
    try {
      return this.#order ?? (await this.#find()) ?? null;
    } catch (error) {
      this.#warn('an order cannot be read', error);
      return null;
    }
  }

  /** What the partner is answered, with a fresh quote where there may be something else to order. */
  async rejection({ reason, said }: Rejected): Promise<ApiError> {
    if (reason === 'BUY_WITH_PRIME_REFUSED') return refused(said);
    if (!REQUOTED.includes(reason)) return new ApiError(reason);
    return new ApiError(reason, undefined, undefined, { quote: await this.#freshQuote() });
  }

  async #create(): Promise<Ended> {
    const { client } = this.#parts;
    const { call, request } = this.#wish;
    this.#order = await client.createOrder(call, request, this.#alias);
    return this.#done({ created: true, amazonOrderId: this.#order.amazonOrderId, assumed: false });
  }

  /** What a refusal is worth while an earlier try may still land. */
  async #refusedAfter(lostUntil: number, error: unknown): Promise<Ended> {
    if (!(error instanceof AmazonRefusal)) throw error;
    // The lost try may have landed meanwhile: then the alias is taken, or the offer used up.
    const found = await this.#find();
    if (found) return this.#compared(found);
    if (isAliasTaken(error)) {
      // By the lost try, which is not found yet, unless it is another alias of the request that is taken.
      if (await this.#hasTakenAlias()) return this.#refused(error);
      throw unknownFor(1_000);
    }
    // A refusal passes, such as one for a price that changes back, and what is still on its way would make the order then.
    const left = lostUntil - this.#parts.clock.now();
    if (left > 0) throw unknownFor(left);
    return this.#refused(error);
  }

  /** Whether an order has one of the further aliases of the request. */
  async #hasTakenAlias(): Promise<boolean> {
    const { client } = this.#parts;
    const { call, request } = this.#wish;
    for (const alias of request.aliases ?? []) {
      if ((await client.findOrder(call, alias.aliasId, alias.aliasType)) !== undefined) return true;
    }
    return false;
  }

  #find(): Promise<Order | undefined> {
    return this.#parts.client.findOrder(this.#wish.call, this.#alias);
  }

  #compared(order: Order): Ended {
    if (!isSameOrder(this.#wish.request, order)) {
      return this.#done({ created: false, reason: 'ORDER_EXISTS', said: '' });
    }
    this.#order = order;
    return this.#done({ created: true, amazonOrderId: order.amazonOrderId, assumed: true });
  }

  async #freshQuote(): Promise<Quote | null> {
    const { call, request, shopperToken } = this.#wish;
    try {
      return (await this.#parts.client.offers(call, request.quote, shopperToken)).quote;
    } catch (error) {
      this.#warn('a fresh quote cannot be had', error);
      return null;
    }
  }

  #done(data: Created | Rejected): Ended {
    const { partner, call, request, requestId } = this.#wish;
    const { orderId, quote, additionalLineItems = [], totalPrice, desiredExecutionState } = request;
    const about = {
      partner,
      account: call.account,
      orderId,
      totalPrice,
      items: quote.lineItems.length + additionalLineItems.length,
    };
    const occurrence = {
      subject: `order/${partner}/${encodeURIComponent(orderId)}`,
      detailType: data.created ? 'Order Created' : 'Order Rejected',
      data: data.created
        ? { ...about, amazonOrderId: data.amazonOrderId, desiredExecutionState, assumed: data.assumed }
        : { ...about, reason: data.reason },
      correlationId: requestId,
    };
    return {
      kind: 'done',
      status: data.created ? 201 : 200,
      data,
      further: (later) => [this.#parts.occurrences.item(occurrence, later)],
    };
  }

  #refused(error: unknown): Ended {
    if (!(error instanceof AmazonRefusal)) return { kind: 'refused', error };
    const reason = orderRejection(error);
    return reason === undefined
      ? { kind: 'refused', error: new ApiError('SHOPPER_TOKEN_REFUSED') }
      : this.#done({ created: false, reason, said: error.code });
  }

  /** @param lostUntil where this try has lost nothing itself */
  #unknown(error: unknown, lostUntil?: number): Ended {
    this.#parts.telemetry.count('OrdersUnknown', 1);
    // The partner hears of the order only, the operator of its cause.
    if (error instanceof CredentialError) this.#parts.telemetry.count('CredentialsRefused', 1);
    this.#warn('it is not known whether an order was made', error);
    return { kind: 'unknown', error: error instanceof ApiError ? error : unknownFor(1_000), lostUntil };
  }

  /** Errors of the upstream hold nothing of a shopper; those of others may hold anything. */
  #warn(message: string, error: unknown): void {
    const told = error instanceof UpstreamError || error instanceof ApiError ? error : undefined;
    this.#parts.telemetry.warn(message, {
      requestId: this.#wish.requestId,
      partner: this.#wish.partner,
      orderId: this.#wish.request.orderId,
      error: told,
      fault: told === undefined && error instanceof Error ? error.name : undefined,
    });
  }
}

function unknownFor(ms: number): ApiError {
  return new ApiError('ORDER_UNKNOWN', undefined, Math.max(1, ms / 1_000));
}
