import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { BATCH, BATCHES_IN_FLIGHT, workThrough, type BulkParts } from '../../local/watches/bulk.ts';
import { Sightings } from '../../local/watches/sightings.ts';
import type { GoodLine, WatchLine } from '../../local/watches/watch-file.ts';

const good = (line: number): GoodLine => ({ line, watchId: `w${line}`, fields: {} });
async function* lines(count: number, pulled: (line: number) => void = () => undefined): AsyncGenerator<WatchLine> {
  for (let line = 2; line < count + 2; line += 1) {
    pulled(line);
    yield good(line);
  }
}
const parts = (given: Partial<BulkParts> & Pick<BulkParts, 'lines'>): BulkParts => ({
  work: () => Promise.resolve(),
  reject: () => undefined,
  stop: new AbortController().signal,
  ...given,
});

describe('working through a file', () => {
  it('reads no faster than it works: so many lines are in flight and never one more', async () => {
    let read = 0;
    let done = 0;
    let most = 0;
    const batches: number[] = [];
    const end = await workThrough(
      parts({
        lines: lines(5_050, () => (most = Math.max(most, ++read - done))),
        async work(batch) {
          batches.push(batch.length);
          // Batches end in no particular order.
          for (let turns = 0; turns < (batches.length * 7) % 5; turns += 1) await turn();
          done += batch.length;
        },
      }),
    );
    expect(end).toEqual({ read: 5_050 });
    expect(done).toBe(5_050);
    expect(batches.at(-1)).toBe(50);
    expect(most).toBeGreaterThan(BATCH);
    expect(most).toBeLessThanOrEqual(BATCH * BATCHES_IN_FLIGHT);
  });

  it('finishes what has been read when it is stopped, and says where to go on', async () => {
    const stop = new AbortController();
    let done = 0;
    const end = await workThrough(
      parts({
        lines: lines(1_000, (line) => line === 351 && stop.abort()),
        stop: stop.signal,
        async work(batch) {
          await turn();
          done += batch.length;
        },
      }),
    );
    expect(end).toEqual({ read: done, goOnFrom: done + 2 });
    expect(done).toBeGreaterThanOrEqual(349);
    expect(done).toBeLessThan(1_000);
  });

  it('can be stopped while its source has nothing to give', async () => {
    const stop = new AbortController();
    async function* idle(): AsyncGenerator<WatchLine> {
      yield good(2);
      setImmediate(() => stop.abort());
      await new Promise(() => undefined);
    }
    let done = 0;
    const work = async (batch: readonly GoodLine[]) => void (done += batch.length);
    expect(await workThrough(parts({ lines: idle(), stop: stop.signal, work }))).toEqual({ read: 1, goOnFrom: 3 });
    expect(done).toBe(1);
  });

  it('goes on at the first line that is not done when the work fails, whatever was done behind it', async () => {
    const done: number[] = [];
    const end = await workThrough(
      parts({
        lines: lines(2_000),
        async work(batch) {
          const [first] = batch;
          if (first?.line === 202) {
            for (let turns = 0; turns < 5; turns += 1) await turn();
            throw new Error('throttled');
          }
          await turn();
          done.push(...batch.map(({ line }) => line));
        },
      }),
    );
    expect(end).toMatchObject({ goOnFrom: 202, failure: new Error('throttled') });
    expect(done).toContain(402);
    expect(Array.from({ length: 200 }, (_, index) => index + 2).every((line) => done.includes(line))).toBe(true);
  });

  it('finishes what has been read when the source fails', async () => {
    async function* failing(): AsyncGenerator<WatchLine> {
      yield* lines(120);
      throw new Error('disk');
    }
    let done = 0;
    const work = async (batch: readonly GoodLine[]) => void (done += batch.length);
    expect(await workThrough(parts({ lines: failing(), work }))).toMatchObject({
      goOnFrom: 122,
      failure: new Error('disk'),
    });
    expect(done).toBe(120);
  });

  it('goes on behind refused lines, which it hands over as they come', async () => {
    const stop = new AbortController();
    async function* mixed(): AsyncGenerator<WatchLine> {
      yield { line: 2, reason: 'why', original: [] };
      yield good(3);
      yield { line: 4, reason: 'why', original: [] };
      stop.abort();
      await new Promise(() => undefined);
    }
    const refused: number[] = [];
    const end = await workThrough(
      parts({ lines: mixed(), stop: stop.signal, reject: ({ line }) => void refused.push(line) }),
    );
    expect([refused, end]).toEqual([[2, 4], { read: 3, goOnFrom: 5 }]);
  });
});

describe('sightings', () => {
  it('forget nothing and, at a hundred thousand identifiers, take none for seen that was not', () => {
    const sightings = new Sightings();
    const ids = Array.from({ length: 100_000 }, (_, index) => `title|studio|GLOBAL|${index}`);
    expect(ids.filter((id) => sightings.add(id))).toEqual([]);
    expect(ids.filter((id) => !sightings.add(id))).toEqual([]);
  });
});
