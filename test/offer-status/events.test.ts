import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { eventId } from '../../lambdas/change-events/change-event.ts';
import { compareOffers } from '../../lambdas/offer-status/compare-offers.ts';
import { offerEventSchemas } from '../../lambdas/offer-status/offer-event-schemas.ts';
import { announceOfferEvents, OFFER_EVENT_TYPES } from '../../lambdas/offer-status/offer-events.ts';
import { offerKey, type Offer, type Offers } from '../../lambdas/offer-status/offers.ts';
import { canonicalWindows, type Window } from '../../lambdas/offer-status/offer-windows.ts';
import { anyOffers } from './arbitrary-offers.ts';

const window = (fields: Partial<Window> = {}): Window => ({
  contractId: 'C1',
  licenseType: 'EST',
  territories: ['US'],
  formatProfiles: ['HD'],
  start: null,
  end: null,
  status: null,
  comments: null,
  transactionId: null,
  ...fields,
});
const offer = (status: string, fields: Partial<Offer> = {}): Offer => ({
  alid: 'A1',
  groupingEntity: null,
  marketplace: 'GLOBAL',
  licensor: { organizationId: 'acme', displayName: null },
  status,
  comments: null,
  start: null,
  end: null,
  platformIds: [],
  windows: [window()],
  updatedAt: '2026-01-01T00:00:00.000Z',
  ...fields,
});
const snapshot = (...offers: Offer[]): Offers => Object.fromEntries(offers.map((one) => [offerKey(one), one]));
const announce = (before: Offers | null, after: Offers, first = before === null) =>
  announceOfferEvents({ first, before, after, changes: compareOffers(before, after) });
const types = (before: Offer | null, after: Offer | null, first = false) =>
  announce(before && snapshot(before), after ? snapshot(after) : {}, first).map(({ detailType }) => detailType);

describe('the events of a change', () => {
  it('only add offers when the title is seen for the first time', () => {
    expect(types(null, offer('Live'), true)).toEqual(['Offer Added']);
  });

  it('say what the offer is and when it changed by the upstream', () => {
    const one = offer('Live', { groupingEntity: 'channel' });
    expect(announce(null, snapshot(one))).toEqual([
      {
        detailType: 'Offer Added',
        item: 'A1|channel|GLOBAL',
        about: { alid: 'A1', licensor: 'acme', marketplace: 'GLOBAL', groupingEntity: 'channel' },
        occurredAt: '2026-01-01T00:00:00.000Z',
      },
    ]);
  });

  it.each([null, 'yesterday'])('give no time of occurrence for %j', (updatedAt) => {
    expect(announce(null, snapshot(offer('Live', { updatedAt })))[0]).not.toHaveProperty('occurredAt');
  });

  it('tell that a later offer appeared live or blocked', () => {
    expect(types(null, offer('Live'))).toEqual(['Offer Added', 'Offer Went Live']);
    expect(types(null, offer('Issue'))).toEqual(['Offer Added', 'Offer Blocked']);
    expect(types(null, offer('Ready'))).toEqual(['Offer Added']);
    const mixed = offer('Issue', { windows: [window({ status: 'Live' })] });
    expect(types(null, mixed)).toEqual(['Offer Added', 'Offer Went Live', 'Offer Blocked']);
  });

  it('tell that an offer is gone, at no time of its own', () => {
    expect(types(offer('Live'), null)).toEqual(['Offer Removed']);
    expect(announce(snapshot(offer('Live')), {})[0]).not.toHaveProperty('occurredAt');
  });

  it('tell that an offer went live or was blocked, besides that its status changed', () => {
    expect(types(offer('Ready'), offer('Live'))).toEqual(['Offer Status Changed', 'Offer Went Live']);
    expect(types(offer('Live'), offer('Issue'))).toEqual(['Offer Status Changed', 'Offer Blocked']);
    expect(types(offer('Live'), offer('Ready'))).toEqual(['Offer Status Changed']);
  });

  it("follow a window's effective status", () => {
    const own = (status: string | null) => ({ windows: [window({ status })] });
    expect(types(offer('Ready', own(null)), offer('Ready', own('Live')))).toEqual([
      'Offer Status Changed',
      'Offer Went Live',
    ]);
    expect(types(offer('Issue', own('Ready')), offer('Issue', own(null)))).toEqual([
      'Offer Status Changed',
      'Offer Blocked',
    ]);
    // The window was live all along: it only says so itself now.
    expect(types(offer('Live', own(null)), offer('Ready', own('Live')))).toEqual(['Offer Status Changed']);
  });

  it('tell that a window arrived live or blocked', () => {
    const arrived = (status: string | null) =>
      offer('Ready', { windows: canonicalWindows([window(), window({ licenseType: 'VOD', status })]) });
    expect(types(offer('Ready'), arrived(null))).toEqual(['Offer Window Changed']);
    expect(types(offer('Ready'), arrived('Live'))).toEqual(['Offer Went Live', 'Offer Window Changed']);
    expect(types(offer('Ready'), arrived('Issue'))).toEqual(['Offer Blocked', 'Offer Window Changed']);
  });

  it.each([
    ['comments', { comments: 'late' }],
    ['a platform identifier', { platformIds: ['gti.1'] }],
    ["a window's comments", { windows: [window({ comments: 'late' })] }],
  ])('count %s as status', (_, fields) => {
    expect(types(offer('Ready'), offer('Ready', fields))).toEqual(['Offer Status Changed']);
    expect(types(offer('Ready', fields), offer('Ready'))).toEqual(['Offer Status Changed']);
  });

  it.each([
    ['the period', { end: 'TBD' }],
    ['a window that moved', { windows: [window({ end: 'TBD' })] }],
    ['a window that is gone', { windows: [] }],
    ['a format profile', { windows: [window({ formatProfiles: ['HD', 'UHD'] })] }],
    ['a territory', { windows: [window({ territories: ['CA', 'US'] })] }],
  ])('count %s as window', (_, fields) => {
    expect(types(offer('Ready'), offer('Ready', fields))).toEqual(['Offer Window Changed']);
    expect(types(offer('Ready', fields), offer('Ready'))).toEqual(['Offer Window Changed']);
  });

  it('come once for each offer and detail type, however much changed', () => {
    const before = snapshot(offer('Ready'), offer('Ready', { alid: 'A2' }));
    const busy = { platformIds: ['a', 'b'], comments: 'x', windows: [window({ territories: ['GB'] })], end: 'TBD' };
    const after = snapshot(offer('Issue', busy), offer('Live', { alid: 'A2' }));
    expect(announce(before, after).map(({ item, detailType }) => [item, detailType])).toEqual([
      ['A1|-|GLOBAL', 'Offer Status Changed'],
      ['A1|-|GLOBAL', 'Offer Blocked'],
      ['A1|-|GLOBAL', 'Offer Window Changed'],
      ['A2|-|GLOBAL', 'Offer Status Changed'],
      ['A2|-|GLOBAL', 'Offer Went Live'],
    ]);
  });

  it('cover every changed offer, never twice, with data that fits the published schema', () => {
    fc.assert(
      fc.property(fc.option(anyOffers), anyOffers, fc.boolean(), (before, after, flag) => {
        const first = before === null || (flag && Object.keys(before).length === 0);
        const changes = compareOffers(before, after);
        const events = announceOfferEvents({ first, before, after, changes });
        expect(new Set(events.map(({ item }) => item))).toEqual(new Set(changes.map(({ offerKey }) => offerKey)));
        const ids = events.map(({ detailType, item }) => eventId('watch/x', 1, detailType, item));
        expect(new Set(ids).size).toBe(events.length);
        for (const { detailType, item, about, occurredAt = '2026-01-01T00:00:00Z' } of events) {
          const type = OFFER_EVENT_TYPES.find((known) => known === detailType);
          if (!type) throw new Error(`unknown detail type ${detailType}`);
          const own = changes.filter(({ offerKey }) => offerKey === item);
          const metadata = {
            id: 'id',
            subject: 'watch/x',
            sequence: 1,
            occurredAt,
            observedAt: '2026-01-01T00:00:00Z',
            schemaVersion: 1,
            correlationId: 'c',
          };
          const common = { watchId: 'x', ...about };
          const states = { before: before?.[item] ?? null, after: after[item] ?? null };
          const whole = { ...common, ...states, changes: own, truncated: false };
          const cut = { ...common, before: null, after: null, changes: [], truncated: true, history: '/v1/x' };
          expect(offerEventSchemas[type].parse({ metadata, data: whole }).data).toEqual(whole);
          expect(offerEventSchemas[type].parse({ metadata, data: cut }).data).toEqual(cut);
          const hollow = { ...whole, before: null, after: null };
          expect(offerEventSchemas[type].safeParse({ metadata, data: hollow }).success).toBe(false);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('cannot be announced of an offer that neither snapshot holds', () => {
    const changes = compareOffers(snapshot(offer('Live')), {});
    expect(() => announceOfferEvents({ first: false, before: null, after: {}, changes })).toThrow(RangeError);
  });
});

describe('the published schemas', () => {
  it('exist for every detail type', () => {
    expect(Object.keys(offerEventSchemas).sort()).toEqual([...OFFER_EVENT_TYPES].sort());
  });

  it.each(OFFER_EVENT_TYPES)('describe the fields of %s as JSON Schema', (type) => {
    const Described = z.object({ description: z.string().min(1) });
    const Published = z.object({
      properties: z.object({ data: z.object({ properties: z.record(z.string(), Described) }) }),
    });
    const { properties } = Published.parse(z.toJSONSchema(offerEventSchemas[type])).properties.data;
    expect(Object.keys(properties)).toEqual(
      expect.arrayContaining([
        'watchId',
        'alid',
        'licensor',
        'groupingEntity',
        'before',
        'after',
        'changes',
        'truncated',
      ]),
    );
  });
});
