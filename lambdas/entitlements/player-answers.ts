import * as z from 'zod/mini';
import { pageOf, type AnswerBodies } from '../shared/partner-api/answer-fields.ts';
import { OUTCOMES } from './outcomes.ts';

export const GivenItemBody = z.object({
  itemId: z.string(),
  quantity: z.int(),
  kind: z.enum(['stackable', 'unique']),
  granted: z
    .boolean()
    .check(z.describe('False where the item is unique, and the player had it before this entitlement was granted.')),
});

export const FulfilledEntitlement = z.object({
  entitlementId: z.string(),
  sku: z.string().check(z.describe('VendorProductId.')),
  outcome: z
    .enum(OUTCOMES)
    .check(
      z.describe(
        'granted: the player has the items through this entitlement. alreadyOwned: through another one of the same SKU. ' +
          'pending: not granted yet, call again. failed: not granted, see reason. skipped: Amazon wants nothing done.',
      ),
    ),
  reported: z
    .boolean()
    .check(z.describe('Whether Amazon knows. Where it is granted and not reported, the next call reports it.')),
  reason: z
    .nullable(z.string())
    .check(
      z.describe(
        'Why it is pending or failed, or why it is not reported; null where nothing is amiss. docs/entitlements.md lists them.',
      ),
    ),
  items: z
    .array(GivenItemBody)
    .check(z.describe('What the SKU held when it was claimed; empty where nothing was granted.')),
});
export type FulfilledEntitlement = z.infer<typeof FulfilledEntitlement>;

export const Fulfilment = z.object({
  entitlements: z.array(FulfilledEntitlement).check(z.describe('Everything that was open, in the order of Amazon.')),
  complete: z.boolean().check(z.describe('Whether nothing is left to be done: no later call would do more by itself.')),
});
export type Fulfilment = z.infer<typeof Fulfilment>;

export const InventoryItem = z.object({
  itemId: z.string(),
  quantity: z
    .int()
    .check(z.describe('How many have been given in all; what the player has used up is not known here.')),
  kind: z.enum(['stackable', 'unique']),
  updatedAt: z.string().check(z.describe('ISO instant of the latest grant.')),
});
export type InventoryItem = z.infer<typeof InventoryItem>;

export const playerAnswers = {
  fulfilEntitlements: { 200: Fulfilment },
  readInventory: { 200: pageOf(InventoryItem) },
} as const satisfies AnswerBodies;
