import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createBuyWithPrimeClient } from '../../lambdas/buy-with-prime/buy-with-prime.client.ts';
import type { QuoteRequest } from '../../lambdas/buy-with-prime/buy-with-prime-requests.ts';
import { systemClock } from '../../lambdas/shared/clock.ts';
import type { BuyWithPrimeOptions } from '../../local/upstreams/simulator.ts';
import { ACCOUNT, startBuyWithPrime } from '../upstreams/running-buy-with-prime.ts';
import { tellInto } from '../shared/told.ts';

const expectation = async (name: string): Promise<unknown> =>
  JSON.parse(await readFile(join(import.meta.dirname, 'samples', `${name}.expected.json`), 'utf8'));

const product = { account: ACCOUNT, title: 'good', price: '1' } as const;
const address = {
  name: 'John Doe',
  streetAddress: '410 Terry Avenue N',
  locality: 'Seattle',
  region: 'WA',
  countryCode: 'US',
  postalCode: '98109',
};
const checkout = (...skus: string[]): QuoteRequest => ({
  lineItems: skus.map((sku) => ({ sku, quantity: 1 })),
  location: { shippingAddress: address },
  shopperExternalId: 'EXAMPLE_EXTERNAL_ID',
});

/** The samples' requests as a shop asks them, and the products that the samples' answers show. */
const SAMPLES = {
  'product-page': {
    products: [{ ...product, productId: 'example-product-id', sku: 'example-product-sku' }],
    request: {
      lineItems: [{ productId: 'example-product-id', quantity: 1, isPrimeEligible: true }],
      location: { ipAddress: '203.0.113.7' },
    } satisfies QuoteRequest,
  },
  'checkout-eligible': {
    products: [1, 2].map((n) => ({
      ...product,
      productId: `example-product-id-${n}`,
      sku: `example-product-sku-${n}`,
    })),
    request: checkout('example-product-sku-1', 'example-product-sku-2'),
  },
  'checkout-mixed': {
    products: [
      { ...product, productId: 'example-product-id', sku: 'example-product-sku' },
      {
        ...product,
        productId: 'example-product-id-2',
        sku: 'example-product-id',
        amazonSku: 'example-product-sky-2',
        // Meant for Prime, delivered by Amazon, and not eligible now.
        prime: false,
        offerPrime: true,
        deliveredBy: 'AMAZON',
      },
    ],
    request: checkout('example-product-sku', 'example-product-id'),
  },
} as const;

async function opened({ products, dialect = 'document' }: Pick<BuyWithPrimeOptions, 'products' | 'dialect'>) {
  const { upstream } = await startBuyWithPrime({ products: products ?? [], dialect });
  const { ca, ...credentials } = upstream.credentials(ACCOUNT);
  const telemetry = tellInto();
  const client = createBuyWithPrimeClient({
    settings: {
      graphqlUrl: upstream.graphqlUrl,
      tokenUrl: upstream.tokenUrl,
      apiVersion: '2024-11-01',
      timeoutMs: 10_000,
      attempts: 3,
    },
    credentials: async () => ({ ...credentials, ca }),
    refreshCredentials: async () => ({ ...credentials, ca }),
    clock: systemClock,
    random: Math.random,
    telemetry,
  });
  const call = { account: ACCOUNT, deadline: Date.now() + 30_000 };
  return { upstream, client, call, telemetry };
}

/** What Amazon makes up for each answer, by the names of its fields. */
const MADE_UP = [
  'offerId',
  'deliveryOfferId',
  'deliveryPreviewId',
  'quotedAt',
  'latest',
  'text',
  'value',
  'totalCount',
];

/** An answer with a word in the place of what is made up for it. The value of an amazonSku is not. */
function masked(value: unknown, key = ''): unknown {
  if (Array.isArray(value)) return value.map((item) => masked(item));
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([name, field]) => [name, key === 'amazonSku' ? field : masked(field, name)]),
    );
  }
  // The samples' answers leave out the count that their requests ask for.
  if (key === 'totalCount') return 'any';
  return MADE_UP.includes(key) && value !== null ? typeof value : value;
}

describe('the samples of the document, asked by our client and answered by the simulator', () => {
  it.each(Object.entries(SAMPLES))(
    'are normalised to what is expected of the document’s own answers: %s',
    async (name, sample) => {
      const { upstream, client, call, telemetry } = await opened(sample);
      const token = name === 'product-page' ? undefined : upstream.issueShopperToken();
      const { quote } = await client.offers(call, sample.request, token);
      expect(masked(quote)).toEqual(masked(await expectation(name)));
      expect(telemetry.counts).toEqual({});
    },
  );

  it('end in an order for the total of the sample, which is read back by its alias', async () => {
    const { upstream, client, call, telemetry } = await opened(SAMPLES['product-page']);
    const quoteRequest: QuoteRequest = {
      lineItems: [{ productId: 'example-product-id', quantity: 10 }],
      location: { shippingAddress: address },
    };
    const { quote } = await client.offers(call, quoteRequest, undefined);
    const order = await client.createOrder(
      call,
      {
        orderId: '1001',
        offerId: quote.offers[0]?.offerId ?? '',
        quote: quoteRequest,
        totalPrice: { amount: '10', currencyCode: 'USD' },
        desiredExecutionState: 'STARTED',
      },
      'shop/1001',
    );
    expect(order).toMatchObject({
      orderId: '1001',
      aliases: [],
      executionState: 'STARTED',
      totalPrice: { amount: '10', currencyCode: 'USD' },
      lineItems: [{ amount: { unit: 'ONE', value: 10 }, product: { productId: 'example-product-id' } }],
    });
    expect(await client.findOrder(call, 'shop/1001')).toEqual(order);
    expect(await client.findOrder(call, 'shop/1002')).toBeUndefined();
    expect(upstream.orders().map(({ orderId }) => orderId)).toEqual([order.amazonOrderId]);
    expect(telemetry.counts).toEqual({});
  });

  it('are the same in every spelling that the document has', async () => {
    const { upstream, client, call } = await opened({ ...SAMPLES['checkout-mixed'], dialect: 'mixed' });
    for (let times = 0; times < 20; times += 1) {
      const { quote } = await client.offers(call, SAMPLES['checkout-mixed'].request, upstream.issueShopperToken());
      expect(quote.offers[0]?.lineItems.map(({ delivery }) => delivery?.isPrimeEligible)).toEqual([true, false]);
    }
  });
});
