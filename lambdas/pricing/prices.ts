import { canonicalRows, rowKey } from './price-rows.ts';
import type { ListName, PriceSnapshot, RowOf } from './price-snapshot.ts';

/** The state of a price watch by item. There is one item, and none where there is no price. */
export interface Prices {
  readonly price?: PriceSnapshot;
}

/** Key of the one item of a price watch. */
export const PRICE_ITEM = 'price';

/** What an answer says. */
export interface PriceReading {
  readonly snapshot: PriceSnapshot;
  /** Lists with rows that nobody can place, so that what they lack may still be there; or everything. */
  readonly unread: readonly ListName[] | 'everything';
  /** Surprises, to be counted and looked at. */
  readonly drift: string[];
}

/**
 * Whether there is any price to tell: an own offer, a competitive price or, in the condition asked for, an offer, a Buy
 * Box or a lowest price.
 */
export function hasPrice(snapshot: PriceSnapshot): boolean {
  const asked = (row: { condition: string }): boolean =>
    snapshot.condition === undefined || row.condition === snapshot.condition;
  return (
    snapshot.own.length > 0 ||
    snapshot.competitive.length > 0 ||
    snapshot.offers.length > 0 ||
    snapshot.buyBox.some(asked) ||
    snapshot.lowest.some(asked)
  );
}

/**
 * The state after an answer. What could not be read is unknown, not gone: rows that a list lacks are kept as they were
 * where the answer had rows for it that nobody can place.
 */
export function pricesAfter(before: Prices | null, { snapshot, unread }: Omit<PriceReading, 'drift'>): Prices {
  const previous = before?.price;
  if (unread === 'everything') return previous ? { price: previous } : {};
  const price = previous ? unread.reduce((next, name) => withUnseen(name, previous, next), snapshot) : snapshot;
  return hasPrice(price) ? { price } : {};
}

function withUnseen(name: ListName, previous: PriceSnapshot, next: PriceSnapshot): PriceSnapshot {
  return { ...next, [name]: canonicalRows(name, [...next[name], ...unseen(name, previous[name], next[name])]) };
}

function unseen<Name extends ListName>(
  name: Name,
  known: readonly RowOf<Name>[],
  seen: readonly RowOf<Name>[],
): RowOf<Name>[] {
  const key: (row: RowOf<Name>) => string = rowKey[name];
  const keys = new Set(seen.map(key));
  return known.filter((row) => !keys.has(key(row)));
}
