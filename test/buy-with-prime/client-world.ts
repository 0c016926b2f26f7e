import type { BuyWithPrimeClientOptions } from '../../lambdas/buy-with-prime/buy-with-prime.client.ts';
import { createBuyWithPrimeClient } from '../../lambdas/buy-with-prime/buy-with-prime.client.ts';
import type { BuyWithPrimeCall } from '../../lambdas/buy-with-prime/buy-with-prime-port.ts';
import type { OrderRequest, QuoteRequest } from '../../lambdas/buy-with-prime/buy-with-prime-requests.ts';
import { answer, startScriptedServer, type Behaviour } from '../shared/scripted-server.ts';
import { LeapingClock } from '../shared/virtual-clock.ts';
import { madeUpAnswer } from './made-up-answer.ts';

export const CREDENTIALS = { clientId: 'client-1', clientSecret: 'hunter2secret', targetId: 'bp-target-1' };
export const SHOPPER_TOKEN = 'Atza|hunter2shopper';
export const ALIAS = 'example/1001';

/** All that is a shopper's, or a secret: no error and no line of a log may have any of it. */
export const SECRETS = ['hunter2', 'Doe', 'jane@', 'Terry', '198.51.100.7', 'session-77'];

export const CHECKOUT: QuoteRequest = {
  lineItems: [
    { sku: 'sku-1', quantity: 2 },
    { productId: 'product-2', quantity: 1, isPrimeEligible: true },
  ],
  location: {
    shippingAddress: {
      name: 'Jane Doe',
      streetAddress: '410 Terry Avenue N',
      locality: 'Seattle',
      region: 'WA',
      countryCode: 'US',
      postalCode: '98109',
    },
  },
  shopperExternalId: 'session-77',
};

export const PRODUCT_PAGE: QuoteRequest = {
  lineItems: [{ productId: 'product-1', quantity: 1, isPrimeEligible: false }],
  location: { ipAddress: '198.51.100.7' },
};

export const ORDER: OrderRequest = {
  orderId: '1001',
  offerId: 'offer-1',
  quote: CHECKOUT,
  totalPrice: { amount: '10.10', currencyCode: 'USD' },
  desiredExecutionState: 'STARTED',
  customer: { name: 'Jane Doe', email: 'jane@example.com' },
};

/** Answers as a good day has them. */
export const GOOD = {
  offers: answer(200, { data: madeUpAnswer('checkoutOffers').data }),
  find: answer(200, { data: madeUpAnswer('findOrder').data }),
  create: answer(200, { data: madeUpAnswer('createOrderFromOffer').data }),
} as const;
export type OperationName = keyof typeof GOOD;

/** Amazon's endpoints, which do what a script says, and clients of them. Tokens are numbered, unless the script has others. */
export async function clientWorld() {
  const tokens = { next: [] as Behaviour[], asked: 0, lifeSeconds: 900 };
  const server = await startScriptedServer('buy-with-prime', ({ url }) => {
    if (url !== '/token') return undefined;
    tokens.asked += 1;
    const granted = { access_token: `hunter2token${tokens.asked}`, expires_in: tokens.lifeSeconds };
    return tokens.next.shift() ?? answer(200, granted);
  });
  const credentials = async () => ({ ...CREDENTIALS, ca: server.ca });

  return {
    server,
    tokens,
    reset() {
      server.reset();
      tokens.next.length = 0;
      tokens.asked = 0;
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),

    /** A client without a past, on a clock that leaps, and what it tells. */
    client(
      settings: Partial<BuyWithPrimeClientOptions['settings']> = {},
      options: Partial<Omit<BuyWithPrimeClientOptions, 'settings'>> = {},
    ) {
      const clock = new LeapingClock();
      const counted: Record<string, number> = {};
      const warned: unknown[] = [];
      const client = createBuyWithPrimeClient({
        settings: {
          graphqlUrl: `${server.url}/graphql`,
          tokenUrl: `${server.url}/token`,
          apiVersion: '2024-11-01',
          timeoutMs: 10_000,
          attempts: 3,
          ...settings,
        },
        credentials,
        refreshCredentials: credentials,
        clock,
        random: () => 0,
        telemetry: {
          count: (metric, by) => void (counted[metric] = (counted[metric] ?? 0) + by),
          warn: (message, details) => void warned.push({ message, ...details }),
        },
        ...options,
      });
      const call: BuyWithPrimeCall = { account: 'example', deadline: clock.now() + 60_000 };
      const run = (operation: OperationName, changes: Partial<BuyWithPrimeCall> = {}): Promise<unknown> => {
        const one = { ...call, ...changes };
        if (operation === 'offers') return client.offers(one, CHECKOUT, SHOPPER_TOKEN);
        return operation === 'find' ? client.findOrder(one, ALIAS) : client.createOrder(one, ORDER, ALIAS);
      };
      return { client, call, run, clock, counted, warned };
    },
  };
}

export type ClientWorld = Awaited<ReturnType<typeof clientWorld>>;

/** What the work failed with. */
export async function failureOf(work: Promise<unknown>): Promise<Error> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof Error) return error;
  throw new Error('the work should have failed');
}
