import { matchRows, type RowDifference } from './match-rows.ts';
import { reaches } from './money.ts';
import type { PriceChange } from './price-changes.ts';
import { DETAILS, isComplete, REFERENCE_PRICES, rowKey } from './price-rows.ts';
import type { BuyBox, ListName, PriceSnapshot, RowOf } from './price-snapshot.ts';
import type { PriceTuning } from './price-tuning.ts';
import type { Prices } from './prices.ts';
import { rowDiffers, sameKind, sameWinners, type Differs } from './row-differences.ts';

/**
 * Names what differs between two states of a price watch. Nothing is told until a difference counts (see
 * `changeCounts`); then everything that differs is, so that the changes lead from one state to the other exactly. What
 * was not told is compared again with the next answer, so that a slow drift counts once it has come far enough.
 *
 * @param before the state that was told last; null when the watch was never seen
 * @returns changes in a fixed order; empty when nothing counts
 */
export function comparePrices(before: Prices | null, after: Prices, tuning: PriceTuning = {}): PriceChange[] {
  const [from, to] = [before?.price, after.price];
  if (!to) return from ? [{ change: 'priceRemoved' }] : [];
  if (!from) return [{ change: 'priceAdded', price: to }];
  const changes = differences(from, to);
  return changes.some((change) => changeCounts(change, from, to, tuning)) ? changes : [];
}

/**
 * Whether something became absent that may only be missing from this answer: the whole price, a row, a price or another
 * field of one. Offers that leave a list count only where the list is complete and the total agrees.
 */
export function losesParts(before: PriceSnapshot, after: PriceSnapshot | undefined): boolean {
  if (!after) return true;
  return differences(before, after).some((change) => {
    if (change.change === 'salesRankChanged' || !('to' in change)) return false;
    const { from, to } = change;
    if (from === null) return false;
    if (change.change === 'offerChanged' && to === null) {
      // It may be there, without its seller's name.
      return change.from?.sellerId !== undefined && after.offers.some(({ sellerId }) => sellerId === undefined);
    }
    if (to === null) return true;
    return typeof from === 'object' && typeof to === 'object' && lacks(from, to);
  });
}

/** Fields that are there or not: to lose one is another value. */
const FLAGS: ReadonlySet<string> = new Set<keyof PriceSnapshot['offers'][number]>(['buyBoxWinner']);

/** Whether fields of one row, or all members of a list in it, are missing from the other. */
function lacks(from: object, to: object): boolean {
  const there = new Map(Object.entries(to));
  return Object.entries(from).some(([name, value]) => {
    const other: unknown = there.get(name);
    if (value === undefined || value === null || FLAGS.has(name)) return false;
    if (other === undefined || other === null) return true;
    return Array.isArray(value) && Array.isArray(other) && value.length > other.length;
  });
}

/** Everything that differs, however little. */
function differences(from: PriceSnapshot, to: PriceSnapshot): PriceChange[] {
  const changes: PriceChange[] = [];
  const rows = <Name extends ListName>(name: Name, ...near: ((left: RowOf<Name>, right: RowOf<Name>) => boolean)[]) => {
    const differs: Differs<RowOf<Name>> = rowDiffers[name];
    return matchRows<RowOf<Name>>(from[name], to[name], rowKey[name], (was, is) => !differs(was, is), ...near);
  };
  for (const sides of rows('own')) changes.push({ change: 'ownPriceChanged', ...sides });
  for (const sides of rows('buyBox', sameWinners)) {
    changes.push({ change: 'buyBoxChanged', outcome: outcome(sides), ...sides });
  }
  for (const sides of rows('lowest')) changes.push({ change: 'lowestPriceChanged', ...sides });
  for (const sides of rows('competitive')) changes.push({ change: 'competitivePriceChanged', ...sides });
  for (const sides of rows('offers', sameKind)) changes.push({ change: 'offerChanged', ...sides });
  if (from.totalOfferCount !== to.totalOfferCount) {
    const sides = { from: from.totalOfferCount ?? null, to: to.totalOfferCount ?? null };
    changes.push({ change: 'totalOfferCountChanged', ...sides });
  }
  for (const sides of rows('offerCounts')) changes.push({ change: 'offerCountChanged', ...sides });
  for (const sides of rows('buyBoxEligible')) changes.push({ change: 'buyBoxEligibleChanged', ...sides });
  for (const price of REFERENCE_PRICES) {
    if (from[price] === to[price]) continue;
    changes.push({ change: 'referencePriceChanged', price, from: from[price] ?? null, to: to[price] ?? null });
  }
  for (const sides of rows('salesRanks')) changes.push({ change: 'salesRankChanged', ...sides });
  for (const detail of DETAILS) {
    if (from[detail] === to[detail]) continue;
    changes.push({ change: 'detailChanged', detail, from: from[detail] ?? null, to: to[detail] ?? null });
  }
  return changes;
}

/**
 * Whether a difference is worth telling by itself (see `rowDiffers` for rows). Prices of reference may come and go; the
 * total and the currency count where both sides have one.
 */
export function changeCounts(
  change: PriceChange,
  before: PriceSnapshot,
  after: PriceSnapshot,
  tuning: PriceTuning,
): boolean {
  const { threshold, compareSalesRanks = false, ignoreOfferCounts = false } = tuning;
  const rowCounts = <Name extends ListName>(name: Name, { from, to }: RowDifference<RowOf<Name>>): boolean => {
    const differs: Differs<RowOf<Name>> = rowDiffers[name];
    if (from !== null && to !== null) return differs(from, to, threshold);
    // A row that came or went is news, unless it is only another's twin.
    const row = from ?? to;
    const others: readonly RowOf<Name>[] = (from === null ? before : after)[name];
    const key: (row: RowOf<Name>) => string = rowKey[name];
    return row !== null && !others.some((other) => key(other) === key(row) && !differs(other, row));
  };
  switch (change.change) {
    case 'priceAdded':
    case 'priceRemoved':
    case 'watchInvalid':
      return true;
    case 'ownPriceChanged':
      return rowCounts('own', change);
    case 'buyBoxChanged':
      return rowCounts('buyBox', change);
    case 'lowestPriceChanged':
      return rowCounts('lowest', change);
    case 'competitivePriceChanged':
      return rowCounts('competitive', change);
    case 'offerChanged':
      // Where there are more offers than Amazon lists, the list is a window that moves over them.
      if ((change.from === null || change.to === null) && !(isComplete(before) && isComplete(after))) return false;
      return rowCounts('offers', change);
    case 'totalOfferCountChanged':
      return !ignoreOfferCounts && change.from !== null && change.to !== null;
    case 'offerCountChanged':
      return !ignoreOfferCounts && rowCounts('offerCounts', change);
    case 'buyBoxEligibleChanged':
      return !ignoreOfferCounts && rowCounts('buyBoxEligible', change);
    case 'referencePriceChanged':
      return change.from === null || change.to === null || reaches(change.from, change.to, threshold);
    case 'salesRankChanged':
      return compareSalesRanks;
    case 'detailChanged':
      return change.detail === 'currency' && change.from !== null && change.to !== null;
  }
}

function outcome({ from, to }: { from: BuyBox | null; to: BuyBox | null }): 'won' | 'lost' | 'moved' {
  if (to?.mine === true && (from === null || from.mine === false)) return 'won';
  if (from?.mine === true && (to === null || to.mine === false)) return 'lost';
  return 'moved';
}
