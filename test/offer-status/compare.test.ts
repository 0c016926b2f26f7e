import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as z from 'zod/mini';
import { compareOffers } from '../../lambdas/offer-status/compare-offers.ts';
import { matchWindows } from '../../lambdas/offer-status/match-windows.ts';
import { applyOfferChanges, OfferChange } from '../../lambdas/offer-status/offer-changes.ts';
import { offerKey, type Offer, type Offers } from '../../lambdas/offer-status/offers.ts';
import { canonicalWindows, sortedSet, type Window } from '../../lambdas/offer-status/offer-windows.ts';
import { anyOffers, anySeed, compared, Draw } from './arbitrary-offers.ts';

const window = (fields: Partial<Window> = {}): Window => ({
  contractId: 'C1',
  licenseType: 'EST',
  territories: ['US'],
  formatProfiles: ['HD'],
  start: '2026-01-01T00:00:00.000Z',
  end: '2026-12-31T00:00:00.000Z',
  status: null,
  comments: null,
  transactionId: null,
  ...fields,
});
const offer = (fields: Partial<Offer> = {}): Offer => ({
  alid: 'A1',
  groupingEntity: null,
  marketplace: 'GLOBAL',
  licensor: { organizationId: 'acme', displayName: null },
  status: 'Live',
  comments: null,
  start: null,
  end: null,
  platformIds: [],
  windows: [],
  updatedAt: null,
  ...fields,
});
const snapshot = (...offers: Offer[]): Offers => Object.fromEntries(offers.map((one) => [offerKey(one), one]));
const withWindows = (...windows: Window[]): Offers => snapshot(offer({ windows: canonicalWindows(windows) }));
const KEY = 'A1|-|GLOBAL';
const ref = ({ licenseType, contractId, territories, start, end }: Window, nth = 0) => ({
  licenseType,
  contractId,
  territories,
  start,
  end,
  nth,
});

/** Made-up codes, sorted. */
const codes = (count: number): string[] =>
  Array.from({ length: count }, (_, number) => `X${String(number).padStart(3, '0')}`);

const size = (value: unknown): number => JSON.stringify(value).length;

/**
 * A window has at most six changes: moved dates and changed territories exclude each other. Each names the window as it
 * was, and together they hold what the window had and what it has got; names and keys take the rest.
 */
function sizeBound(before: Offers | null, after: Offers): number {
  const offers = [...Object.values(before ?? {}), ...Object.values(after)];
  const parts = offers.reduce((sum, one) => sum + 1 + one.windows.length, 0);
  return 7 * size(before) + size(after) + 1_000 * parts;
}

describe('comparing snapshots', () => {
  it('names every offer of a title that was never seen', () => {
    const [first, second] = [offer(), offer({ groupingEntity: 'channel' })];
    expect(compareOffers(null, snapshot(second, first))).toEqual([
      { change: 'offerAdded', offerKey: KEY, offer: first },
      { change: 'offerAdded', offerKey: 'A1|channel|GLOBAL', offer: second },
    ]);
    expect(compareOffers(null, {})).toEqual([]);
  });

  it('names an offer that is gone', () => {
    expect(compareOffers(snapshot(offer()), {})).toEqual([{ change: 'offerRemoved', offerKey: KEY }]);
  });

  it('names what moved on the offer itself', () => {
    const before = offer({ platformIds: ['gti.1', 'gti.2'] });
    const after = offer({ status: 'Issue', comments: 'artwork', end: 'TBD', platformIds: ['gti.2', 'gti.3', 'gti.4'] });
    expect(compareOffers(snapshot(before), snapshot(after))).toEqual([
      { change: 'statusMoved', offerKey: KEY, from: 'Live', to: 'Issue' },
      { change: 'commentsChanged', offerKey: KEY, from: null, to: 'artwork' },
      { change: 'periodMoved', offerKey: KEY, from: { start: null, end: null }, to: { start: null, end: 'TBD' } },
      { change: 'platformIdsGained', offerKey: KEY, platformIds: ['gti.3', 'gti.4'] },
      { change: 'platformIdsLost', offerKey: KEY, platformIds: ['gti.1'] },
    ]);
  });

  it('takes licensor, time stamps and transaction identifiers for no change', () => {
    const before = offer({ windows: [window()] });
    const after = offer({
      licensor: { organizationId: 'other', displayName: 'Other' },
      updatedAt: '2026-01-01T00:00:00.000Z',
      windows: [window({ transactionId: 'T1' })],
    });
    expect(compareOffers(snapshot(before), snapshot(after))).toEqual([]);
  });

  it('names what changed on a window that kept its identity and dates', () => {
    const before = window({ formatProfiles: ['HD', 'SD'] });
    const after = window({ formatProfiles: ['MAX', 'SD', 'UHD'], status: 'Issue', comments: 'rights' });
    const of = { offerKey: KEY, window: ref(before) };
    expect(compareOffers(withWindows(before), withWindows(after))).toEqual([
      { change: 'windowStatusMoved', ...of, from: null, to: 'Issue' },
      { change: 'windowCommentsChanged', ...of, from: null, to: 'rights' },
      { change: 'formatProfilesGained', ...of, formatProfiles: ['MAX', 'UHD'] },
      { change: 'formatProfilesLost', ...of, formatProfiles: ['HD'] },
    ]);
  });

  it('finds a window again whose dates moved', () => {
    const before = window();
    const after = window({ end: 'Open' });
    expect(compareOffers(withWindows(before), withWindows(after))).toEqual([
      {
        change: 'windowMoved',
        offerKey: KEY,
        window: ref(before),
        from: { start: before.start, end: before.end },
        to: { start: before.start, end: 'Open' },
      },
    ]);
  });

  it('tells two windows of one identity apart by their dates', () => {
    const first = window({ start: null, end: '2026-02-01T00:00:00.000Z' });
    const second = window({ start: '2026-03-01T00:00:00.000Z', end: '2026-04-01T00:00:00.000Z' });
    const later = window({ start: '2026-03-01T00:00:00.000Z', end: '2026-05-01T00:00:00.000Z' });
    expect(compareOffers(withWindows(first, second), withWindows(later, first))).toMatchObject([
      { change: 'windowMoved', window: { start: second.start }, to: { end: later.end } },
    ]);
    const earlier = window({ start: '2026-01-02T00:00:00.000Z', end: '2026-02-02T00:00:00.000Z' });
    expect(compareOffers(withWindows(first, second), withWindows(earlier, later))).toMatchObject([
      { change: 'windowMoved', window: { start: null }, to: { start: earlier.start } },
      { change: 'windowMoved', window: { start: second.start }, to: { end: later.end } },
    ]);
  });

  it('keeps to the dates before it takes a window for moved', () => {
    const first = window({ end: '2026-02-01T00:00:00.000Z' });
    const second = window({ start: '2026-03-01T00:00:00.000Z' });
    const sharper = { ...second, formatProfiles: ['HD', 'UHD'] };
    expect(compareOffers(withWindows(first, second), withWindows(sharper))).toEqual([
      { change: 'windowRemoved', offerKey: KEY, window: ref(first) },
      { change: 'formatProfilesGained', offerKey: KEY, window: ref(second), formatProfiles: ['UHD'] },
    ]);
  });

  it('keeps to the whole state before it takes a window for changed', () => {
    const [hd, sd] = [window({ formatProfiles: ['HD'] }), window({ formatProfiles: ['SD'] })];
    expect(compareOffers(withWindows(hd, sd), withWindows(sd))).toEqual([
      { change: 'windowRemoved', offerKey: KEY, window: ref(hd) },
    ]);
  });

  it('finds a window again whose territories changed, by the greatest overlap', () => {
    const before = window({ territories: ['AU', 'GB', 'US'] });
    const near = window({ territories: ['DE', 'GB', 'NZ', 'US'] });
    const far = window({ territories: ['AU', 'FR'] });
    const changes = compareOffers(withWindows(before), withWindows(far, near));
    expect(changes).toEqual([
      { change: 'windowAdded', offerKey: KEY, window: far },
      { change: 'territoriesGained', offerKey: KEY, window: ref(before), territories: ['DE', 'NZ'] },
      { change: 'territoriesLost', offerKey: KEY, window: ref(before), territories: ['AU'] },
    ]);
  });

  it('prefers the territory set of the nearer size among equal overlaps', () => {
    const before = window({ territories: ['US'] });
    const near = window({ territories: ['CA', 'US'] });
    const far = window({ territories: ['AU', 'CA', 'US'] });
    const { pairs, added } = matchWindows([before], [far, near]);
    expect(pairs).toEqual([{ from: before, to: near }]);
    expect(added).toEqual([far]);
  });

  it('takes other windows for other ones', () => {
    const before = window();
    const strangers = [
      window({ licenseType: 'VOD' }),
      window({ contractId: 'C2' }),
      window({ territories: ['GB'] }),
      window({ territories: ['CA', 'US'], end: 'Open' }),
    ];
    for (const after of strangers) {
      expect(compareOffers(withWindows(before), withWindows(after))).toEqual([
        { change: 'windowAdded', offerKey: KEY, window: after },
        { change: 'windowRemoved', offerKey: KEY, window: ref(before) },
      ]);
    }
  });

  it('counts windows that differ in neither identity nor dates', () => {
    const [hd, sd] = [window({ formatProfiles: ['HD'] }), window({ formatProfiles: ['SD'] })];
    const issue = { ...sd, status: 'Issue' };
    expect(compareOffers(withWindows(hd, sd), withWindows(issue, hd))).toEqual([
      { change: 'windowStatusMoved', offerKey: KEY, window: ref(sd, 1), from: null, to: 'Issue' },
    ]);
  });

  it('finds nothing between a snapshot and itself', () => {
    fc.assert(
      fc.property(anyOffers, (offers) => {
        expect(compareOffers(offers, structuredClone(offers))).toEqual([]);
      }),
    );
  });

  it('does not depend on the order of windows', () => {
    fc.assert(
      fc.property(anyOffers, anyOffers, anySeed, (before, after, seed) => {
        const draw = new Draw(seed);
        const mixed = (offers: Offers): Offers =>
          Object.fromEntries(
            draw
              .shuffled(Object.entries(offers))
              .map(([key, one]) => [key, { ...one, windows: draw.shuffled(one.windows) }]),
          );
        const changes = (from: Offers, to: Offers) =>
          compareOffers(from, to).map((change) => (change.change === 'offerAdded' ? change.offerKey : change));
        expect(changes(mixed(before), mixed(after))).toEqual(changes(before, after));
      }),
    );
  });

  it('gives changes that fit their schema and survive storage', () => {
    fc.assert(
      fc.property(fc.option(anyOffers), anyOffers, (before, after) => {
        const changes = compareOffers(before, after);
        expect(z.array(OfferChange).parse(JSON.parse(JSON.stringify(changes)))).toStrictEqual(changes);
      }),
    );
  });

  it('lists what came and went in order, and only where something did', () => {
    fc.assert(
      fc.property(anyOffers, anyOffers, (before, after) => {
        for (const change of compareOffers(before, after)) {
          const [, name] = /^(platformIds|formatProfiles|territories)(?:Gained|Lost)$/u.exec(change.change) ?? [];
          if (!name) continue;
          const listed = z.array(z.string()).parse((change as Record<string, unknown>)[name]);
          expect(listed).not.toEqual([]);
          expect(listed).toEqual(sortedSet(listed));
        }
      }),
    );
  });

  it('grows no faster than the snapshots, however much changed', () => {
    fc.assert(
      fc.property(fc.option(anyOffers), anyOffers, (before, after) => {
        expect(size(compareOffers(before, after))).toBeLessThanOrEqual(sizeBound(before, after));
      }),
      { numRuns: 400 },
    );
    // As many territories, formats and windows as there may be, with all that can change on one window changed.
    const list = fc.integer({ min: 1, max: 250 }).map((count) => codes(count));
    fc.assert(
      fc.property(list, list, fc.integer({ min: 1, max: 20 }), (some, others, count) => {
        const full = (territories: string[], fields: Partial<Window>): Offers =>
          withWindows(...codes(count).map((contractId) => window({ contractId, territories, ...fields })));
        const before = full(some, { formatProfiles: [...others, 'ZZZ'], comments: 'rights missing' });
        const after = full(sortedSet([...others, 'ZZZ']), {
          formatProfiles: sortedSet([...some, 'ZZ']),
          status: 'Issue',
        });
        expect(size(compareOffers(before, after))).toBeLessThanOrEqual(sizeBound(before, after));
      }),
    );
  });

  it('tells the loss of most territories in less room than the snapshots take', () => {
    const sold = (territories: string[]): Offers =>
      withWindows(window({ licenseType: 'SVOD', territories }), window({ licenseType: 'EST', territories }));
    const [before, after] = [sold(codes(245)), sold(codes(100))];
    const changes = compareOffers(before, after);
    expect(changes.map(({ change }) => change)).toEqual(['territoriesLost', 'territoriesLost']);
    expect(size(changes)).toBeLessThanOrEqual(size(before) + size(after));
  });

  it('stays quick with thousands of windows', () => {
    const many = (end: string): Window[] =>
      Array.from({ length: 3_000 }, (_, number) =>
        window({ contractId: `C${number % 50}`, territories: [`T${number}`], end }),
      );
    const moved = compareOffers(withWindows(...many('TBD')), withWindows(...many('Open')));
    expect(moved).toHaveLength(3_000);
    expect(new Set(moved.map(({ change }) => change))).toEqual(new Set(['windowMoved']));
  });
});

describe('replaying changes', () => {
  it('leads from any snapshot to any other', () => {
    fc.assert(
      fc.property(fc.option(anyOffers), anyOffers, (before, after) => {
        const replayed = applyOfferChanges(before, compareOffers(before, after));
        expect(compared(replayed)).toEqual(compared(after));
        expect(compareOffers(replayed, after)).toEqual([]);
      }),
      { numRuns: 1_000 },
    );
  });

  it('leaves the snapshot it starts from alone', () => {
    fc.assert(
      fc.property(anyOffers, anyOffers, (before, after) => {
        const copy = structuredClone(before);
        applyOfferChanges(before, compareOffers(before, after));
        expect(before).toEqual(copy);
      }),
    );
  });

  it('refuses changes of another snapshot', () => {
    const changes = compareOffers(withWindows(window()), withWindows(window({ end: 'Open' })));
    expect(() => applyOfferChanges(null, changes)).toThrow(RangeError);
    expect(() => applyOfferChanges(withWindows(), changes)).toThrow(RangeError);
    const added: OfferChange = { change: 'offerAdded', offerKey: KEY, offer: offer() };
    expect(() => applyOfferChanges(withWindows(window()), [...changes, added])).toThrow(RangeError);
  });
});
