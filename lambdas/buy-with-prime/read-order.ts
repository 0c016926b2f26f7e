import * as z from 'zod/mini';
import {
  amount,
  deliveryDate,
  deliveryMessage,
  deliveryPolicy,
  deliveryTerms,
  id,
  instant,
  list,
  money,
  one,
  orNull,
  places,
  product,
  requiredId,
  text,
} from './answer-fields.ts';
import type {
  Cancellation,
  LineItemShare,
  Order,
  OrderDelivery,
  OrderDiscounts,
  OrderedProduct,
  OrderLine,
  OrderPayments,
  OrderReturn,
  PaymentDetail,
  RefundDetail,
} from './order.ts';
import { readTolerantly } from './read-tolerantly.ts';

const aliases = list(z.object({ aliasType: text, aliasId: requiredId }));
const state = one(z.object({ state: text }));

const Share = z.object({ lineItem: one(z.object({ id, amount })), amount });
/** The document has two names for the list. */
const shares = z.pipe(
  one(z.object({ orderLineItemAmounts: list(Share), orderLineItems: list(Share) })),
  z.transform((found) => [...(found?.orderLineItemAmounts ?? []), ...(found?.orderLineItems ?? [])].map(lineItemShare)),
);

const discountShare = one(z.object({ amount: money, displayString: text }));
const discounts = one(
  z.object({
    summary: discountShare,
    details: list(z.object({ amount: money, displayString: text, aliases, couponCode: text })),
  }),
);

const taxSummary = one(z.object({ collectableTaxAmount: money }));
const taxes = one(z.object({ summary: taxSummary }));

const PaymentSummaryFields = z.object({ amount: money, paymentMethodDisplayString: text, state: text });
const PaymentDetailFields = z.object({
  id,
  amount: money,
  paymentMethod: one(z.object({ displayString: text, type: text })),
  state: text,
  payer: one(z.object({ id })),
  aliases,
  createdAt: instant,
  updatedAt: instant,
});
const payments = one(z.object({ summary: list(PaymentSummaryFields), details: list(PaymentDetailFields) }));

const refundTotal = one(z.object({ totalAmount: money }));
const RefundFields = z.object({
  id,
  aliases,
  createdAt: instant,
  updatedAt: instant,
  refundTotal,
  state: text,
  refundFor: shares,
  paymentDetails: list(PaymentDetailFields),
});

const deliveryOffer = one(
  z.object({
    summary: one(
      z.object({
        deliveryMessage,
        deliveryCharge: money,
        deliveryProvider: text,
        taxes: taxSummary,
        discounts: discountShare,
        deliveryOfferFor: shares,
      }),
    ),
    details: one(
      z.object({
        id,
        date: deliveryDate,
        policy: deliveryPolicy,
        deliveryPreviewId: id,
        deliveryProvider: text,
        deliveryTerms,
        recipient: one(z.object({ id })),
        price: one(z.object({ rollupPrices: list(z.object({ type: text, value: money })), totalPrice: money })),
        discounts,
        taxes,
        deliveryOfferFor: shares,
      }),
    ),
  }),
);

const LineFields = z.object({
  id,
  aliases,
  amount,
  createdAt: instant,
  product: one(
    z.object({
      ...product,
      productDetailPageUrl: text,
      image: one(z.object({ displayReadyUrl: text, sourceUrl: text, altText: text })),
      purchaseGroupMembership: one(z.object({ product: one(z.object(product)), memberAmount: amount })),
    }),
  ),
  deliveryOffer,
  packageInformation: one(
    z.object({
      summary: state,
      details: list(
        z.object({
          id,
          state: text,
          reason: text,
          packageTracker: one(
            z.object({ packageTrackerIdentifier: one(z.object({ trackingNumber: id, carrierCode: id })) }),
          ),
          packageInformationDetailsFor: shares,
        }),
      ),
    }),
  ),
  payments,
  taxes,
  discounts,
  cancellations: one(
    z.object({
      details: list(
        z.object({
          aliases,
          createdAt: instant,
          updatedAt: instant,
          reason: text,
          requestedBy: text,
          additionalComments: text,
          state: text,
          refundDetails: list(RefundFields),
          canceledFor: shares,
        }),
      ),
    }),
  ),
});

const ReturnFields = z.object({
  id,
  createdAt: instant,
  updatedAt: instant,
  state: text,
  returnPackageDetails: list(z.object({ id, state: text, returnPackageFor: shares })),
  returnLineItems: list(
    z.object({
      id,
      grading: one(
        z.object({
          summary: one(
            z.object({ gradedAmount: amount, unitWiseCondition: list(z.object({ amount, condition: text })) }),
          ),
        }),
      ),
      lineItem: one(Share),
    }),
  ),
  returnFor: shares,
});

const OrderFields = z.object({
  id: requiredId,
  /** Null where Amazon says nothing about them, which is not the same as none. */
  aliases: orNull(aliases),
  customer: one(z.object({ bwpCustomerId: id })),
  lineItems: places(LineFields),
  taxes,
  discounts,
  totalPrice: one(
    z.object({
      rollupCharges: list(z.object({ rollupChargeType: text, displayString: text, value: money })),
      value: money,
      verified: orNull(z.boolean()),
    }),
  ),
  payments,
  refunds: one(
    z.object({
      summary: one(z.object({ refundTotal, paymentSummary: list(PaymentSummaryFields) })),
      details: list(RefundFields),
    }),
  ),
  returns: one(z.object({ details: list(ReturnFields) })),
  metadata: one(z.object({ executionState: text, createdAt: instant, updatedAt: instant })),
  orderLinks: list(z.object({ destinationType: text, url: z.string(), displayMessage: text })),
});

type OrderFields = z.output<typeof OrderFields>;
type LineFields = z.output<typeof LineFields>;

export interface ReadOrder {
  readonly order: Order;
  /** Places that are not as the documents say; see `readTolerantly`. */
  readonly drift: readonly string[];
}

/** Type of the alias by which an order is found. */
export const EXTERNAL_ID = 'EXTERNAL_ID';

/**
 * An order of an answer, in one shape whichever of its own Amazon chose.
 *
 * @param found the order as the answer has it; what cannot be read in it is replaced by null
 * @param alias EXTERNAL_ID by which it was made or asked for: `<partner>/<the partner's own identifier>`
 * @param isKnown whether it has this alias where it says nothing of aliases
 * @returns undefined where it has no identifier
 */
export function readOrder(found: unknown, alias: string, isKnown = true): ReadOrder | undefined {
  const { value, drift } = readTolerantly(one(OrderFields), found);
  return value == null ? undefined : { order: orderOf(value, alias, isKnown), drift };
}

function orderOf(found: OrderFields, alias: string, isKnown: boolean): Order {
  const { refunds, totalPrice, metadata } = found;
  const isOurs = found.aliases?.some(({ aliasType, aliasId }) => aliasType === EXTERNAL_ID && aliasId === alias);
  return {
    orderId: (isOurs ?? isKnown) ? alias.slice(alias.indexOf('/') + 1) : null,
    amazonOrderId: found.id,
    aliases: (found.aliases ?? []).filter(({ aliasType }) => aliasType !== EXTERNAL_ID),
    executionState: metadata?.executionState ?? null,
    createdAt: metadata?.createdAt ?? null,
    updatedAt: metadata?.updatedAt ?? null,
    bwpCustomerId: found.customer?.bwpCustomerId ?? null,
    lineItems: found.lineItems.map((line) => orderLine(line ?? NO_LINE)),
    totalPrice: totalPrice?.value ?? null,
    totalPriceVerified: totalPrice?.verified ?? null,
    rollupCharges: (totalPrice?.rollupCharges ?? []).map(({ rollupChargeType, displayString, value }) => ({
      type: rollupChargeType,
      displayString,
      value,
    })),
    tax: taxOf(found.taxes),
    discounts: found.discounts,
    payments: paymentsOf(found.payments),
    refunds: refunds && {
      total: refunds.summary?.refundTotal?.totalAmount ?? null,
      payments: (refunds.summary?.paymentSummary ?? []).map(paymentSummary),
      details: refunds.details.map(refundDetail),
    },
    returns: (found.returns?.details ?? []).map(orderReturn),
    orderLinks: found.orderLinks,
  };
}

/** A line item that cannot be read is there, with nothing in it. */
const NO_LINE = LineFields.parse({});

function orderLine(line: LineFields): OrderLine {
  const { packageInformation } = line;
  return {
    id: line.id,
    aliases: line.aliases,
    amount: line.amount,
    createdAt: line.createdAt,
    product: line.product && orderedProduct(line.product),
    delivery: line.deliveryOffer && orderDelivery(line.deliveryOffer),
    packageState: packageInformation?.summary?.state ?? null,
    packages: (packageInformation?.details ?? []).map((found) => ({
      id: found.id,
      state: found.state,
      reason: found.reason,
      trackingNumber: found.packageTracker?.packageTrackerIdentifier?.trackingNumber ?? null,
      carrierCode: found.packageTracker?.packageTrackerIdentifier?.carrierCode ?? null,
      lineItems: found.packageInformationDetailsFor,
    })),
    payments: paymentsOf(line.payments),
    tax: taxOf(line.taxes),
    discounts: line.discounts,
    cancellations: (line.cancellations?.details ?? []).map(({ canceledFor, refundDetails, ...rest }): Cancellation => ({
      ...rest,
      lineItems: canceledFor,
      refunds: refundDetails.map(refundDetail),
    })),
  };
}

type ProductFields = Pick<NonNullable<LineFields['product']>, keyof typeof product>;

function productOf({ productId, sku, externalId, identifier, amazonSku, title, price }: ProductFields) {
  return {
    productId: productId ?? identifier?.productId ?? null,
    sku: sku ?? identifier?.sku ?? null,
    externalId,
    amazonSku,
    title,
    price,
  };
}

function orderedProduct(found: NonNullable<LineFields['product']>): OrderedProduct {
  const { productDetailPageUrl, image, purchaseGroupMembership: membership } = found;
  return {
    ...productOf(found),
    productDetailPageUrl,
    image,
    bundle: membership && {
      product: membership.product && productOf(membership.product),
      memberAmount: membership.memberAmount,
    },
  };
}

/** Summary and details say the same of what both have; either may be missing. */
function orderDelivery({ summary, details }: NonNullable<LineFields['deliveryOffer']>): OrderDelivery {
  const summarised: OrderDiscounts | null = summary?.discounts ? { summary: summary.discounts, details: [] } : null;
  return {
    deliveryOfferId: details?.id ?? null,
    deliveryPreviewId: details?.deliveryPreviewId ?? null,
    provider: details?.deliveryProvider ?? summary?.deliveryProvider ?? null,
    isPrimeEligible: details?.deliveryTerms?.isPrimeEligible ?? null,
    speed: details?.deliveryTerms?.deliverySpeed ?? null,
    message: details?.policy?.messaging ?? summary?.deliveryMessage ?? null,
    earliest: details?.date?.earliest ?? null,
    latest: details?.date?.latest ?? null,
    recipientId: details?.recipient?.id ?? null,
    charge: details?.price?.totalPrice ?? summary?.deliveryCharge ?? null,
    rollupPrices: details?.price?.rollupPrices ?? [],
    discounts: details?.discounts ?? summarised,
    tax: taxOf(details?.taxes) ?? summary?.taxes?.collectableTaxAmount ?? null,
    lineItems: details?.deliveryOfferFor.length ? details.deliveryOfferFor : (summary?.deliveryOfferFor ?? []),
  };
}

function taxOf(found: OrderFields['taxes'] | undefined): Order['tax'] {
  return found?.summary?.collectableTaxAmount ?? null;
}

function paymentsOf(found: OrderFields['payments']): OrderPayments | null {
  return found && { summary: found.summary.map(paymentSummary), details: found.details.map(paymentDetail) };
}

function paymentSummary(found: z.output<typeof PaymentSummaryFields>): OrderPayments['summary'][number] {
  return { amount: found.amount, paymentMethod: found.paymentMethodDisplayString, state: found.state };
}

function paymentDetail({ paymentMethod, payer, ...rest }: z.output<typeof PaymentDetailFields>): PaymentDetail {
  return {
    ...rest,
    paymentMethod: paymentMethod?.displayString ?? null,
    paymentMethodType: paymentMethod?.type ?? null,
    payerId: payer?.id ?? null,
  };
}

function refundDetail(found: z.output<typeof RefundFields>): RefundDetail {
  const { refundTotal: total, refundFor, paymentDetails, ...rest } = found;
  return {
    ...rest,
    total: total?.totalAmount ?? null,
    lineItems: refundFor,
    payments: paymentDetails.map(paymentDetail),
  };
}

function orderReturn(found: z.output<typeof ReturnFields>): OrderReturn {
  const { returnPackageDetails, returnLineItems, returnFor, ...rest } = found;
  return {
    ...rest,
    lineItems: returnFor,
    packages: returnPackageDetails.map(({ returnPackageFor, ...each }) => ({ ...each, lineItems: returnPackageFor })),
    returnedItems: returnLineItems.map(({ id: returnedId, lineItem, grading }) => ({
      id: returnedId,
      lineItem: lineItem && lineItemShare(lineItem),
      gradedAmount: grading?.summary?.gradedAmount ?? null,
      conditions: grading?.summary?.unitWiseCondition ?? [],
    })),
  };
}

function lineItemShare({ lineItem, amount: share }: z.output<typeof Share>): LineItemShare {
  return { lineItemId: lineItem?.id ?? null, lineItemAmount: lineItem?.amount ?? null, amount: share };
}
