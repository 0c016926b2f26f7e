import { describe, expect, it } from 'vitest';
import { type KnownWatch, putOnList } from '../../lambdas/shared/put-on-list.ts';

/** A row that somebody else changes, at moments that the test chooses. */
class Row {
  current: KnownWatch | undefined;
  readonly writes: string[] = [];
  /** What somebody else does just before a write. */
  readonly before: Partial<Record<'add' | 'tune' | 'place', () => void>> = {};

  constructor(current?: KnownWatch) {
    this.current = current;
  }

  #write(name: 'add' | 'tune' | 'place', isRight: () => boolean, change: () => KnownWatch): boolean {
    this.before[name]?.();
    delete this.before[name];
    const done = isRight();
    this.writes.push(done ? name : `${name} refused`);
    if (done) this.current = change();
    return done;
  }

  readonly store: Parameters<typeof putOnList>[0]['store'] = {
    add: async ({ bucketId, tuning }) =>
      this.#write(
        'add',
        () => this.current?.lap === undefined,
        () => ({ ...this.current, bucketId, lap: `${bucketId}#new`, ...(tuning && { tuning }) }),
      ),
    tune: async (_, tuning) =>
      this.#write(
        'tune',
        () => this.current?.lap !== undefined,
        () => ({ ...this.current!, tuning }),
      ),
    place: async ({ bucketId }) =>
      this.#write(
        'place',
        () => this.current?.lap !== undefined,
        () => ({ ...this.current!, bucketId, lap: `${bucketId}#new` }),
      ),
  };

  put(wanted: { bucketId?: string; tuning?: Record<string, unknown> } = {}, seen = this.current) {
    const parts = { store: this.store, read: async () => this.current };
    return putOnList(parts, seen, { watchId: 'w', bucketId: 'b', ...wanted });
  }
}
const listed = (fields: Partial<KnownWatch> = {}): KnownWatch => ({ bucketId: 'b', lap: 'b#steady', ...fields });
const removed = (fields: Partial<KnownWatch> = {}): KnownWatch => ({ bucketId: 'b', ...fields });

describe('putting a watch on the list', () => {
  it.each([
    ['added', undefined, {}, ['add']],
    ['returned', removed({ tuning: { a: 1 } }), {}, ['add']],
    ['alreadyThere', listed(), {}, []],
    ['alreadyThere', listed({ tuning: { a: 1 } }), { tuning: { a: 1 } }, []],
    ['alreadyThere', listed(), { tuning: {} }, []],
    ['tuned', listed({ tuning: { a: 1 } }), { tuning: {} }, ['tune']],
    ['moved', listed({ bucketId: 'old', lap: 'old#steady' }), {}, ['place']],
    ['moved', listed({ bucketId: 'old', lap: 'old#steady' }), { tuning: { a: 2 } }, ['tune', 'place']],
  ])('is %s from %j by %j', async (outcome, row, wanted, writes) => {
    const world = new Row(row);
    expect(await world.put(wanted)).toBe(outcome);
    expect(world.writes).toEqual(writes);
    expect(world.current).toMatchObject({ bucketId: 'b', lap: expect.stringMatching(/^b#/u) });
    if ('tuning' in wanted) expect(world.current?.tuning ?? {}).toEqual(wanted.tuning);
  });

  it('keeps the tuning of a watch that comes back, unless it is given another', async () => {
    const kept = new Row(removed({ tuning: { a: 1 } }));
    await kept.put();
    expect(kept.current?.tuning).toEqual({ a: 1 });
    const given = new Row(removed({ tuning: { a: 1 } }));
    await given.put({ tuning: { b: 2 } });
    expect(given.current?.tuning).toEqual({ b: 2 });
  });

  it('tunes a watch that somebody else has put on the list in the same moment', async () => {
    const world = new Row();
    world.before.add = () => (world.current = listed());
    expect(await world.put({ tuning: { a: 1 } })).toBe('tuned');
    expect(world.writes).toEqual(['add refused', 'tune']);
    expect(world.current?.tuning).toEqual({ a: 1 });
  });

  it('brings a watch back that somebody else has removed in the same moment', async () => {
    const world = new Row(listed({ bucketId: 'old', lap: 'old#steady' }));
    world.before.place = () => (world.current = removed({ bucketId: 'old' }));
    expect(await world.put({ tuning: { a: 1 } })).toBe('returned');
    expect(world.writes).toEqual(['tune', 'place refused', 'add']);
    expect(world.current).toMatchObject({ bucketId: 'b', lap: 'b#new', tuning: { a: 1 } });
  });
});
