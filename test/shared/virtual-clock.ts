import type { Clock } from '../../lambdas/shared/clock.ts';

/** A clock whose time passes only when everybody sleeps: hours of pacing take milliseconds, and nothing is timed. */
export class VirtualClock implements Clock {
  #now: number;
  readonly #sleepers: { readonly until: number; readonly wake: () => void }[] = [];

  constructor(now = Date.parse('2026-01-01T00:00:00Z')) {
    this.#now = now;
  }

  readonly now = (): number => this.#now;

  sleepUntil(time: number): Promise<void> {
    if (time <= this.#now) return Promise.resolve();
    return new Promise((wake) => this.#sleepers.push({ until: time, wake }));
  }

  sleep(ms: number): Promise<void> {
    return this.sleepUntil(this.#now + ms);
  }

  /** Lets time pass until the work is done. Fails when nobody sleeps and the work still waits. */
  async run<T>(work: Promise<T>): Promise<T> {
    let settled = false;
    const done = work.finally(() => (settled = true));
    // Reported below, through `done`.
    done.catch(() => undefined);
    for (;;) {
      for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate);
      if (settled) return done;
      this.#sleepers.sort((a, b) => a.until - b.until);
      const next = this.#sleepers.shift();
      if (next === undefined) throw new Error('everything waits and nobody sleeps');
      this.#now = Math.max(this.#now, next.until);
      next.wake();
    }
  }
}

/** A clock that leaps: whoever sleeps wakes at once, later. For work that awaits real calls between its sleeps. */
export class LeapingClock implements Clock {
  #now = Date.parse('2026-01-01T00:00:00Z');

  readonly now = (): number => this.#now;

  sleepUntil(time: number): Promise<void> {
    this.#now = Math.max(this.#now, time);
    return Promise.resolve();
  }

  leap(ms: number): void {
    this.#now += ms;
  }
}
