import { pathSegment, queryValue } from '../shared/http.ts';
import {
  CUSTOMER_TYPES,
  ITEM_CONDITIONS,
  ITEM_TYPES,
  type CustomerType,
  type ItemCondition,
  type ItemType,
} from '../shared/watches.ts';
import { MOST_ITEMS } from './operations.ts';

export const OFFER_TYPES = ['B2C', 'B2B'] as const;

/** What getPricing and getCompetitivePricing have in common (section "Parameters"). */
interface ItemsRequest {
  readonly marketplaceId: string;
  readonly itemType: ItemType;
  /** ASINs or SKUs: 1 to 20, each once, and without a comma, which a list cannot hold. */
  readonly items: readonly string[];
}

export interface GetPricingRequest extends ItemsRequest {
  /** All conditions when left out. */
  readonly condition?: ItemCondition | undefined;
  /** B2C when left out. */
  readonly offerType?: (typeof OFFER_TYPES)[number] | undefined;
}

export interface GetCompetitivePricingRequest extends ItemsRequest {
  /** Consumer when left out. */
  readonly customerType?: CustomerType | undefined;
}

/** What asks for the offers of one item. */
interface OffersRequest {
  readonly marketplaceId: string;
  readonly condition: ItemCondition;
  /** Consumer when left out. */
  readonly customerType?: CustomerType | undefined;
}

export interface GetItemOffersRequest extends OffersRequest {
  readonly asin: string;
}

export interface GetListingOffersRequest extends OffersRequest {
  readonly sku: string;
}

/** A request for offers, whether by ASIN or by SKU. */
export interface OffersRequested extends Required<OffersRequest> {
  readonly itemType: ItemType;
  readonly item: string;
}

/** A request as it goes over the wire: path and query, and the body of a batch. */
export interface WireRequest {
  readonly method: 'GET' | 'POST';
  readonly target: string;
  readonly body?: string;
}

type Parameters = readonly (readonly [name: string, value: string | undefined])[];

/** @throws RangeError, as all that follow, naming the field, its value and what is allowed */
export function getPricing({ marketplaceId, itemType, items, condition, offerType }: GetPricingRequest): WireRequest {
  return get('/products/pricing/v0/price', [
    ['MarketplaceId', queryValue('marketplaceId', marketplaceId)],
    itemList(itemType, items),
    ['ItemType', itemType === 'asin' ? 'Asin' : 'Sku'],
    ['ItemCondition', condition && oneOf('condition', condition, ITEM_CONDITIONS)],
    ['OfferType', offerType && oneOf('offerType', offerType, OFFER_TYPES)],
  ]);
}

export function getCompetitivePricing(request: GetCompetitivePricingRequest): WireRequest {
  const { marketplaceId, itemType, items, customerType } = request;
  return get('/products/pricing/v0/competitivePrice', [
    ['MarketplaceId', queryValue('marketplaceId', marketplaceId)],
    itemList(itemType, items),
    ['ItemType', itemType === 'asin' ? 'Asin' : 'Sku'],
    ['CustomerType', customerType && oneOf('customerType', customerType, CUSTOMER_TYPES)],
  ]);
}

export function itemOffersOf({ asin, ...rest }: GetItemOffersRequest): OffersRequested {
  return subject('asin', asin, rest);
}

export function listingOffersOf({ sku, ...rest }: GetListingOffersRequest): OffersRequested {
  return subject('sku', sku, rest);
}

/** getItemOffers or getListingOffers. */
export function getOffers(about: OffersRequested): WireRequest {
  const { marketplaceId, condition, customerType } = about;
  return get(offersPath(about), [
    ['MarketplaceId', queryValue('marketplaceId', marketplaceId)],
    ['ItemCondition', condition],
    ['CustomerType', customerType],
  ]);
}

/** getItemOffersBatch or getListingOffersBatch, for 1 to 20 different requests. */
export function getOffersBatch(itemType: ItemType, subjects: readonly OffersRequested[]): WireRequest {
  requireCount('requests', subjects.length);
  requireDistinct(
    'requests',
    subjects.map((about) => ({ ...about, item: sameItem(itemType, about.item) })),
  );
  const requests = subjects.map((about) => {
    const { marketplaceId, condition, customerType } = about;
    // Not encoded in a body, and refused all the same where a query would refuse it.
    queryValue('marketplaceId', marketplaceId);
    return {
      uri: offersPath(about),
      method: 'GET',
      MarketplaceId: marketplaceId,
      ItemCondition: condition,
      CustomerType: customerType,
    };
  });
  const target = `/batches/products/pricing/v0/${itemType === 'asin' ? 'itemOffers' : 'listingOffers'}`;
  return { method: 'POST', target, body: JSON.stringify({ requests }) };
}

/** Equal for texts that mean the same item: ASINs are of capitals and digits, SKUs are as the seller wrote them. */
export function sameItem(itemType: ItemType, item: string): string {
  return itemType === 'asin' ? item.toUpperCase() : item;
}

function subject(itemType: ItemType, item: string, request: OffersRequest): OffersRequested {
  const { marketplaceId, condition, customerType = 'Consumer' } = request;
  oneOf('condition', condition, ITEM_CONDITIONS);
  oneOf('customerType', customerType, CUSTOMER_TYPES);
  return { itemType, item, marketplaceId, condition, customerType };
}

function offersPath({ itemType, item }: OffersRequested): string {
  const collection = itemType === 'asin' ? 'items' : 'listings';
  return `/products/pricing/v0/${collection}/${pathSegment(itemType, item)}/offers`;
}

function itemList(itemType: ItemType, items: readonly string[]): Parameters[number] {
  oneOf('itemType', itemType, ITEM_TYPES);
  requireCount('items', items.length);
  requireDistinct(
    'items',
    items.map((item) => sameItem(itemType, item)),
  );
  const withComma = items.find((item) => item.includes(','));
  if (withComma !== undefined) {
    throw new RangeError(`${itemType} ${JSON.stringify(withComma)} holds a comma, which separates the items of a list`);
  }
  return [itemType === 'asin' ? 'Asins' : 'Skus', items.map((item) => queryValue(itemType, item)).join(',')];
}

/** @param parameters values as they are encoded; those that are undefined are left out */
function get(path: string, parameters: Parameters): WireRequest {
  const query = parameters.flatMap(([name, value]) => (value === undefined ? [] : `${name}=${value}`));
  return { method: 'GET', target: `${path}?${query.join('&')}` };
}

function oneOf<Value extends string>(field: string, value: Value, allowed: readonly Value[]): Value {
  if (allowed.includes(value)) return value;
  throw new RangeError(`${field} ${JSON.stringify(value)} is not one of ${allowed.join(', ')}`);
}

function requireCount(field: string, count: number): void {
  if (count < 1 || count > MOST_ITEMS) throw new RangeError(`${field} are ${count}, not 1 to ${MOST_ITEMS}`);
}

function requireDistinct(field: string, values: readonly unknown[]): void {
  const texts = values.map((value) => JSON.stringify(value));
  const repeated = texts.find((text, index) => texts.indexOf(text) !== index);
  if (repeated !== undefined) throw new RangeError(`${field} hold ${repeated} more than once`);
}
