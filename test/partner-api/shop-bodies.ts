import * as fc from 'fast-check';
import type { ApiAnswer } from './api-contract.ts';
import type { GeneratedRequest } from './request-generator.ts';

/** A shopper, of whom nothing may come back or be written down. */
export const SHOPPER = {
  name: 'Jane Fuzz-Example',
  email: 'jane.fuzz@shop.example',
  streetAddress: '410 Fuzzing Avenue North',
  ipAddress: '203.0.113.207',
  externalId: 'session-of-the-fuzzed-shopper',
} as const;

/** Stands in an order for the latest offer that a quote has named, with its quote. */
export const LATEST_OFFER = 'the latest offer of all quotes';
/** Stands for what that offer costs. */
const LATEST_TOTAL = { amount: '0.01', currencyCode: 'USD' };

export interface Shop {
  /** Products of the merchant's catalogue. */
  readonly productIds: readonly string[];
  readonly skus: readonly string[];
  /** The shop's own identifiers of orders, so few that they come again. */
  readonly orderIds: readonly string[];
}

/** Bodies as a shop's backend sends them, and some that it should not, by operation. */
export function shopBodies({ productIds, skus, orderIds }: Shop): Readonly<Record<string, fc.Arbitrary<unknown>>> {
  const product = fc.oneof(
    { weight: 5, arbitrary: fc.constantFrom(...productIds).map((productId) => ({ productId })) },
    { weight: 5, arbitrary: fc.constantFrom(...skus).map((sku) => ({ sku })) },
    { weight: 1, arbitrary: fc.constantFrom({ productId: 'of no catalogue' }, { sku: 'NOBODY/HAS 1%' }) },
  );
  const quantity = fc.oneof({ weight: 8, arbitrary: fc.constant(1) }, fc.constantFrom(2, 9_999));
  // What is delivered in another way than is asked for cannot be ordered.
  const isPrimeEligible = fc.oneof({ weight: 6, arbitrary: fc.constant(undefined) }, fc.boolean());
  const item = fc
    .record({ product, quantity, isPrimeEligible })
    .map(({ product: named, ...others }) => ({ ...named, ...others }));
  const known = [...productIds.map((productId) => ({ productId })), ...skus.map((sku) => ({ sku }))];
  const many = (eligible: number, others: number) =>
    Array.from({ length: eligible + others }, (_, index) => ({
      ...known[index % known.length],
      quantity: 1,
      isPrimeEligible: index < eligible,
    }));
  const lineItems = fc.oneof(
    { weight: 16, arbitrary: fc.array(item, { minLength: 1, maxLength: 3 }) },
    { weight: 1, arbitrary: fc.constantFrom(many(20, 20), many(21, 0), many(0, 21), many(20, 0)) },
  );
  const home = {
    name: SHOPPER.name,
    streetAddress: SHOPPER.streetAddress,
    locality: 'Seattle',
    region: 'WA',
    countryCode: 'US',
    postalCode: '98109',
  };
  const shippingAddress = fc.oneof(
    { weight: 6, arbitrary: fc.constant(home) },
    fc.constantFrom(
      { ...home, region: 'AE', locality: 'APO' },
      { ...home, region: 'PR', postalCode: '00901' },
      { ...home, countryCode: 'DE', region: 'BE', locality: 'Berlin', postalCode: '10117' },
      { ...home, postalCode: 'no such code' },
      { ...home, region: 'no such region', locality: '日本語' },
    ),
  );
  const location = fc.option(
    fc.oneof(
      fc.constantFrom(SHOPPER.ipAddress, '2001:db8::7').map((ipAddress) => ({ ipAddress })),
      shippingAddress.map((address) => ({ shippingAddress: address })),
    ),
    { nil: undefined, freq: 3 },
  );
  const shopperExternalId = fc.oneof(
    // It needs a token, which is another's to choose.
    { weight: 4, arbitrary: fc.constant(undefined) },
    fc.constant(SHOPPER.externalId),
  );
  const quote = fc.record({ lineItems, location, shopperExternalId });
  const offerId = fc.oneof(
    { weight: 8, arbitrary: fc.constant(LATEST_OFFER) },
    fc.constantFrom('of no quote', 'offer/1 + 50%', 'x'.repeat(2_000)),
  );
  const totalPrice = fc.oneof(
    { weight: 6, arbitrary: fc.constant(LATEST_TOTAL) },
    fc.constantFrom({ amount: '12345678901.2345', currencyCode: 'USD' }, { amount: '12.50', currencyCode: 'JPY' }),
  );
  const optional = <Value>(value: Value) => fc.option(fc.constant(value), { nil: undefined, freq: 2 });
  const order = fc.record({
    // Most orders are new; the others meet one another.
    orderId: fc.oneof(fc.constantFrom(...orderIds), fc.uuid()),
    offerId,
    quote,
    totalPrice,
    desiredExecutionState: fc.constantFrom('STARTED', 'NOT_STARTED'),
    customer: optional({ name: SHOPPER.name, email: SHOPPER.email }),
    // Amazon lets no two orders have the same.
    aliases: fc.option(
      fc.uuid().map((id) => [{ aliasType: 'EXTERNAL_DISPLAY_ID', aliasId: `№ ${id} / a%2Fb` }]),
      { nil: undefined, freq: 2 },
    ),
    orderLinks: optional([
      {
        destinationType: 'EXTERNAL_ORDER_MANAGEMENT',
        url: 'https://shop.example/orders/1?a=b#c',
        displayMessage: '<b>',
      },
    ]),
    additionalLineItems: fc.oneof(
      { weight: 4, arbitrary: fc.constant(undefined) },
      fc.constant([{ ...known[0], quantity: 1, delivery: { provider: 'MERCHANT', isPrimeEligible: false } }]),
    ),
  });
  return { quoteOffers: quote, orderOffer: order };
}

type Send = (request: GeneratedRequest) => Promise<ApiAnswer>;

interface NamedOffer {
  readonly offerId: string;
  /** The request that it was an answer to. */
  readonly quote: unknown;
  readonly totalPrice: { readonly amount: string; readonly currencyCode: string };
}

/**
 * Puts into orders, in the place of {@link LATEST_OFFER}, the latest offer that an answer has named: offers are made
 * for the occasion and do not last, so none can be known when requests are generated.
 */
export function rememberingOffers(send: Send): Send {
  let latest: NamedOffer | undefined;
  return async (request) => {
    const answer = await send(latest === undefined ? request : orderOf(latest, request));
    latest = offerNamedIn(request, answer) ?? latest;
    return answer;
  };
}

function orderOf({ offerId, quote, totalPrice }: NamedOffer, request: GeneratedRequest): GeneratedRequest {
  if (request.operation.operationId !== 'orderOffer') return request;
  const body = parsed(request.body);
  if (body?.['offerId'] !== LATEST_OFFER) return request;
  const asksForTotal = JSON.stringify(body['totalPrice']) === JSON.stringify(LATEST_TOTAL);
  return { ...request, body: JSON.stringify({ ...body, offerId, quote, ...(asksForTotal && { totalPrice }) }) };
}

function offerNamedIn({ operation, body }: GeneratedRequest, answer: ApiAnswer): NamedOffer | undefined {
  if (operation.operationId !== 'quoteOffers' || answer.status !== 200) return undefined;
  const quote = parsed(body) as { lineItems: { quantity: number }[] } | undefined;
  const told = parsed(answer.body) as {
    offers: {
      offerId: string;
      lineItems: { product: { price: { amount: string } | null } | null; delivery: unknown }[];
    }[];
  };
  const [offer] = told.offers;
  if (quote === undefined || offer === undefined) return undefined;
  // A product page is not told what things cost, and what nobody delivers cannot be ordered.
  if (offer.lineItems.some(({ product, delivery }) => product?.price == null || delivery === null)) return undefined;
  const cents = offer.lineItems.reduce((sum, { product }, index) => {
    const price = Math.round(Number(product?.price?.amount) * 100);
    return sum + price * (quote.lineItems[index]?.quantity ?? 1);
  }, 0);
  const amount = `${Math.trunc(cents / 100)}.${String(cents % 100).padStart(2, '0')}`;
  return { offerId: offer.offerId, quote, totalPrice: { amount, currencyCode: 'USD' } };
}

function parsed(text: string | undefined): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text ?? 'null');
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
