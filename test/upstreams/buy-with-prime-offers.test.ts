import { describe, expect, it } from 'vitest';
import { ACCOUNT, ADDRESS, MUG, OFFERS, POSTER, mug, startBuyWithPrime, offerIn } from './running-buy-with-prime.ts';

const at = (location: object) => ({ input: { lineItems: [mug()], location } });
const shippedTo = (change: object) => at({ shippingAddress: { ...ADDRESS, ...change } });
const shownBy = (value: string, externalId?: string) => ({
  input: { lineItems: [mug()], shopperIdentity: { lwaAccessToken: { value, ...(externalId !== undefined && { externalId }) } } }, // prettier-ignore
});
const item = (product: object, value = 1) => ({ product, amount: { unit: 'ONE', value } });

describe('a quote', () => {
  it('is an estimate where the shopper may be anywhere, and has a date where the address is known', async () => {
    const { ask } = await startBuyWithPrime();
    for (const input of [{ input: { lineItems: [mug()] } }, at({ ipAddress: '192.0.2.1' })]) {
      const { data } = await ask(OFFERS, input);
      expect(data?.['offers']).toMatchObject({
        totalCount: 1,
        edges: [
          {
            node: {
              lineItems: [
                {
                  product: {
                    productId: { value: 'mug' },
                    sku: { value: 'MUG-01' },
                    amazonSku: { value: 'MUG-01', marketplaceId: null },
                    price: { amount: 12.5, currencyCode: 'USD' },
                    offerPrime: true,
                  },
                  deliveryOffer: {
                    deliveryOfferSummary: {
                      // The clock stands on Friday, the first of May.
                      deliveryMessage: { messageText: 'Get it as soon as Sunday, May 3', badge: 'PRIME' },
                      deliveryProvider: 'AMAZON',
                      deliveryTerms: { isPrimeEligible: 'true', deliverySpeed: null },
                    },
                    summary: null,
                    details: null,
                  },
                  reversalOffers: { summary: { title: { value: 'Free 30-day returns' }, resolutionTypes: ['RETURN'] } },
                },
              ],
            },
          },
        ],
      });
    }
    const atCheckout = offerIn(await ask(OFFERS, shippedTo({})));
    expect(atCheckout.lineItems[0]?.deliveryOffer?.details).toMatchObject({
      id: expect.any(String),
      deliveryPreviewId: expect.any(String),
      date: { earliest: '2026-05-03T15:00:00Z', latest: '2026-05-04T03:00:00Z' },
      deliveryTerms: { isPrimeEligible: true },
    });
  });

  it('has dates without an address where Amazon knows that of the shopper who is signed in', async () => {
    const { ask, upstream } = await startBuyWithPrime();
    const details = async (options: object) => {
      const { lineItems } = offerIn(await ask(OFFERS, shownBy(upstream.issueShopperToken(options))));
      return lineItems[0]?.deliveryOffer?.details;
    };
    expect(await details({ postalCode: '98109' })).toMatchObject({ date: { latest: expect.any(String) } });
    expect(await details({})).toBeNull();
  });

  it('words today and tomorrow as the document does', async () => {
    const products = [0, 1, 7].map((deliveryDays) => ({ ...MUG, productId: `in-${deliveryDays}`, sku: `${deliveryDays}`, deliveryDays })); // prettier-ignore
    const { ask } = await startBuyWithPrime({ products });
    const lineItems = products.map(({ productId }) => item({ productId }));
    const lines = offerIn(await ask(OFFERS, { input: { lineItems } })).lineItems;
    expect(lines.map((line) => line.deliveryOffer?.deliveryOfferSummary.deliveryMessage.messageText)).toEqual([
      'Get it as soon as Today May 1',
      'Get it as soon as Tomorrow May 2',
      'Get it as soon as Friday, May 8',
    ]);
  });

  it.each<[string, object, object, boolean]>([
    ['Prime where there is Prime', { productId: 'mug' }, { isPrimeEligible: true }, true],
    ['Prime in a word', { productId: 'mug' }, { isPrimeEligible: 'true' }, true],
    ['Prime where there is none', { productId: 'poster' }, { isPrimeEligible: 'true' }, false],
    ['no Prime where there is', { productId: 'mug' }, { isPrimeEligible: false }, false],
    ['no Prime where there is none', { productId: 'poster' }, { isPrimeEligible: 'false' }, true],
    ['a speed', { productId: 'poster' }, { deliverySpeed: 'Standard' }, true],
    ['another speed', { productId: 'poster' }, { deliverySpeed: 'Express' }, false],
    ['what nobody delivers', { productId: 'sold-out' }, {}, false],
  ])('holds only deliveries that were asked for: %s', async (_, product, deliveryTerms, isThere) => {
    const soldOut = { ...MUG, productId: 'sold-out', sku: 'S', deliveryDays: null };
    const { ask } = await startBuyWithPrime({ products: [MUG, POSTER, soldOut] });
    const [line] = offerIn(
      await ask(OFFERS, { input: { lineItems: [{ ...item(product), deliveryTerms }] } }),
    ).lineItems;
    expect(line?.product).not.toBeNull();
    expect(line?.deliveryOffer !== null).toBe(isThere);
  });

  it.each<[string, object[], string, string | undefined]>([
    ['an unknown product', [item({ productId: 'none' })], 'ResourceNotFoundError', 'ResourceNotFoundException'],
    [
      'one in an identifier',
      [item({ identifier: { productId: 'none' } })],
      'ResourceNotFoundError',
      'ResourceNotFoundException',
    ],
    ['an unknown SKU', [mug(), item({ identifier: { sku: 'none' } })], 'ValidationError', 'ItemDoesNotExist'],
    ['no product', [item({})], 'ValidationError', undefined],
    ['two names', [item({ identifier: { sku: 'MUG-01', productId: 'mug' } })], 'ValidationError', undefined],
    ['no item', [], 'ValidationError', undefined],
    ['half an item', [mug(0.5)], 'ValidationError', undefined],
    ['no piece', [mug(0)], 'ValidationError', undefined],
    ['another unit', [{ ...mug(), amount: { unit: 'KILO', value: 1 } }], 'ValidationError', undefined],
  ])('is refused for %s', async (_, lineItems, type, code) => {
    const { refusal, upstream } = await startBuyWithPrime();
    expect(await refusal(OFFERS, { input: { lineItems } })).toEqual([type, code]);
    expect(upstream.offers()).toEqual([]);
  });

  it('does not know the products of another merchant', async () => {
    const { refusal } = await startBuyWithPrime();
    expect(await refusal(OFFERS, shippedTo({}), { account: 'other' })).toEqual(['ResourceNotFoundError', 'ResourceNotFoundException']); // prettier-ignore
  });

  it('has at most forty items, twenty of a kind', async () => {
    const { ask } = await startBuyWithPrime();
    const message = async (mugs: number, posters: number) => {
      const many = (count: number, productId: string) => Array.from({ length: count }, () => item({ productId }));
      const lineItems = [...many(mugs, 'mug'), ...many(posters, 'poster')];
      const { errors } = await ask(OFFERS, { input: { lineItems } });
      return errors && [errors[0]?.errorType, errors[0]?.message];
    };
    expect(await message(20, 20)).toBeUndefined();
    expect(await message(21, 20)).toEqual(['ValidationError', 'There may be 40 line items, not 41.']);
    expect(await message(21, 0)).toEqual([
      'ValidationError',
      expect.stringContaining('20 line items that are eligible'),
    ]);
    expect(await message(0, 21)).toEqual(['ValidationError', expect.stringContaining('not eligible')]);
  });

  it.each<[string, object, string | undefined]>([
    ['no street', { streetAddress: '' }, 'InvalidAddress'],
    ['no place', { locality: null }, 'InvalidAddress'],
    ['no country', { countryCode: null }, 'InvalidAddress'],
    ['no postal code', { postalCode: undefined }, 'InvalidAddress'],
    ['a postal code that is none', { postalCode: '9810' }, 'InvalidAddress'],
    ['a region that is none', { region: 'ZZ' }, 'InvalidAddress'],
    ['a country in words', { countryCode: 'United States' }, 'InvalidAddress'],
    ['another country', { countryCode: 'DE' }, 'InvalidDestination'],
    ['a country of its own', { countryCode: 'PR' }, 'InvalidDestination'],
    ...['AS', 'FM', 'GU', 'MH', 'MP', 'PR', 'PW', 'VI', 'AA', 'AE', 'AP'].map((region): [string, object, string] => [region, { region }, 'InvalidDestination']), // prettier-ignore
    ['a full ZIP code', { postalCode: '98109-1234' }, undefined],
    ['no name', { name: null }, undefined],
  ])('looks at the address: %s', async (_, change, code) => {
    const { refusal } = await startBuyWithPrime();
    expect(await refusal(OFFERS, shippedTo(change))).toEqual([code && 'ValidationError', code]);
  });

  it('takes one location or none', async () => {
    const { refusal } = await startBuyWithPrime();
    for (const location of [{}, { ipAddress: '192.0.2.1', shippingAddress: ADDRESS }]) {
      expect(await refusal(OFFERS, at(location))).toEqual(['ValidationError', undefined]);
    }
  });

  it('tells a shopper’s token that has expired from one that it does not know', async () => {
    const { refusal, upstream, clock } = await startBuyWithPrime();
    const token = upstream.issueShopperToken({ lifeMs: 1000 });
    const code = async (value: string, externalId?: string) => await refusal(OFFERS, shownBy(value, externalId));
    const good = [undefined, undefined];
    expect(await code(token, 'session')).toEqual(good);
    expect(await code(token, 'x'.repeat(512))).toEqual(good);
    expect(await code(token, 'x'.repeat(513))).toEqual(['ValidationError', undefined]);
    expect(await code('Atza|unknown')).toEqual(['ValidationError', 'InvalidIdpToken']);
    expect(await code('x'.repeat(2049))).toEqual(['ValidationError', 'InvalidIdpToken']);
    expect(await code('')).toEqual(['ValidationError', 'InvalidIdpToken']);
    clock.pass(1000);
    expect(await code(token)).toEqual(['ValidationError', 'ExpiredIdpToken']);
    const other = upstream.issueShopperToken({ shopper: 'anna' });
    expect(upstream.expireShopperTokens('anna')).toBe(1);
    expect(await code(other)).toEqual(['ValidationError', 'ExpiredIdpToken']);
  });
});

describe('an offer', () => {
  it('is known with what its order costs, which follows the price, until its life is over', async () => {
    const { quote, upstream, clock } = await startBuyWithPrime({ offerLifeSeconds: 60 });
    const offerId = await quote([mug(3), item({ productId: 'poster' })]);
    expect(upstream.offers(ACCOUNT)).toEqual([
      {
        offerId,
        account: ACCOUNT,
        lines: [
          { productId: 'mug', quantity: 3, deliverable: true },
          { productId: 'poster', quantity: 1, deliverable: true },
        ],
        total: '46.50',
        expiresAt: clock.now() + 60_000,
      },
    ]);
    upstream.setPrice(ACCOUNT, 'mug', '0.1');
    expect(upstream.offers()[0]?.total).toBe('9.30');
    clock.pass(59_999);
    expect(upstream.offers()).toHaveLength(1);
    clock.pass(1);
    expect(upstream.offers()).toEqual([]);
  });

  it('costs taxes, rounded to cents, and its delivery, which Prime takes off again', async () => {
    const base = { account: ACCOUNT, price: '3.33', deliveryCharge: '4.99', taxPercent: '7.5' };
    const { quote, upstream } = await startBuyWithPrime({
      products: [
        { ...base, productId: 'prime', sku: 'a' },
        { ...base, productId: 'plain', sku: 'b', prime: false },
      ],
    });
    await quote([item({ productId: 'prime' }, 3)]);
    await quote([item({ productId: 'plain' }, 3)]);
    // 9.99 and 0.75 of tax, which was 0.74925.
    expect(upstream.offers().map(({ total }) => total)).toEqual(['10.74', '15.73']);
  });

  it('is one of many without end: those that have expired are forgotten', async () => {
    const { quote, upstream, clock } = await startBuyWithPrime({
      offerLifeSeconds: 1,
      rate: { rate: 1000, burst: 1000 },
    });
    for (let round = 0; round < 20; round += 1) await quote();
    expect(upstream.offers()).toHaveLength(20);
    expect(upstream.expireOffers('other')).toBe(0);
    expect(upstream.expireOffers()).toBe(20);
    clock.pass(1000);
    await quote();
    expect(upstream.offers()).toHaveLength(1);
  });
});
