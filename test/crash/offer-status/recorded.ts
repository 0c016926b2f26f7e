import { eventId } from '../../../lambdas/change-events/change-event.ts';
import { compareOffers } from '../../../lambdas/offer-status/compare-offers.ts';
import { announceOfferEvents } from '../../../lambdas/offer-status/offer-events.ts';
import type { Offers } from '../../../lambdas/offer-status/offers.ts';
import type { TitleState } from '../../../local/upstreams/simulator.ts';
import type { Request, SentSlice } from '../checks/evidence.ts';
import type { Evidence, OfferVersion, ToldEvent } from './evidence.ts';

/** What a faultless little run leaves behind, for tests that plant a violation in it. */

export const BUCKET = 'offer-status|main|global|status';
const BEGIN = Date.parse('2026-03-01T00:00:00.000Z');
const SLICE_SECONDS = 4;

export const alidOf = (title: number): string => `md:alid:${title}`;
export const watchOf = (title: number): string => `title|studio|GLOBAL|${encodeURIComponent(alidOf(title))}`;
export const iso = (seconds: number): string => new Date(BEGIN + seconds * 1000).toISOString();
export const at = (seconds: number): number => BEGIN + seconds * 1000;

export function offersOf(title: number, status: string): Offers {
  const alid = alidOf(title);
  return {
    [`${encodeURIComponent(alid)}|channel|GLOBAL`]: {
      alid,
      groupingEntity: 'channel',
      marketplace: 'GLOBAL',
      licensor: { organizationId: 'studio', displayName: 'Studio' },
      status,
      comments: null,
      start: '2026-01-01T00:00:00.000Z',
      end: null,
      platformIds: [],
      windows: [
        {
          contractId: 'c1',
          licenseType: 'SVOD',
          territories: ['US'],
          formatProfiles: ['HD'],
          start: '2026-01-01T00:00:00.000Z',
          end: null,
          status: null,
          comments: null,
          transactionId: null,
        },
      ],
      updatedAt: null,
    },
  };
}

export function stateOf(step: number, seconds: number, progressCode: string): TitleState {
  return {
    step,
    at: at(seconds),
    event: 'set',
    known: true,
    offers: [
      {
        groupingEntity: 'channel',
        licenseType: 'SVOD',
        progressCode,
        windows: [
          {
            territories: ['US'],
            formatProfiles: ['HD'],
            contractId: 'c1',
            start: '2026-01-01T00:00:00Z',
            end: null,
          },
        ],
      },
    ],
  };
}

function versionOf(
  title: number,
  version: number,
  seconds: number,
  before: Offers | null,
  after: Offers,
): OfferVersion {
  const changes = compareOffers(before, after);
  return {
    watchId: watchOf(title),
    version,
    after,
    changes: Object.groupBy(changes, ({ offerKey }) => offerKey) as OfferVersion['changes'],
    events: announceOfferEvents({ first: version === 1, before, after, changes }),
    historyPath: '/history',
    correlationId: 'message',
    sentAt: at(seconds) - 100,
    observedAt: iso(seconds),
  };
}

/** The events of a version, as the bus takes them. */
function eventsOf(row: OfferVersion, before: Offers | null): ToldEvent[] {
  const subject = `watch/${row.watchId}`;
  return row.events.map(({ detailType, item, about }) => ({
    'detail-type': detailType,
    source: 'offer-relay',
    detail: {
      metadata: {
        id: eventId(subject, row.version, detailType, item),
        subject,
        sequence: row.version,
        observedAt: row.observedAt,
      },
      data: {
        watchId: row.watchId,
        alid: String(about['alid']),
        licensor: 'studio',
        marketplace: 'GLOBAL',
        groupingEntity: about['groupingEntity'] ?? null,
        changes: row.changes[item] ?? [],
        truncated: false,
        before: before?.[item] ?? null,
        after: row.after[item] ?? null,
      },
    },
  }));
}

/**
 * Four titles of one bucket of one request a second: seen once as new, then four laps of two slices. Each title is ready
 * at first and goes live as the second lap begins.
 */
export function faultlessRun(): Evidence {
  const titles = [1, 2, 3, 4];
  const firstLap = { class: 'new', slices: [[1, 2, 3, 4]] };
  const laps = [
    firstLap,
    ...Array.from({ length: 4 }, () => ({
      class: 'steady',
      slices: [
        [1, 2],
        [3, 4],
      ],
    })),
  ];
  const sent: SentSlice[] = [];
  const worked: Evidence['worked'][number][] = [];
  const requests: Request[] = [];
  const history: OfferVersion[] = [];
  const events: ToldEvent[] = [];
  let endsAt = 0;
  // The first lap is long ago when the steady ones are planned.
  let seconds = 10;
  for (const [lap, { class: watchClass, slices }] of laps.entries()) {
    for (const members of slices) {
      endsAt += members.length;
      const slice = {
        id: `${BUCKET}#${watchClass}#${endsAt}`,
        bucket: BUCKET,
        class: watchClass,
        endsAt,
        watches: members.map(watchOf),
      };
      sent.push({ at: at(seconds), slice });
      const startedAt = at(seconds + 1);
      for (const [index, title] of members.entries()) {
        const asked = seconds + 1 + index;
        requests.push({ at: at(asked) + 20, bucket: BUCKET, watches: [watchOf(title)], outcome: 200 });
        if (lap !== 0 && lap !== 2) continue;
        const before = lap === 0 ? null : offersOf(title, 'Ready');
        const row = versionOf(
          title,
          lap === 0 ? 1 : 2,
          asked + 0.1,
          before,
          offersOf(title, lap === 0 ? 'Ready' : 'Live'),
        );
        history.push(row);
        events.push(...eventsOf(row, before));
      }
      worked.push({
        messageId: `message-${endsAt}`,
        receives: 1,
        startedAt,
        endedAt: at(seconds + SLICE_SECONDS + 1),
        slice,
      });
      seconds += SLICE_SECONDS + 2;
    }
    if (lap === 0) seconds += 60;
  }
  const changed = sent.find(({ slice }) => slice.endsAt === 10)!.at;
  return {
    watches: titles.map(watchOf),
    heads: titles.map((title) => {
      const last = history.findLast(({ watchId }) => watchId === watchOf(title))!;
      return {
        watchId: watchOf(title),
        bucketId: BUCKET,
        lap: `${BUCKET}#steady`,
        version: last.version,
        state: last.after,
        observedAt: last.observedAt,
      };
    }),
    history,
    events,
    unreadable: [],
    sent,
    worked,
    dead: [],
    requests,
    buckets: [{ id: BUCKET, perSecond: 1, burst: 1 }],
    pauses: [],
    outages: [],
    settings: { lapMs: 12_000, visibilityMs: 15_000, workerMs: 14_000 },
    truth: new Map(
      titles.map((title) => [
        watchOf(title),
        [stateOf(0, 0, 'Ready'), stateOf(1, (changed - BEGIN) / 1000 - 3, 'Live')],
      ]),
    ),
  };
}
