import type { UpstreamError } from '../errors.ts';
import type { WatchHead } from '../watches.store.ts';

/** How a visit to a watch ended. */
export type Visit =
  | { readonly kind: 'recorded' | 'unchanged' }
  /** The upstream does not know a thing that was there before: look again before believing it. */
  | { readonly kind: 'vanished'; readonly since: number }
  /** The settings have given the watch to another bucket; nothing was sent. */
  | { readonly kind: 'moved'; readonly bucketId: string }
  | { readonly kind: 'failed'; readonly error: UpstreamError };

/** The watches of one slice and how their visits ended. */
export class Round<State> {
  readonly heads: WatchHead<State>[] = [];
  readonly visits = new Map<string, Visit>();
  /** So many failures that the upstream itself is in doubt. */
  suspicion: UpstreamError | undefined;
  /** The upstream is down. */
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

  /** Takes note of a visit. A witness that was answered before has been served, even if it fails now. */
  note(watchId: string, visit: Visit): void {
    const before = this.visits.get(watchId)?.kind;
    if (before !== 'recorded' && before !== 'unchanged') this.visits.set(watchId, visit);
  }

  /** Resolves when all answers are in. */
  async settled(): Promise<void> {
    await Promise.all(this.#underway);
  }

  /** Resolves when all answers are in; throws what went wrong on our side. */
  async answers(): Promise<void> {
    await this.settled();
    if (this.#failures.length > 0) throw this.#failures[0];
  }

  /** Watches whose failure may pass. */
  repeatable(): WatchHead<State>[] {
    return this.heads.filter((head) => {
      const visit = this.visits.get(head.watchId);
      // One that fails as it did last time may wait for its next lap.
      return visit?.kind === 'failed' && visit.error.retryable && visit.error.code !== head.problem?.code;
    });
  }

  /** Those that no request has been sent for. */
  unvisited(heads: readonly WatchHead<State>[]): WatchHead<State>[] {
    return heads.filter((head) => !this.visits.has(head.watchId));
  }

  /** Those of a slice's watches that have got no answer, the ones that failed last. */
  unserved(all: readonly string[]): string[] {
    const failed = (watchId: string): boolean => this.visits.get(watchId)?.kind === 'failed';
    return [...all.filter((watchId) => !this.visits.has(watchId)), ...all.filter(failed)];
  }

  tally(): Record<Visit['kind'], number> {
    const counts = { recorded: 0, unchanged: 0, vanished: 0, moved: 0, failed: 0 };
    for (const visit of this.visits.values()) counts[visit.kind] += 1;
    return counts;
  }
}
