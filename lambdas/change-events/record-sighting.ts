import type { Clock } from '../shared/clock.ts';
import { RejectedError, UnavailableError } from '../shared/errors.ts';
import type { Visit } from '../shared/laps/round.ts';
import type { WatchHead } from '../shared/watches.store.ts';
import type { RecordedChange, RecordOutcome } from './changes.store.ts';

export interface RecordSightingParts<State> {
  /** The rows as they are now. */
  readonly heads: (watchIds: readonly string[]) => Promise<ReadonlyMap<string, WatchHead<State>>>;
  readonly record: (change: RecordedChange) => Promise<RecordOutcome>;
  readonly clock: Clock;
  /** Pause before another try at a contended row, milliseconds. */
  readonly pause: (attempt: number) => number;
}

const RECORD_TRIES = 6;

/**
 * Compares what was seen with the head, and records it if that is a change. Where the row has moved on meanwhile, it is
 * read and compared again.
 *
 * @param sentAt when the request was sent, epoch milliseconds: an answer to an earlier request than the head's says
 *   nothing against what that has shown
 * @param compare the change to record, or else how the visit ended
 */
export async function recordSighting<State>(
  parts: RecordSightingParts<State>,
  first: WatchHead<State>,
  sentAt: number,
  compare: (head: WatchHead<State>) => RecordedChange | Visit,
): Promise<Visit> {
  let head = first;
  for (let attempt = 1; attempt <= RECORD_TRIES; attempt += 1) {
    if (head.lap === undefined || head.sentAt > sentAt) return { kind: 'unchanged' };
    const change = compare(head);
    if ('kind' in change) return change;
    const outcome = await parts.record(change);
    if (outcome === 'recorded') return { kind: 'recorded' };
    if (outcome === 'tooLarge') {
      return { kind: 'failed', error: new RejectedError('StateTooLarge', 'the state is more than a row can hold') };
    }
    await parts.clock.sleepUntil(parts.clock.now() + parts.pause(attempt));
    const current = (await parts.heads([head.watchId])).get(head.watchId);
    if (current === undefined) return { kind: 'unchanged' };
    head = current;
  }
  return { kind: 'failed', error: new UnavailableError('Contended', 'the row of the watch is contended') };
}
