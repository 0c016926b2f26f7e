import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ChangeStore } from '../../lambdas/change-events/changes.store.ts';
import type { WatchVersion } from '../../lambdas/change-events/history-row.ts';
import { HistoryStore } from '../../lambdas/change-events/history.store.ts';
import { titleChecks } from '../../lambdas/offer-status/check-titles.ts';
import { OfferStatusAnswer } from '../../lambdas/offer-status/offer-status-answer.ts';
import type { OfferStatusClient } from '../../lambdas/offer-status/offer-status.client.ts';
import type { Offers } from '../../lambdas/offer-status/offers.ts';
import type { UpstreamError } from '../../lambdas/shared/errors.ts';
import { ThrottledError, UnknownThingError } from '../../lambdas/shared/errors.ts';
import type { SlotResult } from '../../lambdas/shared/pacer/pacer.ts';
import { titleWatchId } from '../../lambdas/shared/watches.ts';
import { WatchStore } from '../../lambdas/shared/watches.store.ts';
import type { EngineTables } from '../shared/engine-tables.ts';
import { startEngineTables } from '../shared/engine-tables.ts';
import { LeapingClock } from '../shared/virtual-clock.ts';

let tables: EngineTables;
beforeAll(async () => {
  tables = await startEngineTables();
});
afterAll(() => tables.stop());

type Reply = { codes: string[]; stamp?: string; errors?: string } | UpstreamError;

/** An answer with one offer per code, each in a channel of its own. */
function answerOf(alid: string, reply: Exclude<Reply, Error>): OfferStatusAnswer {
  const stamp = reply.stamp ?? '2026-01-01T00:00:00Z';
  return OfferStatusAnswer.parse({
    OfferStatuses: reply.codes.map((code, index) => ({
      ALID: alid,
      GroupingEntity: `channel-${index}`,
      Licensor: { DisplayName: 'Studio', OrganizationID: 'studio' },
      OverallStatus: { Comments: null, Start: '2026-01-01', End: '2027-01-01', ProgressCode: code, _timestamp: stamp },
      PlatformID: ['gti-1'],
      Transaction: [
        {
          ContractID: 'c1',
          FeatureStatus: {
            Comments: null,
            Start: '2026-01-01',
            End: '2027-01-01',
            ProgressCode: null,
            _timestamp: stamp,
          },
          FormatProfile: [{ value: ['HD'] }],
          LicenseType: 'SVOD',
          Territory: ['US'],
        },
      ],
    })),
    ...(reply.errors !== undefined && { errors: reply.errors }),
  });
}

let titles = 0;

async function title() {
  const clock = new LeapingClock();
  const alid = `md:alid:eidr-s:${String(++titles).padStart(4, '0')}`;
  const watchId = titleWatchId({ licensor: 'studio', marketplace: 'GLOBAL', alid });
  const store = new WatchStore<Offers>(tables.database, 'Watches', clock);
  const changes = new ChangeStore(tables.database, { watches: 'Watches', history: 'History' });
  const history = new HistoryStore(tables.database, 'History', clock, (row) => {
    throw new Error(row);
  });
  const slots: SlotResult[] = [];
  let reply: Reply = { codes: ['Ready'] };
  let bucketId = 'b';
  let beforeAnswer = (): Promise<void> => Promise.resolve();
  const client: OfferStatusClient = {
    async getStatus() {
      const current = reply;
      const sentAt = clock.now();
      await beforeAnswer();
      if (current instanceof Error) throw current;
      return { answer: answerOf(alid, current), sentAt, answeredAt: clock.now(), drift: [] };
    },
  };
  const bucket = { id: 'b', limit: { perSecond: 10, burst: 5 }, pack: 1 };
  const checks = titleChecks(
    {
      client: () => client,
      bucketOf: () => bucketId,
      ready: () => Promise.resolve(),
      heads: (ids) => store.heads(ids),
      record: (change) => changes.record(change),
      clock,
      pause: () => 1,
      onDrift: () => undefined,
    },
    10_000,
  );
  const headNow = async () => {
    const head = (await store.heads([watchId])).get(watchId);
    if (head === undefined) throw new Error('no such watch');
    return head;
  };
  await store.add({ watchId, bucketId: 'b' });
  return {
    clock,
    store,
    headNow,
    slots,
    watchId,
    moveLicensor: (to: string) => (bucketId = to),
    answers: (next: Reply) => (reply = next),
    meanwhile: (work: () => Promise<void>) => {
      beforeAnswer = async () => {
        beforeAnswer = () => Promise.resolve();
        await work();
      };
    },
    /** Another title of the same bucket is found. */
    checkOther: async () => {
      const otherId = titleWatchId({ licensor: 'studio', marketplace: 'US', alid });
      await store.add({ watchId: otherId, bucketId: 'b' });
      const other = (await store.heads([otherId])).get(otherId);
      const before = reply;
      reply = { codes: ['Ready'] };
      if (other) await checks.check(bucket, [other], { left: () => undefined, answered: () => undefined }, 'message-2');
      reply = before;
    },
    check: async (head?: Awaited<ReturnType<typeof headNow>>) => {
      const seen = head ?? (await headNow());
      const visits = await checks.check(
        bucket,
        [seen],
        { left: () => undefined, answered: (result) => slots.push(result) },
        'message-1',
      );
      return visits.get(watchId);
    },
    history: async () => {
      const { version } = await headNow();
      const keys = Array.from({ length: version }, (_, index) => ({ watchId, version: index + 1 }));
      return (await history.read(keys)).sort((a, b) => a.version - b.version);
    },
    later: (ms: number) => clock.leap(ms),
  };
}

const eventsOf = (row: { events: { detailType: string }[] } | undefined) =>
  row?.events.map((event) => event.detailType);

describe('checking a title', () => {
  it('records the first sight as offers added, and moves the watch out of the new ones', async () => {
    const { check, headNow, history } = await title();
    expect(await check()).toEqual({ kind: 'recorded' });
    expect(await headNow()).toMatchObject({ lap: 'b#steady', version: 1 });
    expect((await history()).map(eventsOf)).toEqual([['Offer Added']]);
  });

  it('makes no write at all when nothing but time stamps has changed', async () => {
    const { check, answers, later } = await title();
    await check();
    later(1_000);
    answers({ codes: ['Ready'], stamp: '2026-05-05T00:00:00Z' });
    const before = tables.calls();
    expect(await check()).toEqual({ kind: 'unchanged' });
    const after = tables.calls();
    const writes = Object.keys(after).filter((call) => /Put|Update|Write|Delete/.test(call));
    expect(writes.length).toBeGreaterThan(0);
    for (const call of writes) expect([call, after[call]]).toEqual([call, before[call]]);
  });

  it('records what changed, with the events that it announces and the time by which it was asked', async () => {
    const { check, answers, history, later, clock } = await title();
    await check();
    later(1_000);
    answers({ codes: ['Live'], stamp: '2026-02-02T00:00:00Z' });
    const sentAt = clock.now();
    expect(await check()).toEqual({ kind: 'recorded' });
    const row = (await history())[1] as WatchVersion | undefined;
    expect(eventsOf(row)?.toSorted()).toEqual(['Offer Status Changed', 'Offer Went Live']);
    expect(row).toMatchObject({ sentAt, correlationId: 'message-1' });
    expect(row?.events[0]?.occurredAt).toBe('2026-02-02T00:00:00.000Z');
    expect(row?.historyPath).toMatch(/^\/v1\/titles\/studio\/md%3Aalid%3Aeidr-s%3A\d+\/history\?marketplace=GLOBAL$/);
  });

  it('ignores an answer that was sent for before the head was, and accepts a later disappearance', async () => {
    const { check, answers, headNow, later, meanwhile, history } = await title();
    await check();
    later(1_000);
    const stale = await headNow();
    answers({ codes: ['Issue'] });
    // While the slow answer is on its way, a newer request records another state.
    meanwhile(async () => {
      later(1_000);
      answers({ codes: ['Live'] });
      await check(stale);
    });
    expect(await check(stale)).toEqual({ kind: 'unchanged' });
    expect(Object.values((await headNow()).state ?? {}).map((offer) => offer.status)).toEqual(['Live']);
    later(1_000);
    answers({ codes: [] });
    expect(await check()).toEqual({ kind: 'recorded' });
    expect(eventsOf((await history()).at(-1))).toEqual(['Offer Removed']);
  });

  it('compares again when another worker was faster, so that a race gives one version', async () => {
    const { check, answers, headNow, later, history } = await title();
    await check();
    later(1_000);
    answers({ codes: ['Live'] });
    const seen = await headNow();
    const kinds = (await Promise.all([check(seen), check(seen)])).map((visit) => visit?.kind);
    expect(kinds.toSorted()).toEqual(['recorded', 'unchanged']);
    expect(await history()).toHaveLength(2);
  });

  it('records nothing for a watch that was removed while the answer was on its way', async () => {
    const { check, answers, store, watchId, later, meanwhile, headNow } = await title();
    await check();
    later(1_000);
    answers({ codes: ['Live'] });
    meanwhile(async () => void (await store.remove(watchId)));
    expect(await check()).toEqual({ kind: 'unchanged' });
    expect((await headNow()).version).toBe(1);
  });

  it('keeps offers that an answer with errors leaves out', async () => {
    const { check, answers, later, headNow } = await title();
    answers({ codes: ['Ready', 'Ready'] });
    await check();
    later(1_000);
    answers({ codes: ['Live'], errors: 'one scope could not be read' });
    expect(await check()).toEqual({ kind: 'recorded' });
    expect(
      Object.values((await headNow()).state ?? {})
        .map((offer) => offer.status)
        .toSorted(),
    ).toEqual(['Live', 'Ready']);
  });

  it('records a title that Amazon does not know yet, without an event', async () => {
    const { check, answers, headNow, history } = await title();
    answers(new UnknownThingError('NotFound', 'no such title'));
    expect(await check()).toEqual({ kind: 'recorded' });
    expect(await headNow()).toMatchObject({ lap: 'b#steady', version: 1, state: {} });
    expect((await history()).map(eventsOf)).toEqual([[]]);
    expect(await check()).toEqual({ kind: 'unchanged' });
  });

  it('sends nothing for a title whose licensor has been given to another account, and moves it there', async () => {
    const { check, moveLicensor, slots } = await title();
    moveLicensor('b2');
    expect(await check()).toEqual({ kind: 'moved', bucketId: 'b2' });
    expect(slots).toEqual([]);
  });

  it('does not believe that everything is gone when the API knows nothing at all, unless it stays so', async () => {
    const { check, answers, store, headNow, later } = await title();
    await check();
    answers(new UnknownThingError('NotFound', 'no such title'));
    later(1_000);
    const visit = await check();
    await store.place(await headNow(), 'urgent', { missingSince: visit?.kind === 'vanished' ? visit.since : 0 });
    later(60_000);
    expect(await check()).toMatchObject({ kind: 'vanished' });
    later(3_600_000);
    expect(await check()).toEqual({ kind: 'recorded' });
  });

  it('believes that a known title is gone when a second answer says so and another title has been found', async () => {
    const { check, answers, store, headNow, later, history, checkOther } = await title();
    await check();
    later(1_000);
    answers(new UnknownThingError('NotFound', 'no such title'));
    const visit = await check();
    expect(visit).toMatchObject({ kind: 'vanished' });
    await store.place(await headNow(), 'urgent', { missingSince: visit?.kind === 'vanished' ? visit.since : 0 });
    later(10_000);
    expect(await check()).toMatchObject({ kind: 'vanished' });
    later(15_000);
    await checkOther();
    later(10_000);
    expect(await check()).toEqual({ kind: 'recorded' });
    expect(eventsOf((await history()).at(-1))).toEqual(['Offer Removed']);
  });

  it('frees its slot whatever happens, and says when it was throttled', async () => {
    const { check, answers, slots } = await title();
    await check();
    answers(new ThrottledError('slow down'));
    expect(await check()).toMatchObject({ kind: 'failed' });
    expect(slots).toEqual([{ throttled: false }, { throttled: true }]);
  });
});
