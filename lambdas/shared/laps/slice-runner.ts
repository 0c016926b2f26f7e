import {
  CredentialError,
  RejectedError,
  ThrottledError,
  UnavailableError,
  UnreadableAnswerError,
  UpstreamError,
} from '../errors.ts';
import type { Pacer, SliceRun, Slot } from '../pacer/pacer.ts';
import { LONGEST_SLEEP_MS, stepId } from '../pacer/pacer.ts';
import type { SlicesQueue } from '../slices-queue.ts';
import type { WatchHead, WatchStore } from '../watches.store.ts';
import type { PackedBucket } from './packing.ts';
import { packs } from './packing.ts';
import type { Visit } from './round.ts';
import { Round } from './round.ts';
import type { Slice } from './slice.ts';
import type { SettleParts } from './settle-visit.ts';
import { settleVisit } from './settle-visit.ts';

export type { Visit } from './round.ts';

/** What a room brings: one request for as many watches as the bucket packs. */
export interface Checks<State> {
  /** Longest time that one request may take, milliseconds. */
  readonly timeoutMs: number;
  /** Gets ready what a request needs (credentials), before any slot is taken. */
  ready(bucket: PackedBucket): Promise<void>;
  /**
   * Sends one request, frees the slot as soon as the answer is there, and records what changed.
   *
   * @returns how it went, for each of the watches
   */
  check(
    bucket: PackedBucket,
    heads: readonly WatchHead<State>[],
    slot: Slot,
    correlationId: string,
  ): Promise<ReadonlyMap<string, Visit>>;
}

export interface SliceRunnerParts<State> extends SettleParts<State> {
  readonly pacer: Pick<Pacer, 'open' | 'hold' | 'interval' | 'lastStep'>;
  readonly watches: Pick<WatchStore<State>, 'heads' | 'place'>;
  readonly slices: Pick<SlicesQueue, 'sendAgain'>;
  /** Pause before failed requests are repeated, milliseconds. */
  readonly pause: () => number;
  readonly count: (metric: SliceMetric, by: number) => void;
}

export type SliceMetric =
  | 'RequestsSent'
  | 'Throttled'
  | 'Unavailable'
  | 'CredentialsRefused'
  | 'UnreadableAnswers'
  | 'Rejected'
  | 'ChangesRecorded'
  | 'WatchesDeadLettered';

/** One receipt of a slice's message. */
export interface Delivery {
  readonly messageId: string;
  /** How often the message has been received, this time included. */
  readonly receives: number;
  /** When the function's time is up, epoch milliseconds. */
  readonly deadline: number;
}

/** How many visits ended in each way. */
export type Visits = Readonly<Partial<Record<Visit['kind'] | 'leftOver', number>>>;

/** `done`, or for how long the message wants to be hidden and why. */
export type SliceOutcome =
  | { readonly kind: 'done'; readonly visits: Visits }
  | {
      readonly kind: 'hide';
      readonly seconds: number;
      readonly because: 'pace' | 'outage';
      readonly error?: UpstreamError;
      /** Where a part of the slice has been sent. */
      readonly visits?: Visits;
    };

/** So many failed requests in a row raise the suspicion that the upstream is down, and not that the watches are at fault. */
const OUTAGE_FAILURES = 10;
/** A slice held through an outage is sent anew before the queue's own limit of receipts would dead-letter it. */
const MOST_RECEIVES = 8;
const SHORTEST_HOLD_SECONDS = 15;
const LONGEST_HOLD_SECONDS = 900;
/** A planner that finds a bucket held leaves it alone for this much longer than the hold. */
const HOLD_MARGIN_MS = 90_000;
/** How often a slice repeats what has failed, each time fewer watches than before. */
const MOST_REPEATS = 4;
/** Heads that are read in one go. */
const HEADS_READ_AHEAD = 50;
/** How much before its slots a hidden slice wants to come back. */
const EARLY_MS = 200;
/** Time kept for recording and reporting after the last answer. */
const CLOSING_MS = 5_000;

/** A slice under way. */
interface Sending<State> {
  readonly slice: Slice;
  /** Packs no more than the slice allows. */
  readonly bucket: PackedBucket;
  readonly delivery: Delivery;
  readonly run: SliceRun;
  readonly round: Round<State>;
}

/** A little early, so that the last stretch is waited for to the millisecond. */
function hiddenFor(waitMs: number): { kind: 'hide'; seconds: number; because: 'pace' } {
  return { kind: 'hide', seconds: (waitMs - EARLY_MS) / 1000, because: 'pace' };
}

/** Whether a visit shows that the upstream works. */
function isAnswer(visit: Visit): boolean {
  switch (visit.kind) {
    case 'recorded':
    case 'unchanged':
    case 'early':
    case 'invalid':
      return true;
    case 'vanished':
      return visit.missingParts !== undefined;
    default:
      return false;
  }
}

/** Whether a failure says more about the watch than about the upstream. */
function isOfWatch(error: UpstreamError): boolean {
  return error instanceof UnreadableAnswerError || error instanceof RejectedError;
}

function metricOf(error: UpstreamError): SliceMetric {
  if (error instanceof RejectedError) return 'Rejected';
  if (error instanceof UnreadableAnswerError) return 'UnreadableAnswers';
  if (error instanceof CredentialError) return 'CredentialsRefused';
  return error instanceof ThrottledError ? 'Throttled' : 'Unavailable';
}

/** When known things vanish in a row, it is the upstream that has lost them. */
const EVERYTHING_UNKNOWN = new UnavailableError('EverythingUnknown', 'the upstream knows none of what it knew before');

/** Sends slices: paced, packed, with repeats of what failed, and a place for every watch that failed for good. */
export class SliceRunner<State> {
  readonly #parts: SliceRunnerParts<State>;
  readonly #checks: Checks<State>;
  /** Failures in a row, by bucket. */
  readonly #streaks = new Map<string, number>();
  /** The next request of the slice that is sent step by step, by bucket. */
  readonly #steps = new Map<string, { readonly slice: string; readonly next: number }>();
  /** Buckets that this environment has held, for as long as nothing has been answered since. */
  readonly #held = new Set<string>();
  /** The watch that was answered last, by bucket: the witness when everything else seems to fail. */
  readonly #witnesses = new Map<string, string>();

  constructor(parts: SliceRunnerParts<State>, checks: Checks<State>) {
    this.#parts = parts;
    this.#checks = checks;
  }

  async run(slice: Slice, roomy: PackedBucket, delivery: Delivery): Promise<SliceOutcome> {
    const { pacer } = this.#parts;
    const bucket = { ...roomy, pack: Math.min(roomy.pack, slice.pack ?? roomy.pack) };
    const requests = packs([...new Set(slice.watches)], (watchId) => watchId, bucket);
    if (requests.length > 1 && pacer.interval(bucket) > LONGEST_SLEEP_MS) {
      return this.#runStep(slice, requests, bucket, delivery);
    }
    return (await this.#runAll(slice, requests, bucket, delivery)).outcome;
  }

  /**
   * Sends one request of a slice whose requests lie further apart than is slept through, and hides the message until the
   * next one. Which one that is, this environment remembers; another one finds in the bucket's row which one went last,
   * and sends that again, since nobody knows what became of it.
   */
  async #runStep(
    slice: Slice,
    requests: readonly string[][],
    bucket: PackedBucket,
    delivery: Delivery,
  ): Promise<SliceOutcome> {
    const at = Math.min(await this.#stepOf(slice, bucket, delivery), requests.length - 1);
    const left = requests.length - 1 - at;
    const endsAt = slice.endsAt === undefined ? undefined : Math.max(1, slice.endsAt - left);
    const step = { ...slice, id: stepId(slice.id, at), endsAt, watches: requests[at] ?? [] };
    const { outcome, waitMs } = await this.#runAll(step, [step.watches], bucket, delivery);
    if (outcome.kind === 'hide') return outcome;
    if (left === 0) {
      this.#steps.delete(bucket.id);
      return outcome;
    }
    this.#steps.set(bucket.id, { slice: slice.id, next: at + 1 });
    if (delivery.receives < MOST_RECEIVES) return { ...outcome, ...hiddenFor(waitMs) };
    await this.#parts.slices.sendAgain(slice, requests.slice(at + 1).flat(), delivery.messageId);
    return outcome;
  }

  async #stepOf(slice: Slice, bucket: PackedBucket, { receives }: Delivery): Promise<number> {
    // A slice that was redriven begins anew.
    if (receives === 1) return 0;
    const known = this.#steps.get(bucket.id);
    if (known?.slice === slice.id) return known.next;
    return (await this.#parts.pacer.lastStep(bucket, slice.id)) ?? 0;
  }

  async #runAll(
    slice: Slice,
    requests: readonly string[][],
    bucket: PackedBucket,
    delivery: Delivery,
  ): Promise<{ readonly outcome: SliceOutcome; readonly waitMs: number }> {
    const { pacer } = this.#parts;
    const coming = this.#readAhead(requests);
    // The first heads are read while the credentials are fetched and the slots reserved, except where the slice will
    // probably have to wait.
    const waits = pacer.interval(bucket) > LONGEST_SLEEP_MS && delivery.receives === 1;
    const eager = waits ? undefined : coming.next();
    eager?.catch(() => undefined);
    try {
      await this.#checks.ready(bucket);
    } catch (error) {
      if (!(error instanceof UpstreamError)) throw error;
      this.#parts.count(metricOf(error), 1);
      return { outcome: await this.#hold(slice, bucket, new Round(), error, delivery), waitMs: 0 };
    }
    const opened = await pacer.open(bucket, { id: slice.id, requests: requests.length, endsAt: slice.endsAt });
    if ('waitMs' in opened) return { outcome: hiddenFor(opened.waitMs), waitMs: opened.waitMs };

    const round = new Round<State>();
    const sending = { slice, bucket, delivery, run: opened, round };
    try {
      for (let chunk = await (eager ?? coming.next()); !chunk.done && !round.isOver(); chunk = await coming.next()) {
        round.heads.push(...chunk.value);
        await this.#send(sending, round.unvisited(chunk.value));
      }
      await round.answers();
      await this.#settleSuspicion(sending);
      await this.#repeat(sending);
      await round.answers();
    } finally {
      // Nothing goes on behind the function's back, whatever has gone wrong.
      await round.settled();
    }
    await opened.close();
    if (round.outage !== undefined) {
      return { outcome: await this.#hold(slice, bucket, round, round.outage, delivery), waitMs: 0 };
    }
    if (this.#held.delete(bucket.id)) await pacer.hold(bucket, 0);
    const leftOver = round.unvisited(round.heads).map(({ watchId }) => watchId);
    if (leftOver.length > 0) await this.#parts.slices.sendAgain(slice, leftOver, delivery.messageId);
    for (const [pack, doubtful] of round.doubtful()) {
      // A name of its own: a reservation is found by it.
      await this.#parts.slices.sendAgain({ ...slice, pack }, doubtful, `${delivery.messageId}/${pack}`);
    }
    await Promise.all(
      round.heads.map(async (head) => {
        const visit = round.visits.get(head.watchId);
        if (visit !== undefined) await settleVisit(this.#parts, slice, head, visit);
      }),
    );
    const visits = { ...round.tally(), ...(leftOver.length > 0 && { leftOver: leftOver.length }) };
    return { outcome: { kind: 'done', visits }, waitMs: opened.wait };
  }

  /**
   * The heads of a slice's watches, chunk by chunk, each read while the one before is being sent. A chunk is of whole
   * requests, or there would be more of them than slots.
   */
  async *#readAhead(requests: readonly (readonly string[])[]): AsyncGenerator<WatchHead<State>[], undefined> {
    const chunks: string[][] = [[]];
    for (const request of requests) {
      if ((chunks.at(-1)?.length ?? 0) >= HEADS_READ_AHEAD) chunks.push([]);
      chunks.at(-1)?.push(...request);
    }
    let coming = this.#heads(chunks[0] ?? []);
    for (const next of [...chunks.slice(1), []]) {
      const heads = await coming;
      coming = this.#heads(next);
      // Reported when its turn comes.
      coming.catch(() => undefined);
      yield heads;
    }
    return undefined;
  }

  async #heads(watchIds: readonly string[]): Promise<WatchHead<State>[]> {
    if (watchIds.length === 0) return [];
    // A head that is a moment old costs half; what is recorded is compared with the latest one in any case.
    const heads = await this.#parts.watches.heads(watchIds, 'recent');
    const now = this.#parts.clock.now();
    return watchIds.flatMap((watchId) => {
      const head = heads.get(watchId);
      return head?.lap === undefined || (head.notBefore ?? 0) > now ? [] : [head];
    });
  }

  /** Sends one request per pack, each in its slot, until all are on their way or there is a reason to stop. */
  async #send(sending: Sending<State>, heads: readonly WatchHead<State>[]): Promise<void> {
    const { bucket, run, round } = sending;
    for (const pack of packs(heads, ({ watchId }) => watchId, bucket)) {
      await this.#settleSuspicion(sending);
      if (round.isOver() || !this.#hasTime(sending, run.wait)) return;
      await this.#request(sending, pack);
    }
  }

  /** What failed in a way that may pass is sent again at the slice's end, and once more as long as that helps some. */
  async #repeat(sending: Sending<State>): Promise<void> {
    const { bucket, run, round } = sending;
    const { clock } = this.#parts;
    let before = Infinity;
    for (let times = 0; times < MOST_REPEATS && !round.isOver(); times += 1) {
      const repeat = round.repeatable();
      if (repeat.length === 0 || repeat.length >= before) return;
      before = repeat.length;
      const again = packs(repeat, ({ watchId }) => watchId, bucket).length;
      const pauseMs = this.#parts.pause();
      if (!this.#hasTime(sending, pauseMs + again * run.interval)) return;
      await clock.sleepUntil(clock.now() + pauseMs);
      await run.extend(again);
      await this.#send(sending, repeat);
      await round.answers();
      await this.#settleSuspicion(sending);
    }
  }

  /** Sends one request in the next slot, without waiting for its answer. */
  async #request({ bucket, delivery, run, round }: Sending<State>, heads: readonly WatchHead<State>[]): Promise<void> {
    const slot = await run.slot();
    if (round.isOver()) {
      slot.answered({ throttled: false });
      return;
    }
    this.#parts.count('RequestsSent', 1);
    round.await(
      this.#checks
        .check(bucket, heads, slot, delivery.messageId)
        .then((visits) => {
          for (const [watchId, visit] of visits) round.note(watchId, visit);
          round.suspicion ??= this.#watchOut(bucket, visits);
        })
        // A slot that is never freed would hold up the rest of the slice.
        .finally(() => slot.answered({ throttled: false })),
    );
  }

  #hasTime({ delivery }: Sending<State>, ms: number): boolean {
    return this.#parts.clock.now() + ms + this.#checks.timeoutMs + CLOSING_MS <= delivery.deadline;
  }

  /** Counts a request's visits, and says when so many have failed that the upstream itself is in doubt. */
  #watchOut(bucket: PackedBucket, visits: ReadonlyMap<string, Visit>): UpstreamError | undefined {
    const { count } = this.#parts;
    const all = [...visits.values()];
    const recorded = all.filter(({ kind }) => kind === 'recorded').length;
    if (recorded > 0) count('ChangesRecorded', recorded);
    // A request that failed as a whole is one failure, however many watches it carried.
    const errors = new Set(all.flatMap((visit) => (visit.kind === 'failed' ? [visit.error] : [])));
    for (const error of errors) count(metricOf(error), 1);
    const [witness] = [...visits].find(([, visit]) => isAnswer(visit)) ?? [];
    if (witness !== undefined) {
      this.#streaks.set(bucket.id, 0);
      this.#witnesses.set(bucket.id, witness);
      return undefined;
    }
    const passing = [...errors].filter((error) => !isOfWatch(error));
    if (all.some(({ kind }) => kind === 'vanished')) passing.push(EVERYTHING_UNKNOWN);
    const [error] = passing;
    if (error === undefined) return undefined;
    const streak = (this.#streaks.get(bucket.id) ?? 0) + 1;
    this.#streaks.set(bucket.id, streak);
    return passing.find((each) => each instanceof CredentialError) ?? (streak >= OUTAGE_FAILURES ? error : undefined);
  }

  /**
   * Where the upstream is in doubt, asks it about a watch that it has answered lately, or one that the slice has not come
   * to yet. An answer clears it, and the failures are the watches' own; none makes it an outage.
   */
  async #settleSuspicion(sending: Sending<State>): Promise<void> {
    const { slice, bucket, run, round } = sending;
    if (round.suspicion === undefined) return;
    await round.answers();
    const { suspicion } = round;
    round.suspicion = undefined;
    const unvisited = slice.watches.findLast((watchId) => !round.visits.has(watchId));
    for (const witness of new Set([this.#witnesses.get(bucket.id), unvisited])) {
      const [head] = witness === undefined ? [] : await this.#heads([witness]);
      if (head === undefined || !this.#hasTime(sending, run.wait)) continue;
      await run.extend(1);
      await this.#request(sending, [head]);
      await round.answers();
      round.suspicion = undefined;
      if (this.#streaks.get(bucket.id) === 0) return;
    }
    round.outage = suspicion;
  }

  /** Nothing is given up in an outage: the slice waits, and with it its bucket and the bucket's planner. */
  async #hold(
    slice: Slice,
    bucket: PackedBucket,
    round: Round<State>,
    error: UpstreamError,
    delivery: Delivery,
  ): Promise<SliceOutcome> {
    const seconds = Math.min(LONGEST_HOLD_SECONDS, SHORTEST_HOLD_SECONDS * 2 ** (delivery.receives - 1));
    this.#held.add(bucket.id);
    await this.#parts.pacer.hold(bucket, this.#parts.clock.now() + seconds * 1000 + HOLD_MARGIN_MS);
    if (delivery.receives < MOST_RECEIVES) return { kind: 'hide', seconds, because: 'outage', error };
    const unserved = round.unserved(slice.watches);
    if (unserved.length > 0) await this.#parts.slices.sendAgain(slice, unserved, delivery.messageId);
    return { kind: 'done', visits: { ...round.tally(), leftOver: unserved.length } };
  }
}
