import * as z from 'zod/mini';

const described = <Schema extends z.ZodMiniType>(schema: Schema, text: string): Schema =>
  schema.check(z.describe(text));

const amount = z
  .string()
  .check(z.regex(/^-?\d+(?:\.\d+)?$/u), z.describe("Exact decimal amount in the snapshot's currency, such as 19.9."));
const condition = described(z.string(), 'New, Used, Collectible, Refurbished or Club.');
const subcondition = z
  .optional(z.string())
  .check(z.describe('New, Mint, Very Good, Good and so on, or one that Amazon adds later.'));
const customerType = described(z.string(), 'Consumer or Business: the customers that the price is valid for.');
const channel = described(z.string(), 'Amazon or Merchant: who fulfils.');
const quantityTier = z.optional(z.int()).check(z.describe('Quantity from which the price holds; left out: from one.'));
const discountType = z
  .optional(z.string())
  .check(z.describe('Only where it is another than QUANTITY_DISCOUNT; informative, never compared.'));
const mine = z.nullable(z.boolean()).check(z.describe("Whether it is the account's own; null where nobody can tell."));

export const Points = z.object({
  number: z.optional(z.int()).check(z.describe('Number of Amazon Points.')),
  value: z.optional(amount),
});
export type Points = z.infer<typeof Points>;

/** The prices of a row, and the Points that come with them. */
export const RowPrices = z.object({
  listing: amount,
  shipping: z.optional(amount),
  landed: described(amount, 'Listing price and shipping, less the value of Points; as given, else calculated.'),
  points: z.optional(Points).check(z.describe('Left out where there are none.')),
});
export type RowPrices = z.infer<typeof RowPrices>;
const prices = RowPrices.shape;

export const QuantityDiscount = z.object({ quantityTier: z.int(), listing: amount, discountType });
export type QuantityDiscount = z.infer<typeof QuantityDiscount>;
const quantityDiscounts = z
  .optional(z.array(QuantityDiscount))
  .check(z.describe('Prices from a quantity on, by quantity; left out where there are none.'));

/** What the account itself asks for an item. */
export const OwnPrice = z.object({
  sku: z.optional(z.string()),
  condition,
  subcondition,
  customerType,
  channel: z.optional(channel),
  ...prices,
  regular: z.optional(amount).check(z.describe('Price without promotions.')),
  businessPrice: z.optional(amount).check(z.describe('Price for business customers, where there is one.')),
  quantityDiscounts,
});
export type OwnPrice = z.infer<typeof OwnPrice>;

export const BuyBoxWinner = z.object({ sellerId: z.string(), prime: z.optional(z.boolean()) });
export type BuyBoxWinner = z.infer<typeof BuyBoxWinner>;

/** The Buy Box of a condition, customer type and quantity tier. */
export const BuyBox = z.object({
  condition,
  subcondition,
  customerType,
  quantityTier,
  discountType,
  ...prices,
  mine,
  winners: z
    .array(BuyBoxWinner)
    .check(z.describe('Sellers in the Buy Box: up to two, one for Prime and one not; empty where nobody can tell.')),
});
export type BuyBox = z.infer<typeof BuyBox>;

export const LowestPrice = z.object({ condition, channel, customerType, quantityTier, discountType, ...prices });
export type LowestPrice = z.infer<typeof LowestPrice>;

/** A competitive price other than the Buy Box's. */
export const CompetitivePrice = z.object({
  id: z.string().check(z.describe('CompetitivePriceId; 1 and 2 are the New and the Used Buy Box and stand there.')),
  condition: z.optional(condition),
  subcondition,
  customerType,
  quantityTier,
  discountType,
  ...prices,
  mine,
  sellerId: z.optional(z.string()),
});
export type CompetitivePrice = z.infer<typeof CompetitivePrice>;

/** One of the lowest offers, of which Amazon lists at most twenty. */
export const ListedOffer = z.object({
  sellerId: z.optional(z.string()),
  mine,
  customerType: z.optional(customerType).check(z.describe("Left out where it is the watch's.")),
  subcondition,
  channel: z.optional(channel),
  ...prices,
  quantityDiscounts,
  prime: z
    .optional(z.enum(['none', 'regional', 'national']))
    .check(z.describe('Whether it is a Prime offer: nowhere, somewhere or all over the marketplace.')),
  shipsFrom: z.optional(z.object({ country: z.optional(z.string()), state: z.optional(z.string()) })),
  buyBoxWinner: z.optional(z.literal(true)).check(z.describe('Left out where it is not.')),
  featured: z.optional(z.boolean()).check(z.describe('Whether the seller may win the Buy Box.')),
  alike: z.optional(z.int()).check(z.describe('How many offers look exactly like this; left out: it is the only one.')),
});
export type ListedOffer = z.infer<typeof ListedOffer>;

export const OfferCount = z.object({
  condition: z.optional(z.string()).check(z.describe('A condition, or Any.')),
  channel: z.optional(channel),
  count: z.int(),
});
export type OfferCount = z.infer<typeof OfferCount>;

export const SalesRank = z.object({ category: z.string(), rank: z.int() });
export type SalesRank = z.infer<typeof SalesRank>;

/**
 * What one price watch shows: equal states are equal data. Lists are in one fixed order, each row once; what Amazon
 * does not say is left out.
 */
export const PriceSnapshot = z.object({
  asin: z.optional(z.string()),
  sku: z.optional(z.string()),
  condition: z.optional(condition).check(z.describe('Condition that was asked for; left out for any.')),
  status: z.string().check(z.describe("Amazon's word on the item, such as Success; informative, never compared.")),
  currency: z.optional(z.string()).check(z.describe('ISO 4217 code of every amount.')),
  own: z.array(OwnPrice).check(z.describe("The account's own prices.")),
  buyBox: z.array(BuyBox).check(z.describe('Buy Box by condition, customer type and quantity tier.')),
  lowest: z
    .array(LowestPrice)
    .check(z.describe('Lowest prices by condition, channel, customer type and quantity tier.')),
  competitive: z.array(CompetitivePrice).check(z.describe("Competitive prices other than the Buy Box's.")),
  offers: z.array(ListedOffer).check(z.describe('The lowest offers. All there are, if as many as totalOfferCount.')),
  totalOfferCount: z.optional(z.int()),
  offerCounts: z.array(OfferCount).check(z.describe('Offers by condition and channel; none are left out.')),
  buyBoxEligible: z.array(OfferCount).check(z.describe('Offers that may win the Buy Box, by condition and channel.')),
  listPrice: z.optional(amount).check(z.describe("The manufacturer's suggestion.")),
  competitivePriceThreshold: z.optional(amount).check(z.describe('Price of other retailers; above it, no Buy Box.')),
  suggestedLowerPrice: z.optional(amount).check(z.describe("Amazon's suggestion, with shipping and Points.")),
  tradeInValue: z.optional(amount),
  salesRanks: z
    .array(SalesRank)
    .check(z.describe('Sales rank by category; compared only where the watch asks for it.')),
});
export type PriceSnapshot = z.infer<typeof PriceSnapshot>;

/** The lists of a snapshot. */
export type ListName = {
  [Name in keyof PriceSnapshot]-?: PriceSnapshot[Name] extends readonly unknown[] ? Name : never;
}[keyof PriceSnapshot];
export type RowOf<Name extends ListName> = PriceSnapshot[Name][number];

/** Prices beside offers, of which an item has one each. */
export const REFERENCE_PRICES = [
  'listPrice',
  'competitivePriceThreshold',
  'suggestedLowerPrice',
  'tradeInValue',
] as const satisfies (keyof PriceSnapshot)[];
export type ReferencePrice = (typeof REFERENCE_PRICES)[number];

/** What of a snapshot an answer may hold unreadably. */
export type PartName = ListName | ReferencePrice;
