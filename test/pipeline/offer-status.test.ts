import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { unpublishedShard } from '../../lambdas/change-events/unpublished.ts';
import { offerEventSchemas } from '../../lambdas/offer-status/offer-event-schemas.ts';
import type { Offer, Offers } from '../../lambdas/offer-status/offers.ts';
import type { BusEvent } from '../../local/cloud/cloud.ts';
import { startDynamoDb } from '../../local/cloud/dynamodb-engine.ts';
import { startCountingProxy } from './counting-proxy.ts';
import type { LocalStack } from './local-stack.ts';
import { LICENSOR, startLocalStack, titleOf, until } from './local-stack.ts';
import { meaningOfOffers, meaningOfTruth } from './meaning.ts';
import type { Stored } from './stored.ts';
import { storedIn } from './stored.ts';

const ALIDS = Array.from({ length: 12 }, (_, index) => `md:alid:eidr-s:0000/${index}`);
const [FIRST = ''] = ALIDS;
const pathOf = (alid: string): string => `/control/titles/${LICENSOR}/${encodeURIComponent(alid)}`;
const detailOf = (event: BusEvent) =>
  event.detail as {
    metadata: { id: string; subject: string; sequence: number };
    data: { alid: string; groupingEntity: string | null; after: Offer | null };
  };

// Undefined only where the start has failed.
let stack: LocalStack;
let stored: Stored;
let proxy: Awaited<ReturnType<typeof startCountingProxy>>;
let stopEngine: () => Promise<void>;

beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'offer-relay-engine-'));
  const engine = await startDynamoDb(folder, undefined);
  proxy = await startCountingProxy(engine.url);
  stopEngine = async () => {
    await proxy.stop();
    await engine.stop();
    await rm(folder, { recursive: true, force: true });
  };
  stack = await startLocalStack({ titles: ALIDS, cloud: { engines: { dynamodbUrl: proxy.url } } });
  stored = storedIn(stack.cloud);
  await stack.poll('the first sight of all titles', () => caughtUp());
}, 120_000);

afterAll(async () => {
  stored?.close();
  await stack?.stop();
  await stopEngine?.();
});

afterEach(async () => {
  await stack.control('DELETE', '/control/faults');
});

/** Whether a subscriber that has read every event knows what is true. */
function toldTruth(): boolean {
  const told = new Map<string, Map<string, { sequence: number; offer: Offer | null }>>();
  for (const event of stack.events) {
    const { metadata, data } = detailOf(event);
    const offers = told.get(data.alid) ?? new Map<string, { sequence: number; offer: Offer | null }>();
    told.set(data.alid, offers);
    const key = data.groupingEntity ?? '';
    if ((offers.get(key)?.sequence ?? 0) <= metadata.sequence) {
      offers.set(key, { sequence: metadata.sequence, offer: data.after });
    }
  }
  return ALIDS.every((alid) => {
    const offers: Offers = {};
    for (const [key, { offer }] of told.get(alid) ?? []) if (offer) offers[key] = offer;
    const truth = meaningOfTruth(stack.simulator.truth(LICENSOR, alid).at(-1));
    return JSON.stringify(meaningOfOffers(offers)) === JSON.stringify(truth);
  });
}

async function headsAreTrue(): Promise<boolean> {
  for (const alid of ALIDS) {
    const truth = meaningOfTruth(stack.simulator.truth(LICENSOR, alid).at(-1));
    const head = await stored.head(alid);
    if (head?.version === 0 || JSON.stringify(meaningOfOffers(head?.state)) !== JSON.stringify(truth)) return false;
  }
  return true;
}

const caughtUp = async (): Promise<boolean> => toldTruth() && (await headsAreTrue());
const eventsOf = (alid: string, from = 0): BusEvent[] =>
  stack.events.slice(from).filter((event) => detailOf(event).data.alid === alid);
const kindsOf = (events: readonly BusEvent[]): string[] => events.map((event) => event['detail-type']).toSorted();
const idle = (): Promise<void> => until('the queue to run empty', async () => (await stored.slicesLeft()) === 0);

/** One offer in one window. */
const offer = (progressCode: string, territories = ['US']) => ({
  offers: [
    {
      groupingEntity: 'channel',
      licenseType: 'SVOD',
      progressCode,
      windows: [
        {
          territories,
          formatProfiles: ['HD'],
          contractId: 'c1',
          start: '2026-01-01T00:00:00Z',
          end: '2027-01-01T00:00:00Z',
        },
      ],
    },
  ],
});

describe('the Offer Status pipeline on the local cloud', () => {
  it('tells every offer at first sight, once, so that a subscriber knows the whole catalogue', () => {
    expect(kindsOf(stack.events).every((kind) => kind === 'Offer Added')).toBe(true);
    const ids = stack.events.map((event) => detailOf(event).metadata.id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(toldTruth()).toBe(true);
  });

  it('makes no write but its slice’s reservation, and no event, when nothing has changed', async () => {
    await idle();
    await stack.poll(
      'a lap of steady titles',
      async () => (await stored.head(FIRST))?.lap?.endsWith('#steady') ?? false,
    );
    await idle();
    const { total } = stack.simulator.requests();
    const events = stack.events.length;
    proxy.writes();
    await stack.poll('another lap', () => stack.simulator.requests().total >= total + ALIDS.length);
    await idle();
    const laps = (stack.simulator.requests().total - total) / ALIDS.length;
    expect(laps).toBeGreaterThanOrEqual(1);
    // For each slice the reservation, and for each plan two writes of the planner: what it plans, and that it has sent it.
    // A planner that had nothing to plan wrote nothing.
    // A slice whose schedule a slow connection has pushed back says so in one more.
    const { UpdateItem = 0, ...others } = proxy.writes();
    expect(others).toEqual({});
    expect(UpdateItem).toBeGreaterThanOrEqual((1 + 2) * laps);
    expect(UpdateItem).toBeLessThanOrEqual((2 + 2) * laps);
    expect(stack.events).toHaveLength(events);
  });

  it('tells a change in words that its schema holds: a title goes live, moves its window, is blocked and removed', async () => {
    const from = stack.events.length;
    const steps: [string, unknown][] = [
      ['PUT', offer('Ready')],
      ['PUT', offer('Live')],
      ['PUT', offer('Live', ['US', 'GB'])],
      ['PUT', offer('Issue', ['US', 'GB'])],
      ['PUT', { offers: [] }],
    ];
    for (const [method, body] of steps) {
      await stack.control(method, pathOf(FIRST), body);
      await stack.poll('the change to be told', caughtUp);
    }
    const events = eventsOf(FIRST, from);
    expect(events.length).toBeGreaterThan(5);
    for (const event of events) {
      const schema = offerEventSchemas[event['detail-type'] as keyof typeof offerEventSchemas];
      expect(schema.safeParse(event.detail).success).toBe(true);
      expect(event.source).toBe('offer-relay');
    }
    const channel = events.filter((event) => detailOf(event).data.groupingEntity === 'channel');
    expect(kindsOf(channel)).toEqual([
      'Offer Added',
      'Offer Blocked',
      'Offer Removed',
      'Offer Status Changed',
      'Offer Status Changed',
      'Offer Went Live',
      'Offer Window Changed',
    ]);
    const sequences = channel.map((event) => detailOf(event).metadata.sequence);
    expect(sequences).toEqual(sequences.toSorted((a, b) => a - b));
  });

  it('follows whole lives, step by step, without a gap between versions', async () => {
    for (let step = 0; step < 4; step += 1) {
      for (const alid of ALIDS.slice(1)) await stack.control('POST', `${pathOf(alid)}/advance`);
      await stack.poll('all lives to be told', caughtUp);
    }
    for (const alid of ALIDS) {
      const rows = await stored.history(alid);
      expect(rows.map((row) => row.version)).toEqual(rows.map((_, index) => index + 1));
      expect(rows.at(-1)?.version).toBe((await stored.head(alid))?.version);
      expect(rows.map((row) => row.observedAt)).toEqual(rows.map((row) => row.observedAt).toSorted());
    }
  });

  it('marks every version as published', async () => {
    await until('all marks to be cleared', async () => {
      const rows = (await Promise.all(ALIDS.map((alid) => stored.history(alid)))).flat();
      return rows.every((row) => row.unpublished === undefined);
    });
  });

  it('loses nothing in an outage, gives nothing up, and catches up by itself', async () => {
    const from = stack.events.length;
    const end = await stack.fault({ kind: 'status', code: 503, match: {} });
    for (const alid of ALIDS.slice(1, 4)) await stack.control('POST', `${pathOf(alid)}/advance`);
    const { total } = stack.simulator.requests();
    await stack.poll('requests to fail', () => stack.simulator.requests().total > total);
    await end();
    await stack.poll('the catalogue to be told again', caughtUp);
    expect(stack.events.length).toBeGreaterThan(from);
    expect(await stored.deadLetters()).toEqual([]);
  });

  it.each([
    ['is throttled', { kind: 'status', code: 429 }],
    ['is cut off', { kind: 'drop', when: 'mid-answer' }],
    ['is answered with half a JSON', { kind: 'malformed', how: 'truncated' }],
  ])('asks again when a request %s, and tells no false change', async (_, rule) => {
    await idle();
    const from = stack.events.length;
    const alid = ALIDS[5] ?? '';
    await stack.fault({ ...rule, match: { alid }, times: 1 });
    const asked = () => stack.simulator.requests().arrivals.filter((arrival) => arrival.alid === alid).length;
    const before = asked();
    await stack.poll('the title to be asked for twice', () => asked() >= before + 2);
    await idle();
    expect(stack.events.slice(from)).toEqual([]);
    expect(await stored.deadLetters()).toEqual([]);
  });

  it('tells nothing when answers hold fields that the document does not know', async () => {
    await idle();
    const from = stack.events.length;
    await stack.fault({ kind: 'drift', how: 'unknown-field', match: {} });
    const { total } = stack.simulator.requests();
    await stack.poll('a lap', () => stack.simulator.requests().total >= total + ALIDS.length);
    await idle();
    expect(stack.events.slice(from)).toEqual([]);
    expect(await stored.deadLetters()).toEqual([]);
  });

  it('quarantines an answer that cannot be read once, with what the upstream sent, and goes on with the others', async () => {
    const alid = ALIDS[6] ?? '';
    const other = ALIDS[7] ?? '';
    const end = await stack.fault({ kind: 'malformed', how: 'invalid', match: { alid } });
    const letters: Awaited<ReturnType<Stored['deadLetters']>> = [];
    await stack.poll('the quarantine', async () => letters.push(...(await stored.deadLetters())) > 0);
    await stack.control('POST', `${pathOf(other)}/advance`);
    await stack.poll('the other title', toldTruth);
    letters.push(...(await stored.deadLetters()));
    expect(letters).toHaveLength(1);
    expect(JSON.parse(letters[0]?.Body ?? '')).toMatchObject({
      watches: [expect.stringContaining(encodeURIComponent(alid)) as unknown],
      reason: { code: 'UnreadableAnswer', raw: expect.any(String) as unknown },
    });
    expect((await stored.head(alid))?.problem?.code).toBe('UnreadableAnswer');
    await end();
    await stack.poll('the problem to be over', async () => (await stored.head(alid))?.problem === undefined);
  });

  it('dead-letters a poison message with its reason while the bucket goes on', async () => {
    await stored.send('offer-status|main|global|status', 'poison');
    await stack.control('POST', `${pathOf(ALIDS[8] ?? '')}/advance`);
    await stack.poll('the change behind the poison', caughtUp);
    const letters = await stored.deadLetters();
    expect(letters.map((letter) => [letter.Body, letter.MessageAttributes?.['reason']?.StringValue])).toEqual([
      ['poison', 'UnreadableMessage: the body is not JSON'],
    ]);
  });

  it('publishes again, under the same identifier, what has been left unpublished', async () => {
    const alid = ALIDS[9] ?? '';
    const row = (await stored.history(alid)).at(-1);
    if (!row) throw new Error('no history');
    const from = stack.events.length;
    await stored.unpublish(row, unpublishedShard(row.watchId));
    expect(await stack.cloud.invoke('ChangePublishing/RepublishChanges/Function', {})).toMatchObject({
      outcome: 'success',
    });
    const again = eventsOf(alid, from).map((event) => detailOf(event).metadata.id);
    expect(again.length).toBeGreaterThan(0);
    const earlier = new Set(
      eventsOf(alid)
        .slice(0, -again.length)
        .map((event) => detailOf(event).metadata.id),
    );
    for (const id of again) expect(earlier).toContain(id);
    expect((await stored.history(alid)).at(-1)?.unpublished).toBeUndefined();
  });

  it('goes on with the versions of a title that was removed and added again', async () => {
    const alid = ALIDS[10] ?? '';
    const before = (await stored.head(alid))?.version ?? 0;
    await stack.list.remove(titleOf(alid));
    await idle();
    await stack.control('POST', `${pathOf(alid)}/advance`);
    const asked = () => stack.simulator.requests().arrivals.filter((arrival) => arrival.alid === alid).length;
    const requests = asked();
    const { total } = stack.simulator.requests();
    await stack.poll('a lap without it', () => stack.simulator.requests().total >= total + ALIDS.length - 1);
    expect(asked()).toBe(requests);
    await stack.list.add([titleOf(alid)]);
    await stack.poll('the title to be told again', caughtUp);
    expect((await stored.head(alid))?.version).toBe(before + 1);
  });

  it('resumes after a restart: tells nothing twice, and what changed meanwhile once', async () => {
    await idle();
    const from = stack.events.length;
    stored.close();
    await stack.restart();
    stored = storedIn(stack.cloud);
    const { total } = stack.simulator.requests();
    await stack.poll('a lap', () => stack.simulator.requests().total >= total + ALIDS.length);
    await idle();
    await sleep(500);
    expect(stack.events.slice(from)).toEqual([]);
    await stack.control('POST', `${pathOf(ALIDS[11] ?? '')}/advance`);
    await stack.poll('the change', caughtUp);
    const ids = eventsOf(ALIDS[11] ?? '', from).map((event) => detailOf(event).metadata.id);
    expect(ids.length).toBeGreaterThan(0);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('writes neither keys nor certificates into events, rows, queues or logs', async () => {
    const { key, apiKey } = stack.simulator.credentials('main');
    const secrets = [apiKey, key.split('\n')[2] ?? key];
    const rows = await Promise.all(ALIDS.map((alid) => stored.history(alid)));
    const written = JSON.stringify([rows, stack.events, await stored.deadLetters(), stack.logs]);
    expect(stack.logs.length).toBeGreaterThan(0);
    for (const secret of secrets) expect(written).not.toContain(secret);
  });
});
