import * as z from 'zod/mini';
import { changeEventDetail } from '../change-events/change-event-schema.ts';

const about = {
  partner: z.string().check(z.describe('Partner whose player it is, as the settings name it.')),
  playerId: z.string().check(z.describe("The game's identifier of the player, as Amazon gets it.")),
  entitlementId: z.string().check(z.describe('EntitlementId of Amazon.')),
  sku: z.string().check(z.describe('VendorProductId.')),
};

const items = z
  .array(
    z.object({
      itemId: z.string(),
      quantity: z.int(),
      kind: z.enum(['stackable', 'unique']),
      granted: z.boolean().check(z.describe('False where the item is unique, and the player had it already.')),
    }),
  )
  .check(z.describe('What the SKU held when it was claimed; empty where another entitlement had granted it.'));

/** Data of `Entitlement Granted`: the player has the items. One event for each entitlement. */
export const EntitlementGranted = z.object({
  ...about,
  items,
  alreadyOwnedBy: z
    .nullable(z.string())
    .check(
      z.describe('EntitlementId by which the player has the SKU already, so that nothing was granted; else null.'),
    ),
});
export type EntitlementGranted = z.infer<typeof EntitlementGranted>;

/** Data of `Entitlement Reported`: Amazon knows that the player has the items, or the entitlement is no longer open. */
export const EntitlementReported = z.object({
  ...about,
  assumed: z
    .boolean()
    .check(z.describe('True where Amazon did not confirm a report, and was found to list the entitlement no more.')),
});
export type EntitlementReported = z.infer<typeof EntitlementReported>;

/** Data of `Entitlement Stuck`: somebody should look. One event for each reason that an entitlement gets stuck by. */
export const EntitlementStuck = z.object({
  ...about,
  status: z
    .enum(['CLAIMED', 'GRANTED'])
    .check(z.describe('CLAIMED: the items are not granted. GRANTED: Amazon does not know of it yet.')),
  reason: z.string().check(z.describe('A code, such as GRANTER_REFUSED, GRANTER_UNAVAILABLE or NOT_REPORTED.')),
  since: z.string().check(z.describe('ISO instant at which the entitlement got its present status.')),
});
export type EntitlementStuck = z.infer<typeof EntitlementStuck>;

/** The whole `detail` of each event about entitlements, by detail type. No function runs these. */
export const entitlementEventSchemas = {
  'Entitlement Granted': changeEventDetail(EntitlementGranted),
  'Entitlement Reported': changeEventDetail(EntitlementReported),
  'Entitlement Stuck': changeEventDetail(EntitlementStuck),
} as const;
