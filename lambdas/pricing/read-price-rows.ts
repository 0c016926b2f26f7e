import type { CustomerType } from '../shared/watches.ts';
import { filled, words, type AnswerReader } from './answer-reader.ts';
import { addAmounts, compareAmounts, subtractAmounts } from '../shared/money.ts';
import type {
  BuyBoxPriceType,
  CompetitivePriceType,
  LowestPriceType,
  OfferCountType,
  OfferDetail,
  OfferType,
  Points,
  PriceType,
  QuantityDiscountPriceType,
  SalesRankType,
} from './pricing-answers.ts';
import { compareText, rowText } from './price-rows.ts';
import type * as snapshot from './price-snapshot.ts';
import {
  channels,
  conditions,
  customerTypes,
  discountTypes,
  listingConditions,
  subconditions,
  type Vocabulary,
} from './vocabularies.ts';

/** What rows are read with: an answer's reader, and what the request was for. */
export interface RowContext {
  readonly reader: AnswerReader;
  readonly customerType: CustomerType;
  readonly sellerId: string | undefined;
}

type Maybe<T> = T | null | undefined;

export function readOwnPrice(context: RowContext, offer: OfferType): snapshot.OwnPrice | undefined {
  const { reader } = context;
  const condition = reader.identity('Offers[].ItemCondition', conditions, offer.ItemCondition);
  const customerType = readCustomerType(context, 'Offers[].offerType', offer.offerType);
  const prices = readPrices(reader, 'Offers[].BuyingPrice', offer.BuyingPrice);
  if (!condition || !customerType || !prices) return undefined;
  return filled({
    sku: words(offer.SellerSKU),
    condition,
    subcondition: reader.word('Offers[].ItemSubCondition', subconditions, offer.ItemSubCondition),
    customerType,
    channel: reader.word('Offers[].FulfillmentChannel', channels, offer.FulfillmentChannel),
    ...prices,
    regular: reader.amount('Offers[].RegularPrice', offer.RegularPrice),
    businessPrice: reader.amount('Offers[].businessPrice', offer.businessPrice),
    quantityDiscounts: readDiscounts(reader, offer.quantityDiscountPrices),
  });
}

/** The Buy Box out of an answer about offers; who else is in it stands among the offers. */
export function readBuyBox(context: RowContext, price: BuyBoxPriceType): snapshot.BuyBox | undefined {
  const { reader } = context;
  const condition = reader.identity('BuyBoxPrices[].condition', conditions, price.condition);
  const tier = readTier(context, 'BuyBoxPrices[]', price);
  const prices = readPrices(reader, 'BuyBoxPrices[]', price);
  if (!condition || !tier || !prices) return undefined;
  const winner = words(price.sellerId);
  return {
    condition,
    ...tier,
    ...prices,
    mine: isMine(context, winner),
    winners: winner ? [{ sellerId: winner }] : [],
  };
}

/** What "CompetitivePriceId" stands for; others are competitive prices of some other model. */
const BUY_BOX_OF_ID: Readonly<Record<string, snapshot.BuyBox['condition']>> = { '1': 'New', '2': 'Used' };

export function isBuyBoxPrice(price: CompetitivePriceType): boolean {
  return Object.hasOwn(BUY_BOX_OF_ID, words(price.CompetitivePriceId) ?? '');
}

/** The New or the Used Buy Box out of an answer with competitive prices. */
export function readCompetitiveBuyBox(context: RowContext, price: CompetitivePriceType): snapshot.BuyBox | undefined {
  const row = readCompetitivePrice(context, price);
  if (!row) return undefined;
  const { id, condition = BUY_BOX_OF_ID[id], sellerId, ...rest } = row;
  if (condition === undefined) return undefined;
  return { condition, ...rest, winners: sellerId === undefined ? [] : [{ sellerId }] };
}

export function readCompetitivePrice(
  context: RowContext,
  price: CompetitivePriceType,
): snapshot.CompetitivePrice | undefined {
  const { reader } = context;
  const path = 'CompetitivePrices[]';
  const id = words(price.CompetitivePriceId);
  const isConditional = words(price.condition) !== undefined;
  const condition = isConditional ? reader.identity(`${path}.condition`, conditions, price.condition) : undefined;
  const tier = readTier(context, path, price);
  const prices = readPrices(reader, `${path}.Price`, price.Price);
  if (id === undefined) reader.surprise(`${path}.CompetitivePriceId`, price.CompetitivePriceId);
  if (id === undefined || (isConditional && !condition) || !tier || !prices) return undefined;
  const sellerId = words(price.sellerId);
  return filled({
    id,
    condition,
    subcondition: reader.word(`${path}.subcondition`, subconditions, price.subcondition),
    ...tier,
    ...prices,
    mine: price.belongsToRequester ?? isMine(context, sellerId),
    sellerId,
  });
}

export function readLowestPrice(context: RowContext, price: LowestPriceType): snapshot.LowestPrice | undefined {
  const { reader } = context;
  const condition = reader.identity('LowestPrices[].condition', conditions, price.condition);
  const channel = reader.identity('LowestPrices[].fulfillmentChannel', channels, price.fulfillmentChannel);
  const tier = readTier(context, 'LowestPrices[]', price);
  const prices = readPrices(reader, 'LowestPrices[]', price);
  if (!condition || !channel || !tier || !prices) return undefined;
  return { condition, channel, ...tier, ...prices };
}

export function readOffer(context: RowContext, offer: OfferDetail): snapshot.ListedOffer | undefined {
  const { reader } = context;
  const customerType = readCustomerType(context, 'Offers[].offerType', offer.offerType);
  const prices = readPrices(reader, 'Offers[]', offer);
  if (!customerType || !prices) return undefined;
  const sellerId = words(offer.SellerId);
  const country = words(offer.ShipsFrom?.Country);
  const state = words(offer.ShipsFrom?.State);
  return filled({
    sellerId,
    mine: offer.MyOffer === true ? true : (isMine(context, sellerId) ?? offer.MyOffer ?? null),
    customerType: customerType === context.customerType ? undefined : customerType,
    subcondition: reader.word('Offers[].SubCondition', subconditions, offer.SubCondition),
    channel: offer.IsFulfilledByAmazon == null ? undefined : offer.IsFulfilledByAmazon ? 'Amazon' : 'Merchant',
    ...prices,
    quantityDiscounts: readDiscounts(reader, offer.quantityDiscountPrices),
    prime: readPrime(offer.PrimeInformation),
    shipsFrom: country === undefined && state === undefined ? undefined : filled({ country, state }),
    buyBoxWinner: offer.IsBuyBoxWinner === true ? (true as const) : undefined,
    featured: offer.IsFeaturedMerchant ?? undefined,
  });
}

/** Offers of a condition and channel. A count of none is as good as no count. */
export function readOfferCounts(
  { reader }: RowContext,
  name: 'offerCounts' | 'buyBoxEligible',
  path: string,
  counts: Maybe<readonly OfferCountType[]>,
): snapshot.OfferCount[] {
  const there = (counts ?? []).filter(({ OfferCount }) => OfferCount !== 0);
  return reader.rows(name, there, ({ condition, fulfillmentChannel, OfferCount: count }) => {
    const ofCondition = optionalIdentity(reader, `${path}.condition`, listingConditions, condition);
    const ofChannel = optionalIdentity(reader, `${path}.fulfillmentChannel`, channels, fulfillmentChannel);
    if (count == null) reader.surprise(`${path}.OfferCount`, count);
    if (!ofCondition || !ofChannel || count == null) return undefined;
    return filled({ condition: ofCondition.word, channel: ofChannel.word, count });
  });
}

export function readSalesRank({ reader }: RowContext, rank: SalesRankType): snapshot.SalesRank | undefined {
  const category = words(rank.ProductCategoryId);
  if (category === undefined) {
    reader.surprise('SalesRankings[]', rank);
    return undefined;
  }
  return { category, rank: rank.Rank };
}

/** A word that may be missing, but not be a stranger: undefined for a stranger. */
function optionalIdentity<Word extends string>(
  reader: AnswerReader,
  field: string,
  vocabulary: Vocabulary<Word>,
  text: unknown,
): { word: Word | undefined } | undefined {
  if (words(text) === undefined) return { word: undefined };
  const word = reader.identity(field, vocabulary, text);
  return word && { word };
}

/** The customer type of an offer type; of the watch where there is none. */
function readCustomerType(context: RowContext, field: string, offerType: Maybe<string>): CustomerType | undefined {
  const read = optionalIdentity(context.reader, field, customerTypes, offerType);
  return read && (read.word ?? context.customerType);
}

function readTier(
  context: RowContext,
  path: string,
  price: { offerType?: Maybe<string>; quantityTier?: Maybe<number>; quantityDiscountType?: Maybe<string> },
) {
  const customerType = readCustomerType(context, `${path}.offerType`, price.offerType);
  return (
    customerType &&
    filled({
      customerType,
      quantityTier: readQuantity(price.quantityTier),
      discountType: readDiscountType(context.reader, `${path}.quantityDiscountType`, price.quantityDiscountType),
    })
  );
}

/** A quantity from which a price holds; from one on, it is a price without a tier. */
function readQuantity(quantity: Maybe<number>): number | undefined {
  return quantity == null || quantity <= 1 ? undefined : quantity;
}

/** A type of discount only where it is a stranger. */
function readDiscountType(reader: AnswerReader, field: string, text: Maybe<string>): string | undefined {
  const type = reader.word(field, discountTypes, text);
  return type !== undefined && discountTypes.read(type) === undefined ? type : undefined;
}

function readPrices(reader: AnswerReader, path: string, price: Maybe<PriceType>): snapshot.RowPrices | undefined {
  const listing = reader.amount(`${path}.ListingPrice`, price?.ListingPrice);
  const shipping = reader.amount(`${path}.Shipping`, price?.Shipping);
  const points = readPoints(reader, `${path}.Points`, price?.Points);
  const given = reader.amount(`${path}.LandedPrice`, price?.LandedPrice);
  if (listing === undefined) {
    reader.surprise(`${path}.ListingPrice`, price?.ListingPrice.Amount);
    return undefined;
  }
  const landed = given ?? subtractAmounts(addAmounts(listing, shipping ?? '0'), points?.value ?? '0');
  return filled({ listing, shipping, landed, points });
}

/** Points, unless there are none. */
function readPoints(reader: AnswerReader, path: string, points: Maybe<Points>): snapshot.Points | undefined {
  const number = points?.PointsNumber ?? undefined;
  const value = reader.amount(`${path}.PointsMonetaryValue`, points?.PointsMonetaryValue);
  return (number ?? 0) === 0 && (value ?? '0') === '0' ? undefined : filled({ number, value });
}

function readDiscounts(
  reader: AnswerReader,
  discounts: Maybe<readonly QuantityDiscountPriceType[]>,
): snapshot.QuantityDiscount[] | undefined {
  const path = 'quantityDiscountPrices[]';
  const read = (discounts ?? []).flatMap(({ quantityTier, quantityDiscountType, listingPrice }) => {
    const listing = reader.amount(`${path}.listingPrice`, listingPrice);
    const discountType = readDiscountType(reader, `${path}.quantityDiscountType`, quantityDiscountType);
    if (listing === undefined) {
      reader.surprise(path, { quantityTier, listingPrice });
      return [];
    }
    return [filled({ quantityTier, listing, discountType })];
  });
  const once = [...new Map(read.map((discount) => [rowText(discount), discount])).values()];
  once.sort(
    (left, right) =>
      left.quantityTier - right.quantityTier ||
      compareAmounts(left.listing, right.listing) ||
      compareText(rowText(left), rowText(right)),
  );
  return once.length === 0 ? undefined : once;
}

function readPrime(prime: OfferDetail['PrimeInformation']): snapshot.ListedOffer['prime'] {
  if (prime?.IsPrime === false) return 'none';
  if (prime?.IsPrime == null || prime.IsNationalPrime == null) return undefined;
  return prime.IsNationalPrime ? 'national' : 'regional';
}

/** Whether a seller is the account itself; null where either is unknown. */
function isMine({ sellerId }: RowContext, seller: string | undefined): boolean | null {
  return sellerId === undefined || seller === undefined ? null : seller === sellerId;
}
