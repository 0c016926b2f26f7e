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
import { compareOrder } from './same-order.ts';

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

/** Laid down by the first try: where the order is, though the partner may be given another account meanwhile. */
type Reference = { readonly account: string };
/** What is kept of the answer: the rest is read from Amazon again. */
type Created = { readonly created: true; readonly amazonOrderId: string; readonly assumed: boolean };
type Rejected = { readonly created: false; readonly reason: Rejection; readonly said: string };
type Ended = Outcome<Created | Rejected>;

/** Rejections after which there may be something else to order. */
const REQUOTED: readonly Rejection[] = ['OFFER_EXPIRED', 'PRICE_CHANGED'];
/** Far longer than an order is not found yet by its alias. */
const LAG_MS = 600_000;

/** EXTERNAL_ID of an order at Amazon: two partners' orders never have the same one. */
export function aliasOf(partner: string, orderId: string): string {
  return `${partner}/${orderId}`;
}

/**
 * Makes one order for each Idempotency-Key, and one for each orderId. Where an answer is lost, the same key later finds the
 * order by its alias, or makes it: the alias forbids two. See docs/adr/0017.
 *
 * @throws ApiError ORDER_UNKNOWN, a `Rejection`, those of `runOnce`; and what the client throws where there is provably no
 *   order
 */
export async function orderOffer(parts: OrderParts, wish: OrderWish): Promise<PlacedOrder> {
  const { requests, hash, clock, telemetry } = parts;
  const { partner, request, idempotencyKey, functionDeadline } = wish;
  const attempt = new OrderTry(parts, wish);
  const { data, reference, repeated } = await runOnce<Reference, Created | Rejected>(
    { store: requests, hash, clock },
    { partner, key: idempotencyKey, operation: 'order offer', request, deadline: functionDeadline },
    {
      reference: { account: wish.call.account },
      perform: (first) => attempt.perform(first),
      resolve: (first, lostUntil) => attempt.resolve(first, lostUntil),
      conclude: (first, ended) => attempt.conclude(first, ended),
    },
  );
  if (!repeated) telemetry.count(data.created ? 'OrdersCreated' : 'OrdersRejected', 1);
  if (!data.created) throw await attempt.rejection(data);
  const { amazonOrderId, assumed } = data;
  return { orderId: request.orderId, amazonOrderId, assumed, order: await attempt.order(reference) };
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
  async perform(first: Reference): Promise<Ended> {
    try {
      return await this.#create(first);
    } catch (error) {
      return hadNoEffect(error) ? this.#refused(first, error) : this.#unknown(error);
    }
  }

  /**
   * Finds out what became of a try that has been lost, and makes the order where there is none.
   *
   * @param lostUntil until when the lost try may still reach Amazon, epoch milliseconds
   */
  async resolve(first: Reference, lostUntil: number): Promise<Ended> {
    try {
      const found = await this.#find(first);
      if (found) return this.#compared(first, found);
    } catch (error) {
      return this.#unknown(error, lostUntil);
    }
    try {
      return await this.#create(first);
    } catch (error) {
      if (!hadNoEffect(error)) return this.#unknown(error);
      return this.#refusedAfter(first, lostUntil, error).catch((failure: unknown) => this.#unknown(failure, lostUntil));
    }
  }

  /** Ends as an earlier try has, whose answer could not be written. */
  conclude(first: Reference, data: Created | Rejected): Ended {
    return this.#done(first, data);
  }

  /** The order, as this try has got it or as Amazon tells it now; null where it cannot. */
  async order(first: Reference): Promise<Order | null> {
    try {
      return this.#order ?? (await this.#find(first)) ?? null;
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

  async #create(first: Reference): Promise<Ended> {
    const { client } = this.#parts;
    this.#order = await client.createOrder(this.#callOf(first), this.#wish.request, this.#alias);
    return this.#done(first, { created: true, amazonOrderId: this.#order.amazonOrderId, assumed: false });
  }

  /** What a refusal is worth while an earlier try may still land. */
  async #refusedAfter(first: Reference, lostUntil: number, error: unknown): Promise<Ended> {
    if (!(error instanceof AmazonRefusal)) throw error;
    const isTaken = isAliasTaken(error);
    // The lost try may have landed meanwhile: then the alias is taken, or the offer used up.
    const found = await this.#find(first);
    if (found) return this.#compared(first, found);
    const other = isTaken ? await this.#findByOthers(first) : undefined;
    if (other) return other.orderId === this.#wish.request.orderId ? this.#compared(first, other) : this.#exists(first);
    // A refusal passes, such as one for a price that changes back, and what is still on its way would make the order then. An
    // alias is taken by the lost try, which is not found yet; unless it is never found.
    const left = lostUntil + (isTaken ? LAG_MS : 0) - this.#parts.clock.now();
    if (left > 0) throw unknownFor(isTaken ? 1_000 : left);
    return this.#refused(first, error);
  }

  #find(first: Reference): Promise<Order | undefined> {
    return this.#parts.client.findOrder(this.#callOf(first), this.#alias);
  }

  /** The order that has one of the further aliases of the request, where Amazon lets one look for it. */
  async #findByOthers(first: Reference): Promise<Order | undefined> {
    for (const by of this.#wish.request.aliases ?? []) {
      const asked = this.#parts.client.findOrder(this.#callOf(first), this.#alias, by);
      const found = await asked.catch((error: unknown) => {
        if (error instanceof AmazonRefusal) return undefined;
        throw error;
      });
      if (found) return found;
    }
    return undefined;
  }

  /** What an order under our alias is to the request. */
  #compared(first: Reference, order: Order): Ended {
    const judgement = compareOrder(this.#wish.request, order);
    // More of it will be told.
    if (judgement === 'untold') throw unknownFor(1_000);
    if (judgement === 'other') return this.#exists(first);
    this.#order = order;
    return this.#done(first, { created: true, amazonOrderId: order.amazonOrderId, assumed: true });
  }

  #exists(first: Reference): Ended {
    return this.#done(first, { created: false, reason: 'ORDER_EXISTS', said: '' });
  }

  #callOf({ account }: Reference): BuyWithPrimeCall {
    return { ...this.#wish.call, account };
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

  #done({ account }: Reference, data: Created | Rejected): Ended {
    const { partner, request, requestId } = this.#wish;
    const { orderId, quote, additionalLineItems = [], totalPrice, desiredExecutionState } = request;
    const about = {
      partner,
      account,
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

  #refused(first: Reference, error: unknown): Ended {
    if (!(error instanceof AmazonRefusal)) return { kind: 'refused', error };
    return this.#done(first, { created: false, reason: orderRejection(error), said: error.code });
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
