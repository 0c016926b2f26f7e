import { describe, expect, it } from 'vitest';
import { exampleClaims, exampleSkus } from '../../local/upstreams/example-claims.ts';

describe('the example claims', () => {
  it('are one for each SKU, the same for the same seed and account, and others otherwise', () => {
    const claims = exampleClaims('anna', exampleSkus(3), 7);
    expect(claims.map(({ sku }) => sku)).toEqual([1, 2, 3].map((number) => `primegaming_season01_drop0${number}`));
    expect(exampleClaims('anna', exampleSkus(3), 7)).toEqual(claims);
    expect(exampleClaims('anna', exampleSkus(9), 7).slice(0, 3)).toEqual(claims);
    const all = [claims, exampleClaims('anna', exampleSkus(3), 8), exampleClaims('bob', exampleSkus(3), 7)].flat();
    expect(new Set(all.map(({ entitlementId }) => entitlementId)).size).toBe(9);
    for (const { entitlementId } of all) {
      expect(entitlementId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    }
  });
});
