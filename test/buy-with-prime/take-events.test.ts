import { describe, expect, it } from 'vitest';
import { takeEvents, type TakeEventsParts } from '../../lambdas/buy-with-prime/take-events.ts';
import type { Occurrence } from '../../lambdas/change-events/occurrences.store.ts';

const eventOf = (idempotencyKey: string, id = 'bridge-1') =>
  JSON.stringify({ id, 'detail-type': 'ORDER_CONFIRMED', time: '2026-01-20T12:34:57Z', detail: { idempotencyKey } });

/** The door with a history in memory; what is named in `broken` fails. */
function doorOf(broken: { subjects?: (nth: number) => boolean; refuse?: boolean } = {}) {
  const history = new Map<string, Occurrence>();
  const refused: unknown[] = [];
  const counts: Record<string, number> = {};
  const lines: unknown[] = [];
  let calls = 0;
  const parts: TakeEventsParts = {
    occurrences: {
      recordOnce(occurrence) {
        calls += 1;
        if (broken.subjects?.(calls)) return Promise.reject(new Error('throttled'));
        const isNew = !history.has(occurrence.subject);
        if (isNew) history.set(occurrence.subject, occurrence);
        return Promise.resolve(isNew);
      },
    },
    refusedMessages: {
      refuse(body, reason) {
        if (broken.refuse) return Promise.reject(new Error('no queue'));
        refused.push([body, reason.code]);
        return Promise.resolve();
      },
    },
    count: (metric, by) => (counts[metric] = (counts[metric] ?? 0) + by),
    info: (message, details) => lines.push([message, details]),
    warn: (message, details) => lines.push([message, details]),
  };
  const take = (...bodies: string[]) =>
    takeEvents(
      bodies.map((body, index) => ({ messageId: `m${index}`, body })),
      parts,
    );
  return { take, history, refused, counts, lines };
}

describe("taking Buy with Prime's own events", () => {
  it('records an event under the hash of its key', async () => {
    const door = doorOf();
    expect(await door.take(eventOf('key-1'))).toEqual([]);
    expect([...door.history.values()]).toEqual([
      {
        // SHA-256 of "key-1".
        subject: 'buy-with-prime/be2974546978e3739e6d6da85c4be9f3',
        detailType: 'Buy with Prime Event Received',
        data: expect.objectContaining({ eventDescriptor: 'ORDER_CONFIRMED' }) as unknown,
        occurredAt: '2026-01-20T12:34:57.000Z',
        correlationId: 'm0',
      },
    ]);
    expect(door.counts).toEqual({ TakenEvents: 1 });
  });

  it('records what comes again, in the same batch or a later one, no second time', async () => {
    const door = doorOf();
    expect(await door.take(eventOf('key-1'), eventOf('key-1', 'bridge-2'), eventOf('key-2'))).toEqual([]);
    expect(await door.take(eventOf('key-1', 'bridge-3'))).toEqual([]);
    expect(door.history.size).toBe(2);
    expect(door.counts).toEqual({ TakenEvents: 2 });
  });

  it('puts aside what cannot be read, with the reason, and takes the rest of the batch', async () => {
    const door = doorOf();
    expect(await door.take('surprise', eventOf('key-1'))).toEqual([]);
    expect(door.refused).toEqual([['surprise', 'UnreadableMessage']]);
    expect(door.history.size).toBe(1);
    expect(door.counts).toEqual({ RefusedEvents: 1, TakenEvents: 1 });
  });

  it('leaves in the queue just the messages that could not be recorded or put aside', async () => {
    const failing = doorOf({ subjects: (nth) => nth === 2 });
    expect(await failing.take(eventOf('key-1'), eventOf('key-2'), eventOf('key-3'))).toEqual(['m1']);
    expect(failing.history.size).toBe(2);
    expect(await failing.take(eventOf('key-2'))).toEqual([]);
    expect(failing.history.size).toBe(3);

    const queueless = doorOf({ refuse: true });
    expect(await queueless.take('surprise', eventOf('key-1'))).toEqual(['m0']);
    expect(queueless.counts).toEqual({ TakenEvents: 1 });
  });

  it('names every message in the log by what the event has as its correlation id, and logs no body', async () => {
    const door = doorOf({ subjects: (nth) => nth === 2 });
    await door.take(eventOf('key-1'), 'surprise', eventOf('key-2'));
    expect(door.lines).toHaveLength(3);
    for (const id of ['m0', 'm1', 'm2']) {
      expect(door.lines).toContainEqual([expect.any(String), expect.objectContaining({ correlationId: id })]);
    }
    expect(JSON.stringify(door.lines)).not.toMatch(/surprise|key-1/);
  });
});
