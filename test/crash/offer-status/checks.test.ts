import { describe, expect, it } from 'vitest';
import { checkEvents } from './check-events.ts';
import { checkLaps } from './check-laps.ts';
import { checkRate } from './check-rate.ts';
import { checkSlicesAsk, checkSlicesEnd, countDoubleWork } from './check-slices.ts';
import { checkTruth } from './check-truth.ts';
import { checkVersions } from './check-versions.ts';
import type { Evidence, SentSlice, ToldEvent, Version } from './evidence.ts';
import { alidOf, at, faultlessRun, iso, offersOf, stateOf, watchOf } from './recorded.ts';

const CHECKS = [checkVersions, checkEvents, checkTruth, checkSlicesEnd, checkSlicesAsk, checkLaps, checkRate];

/** The faultless run with something else in it. */
function run(change: (evidence: Evidence) => Partial<Evidence>): Evidence {
  const evidence = faultlessRun();
  return { ...evidence, ...change(evidence) };
}

const isOf = (title: number, version: number) => (row: Version) =>
  row.watchId === watchOf(title) && row.version === version;

function metadataOf(event: ToldEvent) {
  return event.detail.metadata;
}

const tells = (title: number, version: number) => (event: ToldEvent) =>
  metadataOf(event).subject === `watch/${watchOf(title)}` && metadataOf(event).sequence === version;

function withMetadata(event: ToldEvent, change: object): ToldEvent {
  return { ...event, detail: { ...event.detail, metadata: { ...metadataOf(event), ...change } } };
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
    expect(checkTruth(evidence).counts).toEqual({ 'true states': 8, seen: 8 });
    expect(checkSlicesEnd(evidence).counts).toMatchObject({ slices: 9 });
    expect(checkSlicesAsk(evidence).counts).toMatchObject({ visits: 20 });
    expect(checkLaps(evidence).counts).toMatchObject({ laps: 3, visits: 12 });
    expect(checkRate(evidence).counts).toMatchObject({ requests: 20, throttled: 0 });
    expect(countDoubleWork(evidence).counts).toMatchObject({ requests: 20, 'beyond one a lap': 0 });
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
    expect(checkVersions(orphan).violations).toEqual([`${watchOf(1)}: has a history and no head`]);
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

describe('the history', () => {
  it('may hold nothing that never was', () => {
    const invented = run(({ history }) => ({
      history: history.map((row) => (isOf(1, 1)(row) ? { ...row, after: offersOf(1, 'Issue') } : row)),
    }));
    expect(checkTruth(invented).violations).toEqual([`${watchOf(1)}: what version 1 holds never was true`]);
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

describe('slices', () => {
  it('may not get lost', () => {
    const lost = run(({ worked }) => ({ worked: worked.filter(({ slice }) => slice.endsAt !== 10) }));
    expect(checkSlicesEnd(lost).violations).toEqual([
      expect.stringMatching(/#steady#10: was sent with 2 watches and never worked off/),
    ]);
  });

  it('may end in the dead-letter queue', () => {
    const dead = run(({ worked }) => ({
      worked: worked.filter(({ slice }) => slice.endsAt !== 10),
      dead: worked.filter(({ slice }) => slice.endsAt === 10).map(({ slice }) => slice),
    }));
    expect(checkSlicesEnd(dead).violations).toEqual([]);
  });

  it('may be sent again with what their range holds then, where the first message did not reach the queue', () => {
    const again = run(({ sent, worked }) => {
      const { slice } = sent.find(isSteady(10))!;
      const wider = { ...slice, watches: [...slice.watches, watchOf(3)] };
      return {
        sent: [...sent, { at: at(200), slice: wider }],
        worked: worked.map((each) => (each.slice.endsAt === 10 ? { ...each, slice: wider } : each)),
      };
    });
    expect(checkSlicesEnd(again)).toMatchObject({ violations: [], counts: { 'sent again otherwise': 1 } });
  });

  it('may not be worked off without having been sent', () => {
    const unknown = run(({ sent }) => ({ sent: sent.filter((each) => !isSteady(10)(each)) }));
    expect(checkSlicesEnd(unknown).violations).toEqual([expect.stringContaining('nobody has sent it')]);
  });

  it('ask about each of their watches', () => {
    const silent = run(({ requests }) => ({
      requests: requests.filter(({ alid, at: time }) => !(alid === alidOf(2) && time > at(100) && time < at(110))),
    }));
    expect(faultlessRun().requests.length - silent.requests.length).toBe(1);
    expect(checkSlicesAsk(silent).violations).toEqual([
      expect.stringMatching(new RegExp(`^${watchOf(2).replaceAll('|', '\\|')}: was not asked about when .*#steady#`)),
    ]);
  });

  it('may leave the rest to a slice of its own', () => {
    const rest = run(({ sent, worked, requests }) => {
      const { slice, messageId, endedAt } = worked.find((each) => isSteady(10)({ at: 0, slice: each.slice }))!;
      const left = { ...slice, id: `${slice.id}~${messageId}`, watches: slice.watches.slice(1) };
      return {
        sent: [...sent, { at: endedAt - 10, slice: left }],
        requests: requests.filter(
          (request) => !(request.alid === alidOf(2) && request.at > endedAt - 6_000 && request.at < endedAt),
        ),
      };
    });
    expect(checkSlicesAsk(rest)).toMatchObject({ violations: [], counts: { 'left to another slice': 1 } });
    expect(checkSlicesEnd(rest).violations).toEqual([expect.stringContaining('~message-10')]);
  });
});

describe('laps', () => {
  it('may not skip a watch, in the middle of a slice or a whole slice', () => {
    const skipped = run(({ sent }) => ({
      sent: sent.map((each) =>
        isSteady(10)(each) ? { ...each, slice: { ...each.slice, watches: each.slice.watches.slice(0, 1) } } : each,
      ),
    }));
    expect(checkLaps(skipped).violations).toEqual([expect.stringMatching(/2: skipped in lap 2 of 3/)]);
    const slice = run(({ sent }) => ({ sent: sent.filter((each) => !isSteady(12)(each)) }));
    expect(checkLaps(slice).violations).toEqual([
      expect.stringMatching(/3: skipped in lap 2 of 3/),
      expect.stringMatching(/4: skipped in lap 2 of 3/),
    ]);
  });

  it('may not hold a watch twice', () => {
    const twice = run(({ sent }) => ({
      sent: sent.map((each) =>
        isSteady(10)(each)
          ? { ...each, slice: { ...each.slice, watches: [...each.slice.watches, watchOf(3)] } }
          : isSteady(12)(each)
            ? { ...each, slice: { ...each.slice, watches: [watchOf(3), watchOf(4)] } }
            : each,
      ),
    }));
    // A slice that begins with what the one before ended with begins a lap, so the watch is missed as well.
    expect(checkLaps(twice).violations).not.toEqual([]);
  });

  it('may never forget a watch that has been seen', () => {
    const forgotten = run(({ sent }) => ({
      sent: sent.map(({ slice, ...rest }) => ({
        ...rest,
        slice: slice.class === 'new' ? slice : { ...slice, watches: slice.watches.filter((id) => id !== watchOf(4)) },
      })),
    }));
    expect(checkLaps(forgotten).violations).toHaveLength(3);
  });

  it('take a slice that was sent twice for one', () => {
    const again = run(({ sent }) => ({ sent: [...sent, { ...sent.find(isSteady(10))!, at: at(300) }] }));
    expect(checkLaps(again)).toMatchObject({ violations: [], counts: { laps: 3 } });
  });

  it('may miss a watch that is looked at as an urgent one meanwhile', () => {
    const away = run(({ sent }) => ({
      sent: sent.flatMap((each) => {
        if (!isSteady(10)(each)) return [each];
        const [first, second] = each.slice.watches;
        return [
          { ...each, slice: { ...each.slice, watches: [first!] } },
          { ...each, slice: { ...each.slice, id: 'urgent', class: 'urgent', endsAt: 9, watches: [second!] } },
        ];
      }),
    }));
    expect(checkLaps(away)).toMatchObject({ violations: [], counts: { 'away meanwhile': 1 } });
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
        account: 'main',
        licensor: 'studio',
        alid: alidOf(1),
        outcome: 200,
      })),
      buckets: [{ id: 'b', account: 'main', perSecond: 1, burst: 2 }],
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
    expect(checkRate(excused)).toMatchObject({ violations: [], counts: { 'pressed together by pauses': 1 } });
  });
});

it('counts what was done twice', () => {
  const double = run(({ requests, worked }) => ({
    requests: [...requests, { ...requests[7]!, at: requests[7]!.at + 2_500 }],
    worked: [...worked, { ...worked[3]!, startedAt: at(400), endedAt: at(404) }],
  }));
  expect(countDoubleWork(double)).toMatchObject({
    violations: [],
    counts: { 'beyond one a lap': 1, 'slices worked off again': 1 },
  });
});
