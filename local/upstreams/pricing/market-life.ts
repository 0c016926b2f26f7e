import type { Random } from '../seeded-random.ts';
import { landedMinor, offerKey, toMinor, type Market, type OfferState } from './item-state.ts';
import {
  MAX_OFFERS,
  MAX_OFFERS_IN_A_CROWD,
  businessTerms,
  foreignOffer,
  money,
  ownOffer,
  type ItemNature,
} from './market-birth.ts';
import { marketplaceOf } from './marketplaces.ts';

interface Situation {
  market: Market;
  nature: ItemNature;
  random: Random;
}

/** What a step does to a market. */
export interface Happening {
  event: string;
  market: Market;
}

interface MarketEvent {
  event: string;
  weight(situation: Situation): number;
  /** The market afterwards, always with another meaning; undefined where this cannot happen now. */
  attempt(situation: Situation): Market | undefined;
}

const always = (weight: number) => (): number => weight;
const EMPTY_STATUSES = [
  'NoBuyableOffers',
  'NoBuyableOffers',
  'ActiveButTooSoonForProcessing',
  'NoOfferDueToMissingShippingCharge',
];

/** What can happen to an item that has offers. */
const EVENTS: readonly MarketEvent[] = [
  { event: 'price-moved', weight: always(5), attempt: movePrice },
  // Sellers who compete follow each other down.
  { event: 'price-cut', weight: always(2), attempt: undercut },
  { event: 'sale-began', weight: always(0.7), attempt: beginSale },
  { event: 'sale-ended', weight: always(0.7), attempt: endSale },
  { event: 'shipping-changed', weight: always(0.5), attempt: changeShipping },
  { event: 'seller-came', weight: ({ nature }) => (nature.isCrowded ? 2 : 1), attempt: addSeller },
  { event: 'seller-left', weight: always(1), attempt: removeSeller },
  { event: 'own-offer-gone', weight: always(0.2), attempt: endOwnOffer },
  { event: 'own-offer-back', weight: always(1), attempt: restoreOwnOffer },
  { event: 'business-terms-changed', weight: always(0.6), attempt: changeBusinessTerms },
  { event: 'channel-changed', weight: always(0.3), attempt: changeChannel },
  { event: 'eligibility-changed', weight: always(0.4), attempt: changeEligibility },
  { event: 'points-changed', weight: ({ nature }) => (isInJapan(nature) ? 0.8 : 0), attempt: changePoints },
  { event: 'list-price-changed', weight: always(0.3), attempt: changeListPrice },
  { event: 'threshold-changed', weight: always(0.2), attempt: changeThreshold },
  { event: 'offers-vanished', weight: always(0.15), attempt: loseAllOffers },
];

/**
 * The next step of a market: exactly one thing happens, and it always changes what the item's state means.
 * Who wins the Buy Box is not decided here. A pure function of its arguments.
 */
export function nextMarket(market: Market, nature: ItemNature, random: Random): Happening {
  const situation = { market, nature, random };
  if (market.offers.length === 0) return { event: 'offers-returned', market: returnOffers(situation) };
  const candidates = EVENTS.flatMap(({ event, weight, attempt }) => {
    const after = attempt(situation);
    return after ? [{ weight: weight(situation), happening: { event, market: after } }] : [];
  });
  const total = candidates.reduce((sum, { weight }) => sum + weight, 0);
  let rest = random.next() * total;
  for (const { weight, happening } of candidates) {
    rest -= weight;
    if (rest < 0) return happening;
  }
  throw new Error('Something can always happen to an item with an offer: its price can move.');
}

function movePrice(situation: Situation): Market | undefined {
  const { nature, random } = situation;
  return changeOffer(situation, random.pick(situation.market.offers), (offer) => {
    const now = toMinor(offer.listingPrice, nature.marketplaceId);
    // Prices wander about what the thing is worth, and do not drift away over a long life.
    const pull = (nature.worth * 0.95 - now) * 0.1;
    return repriced(nature, offer, now + pull + (random.next() - 0.5) * nature.worth * 0.08);
  });
}

function undercut(situation: Situation): Market | undefined {
  const { market, nature, random } = situation;
  const condition = random.pick(market.offers).condition;
  const rivals = market.offers.filter((offer) => offer.condition === condition);
  const cheapest = Math.min(...rivals.map((offer) => landedMinor(offer, 'Consumer', nature.marketplaceId)));
  const dearer = rivals.filter((offer) => landedMinor(offer, 'Consumer', nature.marketplaceId) > cheapest);
  // Below half of what it is worth nobody follows.
  if (dearer.length === 0 || cheapest < nature.worth * 0.5) return undefined;
  return changeOffer(situation, random.pick(dearer), (offer) => {
    const gap = landedMinor(offer, 'Consumer', nature.marketplaceId) - cheapest;
    return repriced(nature, offer, toMinor(offer.listingPrice, nature.marketplaceId) - gap - random.integer(0, 30));
  });
}

function beginSale(situation: Situation): Market | undefined {
  const { market, nature, random } = situation;
  const regular = market.offers.filter((offer) => offer.listingPrice === offer.regularPrice);
  if (regular.length === 0) return undefined;
  return changeOffer(situation, random.pick(regular), (offer) => {
    const price = toMinor(offer.regularPrice, nature.marketplaceId);
    const reduced = Math.min(price - 1, Math.round(price * (0.75 + random.next() * 0.2)));
    return price > 1 ? priced(nature, offer, Math.max(1, reduced)) : offer;
  });
}

function endSale(situation: Situation): Market | undefined {
  const { market, random } = situation;
  const onSale = market.offers.filter((offer) => offer.listingPrice !== offer.regularPrice);
  if (onSale.length === 0) return undefined;
  return changeOffer(situation, random.pick(onSale), (offer) => ({ ...offer, listingPrice: offer.regularPrice }));
}

function changeShipping(situation: Situation): Market | undefined {
  const { market, nature, random } = situation;
  const shipped = market.offers.filter((offer) => !offer.isFulfilledByAmazon);
  if (shipped.length === 0) return undefined;
  return changeOffer(situation, random.pick(shipped), (offer) => {
    const isFree = Number(offer.shipping) === 0;
    return { ...offer, shipping: money(nature, isFree ? nature.worth * (0.05 + random.next() * 0.1) : 0) };
  });
}

function addSeller({ market, nature, random }: Situation): Market | undefined {
  if (market.offers.length >= (nature.isCrowded ? MAX_OFFERS_IN_A_CROWD : MAX_OFFERS)) return undefined;
  const offer = foreignOffer(nature, random);
  if (market.offers.some((other) => offerKey(other) === offerKey(offer))) return undefined;
  return { ...market, offers: [...market.offers, offer] };
}

function removeSeller(situation: Situation): Market | undefined {
  const { market, nature, random } = situation;
  const foreign = market.offers.filter((offer) => offer.sku === null);
  // A crowd stays one, so that there are always items with more offers than an answer holds.
  if (foreign.length === 0 || market.offers.length < (nature.isCrowded ? 23 : 2)) return undefined;
  return without(market, random.pick(foreign));
}

function endOwnOffer({ market, random }: Situation): Market | undefined {
  const own = market.offers.filter((offer) => offer.sku !== null);
  return own.length === 0 || market.offers.length < 2 ? undefined : without(market, random.pick(own));
}

function restoreOwnOffer({ market, nature, random }: Situation): Market | undefined {
  const missing = missingListings(market, nature);
  if (missing.length === 0) return undefined;
  return { ...market, offers: [...market.offers, ownOffer(nature, random.pick(missing), random)] };
}

function changeBusinessTerms(situation: Situation): Market | undefined {
  const { market, nature, random } = situation;
  return changeOffer(situation, random.pick(market.offers), (offer) => {
    if (offer.businessPrice !== null && random.chance(0.4)) {
      return { ...offer, businessPrice: null, quantityDiscounts: [] };
    }
    return { ...offer, ...businessTerms(nature, offer.listingPrice, random) };
  });
}

function changeChannel(situation: Situation): Market | undefined {
  const { market, nature, random } = situation;
  return changeOffer(situation, random.pick(market.offers), (offer) => {
    const isFulfilledByAmazon = !offer.isFulfilledByAmazon;
    return {
      ...offer,
      isFulfilledByAmazon,
      isPrime: isFulfilledByAmazon,
      shipping: isFulfilledByAmazon ? money(nature, 0) : offer.shipping,
    };
  });
}

function changeEligibility(situation: Situation): Market | undefined {
  return changeOffer(situation, situation.random.pick(situation.market.offers), (offer) => ({
    ...offer,
    isFeatured: !offer.isFeatured,
  }));
}

function changePoints(situation: Situation): Market | undefined {
  const { nature, market, random } = situation;
  if (!isInJapan(nature)) return undefined;
  return changeOffer(situation, random.pick(market.offers), (offer) => {
    const points = Math.round(Number(offer.listingPrice) * random.pick([0, 0.01, 0.02, 0.05]));
    return { ...offer, points };
  });
}

function changeListPrice({ market, nature, random }: Situation): Market | undefined {
  const listPrice = random.chance(0.2) ? null : money(nature, nature.worth * (1.05 + random.next() * 0.3));
  return listPrice === market.listPrice ? undefined : { ...market, listPrice };
}

function changeThreshold({ market, nature, random }: Situation): Market {
  const { competitivePriceThreshold: before } = market;
  const competitivePriceThreshold = before === null ? money(nature, nature.worth * (0.85 + random.next() * 0.3)) : null;
  return { ...market, competitivePriceThreshold };
}

function loseAllOffers({ market, nature, random }: Situation): Market | undefined {
  return nature.isCrowded ? undefined : { ...market, status: random.pick(EMPTY_STATUSES), offers: [] };
}

function returnOffers({ market, nature, random }: Situation): Market {
  const own = nature.listings.map((listing) => ownOffer(nature, listing, random));
  const offers = [...own, foreignOffer(nature, random)];
  return { ...market, status: 'Success', offers };
}

function missingListings(market: Market, nature: ItemNature): ItemNature['listings'] {
  return nature.listings.filter(
    ({ sellerId, sku }) => !market.offers.some((offer) => offer.sellerId === sellerId && offer.sku === sku),
  );
}

/** An offer with another price: it moves by at least one unit, and a sale is over. */
function repriced(nature: ItemNature, offer: OfferState, wanted: number): OfferState {
  const before = toMinor(offer.listingPrice, nature.marketplaceId);
  let price = Math.max(1, Math.round(wanted));
  if (price === before) price += 1;
  return priced(nature, { ...offer, regularPrice: money(nature, price) }, price);
}

/** An offer with a listing price. No business buyer pays more than anybody else. */
function priced(nature: ItemNature, offer: OfferState, price: number): OfferState {
  const listingPrice = money(nature, price);
  const business = offer.businessPrice === null ? 0 : toMinor(offer.businessPrice, nature.marketplaceId);
  return {
    ...offer,
    listingPrice,
    ...(business > price && { businessPrice: listingPrice, quantityDiscounts: [] }),
  };
}

/** The market with one offer changed; undefined where the change changed nothing. */
function changeOffer(
  { market }: Situation,
  chosen: OfferState,
  change: (offer: OfferState) => OfferState,
): Market | undefined {
  const changed = change(chosen);
  if (JSON.stringify(changed) === JSON.stringify(chosen)) return undefined;
  return { ...market, offers: market.offers.map((offer) => (offer === chosen ? changed : offer)) };
}

function without(market: Market, gone: OfferState): Market {
  return { ...market, offers: market.offers.filter((offer) => offer !== gone) };
}

function isInJapan(nature: ItemNature): boolean {
  return marketplaceOf(nature.marketplaceId).country === 'JP';
}
