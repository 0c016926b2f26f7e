import type { TransactItem } from '../shared/transact.ts';
import type { GivenItem, HeldEntitlement } from './entitlement.ts';

/** What a granter made of a grant. */
export type GrantResult =
  | {
      readonly kind: 'given';
      readonly given: readonly GivenItem[];
      /** Written in the very transaction that makes the entitlement GRANTED. A condition may only be about a unique item. */
      readonly writes: readonly { readonly itemId: string; readonly write: TransactItem }[];
    }
  /** For good: a repetition would be refused as well. */
  | { readonly kind: 'refused' };

/**
 * Who gives a player the items of an entitlement. It may be asked for one grant any number of times, and gives once: the
 * built-in inventory since it writes in the transaction that records the grant, a webhook since `grantId` is its idempotency
 * key.
 *
 * @param owned unique items that the player was found to have already
 * @param deadline epoch milliseconds
 * @throws UpstreamError where it cannot be told whether the items were given; the grant is repeated later
 */
export type Granter = (
  entitlement: HeldEntitlement,
  owned: ReadonlySet<string>,
  deadline: number,
) => Promise<GrantResult>;

/** The granter of a partner. */
export type GranterOf = (partner: string) => Granter;
