import type { OccurrenceStore } from '../change-events/occurrences.store.ts';
import type { Clock } from '../shared/clock.ts';
import { UpstreamError } from '../shared/errors.ts';
import type { IdempotencyStore } from '../shared/idempotency/idempotency.store.ts';
import { runOnce, type Outcome } from '../shared/idempotency/run-once.ts';
import { ApiError } from '../shared/partner-api/api-error.ts';
import type { OfferCodesSettings } from '../shared/settings.ts';
import type { Telemetry } from '../shared/telemetry.ts';
import { messageOfReason, type CodeDecision } from './code-decision.ts';
import type { CodeHistoryStore } from './code-history.store.ts';
import { judgeLostRedemption } from './lost-redemption.ts';
import type { Redemption } from './offer-code-answers.ts';
import type { DecidedCode, OfferCodesClient } from './offer-codes.client.ts';
import { isUnprocessed } from './unprocessed.ts';
import { aboutCode, upstreamRequest, type CodeQuestion, type VerifyParts } from './verify-code.ts';

/** A partner's wish to redeem a code. */
export interface RedemptionWish extends CodeQuestion {
  readonly idempotencyKey: string;
  /** When the customer got the benefit, epoch milliseconds. @default now */
  readonly redeemedAt?: number | undefined;
  /** When the function ends, epoch milliseconds. */
  readonly functionDeadline: number;
}

export interface RedeemParts extends Pick<VerifyParts, 'guard' | 'hash'> {
  readonly settings: Pick<OfferCodesSettings, 'timeoutMs'>;
  readonly client: OfferCodesClient;
  readonly requests: IdempotencyStore;
  readonly codeHistory: Pick<CodeHistoryStore, 'outcomes'>;
  readonly occurrences: Pick<OccurrenceStore, 'item'>;
  readonly telemetry: Pick<Telemetry, 'warn'>;
  readonly clock: Clock;
}

/** Laid down by the first try: the time of redemption stays what it was, and what was known before can be told. */
type Reference = { readonly redeemedAt: string; readonly claimedAt: number };
/** What is kept of the answer. */
type Redeemed = { readonly redeemed: true; readonly assumed: boolean };
type Denied = { readonly redeemed: false; readonly reason: string };
type Verdict = ReturnType<typeof judgeLostRedemption>;
type Ended = Outcome<Redeemed | Denied>;

const MINUTE_MS = 60_000;

/**
 * Redeems a code once for each Idempotency-Key. Where an answer is lost, the same key later finds out what became of it:
 * see docs/adr/0012.
 *
 * @throws ApiError REDEMPTION_UNKNOWN, TOO_MANY_INVALID_CODES, those of `runOnce`, INVALID_REQUEST for a time that cannot be
 *   told; and what the client throws where the code is provably not redeemed
 */
export async function redeemCode(
  parts: RedeemParts,
  wish: RedemptionWish,
): Promise<{ readonly redemption: Redemption; readonly upstreamMs: number | undefined }> {
  const { guard, requests, hash, clock } = parts;
  const { partner, benefitId, offerCode, timeZone } = wish;
  const redeemedAt = wish.redeemedAt === undefined ? null : toMinute(wish.redeemedAt);
  const attempt = new RedemptionTry(parts, wish);
  const { data, reference, repeated } = await runOnce<Reference, Redeemed | Denied>(
    { store: requests, hash, clock },
    {
      partner: partner.name,
      key: wish.idempotencyKey,
      operation: 'redeem offer code',
      request: { benefitId, offerCode, timeZone, redeemedAt },
      deadline: wish.functionDeadline,
    },
    {
      reference: { redeemedAt: redeemedAt ?? toMinute(clock.now()), claimedAt: clock.now() },
      perform: (first) => attempt.perform(first),
      resolve: (first) => attempt.resolve(first),
      conclude: (first, ended) => attempt.conclude(first, ended),
    },
  );
  // Only a first answer tells the partner something new, and a code that was valid a moment ago was no guess. Counted when
  // it is final: no failure here can lose it.
  if (!repeated && !data.redeemed && !attempt.foundValid) {
    await guard.note(partner, { accepted: false, reason: data.reason, message: messageOfReason(data.reason) });
  }
  return { redemption: redemptionOf(data, reference), upstreamMs: attempt.upstreamMs };
}

/** One try of a redemption: what it asks the upstream, and what its answers mean. */
class RedemptionTry {
  /** Time that was spent on the upstream; undefined where it was not asked. */
  upstreamMs: number | undefined;
  /** Whether the code has been found valid since it was first to be redeemed. */
  foundValid = false;
  readonly #parts: RedeemParts;
  readonly #wish: RedemptionWish;
  readonly #about: ReturnType<typeof aboutCode>;

  constructor(parts: RedeemParts, wish: RedemptionWish) {
    this.#parts = parts;
    this.#wish = wish;
    this.#about = aboutCode(parts.hash, wish);
  }

  async perform(reference: Reference): Promise<Ended> {
    const refusal = await this.#refusal();
    if (refusal) return refusal;
    try {
      return this.#done(dataOf(await this.#redeem(reference)), reference);
    } catch (error) {
      return isUnprocessed(error) ? { kind: 'refused', error } : this.#unknown(error);
    }
  }

  /** Ends as an earlier try has, whose answer could not be written. */
  conclude(reference: Reference, data: Redeemed | Denied): Ended {
    return this.#done(data, reference);
  }

  /** Finds out what became of a try that has been lost, and redeems where it provably had no effect. */
  async resolve(reference: Reference): Promise<Ended> {
    const refusal = await this.#refusal();
    if (refusal) return refusal;
    try {
      const found = await this.#ask((client) => client.verify(upstreamRequest(this.#wish)));
      const verdict = await this.#judge(found, reference);
      if (verdict !== 'notYet') return this.#judged(verdict, found, reference);
      this.foundValid = true;
      const decision = await this.#redeem(reference);
      if (decision.accepted) return this.#done(dataOf(decision), reference);
      // The lost try may have reached Amazon after the code was found valid: its success is what this one is denied for.
      return this.#judged(await this.#judge(decision, reference), decision, reference);
    } catch (error) {
      return this.#unknown(error);
    }
  }

  async #judge(decision: CodeDecision, { claimedAt }: Reference): Promise<Verdict> {
    const { benefitId, benefit } = this.#wish;
    const { foundValid } = this;
    const known = decision.accepted ? [] : await this.#parts.codeHistory.outcomes(`code/${this.#about.codeHash}`);
    return judgeLostRedemption({ benefitId, use: benefit.use, claimedAt, decision, foundValid, known });
  }

  #judged(verdict: Verdict, decision: CodeDecision, reference: Reference): Ended {
    if (verdict === 'redeemed') return this.#done({ redeemed: true, assumed: true }, reference);
    if (verdict === 'denied') return this.#done(dataOf(decision), reference);
    return this.#unknown('the code tells nothing');
  }

  #redeem({ redeemedAt }: Reference): Promise<CodeDecision> {
    return this.#ask((client) => client.redeem({ ...upstreamRequest(this.#wish), redeemedAt: Date.parse(redeemedAt) }));
  }

  async #ask(question: (client: OfferCodesClient) => Promise<DecidedCode>): Promise<CodeDecision> {
    const { decision, upstreamMs } = await question(this.#parts.client);
    this.upstreamMs = (this.upstreamMs ?? 0) + upstreamMs;
    return decision;
  }

  /** Undefined where the partner may be answered. */
  async #refusal(): Promise<Ended | undefined> {
    try {
      await this.#parts.guard.admit(this.#wish.partner);
      return undefined;
    } catch (error) {
      return { kind: 'refused', error };
    }
  }

  #done(data: Redeemed | Denied, { redeemedAt }: Reference): Ended {
    const occurrence = {
      subject: `code/${this.#about.codeHash}`,
      detailType: 'Offer Code Redeemed',
      data: {
        ...this.#about,
        redeemed: data.redeemed,
        redeemedAt: data.redeemed ? redeemedAt : null,
        assumed: data.redeemed && data.assumed,
        reason: data.redeemed ? null : data.reason,
      },
      ...(data.redeemed && { occurredAt: redeemedAt }),
      correlationId: this.#wish.requestId,
    };
    const { occurrences } = this.#parts;
    return { kind: 'done', status: 200, data, further: (later) => [occurrences.item(occurrence, later)] };
  }

  #unknown(cause: unknown): Ended {
    const { requestId, partner } = this.#wish;
    // Messages of our own errors hold no code; those of others may hold anything.
    const told = cause instanceof Error && !(cause instanceof UpstreamError) ? cause.name : cause;
    this.#parts.telemetry.warn('a redemption is unknown', { requestId, partner: partner.name, cause: told });
    // What is still on its way to Amazon has had its time by then.
    const retryAfterSeconds = this.#parts.settings.timeoutMs / 1_000;
    return { kind: 'unknown', error: new ApiError('REDEMPTION_UNKNOWN', undefined, retryAfterSeconds) };
  }
}

function dataOf(decision: CodeDecision): Redeemed | Denied {
  return decision.accepted ? { redeemed: true, assumed: false } : { redeemed: false, reason: decision.reason };
}

function redemptionOf(data: Redeemed | Denied, { redeemedAt }: Reference): Redemption {
  return data.redeemed
    ? { redeemed: true, redeemedAt, assumed: data.assumed }
    : { redeemed: false, reason: data.reason, message: messageOfReason(data.reason) };
}

/** The minute that an instant lies in, as ISO text. */
function toMinute(at: number): string {
  const text = new Date(at - (((at % MINUTE_MS) + MINUTE_MS) % MINUTE_MS)).toISOString();
  // An offset from UTC may have moved it out of the years that four digits can tell.
  if (!/^\d{4}-/u.test(text))
    throw new ApiError('INVALID_REQUEST', 'field redeemedAt must lie in the years 0000 to 9999');
  return text.replace('.000Z', 'Z');
}
