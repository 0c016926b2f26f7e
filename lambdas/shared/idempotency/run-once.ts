import { randomUUID } from 'node:crypto';
import type { Clock } from '../clock.ts';
import type { KeyedHash } from '../keyed-hash.ts';
import { ApiError, type ApiErrorCode } from '../partner-api/api-error.ts';
import type { FurtherWrites, IdempotencyStore, KeyedAnswer, KeyedRequest } from './idempotency.store.ts';

type Json = Readonly<Record<string, unknown>>;

/** How a try ended. */
export type Outcome<Data extends Json> =
  /** The effect was had, or refused for good: the answer is final. */
  | {
      readonly kind: 'done';
      readonly status: number;
      readonly data: Data;
      /** Written in one transaction with the answer. */
      readonly further?: FurtherWrites;
    }
  /** Nothing has been done. An ApiError that no repetition changes is a final answer; others leave the key free. */
  | { readonly kind: 'refused'; readonly error: unknown }
  /** Whether the effect was had is not known. The key is kept for whoever resolves it. */
  | {
      readonly kind: 'unknown';
      readonly error: unknown;
      /** Until when what an earlier try has lost may still have its effect, where this one has lost nothing. */
      readonly lostUntil?: number | undefined;
    };

/** A request that is to have its effect once. */
export interface OnceRequest {
  readonly partner: string;
  /** Idempotency-Key, which belongs to its partner. */
  readonly key: string;
  readonly operation: string;
  /** What makes the request what it is; no token, and no header. */
  readonly request: unknown;
  /** When the function ends, epoch milliseconds: until then, and a little longer, this try holds the key. */
  readonly deadline: number;
}

/**
 * The effect. What these throw counts as unknown, and the error goes on to the caller.
 *
 * @typeParam Reference small and without secrets: laid down before the first try
 * @typeParam Data small and without secrets: enough to make the answer again
 */
export interface OnceWork<Reference extends Json, Data extends Json> {
  readonly reference: Reference;
  /** The first try. */
  readonly perform: (reference: Reference) => Promise<Outcome<Data>>;
  /**
   * Another try after one of which nobody knows how far it came; it gets the first one's reference.
   *
   * @param lostUntil when the lease of the last try that may have lost something ends, epoch milliseconds: until then the
   *   effect of one may still be had
   */
  readonly resolve: (reference: Reference, lostUntil: number) => Promise<Outcome<Data>>;
  /** The outcome again of a try that has been done and could not be settled: with what is written along with its answer. */
  readonly conclude: (reference: Reference, data: Data) => Outcome<Data>;
}

export interface OnceAnswer<Reference extends Json, Data extends Json> {
  readonly status: number;
  readonly data: Data;
  readonly reference: Reference;
  /** Whether the answer had been final before this request came. */
  readonly repeated: boolean;
}

export interface OnceParts {
  readonly store: IdempotencyStore;
  readonly hash: KeyedHash;
  readonly clock: Clock;
}

/** A lease ends this long after the function has: more than clocks differ by. */
export const LEASE_MARGIN_MS = 15_000;
/** What is left of the function's time for giving up, where the answer cannot be settled. */
const GIVING_UP_MS = 1_000;
const DAY_S = 86_400;
/** How long a final answer is given again, and an open question kept, in seconds. */
export const DONE_KEPT_S = 7 * DAY_S;
export const OPEN_KEPT_S = 90 * DAY_S;

/** Statuses of ApiErrors after which the same request may succeed. */
const PASSING = [401, 408, 409, 429];

/**
 * Runs a request under its Idempotency-Key, so that it has its effect once however often it is sent, and crashes included.
 * A request that is done is answered as before. What a crash left behind is resolved once its lease has ended.
 *
 * @throws ApiError IDEMPOTENCY_KEY_REUSED where the key was used for another request, REQUEST_IN_PROGRESS where a try holds
 *   the key, and the final error of a request that ended in one; and what the work gives as its error
 */
export async function runOnce<Reference extends Json, Data extends Json>(
  { store, hash, clock }: OnceParts,
  { partner, key, operation, request, deadline }: OnceRequest,
  work: OnceWork<Reference, Data>,
): Promise<OnceAnswer<Reference, Data>> {
  const now = clock.now();
  const hold = {
    // Hashed: whatever a partner takes for its keys, such as the code itself, is not written down.
    requestId: `key|${partner}|${hash('idempotency key', [partner, key])}`,
    fence: randomUUID(),
    until: deadline,
  };
  const lease = deadline + LEASE_MARGIN_MS;
  const requestHash = hash('request', [operation, canonicalJson(request)]);

  const { requestId, fence } = hold;
  const expiresAt = Math.floor(now / 1_000) + OPEN_KEPT_S;
  // A write that failed may have been had all the same. Nothing has been done under it, and nobody is to wonder whether.
  const soon = { ...hold, until: now + GIVING_UP_MS };
  const standing = await store
    .claim({ requestId, fence, lease, requestHash, reference: work.reference, expiresAt })
    .catch((error: unknown) => failing(error, store.release(soon)));
  if (standing !== undefined) {
    if (standing.requestHash !== requestHash) throw new ApiError('IDEMPOTENCY_KEY_REUSED');
    if (standing.status === 'DONE') return givenAnswer<Reference, Data>(standing);
    if (standing.status === 'IN_FLIGHT' && now < standing.lease) throw inProgress(standing.lease - now);
    const isHeld = await store
      .takeOver(standing, { fence, lease })
      .catch((error: unknown) => failing(error, store.suspend(soon)));
    if (!isHeld) throw inProgress(1_000);
  }
  const isFirst = standing === undefined;
  const reference = isFirst ? work.reference : (standing.reference as Reference);

  const outcome = standing?.answer
    ? concluded(standing.answer, reference, work)
    : await (isFirst ? work.perform(reference) : work.resolve(reference, standing.lease)).catch(
        (error: unknown): Outcome<Data> => ({
          kind: 'unknown',
          error,
        }),
      );
  const final = finalAnswer(outcome);
  if (final === undefined) {
    // What has been unknown stays so, until it is done. Where the note cannot be made, the end of the lease says the same.
    const lostUntil = outcome.kind === 'unknown' ? outcome.lostUntil : standing?.lease;
    const giveUp = outcome.kind === 'refused' && isFirst ? store.release(hold) : store.suspend(hold, { lostUntil });
    return failing(errorOf(outcome), giveUp);
  }
  const settled = await store
    .settle(
      { ...hold, until: deadline - GIVING_UP_MS },
      final,
      Math.floor(clock.now() / 1_000) + DONE_KEPT_S,
      outcome.kind === 'done' ? outcome.further : undefined,
    )
    // What is known must not become a guess: the repeat settles it. Its own row may be written where the others may not.
    .catch((error: unknown) => failing(error, store.suspend(hold, { answer: final })));
  if (settled === 'settled') {
    if (outcome.kind !== 'done') throw outcome.error;
    return { status: outcome.status, data: outcome.data, reference, repeated: false };
  }
  // Another try has taken the key over, and has the last word.
  if (settled?.status === 'DONE') return givenAnswer(settled);
  throw inProgress(settled === undefined ? 1_000 : settled.lease - clock.now());
}

/** Fails with the error once what follows from it has been written, or cannot be. */
async function failing(error: unknown, write: Promise<void>): Promise<never> {
  await write.catch(() => undefined);
  throw error;
}

/** The outcome of which an earlier try has left the answer. */
function concluded<Reference extends Json, Data extends Json>(
  { status, data }: KeyedAnswer,
  reference: Reference,
  work: OnceWork<Reference, Data>,
): Outcome<Data> {
  return status >= 400 ? { kind: 'refused', error: errorFrom(data) } : work.conclude(reference, data as Data);
}

/** What is kept of an outcome that no repetition changes; undefined where one may. */
function finalAnswer(outcome: Outcome<Json>): KeyedAnswer | undefined {
  if (outcome.kind === 'done') return { status: outcome.status, data: outcome.data };
  if (outcome.kind === 'unknown' || !(outcome.error instanceof ApiError)) return undefined;
  const { status, code, message } = outcome.error;
  return status < 500 && !PASSING.includes(status) ? { status, data: { code, message } } : undefined;
}

function givenAnswer<Reference extends Json, Data extends Json>(row: KeyedRequest): OnceAnswer<Reference, Data> {
  if (row.answer === undefined) throw new Error('a request that is done has no answer');
  const { status, data } = row.answer;
  if (status >= 400) throw errorFrom(data);
  return { status, data: data as Data, reference: row.reference as Reference, repeated: true };
}

function errorFrom(data: Json): ApiError {
  return new ApiError(data['code'] as ApiErrorCode, String(data['message']));
}

function errorOf(outcome: Outcome<Json>): unknown {
  return outcome.kind === 'done' ? undefined : outcome.error;
}

function inProgress(forMs: number): ApiError {
  return new ApiError('REQUEST_IN_PROGRESS', undefined, Math.max(1, forMs / 1_000));
}

/** Equal values give equal texts, in whichever order their fields came. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value ?? null);
  const fields = Object.entries(value)
    .filter(([, field]) => field !== undefined)
    .sort(([left], [right]) => (left < right ? -1 : 1));
  return `{${fields.map(([name, field]) => `${JSON.stringify(name)}:${canonicalJson(field)}`).join(',')}}`;
}
