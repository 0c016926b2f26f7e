import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareOffers, mergePartial } from '../../lambdas/offer-status/compare-offers.ts';
import { canonicalDate, compareEnds, compareStarts, instantOf } from '../../lambdas/offer-status/offer-dates.ts';
import { OfferStatusAnswer } from '../../lambdas/offer-status/offer-status-answer.ts';
import { Offers } from '../../lambdas/offer-status/offer.ts';
import { normaliseOffers, offerKey } from '../../lambdas/offer-status/offers.ts';
import { canonicalProgressCode, mostPressingCode } from '../../lambdas/offer-status/progress-code.ts';
import {
  anyAnswer,
  anyOffers,
  anyScopes,
  anySeed,
  compared,
  Draw,
  partOf,
  shuffledAndStamped,
} from './arbitrary-offers.ts';

const watch = { licensor: 'acme', marketplace: 'GLOBAL', alid: 'A1' };
const read = (answer: unknown) => normaliseOffers(OfferStatusAnswer.parse(answer), watch);

const window = (fields: object) => ({
  LicenseType: 'EST',
  Territory: ['US'],
  ContractID: 'C1',
  FeatureStatus: { Start: '2026-01-01', End: '2026-12-31' },
  ...fields,
});
const entry = (status: string, ...windows: object[]) => ({
  ALID: 'A1',
  OverallStatus: { ProgressCode: status, Start: '2026-01-01', End: 'Open' },
  PlatformID: ['gti.1'],
  Transaction: windows,
});
const only = (offers: Offers) => {
  const [offer, ...rest] = Object.values(offers);
  if (!offer || rest.length > 0) throw new Error(`expected one offer, got ${Object.keys(offers).join()}`);
  return offer;
};

describe('a snapshot', () => {
  it('holds what the document describes', () => {
    const answer = {
      OfferStatuses: [
        {
          ALID: 'A1',
          GroupingEntity: 'channel one',
          Licensor: { DisplayName: 'Acme Films', OrganizationID: 'ACME' },
          OverallStatus: {
            Comments: null,
            Start: '2026-01-01T00:00:00Z',
            End: '2027-01-01T00:00:00Z',
            'Progress Code': 'Live',
            _timestamp: '2026-01-02T03:04:05Z',
          },
          PlatformID: ['gti.2', 'gti.1'],
          Transaction: [
            {
              ContractID: 'C1',
              FeatureStatus: {
                Comments: null,
                Start: '2026-01-01',
                End: '2027-01-01',
                'Progress Code': null,
                _timestamp: '2026-01-03T03:04:05+01:00',
              },
              FormatProfile: [{ value: ['UHD', 'HD'] }],
              LicenseType: 'SVOD',
              Territory: ['US', 'CA'],
              TransactionID: null,
            },
          ],
        },
      ],
    };
    expect(read(answer)).toEqual({
      partial: false,
      drift: [],
      offers: {
        'A1|channel%20one|GLOBAL': {
          alid: 'A1',
          groupingEntity: 'channel one',
          marketplace: 'GLOBAL',
          licensor: { organizationId: 'ACME', displayName: 'Acme Films' },
          status: 'Live',
          comments: null,
          start: '2026-01-01T00:00:00.000Z',
          end: '2027-01-01T00:00:00.000Z',
          platformIds: ['gti.1', 'gti.2'],
          windows: [
            {
              contractId: 'C1',
              licenseType: 'SVOD',
              territories: ['CA', 'US'],
              formatProfiles: ['HD', 'UHD'],
              start: '2026-01-01T00:00:00.000Z',
              end: '2027-01-01T00:00:00.000Z',
              status: null,
              comments: null,
              transactionId: null,
            },
          ],
          updatedAt: '2026-01-03T02:04:05.000Z',
        },
      },
    });
  });

  it('takes from the watch what the answer lacks', () => {
    const { ALID: _, ...nameless } = entry('Live');
    const offer = only(read({ OfferStatuses: [nameless] }).offers);
    expect(offer).toMatchObject({ alid: 'A1', marketplace: 'GLOBAL', licensor: { organizationId: 'acme' } });
  });

  it('is marked partial when errors stand beside the offers', () => {
    expect(read({ OfferStatuses: [entry('Live')], errors: ['scope X failed'] }).partial).toBe(true);
    expect(read({ OfferStatuses: [entry('Live')], errors: '' }).partial).toBe(false);
  });

  it('may be empty', () => {
    expect(read({ OfferStatuses: [] }).offers).toEqual({});
  });

  it('is plain data that fits its own schema, whatever the answer', () => {
    fc.assert(
      fc.property(anyOffers, anySeed, (state, seed) => {
        const draw = new Draw(seed);
        const { offers } = read(anyAnswer(draw, state));
        expect(Offers.parse(offers)).toEqual(offers);
        expect(JSON.parse(JSON.stringify(offers))).toStrictEqual(offers);
      }),
    );
  });

  it('is the same for any notation of the same state', () => {
    fc.assert(
      fc.property(anyOffers, anySeed, (state, seed) => {
        const draw = new Draw(seed);
        const { offers } = read(anyAnswer(draw, state));
        expect(compared(offers)).toEqual(compared(state));
        expect(compareOffers(state, offers)).toEqual([]);
      }),
      { numRuns: 400 },
    );
  });

  it('is the same for any order of any array and any time stamp', () => {
    fc.assert(
      fc.property(anyOffers, anySeed, (state, seed) => {
        const draw = new Draw(seed);
        const answer = anyAnswer(draw, state);
        const { offers } = read(answer);
        const again = read(shuffledAndStamped(draw, answer)).offers;
        expect(compared(again)).toEqual(compared(offers));
        expect(compareOffers(offers, again)).toEqual([]);
        expect(compareOffers(again, offers)).toEqual([]);
      }),
      { numRuns: 400 },
    );
  });
});

describe('several entries of one offer', () => {
  const us = window({ Territory: ['US'] });
  const gb = window({ Territory: ['GB'] });

  it('become one offer with the windows of all', () => {
    const offer = only(read({ OfferStatuses: [entry('Live', us), entry('Live', gb, us)] }).offers);
    expect(offer.windows.map(({ territories }) => territories)).toEqual([['GB'], ['US']]);
  });

  it('count a window once that differs in its transaction identifier only', () => {
    const named = (TransactionID: string | null) => ({ ...us, TransactionID });
    const offer = only(
      read({ OfferStatuses: [entry('Live', named('T2'), named(null)), entry('Live', named('T1'))] }).offers,
    );
    expect(offer.windows.map(({ transactionId }) => transactionId)).toEqual(['T1']);
  });

  it('leave each its code on its windows where they differ, and the most pressing one on the offer', () => {
    const entries = [entry('Live', us), entry('Issue', gb), entry('ready', window({ Territory: ['AU'] }))];
    const offer = only(read({ OfferStatuses: entries }).offers);
    expect(offer.status).toBe('Issue');
    expect(offer.windows.map(({ territories, status }) => [territories[0], status])).toEqual([
      ['AU', 'Ready'],
      ['GB', null],
      ['US', 'Live'],
    ]);
  });

  it("leave a window's own code alone", () => {
    const own = window({ FeatureStatus: { Start: '2026-01-01', ProgressCode: 'Ready' } });
    const offer = only(read({ OfferStatuses: [entry('Live', own), entry('Issue', gb)] }).offers);
    expect(offer.windows.map(({ status }) => status)).toEqual([null, 'Ready']);
  });

  it('span the earliest start and the latest end, open ones included', () => {
    const scope = (Start: string | null, End: string | null) => ({
      ...entry('Live'),
      OverallStatus: { ProgressCode: 'Live', Start, End, Comments: `until ${End}` },
    });
    const merge = (...scopes: object[]) => only(read({ OfferStatuses: scopes }).offers);
    expect(merge(scope('2026-02-01', '2026-03-01'), scope('2026-01-01', '2026-05-01'))).toMatchObject({
      start: '2026-01-01T00:00:00.000Z',
      end: '2026-05-01T00:00:00.000Z',
      comments: 'until 2026-03-01\nuntil 2026-05-01',
    });
    expect(merge(scope('TBD', '2026-03-01'), scope('2026-01-01', 'open'))).toMatchObject({
      start: '2026-01-01T00:00:00.000Z',
      end: 'Open',
    });
    expect(merge(scope(null, null), scope('2026-01-01', '2026-05-01'))).toMatchObject({ start: null, end: null });
  });

  it('are one offer only when ALID and grouping entity agree', () => {
    const offers = [entry('Live'), { ...entry('Live'), GroupingEntity: '-' }, { ...entry('Live'), ALID: 'A1|-' }];
    expect(Object.keys(read({ OfferStatuses: offers }).offers)).toEqual([
      'A1%7C-|-|GLOBAL',
      'A1|%2D|GLOBAL',
      'A1|-|GLOBAL',
    ]);
  });
});

describe('an offer key', () => {
  it('is unlike that of any other identity', () => {
    const part = fc.oneof(fc.constantFrom('-', '|', '%', '%2D', 'a'), fc.string({ unit: 'binary', minLength: 1 }));
    const identity = fc.record({ alid: part, groupingEntity: fc.option(part), marketplace: part });
    fc.assert(
      fc.property(identity, identity, (left, right) => {
        expect(offerKey(left) === offerKey(right)).toBe(JSON.stringify(left) === JSON.stringify(right));
        expect(offerKey(left).split('|')).toHaveLength(3);
      }),
    );
  });

  it('can be made of text that is not well-formed', () => {
    expect(offerKey({ alid: '\ud800', groupingEntity: null, marketplace: 'US' })).toBe('%EF%BF%BD|-|US');
  });
});

describe('a date', () => {
  it.each([
    ['2026-01-01', '2026-01-01T00:00:00.000Z'],
    ['2026-01-01Z', '2026-01-01T00:00:00.000Z'],
    ['2026-01-01T00:00', '2026-01-01T00:00:00.000Z'],
    ['2026-01-01T02:00:00+02:00', '2026-01-01T00:00:00.000Z'],
    ['2025-12-31T16:00:00.000-0800', '2026-01-01T00:00:00.000Z'],
    ['2026-01-01T00:00:00.1239Z', '2026-01-01T00:00:00.123Z'],
    ['2028-02-29', '2028-02-29T00:00:00.000Z'],
    ['2025-12-31T24:00:00Z', '2026-01-01T00:00:00.000Z'],
    ['9999-12-31T23:59:59Z', '9999-12-31T23:59:59.000Z'],
  ])('%s is an instant', (text, instant) => {
    expect(canonicalDate(text)).toBe(instant);
  });

  it.each(['2026-02-29', '2026-00-01', '2026-13-01', '2026-04-31', '2026-01-01T25:00:00Z', '1900-02-29', '1/2/2026'])(
    '%s is none of the calendar and stays a word',
    (text) => {
      expect(instantOf(text)).toBeNull();
      expect(canonicalDate(text)).toBe(text);
    },
  );

  it.each([
    ['OPEN', 'Open'],
    [' immediate ', 'Immediate'],
    ['tbd', 'TBD'],
    ['Someday', 'SOMEDAY'],
    ['', null],
    [' ', null],
    [null, null],
    [undefined, null],
  ])('%j is the word %j', (text, word) => {
    expect(canonicalDate(text)).toBe(word);
  });

  it('is left as it is once it is canonical', () => {
    const text = fc.oneof(
      fc.string(),
      fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
    );
    fc.assert(
      fc.property(text, (date) => {
        expect(canonicalDate(canonicalDate(date))).toBe(canonicalDate(date));
      }),
    );
  });

  it('has its place among starts and among ends', () => {
    const dates = ['TBD', '2026-02-01T00:00:00.000Z', 'Open', '2026-01-01T00:00:00.000Z', null, 'Immediate'];
    const [january, february] = ['2026-01-01T00:00:00.000Z', '2026-02-01T00:00:00.000Z'];
    expect(dates.toSorted(compareStarts)).toEqual([null, 'Immediate', 'Open', january, february, 'TBD']);
    expect(dates.toSorted(compareEnds)).toEqual(['Immediate', january, february, 'TBD', 'Open', null]);
  });
});

describe('a progress code', () => {
  it.each([
    ['in process', 'In-Process'],
    ['INPROCESS', 'In-Process'],
    [' in_process ', 'In-Process'],
    ['lIvE', 'Live'],
    [' On Hold ', 'On Hold'],
  ])('%j is %j', (text, code) => {
    expect(canonicalProgressCode(text)).toBe(code);
  });

  it('is chosen among several by urgency, then by alphabet', () => {
    expect(mostPressingCode(['In-Process', 'Live', 'Issue', 'Ready'])).toBe('Issue');
    expect(mostPressingCode(['Ready', 'Live'])).toBe('Live');
    expect(mostPressingCode(['Zeta', 'In-Process'])).toBe('In-Process');
    expect(mostPressingCode(['Zeta', 'Alpha'])).toBe('Alpha');
  });
});

describe('a partial answer', () => {
  const before = read({
    OfferStatuses: [
      entry('Live', window({ Territory: ['US'] })),
      entry('Issue', window({ Territory: ['GB'] })),
      { ...entry('Ready'), GroupingEntity: 'channel' },
    ],
  }).offers;

  it('takes no offer away', () => {
    const merged = mergePartial(before, {});
    expect(compareOffers(before, merged)).toEqual([]);
  });

  it('takes no scope of an offer away, nor the status that it gave the offer', () => {
    const { offers } = read({ OfferStatuses: [entry('Live', window({ Territory: ['US'] }))], errors: 'GB failed' });
    expect(compareOffers(before, mergePartial(before, offers))).toEqual([]);
  });

  it('still brings what has changed in the scopes that it has', () => {
    const { offers } = read({ OfferStatuses: [entry('Ready', window({ Territory: ['US'] }))], errors: 'GB failed' });
    expect(compareOffers(before, mergePartial(before, offers))).toMatchObject([
      { change: 'windowStatusMoved', window: { territories: ['US'] }, from: 'Live', to: 'Ready' },
    ]);
    const resolved = [entry('Live', window({ Territory: ['GB'] }))];
    const better = read({ OfferStatuses: resolved, errors: 'US failed' }).offers;
    expect(compareOffers(before, mergePartial(before, better))).toMatchObject([
      { change: 'statusMoved', from: 'Issue', to: 'Live' },
      { change: 'windowStatusMoved', window: { territories: ['US'] }, from: 'Live', to: null },
    ]);
  });

  const scope = (LicenseType: string, status: object, ...more: object[]) => ({
    ...entry('Live', window({ LicenseType }), ...more),
    OverallStatus: { ProgressCode: 'Live', Start: '2026-02-01', End: '2026-11-01', ...status },
  });
  const merged = (earlier: object[], part: object[]) => {
    const known = read({ OfferStatuses: earlier }).offers;
    return compareOffers(known, mergePartial(known, read({ OfferStatuses: part, errors: 'a scope failed' }).offers));
  };

  it("takes nothing of a missing scope away: comments, period and platform identifiers stay the offer's", () => {
    const svod = scope('SVOD', { Comments: 'A' });
    const est = { ...scope('EST', { Comments: 'B', Start: '2025-12-01', End: 'Open' }), PlatformID: ['gti.2'] };
    expect(merged([svod, est], [svod])).toEqual([]);
    expect(merged([svod, est], [est])).toEqual([]);
  });

  it("leaves the offer's status alone when the scope that gives it is missing", () => {
    const own = (ProgressCode: string) => window({ LicenseType: 'VOD', FeatureStatus: { ProgressCode } });
    const [live, ready] = [scope('SVOD', {}), scope('SVOD', { ProgressCode: 'Ready' })];
    // Whether its windows share the code, have another one, or there are none.
    expect(merged([live, scope('EST', { ProgressCode: 'Issue' })], [live])).toEqual([]);
    expect(merged([live, { ...entry('Issue'), Transaction: [own('Ready')] }], [live])).toEqual([]);
    expect(merged([live, entry('Issue')], [live])).toEqual([]);
    // A window's own code was never the offer's.
    expect(merged([ready, scope('EST', { ProgressCode: 'Ready' }, own('Issue'))], [ready])).toEqual([]);
  });

  it("lets the offer's status move once every window that had it is seen with another, and never past what scopes had", () => {
    const own = window({ LicenseType: 'VOD', FeatureStatus: { ProgressCode: 'Issue' } });
    const [live, ready] = [scope('SVOD', {}), scope('SVOD', { ProgressCode: 'Ready' })];
    expect(merged([live, scope('EST', { ProgressCode: 'Ready' }, own)], [ready])).toMatchObject([
      { change: 'statusMoved', from: 'Live', to: 'Ready' },
      { change: 'windowStatusMoved', window: { licenseType: 'EST' }, from: 'Ready', to: null },
    ]);
    expect(merged([scope('SVOD', { ProgressCode: 'Issue' }), scope('EST', {})], [ready])).toMatchObject([
      { change: 'statusMoved', from: 'Issue', to: 'Live' },
      { change: 'windowStatusMoved', window: { licenseType: 'EST' }, from: 'Live', to: null },
      { change: 'windowStatusMoved', window: { licenseType: 'SVOD' }, from: null, to: 'Ready' },
    ]);
  });

  it('adds what is new in it to what it lacks', () => {
    const svod = scope('SVOD', { Comments: 'A' });
    const est = scope('EST', { Comments: 'B' });
    const news = { ...scope('SVOD', { Comments: 'C', Start: '2026-01-01' }), PlatformID: ['gti.2'] };
    expect(merged([svod, est], [news])).toMatchObject([
      { change: 'commentsChanged', to: 'A\nB\nC' },
      { change: 'periodMoved', to: { start: '2026-01-01T00:00:00.000Z', end: '2026-11-01T00:00:00.000Z' } },
      { change: 'platformIdsGained', platformIds: ['gti.2'] },
    ]);
  });

  it('dates its news itself', () => {
    const [svod, est] = [scope('SVOD', {}), scope('EST', { _timestamp: '2026-05-01' })];
    const known = read({ OfferStatuses: [svod, est] }).offers;
    const news = read({ OfferStatuses: [scope('SVOD', { Comments: 'C', _timestamp: '2026-04-01' })] }).offers;
    expect(only(mergePartial(known, news)).updatedAt).toBe('2026-04-01T00:00:00.000Z');
  });

  it('is taken at its word on an offer of which it has every window and something new', () => {
    const blocked = scope('SVOD', { ProgressCode: 'Issue', Comments: 'A' });
    expect(merged([blocked], [scope('SVOD', { Start: '2026-03-01' })])).toMatchObject([
      { change: 'statusMoved', from: 'Issue', to: 'Live' },
      { change: 'commentsChanged', from: 'A', to: null },
      { change: 'periodMoved', to: { start: '2026-03-01T00:00:00.000Z' } },
    ]);
  });

  it('changes nothing when all of it was known, whatever it lacks', () => {
    fc.assert(
      fc.property(anyScopes, anySeed, (scopes, seed) => {
        const draw = new Draw(seed);
        const answer = anyAnswer(draw, scopes);
        const known = read(answer).offers;
        const part = read(partOf(draw, answer)).offers;
        const after = mergePartial(known, part);
        expect(compareOffers(known, after)).toEqual([]);
        expect(compared(after)).toEqual(compared(known));
      }),
      { numRuns: 1_000 },
    );
  });

  it('is all there is when the title was never seen', () => {
    expect(mergePartial(null, before)).toEqual(before);
  });

  it('never removes an offer or a window, and changes nothing when it is complete', () => {
    fc.assert(
      fc.property(anyOffers, anyOffers, (earlier, later) => {
        const changes = compareOffers(earlier, mergePartial(earlier, later)).map(({ change }) => change);
        expect(changes).not.toContain('offerRemoved');
        expect(changes).not.toContain('windowRemoved');
        expect(mergePartial(earlier, earlier)).toEqual(earlier);
      }),
    );
  });
});
