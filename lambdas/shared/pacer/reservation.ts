/**
 * How a slice's slots are laid out in time: the generic cell rate algorithm (ITU-T I.371), kept as one "theoretical
 * arrival time" per bucket, the moment at which the next slot falls due. Times are epoch milliseconds.
 */

/** A reservation as the bucket's row holds it. */
export interface Reservation {
  /** The slice it was made for. */
  readonly slice: string;
  /** When the slice's first slot falls due. */
  readonly start: number;
  /** When the slot after its last one falls due. */
  readonly tat: number;
}

export interface BucketPace {
  /** Milliseconds between two slots. */
  readonly interval: number;
  /** Depth of the upstream's token bucket. */
  readonly burst: number;
}

/** What an environment knows of a bucket when the bucket's last reservation is the one that it ran itself. */
export interface PaceMemory {
  /** When the next slot falls due by its own sends. */
  readonly due: number;
  /** When the last answer came, or -Infinity. */
  readonly lastAnswer: number;
  /** How much earlier than "last answer + interval" is still safe (see {@link safeHeadStart}). */
  readonly headStart: number;
}

/** A slice that finds the bucket at most this late takes over a running schedule; later, the bucket has been idle. */
const HANDOVER_MS = 2_000;
/** A burst that is worth spending after a rest. */
const DEEP_BURST = 10;
/** Requests may travel to the upstream for this much longer than others; a little of it is for {@link mostUntold}. */
const TRAVEL_SPREAD_MS = 250;
/** No slice's requests outlive this: the longest time-out of a worker function. */
const LONGEST_SLICE_MS = 60_000;

/**
 * How much later than the row says the next slot may fall due without the row being told: milliseconds. What is not told,
 * the next environment spends once more, so it has to be little of what {@link keptBack} says. With a burst of 1 the
 * next environment waits for an interval of its own from when it begins, whatever the row says.
 */
export function mostUntold(pace: BucketPace): number {
  return pace.burst === 1 ? pace.interval : pace.interval / 4;
}

/**
 * Tokens that are never spent on catching up, so that requests which travel at different speeds do not meet an empty
 * bucket. How many that takes grows with the rate; beyond two, no bucket gives more than half its depth.
 */
function keptBack({ interval, burst }: BucketPace): number {
  return Math.max(Math.min(2, burst - 1), Math.min(TRAVEL_SPREAD_MS / interval, (burst - 1) / 2));
}

/** How far behind the schedule a sender may fall and still catch up by sending at once, in milliseconds. */
export function catchUp(pace: BucketPace): number {
  return (pace.burst - 1 - keptBack(pace)) * pace.interval;
}

/**
 * How much of a full bucket's depth a schedule that starts afresh spends at once. A shallow one is kept for requests that
 * travel at different speeds.
 */
function freshDepth(pace: BucketPace): number {
  return pace.burst < DEEP_BURST ? 0 : catchUp(pace);
}

/**
 * With a burst of 1 the upstream counts its interval from the arrival of the last request, which is unknown but not
 * later than the last answer. The next request may leave this much before "last answer + interval": it also needs time
 * to travel, at least about half the smallest round trip seen lately; never more than 50 ms.
 */
export function safeHeadStart(recentRoundTrips: readonly number[]): number {
  return recentRoundTrips.length === 0 ? 0 : Math.min(50, Math.min(...recentRoundTrips) / 2);
}

/**
 * Where the next slice's slots begin.
 *
 * @param last the bucket's last reservation, whoever made it; undefined for a bucket never used
 * @param memory given only when the caller ran that last reservation, so that what it knows is exact
 */
export function firstSlot(
  last: Pick<Reservation, 'tat'> | undefined,
  memory: PaceMemory | undefined,
  pace: BucketPace,
  now: number,
): number {
  if (last === undefined) return now - freshDepth(pace);
  if (pace.burst === 1) {
    if (memory !== undefined) return Math.max(now, memory.lastAnswer + pace.interval - memory.headStart);
    // Somebody else's slice went before. The queue's group lets only one run at a time, so its answers have come.
    const lastAnswer = Math.min(now, last.tat + LONGEST_SLICE_MS);
    return Math.max(now, lastAnswer + pace.interval);
  }
  const due = memory?.due ?? last.tat;
  const late = now - due;
  if (late <= catchUp(pace)) return due;
  // A short gap between slices is made up for with the bucket's depth; after a rest the schedule starts afresh.
  return late <= catchUp(pace) + HANDOVER_MS ? now - catchUp(pace) : now - freshDepth(pace);
}
