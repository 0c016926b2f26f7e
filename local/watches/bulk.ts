import type { BadLine } from '../bulk/csv-file.ts';
import type { GoodLine, WatchLine } from './watch-file.ts';

/** Lines that are worked on together: what one BatchGetItem can read. */
export const BATCH = 100;
/** Batches that are worked on side by side; see docs/watch-list.md for what was measured. */
export const BATCHES_IN_FLIGHT = 4;
/** Batches whose rejects may wait for a slow one before them. */
const BATCHES_KEPT = 64;

export interface BulkParts {
  readonly lines: AsyncIterable<WatchLine>;
  /** The number of the first line that `lines` may give. */
  readonly fromLine: number;
  /**
   * Does the work for some lines. Batches overlap, but begin in the order of the file.
   *
   * @param earlier resolves when all batches before this one have ended
   * @param refuse takes lines that turn out to be bad
   */
  readonly work: (
    batch: readonly GoodLine[],
    earlier: () => Promise<unknown>,
    refuse: (line: BadLine) => void,
  ) => Promise<void>;
  /** Gets the bad and the refused lines in the order of the file, each once everything before it is done. */
  readonly reject: (line: BadLine) => void;
  /** Ends the work early: what has been read is finished, and nothing further is read. */
  readonly stop: AbortSignal;
}

export interface BulkEnd {
  readonly read: number;
  /** Where to go on, if it is not over: everything before this line is done, and nothing from it on is rejected. */
  readonly goOnFrom?: number;
  /** Why it is not over, unless it was stopped. */
  readonly failure?: Error;
}

/** Consecutive lines of the file. */
interface Batch {
  /** Everything before this line is done, as far as this batch is concerned. */
  doneBefore: number;
  readonly bad: BadLine[];
  isDone: boolean;
  ended: Promise<void>;
}

/** Works through a file: bounded in flight, reading no faster than the work is done. Never rejects. */
export async function workThrough({ lines, fromLine, work, reject, stop }: BulkParts): Promise<BulkEnd> {
  const inFlight = new Set<Promise<void>>();
  // Those that are not through, in the order of the file.
  const batches: Batch[] = [];
  const failures: Error[] = [];
  let taken: WatchLine[] = [];
  let read = 0;
  let next = fromLine;
  let isStuck = false;

  const begin = (): void => {
    const [first] = taken;
    if (first === undefined) return;
    const batch: Batch = {
      doneBefore: first.line,
      bad: taken.filter((line) => 'reason' in line),
      isDone: false,
      ended: Promise.resolve(),
    };
    const good = taken.filter((line) => 'watchId' in line);
    taken = [];
    const before = [...inFlight];
    const earlier = (): Promise<unknown> => Promise.all(before);
    batch.ended = work(good, earlier, (line) => void batch.bad.push(line))
      .then(() => {
        batch.bad.sort((a, b) => a.line - b.line);
        batch.isDone = true;
        settle();
      })
      .catch((error: unknown) => {
        isStuck = true;
        failures.push(asError(error));
      })
      .finally(() => inFlight.delete(batch.ended));
    inFlight.add(batch.ended);
    batches.push(batch);
  };

  // Hands over the rejects of all batches up to the first that is not done.
  const settle = (): void => {
    for (let head = batches[0]; head?.isDone === true; head = batches[0]) {
      for (const line of head.bad) {
        if (line.line < head.doneBefore) continue;
        head.doneBefore = line.line;
        reject(line);
        head.doneBefore = line.line + 1;
      }
      batches.shift();
    }
  };

  const iterator = lines[Symbol.asyncIterator]();
  let isOver = false;
  try {
    while (failures.length === 0 && !stop.aborted) {
      const result = await nextUnlessStopped(iterator, stop);
      if (result === 'stopped') break;
      if (result.done) {
        isOver = true;
        break;
      }
      read += 1;
      next = result.value.line + 1;
      if (taken.push(result.value) < BATCH) continue;
      begin();
      while (inFlight.size >= BATCHES_IN_FLIGHT) await Promise.race(inFlight);
      if (batches.length > BATCHES_KEPT) await batches[0]?.ended;
    }
  } catch (error) {
    failures.push(asError(error));
  }
  // What has been read is finished, unless the work itself fails.
  if (!isStuck) begin();
  await Promise.all(inFlight);
  if (isOver && failures.length === 0) return { read };
  // Not awaited: a source that is waiting for its next piece ends only with that.
  iterator.return?.()?.catch(() => undefined);
  return {
    read,
    goOnFrom: batches[0]?.doneBefore ?? next,
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
