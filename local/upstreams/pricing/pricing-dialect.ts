import { createRandom } from '../seeded-random.ts';
import type { ItemId } from './item-state.ts';

/** How answers about one item are spelt, wherever the API's document and practice leave a choice. */
export interface PricingDialect {
  marketplaceKey: 'MarketplaceID' | 'marketplaceId';
  /** Whether rows of lowest prices hold what the document requires. */
  lowestPrices: 'whole' | 'without-landed' | 'without-shipping' | 'listing-only';
  offerCount: boolean;
  /** How summaries spell a condition. Offers and identifiers always have it capitalised. */
  condition: 'New' | 'new';
  channel: 'Merchant' | 'MERCHANT';
  /** The channel of the account's own offers in getPricing, which the document does not describe. */
  ownChannel: 'Merchant' | 'MERCHANT';
  subCondition: 'VeryGood' | 'very_good' | 'Very Good';
  /** A row of competitive prices beyond the two that the document knows: the lowest price of a new item. */
  extraCompetitivePriceId: string | undefined;
  /** How an answer by ASIN fills the identifier that only belongs to a SKU. */
  skuIdentifier: 'absent' | 'empty';
  /** Whether getPricing has a list of offers where the account has none. */
  emptyOffers: boolean;
  /** Whether the offers operations list offers where there are none. */
  noOffers: boolean;
  /** Whether Points come with what they are worth. */
  pointsValue: boolean;
  /** Whether Prime offers say how far that goes. */
  nationalPrime: boolean;
  /** Digits of amounts: those of the currency, as few as will do, or now this and now that. */
  amounts: 'exact' | 'short' | 'either';
  /** Whether a flag that is false is there at all. */
  falseFlags: boolean;
  /** Status of an unknown item in a batch. */
  unknownItem: 400 | 404;
}

/** The spelling of the API's document. */
export const DOCUMENT_DIALECT: PricingDialect = {
  marketplaceKey: 'MarketplaceID',
  lowestPrices: 'whole',
  offerCount: true,
  condition: 'New',
  channel: 'Merchant',
  ownChannel: 'MERCHANT',
  subCondition: 'Very Good',
  extraCompetitivePriceId: undefined,
  skuIdentifier: 'absent',
  emptyOffers: true,
  noOffers: true,
  pointsValue: true,
  nationalPrime: true,
  amounts: 'exact',
  falseFlags: true,
  unknownItem: 400,
};

/** An item's own mixture of spellings; always the same for the same seed and item. */
export function mixedDialect(seed: number, { marketplaceId, asin }: ItemId): PricingDialect {
  const random = createRandom(seed, marketplaceId, asin, 'dialect');
  return {
    marketplaceKey: random.pick(['MarketplaceID', 'marketplaceId']),
    lowestPrices: random.pick(['whole', 'without-landed', 'without-shipping', 'listing-only']),
    offerCount: random.chance(0.7),
    condition: random.pick(['New', 'new']),
    channel: random.pick(['Merchant', 'MERCHANT']),
    ownChannel: random.pick(['Merchant', 'MERCHANT']),
    subCondition: random.pick(['VeryGood', 'very_good', 'Very Good']),
    extraCompetitivePriceId: random.pick([undefined, '3', '4545645646']),
    skuIdentifier: random.pick(['absent', 'empty']),
    emptyOffers: random.chance(0.5),
    amounts: random.pick(['exact', 'short', 'either']),
    falseFlags: random.chance(0.6),
    unknownItem: random.pick([400, 404]),
    noOffers: random.chance(0.5),
    pointsValue: random.chance(0.7),
    nationalPrime: random.chance(0.7),
  };
}

export type PricingDialectChoice = 'document' | 'mixed';
