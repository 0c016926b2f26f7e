import { describe, expect, it } from 'vitest';
import type { HistoryKey, HistoryRow, OccurrenceRow, WatchVersion } from '../../lambdas/change-events/history-row.ts';
import type { BusEntry } from '../../lambdas/change-events/publish-changes.ts';
import { publishChanges } from '../../lambdas/change-events/publish-changes.ts';
import { publishStream } from '../../lambdas/change-events/publish-stream.ts';
import { republishChanges } from '../../lambdas/change-events/republish-changes.ts';
import { VirtualClock } from '../shared/virtual-clock.ts';

function row(version: number, given: Partial<WatchVersion> = {}): WatchVersion {
  return {
    watchId: 'title|studio|GLOBAL|A1',
    version,
    after: { offer: { status: `status ${version}` } },
    changes: { offer: [{ change: 'statusMoved' }] },
    events: [{ detailType: 'Offer Status Changed', item: 'offer', about: { alid: 'A1' } }],
    historyPath: '/v1/titles/studio/A1/history',
    correlationId: 'message-1',
    sentAt: 1,
    observedAt: '2026-01-01T00:00:00.000Z',
    unpublished: 'u1',
    ...given,
  };
}

interface Detail {
  metadata: { id: string; subject: string; sequence: number; occurredAt: string };
  data: { before: unknown; after: unknown; changes: unknown[]; truncated: boolean; history?: string };
}

/** A history and a bus in memory; the bus refuses by script. */
function world(stored: HistoryRow[], refuses: (entry: BusEntry, put: number) => boolean = () => false) {
  const bus: Detail[] = [];
  const cleared: string[] = [];
  const reads: HistoryKey[] = [];
  const counts: Record<string, number> = {};
  const clock = new VirtualClock();
  let puts = 0;
  const parts = {
    read: (keys: readonly HistoryKey[]) => {
      reads.push(...keys);
      return Promise.resolve(
        stored.filter((item) => keys.some((key) => key.version === item.version && key.watchId === item.watchId)),
      );
    },
    put: (entries: readonly BusEntry[]) => {
      puts += 1;
      const refused = new Set<number>();
      entries.forEach((entry, index) => {
        if (refuses(entry, puts)) refused.add(index);
        else bus.push(JSON.parse(entry.detail) as Detail);
      });
      return Promise.resolve(refused);
    },
    clear: (key: HistoryKey) => Promise.resolve(void cleared.push(`${key.watchId}#${key.version}`)),
    clock,
    pause: () => 1_000,
    attempts: 4,
    count: (metric: string, by: number) => (counts[metric] = (counts[metric] ?? 0) + by),
  };
  return {
    bus,
    cleared,
    reads,
    counts,
    clock,
    parts,
    publish: (rows: HistoryRow[]) => clock.run(publishChanges(parts, rows)),
  };
}

describe('publishing changes', () => {
  it('tells before and after of the changed offer, under an identifier that repeats keep', async () => {
    const { bus, publish, cleared } = world([row(1)]);
    await publish([row(2)]);
    await publish([row(2)]);
    expect(bus[0]).toMatchObject({
      metadata: { subject: 'watch/title|studio|GLOBAL|A1', sequence: 2, occurredAt: '2026-01-01T00:00:00.000Z' },
      data: {
        alid: 'A1',
        before: { status: 'status 1' },
        after: { status: 'status 2' },
        changes: [{ change: 'statusMoved' }],
        truncated: false,
      },
    });
    expect(bus[1]?.metadata.id).toBe(bus[0]?.metadata.id);
    expect(cleared[0]).toBe('title|studio|GLOBAL|A1#2');
  });

  it('gives each event of a version its own identifier', async () => {
    const { bus, publish } = world([]);
    const events = ['Offer Status Changed', 'Offer Went Live'].map((detailType) => ({
      detailType,
      item: 'offer',
      about: {},
    }));
    await publish([row(1, { events })]);
    expect(new Set(bus.map((event) => event.metadata.id)).size).toBe(2);
  });

  it('reads the state before only where a batch does not bring it along', async () => {
    const { reads, publish, bus } = world([row(1)]);
    await publish([row(2), row(3)]);
    expect(reads).toEqual([{ watchId: 'title|studio|GLOBAL|A1', version: 1 }]);
    expect(bus[1]?.data.before).toEqual({ status: 'status 2' });
  });

  it('puts again only what the bus refused', async () => {
    const { bus, publish, cleared, counts } = world([], (entry, put) => put === 1 && entry.detail.includes('"A2"'));
    const other = row(1, { watchId: 'title|studio|GLOBAL|A2' });
    expect(await publish([row(1), other])).toEqual([]);
    expect(bus.map((event) => event.metadata.subject.slice(-2))).toEqual(['A1', 'A2']);
    expect(cleared).toHaveLength(2);
    expect(counts).toEqual({ EventsPublished: 2 });
  });

  it('leaves a row unpublished, and says so, when the bus keeps refusing one of its events', async () => {
    const { publish, cleared, counts } = world([], (entry) => entry.detail.includes('A2'));
    const other = row(1, { watchId: 'title|studio|GLOBAL|A2' });
    expect(await publish([row(1), other])).toEqual([{ watchId: other.watchId, version: 1 }]);
    expect(cleared).toEqual(['title|studio|GLOBAL|A1#1']);
    expect(counts).toEqual({ EventsPublished: 1, PublishFailures: 1 });
  });

  it('leaves out states above 60 KB and says where they can be read', async () => {
    const { bus, publish } = world([]);
    await publish([row(1, { after: { offer: { text: 'x'.repeat(70_000) } } })]);
    expect(bus[0]?.data).toMatchObject({
      before: null,
      after: null,
      truncated: true,
      history: '/v1/titles/studio/A1/history',
      changes: [{ change: 'statusMoved' }],
    });
  });

  it('leaves out changes, too, where even they would not fit on the bus', async () => {
    const { bus, publish } = world([]);
    const changes = { offer: [{ change: 'offerAdded', offer: 'x'.repeat(220_000) }] };
    await publish([row(1, { changes, after: { offer: 'x'.repeat(220_000) } })]);
    expect(bus[0]?.data).toMatchObject({ changes: [], truncated: true });
    expect(JSON.stringify(bus[0]).length).toBeLessThan(1_000);
  });

  it('leaves out the changes of small states, too, where these would not fit', async () => {
    const { bus, publish } = world([]);
    const changes = { offer: [{ change: 'somethingLong', text: 'x'.repeat(220_000) }] };
    await publish([row(1, { changes })]);
    expect(bus[0]?.data).toMatchObject({ before: null, after: null, changes: [], truncated: true });
  });

  it('marks a version without events as published', async () => {
    const { bus, publish, cleared } = world([]);
    await publish([row(1, { events: [], after: {}, changes: {} })]);
    expect(bus).toEqual([]);
    expect(cleared).toHaveLength(1);
  });
});

describe('publishing what happened to a subject that is not watched', () => {
  const occurrence = (given: Partial<OccurrenceRow> = {}): OccurrenceRow => ({
    watchId: 'code/ab12',
    subject: 'code/ab12',
    version: 1_790_000_000_000,
    events: [{ detailType: 'Offer Code Verified', data: { partner: 'acme', valid: true } }],
    correlationId: 'request-1',
    observedAt: '2026-01-01T00:00:00.000Z',
    unpublished: 'u1',
    ...given,
  });

  it('tells the data that its row holds, under an identifier that repeats keep, and reads no other row', async () => {
    const { bus, publish, cleared, reads } = world([]);
    await publish([occurrence()]);
    await publish([occurrence()]);
    expect(bus[0]).toEqual({
      metadata: {
        id: expect.stringMatching(/^[0-9a-f]{32}$/),
        subject: 'code/ab12',
        sequence: 1_790_000_000_000,
        occurredAt: '2026-01-01T00:00:00.000Z',
        observedAt: '2026-01-01T00:00:00.000Z',
        schemaVersion: 1,
        correlationId: 'request-1',
      },
      data: { partner: 'acme', valid: true },
    });
    expect(bus[1]?.metadata.id).toBe(bus[0]?.metadata.id);
    expect(cleared).toEqual(['code/ab12#1790000000000', 'code/ab12#1790000000000']);
    expect(reads).toEqual([]);
  });

  it('goes along with changes of watches in one batch, from the stream as well', async () => {
    const { bus, parts, clock } = world([]);
    const records = [row(1), occurrence()].map((image, index) => ({ sequenceNumber: String(index), image }));
    const failed = await clock.run(
      publishStream(
        records,
        (rows) => publishChanges(parts, rows),
        () => undefined,
      ),
    );
    expect(failed).toEqual([]);
    expect(bus.map(({ metadata }) => metadata.subject)).toEqual(['watch/title|studio|GLOBAL|A1', 'code/ab12']);
  });

  it("keeps the upstream's own time of what happened", async () => {
    const { bus, publish } = world([]);
    const events = [{ detailType: 'Offer Code Redeemed', data: {}, occurredAt: '2025-12-31T23:59:00.000Z' }];
    await publish([occurrence({ events })]);
    expect(bus[0]?.metadata.occurredAt).toBe('2025-12-31T23:59:00.000Z');
  });
});

describe('publishing a stream', () => {
  it('reports a record that is no history row, and those whose events failed, by sequence number', async () => {
    const records = [
      { sequenceNumber: '1', image: row(1) },
      { sequenceNumber: '2', image: { watchId: 'poison' } },
      { sequenceNumber: '3', image: row(2) },
    ];
    const errors: unknown[] = [];
    const failed = await publishStream(
      records,
      (rows) => Promise.resolve(rows.slice(1)),
      (error) => errors.push(error),
    );
    expect(failed.toSorted()).toEqual(['2', '3']);
    expect(errors).toHaveLength(1);
  });
});

describe('reconciling', () => {
  function left(
    rows: HistoryRow[],
    failing: (version: number) => boolean = () => false,
    unreadable: (version: number) => boolean = () => false,
  ) {
    const clock = new VirtualClock(Date.parse('2026-01-02T00:00:00Z'));
    const waiting = new Map(rows.map((item) => [item.version, item]));
    const gauges: Record<string, number> = {};
    let passes = 0;
    const run = () =>
      republishChanges(
        {
          unpublishedBefore: (time, limit) => {
            passes += 1;
            const old = [...waiting.values()].filter((item) => item.observedAt < time.toISOString());
            return Promise.resolve(old.slice(0, limit));
          },
          read: (keys) =>
            Promise.resolve(
              keys.filter((key) => !unreadable(key.version)).flatMap((key) => waiting.get(key.version) ?? []),
            ),
          publish: (published) => {
            for (const item of published) if (!failing(item.version)) waiting.delete(item.version);
            return Promise.resolve(published.filter((item) => failing(item.version)));
          },
          clock,
          gauge: (metric, value) => (gauges[metric] = value),
        },
        300,
        clock.now() + 60_000,
      );
    return { run, gauges, waiting, passes: () => passes };
  }

  it('publishes everything that an outage left, however long it was', async () => {
    const { run, gauges, waiting } = left(Array.from({ length: 170 }, (_, index) => row(index + 1)));
    await run();
    expect(waiting.size).toBe(0);
    expect(gauges).toEqual({ Republished: 170, OldestUnpublishedSeconds: 86_400 });
  });

  it('leaves alone what is young or has been published while the index lagged', async () => {
    const young = row(1, { observedAt: '2026-01-01T23:58:00.000Z' });
    const lagging = row(2, { unpublished: undefined });
    const { run, gauges, passes } = left([young, lagging]);
    await run();
    expect(gauges['Republished']).toBe(0);
    expect(passes()).toBe(2);
  });

  it('goes on behind rows that the bus refuses or that cannot be read', async () => {
    const rows = Array.from({ length: 120 }, (_, index) => row(index + 1));
    const { run, gauges, waiting } = left(
      rows,
      (version) => version <= 60,
      (version) => version <= 30,
    );
    await run();
    expect([...waiting.keys()]).toEqual(Array.from({ length: 60 }, (_, index) => index + 1));
    expect(gauges['Republished']).toBe(60);
  });

  it('stops and keeps the rows when the bus still takes nothing', async () => {
    const { run, gauges, waiting, passes } = left([row(1)], () => true);
    await run();
    expect(waiting.size).toBe(1);
    expect(passes()).toBe(2);
    expect(gauges['Republished']).toBe(0);
  });
});
