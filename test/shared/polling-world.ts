import type { Clock } from '../../lambdas/shared/clock.ts';
import { CredentialError, ThrottledError } from '../../lambdas/shared/errors.ts';
import type { PackedBucket } from '../../lambdas/shared/laps/packing.ts';
import type { BucketOrder } from '../../lambdas/shared/laps/plan-bucket.ts';
import type { Slice } from '../../lambdas/shared/laps/slice.ts';
import { lapOf } from '../../lambdas/shared/laps/slice.ts';
import type { Checks, Visit } from '../../lambdas/shared/laps/slice-runner.ts';
import { SliceRunner } from '../../lambdas/shared/laps/slice-runner.ts';
import { topUpBuckets } from '../../lambdas/shared/laps/top-up.ts';
import type { BucketRow, PlanWrite } from '../../lambdas/shared/pacer/buckets.store.ts';
import { Pacer } from '../../lambdas/shared/pacer/pacer.ts';
import type { WatchHead } from '../../lambdas/shared/watches.store.ts';
import { TokenBucket } from '../../local/upstreams/token-bucket.ts';
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
  /** @default 1 per second, burst 5, one watch a request */
  readonly bucket?: Omit<PackedBucket, 'id'>;
  /** Milliseconds of one request's way there and back. @default 100 each */
  readonly travel?: () => readonly [number, number];
  /** @default 60 s for every class */
  readonly minLapSeconds?: number;
}

const MINUTE = 60_000;
/** The queue's own limit, after which it dead-letters a message. */
const MOST_RECEIPTS = 10;
/** The queue's visibility time-out: how long a worker that died keeps its message. */
const VISIBILITY_MS = 90_000;
/** From a message that can be received to the worker's first line. */
const RECEIVE_MS = 50;

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
  /** When each watch was answered last, and its longest wait between two answers since it was watched over. */
  readonly answered = new Map<string, number>();
  longestWait = 0;
  requests = 0;
  throttled = 0;
  secret = true;
  /** How the upstream answers. */
  upstream: (watchId: string) => Visit = () => ({ kind: 'unchanged' });
  /** Set, the next planner dies at this step; the next worker dies so many milliseconds after it has begun. */
  planCrash: 'beforeSending' | 'inSending' | undefined;
  workCrashAfter: number | undefined;

  readonly #bucket: PackedBucket;
  readonly #order: BucketOrder;
  readonly #tokens: TokenBucket;
  readonly #travel: () => readonly [number, number];
  readonly #sent = new Map<string, number>();
  readonly #laps = new Map<string, string[]>();
  #environment: Environment;
  #messages = 0;

  constructor({ bucket, travel = () => [100, 100], minLapSeconds = 60 }: PollingWorldOptions = {}) {
    this.#bucket = { id: 'b', limit: { perSecond: 1, burst: 5 }, pack: 1, ...bucket };
    const { perSecond, burst } = this.#bucket.limit;
    this.#tokens = new TokenBucket({ rate: perSecond, burst });
    this.#travel = travel;
    this.#order = {
      ...this.#bucket,
      backlogSeconds: 150,
      sliceSeconds: 20,
      minLapSeconds: { new: minLapSeconds, urgent: minLapSeconds, steady: minLapSeconds },
    };
    this.#environment = this.#start();
  }

  add(count: number, watchClass: 'new' | 'urgent' | 'steady', prefix = 'w'): string[] {
    const ids = Array.from({ length: count }, (_, index) => `${prefix}${String(index).padStart(6, '0')}`);
    for (const watchId of ids) {
      this.#put({ watchId, bucketId: 'b', lap: lapOf('b', watchClass), version: 1, sentAt: 0 });
    }
    return ids;
  }

  /** Moves a watch into a class, as somebody else's write to its row does. */
  move(watchId: string, to: 'new' | 'urgent' | 'steady'): void {
    const head = this.watches.get(watchId);
    if (head) this.#put({ ...head, lap: lapOf('b', to) });
  }

  send(slices: readonly Slice[]): void {
    for (const slice of slices) {
      const content = JSON.stringify(slice);
      const now = this.clock.now();
      if ((this.#sent.get(content) ?? -Infinity) > now - 5 * MINUTE) continue;
      this.#sent.set(content, now);
      this.queue.push({ slice, id: `m${++this.#messages}`, receives: 0, visibleAt: now });
    }
    // What was sent more than five minutes ago may come again.
    for (const [content, at] of this.#sent) {
      if (at > this.clock.now() - 5 * MINUTE) break;
      this.#sent.delete(content);
    }
  }

  /** Lets so many minutes pass, with something else going on beside the polling. */
  async pass(minutes: number, meanwhile: (end: number) => Promise<void> = () => Promise.resolve()): Promise<void> {
    const end = this.clock.now() + minutes * MINUTE;
    await this.clock.run(Promise.all([this.#plan(end), this.#work(end), meanwhile(end)]));
  }

  /** Longest time without an answer of any of these watches, in minutes. */
  oldest(watchIds: Iterable<string>): number {
    const ages = [...watchIds].map((id) => (this.clock.now() - (this.answered.get(id) ?? -Infinity)) / MINUTE);
    return Math.max(...ages);
  }

  #put(head: WatchHead<unknown>): void {
    const before = this.watches.get(head.watchId)?.lap;
    this.watches.set(head.watchId, head);
    if (before === head.lap) return;
    const left = before === undefined ? undefined : this.#laps.get(before);
    if (left) left.splice(position(left, head.watchId), 1);
    if (head.lap === undefined) return;
    const joined = this.#laps.get(head.lap) ?? [];
    this.#laps.set(head.lap, joined);
    joined.splice(position(joined, head.watchId), 0, head.watchId);
  }

  /** A worker's execution environment: once it has been killed, nothing of it goes on. */
  #start(): Environment {
    const environment: Environment = { killed: false, runner: undefined };
    const isKilled = (): boolean => environment.killed;
    const until = async <T>(value: Promise<T>): Promise<T> => {
      const result = await value;
      return isKilled() ? new Promise<never>(() => undefined) : result;
    };
    const clock: Clock = { now: this.clock.now, sleepUntil: (time) => until(this.clock.sleepUntil(time)) };
    environment.runner = new SliceRunner<unknown>(
      {
        pacer: new Pacer(this.buckets, clock),
        watches: {
          heads: (ids) => {
            const found = ids.flatMap((id): [string, WatchHead<unknown>][] => {
              const head = this.watches.get(id);
              return head ? [[id, head]] : [];
            });
            return Promise.resolve(new Map(found));
          },
          place: ({ watchId, bucketId }, to, { attempts, problem, missingSince, missingParts, notBefore }) => {
            const head = this.watches.get(watchId);
            if (head?.lap === undefined) return Promise.resolve(false);
            this.#put({
              ...head,
              bucketId,
              lap: lapOf(bucketId, to),
              attempts,
              problem,
              missingSince,
              missingParts,
              notBefore,
            });
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
        count: () => undefined,
        warn: () => undefined,
      },
      this.#checks(clock),
    );
    return environment;
  }

  #checks(clock: Clock): Checks<unknown> {
    return {
      timeoutMs: 20_000,
      ready: () =>
        this.secret ? Promise.resolve() : Promise.reject(new CredentialError('SecretUnavailable', 'no secret')),
      check: async (_, heads, slot) => {
        slot.left();
        const [there, back] = this.#travel();
        await clock.sleepUntil(clock.now() + there);
        this.requests += 1;
        const isAdmitted = this.#tokens.take(this.clock.now());
        if (!isAdmitted) this.throttled += 1;
        await clock.sleepUntil(clock.now() + back);
        slot.answered({ throttled: !isAdmitted });
        const refused: Visit = { kind: 'failed', error: new ThrottledError('429') };
        return new Map(heads.map(({ watchId }) => [watchId, isAdmitted ? this.#answer(watchId) : refused]));
      },
    };
  }

  #answer(watchId: string): Visit {
    const visit = this.upstream(watchId);
    if (visit.kind === 'failed') return visit;
    const now = this.clock.now();
    const before = this.answered.get(watchId);
    if (before !== undefined) this.longestWait = Math.max(this.longestWait, now - before);
    this.answered.set(watchId, now);
    return visit;
  }

  async #plan(end: number): Promise<void> {
    while (this.clock.now() < end) {
      const crash = this.planCrash;
      this.planCrash = undefined;
      const planning = topUpBuckets([this.#order], {
        buckets: {
          read: (id) => this.buckets.read(id),
          recordPlan: (id, seen, plan: PlanWrite) => {
            const { stall: _stall, ...row } = this.#row(id);
            if (row.planVersion !== seen) return Promise.resolve(undefined);
            this.buckets.rows.set(id, { ...row, ...plan, planVersion: (seen ?? 0) + 1 });
            return Promise.resolve((seen ?? 0) + 1);
          },
          recordSent: (id) => {
            const { unsent: _unsent, ...row } = this.#row(id);
            this.buckets.rows.set(id, row);
            return Promise.resolve();
          },
          recordStall: (id, _, stall) => {
            if (stall) this.buckets.rows.set(id, { ...this.#row(id), stall });
            return Promise.resolve();
          },
        },
        lapReader: () => (watchClass, after, limit) => {
          const lap = this.#laps.get(lapOf('b', watchClass)) ?? [];
          const from = after === null ? 0 : position(lap, after) + (lap[position(lap, after)] === after ? 1 : 0);
          return Promise.resolve({ watches: lap.slice(from, from + limit), last: lap.length <= from + limit });
        },
        send: (slices) => {
          if (crash === 'inSending') this.send(slices.slice(0, Math.ceil(slices.length / 2)));
          if (crash !== undefined) return Promise.reject(new Error('killed'));
          return Promise.resolve(this.send(slices));
        },
        now: this.clock.now,
      });
      await (crash === undefined ? planning : planning.catch(() => undefined));
      await this.clock.sleep(MINUTE);
    }
  }

  #row(id: string): BucketRow {
    return this.buckets.rows.get(id) ?? {};
  }

  async #work(end: number): Promise<void> {
    while (this.clock.now() < end) {
      const [message] = this.queue;
      const wait = message === undefined ? 1_000 : message.visibleAt - this.clock.now();
      if (message === undefined || wait > 0) {
        await this.clock.sleep(wait);
        continue;
      }
      message.receives += 1;
      if (message.receives > MOST_RECEIPTS) {
        this.lost.push(message.slice);
        this.queue.splice(this.queue.indexOf(message), 1);
        continue;
      }
      await this.clock.sleep(RECEIVE_MS);
      await this.#deliver(message);
    }
  }

  async #deliver(message: Message): Promise<void> {
    const { clock } = this;
    const startedAt = clock.now();
    const delivery = { messageId: message.id, receives: message.receives, deadline: startedAt + MINUTE };
    const environment = this.#environment;
    const crash = this.workCrashAfter;
    this.workCrashAfter = undefined;
    const running = environment.runner?.run(message.slice, this.#bucket, delivery);
    const killed = crash === undefined ? new Promise<never>(() => undefined) : clock.sleep(crash).then(() => undefined);
    const outcome = await Promise.race([running, killed]);
    if (outcome === undefined) {
      environment.killed = true;
      this.#environment = this.#start();
      message.visibleAt = startedAt + VISIBILITY_MS;
    } else if (outcome.kind === 'hide') {
      message.visibleAt = clock.now() + Math.max(1, Math.floor(outcome.seconds)) * 1000;
    } else {
      this.queue.splice(this.queue.indexOf(message), 1);
    }
  }
}

interface Environment {
  killed: boolean;
  runner: SliceRunner<unknown> | undefined;
}

/** Where a value stands in a sorted list, or would stand. */
function position(sorted: readonly string[], value: string): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? '') < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
