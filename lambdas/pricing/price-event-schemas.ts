import * as z from 'zod/mini';
import { changeEventDetail } from '../change-events/change-event-schema.ts';
import { holds, watchEventData } from '../change-events/watch-event-data.ts';
import { PriceChange } from './price-changes.ts';
import type { PriceEventType } from './price-events.ts';
import { PriceSnapshot } from './price-snapshot.ts';

const identity = {
  watchId: z.string().check(z.describe('Identifier of the watched price.')),
  account: z.string().check(z.describe('Selling account, as the settings name it.')),
  view: z
    .string()
    .check(z.describe("own: the account's own price; competitive: the Buy Box; offers: the lowest offers.")),
  marketplaceId: z.string().check(z.describe("Amazon's identifier of the marketplace, such as ATVPDKIKX0DER.")),
  asin: z.nullable(z.string()).check(z.describe('ASIN; null where only the SKU is known.')),
  sku: z.nullable(z.string()).check(z.describe('Seller SKU; null where only the ASIN is known.')),
  condition: z.nullable(z.string()).check(z.describe('Condition that the watch asks for; null for any.')),
  customerType: z.string().check(z.describe('Consumer or Business: the buyers from whose point of view it is seen.')),
};
const { added, removed, changed } = watchEventData({
  state: PriceSnapshot,
  change: PriceChange,
  noun: 'price',
  watched: 'price',
});

/** Data of `Price Added`: the first sight of a price. */
export const PriceAdded = z.object({ ...identity, ...added }).check(holds('after'));
export type PriceAdded = z.infer<typeof PriceAdded>;

/** Data of `Price Removed`: there is no price any more. */
export const PriceRemoved = z.object({ ...identity, ...removed }).check(holds('before'));
export type PriceRemoved = z.infer<typeof PriceRemoved>;

/** Data of the events between the two. */
export const PriceMoved = z.object({ ...identity, ...changed }).check(holds('before', 'after'));
export type PriceMoved = z.infer<typeof PriceMoved>;

/** Data of `Watch Invalid`: Amazon refuses what the watch asks for. A price that was known is not, any more. */
export const WatchInvalid = z.object({ ...identity, ...removed }).check(holds());
export type WatchInvalid = z.infer<typeof WatchInvalid>;

/**
 * The whole `detail` of each event about prices, by detail type: the published JSON Schemas are made of these. No
 * function runs them, so they lie apart from what the bundles hold.
 */
export const priceEventSchemas = {
  'Price Added': changeEventDetail(PriceAdded),
  'Price Removed': changeEventDetail(PriceRemoved),
  'Price Changed': changeEventDetail(PriceMoved),
  'Buy Box Changed': changeEventDetail(PriceMoved),
  'Lowest Price Changed': changeEventDetail(PriceMoved),
  'Competitor Entered': changeEventDetail(PriceMoved),
  'Competitor Left': changeEventDetail(PriceMoved),
  'Offer Count Changed': changeEventDetail(PriceMoved),
  'Watch Invalid': changeEventDetail(WatchInvalid),
} as const satisfies Record<PriceEventType, z.ZodMiniType>;
