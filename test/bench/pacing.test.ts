import { describe, expect, it } from 'vitest';
import { drawChart } from '../../bench/pacing/chart.ts';
import { lostOf, type Outcome, ratioOf } from '../../bench/pacing/outcome.ts';
import { batchOf, offeredItems, pricedItems } from '../../bench/pacing/peers/peer.ts';
import { itemsOf, leastTime, PACK, packsOf, type Scenario, SCENARIOS } from '../../bench/pacing/scenarios.ts';

const scenario = (id: string): Scenario => SCENARIOS.find((each) => each.id === id)!;

const outcome = (rest: Partial<Outcome> = {}): Outcome => ({
  scenario: scenario('a'),
  client: 'a client',
  pacing: 'some',
  startedAt: 1_000,
  lastAnswerAt: 9_400,
  answered: 2_000,
  requests: 100,
  throttled: 0,
  tokenCalls: 1,
  firstAt: 1_100,
  lastAt: 9_000,
  repeats: 0,
  errors: {},
  ended: true,
  ...rest,
});

describe('the least time of a scenario', () => {
  it('is what lies beyond the burst at the rate, and one round trip', () => {
    expect(leastTime(scenario('a'), 0)).toBe(((100 - 20) / 10) * 1000 + 2 * 200);
    expect(leastTime(scenario('d'), 0)).toBe(((5 - 1) / 0.1) * 1000 + 2 * 200);
  });

  it('goes by the rate that the server grants, not by the one that the client knows', () => {
    expect(leastTime(scenario('i'), 0)).toBe(((200 - 10) / 10) * 1000 + 2 * 200);
  });

  it('counts the requests that faults make necessary', () => {
    expect(leastTime(scenario('b'), 1) - leastTime(scenario('b'), 0)).toBe(2_000);
  });
});

describe('an outcome', () => {
  it('is the time to the last answer as a multiple of the least', () => {
    expect(ratioOf(outcome())).toBe(1);
    expect(ratioOf(outcome({ lastAnswerAt: 1_000 + 2 * 8_400 }))).toBe(2);
    expect(ratioOf(outcome({ lastAnswerAt: undefined }))).toBe(Infinity);
  });

  it('has lost what was never answered', () => {
    expect(lostOf(outcome({ answered: 1_990 }))).toBe(10);
  });
});

describe('the work', () => {
  it('is different items that look like ASINs, in packs that are full but for the last', () => {
    for (const each of SCENARIOS) {
      const items = itemsOf(each);
      expect(new Set(items).size).toBe(each.items);
      expect(items.every((item) => /^[A-Z0-9]{10}$/.test(item))).toBe(true);
    }
    expect(packsOf(itemsOf(scenario('a')).slice(0, PACK + 1)).map((pack) => pack.length)).toEqual([PACK, 1]);
  });

  it('counts an item as answered only where its own status says so', () => {
    expect(
      pricedItems([
        { status: 'Success', ASIN: 'A' },
        { status: 'ServerError', ASIN: 'B' },
      ]),
    ).toEqual(['A']);
    const answered = { status: { statusCode: 200 }, body: { payload: { ASIN: 'A' } } };
    expect(offeredItems({ responses: [answered, { status: { statusCode: 503 }, body: {} }] })).toEqual(['A']);
  });

  it('names each item by the path of the single operation in a batch', () => {
    const [request] = batchOf({ marketplaceId: 'M' } as Parameters<typeof batchOf>[0], ['B000000001']).requests;
    expect(request).toEqual({
      uri: '/products/pricing/v0/items/B000000001/offers',
      method: 'GET',
      MarketplaceId: 'M',
      ItemCondition: 'New',
    });
  });
});

describe('the chart', () => {
  it('has a bar for each client of each scenario, and says what was lost or throttled', () => {
    const chart = drawChart(
      [outcome(), outcome({ client: '<other>', answered: 1_600, throttled: 7 })],
      '2026-01-02T03:04:05.000Z',
    );
    expect(chart).toContain('400 items lost, 1.00, 7 × 429');
    expect(chart).toContain('&#60;other&#62;');
    expect(chart).not.toContain('<other>');
    expect(chart).toContain('2026-01-02');
  });

  it('cuts off a bar that is too long, and tells how long it is', () => {
    const widths = (chart: string): number[] =>
      [...chart.matchAll(/width="([\d.]+)" height="11"/g)].map(([, w]) => Number(w));
    const times = (ratio: number) => outcome({ lastAnswerAt: 1_000 + ratio * 8_400 });
    const chart = drawChart([times(4), times(40)], '2026-01-02T03:04:05.000Z');
    const [cut, longer] = widths(chart);
    expect(longer).toBe(cut);
    expect(chart).toContain('40.00');
  });
});
