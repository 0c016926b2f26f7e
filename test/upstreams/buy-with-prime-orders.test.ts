import { Kind, parse, print, visit, type SelectionSetNode } from 'graphql';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  ACCOUNT,
  ADDRESS,
  FIND,
  MUG,
  ORDER,
  POSTER,
  aliasOf,
  mug,
  startBuyWithPrime,
  usd,
  orderIn,
} from './running-buy-with-prime.ts';
import { temporaryDirectory } from './running-simulator.ts';

const SAMPLE = path.resolve(import.meta.dirname, '../buy-with-prime/samples/create-order.request.graphql');

/** The whole selection of the document's mutation, as a query for an order. */
async function wholeOrder(): Promise<string> {
  let selection: SelectionSetNode | undefined;
  visit(parse(await readFile(SAMPLE, 'utf8')), {
    Field({ name, selectionSet }) {
      if (name.value === 'order') selection = selectionSet;
    },
  });
  if (selection === undefined) throw new Error('the sample selects no order');
  return `query ($id: OrderIdentifierInput!) { order(orderIdentifier: $id) ${print(selection)} }`;
}

/** Places of the leaves that a query selects, lists left out. */
function leavesOf(query: string): string[] {
  const leaves: string[] = [];
  const walk = ({ selections }: SelectionSetNode, at: string[]): void => {
    for (const field of selections) {
      if (field.kind !== Kind.FIELD) continue;
      const place = [...at, field.name.value];
      if (field.selectionSet) walk(field.selectionSet, place);
      else leaves.push(place.join('.'));
    }
  };
  visit(parse(query), { OperationDefinition: ({ selectionSet }) => walk(selectionSet, []) });
  return [...new Set(leaves)];
}

/** Places of the values that are there. */
function valuesIn(node: unknown, at: string[] = []): string[] {
  if (node === null || node === undefined) return [];
  if (Array.isArray(node)) return node.flatMap((item) => valuesIn(item, at));
  if (typeof node !== 'object') return [at.join('.')];
  return Object.entries(node).flatMap(([key, value]) => valuesIn(value, [...at, key]));
}

describe('an order', () => {
  it('is made of an offer at the total that it costs, and found by its identifier and by its alias', async () => {
    const { quote, order, ask, upstream, clock } = await startBuyWithPrime();
    const baseOfferId = await quote([mug(2)]);
    const aliases = [aliasOf('shop/1001'), { aliasType: 'EXTERNAL_DISPLAY_ID', aliasId: '1001' }];
    const answer = await order({
      baseOfferId,
      totalPrice: usd(25),
      aliases,
      desiredExecutionState: 'STARTED',
    });
    expect(answer.errors).toBeUndefined();
    const made = orderIn(answer);
    expect(made).toEqual({
      id: expect.any(String),
      aliases,
      totalPrice: { value: { amount: 25, currencyCode: 'USD' }, verified: true },
      metadata: { executionState: 'STARTED', createdAt: new Date(clock.now()).toISOString() },
      lineItems: [
        { id: expect.any(String), product: { productId: { value: 'mug' } }, amount: { unit: 'ONE', value: 2 } },
      ],
    });
    for (const id of [{ orderId: made.id }, { alias: aliases[0] }, { alias: aliases[1] }]) {
      expect((await ask(FIND, { id })).data?.['order']).toMatchObject({ id: made.id, aliases });
    }
    expect(upstream.orders(ACCOUNT)).toMatchObject([
      { orderId: made.id, offerId: baseOfferId, sums: { total: '25.00' } },
    ]);
  });

  it('is not there for another merchant, and nothing where there is none', async () => {
    const { quote, order, ask, refusal } = await startBuyWithPrime();
    const { id: orderId } = orderIn(await order({ baseOfferId: await quote(), aliases: [aliasOf('shop/1')] }));
    for (const id of [{ orderId }, { alias: aliasOf('shop/1') }]) {
      expect(await ask(FIND, { id }, { account: 'other' })).toEqual({ data: { order: null } });
    }
    expect(await ask(FIND, { id: { alias: aliasOf('shop/2') } })).toEqual({ data: { order: null } });
    for (const id of [{}, { orderId, alias: aliasOf('shop/1') }]) {
      expect(await refusal(FIND, { id })).toEqual(['ValidationError', undefined]);
    }
    const strict = await startBuyWithPrime({ dialect: { noOrder: 'ResourceNotFoundError' } });
    expect(await strict.refusal(FIND, { id: { orderId } })).toEqual(['ResourceNotFoundError', 'ResourceNotFoundException']); // prettier-ignore
  });

  it('is not started where nothing is said, and made at today’s price where no total is named', async () => {
    const { quote, order, upstream } = await startBuyWithPrime();
    const baseOfferId = await quote();
    upstream.setPrice(ACCOUNT, 'mug', '13');
    expect(orderIn(await order({ baseOfferId }))).toMatchObject({
      metadata: { executionState: 'NOT_STARTED' },
      totalPrice: { value: { amount: 13 } },
    });
  });

  it.each<[string, number, string]>([
    ['another amount', 12.49, 'USD'],
    ['another currency', 12.5, 'EUR'],
    ['more digits than there are', 12.50001, 'USD'],
    ['less than nothing', -12.5, 'USD'],
  ])('is not made at another total: %s', async (_, amount, currencyCode) => {
    const { quote, refusal, upstream } = await startBuyWithPrime();
    const input = { baseOfferId: await quote(), totalPrice: { value: { amount, currencyCode } } };
    expect(await refusal(ORDER, { input })).toEqual(['ValidationError', 'TotalPriceMismatch']);
    expect(upstream.orders()).toEqual([]);
    const right = { ...input, totalPrice: usd(12.5) };
    expect(await refusal(ORDER, { input: right })).toEqual([undefined, undefined]);
  });

  it('is not made at a price that has changed since the offer', async () => {
    const { quote, refusal, upstream } = await startBuyWithPrime();
    const input = { baseOfferId: await quote(), totalPrice: usd(12.5) };
    upstream.setPrice(ACCOUNT, 'mug', '12.51');
    expect(await refusal(ORDER, { input })).toEqual(['ValidationError', 'TotalPriceMismatch']);
  });

  it('adds up exactly what floating point does not', async () => {
    const { quote, refusal } = await startBuyWithPrime({
      products: [
        { ...MUG, price: '0.1' },
        { ...POSTER, price: '0.2' },
      ],
    });
    const poster = { product: { productId: 'poster' }, amount: { value: 1 } };
    const input = { baseOfferId: await quote([mug(), poster]), totalPrice: usd(0.3) };
    expect(await refusal(ORDER, { input })).toEqual([undefined, undefined]);
  });

  it('is not made of an offer that is unknown, expired, another merchant’s or ordered already', async () => {
    const { quote, refusal, clock, upstream } = await startBuyWithPrime({ offerLifeSeconds: 60 });
    const lost = ['ResourceNotFoundError', 'ResourceNotFoundException'];
    const of = (baseOfferId: string, account = ACCOUNT) => refusal(ORDER, { input: { baseOfferId } }, { account });
    expect(await of('unknown')).toEqual(lost);
    const first = await quote();
    expect(await of(first, 'other')).toEqual(lost);
    expect(await of(first)).toEqual([undefined, undefined]);
    expect(await of(first)).toEqual(lost);
    const second = await quote();
    clock.pass(60_000);
    expect(await of(second)).toEqual(lost);
    const third = await quote();
    upstream.expireOffers();
    expect(await of(third)).toEqual(lost);
    expect(upstream.orders()).toHaveLength(1);
  });

  it('can be told that an offer has expired by a code, and that offers last beyond an order', async () => {
    const { quote, refusal } = await startBuyWithPrime({
      dialect: { lostOffer: 'OfferExpired' },
      consumesOffers: false,
    });
    expect(await refusal(ORDER, { input: { baseOfferId: 'unknown' } })).toEqual(['ValidationError', 'OfferExpired']);
    const input = { baseOfferId: await quote() };
    for (let round = 0; round < 2; round += 1) expect(await refusal(ORDER, { input })).toEqual([undefined, undefined]);
  });

  it.each<['ConflictError' | 'AliasValueAlreadyExists', string[]]>([
    ['ConflictError', ['ConflictError']],
    ['AliasValueAlreadyExists', ['ValidationError', 'AliasValueAlreadyExists']],
  ])('is one for each alias: %s', async (takenAlias, [type, code]) => {
    const { quote, refusal, upstream } = await startBuyWithPrime({ dialect: { takenAlias } });
    const of = async (...ids: string[]) =>
      await refusal(ORDER, { input: { baseOfferId: await quote(), aliases: ids.map(aliasOf) } });
    expect(await of('shop/1', 'shop/1b')).toEqual([undefined, undefined]);
    expect(await of('shop/1')).toEqual([type, code]);
    expect(await of('shop/2', 'shop/1b')).toEqual([type, code]);
    expect(await of('shop/2')).toEqual([undefined, undefined]);
    expect(upstream.orders()).toHaveLength(2);
  });

  it('is one under a hundred simultaneous requests with one alias', async () => {
    const { quote, order, upstream } = await startBuyWithPrime({ consumesOffers: false });
    const input = { baseOfferId: await quote(), aliases: [aliasOf('shop/1')] };
    const answers = await Promise.all(Array.from({ length: 100 }, () => order(input)));
    expect(answers.filter(({ errors }) => !errors)).toHaveLength(1);
    expect(upstream.orders()).toHaveLength(1);
  });

  it('looks at the aliases before the offer, or at the offer first', async () => {
    const types = async (firstLook: 'aliases' | 'offer') => {
      const { quote, refusal } = await startBuyWithPrime({ dialect: { firstLook } });
      const input = { baseOfferId: await quote(), aliases: [aliasOf('shop/1')] };
      return [(await refusal(ORDER, { input }))[0], (await refusal(ORDER, { input }))[0]];
    };
    expect(await types('aliases')).toEqual([undefined, 'ConflictError']);
    expect(await types('offer')).toEqual([undefined, 'ResourceNotFoundError']);
  });

  it('goes only where Amazon knows that the shopper lives, and not without an address', async () => {
    const { quote, refusal, upstream } = await startBuyWithPrime();
    const token = (postalCode: string) => ({
      shopperIdentity: { lwaAccessToken: { value: upstream.issueShopperToken({ postalCode }) } },
    });
    const of = async (input: object) => await refusal(ORDER, { input: { baseOfferId: await quote([mug()], input) } });
    expect(await of(token('10001'))).toEqual(['ValidationError', 'AddressMismatch']);
    expect(await of(token(ADDRESS.postalCode))).toEqual([undefined, undefined]);
    expect(await of({ location: { ipAddress: '192.0.2.1' } })).toEqual(['ValidationError', 'InvalidAddress']);
    expect(await of({ location: undefined, ...token('10001') })).toEqual([undefined, undefined]);
  });

  it.each<[string, object]>([
    ['six aliases', { aliases: ['1', '2', '3', '4', '5', '6'].map(aliasOf) }],
    ['one alias twice', { aliases: [aliasOf('1'), aliasOf('1')] }],
    ['an empty alias', { aliases: [aliasOf('')] }],
    ['an alias that is too long', { aliases: [aliasOf('x'.repeat(513))] }],
    [
      'six links',
      { orderLinks: Array.from({ length: 6 }, () => ({ destinationType: 'X', url: 'https://x.example' })) },
    ],
    ['a discount larger than the order', { discounts: { summary: { amount: usd(13).value } } }],
    [
      'an additional item without a product',
      { additionalLineItems: [{ amount: { value: 1 }, selectedDeliveryOffer: {} }] },
    ],
    ['an additional item that nobody delivers', { additionalLineItems: [{ amount: { value: 1 }, product: { identifier: { sku: 'MUG-01' } }, selectedDeliveryOffer: {} }] }], // prettier-ignore
  ])('is not made with %s', async (_, change) => {
    const { quote, refusal, upstream } = await startBuyWithPrime();
    expect(await refusal(ORDER, { input: { baseOfferId: await quote(), ...change } })).toEqual(['ValidationError', undefined]); // prettier-ignore
    expect(upstream.orders()).toEqual([]);
  });

  it('is not made of an offer with an item that nobody delivers', async () => {
    const { quote, refusal } = await startBuyWithPrime();
    const baseOfferId = await quote([mug(1, { isPrimeEligible: false })]);
    expect(await refusal(ORDER, { input: { baseOfferId } })).toEqual(['ValidationError', undefined]);
  });

  it('is counted as an execution state only where it is one, by GraphQL itself', async () => {
    const { quote, order } = await startBuyWithPrime();
    const { data, errors } = await order({ baseOfferId: await quote(), desiredExecutionState: 'SOON' });
    expect(data).toBeUndefined();
    expect(errors?.[0]?.message).toContain('SOON');
  });
});

describe('everything that the document selects of an order', () => {
  const delivery = { details: { deliveryProvider: 'MERCHANT', deliveryTerms: { deliverySpeed: 'Standard' }, deliveryCharge: usd(2).value } }; // prettier-ignore
  const extra = {
    aliases: [{ aliasType: 'EXTERNAL_ID', aliasId: 'line-2' }],
    amount: { unit: 'ONE', value: 2 },
    product: { identifier: { sku: 'gift' }, title: 'Gift wrap', price: usd(3).value },
    selectedDeliveryOffer: delivery,
    discounts: { summary: { amount: usd(1).value, displayString: 'A dollar off' }, details: [{ amount: usd(1).value, displayString: 'A dollar off', couponCode: 'ONE', aliases: [aliasOf('m1')] }] }, // prettier-ignore
    taxes: { summary: { collectableTaxAmount: usd(0.5).value } },
  };

  it('has a value in an order that has lived through everything', async () => {
    const set = { ...MUG, productId: 'set', sku: 'SET', price: '60' };
    const part = { ...MUG, externalId: 'gid-1', deliveryCharge: '4.99', bundle: { productId: 'set', quantity: 4 } };
    const { quote, order, ask, upstream } = await startBuyWithPrime({ products: [part, { ...set, externalId: 'gid-2' }, POSTER] }); // prettier-ignore
    const poster = { product: { productId: 'poster' }, amount: { value: 1 } };
    const answer = await order({
      baseOfferId: await quote([mug(3), poster]),
      aliases: [aliasOf('shop/1')],
      desiredExecutionState: 'STARTED',
      additionalLineItems: [extra],
      discounts: { details: [{ amount: usd(5).value, displayString: 'Five off', couponCode: 'FIVE', aliases: [aliasOf('m2')] }], summary: { amount: usd(5).value, displayString: 'Five off' } }, // prettier-ignore
      orderLinks: [
        { destinationType: 'EXTERNAL_ORDER_MANAGEMENT', url: 'https://shop.example/1', displayMessage: 'Yours' },
      ],
      // 37.50 + 9 + 6, 2 of delivery, 0.50 of tax, less 1 and 5.
      totalPrice: usd(49),
    });
    expect(answer.errors).toBeUndefined();
    const { id: orderId } = orderIn(answer);
    upstream.shipLine(orderId, { quantity: 2, reason: 'SPLIT' });
    upstream.cancelLine(orderId, { additionalComments: 'too many' });
    upstream.returnLine(orderId, { quantity: 1 });
    const query = await wholeOrder();
    const { data: found, errors: wrong } = await ask(query, { id: { orderId } });
    expect(wrong).toBeUndefined();
    const there = new Set(valuesIn(found));
    const leaves = leavesOf(query);
    expect(leaves.length).toBeGreaterThan(200);
    // No marketplace is told of an amazonSku, as in the document's own answers.
    expect(leaves.filter((leaf) => !there.has(leaf) && !leaf.endsWith('amazonSku.marketplaceId'))).toEqual([]);
    expect(found?.['order']).toMatchObject({
      totalPrice: {
        value: { amount: 49 },
        rollupCharges: [
          { rollupChargeType: 'ORDER_SUB_TOTAL', value: { amount: 52.5 } },
          { rollupChargeType: 'ORDER_SHIPPING', value: { amount: 2 } },
          { rollupChargeType: 'ORDER_TAX', value: { amount: 0.5 } },
          { rollupChargeType: 'DISCOUNT', value: { amount: 6 } },
        ],
      },
      refunds: { summary: { refundTotal: { totalAmount: { amount: 25 } } }, details: [{}, {}] },
    });
  });

  it('may be empty lists or nulls while nothing has happened', async () => {
    const query = await wholeOrder();
    const of = async (nothing: 'empty' | 'null') => {
      const { quote, order, ask } = await startBuyWithPrime({ dialect: { nothing } });
      await order({ baseOfferId: await quote(), aliases: [aliasOf('shop/1')] });
      return (await ask(query, { id: { alias: aliasOf('shop/1') } })).data?.['order'] as object;
    };
    expect(await of('empty')).toMatchObject({ refunds: { summary: null, details: [] }, returns: { details: [] } });
    expect(await of('null')).toMatchObject({ refunds: null, returns: null, discounts: null });
  });

  it('cannot be more than there is', async () => {
    const { quote, order, upstream } = await startBuyWithPrime();
    const { id } = orderIn(await order({ baseOfferId: await quote([mug(2)]) }));
    expect(() => upstream.returnLine(id)).toThrow('0 are left');
    upstream.shipLine(id, { quantity: 1 });
    expect(() => upstream.cancelLine(id, { quantity: 2 })).toThrow('1 are left');
    upstream.cancelLine(id);
    expect(() => upstream.shipLine(id)).toThrow('0 are left');
    expect(() => upstream.returnLine(id, { quantity: 2 })).toThrow('1 are left');
    expect(() => upstream.shipLine(id, { line: 1 })).toThrow('no line 1');
    expect(() => upstream.shipLine('unknown')).toThrow('no order');
  });
});

describe('orders', () => {
  it('go on in the next run with the same seed, while offers and tokens do not, and begin anew with another', async () => {
    const stateFile = path.join(await temporaryDirectory(), 'orders.json');
    const first = await startBuyWithPrime({ stateFile });
    const [used, left] = [await first.quote(), await first.quote()];
    await first.order({ baseOfferId: used, aliases: [aliasOf('shop/1')] });
    const [made] = first.upstream.orders();
    first.upstream.shipLine(made!.orderId);
    await first.simulator.stop();

    const second = await startBuyWithPrime({ stateFile });
    expect(second.upstream.orders()).toMatchObject([{ orderId: made!.orderId, packages: [{ quantity: 1 }] }]);
    const again = { baseOfferId: await second.quote(), aliases: [aliasOf('shop/1')] };
    expect(await second.refusal(ORDER, { input: again })).toEqual(['ConflictError', undefined]);
    expect((await second.refusal(ORDER, { input: { baseOfferId: left } }))[0]).toBe('ResourceNotFoundError');
    await second.simulator.stop();
    expect(await readFile(stateFile, 'utf8')).not.toContain('Terry');

    expect((await startBuyWithPrime({ stateFile }, { seed: 2 })).upstream.orders()).toEqual([]);
  });
});
