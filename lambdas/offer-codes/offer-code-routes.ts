import * as z from 'zod/mini';
import { defineRoute, pathText, queryText } from '../shared/partner-api/route.ts';
import { isTimeZone } from './time-zone.ts';

const pathParameters = {
  benefitId: pathText(200).check(z.describe('Benefit, as Amazon Prime named it at onboarding.')),
  offerCode: pathText(1_024).check(z.describe('The code that the customer shows.')),
} as const;

const timeZone = z
  .optional(
    queryText(64).check(
      z.refine(isTimeZone, {
        error: 'must be the name of an IANA time zone in its exact spelling, such as Asia/Kolkata',
      }),
    ),
  )
  .check(
    z.describe('IANA time zone of the customer, such as America/Los_Angeles: needed by deals of certain weekdays.'),
  );

export const RedemptionRequest = z.strictObject({
  redeemedAt: z
    .optional(z.iso.datetime({ offset: true, error: 'must be an instant such as 2026-03-01T12:00:00Z' }))
    .check(z.describe('When the customer got the benefit, to the minute. Default: now.')),
});

const errors = [
  'BENEFIT_NOT_ALLOWED',
  'TOO_MANY_INVALID_CODES',
  'UPSTREAM_REJECTED',
  'UPSTREAM_UNREADABLE',
  'UPSTREAM_CREDENTIALS',
  'UPSTREAM_THROTTLED',
  'UPSTREAM_UNAVAILABLE',
] as const;

export const offerCodeRoutes = {
  verify: defineRoute({
    operationId: 'verifyOfferCode',
    method: 'GET',
    path: '/v1/benefits/{benefitId}/offer-codes/{offerCode}/verify',
    capability: 'offer-codes',
    summary: 'Says whether an offer code is valid. The code stays usable.',
    pathParameters,
    query: { timeZone },
    answers: { 200: 'Amazon has decided.' },
    errors: [...errors, 'UPSTREAM_TIMEOUT'],
  }),
  redeem: defineRoute({
    operationId: 'redeemOfferCode',
    method: 'POST',
    path: '/v1/benefits/{benefitId}/offer-codes/{offerCode}/redeem',
    capability: 'offer-codes',
    summary: 'Redeems an offer code, once per Idempotency-Key.',
    description:
      'Give the customer the benefit first, and redeem then. Repeat with the same Idempotency-Key until there is a ' +
      'final answer: 200, or a 4xx other than 403, 409 and 429.',
    pathParameters,
    query: { timeZone },
    idempotent: true,
    body: z.optional(RedemptionRequest),
    answers: { 200: 'Amazon has decided.' },
    errors: [...errors, 'REDEMPTION_UNKNOWN'],
  }),
} as const;
