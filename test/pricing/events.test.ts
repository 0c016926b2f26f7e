import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { eventId } from '../../lambdas/change-events/change-event.ts';
import { comparePrices } from '../../lambdas/pricing/compare-prices.ts';
import { normaliseOffers, normalisePrice } from '../../lambdas/pricing/normalise-prices.ts';
import type { OfferDetail, OffersItem } from '../../lambdas/pricing/pricing-answers.ts';
import { applyPriceChanges, type PriceChange } from '../../lambdas/pricing/price-changes.ts';
import { priceEventSchemas } from '../../lambdas/pricing/price-event-schemas.ts';
import { announcePriceEvents, PRICE_EVENT_TYPES } from '../../lambdas/pricing/price-events.ts';
import { pricesAfter, type Prices } from '../../lambdas/pricing/prices.ts';
import { anyPrices, ME, own, ownWatch, watch } from './arbitrary-prices.ts';

const usd = (Amount: string) => ({ CurrencyCode: 'USD', Amount });
const sells = (SellerId: string, amount: string, fields: Partial<OfferDetail> = {}): OfferDetail => ({
  SellerId,
  ListingPrice: usd(amount),
  ...fields,
});
const market = (Offers: OfferDetail[], Summary: OffersItem['Summary'] = {}): Prices =>
  pricesAfter(
    null,
    normaliseOffers({ status: 'Success', Summary: { TotalOfferCount: Offers.length, ...Summary }, Offers }, watch, own),
  );
const announce = (before: Prices | null, after: Prices, changes = comparePrices(before, after)) =>
  announcePriceEvents({ watch, before, after, changes });
const types = (before: Prices | null, after: Prices, changes?: PriceChange[]) =>
  announce(before, after, changes).map(({ detailType }) => detailType);
const one = market([sells('A1', '10')]);

describe('the events of a price', () => {
  it('only add it when it is seen for the first time', () => {
    const box = { BuyBoxPrices: [{ condition: 'New', ListingPrice: usd('10'), sellerId: ME }] };
    expect(types(null, market([sells(ME, '10')], box))).toEqual(['Price Added']);
    expect(types({}, one)).toEqual(['Price Added']);
    expect(types(null, {})).toEqual([]);
  });

  it('say what it is, as far as that is known', () => {
    expect(announce(null, one)).toEqual([
      {
        detailType: 'Price Added',
        item: 'price',
        about: {
          account: 'main',
          view: 'offers',
          marketplaceId: 'ATVPDKIKX0DER',
          asin: 'B000000001',
          sku: null,
          condition: 'New',
          customerType: 'Consumer',
        },
      },
    ]);
    const bySku = { ...ownWatch, itemType: 'sku', item: 'S1' } as const;
    const [event] = announcePriceEvents({
      watch: bySku,
      before: one,
      after: {},
      changes: [{ change: 'priceRemoved' }],
    });
    expect(event?.about).toMatchObject({ asin: 'B000000001', sku: 'S1', condition: null });
  });

  it('tell that it is gone', () => {
    expect(types(one, {})).toEqual(['Price Removed']);
  });

  it('tell that the watch is invalid, whether or not there was a price', () => {
    const changes: PriceChange[] = [{ change: 'watchInvalid', code: 'InvalidInput', message: 'no such ASIN' }];
    expect(types(one, {}, changes)).toEqual(['Watch Invalid']);
    expect(announce(null, {}, changes)[0]?.about).toMatchObject({ asin: 'B000000001', sku: null });
  });

  it('tell that an own price changed', () => {
    const mine = (amount: string) =>
      pricesAfter(
        null,
        normalisePrice(
          {
            status: 'Success',
            Product: { Offers: [{ ItemCondition: 'New', BuyingPrice: { ListingPrice: usd(amount) } }] },
          },
          ownWatch,
          own,
        ),
      );
    expect(types(mine('10'), mine('9'))).toEqual(['Price Changed']);
  });

  it('tell who is in the Buy Box, and at what price', () => {
    const box = (sellerId: string, amount: string) =>
      market([sells('A1', '10')], { BuyBoxPrices: [{ condition: 'New', ListingPrice: usd(amount), sellerId }] });
    expect(types(box(ME, '10'), box('A1', '9'))).toEqual(['Buy Box Changed']);
    expect(types(box(ME, '10'), box(ME, '9'))).toEqual(['Buy Box Changed']);
    expect(types(box(ME, '10'), one)).toEqual(['Buy Box Changed']);
  });

  it('tell the lowest price', () => {
    const lowest = (amount: string) =>
      market([sells('A1', '10')], {
        LowestPrices: [{ condition: 'New', fulfillmentChannel: 'Amazon', ListingPrice: usd(amount) }],
      });
    expect(types(lowest('10'), lowest('9'))).toEqual(['Lowest Price Changed']);
    expect(types(lowest('10'), one)).toEqual(['Lowest Price Changed']);
  });

  it('tell competitors who enter and leave, besides the number of offers', () => {
    const two = market([sells('A1', '10'), sells('A2', '11')]);
    expect(types(one, two)).toEqual(['Competitor Entered', 'Offer Count Changed']);
    expect(types(two, one)).toEqual(['Competitor Left', 'Offer Count Changed']);
    expect(types(one, market([sells('A2', '10')]))).toEqual(['Competitor Entered', 'Competitor Left']);
  });

  it('take neither another offer of a known competitor nor the own one for a competitor who enters', () => {
    const second = market([sells('A1', '10'), sells('A1', '12')]);
    expect(types(one, second)).toEqual(['Price Changed', 'Offer Count Changed']);
    expect(types(second, one)).toEqual(['Price Changed', 'Offer Count Changed']);
    expect(types(one, market([sells('A1', '10'), sells(ME, '12')]))).toEqual(['Price Changed', 'Offer Count Changed']);
  });

  it('tell no competitors who enter or leave while there are more offers than are listed', () => {
    const window = (...Offers: OfferDetail[]) => market(Offers, { TotalOfferCount: 25 });
    expect(types(window(sells('A1', '10')), window(sells('A2', '10')))).toEqual([]);
    expect(types(window(sells('A1', '10'), sells('A3', '10')), window(sells('A2', '10'), sells('A3', '9')))).toEqual([
      'Price Changed',
    ]);
    expect(types(one, window(sells('A1', '10'), sells('A2', '10')))).toEqual(['Offer Count Changed']);
  });

  it('tell an offer that stays at another price', () => {
    expect(types(one, market([sells('A1', '9')]))).toEqual(['Price Changed']);
  });

  it('are not announced by what only comes along', () => {
    const ranked = (Rank: number, amount: string) =>
      market([sells('A1', amount, { SubCondition: Rank === 1 ? 'New' : 'Shiny' })], {
        SalesRankings: [{ ProductCategoryId: 'toys', Rank }],
        BuyBoxPrices: [{ condition: 'New', ListingPrice: usd('10'), ...(Rank === 1 && { sellerId: 'A1' }) }],
        TotalOfferCount: 1,
        ListPrice: usd('20'),
      });
    expect(types(ranked(1, '10'), ranked(2, '9'))).toEqual(['Price Changed']);
  });

  it('are at least one where anything is told', () => {
    const ranked = (Rank: number) =>
      market([sells('A1', '10')], { SalesRankings: [{ ProductCategoryId: 'toys', Rank }] });
    const changes = comparePrices(ranked(1), ranked(2), { compareSalesRanks: true });
    expect(types(ranked(1), ranked(2), changes)).toEqual(['Price Changed']);
  });

  it('cannot be announced of prices that the states do not hold', () => {
    const changes = comparePrices(one, market([sells('A1', '9')]));
    expect(() => announce(null, one, changes)).toThrow(RangeError);
  });

  it('rebuild the state on their own, and fit the published schemas', () => {
    const tuning = fc.constantFrom({}, { threshold: { absolute: '1' } }, { compareSalesRanks: true });
    const seen = new Set<string>();
    fc.assert(
      fc.property(fc.array(anyPrices, { minLength: 1, maxLength: 5 }), tuning, (states, tuned) => {
        let head: Prices | null = null;
        let bySubscriber: Prices = {};
        for (const [index, after] of states.entries()) {
          const changes = comparePrices(head, after, tuned);
          const events = announcePriceEvents({ watch, before: head, after, changes });
          expect(events.length > 0).toBe(changes.length > 0);
          const ids = events.map(({ detailType, item }) => eventId('watch/x', index + 1, detailType, item));
          expect(new Set(ids).size).toBe(ids.length);
          for (const { detailType, about } of events) {
            seen.add(detailType);
            const type = PRICE_EVENT_TYPES.find((known) => known === detailType);
            if (!type) throw new Error(`unknown detail type ${detailType}`);
            const metadata = {
              id: 'id',
              subject: 'watch/x',
              sequence: index + 1,
              occurredAt: '2026-01-01T00:00:00Z',
              observedAt: '2026-01-01T00:00:00Z',
              schemaVersion: 1,
              correlationId: 'c',
            };
            const common = { watchId: 'x', ...about };
            const sides = { before: head?.price ?? null, after: after.price ?? null };
            const whole = { ...common, ...sides, changes, truncated: false };
            const cut = { ...common, before: null, after: null, changes: [], truncated: true, history: '/v1/x' };
            expect(priceEventSchemas[type].parse({ metadata, data: whole }).data).toEqual(whole);
            expect(priceEventSchemas[type].parse({ metadata, data: cut }).data).toEqual(cut);
            const hollow = { ...whole, before: null, after: null };
            expect(priceEventSchemas[type].safeParse({ metadata, data: hollow }).success).toBe(false);
          }
          if (events.length > 0) {
            const told = after.price ? { price: after.price } : {};
            expect(applyPriceChanges(bySubscriber, changes)).toEqual(told);
            bySubscriber = told;
          }
          // Only what is told is recorded, except for the first sight.
          if (head === null || changes.length > 0) head = after;
          expect(bySubscriber).toEqual(head);
        }
      }),
      { numRuns: 200 },
    );
    expect(PRICE_EVENT_TYPES.filter((type) => !seen.has(type))).toEqual(['Watch Invalid']);
  });

  it('fit the schema when the watch is invalid', () => {
    const changes = [{ change: 'watchInvalid', code: 'InvalidInput', message: 'no such ASIN' }];
    const [event] = announce(one, {}, changes as PriceChange[]);
    const data = { watchId: 'x', ...event?.about, before: null, after: null, changes, truncated: false };
    const { shape } = priceEventSchemas['Watch Invalid'];
    expect(shape.data.parse(data)).toEqual(data);
    expect(shape.data.safeParse({ ...data, after: one.price }).success).toBe(false);
  });
});

describe('the published schemas', () => {
  it('exist for every detail type', () => {
    expect(Object.keys(priceEventSchemas).sort()).toEqual([...PRICE_EVENT_TYPES].sort());
  });

  it.each(PRICE_EVENT_TYPES)('describe the fields of %s as JSON Schema', (type) => {
    const Described = z.object({ description: z.string().min(1) });
    const Published = z.object({
      properties: z.object({ data: z.object({ properties: z.record(z.string(), Described) }) }),
    });
    const { properties } = Published.parse(z.toJSONSchema(priceEventSchemas[type])).properties.data;
    const names = ['watchId', 'account', 'view', 'marketplaceId', 'asin', 'sku', 'condition', 'customerType'];
    expect(Object.keys(properties)).toEqual(
      expect.arrayContaining([...names, 'before', 'after', 'changes', 'truncated', 'history']),
    );
  });
});
