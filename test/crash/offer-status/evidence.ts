import * as z from 'zod';
import { HistoryRow } from '../../../lambdas/change-events/history-row.ts';
import type { Offers } from '../../../lambdas/offer-status/offers.ts';
import type { TitleState } from '../../../local/upstreams/simulator.ts';
import type { Fact, FactOf } from '../facts.ts';

/** The latest state of a watch, as its row holds it. */
export interface Head {
  readonly watchId: string;
  readonly bucketId: string;
  readonly lap?: string | undefined;
  /** 0 where nothing has been seen yet. */
  readonly version: number;
  readonly state?: Offers | undefined;
  readonly observedAt?: string | undefined;
}

/** A version of a watch. The states are the room's own, so they are offers. */
export type Version = Omit<HistoryRow, 'after'> & { readonly after: Offers };

/** An event as the bus has taken it. */
export const ToldEvent = z.object({
  'detail-type': z.string(),
  source: z.string(),
  detail: z.looseObject({
    metadata: z.looseObject({ id: z.string(), subject: z.string(), sequence: z.number() }),
    data: z.looseObject({
      alid: z.string(),
      marketplace: z.string(),
      groupingEntity: z.string().nullable(),
      before: z.unknown(),
      after: z.unknown(),
    }),
  }),
});
export type ToldEvent = z.infer<typeof ToldEvent>;

/** A slice as it stands in its message. */
export const Slice = z.object({
  id: z.string(),
  bucket: z.string(),
  class: z.string(),
  endsAt: z.number().optional(),
  watches: z.array(z.string()),
});
export type Slice = z.infer<typeof Slice>;

/** A slice that somebody wanted to put into the queue. A kill may have come in between. */
export interface SentSlice {
  /** Epoch milliseconds. */
  readonly at: number;
  readonly slice: Slice;
}

/** A slice that a worker has worked off: it ended well and did not ask for the message to stay. */
export interface WorkedSlice {
  readonly messageId: string;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly slice: Slice;
}

/** A request as the upstream saw it. */
export interface Request {
  readonly at: number;
  readonly account: string | null;
  readonly licensor: string | null;
  readonly alid: string | null;
  readonly outcome: number | string;
}

/** A token bucket of the upstream, and the account whose it is. */
export interface UpstreamBucket {
  readonly id: string;
  readonly account: string;
  readonly perSecond: number;
  readonly burst: number;
}

/** Everything that a run leaves behind: what is stored, what was told, what was asked, and what was true. */
export interface Evidence {
  readonly heads: readonly Head[];
  readonly history: readonly Version[];
  readonly events: readonly ToldEvent[];
  readonly sent: readonly SentSlice[];
  readonly worked: readonly WorkedSlice[];
  /** Slices in the dead-letter queue. */
  readonly dead: readonly Slice[];
  /** Oldest first. */
  readonly requests: readonly Request[];
  readonly buckets: readonly UpstreamBucket[];
  /** When the machine has let the stack or the upstream wait, and for how long before. */
  readonly pauses: readonly { readonly at: number; readonly ms: number }[];
  /** Every state of each watch, oldest first. */
  readonly truth: ReadonlyMap<string, readonly TitleState[]>;
}

/** `title|licensor|marketplace|alid`, taken apart without the product's own code. */
export function titleOfWatch(watchId: string): { licensor: string; alid: string } {
  const [, licensor = '', , alid = ''] = watchId.split('|').map(decodeURIComponent);
  return { licensor, alid };
}

const Received = z.object({ Records: z.array(z.object({ messageId: z.string(), body: z.string() })).length(1) });
const Staying = z.object({ batchItemFailures: z.array(z.unknown()) });
const Sent = z.union([
  z.object({ QueueUrl: z.string(), Entries: z.array(z.object({ MessageBody: z.string() })) }),
  z.object({ QueueUrl: z.string(), MessageBody: z.string() }),
]);

export function toldEvents(facts: readonly Fact[]): ToldEvent[] {
  return facts.filter((fact) => fact.kind === 'event').map(({ event }) => ToldEvent.parse(event));
}

/** The slices that were sent to a queue, in the order in which they were. */
export function sentSlices(facts: readonly Fact[], queueName: string): SentSlice[] {
  return facts.flatMap((fact) => {
    if (fact.kind !== 'call' || fact.input === undefined || fact.refusal !== undefined) return [];
    const input = Sent.parse(fact.input);
    if (input.QueueUrl.split('/').at(-1) !== queueName) return [];
    const entries = 'Entries' in input ? input.Entries : [input];
    return entries.map(({ MessageBody }) => ({ at: fact.at, slice: Slice.parse(JSON.parse(MessageBody)) }));
  });
}

export function workedSlices(facts: readonly Fact[], workerId: string): WorkedSlice[] {
  return facts
    .filter((fact): fact is FactOf<'ended'> => fact.kind === 'ended' && fact.functionId === workerId)
    .filter((fact) => fact.outcome === 'success' && Staying.parse(fact.payload).batchItemFailures.length === 0)
    .map(({ event, startedAt, at }) => {
      const [record] = Received.parse(event).Records;
      return {
        messageId: record!.messageId,
        startedAt,
        endedAt: at,
        slice: Slice.parse(JSON.parse(record!.body)),
      };
    });
}

export function versionOf(item: unknown): Version {
  return HistoryRow.parse(item) as Version;
}
