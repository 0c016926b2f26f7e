import { buyWithPrimeAnswers } from '../../lambdas/buy-with-prime/buy-with-prime-answers.ts';
import { buyWithPrimeRoutes } from '../../lambdas/buy-with-prime/buy-with-prime-routes.ts';
import { type ApiErrorCode, API_ERRORS } from '../../lambdas/shared/partner-api/api-error.ts';
import type { AnswerBodies } from '../../lambdas/shared/partner-api/answer-fields.ts';
import { offerCodeAnswers } from '../../lambdas/offer-codes/offer-code-answers.ts';
import { titleAnswers } from '../../lambdas/offer-status/title-answers.ts';
import { serviceAnswers } from '../../lambdas/partner-api/service-answers.ts';
import { priceAnswers } from '../../lambdas/pricing/price-answers.ts';
import type { Route } from '../../lambdas/shared/partner-api/route.ts';
import { playerAnswers } from '../../lambdas/entitlements/player-answers.ts';
import { playerRoutes } from '../../lambdas/entitlements/player-routes.ts';
import { pushAnswers } from '../../lambdas/entitlements/push-answers.ts';
import { pushRoutes } from '../../lambdas/entitlements/push-routes.ts';
import { offerCodeRoutes } from '../../lambdas/offer-codes/offer-code-routes.ts';
import { titleRoutes } from '../../lambdas/offer-status/title-routes.ts';
import { serviceRoutes } from '../../lambdas/partner-api/service-routes.ts';
import { priceRoutes } from '../../lambdas/pricing/price-routes.ts';

/** A route, and the function that serves it. */
export interface Operation {
  readonly route: Route;
  /** The handler below `lambdas/`, such as `offer-status/serve-titles`. */
  readonly handler: string;
}

/** Which function serves which routes: the one place that says it. */
const SERVED = {
  'offer-codes/serve-offer-codes': Object.values(offerCodeRoutes),
  'entitlements/serve-players': Object.values(playerRoutes),
  'entitlements/take-pushes': Object.values(pushRoutes),
  'buy-with-prime/serve-buy-with-prime': Object.values(buyWithPrimeRoutes),
  'offer-status/serve-titles': Object.values(titleRoutes),
  'pricing/serve-prices': [...Object.values(priceRoutes.byAsin), ...Object.values(priceRoutes.bySku), priceRoutes.list],
  'partner-api/describe-service': Object.values(serviceRoutes),
} as const satisfies Record<string, readonly Route[]>;

/** Every operation of the partner API. */
export const OPERATIONS: readonly Operation[] = Object.entries<readonly Route[]>(SERVED).flatMap(([handler, routes]) =>
  routes.map((route) => ({ route, handler })),
);

/** The shapes of all answers' bodies. */
export const ANSWER_BODIES: AnswerBodies = {
  ...offerCodeAnswers,
  ...playerAnswers,
  ...pushAnswers,
  ...buyWithPrimeAnswers,
  ...titleAnswers,
  ...priceAnswers,
  ...serviceAnswers,
};

/** What any request may be answered, whatever its route. */
export const ALWAYS: readonly ApiErrorCode[] = [
  'INVALID_REQUEST',
  // There may be no such route in the stage, and a firewall before the API refuses with ACCESS_DENIED.
  'MISSING_AUTHENTICATION',
  'ACCESS_DENIED',
  'REQUEST_REFUSED',
  'REQUEST_TOO_LARGE',
  'THROTTLED',
  'INTERNAL_ERROR',
  'STORAGE_UNAVAILABLE',
  'GATEWAY_FAILURE',
  'GATEWAY_TIMEOUT',
];
/** What only a request can be answered that is signed by a role and counted by an API key. */
export const OF_A_PARTNER: readonly ApiErrorCode[] = [
  'INVALID_SIGNATURE',
  'EXPIRED_CREDENTIALS',
  'API_KEY_REFUSED',
  'NOT_A_PARTNER',
  'API_KEY_OF_ANOTHER',
  'QUOTA_EXCEEDED',
];
const OF_A_BODY: readonly ApiErrorCode[] = ['UNSUPPORTED_MEDIA_TYPE'];
const OF_A_KEY: readonly ApiErrorCode[] = ['IDEMPOTENCY_KEY_REQUIRED', 'IDEMPOTENCY_KEY_REUSED', 'REQUEST_IN_PROGRESS'];

/** Errors that say beside `error`, as `quote`, what is offered now. */
export const WITH_QUOTE: readonly ApiErrorCode[] = ['OFFER_EXPIRED', 'PRICE_CHANGED'];

/** Whether a route is called by Amazon, which signs by a key of the partner: nothing of IAM, and no API key. */
export const isPush = ({ capability }: Route): boolean => capability === 'push';

/** The errors that a route may be answered with, by HTTP status, both in rising order. */
export function errorsByStatus(route: Route): ReadonlyMap<number, readonly ApiErrorCode[]> {
  const { body, idempotent, errors } = route;
  const possible = new Set([
    ...ALWAYS,
    ...(isPush(route) ? [] : OF_A_PARTNER),
    ...(body === undefined ? [] : OF_A_BODY),
    ...(idempotent === true ? OF_A_KEY : []),
    ...errors,
  ]);
  // In the order of the table, so that each list begins with the likeliest.
  const codes = (Object.keys(API_ERRORS) as ApiErrorCode[]).filter((code) => possible.has(code));
  const statuses = [...new Set(codes.map((code) => API_ERRORS[code].status))].sort((a, b) => a - b);
  return new Map(statuses.map((status) => [status, codes.filter((code) => API_ERRORS[code].status === status)]));
}

/** Whether an answer of this route may have waited for an upstream, and tells how long. */
export const waitsForUpstream = ({ errors }: Route): boolean => errors.some((code) => code.startsWith('UPSTREAM_'));

/** Whether a success of this route says in the header Age how old it is: what Amazon said may be given again for a while. */
export const tellsAge = ({ operationId }: Route): boolean => operationId === 'quoteOffers';
