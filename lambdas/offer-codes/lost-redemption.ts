import * as z from 'zod/mini';
import { DEAL_INACTIVE, INVALID_OFFER_CODE, type CodeDecision } from './code-decision.ts';

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
  /** What Amazon says of the code now. */
  readonly decision: CodeDecision;
  /** Whether the code has been found valid since the try began. */
  readonly foundValid: boolean;
  /** What is known of the code, newest first; nothing of this redemption itself. */
  readonly known: readonly KnownOutcome[];
}

/** Clocks of two environments differ by no more than this. */
const SKEW_MS = 5_000;
/** A finding from the same visit to the till. An older one may be outdated: the code may have begun to hold since. */
const RECENT_MS = 10 * 60_000;

/**
 * What became of a redemption whose answer was lost, from what the code is now and was before.
 *
 * @returns `notYet`: it was not redeemed, and may be now; `redeemed`: that is what made the code what it is; `denied`: the
 *   code was so before, or the one use that it has is another redemption's; `unknown`: nothing can be told
 */
export function judgeLostRedemption(lost: LostRedemption): 'notYet' | 'redeemed' | 'denied' | 'unknown' {
  const { decision, use, claimedAt, foundValid } = lost;
  // A code that can be used again is as valid after a redemption as before.
  if (decision.accepted) return use === 'single' ? 'notYet' : 'unknown';
  // That is about the day, not about the code.
  if (decision.reason === DEAL_INACTIVE) return 'unknown';

  const known = lost.known.filter(({ benefitId }) => benefitId === lost.benefitId);
  // It counts once. Where the other was assumed as well, nobody can know which of the two it was, but it was one.
  if (use === 'single' && known.some(({ redeemed }) => redeemed === true)) return 'denied';
  // Other reasons pass by themselves, a usage limit with its period, and tell nothing about an earlier moment.
  const wasInvalid = !foundValid && decision.reason === INVALID_OFFER_CODE && wasInvalidBefore(known, claimedAt);
  return wasInvalid ? 'denied' : 'redeemed';
}

/** Whether the code was surely invalid just before. What lies within the skew of clocks may speak against it, never for it. */
function wasInvalidBefore(known: readonly KnownOutcome[], claimedAt: number): boolean {
  const isInvalid = ({ valid, redeemed, reason }: KnownOutcome): boolean =>
    (valid === false || redeemed === false) && reason === INVALID_OFFER_CODE;
  const before = known.find(({ at }) => at < claimedAt - SKEW_MS);
  const perhapsBefore = known.filter(({ at }) => Math.abs(at - claimedAt) <= SKEW_MS);
  return before !== undefined && before.at >= claimedAt - RECENT_MS && [before, ...perhapsBefore].every(isInvalid);
}
