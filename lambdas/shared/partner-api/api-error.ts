/**
 * Every code that an answer's `error.code` may have: its HTTP status, and what it tells whoever gets it. Codes are part of
 * the contract with partners; they never change their meaning.
 */
export const API_ERRORS = {
  // Made by API Gateway before a function runs.
  MISSING_AUTHENTICATION: { status: 403, meaning: 'The request is not signed, or there is no such route.' },
  INVALID_SIGNATURE: { status: 403, meaning: 'The signature is wrong: see how the request is signed.' },
  EXPIRED_CREDENTIALS: { status: 403, meaning: 'The credentials or the signature have expired: sign anew.' },
  ACCESS_DENIED: { status: 403, meaning: 'The role that signed may not call this route.' },
  API_KEY_REFUSED: { status: 403, meaning: 'The header x-api-key is missing, or is no key of this API.' },
  THROTTLED: { status: 429, meaning: "More requests a second than the partner's plan has: slow down and repeat." },
  QUOTA_EXCEEDED: { status: 429, meaning: "The requests of the plan's period are used up." },
  REQUEST_REFUSED: {
    status: 403,
    meaning: 'API Gateway refused the request for a reason that has no code of its own.',
  },
  REQUEST_TOO_LARGE: { status: 413, meaning: 'The body is larger than 10 MB.' },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, meaning: 'The body has to be application/json.' },
  GATEWAY_FAILURE: { status: 500, meaning: 'API Gateway could not get an answer from the function: repeat later.' },
  GATEWAY_TIMEOUT: { status: 504, meaning: 'The function did not answer in time: repeat later.' },
  // About who calls.
  NOT_A_PARTNER: { status: 403, meaning: 'The request is signed by a role that is not the role of a partner.' },
  API_KEY_OF_ANOTHER: { status: 403, meaning: 'The API key is not that of the partner whose role signed.' },
  BENEFIT_NOT_ALLOWED: { status: 403, meaning: 'The settings do not give this benefit to the partner.' },
  // About the request.
  INVALID_REQUEST: { status: 400, meaning: 'A parameter or a field is wrong; the message names it and its rule.' },
  AMBIGUOUS: { status: 400, meaning: 'Several watches match; the message names the parameter that tells them apart.' },
  INVALID_CURSOR: { status: 400, meaning: 'The cursor is not one of this query: start without one.' },
  NOT_FOUND: { status: 404, meaning: 'There is no such thing, or it is not on the watch list.' },
  IDEMPOTENCY_KEY_REQUIRED: { status: 400, meaning: 'The header Idempotency-Key is missing.' },
  IDEMPOTENCY_KEY_REUSED: { status: 422, meaning: 'The Idempotency-Key was used for another request.' },
  REQUEST_IN_PROGRESS: { status: 409, meaning: 'A request with this Idempotency-Key is under way: repeat later.' },
  TOO_MANY_INVALID_CODES: { status: 429, meaning: 'Too many codes that do not exist: see Retry-After.' },
  // About players and what they claimed.
  PLAYER_TOKEN_REQUIRED: {
    status: 400,
    meaning: "The header x-amz-access-token is missing: send the player's access token of Login with Amazon.",
  },
  PLAYER_TOKEN_REFUSED: {
    status: 401,
    meaning: "Amazon does not accept the player's access token: refresh it, and call again with the new one.",
  },
  PLAYER_CONSENT_MISSING: {
    status: 403,
    meaning: "The player's access token lacks a scope: let the player link the Amazon account anew, and agree.",
  },
  ACCOUNT_OF_ANOTHER: { status: 409, meaning: 'The Amazon account is linked to another player.' },
  PLAYER_LINKED_OTHERWISE: {
    status: 409,
    meaning: 'The player is linked to another Amazon account: unlink that one first.',
  },
  ENTITLEMENT_OF_ANOTHER: { status: 409, meaning: 'Another player has been given this entitlement.' },
  ACCOUNT_NOT_LINKED: { status: 404, meaning: 'The Amazon account is not linked to a player.' },
  UNKNOWN_SKU: {
    status: 503,
    meaning: 'The catalogue does not know this VendorProductId: once the operator has added it, a repeat is granted.',
  },
  GRANT_PENDING: { status: 503, meaning: 'The items are not granted yet: see Retry-After.' },
  GRANT_REFUSED: { status: 409, meaning: "The game's backend refuses to grant the items: its operator must act." },
  PUSH_SIGNATURE_REFUSED: {
    status: 401,
    meaning: 'The signature of the call is missing, wrong, or older than five minutes.',
  },
  // About offers and orders of Buy with Prime.
  BUY_WITH_PRIME_NOT_ALLOWED: {
    status: 403,
    meaning: 'The settings give the partner no merchant account at Buy with Prime.',
  },
  SHOPPER_TOKEN_REFUSED: {
    status: 401,
    meaning: "Amazon does not accept the shopper's access token: refresh it, or leave it out, and call again.",
  },
  UNKNOWN_PRODUCT: { status: 422, meaning: "A product is not in the merchant's catalogue at Buy with Prime." },
  INVALID_ADDRESS: { status: 422, meaning: 'Amazon finds the shipping address incomplete or malformed.' },
  INVALID_DESTINATION: { status: 422, meaning: 'Buy with Prime does not deliver to this destination.' },
  ADDRESS_MISMATCH: { status: 422, meaning: 'The address is not the one that the offer was made for.' },
  OFFER_EXPIRED: {
    status: 409,
    meaning: 'The offer is gone; no order was made. Order one of `quote` under a new Idempotency-Key.',
  },
  PRICE_CHANGED: {
    status: 409,
    meaning: 'The total is another one now; no order was made. Order one of `quote` under a new Idempotency-Key.',
  },
  ORDER_EXISTS: {
    status: 409,
    meaning: 'There is an order with this orderId, or with one of the aliases, which is not known to be this one.',
  },
  BUY_WITH_PRIME_REFUSED: { status: 422, meaning: 'Amazon refuses the request for a reason that the message names.' },
  ORDER_UNKNOWN: {
    status: 504,
    meaning: 'It is not known whether the order was made: repeat with the same Idempotency-Key.',
  },
  // About what is behind.
  UPSTREAM_REJECTED: { status: 502, meaning: 'Amazon refused the request: a repeat will be refused as well.' },
  UPSTREAM_UNREADABLE: { status: 502, meaning: 'Amazon answered something that cannot be understood.' },
  UPSTREAM_CREDENTIALS: {
    status: 502,
    meaning: "Amazon does not accept the stage's credentials: the operator must act.",
  },
  UPSTREAM_THROTTLED: { status: 503, meaning: 'Amazon takes no more requests now: see Retry-After.' },
  UPSTREAM_UNAVAILABLE: { status: 503, meaning: 'Amazon cannot be reached or fails: see Retry-After.' },
  UPSTREAM_TIMEOUT: { status: 504, meaning: 'Amazon did not answer in time: repeat.' },
  REDEMPTION_UNKNOWN: {
    status: 504,
    meaning: 'It is not known whether the code was redeemed: repeat with the same Idempotency-Key.',
  },
  STORAGE_UNAVAILABLE: {
    status: 503,
    meaning: 'The tables or secrets of the stage cannot be used now: see Retry-After.',
  },
  INTERNAL_ERROR: { status: 500, meaning: 'A fault of Offer Relay: repeat, and name the requestId to the operator.' },
} as const satisfies Record<string, { readonly status: number; readonly meaning: string }>;
export type ApiErrorCode = keyof typeof API_ERRORS;

/** A request that is answered with an error. The message is for the partner: no secret, token, code or internal name. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly code: ApiErrorCode;
  readonly status: number;
  /** Seconds after which a repeat may succeed. */
  readonly retryAfterSeconds: number | undefined;
  /** What stands in the answer beside `error`. */
  readonly beside: Readonly<Record<string, unknown>>;

  /**
   * @param message @default the code's meaning
   * @param beside what stands in the answer beside `error`, such as what to choose from instead
   */
  constructor(
    code: ApiErrorCode,
    message: string = API_ERRORS[code].meaning,
    retryAfterSeconds?: number,
    beside: Readonly<Record<string, unknown>> = {},
  ) {
    super(message);
    this.beside = beside;
    this.code = code;
    this.status = API_ERRORS[code].status;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}
