import type { UpstreamError } from '../errors.ts';
import type { WatchHead } from '../watches.store.ts';

/** How a visit to a watch ended. */
export type Visit =
  | { readonly kind: 'recorded' | 'unchanged' }
  /** The upstream does not know a thing that was there before: look again before believing it. */
  | { readonly kind: 'vanished'; readonly since: number }
  | { readonly kind: 'failed'; readonly error: UpstreamError };

/** The watches of one slice and how their visits ended. */
export class Round<State> {
  readonly heads: WatchHead<State>[] = [];
  readonly visits = new Map<string, Visit>();
  /** The error that looks like an outage, if there was one. */
  outage: UpstreamError | undefined;
  readonly #underway: Promise<void>[] = [];
  readonly #failures: unknown[] = [];

  /** Whether nothing further is to be sent. */
  isOver(): boolean {
    return this.outage !== undefined || this.#failures.length > 0;
  }

  /** Takes note of a request under way. A rejection is kept: one that nobody awaits yet would end the process. */
  await(request: Promise<void>): void {
    this.#underway.push(request.catch((error: unknown) => void this.#failures.push(error)));
  }

  /** Resolves when all answers are in; throws what went wrong on our side. */
  async answers(): Promise<void> {
    await Promise.all(this.#underway);
    if (this.#failures.length > 0) throw this.#failures[0];
  }

  /** Watches whose failure may pass. */
  repeatable(): WatchHead<State>[] {
    return this.heads.filter((head) => {
      const visit = this.visits.get(head.watchId);
      return visit?.kind === 'failed' && visit.error.retryable;
    });
  }

  /** Watches that no request was sent for. */
  leftOver(): string[] {
    return this.heads.filter((head) => !this.visits.has(head.watchId)).map((head) => head.watchId);
  }

  /** Those of the slice's watches that have got no answer. */
  unserved(all: readonly string[]): string[] {
    return all.filter((watchId) => (this.visits.get(watchId)?.kind ?? 'failed') === 'failed');
  }

  tally(): Record<Visit['kind'], number> {
    const counts = { recorded: 0, unchanged: 0, vanished: 0, failed: 0 };
    for (const visit of this.visits.values()) counts[visit.kind] += 1;
    return counts;
  }
}
