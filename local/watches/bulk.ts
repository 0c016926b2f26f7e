import type { BadLine, GoodLine, WatchLine } from './watch-file.ts';

/** Watches that are worked on together: what one BatchGetItem can read. */
export const BATCH = 100;
/** Batches that are worked on side by side; see docs/watch-list.md for what was measured. */
export const BATCHES_IN_FLIGHT = 4;

export interface BulkParts {
  readonly lines: AsyncIterable<WatchLine>;
  /**
   * Does the work for some lines. Batches overlap, but begin in the order of the file.
   *
   * @param earlier resolves when all batches before this one have ended
   */
  readonly work: (batch: readonly GoodLine[], earlier: () => Promise<unknown>) => Promise<void>;
  readonly reject: (line: BadLine) => void;
  /** Ends the work early: what has been read is finished, and nothing further is read. */
  readonly stop: AbortSignal;
}

export interface BulkEnd {
  readonly read: number;
  /** Where to go on, if it is not over: everything before this line is done. */
  readonly goOnFrom?: number;
  /** Why it is not over, unless it was stopped. */
  readonly failure?: Error;
}

/** Works through a file: bounded in flight, reading no faster than the work is done. Never rejects. */
export async function workThrough({ lines, work, reject, stop }: BulkParts): Promise<BulkEnd> {
  const inFlight = new Set<Promise<void>>();
  const undone: number[] = [];
  const failures: Error[] = [];
  let batch: GoodLine[] = [];
  let read = 0;
  let next = 1;

  const begin = (): void => {
    const [first] = batch;
    if (first === undefined) return;
    const mine = batch;
    const before = [...inFlight];
    batch = [];
    const running = work(mine, () => Promise.all(before))
      .catch((error: unknown) => {
        undone.push(first.line);
        failures.push(asError(error));
      })
      .finally(() => inFlight.delete(running));
    inFlight.add(running);
  };

  const iterator = lines[Symbol.asyncIterator]();
  let isOver = false;
  try {
    while (failures.length === 0 && !stop.aborted) {
      const taken = await nextUnlessStopped(iterator, stop);
      if (taken === 'stopped') break;
      if (taken.done) {
        isOver = true;
        break;
      }
      const line = taken.value;
      read += 1;
      next = line.line + 1;
      if ('reason' in line) reject(line);
      else if (batch.push(line) === BATCH) {
        begin();
        while (inFlight.size >= BATCHES_IN_FLIGHT) await Promise.race(inFlight);
      }
    }
  } catch (error) {
    failures.push(asError(error));
  }
  // What has been read is finished, unless the work itself fails.
  if (undone.length === 0) begin();
  else if (batch[0] !== undefined) undone.push(batch[0].line);
  await Promise.all(inFlight);
  if (isOver && failures.length === 0) return { read };
  // Not awaited: a source that is waiting for its next piece ends only with that.
  iterator.return?.()?.catch(() => undefined);
  return {
    read,
    goOnFrom: Math.min(next, ...undone),
    ...(failures[0] && { failure: failures[0] }),
  };
}

/** A source such as a pipe may have nothing to give for long. */
function nextUnlessStopped<T>(iterator: AsyncIterator<T>, stop: AbortSignal): Promise<IteratorResult<T> | 'stopped'> {
  // No race against one promise that outlives all others: it would remember each of them.
  return new Promise((resolve, reject) => {
    const stopped = (): void => resolve('stopped');
    stop.addEventListener('abort', stopped, { once: true });
    iterator
      .next()
      .then(resolve, reject)
      .finally(() => stop.removeEventListener('abort', stopped));
  });
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
