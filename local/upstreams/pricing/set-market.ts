import * as z from 'zod';
import { decideBuyBox, offerKey, toAmount, toMinor, type Market, type OfferState } from './item-state.ts';
import { marketplaceOf } from './marketplaces.ts';

const text = z.string().min(1);
const Amount = z.string().regex(/^\d{1,9}(\.\d+)?$/, 'must be a decimal number as text, such as "12.99"');

/** An offer as control may set it: a seller and a price will do. */
const OfferInput = z.strictObject({
  sellerId: text,
  sku: text.nullable().default(null),
  condition: text.default('New'),
  subCondition: text.optional(),
  isFulfilledByAmazon: z.boolean().default(false),
  isPrime: z.boolean().optional(),
  regularPrice: Amount.optional(),
  listingPrice: Amount,
  shipping: Amount.default('0'),
  points: z.int().min(0).default(0),
  businessPrice: Amount.nullable().default(null),
  quantityDiscounts: z.array(z.strictObject({ tier: z.int().min(2), price: Amount })).default([]),
  isFeatured: z.boolean().default(true),
  winsBuyBox: z.boolean().optional(),
  winsBusinessBuyBox: z.boolean().optional(),
  feedback: z
    .strictObject({ rating: z.number().min(0).max(100), count: z.int().min(0) })
    .default({ rating: 95, count: 100 }),
  shippingHours: z
    .strictObject({ minimum: z.int().min(0), maximum: z.int().min(0) })
    .default({ minimum: 24, maximum: 48 }),
  shipsFrom: z.strictObject({ country: text, state: text.nullable() }).optional(),
  notes: text.nullable().default(null),
});

const MarketInput = z.strictObject({
  status: text.default('Success'),
  listPrice: Amount.nullable().default(null),
  competitivePriceThreshold: Amount.nullable().default(null),
  offers: z.array(OfferInput),
});

/**
 * The market that control asks for. Where no offer says whether it wins the Buy Box, the simulator's own rules decide.
 *
 * @throws ZodError for input that is no market, has amounts finer than the currency, or an offer twice
 */
export function readMarket(input: unknown, marketplaceId: string): Market {
  const { currency, country } = marketplaceOf(marketplaceId);
  const exact = (amount: string): string => {
    const normal = toAmount(toMinor(amount, marketplaceId), marketplaceId);
    if (Number(normal) !== Number(amount)) throw refusal(`${currency} has no amount such as ${amount}.`, input);
    return normal;
  };
  const orNull = (amount: string | null): string | null => (amount === null ? null : exact(amount));
  const { status, listPrice, competitivePriceThreshold, offers } = MarketInput.parse(input);
  const states = offers.map((offer): OfferState => ({
    ...offer,
    subCondition: offer.subCondition ?? (offer.condition === 'Used' ? 'Good' : offer.condition),
    isPrime: offer.isPrime ?? offer.isFulfilledByAmazon,
    regularPrice: exact(offer.regularPrice ?? offer.listingPrice),
    listingPrice: exact(offer.listingPrice),
    shipping: exact(offer.shipping),
    businessPrice: orNull(offer.businessPrice),
    quantityDiscounts: offer.quantityDiscounts.map(({ tier, price }) => ({ tier, price: exact(price) })),
    winsBuyBox: offer.winsBuyBox ?? false,
    winsBusinessBuyBox: offer.winsBusinessBuyBox ?? false,
    shipsFrom: offer.shipsFrom ?? { country, state: null },
  }));
  if (new Set(states.map(offerKey)).size < states.length) {
    throw refusal('A seller has one offer of a condition and SKU only.', input);
  }
  const market = {
    status,
    listPrice: orNull(listPrice),
    competitivePriceThreshold: orNull(competitivePriceThreshold),
    offers: states,
  };
  const isDecided = offers.some((offer) => offer.winsBuyBox !== undefined || offer.winsBusinessBuyBox !== undefined);
  return isDecided ? market : decideBuyBox(market, marketplaceId);
}

function refusal(message: string, input: unknown): z.ZodError {
  return new z.ZodError([{ code: 'custom', path: ['offers'], message, input }]);
}
