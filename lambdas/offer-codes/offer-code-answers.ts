import * as z from 'zod/mini';
import type { AnswerBodies } from '../shared/partner-api/answer-fields.ts';

const reason = z
  .string()
  .check(
    z.describe(
      'INVALID_OFFER_CODE, EXCEEDED_USAGE_LIMIT, DEAL_INACTIVE, or another word that Amazon gives after FAILURE:DENIED.',
    ),
  );
const message = z.string().check(z.describe("Amazon's own message."));

export const Verification = z.discriminatedUnion('valid', [
  z.object({ valid: z.literal(true), message }),
  z.object({ valid: z.literal(false), reason, message }),
]);
export type Verification = z.infer<typeof Verification>;

export const Redemption = z.discriminatedUnion('redeemed', [
  z.object({
    redeemed: z.literal(true),
    redeemedAt: z.string().check(z.describe('Time of redemption as Amazon was told, to the minute.')),
    assumed: z
      .boolean()
      .check(
        z.describe('True where an answer was lost, and the code was found used up when it was asked about again.'),
      ),
  }),
  z.object({ redeemed: z.literal(false), reason, message }),
]);
export type Redemption = z.infer<typeof Redemption>;

export const offerCodeAnswers = {
  verifyOfferCode: { 200: Verification },
  redeemOfferCode: { 200: Redemption },
} as const satisfies AnswerBodies;
