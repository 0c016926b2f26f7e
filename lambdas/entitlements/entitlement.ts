import * as z from 'zod/mini';

/** An entitlement as Amazon lists it ("Calling the Entitlements API"). */
export interface ListedEntitlement {
  readonly entitlementId: string;
  /** VendorProductId. */
  readonly sku: string;
  /** NextInstruction: FULFILL, or a word that asks for nothing. */
  readonly instruction: string;
}

/** Whose entitlement, which of the partner's players. */
export interface PlayerOf {
  readonly partner: string;
  readonly playerId: string;
}

const Item = z.object({ itemId: z.string(), quantity: z.int(), kind: z.enum(['stackable', 'unique']) });

/** An item of a grant, and whether the grant gave it: what is unique may have been there before. */
export const GivenItem = z.object({ ...Item.shape, granted: z.boolean() });
export type GivenItem = z.infer<typeof GivenItem>;

/** What is kept of an entitlement, for good: by it no entitlement is granted twice. */
export const EntitlementRow = z.object({
  partner: z.string(),
  playerId: z.string(),
  entitlementId: z.string(),
  sku: z.string(),
  /** Keyed hash of the Amazon account that it is of. */
  account: z.string(),
  /**
   * CLAIMED: somebody is granting it, or has died while doing so. GRANTED: the player has the items. REPORTED: and Amazon
   * knows it. PASSED: another entitlement has its SKU, and with that the grant that may have been tried for it.
   */
  status: z.enum(['CLAIMED', 'GRANTED', 'REPORTED', 'PASSED']),
  /** Names the try that may write while it is CLAIMED. */
  fence: z.string(),
  /** Epoch milliseconds from which on another try may take a CLAIMED one over. */
  lease: z.number(),
  /**
   * What a webhook is told apart by, equal for all tries to give the player what the SKU holds: the entitlement that claimed
   * the SKU first.
   */
  grantId: z.string(),
  /** What the SKU held when it was claimed. */
  items: z.array(Item),
  /** What the grant gave; from GRANTED on. */
  given: z.optional(z.array(GivenItem)),
  /** Entitlement by which the player had the SKU already: then this one has given nothing. */
  alreadyOwnedBy: z.optional(z.string()),
  /** When the queue tries the grant again, epoch milliseconds; from the first try that failed on. */
  nextTryAt: z.optional(z.number()),
  /** Tries of the queue that have failed since the grant was queued, or redriven. */
  tries: z.optional(z.number()),
  /** Epoch milliseconds of the present status. */
  since: z.number(),
  /** Why an operator should look; the sweeper leaves a CLAIMED one alone then. */
  stuck: z.optional(z.string()),
});
export type EntitlementRow = z.infer<typeof EntitlementRow>;

/** A CLAIMED entitlement that this try holds. */
export type HeldEntitlement = EntitlementRow & { readonly status: 'CLAIMED' };
