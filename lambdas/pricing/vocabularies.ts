import { CUSTOMER_TYPES, ITEM_CONDITIONS } from '../shared/watches.ts';

/** Words that an API uses for one thing, in their own spelling. */
export interface Vocabulary<Word extends string = string> {
  /** The word that this text stands for, whatever its case, blanks, hyphens and underscores; undefined for strangers. */
  read(text: string): Word | undefined;
}

export const CHANNELS = ['Amazon', 'Merchant'] as const;
export type Channel = (typeof CHANNELS)[number];

/** Status that says nothing against an absence: what is missing is not there. */
const CONCLUSIVE = ['Success', 'NoBuyableOffers', 'NoOfferDueToMissingShippingCharge'] as const;

/** "ConditionType". */
export const conditions = vocabulary(ITEM_CONDITIONS);

/** "NumberOfOfferListings" also counts listings of any condition. */
export const listingConditions = vocabulary([...ITEM_CONDITIONS, 'Any'] as const);

/** "SubCondition". */
export const subconditions = vocabulary([
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
]);

/** "FulfillmentChannelType". */
export const channels = vocabulary(CHANNELS);

/** "OfferCustomerType", in the order of the customer types that the requests name. */
const OFFER_TYPES = ['B2C', 'B2B'] as const;
const offerTypes = vocabulary(OFFER_TYPES);
export const customerTypes: Vocabulary<(typeof CUSTOMER_TYPES)[number]> = {
  read(text) {
    const offerType = offerTypes.read(text);
    return offerType && CUSTOMER_TYPES[OFFER_TYPES.indexOf(offerType)];
  },
};

/** "QuantityDiscountType". */
export const discountTypes = vocabulary(['QUANTITY_DISCOUNT']);

/** "AvailabilityType". */
export const availabilities = vocabulary(['NOW', 'FUTURE_WITHOUT_DATE', 'FUTURE_WITH_DATE']);

/** Status of an item; open. */
export const statuses = vocabulary([...CONCLUSIVE, 'ClientError', 'ActiveButTooSoonForProcessing'] as const);

/** Whether an item of this status has no more to it than the answer holds. */
export function isConclusive(status: string): boolean {
  return CONCLUSIVE.some((known) => known === status);
}

function vocabulary<const Word extends string>(words: readonly Word[]): Vocabulary<Word> {
  const fold = (text: string): string => text.toLowerCase().replaceAll(/[\s_-]/gu, '');
  const byFolded = new Map(words.map((word) => [fold(word), word]));
  return { read: (text) => byFolded.get(fold(text)) };
}
