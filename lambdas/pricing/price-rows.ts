import type { ListedOffer, ListName, PriceSnapshot, RowOf } from './price-snapshot.ts';

const text = (...parts: readonly (string | number | undefined)[]): string =>
  JSON.stringify(parts.map((part) => part ?? null));

/** What makes a row the same one while the rest of it changes. Few rows share a key, but they may. */
export const rowKey: { readonly [Name in ListName]: (row: RowOf<Name>) => string } = {
  own: (row) => text(row.condition, row.customerType, row.sku),
  buyBox: (row) => text(row.condition, row.customerType, row.quantityTier),
  lowest: (row) => text(row.condition, row.channel, row.customerType, row.quantityTier),
  competitive: (row) => text(row.id, row.condition, row.customerType, row.quantityTier),
  offers: (row) => text(row.sellerId, row.customerType),
  offerCounts: (row) => text(row.condition, row.channel),
  buyBoxEligible: (row) => text(row.condition, row.channel),
  salesRanks: (row) => text(row.category),
};

/** A row as text: equal rows are equal text, whatever the order of their fields, which tables do not keep. */
export function rowText(row: unknown): string {
  return JSON.stringify(row, (_, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([left], [right]) => compareText(left, right)))
      : value,
  );
}

/** Rows of a list in their one order, each once. */
export function canonicalRows<Name extends ListName>(name: Name, rows: readonly RowOf<Name>[]): RowOf<Name>[] {
  const key: (row: RowOf<Name>) => string = rowKey[name];
  const byText = new Map(rows.map((row) => [rowText(row), row]));
  return [...byText]
    .map(([whole, row]) => ({ row, key: key(row), whole }))
    .sort((left, right) => compareText(left.key, right.key) || compareText(left.whole, right.whole))
    .map(({ row }) => row);
}

/** By code unit, in the same order on every machine. */
export function compareText(left: string, right: string): number {
  return left < right ? -1 : Number(left > right);
}

/** Offers in their one order, each once, with the number of those that look alike. */
export function countedOffers(offers: readonly ListedOffer[]): ListedOffer[] {
  const groups = Map.groupBy(offers, rowText).values();
  const counted = [...groups].flatMap(([offer, ...others]) => {
    if (offer === undefined) return [];
    return [others.length === 0 ? offer : { ...offer, alike: others.length + 1 }];
  });
  return canonicalRows('offers', counted);
}

/** Whether the listed offers are all there are; more than twenty never are. */
export function isComplete({ offers, totalOfferCount }: PriceSnapshot): boolean {
  const listed = offers.reduce((sum, { alike = 1 }) => sum + alike, 0);
  return totalOfferCount === listed && listed <= MOST_LISTED_OFFERS;
}

/** Most offers that Amazon lists ("OfferDetailList"). */
export const MOST_LISTED_OFFERS = 20;

/** What a snapshot says of itself. */
export const DETAILS = ['currency', 'status', 'asin', 'sku', 'condition'] as const satisfies (keyof PriceSnapshot)[];
