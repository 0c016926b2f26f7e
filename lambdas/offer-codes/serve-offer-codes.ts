import type { OccurrenceStore } from '../change-events/occurrences.store.ts';
import type { Clock } from '../shared/clock.ts';
import type { IdempotencyStore } from '../shared/idempotency/idempotency.store.ts';
import { keyedHash } from '../shared/keyed-hash.ts';
import type { PartnerRequest, ServedRoute } from '../shared/partner-api/serve.ts';
import { serve } from '../shared/partner-api/serve.ts';
import type { OfferCodesSettings } from '../shared/settings.ts';
import type { Telemetry } from '../shared/telemetry.ts';
import { benefitOf } from './benefits.ts';
import type { CodeHistoryStore } from './code-history.store.ts';
import { createCodeGuard } from './guard-codes.ts';
import type { InvalidCodeStore } from './invalid-codes.store.ts';
import { offerCodeRoutes } from './offer-code-routes.ts';
import type { OfferCodesClient } from './offer-codes.client.ts';
import { redeemCode } from './redeem-code.ts';
import { verifyCode, type CodeQuestion } from './verify-code.ts';

export interface OfferCodeParts {
  readonly settings: Pick<OfferCodesSettings, 'benefits' | 'regions' | 'timeoutMs' | 'deadlineMs' | 'invalidCodes'>;
  readonly client: OfferCodesClient;
  /** Key of the hashes that stand for codes. */
  readonly hashKey: () => Promise<string>;
  readonly requests: IdempotencyStore;
  readonly invalidCodes: Pick<InvalidCodeStore, 'inWindow' | 'add'>;
  readonly codeHistory: Pick<CodeHistoryStore, 'outcomes'>;
  readonly occurrences: Pick<OccurrenceStore, 'record' | 'item'>;
  readonly telemetry: Pick<Telemetry, 'count' | 'warn'>;
  readonly clock: Clock;
}

/** What is kept of the function's time for writing down what the upstream has said. */
const RECORDING_MS = 1_500;

interface CodePath {
  readonly benefitId: string;
  readonly offerCode: string;
}

/** The routes about offer codes. */
export function serveOfferCodes(parts: OfferCodeParts): ServedRoute[] {
  const { settings, hashKey, clock, telemetry } = parts;
  const guard = createCodeGuard(parts.invalidCodes, settings.invalidCodes, telemetry);

  const questionOf = ({
    partner,
    path,
    query,
    requestId,
    deadline,
  }: PartnerRequest<CodePath, { timeZone?: string | undefined }, unknown>): CodeQuestion => ({
    ...path,
    partner,
    benefit: benefitOf(settings, partner, path.benefitId),
    timeZone: query.timeZone,
    requestId,
    deadline: Math.min(clock.now() + settings.deadlineMs, deadline - RECORDING_MS),
  });

  return [
    serve(offerCodeRoutes.verify, async (request) => {
      const question = questionOf(request);
      const hash = keyedHash(await hashKey());
      const { verification, upstreamMs } = await verifyCode({ ...parts, guard, hash }, question);
      return { status: 200, body: verification, upstreamMs };
    }),
    serve(offerCodeRoutes.redeem, async (request) => {
      const question = questionOf(request);
      const hash = keyedHash(await hashKey());
      const { redemption, upstreamMs } = await redeemCode(
        { ...parts, guard, hash },
        {
          ...question,
          idempotencyKey: request.idempotencyKey,
          redeemedAt: request.body?.redeemedAt === undefined ? undefined : Date.parse(request.body.redeemedAt),
          functionDeadline: request.deadline,
        },
      );
      return { status: 200, body: redemption, upstreamMs };
    }),
  ];
}
