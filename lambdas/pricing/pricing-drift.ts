import { boundedDrift } from '../shared/drift.ts';
import type { OffersItem, PriceItem } from './pricing-answers.ts';
import {
  availabilities,
  channels,
  conditions,
  customerTypes,
  discountTypes,
  listingConditions,
  statuses,
  subconditions,
  type Vocabulary,
} from './vocabularies.ts';

/** The documented values of a field, wherever it stands. */
const VOCABULARIES: ReadonlyMap<string, Vocabulary> = new Map<string, Vocabulary>([
  ['status', statuses],
  ['condition', conditions],
  ['ItemCondition', conditions],
  ['subcondition', subconditions],
  ['SubCondition', subconditions],
  ['ItemSubCondition', subconditions],
  ['fulfillmentChannel', channels],
  ['FulfillmentChannel', channels],
  ['offerType', customerTypes],
  ['quantityDiscountType', discountTypes],
  ['availabilityType', availabilities],
]);

const LISTINGS = 'Product.CompetitivePricing.NumberOfOfferListings[]';

type MandatoryFields = Readonly<Record<string, readonly string[]>>;

/** Fields that the document calls mandatory and no schema requires, by their place. */
const MANDATORY_IN_PRICE: MandatoryFields = {
  Product: ['Identifiers'],
  'Product.Identifiers': ['MarketplaceASIN'],
  'Product.Identifiers.MarketplaceASIN': ['MarketplaceId', 'ASIN'],
  'Product.Identifiers.SKUIdentifier': ['MarketplaceId', 'SellerId', 'SellerSKU'],
  'Product.CompetitivePricing': ['NumberOfOfferListings'],
  [LISTINGS]: ['Count'],
  'Product.Offers[]': ['RegularPrice', 'FulfillmentChannel', 'ItemCondition', 'ItemSubCondition', 'SellerSKU'],
  'Product.Offers[].quantityDiscountPrices[]': ['quantityDiscountType'],
};

/** Landed price and shipping of the lowest prices are known to be missing at times. */
const MANDATORY_IN_OFFERS: MandatoryFields = {
  '': ['MarketplaceID', 'ItemCondition', 'Identifier'],
  Identifier: ['MarketplaceId', 'ItemCondition'],
  'Summary.BuyBoxPrices[]': ['LandedPrice', 'Shipping'],
  'Offers[]': ['SubCondition', 'ShippingTime', 'Shipping', 'IsFulfilledByAmazon'],
  'Offers[].SellerFeedbackRating': ['FeedbackCount'],
  'Offers[].PrimeInformation': ['IsPrime', 'IsNationalPrime'],
  'Offers[].quantityDiscountPrices[]': ['quantityDiscountType'],
};

/**
 * What an item holds beyond the document or short of it, to be counted and looked at, never to be acted on.
 *
 * @returns `Offers[].SubCondition: "Foo"` for unknown values and `Offers[].Shipping: missing` for mandatory fields; see
 *   `boundedDrift`
 */
export const priceDrift = (item: PriceItem): string[] => driftOf(item, MANDATORY_IN_PRICE);

/** As `priceDrift`, for the offers of an item. */
export const offersDrift = (item: OffersItem): string[] => driftOf(item, MANDATORY_IN_OFFERS);

function driftOf(item: object, mandatory: MandatoryFields): string[] {
  const drift = new Set<string>();
  const visit = (value: unknown, place: string): void => {
    if (Array.isArray(value)) {
      for (const entry of value) visit(entry, `${place}[]`);
    } else if (typeof value === 'object' && value !== null) {
      visitObject(value as Readonly<Record<string, unknown>>, place);
    }
  };
  const visitObject = (value: Readonly<Record<string, unknown>>, place: string): void => {
    const at = place === '' ? '' : `${place}.`;
    for (const name of mandatory[place] ?? []) {
      if (value[name] === undefined) drift.add(`${at}${name}: missing`);
    }
    for (const [name, field] of Object.entries(value)) {
      // Lists of whatever Amazon likes.
      if (name === 'AttributeSets' || name === 'Relationships') continue;
      const known = place === LISTINGS && name === 'condition' ? listingConditions : VOCABULARIES.get(name);
      if (known === undefined) visit(field, `${at}${name}`);
      else if (typeof field === 'string' && known.read(field) === undefined)
        drift.add(`${at}${name}: ${JSON.stringify(field)}`);
    }
  };
  visit(item, '');
  return boundedDrift(drift);
}
