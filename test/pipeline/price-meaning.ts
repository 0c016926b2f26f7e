import type { PriceSnapshot, QuantityDiscount, RowPrices } from '../../lambdas/pricing/price-snapshot.ts';
import type { PriceWatch } from '../../lambdas/shared/watches.ts';
import type { ItemState, OfferState } from '../../local/upstreams/pricing/item-state.ts';
import { landedMinor, pointsMinor, priceFor, toAmount } from '../../local/upstreams/pricing/item-state.ts';
import { cheapestFirst, MAX_OFFERS_SHOWN } from '../../local/upstreams/pricing/offers-body.ts';

/** One thing that a price watch shows. What is undefined, null or empty is the same as not there. */
type Row = Readonly<Record<string, unknown>>;

/**
 * What a price watch ought to show, as text that is equal for equal meanings; nothing where there is no price. Two
 * readings that share no code: one of the simulator's ground truth, one of what the stack has stored or told.
 *
 * @param sellerId of the account whose watch it is
 */
export function meaningOfMarket(state: ItemState | undefined, watch: PriceWatch, sellerId: string): string[] {
  return state?.known ? texts(new MarketReader(state, watch, sellerId).rows()) : [];
}

export function meaningOfPrice(price: PriceSnapshot | null | undefined): string[] {
  if (!price) return [];
  const { totalOfferCount: total, listPrice, competitivePriceThreshold, suggestedLowerPrice } = price;
  const discounts = (all: readonly QuantityDiscount[] = []): unknown[] =>
    all.map(({ quantityTier, listing }) => [quantityTier, Number(listing)]);
  const sellers = price.buyBox.flatMap(({ winners }) => winners.map(({ sellerId }) => sellerId));
  // Who is in the Buy Box and who else sells is known where all offers are listed.
  const isWindow = total !== undefined && total > MAX_OFFERS_SHOWN;
  return texts([
    ...price.own.map(({ sku, condition, subcondition, customerType, channel, regular, businessPrice, ...row }) => ({
      ...{ is: 'own', sku, condition, subcondition, customerType, channel, ...pricesOf(row) },
      ...{ regular: amount(regular), business: amount(businessPrice), discounts: discounts(row.quantityDiscounts) },
    })),
    ...price.buyBox.map(({ condition, customerType, quantityTier, ...row }) => ({
      ...{ is: 'box', condition, customerType, quantityTier, ...pricesOf(row) },
    })),
    ...(isWindow ? [] : sellers.map((seller) => ({ is: 'winner', seller }))),
    ...(isWindow || price.buyBox.length === 0 ? [] : [{ is: 'won', mine: price.buyBox.some(({ mine }) => mine) }]),
    ...price.competitive.map(({ id }) => ({ is: 'competitive', id })),
    ...price.lowest.map(({ condition, channel, customerType, quantityTier, ...row }) => ({
      ...{ is: 'lowest', condition, channel, customerType, quantityTier, ...pricesOf(row) },
    })),
    ...(isWindow ? [] : price.offers).map(({ sellerId, mine, subcondition, channel, prime, featured, ...row }) => ({
      ...{
        is: 'offer',
        sellerId,
        mine,
        subcondition,
        channel,
        featured,
        prime: prime === 'national',
        ...pricesOf(row),
      },
      ...{ from: row.shipsFrom?.country, state: row.shipsFrom?.state, discounts: discounts(row.quantityDiscounts) },
    })),
    ...price.offerCounts.map((row) => ({ is: 'count', ...row })),
    ...price.buyBoxEligible.map((row) => ({ is: 'eligible', ...row })),
    { is: 'total', total },
    { is: 'reference', list: amount(listPrice), threshold: amount(competitivePriceThreshold) },
    { is: 'lower', price: amount(suggestedLowerPrice) },
  ]);
}

function pricesOf({ listing, shipping, landed, points }: RowPrices): Row {
  const { number, value } = points ?? {};
  return { listing: amount(listing), shipping: amount(shipping), landed: amount(landed), number, value: amount(value) };
}

/** Reads the simulator's truth about an item as one watch sees it. */
class MarketReader {
  readonly #state: ItemState;
  readonly #watch: PriceWatch;
  readonly #sellerId: string;

  constructor(state: ItemState, watch: PriceWatch, sellerId: string) {
    this.#state = state;
    this.#watch = watch;
    this.#sellerId = sellerId;
  }

  rows(): Row[] {
    switch (this.#watch.view) {
      case 'own':
        return this.#own();
      case 'competitive':
        return this.#competitive();
      case 'offers':
        return this.#offers();
    }
  }

  get #isBusiness(): boolean {
    return this.#watch.customerType === 'Business';
  }

  #own(): Row[] {
    const { item, itemType, condition, customerType } = this.#watch;
    return this.#state.offers
      .filter((offer) => this.#isMine(offer) && (itemType === 'asin' || offer.sku === item))
      .filter((offer) => condition === 'Any' || offer.condition === condition)
      .filter(({ businessPrice }) => !this.#isBusiness || businessPrice !== null)
      .map((offer) => ({
        ...{ is: 'own', sku: offer.sku, ...kindOf(offer), customerType, ...this.#prices(offer) },
        ...{ regular: amount(offer.regularPrice), discounts: discountsOf(offer) },
        ...(!this.#isBusiness && { business: amount(offer.businessPrice) }),
      }));
  }

  #competitive(): Row[] {
    const { offers } = this.#state;
    const winners = this.#winners(offers);
    if (offers.length === 0) return [];
    const counts = [...Map.groupBy(offers, ({ condition }) => condition)];
    return [
      ...winners.flatMap((offer) => this.#box(offer)),
      ...(this.#isBusiness ? winners.map(({ sellerId: seller }) => ({ is: 'winner', seller })) : []),
      ...(winners.length > 0 ? [{ is: 'won', mine: winners.some((offer) => this.#isMine(offer)) }] : []),
      ...counts.map(([condition, { length: count }]) => ({ is: 'count', condition, count })),
      { is: 'count', condition: 'Any', count: offers.length },
    ];
  }

  #offers(): Row[] {
    const { condition, customerType, marketplaceId } = this.#watch;
    const offers = this.#state.offers.filter((offer) => offer.condition === condition);
    const [cheapest] = cheapestFirst(offers, customerType, marketplaceId);
    if (!cheapest) return [];
    const listed = offers.length > MAX_OFFERS_SHOWN ? [] : offers;
    const winners = this.#winners(offers);
    const byChannel = [...Map.groupBy(offers, channelOf)];
    return [
      ...winners.flatMap((offer) => this.#box(offer)),
      ...(listed.length > 0 ? winners : []).map(({ sellerId: seller }) => ({ is: 'winner', seller })),
      ...(listed.length > 0 && winners.length > 0
        ? [{ is: 'won', mine: winners.some((offer) => this.#isMine(offer)) }]
        : []),
      ...byChannel.flatMap(([channel, group]) => this.#lowest(group).map((row) => ({ channel, condition, ...row }))),
      ...listed.map((offer) => ({
        ...{ is: 'offer', sellerId: offer.sellerId, mine: this.#isMine(offer), ...this.#prices(offer) },
        ...{ subcondition: kindOf(offer).subcondition, channel: channelOf(offer) },
        ...{ prime: offer.isPrime, featured: offer.isFeatured },
        ...{ from: offer.shipsFrom.country, state: offer.shipsFrom.state },
        discounts: this.#isBusiness ? discountsOf(offer) : [],
      })),
      ...byChannel.map(([channel, { length: count }]) => ({ is: 'count', condition, channel, count })),
      ...byChannel.map(([channel, group]) => ({
        ...{ is: 'eligible', condition, channel, count: group.filter(({ isFeatured }) => isFeatured).length },
      })),
      { is: 'total', total: offers.length },
      {
        is: 'reference',
        list: amount(this.#state.listPrice),
        threshold: amount(this.#state.competitivePriceThreshold),
      },
      { is: 'lower', price: this.#prices(cheapest)['landed'] },
    ].filter((row) => !('count' in row && row.count === 0));
  }

  /** The prices of a winner: for one, and for business customers for each quantity. */
  #box(offer: OfferState): Row[] {
    const { condition } = offer;
    const single = { is: 'box', condition, customerType: this.#customerOf(offer), ...this.#prices(offer) };
    if (!this.#isBusiness) return [single];
    return [
      single,
      ...offer.quantityDiscounts.map(({ tier, price }) => ({
        ...{ is: 'box', condition, customerType: this.#customerOf(offer, 'B2B'), quantityTier: tier },
        ...this.#prices({ ...offer, listingPrice: price, businessPrice: price }),
      })),
    ];
  }

  /** The lowest prices of offers of one channel. */
  #lowest(group: readonly OfferState[]): Row[] {
    const { customerType, marketplaceId } = this.#watch;
    const [cheapest] = cheapestFirst(group, customerType, marketplaceId);
    if (!cheapest) return [];
    const single = { is: 'lowest', customerType: this.#customerOf(cheapest), ...this.#prices(cheapest) };
    if (!this.#isBusiness) return [single];
    const discounts = group.flatMap((offer) =>
      offer.quantityDiscounts.map(({ tier, price }) => ({ ...offer, tier, listingPrice: price, businessPrice: price })),
    );
    const tiers = [...Map.groupBy(discounts, ({ tier }) => tier)].map(([quantityTier, all]) => {
      const [best] = all.toSorted((one, other) => Number(one.businessPrice) - Number(other.businessPrice));
      return { is: 'lowest', customerType: 'Business', quantityTier, ...(best && this.#prices(best)) };
    });
    return [single, ...tiers];
  }

  #winners(offers: readonly OfferState[]): OfferState[] {
    return offers.filter((offer) => (this.#isBusiness ? offer.winsBusinessBuyBox : offer.winsBuyBox));
  }

  /** Whom an offer is for: one without a business price is for everybody, and so for consumers. */
  #customerOf({ businessPrice }: OfferState, type?: 'B2B'): string {
    return this.#isBusiness && (type === 'B2B' || businessPrice !== null) ? 'Business' : 'Consumer';
  }

  #prices(offer: OfferState): Row {
    const { customerType, marketplaceId } = this.#watch;
    const worth = pointsMinor(offer, marketplaceId);
    return {
      listing: amount(priceFor(offer, customerType)),
      shipping: amount(offer.shipping),
      landed: amount(toAmount(landedMinor(offer, customerType, marketplaceId), marketplaceId)),
      ...(worth > 0 && { number: offer.points, value: amount(toAmount(worth, marketplaceId)) }),
    };
  }

  #isMine({ sellerId }: OfferState): boolean {
    return sellerId === this.#sellerId;
  }
}

function kindOf(offer: OfferState): Row {
  const subcondition = offer.subCondition.replaceAll(/(?<=[a-z])(?=[A-Z])/gu, ' ');
  return { condition: offer.condition, subcondition, channel: channelOf(offer) };
}

function channelOf({ isFulfilledByAmazon }: OfferState): string {
  return isFulfilledByAmazon ? 'Amazon' : 'Merchant';
}

function discountsOf({ quantityDiscounts }: OfferState): unknown[] {
  return quantityDiscounts.map(({ tier, price }) => [tier, Number(price)]);
}

function amount(text: string | null | undefined): number | undefined {
  return text == null ? undefined : Number(text);
}

/** Sorted, each once, whatever the order of their fields. */
function texts(rows: readonly Row[]): string[] {
  const isThere = (value: unknown): boolean => value != null && !(Array.isArray(value) && value.length === 0);
  const said = rows
    .map((row) => Object.entries(row).filter(([, value]) => isThere(value)))
    .filter((fields) => fields.length > 1)
    .map((fields) => JSON.stringify(fields.toSorted(([left], [right]) => (left < right ? -1 : 1))));
  return [...new Set(said)].toSorted();
}
