import type { Clock } from '../clock.ts';
import type { DeadLetterQueue } from '../dead-letters.ts';
import { CredentialError, RejectedError, ThrottledError, UnreadableAnswerError } from '../errors.ts';
import type { UpstreamError } from '../errors.ts';
import type { Bucket, Pacer, SliceRun, Slot } from '../pacer/pacer.ts';
import type { SlicesQueue } from '../slices-queue.ts';
import type { VisitNotes, WatchHead, WatchStore } from '../watches.store.ts';
import type { Visit } from './round.ts';
import { Round } from './round.ts';
import type { Slice } from './slice.ts';
import { classOf } from './slice.ts';

export type { Visit } from './round.ts';

/** What a room brings: one request for up to `pack` watches. */
export interface Checks<State> {
  readonly pack: number;
  /** Longest time that one request may take, milliseconds. */
  readonly timeoutMs: number;
  /** Gets ready what a request needs (credentials), before any slot is taken. */
  ready(bucket: Bucket): Promise<void>;
  /**
   * Sends one request, frees the slot as soon as the answer is there, and records what changed.
   *
   * @returns how it went, for each of the watches
   */
  check(heads: readonly WatchHead<State>[], slot: Slot, correlationId: string): Promise<ReadonlyMap<string, Visit>>;
}

export interface SliceRunnerParts<State> {
  readonly pacer: Pacer;
  readonly watches: Pick<WatchStore<State>, 'heads' | 'place'>;
  readonly slices: Pick<SlicesQueue, 'sendAgain'>;
  readonly deadLetters: Pick<DeadLetterQueue, 'giveUp'>;
  readonly clock: Clock;
  /** Visits in a row that may fail before a watch is dead-lettered. */
  readonly attempts: number;
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

/** `done`, or for how long the message wants to be hidden and why. */
export type SliceOutcome =
  | { readonly kind: 'done'; readonly visits: Readonly<Record<Visit['kind'] | 'leftOver', number>> }
  | {
      readonly kind: 'hide';
      readonly seconds: number;
      readonly because: 'pace' | 'outage';
      readonly error?: UpstreamError;
    };

/** So many failures in a row mean that the upstream is down, not that the titles are at fault. */
const OUTAGE_FAILURES = 10;
/** A slice held through an outage is sent anew before the queue's own limit of receipts would dead-letter it. */
const MOST_RECEIVES = 8;
const LONGEST_HOLD_SECONDS = 900;
/** Heads that are read in one go. */
const HEADS_READ_AHEAD = 50;
/** Time kept for recording and reporting after the last answer. */
const CLOSING_MS = 5_000;

/** Sends slices: paced, packed, with one repeat of what failed, and a place for every watch that failed for good. */
export class SliceRunner<State> {
  readonly #parts: SliceRunnerParts<State>;
  readonly #checks: Checks<State>;
  /** Failures in a row, by bucket. */
  readonly #streaks = new Map<string, number>();

  constructor(parts: SliceRunnerParts<State>, checks: Checks<State>) {
    this.#parts = parts;
    this.#checks = checks;
  }

  async run(slice: Slice, bucket: Bucket, delivery: Delivery): Promise<SliceOutcome> {
    const { clock, pacer } = this.#parts;
    try {
      await this.#checks.ready(bucket);
    } catch (error) {
      if (!(error instanceof CredentialError)) throw error;
      this.#parts.count('CredentialsRefused', 1);
      return this.#hold(slice, slice.watches, new Round(), error, delivery);
    }
    const coming = this.#readAhead(slice.watches);
    // The first heads are read while the slots are reserved.
    const first = coming.next();
    first.catch(() => undefined);
    const requests = Math.ceil(slice.watches.length / this.#checks.pack);
    const opened = await pacer.open(bucket, { id: slice.id, requests, endsAt: slice.endsAt });
    // A second early, so that the last stretch is waited for to the millisecond.
    if ('waitMs' in opened) return { kind: 'hide', seconds: opened.waitMs / 1000 - 1, because: 'pace' };

    const round = new Round<State>();
    for (let chunk = await first; !chunk.done && !round.isOver(); chunk = await coming.next()) {
      round.heads.push(...chunk.value);
      await this.#send(round, chunk.value, opened, bucket, delivery);
    }
    await round.answers();
    const repeat = round.repeatable();
    if (!round.isOver() && repeat.length > 0) {
      const again = Math.ceil(repeat.length / this.#checks.pack);
      const pauseMs = this.#parts.pause();
      const needed = pauseMs + again * opened.interval + this.#checks.timeoutMs + CLOSING_MS;
      if (clock.now() + needed < delivery.deadline) {
        await clock.sleepUntil(clock.now() + pauseMs);
        await opened.extend(again);
        await this.#send(round, repeat, opened, bucket, delivery);
        await round.answers();
      }
    }
    await opened.close();
    if (round.outage !== undefined) {
      return this.#hold(slice, round.unserved(slice.watches), round, round.outage, delivery);
    }
    const leftOver = round.leftOver();
    if (leftOver.length > 0) await this.#parts.slices.sendAgain(slice, leftOver, delivery.messageId);
    await Promise.all(
      round.heads.map(async (head) => {
        const visit = round.visits.get(head.watchId);
        if (visit !== undefined) await this.#settle(slice, head, visit);
      }),
    );
    return { kind: 'done', visits: { ...round.tally(), leftOver: leftOver.length } };
  }

  /** The heads of a slice's watches, chunk by chunk, each read while the one before is being sent. */
  async *#readAhead(watchIds: readonly string[]): AsyncGenerator<WatchHead<State>[], undefined> {
    const { pack } = this.#checks;
    const size = pack * Math.ceil(HEADS_READ_AHEAD / pack);
    let coming = this.#heads(watchIds.slice(0, size));
    for (let end = size; end - size < watchIds.length; end += size) {
      const heads = await coming;
      coming = this.#heads(watchIds.slice(end, end + size));
      // Reported when its turn comes.
      coming.catch(() => undefined);
      yield heads;
    }
    return undefined;
  }

  async #heads(watchIds: readonly string[]): Promise<WatchHead<State>[]> {
    if (watchIds.length === 0) return [];
    const heads = await this.#parts.watches.heads(watchIds);
    return watchIds.flatMap((watchId) => {
      const head = heads.get(watchId);
      return head?.lap === undefined ? [] : [head];
    });
  }

  /** Sends one request per pack, each in its slot, until all are on their way or there is a reason to stop. */
  async #send(
    round: Round<State>,
    heads: readonly WatchHead<State>[],
    run: SliceRun,
    bucket: Bucket,
    delivery: Delivery,
  ): Promise<void> {
    const { clock, count } = this.#parts;
    const { pack, timeoutMs } = this.#checks;
    for (let index = 0; index < heads.length && !round.isOver(); index += pack) {
      if (clock.now() + run.interval + timeoutMs + CLOSING_MS > delivery.deadline) return;
      const slot = await run.slot();
      if (round.isOver()) {
        slot.answered({ throttled: false });
        return;
      }
      const packed = heads.slice(index, index + pack);
      count('RequestsSent', 1);
      round.await(
        this.#checks
          .check(packed, slot, delivery.messageId)
          .then((visits) => {
            for (const [watchId, visit] of visits) {
              round.visits.set(watchId, visit);
              round.outage ??= this.#watchOut(bucket, visit);
            }
          })
          // A slot that is never freed would hold up the rest of the slice.
          .finally(() => slot.answered({ throttled: false })),
      );
    }
  }

  /** Counts a visit, and says when it completes an outage. */
  #watchOut(bucket: Bucket, visit: Visit): UpstreamError | undefined {
    const { count } = this.#parts;
    if (visit.kind !== 'failed') {
      if (visit.kind === 'recorded') count('ChangesRecorded', 1);
      this.#streaks.set(bucket.id, 0);
      return undefined;
    }
    const { error } = visit;
    if (error instanceof UnreadableAnswerError || error instanceof RejectedError) {
      count(error instanceof RejectedError ? 'Rejected' : 'UnreadableAnswers', 1);
      return undefined;
    }
    const streak = (this.#streaks.get(bucket.id) ?? 0) + 1;
    this.#streaks.set(bucket.id, streak);
    if (error instanceof CredentialError) {
      count('CredentialsRefused', 1);
      return error;
    }
    count(error instanceof ThrottledError ? 'Throttled' : 'Unavailable', 1);
    return streak >= OUTAGE_FAILURES ? error : undefined;
  }

  /** Nothing is given up in an outage: the slice waits, and with it its bucket. */
  async #hold(
    slice: Slice,
    unserved: readonly string[],
    round: Round<State>,
    error: UpstreamError,
    delivery: Delivery,
  ): Promise<SliceOutcome> {
    if (delivery.receives < MOST_RECEIVES) {
      const seconds = Math.min(LONGEST_HOLD_SECONDS, 5 * 2 ** (delivery.receives - 1));
      return { kind: 'hide', seconds, because: 'outage', error };
    }
    if (unserved.length > 0) await this.#parts.slices.sendAgain(slice, unserved, delivery.messageId);
    return { kind: 'done', visits: { ...round.tally(), leftOver: unserved.length } };
  }

  /** Leaves a watch where the next planner will find it. Writes nothing after a usual visit. */
  async #settle(slice: Slice, head: WatchHead<State>, visit: Visit): Promise<void> {
    const { watches } = this.#parts;
    const steady = classOf(head.lap ?? '') === 'steady';
    const noted = head.attempts !== undefined || head.problem !== undefined || head.missingSince !== undefined;
    switch (visit.kind) {
      case 'recorded':
        return;
      case 'unchanged':
        if (!steady || noted) await watches.place(head, 'steady', {});
        return;
      case 'vanished':
        if (head.missingSince === undefined) await watches.place(head, 'urgent', { missingSince: visit.since });
        return;
      case 'failed':
        return this.#settleFailure(slice, head, visit.error, steady);
    }
  }

  async #settleFailure(slice: Slice, head: WatchHead<State>, error: UpstreamError, steady: boolean): Promise<void> {
    const { attempts: limit, clock, watches } = this.#parts;
    const shape = error instanceof UnreadableAnswerError ? error.shape : undefined;
    const problem = { code: error.code, message: error.message, shape, since: new Date(clock.now()).toISOString() };
    const { attempts: _, ...kept }: VisitNotes = head;
    if (error.retryable && shape === undefined) {
      const attempts = (head.attempts ?? 0) + 1;
      if (attempts < limit) {
        await watches.place(head, 'urgent', { ...notesOf(kept), attempts });
        return;
      }
      await this.#giveUp(slice, head, error);
      await watches.place(head, 'steady', { problem });
      return;
    }
    // The same refusal or the same unreadable shape as last time is known already.
    const known = head.problem?.code === problem.code && head.problem.shape === shape;
    if (!known) await this.#giveUp(slice, head, error);
    if (!known || !steady) await watches.place(head, 'steady', { problem: known ? head.problem : problem });
  }

  async #giveUp(slice: Slice, head: WatchHead<State>, error: UpstreamError): Promise<void> {
    this.#parts.count('WatchesDeadLettered', 1);
    await this.#parts.deadLetters.giveUp({
      id: `${slice.id}!${head.watchId}`,
      bucket: slice.bucket,
      class: 'urgent',
      watches: [head.watchId],
      reason: {
        code: error.code,
        message: error.message,
        raw: error instanceof UnreadableAnswerError ? error.raw : undefined,
      },
    });
  }
}

function notesOf(notes: VisitNotes): VisitNotes {
  return { problem: notes.problem, missingSince: notes.missingSince };
}
