import type { Clock } from '../shared/clock.ts';
import { ThrottledError } from '../shared/errors.ts';

/** The pause would last longer than the request may wait: it was not sent. */
export class PauseTooLongError extends ThrottledError {}

/**
 * The pause that one account leaves before its requests after it has been throttled, shared by everybody who asks in this
 * container. It doubles each time and halves with each success; while there is one, requests leave one after the other.
 */
export interface ThrottlePause {
  /**
   * Waits until a request may leave.
   *
   * @param latest when it may leave at the latest, epoch milliseconds
   * @returns what the request has to name when it tells how it went
   * @throws PauseTooLongError at once where that is too late
   */
  take(latest: number): Promise<Permit>;
  /**
   * Amazon has refused the request for want of room. Requests that left together count once.
   *
   * @param retryAfterMs how long Amazon wants to be left alone, if it says so; at most a minute is believed
   */
  throttled(permit: Permit, retryAfterMs?: number): void;
  /** Amazon has taken the request up. */
  succeeded(permit: Permit): void;
}

/** When a request left: between which two times that the account was throttled. */
export type Permit = number & { readonly permit: unique symbol };

/** The first pause, and the longest, in milliseconds: half of it for certain, the rest by chance. */
const FIRST_MS = 200;
const LONGEST_MS = 5_000;
const HIGHEST = Math.ceil(Math.log2(LONGEST_MS / FIRST_MS)) + 1;
const LONGEST_BELIEVED_MS = 60_000;

/**
 * @param host named in errors
 * @param random uniform in [0, 1), such as `Math.random`
 */
export function createThrottlePause(host: string, clock: Clock, random: () => number): ThrottlePause {
  let height = 0;
  let throttles = 0;
  /** Nothing leaves before, whatever slot it has. */
  let notBefore = -Infinity;
  let nextSlot = -Infinity;

  const pause = (): number => {
    if (height === 0) return 0;
    const bound = Math.min(LONGEST_MS, FIRST_MS * 2 ** (height - 1));
    return bound * (0.5 + random() / 2);
  };

  return {
    async take(latest) {
      for (;;) {
        const slot = Math.max(clock.now(), nextSlot);
        if (slot > latest) {
          throw new PauseTooLongError(`${host} has no room now, and the request cannot wait until it is asked again`, {
            retryAfterMs: slot - clock.now(),
          });
        }
        nextSlot = slot + pause();
        const since = throttles;
        await clock.sleepUntil(slot);
        // Whoever slept while another request was throttled waits for the new pause as well.
        if (since === throttles && clock.now() >= notBefore) return since as Permit;
      }
    },

    throttled(permit, retryAfterMs = 0) {
      const now = clock.now();
      const isNews = permit === throttles;
      if (isNews) height = Math.min(HIGHEST, height + 1);
      const until = now + Math.max(isNews ? pause() : 0, Math.min(retryAfterMs, LONGEST_BELIEVED_MS));
      if (until > notBefore) {
        notBefore = until;
        nextSlot = until;
      }
      if (isNews) throttles += 1;
    },

    succeeded(permit) {
      if (permit === throttles) height = Math.max(0, height - 1);
    },
  };
}
