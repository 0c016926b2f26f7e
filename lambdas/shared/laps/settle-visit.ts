import type { Clock } from '../clock.ts';
import type { DeadLetterQueue } from '../dead-letters.ts';
import type { UpstreamError } from '../errors.ts';
import { UnreadableAnswerError } from '../errors.ts';
import type { WatchHead, WatchStore } from '../watches.store.ts';
import type { Visit } from './round.ts';
import type { Slice } from './slice.ts';
import { classOf } from './slice.ts';

export interface SettleParts<State> {
  readonly watches: Pick<WatchStore<State>, 'place'>;
  readonly deadLetters: Pick<DeadLetterQueue, 'giveUp'>;
  readonly clock: Clock;
  /** Visits in a row that may fail before a watch is dead-lettered. */
  readonly attempts: number;
  readonly count: (metric: 'WatchesDeadLettered', by: number) => void;
  readonly warn: (message: string, details: Readonly<Record<string, unknown>>) => void;
}

/** Leaves a watch where the next planner will find it. Writes nothing after a usual visit. */
export async function settleVisit<State>(
  parts: SettleParts<State>,
  slice: Slice,
  head: WatchHead<State>,
  visit: Visit,
): Promise<void> {
  const { watches } = parts;
  const steady = classOf(head.lap ?? '') === 'steady';
  const { attempts, problem, missingSince, missingParts, notBefore } = head;
  const noted = [attempts, problem, missingSince, missingParts, notBefore].some((note) => note !== undefined);
  switch (visit.kind) {
    case 'recorded':
    case 'doubtful':
    case 'invalid':
      return;
    case 'unchanged':
      if (!steady || noted) await watches.place(head, 'steady', {});
      return;
    case 'vanished':
      // A part that is missing says nothing against the whole, nor the other way round.
      if (visit.missingParts !== undefined) await watches.place(head, 'urgent', { missingParts: visit.missingParts });
      else if (missingSince === undefined) await watches.place(head, 'urgent', { missingSince: visit.since });
      return;
    case 'moved':
      await watches.place({ watchId: head.watchId, bucketId: visit.bucketId }, 'new', {});
      return;
    case 'early':
      await watches.place(head, 'steady', { notBefore: visit.until });
      return;
    case 'failed':
      return settleFailure(parts, slice, head, visit.error, steady);
  }
}

async function settleFailure<State>(
  parts: SettleParts<State>,
  slice: Slice,
  head: WatchHead<State>,
  error: UpstreamError,
  steady: boolean,
): Promise<void> {
  const { attempts: limit, clock, watches } = parts;
  const shape = error instanceof UnreadableAnswerError ? error.shape : undefined;
  const problem = { code: error.code, message: error.message, shape, since: new Date(clock.now()).toISOString() };
  // What is known already needs no further letter and no further look than the lap's own.
  const known = head.problem?.code === problem.code && head.problem.shape === shape;
  if (error.retryable && shape === undefined && !known) {
    const attempts = (head.attempts ?? 0) + 1;
    if (attempts < limit) {
      const { problem: before, missingSince, missingParts } = head;
      await watches.place(head, 'urgent', { problem: before, missingSince, missingParts, attempts });
      return;
    }
  }
  if (!known) await giveUp(parts, slice, head, error);
  if (!known || !steady) await watches.place(head, 'steady', { problem: known ? head.problem : problem });
}

async function giveUp<State>(
  parts: SettleParts<State>,
  slice: Slice,
  head: WatchHead<State>,
  error: UpstreamError,
): Promise<void> {
  parts.count('WatchesDeadLettered', 1);
  parts.warn('gave a watch up', { watchId: head.watchId, code: error.code, reason: error.message });
  await parts.deadLetters.giveUp({
    id: `${slice.id}!${head.watchId}`,
    bucket: slice.bucket,
    class: 'urgent',
    watches: [head.watchId],
    reason: {
      code: error.code,
      message: error.message,
      raw: error instanceof UnreadableAnswerError ? error.raw : undefined,
    },
  });
}
