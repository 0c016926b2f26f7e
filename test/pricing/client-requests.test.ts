import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  getCompetitivePricing,
  getOffers,
  getOffersBatch,
  getPricing,
  itemOffersOf,
  listingOffersOf,
} from '../../lambdas/pricing/pricing-requests.ts';

const US = 'ATVPDKIKX0DER';

/** What a server makes of the query: names, and values decoded. */
function queryOf(target: string): [string, string][] {
  const [, query = ''] = target.split('?');
  return query.split('&').map((pair) => {
    const [name = '', value = ''] = pair.split('=');
    return [decodeURIComponent(name), decodeURIComponent(value)];
  });
}

describe('the address', () => {
  it('of getPricing has every parameter', () => {
    const request = {
      marketplaceId: US,
      itemType: 'asin',
      items: ['B1', 'B2'],
      condition: 'Used',
      offerType: 'B2B',
    } as const;
    expect(getPricing(request)).toEqual({
      method: 'GET',
      target: `/products/pricing/v0/price?MarketplaceId=${US}&Asins=B1,B2&ItemType=Asin&ItemCondition=Used&OfferType=B2B`,
    });
    expect(getPricing({ marketplaceId: US, itemType: 'sku', items: ['a b'] }).target).toBe(
      `/products/pricing/v0/price?MarketplaceId=${US}&Skus=a%20b&ItemType=Sku`,
    );
  });

  it('of getCompetitivePricing has every parameter', () => {
    const request = { marketplaceId: US, itemType: 'sku', items: ['a+b', 'c'], customerType: 'Business' } as const;
    expect(getCompetitivePricing(request).target).toBe(
      `/products/pricing/v0/competitivePrice?MarketplaceId=${US}&Skus=a%2Bb,c&ItemType=Sku&CustomerType=Business`,
    );
    expect(getCompetitivePricing({ marketplaceId: US, itemType: 'asin', items: ['B1'] }).target).toBe(
      `/products/pricing/v0/competitivePrice?MarketplaceId=${US}&Asins=B1&ItemType=Asin`,
    );
  });

  it('of offers has the item in its path, and every parameter', () => {
    expect(getOffers(itemOffersOf({ marketplaceId: US, asin: 'B1', condition: 'New' })).target).toBe(
      `/products/pricing/v0/items/B1/offers?MarketplaceId=${US}&ItemCondition=New&CustomerType=Consumer`,
    );
    const listing = { marketplaceId: US, sku: 'a/b, "c"', condition: 'Club', customerType: 'Business' } as const;
    expect(getOffers(listingOffersOf(listing)).target).toBe(
      `/products/pricing/v0/listings/a%2Fb%2C%20%22c%22/offers?MarketplaceId=${US}&ItemCondition=Club&CustomerType=Business`,
    );
  });

  it('of a batch is its own, and its body holds the address of each request', () => {
    const asked = [
      { marketplaceId: US, sku: '50% +1', condition: 'New' },
      { marketplaceId: US, sku: '50% +1', condition: 'New', customerType: 'Business' },
    ] as const;
    const { method, target, body = '' } = getOffersBatch('sku', asked.map(listingOffersOf));
    expect([method, target]).toEqual(['POST', '/batches/products/pricing/v0/listingOffers']);
    const uri = '/products/pricing/v0/listings/50%25%20%2B1/offers';
    const common = { uri, method: 'GET', MarketplaceId: US, ItemCondition: 'New' };
    expect(JSON.parse(body)).toEqual({
      requests: [
        { ...common, CustomerType: 'Consumer' },
        { ...common, CustomerType: 'Business' },
      ],
    });
    const items = [itemOffersOf({ marketplaceId: US, asin: 'B1', condition: 'New' })];
    expect(getOffersBatch('asin', items).target).toBe('/batches/products/pricing/v0/itemOffers');
    expect(getOffersBatch('asin', items).body).toContain('"/products/pricing/v0/items/B1/offers"');
  });
});

const AWKWARD = [
  'a b',
  'a/b',
  'a+b',
  'a%b',
  'a%20b',
  'a"b',
  "a'b",
  'a&b=c',
  'a?b',
  'a#b',
  'ü',
  '日本',
  '🎬',
  'a\\b',
  '(a)*!',
  '...',
];

describe('an awkward SKU', () => {
  const sku = fc.oneof(
    fc.constantFrom(...AWKWARD),
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }).filter((text) => text !== '.' && text !== '..'),
  );

  it('is what the server reads in a list, unless it holds a comma', () => {
    const listed = sku.filter((text) => !text.includes(','));
    fc.assert(
      fc.property(fc.uniqueArray(listed, { minLength: 1, maxLength: 20 }), (items) => {
        for (const request of [getPricing, getCompetitivePricing]) {
          const { target } = request({ marketplaceId: US, itemType: 'sku', items });
          const url = new URL(`https://upstream.example${target}`);
          expect(`${url.pathname}${url.search}`).toBe(target);
          const [, skus = ''] = /&Skus=([^&]*)/u.exec(target) ?? [];
          expect(skus.split(',').map(decodeURIComponent)).toEqual(items);
          expect(new Map(queryOf(target)).get('Skus')).toBe(items.join(','));
          expect(url.searchParams.get('Skus')).toBe(items.join(','));
        }
      }),
    );
  });

  it('is what the server reads in a path, and in the paths of a batch', () => {
    fc.assert(
      fc.property(fc.uniqueArray(sku, { minLength: 1, maxLength: 20 }), (skus) => {
        const asked = skus.map((text) => listingOffersOf({ marketplaceId: US, sku: text, condition: 'New' }));
        const { requests } = JSON.parse(getOffersBatch('sku', asked).body ?? '') as { requests: { uri: string }[] };
        const read = (path: string): string =>
          decodeURIComponent(/^\/products\/pricing\/v0\/listings\/([^/]*)\/offers$/u.exec(path)?.[1] ?? '');
        expect(requests.map(({ uri }) => read(uri))).toEqual(skus);
        for (const [index, request] of asked.entries()) {
          const { pathname } = new URL(`https://upstream.example${getOffers(request).target}`);
          expect(read(pathname)).toBe(skus[index]);
          expect(pathname).toBe(requests[index]?.uri);
        }
      }),
    );
  });
});

describe('a request that cannot be sent', () => {
  const list = { marketplaceId: US, itemType: 'sku', items: ['a'] } as const;
  const listing = { marketplaceId: US, sku: 'a', condition: 'New' } as const;
  const twentyOne = Array.from({ length: 21 }, (_, index) => `item-${index}`);
  const batchOf = (...skus: string[]) =>
    getOffersBatch(
      'sku',
      skus.map((sku) => listingOffersOf({ ...listing, sku })),
    );
  const asins = (...names: string[]) =>
    getOffersBatch(
      'asin',
      names.map((asin) => itemOffersOf({ marketplaceId: US, asin, condition: 'New' })),
    );

  it.each([
    ['a comma in a list', () => getPricing({ ...list, items: ['a', 'b,c'] }), 'sku "b,c" holds a comma'],
    ['nothing in a list', () => getPricing({ ...list, items: [] }), 'items are 0, not 1 to 20'],
    ['too many in a list', () => getCompetitivePricing({ ...list, items: twentyOne }), 'items are 21, not 1 to 20'],
    ['an item twice', () => getPricing({ ...list, items: ['a', 'b', 'a'] }), 'items hold "a" more than once'],
    [
      'an ASIN twice in two cases',
      () => getPricing({ ...list, itemType: 'asin', items: ['b1', 'B1'] }),
      'items hold "B1" more than once',
    ],
    ['an empty item', () => getPricing({ ...list, items: [''] }), 'sku "" cannot be part of a query'],
    ['half a character', () => getPricing({ ...list, items: ['\ud800'] }), 'sku "\\ud800" cannot be'],
    ['no marketplace', () => getCompetitivePricing({ ...list, marketplaceId: '' }), 'marketplaceId "" cannot be'],
    [
      'a strange item type',
      () => getPricing({ ...list, itemType: 'isbn' as 'sku' }),
      'itemType "isbn" is not one of asin, sku',
    ],
    [
      'a strange condition',
      () => getPricing({ ...list, condition: 'new' as 'New' }),
      'condition "new" is not one of New, Used,',
    ],
    [
      'a strange offer type',
      () => getPricing({ ...list, offerType: 'B2X' as 'B2B' }),
      'offerType "B2X" is not one of B2C, B2B',
    ],
    [
      'a strange customer type',
      () => listingOffersOf({ ...listing, customerType: 'Robot' as 'Business' }),
      'customerType "Robot" is not one of Consumer, Business',
    ],
    ['a dot in a path', () => getOffers(listingOffersOf({ ...listing, sku: '.' })), 'sku "." cannot be part of a path'],
    ['two dots in a path', () => batchOf('a', '..'), 'sku ".." cannot be part of a path'],
    ['no ASIN', () => asins(''), 'asin "" cannot be part of a path'],
    ['an empty batch', () => batchOf(), 'requests are 0, not 1 to 20'],
    ['too many in a batch', () => batchOf(...twentyOne), 'requests are 21, not 1 to 20'],
    ['a request twice in a batch', () => batchOf('a', 'b', 'a'), 'requests hold'],
    ['an ASIN twice in a batch in two cases', () => asins('b1', 'B1'), 'requests hold'],
    [
      'no marketplace in a batch',
      () => getOffersBatch('sku', [listingOffersOf({ ...listing, marketplaceId: '' })]),
      'marketplaceId "" cannot be',
    ],
  ])('is one with %s', (_, build, told) => {
    expect(build).toThrow(RangeError);
    expect(build).toThrow(told);
  });

  it('is not one whose SKUs differ by their case only', () => {
    expect(getPricing({ ...list, items: ['a', 'A'] }).target).toContain('Skus=a,A');
    expect(batchOf('a', 'A').body).toContain('/listings/A/offers');
  });
});
