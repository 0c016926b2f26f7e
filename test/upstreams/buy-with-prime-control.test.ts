import { describe, expect, it } from 'vitest';
import { ACCOUNT, MUG, OFFERS, aliasOf, mug, startBuyWithPrime } from './running-buy-with-prime.ts';

const at = (path: string): string => `/control/buy-with-prime/${path}`;

describe('control of Buy with Prime', () => {
  it('tells the merchants, without their secrets, and ends their tokens', async () => {
    const { control, send, upstream } = await startBuyWithPrime();
    await send(OFFERS, { input: { lineItems: [mug()] } });
    const { json, text } = await control('GET', at('accounts'));
    const { clientId, targetId, clientSecret } = upstream.credentials(ACCOUNT);
    expect(json).toMatchObject({ accounts: [{ account: ACCOUNT, clientId, targetId, tokenRequests: 1 }, { account: 'other' }] }); // prettier-ignore
    expect(text).not.toContain(clientSecret);
    expect((await control('POST', at(`accounts/${ACCOUNT}/expire-tokens`))).json).toEqual({ expired: 1 });
    expect((await send(OFFERS, { input: { lineItems: [mug()] } })).status).toBe(401);
    expect((await control('POST', at('accounts/nobody/expire-tokens'))).status).toBe(404);
  });

  it('adds products and gives them other prices', async () => {
    const { control, quote, upstream } = await startBuyWithPrime();
    const wanted = [{ account: ACCOUNT, productId: 'a/b', sku: 'A B', price: '3' }];
    expect(await control('POST', at('products'), wanted)).toMatchObject({ status: 201, json: { products: [{ price: '3.00', prime: true }] } }); // prettier-ignore
    await quote([{ product: { identifier: { sku: 'A B' } }, amount: { value: 2 } }]);
    expect((await control('PUT', at(`products/${ACCOUNT}/a%2Fb/price`), { price: '4.5' })).json).toMatchObject({ price: '4.50' }); // prettier-ignore
    expect(upstream.offers()).toMatchObject([{ total: '9.00' }]);
    const listed = await control('GET', at(`products?account=${ACCOUNT}`));
    expect((listed.json as { products: object[] }).products).toHaveLength(3);
    expect((await control('GET', at('products?account=other'))).json).toEqual({ products: [] });
  });

  it('issues tokens of shoppers, in the order of the list, and ends those of one', async () => {
    const { control, refusal } = await startBuyWithPrime();
    const { status, json } = await control('POST', at('shopper-tokens'), [{}, { shopper: 'anna' }, { lifeMs: 0 }]);
    const { tokens } = json as { tokens: string[] };
    const codes = () =>
      Promise.all(
        tokens.map(async (value) => {
          const shopperIdentity = { lwaAccessToken: { value } };
          return (await refusal(OFFERS, { input: { lineItems: [mug()], shopperIdentity } }))[1];
        }),
      );
    expect([status, await codes()]).toEqual([201, [undefined, undefined, 'ExpiredIdpToken']]);
    expect((await control('POST', at('shoppers/anna/expire-tokens'))).json).toEqual({ expired: 1 });
    expect(await codes()).toEqual([undefined, 'ExpiredIdpToken', 'ExpiredIdpToken']);
  });

  it('tells offers with their totals and ends them, tells orders and makes them live', async () => {
    const { control, quote, order, fault } = await startBuyWithPrime();
    const baseOfferId = await quote([mug(2)]);
    await quote();
    expect((await control('GET', at('offers'))).json).toMatchObject({ offers: [{ offerId: baseOfferId, total: '25.00' }, {}] }); // prettier-ignore
    await order({ baseOfferId, aliases: [aliasOf('shop/1')] });
    expect((await control('POST', at(`offers/expire?account=${ACCOUNT}`))).json).toEqual({ expired: 1 });
    const { json } = await control('GET', at('orders'));
    const { orders } = json as { orders: { orderId: string }[] };
    expect(orders).toMatchObject([{ account: ACCOUNT, aliases: [aliasOf('shop/1')] }]);
    const orderId = orders[0]?.orderId ?? '';
    expect((await control('POST', at(`orders/${orderId}/ship`), { quantity: 1 })).json).toMatchObject({ packages: [{ quantity: 1 }] }); // prettier-ignore
    expect((await control('POST', at(`orders/${orderId}/cancel`))).json).toMatchObject({
      cancellations: [{ quantity: 1 }],
    });
    expect((await control('POST', at(`orders/${orderId}/return`))).json).toMatchObject({ returns: [{ quantity: 1 }] });
    expect(await control('POST', at(`orders/${orderId}/return`))).toMatchObject({ status: 409, json: { error: expect.stringContaining('left') } }); // prettier-ignore
    expect((await control('POST', at('orders/unknown/ship'))).status).toBe(404);
    expect((await control('GET', at('orders?account=other'))).json).toEqual({ orders: [] });
    await fault({ kind: 'status', code: 500, effect: 'later', match: { operation: 'createOrderFromOffer' } });
    await order({ baseOfferId: await quote() }).catch(() => undefined);
    expect((await control('POST', at('late-orders/land'))).json).toEqual({ outcomes: [{ made: true }] });
  });

  it.each<[string, string, unknown, number]>([
    ['POST', 'products', { account: ACCOUNT }, 400],
    ['POST', 'products', [{ ...MUG, price: 12.5 }], 400],
    ['POST', 'products', [{ ...MUG, price: '12,50' }], 400],
    ['POST', 'products', [{ ...MUG, account: 'nobody' }], 404],
    ['POST', 'products', [{ ...MUG, productId: 'twin' }], 409],
    ['PUT', `products/${ACCOUNT}/mug/price`, { price: '-1' }, 400],
    ['PUT', `products/${ACCOUNT}/none/price`, { price: '1' }, 404],
    ['POST', 'shopper-tokens', [{ lifeMs: -1 }], 400],
    ['GET', 'offers?account=nobody', undefined, 404],
    ['POST', 'offers/expire?account=nobody', undefined, 404],
  ])('refuses what cannot be: %s %s %j', async (method, path, body, status) => {
    const { control, upstream, quote } = await startBuyWithPrime();
    expect(await control(method, at(path), body)).toMatchObject({ status, json: { error: expect.any(String) } });
    await quote();
    expect(upstream.offers()).toMatchObject([{ total: '12.50' }]);
  });

  it('refuses what an order cannot live through', async () => {
    const { control, quote, order, upstream } = await startBuyWithPrime();
    await order({ baseOfferId: await quote() });
    const { orderId = '' } = upstream.orders()[0] ?? {};
    for (const body of [{ quantity: 0 }, { line: -1 }, { lines: 1 }]) {
      expect((await control('POST', at(`orders/${orderId}/ship`), body)).status).toBe(400);
    }
    expect(upstream.orders()[0]?.packages).toEqual([]);
  });
});
