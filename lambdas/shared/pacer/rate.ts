import type { RateLimit } from '../settings.ts';

/** What is known of a bucket's rate; lives in the bucket's row. Rates are requests per second, times epoch milliseconds. */
export interface LearnedRate {
  /** The setting that `granted` started from: a new setting starts the learning over. */
  readonly configured: number;
  /** What the upstream said last in `x-amzn-RateLimit-Limit`, or the setting. */
  readonly granted: number;
  /** Share of `granted` in use right after the last 429: each one halves it. */
  readonly share: number;
  /** When that 429 came; the share grows back from there. */
  readonly throttledAt: number;
}

/** The share grows back by a tenth a minute. */
const RECOVERY_PER_MS = 0.1 / 60_000;
const LEAST_SHARE = 1 / 64;

/** The rate to begin with, or the known one as long as the setting has not changed. */
export function learnedRate(known: Partial<LearnedRate> | undefined, limit: RateLimit): LearnedRate {
  if (known?.configured === limit.perSecond && known.granted !== undefined) {
    return {
      configured: known.configured,
      granted: known.granted,
      share: known.share ?? 1,
      throttledAt: known.throttledAt ?? 0,
    };
  }
  return { configured: limit.perSecond, granted: limit.perSecond, share: 1, throttledAt: 0 };
}

function shareAt(rate: LearnedRate, now: number): number {
  return Math.min(1, rate.share + Math.max(0, now - rate.throttledAt) * RECOVERY_PER_MS);
}

/** Requests per second to use now: what is granted, less what a recent 429 took (halved, then growing back additively). */
export function usableRate(rate: LearnedRate, now: number): number {
  return rate.granted * shareAt(rate, now);
}

/** The rate after a 429. */
export function halved(rate: LearnedRate, now: number): LearnedRate {
  return { ...rate, share: Math.max(LEAST_SHARE, shareAt(rate, now) / 2), throttledAt: now };
}

/** The rate after an answer that told the account's real one; anything but a positive number is ignored. */
export function granted(rate: LearnedRate, perSecond: number): LearnedRate {
  return Number.isFinite(perSecond) && perSecond > 0 ? { ...rate, granted: perSecond } : rate;
}
