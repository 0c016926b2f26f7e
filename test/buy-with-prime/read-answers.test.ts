import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Order } from '../../lambdas/buy-with-prime/order.ts';
import { Quote } from '../../lambdas/buy-with-prime/quote.ts';
import { quoteExpiry } from '../../lambdas/buy-with-prime/quote-expiry.ts';
import { errorOfGraphql, readGraphqlErrors } from '../../lambdas/buy-with-prime/read-graphql-errors.ts';
import { readOrder } from '../../lambdas/buy-with-prime/read-order.ts';
import { readOffers } from '../../lambdas/buy-with-prime/read-quote.ts';
import { sample } from './amazon-schema.ts';
import { madeUpAnswer } from './made-up-answer.ts';

const ALIAS = 'example/order 1001/a';
const json = (name: string): unknown => JSON.parse(sample(name));
const dataOf = (name: string) => (json(name) as { data: Record<string, unknown> }).data;
const copy = <Value>(value: Value): Value => JSON.parse(JSON.stringify(value)) as Value;

type Data = Record<string, unknown>;
const offersOf = (data: Data) => readOffers(copy(data));
const madeOrder = (data: Data) => readOrder(copy(data['createOrderFromOffer'] as Data)['order'], ALIAS);
const foundOrder = (data: Data) => readOrder(copy(data['order']), ALIAS);

describe("the document's answers", () => {
  it.each(['product-page', 'checkout-eligible', 'checkout-mixed'])('give what was agreed on: %s', (name) => {
    const read = offersOf(dataOf(`${name}.answer.json`));
    expect(read?.drift).toEqual([]);
    const quote = { quotedAt: '2026-01-01T00:00:00.000Z', offers: read?.offers, totalCount: read?.totalCount };
    expect(quote).toEqual(json(`${name}.expected.json`));
    expect(Quote.parse(quote)).toEqual(quote);
  });

  it('give what was agreed on: create-order', () => {
    const read = madeOrder(dataOf('create-order.answer.json'));
    expect(read?.drift).toEqual([]);
    expect(read?.order).toEqual(json('create-order.expected.json'));
    expect(Order.parse(read?.order)).toEqual(read?.order);
  });
});

describe('an answer that has one of everything', () => {
  /** What may be told twice, each time without the other one: details come before a summary. */
  const CASES = [
    ['productPageOffers', '.', offersOf],
    ['checkoutOffers', '.', offersOf],
    ['createOrderFromOffer', 'deliveryOffer.summary', madeOrder],
    ['createOrderFromOffer', 'deliveryOffer.details', madeOrder],
    ['findOrder', 'deliveryOffer.summary', foundOrder],
    ['findOrder', 'deliveryOffer.details', foundOrder],
  ] as const;

  it.each(CASES)('loses no field: %s without %s', (name, without, read) => {
    const { data, leaves } = madeUpAnswer(name, { without });
    const whole = read(data);
    expect(whole?.drift).toEqual([]);
    const lost = [...new Set(leaves)].filter((changed) => {
      const other = read(madeUpAnswer(name, { without, changed }).data);
      return JSON.stringify(other) === JSON.stringify(whole);
    });
    expect(lost).toEqual([]);
  });

  it.each(CASES)('is in the shape that is published: %s without %s', (name, without, read) => {
    const whole = read(madeUpAnswer(name, { without }).data);
    if (whole === undefined) throw new Error('the answer was not read');
    if ('order' in whole) expect(Order.parse(whole.order)).toEqual(whole.order);
    else expect(Quote.shape.offers.parse(whole.offers)).toEqual(whole.offers);
  });
});

const line = (changes: Data): Data => ({
  offers: { edges: [{ node: { id: 'o-1', lineItems: [changes] } }] },
});
const firstLine = (changes: Data) => {
  const read = offersOf(line(changes));
  return { line: read?.offers[0]?.lineItems[0], drift: read?.drift };
};

describe('the variants of an offer', () => {
  it.each([
    ['true', true],
    [true, true],
    [' TRUE ', true],
    ['false', false],
    [false, false],
    [null, null],
    [undefined, null],
  ])('have Prime eligibility as %j: %j', (isPrimeEligible, expected) => {
    const read = firstLine({ deliveryOffer: { details: { deliveryTerms: { isPrimeEligible } } } });
    expect(read.line?.delivery?.isPrimeEligible).toBe(expected);
    expect(read.drift).toEqual([]);
  });

  const summary = { deliveryProvider: 'AMAZON', deliveryMessage: { messageText: 'Tomorrow', badge: 'PRIME' } };
  it.each([
    ['deliveryOfferSummary', { deliveryOfferSummary: summary }],
    ['summary', { summary }],
    ['summary beside details that are null', { summary, details: null }],
    ['a list of one', [{ deliveryOfferSummary: [summary] }]],
  ])('have the promise in %s', (_, deliveryOffer) => {
    const read = firstLine({ deliveryOffer });
    expect(read.line?.delivery).toMatchObject({ provider: 'AMAZON', message: { text: 'Tomorrow', locale: null } });
    expect(read.drift).toEqual([]);
  });

  it('have details before a summary, field by field', () => {
    const details = { id: null, deliveryProvider: 'MERCHANT', deliveryTerms: { deliverySpeed: null } };
    const { line: read } = firstLine({ deliveryOffer: { summary, details } });
    expect(read?.delivery).toMatchObject({
      provider: 'MERCHANT',
      message: { text: 'Tomorrow' },
      deliveryOfferId: null,
    });
  });

  it.each([
    [{ productId: { value: 'p-1' } }, 'p-1', null],
    [{ productId: 'p-1' }, 'p-1', null],
    [{ productId: [{ value: 17 }] }, '17', null],
    [{ identifier: { productId: 'p-1', sku: 's-1' } }, 'p-1', 's-1'],
    [{ sku: { value: 's-1' }, identifier: { sku: 's-2' } }, null, 's-1'],
    [[{ sku: 's-1' }], null, 's-1'],
  ])('name the product in %j', (product, productId, sku) => {
    const read = firstLine({ product });
    expect(read.line?.product).toMatchObject({ productId, sku });
    expect(read.drift).toEqual([]);
  });

  it('have one thing for a list, and a list for one thing', () => {
    const reversalOffers = [{ summary: { title: 'Free returns', resolutionTypes: 'RETURN' } }];
    const read = offersOf({ offers: [{ edges: { node: [{ id: 'o-1', lineItems: { reversalOffers } }] } }] });
    expect(read?.offers[0]?.lineItems).toEqual([
      {
        product: null,
        delivery: null,
        returns: { title: { value: 'Free returns', locale: null }, description: null, resolutionTypes: ['RETURN'] },
      },
    ]);
    expect(read?.drift).toEqual([]);
  });

  it.each([
    [10.1, '10.1'],
    ['10.10', '10.1'],
    [0.0001, '0.0001'],
    [12345678901.2345, '12345678901.2345'],
    [1e3, '1000'],
  ])('have the price %j as %s', (amount, expected) => {
    const { line: read } = firstLine({ product: { price: { amount, currencyCode: 'USD' } } });
    expect(read?.product?.price).toEqual({ amount: expected, currencyCode: 'USD' });
  });

  it('may be none', () => {
    for (const edges of [[], null])
      expect(offersOf({ offers: { edges, totalCount: 0 } })).toMatchObject({ offers: [] });
  });
});

describe('what is wrong in an answer', () => {
  it('is null, and told by its place', () => {
    const read = firstLine({
      product: { title: 7, price: { amount: 'ten' }, offerPrime: 'maybe', productId: { value: {} } },
      deliveryOffer: { details: { date: { latest: 'Thursday' }, policy: 'x' } },
    });
    expect(read.line).toMatchObject({
      product: { title: null, price: null, offerPrime: null, productId: null },
      delivery: { latest: null, message: null },
    });
    const place = 'offers.edges[].node.lineItems[]';
    expect(read.drift).toEqual([
      `${place}.deliveryOffer.details.date.latest`,
      `${place}.deliveryOffer.details.policy`,
      `${place}.product.offerPrime`,
      `${place}.product.price.amount`,
      `${place}.product.productId.value`,
      `${place}.product.title`,
    ]);
  });

  it('leaves the line items in their places', () => {
    const lineItems = [{ product: { productId: 'a' } }, 'x', null, { product: { productId: 'b' } }];
    const read = offersOf({ offers: { edges: [{ node: { id: 'o', lineItems } }] } });
    expect(read?.offers[0]?.lineItems.map(({ product }) => product?.productId)).toEqual([
      'a',
      undefined,
      undefined,
      'b',
    ]);
    expect(read?.drift).toEqual(['offers.edges[].node.lineItems[]']);
  });

  it('costs an offer without an identifier, and the others stay', () => {
    const read = offersOf({ offers: { edges: [{ node: { lineItems: [] } }, { node: { id: 'o-2' } }, null] } });
    expect(read?.offers.map(({ offerId }) => offerId)).toEqual(['o-2']);
    expect(read?.drift).toEqual(['offers.edges[].node.id']);
  });

  it.each([
    ['no offer has an identifier', { offers: { edges: [{ node: {} }] } }],
    ['every edge is null', { offers: { edges: [null] } }],
    ['there are no edges', { offers: {} }],
    ['the edges are a text', { offers: { edges: 'none' } }],
    ['there are no offers', { offers: null }],
    ['there is nothing', {}],
  ])('makes it unreadable where %s', (_, data) => {
    expect(offersOf(data)).toBeUndefined();
  });

  it.each([[{}], [null], ['x'], [[]], [{ id: null }], [{ id: '' }], [{ id: {} }]])(
    'makes an order unreadable that has no identifier: %j',
    (order) => {
      expect(readOrder(order, ALIAS)).toBeUndefined();
    },
  );

  it('is looked up in as many rounds as the schema is deep, however long a list is', () => {
    const edges = Array.from({ length: 20_000 }, () => ({ node: [{ lineItems: [] }, { id: 'never reached' }] }));
    expect(offersOf({ offers: { edges: [...edges, { node: { id: 'o' } }] } })?.offers).toHaveLength(1);
  });
});

describe('an order', () => {
  const aliasesOf = (aliases: unknown) => readOrder({ id: 'amazon-1', aliases }, ALIAS)?.order;

  it("has the partner's own identifier by its alias, which is not told a second time", () => {
    const order = aliasesOf([
      { aliasType: 'EXTERNAL_ID', aliasId: ALIAS },
      { aliasType: 'EXTERNAL_DISPLAY_ID', aliasId: '#1' },
    ]);
    expect(order).toMatchObject({
      orderId: 'order 1001/a',
      aliases: [{ aliasType: 'EXTERNAL_DISPLAY_ID', aliasId: '#1' }],
    });
  });

  it("is nobody's where its aliases are others, and tells none of another partner", () => {
    expect(aliasesOf([{ aliasType: 'EXTERNAL_ID', aliasId: 'other/order 1001/a' }])).toMatchObject({
      orderId: null,
      aliases: [],
    });
    expect(aliasesOf([])).toMatchObject({ orderId: null });
  });

  it('is the one that was asked for where Amazon says nothing of aliases', () => {
    expect(aliasesOf(undefined)).toMatchObject({ orderId: 'order 1001/a', aliases: [] });
  });

  it('has the shares of line items in the order of either of their two names', () => {
    const deliveryOfferFor = {
      orderLineItemAmounts: [{ lineItem: { id: 'l-1', amount: { unit: 'ONE', value: '2' } }, amount: { value: 1 } }],
      orderLineItems: { lineItem: { id: 'l-2' } },
    };
    const order = readOrder(
      { id: 'a', lineItems: [{ deliveryOffer: { details: { deliveryOfferFor } } }] },
      ALIAS,
    )?.order;
    expect(order?.lineItems[0]?.delivery?.lineItems).toEqual([
      { lineItemId: 'l-1', lineItemAmount: { unit: 'ONE', value: 2 }, amount: { unit: null, value: 1 } },
      { lineItemId: 'l-2', lineItemAmount: null, amount: null },
    ]);
  });
});

/** Replaces values of an answer at random places by anything. */
function damaged(answer: unknown, damages: readonly { readonly at: number; readonly by: unknown }[]): unknown {
  const root = { answer: copy(answer) };
  for (const { at, by } of damages) {
    const places: { holder: Record<string, unknown>; key: string }[] = [];
    const open: unknown[] = [root];
    for (let value = open.pop(); value !== undefined; value = open.pop()) {
      if (typeof value !== 'object' || value === null) continue;
      for (const key of Object.keys(value)) {
        places.push({ holder: value as Record<string, unknown>, key });
        open.push((value as Record<string, unknown>)[key] ?? null);
      }
    }
    const place = places[at % places.length];
    if (place === undefined) break;
    if (by === undefined) Reflect.deleteProperty(place.holder, place.key);
    else place.holder[place.key] = copy(by);
  }
  // No JSON has a hole in a list.
  return copy(root).answer;
}

const damages = fc.array(
  fc.record({ at: fc.nat(), by: fc.oneof(fc.jsonValue({ maxDepth: 3 }), fc.constant(undefined), fc.constant(null)) }),
  { minLength: 1, maxLength: 12 },
);

describe('any damage to an answer', () => {
  it('leaves a quote in the published shape, or none', () => {
    const whole = madeUpAnswer('checkoutOffers').data;
    fc.assert(
      fc.property(damages, (all) => {
        const read = readOffers(damaged(whole, all));
        if (read) expect(Quote.parse({ quotedAt: '', ...read })).toMatchObject({ offers: read.offers });
      }),
      { numRuns: 200 },
    );
  });

  it('leaves an order in the published shape, or none', () => {
    const whole = madeUpAnswer('findOrder').data['order'];
    fc.assert(
      fc.property(damages, (all) => {
        const read = readOrder(damaged(whole, all), ALIAS);
        if (read) expect(Order.parse(read.order)).toEqual(read.order);
      }),
      { numRuns: 200 },
    );
  });

  it('leaves errors that tell a type and a code, and no other word', () => {
    const whole = {
      data: null,
      errors: [
        { errorType: 'ValidationError', errorCode: 'InvalidAddress', message: 'Jane Doe' },
        { message: 'InternalServerError: 410 Terry Avenue', extensions: { code: 'Jane Doe' } },
      ],
    };
    fc.assert(
      fc.property(damages, (all) => {
        const body = damaged(whole, all);
        const errors = readGraphqlErrors(typeof body === 'object' && body !== null ? body : {});
        if (errors.length === 0) return;
        expect(errorOfGraphql(errors, 'api.example').message).toMatch(/^api\.example answered 200: [A-Za-z ,]+$/u);
        expect(errorOfGraphql(errors, 'api.example').message).not.toMatch(/Jane Doe|Terry/u);
      }),
      { numRuns: 500 },
    );
  });

  it('leaves an expiry that is a time, or none', () => {
    const whole = { offers: { edges: [{ node: { id: 'o', expiresAt: '2026-01-01T00:00:00Z' } }] } };
    fc.assert(
      fc.property(damages, fc.string(), fc.string(), (all, control, age) => {
        const at = quoteExpiry(damaged(whole, all), { 'cache-control': control, age }, 1_000);
        expect(at === undefined || Number.isFinite(at)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});
