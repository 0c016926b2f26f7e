import fc from 'fast-check';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { decideBuyBox, offerKey, toAmount, toMinor, type Market } from '../../local/upstreams/pricing/item-state.ts';
import { LivingMarket } from '../../local/upstreams/pricing/living-market.ts';
import {
  MAX_OFFERS,
  MAX_OFFERS_IN_A_CROWD,
  bornMarket,
  bornNature,
  type ItemNature,
} from '../../local/upstreams/pricing/market-birth.ts';
import { nextMarket } from '../../local/upstreams/pricing/market-life.ts';
import { createRandom } from '../../local/upstreams/seeded-random.ts';
import { JP, SHOP, US, items, startPricing } from './running-pricing.ts';
import { ManualClock, temporaryDirectory } from './running-simulator.ts';

const seeds = fc.integer();
const LISTING = { account: 'shop', sellerId: SHOP.sellerId, sku: 'SKU 1' };

function natureOf(seed: number, marketplaceId: string = US): ItemNature {
  return { ...bornNature(createRandom(seed, 'nature'), marketplaceId), listings: [LISTING] };
}

function live(seed: number, steps: number, marketplaceId: string = US): (Market & { event: string })[] {
  const nature = natureOf(seed, marketplaceId);
  const states = [{ ...bornMarket(nature, createRandom(seed, 0)), event: 'born' }];
  for (let step = 1; step <= steps; step += 1) {
    const before = states.at(-1);
    if (!before) throw new Error('missing');
    const { event, market } = nextMarket(before, nature, createRandom(seed, step));
    states.push({ ...decideBuyBox(market, marketplaceId), event });
  }
  return states;
}

function meaning({ status, listPrice, competitivePriceThreshold, offers }: Market): string {
  return JSON.stringify([status, listPrice, competitivePriceThreshold, offers]);
}

describe("an item's market", () => {
  it('is the same for the same seed and steps, and another one for another seed', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        expect(live(seed, 30)).toEqual(live(seed, 30));
      }),
      { numRuns: 20 },
    );
    expect(meaning(live(1, 5).at(-1) as Market)).not.toBe(meaning(live(2, 5).at(-1) as Market));
  });

  it('changes its meaning at every step', () => {
    fc.assert(
      fc.property(seeds, fc.constantFrom(US, JP), (seed, marketplaceId) => {
        const meanings = live(seed, 60, marketplaceId).map(meaning);
        for (const [index, now] of meanings.entries()) expect(now).not.toBe(meanings[index + 1]);
      }),
      { numRuns: 40 },
    );
  });

  it('keeps its bounds, distinct offers, and prices that the currency has', () => {
    fc.assert(
      fc.property(seeds, fc.constantFrom(US, JP), (seed, marketplaceId) => {
        for (const { offers, status } of live(seed, 80, marketplaceId)) {
          const most = natureOf(seed, marketplaceId).isCrowded ? MAX_OFFERS_IN_A_CROWD : MAX_OFFERS;
          expect(offers.filter(({ sku }) => sku === null).length).toBeLessThanOrEqual(most);
          expect(status === 'Success').toBe(offers.length > 0);
          expect(new Set(offers.map(offerKey)).size).toBe(offers.length);
          for (const offer of offers) {
            const discounts = offer.quantityDiscounts.map(({ price }) => price);
            const amounts = [
              offer.listingPrice,
              offer.regularPrice,
              ...(offer.businessPrice === null ? [] : [offer.businessPrice]),
              ...discounts,
            ];
            for (const amount of amounts) {
              expect(amount).toMatch(marketplaceId === JP ? /^\d+$/ : /^\d+\.\d\d$/);
              expect(Number(amount)).toBeGreaterThan(0);
            }
            expect(Number(offer.listingPrice)).toBeLessThanOrEqual(Number(offer.regularPrice));
            expect(Number(offer.businessPrice ?? 0)).toBeLessThanOrEqual(Number(offer.listingPrice));
            if (marketplaceId !== JP) expect(offer.points).toBe(0);
            const tiers = offer.quantityDiscounts.map(({ tier }) => tier);
            expect(tiers).toEqual([...new Set(tiers)].sort((one, other) => one - other));
          }
        }
      }),
      { numRuns: 40 },
    );
  });

  it('has winners of the Buy Box that are featured, at most one Prime and one other for a condition', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        for (const { offers, competitivePriceThreshold } of live(seed, 60)) {
          for (const condition of ['New', 'Used', 'Collectible', 'Refurbished']) {
            const winners = offers.filter((offer) => offer.winsBuyBox && offer.condition === condition);
            expect(winners.every(({ isFeatured }) => isFeatured)).toBe(true);
            expect(new Set(winners.map(({ isPrime }) => isPrime)).size).toBe(winners.length);
            if (condition === 'Collectible' || condition === 'Refurbished') expect(winners).toEqual([]);
            for (const { listingPrice } of winners) {
              expect(Number(listingPrice)).toBeLessThanOrEqual(Number(competitivePriceThreshold ?? Infinity));
            }
          }
        }
      }),
      { numRuns: 40 },
    );
  });

  it('sees everything that can happen, and every sort of offer', () => {
    const states = [
      ...[1, 2, 3, 4, 5, 6, 7, 8].flatMap((seed) => live(seed, 300)),
      ...[1, 2].flatMap((seed) => live(seed, 200, JP)),
    ];
    expect([...new Set(states.map(({ event }) => event))].sort()).toEqual([
      'born', 'business-terms-changed', 'channel-changed', 'eligibility-changed', 'list-price-changed',
      'offers-returned', 'offers-vanished', 'own-offer-back', 'own-offer-gone', 'points-changed', 'price-cut',
      'price-moved', 'sale-began', 'sale-ended', 'seller-came', 'seller-left', 'shipping-changed', 'threshold-changed',
    ]); // prettier-ignore
    expect([...new Set(states.map(({ status }) => status))].sort()).toEqual([
      'ActiveButTooSoonForProcessing',
      'NoBuyableOffers',
      'NoOfferDueToMissingShippingCharge',
      'Success',
    ]);
    const conditions = new Set(states.flatMap(({ offers }) => offers.map(({ condition }) => condition)));
    expect([...conditions].sort()).toEqual(['Collectible', 'New', 'Refurbished', 'Used']);
    const own = states.flatMap(({ offers }) => offers.filter(({ sku }) => sku !== null));
    expect(new Set(own.map(({ winsBuyBox }) => winsBuyBox))).toEqual(new Set([true, false]));
    const boxes = states.map(({ offers }) => offers.filter((offer) => offer.winsBuyBox && offer.condition === 'New'));
    expect(new Set(boxes.map(({ length }) => length))).toEqual(new Set([0, 1, 2]));
  });
});

describe('the Buy Box', () => {
  const offer = (sellerId: string, listingPrice: string, more: object = {}) =>
    ({
      ...(live(1, 0)[0]?.offers[0] as object),
      sellerId,
      condition: 'New',
      listingPrice,
      shipping: '0.00',
      businessPrice: null,
      isFeatured: true,
      isPrime: false,
      points: 0,
      ...more,
    }) as Market['offers'][number];
  const winners = (offers: Market['offers'], competitivePriceThreshold: string | null = null) => {
    const market = { status: 'Success', listPrice: null, competitivePriceThreshold, offers };
    const decided = decideBuyBox(market, US).offers;
    return [
      decided.filter(({ winsBuyBox }) => winsBuyBox).map(({ sellerId }) => sellerId),
      decided.filter(({ winsBusinessBuyBox }) => winsBusinessBuyBox).map(({ sellerId }) => sellerId),
    ];
  };

  it('is the cheapest featured offer’s, shipping included and whoever is not featured left out', () => {
    expect(winners([offer('A', '10.00'), offer('B', '9.00', { shipping: '2.00' })])[0]).toEqual(['A']);
    expect(winners([offer('A', '10.00'), offer('B', '9.00', { isFeatured: false })])[0]).toEqual(['A']);
  });

  it('has two winners when a Prime offer and another are close', () => {
    const prime = offer('P', '10.00', { isPrime: true });
    expect(winners([prime, offer('A', '9.90')])[0]).toEqual(['P', 'A']);
    expect(winners([prime, offer('A', '12.00')])[0]).toEqual(['P']);
    expect(winners([prime, offer('A', '8.00')])[0]).toEqual(['A']);
  });

  it('may be another seller’s for business buyers', () => {
    const offers = [offer('A', '10.00'), offer('B', '11.00', { businessPrice: '9.00' })];
    expect(winners(offers)).toEqual([['A'], ['B']]);
  });

  it('is nobody’s above the competitive price threshold', () => {
    expect(winners([offer('A', '10.01')], '10.00')[0]).toEqual([]);
    expect(winners([offer('A', '10.00')], '10.00')[0]).toEqual(['A']);
  });
});

describe('amounts', () => {
  it('go to the smallest unit and back without a loss', () => {
    fc.assert(
      fc.property(fc.nat(99_999_999), fc.constantFrom(US, JP), (minor, marketplaceId) => {
        expect(toMinor(toAmount(minor, marketplaceId), marketplaceId)).toBe(minor);
      }),
    );
    expect([toAmount(5, US), toAmount(0, US), toAmount(1999, US), toAmount(1999, JP)]).toEqual([
      '0.05',
      '0.00',
      '19.99',
      '1999',
    ]);
  });
});

function market(options: { seed?: number; tempo?: number; count?: number }): {
  clock: ManualClock;
  market: LivingMarket;
} {
  const clock = new ManualClock();
  const living = new LivingMarket({ seed: options.seed ?? 1, clock, tempo: options.tempo });
  for (const { sku, ...id } of items(options.count ?? 200)) {
    living.add(id, [{ account: 'shop', sellerId: SHOP.sellerId, sku }]);
  }
  return { clock, market: living };
}

function countChanges(living: LivingMarket): number {
  return [...living.all()].reduce((sum, item) => sum + item.states.length - 1, 0);
}

describe('a living market', () => {
  it('changes at the tempo asked for, or at 0.15 a minute for each item', () => {
    for (const [options, expected] of [
      [{ tempo: 600, count: 1 }, 3000],
      [{ tempo: 600, count: 50 }, 3000],
      [{ count: 400 }, 300],
    ] as const) {
      const { clock, market: living } = market(options);
      clock.pass(300_000);
      expect(Math.abs(countChanges(living) - expected)).toBeLessThan(expected * 0.2);
    }
  });

  it('never changes by itself at tempo 0', () => {
    const { clock, market: living } = market({ tempo: 0 });
    clock.pass(86_400_000);
    expect(countChanges(living)).toBe(0);
  });

  it('has the same history whether somebody looks often or once', () => {
    const watched = market({ tempo: 600, count: 20 });
    const unwatched = market({ tempo: 600, count: 20 });
    for (let second = 0; second < 60; second += 1) {
      watched.clock.pass(1000);
      watched.market.passTime();
    }
    unwatched.clock.pass(60_000);
    expect([...watched.market.all()]).toEqual([...unwatched.market.all()]);
  });

  it('dates each change at the time it fell due, in order and never in the future', () => {
    const { clock, market: living } = market({ tempo: 600, count: 5 });
    const born = clock.now();
    clock.pass(120_000);
    for (const { states } of living.all()) {
      const times = states.map((state) => state.at);
      expect(times).toEqual([...times].sort((one, other) => one - other));
      expect(times[0]).toBe(born);
      expect(times.at(-1)).toBeLessThanOrEqual(clock.now());
      expect(states.map((state) => state.step)).toEqual(states.map((_, index) => index));
    }
  });

  it('gives an item the same life whichever others exist', () => {
    const statesOf = ({ market: living }: { market: LivingMarket }): unknown[] => {
      const item = living.find({ marketplaceId: US, asin: 'B000000001' });
      if (!item) throw new Error('missing');
      for (let step = 0; step < 25; step += 1) living.advance(item);
      return item.states;
    };
    expect(statesOf(market({ tempo: 0, count: 1 }))).toEqual(statesOf(market({ tempo: 0, count: 30 })));
  });
});

describe('the state file', () => {
  it('lets the next run go on, with this seed only', async () => {
    const stateFile = path.join(await temporaryDirectory(), 'prices.json');
    const options = { items: items(5), stateFile };
    const first = await startPricing(options, { seed: 3 });
    for (let step = 0; step < 4; step += 1) {
      await first.control('POST', `/control/prices/${US}/B000000001/advance`);
    }
    await first.control('DELETE', `/control/prices/${US}/B000000002`);
    const left = first.simulator.priceTruth(US, 'B000000001').at(-1);
    await first.simulator.stop();

    const second = await startPricing(options, { seed: 3 });
    expect(second.simulator.priceTruth(US, 'B000000001')).toEqual([{ ...left, event: 'resumed' }]);
    expect((await second.itemOffers('B000000002')).status).toBe(400);
    const step = await second.control('POST', `/control/prices/${US}/B000000001/advance`);
    expect(step.json).toMatchObject({ step: 5 });
    await second.simulator.stop();

    const other = await startPricing(options, { seed: 4 });
    expect(other.simulator.priceTruth(US, 'B000000001')).toMatchObject([{ step: 0, event: 'born' }]);
  });

  it('is begun anew where it cannot be read', async () => {
    const stateFile = path.join(await temporaryDirectory(), 'prices.json');
    await writeFile(stateFile, '{"seed": 1, "items"');
    const { simulator } = await startPricing({ stateFile, items: items(1) });
    expect(simulator.priceTruth(US, 'B000000001')).toHaveLength(1);
  });
});
