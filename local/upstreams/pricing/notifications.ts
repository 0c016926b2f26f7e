import { createRandom, type Random } from '../seeded-random.ts';
import {
  landedMinor,
  offerKey,
  pointsMinor,
  priceFor,
  toAmount,
  type CustomerType,
  type ItemState,
  type OfferState,
} from './item-state.ts';
import type { LivingItem } from './living-market.ts';
import { marketplaceOf } from './marketplaces.ts';
import { MAX_OFFERS_SHOWN, cheapestFirst } from './offers-body.ts';

export interface NotificationsOptions {
  seed: number;
  now(): number;
  send(notification: object): void;
}

/** Shares of the notifications that never arrive, and that arrive twice. */
const LOST = 0.06;
const REPEATED = 0.06;

/**
 * ANY_OFFER_CHANGED and B2B_ANY_OFFER_CHANGED, in the envelopes that Amazon puts into a seller's queue ("Notification
 * type values"). A seller hears of a change among the twenty cheapest offers of an item, of one condition, that it has an
 * offer of itself. Some are lost and some come twice, as with any queue.
 */
export class Notifications {
  readonly #options: NotificationsOptions;
  readonly #random: Random;
  #outbox: object[] = [];

  constructor(options: NotificationsOptions) {
    this.#options = options;
    this.#random = createRandom(options.seed, 'notifications');
  }

  /** Takes note of a change. What it is worth is sent soon, and never from within the change itself. */
  note(item: LivingItem, before: ItemState, after: ItemState): void {
    const own = new Map(after.offers.filter(({ sku }) => sku !== null).map((offer) => [offer.sellerId, offer]));
    const conditions = new Set([...before.offers, ...after.offers].map(({ condition }) => condition));
    for (const condition of conditions) {
      for (const customer of ['Consumer', 'Business'] as const) {
        if (face(before, condition, customer, item) === face(after, condition, customer, item)) continue;
        for (const sellerId of own.keys()) this.#post(item, after, { sellerId, condition, customer });
      }
    }
  }

  #post(item: LivingItem, state: ItemState, about: About): void {
    // Drawn in any case, so that one fate does not change the next.
    const notification = envelope(item, state, about, this.#options.now(), this.#random);
    const fate = this.#random.next();
    if (fate < LOST) return;
    if (this.#outbox.length === 0) setImmediate(() => this.#deliver());
    this.#outbox.push(notification);
    if (fate > 1 - REPEATED) this.#outbox.push(notification);
  }

  #deliver(): void {
    const posted = this.#outbox;
    this.#outbox = [];
    for (const notification of posted) this.#options.send(notification);
  }
}

interface About {
  sellerId: string;
  condition: string;
  customer: CustomerType;
}

/** What a kind of buyer sees of an item's offers of one condition, as text to compare. */
function face(state: ItemState, condition: string, customer: CustomerType, { marketplaceId }: LivingItem): string {
  const shown = offersFor(state, condition, customer, marketplaceId);
  return JSON.stringify(
    shown.map((offer) => [
      offerKey(offer),
      priceFor(offer, customer),
      offer.shipping,
      offer.points,
      offer.isFulfilledByAmazon,
      offer.isPrime,
      offer.isFeatured,
      wins(offer, customer),
      customer === 'Business' && offer.quantityDiscounts,
    ]),
  );
}

function offersFor(state: ItemState, condition: string, customer: CustomerType, marketplaceId: string): OfferState[] {
  const offers = state.offers.filter(
    (offer) => offer.condition === condition && (customer === 'Consumer' || offer.businessPrice !== null),
  );
  return cheapestFirst(offers, customer, marketplaceId).slice(0, MAX_OFFERS_SHOWN);
}

function wins(offer: OfferState, customer: CustomerType): boolean {
  return customer === 'Business' ? offer.winsBusinessBuyBox : offer.winsBuyBox;
}

function envelope(item: LivingItem, state: ItemState, about: About, now: number, random: Random): object {
  const isBusiness = about.customer === 'Business';
  const content = {
    NotificationVersion: '1.0',
    NotificationType: isBusiness ? 'B2B_ANY_OFFER_CHANGED' : 'ANY_OFFER_CHANGED',
    PayloadVersion: '1.0',
    EventTime: new Date(state.at).toISOString(),
    NotificationMetadata: {
      ApplicationId: 'amzn1.sellerapps.app.00000000-0000-4000-8000-000000000001',
      SubscriptionId: `00000000-0000-4000-8000-00000000000${isBusiness ? 3 : 2}`,
      PublishTime: new Date(now).toISOString(),
      NotificationId: newId(random),
    },
    Payload: {
      [isBusiness ? 'B2BAnyOfferChangedNotification' : 'AnyOfferChangedNotification']: {
        SellerId: about.sellerId,
        OfferChangeTrigger: {
          MarketplaceId: item.marketplaceId,
          ASIN: item.asin,
          ItemCondition: about.condition.toLowerCase(),
          TimeOfOfferChange: new Date(state.at).toISOString(),
          ...(!isBusiness && { OfferChangeType: random.pick(['Internal', 'External']) }),
        },
        Summary: summary(item, state, about.customer),
        Offers: offersFor(state, about.condition, about.customer, item.marketplaceId).map((offer) =>
          offerOf(offer, about.customer, item.marketplaceId),
        ),
      },
    },
  };
  // The business notification is spelt with small letters throughout, the other one with capitals.
  return isBusiness ? (lowerCamel(content) as object) : content;
}

/** About the product in all its conditions, as the guide words it. */
function summary({ marketplaceId }: LivingItem, state: ItemState, customer: CustomerType): object {
  const isBusiness = customer === 'Business';
  const offers = state.offers.filter((offer) => !isBusiness || offer.businessPrice !== null);
  const groups = Object.values(
    Object.groupBy(offers, ({ condition, isFulfilledByAmazon }) => `${condition}/${isFulfilledByAmazon}`),
  ).filter((group) => group !== undefined);
  const place = ({ condition, isFulfilledByAmazon }: OfferState): object => ({
    Condition: condition.toLowerCase(),
    FulfillmentChannel: isFulfilledByAmazon ? 'Amazon' : 'Merchant',
  });
  const counts = (wanted: (offer: OfferState) => boolean): object[] =>
    groups.flatMap((group) => {
      const [first] = group;
      const OfferCount = group.filter(wanted).length;
      return first && OfferCount > 0 ? [{ ...place(first), OfferCount }] : [];
    });
  const eligible = counts((offer) => offer.isFeatured);
  return {
    NumberOfOffers: counts(() => true),
    LowestPrices: groups.flatMap((group) => {
      const [lowest] = cheapestFirst(group, customer, marketplaceId);
      return lowest ? priceRows(place(lowest), lowest, customer, marketplaceId) : [];
    }),
    BuyBoxPrices: offers
      .filter((offer) => wins(offer, customer))
      .flatMap((offer) => priceRows({ Condition: offer.condition.toLowerCase() }, offer, customer, marketplaceId)),
    ...(state.listPrice !== null && !isBusiness && { ListPrice: money(state.listPrice, marketplaceId) }),
    ...(isBusiness ? { BuyBoxEligibleOffers: eligible } : { NumberOfBuyBoxEligibleOffers: eligible }),
  };
}

/** The prices of an offer, and for business buyers those of its discounts, which come without shipping. */
function priceRows(place: object, offer: OfferState, customer: CustomerType, marketplaceId: string): object[] {
  const landed = toAmount(landedMinor(offer, customer, marketplaceId), marketplaceId);
  const single = {
    ...place,
    ...(customer === 'Business' && { OfferType: 'B2B', QuantityTier: 1 }),
    ListingPrice: money(priceFor(offer, customer), marketplaceId),
    Shipping: money(offer.shipping, marketplaceId),
    LandedPrice: money(landed, marketplaceId),
    ...pointsOf(offer, marketplaceId),
  };
  if (customer === 'Consumer') return [single];
  const discounts = offer.quantityDiscounts.map(({ tier, price }) => ({
    ...place,
    OfferType: 'B2B',
    QuantityTier: tier,
    DiscountType: 'QUANTITY_DISCOUNT',
    ListingPrice: money(price, marketplaceId),
  }));
  return [single, ...discounts];
}

function offerOf(offer: OfferState, customer: CustomerType, marketplaceId: string): object {
  const { feedback, shippingHours, shipsFrom, notes } = offer;
  return {
    SellerId: offer.sellerId,
    SubCondition: offer.subCondition.replaceAll(/(?<=[a-z])(?=[A-Z])/g, '_').toLowerCase(),
    SellerFeedbackRating: { FeedbackCount: feedback.count, SellerPositiveFeedbackRating: feedback.rating },
    ShippingTime: {
      MinimumHours: shippingHours.minimum,
      MaximumHours: shippingHours.maximum,
      AvailabilityType: 'NOW',
      AvailableDate: '',
    },
    ListingPrice: money(priceFor(offer, customer), marketplaceId),
    ...pointsOf(offer, marketplaceId),
    Shipping: money(offer.shipping, marketplaceId),
    ShipsFrom: { Country: shipsFrom.country, ...(customer === 'Consumer' && { State: shipsFrom.state ?? '' }) },
    IsFulfilledByAmazon: offer.isFulfilledByAmazon,
    IsBuyBoxWinner: wins(offer, customer),
    ...(notes !== null && { ConditionNotes: notes }),
    PrimeInformation: { IsPrime: offer.isPrime, IsNationalPrime: offer.isPrime },
    IsFeaturedMerchant: offer.isFeatured,
  };
}

function money(amount: string, marketplaceId: string): object {
  return { Amount: Number(amount), CurrencyCode: marketplaceOf(marketplaceId).currency };
}

function pointsOf(offer: OfferState, marketplaceId: string): object {
  return pointsMinor(offer, marketplaceId) === 0 ? {} : { Points: { PointsNumber: offer.points } };
}

/** The same content with keys as `sellerId`, `asin`, `b2bAnyOfferChangedNotification`. */
function lowerCamel(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(lowerCamel);
  if (typeof node !== 'object' || node === null) return node;
  const small = (key: string): string => key.replace(/^(?:ASIN$|B2B|[A-Z])/, (beginning) => beginning.toLowerCase());
  return Object.fromEntries(Object.entries(node).map(([key, value]) => [small(key), lowerCamel(value)]));
}

function newId(random: Random): string {
  const hex = (digits: number): string =>
    Array.from({ length: digits }, () => random.integer(0, 15).toString(16)).join('');
  return `${hex(8)}-${hex(4)}-4${hex(3)}-a${hex(3)}-${hex(12)}`;
}
