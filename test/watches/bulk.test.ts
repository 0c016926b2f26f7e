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
  fromLine: 2,
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

  it('goes on behind refused lines', async () => {
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

describe('rejects and the line to go on from', () => {
  const bad = (line: number): WatchLine => ({ line, reason: 'why', original: [] });

  it('reject in the order of the file, and nothing from the line on at which a resume will begin', async () => {
    const held = Promise.withResolvers<undefined>();
    const refused: number[] = [];
    async function* everyTenthBad(): AsyncGenerator<WatchLine> {
      for (let line = 2; line < 802; line += 1) {
        if (line === 500) held.reject(new Error('throttled'));
        yield line % 10 === 0 ? bad(line) : good(line);
      }
    }
    const end = await workThrough(
      parts({
        lines: everyTenthBad(),
        async work(batch, _earlier, refuse) {
          if (batch[0]?.line === 202) await held.promise;
          if (batch[0]?.line === 102) refuse({ line: 103, reason: 'not there', original: [] });
          await turn();
        },
        reject: ({ line }) => void refused.push(line),
      }),
    );
    expect(end.goOnFrom).toBe(202);
    expect(refused).toEqual([10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 103, 110, 120, 130, 140, 150, 160, 170, 180, 190, 200]); // prettier-ignore
  });

  it('go on at the line whose rejection could not be kept', async () => {
    async function* lines(): AsyncGenerator<WatchLine> {
      yield* [good(2), bad(3), good(4), bad(5), good(6)];
    }
    const kept: number[] = [];
    const reject = ({ line }: { line: number }): void => {
      if (line === 5) throw new Error('disk full');
      kept.push(line);
    };
    const end = await workThrough(parts({ lines: lines(), reject }));
    expect([kept, end]).toEqual([[3], { read: 5, goOnFrom: 5, failure: new Error('disk full') }]);
  });

  it('hold no more than so many lines back behind a batch that hangs', async () => {
    const hang = Promise.withResolvers<undefined>();
    let read = 0;
    async function* manyBad(): AsyncGenerator<WatchLine> {
      for (let line = 2; line < 50_002; line += 1) {
        read += 1;
        yield line === 2 ? good(line) : bad(line);
      }
    }
    let rejected = 0;
    const ended = workThrough(
      parts({
        lines: manyBad(),
        work: (batch) => (batch.length > 0 ? hang.promise : Promise.resolve()),
        reject: () => void (rejected += 1),
      }),
    );
    for (let turns = 0; turns < 2_000; turns += 1) await turn();
    expect(read).toBeLessThan(10_000);
    hang.resolve(undefined);
    expect([await ended, rejected]).toEqual([{ read: 50_000 }, 49_999]);
  });

  it('go on where they began when they are stopped before the first line', async () => {
    const stop = new AbortController();
    async function* skipping(): AsyncGenerator<WatchLine> {
      stop.abort();
      await new Promise(() => undefined);
      yield good(2);
    }
    const end = await workThrough(parts({ lines: skipping(), fromLine: 5_000, stop: stop.signal }));
    expect(end).toEqual({ read: 0, goOnFrom: 5_000 });
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
