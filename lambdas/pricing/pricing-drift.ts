import { boundedDrift } from '../shared/drift.ts';
import { ITEM_CONDITIONS } from '../shared/watches.ts';
import type { OffersItem, PriceItem } from './pricing-answers.ts';

/** Amazon writes `new`, `New`, `very_good` and `Very Good`. */
const fold = (word: string): string => word.toLowerCase().replaceAll(/[\s_-]/gu, '');
const vocabulary = (...words: readonly string[]): ReadonlySet<string> => new Set(words.map(fold));

const CONDITIONS = vocabulary(...ITEM_CONDITIONS);
const SUBCONDITIONS = vocabulary(
  'New',
  'Mint',
  'Very Good',
  'Good',
  'Acceptable',
  'Poor',
  'Club',
  'OEM',
  'Warranty',
  'Refurbished Warranty',
  'Refurbished',
  'Open Box',
  'Other',
);
const CHANNELS = vocabulary('Amazon', 'Merchant');

/** The documented values of a field, wherever it stands. */
const VOCABULARIES: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  [
    'status',
    vocabulary(
      'Success',
      'ClientError',
      'NoBuyableOffers',
      'ActiveButTooSoonForProcessing',
      'NoOfferDueToMissingShippingCharge',
    ),
  ],
  ['condition', CONDITIONS],
  ['ItemCondition', CONDITIONS],
  ['subcondition', SUBCONDITIONS],
  ['SubCondition', SUBCONDITIONS],
  ['ItemSubCondition', SUBCONDITIONS],
  ['fulfillmentChannel', CHANNELS],
  ['FulfillmentChannel', CHANNELS],
  ['offerType', vocabulary('B2C', 'B2B')],
  ['quantityDiscountType', vocabulary('QUANTITY_DISCOUNT')],
  ['availabilityType', vocabulary('NOW', 'FUTURE_WITHOUT_DATE', 'FUTURE_WITH_DATE')],
]);

/** Listings are counted by condition, and all together. */
const LISTING_CONDITIONS = vocabulary(...ITEM_CONDITIONS, 'Any');
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
      const known = place === LISTINGS && name === 'condition' ? LISTING_CONDITIONS : VOCABULARIES.get(name);
      if (known === undefined) visit(field, `${at}${name}`);
      else if (typeof field === 'string' && !known.has(fold(field)))
        drift.add(`${at}${name}: ${JSON.stringify(field)}`);
    }
  };
  visit(item, '');
  return boundedDrift(drift);
}
