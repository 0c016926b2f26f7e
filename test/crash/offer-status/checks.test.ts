import { describe, expect, it } from 'vitest';
import { checkGaps } from '../checks/check-gaps.ts';
import { checkInvocations } from '../checks/check-invocations.ts';
import { checkLaps } from '../checks/check-laps.ts';
import { checkRate } from '../checks/check-rate.ts';
import { checkSlicesAsk, checkSlicesEnd, countDoubleWork } from '../checks/check-slices.ts';
import { checkVersions } from '../checks/check-versions.ts';
import type { Request, SentSlice, Slice, WorkedSlice } from '../checks/evidence.ts';
import { versionsOf } from '../checks/evidence.ts';
import type { Fact } from '../facts.ts';
import { checkEvents } from './check-events.ts';
import { checkTold } from './check-told.ts';
import { checkAnswersCount, checkTruth } from './check-truth.ts';
import { CHECKS } from './checks.ts';
import type { Evidence, OfferVersion, ToldEvent } from './evidence.ts';
import { toldEvents } from './evidence.ts';
import { at, BUCKET, faultlessRun, iso, offersOf, stateOf, watchOf } from './recorded.ts';

/** The faultless run with something else in it. */
function run(change: (evidence: Evidence) => Partial<Evidence>): Evidence {
  const evidence = faultlessRun();
  return { ...evidence, ...change(evidence) };
}

const isOf = (title: number, version: number) => (row: OfferVersion) =>
  row.watchId === watchOf(title) && row.version === version;

function metadataOf(event: ToldEvent) {
  return event.detail.metadata;
}

const tells = (title: number, version: number) => (event: ToldEvent) =>
  metadataOf(event).subject === `watch/${watchOf(title)}` && metadataOf(event).sequence === version;

function withMetadata(event: ToldEvent, change: object): ToldEvent {
  return { ...event, detail: { ...event.detail, metadata: { ...metadataOf(event), ...change } } };
}

const isEndedBy = (endsAt: number) => (each: { readonly slice: Slice }) => each.slice.endsAt === endsAt;

/** An urgent slice of one title, right after another slice was worked off. */
function urgentAfter({ worked }: Evidence, endsAt: number, title: number): WorkedSlice {
  const before = worked.find(isEndedBy(endsAt))!;
  const slice = { id: `${BUCKET}#urgent#${title}`, bucket: BUCKET, class: 'urgent', watches: [watchOf(title)] };
  return { messageId: 'urgent', receives: 1, startedAt: before.endedAt + 100, endedAt: before.endedAt + 900, slice };
}

/** The requests but for those about some titles while a slice was worked off. */
function unasked({ requests, worked }: Evidence, endsAt: number, titles: readonly number[]): Request[] {
  const { startedAt, endedAt } = worked.find(isEndedBy(endsAt))!;
  const silent = titles.map(watchOf);
  return requests.filter(
    ({ at: time, watches }) => !(silent.includes(watches[0]!) && time >= startedAt && time <= endedAt),
  );
}

const isSteady = (endsAt: number) => (sent: SentSlice) => sent.slice.class === 'steady' && sent.slice.endsAt === endsAt;

describe('a faultless run', () => {
  it.each(CHECKS.map((check) => [check.name, check] as const))('is what %s finds nothing against', (_, check) => {
    expect(check(faultlessRun()).violations).toEqual([]);
  });

  it('is looked at in every part', () => {
    const evidence = faultlessRun();
    expect(checkVersions(evidence).counts).toEqual({ watches: 4, versions: 8 });
    // First one event a title, then that its status has changed and that it is live.
    expect(checkEvents(evidence).counts).toEqual({ events: 12, 'told again': 0 });
    expect(checkTold(evidence).counts).toEqual({ 'changed offers': 8, 'events judged': 12 });
    expect(checkAnswersCount(evidence).counts).toEqual({ answers: 20 });
    expect(checkGaps(evidence).counts).toEqual({ watches: 4, 's longest wait': 70 });
    expect(checkTruth(evidence).counts).toEqual({ 'true states': 8, seen: 8 });
    expect(checkSlicesEnd(evidence).counts).toMatchObject({ slices: 9 });
    expect(checkSlicesAsk(evidence).counts).toMatchObject({ visits: 20 });
    expect(checkLaps(evidence).counts).toMatchObject({ laps: 3, visits: 12 });
    expect(checkRate(evidence).counts).toMatchObject({ 'requests judged': 20, throttled: 0 });
    expect(countDoubleWork(evidence).counts).toMatchObject({ requests: 20, 'questions beyond one a lap': 0 });
  });
});

describe('versions', () => {
  it('may have no gap', () => {
    const gap = run(({ history }) => ({ history: history.filter((row) => !isOf(2, 1)(row)) }));
    expect(checkVersions(gap).violations).toEqual([`${watchOf(2)}: version 1 is missing in the history`]);
  });

  it('may not be put on the head alone', () => {
    const headOnly = run(({ history }) => ({ history: history.filter((row) => !isOf(2, 2)(row)) }));
    expect(checkVersions(headOnly).violations).toEqual([`${watchOf(2)}: version 2 is missing in the history`]);
  });

  it('may not go on behind the head', () => {
    const extra = run(({ history }) => ({
      history: [...history, { ...history.find(isOf(1, 2))!, version: 3, observedAt: iso(500) }],
    }));
    expect(checkVersions(extra).violations).toEqual([
      `${watchOf(1)}: version 3 is in the history, and the head is at 2`,
    ]);
  });

  it('may not belong to nobody', () => {
    const orphan = run(({ heads }) => ({ heads: heads.slice(1) }));
    expect(checkVersions(orphan).violations).toContain(`${watchOf(1)}: has a history and no head`);
  });

  it('may not vanish with all that was known of a title', () => {
    const gone = run(({ heads, history, events }) => ({
      heads: heads.filter(({ watchId }) => watchId !== watchOf(1)),
      history: history.filter(({ watchId }) => watchId !== watchOf(1)),
      events: events.filter((event) => metadataOf(event).subject !== `watch/${watchOf(1)}`),
    }));
    expect(checkVersions(gone).violations).toEqual([`${watchOf(1)}: is on the list and has no head`]);
    expect(checkTruth(gone).violations).toEqual([`${watchOf(1)}: the head at version 0 is not what is true now`]);
  });

  it('are there once', () => {
    const twice = run(({ history }) => ({ history: [...history, history.find(isOf(2, 1))!] }));
    expect(checkVersions(twice).violations).toContain(`${watchOf(2)}: version 1 is in the history 2 times`);
  });

  it('of other capabilities are left to them', () => {
    const [row] = faultlessRun().history;
    const price = { watchId: 'price|studio|x', version: 1, price: 3 };
    expect(versionsOf([{ ...row }, price], 'title|')).toEqual([row]);
  });

  it('end with what the head holds', () => {
    const other = run(({ heads }) => ({
      heads: heads.map((head, index) => (index === 0 ? { ...head, state: offersOf(1, 'Issue') } : head)),
    }));
    expect(checkVersions(other).violations).toEqual([`${watchOf(1)}: the head's state is not that of version 2`]);
  });

  it('are observed one after the other', () => {
    const same = run(({ heads, history }) => {
      const { observedAt } = history.find(isOf(3, 1))!;
      return {
        history: history.map((row) => (isOf(3, 2)(row) ? { ...row, observedAt } : row)),
        heads: heads.map((head) => (head.watchId === watchOf(3) ? { ...head, observedAt } : head)),
      };
    });
    expect(checkVersions(same).violations).toEqual([`${watchOf(3)}: version 2 was not observed after version 1`]);
  });
});

describe('events', () => {
  it('may not be missing, be it all of a version or one of several', () => {
    const none = run(({ events }) => ({ events: events.filter((event) => !tells(4, 1)(event)) }));
    expect(checkEvents(none).violations).toEqual([
      `${watchOf(4)} version 1: nothing of it is on the bus`,
      expect.stringContaining('"Offer Added" of'),
    ]);
    const one = run(({ events }) => ({
      events: events.filter((event) => !(tells(4, 2)(event) && event['detail-type'] === 'Offer Went Live')),
    }));
    expect(checkEvents(one).violations).toEqual([
      expect.stringMatching(/version 2: "Offer Went Live" of .* not on the bus/),
    ]);
  });

  it('may come twice, as they are', () => {
    const twice = run(({ events }) => ({ events: [...events, ...events] }));
    expect(checkEvents(twice)).toMatchObject({ violations: [], counts: { events: 12, 'told again': 12 } });
  });

  it('may not come twice with another content', () => {
    const twice = run(({ events }) => ({ events: [...events, withMetadata(events[0]!, { correlationId: 'other' })] }));
    expect(checkEvents(twice).violations).toEqual([expect.stringContaining('told again with another content')]);
  });

  it('may not come twice under another identifier', () => {
    const unstable = run(({ events }) => ({ events: [...events, withMetadata(events[0]!, { id: 'another' })] }));
    const { violations } = checkEvents(unstable);
    expect(violations).toContainEqual(expect.stringContaining('belongs to no version'));
    expect(violations).toContainEqual(expect.stringContaining('has 2 identifiers'));
  });

  it('may not tell what is in no history', () => {
    const untrue = run(({ events }) => ({
      events: [...events, withMetadata(events[0]!, { id: 'another', sequence: 7 })],
    }));
    expect(checkEvents(untrue).violations).toEqual([expect.stringMatching(/version 7: .* belongs to no version/)]);
  });

  it('carry the number and the states of their version', () => {
    const wrong = run(({ events }) => ({
      events: events.map((event) => (tells(1, 2)(event) ? withMetadata(event, { sequence: 1 }) : event)),
    }));
    expect(checkEvents(wrong).violations).toContainEqual(expect.stringContaining('carries the number 1'));
    const stale = run(({ events }) => ({
      events: events.map((event) =>
        tells(1, 2)(event)
          ? { ...event, detail: { ...event.detail, data: { ...event.detail.data, before: null } } }
          : event,
      ),
    }));
    expect(checkEvents(stale).violations).toContainEqual(
      expect.stringContaining('does not hold the state of the version before'),
    );
  });
});

describe('what is told', () => {
  const altered = (change: (event: ToldEvent) => ToldEvent, title = 1, version = 2) =>
    run(({ events }) => ({ events: events.map((event) => (tells(title, version)(event) ? change(event) : event)) }));
  const withData = (event: ToldEvent, change: object): ToldEvent => ({
    ...event,
    detail: { ...event.detail, data: { ...event.detail.data, ...change } },
  });

  it.each([
    ['alid', 'md:alid:999'],
    ['marketplace', 'US'],
    ['licensor', 'nobody'],
    ['watchId', watchOf(2)],
  ])('names the right %s', (name, value) => {
    const { violations } = checkTold(altered((event) => withData(event, { [name]: value })));
    expect(violations).toContainEqual(expect.stringContaining(`names the ${name} ${value} in place of`));
  });

  it('comes from the right source', () => {
    const { violations } = checkTold(altered((event) => ({ ...event, source: 'nobody' })));
    expect(violations).toContainEqual(expect.stringContaining('names the source nobody in place of offer-relay'));
  });

  it('carries both states of each offer that has changed', () => {
    const { violations } = checkTold(altered((event) => withData(event, { before: null })));
    expect(violations).toEqual([
      expect.stringMatching(/^title.*version 2: no event carries what .* was and has become/),
    ]);
  });

  it('is what the row announces, no more and no less', () => {
    const silent = run(({ history }) => ({ history: history.map((row) => ({ ...row, events: [], changes: {} })) }));
    expect(checkTold(silent).violations).toHaveLength(12);
    expect(checkTold(silent).violations[0]).toContain('does not announce what was told: "Offer Added"');
    const unsaid = run(({ events }) => ({
      events: events.filter((event) => event['detail-type'] !== 'Offer Went Live'),
    }));
    expect(checkTold(unsaid).violations).toContainEqual(expect.stringContaining('announces what was not told so'));
  });

  it.each(['Offer Added', 'Offer Status Changed', 'Offer Went Live'])(
    'is "%s" where the states call for it, whatever the row says',
    (type) => {
      const quiet = run(({ events, history }) => ({
        events: events.filter((event) => event['detail-type'] !== type),
        history: history.map((row) => ({ ...row, events: row.events.filter(({ detailType }) => detailType !== type) })),
      }));
      expect(checkTold(quiet).violations).toContainEqual(
        expect.stringContaining(`calls for "${type}", which was not told`),
      );
    },
  );

  it.each(['Offer Removed', 'Offer Blocked', 'Offer Added'])('is no "%s" where there was none', (type) => {
    const loud = run(({ events, history }) => ({
      events: events.map((event) => (tells(1, 2)(event) ? { ...event, 'detail-type': type } : event)),
      history: history.map((row) =>
        isOf(1, 2)(row) ? { ...row, events: row.events.map((event) => ({ ...event, detailType: type })) } : row,
      ),
    }));
    expect(checkTold(loud).violations).toContainEqual(
      expect.stringContaining(`was told as "${type}", which it was not`),
    );
  });

  it("may be of any shape where it is another capability's, and of none but its own where it is ours", () => {
    const fact = (subject: string): Fact => ({
      kind: 'event', at: 0, event: { 'detail-type': 'Price Changed', source: 'offer-relay', detail: { metadata: { subject } } },
    }); // prettier-ignore
    const told = toldEvents([fact('watch/price|studio|x'), fact(`watch/${watchOf(1)}`)]);
    expect(told).toMatchObject({ events: [], unreadable: [expect.stringContaining('Price Changed')] });
    expect(checkTold(run(() => told)).violations[0]).toContain('is of no shape that it may have');
  });
});

describe('the history', () => {
  it('may hold nothing that never was', () => {
    const invented = run(({ history }) => ({
      history: history.map((row) => (isOf(1, 1)(row) ? { ...row, after: offersOf(1, 'Issue') } : row)),
    }));
    expect(checkTruth(invented).violations).toEqual([`${watchOf(1)}: what version 1 holds never was true`]);
  });

  it('may hold nothing that nobody was answered', () => {
    const unasked = run(({ history }) => ({
      history: history.map((row) => (isOf(1, 1)(row) ? { ...row, sentAt: Date.parse(row.observedAt) - 10 } : row)),
    }));
    expect(checkTruth(unasked).violations).toEqual([
      `${watchOf(1)}: the upstream has answered nothing that version 1 could be`,
    ]);
  });

  it('may not be excused by a time of sending that the upstream knows nothing of', () => {
    const stale = run(({ history, truth }) => ({
      history: history.map((row) => (isOf(1, 1)(row) ? { ...row, sentAt: 0 } : row)),
      truth: new Map([
        ...truth,
        [watchOf(1), [stateOf(0, -500, 'Ready'), stateOf(1, -400, 'Issue'), ...truth.get(watchOf(1))!.slice(1)]],
      ]),
    }));
    expect(checkTruth(stale).violations).toEqual([
      `${watchOf(1)}: what version 1 holds was not true when it was asked for`,
    ]);
  });

  it.each([
    ['alid', 'md:alid:OTHER', 'holds an offer of md:alid:OTHER'],
    ['marketplace', 'US', 'holds an offer in US'],
    ['licensor', { organizationId: 'nobody', displayName: null }, 'holds an offer of nobody'],
  ])('may hold nothing of another %s', (name, value, wrong) => {
    const foreign = run(({ history }) => ({
      history: history.map((row) =>
        isOf(1, 1)(row)
          ? {
              ...row,
              after: Object.fromEntries(Object.entries(row.after).map(([k, v]) => [k, { ...v, [name]: value }])),
            }
          : row,
      ),
    }));
    expect(checkTruth(foreign).violations).toEqual([`${watchOf(1)}: version 1 ${wrong}`]);
  });

  it('may hold nothing that was true at another time only', () => {
    const late = run(({ truth }) => ({
      truth: new Map([...truth, [watchOf(1), [stateOf(0, 0, 'Ready'), stateOf(1, 400, 'Live')]]]),
    }));
    expect(checkTruth(late).violations).toEqual([
      `${watchOf(1)}: what version 2 holds was not true when it was asked for`,
    ]);
  });

  it('goes forward with the truth', () => {
    const back = run(({ heads, history }) => ({
      history: history.map((row) => (isOf(1, 2)(row) ? { ...row, after: offersOf(1, 'Ready') } : row)),
      heads,
    }));
    expect(checkTruth(back).violations).toEqual([
      `${watchOf(1)}: what version 2 holds was not true when it was asked for`,
    ]);
  });

  it('ends with what is true now', () => {
    const behind = run(({ truth }) => ({
      truth: new Map([...truth, [watchOf(1), [...truth.get(watchOf(1))!, stateOf(2, 300, 'Issue')]]]),
    }));
    expect(checkTruth(behind).violations).toEqual([`${watchOf(1)}: the head at version 2 is not what is true now`]);
  });
});

describe('an answer', () => {
  /** Title 1 has an issue for a time in which it is asked about once, in slice 6. */
  const passing = ({ truth, worked }: Evidence): Evidence['truth'] => {
    const [ready, live] = truth.get(watchOf(1))!;
    const { startedAt } = worked.find(isEndedBy(6))!;
    const issue = { ...stateOf(1, 0, 'Issue'), at: startedAt - 2_000 };
    return new Map([...truth, [watchOf(1), [ready!, issue, { ...live!, step: 2 }]]]);
  };

  it('counts, also where the next change hides that it did not', () => {
    expect(checkAnswersCount(run((evidence) => ({ truth: passing(evidence) }))).violations).toEqual([
      expect.stringMatching(/1: version 1 is in force after .*#steady#6, which was answered something else/),
    ]);
  });

  it('may be left to an urgent slice that is worked off soon', () => {
    const later = run((evidence) => ({
      truth: passing(evidence),
      worked: [...evidence.worked, urgentAfter(evidence, 6, 1)],
    }));
    expect(checkAnswersCount(later).violations).toEqual([]);
  });

  it('may come when nobody waits for it any longer, in a pause of the machine and with the next slice on its way', () => {
    const { endedAt, startedAt } = faultlessRun().worked.find(isEndedBy(6))!;
    const late = run((evidence) => ({
      truth: passing(evidence),
      sent: evidence.sent.map((each) => (isSteady(10)(each) ? { ...each, at: endedAt - 10 } : each)),
    }));
    expect(checkAnswersCount(late).violations).toHaveLength(1);
    expect(checkAnswersCount({ ...late, pauses: [{ at: startedAt + 100, ms: 200 }] }).violations).toHaveLength(1);
    expect(checkAnswersCount({ ...late, pauses: [{ at: startedAt + 100, ms: 1_800 }] }).violations).toEqual([]);
  });

  it('may be outdated by what comes to be true before the slice ends', () => {
    const outdated = run(({ truth, history }) => {
      const observed = Date.parse(history.find(isOf(1, 2))!.observedAt);
      const [ready, live] = truth.get(watchOf(1))!;
      return { truth: new Map([...truth, [watchOf(1), [ready!, { ...live!, at: observed - 10 }]]]) };
    });
    expect(checkAnswersCount(outdated).violations).toEqual([]);
  });

  it('makes a first version', () => {
    const none = run(({ history }) => ({ history: history.filter(({ watchId }) => watchId !== watchOf(2)) }));
    expect(checkAnswersCount(none).violations).toHaveLength(5);
  });
});

describe('slices', () => {
  it('may not get lost', () => {
    const lost = run(({ worked }) => ({ worked: worked.filter(({ slice }) => slice.endsAt !== 10) }));
    expect(checkSlicesEnd(lost).violations).toEqual([
      expect.stringMatching(/#steady#10: was sent with 2 watches and never worked off/),
    ]);
  });

  it('may not end in the dead-letter queue, and no title may be given up', () => {
    const dead = run(({ worked }) => ({
      worked: worked.filter(({ slice }) => slice.endsAt !== 10),
      dead: [JSON.stringify(worked.find(isEndedBy(10))!.slice), 'nonsense'],
    }));
    expect(checkSlicesEnd(dead).violations).toEqual([
      expect.stringMatching(/^in the dead-letter queue: .*#steady#10/),
      'in the dead-letter queue: nonsense',
      expect.stringMatching(/#steady#10: was sent with 2 watches and never worked off/),
    ]);
  });

  it('may be sent again with what their range holds then, where the first message did not reach the queue', () => {
    const again = run(({ sent, worked }) => {
      const { slice } = sent.find(isSteady(10))!;
      const wider = { ...slice, watches: [...slice.watches, watchOf(3)] };
      return {
        sent: [...sent, { at: at(200), slice: wider }],
        worked: worked.map((each) => (each.slice.endsAt === 10 ? { ...each, slice: wider } : each)),
        outages: [{ at: at(190), ms: 2_000 }],
      };
    });
    expect(checkSlicesEnd(again)).toMatchObject({ violations: [], counts: { 'sent again otherwise': 1 } });
    expect(checkSlicesEnd({ ...again, outages: [] }).violations).toEqual([
      expect.stringMatching(/#steady#10: was sent with 2 watches and never worked off/),
    ]);
  });

  it('may not be worked off without having been sent', () => {
    const unknown = run(({ sent }) => ({ sent: sent.filter((each) => !isSteady(10)(each)) }));
    expect(checkSlicesEnd(unknown).violations).toEqual([expect.stringContaining('nobody has sent it so')]);
  });

  it('may not be worked off otherwise than they were sent', () => {
    const other = run(({ worked }) => ({
      worked: worked.map((each) =>
        isEndedBy(10)(each) ? { ...each, slice: { ...each.slice, watches: [watchOf(1)] } } : each,
      ),
    }));
    expect(checkSlicesEnd(other).violations).toContainEqual(expect.stringContaining('nobody has sent it so'));
  });

  it('ask about each of their watches', () => {
    const silent = run((evidence) => ({ requests: unasked(evidence, 10, [2]) }));
    expect(faultlessRun().requests.length - silent.requests.length).toBe(1);
    expect(checkSlicesAsk(silent).violations).toEqual([
      expect.stringMatching(new RegExp(`^${watchOf(2).replaceAll('|', '\\|')}: was not asked about when .*#steady#10`)),
    ]);
  });

  it('are answered, and not only asked', () => {
    const refused = run((evidence) => ({
      requests: evidence.requests.map((request, index) => (index > 12 ? { ...request, outcome: 500 } : request)),
    }));
    expect(checkSlicesAsk(refused).violations).toHaveLength(7);
    expect(checkSlicesAsk(refused).violations[0]).toContain('got no answer (500)');
    // In the end the list may still say that somebody will look again.
    const urgent = { ...refused, heads: refused.heads.map((head) => ({ ...head, lap: `${BUCKET}#urgent` })) };
    expect(checkSlicesAsk(urgent).violations).toHaveLength(3);
  });

  it('may leave a title that got no answer to a slice that is on its way already', () => {
    const failed = run(({ requests, worked }) => {
      const { startedAt, endedAt } = worked.find(isEndedBy(10))!;
      return {
        requests: requests.map((request) =>
          request.watches[0] === watchOf(2) && request.at > startedAt && request.at < endedAt
            ? { ...request, outcome: 'client-closed' }
            : request,
        ),
      };
    });
    expect(checkSlicesAsk(failed).violations).toHaveLength(1);
    const { endedAt } = failed.worked.find(isEndedBy(10))!;
    const early = failed.sent.map((each) => (isSteady(14)(each) ? { ...each, at: endedAt - 10 } : each));
    expect(checkSlicesAsk({ ...failed, sent: early })).toMatchObject({
      violations: [],
      counts: { 'without an answer': 1 },
    });
  });

  it('may leave the rest to a slice of its own, which is worked off', () => {
    const { slice, messageId, endedAt } = faultlessRun().worked.find(isEndedBy(10))!;
    const left = { ...slice, id: `${slice.id}~${messageId}`, watches: slice.watches.slice(1) };
    const silent = run((evidence) => ({
      sent: [...evidence.sent, { at: endedAt - 10, slice: left }],
      requests: unasked(evidence, 10, [2]),
    }));
    expect(checkSlicesAsk(silent).violations).toHaveLength(1);
    expect(checkSlicesEnd(silent).violations).toEqual([expect.stringContaining('~message-10')]);
    expect(checkLaps(silent).violations).toEqual([]);
    const rest = {
      ...silent,
      worked: [
        ...silent.worked,
        { messageId: 'rest', receives: 1, startedAt: endedAt + 100, endedAt: endedAt + 900, slice: left },
      ],
      requests: [...silent.requests, { at: endedAt + 500, bucket: BUCKET, watches: [watchOf(2)], outcome: 200 }],
    };
    expect(checkSlicesAsk(rest)).toMatchObject({ violations: [], counts: { 'left to the rest': 1 } });
    expect(checkSlicesEnd(rest).violations).toEqual([]);
    expect(checkLaps(rest).violations).toEqual([]);
  });

  it('may leave a title that got no answer to an urgent slice, which asks', () => {
    const failed = run((evidence) => {
      const { startedAt } = evidence.worked.find(isEndedBy(10))!;
      return {
        worked: [...evidence.worked, urgentAfter(evidence, 10, 2)],
        requests: [
          ...unasked(evidence, 10, [2]),
          { at: startedAt + 10, bucket: BUCKET, watches: [watchOf(2)], outcome: 'client-closed' },
        ],
      };
    });
    // It has not asked either, and nobody comes after.
    expect(checkSlicesAsk(failed).violations).toEqual([expect.stringContaining('#urgent#2')]);
    const { startedAt } = urgentAfter(failed, 10, 2);
    const asked = { at: startedAt + 10, bucket: BUCKET, watches: [watchOf(2)], outcome: 200 };
    expect(checkSlicesAsk({ ...failed, requests: [...failed.requests, asked] }).violations).toEqual([]);
  });

  it('may share a request with one another', () => {
    const packed = run(({ requests }) => ({
      requests: requests.map((request) => ({ ...request, watches: [request.watches[0]!, 'price|studio|x'] })),
    }));
    expect(checkSlicesAsk(packed).violations).toEqual([]);
    expect(checkGaps(packed).violations).toEqual([]);
  });
});

describe('functions', () => {
  const ended = (outcome: 'success' | 'error'): Fact => ({
    kind: 'ended', at: at(5), functionId: 'Worker', startedAt: at(1), durationMs: 4_000, outcome, event: {}, error: { errorType: 'Oops' },
  }); // prettier-ignore

  it('may not fail, unless the database stands still', () => {
    expect(checkInvocations([ended('success')]).violations).toEqual([]);
    expect(checkInvocations([ended('error')]).violations).toEqual(['Worker failed: {"errorType":"Oops"}']);
    const kill: Fact = { kind: 'outage', at: at(4), ms: 1_000, cause: 'kill' };
    expect(checkInvocations([ended('error'), kill]).violations).toHaveLength(1);
    expect(checkInvocations([ended('error'), { ...kill, cause: 'stall' }])).toMatchObject({
      violations: [],
      counts: { 'failed in a stall': 1 },
    });
  });
});

describe('laps', () => {
  /** A run in which a slice, or several, held other titles. */
  const holding = (change: (slice: Slice) => readonly number[] | undefined) => (evidence: Evidence) => {
    const other = <T extends { readonly slice: Slice }>(each: T): T => {
      const titles = change(each.slice);
      return titles === undefined ? each : { ...each, slice: { ...each.slice, watches: titles.map(watchOf) } };
    };
    return { sent: evidence.sent.map(other), worked: evidence.worked.map(other) };
  };

  it('may not skip a watch, in the middle of a slice or a whole slice', () => {
    const skipped = run(holding(({ endsAt }) => (endsAt === 10 ? [1] : undefined)));
    expect(checkLaps(skipped).violations).toEqual([expect.stringMatching(/2: skipped in lap 2 of 3/)]);
    const slice = run(({ sent, worked }) => ({
      sent: sent.filter((each) => !isSteady(12)(each)),
      worked: worked.filter((each) => !isEndedBy(12)(each)),
    }));
    expect(checkLaps(slice).violations).toEqual([
      expect.stringMatching(/3: skipped in lap 2 of 3/),
      expect.stringMatching(/4: skipped in lap 2 of 3/),
    ]);
  });

  it('may not skip a watch that was sent, and sent again without it, and so never worked off', () => {
    const narrowed = run((evidence) => {
      const { at: sentAt, slice } = evidence.sent.find(isSteady(10))!;
      const { worked } = holding(({ endsAt }) => (endsAt === 10 ? [1] : undefined))(evidence);
      const narrow = { at: sentAt + 2_000, slice: { ...slice, watches: [watchOf(1)] } };
      return { sent: [...evidence.sent, narrow], worked, requests: unasked(evidence, 10, [2]) };
    });
    expect(checkLaps(narrowed).violations).toEqual([expect.stringMatching(/2: skipped in lap 2 of 3/)]);
  });

  it('are of what was worked off, not of what was sent', () => {
    const lost = run(({ worked }) => ({ worked: worked.filter((each) => !isEndedBy(10)(each)) }));
    expect(checkLaps(lost).violations).toEqual([
      expect.stringMatching(/1: skipped in lap 2 of 3/),
      expect.stringMatching(/2: skipped in lap 2 of 3/),
    ]);
  });

  it('may not hold a watch twice', () => {
    const twice = run(holding(({ endsAt }) => (endsAt === 10 ? [1, 2, 3] : endsAt === 12 ? [3, 4] : undefined)));
    // A slice that begins with what the one before ended with begins a lap, so the watch is missed as well.
    expect(checkLaps(twice).violations).not.toEqual([]);
  });

  it('may never forget a watch that has been seen', () => {
    const forgotten = run(
      holding((slice) => (slice.class === 'steady' && (slice.endsAt ?? 0) % 4 === 0 ? [3] : undefined)),
    );
    expect(checkLaps(forgotten).violations).toHaveLength(3);
  });

  it('go on', () => {
    const stopped = run(({ sent }) => ({ sent: sent.filter(({ slice }) => (slice.endsAt ?? 0) <= 8) }));
    expect(checkLaps(stopped).violations).toEqual([`${BUCKET}: has no complete lap`]);
  });

  it('take a slice that was sent twice for one', () => {
    const again = run(({ sent }) => ({ sent: [...sent, { ...sent.find(isSteady(10))!, at: at(300) }] }));
    expect(checkLaps(again)).toMatchObject({ violations: [], counts: { laps: 3 } });
  });

  it('may miss a watch that is looked at as an urgent one meanwhile, and only then', () => {
    const urgent = (evidence: Evidence) => ({
      ...evidence,
      worked: [...evidence.worked, urgentAfter(evidence, 12, 4)],
    });
    const once = urgent(run(holding(({ endsAt }) => (endsAt === 12 ? [3] : undefined))));
    expect(checkLaps(once)).toMatchObject({ violations: [], counts: { 'away meanwhile': 1 } });
    const forEver = urgent(run(holding(({ endsAt = 0 }) => ([12, 16].includes(endsAt) ? [3] : undefined))));
    expect(checkLaps(forEver).violations).toEqual([expect.stringMatching(/4: skipped in lap 3 of 3/)]);
  });
});

describe('waiting', () => {
  /** The run stands still for so many seconds before its last but one lap. */
  const standing = (seconds: number) =>
    run(({ requests, worked }) => {
      const { startedAt } = worked.find(isEndedBy(14))!;
      return {
        requests: requests.map((each) => (each.at < startedAt ? each : { ...each, at: each.at + seconds * 1_000 })),
      };
    });

  it('has an end', () => {
    expect(checkGaps(standing(60)).violations).toEqual([]);
    expect(checkGaps(standing(6_000)).violations).toHaveLength(4);
    expect(checkGaps(standing(6_000)).violations[0]).toContain('got no answer for 6012 s');
  });

  it('may be as long as outages explain', () => {
    const long = standing(100);
    expect(checkGaps(long).violations).toHaveLength(4);
    const { startedAt } = long.worked.find(isEndedBy(14))!;
    expect(checkGaps({ ...long, outages: [{ at: startedAt + 5_000, ms: 4_000 }] }).violations).toEqual([]);
  });

  it("is no title's lot from the beginning or to the end", () => {
    const never = run(({ requests }) => ({ requests: requests.filter(({ watches }) => watches[0] !== watchOf(3)) }));
    expect(checkGaps(never).violations).toEqual([expect.stringContaining(watchOf(3))]);
  });
});

describe('the rate', () => {
  it('may not be exceeded', () => {
    const fast = run(({ requests }) => ({ requests: [...requests, { ...requests[5]!, at: requests[5]!.at + 300 }] }));
    expect(checkRate(fast).violations).toEqual([expect.stringContaining('3 requests within 1300 ms')]);
  });

  it('may not be exceeded over a long window either', () => {
    const dense = run(() => ({
      requests: Array.from({ length: 20 }, (_, index) => ({
        at: at(index * 0.9),
        bucket: BUCKET,
        watches: [watchOf(1)],
        outcome: 200,
      })),
      buckets: [{ id: BUCKET, perSecond: 1, burst: 2 }],
    }));
    expect(checkRate(dense).violations).toEqual([expect.stringMatching(/20 requests within 17100 ms/)]);
  });

  it('is broken when anybody is throttled', () => {
    const throttled = run(({ requests }) => ({
      requests: requests.map((request, index) => (index === 3 ? { ...request, outcome: 429 } : request)),
    }));
    expect(checkRate(throttled).violations).toEqual([expect.stringContaining('1 of 20 requests were throttled')]);
  });

  it('is not judged where the machine has pressed requests together', () => {
    const late = run(({ requests }) => ({
      requests: requests.map((request, index) =>
        index === 3 ? { ...request, at: requests[4]!.at - 5, outcome: 429 } : request,
      ),
    }));
    expect(checkRate(late).violations).not.toEqual([]);
    const excused = { ...late, pauses: [{ at: late.requests[3]!.at, ms: 900 }] };
    expect(checkRate(excused)).toMatchObject({ violations: [], counts: { 'throttled beside a pause': 1 } });
  });

  it('is not excused by pauses elsewhere', () => {
    const burst = run(({ requests }) => ({
      requests: [
        ...requests,
        ...Array.from({ length: 50 }, (_, index) => ({ ...requests[3]!, at: requests[3]!.at + index, outcome: 429 })),
      ],
      pauses: Array.from({ length: 100 }, (_, index) => ({ at: at(index * 4), ms: 150 })),
    }));
    expect(checkRate(burst).violations).toContainEqual(expect.stringContaining('50 of 70 requests were throttled'));
  });

  it('is judged for most requests, or the run has shown nothing', () => {
    const breathless = run(() => ({
      pauses: Array.from({ length: 100 }, (_, index) => ({ at: at(index * 4), ms: 3_000 })),
    }));
    expect(checkRate(breathless).violations).toEqual([expect.stringContaining('only 0 of 20 requests can be judged')]);
  });
});

it('counts what was done twice', () => {
  const double = run(({ requests, sent, worked }) => ({
    requests: [...requests, { ...requests[7]!, at: requests[7]!.at + 2_500 }],
    sent: [...sent, sent[3]!],
    worked: [...worked, { ...worked[3]!, receives: 2, startedAt: at(400), endedAt: at(404) }],
  }));
  expect(countDoubleWork(double)).toMatchObject({
    violations: [],
    counts: {
      'questions beyond one a lap': 1,
      'slices sent again': 1,
      'slices received again': 1,
      'slices worked off again': 1,
    },
  });
});
