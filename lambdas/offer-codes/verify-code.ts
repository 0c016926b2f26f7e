import type { OccurrenceStore } from '../change-events/occurrences.store.ts';
import type { KeyedHash } from '../shared/keyed-hash.ts';
import type { CallingPartner } from '../shared/partner-api/partners.ts';
import type { Benefit } from './benefits.ts';
import type { CodeDecision } from './code-decision.ts';
import type { CodeGuard } from './guard-codes.ts';
import type { Verification } from './offer-code-answers.ts';
import type { OfferCodesClient } from './offer-codes.client.ts';

/** A partner's question about a code. */
export interface CodeQuestion {
  readonly partner: CallingPartner;
  readonly benefitId: string;
  readonly benefit: Benefit;
  readonly offerCode: string;
  readonly timeZone?: string | undefined;
  readonly requestId: string;
  /** When the upstream has to have answered, epoch milliseconds. */
  readonly deadline: number;
}

export interface VerifyParts {
  readonly client: Pick<OfferCodesClient, 'verify'>;
  readonly guard: CodeGuard;
  readonly occurrences: Pick<OccurrenceStore, 'record'>;
  readonly hash: KeyedHash;
}

/**
 * Asks whether a code is valid. The event is recorded before the partner hears of it, so none is lost.
 *
 * @throws ApiError TOO_MANY_INVALID_CODES, and what the client throws
 */
export async function verifyCode(
  { client, guard, occurrences, hash }: VerifyParts,
  question: CodeQuestion,
): Promise<{ readonly verification: Verification; readonly upstreamMs: number }> {
  const { partner, requestId } = question;
  await guard.admit(partner);
  const { decision, upstreamMs } = await client.verify(upstreamRequest(question));
  const about = aboutCode(hash, question);
  await Promise.all([
    guard.note(partner, decision),
    occurrences.record({
      subject: `code/${about.codeHash}`,
      detailType: 'Offer Code Verified',
      data: { ...about, valid: decision.accepted, reason: decision.accepted ? null : decision.reason },
      correlationId: requestId,
    }),
  ]);
  return { verification: verificationOf(decision), upstreamMs };
}

function verificationOf(decision: CodeDecision): Verification {
  const { message } = decision;
  return decision.accepted ? { valid: true, message } : { valid: false, reason: decision.reason, message };
}

/** The question as the upstream gets it. */
export function upstreamRequest({ benefitId, benefit, offerCode, timeZone, requestId, deadline }: CodeQuestion) {
  const { marketplace, region } = benefit;
  return { benefitId, offerCode, marketplace, region, timeZone, requestId, deadline };
}

/** What every event about a code holds: which it is and whose, but not the code. */
export function aboutCode(hash: KeyedHash, { partner, benefitId, benefit, offerCode }: CodeQuestion) {
  const codeHash = hash('offer code', [partner.name, offerCode]);
  return { codeHash, benefitId, marketplace: benefit.marketplace, partner: partner.name };
}
