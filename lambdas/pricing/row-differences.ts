import { reaches, type AmountThreshold } from '../shared/money.ts';
import type { ListName, RowOf } from './price-snapshot.ts';
import type * as snapshot from './price-snapshot.ts';
import { channels, subconditions, type Vocabulary } from './vocabularies.ts';

/** Whether a row differs from another in something that counts. */
export type Differs<Row> = (from: Row, to: Row, threshold?: AmountThreshold) => boolean;

/**
 * What counts in each list, of rows with the same key: an amount that moved as far as the threshold says, or something
 * else that both know. A word that Amazon's vocabulary does not have equals any other. What is left out equals anything,
 * except for parts that a row may really lose or get: business prices, quantity discounts and Points.
 */
export const rowDiffers: { readonly [Name in ListName]: Differs<RowOf<Name>> } = {
  own: ownDiffers,
  buyBox: buyBoxDiffers,
  lowest: pricesDiffer,
  competitive: competitiveDiffers,
  offers: offerDiffers,
  offerCounts: (from, to) => from.count !== to.count,
  buyBoxEligible: (from, to) => from.count !== to.count,
  salesRanks: (from, to) => from.rank !== to.rank,
};

function pricesDiffer(from: snapshot.RowPrices, to: snapshot.RowPrices, threshold?: AmountThreshold): boolean {
  return (
    reaches(from.listing, to.listing, threshold) ||
    (isComparable(from.points, to.points) && reaches(from.landed, to.landed, threshold)) ||
    knownReaches(from.shipping, to.shipping, threshold) ||
    knownReaches(points(from, 'number'), points(to, 'number'), threshold) ||
    knownReaches(points(from, 'value'), points(to, 'value'), threshold)
  );
}

/** What landed is calculated with the value of Points, as far as that is known. */
function isComparable(from: snapshot.Points | undefined, to: snapshot.Points | undefined): boolean {
  return from === undefined || to === undefined || (from.value === undefined) === (to.value === undefined);
}

function ownDiffers(from: snapshot.OwnPrice, to: snapshot.OwnPrice, threshold?: AmountThreshold): boolean {
  return (
    pricesDiffer(from, to, threshold) ||
    knownReaches(from.regular, to.regular, threshold) ||
    partReaches(from.businessPrice, to.businessPrice, threshold) ||
    discountsDiffer(from, to, threshold) ||
    wordDiffers(channels, from.channel, to.channel) ||
    wordDiffers(subconditions, from.subcondition, to.subcondition)
  );
}

function buyBoxDiffers(from: snapshot.BuyBox, to: snapshot.BuyBox, threshold?: AmountThreshold): boolean {
  return (
    pricesDiffer(from, to, threshold) ||
    factDiffers(from.mine, to.mine) ||
    wordDiffers(subconditions, from.subcondition, to.subcondition) ||
    (from.winners.length > 0 && to.winners.length > 0 && !sameWinners(from, to)) ||
    from.winners.some(({ sellerId, prime }) =>
      to.winners.some((winner) => winner.sellerId === sellerId && factDiffers(prime, winner.prime)),
    )
  );
}

function competitiveDiffers(
  from: snapshot.CompetitivePrice,
  to: snapshot.CompetitivePrice,
  threshold?: AmountThreshold,
): boolean {
  return (
    pricesDiffer(from, to, threshold) ||
    factDiffers(from.mine, to.mine) ||
    factDiffers(from.sellerId, to.sellerId) ||
    wordDiffers(subconditions, from.subcondition, to.subcondition)
  );
}

/** Who is in the Buy Box is compared there. */
function offerDiffers(from: snapshot.ListedOffer, to: snapshot.ListedOffer, threshold?: AmountThreshold): boolean {
  return (
    pricesDiffer(from, to, threshold) ||
    discountsDiffer(from, to, threshold) ||
    wordDiffers(subconditions, from.subcondition, to.subcondition) ||
    factDiffers(from.channel, to.channel) ||
    factDiffers(from.prime, to.prime) ||
    factDiffers(from.shipsFrom?.country, to.shipsFrom?.country) ||
    factDiffers(from.shipsFrom?.state, to.shipsFrom?.state) ||
    factDiffers(from.featured, to.featured)
  );
}

type Discounted = Pick<snapshot.OwnPrice, 'quantityDiscounts'>;

/** Discounts in order of their quantities, whatever their type. */
function discountsDiffer(from: Discounted, to: Discounted, threshold?: AmountThreshold): boolean {
  const [before, after] = [distinctDiscounts(from), distinctDiscounts(to)];
  return (
    before.length !== after.length ||
    before.some((discount, index) => {
      const other = after[index];
      return other?.quantityTier !== discount.quantityTier || reaches(discount.listing, other.listing, threshold);
    })
  );
}

function distinctDiscounts({ quantityDiscounts = [] }: Discounted): snapshot.QuantityDiscount[] {
  const byPrice = new Map(quantityDiscounts.map((one) => [JSON.stringify([one.quantityTier, one.listing]), one]));
  return [...byPrice.values()];
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

export function sameWinners(from: snapshot.BuyBox, to: snapshot.BuyBox): boolean {
  const sellers = ({ winners }: snapshot.BuyBox): string => JSON.stringify(winners.map(({ sellerId }) => sellerId));
  return sellers(from) === sellers(to);
}

/** Whether two offers are of one kind: a seller may have one of each. */
export function sameKind(from: snapshot.ListedOffer, to: snapshot.ListedOffer): boolean {
  return from.channel === to.channel && from.subcondition === to.subcondition;
}
