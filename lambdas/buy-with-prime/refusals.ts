import { ApiError, type ApiErrorCode } from '../shared/partner-api/api-error.ts';
import type { AmazonRefusal } from './amazon-refusal.ts';

/** Why no order was made, where the same request will not make one either: what the partner is answered. */
export type Rejection = Extract<
  ApiErrorCode,
  | 'ADDRESS_MISMATCH'
  | 'BUY_WITH_PRIME_REFUSED'
  | 'INVALID_ADDRESS'
  | 'INVALID_DESTINATION'
  | 'OFFER_EXPIRED'
  | 'ORDER_EXISTS'
  | 'PRICE_CHANGED'
  | 'UNKNOWN_PRODUCT'
>;

/** What is wrong with the request, by Amazon's code ("Troubleshoot Delivery Preview Errors", "Troubleshoot Return Errors"). */
const OF_BOTH = [
  ['InvalidAddress', 'INVALID_ADDRESS'],
  ['InvalidDestination', 'INVALID_DESTINATION'],
  ['ItemDoesNotExist', 'UNKNOWN_PRODUCT'],
] as const;

const QUOTE_REASONS: ReadonlyMap<string, ApiErrorCode> = new Map<string, ApiErrorCode>([
  ...OF_BOTH,
  ['ExpiredIdpToken', 'SHOPPER_TOKEN_REFUSED'],
  ['InvalidIdpToken', 'SHOPPER_TOKEN_REFUSED'],
]);

/**
 * The same for orders ("Troubleshoot Order Errors"). No page says how an offer is refused that has expired, nor one whose total
 * has changed: the codes are assumed, and so is that nothing but the offer can be what is not found. An order sends no shopper's
 * token: where one is refused it is that of the offer.
 */
const ORDER_REASONS: ReadonlyMap<string, Rejection> = new Map<string, Rejection>([
  ...OF_BOTH,
  ['AddressMismatch', 'ADDRESS_MISMATCH'],
  ['AliasValueAlreadyExists', 'ORDER_EXISTS'],
  ['ExpiredIdpToken', 'OFFER_EXPIRED'],
  ['InvalidIdpToken', 'OFFER_EXPIRED'],
  ['OfferExpired', 'OFFER_EXPIRED'],
  ['TotalPriceMismatch', 'PRICE_CHANGED'],
]);

/** What a partner is answered where Amazon refuses to make an offer. */
export function quoteRefusal(refusal: AmazonRefusal): ApiError {
  const code =
    QUOTE_REASONS.get(refusal.reason) ?? (refusal.type === 'ResourceNotFoundError' ? 'UNKNOWN_PRODUCT' : undefined);
  return code === undefined ? refused(refusal.code) : new ApiError(code);
}

/** Whether Amazon refuses an order because there is one with its alias. */
export function isAliasTaken({ type, reason }: AmazonRefusal): boolean {
  return type === 'ConflictError' || ORDER_REASONS.get(reason) === 'ORDER_EXISTS';
}

/** Why Amazon refuses an order, for good. */
export function orderRejection(refusal: AmazonRefusal): Rejection {
  if (isAliasTaken(refusal)) return 'ORDER_EXISTS';
  const isLost = refusal.type === 'ResourceNotFoundError';
  return ORDER_REASONS.get(refusal.reason) ?? (isLost ? 'OFFER_EXPIRED' : 'BUY_WITH_PRIME_REFUSED');
}

/** @param reason Amazon's own word, which may be told: it has the form of a code */
export function refused(reason: string): ApiError {
  return new ApiError('BUY_WITH_PRIME_REFUSED', `Amazon refuses the request: ${reason}.`);
}
