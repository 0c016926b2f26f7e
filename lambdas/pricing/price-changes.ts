import * as z from 'zod/mini';
import { canonicalRows, DETAILS, rowText } from './price-rows.ts';
import type { ListName, RowOf } from './price-snapshot.ts';
import {
  BuyBox,
  CompetitivePrice,
  ListedOffer,
  LowestPrice,
  OfferCount,
  OwnPrice,
  PriceSnapshot,
  REFERENCE_PRICES,
  SalesRank,
} from './price-snapshot.ts';
import type { Prices } from './prices.ts';

const count = z.nullable(z.int());
const words = z.nullable(z.string());
/** Both sides of what changed; null where there was or is none. */
const sides = <Side extends z.ZodMiniType>(side: Side) => ({
  from: z.nullable(side).check(z.describe('As it was; null: there was none.')),
  to: z.nullable(side).check(z.describe('As it is; null: there is none any more.')),
});
const change = <Name extends string>(name: Name) => ({ change: z.literal(name) });

/** One named difference between two snapshots of a price. */
export const PriceChange = z.discriminatedUnion('change', [
  z.object({ ...change('priceAdded'), price: PriceSnapshot }),
  z.object({ ...change('priceRemoved') }),
  z.object({
    ...change('watchInvalid'),
    code: z.string().check(z.describe("Amazon's error code, such as InvalidInput.")),
    message: z.string().check(z.describe('What Amazon has against the watch.')),
  }),
  z.object({ ...change('ownPriceChanged'), ...sides(OwnPrice) }),
  z.object({
    ...change('buyBoxChanged'),
    outcome: z
      .enum(['won', 'lost', 'moved'])
      .check(z.describe('Whether the account won the Buy Box, lost it, or it moved in price or among others.')),
    ...sides(BuyBox),
  }),
  z.object({ ...change('lowestPriceChanged'), ...sides(LowestPrice) }),
  z.object({ ...change('competitivePriceChanged'), ...sides(CompetitivePrice) }),
  z.object({ ...change('offerChanged'), ...sides(ListedOffer) }),
  z.object({ ...change('totalOfferCountChanged'), from: count, to: count }),
  z.object({ ...change('offerCountChanged'), ...sides(OfferCount) }),
  z.object({ ...change('buyBoxEligibleChanged'), ...sides(OfferCount) }),
  z.object({ ...change('referencePriceChanged'), price: z.enum(REFERENCE_PRICES), from: words, to: words }),
  z.object({ ...change('salesRankChanged'), ...sides(SalesRank) }),
  z.object({ ...change('detailChanged'), detail: z.enum(DETAILS), from: words, to: words }),
]);
export type PriceChange = z.infer<typeof PriceChange>;

/**
 * Replays changes: where `comparePrices(before, after)` tells anything, `applyPriceChanges(before, …)` equals `after`.
 *
 * @throws RangeError when a change names a price or a row that the state does not hold
 */
export function applyPriceChanges(before: Prices | null, changes: readonly PriceChange[]): Prices {
  return changes.reduce<Prices>(applyPriceChange, { ...before });
}

function applyPriceChange(state: Prices, change: PriceChange): Prices {
  if (change.change === 'priceAdded') return { price: change.price };
  if (change.change === 'watchInvalid') return {};
  const { price } = state;
  if (!price) throw new RangeError(`no price for ${change.change}`);
  if (change.change === 'priceRemoved') return {};
  return { price: applyToSnapshot(price, change) };
}

type ChangeWithin = Exclude<PriceChange, { change: 'priceAdded' | 'priceRemoved' | 'watchInvalid' }>;

function applyToSnapshot(price: PriceSnapshot, change: ChangeWithin): PriceSnapshot {
  switch (change.change) {
    case 'ownPriceChanged':
      return { ...price, own: replaced('own', price.own, change) };
    case 'buyBoxChanged':
      return { ...price, buyBox: replaced('buyBox', price.buyBox, change) };
    case 'lowestPriceChanged':
      return { ...price, lowest: replaced('lowest', price.lowest, change) };
    case 'competitivePriceChanged':
      return { ...price, competitive: replaced('competitive', price.competitive, change) };
    case 'offerChanged':
      return { ...price, offers: replaced('offers', price.offers, change) };
    case 'offerCountChanged':
      return { ...price, offerCounts: replaced('offerCounts', price.offerCounts, change) };
    case 'buyBoxEligibleChanged':
      return { ...price, buyBoxEligible: replaced('buyBoxEligible', price.buyBoxEligible, change) };
    case 'salesRankChanged':
      return { ...price, salesRanks: replaced('salesRanks', price.salesRanks, change) };
    case 'totalOfferCountChanged':
      return withField(price, 'totalOfferCount', change.to);
    case 'referencePriceChanged':
      return withField(price, change.price, change.to);
    case 'detailChanged':
      return withField(price, change.detail, change.to);
  }
}

function replaced<Name extends ListName>(
  name: Name,
  rows: readonly RowOf<Name>[],
  { from, to }: { from: RowOf<Name> | null; to: RowOf<Name> | null },
): RowOf<Name>[] {
  const left = from === null ? rows : rows.filter((row) => rowText(row) !== rowText(from));
  if (from !== null && left.length === rows.length) throw new RangeError(`no such row in ${name}`);
  return canonicalRows(name, to === null ? left : [...left, to]);
}

function withField(price: PriceSnapshot, name: keyof PriceSnapshot, value: string | number | null): PriceSnapshot {
  const { [name]: _, ...rest } = price;
  return { ...rest, ...(value !== null && { [name]: value }) } as PriceSnapshot;
}
