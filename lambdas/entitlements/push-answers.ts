import * as z from 'zod/mini';
import type { AnswerBodies } from '../shared/partner-api/answer-fields.ts';

export const PushAcknowledgement = z.object({
  EntitlementId: z.string(),
  Result: z.literal('SUCCESS').check(z.describe('The player has the items, through this entitlement or another one.')),
});
export type PushAcknowledgement = z.infer<typeof PushAcknowledgement>;

export const pushAnswers = { pushClaim: { 200: PushAcknowledgement } } as const satisfies AnswerBodies;
