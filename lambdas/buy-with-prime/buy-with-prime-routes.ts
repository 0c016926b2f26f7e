import { defineRoute } from '../shared/partner-api/route.ts';
import { orderIdText, OrderRequest, QuoteRequest } from './buy-with-prime-requests.ts';

const errors = [
  'BUY_WITH_PRIME_NOT_ALLOWED',
  'UPSTREAM_REJECTED',
  'UPSTREAM_UNREADABLE',
  'UPSTREAM_CREDENTIALS',
  'UPSTREAM_THROTTLED',
  'UPSTREAM_UNAVAILABLE',
  'UPSTREAM_TIMEOUT',
] as const;

const aboutShoppers = ['UNKNOWN_PRODUCT', 'INVALID_ADDRESS', 'INVALID_DESTINATION', 'BUY_WITH_PRIME_REFUSED'] as const;

export const buyWithPrimeRoutes = {
  quote: defineRoute({
    operationId: 'quoteOffers',
    method: 'POST',
    path: '/v1/buy-with-prime/offers',
    capability: 'buy-with-prime',
    summary: 'Promises of delivery and return for line items, on a product page or at checkout.',
    description:
      'On a product page send the IP address of the shopper or no location; at checkout the shipping address. With a ' +
      "shopper's access token the offers are those of this shopper. Offers do not last: quote again on each page. The " +
      'header Age tells how many seconds old the quote is.',
    pathParameters: {},
    query: {},
    shopperToken: true,
    body: QuoteRequest,
    answers: { 200: 'The offers.' },
    errors: [...errors, 'SHOPPER_TOKEN_REFUSED', ...aboutShoppers],
  }),
  order: defineRoute({
    operationId: 'orderOffer',
    method: 'POST',
    path: '/v1/buy-with-prime/orders',
    capability: 'buy-with-prime',
    summary: 'Turns an offer into an order, once per Idempotency-Key, and once per orderId.',
    description:
      'Repeat with the same Idempotency-Key until there is a final answer: 201, OFFER_EXPIRED, PRICE_CHANGED, ' +
      'ORDER_EXISTS, or one of the 422 but IDEMPOTENCY_KEY_REUSED. No other answer says what became of an earlier try. Where the offer is gone or the total has changed no order is made, and `quote` has what is ' +
      'offered now: order that under a new Idempotency-Key and the same orderId.',
    pathParameters: {},
    query: {},
    idempotent: true,
    shopperToken: true,
    body: OrderRequest,
    answers: { 201: 'There is the order.' },
    errors: [
      ...errors,
      ...aboutShoppers,
      'OFFER_EXPIRED',
      'PRICE_CHANGED',
      'ADDRESS_MISMATCH',
      'ORDER_EXISTS',
      'ORDER_UNKNOWN',
    ],
  }),
  readOrder: defineRoute({
    operationId: 'readOrder',
    method: 'GET',
    path: '/v1/buy-with-prime/orders/{orderId}',
    capability: 'buy-with-prime',
    summary: 'An order as it is now: delivery, packages, payments, cancellations, returns and refunds.',
    pathParameters: { orderId: orderIdText },
    query: {},
    answers: { 200: 'The order.' },
    errors: ['NOT_FOUND', ...errors],
  }),
} as const;
