import * as z from 'zod';
import { AMOUNT_PATTERN } from './exact-amount.ts';

const text = z.string().min(1);
const amount = z.string().regex(AMOUNT_PATTERN, { error: 'expected an amount in a text, such as "10.99"' });
const count = z.int().min(1);

/** What a merchant's application shows: API credentials, and the identifier that comes with them. */
export const MerchantCredentials = z.strictObject({ clientId: text, clientSecret: text, targetId: text });
export type MerchantCredentials = z.infer<typeof MerchantCredentials>;

export const MerchantOptions = z.strictObject({
  /** Its name in the simulator. */
  account: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/),
  /** @default made anew at every start */
  credentials: MerchantCredentials.optional(),
});
export type MerchantOptions = z.infer<typeof MerchantOptions>;

/** A product of a merchant's catalogue. Prices are in US dollars: nothing is delivered elsewhere. */
export const ProductOptions = z.strictObject({
  account: text,
  productId: text,
  sku: text,
  /** @default the SKU */
  amazonSku: text.optional(),
  externalId: text.optional(),
  /** @default the identifier */
  title: text.optional(),
  price: amount,
  /** Whether it is delivered with Prime. @default true */
  prime: z.boolean().default(true),
  /** Whether the merchant means it to be offered with Prime; it may not be eligible all the same. @default as `prime` */
  offerPrime: z.boolean().optional(),
  /** Who delivers it where that is not with Prime. */
  deliveredBy: z.enum(['AMAZON', 'MERCHANT']).default('MERCHANT'),
  /** Days until it is delivered; null where nobody delivers it now. @default 2 with Prime, 5 without */
  deliveryDays: z.int().min(0).max(365).nullable().optional(),
  /** What delivery of a line costs; Prime takes it off again. @default 0 */
  deliveryCharge: amount.default('0'),
  /** Per cent of the price. @default 0 */
  taxPercent: amount.default('0'),
  /** Days of free returns, where it is delivered with Prime; null for no returns. @default 30 */
  returnDays: count.nullable().default(30),
  /** A product of the same catalogue that it is sold as a part of, and how often it is in there. @default none */
  bundle: z.strictObject({ productId: text, quantity: count }).optional(),
});
export type ProductOptions = z.input<typeof ProductOptions>;

/** A shopper who signs in with Amazon. */
export const ShopperOptions = z.strictObject({
  /** A name of the simulator's own. */
  shopper: text.default('shopper'),
  /** @default a new one */
  token: text.optional(),
  /** Milliseconds that the token lives; with 0 it has expired already. @default an hour */
  lifeMs: z.number().min(0).default(3_600_000),
  /** Postal code of the address that Amazon has: an order that goes elsewhere is an AddressMismatch. @default none */
  postalCode: text.optional(),
});
export type ShopperOptions = z.input<typeof ShopperOptions>;

const line = z.int().min(0).default(0);
/** @default as many as are left of the line */
const quantity = count.optional();

export const ShipOptions = z.strictObject({
  /** Which line of the order, counted from 0. @default 0 */
  line,
  quantity,
  /** @default IN_TRANSIT */
  state: text.default('IN_TRANSIT'),
  /** @default none */
  reason: text.optional(),
});
export type ShipOptions = z.input<typeof ShipOptions>;

export const CancelOptions = z.strictObject({
  line,
  quantity,
  reason: text.default('CUSTOMER_REQUESTED'),
  requestedBy: text.default('CUSTOMER'),
  additionalComments: text.optional(),
});
export type CancelOptions = z.input<typeof CancelOptions>;

export const ReturnOptions = z.strictObject({
  line,
  quantity,
  state: text.default('CLOSED'),
  /** What the returned items are graded as. @default SELLABLE */
  condition: text.default('SELLABLE'),
});
export type ReturnOptions = z.input<typeof ReturnOptions>;

export const RateOptions = z.strictObject({ rate: z.number().positive(), burst: count });
