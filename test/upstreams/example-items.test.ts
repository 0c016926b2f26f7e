import { describe, expect, it } from 'vitest';
import { EXAMPLE_MARKETPLACES, exampleItems } from '../../local/upstreams/example-items.ts';
import { SHOP, startPricing, DE } from './running-pricing.ts';

describe('the example items', () => {
  it('are the same every time, and a longer catalogue begins with the shorter one', () => {
    expect(exampleItems(300, 4)).toEqual(exampleItems(300, 4));
    expect(exampleItems(300, 4).slice(0, 100)).toEqual(exampleItems(100, 4));
    expect(exampleItems(5, 4)).not.toEqual(exampleItems(5, 5));
    expect(exampleItems()).toHaveLength(120);
  });

  it('have distinct ASINs and SKUs in each marketplace, well formed and awkward', () => {
    const items = exampleItems(9000);
    expect(new Set(items.map(({ marketplaceId }) => marketplaceId))).toEqual(new Set(EXAMPLE_MARKETPLACES));
    const [first] = EXAMPLE_MARKETPLACES;
    const products = items.filter(({ marketplaceId }) => marketplaceId === first);
    expect(products).toHaveLength(3000);
    expect(new Set(products.map(({ asin }) => asin)).size).toBe(3000);
    for (const { asin, name } of products) {
      expect(asin).toMatch(/^[A-Z0-9]{10}$/);
      expect(name.length).toBeGreaterThan(10);
    }
    const skus = products.flatMap(({ sku }) => sku ?? []);
    expect(new Set(skus).size).toBe(skus.length);
    expect(skus.length).toBeLessThan(3000);
    for (const awkward of [' ', '/', '+', '%', '"', "'", 'ß', '茶', '#', '?', '&']) {
      expect(skus.some((sku) => sku.includes(awkward))).toBe(true);
    }
    // No list parameter could carry it.
    expect(skus.some((sku) => sku.includes(','))).toBe(false);
  });

  it('are sold where asked, and every SKU reaches its item', async () => {
    const items = exampleItems(40, 1, [DE]);
    const { listingOffers, price } = await startPricing({ accounts: [{ ...SHOP, marketplaces: [DE] }], items });
    for (const { sku } of items) {
      if (sku === undefined) continue;
      expect(await listingOffers(sku, { MarketplaceId: DE })).toMatchObject({
        status: 200,
        json: { payload: { SKU: sku } },
      });
      const listed = await price({ MarketplaceId: DE, ItemType: 'Sku', Skus: sku });
      expect(listed.json.payload).toMatchObject([{ status: 'Success', SellerSKU: sku }]);
    }
  });
});
