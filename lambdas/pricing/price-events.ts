import type { AnnouncedEvent } from '../change-events/change-event.ts';
import type { PriceWatch } from '../shared/watches.ts';
import { changeCounts } from './compare-prices.ts';
import type { PriceChange } from './price-changes.ts';
import type { ListedOffer, PriceSnapshot } from './price-snapshot.ts';
import { PRICE_ITEM, type Prices } from './prices.ts';

/** Detail types of the events about watched prices, in the order in which one change announces them. */
export const PRICE_EVENT_TYPES = [
  'Price Added',
  'Price Removed',
  'Price Changed',
  'Buy Box Changed',
  'Lowest Price Changed',
  'Competitor Entered',
  'Competitor Left',
  'Offer Count Changed',
  'Watch Invalid',
] as const;
export type PriceEventType = (typeof PRICE_EVENT_TYPES)[number];

/**
 * Says which events the changes of one price watch announce: one for each detail type, at least one where anything
 * changed, so that a subscriber to all of them misses no state. Only what would count without any threshold is announced
 * by its own type; changes that never count by themselves come along.
 *
 * @param change the watch, its states before and after, and the changes between them; `before` is null for a watch that
 *   was never seen
 * @throws RangeError when there are changes within a price that the states do not both hold
 */
export function announcePriceEvents(change: {
  readonly watch: PriceWatch;
  readonly before: Prices | null;
  readonly after: Prices;
  readonly changes: readonly PriceChange[];
}): AnnouncedEvent[] {
  const { watch, changes } = change;
  if (changes.length === 0) return [];
  const [before, after] = [change.before?.price, change.after.price];
  const announced = new Set(changes.flatMap((each) => eventTypes(each, before, after)));
  if (announced.size === 0) announced.add('Price Changed');
  const known = after ?? before;
  const about = {
    account: watch.account,
    view: watch.view,
    marketplaceId: watch.marketplaceId,
    asin: watch.itemType === 'asin' ? watch.item : (known?.asin ?? null),
    sku: watch.itemType === 'sku' ? watch.item : (known?.sku ?? null),
    condition: watch.condition === 'Any' ? null : watch.condition,
    customerType: watch.customerType,
  };
  return PRICE_EVENT_TYPES.filter((detailType) => announced.has(detailType)).map((detailType) => ({
    detailType,
    item: PRICE_ITEM,
    about,
  }));
}

function eventTypes(
  change: PriceChange,
  before: PriceSnapshot | undefined,
  after: PriceSnapshot | undefined,
): PriceEventType[] {
  switch (change.change) {
    case 'priceAdded':
      return ['Price Added'];
    case 'priceRemoved':
      return ['Price Removed'];
    case 'watchInvalid':
      return ['Watch Invalid'];
    default:
      if (!before || !after) throw new RangeError(`${change.change} needs a price before and after`);
      return changeCounts(change, before, after, {}) ? [eventType(change, before, after)] : [];
  }
}

type ChangeWithin = Exclude<PriceChange, { change: 'priceAdded' | 'priceRemoved' | 'watchInvalid' }>;

function eventType(change: ChangeWithin, before: PriceSnapshot, after: PriceSnapshot): PriceEventType {
  switch (change.change) {
    case 'buyBoxChanged':
      return 'Buy Box Changed';
    case 'lowestPriceChanged':
      return 'Lowest Price Changed';
    case 'offerChanged':
      if (change.from === null && change.to !== null && isStrangerTo(change.to, before)) return 'Competitor Entered';
      if (change.from !== null && change.to === null && isStrangerTo(change.from, after)) return 'Competitor Left';
      return 'Price Changed';
    case 'totalOfferCountChanged':
    case 'offerCountChanged':
    case 'buyBoxEligibleChanged':
      return 'Offer Count Changed';
    case 'ownPriceChanged':
    case 'competitivePriceChanged':
    case 'referencePriceChanged':
    case 'salesRankChanged':
    case 'detailChanged':
      return 'Price Changed';
  }
}

/** Whether an offer is a competitor's who has no other one in a snapshot. */
function isStrangerTo(offer: ListedOffer, snapshot: PriceSnapshot): boolean {
  return offer.mine !== true && !snapshot.offers.some(({ sellerId }) => sellerId === offer.sellerId);
}
