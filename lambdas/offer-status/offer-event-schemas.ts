import * as z from 'zod/mini';
import { changeEventDetail } from '../change-events/change-event-schema.ts';
import { holds, watchEventData } from '../change-events/watch-event-data.ts';
import { OfferChange } from './offer-changes.ts';
import type { OfferEventType } from './offer-events.ts';
import { Offer } from './offer.ts';

const identity = {
  watchId: z.string().check(z.describe('Identifier of the watched title.')),
  alid: Offer.shape.alid,
  licensor: Offer.shape.licensor.shape.organizationId,
  marketplace: Offer.shape.marketplace,
  groupingEntity: Offer.shape.groupingEntity,
};
const { added, removed, changed } = watchEventData({
  state: Offer,
  change: OfferChange,
  noun: 'offer',
  watched: 'title',
});

/** Data of `Offer Added`: the first sight of an offer. */
export const OfferAdded = z.object({ ...identity, ...added }).check(holds('after'));
export type OfferAdded = z.infer<typeof OfferAdded>;

/** Data of `Offer Removed`: a complete answer no longer holds the offer. */
export const OfferRemoved = z.object({ ...identity, ...removed }).check(holds('before'));
export type OfferRemoved = z.infer<typeof OfferRemoved>;

/** Data of `Offer Status Changed`: a status, a comment or a platform identifier, of the offer or of a window. */
export const OfferStatusChanged = z.object({ ...identity, ...changed }).check(holds('before', 'after'));
export type OfferStatusChanged = z.infer<typeof OfferStatusChanged>;

/** Data of `Offer Went Live`: the offer or a window of it reached the storefront, or appeared there. */
export const OfferWentLive = z.object({ ...identity, ...changed }).check(holds('after'));
export type OfferWentLive = z.infer<typeof OfferWentLive>;

/** Data of `Offer Blocked`: the offer or a window of it has an issue, so the partner must act. */
export const OfferBlocked = z.object({ ...identity, ...changed }).check(holds('after'));
export type OfferBlocked = z.infer<typeof OfferBlocked>;

/** Data of `Offer Window Changed`: windows came, went or moved, or a period, format profile or territory did. */
export const OfferWindowChanged = z.object({ ...identity, ...changed }).check(holds('before', 'after'));
export type OfferWindowChanged = z.infer<typeof OfferWindowChanged>;

/**
 * The whole `detail` of each event about offers, by detail type: the published JSON Schemas are made of these. No
 * function runs them, so they lie apart from what the bundles hold.
 */
export const offerEventSchemas = {
  'Offer Added': changeEventDetail(OfferAdded),
  'Offer Removed': changeEventDetail(OfferRemoved),
  'Offer Status Changed': changeEventDetail(OfferStatusChanged),
  'Offer Went Live': changeEventDetail(OfferWentLive),
  'Offer Blocked': changeEventDetail(OfferBlocked),
  'Offer Window Changed': changeEventDetail(OfferWindowChanged),
} as const satisfies Record<OfferEventType, z.ZodMiniType>;
