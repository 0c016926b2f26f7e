import { createRandom } from '../seeded-random.ts';

/** How an answer is spelt, wherever the API's document and practice leave a choice. */
export interface BuyWithPrimeDialect {
  /** Whether a summary of a delivery says "true" or true. */
  summaryFlag: 'word' | 'boolean';
  /** The same of its details, and of `offerPrime`. */
  detailsFlag: 'word' | 'boolean';
  /** Under which name a delivery offer is summed up. */
  summaryName: 'deliveryOfferSummary' | 'summary' | 'both';
  /** Whether a delivery that Prime makes has identifiers. */
  primeIds: boolean;
  /** Whether an estimate has details, without identifiers and dates. */
  estimatedDetails: boolean;
  /** What stands where an item cannot be returned. */
  noReturns: 'empty-summary' | 'no-summary' | 'null';
  /** Whether it is told how many offers there are. */
  totalCount: boolean;
  amounts: 'short' | 'cents';
  /** What stands where an order has no packages, returns, refunds and the like. */
  nothing: 'empty' | 'null';
  /** Where an error says its type and code. */
  errorPlace: 'classification' | 'errorType' | 'extensions' | 'message';
  /** How an alias that an order has already is refused. */
  takenAlias: 'ConflictError' | 'AliasValueAlreadyExists';
  /** How an offer that is not there any more is refused. */
  lostOffer: 'ResourceNotFoundError' | 'OfferExpired';
  /** What an order is that there is not. */
  noOrder: 'null' | 'ResourceNotFoundError';
  /** Whether the offer or the aliases of a new order are looked at first. */
  firstLook: 'aliases' | 'offer';
}

/** The spelling of the document; where it has none, Amazon's other pages, or else the likelier one. */
export const DOCUMENT_DIALECT: BuyWithPrimeDialect = {
  summaryFlag: 'word',
  detailsFlag: 'boolean',
  summaryName: 'deliveryOfferSummary',
  primeIds: true,
  estimatedDetails: false,
  noReturns: 'empty-summary',
  totalCount: true,
  amounts: 'short',
  nothing: 'empty',
  errorPlace: 'classification',
  takenAlias: 'ConflictError',
  lostOffer: 'ResourceNotFoundError',
  noOrder: 'null',
  firstLook: 'aliases',
};

/** An answer's own mixture of spellings; always the same for the same seed and number of the request. */
export function mixedDialect(seed: number, request: number): BuyWithPrimeDialect {
  const random = createRandom(seed, 'buy-with-prime-dialect', request);
  return {
    summaryFlag: random.pick(['word', 'boolean']),
    detailsFlag: random.pick(['word', 'boolean']),
    summaryName: random.pick(['deliveryOfferSummary', 'summary', 'both']),
    primeIds: random.chance(0.8),
    estimatedDetails: random.chance(0.5),
    noReturns: random.pick(['empty-summary', 'no-summary', 'null']),
    totalCount: random.chance(0.5),
    amounts: random.pick(['short', 'cents']),
    nothing: random.pick(['empty', 'null']),
    errorPlace: random.pick(['classification', 'errorType', 'extensions', 'message']),
    takenAlias: random.pick(['ConflictError', 'AliasValueAlreadyExists']),
    lostOffer: random.pick(['ResourceNotFoundError', 'OfferExpired']),
    noOrder: random.pick(['null', 'ResourceNotFoundError']),
    firstLook: random.pick(['aliases', 'offer']),
  };
}

/** One of the two, or the document's with some spellings of one's own. */
export type BuyWithPrimeDialectChoice = 'document' | 'mixed' | Partial<BuyWithPrimeDialect>;
