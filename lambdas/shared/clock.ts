import { setTimeout as delay } from 'node:timers/promises';

/** Time as the rest of the code sees it: injected, so that tests decide how it passes. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Resolves when `now()` has reached `time`; at once when it has passed already. */
  sleepUntil(time: number): Promise<void>;
}

export const systemClock: Clock = {
  now: Date.now,
  async sleepUntil(time) {
    // A timer may fire a millisecond early by the wall clock, and an early request is a throttled one.
    for (let left = time - Date.now(); left > 0; left = time - Date.now()) {
      await delay(Math.min(left, 2 ** 31 - 1));
    }
  },
};
