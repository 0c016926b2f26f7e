import * as z from 'zod/mini';

/** How a SKU is spelt ("Content Preparation": letters, digits, hyphens, underscores, colons and periods). */
export const Sku = z.string().check(
  z.regex(/^[A-Za-z0-9._:-]{1,200}$/, {
    error: 'expected 1 to 200 letters, digits and . _ : -, as VendorProductIds are spelt',
  }),
);

/** Something that a player gets. */
export const SkuItem = z.strictObject({
  itemId: z
    .string()
    .check(
      z.regex(/^[\x21-\x7e]{1,200}$/, { error: 'expected 1 to 200 visible ASCII characters' }),
      z.describe("The game's own name of the item."),
    ),
  quantity: z
    ._default(z.int().check(z.gte(1), z.lte(1_000_000_000)), 1)
    .check(z.describe('How many; 1 of what is unique.')),
  kind: z
    .enum(['stackable', 'unique'])
    .check(z.describe('stackable: more of it can be had, such as coins. unique: had or not, such as a skin.')),
});
export type SkuItem = z.infer<typeof SkuItem>;

/** Most items of one SKU: they are granted in one transaction, beside what records the grant. */
export const MOST_ITEMS = 90;
/** What a SKU holds. */
export const SkuItems = z.array(SkuItem).check(
  z.minLength(1, { error: 'expected at least one item' }),
  z.maxLength(MOST_ITEMS, { error: `expected at most ${MOST_ITEMS} items` }),
  z.refine((items) => new Set(items.map(({ itemId }) => itemId)).size === items.length, {
    error: 'expected each item once',
  }),
  z.refine((items) => items.every(({ kind, quantity }) => kind === 'stackable' || quantity === 1), {
    error: 'expected quantity 1 of items that are unique',
  }),
);
