import { canonicalRows, rowKey } from './price-rows.ts';
import type { BuyBox, ListName, PriceSnapshot, RowOf } from './price-snapshot.ts';

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
 * The state after an answer. What could not be read is unknown, not gone: where the answer had rows for a list that nobody
 * can place, rows that it lacks are kept as they were, and so are those that share a key, since nobody can tell which of
 * them it lacks.
 */
export function pricesAfter(before: Prices | null, { snapshot, unread }: Omit<PriceReading, 'drift'>): Prices {
  const previous = before?.price;
  if (unread === 'everything') return previous ? { price: previous } : {};
  if (!previous) return hasPrice(snapshot) ? { price: snapshot } : {};
  // The offers tell who is in the Buy Box.
  const unsure = new Set([...unread, ...(unread.includes('offers') ? (['buyBox'] as const) : [])]);
  const price = [...unsure].reduce<PriceSnapshot>(
    (next, name) => ({ ...next, [name]: withUnseen(name, previous[name], next[name]) }),
    snapshot,
  );
  return hasPrice(price) ? { price } : {};
}

function withUnseen<Name extends ListName>(
  name: Name,
  known: readonly RowOf<Name>[],
  seen: readonly RowOf<Name>[],
): RowOf<Name>[] {
  const key: (row: RowOf<Name>) => string = rowKey[name];
  const [knownByKey, seenByKey] = [Map.groupBy(known, key), Map.groupBy(seen, key)];
  const rows = [...new Set([...knownByKey.keys(), ...seenByKey.keys()])].flatMap((each) => {
    const [was = [], is = []] = [knownByKey.get(each), seenByKey.get(each)];
    const [from, to] = [was[0], is[0]];
    if (from === undefined || was.length > 1 || is.length > 1) return was.length > 0 ? was : is;
    return to === undefined ? [from] : [withKnownWinners(from, to)];
  });
  return canonicalRows(name, rows);
}

/** Winners stay who they were, unless those that were seen are all others. */
function withKnownWinners<Row extends object>(from: Row, to: Row): Row {
  if (!isBuyBox(from) || !isBuyBox(to)) return to;
  const seen = new Set(to.winners.map(({ sellerId }) => sellerId));
  const mayBeSame = seen.size === 0 || from.winners.some(({ sellerId }) => seen.has(sellerId));
  return mayBeSame ? { ...to, mine: from.mine, winners: from.winners } : to;
}

function isBuyBox(row: object): row is BuyBox {
  return 'winners' in row;
}
