import type { BucketOrder } from '../../lambdas/shared/laps/plan-bucket.ts';
import type { Slice } from '../../lambdas/shared/laps/slice.ts';
import type { Visit } from '../../lambdas/shared/laps/slice-runner.ts';
import { SliceRunner } from '../../lambdas/shared/laps/slice-runner.ts';
import { topUpBuckets } from '../../lambdas/shared/laps/top-up.ts';
import { CredentialError } from '../../lambdas/shared/errors.ts';
import type { PlanWrite } from '../../lambdas/shared/pacer/buckets.store.ts';
import type { Bucket } from '../../lambdas/shared/pacer/pacer.ts';
import { Pacer } from '../../lambdas/shared/pacer/pacer.ts';
import type { RateLimit } from '../../lambdas/shared/settings.ts';
import type { WatchHead } from '../../lambdas/shared/watches.store.ts';
import { MemoryBuckets } from './memory-buckets.ts';
import { VirtualClock } from './virtual-clock.ts';

/** A message of the queue, as FIFO queues have them: the first one of the group blocks the rest. */
interface Message {
  readonly slice: Slice;
  readonly id: string;
  receives: number;
  visibleAt: number;
}

export interface PollingWorldOptions {
  /** @default one request a second, with a burst of five */
  readonly limit?: RateLimit;
  /** Watches that one request carries. @default 1 */
  readonly pack?: number;
}

const MINUTE = 60_000;
/** The queue's own limit, after which it dead-letters a message. */
const MOST_RECEIPTS = 10;

/**
 * Planner, queue, pacer and worker of one bucket together, in virtual time: what they do to each other over hours. Only
 * the upstream, the tables and the queue are played.
 */
export class PollingWorld {
  readonly clock = new VirtualClock();
  readonly buckets = new MemoryBuckets();
  readonly watches = new Map<string, WatchHead<unknown>>();
  readonly queue: Message[] = [];
  /** What the queue itself has given up, and what the worker has. */
  readonly lost: Slice[] = [];
  readonly letters: string[] = [];
  /** When each watch was answered last. */
  readonly answered = new Map<string, number>();
  requests = 0;
  secret = true;
  /** How the upstream answers. */
  upstream: (watchId: string) => Visit = () => ({ kind: 'unchanged' });

  readonly #bucket: Bucket;
  readonly #order: BucketOrder;
  readonly #sent = new Map<string, number>();
  readonly #runner: SliceRunner<unknown>;
  #messages = 0;

  constructor({ limit = { perSecond: 1, burst: 5 }, pack = 1 }: PollingWorldOptions = {}) {
    const { clock, watches } = this;
    this.#bucket = { id: 'b', limit };
    this.#order = {
      ...this.#bucket,
      pack,
      backlogSeconds: 150,
      sliceSeconds: 20,
      minLapSeconds: { new: 60, urgent: 60, steady: 60 },
    };
    this.#runner = new SliceRunner<unknown>(
      {
        pacer: new Pacer(this.buckets, clock),
        watches: {
          heads: (ids) => Promise.resolve(new Map([...watches].filter(([id]) => ids.includes(id)))),
          place: ({ watchId, bucketId }, to, { attempts, problem, missingSince }) => {
            const head = watches.get(watchId);
            if (head?.lap === undefined) return Promise.resolve(false);
            watches.set(watchId, { ...head, bucketId, lap: `${bucketId}#${to}`, attempts, problem, missingSince });
            return Promise.resolve(true);
          },
        },
        slices: {
          sendAgain: (slice, ids, delivery) => {
            this.send([{ ...slice, id: `${slice.id.replace(/~[^~]*$/, '')}~${delivery}`, watches: [...ids] }]);
            return Promise.resolve();
          },
        },
        deadLetters: { giveUp: ({ watches: [watchId = ''] }) => Promise.resolve(void this.letters.push(watchId)) },
        clock,
        attempts: 5,
        pause: () => 200,
        count: (metric, by) => {
          if (metric === 'RequestsSent') this.requests += by;
        },
        warn: () => undefined,
      },
      {
        pack,
        timeoutMs: 20_000,
        ready: () =>
          this.secret ? Promise.resolve() : Promise.reject(new CredentialError('SecretUnavailable', 'no secret')),
        check: async (heads, slot) => {
          slot.left();
          await clock.sleep(200);
          const visits = new Map(heads.map(({ watchId }) => [watchId, this.upstream(watchId)]));
          slot.answered({ throttled: false });
          for (const [watchId, visit] of visits) if (visit.kind !== 'failed') this.answered.set(watchId, clock.now());
          return visits;
        },
      },
    );
  }

  add(count: number, watchClass: 'new' | 'urgent' | 'steady', prefix = 'w'): string[] {
    const ids = Array.from({ length: count }, (_, index) => `${prefix}${String(index).padStart(5, '0')}`);
    for (const watchId of ids) {
      this.watches.set(watchId, { watchId, bucketId: 'b', lap: `b#${watchClass}`, version: 1, sentAt: 0 });
    }
    return ids;
  }

  send(slices: readonly Slice[]): void {
    for (const slice of slices) {
      const content = JSON.stringify(slice);
      const now = this.clock.now();
      if ((this.#sent.get(content) ?? -Infinity) > now - 5 * MINUTE) continue;
      this.#sent.set(content, now);
      this.queue.push({ slice, id: `m${++this.#messages}`, receives: 0, visibleAt: now });
    }
  }

  /** Lets so many minutes pass, with something else going on beside it until they are over. */
  async pass(minutes: number, beside?: (end: number) => Promise<void>): Promise<void> {
    const end = this.clock.now() + minutes * MINUTE;
    await this.clock.run(Promise.all([this.#plan(end), this.#work(end), beside?.(end)]));
  }

  /** Longest time without an answer of any of these watches, in minutes. */
  oldest(watchIds: Iterable<string>): number {
    const ages = [...watchIds].map((id) => (this.clock.now() - (this.answered.get(id) ?? -Infinity)) / MINUTE);
    return Math.max(...ages);
  }

  async #plan(end: number): Promise<void> {
    while (this.clock.now() < end) {
      await topUpBuckets([this.#order], {
        buckets: {
          read: (id) => this.buckets.read(id),
          recordPlan: (id, seen, plan: PlanWrite) => {
            const { stall: _stall, ...row } = this.buckets.rows.get(id) ?? {};
            if (row.planVersion !== seen) return Promise.resolve(undefined);
            this.buckets.rows.set(id, { ...row, ...plan, planVersion: (seen ?? 0) + 1 });
            return Promise.resolve((seen ?? 0) + 1);
          },
          recordSent: (id) => {
            const { unsent: _unsent, ...row } = this.buckets.rows.get(id) ?? {};
            this.buckets.rows.set(id, row);
            return Promise.resolve();
          },
          recordStall: (id, _, stall) => {
            if (stall) this.buckets.rows.set(id, { ...this.buckets.rows.get(id), stall });
            return Promise.resolve();
          },
        },
        lapReader: () => (watchClass, after, limit) => {
          const lap = [...this.watches.values()]
            .filter((head) => head.lap === `b#${watchClass}` && (after === null || head.watchId > after))
            .map((head) => head.watchId)
            .sort();
          return Promise.resolve({ watches: lap.slice(0, limit), last: lap.length <= limit });
        },
        send: (slices) => Promise.resolve(this.send(slices)),
        now: this.clock.now,
      });
      await this.clock.sleep(MINUTE);
    }
  }

  async #work(end: number): Promise<void> {
    while (this.clock.now() < end) {
      const [message] = this.queue;
      if (message === undefined || message.visibleAt > this.clock.now()) {
        await this.clock.sleep(1_000);
        continue;
      }
      message.receives += 1;
      if (message.receives > MOST_RECEIPTS) {
        this.lost.push(message.slice);
        this.queue.splice(this.queue.indexOf(message), 1);
        continue;
      }
      const deadline = this.clock.now() + MINUTE;
      const delivery = { messageId: message.id, receives: message.receives, deadline };
      const outcome = await this.#runner.run(message.slice, this.#bucket, delivery);
      if (outcome.kind === 'hide')
        message.visibleAt = this.clock.now() + Math.max(1, Math.floor(outcome.seconds)) * 1000;
      else this.queue.splice(this.queue.indexOf(message), 1);
      await this.clock.sleep(50);
    }
  }
}
