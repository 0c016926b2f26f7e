import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as z from 'zod/mini';
import { comparePrices, lostParts } from '../../lambdas/pricing/compare-prices.ts';
import { applyPriceChanges, PriceChange } from '../../lambdas/pricing/price-changes.ts';
import type {
  BuyBox,
  ListedOffer,
  LowestPrice,
  OwnPrice,
  PriceSnapshot,
} from '../../lambdas/pricing/price-snapshot.ts';
import type { Prices } from '../../lambdas/pricing/prices.ts';
import { anyPrices, anySeed, anySnapshot, Draw, ME, shuffled } from './arbitrary-prices.ts';

const snapshot = (fields: Partial<PriceSnapshot> = {}): PriceSnapshot => ({
  asin: 'B000000001',
  condition: 'New',
  status: 'Success',
  currency: 'USD',
  own: [],
  buyBox: [],
  lowest: [],
  competitive: [],
  offers: [],
  offerCounts: [],
  buyBoxEligible: [],
  salesRanks: [],
  ...fields,
});
const kind = { condition: 'New', customerType: 'Consumer' };
const at = (listing: string) => ({ listing, landed: listing });
const ownPrice = (fields: Partial<OwnPrice> = {}): OwnPrice => ({ sku: 'S1', ...kind, ...at('10'), ...fields });
const buyBox = (seller: string | null, fields: Partial<BuyBox> = {}): BuyBox => ({
  ...kind,
  ...at('10'),
  mine: seller === null ? null : seller === ME,
  winners: seller === null ? [] : [{ sellerId: seller }],
  ...fields,
});
const lowest = (fields: Partial<LowestPrice> = {}): LowestPrice => ({
  ...kind,
  channel: 'Amazon',
  ...at('10'),
  ...fields,
});
const offer = (sellerId: string, fields: Partial<ListedOffer> = {}): ListedOffer => ({
  sellerId,
  mine: sellerId === ME,
  ...at('10'),
  ...fields,
});
const listed = (...offers: ListedOffer[]) => snapshot({ offers, totalOfferCount: offers.length });
const compare = (from: PriceSnapshot, to: PriceSnapshot, tuning = {}) =>
  comparePrices({ price: from }, { price: to }, tuning);

describe('comparing prices', () => {
  it('tells the first sight of a price, and nothing of none', () => {
    const price = snapshot({ own: [ownPrice()] });
    expect(comparePrices(null, { price })).toEqual([{ change: 'priceAdded', price }]);
    expect(comparePrices({}, { price })).toEqual([{ change: 'priceAdded', price }]);
    expect(comparePrices(null, {})).toEqual([]);
    expect(comparePrices({}, {})).toEqual([]);
  });

  it('tells that there is no price any more', () => {
    expect(comparePrices({ price: snapshot() }, {})).toEqual([{ change: 'priceRemoved' }]);
  });

  it.each<[string, Partial<OwnPrice>]>([
    ['the listing price', { listing: '9.99' }],
    ['the landed price', { landed: '11' }],
    ['Points', { points: { number: 5 } }],
    ['the regular price', { regular: '13' }],
    ['a business price', { businessPrice: '9' }],
    ['a quantity discount', { quantityDiscounts: [{ quantityTier: 5, listing: '8' }] }],
    ['the channel', { channel: 'Merchant' }],
    ['the subcondition', { subcondition: 'Mint' }],
  ])('tells %s of an own price', (_, fields) => {
    const from = ownPrice({ regular: '12', channel: 'Amazon', subcondition: 'New' });
    const to = { ...from, ...fields };
    expect(compare(snapshot({ own: [from] }), snapshot({ own: [to] }))).toEqual([
      { change: 'ownPriceChanged', from, to },
    ]);
    expect(compare(snapshot({ own: [to] }), snapshot({ own: [from] }))).toHaveLength(1);
  });

  it('tells that an own price came or went', () => {
    const [one, other] = [ownPrice(), ownPrice({ sku: 'S2' })];
    expect(compare(snapshot({ own: [one] }), snapshot({ own: [one, other] }))).toEqual([
      { change: 'ownPriceChanged', from: null, to: other },
    ]);
    expect(compare(snapshot({ own: [one, other] }), snapshot({ own: [other] }))).toEqual([
      { change: 'ownPriceChanged', from: one, to: null },
    ]);
  });

  it.each<[BuyBox['mine'], BuyBox['mine'] | 'gone', 'won' | 'lost' | 'moved']>([
    [false, true, 'won'],
    [true, false, 'lost'],
    [true, 'gone', 'lost'],
    [false, 'gone', 'moved'],
    [true, true, 'moved'],
    [false, false, 'moved'],
    [null, true, 'moved'],
    [true, null, 'moved'],
  ])('says of a Buy Box that was %j and is %j: %s', (was, is, outcome) => {
    const from = buyBox('A1', { mine: was });
    const to = is === 'gone' ? null : buyBox('A2', { mine: is, ...at('11') });
    expect(compare(snapshot({ buyBox: [from] }), snapshot({ buyBox: to ? [to] : [] }))).toEqual([
      { change: 'buyBoxChanged', outcome, from, to },
    ]);
  });

  it('says that a new Buy Box of the account is won', () => {
    const to = buyBox(ME);
    expect(compare(snapshot(), snapshot({ buyBox: [to] }))).toEqual([
      { change: 'buyBoxChanged', outcome: 'won', from: null, to },
    ]);
    expect(compare(snapshot(), snapshot({ buyBox: [buyBox('A1')] }))).toMatchObject([{ outcome: 'moved' }]);
  });

  it("says that a Buy Box is held as long as one of its two rows is the account's, however their prices cross", () => {
    const outcomes = (before: BuyBox[], after: BuyBox[]) =>
      compare(snapshot({ buyBox: before }), snapshot({ buyBox: after })).map((change) =>
        change.change === 'buyBoxChanged' ? [change.outcome, change.from?.landed, change.to?.landed] : [],
      );
    const unnamed = (mine: boolean, price: string) => buyBox(null, { mine, ...at(price) });
    const [mine, other] = [unnamed(true, '10'), unnamed(false, '9.9')];
    expect(outcomes([mine, other], [unnamed(false, '10.2'), unnamed(true, '9.5')])).toEqual([
      ['moved', '10', '9.5'],
      ['moved', '9.9', '10.2'],
    ]);
    expect(outcomes([mine, other], [unnamed(true, '9.5')])).toEqual([
      ['moved', '10', '9.5'],
      ['moved', '9.9', undefined],
    ]);
    expect(outcomes([mine, other], [unnamed(false, '9.5')])).toEqual([
      ['lost', '10', undefined],
      ['moved', '9.9', '9.5'],
    ]);
    expect(outcomes([other], [mine, other])).toEqual([['won', undefined, '10']]);
    // Both in one row: the account is in it as before.
    const both = buyBox(ME, { winners: [{ sellerId: ME }, { sellerId: 'A1' }] });
    expect(outcomes([buyBox('A1'), buyBox(ME, at('10.2'))], [both])).toEqual([
      ['moved', '10', undefined],
      ['moved', '10.2', '10'],
    ]);
  });

  it('takes a Buy Box that goes from an offer for businesses to one for everybody for the same', () => {
    const business = (seller: string, customerType: string, fields = {}) =>
      snapshot({ buyBox: [buyBox(seller, { customerType, ...fields })] });
    const change = (from: PriceSnapshot, to: PriceSnapshot) => {
      const changes = compare(from, to);
      expect(applyPriceChanges({ price: from }, changes)).toEqual({ price: changes.length > 0 ? to : from });
      return changes.map((one) => ('outcome' in one ? one.outcome : one.change));
    };
    expect(change(business(ME, 'Business'), business(ME, 'Consumer', at('9.5')))).toEqual(['moved']);
    expect(change(business(ME, 'Business'), business(ME, 'Consumer'))).toEqual([]);
    expect(change(business(ME, 'Business'), business('A1', 'Consumer'))).toEqual(['lost']);
    expect(change(business('A1', 'Consumer'), business(ME, 'Business'))).toEqual(['won']);
    expect(change(business(ME, 'Business'), business(ME, 'Consumer', { quantityTier: 5 }))).toEqual(['lost', 'won']);
  });

  it('tells of a second winner, and of Prime', () => {
    const [prime, other] = [
      { sellerId: 'A1', prime: true },
      { sellerId: 'A2', prime: false },
    ];
    const box = (winners: BuyBox['winners']) => snapshot({ buyBox: [buyBox('A1', { winners })] });
    expect(compare(box([prime]), box([prime, other]))).toHaveLength(1);
    expect(compare(box([prime]), box([{ sellerId: 'A1', prime: false }]))).toHaveLength(1);
    expect(compare(box([prime]), box([{ sellerId: 'A1' }]))).toEqual([]);
    expect(compare(box([prime]), box([]))).toEqual([]);
  });

  it('tells each quantity tier, customer type and channel for itself', () => {
    const [from, to] = [lowest({ quantityTier: 5 }), lowest({ quantityTier: 5, ...at('9') })];
    const others = [lowest(), lowest({ customerType: 'Business' }), lowest({ channel: 'Merchant' })];
    expect(compare(snapshot({ lowest: [...others, from] }), snapshot({ lowest: [...others, to] }))).toEqual([
      { change: 'lowestPriceChanged', from, to },
    ]);
  });

  it('tells other competitive prices', () => {
    const from = { id: '7', ...kind, ...at('10'), mine: false, sellerId: 'A1' };
    for (const to of [
      { ...from, ...at('9') },
      { ...from, mine: true },
      { ...from, sellerId: 'A2' },
    ]) {
      expect(compare(snapshot({ competitive: [from] }), snapshot({ competitive: [to] }))).toEqual([
        { change: 'competitivePriceChanged', from, to },
      ]);
    }
  });

  it.each(['listPrice', 'competitivePriceThreshold', 'suggestedLowerPrice', 'tradeInValue'] as const)(
    'tells that %s moved, came or went',
    (price) => {
      const change = (from: string | null, to: string | null) => [{ change: 'referencePriceChanged', price, from, to }];
      const [none, ten, nine] = [snapshot(), snapshot({ [price]: '10' }), snapshot({ [price]: '9' })];
      expect(compare(ten, nine)).toEqual(change('10', '9'));
      expect(compare(none, nine)).toEqual(change(null, '9'));
      expect(compare(ten, none)).toEqual(change('10', null));
    },
  );

  it('tells how many offers there are, unless the watch does not want to know', () => {
    const count = (offers: number, eligible: number) =>
      snapshot({
        totalOfferCount: offers,
        offerCounts: [{ condition: 'New', channel: 'Amazon', count: offers }],
        buyBoxEligible: [{ condition: 'New', channel: 'Amazon', count: eligible }],
      });
    expect(compare(count(30, 2), count(31, 3))).toMatchObject([
      { change: 'totalOfferCountChanged', from: 30, to: 31 },
      { change: 'offerCountChanged', from: { count: 30 }, to: { count: 31 } },
      { change: 'buyBoxEligibleChanged', from: { count: 2 }, to: { count: 3 } },
    ]);
    expect(compare(count(30, 2), count(31, 3), { ignoreOfferCounts: true })).toEqual([]);
    expect(compare(snapshot(), snapshot({ totalOfferCount: 3 }))).toEqual([]);
  });

  it('tells offers that come and go only where all are listed on both sides', () => {
    const [one, other] = [offer('A1'), offer('A2')];
    expect(compare(listed(one), listed(one, other))).toEqual([
      { change: 'offerChanged', from: null, to: other },
      { change: 'totalOfferCountChanged', from: 1, to: 2 },
    ]);
    const window = (...offers: ListedOffer[]) => snapshot({ offers, totalOfferCount: 40 });
    expect(compare(window(one), window(other))).toEqual([]);
    expect(compare(window(one), window(one, other))).toEqual([]);
    expect(compare(listed(one), { ...listed(one, other), totalOfferCount: 1 })).toEqual([]);
    expect(compare(window(one), window(offer('A1', at('9')), other))).toHaveLength(2);
    expect(compare(window(one), listed(one, other), { ignoreOfferCounts: true })).toEqual([]);
    expect(compare(listed(one, other), window(one), { ignoreOfferCounts: true })).toEqual([]);
  });

  it('tells what changed of an offer that stays', () => {
    const from = offer('A1', {
      channel: 'Amazon',
      subcondition: 'Good',
      prime: 'none',
      shipsFrom: { country: 'US', state: 'WA' },
      featured: true,
    });
    const news: Partial<ListedOffer>[] = [
      at('9'),
      { channel: 'Merchant' },
      { subcondition: 'Mint' },
      { prime: 'national' },
      { shipsFrom: { country: 'US', state: 'NY' } },
      { shipsFrom: { country: 'CA', state: 'WA' } },
      { featured: false },
      { points: { number: 3 } },
      { quantityDiscounts: [{ quantityTier: 2, listing: '9' }] },
    ];
    for (const fields of news) {
      const to = { ...from, ...fields };
      expect(compare(listed(from), listed(to))).toEqual([{ change: 'offerChanged', from, to }]);
    }
  });

  it('finds the offers of one seller again: what is the same, then what is of one kind', () => {
    const [amazon, merchant] = [offer('A1', { channel: 'Amazon' }), offer('A1', { channel: 'Merchant', ...at('8') })];
    const cheaper = { ...merchant, ...at('7') };
    expect(compare(listed(amazon, merchant), listed(cheaper))).toEqual([
      { change: 'offerChanged', from: amazon, to: null },
      { change: 'offerChanged', from: merchant, to: cheaper },
      { change: 'totalOfferCountChanged', from: 2, to: 1 },
    ]);
    const dearer = { ...amazon, ...at('12') };
    expect(compare(listed(amazon, merchant), listed(dearer, merchant))).toEqual([
      { change: 'offerChanged', from: amazon, to: dearer },
    ]);
  });

  it('takes for no change that the value of Points is told, or not', () => {
    const [valued, plain] = [
      offer('A1', { points: { number: 5, value: '1' }, landed: '9' }),
      offer('A1', { points: { number: 5 } }),
    ];
    expect(compare(listed(valued), listed(plain))).toEqual([]);
    expect(compare(listed(plain), listed(valued))).toEqual([]);
    expect(compare(listed(valued), listed({ ...plain, ...at('11') }))).toHaveLength(1);
  });

  it('takes for no change what informs, what is left out, and words that nobody knows', () => {
    const from = snapshot({
      own: [ownPrice({ channel: 'Amazon', subcondition: 'New', shipping: '0' })],
      offers: [offer('A1', { subcondition: 'Good', prime: 'none', featured: true, shipsFrom: { country: 'US' } })],
      buyBox: [buyBox('A1')],
      salesRanks: [{ category: 'toys', rank: 1 }],
    });
    const to = snapshot({
      status: 'Splendid',
      asin: 'B000000002',
      sku: 'S1',
      own: [ownPrice({ channel: 'Drone', subcondition: 'Shiny' })],
      offers: [offer('A1', { subcondition: 'Shiny', mine: null, buyBoxWinner: true })],
      buyBox: [buyBox(null, { discountType: 'BULK' })],
      salesRanks: [{ category: 'toys', rank: 2 }],
    });
    expect(compare(from, to)).toEqual([]);
    expect(compare(to, from)).toEqual([]);
    const { currency: _, ...unnamed } = from;
    expect(compare(from, unnamed)).toEqual([]);
    expect(compare(from, { ...from, currency: 'EUR' })).toEqual([
      { change: 'detailChanged', detail: 'currency', from: 'USD', to: 'EUR' },
    ]);
  });

  it('takes a row that only repeats another in words that nobody knows for no change', () => {
    const [one, twin] = [lowest(), lowest({ discountType: 'BULK' })];
    expect(compare(snapshot({ lowest: [one] }), snapshot({ lowest: [twin, one] }))).toEqual([]);
    expect(compare(snapshot({ lowest: [twin, one] }), snapshot({ lowest: [twin] }))).toEqual([]);
    expect(compare(snapshot({ lowest: [one] }), snapshot({ lowest: [one, lowest(at('9'))] }))).toHaveLength(1);
    const discount = { quantityTier: 5, listing: '8' };
    const discounts = (...quantityDiscounts: OwnPrice['quantityDiscounts'] & {}) =>
      snapshot({ own: [ownPrice({ quantityDiscounts })] });
    expect(compare(discounts(discount), discounts({ ...discount, discountType: 'BULK' }, discount))).toEqual([]);
  });

  it('tells sales ranks to a watch that asks for them', () => {
    const ranked = (rank: number) => snapshot({ salesRanks: [{ category: 'toys', rank }] });
    expect(compare(ranked(1), ranked(2))).toEqual([]);
    expect(compare(ranked(1), ranked(2), { compareSalesRanks: true })).toMatchObject([
      { change: 'salesRankChanged', from: { rank: 1 }, to: { rank: 2 } },
    ]);
  });

  it('tells everything that differs as soon as something counts', () => {
    const before = snapshot({
      own: [ownPrice()],
      status: 'A',
      salesRanks: [{ category: 'toys', rank: 1 }],
      listPrice: '20',
    });
    const after = snapshot({
      own: [ownPrice(at('12'))],
      status: 'B',
      salesRanks: [{ category: 'toys', rank: 2 }],
      listPrice: '20.01',
    });
    const changes = compare(before, after, { threshold: { absolute: '1' } });
    expect(changes.map(({ change }) => change)).toEqual([
      'ownPriceChanged',
      'referencePriceChanged',
      'salesRankChanged',
      'detailChanged',
    ]);
  });

  it('lets small steps add up', () => {
    const tuning = { threshold: { absolute: '0.50' } };
    const at10 = snapshot({ own: [ownPrice(at('10'))] });
    const told = ['10.2', '10.4', '10.5'].map((amount) =>
      compare(at10, snapshot({ own: [ownPrice(at(amount))] }), tuning),
    );
    expect(told.map((changes) => changes.length)).toEqual([0, 0, 1]);
  });
});

describe('every comparison', () => {
  it('finds nothing between a state and itself, in whatever order a table gives its fields', () => {
    fc.assert(
      fc.property(anyPrices, anySeed, (prices, seed) => {
        expect(comparePrices(prices, prices)).toEqual([]);
        const draw = new Draw(seed);
        const stored = JSON.parse(JSON.stringify(prices)) as Prices;
        expect(comparePrices(stored, shuffled(draw, stored, 'fields'), { compareSalesRanks: true })).toEqual([]);
      }),
    );
  });

  it('leads from one state to the other exactly where it tells anything', () => {
    let told = 0;
    fc.assert(
      fc.property(fc.option(anyPrices), anyPrices, fc.boolean(), (before, after, compareSalesRanks) => {
        const copy = structuredClone(before);
        const changes = comparePrices(before, after, { compareSalesRanks });
        if (changes.length > 0) {
          told += 1;
          expect(applyPriceChanges(before, changes)).toEqual(after);
        }
        expect(before).toEqual(copy);
        expect(z.array(PriceChange).parse(JSON.parse(JSON.stringify(changes)))).toStrictEqual(changes);
        for (const change of changes) if ('from' in change) expect(change.from).not.toEqual(change.to);
      }),
      { numRuns: 500 },
    );
    expect(told).toBeGreaterThan(300);
  });

  it('tells no less with a lower threshold, and nothing with one that nothing reaches but what is no amount', () => {
    const limit = fc.integer({ min: 0, max: 40 });
    const amountsOnly = (from: PriceSnapshot, to: PriceSnapshot): [PriceSnapshot, PriceSnapshot] => [
      { ...from, lowest: from.lowest.slice(0, 1) },
      { ...from, lowest: from.lowest.slice(0, 1).map((row) => ({ ...row, ...at(to.lowest[0]?.landed ?? '1') })) },
    ];
    fc.assert(
      fc.property(anySnapshot, anySnapshot, limit, limit, (one, other, left, right) => {
        const [low, high] = [Math.min(left, right), Math.max(left, right)];
        const [from, to] = amountsOnly(one, other);
        for (const threshold of [(size: number) => ({ absolute: `${size}` }), (size: number) => ({ percent: size })]) {
          const tells = (size: number) => compare(from, to, { threshold: threshold(size) });
          if (tells(high).length > 0) expect(tells(low)).toEqual(tells(high));
          expect(tells(0)).toEqual(compare(from, to));
        }
        expect(compare(from, to, { threshold: { absolute: '1000' } })).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  it('keeps the told state within the threshold of the true one', () => {
    const cents = fc.array(fc.integer({ min: 900, max: 1_100 }), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(cents, fc.integer({ min: 1, max: 60 }), (path, width) => {
        const tuning = { threshold: { absolute: `${width / 100}` } };
        const price = (amount: number): Prices => ({ price: snapshot({ own: [ownPrice(at(`${amount / 100}`))] }) });
        let [told, toldCents] = [price(1_000), 1_000];
        for (const amount of path) {
          const changes = comparePrices(told, price(amount), tuning);
          if (changes.length > 0) [told, toldCents] = [applyPriceChanges(told, changes), amount];
          expect(Math.abs(amount - toldCents)).toBeLessThan(width);
        }
        expect(told).toEqual(price(toldCents));
      }),
    );
  });
});

describe('losing parts', () => {
  const discounts = [
    { quantityTier: 2, listing: '9' },
    { quantityTier: 5, listing: '8' },
  ];
  const mine = ownPrice({
    businessPrice: '9',
    shipping: '1',
    points: { number: 5, value: '0.05' },
    quantityDiscounts: discounts,
  });
  const full = snapshot({
    own: [mine],
    buyBox: [buyBox(ME)],
    lowest: [lowest()],
    listPrice: '20',
    totalOfferCount: 40,
    offers: [offer('A1'), offer('A2')],
    salesRanks: [{ category: 'toys', rank: 1 }],
  });
  const { listPrice: _, ...unlisted } = full;

  const ofOwn = 'own["New","Consumer","S1"]';
  it.each<[string, PriceSnapshot | undefined, string[]]>([
    ['the price', undefined, ['price']],
    ['a row', { ...full, lowest: [] }, ['lowest["New","Amazon","Consumer",null]']],
    [
      'a business price',
      { ...full, own: [{ ...mine, ...at('11'), businessPrice: undefined }] },
      [`${ofOwn}.businessPrice`],
    ],
    ['an amount', { ...full, own: [{ ...mine, shipping: undefined }] }, [`${ofOwn}.shipping`]],
    ['an amount of Points', { ...full, own: [{ ...mine, points: { number: 5 } }] }, [`${ofOwn}.points.value`]],
    ['the list price', unlisted, ['listPrice']],
    [
      'one of two quantity discounts',
      { ...full, own: [{ ...mine, quantityDiscounts: discounts.slice(1) }] },
      [`${ofOwn}.quantityDiscounts`],
    ],
    [
      'the seller in the Buy Box',
      { ...full, buyBox: [buyBox(null)] },
      ['buyBox["New","Consumer",null].mine', 'buyBox["New","Consumer",null].winners'],
    ],
  ])('is to lose %s', (_what, after, parts) => {
    expect(lostParts(full, after)).toEqual(parts);
  });

  it.each<[string, PriceSnapshot]>([
    ['nothing', full],
    ['an offer of the list', { ...full, offers: [offer('A2')] }],
    ['a sales rank', { ...full, salesRanks: [] }],
    ['a price that moved', { ...full, lowest: [lowest(at('9'))], listPrice: '19' }],
    ['what was not there', { ...full, suggestedLowerPrice: '9', buyBox: [buyBox('A1', { points: { number: 1 } })] }],
  ])('is not to lose %s', (_what, after) => {
    expect(lostParts(full, after)).toEqual([]);
  });
});

describe('replaying changes', () => {
  it('forgets a price whose watch is invalid', () => {
    const invalid: PriceChange = { change: 'watchInvalid', code: 'InvalidInput', message: 'no such ASIN' };
    expect(applyPriceChanges({ price: snapshot() }, [invalid])).toEqual({});
    expect(applyPriceChanges(null, [invalid])).toEqual({});
  });

  it('refuses changes of another state', () => {
    const changes = compare(snapshot({ own: [ownPrice()] }), snapshot({ own: [ownPrice(at('9'))] }));
    expect(() => applyPriceChanges(null, changes)).toThrow(RangeError);
    expect(() => applyPriceChanges({ price: snapshot() }, changes)).toThrow(RangeError);
    expect(() => applyPriceChanges({}, [{ change: 'priceRemoved' }])).toThrow(RangeError);
  });
});
