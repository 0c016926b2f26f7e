import { matchRows } from './match-rows.ts';
import { reaches, type AmountThreshold } from './money.ts';
import type { PriceChange } from './price-changes.ts';
import { DETAILS, isComplete, REFERENCE_PRICES, rowKey } from './price-rows.ts';
import type * as snapshot from './price-snapshot.ts';
import type { PriceSnapshot } from './price-snapshot.ts';
import type { PriceTuning } from './price-tuning.ts';
import type { Prices } from './prices.ts';
import { channels, subconditions, type Vocabulary } from './vocabularies.ts';

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
    if (change.change === 'offerChanged' && change.to === null) return false;
    const { from, to } = change;
    if (from === null) return false;
    if (to === null) return true;
    return typeof from === 'object' && typeof to === 'object' && lacks(from, to);
  });
}

/** Whether fields of one row, or all members of a list in it, are missing from the other. */
function lacks(from: object, to: object): boolean {
  const there = new Map(Object.entries(to));
  return Object.entries(from).some(([name, value]) => {
    const other: unknown = there.get(name);
    if (value === undefined || value === null) return false;
    if (other === undefined || other === null) return true;
    return Array.isArray(value) && Array.isArray(other) && value.length > other.length;
  });
}

/** Everything that differs, however little. */
function differences(from: PriceSnapshot, to: PriceSnapshot): PriceChange[] {
  const changes: PriceChange[] = [];
  for (const sides of matchRows(from.own, to.own, rowKey.own, not(ownCounts))) {
    changes.push({ change: 'ownPriceChanged', ...sides });
  }
  for (const sides of matchRows(from.buyBox, to.buyBox, rowKey.buyBox, not(buyBoxCounts), sameWinners)) {
    changes.push({ change: 'buyBoxChanged', outcome: outcome(sides), ...sides });
  }
  for (const sides of matchRows(from.lowest, to.lowest, rowKey.lowest, not(pricesCount))) {
    changes.push({ change: 'lowestPriceChanged', ...sides });
  }
  for (const sides of matchRows(from.competitive, to.competitive, rowKey.competitive, not(competitiveCounts))) {
    changes.push({ change: 'competitivePriceChanged', ...sides });
  }
  for (const sides of matchRows(from.offers, to.offers, rowKey.offers, not(offerCounts), sameKind)) {
    changes.push({ change: 'offerChanged', ...sides });
  }
  if (from.totalOfferCount !== to.totalOfferCount) {
    const sides = { from: from.totalOfferCount ?? null, to: to.totalOfferCount ?? null };
    changes.push({ change: 'totalOfferCountChanged', ...sides });
  }
  for (const sides of matchRows(from.offerCounts, to.offerCounts, rowKey.offerCounts)) {
    changes.push({ change: 'offerCountChanged', ...sides });
  }
  for (const sides of matchRows(from.buyBoxEligible, to.buyBoxEligible, rowKey.buyBoxEligible)) {
    changes.push({ change: 'buyBoxEligibleChanged', ...sides });
  }
  for (const price of REFERENCE_PRICES) {
    if (from[price] === to[price]) continue;
    changes.push({ change: 'referencePriceChanged', price, from: from[price] ?? null, to: to[price] ?? null });
  }
  for (const sides of matchRows(from.salesRanks, to.salesRanks, rowKey.salesRanks)) {
    changes.push({ change: 'salesRankChanged', ...sides });
  }
  for (const detail of DETAILS) {
    if (from[detail] === to[detail]) continue;
    changes.push({ change: 'detailChanged', detail, from: from[detail] ?? null, to: to[detail] ?? null });
  }
  return changes;
}

/**
 * Whether a difference is worth telling by itself: an amount that moved far enough, or something else that both sides
 * know. A word that Amazon's vocabulary does not have equals any other. What is left out equals anything, except for
 * parts that a price may really lose or get: rows, business prices, quantity discounts, Points and prices of reference.
 */
export function changeCounts(
  change: PriceChange,
  before: PriceSnapshot,
  after: PriceSnapshot,
  tuning: PriceTuning,
): boolean {
  const { threshold, compareSalesRanks = false, ignoreOfferCounts = false } = tuning;
  switch (change.change) {
    case 'priceAdded':
    case 'priceRemoved':
    case 'watchInvalid':
      return true;
    case 'ownPriceChanged':
      return rowCounts(change, ownCounts, threshold);
    case 'buyBoxChanged':
      return rowCounts(change, buyBoxCounts, threshold);
    case 'lowestPriceChanged':
      return rowCounts(change, pricesCount, threshold);
    case 'competitivePriceChanged':
      return rowCounts(change, competitiveCounts, threshold);
    case 'offerChanged':
      // Where there are more offers than Amazon lists, the list is a window that moves over them.
      if (change.from === null || change.to === null) return isComplete(before) && isComplete(after);
      return offerCounts(change.from, change.to, threshold);
    case 'totalOfferCountChanged':
      return !ignoreOfferCounts && change.from !== null && change.to !== null;
    case 'offerCountChanged':
    case 'buyBoxEligibleChanged':
      return !ignoreOfferCounts;
    case 'referencePriceChanged':
      return change.from === null || change.to === null || reaches(change.from, change.to, threshold);
    case 'salesRankChanged':
      return compareSalesRanks;
    case 'detailChanged':
      return change.detail === 'currency' && change.from !== null && change.to !== null;
  }
}

type Counts<Row> = (from: Row, to: Row, threshold?: AmountThreshold) => boolean;

const not =
  <Row>(counts: Counts<Row>) =>
  (from: Row, to: Row): boolean =>
    !counts(from, to);

function rowCounts<Row>(sides: { from: Row | null; to: Row | null }, counts: Counts<Row>, threshold?: AmountThreshold) {
  return sides.from === null || sides.to === null || counts(sides.from, sides.to, threshold);
}

function pricesCount(from: snapshot.RowPrices, to: snapshot.RowPrices, threshold?: AmountThreshold): boolean {
  return (
    reaches(from.listing, to.listing, threshold) ||
    reaches(from.landed, to.landed, threshold) ||
    knownReaches(from.shipping, to.shipping, threshold) ||
    knownReaches(points(from, 'number'), points(to, 'number'), threshold) ||
    knownReaches(points(from, 'value'), points(to, 'value'), threshold)
  );
}

function ownCounts(from: snapshot.OwnPrice, to: snapshot.OwnPrice, threshold?: AmountThreshold): boolean {
  return (
    pricesCount(from, to, threshold) ||
    knownReaches(from.regular, to.regular, threshold) ||
    partReaches(from.businessPrice, to.businessPrice, threshold) ||
    discountsCount(from, to, threshold) ||
    wordDiffers(channels, from.channel, to.channel) ||
    wordDiffers(subconditions, from.subcondition, to.subcondition)
  );
}

function buyBoxCounts(from: snapshot.BuyBox, to: snapshot.BuyBox, threshold?: AmountThreshold): boolean {
  return (
    pricesCount(from, to, threshold) ||
    factDiffers(from.mine, to.mine) ||
    wordDiffers(subconditions, from.subcondition, to.subcondition) ||
    (from.winners.length > 0 && to.winners.length > 0 && !sameWinners(from, to)) ||
    from.winners.some(({ sellerId, prime }) =>
      to.winners.some((winner) => winner.sellerId === sellerId && factDiffers(prime, winner.prime)),
    )
  );
}

function competitiveCounts(
  from: snapshot.CompetitivePrice,
  to: snapshot.CompetitivePrice,
  threshold?: AmountThreshold,
): boolean {
  return (
    pricesCount(from, to, threshold) ||
    factDiffers(from.mine, to.mine) ||
    factDiffers(from.sellerId, to.sellerId) ||
    wordDiffers(subconditions, from.subcondition, to.subcondition)
  );
}

/** Who is in the Buy Box is compared there. */
function offerCounts(from: snapshot.ListedOffer, to: snapshot.ListedOffer, threshold?: AmountThreshold): boolean {
  return (
    pricesCount(from, to, threshold) ||
    discountsCount(from, to, threshold) ||
    wordDiffers(subconditions, from.subcondition, to.subcondition) ||
    factDiffers(from.channel, to.channel) ||
    factDiffers(from.prime, to.prime) ||
    factDiffers(from.shipsFrom?.country, to.shipsFrom?.country) ||
    factDiffers(from.shipsFrom?.state, to.shipsFrom?.state) ||
    factDiffers(from.featured, to.featured)
  );
}

type Discounted = Pick<snapshot.OwnPrice, 'quantityDiscounts'>;

/** Discounts by their place among those of one quantity, of which there is one as a rule. */
function discountsCount(from: Discounted, to: Discounted, threshold?: AmountThreshold): boolean {
  const [before, after] = [from.quantityDiscounts ?? [], to.quantityDiscounts ?? []];
  return (
    before.length !== after.length ||
    before.some((discount, index) => {
      const other = after[index];
      return other?.quantityTier !== discount.quantityTier || reaches(discount.listing, other.listing, threshold);
    })
  );
}

/** No Points are zero Points. */
function points(prices: snapshot.RowPrices, name: 'number' | 'value'): string | undefined {
  return prices.points ? prices.points[name]?.toString() : '0';
}

function knownReaches(from: string | undefined, to: string | undefined, threshold?: AmountThreshold): boolean {
  return from !== undefined && to !== undefined && reaches(from, to, threshold);
}

function partReaches(from: string | undefined, to: string | undefined, threshold?: AmountThreshold): boolean {
  return (from === undefined) !== (to === undefined) || knownReaches(from, to, threshold);
}

function factDiffers<Fact extends string | boolean>(from: Fact | null | undefined, to: Fact | null | undefined) {
  return from != null && to != null && from !== to;
}

function wordDiffers(vocabulary: Vocabulary, from: string | undefined, to: string | undefined): boolean {
  return from !== undefined && to !== undefined && factDiffers(vocabulary.read(from), vocabulary.read(to));
}

function sameWinners(from: snapshot.BuyBox, to: snapshot.BuyBox): boolean {
  const sellers = ({ winners }: snapshot.BuyBox): string => JSON.stringify(winners.map(({ sellerId }) => sellerId));
  return sellers(from) === sellers(to);
}

/** A seller may have an offer of each kind. */
function sameKind(from: snapshot.ListedOffer, to: snapshot.ListedOffer): boolean {
  return from.channel === to.channel && from.subcondition === to.subcondition;
}

function outcome({ from, to }: { from: snapshot.BuyBox | null; to: snapshot.BuyBox | null }): 'won' | 'lost' | 'moved' {
  if (to?.mine === true && (from === null || from.mine === false)) return 'won';
  if (from?.mine === true && (to === null || to.mine === false)) return 'lost';
  return 'moved';
}
