import * as z from 'zod/mini';
import type { AnnouncedEvent } from '../change-events/change-event.ts';
import type { OfferChange } from './offer-changes.ts';
import type { Offer, Offers } from './offers.ts';

/** Detail types of the events about watched titles, in the order in which one change announces them. */
export const OFFER_EVENT_TYPES = [
  'Offer Added',
  'Offer Removed',
  'Offer Status Changed',
  'Offer Went Live',
  'Offer Blocked',
  'Offer Window Changed',
] as const;
export type OfferEventType = (typeof OFFER_EVENT_TYPES)[number];

/**
 * Says which events the changes of one title announce: one for each changed offer and detail type.
 *
 * @param change `first`: whether the title is seen for the first time, which only adds offers; the snapshots before and
 *   after; and the changes between them
 * @returns events in the order of the changes' offers; at least one for each changed offer
 */
export function announceOfferEvents(change: {
  readonly first: boolean;
  readonly before: Offers | null;
  readonly after: Offers;
  readonly changes: readonly OfferChange[];
}): AnnouncedEvent[] {
  const byOffer = Map.groupBy(change.changes, ({ offerKey }) => offerKey);
  return [...byOffer].flatMap(([item, changes]) => {
    const before = change.before?.[item] ?? null;
    const after = change.after[item] ?? null;
    const offer = after ?? before;
    if (!offer) throw new RangeError(`neither snapshot holds the changed offer ${item}`);
    const announced = new Set(changes.flatMap((each) => eventTypes(each, before, after, change.first)));
    const occurredAt = instant(after?.updatedAt);
    return OFFER_EVENT_TYPES.filter((detailType) => announced.has(detailType)).map((detailType) => ({
      detailType,
      item,
      about: {
        alid: offer.alid,
        licensor: offer.licensor.organizationId,
        marketplace: offer.marketplace,
        groupingEntity: offer.groupingEntity,
      },
      ...(occurredAt === undefined ? {} : { occurredAt }),
    }));
  });
}

function eventTypes(change: OfferChange, before: Offer | null, after: Offer | null, first: boolean): OfferEventType[] {
  switch (change.change) {
    case 'offerAdded': {
      const { status, windows } = change.offer;
      return ['Offer Added', ...(first ? [] : reached(status, ...windows.map((window) => window.status)))];
    }
    case 'offerRemoved':
      return ['Offer Removed'];
    case 'statusMoved':
      return ['Offer Status Changed', ...reached(change.to)];
    case 'windowStatusMoved': {
      const from = change.from ?? before?.status;
      const to = change.to ?? after?.status;
      return ['Offer Status Changed', ...(from === to ? [] : reached(to))];
    }
    case 'commentsChanged':
    case 'windowCommentsChanged':
    case 'platformIdsGained':
    case 'platformIdsLost':
      return ['Offer Status Changed'];
    case 'windowAdded':
      // A code of its own is news; without one the window shares a status that was announced when the offer got it.
      return ['Offer Window Changed', ...reached(change.window.status)];
    case 'periodMoved':
    case 'windowRemoved':
    case 'windowMoved':
    case 'formatProfilesGained':
    case 'formatProfilesLost':
    case 'territoriesGained':
    case 'territoriesLost':
      return ['Offer Window Changed'];
  }
}

function reached(...statuses: readonly (string | null | undefined)[]): OfferEventType[] {
  return [
    ...(statuses.includes('Live') ? (['Offer Went Live'] as const) : []),
    ...(statuses.includes('Issue') ? (['Offer Blocked'] as const) : []),
  ];
}

/** A time stamp that the envelope can carry; the publisher falls back to the time of observation. */
function instant(text: string | null | undefined): string | undefined {
  return z.iso.datetime().safeParse(text).data;
}
