import type { UpstreamError } from '../errors.ts';
import type { WatchHead } from '../watches.store.ts';

/** How a visit to a watch ended. */
export type Visit =
  | { readonly kind: 'recorded' | 'unchanged' }
  /**
   * The upstream does not know a thing that was there before, or has lost parts of one that it does know, and then they
   * are named: look again before believing it.
   */
  | { readonly kind: 'vanished'; readonly since: number; readonly missingParts?: readonly string[] }
  /** The settings have given the watch to another bucket; nothing was sent. */
  | { readonly kind: 'moved'; readonly bucketId: string }
  /** The upstream has nothing to say before a time, epoch milliseconds. */
  | { readonly kind: 'early'; readonly until: number }
  /** The upstream refused a whole request for one of its watches: ask again, at most so many together. */
  | { readonly kind: 'doubtful'; readonly pack: number }
  /** Still refused for good. */
  | { readonly kind: 'invalid' }
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

  /** Watches to be asked about in smaller requests, by the most that these may carry. */
  doubtful(): Map<number, string[]> {
    const bySize = new Map<number, string[]>();
    for (const [watchId, visit] of this.visits) {
      if (visit.kind === 'doubtful') bySize.set(visit.pack, [...(bySize.get(visit.pack) ?? []), watchId]);
    }
    return bySize;
  }

  /** Those of a slice's watches that have got no answer, the ones that failed last. */
  unserved(all: readonly string[]): string[] {
    const failed = (watchId: string): boolean => ['failed', 'doubtful'].includes(this.visits.get(watchId)?.kind ?? '');
    return [...all.filter((watchId) => !this.visits.has(watchId)), ...all.filter(failed)];
  }

  /** How many visits ended in each way that occurred. */
  tally(): Partial<Record<Visit['kind'], number>> {
    const counts: Partial<Record<Visit['kind'], number>> = {};
    for (const { kind } of this.visits.values()) counts[kind] = (counts[kind] ?? 0) + 1;
    return counts;
  }
}
