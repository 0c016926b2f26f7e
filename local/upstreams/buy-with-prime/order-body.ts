import type { BuyWithPrimeDialect } from './buy-with-prime-dialect.ts';
import { amountOf, writeAmount } from './exact-amount.ts';
import { messageOf, money, second } from './offer-body.ts';
import { totalOf } from './order-total.ts';
import type {
  Cancellation,
  Discounts,
  LineShare,
  Order,
  OrderedProduct,
  OrderLine,
  Package,
  Refund,
  Return,
} from './order.ts';

const UNIT = 'ONE';
const PAYMENT_METHOD = { displayString: 'Visa ending in 1111', type: 'CREDIT_CARD' };
const PRIME_PROMOTION = {
  displayString: 'Free delivery with Prime',
  aliases: [{ aliasType: 'PROMOTION_ID', aliasId: 'prime-delivery' }],
  couponCode: 'PRIME',
};

/** An order as the schema has it, with everything that can be asked of it. What refers to a line item is found from it. */
export function orderBody(order: Order, dialect: BuyWithPrimeDialect): object {
  const { lines, sums, returns, refunds } = order;
  const dollars = (amount: string): object => money(amount, dialect);
  const none = <Body>(isNone: boolean, body: Body): Body | null => (isNone && dialect.nothing === 'null' ? null : body);
  const amount = (value: number): object => ({ unit: UNIT, value });
  const { createdAt: created, updatedAt: updated } = order;
  const times = (at: number): object => ({ createdAt: instant(at), updatedAt: instant(updated) });
  const bodies: object[] = [];

  /** Some of the lines' pieces, under both names that there are. */
  const about = (...shares: readonly LineShare[]): object => {
    const amounts = shares.map(({ line, quantity }) => ({ lineItem: () => bodies[line], amount: amount(quantity) }));
    return { orderLineItemAmounts: amounts, orderLineItems: amounts };
  };

  const taxes = (tax: string): object => ({ summary: { collectableTaxAmount: dollars(tax) } });

  const discountsBody = (discounts: Discounts | null): object | null =>
    none(discounts === null, {
      summary: discounts && { amount: dollars(discounts.amount), displayString: discounts.displayString },
      details: discounts?.details.map((detail) => ({ ...detail, amount: dollars(detail.amount) })) ?? [],
    });

  const paymentDetail = (id: string, sum: string, state: string, at: number): object => ({
    id,
    amount: dollars(sum),
    paymentMethod: PAYMENT_METHOD,
    state,
    payer: { id: order.customerId },
    aliases: [{ aliasType: 'PAYMENT_ID', aliasId: `pay-${id}` }],
    ...times(at),
  });

  const paymentState = order.executionState === 'STARTED' ? 'AUTHORIZED' : 'PENDING';
  const payments = (id: string, sum: string): object => ({
    summary: [paymentSummary(sum, paymentState)],
    details: [paymentDetail(id, sum, paymentState, created)],
  });
  const paymentSummary = (sum: string, state: string): object => ({
    amount: dollars(sum),
    paymentMethodDisplayString: PAYMENT_METHOD.displayString,
    state,
  });

  const refundBody = (refund: Refund): object => ({
    id: refund.id,
    aliases: [{ aliasType: 'REFUND_ID', aliasId: `refund-${refund.id}` }],
    ...times(refund.at),
    refundTotal: { totalAmount: dollars(refund.amount) },
    state: 'PENDING',
    refundFor: about(refund),
    paymentDetails: [paymentDetail(refund.id, refund.amount, 'PENDING', refund.at)],
  });

  const packageBody = (shipped: Package): object => ({
    id: shipped.id,
    state: shipped.state,
    reason: shipped.reason,
    packageTracker: {
      packageTrackerIdentifier: { trackingNumber: shipped.trackingNumber, carrierCode: shipped.carrierCode },
    },
    packageInformationDetailsFor: about(shipped),
  });

  const cancellationBody = (cancellation: Cancellation): object => ({
    aliases: [{ aliasType: 'CANCELLATION_ID', aliasId: `cancellation-${cancellation.id}` }],
    ...times(cancellation.at),
    reason: cancellation.reason,
    requestedBy: cancellation.requestedBy,
    additionalComments: cancellation.additionalComments,
    state: 'COMPLETED',
    refundDetails: refunds.filter(({ id }) => id === cancellation.refundId).map(refundBody),
    canceledFor: about(cancellation),
  });

  const returnBody = (returned: Return): object => ({
    id: returned.id,
    ...times(returned.at),
    state: returned.state,
    returnPackageDetails: [{ id: returned.packageId, state: 'RECEIVED', returnPackageFor: about(returned) }],
    returnLineItems: [
      {
        id: returned.itemId,
        grading: {
          summary: {
            gradedAmount: amount(returned.quantity),
            unitWiseCondition: [{ amount: amount(returned.quantity), condition: returned.condition }],
          },
        },
        lineItem: { lineItem: () => bodies[returned.line], amount: amount(returned.quantity) },
      },
    ],
    returnFor: about(returned),
  });

  const productBody = (product: OrderedProduct): object => ({
    productId: { value: product.productId },
    externalId: { value: product.externalId },
    sku: { value: product.sku },
    amazonSku: { value: product.amazonSku, marketplaceId: null },
    title: product.title,
    price: dollars(product.price),
    offerPrime: product.prime,
    ...(product.productId !== null && pagesOf(product.productId, product.title)),
  });

  const deliveryBody = (line: OrderLine, index: number): object => {
    const { delivery, quantity } = line;
    const deliveryOfferFor = about({ line: index, quantity });
    const isFree = amountOf(delivery.discount) > 0n;
    const taken = isFree ? [{ amount: dollars(delivery.discount), ...PRIME_PROMOTION }] : [];
    const charged = writeAmount(amountOf(delivery.charge) - amountOf(delivery.discount));
    const discount = {
      amount: dollars(delivery.discount),
      displayString: isFree ? PRIME_PROMOTION.displayString : null,
    };
    const terms = { isPrimeEligible: delivery.isPrime, deliverySpeed: delivery.speed };
    const provider = { deliveryProvider: delivery.provider, deliveryTerms: terms };
    return {
      summary: {
        deliveryMessage: messageOf(delivery),
        deliveryCharge: dollars(charged),
        ...provider,
        taxes: { collectableTaxAmount: dollars('0') },
        discounts: discount,
        deliveryOfferFor,
      },
      details: {
        id: delivery.id,
        deliveryPreviewId: delivery.previewId,
        ...provider,
        date: { earliest: second(delivery.earliest), latest: second(delivery.latest) },
        policy: { messaging: messageOf(delivery) },
        recipient: { id: order.recipientId },
        price: {
          rollupPrices: [
            { type: 'DELIVERY_CHARGE', value: dollars(delivery.charge) },
            ...(isFree ? [{ type: 'DISCOUNT', value: dollars(delivery.discount) }] : []),
          ],
          totalPrice: dollars(charged),
        },
        discounts: { summary: discount, details: taken },
        taxes: taxes('0'),
        deliveryOfferFor,
      },
    };
  };

  const lineBody = (line: OrderLine, index: number): object => {
    const own = <Share extends LineShare>(shares: readonly Share[]): Share[] =>
      shares.filter((share) => share.line === index);
    const packages = own(order.packages);
    const cancellations = own(order.cancellations);
    return {
      id: line.lineId,
      aliases: line.aliases,
      amount: amount(line.quantity),
      createdAt: instant(created),
      product: {
        ...productBody(line.product),
        purchaseGroupMembership: line.bundle && {
          product: productBody(line.bundle.product),
          memberAmount: amount(line.bundle.quantity),
        },
      },
      deliveryOffer: deliveryBody(line, index),
      packageInformation: none(packages.length === 0, {
        summary: { state: packages.at(-1)?.state ?? 'NOT_SHIPPED' },
        details: packages.map(packageBody),
      }),
      payments: payments(line.lineId, totalOf([line]).total),
      taxes: taxes(line.tax),
      discounts: discountsBody(line.discounts),
      cancellations: none(cancellations.length === 0, { details: cancellations.map(cancellationBody) }),
    };
  };
  bodies.push(...lines.map(lineBody));

  const refunded = writeAmount(refunds.reduce((all, refund) => all + amountOf(refund.amount), 0n));
  const rollup = (rollupChargeType: string, displayString: string, sum: string): object => ({
    rollupChargeType,
    displayString,
    value: dollars(sum),
  });
  return {
    id: order.orderId,
    aliases: order.aliases,
    customer: { bwpCustomerId: order.customerId },
    lineItems: bodies,
    taxes: taxes(sums.tax),
    discounts: discountsBody(order.discounts),
    totalPrice: {
      rollupCharges: [
        rollup('ORDER_SUB_TOTAL', 'Items', sums.subtotal),
        rollup('ORDER_SHIPPING', 'Delivery', sums.shipping),
        rollup('ORDER_TAX', 'Tax', sums.tax),
        rollup('DISCOUNT', 'Discounts', sums.discount),
      ],
      value: dollars(sums.total),
      verified: true,
    },
    payments: payments(order.orderId, sums.total),
    refunds: none(refunds.length === 0, {
      summary:
        refunds.length === 0
          ? null
          : {
              refundTotal: { totalAmount: dollars(refunded) },
              paymentSummary: [paymentSummary(refunded, 'PENDING')],
            },
      details: refunds.map(refundBody),
    }),
    returns: none(returns.length === 0, { details: returns.map(returnBody) }),
    metadata: { executionState: order.executionState, ...times(created) },
    orderLinks: order.orderLinks,
  };
}

function pagesOf(productId: string, altText: string | null): object {
  const place = `https://shop.example.com/products/${encodeURIComponent(productId)}`;
  return {
    productDetailPageUrl: place,
    image: { displayReadyUrl: `${place}/small.jpg`, sourceUrl: `${place}/full.jpg`, altText },
  };
}

function instant(at: number): string {
  return new Date(at).toISOString();
}
