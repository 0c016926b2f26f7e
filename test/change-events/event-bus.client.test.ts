import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, describe, expect, it } from 'vitest';
import { EventBus } from '../../lambdas/change-events/event-bus.client.ts';
import type { BusEntry } from '../../lambdas/change-events/publish-changes.ts';

const events = mockClient(EventBridgeClient);
beforeEach(() => events.reset());

function bus() {
  const errors: string[] = [];
  const client = new EventBridgeClient({ region: 'us-east-1', maxAttempts: 1 });
  return { errors, bus: new EventBus(client, 'relay', (error) => errors.push(error.message)) };
}

const entry = (number: number, size = 10): BusEntry => ({
  source: 'offer-relay',
  detailType: 'Offer Added',
  detail: JSON.stringify({ number, text: 'x'.repeat(size) }),
  time: new Date(0),
});
const calls = () => events.commandCalls(PutEventsCommand).map((call) => call.args[0].input.Entries ?? []);
const taken = { EventId: 'e' };

describe('putting events on the bus', () => {
  it('puts ten entries a call at most, and no call above what the service takes', async () => {
    events
      .on(PutEventsCommand)
      .callsFake((input: { Entries: unknown[] }) => ({ Entries: input.Entries.map(() => taken) }));
    const entries = [
      ...Array.from({ length: 23 }, (_, index) => entry(index)),
      ...[23, 24, 25].map((n) => entry(n, 120_000)),
    ];
    expect(await bus().bus.put(entries)).toEqual(new Set());
    expect(calls().map((call) => call.length)).toEqual([10, 10, 5, 1]);
    const numbers = calls()
      .flat()
      .map((one) => (JSON.parse(one.Detail ?? '') as { number: number }).number);
    expect(numbers).toEqual(entries.map((_, index) => index));
    expect(
      calls()
        .flat()
        .every((one) => one.EventBusName === 'relay'),
    ).toBe(true);
  });

  it('names exactly the entries that the bus refused, and why', async () => {
    events.on(PutEventsCommand).resolves({
      Entries: [taken, { ErrorCode: 'ThrottlingException', ErrorMessage: 'slow down' }, taken],
    });
    const { bus: relay, errors } = bus();
    expect(await relay.put([entry(0), entry(1), entry(2)])).toEqual(new Set([1]));
    expect(errors).toEqual(['bus refused an event: ThrottlingException slow down']);
  });

  it('counts all entries of a failed call as refused, and goes on with the other calls', async () => {
    events
      .on(PutEventsCommand)
      .rejectsOnce(new Error('no connection'))
      .resolves({ Entries: [taken, taken] });
    const { bus: relay, errors } = bus();
    const refused = await relay.put(Array.from({ length: 12 }, (_, index) => entry(index)));
    expect([...refused]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(errors).toEqual(['no connection']);
  });

  it('counts an entry without a result as refused', async () => {
    events.on(PutEventsCommand).resolves({ Entries: [taken] });
    expect(await bus().bus.put([entry(0), entry(1)])).toEqual(new Set([1]));
  });
});
