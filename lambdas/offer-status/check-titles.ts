import type { RecordedChange, RecordOutcome } from '../change-events/changes.store.ts';
import type { Clock } from '../shared/clock.ts';
import { RejectedError, ThrottledError, UnavailableError, UnknownThingError, UpstreamError } from '../shared/errors.ts';
import { lapOf } from '../shared/laps/slice.ts';
import type { Checks, Visit } from '../shared/laps/slice-runner.ts';
import type { Bucket, Slot } from '../shared/pacer/pacer.ts';
import type { TitleWatch } from '../shared/watches.ts';
import { parseTitleWatchId } from '../shared/watches.ts';
import type { WatchHead } from '../shared/watches.store.ts';
import { compareOffers, mergePartial } from './compare-offers.ts';
import type { OfferChange } from './offer-changes.ts';
import { announceOfferEvents } from './offer-events.ts';
import type { OfferStatusClient } from './offer-status.client.ts';
import type { Offers } from './offers.ts';
import { normaliseOffers } from './offers.ts';

/** A title that was known must be unknown for this long, in two answers, before its offers count as removed. */
const VANISHED_FOR_MS = 30_000;
/** … and for this long where no other title has been found meanwhile. */
const ALONE_VANISHED_FOR_MS = 3_600_000;
const RECORD_TRIES = 6;

export interface CheckTitlesParts {
  /** The client of the account that may ask for a licensor's titles; throws RejectedError where there is none. */
  readonly client: (licensor: string) => OfferStatusClient;
  /** Bucket of the account that may ask for a licensor's titles. */
  readonly bucketOf: (licensor: string) => string | undefined;
  /** Fetches an account's credentials, or finds them in memory. */
  readonly ready: (bucket: Bucket) => Promise<void>;
  readonly heads: (watchIds: readonly string[]) => Promise<ReadonlyMap<string, WatchHead<Offers>>>;
  readonly record: (change: RecordedChange) => Promise<RecordOutcome>;
  readonly clock: Clock;
  /** Pause before another try at a contended row, milliseconds. */
  readonly pause: (attempt: number) => number;
  readonly onDrift: (watchId: string, drift: readonly string[]) => void;
}

/** The title that was found last, by bucket. */
type Found = Map<string, { readonly watchId: string; readonly at: number }>;

/** What one answer says about a title. */
interface Sighting {
  readonly offers: Offers;
  /** Offers that are missing may still be there. */
  readonly partial: boolean;
  readonly sentAt: number;
  readonly correlationId: string;
}

/** Checks of titles at the Offer Status API: one title a request. */
export function titleChecks(parts: CheckTitlesParts, timeoutMs: number): Checks<Offers> {
  const found: Found = new Map();
  return {
    pack: 1,
    timeoutMs,
    ready: parts.ready,
    async check(heads, slot, correlationId) {
      const visits = new Map<string, Visit>();
      for (const head of heads) visits.set(head.watchId, await checkTitle(parts, found, head, slot, correlationId));
      return visits;
    },
  };
}

async function checkTitle(
  parts: CheckTitlesParts,
  found: Found,
  head: WatchHead<Offers>,
  slot: Slot,
  correlationId: string,
): Promise<Visit> {
  const startedAt = parts.clock.now();
  try {
    const watch = parseTitleWatchId(head.watchId);
    const bucketId = parts.bucketOf(watch.licensor);
    if (bucketId !== undefined && bucketId !== head.bucketId) return { kind: 'moved', bucketId };
    const asked = await ask(parts, watch, slot);
    const { offers, partial, drift } = normaliseOffers(asked.answer, watch);
    const surprises = [...asked.drift, ...drift];
    if (surprises.length > 0) parts.onDrift(head.watchId, surprises);
    found.set(head.bucketId, { watchId: head.watchId, at: asked.answeredAt });
    return await see(parts, head, { offers, partial, sentAt: asked.sentAt, correlationId });
  } catch (error) {
    // A title that the API cannot be asked for, such as `..`.
    if (error instanceof RangeError) {
      return { kind: 'failed', error: new RejectedError('InvalidRequest', error.message) };
    }
    if (!(error instanceof UpstreamError)) throw error;
    if (!(error instanceof UnknownThingError)) return { kind: 'failed', error };
    const known = Object.keys(head.state ?? {}).length > 0;
    if (known && !isGone(head, found.get(head.bucketId), startedAt)) return { kind: 'vanished', since: startedAt };
    return see(parts, head, { offers: {}, partial: false, sentAt: startedAt, correlationId });
  }
}

/**
 * Whether a known title that is unknown again is gone: some time after it first was, provided that the API has known
 * another title since. An API that knows nothing at all is out of order, not empty.
 */
function isGone(head: WatchHead<Offers>, found: { watchId: string; at: number } | undefined, now: number): boolean {
  if (head.missingSince === undefined) return false;
  const foundOther = found !== undefined && found.watchId !== head.watchId && found.at > head.missingSince;
  return now - head.missingSince >= (foundOther ? VANISHED_FOR_MS : ALONE_VANISHED_FOR_MS);
}

/** Sends the request in its slot and frees the slot as soon as the answer is there. */
async function ask(parts: CheckTitlesParts, watch: TitleWatch, slot: Slot): ReturnType<OfferStatusClient['getStatus']> {
  try {
    // A request that never left has cost the upstream nothing and may go again in the same slot.
    const asked = await parts.client(watch.licensor).getStatus(watch, {
      retryOn: 'unsent',
      onLeft: () => slot.left(),
    });
    slot.answered({ throttled: false, granted: asked.rateLimit });
    return asked;
  } catch (error) {
    slot.answered({ throttled: error instanceof ThrottledError });
    throw error;
  }
}

/** Compares what was seen with the head, and records it if that is a change. */
async function see(parts: CheckTitlesParts, first: WatchHead<Offers>, sighting: Sighting): Promise<Visit> {
  let head = first;
  for (let attempt = 1; attempt <= RECORD_TRIES; attempt += 1) {
    // An answer to an earlier request says nothing against what a later one has shown.
    if (head.lap === undefined || head.sentAt > sighting.sentAt) return { kind: 'unchanged' };
    const change = changeOf(head, sighting, parts.clock.now());
    if (change === undefined) return { kind: 'unchanged' };
    const outcome = await parts.record(change);
    if (outcome === 'recorded') return { kind: 'recorded' };
    if (outcome === 'tooLarge') {
      return {
        kind: 'failed',
        error: new RejectedError('StateTooLarge', 'the title has more offers than a row can hold'),
      };
    }
    await parts.clock.sleepUntil(parts.clock.now() + parts.pause(attempt));
    const current = (await parts.heads([head.watchId])).get(head.watchId);
    if (current === undefined) return { kind: 'unchanged' };
    head = current;
  }
  return { kind: 'failed', error: new UnavailableError('Contended', 'the row of the title is contended') };
}

/** The change to record, or undefined where the answer means the same as the head. */
function changeOf(head: WatchHead<Offers>, sighting: Sighting, now: number): RecordedChange | undefined {
  const before = head.state ?? null;
  const first = head.version === 0;
  const after = sighting.partial && before !== null ? mergePartial(before, sighting.offers) : sighting.offers;
  const changes = compareOffers(before, after);
  // The first sight of a title is recorded even when there is nothing to see yet.
  if (changes.length === 0 && !first) return undefined;
  const watch = parseTitleWatchId(head.watchId);
  return {
    watchId: head.watchId,
    seenVersion: head.version,
    seenObservedAt: head.observedAt,
    bucketId: head.bucketId,
    lap: lapOf(head.bucketId, 'steady'),
    after,
    changes: byOffer(changes),
    events: announceOfferEvents({ first, before, after, changes }),
    historyPath: `/v1/titles/${encodeURIComponent(watch.licensor)}/${encodeURIComponent(watch.alid)}/history`,
    correlationId: sighting.correlationId,
    sentAt: sighting.sentAt,
    now,
  };
}

function byOffer(changes: readonly OfferChange[]): Record<string, OfferChange[]> {
  const grouped: Record<string, OfferChange[]> = {};
  for (const change of changes) (grouped[change.offerKey] ??= []).push(change);
  return grouped;
}
