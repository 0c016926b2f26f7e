import { setTimeout as timer } from 'node:timers/promises';

/** Waits, or returns early once the signal is aborted. */
export async function delay(milliseconds: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  // Node fires a timer of more than 2^31 − 1 ms at once.
  const until = Date.now() + milliseconds;
  for (let left = milliseconds; left > 0 && !signal.aborted; left = until - Date.now()) {
    await timer(Math.min(left, 2 ** 31 - 1), undefined, { signal }).catch(() => undefined);
  }
}
