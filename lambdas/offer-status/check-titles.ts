import type { RecordedChange } from '../change-events/changes.store.ts';
import type { RecordSightingParts } from '../change-events/record-sighting.ts';
import { recordSighting } from '../change-events/record-sighting.ts';
import { RejectedError, ThrottledError, UnknownThingError, UpstreamError } from '../shared/errors.ts';
import { Disappearance } from '../shared/laps/disappearance.ts';
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

export interface CheckTitlesParts extends RecordSightingParts<Offers> {
  /** The client of the account that may ask for a licensor's titles; throws RejectedError where there is none. */
  readonly client: (licensor: string) => OfferStatusClient;
  /** Bucket of the account that may ask for a licensor's titles. */
  readonly bucketOf: (licensor: string) => string | undefined;
  /** Fetches an account's credentials, or finds them in memory. */
  readonly ready: (bucket: Bucket) => Promise<void>;
  readonly onDrift: (watchId: string, drift: readonly string[]) => void;
}

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
  const disappearance = new Disappearance();
  return {
    timeoutMs,
    ready: parts.ready,
    async check(_bucket, heads, slot, correlationId) {
      const visits = new Map<string, Visit>();
      for (const head of heads)
        visits.set(head.watchId, await checkTitle(parts, disappearance, head, slot, correlationId));
      return visits;
    },
  };
}

async function checkTitle(
  parts: CheckTitlesParts,
  disappearance: Disappearance,
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
    disappearance.found(head, asked.answeredAt);
    return await see(parts, head, { offers, partial, sentAt: asked.sentAt, correlationId });
  } catch (error) {
    // A title that the API cannot be asked for, such as `..`.
    if (error instanceof RangeError) {
      return { kind: 'failed', error: new RejectedError('InvalidRequest', error.message) };
    }
    if (!(error instanceof UpstreamError)) throw error;
    if (!(error instanceof UnknownThingError)) return { kind: 'failed', error };
    const known = Object.keys(head.state ?? {}).length > 0;
    if (known && !disappearance.isGone(head, startedAt)) return { kind: 'vanished', since: startedAt };
    return see(parts, head, { offers: {}, partial: false, sentAt: startedAt, correlationId });
  }
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
function see(parts: CheckTitlesParts, head: WatchHead<Offers>, sighting: Sighting): Promise<Visit> {
  return recordSighting(
    parts,
    head,
    sighting.sentAt,
    (current) => changeOf(current, sighting, parts.clock.now()) ?? { kind: 'unchanged' },
  );
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
    historyPath: `/v1/titles/${encodeURIComponent(watch.licensor)}/${encodeURIComponent(watch.alid)}/history?marketplace=${watch.marketplace}`,
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
