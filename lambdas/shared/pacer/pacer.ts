import type { Clock } from '../clock.ts';
import type { RateLimit } from '../settings.ts';
import type { BucketRow, BucketStore } from './buckets.store.ts';
import { lastReservation } from './buckets.store.ts';
import type { LearnedRate } from './rate.ts';
import { granted, halved, learnedRate, usableRate } from './rate.ts';
import type { BucketPace, PaceMemory, Reservation } from './reservation.ts';
import { catchUp, firstSlot, mostUntold, safeHeadStart } from './reservation.ts';

/** One upstream token bucket: API × account × region × operation. */
export interface Bucket {
  readonly id: string;
  /** The rate by the settings; what the upstream tells overrides it. */
  readonly limit: RateLimit;
}

/** A slice that wants to send. */
export interface SliceOrder {
  readonly id: string;
  /** Slots that it needs. */
  readonly requests: number;
  /** Count of planned requests with which it ends; absent for a slice that nobody planned. */
  readonly endsAt?: number | undefined;
}

/** How one request ended, as far as the pace cares. */
export interface SlotResult {
  readonly throttled: boolean;
  /** The rate that the answer told, requests per second. */
  readonly granted?: number | undefined;
}

/** Name of one request of a slice that is sent step by step. */
export function stepId(slice: string, step: number | ''): string {
  return `${slice}@${step}`;
}

/** The step of a slice that a reservation is of, its extensions included. */
function stepIn(reservation: Reservation | undefined, slice: string): number | undefined {
  const start = stepId(slice, '');
  if (!reservation?.slice.startsWith(start)) return undefined;
  const [, step] = /^(\d+)(?:\+\d+)?$/u.exec(reservation.slice.slice(start.length)) ?? [];
  return step === undefined ? undefined : Number(step);
}

/** Permission to send one request now. */
export interface Slot {
  /**
   * To be called when the request leaves, its connection standing. No other is sent until then: requests that wait for
   * handshakes would reach the upstream together with later ones that need none, and empty its bucket.
   */
  left(): void;
  /** To be called when the answer has come or the request has failed; further calls change nothing. */
  answered(result: SlotResult): void;
}

/** The part of the bucket store that the pacer needs. */
export type Reservations = Pick<BucketStore, 'read' | 'reserve' | 'hold'>;

/** Longest wait that is slept through; a longer one hides the message instead. */
export const LONGEST_SLEEP_MS = 3_000;
/** Sockets that one slice may keep busy; beyond it the upstream is too slow for its own rate. */
const MOST_IN_FLIGHT = 64;
const ROUND_TRIPS_KEPT = 20;

/** What this environment knows of a bucket after the last slice that it ran. */
interface BucketMemory {
  reservation: Reservation;
  rate: LearnedRate;
  due: number;
  lastAnswer: number;
  roundTrips: number[];
  /** Planned requests that have been started. */
  started: number | undefined;
}

/**
 * Keeps every bucket within its upstream's rate. The queue's message group lets one slice of a bucket run at a time;
 * each slice reserves its slots in the bucket's row with a conditional write before it sends; memory only spaces what
 * was reserved. One instance serves an execution environment for its whole life.
 */
export class Pacer {
  readonly #buckets: Reservations;
  readonly #clock: Clock;
  readonly #memories = new Map<string, BucketMemory>();
  /** Reservations of slices that were sent back to wait, by bucket. */
  readonly #waiting = new Map<string, Taken>();

  constructor(buckets: Reservations, clock: Clock) {
    this.#buckets = buckets;
    this.#clock = clock;
  }

  /**
   * Reserves a slice's slots: one conditional write, and a read only where this environment did not run the bucket's
   * last slice.
   *
   * @returns the run, or how long the slice has to wait where that is more than three seconds: the reservation stands,
   * and asking again with the same slice at that time finds it
   */
  async open(bucket: Bucket, slice: SliceOrder): Promise<SliceRun | { readonly waitMs: number }> {
    const memory = this.#memories.get(bucket.id);
    const taken =
      this.#waited(bucket, slice) ??
      (memory && (await this.#reserve(bucket, slice, memory, memory)).taken) ??
      (await this.#readAndReserve(bucket, slice));
    const waitMs = taken.reservation.start - this.#clock.now();
    if (waitMs > LONGEST_SLEEP_MS) {
      this.#waiting.set(bucket.id, taken);
      return { waitMs };
    }
    this.#waiting.delete(bucket.id);
    const mine: BucketMemory = {
      ...taken,
      due: taken.reservation.start,
      lastAnswer: taken.exact ? (memory?.lastAnswer ?? -Infinity) : -Infinity,
      roundTrips: memory?.roundTrips ?? [],
    };
    this.#memories.set(bucket.id, mine);
    return new SliceRun(bucket, slice, mine, this.#buckets, this.#clock);
  }

  /** Milliseconds between two slots of a bucket, as far as this environment knows. */
  interval(bucket: Bucket): number {
    const rate = learnedRate(this.#memories.get(bucket.id)?.rate, bucket.limit);
    return paceOf(rate, bucket.limit, this.#clock.now()).interval;
  }

  /** The step of a slice that was reserved last, where the bucket's last reservation is one of it. */
  async lastStep(bucket: Bucket, slice: string): Promise<number | undefined> {
    const remembered = stepIn(this.#memories.get(bucket.id)?.reservation, slice);
    return remembered ?? stepIn(lastReservation(await this.#buckets.read(bucket.id)), slice);
  }

  /** Asks the bucket's planner to plan nothing before a time, epoch milliseconds; 0 ends a hold. */
  async hold(bucket: Bucket, until: number): Promise<void> {
    await this.#buckets.hold(bucket.id, until);
  }

  /** What this environment has reserved for a slice that comes back. Nobody else reserves while its group is blocked. */
  #waited(bucket: Bucket, slice: SliceOrder): Taken | undefined {
    const taken = this.#waiting.get(bucket.id);
    return taken && this.#isOf(slice, taken.reservation) ? taken : undefined;
  }

  /** Whether a reservation is this slice's own, made for its present visit. */
  #isOf(slice: SliceOrder, reservation: Reservation): boolean {
    return reservation.slice === slice.id && reservation.start > this.#clock.now() - LONGEST_SLEEP_MS;
  }

  async #readAndReserve(bucket: Bucket, slice: SliceOrder): Promise<Taken> {
    for (let row = await this.#buckets.read(bucket.id); ;) {
      const reservation = lastReservation(row);
      const rate = learnedRate(row, bucket.limit);
      if (reservation && this.#isOf(slice, reservation)) {
        return { reservation, rate, started: row.started, exact: false };
      }
      const { taken, changed } = await this.#reserve(bucket, slice, { reservation, rate, started: row.started });
      if (taken) return taken;
      row = changed;
    }
  }

  /** Reserves on top of the last reservation; gives the row as it is now where that is no longer the last one. */
  async #reserve(
    bucket: Bucket,
    slice: SliceOrder,
    last: {
      readonly reservation: Reservation | undefined;
      readonly rate: LearnedRate;
      readonly started: number | undefined;
    },
    memory?: BucketMemory,
  ): Promise<{ taken: Taken; changed?: never } | { taken?: never; changed: BucketRow }> {
    const now = this.#clock.now();
    const rate = learnedRate(last.rate, bucket.limit);
    const pace = paceOf(rate, bucket.limit, now);
    const start = round(firstSlot(last.reservation, memory && paceMemory(memory), pace, now));
    const reservation = { slice: slice.id, start, tat: round(start + slice.requests * pace.interval) };
    // Old slices come again, redriven or sent anew: what has been started stays started.
    const started = slice.endsAt === undefined ? last.started : Math.max(last.started ?? 0, slice.endsAt);
    const changed = await this.#buckets.reserve(
      bucket.id,
      { ...reservation, ...rate, ...(started !== undefined && { started }) },
      last.reservation,
    );
    return changed ? { changed } : { taken: { reservation, rate, started, exact: memory !== undefined } };
  }
}

interface Taken {
  readonly reservation: Reservation;
  readonly rate: LearnedRate;
  readonly started: number | undefined;
  /** Whether the bucket's last slice was run by this environment. */
  readonly exact: boolean;
}

/** One slice being sent: hands out its slots when they fall due. */
export class SliceRun {
  readonly #bucket: Bucket;
  readonly #slice: SliceOrder;
  readonly #memory: BucketMemory;
  readonly #buckets: Reservations;
  readonly #clock: Clock;
  #left: number;
  #inFlight = 0;
  /** Whether the last request still waits for its connection. */
  #leaving = false;
  #throttled = false;
  #extensions = 0;
  #wake: (() => void) | undefined;

  constructor(bucket: Bucket, slice: SliceOrder, memory: BucketMemory, buckets: Reservations, clock: Clock) {
    this.#bucket = bucket;
    this.#slice = slice;
    this.#memory = memory;
    this.#buckets = buckets;
    this.#clock = clock;
    this.#left = slice.requests;
  }

  /** Milliseconds between two slots at the rate of this moment. */
  get interval(): number {
    return this.#pace(this.#clock.now()).interval;
  }

  /** Milliseconds until the next slot falls due, at the rate of this moment. */
  get wait(): number {
    const now = this.#clock.now();
    // With a burst of 1 it falls due after an answer that is still to come.
    if (this.#bucket.limit.burst === 1 && this.#inFlight > 0) return this.interval;
    return Math.max(0, this.#memory.due - now);
  }

  /**
   * Resolves when the next request may be sent. Callers ask one at a time. With a burst of 1 it waits for the previous
   * answer; otherwise requests are in flight side by side.
   *
   * @throws RangeError when all reserved slots are used up: reserve more with {@link extend}
   */
  async slot(): Promise<Slot> {
    if (this.#left === 0) throw new RangeError(`slice ${this.#slice.id} has used up its slots`);
    this.#left -= 1;
    const sideBySide = this.#bucket.limit.burst === 1 ? 1 : MOST_IN_FLIGHT;
    while (this.#leaving || this.#inFlight >= sideBySide) {
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    const memory = this.#memory;
    // The schedule may move while this sleeps (a 429 pushes it back), so look again.
    while (memory.due > this.#clock.now()) await this.#clock.sleepUntil(memory.due);
    const sentAt = this.#clock.now();
    const pace = this.#pace(sentAt);
    // A late slot keeps its place in the schedule as far as the bucket's depth makes up for it.
    memory.due = Math.max(memory.due, sentAt - catchUp(pace)) + pace.interval;
    this.#inFlight += 1;
    this.#leaving = true;
    let [leaving, open] = [true, true];
    const left = (): void => {
      if (leaving) this.#hasLeft();
      leaving = false;
    };
    return {
      left,
      answered: (result) => {
        left();
        if (open) this.#answered(sentAt, result);
        open = false;
      },
    };
  }

  /** What a connection has cost is made up for as far as the bucket's depth allows, from the moment it stood. */
  #hasLeft(): void {
    const now = this.#clock.now();
    const pace = this.#pace(now);
    this.#memory.due = Math.max(this.#memory.due, now - catchUp(pace) + pace.interval);
    this.#leaving = false;
    this.#wake?.();
    this.#wake = undefined;
  }

  /** Reserves further slots, behind those that are left. */
  async extend(requests: number): Promise<void> {
    const memory = this.#memory;
    const now = this.#clock.now();
    const start = round(firstSlot(memory.reservation, paceMemory(memory), this.#pace(now), now));
    const reservation = {
      slice: `${this.#slice.id}+${++this.#extensions}`,
      start,
      // Slots that are not used yet keep their places.
      tat: round(start + (this.#left + requests) * this.#pace(now).interval),
    };
    await this.#write(reservation);
    memory.due = Math.max(memory.due, start);
    this.#left += requests;
  }

  /**
   * To be called when all answers have come: tells whoever sends next of a slower rate, of slots left over, or of a
   * schedule that connections have pushed back.
   */
  async close(): Promise<void> {
    const pace = this.#pace(this.#clock.now());
    const behind = this.#memory.due - this.#memory.reservation.tat;
    // A slot left over costs whoever sends next some time; a schedule further back than told would cost a 429.
    const isOff = behind > mostUntold(pace) || -behind > pace.interval;
    if (!this.#throttled && !isOff) return;
    await this.#write({ ...this.#memory.reservation, tat: round(this.#memory.due) });
  }

  async #write(reservation: Reservation): Promise<void> {
    const memory = this.#memory;
    const changed = await this.#buckets.reserve(
      this.#bucket.id,
      { ...reservation, ...memory.rate },
      memory.reservation,
    );
    if (changed !== undefined) {
      throw new Error(`bucket ${this.#bucket.id} was used by somebody else during slice ${this.#slice.id}`);
    }
    memory.reservation = reservation;
  }

  #answered(sentAt: number, result: SlotResult): void {
    const memory = this.#memory;
    const now = this.#clock.now();
    this.#inFlight -= 1;
    memory.lastAnswer = now;
    memory.roundTrips = [...memory.roundTrips.slice(1 - ROUND_TRIPS_KEPT), now - sentAt];
    if (result.granted !== undefined) memory.rate = granted(memory.rate, result.granted);
    // Requests that were in flight when the rate was halved tell nothing new.
    if (result.throttled && sentAt > memory.rate.throttledAt) {
      memory.rate = halved(memory.rate, now);
      memory.due = Math.max(memory.due, now + this.#pace(now).interval);
      this.#throttled = true;
    }
    if (this.#bucket.limit.burst === 1) {
      const pace = this.#pace(now);
      memory.due = Math.max(
        result.throttled ? memory.due : -Infinity,
        now + pace.interval - safeHeadStart(memory.roundTrips),
      );
    }
    this.#wake?.();
    this.#wake = undefined;
  }

  #pace(now: number): BucketPace {
    return paceOf(this.#memory.rate, this.#bucket.limit, now);
  }
}

function paceOf(rate: LearnedRate, limit: RateLimit, now: number): BucketPace {
  return { interval: 1000 / usableRate(rate, now), burst: limit.burst };
}

function paceMemory(memory: BucketMemory): PaceMemory {
  return { due: memory.due, lastAnswer: memory.lastAnswer, headStart: safeHeadStart(memory.roundTrips) };
}

/** Microseconds are fine enough, and keep the row's numbers short. */
function round(time: number): number {
  return Math.round(time * 1000) / 1000;
}
