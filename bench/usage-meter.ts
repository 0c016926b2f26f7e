import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import type { BusEvent, Cloud, InvocationInfo, ServiceCall } from '../local/cloud/cloud.ts';
import type { MeteringProxy } from './metering-proxy.ts';
import { CHUNK_BYTES } from './price-list.ts';

/** What AWS would charge for. */
export interface Usage {
  readonly invocations: number;
  /** Of billed milliseconds, at the memory that the template gives. */
  readonly gigabyteSeconds: number;
  readonly queueRequests: number;
  readonly readUnits: number;
  readonly writeUnits: number;
  readonly events: number;
  readonly schedulerInvocations: number;
  readonly secretCalls: number;
  readonly logBytes: number;
}

/** What has been metered between two moments. */
export interface Taken {
  /** Items that were polled, and polls that found a change. */
  readonly polled: number;
  readonly changes: number;
  readonly usage: Usage;
  /** The part of `usage` that changes have cost: their transactions and their publishing. */
  readonly changed: Usage;
  /** A worker's invocation, on average: what it logs, and how long it takes where it sends nothing. */
  readonly oneInvocation: { readonly idleSeconds: number; readonly gigabytes: number; readonly logBytes: number };
  /** Traces that functions with active tracing offer to X-Ray, before it samples. */
  readonly traces: number;
}

export interface Progress {
  readonly invocations: number;
  readonly polled: number;
  readonly changes: number;
  readonly published: number;
  readonly events: number;
}

export const NO_USAGE: Usage = {
  invocations: 0,
  gigabyteSeconds: 0,
  queueRequests: 0,
  readUnits: 0,
  writeUnits: 0,
  events: 0,
  schedulerInvocations: 0,
  secretCalls: 0,
  logBytes: 0,
};

export function addUsage(one: Usage, other: Usage): Usage {
  return combine(one, (name, value) => value + other[name]);
}

export function scaleUsage(usage: Usage, times: number): Usage {
  return combine(usage, (_, value) => value * times);
}

function combine(usage: Usage, merge: (name: keyof Usage, value: number) => number): Usage {
  const names = Object.keys(usage) as (keyof Usage)[];
  return Object.fromEntries(names.map((name) => [name, merge(name, usage[name])])) as unknown as Usage;
}

/** A worker's log tells of each slice how its watches fared. */
const SliceLine = z.object({
  message: z.object({
    message: z.literal('slice'),
    visits: z.object({ unchanged: z.number().default(0), recorded: z.number().default(0) }),
  }),
});

const FunctionProperties = z.object({
  MemorySize: z.number(),
  TracingConfig: z.object({ Mode: z.string() }).optional(),
});

/** An invocation this short has only put its slice off. */
const PUT_OFF_MS = 150;
/** Nothing that is measured lasts longer. */
const LONGEST_MS = 5 * 60_000;
/** The transaction of a change writes two rows, and publishing takes the mark off one. */
const QUIET_MS = 2_000;
/** An invocation's log lines come after it has ended. */
const LOG_MS = 200;

/** Meters a local cloud through its hooks and a proxy in front of its DynamoDB engine. */
export class UsageMeter {
  readonly #proxy: MeteringProxy;
  readonly #gigabytes = new Map<string, number>();
  readonly #traced = new Set<string>();
  #worker = '';
  #publisher = '';
  #buckets = '';
  #count = emptyCount();

  constructor(proxy: MeteringProxy) {
    this.#proxy = proxy;
  }

  /** To be called before the cloud starts. */
  open(cloud: Cloud): void {
    for (const [logicalId, { type, properties, constructPath = '' }] of cloud.resources) {
      if (type !== 'AWS::Lambda::Function') continue;
      const { MemorySize, TracingConfig } = FunctionProperties.parse(properties);
      this.#gigabytes.set(logicalId, MemorySize / 1024);
      if (TracingConfig?.Mode === 'Active') this.#traced.add(logicalId);
      if (constructPath.includes('/PriceChecks/Worker/')) this.#worker = logicalId;
      if (constructPath.includes('/PublishChanges/')) this.#publisher = logicalId;
    }
    this.#buckets = cloud.physicalId('WatchTables/Buckets');
  }

  call({ caller, service, operation, input }: ServiceCall): void {
    if (caller.kind === 'operator') return;
    const count = this.#count;
    // The queue of the titles has nothing to do here.
    if (service === 'sqs' && !(caller.logicalId ?? '').startsWith('TitleChecks')) {
      count.queueRequests += 1 + Math.floor(Buffer.byteLength(JSON.stringify(input)) / CHUNK_BYTES);
    }
    if (service === 'secretsmanager') count.secretCalls += 1;
    if (operation === 'TransactWriteItems') count.changes += 1;
    if (operation === 'UpdateItem' && input['TableName'] === this.#buckets) count.bucketWrites += 1;
    if (operation === 'UpdateItem' && caller.logicalId === this.#publisher) count.published += 1;
  }

  invocation({ functionId, durationMs }: InvocationInfo): void {
    const count = this.#count;
    const gigabyteSeconds = (Math.ceil(durationMs) / 1000) * (this.#gigabytes.get(functionId) ?? 0);
    count.invocations += 1;
    count.gigabyteSeconds += gigabyteSeconds;
    if (this.#traced.has(functionId)) count.traces += 1;
    if (functionId === this.#publisher) {
      count.publishing.invocations += 1;
      count.publishing.gigabyteSeconds += gigabyteSeconds;
    }
    if (functionId !== this.#worker) return;
    count.workerInvocations += 1;
    if (durationMs >= PUT_OFF_MS) return;
    count.putOffs += 1;
    count.putOffSeconds += durationMs / 1000;
  }

  event({ detail }: BusEvent): void {
    this.#count.events += 1 + Math.floor(Buffer.byteLength(JSON.stringify(detail)) / CHUNK_BYTES);
  }

  log(functionId: string, text: string): void {
    const count = this.#count;
    const bytes = Buffer.byteLength(text) + 1;
    count.logBytes += bytes;
    if (functionId === this.#worker) count.workerLogBytes += bytes;
    if (functionId === this.#publisher) count.publishing.logBytes += bytes;
    if (functionId !== this.#worker || !text.includes('"slice"')) return;
    const line = SliceLine.safeParse(JSON.parse(text));
    if (!line.success) return;
    const { unchanged, recorded } = line.data.message.visits;
    count.polled += unchanged + recorded;
  }

  /** @throws Error where it does not come about within five minutes */
  async until(condition: (progress: Progress) => boolean): Promise<void> {
    const end = Date.now() + LONGEST_MS;
    while (!condition(this.#count)) {
      if (Date.now() > end) throw new Error(`waited in vain: ${JSON.stringify(this.#count)}`);
      await sleep(100);
    }
    await sleep(QUIET_MS);
  }

  /** What has been metered since the last question. */
  async take(): Promise<Taken> {
    await sleep(LOG_MS);
    const count = this.#count;
    this.#count = emptyCount();
    const { readUnits, writeUnits, refusedWrites } = this.#proxy.take();
    const { invocations, gigabyteSeconds, queueRequests, events, secretCalls, logBytes } = count;
    // The row of a bucket is small: each of its writes is one unit. So is taken to be one whose condition fails.
    const changeUnits = writeUnits - count.bucketWrites;
    return {
      polled: count.polled,
      changes: count.changes,
      usage: {
        ...NO_USAGE,
        invocations,
        gigabyteSeconds,
        queueRequests,
        events,
        secretCalls,
        logBytes,
        readUnits,
        writeUnits: writeUnits + refusedWrites,
      },
      changed: { ...NO_USAGE, ...count.publishing, events, writeUnits: changeUnits },
      oneInvocation: {
        idleSeconds: count.putOffSeconds / Math.max(1, count.putOffs),
        gigabytes: this.#gigabytes.get(this.#worker) ?? 0,
        logBytes: count.workerLogBytes / Math.max(1, count.workerInvocations),
      },
      traces: count.traces,
    };
  }
}

function emptyCount() {
  return {
    polled: 0,
    changes: 0,
    published: 0,
    invocations: 0,
    gigabyteSeconds: 0,
    queueRequests: 0,
    bucketWrites: 0,
    events: 0,
    secretCalls: 0,
    logBytes: 0,
    traces: 0,
    workerInvocations: 0,
    workerLogBytes: 0,
    /** Invocations that have only put their slice off. */
    putOffs: 0,
    putOffSeconds: 0,
    publishing: { invocations: 0, gigabyteSeconds: 0, logBytes: 0 },
  };
}
