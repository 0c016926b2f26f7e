import { describe, expect, it } from 'vitest';
import type { DeadSlice } from '../../lambdas/shared/dead-letters.ts';
import {
  CredentialError,
  RejectedError,
  ThrottledError,
  UnavailableError,
  UnreadableAnswerError,
} from '../../lambdas/shared/errors.ts';
import { receiveSlices } from '../../lambdas/shared/laps/receive-slices.ts';
import type { Slice } from '../../lambdas/shared/laps/slice.ts';
import type { Visit } from '../../lambdas/shared/laps/slice-runner.ts';
import { SliceRunner } from '../../lambdas/shared/laps/slice-runner.ts';
import { Pacer } from '../../lambdas/shared/pacer/pacer.ts';
import type { VisitNotes, WatchHead } from '../../lambdas/shared/watches.store.ts';
import { MemoryBuckets } from './memory-buckets.ts';
import { VirtualClock } from './virtual-clock.ts';

type Answer = Visit | Error;
const unchanged: Visit = { kind: 'unchanged' };
const recorded: Visit = { kind: 'recorded' };
const failing = (error: ConstructorParameters<typeof UnavailableError>[0] = 'ServerError'): Visit => ({
  kind: 'failed',
  error: new UnavailableError(error, 'the upstream answered 503'),
});
const throttled: Visit = { kind: 'failed', error: new ThrottledError('slow down') };
const refused: Visit = { kind: 'failed', error: new RejectedError('BadRequest', 'no such marketplace') };
const unreadable = (shape: string): Visit => ({
  kind: 'failed',
  error: new UnreadableAnswerError('not JSON', { raw: '<html>', shape }),
});

/** A runner whose upstream answers by script: the last answer of a watch repeats. */
function worker(script: (watchId: string, visit: number) => Answer, options: { latencyMs?: number } = {}) {
  const clock = new VirtualClock();
  const rows = new Map<string, WatchHead<unknown>>();
  const places: { watchId: string; to: string; notes: VisitNotes }[] = [];
  const letters: DeadSlice[] = [];
  const again: string[][] = [];
  const counts: Record<string, number> = {};
  const visits = new Map<string, number>();
  const buckets = new MemoryBuckets();
  const bucket = { id: 'b', limit: { perSecond: 10, burst: 5 }, pack: 1 };
  let credentials = true;
  const runner = new SliceRunner<unknown>(
    {
      pacer: new Pacer(buckets, clock),
      watches: {
        heads: (ids) => Promise.resolve(new Map([...rows].filter(([id]) => ids.includes(id)))),
        place: (head, to, notes) => {
          places.push({ watchId: head.watchId, to, notes });
          const row = rows.get(head.watchId);
          if (row) {
            const { attempts, problem, missingSince } = notes;
            rows.set(head.watchId, { ...row, lap: `b#${to}`, attempts, problem, missingSince });
          }
          return Promise.resolve(true);
        },
      },
      slices: { sendAgain: (_, watches) => Promise.resolve(void again.push([...watches])) },
      deadLetters: { giveUp: (letter) => Promise.resolve(void letters.push(letter)) },
      clock,
      attempts: 3,
      pause: () => 100,
      warn: () => undefined,
      count: (metric, by) => (counts[metric] = (counts[metric] ?? 0) + by),
    },
    {
      timeoutMs: 10_000,
      ready: () =>
        credentials ? Promise.resolve() : Promise.reject(new CredentialError('SecretMissing', 'no secret')),
      async check(_bucket, [head], slot) {
        slot.left();
        const id = head?.watchId ?? '';
        const visit = (visits.get(id) ?? 0) + 1;
        visits.set(id, visit);
        await clock.sleep(options.latencyMs ?? 100);
        const answer = script(id, visit);
        slot.answered({ throttled: answer === throttled });
        if (answer instanceof Error) throw answer;
        return new Map([[id, answer]]);
      },
    },
  );
  const watch = (watchId: string, head: Partial<WatchHead<unknown>> = {}): string => {
    rows.set(watchId, {
      watchId,
      bucketId: 'b',
      lap: 'b#steady',
      version: 1,
      sentAt: 0,
      observedAt: undefined,
      state: {},
      ...head,
    });
    return watchId;
  };
  let slices = 0;
  const run = (watches: string[], receives = 1, seconds = 60) => {
    const slice: Slice = { id: `s${++slices}`, bucket: 'b', class: 'steady', endsAt: slices, watches };
    return clock.run(runner.run(slice, bucket, { messageId: 'm', receives, deadline: clock.now() + seconds * 1000 }));
  };
  return {
    clock,
    rows,
    places,
    letters,
    again,
    counts,
    visits,
    buckets,
    runner,
    bucket,
    watch,
    run,
    lock: () => (credentials = false),
  };
}

describe('running a slice', () => {
  it('writes nothing but its one reservation when nothing has changed', async () => {
    const { watch, run, places, buckets, letters, counts } = worker(() => unchanged);
    const watches = Array.from({ length: 100 }, (_, index) => watch(`w${index}`));
    expect(await run(watches)).toEqual({
      kind: 'done',
      visits: { unchanged: 100 },
    });
    expect({ places, letters, writes: buckets.writes }).toEqual({ places: [], letters: [], writes: 1 });
    expect(counts).toEqual({ RequestsSent: 100 });
  });

  it('repeats what failed at the end of the slice, and forgets it when that works', async () => {
    const { watch, run, places, visits, counts } = worker((id, visit) =>
      id === 'w1' && visit === 1 ? failing() : unchanged,
    );
    await run(['w0', 'w1', 'w2'].map((id) => watch(id)));
    expect([...visits.values()]).toEqual([1, 2, 1]);
    expect(places).toEqual([]);
    expect(counts['Unavailable']).toBe(1);
  });

  it('moves a watch that fails twice to urgent, counts its visits, and brings it back once it answers', async () => {
    let down = true;
    const { watch, run, places } = worker((id) => (id === 'w1' && down ? failing() : unchanged));
    const watches = ['w0', 'w1', 'w2'].map((id) => watch(id));
    await run(watches);
    expect(places).toEqual([{ watchId: 'w1', to: 'urgent', notes: { attempts: 1 } }]);
    down = false;
    await run(['w1']);
    expect(places.at(-1)).toEqual({ watchId: 'w1', to: 'steady', notes: {} });
  });

  it('dead-letters a watch with its reason at the limit of failed visits, and goes on polling it', async () => {
    const { watch, run, places, letters, counts, rows } = worker((id) => (id === 'w1' ? failing() : unchanged));
    const watches = ['w0', 'w1', 'w2'].map((id) => watch(id));
    for (let visit = 0; visit < 3; visit += 1) await run(watches);
    expect(letters).toEqual([
      expect.objectContaining({
        watches: ['w1'],
        bucket: 'b',
        reason: expect.objectContaining({ code: 'ServerError', message: 'the upstream answered 503' }) as unknown,
      }),
    ]);
    expect(places.at(-1)).toMatchObject({ to: 'steady', notes: { problem: { code: 'ServerError' } } });
    expect(rows.get('w1')?.attempts).toBeUndefined();
    expect(counts['WatchesDeadLettered']).toBe(1);
  });

  it('dead-letters a refused watch once, and writes nothing when it is refused again', async () => {
    const { watch, run, places, letters, visits } = worker((id) => (id === 'w1' ? refused : unchanged));
    const watches = ['w0', 'w1'].map((id) => watch(id));
    await run(watches);
    await run(watches);
    expect(letters).toHaveLength(1);
    expect(places).toHaveLength(1);
    expect(visits.get('w1')).toBe(2);
  });

  it('quarantines an unreadable answer once per watch and shape', async () => {
    let shape = 'a';
    const { watch, run, letters, counts } = worker(() => unreadable(shape));
    const watches = [watch('w0')];
    await run(watches);
    await run(watches);
    expect(letters.map((letter) => letter.reason.raw)).toEqual(['<html>']);
    shape = 'b';
    await run(watches);
    expect(letters).toHaveLength(2);
    expect(counts['UnreadableAnswers']).toBe(4);
  });

  it('holds the slice in an outage: nothing is given up, nothing is moved, and it stops sending', async () => {
    const { watch, run, places, letters, visits, again } = worker(() => failing());
    const watches = Array.from({ length: 100 }, (_, index) => watch(`w${index}`));
    const outcome = await run(watches);
    expect(outcome).toMatchObject({ kind: 'hide', because: 'outage', seconds: 15 });
    expect(visits.size).toBeLessThan(15);
    expect({ places, letters, again }).toEqual({ places: [], letters: [], again: [] });
    expect(await run(watches, 5)).toMatchObject({ kind: 'hide', seconds: 240 });
  });

  it('sends a slice anew before the queue would dead-letter it, with the watches that are still to be served', async () => {
    const { watch, run, again, letters } = worker((id, visit) => (id === 'w0' && visit === 1 ? unchanged : failing()));
    const watches = Array.from({ length: 40 }, (_, index) => watch(`w${index}`));
    expect(await run(watches, 8)).toMatchObject({ kind: 'done' });
    expect(again[0]?.toSorted()).toEqual(watches.slice(1).toSorted());
    // What has not been tried yet goes first.
    expect(again[0]?.at(0)).not.toBe('w1');
    expect(again[0]?.at(-1)).toMatch(/^w/);
    expect(letters).toEqual([]);
  });

  it('knows an outage in slices of one request as well', async () => {
    const { watch, run, places } = worker(() => failing());
    const outcomes = [];
    for (let index = 0; index < 12; index += 1) outcomes.push((await run([watch(`w${index}`)])).kind);
    expect(outcomes.slice(0, 4)).toEqual(['done', 'done', 'done', 'done']);
    expect(outcomes.slice(-4)).toEqual(['hide', 'hide', 'hide', 'hide']);
    expect(places.length).toBeLessThan(6);
  });

  it('does not let a few titles that always fail stand for the upstream: a witness clears it', async () => {
    const failingFor = new Set(Array.from({ length: 15 }, (_, index) => `w${index + 20}`));
    const { watch, run, letters, visits, rows } = worker((id) => (failingFor.has(id) ? failing() : unchanged));
    const watches = Array.from({ length: 60 }, (_, index) => watch(`w${index}`));
    for (let lap = 0; lap < 4; lap += 1) {
      expect(await run(watches)).toMatchObject({ kind: 'done', visits: { failed: 15 } });
    }
    expect(watches.every((id) => (visits.get(id) ?? 0) >= 4)).toBe(true);
    // Each is given up once, with its reason, and polled on.
    expect(letters.map((letter) => letter.watches[0]).toSorted()).toEqual([...failingFor].toSorted());
    expect([...failingFor].every((id) => rows.get(id)?.lap === 'b#steady')).toBe(true);
  });

  it('does not hold a bucket for one title that is forbidden', async () => {
    const forbidden: Visit = { kind: 'failed', error: new CredentialError('Refused', 'not yours') };
    const { watch, run, places } = worker((id) => (id === 'w1' ? forbidden : unchanged));
    expect(await run(['w0', 'w1', 'w2', 'w3'].map((id) => watch(id)))).toMatchObject({ kind: 'done' });
    expect(places).toEqual([expect.objectContaining({ watchId: 'w1', to: 'urgent' })]);
  });

  it('takes it for an outage when everything that was known is unknown', async () => {
    const { watch, run, places } = worker(() => ({ kind: 'vanished', since: 1 }));
    const watches = Array.from({ length: 30 }, (_, index) => watch(`w${index}`));
    expect(await run(watches)).toMatchObject({ kind: 'hide', because: 'outage', error: { code: 'EverythingUnknown' } });
    expect(places).toEqual([]);
  });

  it('asks the planner to wait while it holds a slice', async () => {
    let up = false;
    const { watch, run, buckets, clock } = worker(() => (up ? unchanged : failing()));
    await run(Array.from({ length: 30 }, (_, index) => watch(`w${index}`)));
    expect(buckets.rows.get('b')?.heldUntil).toBe(clock.now() + 15_000 + 90_000);
    up = true;
    await run(['w0'], 2);
    expect(buckets.rows.get('b')?.heldUntil).toBe(0);
  });

  it('moves a watch that belongs to another bucket now', async () => {
    const { watch, run, places } = worker((id) => (id === 'w1' ? { kind: 'moved', bucketId: 'b2' } : unchanged));
    await run(['w0', 'w1'].map((id) => watch(id)));
    expect(places).toEqual([{ watchId: 'w1', to: 'new', notes: {} }]);
  });

  it('waits when the credentials are missing or refused, before or after a request', async () => {
    const asked = worker(() => ({ kind: 'failed', error: new CredentialError('Forbidden', 'the key is refused') }));
    expect(await asked.run(['w0', 'w1'].map((id) => asked.watch(id)))).toMatchObject({
      kind: 'hide',
      because: 'outage',
    });
    expect(asked.counts['CredentialsRefused']).toBeGreaterThan(0);
    const unasked = worker(() => unchanged);
    unasked.lock();
    expect(await unasked.run([unasked.watch('w0')])).toMatchObject({ kind: 'hide', because: 'outage' });
    expect(unasked.buckets.writes).toBe(0);
  });

  it('slows down when it is throttled, and loses nothing', async () => {
    const { watch, run, visits, places } = worker((id, visit) => (id === 'w3' && visit === 1 ? throttled : unchanged));
    const watches = Array.from({ length: 8 }, (_, index) => watch(`w${index}`));
    expect(await run(watches)).toMatchObject({ kind: 'done', visits: { unchanged: 8 } });
    expect(visits.get('w3')).toBe(2);
    expect(places).toEqual([]);
  });

  it('sends again what it has no time for', async () => {
    const { watch, run, again } = worker(() => unchanged);
    const watches = Array.from({ length: 200 }, (_, index) => watch(`w${index}`));
    const outcome = await run(watches, 1, 20);
    expect(outcome).toMatchObject({ kind: 'done' });
    expect(again).toHaveLength(1);
    expect(outcome.kind === 'done' && (outcome.visits.unchanged ?? 0) + (again[0]?.length ?? 0)).toBe(200);
    expect(again[0]).toEqual(watches.slice(-(again[0]?.length ?? 0)));
  });

  it('leaves out watches that have been removed or never were', async () => {
    const { watch, run, visits } = worker(() => unchanged);
    await run([watch('w0', { lap: undefined }), watch('w1'), 'unheard-of']);
    expect([...visits.keys()]).toEqual(['w1']);
  });

  it('settles a new or noted watch that turns out unchanged, and leaves a recorded one to its record', async () => {
    const { watch, run, places } = worker((id) => (id === 'w0' ? unchanged : recorded));
    await run([watch('w0', { lap: 'b#new' }), watch('w1', { lap: 'b#new' })]);
    expect(places).toEqual([{ watchId: 'w0', to: 'steady', notes: {} }]);
  });

  it('runs a slice that nobody planned, and leaves the count of what was planned and the steady watch as they are', async () => {
    const { watch, run, runner, bucket, clock, places, buckets, visits } = worker(() => unchanged);
    await run([watch('w1')]);
    const { started } = await buckets.read('b');
    const slice: Slice = { id: 'b#check-now#r1#1', bucket: 'b', class: 'urgent', watches: ['w1'] };
    const delivery = { messageId: 'm', receives: 1, deadline: clock.now() + 60_000 };
    await clock.run(runner.run(slice, bucket, delivery));
    expect(visits.get('w1')).toBe(2);
    expect(places).toEqual([]);
    expect(started).toBe(1);
    expect(await buckets.read('b')).toMatchObject({ started, slice: slice.id });
  });

  it('looks soon again at a thing that has vanished', async () => {
    const { watch, run, places } = worker(() => ({ kind: 'vanished', since: 42 }));
    const watches = [watch('w0')];
    await run(watches);
    await run(watches);
    expect(places).toEqual([{ watchId: 'w0', to: 'urgent', notes: { missingSince: 42 } }]);
  });

  it('fails as a whole when the database fails, after all answers are in', async () => {
    const { watch, run } = worker((id) => (id === 'w1' ? new Error('database down') : unchanged));
    await expect(run(['w0', 'w1', 'w2'].map((id) => watch(id)))).rejects.toThrow('database down');
  });
});

describe('a request for several watches', () => {
  /** A runner that packs, whose upstream answers a request as a whole. */
  function packing(script: (ids: readonly string[], request: number) => (id: string) => Visit, pack = 4) {
    const clock = new VirtualClock();
    const rows = new Map<string, WatchHead<unknown>>();
    const requests: string[][] = [];
    const counts: Record<string, number> = {};
    const places: { watchId: string; to: string; notes: VisitNotes }[] = [];
    const again: { watches: readonly string[]; pack: number | undefined; delivery: string }[] = [];
    const bucket = { id: 'b', limit: { perSecond: 10, burst: 20 }, pack, uniform: true };
    const runner = new SliceRunner<unknown>(
      {
        pacer: new Pacer(new MemoryBuckets(), clock),
        watches: {
          heads: (ids) => Promise.resolve(new Map([...rows].filter(([id]) => ids.includes(id)))),
          place: (head, to, notes) => Promise.resolve(places.push({ watchId: head.watchId, to, notes }) > 0),
        },
        slices: {
          sendAgain: (slice, watches, delivery) =>
            Promise.resolve(void again.push({ watches, pack: slice.pack, delivery })),
        },
        deadLetters: { giveUp: () => Promise.resolve() },
        clock,
        attempts: 3,
        pause: () => 100,
        warn: () => undefined,
        count: (metric, by) => (counts[metric] = (counts[metric] ?? 0) + by),
      },
      {
        timeoutMs: 10_000,
        ready: () => Promise.resolve(),
        async check(_bucket, heads, slot) {
          slot.left();
          const ids = heads.map(({ watchId }) => watchId);
          const answer = script(ids, requests.push(ids));
          await clock.sleep(100);
          slot.answered({ throttled: false });
          return new Map(ids.map((id) => [id, answer(id)]));
        },
      },
    );
    const run = (watches: string[], more: Partial<Slice> = {}) => {
      for (const watchId of watches) {
        if (!rows.has(watchId)) {
          rows.set(watchId, { watchId, bucketId: 'b', lap: 'b#steady', version: 1, sentAt: 0, state: {} });
        }
      }
      const slice: Slice = { id: 's', bucket: 'b', class: 'steady', endsAt: 1, watches, ...more };
      return clock.run(runner.run(slice, bucket, { messageId: 'm', receives: 1, deadline: clock.now() + 60_000 }));
    };
    return { clock, rows, requests, counts, places, again, run };
  }
  const ids = (count: number, group = 'a'): string[] =>
    Array.from({ length: count }, (_, index) => `${group}|${String(index).padStart(2, '0')}`);
  const down = failing();

  it('carries compatible ones only, each once', async () => {
    const { run, requests } = packing(() => () => unchanged);
    await run([...ids(6), ...ids(2, 'b'), 'a|00']);
    expect(requests.map((request) => request.length)).toEqual([4, 2, 2]);
    expect(new Set(requests.flat()).size).toBe(8);
  });

  it('packs the failed ones of several requests together when it repeats them', async () => {
    const failed = new Set(['a|01', 'a|06', 'a|11']);
    const { run, requests } = packing((_, request) => (id) => (request <= 3 && failed.has(id) ? failing() : unchanged));
    expect(await run(ids(12))).toEqual({ kind: 'done', visits: { unchanged: 12 } });
    expect(requests.slice(3)).toEqual([[...failed]]);
  });

  it('repeats what has failed for as long as that helps some', async () => {
    // Every fifth request fails.
    const fifth = packing((_, request) => () => (request % 5 === 0 ? failing() : unchanged), 1);
    expect(await fifth.run(ids(50))).toEqual({ kind: 'done', visits: { unchanged: 50 } });
    expect(fifth.requests).toHaveLength(50 + 10 + 2);
    const stubborn = packing(() => (id) => (id === 'a|03' ? failing() : unchanged), 1);
    expect(await stubborn.run(ids(8))).toEqual({ kind: 'done', visits: { unchanged: 7, failed: 1 } });
    expect(stubborn.requests).toHaveLength(8 + 1);
  });

  it('counts a request that failed as a whole as one failure, so that one alone raises no suspicion', async () => {
    const { run, requests, counts } = packing((_, request) => () => (request === 1 ? down : unchanged), 20);
    expect(await run(ids(40))).toEqual({ kind: 'done', visits: { unchanged: 40 } });
    expect(counts['Unavailable']).toBe(1);
    expect(requests).toHaveLength(3);
  });

  it('takes ten failed requests in a row for an outage, once the witness has failed as well', async () => {
    const { run, requests } = packing(() => () => failing(), 2);
    expect(await run(ids(90))).toMatchObject({ kind: 'hide', because: 'outage' });
    // Those of the burst were on their way when the first one failed.
    expect(requests.length).toBeLessThan(18 + 10);
  });

  it('asks about doubtful ones again in smaller requests, as a slice of their own', async () => {
    const { run, again, places } = packing(
      (request) => (id) =>
        request.includes('a|02') ? { kind: 'doubtful', pack: 2 } : id === 'a|05' ? failing() : unchanged,
    );
    await run(ids(8));
    expect(again).toMatchObject([{ watches: ids(4), pack: 2 }]);
    expect(places.map(({ watchId }) => watchId)).toEqual(['a|05']);
    const second = packing(() => () => unchanged);
    await second.run(ids(4), { pack: 2 });
    expect(second.requests.map((request) => request.length)).toEqual([2, 2]);
  });

  it('has a slot for each request, wherever the watches of one kind end', async () => {
    const { run, requests } = packing(() => () => unchanged, 20);
    const slice = [...ids(5), ...Array.from({ length: 180 }, (_, index) => `b|${String(index).padStart(3, '0')}`)];
    expect(await run(slice)).toEqual({ kind: 'done', visits: { unchanged: 185 } });
    expect(requests).toHaveLength(1 + 9);
  });

  it('takes a part that is missing everywhere for an answer, so that the second look comes', async () => {
    const { run, places } = packing(() => () => ({ kind: 'vanished', since: 42, missingParts: ['x'] }), 2);
    expect(await run(ids(60))).toEqual({ kind: 'done', visits: { vanished: 60 } });
    expect(places).toHaveLength(60);
    expect(new Set(places.map(({ to }) => to))).toEqual(new Set(['urgent']));
  });

  it('gives each of the slices that it sends again a name of its own', async () => {
    const { run, again } = packing((request) => () => ({ kind: 'doubtful', pack: request.length / 2 }));
    await run(ids(6));
    expect(again.map(({ pack }) => pack)).toEqual([2, 1]);
    expect(new Set(again.map(({ delivery }) => delivery)).size).toBe(2);
  });

  it('spends nothing on a watch before the time that the upstream has named', async () => {
    const world = packing(() => () => unchanged);
    const until = world.clock.now() + 600_000;
    const early = packing(() => (id) => (id === 'a|01' ? { kind: 'early', until } : unchanged));
    await early.run(ids(2));
    expect(early.places).toEqual([{ watchId: 'a|01', to: 'steady', notes: { notBefore: until } }]);
    world.rows.set('a|01', {
      watchId: 'a|01',
      bucketId: 'b',
      lap: 'b#steady',
      version: 1,
      sentAt: 0,
      notBefore: until,
    });
    expect(await world.run(ids(2))).toEqual({ kind: 'done', visits: { unchanged: 1 } });
    expect(world.requests).toEqual([['a|00']]);
    await world.clock.run(world.clock.sleepUntil(until));
    await world.run(ids(2));
    expect(world.requests.at(-1)).toEqual(ids(2));
    expect(world.places).toEqual([{ watchId: 'a|01', to: 'steady', notes: {} }]);
  });
});

describe('a slice whose requests lie further apart than is slept through', () => {
  const SLOW = { id: 'b', limit: { perSecond: 0.1, burst: 1 }, pack: 2 };
  const WATCHES = ['w0', 'w1', 'w2', 'w3', 'w4'];

  /** Its messages as a queue delivers them, to whichever environment. */
  function slow() {
    const clock = new VirtualClock();
    const buckets = new MemoryBuckets();
    const requests: { at: number; ids: string[] }[] = [];
    const again: string[][] = [];
    const head = (watchId: string): WatchHead<unknown> => ({
      watchId,
      bucketId: 'b',
      lap: 'b#steady',
      version: 1,
      sentAt: 0,
      state: {},
    });
    const environment = () =>
      new SliceRunner<unknown>(
        {
          pacer: new Pacer(buckets, clock),
          watches: {
            heads: (ids) => Promise.resolve(new Map(ids.map((id) => [id, head(id)]))),
            place: () => Promise.resolve(true),
          },
          slices: { sendAgain: (_, watches) => Promise.resolve(void again.push([...watches])) },
          deadLetters: { giveUp: () => Promise.resolve() },
          clock,
          attempts: 3,
          pause: () => 100,
          warn: () => undefined,
          count: () => undefined,
        },
        {
          timeoutMs: 10_000,
          ready: () => Promise.resolve(),
          async check(_bucket, heads, slot) {
            slot.left();
            requests.push({ at: clock.now(), ids: heads.map(({ watchId }) => watchId) });
            await clock.sleep(200);
            slot.answered({ throttled: false });
            return new Map(heads.map(({ watchId }) => [watchId, unchanged]));
          },
        },
      );
    const slice: Slice = { id: 's', bucket: 'b', class: 'steady', endsAt: 3, watches: WATCHES };
    const deliver = (runner: SliceRunner<unknown>, receives: number) =>
      clock.run(runner.run(slice, SLOW, { messageId: 'm', receives, deadline: clock.now() + 60_000 }));
    const wait = (seconds: number) => clock.run(clock.sleep(Math.max(1, Math.floor(seconds)) * 1000));
    return { clock, buckets, requests, again, environment, deliver, wait };
  }

  it('sends one request a receipt, in the rhythm of the bucket, and hides in between', async () => {
    const { clock, buckets, requests, environment, deliver, wait } = slow();
    const runner = environment();
    const outcomes = [];
    for (let receives = 1; receives <= 3; receives += 1) {
      const outcome = await deliver(runner, receives);
      outcomes.push(outcome.kind);
      // What has been started is known request by request.
      expect((await buckets.read('b')).started).toBe(receives);
      if (outcome.kind === 'hide') await wait(outcome.seconds);
    }
    expect(outcomes).toEqual(['hide', 'hide', 'done']);
    expect(requests.map(({ ids }) => ids)).toEqual([['w0', 'w1'], ['w2', 'w3'], ['w4']]);
    expect((requests[2]?.at ?? 0) - (requests[1]?.at ?? 0)).toBeCloseTo(10_150, 0);
    expect({ writes: buckets.writes, refusals: buckets.refusals }).toEqual({ writes: 3, refusals: 0 });
    expect(clock.now()).toBeGreaterThan(0);
  });

  it('goes on in another environment, with the request that went last', async () => {
    const { requests, environment, deliver, wait } = slow();
    const first = environment();
    await deliver(first, 1);
    await wait(10);
    await deliver(first, 2);
    await wait(90);
    const second = environment();
    expect(await deliver(second, 3)).toMatchObject({ kind: 'hide' });
    await wait(10);
    expect(await deliver(second, 4)).toMatchObject({ kind: 'done' });
    expect(requests.map(({ ids }) => ids[0])).toEqual(['w0', 'w2', 'w2', 'w4']);
  });

  it('begins anew when it is redriven, and is sent anew before the queue gives it up', async () => {
    const { requests, again, environment, deliver, wait } = slow();
    const runner = environment();
    await deliver(runner, 1);
    await wait(10);
    expect(await deliver(runner, 1)).toMatchObject({ kind: 'hide' });
    await wait(10);
    expect(await deliver(runner, 8)).toMatchObject({ kind: 'done' });
    expect(requests.map(({ ids }) => ids[0])).toEqual(['w0', 'w0', 'w2']);
    expect(again).toEqual([['w4']]);
  });
});

describe('receiving slices', () => {
  const record = (body: string) => ({
    messageId: 'm1',
    receiptHandle: 'r1',
    body,
    attributes: { ApproximateReceiveCount: '1', MessageGroupId: 'b' },
  });

  function receiver(outcome: Awaited<ReturnType<SliceRunner<unknown>['run']>>) {
    const refusals: string[] = [];
    const hidden: number[] = [];
    const parts = {
      run: () => Promise.resolve(outcome),
      bucket: (id: string) => (id === 'b' ? { id, limit: { perSecond: 1, burst: 1 }, pack: 1 } : undefined),
      slices: { hide: (_: string, seconds: number) => Promise.resolve(void hidden.push(seconds)) },
      deadLetters: {
        refuse: (_: string, body: string, reason: { code: string; message: string }) =>
          Promise.resolve(void refusals.push(`${reason.code} ${reason.message} ${body}`)),
      },
      clock: new VirtualClock(),
      log: () => undefined,
    };
    return { refusals, hidden, receive: (body: string) => receiveSlices([record(body)], parts, () => 60_000) };
  }
  const done = {
    kind: 'done',
    visits: { unchanged: 1 },
  } as const;
  const body = JSON.stringify({ id: 's', bucket: 'b', class: 'steady', endsAt: 1, watches: ['w'] });

  it.each([
    ['not JSON', 'UnreadableMessage the body is not JSON'],
    ['{"id":"s","bucket":"b","class":"steady","watches":[""]}', 'UnreadableMessage watches.0:'],
    ['{"id":"s","bucket":"x","class":"steady","watches":["w"]}', 'UnknownBucket the settings name no bucket x'],
  ])('dead-letters %s by its own hand, with the reason, and lets the bucket go on', async (text, reason) => {
    const { receive, refusals } = receiver(done);
    expect(await receive(text)).toEqual([]);
    expect(refusals).toEqual([expect.stringContaining(reason)]);
    expect(refusals[0]).toContain(text);
  });

  it('hides a message that has to wait and reports it as failed', async () => {
    const { receive, hidden } = receiver({ kind: 'hide', seconds: 8.4, because: 'pace' });
    expect(await receive(body)).toEqual(['m1']);
    expect(hidden).toEqual([8.4]);
  });

  it('takes a slice that was redriven from the dead-letter queue', async () => {
    const { receive, refusals } = receiver(done);
    const dead = JSON.stringify({
      ...(JSON.parse(body) as Slice),
      endsAt: undefined,
      reason: { code: 'X', message: 'y' },
    });
    expect(await receive(dead)).toEqual([]);
    expect(refusals).toEqual([]);
  });
});
