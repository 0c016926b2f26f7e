import * as z from 'zod/mini';

/** A sum of an answer. */
export const Money = z.object({
  amount: z.string().check(z.describe('Exact decimal amount, such as 10.99.')),
  currencyCode: z.nullable(z.string()).check(z.describe('ISO 4217, such as USD.')),
});
export type Money = z.infer<typeof Money>;

/** Words to be shown to a shopper. */
export const DeliveryMessage = z.object({
  text: z.nullable(z.string()),
  badge: z.nullable(z.string()).check(z.describe('PRIME, NONE, or a word that Amazon adds later.')),
  locale: z.nullable(z.string()),
});
export type DeliveryMessage = z.infer<typeof DeliveryMessage>;

export const LocalizedText = z.object({ value: z.string(), locale: z.nullable(z.string()) });
export type LocalizedText = z.infer<typeof LocalizedText>;

/** Fields by which a product is known, wherever it is named. */
export const productFields = {
  productId: z.nullable(z.string()),
  sku: z.nullable(z.string()).check(z.describe("The merchant's SKU, where Amazon tells it.")),
  externalId: z.nullable(z.string()),
  amazonSku: z.nullable(z.object({ value: z.string(), marketplaceId: z.nullable(z.string()) })),
  title: z.nullable(z.string()),
  price: z.nullable(Money),
} as const;

export const QuotedProduct = z.object({
  ...productFields,
  offerPrime: z.nullable(z.boolean()).check(z.describe('Whether the merchant offers the product with Prime.')),
});
export type QuotedProduct = z.infer<typeof QuotedProduct>;

/** How a line item would be delivered. Null is what Amazon does not tell. */
export const QuotedDelivery = z.object({
  isPrimeEligible: z.nullable(z.boolean()).check(z.describe('Whether it is delivered with Prime.')),
  provider: z.nullable(z.string()).check(z.describe('AMAZON, MERCHANT, or a word that Amazon adds later.')),
  speed: z.nullable(z.string()),
  message: z.nullable(DeliveryMessage),
  earliest: z.nullable(z.string()).check(z.describe('ISO instant; only where it is known where the shopper is.')),
  latest: z.nullable(z.string()).check(z.describe('ISO instant; only where it is known where the shopper is.')),
  deliveryOfferId: z.nullable(z.string()),
  deliveryPreviewId: z.nullable(z.string()),
});
export type QuotedDelivery = z.infer<typeof QuotedDelivery>;

/** How a line item could be returned. */
export const QuotedReturn = z.object({
  title: z.nullable(LocalizedText),
  description: z.nullable(LocalizedText),
  resolutionTypes: z.array(z.string()).check(z.describe('Such as RETURN; empty where there is no return.')),
});
export type QuotedReturn = z.infer<typeof QuotedReturn>;

export const OfferLine = z.object({
  product: z.nullable(QuotedProduct),
  delivery: z.nullable(QuotedDelivery),
  returns: z.nullable(QuotedReturn),
});
export type OfferLine = z.infer<typeof OfferLine>;

export const Offer = z.object({
  offerId: z.string().check(z.describe('Names the offer in an order. It does not last.')),
  lineItems: z.array(OfferLine),
});
export type Offer = z.infer<typeof Offer>;

/** What Amazon offers for line items. */
export const Quote = z.object({
  quotedAt: z.string().check(z.describe('ISO instant at which Amazon was asked.')),
  offers: z.array(Offer),
  totalCount: z.nullable(z.int()).check(z.describe('How many offers there are, where Amazon tells it.')),
});
export type Quote = z.infer<typeof Quote>;
