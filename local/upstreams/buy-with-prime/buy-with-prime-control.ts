import * as z from 'zod';
import { ControlError, type ControlRoute } from '../control-server.ts';
import { AMOUNT_PATTERN } from './exact-amount.ts';
import { ProductOptions, ShopperOptions } from './buy-with-prime-options.ts';
import type { BuyWithPrimeSteering } from './buy-with-prime.ts';
import type { Product } from './product-catalogue.ts';

const NewProducts = z.array(ProductOptions);
const NewShopperTokens = z.array(ShopperOptions);
const NewPrice = z.strictObject({ price: z.string().regex(AMOUNT_PATTERN, { error: 'expected an amount in a text' }) });

/** The control operations that belong to Buy with Prime: what is sold, who shops, what is offered and what was ordered. */
export function buyWithPrimeControl(
  steering: BuyWithPrimeSteering,
  accounts: () => readonly string[],
  products: () => readonly Product[],
): ControlRoute[] {
  const at = (path: string): string => `/control/buy-with-prime/${path}`;
  const known = (account: string | undefined): string => {
    if (account === undefined || !accounts().includes(account)) {
      throw new ControlError(404, `There is no merchant "${account}".`);
    }
    return account;
  };
  /** Of one merchant, or of all. */
  const scope = (query: URLSearchParams): string | undefined => {
    const account = query.get('account');
    return account === null ? undefined : known(account);
  };
  const change = (verb: string, act: (orderId: string, options: object | undefined) => object): ControlRoute => ({
    method: 'POST',
    path: at(`orders/:orderId/${verb}`),
    handle: ({ params, body }) => {
      const orderId = params['orderId'] ?? '';
      if (!steering.orders().some((order) => order.orderId === orderId)) {
        throw new ControlError(404, `There is no order "${orderId}".`);
      }
      return { body: refusing(409, () => act(orderId, body as object | undefined)) };
    },
  });
  return [
    {
      method: 'GET',
      path: at('accounts'),
      handle: () => ({
        body: {
          accounts: accounts().map((account) => ({
            account,
            clientId: steering.credentials(account).clientId,
            targetId: steering.credentials(account).targetId,
            tokenRequests: steering.tokenRequests(account),
          })),
        },
      }),
    },
    {
      method: 'POST',
      path: at('accounts/:account/expire-tokens'),
      handle: ({ params }) => ({ body: { expired: steering.expireTokens(known(params['account'])) } }),
    },
    {
      method: 'POST',
      path: at('products'),
      handle: ({ body }) => {
        const wanted = NewProducts.parse(body);
        for (const { account } of wanted) known(account);
        return {
          status: 201,
          body: { products: wanted.map((product) => refusing(409, () => steering.setProduct(product))) },
        };
      },
    },
    {
      method: 'GET',
      path: at('products'),
      handle: ({ query }) => {
        const account = scope(query);
        return {
          body: { products: products().filter((product) => account === undefined || product.account === account) },
        };
      },
    },
    {
      method: 'PUT',
      path: at('products/:account/:productId/price'),
      handle: ({ params, body }) => {
        const { price } = NewPrice.parse(body);
        const account = known(params['account']);
        return { body: refusing(404, () => steering.setPrice(account, params['productId'] ?? '', price)) };
      },
    },
    {
      method: 'POST',
      path: at('shopper-tokens'),
      handle: ({ body }) => {
        const wanted = NewShopperTokens.parse(body);
        return { status: 201, body: { tokens: wanted.map((options) => steering.issueShopperToken(options)) } };
      },
    },
    {
      method: 'POST',
      path: at('shoppers/:shopper/expire-tokens'),
      handle: ({ params }) => ({ body: { expired: steering.expireShopperTokens(params['shopper'] ?? '') } }),
    },
    {
      method: 'GET',
      path: at('offers'),
      handle: ({ query }) => ({ body: { offers: steering.offers(scope(query)) } }),
    },
    {
      method: 'POST',
      path: at('offers/expire'),
      handle: ({ query }) => ({ body: { expired: steering.expireOffers(scope(query)) } }),
    },
    {
      method: 'GET',
      path: at('orders'),
      handle: ({ query }) => ({ body: { orders: steering.orders(scope(query)) } }),
    },
    change('ship', (orderId, options) => steering.shipLine(orderId, options)),
    change('cancel', (orderId, options) => steering.cancelLine(orderId, options)),
    change('return', (orderId, options) => steering.returnLine(orderId, options)),
    {
      method: 'POST',
      path: at('late-orders/land'),
      handle: () => ({ body: { outcomes: steering.landLateOrders() } }),
    },
  ];
}

function refusing<Result>(status: number, act: () => Result): Result {
  try {
    return act();
  } catch (error) {
    if (error instanceof z.ZodError) throw error;
    throw new ControlError(status, (error as Error).message);
  }
}
