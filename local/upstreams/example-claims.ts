import type { ClaimOptions } from './entitlements/entitlement-options.ts';
import { createRandom } from './seeded-random.ts';

/** A claim that a later run knows again, by its identifier. */
export type ExampleClaim = ClaimOptions & { readonly entitlementId: string };

/** One claim of an account for each SKU. Deterministic, and an account's claims do not depend on the other accounts. */
export function exampleClaims(account: string, skus: readonly string[], seed = 1): ExampleClaim[] {
  return skus.map((sku) => ({ account, sku, entitlementId: uuid(seed, account, sku) }));
}

/** As many SKUs as are wanted, spelt as the document's example. */
export function exampleSkus(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `primegaming_season01_drop${String(index + 1).padStart(2, '0')}`);
}

function uuid(seed: number, account: string, sku: string): string {
  const random = createRandom(seed, 'example-claim', account, sku);
  const digits = (length: number): string => Array.from({ length }, () => random.integer(0, 15).toString(16)).join('');
  return `${digits(8)}-${digits(4)}-4${digits(3)}-${random.pick(['8', '9', 'a', 'b'])}${digits(3)}-${digits(12)}`;
}
