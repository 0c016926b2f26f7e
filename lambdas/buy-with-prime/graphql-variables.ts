import type { AdditionalItem, MoneyAsked, OrderRequest, QuoteRequest } from './buy-with-prime-requests.ts';
import type { documents, VariablesOfDocument } from './graphql-documents.ts';
import { EXTERNAL_ID } from './read-order.ts';

type OffersVariables = VariablesOfDocument<(typeof documents)['checkoutOffers']>;
type OrderVariables = VariablesOfDocument<(typeof documents)['createOrderFromOffer']>;
type OrderInput = OrderVariables['input'];
type ItemInput = NonNullable<OrderInput['additionalLineItems']>[number];
type DiscountsInput = NonNullable<OrderInput['discounts']>;

/** What offers are asked for with. What is undefined is not sent. */
export function offersVariables(request: QuoteRequest, shopperToken: string | undefined): OffersVariables {
  const { lineItems, location, shopperExternalId } = request;
  return {
    input: {
      lineItems: lineItems.map(({ productId, sku, quantity, isPrimeEligible }) => ({
        product: productId === undefined ? { identifier: { sku } } : { productId },
        amount: units(quantity),
        deliveryTerms: isPrimeEligible === undefined ? undefined : { isPrimeEligible: String(isPrimeEligible) },
      })),
      location,
      shopperIdentity:
        shopperToken === undefined
          ? undefined
          : { lwaAccessToken: { value: shopperToken, externalId: shopperExternalId } },
    },
  };
}

/**
 * What an order is made of. What is undefined is not sent.
 *
 * @param alias EXTERNAL_ID of the order
 */
export function orderVariables(request: OrderRequest, alias: string): OrderVariables {
  const { offerId, totalPrice, desiredExecutionState, customer, aliases = [], discounts, orderLinks } = request;
  return {
    input: {
      baseOfferId: offerId,
      aliases: [{ aliasType: EXTERNAL_ID, aliasId: alias }, ...aliases],
      desiredExecutionState,
      totalPrice: { value: money(totalPrice) },
      customer: customer && { contact: { emailData: customer } },
      discounts: discounts && discountsInput(discounts),
      orderLinks,
      additionalLineItems: request.additionalLineItems?.map(itemInput),
    },
  };
}

function itemInput(item: AdditionalItem): ItemInput {
  const { productId, sku, quantity, title, price, delivery, discounts, taxes, aliases } = item;
  return {
    aliases,
    amount: units(quantity),
    product: { identifier: { productId, sku }, title, price: price && money(price) },
    selectedDeliveryOffer: {
      details: {
        id: delivery.deliveryOfferId,
        deliveryPreviewId: delivery.deliveryPreviewId,
        deliveryProvider: delivery.provider,
        deliveryTerms: { isPrimeEligible: String(delivery.isPrimeEligible), deliverySpeed: delivery.speed },
        deliveryCharge: delivery.charge && money(delivery.charge),
      },
    },
    discounts: discounts && discountsInput(discounts),
    taxes: taxes && { summary: { collectableTaxAmount: money(taxes) } },
  };
}

function discountsInput({ summary, details }: NonNullable<OrderRequest['discounts']>): DiscountsInput {
  return {
    summary: summary && { ...summary, amount: money(summary.amount) },
    details: details?.map((detail) => ({ ...detail, amount: money(detail.amount) })),
  };
}

function units(value: number): { unit: string; value: number } {
  return { unit: 'ONE', value };
}

/** As the JSON number that the API wants. It is the same amount: fifteen digits survive a binary number (see MoneyAsked). */
function money({ amount, currencyCode }: MoneyAsked): { amount: number; currencyCode: string } {
  return { amount: Number(amount), currencyCode };
}
