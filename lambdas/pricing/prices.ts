import { matchRows } from './match-rows.ts';
import { canonicalRows, rowKey } from './price-rows.ts';
import type { BuyBox, ListName, PriceSnapshot, RowOf } from './price-snapshot.ts';
import { rowDiffers, type Differs } from './row-differences.ts';

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
  if (!previous) return hasPrice(snapshot) ? { price: snapshot } : {};
  // Both lists tell who is in the Buy Box.
  const isWinnerUnsure = unread.includes('buyBox') || unread.includes('offers');
  const sure = isWinnerUnsure ? withKnownWinners(previous, snapshot) : snapshot;
  const price = unread.reduce((next, name) => withUnseen(name, previous, next), sure);
  return hasPrice(price) ? { price } : {};
}

function withUnseen(name: ListName, previous: PriceSnapshot, next: PriceSnapshot): PriceSnapshot {
  return { ...next, [name]: canonicalRows(name, [...next[name], ...unseen(name, previous[name], next[name])]) };
}

/** Rows that are missing: none of those seen is alike, nor may be what they have become. */
function unseen<Name extends ListName>(
  name: Name,
  known: readonly RowOf<Name>[],
  seen: readonly RowOf<Name>[],
): RowOf<Name>[] {
  const key: (row: RowOf<Name>) => string = rowKey[name];
  const differs: Differs<RowOf<Name>> = rowDiffers[name];
  const isAmong = (rows: readonly RowOf<Name>[], row: RowOf<Name>): boolean =>
    rows.some((other) => key(other) === key(row) && !differs(row, other));
  const gone = known.filter((row) => !isAmong(seen, row));
  const come = seen.filter((row) => !isAmong(known, row));
  return matchRows(gone, come, key).flatMap(({ from, to }) => (from !== null && to === null ? [from] : []));
}

/** Winners stay who they were, unless those that were seen are all others. */
function withKnownWinners(previous: PriceSnapshot, next: PriceSnapshot): PriceSnapshot {
  const sellers = (box: BuyBox): string[] => box.winners.map(({ sellerId }) => sellerId);
  const known = matchRows(previous.buyBox, next.buyBox, rowKey.buyBox, (from, to) => from.landed === to.landed);
  const buyBox = next.buyBox.map((box) => {
    const was = known.find(({ to }) => to === box)?.from;
    if (!was) return box;
    const mayBeSame = box.winners.length === 0 || sellers(was).some((seller) => sellers(box).includes(seller));
    return mayBeSame ? { ...box, mine: was.mine, winners: was.winners } : box;
  });
  return { ...next, buyBox: canonicalRows('buyBox', buyBox) };
}
