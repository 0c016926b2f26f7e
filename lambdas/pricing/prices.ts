import { canonicalRows, MOST_LISTED_OFFERS, rowKey } from './price-rows.ts';
import type { BuyBox, ListName, PartName, PriceSnapshot, RowOf } from './price-snapshot.ts';

/** The state of a price watch by item. There is one item, and none where there is no price. */
export interface Prices {
  readonly price?: PriceSnapshot;
}

/** Key of the one item of a price watch. */
export const PRICE_ITEM = 'price';

/** What an answer says. */
export interface PriceReading {
  readonly snapshot: PriceSnapshot;
  /** Parts that nobody can read or place, so that what they lack may still be there; or everything. */
  readonly unread: readonly PartName[] | 'everything';
  /** Surprises, to be counted and looked at. */
  readonly drift: string[];
}

/**
 * Whether there is anything to tell: an own offer, a competitive price or, in the condition asked for, an offer, a Buy
 * Box, a lowest price or a number of offers. An item whose Buy Box nobody has is still on sale.
 */
export function hasPrice(snapshot: PriceSnapshot): boolean {
  const asked = (row: { condition?: string | undefined }): boolean =>
    snapshot.condition === undefined || row.condition === snapshot.condition;
  return (
    snapshot.own.length > 0 ||
    snapshot.competitive.length > 0 ||
    snapshot.offers.length > 0 ||
    snapshot.buyBox.some(asked) ||
    snapshot.lowest.some(asked) ||
    snapshot.offerCounts.some((row) => asked(row) && row.count > 0)
  );
}

/**
 * The state after an answer. What could not be read is unknown, not gone: where the answer had rows for a list that nobody
 * can place, rows that it lacks are kept as they were, and so are those that share a key, since nobody can tell which of
 * them it lacks. A price of reference that cannot be read stays, too. Of more offers than Amazon lists none is kept: they
 * may have left the list.
 */
export function pricesAfter(before: Prices | null, { snapshot, unread }: Omit<PriceReading, 'drift'>): Prices {
  const previous = before?.price;
  if (unread === 'everything') return previous ? { price: previous } : {};
  if (!previous) return hasPrice(snapshot) ? { price: snapshot } : {};
  // The offers tell who is in the Buy Box.
  const unsure = new Set([...unread, ...(unread.includes('offers') ? (['buyBox'] as const) : [])]);
  const price = [...unsure].reduce<PriceSnapshot>((next, name) => withKnown(name, previous, next), snapshot);
  return hasPrice(price) ? { price } : {};
}

function withKnown(name: PartName, previous: PriceSnapshot, next: PriceSnapshot): PriceSnapshot {
  switch (name) {
    case 'listPrice':
    case 'competitivePriceThreshold':
    case 'suggestedLowerPrice':
    case 'tradeInValue':
      return previous[name] === undefined ? next : { ...next, [name]: previous[name] };
    case 'offers': {
      const isWindow = (next.totalOfferCount ?? 0) > MOST_LISTED_OFFERS && next.offers.length > 0;
      const offers = isWindow ? next.offers : withUnseen(name, previous.offers, next.offers);
      return { ...next, offers: offers.slice(0, MOST_LISTED_OFFERS) };
    }
    default:
      return { ...next, [name]: withUnseen(name, previous[name], next[name]) };
  }
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
