/** Adds up the time in which at least one upstream was being waited for. */
export class UpstreamTime {
  #underway = 0;
  #since = 0;
  #total = 0;
  #asked = false;

  /** Milliseconds; undefined where nobody was asked. */
  get ms(): number | undefined {
    return this.#asked ? this.#total : undefined;
  }

  async wait<Result>(call: () => Promise<Result>): Promise<Result> {
    this.#asked = true;
    if (this.#underway === 0) this.#since = performance.now();
    this.#underway += 1;
    try {
      return await call();
    } finally {
      this.#underway -= 1;
      if (this.#underway === 0) this.#total += performance.now() - this.#since;
    }
  }
}
