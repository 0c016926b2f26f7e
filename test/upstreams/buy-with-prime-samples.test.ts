import { parse, validate } from 'graphql';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { schema } from '../../local/upstreams/buy-with-prime/graphql-request.ts';
import { ACCOUNT, startBuyWithPrime, type StartedBuyWithPrime } from './running-buy-with-prime.ts';

const SAMPLES = path.resolve(import.meta.dirname, '../buy-with-prime/samples');
const textOf = (file: string) => readFile(path.join(SAMPLES, file), 'utf8');
const jsonOf = async (file: string) => JSON.parse(await textOf(file)) as unknown;

/** What the document's answers show although its requests do not ask for it: slips of the page. */
const NOT_ASKED_FOR: Readonly<Record<string, readonly string[]>> = {
  'product-page': [],
  'checkout-eligible': ['deliveryOffer.summary', 'messaging.locale', 'summary.description', 'summary.title'],
  'checkout-mixed': ['messaging.locale', 'summary.description', 'summary.title'],
  'create-order': [],
};
const SAMPLE_NAMES = Object.keys(NOT_ASKED_FOR);

/** A simulator with the products and the shopper of the samples. */
async function startSamples(): Promise<StartedBuyWithPrime> {
  const product = { account: ACCOUNT, title: 'good', price: '1' };
  return await startBuyWithPrime({
    products: [
      { ...product, productId: 'example-product-id', sku: 'example-product-sku' },
      { ...product, productId: 'example-product-id-1', sku: 'example-product-sku-1' },
      { ...product, productId: 'example-product-id-2', sku: 'example-product-sku-2' },
      { ...product, productId: 'example-product-id-3', sku: 'example-product-id', prime: false },
    ],
    shoppers: [{ token: 'EXAMPLE_LWA_ACCESS_TOKEN' }],
  });
}

interface Difference {
  readonly at: string;
  readonly why: string;
}

/** Where an answer lacks what the document's has, or has another kind of value in its place. A null of the document is a value that may be missing. */
function differences(expected: unknown, actual: unknown, at: string[] = []): Difference[] {
  const place = at.filter((step) => !/^\d+$/.test(step)).join('.');
  if (expected === null) return actual === undefined ? [{ at: place, why: 'missing' }] : [];
  if (actual === undefined) return [{ at: place, why: 'missing' }];
  if (Array.isArray(expected)) {
    if (!Array.isArray(actual) || actual.length !== expected.length) return [{ at: place, why: 'another list' }];
    return expected.flatMap((item, index) => differences(item, actual[index], [...at, String(index)]));
  }
  if (typeof expected === 'object') {
    if (typeof actual !== 'object' || actual === null) return [{ at: place, why: 'no object' }];
    return Object.entries(expected).flatMap(([key, value]) =>
      differences(value, (actual as Record<string, unknown>)[key], [...at, key]),
    );
  }
  return typeof actual === typeof expected ? [] : [{ at: place, why: `${typeof actual} for ${typeof expected}` }];
}

async function answerTo(name: string, { ask, quote, upstream }: StartedBuyWithPrime) {
  const query = await textOf(`${name}.request.graphql`);
  if (name !== 'create-order') return await ask(query);
  const { input } = (await jsonOf('create-order.variables.json')) as { input: object };
  // The document's offer is not one of ours, and costs 10 dollars.
  const tenPieces = { product: { productId: 'example-product-id' }, amount: { unit: 'ONE', value: 10 } };
  const baseOfferId = await quote([tenPieces]);
  expect(upstream.offers()).toMatchObject([{ total: '10.00' }]);
  return await ask(query, { input: { ...input, baseOfferId } });
}

describe('the samples of the document', () => {
  it.each(SAMPLE_NAMES)('are right by the schema: %s', async (name) => {
    expect(validate(schema, parse(await textOf(`${name}.request.graphql`)))).toEqual([]);
  });

  it.each(SAMPLE_NAMES)(
    'are answered in the document’s shape, but for what the request does not ask for: %s',
    async (name) => {
      const answer = await answerTo(name, await startSamples());
      expect(answer.errors).toBeUndefined();
      const found = differences(await jsonOf(`${name}.answer.json`), answer);
      const unasked = NOT_ASKED_FOR[name] ?? [];
      expect(found.filter(({ at }) => !unasked.some((slip) => at.endsWith(slip)))).toEqual([]);
      for (const slip of unasked) expect(found.map(({ at }) => at)).toContainEqual(expect.stringMatching(`${slip}$`));
    },
  );

  it('say "true" on the product page and true at checkout, and have no identifiers where Prime does not deliver', async () => {
    const started = await startSamples();
    const page = await answerTo('product-page', started);
    expect(JSON.stringify(page)).toContain('"isPrimeEligible":"true","deliverySpeed":null');
    const checkout = await answerTo('checkout-mixed', started);
    expect(checkout.data?.['offers']).toMatchObject({
      edges: [
        {
          node: {
            lineItems: [
              { deliveryOffer: { details: { id: expect.any(String), deliveryTerms: { isPrimeEligible: true } } } },
              {
                deliveryOffer: {
                  details: {
                    id: null,
                    deliveryPreviewId: null,
                    deliveryTerms: { isPrimeEligible: false, deliverySpeed: 'Standard' },
                    policy: { messaging: { badge: 'NONE' } },
                  },
                },
                reversalOffers: { summary: { resolutionTypes: [] } },
              },
            ],
          },
        },
      ],
    });
  });

  it('are compared so that a missing value, another kind of value and a shorter list count', () => {
    const of = (actual: unknown) => differences({ a: { b: 'x', c: null }, d: [1] }, actual).map(({ at }) => at);
    expect(of({ a: { b: 'y', c: 7 }, d: [2] })).toEqual([]);
    expect(of({ a: { b: 'y' }, d: [2] })).toEqual(['a.c']);
    expect(of({ a: { b: 1, c: null }, d: [] })).toEqual(['a.b', 'd']);
    expect(of({ a: null, d: ['1'] })).toEqual(['a', 'd']);
  });
});
