import type { OrderRequest, QuoteRequest } from './buy-with-prime-requests.ts';
import type { Order } from './order.ts';
import type { Quote } from './quote.ts';

/** One call to Buy with Prime. */
export interface BuyWithPrimeCall {
  /** Merchant account, as the settings name it. */
  readonly account: string;
  /** When the last try has to have ended, epoch milliseconds. */
  readonly deadline: number;
  /** Hears how long Amazon was waited for, tokens, pauses and failures included, in milliseconds. */
  readonly onWaited?: ((ms: number) => void) | undefined;
}

/** A quote, and for how long Amazon lets it be given again. */
export interface FreshQuote {
  readonly quote: Quote;
  /** Epoch milliseconds; undefined where Amazon says nothing about it. */
  readonly expiresAt: number | undefined;
}

/**
 * Buy with Prime's GraphQL API, version 2024-11-01.
 *
 * All methods throw of the upstream errors: ThrottledError (ThrottlingError, 429), CredentialError (AccessDeniedError, 401,
 * 403, and what the token endpoint refuses), AmazonRefusal (ConflictError, ResourceNotFoundError, ValidationError),
 * RejectedError (other 4xx), UnavailableError (InternalServerError, 5xx, 408, 3xx, no answer) and UnreadableAnswerError.
 * No message holds a token, or anything of a shopper.
 */
export interface BuyWithPrimeClient {
  /**
   * Offers for line items ("Offers on product detail pages", "Offers on checkout pages"). Asks again after what may pass.
   *
   * @param shopperToken LWA access token of the shopper, if signed in; neither kept nor told
   */
  offers(call: BuyWithPrimeCall, request: QuoteRequest, shopperToken: string | undefined): Promise<FreshQuote>;
  /**
   * Makes an order of an offer ("Create an order from an offer"). Asks again only after what provably had no effect:
   * whatever else it throws, there may be an order; see `hadNoEffect`.
   *
   * @param alias EXTERNAL_ID of the order
   */
  createOrder(call: BuyWithPrimeCall, request: OrderRequest, alias: string): Promise<Order>;
  /**
   * The order with an alias, or undefined where there is none. Asks again after what may pass.
   *
   * @param alias EXTERNAL_ID: where the order has it, `orderId` is told
   * @param by the alias by which it is looked for @default EXTERNAL_ID
   */
  findOrder(
    call: BuyWithPrimeCall,
    alias: string,
    by?: { readonly aliasType: string; readonly aliasId: string },
  ): Promise<Order | undefined>;
}
