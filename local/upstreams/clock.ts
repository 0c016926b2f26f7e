import { setTimeout as delay } from 'node:timers/promises';

/** The simulator's only source of time. Tests replace it, so that no result depends on the machine's speed. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Waits; used for latency only. Left out, real timers are used. */
  sleep?(ms: number): Promise<void>;
}

export const systemClock: Clock = { now: () => Date.now() };

/** Waits by the given clock. A wait of zero does not yield, so that a fast simulator keeps arrival order. */
export async function sleep(clock: Clock, ms: number): Promise<void> {
  if (ms <= 0) return;
  if (clock.sleep) await clock.sleep(ms);
  // An unanswered delay must not keep a stopped simulator's process alive.
  else await delay(ms, undefined, { ref: false });
}
