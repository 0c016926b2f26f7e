import { changedBoxes } from './buy-box-changes.ts';
import { matchRows, type RowDifference } from './match-rows.ts';
import { reaches } from '../shared/money.ts';
import type { PriceChange } from './price-changes.ts';
import { DETAILS, isComplete, rowKey } from './price-rows.ts';
import { REFERENCE_PRICES, type ListedOffer, type ListName, type PriceSnapshot, type RowOf } from './price-snapshot.ts';
import type { PriceTuning } from './price-tuning.ts';
import type { Prices } from './prices.ts';
import { rowDiffers, sameKind, type Differs } from './row-differences.ts';

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

/** The lists that an answer may lack a part of, by what tells of their rows. Sales ranks come and go. */
const LIST_OF_CHANGE = {
  ownPriceChanged: 'own',
  buyBoxChanged: 'buyBox',
  lowestPriceChanged: 'lowest',
  competitivePriceChanged: 'competitive',
  offerChanged: 'offers',
  offerCountChanged: 'offerCounts',
  buyBoxEligibleChanged: 'buyBoxEligible',
} as const satisfies Partial<Record<PriceChange['change'], ListName>>;

/**
 * Names what became absent, and may only be missing from this answer: the whole price, a row, or a field of one, however
 * deep. An offer that leaves the list is no such part: whether that means anything is for the number of offers to say. It
 * is one where an offer without a seller is listed, since it may be that one.
 *
 * @returns names in a fixed order, each once; equal for the same parts, whatever their values
 */
export function lostParts(before: PriceSnapshot, after: PriceSnapshot | undefined): string[] {
  if (!after) return ['price'];
  const mayBeNameless = (offer: ListedOffer | null): boolean =>
    offer?.sellerId !== undefined && after.offers.some(({ sellerId }) => sellerId === undefined);
  const parts = differences(before, after).flatMap((change): string[] => {
    switch (change.change) {
      case 'priceAdded':
      case 'priceRemoved':
      case 'watchInvalid':
      case 'salesRankChanged':
        return [];
      case 'totalOfferCountChanged':
        return change.to === null ? ['totalOfferCount'] : [];
      case 'referencePriceChanged':
        return change.to === null ? [change.price] : [];
      case 'detailChanged':
        return change.to === null ? [change.detail] : [];
      default: {
        const { from, to } = change;
        if (from === null) return [];
        const list = LIST_OF_CHANGE[change.change];
        const key = rowKey[list] as (row: object) => string;
        const row = `${list}${key(from)}`;
        if (to !== null) return lostFields(from, to).map((field) => `${row}.${field}`);
        return change.change === 'offerChanged' && !mayBeNameless(change.from) ? [] : [row];
      }
    }
  });
  return [...new Set(parts)].sort();
}

/** Fields that are there or not: to lose one is another value. */
const FLAGS: ReadonlySet<string> = new Set<keyof PriceSnapshot['offers'][number]>(['buyBoxWinner', 'alike']);

/** Fields of one row, and members of a list in it, that are missing from the other. */
function lostFields(from: object, to: object): string[] {
  const there = new Map(Object.entries(to));
  return Object.entries(from).flatMap(([name, value]: [string, unknown]) => {
    const other: unknown = there.get(name);
    if (value === undefined || value === null || FLAGS.has(name)) return [];
    if (other === undefined || other === null) return [name];
    if (Array.isArray(value)) return Array.isArray(other) && value.length > other.length ? [name] : [];
    if (typeof value !== 'object' || typeof other !== 'object') return [];
    return lostFields(value, other).map((field) => `${name}.${field}`);
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
  for (const change of changedBoxes(from.buyBox, to.buyBox)) changes.push({ change: 'buyBoxChanged', ...change });
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
