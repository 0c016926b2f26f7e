import * as z from 'zod/mini';
import { DeliveryMessage, Money, productFields } from './quote.ts';

// What is null here Amazon has not told; a list is empty where it has told none.
const textOrNull = z.nullable(z.string());
const moneyOrNull = z.nullable(Money);
const instant = z.nullable(z.string()).check(z.describe('ISO instant.'));
const state = z.nullable(z.string()).check(z.describe("Amazon's own word."));

export const OrderAlias = z.object({ aliasType: textOrNull, aliasId: z.string() });
export type OrderAlias = z.infer<typeof OrderAlias>;

export const OrderAmount = z.object({ unit: textOrNull, value: z.nullable(z.number()) });
export type OrderAmount = z.infer<typeof OrderAmount>;
const amount = z.nullable(OrderAmount);

/** How much of which line item something is about. */
export const LineItemShare = z.object({
  lineItemId: textOrNull,
  lineItemAmount: amount.check(z.describe('Of the whole line item.')),
  amount: amount.check(z.describe('Of it, what this is about.')),
});
export type LineItemShare = z.infer<typeof LineItemShare>;

export const DiscountShare = z.object({ amount: moneyOrNull, displayString: textOrNull });
export type DiscountShare = z.infer<typeof DiscountShare>;

export const OrderDiscounts = z.object({
  summary: z.nullable(DiscountShare),
  details: z.array(z.object({ ...DiscountShare.shape, aliases: z.array(OrderAlias), couponCode: textOrNull })),
});
export type OrderDiscounts = z.infer<typeof OrderDiscounts>;

const discounts = z.nullable(OrderDiscounts);
const tax = moneyOrNull.check(z.describe('Tax that is collected.'));

export const PaymentSummary = z.object({ amount: moneyOrNull, paymentMethod: textOrNull, state });
export type PaymentSummary = z.infer<typeof PaymentSummary>;

export const PaymentDetail = z.object({
  id: textOrNull,
  amount: moneyOrNull,
  paymentMethod: textOrNull,
  paymentMethodType: textOrNull,
  state,
  payerId: textOrNull,
  aliases: z.array(OrderAlias),
  createdAt: instant,
  updatedAt: instant,
});
export type PaymentDetail = z.infer<typeof PaymentDetail>;

export const OrderPayments = z.object({ summary: z.array(PaymentSummary), details: z.array(PaymentDetail) });
export type OrderPayments = z.infer<typeof OrderPayments>;
const payments = z.nullable(OrderPayments);

export const RefundDetail = z.object({
  id: textOrNull,
  aliases: z.array(OrderAlias),
  state,
  total: moneyOrNull,
  lineItems: z.array(LineItemShare),
  payments: z.array(PaymentDetail),
  createdAt: instant,
  updatedAt: instant,
});
export type RefundDetail = z.infer<typeof RefundDetail>;

export const Cancellation = z.object({
  aliases: z.array(OrderAlias),
  state,
  reason: textOrNull,
  requestedBy: textOrNull,
  additionalComments: textOrNull,
  lineItems: z.array(LineItemShare),
  refunds: z.array(RefundDetail),
  createdAt: instant,
  updatedAt: instant,
});
export type Cancellation = z.infer<typeof Cancellation>;

export const OrderPackage = z.object({
  id: textOrNull,
  state,
  reason: textOrNull,
  trackingNumber: textOrNull,
  carrierCode: textOrNull,
  lineItems: z.array(LineItemShare),
});
export type OrderPackage = z.infer<typeof OrderPackage>;

export const OrderedProduct = z.object({
  ...productFields,
  productDetailPageUrl: textOrNull,
  image: z.nullable(z.object({ displayReadyUrl: textOrNull, sourceUrl: textOrNull, altText: textOrNull })),
  bundle: z
    .nullable(z.object({ product: z.nullable(z.object(productFields)), memberAmount: amount }))
    .check(z.describe('The bundle that the product is sold in, if it is.')),
});
export type OrderedProduct = z.infer<typeof OrderedProduct>;

/** What the shopper was promised with the order. */
export const OrderDelivery = z.object({
  deliveryOfferId: textOrNull,
  deliveryPreviewId: textOrNull,
  provider: textOrNull,
  isPrimeEligible: z.nullable(z.boolean()),
  speed: textOrNull,
  message: z.nullable(DeliveryMessage),
  earliest: instant,
  latest: instant,
  recipientId: textOrNull,
  charge: moneyOrNull.check(z.describe('What delivery costs the shopper.')),
  rollupPrices: z.array(z.object({ type: textOrNull, value: moneyOrNull })),
  discounts,
  tax,
  lineItems: z.array(LineItemShare),
});
export type OrderDelivery = z.infer<typeof OrderDelivery>;

export const OrderLine = z.object({
  id: textOrNull,
  aliases: z.array(OrderAlias),
  amount,
  createdAt: instant,
  product: z.nullable(OrderedProduct),
  delivery: z.nullable(OrderDelivery),
  packageState: state,
  packages: z.array(OrderPackage),
  payments,
  tax,
  discounts,
  cancellations: z.array(Cancellation),
});
export type OrderLine = z.infer<typeof OrderLine>;

export const OrderReturn = z.object({
  id: textOrNull,
  state,
  lineItems: z.array(LineItemShare),
  packages: z.array(z.object({ id: textOrNull, state, lineItems: z.array(LineItemShare) })),
  returnedItems: z.array(
    z.object({
      id: textOrNull,
      lineItem: z.nullable(LineItemShare),
      gradedAmount: amount,
      conditions: z.array(z.object({ amount, condition: textOrNull })),
    }),
  ),
  createdAt: instant,
  updatedAt: instant,
});
export type OrderReturn = z.infer<typeof OrderReturn>;

/** An order as Buy with Prime tells it. */
export const Order = z.object({
  orderId: textOrNull.check(z.describe('Your own identifier, where the order has it.')),
  amazonOrderId: z.string().check(z.describe("Amazon's identifier.")),
  aliases: z.array(OrderAlias).check(z.describe('Further identifiers of yours.')),
  executionState: state.check(z.describe('STARTED, NOT_STARTED, or a word that Amazon adds later.')),
  createdAt: instant,
  updatedAt: instant,
  bwpCustomerId: textOrNull,
  lineItems: z.array(OrderLine),
  totalPrice: moneyOrNull,
  totalPriceVerified: z
    .nullable(z.boolean())
    .check(z.describe('Whether Buy with Prime has made or checked the total.')),
  rollupCharges: z.array(z.object({ type: textOrNull, displayString: textOrNull, value: moneyOrNull })),
  tax,
  discounts,
  payments,
  refunds: z.nullable(
    z.object({
      total: moneyOrNull,
      payments: z.array(PaymentSummary),
      details: z.array(RefundDetail),
    }),
  ),
  returns: z.array(OrderReturn),
  orderLinks: z.array(z.object({ destinationType: textOrNull, url: z.string(), displayMessage: textOrNull })),
});
export type Order = z.infer<typeof Order>;
