/**
 * A token bucket: at most `burst` tokens, refilled continuously at `rate` tokens per second, full at first.
 *
 * Its whole state is the moment at which it will be full again. That is the same bucket as one that counts tokens,
 * but whole milliseconds stay whole: adding up fractions of a token would refuse a request that comes exactly on time.
 */
export class TokenBucket {
  readonly #burst: number;
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
    this.#burst = limit.burst;
    this.#msPerToken = 1000 / limit.rate;
    this.#slackMs = (limit.burst - 1) * this.#msPerToken;
  }

  /** A bucket of another limit that at time `now` holds what this one does, as far as that fits. */
  withLimit(limit: { rate: number; burst: number }, now: number): TokenBucket {
    const bucket = new TokenBucket(limit);
    const held = this.#burst - Math.max(0, this.#fullAt - now) / this.#msPerToken;
    bucket.#fullAt = now + Math.max(0, limit.burst - held) * bucket.#msPerToken;
    return bucket;
  }

  /** Takes a token at time `now` (milliseconds), or leaves the bucket as it is and answers false. */
  take(now: number): boolean {
    if (this.#fullAt - now > this.#slackMs) return false;
    this.#fullAt = Math.max(this.#fullAt, now) + this.#msPerToken;
    return true;
  }
}
