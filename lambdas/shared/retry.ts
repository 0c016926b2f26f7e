import type { Clock } from './clock.ts';
import type { RetryPolicy } from './settings.ts';

/**
 * Pause before the next try: uniform between nothing and an exponentially growing bound, so that clients that failed
 * together do not come back together (M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog: full jitter).
 *
 * @param failures tries that have failed so far, at least 1
 * @param random uniform in [0, 1)
 * @returns milliseconds in [0, min(capMs, baseMs × 2^(failures − 1)))
 */
export function fullJitter(failures: number, policy: RetryPolicy, random: () => number): number {
  return random() * Math.min(policy.capMs, policy.baseMs * 2 ** (failures - 1));
}

export interface RetryConditions {
  readonly shouldRetry: (error: unknown) => boolean;
  readonly clock: Clock;
  /** Uniform in [0, 1), such as `Math.random`. */
  readonly random: () => number;
  /** Ends the pauses and allows no further try. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds since the epoch from which no further try begins. */
  readonly deadline?: number | undefined;
}

/**
 * Runs an operation until it succeeds, fails for good or has been tried `policy.attempts` times.
 *
 * @throws the last failure, at once when the pause before the next try would pass the deadline; or the signal's reason
 */
export async function retry<Result>(
  operation: () => Promise<Result>,
  policy: RetryPolicy,
  { shouldRetry, clock, random, signal, deadline = Infinity }: RetryConditions,
): Promise<Result> {
  for (let failures = 0; ;) {
    signal?.throwIfAborted();
    try {
      return await operation();
    } catch (error) {
      failures += 1;
      if (failures >= policy.attempts || !shouldRetry(error)) throw error;
      const next = clock.now() + fullJitter(failures, policy, random);
      if (next >= deadline) throw error;
      await pause(next, clock, signal);
    }
  }
}

async function pause(until: number, clock: Clock, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(signal?.reason);
  signal?.addEventListener('abort', abort, { once: true });
  try {
    await Promise.race([clock.sleepUntil(until), aborted]);
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}
