import * as z from 'zod/mini';
import { changeEventDetail } from '../change-events/change-event-schema.ts';

const about = {
  codeHash: z
    .string()
    .check(z.describe("Keyed hash of the partner's code: the same for the same code. The code itself is not told.")),
  benefitId: z.string().check(z.describe('Benefit, as Amazon Prime named it at onboarding.')),
  marketplace: z.string().check(z.describe('Marketplace of the benefit, such as US.')),
  partner: z.string().check(z.describe('Partner that asked, as the settings name it.')),
};

const reason = z
  .nullable(z.string())
  .check(
    z.describe(
      'Why not: INVALID_OFFER_CODE, EXCEEDED_USAGE_LIMIT, DEAL_INACTIVE, or another word of Amazon; null where it is.',
    ),
  );

/** Data of `Offer Code Verified`: Amazon has said whether a code is valid. */
export const OfferCodeVerified = z.object({
  ...about,
  valid: z.boolean().check(z.describe('Whether the code was valid.')),
  reason,
});
export type OfferCodeVerified = z.infer<typeof OfferCodeVerified>;

/** Data of `Offer Code Redeemed`: how a redemption ended. One event for each Idempotency-Key. */
export const OfferCodeRedeemed = z.object({
  ...about,
  redeemed: z.boolean().check(z.describe('Whether the code was redeemed.')),
  redeemedAt: z
    .nullable(z.string())
    .check(z.describe('Time of redemption as Amazon was told, to the minute; null where it was not redeemed.')),
  assumed: z
    .boolean()
    .check(
      z.describe("True where Amazon's answer was lost, and the code was found used up when it was asked about again."),
    ),
  reason,
});
export type OfferCodeRedeemed = z.infer<typeof OfferCodeRedeemed>;

/**
 * The whole `detail` of each event about offer codes, by detail type: the published JSON Schemas are made of these. No
 * function runs them, so they lie apart from what the bundles hold.
 */
export const offerCodeEventSchemas = {
  'Offer Code Verified': changeEventDetail(OfferCodeVerified),
  'Offer Code Redeemed': changeEventDetail(OfferCodeRedeemed),
} as const;
