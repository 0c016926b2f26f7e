/**
 * A token bucket: at most `burst` tokens, refilled continuously at `rate` tokens per second, full at first.
 *
 * Its whole state is the moment at which it will be full again. That is the same bucket as one that counts tokens,
 * but whole milliseconds stay whole: adding up fractions of a token would refuse a request that comes exactly on time.
 */
export class TokenBucket {
  readonly #msPerToken: number;
  readonly #slackMs: number;
  #fullAt = Number.NEGATIVE_INFINITY;

  constructor(limit: { rate: number; burst: number }) {
    if (!(limit.rate > 0) || !Number.isFinite(limit.rate)) {
      throw new RangeError(`A bucket's rate must be a positive number, not ${limit.rate}.`);
    }
    if (!(limit.burst >= 1) || !Number.isFinite(limit.burst)) {
      throw new RangeError(`A bucket's burst must be at least 1, not ${limit.burst}.`);
    }
    this.#msPerToken = 1000 / limit.rate;
    this.#slackMs = (limit.burst - 1) * this.#msPerToken;
  }

  /** Takes a token at time `now` (milliseconds), or leaves the bucket as it is and answers false. */
  take(now: number): boolean {
    if (this.#fullAt - now > this.#slackMs) return false;
    this.#fullAt = Math.max(this.#fullAt, now) + this.#msPerToken;
    return true;
  }
}
