import type { HeldEntitlement, EntitlementRow } from './entitlement.ts';
import type { EntitlementStore, WriteOptions } from './entitlements.store.ts';
import type { GranterOf } from './granter.ts';

export interface GrantParts {
  readonly store: Pick<EntitlementStore, 'grant'>;
  readonly granterOf: GranterOf;
}

export interface GrantOptions extends WriteOptions {
  /** When a webhook has to have answered, epoch milliseconds. */
  readonly deadline: number;
}

export type Granted =
  | { readonly kind: 'granted'; readonly row: EntitlementRow }
  /** Another try has taken it over, or it is gone: the row as it is now. */
  | { readonly kind: 'lost'; readonly row: EntitlementRow | undefined }
  | { readonly kind: 'refused' };

/**
 * Gives the player what a held entitlement is for, and records it. It may be done over again after whatever went wrong.
 *
 * @throws UpstreamError where a webhook cannot tell, and what keeps DynamoDB from writing
 */
export async function grantEntitlement(
  { store, granterOf }: GrantParts,
  held: HeldEntitlement,
  options: GrantOptions,
): Promise<Granted> {
  const granter = granterOf(held.partner);
  const owned = new Set<string>();
  for (;;) {
    const result = await granter(held, owned, options.deadline);
    if (result.kind === 'refused') return result;
    const written = await store.grant(held, result, options);
    if (written.kind !== 'owned') return written;
    const before = owned.size;
    for (const itemId of written.itemIds) owned.add(itemId);
    if (owned.size === before) throw new Error('the granter keeps giving what the player has');
  }
}
