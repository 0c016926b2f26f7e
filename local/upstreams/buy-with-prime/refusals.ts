import type { BuyWithPrimeDialect } from './buy-with-prime-dialect.ts';

/** What the API refuses, by the types and codes of Amazon's pages on errors. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly type: string;
  /** Undefined where Amazon gives none. */
  readonly code: string | undefined;

  constructor(type: string, code: string | undefined, message: string) {
    super(message);
    this.type = type;
    this.code = code;
  }
}

/** The request is not as it should be; some faults have a code. */
export function invalid(message: string, code?: string): Refusal {
  return new Refusal('ValidationError', code, message);
}

export function notFound(message: string): Refusal {
  return new Refusal('ResourceNotFoundError', 'ResourceNotFoundException', message);
}

export function accessDenied(message: string): Refusal {
  return new Refusal('AccessDeniedError', undefined, message);
}

export function throttled(): Refusal {
  return new Refusal('ThrottlingError', undefined, 'Too many requests to the Buy with Prime API.');
}

/** No public page says how this is refused. */
export function lostOffer(spelling: BuyWithPrimeDialect['lostOffer']): Refusal {
  const message = 'The offer does not exist, or not any more.';
  return spelling === 'OfferExpired' ? invalid(message, 'OfferExpired') : notFound(message);
}

/** Documented for createOrder, which knows both. */
export function takenAlias(spelling: BuyWithPrimeDialect['takenAlias']): Refusal {
  const message = 'There is an order with one of these aliases already.';
  return spelling === 'ConflictError'
    ? new Refusal('ConflictError', undefined, message)
    : invalid(message, 'AliasValueAlreadyExists');
}

interface WordedError {
  readonly type: string;
  readonly code?: string | undefined;
  readonly message: string;
  readonly path?: readonly (string | number)[] | undefined;
  readonly locations?: unknown;
}

const STATUSES: Readonly<Record<string, number>> = {
  AccessDeniedError: 403,
  ConflictError: 409,
  InternalServerError: 500,
  ResourceNotFoundError: 404,
  ThrottlingError: 429,
};

/** An error as it stands in an answer's `errors`. */
export function wordError(
  { type, code, message, path, locations }: WordedError,
  place: BuyWithPrimeDialect['errorPlace'],
): object {
  const where = { ...(path && { path }), ...(locations !== undefined && { locations }) };
  switch (place) {
    case 'classification': {
      // As Amazon's reference of createEventSubscription prints it: a code repeats the type where there is none, and the
      // number is a status.
      const status = STATUSES[type] ?? 400;
      const name = type.replace(/Error$/, 'Exception');
      const classification = { type, code: code ?? type, details: {}, errorType: name, errorCode: status };
      return { message, ...where, extensions: { classification } };
    }
    case 'errorType':
      return { message, errorType: type, ...(code !== undefined && { errorCode: code }), ...where };
    case 'extensions':
      return { message, ...where, extensions: { errorType: type, ...(code !== undefined && { errorCode: code }) } };
    case 'message':
      return { message: `${type}${code === undefined ? '' : ` (${code})`}: ${message}`, ...where };
  }
}
