import * as z from 'zod';
import { WatchVersion } from '../../../lambdas/change-events/history-row.ts';
import type { Fact, FactOf } from '../facts.ts';

/** The latest state of a watch, as its row holds it. */
export interface Head {
  readonly watchId: string;
  readonly bucketId: string;
  readonly lap?: string | undefined;
  /** 0 where nothing has been seen yet. */
  readonly version: number;
  readonly state?: unknown;
  readonly observedAt?: string | undefined;
}

/** A version of a watch. */
export type Version = WatchVersion;

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
  /** How often the message has been received, this time included. */
  readonly receives: number;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly slice: Slice;
}

/** A request as the upstream saw it. */
export interface Request {
  /** Epoch milliseconds. */
  readonly at: number;
  /** The bucket that paid for it; null where there was none. */
  readonly bucket: string | null;
  /** All watches that it asks about: as many as one request can carry. */
  readonly watches: readonly string[];
  /** The HTTP status, or why there is none. */
  readonly outcome: number | string;
}

/** A token bucket of the upstream. */
export interface UpstreamBucket {
  readonly id: string;
  readonly perSecond: number;
  readonly burst: number;
}

/** For how long something lasted that ended at a time; both in milliseconds. */
export interface Interval {
  readonly at: number;
  readonly ms: number;
}

/** What a run leaves behind, of one capability: what is stored, what was sent, worked off and asked. */
export interface RunEvidence {
  /** Every watch that the stack was told to look at. */
  readonly watches: readonly string[];
  readonly heads: readonly Head[];
  readonly history: readonly Version[];
  readonly sent: readonly SentSlice[];
  readonly worked: readonly WorkedSlice[];
  /** Bodies of the messages in the dead-letter queue. */
  readonly dead: readonly string[];
  /** Oldest first. */
  readonly requests: readonly Request[];
  readonly buckets: readonly UpstreamBucket[];
  /** When the machine has let the stack or the upstream wait. */
  readonly pauses: readonly Interval[];
  /** When the stack was down after a kill, or its database stood still. */
  readonly outages: readonly Interval[];
  /** What the stack is set to, in milliseconds. */
  readonly settings: {
    /** Least time from the beginning of a lap to that of the next. */
    readonly lapMs: number;
    /** How long a slice stays hidden from other workers once one has received it. */
    readonly visibilityMs: number;
    /** How long a worker may take. */
    readonly workerMs: number;
  };
}

/** What is left over of a slice is sent again as `<id>~<message>`. */
export const rootOf = (sliceId: string): string => sliceId.replace(/~[^~]*$/, '');

/** The requests that have carried a watch, oldest first. */
export function requestsByWatch(requests: readonly Request[]): (watchId: string) => readonly Request[] {
  const byWatch = new Map<string, Request[]>();
  for (const request of requests) {
    for (const watchId of request.watches) {
      const known = byWatch.get(watchId);
      if (known) known.push(request);
      else byWatch.set(watchId, [request]);
    }
  }
  return (watchId) => byWatch.get(watchId) ?? [];
}

/** Slices that were planned before a failure may come before the urgent one that it leads to. */
const VISITS_UNTIL_URGENT = 3;

/** One watch in a slice that was worked off. */
export interface Visit {
  readonly watchId: string;
  readonly run: WorkedSlice;
  /**
   * Who had to look at the watch after this, if it failed: the rest of the slice, an urgent slice soon after, or a slice
   * that was on its way already. Only a slice that holds the watch and was worked off counts.
   */
  readonly followed: 'by the rest' | 'by an urgent slice' | 'by a slice on its way' | undefined;
}

/** What became of each watch of each slice that was worked off, oldest first. */
export function visitsOf({ sent, worked }: Pick<RunEvidence, 'sent' | 'worked'>): Visit[] {
  const firstSent = new Map<string, number>();
  for (const { at, slice } of sent) firstSent.set(slice.id, Math.min(at, firstSent.get(slice.id) ?? Infinity));
  const inOrder = worked.toSorted((a, b) => a.startedAt - b.startedAt);
  const byWatch = new Map<string, WorkedSlice[]>();
  for (const run of inOrder) {
    for (const watchId of run.slice.watches) byWatch.set(watchId, [...(byWatch.get(watchId) ?? []), run]);
  }
  return inOrder.flatMap((run) =>
    run.slice.watches.map((watchId) => {
      const later = byWatch.get(watchId)!.filter((each) => each !== run && each.startedAt >= run.startedAt);
      const rest = `${rootOf(run.slice.id)}~${run.messageId}`;
      const onItsWay = ({ slice }: WorkedSlice): boolean => (firstSent.get(slice.id) ?? Infinity) <= run.endedAt;
      const followed = later.some(({ slice }) => slice.id === rest)
        ? 'by the rest'
        : later.slice(0, VISITS_UNTIL_URGENT).some(({ slice }) => slice.class === 'urgent')
          ? 'by an urgent slice'
          : later.slice(0, 1).some(onItsWay)
            ? 'by a slice on its way'
            : undefined;
      return { watchId, run, followed };
    }),
  );
}

/** How many milliseconds of some intervals lie in a time. */
export function overlap(intervals: readonly Interval[], from: number, to: number): number {
  return intervals.reduce((sum, { at, ms }) => sum + Math.max(0, Math.min(to, at) - Math.max(from, at - ms)), 0);
}

const Received = z.object({
  Records: z
    .array(
      z.object({
        messageId: z.string(),
        body: z.string(),
        attributes: z.object({ ApproximateReceiveCount: z.coerce.number() }),
      }),
    )
    .length(1),
});
const Staying = z.object({ batchItemFailures: z.array(z.unknown()) });
const Sent = z.union([
  z.object({ QueueUrl: z.string(), Entries: z.array(z.object({ MessageBody: z.string() })) }),
  z.object({ QueueUrl: z.string(), MessageBody: z.string() }),
]);

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
        receives: record!.attributes.ApproximateReceiveCount,
        startedAt,
        endedAt: at,
        slice: Slice.parse(JSON.parse(record!.body)),
      };
    });
}

/** The versions among the history's rows whose watch has such an identifier; the others are another capability's. */
export function versionsOf(items: readonly Record<string, unknown>[], watchPrefix: string): Version[] {
  return items
    .filter(({ watchId }) => typeof watchId === 'string' && watchId.startsWith(watchPrefix))
    .map((item) => WatchVersion.parse(item));
}
