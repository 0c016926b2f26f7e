import { UnreadableAnswerError } from '../shared/errors.ts';
import type { PriceWatch } from '../shared/watches.ts';
import { AnswerReader, filled, words } from './answer-reader.ts';
import { withWinners } from './buy-box-winners.ts';
import type { MoneyType, OffersItem, PriceItem, Product } from './pricing-answers.ts';
import { canonicalRows, countedOffers, MOST_LISTED_OFFERS } from './price-rows.ts';
import type { ListedOffer, PriceSnapshot, ReferencePrice } from './price-snapshot.ts';
import { hasPrice, type PriceReading } from './prices.ts';
import {
  isBuyBoxPrice,
  readBuyBox,
  readCompetitiveBuyBox,
  readCompetitivePrice,
  readLowestPrice,
  readOffer,
  readOfferCounts,
  readOwnPrice,
  readSalesRank,
  type RowContext,
} from './read-price-rows.ts';
import { isConclusive, statuses } from './vocabularies.ts';

/** What the settings know of the account that asks. */
interface Own {
  readonly sellerId?: string | undefined;
}

/**
 * Turns one item of an answer of getPricing or getCompetitivePricing (section "Price") into a snapshot.
 *
 * @param watch what was asked for: stands in for what the answer lacks
 * @param own tells the account's own offers from others'
 * @throws UnreadableAnswerError when the answer is about something else, or its parts contradict each other
 */
export function normalisePrice(item: PriceItem, watch: PriceWatch, own: Own): PriceReading {
  const context = contextOf(watch, own);
  const { reader } = context;
  const { Identifiers, CompetitivePricing, SalesRankings, Offers } = item.Product ?? {};
  const place = Identifiers?.MarketplaceASIN;
  const about = identify(item, watch, {
    marketplaceId: words(place?.MarketplaceId),
    asin: words(item.ASIN) ?? words(place?.ASIN),
    sku: words(item.SellerSKU) ?? words(Identifiers?.SKUIdentifier?.SellerSKU),
  });
  const competitive = CompetitivePricing?.CompetitivePrices ?? [];
  const listings = CompetitivePricing?.NumberOfOfferListings?.map(({ condition, Count }) => ({
    condition,
    OfferCount: Count,
  }));
  return readingOf(item, reader, {
    ...about,
    status: readStatus(reader, item.status),
    own: reader.rows('own', Offers, (offer) => readOwnPrice(context, offer)),
    buyBox: reader.rows('buyBox', competitive.filter(isBuyBoxPrice), (price) => readCompetitiveBuyBox(context, price)),
    competitive: reader.rows(
      'competitive',
      competitive.filter((price) => !isBuyBoxPrice(price)),
      (price) => readCompetitivePrice(context, price),
    ),
    offerCounts: readOfferCounts(context, 'offerCounts', 'NumberOfOfferListings[]', listings),
    ...referencePrices(reader, { tradeInValue: ['CompetitivePricing.TradeInValue', CompetitivePricing?.TradeInValue] }),
    salesRanks: salesRanks(context, SalesRankings),
  });
}

/**
 * Turns an answer about the offers of one item (section "GetOffersResult") into a snapshot. `OffersAvailableTime`,
 * which Amazon computes anew for each answer, feedback and shipping times are left out.
 *
 * @param watch what was asked for: stands in for what the answer lacks
 * @param own tells the account's own offers from others'
 * @throws UnreadableAnswerError when the answer is about something else, or its parts contradict each other
 */
export function normaliseOffers(item: OffersItem, watch: PriceWatch, own: Own): PriceReading {
  const context = contextOf(watch, own);
  const { reader } = context;
  const { Identifier } = item;
  const summary = item.Summary ?? {};
  const about = identify(item, watch, {
    marketplaceId: words(item.MarketplaceID) ?? words(Identifier?.MarketplaceId),
    asin: words(item.ASIN) ?? words(Identifier?.ASIN),
    sku: words(item.SKU) ?? words(Identifier?.SellerSKU),
  });
  const status = readStatus(reader, item.status);
  if (isConclusive(status)) refuseContradictions(item);
  // Where there are none, Amazon may leave the list out.
  if (!item.Offers && !(isConclusive(status) && (summary.TotalOfferCount ?? 0) === 0)) {
    reader.surprise('Offers', item.Offers);
    reader.cannotRead('offers');
  }
  const listed = readOffers(context, item.Offers);
  const offers = countedOffers(listed.map(({ offer }) => offer));
  const boxes = reader.rows('buyBox', summary.BuyBoxPrices, (price) => readBuyBox(context, price));
  const asked = { ...about, customerType: watch.customerType };
  return readingOf(item, reader, {
    ...about,
    status,
    offers: offers.slice(0, MOST_LISTED_OFFERS),
    buyBox: canonicalRows('buyBox', withWinners(boxes, listed, asked)),
    lowest: reader.rows('lowest', summary.LowestPrices, (price) => readLowestPrice(context, price)),
    totalOfferCount: summary.TotalOfferCount ?? undefined,
    offerCounts: readOfferCounts(context, 'offerCounts', 'NumberOfOffers[]', summary.NumberOfOffers),
    buyBoxEligible: readOfferCounts(context, 'buyBoxEligible', 'BuyBoxEligibleOffers[]', summary.BuyBoxEligibleOffers),
    ...referencePrices(reader, {
      listPrice: ['Summary.ListPrice', summary.ListPrice],
      competitivePriceThreshold: ['Summary.CompetitivePriceThreshold', summary.CompetitivePriceThreshold],
      suggestedLowerPrice: ['Summary.SuggestedLowerPricePlusShipping', summary.SuggestedLowerPricePlusShipping],
    }),
    salesRanks: salesRanks(context, summary.SalesRankings),
  });
}

function contextOf(watch: PriceWatch, { sellerId }: Own): RowContext {
  return { reader: new AnswerReader(), customerType: watch.customerType, sellerId: words(sellerId) };
}

function readStatus(reader: AnswerReader, status: unknown): string {
  return reader.word('status', statuses, status) ?? '';
}

/** The offers that are listed, with what each says of its being in the Buy Box. */
function readOffers(context: RowContext, offers: OffersItem['Offers']): { offer: ListedOffer; wins: boolean | null }[] {
  return (offers ?? []).flatMap((entry) => {
    const offer = readOffer(context, entry);
    if (offer === undefined) context.reader.cannotRead('offers');
    return offer === undefined ? [] : [{ offer, wins: entry.IsBuyBoxWinner ?? null }];
  });
}

function salesRanks(context: RowContext, ranks: Product['SalesRankings']): PriceSnapshot['salesRanks'] {
  const { reader } = context;
  const readable = reader.readable('salesRanks', 'SalesRankings', ranks);
  return reader.rows('salesRanks', readable, (rank) => readSalesRank(context, rank));
}

function referencePrices(
  reader: AnswerReader,
  prices: Partial<Record<ReferencePrice, readonly [field: string, money: MoneyType | null | undefined]>>,
): Partial<Record<ReferencePrice, string>> {
  const entries = Object.entries(prices) as [ReferencePrice, readonly [string, MoneyType | null | undefined]][];
  return Object.fromEntries(
    entries.map(([name, [field, money]]) => [name, reader.amount(field, reader.readable(name, field, money))]),
  );
}

type Read = Partial<Omit<PriceSnapshot, 'currency'>> & Pick<PriceSnapshot, 'status'>;

function readingOf(item: unknown, reader: AnswerReader, read: Read): PriceReading {
  const [currency, ...others] = reader.currencies;
  if (others.length > 0) throw contradiction('currencies', `prices in ${reader.currencies.join(' and ')}`, item);
  const snapshot: PriceSnapshot = filled({
    ...{ own: [], buyBox: [], lowest: [], competitive: [], offers: [], offerCounts: [], buyBoxEligible: [] },
    salesRanks: [],
    currency,
    ...read,
  });
  // Amazon is not done with the item, or says something new of it: what is not there may come yet.
  const unread = !isConclusive(snapshot.status) && !hasPrice(snapshot) ? 'everything' : reader.unread;
  return { snapshot, unread, drift: reader.drift };
}

interface Identity {
  readonly marketplaceId: string | undefined;
  readonly asin: string | undefined;
  readonly sku: string | undefined;
}

/** What the snapshot is about; an answer about another thing than was asked for is refused. */
function identify(item: unknown, watch: PriceWatch, { marketplaceId, asin, sku }: Identity) {
  if (marketplaceId !== undefined && marketplaceId !== watch.marketplaceId) {
    throw contradiction('marketplace', `it is about marketplace ${marketplaceId}`, item);
  }
  const answered = watch.itemType === 'asin' ? asin : sku;
  if (answered !== undefined && answered.toUpperCase() !== watch.item.trim().toUpperCase()) {
    throw contradiction('item', `it is about ${watch.itemType} ${answered}`, item);
  }
  return {
    asin: watch.itemType === 'asin' ? watch.item : asin,
    sku: watch.itemType === 'sku' ? watch.item : sku,
    condition: watch.condition === 'Any' ? undefined : watch.condition,
  };
}

function refuseContradictions(item: OffersItem): void {
  if (!item.Summary) throw contradiction('no-summary', 'it has no summary', item);
  const { TotalOfferCount, NumberOfOffers, LowestPrices, BuyBoxPrices } = item.Summary;
  const offers = item.Offers ?? [];
  const isEmpty = (list: readonly unknown[] | null | undefined): boolean => !list || list.length === 0;
  if ((TotalOfferCount ?? 0) > 0 && [offers, NumberOfOffers, LowestPrices].every(isEmpty)) {
    throw contradiction('offers-nowhere', `it counts ${TotalOfferCount} offers and shows none`, item);
  }
  if (isEmpty(BuyBoxPrices) && offers.some(({ IsBuyBoxWinner }) => IsBuyBoxWinner === true)) {
    throw contradiction('winner-without-buy-box', 'an offer is in the Buy Box, which has no price', item);
  }
}

function contradiction(shape: string, what: string, item: unknown): UnreadableAnswerError {
  return new UnreadableAnswerError(`the answer contradicts itself or the request: ${what}`.slice(0, 300), {
    raw: JSON.stringify(item),
    shape: `contradiction:${shape}`,
  });
}
