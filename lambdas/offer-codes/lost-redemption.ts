import * as z from 'zod/mini';
import { DEAL_INACTIVE, type CodeDecision } from './code-decision.ts';

/** What an event about a code told. */
export const KnownOutcome = z.object({
  /** Epoch milliseconds at which it was recorded. */
  at: z.number(),
  benefitId: z.string(),
  /** Of a verification. */
  valid: z.optional(z.boolean()),
  /** Of a redemption. */
  redeemed: z.optional(z.boolean()),
  assumed: z.optional(z.boolean()),
  reason: z.nullish(z.string()),
});
export type KnownOutcome = z.infer<typeof KnownOutcome>;

export interface LostRedemption {
  readonly benefitId: string;
  readonly use: 'single' | 'multiple';
  /** When the first try of it began, epoch milliseconds. */
  readonly claimedAt: number;
  /** What the code is found to be now. */
  readonly decision: CodeDecision;
  /** What is known of the code, newest first; nothing of this redemption itself. */
  readonly known: readonly KnownOutcome[];
}

/**
 * What became of a redemption whose answer was lost, from what the code is now and was before.
 *
 * @returns `notYet`: it was not redeemed, and may be now; `redeemed`: that is what made the code what it is; `denied`: the
 *   code was so before; `unknown`: nothing can be told
 */
export function judgeLostRedemption(lost: LostRedemption): 'notYet' | 'redeemed' | 'denied' | 'unknown' {
  const { decision, use, claimedAt } = lost;
  // A code that can be used again is as valid after a redemption as before.
  if (decision.accepted) return use === 'single' ? 'notYet' : 'unknown';
  // That is about the day, not about the code.
  if (decision.reason === DEAL_INACTIVE) return 'unknown';

  const known = lost.known.filter(({ benefitId }) => benefitId === lost.benefitId);
  const usedByAnother = known.some(
    ({ redeemed, assumed, at }) => redeemed === true && (assumed !== true || at < claimedAt),
  );
  if (use === 'single' && usedByAnother) return 'denied';
  const before = known.find(({ at }) => at < claimedAt);
  const wasDenied = before?.valid === false || before?.redeemed === false;
  return wasDenied && before.reason === decision.reason ? 'denied' : 'redeemed';
}
