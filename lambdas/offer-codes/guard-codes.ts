import { ApiError } from '../shared/partner-api/api-error.ts';
import type { CallingPartner } from '../shared/partner-api/partners.ts';
import type { InvalidCodesLimit } from '../shared/settings.ts';
import type { Telemetry } from '../shared/telemetry.ts';
import { INVALID_OFFER_CODE, type CodeDecision } from './code-decision.ts';
import type { InvalidCodeStore } from './invalid-codes.store.ts';

/** Keeps partners from finding codes by trying them out. */
export interface CodeGuard {
  /** @throws ApiError TOO_MANY_INVALID_CODES where the partner has had its share of codes that do not exist */
  admit(partner: CallingPartner): Promise<void>;
  /** Counts an answer that the code does not exist; others cost nothing. */
  note(partner: CallingPartner, decision: CodeDecision): Promise<void>;
}

/** @param limit that of partners without one of their own */
export function createCodeGuard(
  store: Pick<InvalidCodeStore, 'inWindow' | 'add'>,
  limit: InvalidCodesLimit,
  telemetry: Pick<Telemetry, 'count'>,
): CodeGuard {
  const limitOf = ({ invalidCodes }: CallingPartner): InvalidCodesLimit => invalidCodes ?? limit;
  return {
    async admit(partner) {
      const { count, endsInSeconds } = await store.inWindow(partner.name, limitOf(partner));
      if (count < limitOf(partner).limit) return;
      telemetry.count('GuardTrips', 1);
      throw new ApiError('TOO_MANY_INVALID_CODES', undefined, endsInSeconds);
    },
    async note(partner, decision) {
      if (decision.accepted || decision.reason !== INVALID_OFFER_CODE) return;
      telemetry.count('InvalidCodes', 1);
      await store.add(partner.name, limitOf(partner));
    },
  };
}
