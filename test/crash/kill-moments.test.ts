import { describe, expect, it } from 'vitest';
import type { Fact } from './facts.ts';
import type { MomentKind, Sights } from './kill-moments.ts';
import { drawMoments, momentOf } from './kill-moments.ts';

const KINDS: Record<string, MomentKind> = {
  any: { about: 'any time', sight: 'nothing', count: [1, 1], delayMs: [0, 500] },
  begin: {
    about: 'as a worker begins',
    sight: (fact, functionId) => fact.kind === 'began' && fact.functionId === functionId('Worker'),
    count: [1, 9],
    delayMs: [0, 0],
  },
  request: { about: 'after some requests', sight: 'request', count: [1, 9], delayMs: [0, 0] },
};

function sights() {
  const listeners = new Set<(fact: Fact) => void>();
  const state = { requests: 100, inFlight: 1 };
  const shown: Sights = {
    onFact: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    functionId: (path) => `id-of-${path}`,
    requests: () => state.requests,
    inFlight: () => state.inFlight,
  };
  const begin = (functionId: string): void => {
    for (const listener of listeners) listener({ kind: 'began', at: 0, functionId });
  };
  return { shown, state, begin, listeners };
}

const never = new AbortController().signal;
const moment = (kind: string, count: number) => ({ kind, aloneMs: 0, count, delayMs: 0, againMs: [] });
/** Lets everything run that has come due. */
const pass = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 30));

describe('the moments of a run', () => {
  it('are the same for the same seed, and others for another', () => {
    expect(drawMoments(KINDS, 30, 7)).toEqual(drawMoments(KINDS, 30, 7));
    expect(drawMoments(KINDS, 30, 7)).not.toEqual(drawMoments(KINDS, 30, 8));
  });

  it('begin with those of a shorter run', () => {
    expect(drawMoments(KINDS, 30, 7).slice(0, 4)).toEqual(drawMoments(KINDS, 4, 7));
  });

  it('are of every kind before any kind comes again, and within its bounds', () => {
    for (let seed = 0; seed < 50; seed += 1) {
      const moments = drawMoments(KINDS, 6, seed);
      for (const round of [moments.slice(0, 3), moments.slice(3)]) {
        expect(round.map(({ kind }) => kind).sort()).toEqual(['any', 'begin', 'request']);
      }
      for (const { kind, count, delayMs } of moments) {
        const { count: counts, delayMs: delays } = KINDS[kind]!;
        expect(count >= counts[0] && count <= counts[1] && delayMs >= delays[0] && delayMs <= delays[1]).toBe(true);
      }
    }
  });

  it('are of the kinds that are asked for, in turn', () => {
    const kinds = drawMoments(KINDS, 5, 1, ['request', 'any']).map(({ kind }) => kind);
    expect(kinds).toEqual(['request', 'any', 'request', 'any', 'request']);
  });

  it('are as many kills as were asked for, and stalls come on top', () => {
    const kinds = { ...KINDS, stall: { ...KINDS['request']!, stallMs: 20 } };
    for (let seed = 0; seed < 20; seed += 1) {
      const drawn = drawMoments(kinds, 7, seed).map(({ kind }) => kind);
      expect(drawn.filter((kind) => kind !== 'stall')).toHaveLength(7);
      expect(drawn.filter((kind) => kind === 'stall').length).toBeGreaterThanOrEqual(2);
      expect(drawn.at(-1)).not.toBe('stall');
    }
    expect(drawMoments(kinds, 2, 1, ['stall', 'any']).map(({ kind }) => kind)).toEqual([
      'stall',
      'any',
      'stall',
      'any',
    ]);
    expect(drawMoments(kinds, 2, 1, ['stall'])).toHaveLength(2);
  });
});

describe('a moment', () => {
  it('comes with the fact that is waited for, as often as it is to be seen', async () => {
    const { shown, begin, listeners } = sights();
    let came: boolean | undefined;
    const coming = momentOf(moment('begin', 2), KINDS['begin']!, shown, 60_000, never).then((is) => (came = is));
    await pass();
    begin('id-of-Worker');
    begin('id-of-Planner');
    await pass();
    expect(came).toBeUndefined();
    begin('id-of-Worker');
    await coming;
    expect(came).toBe(true);
    expect(listeners.size).toBe(0);
  });

  it('comes with so many further requests', async () => {
    const { shown, state } = sights();
    let came: boolean | undefined;
    const coming = momentOf(moment('request', 5), KINDS['request']!, shown, 60_000, never).then((is) => (came = is));
    await pass();
    state.requests = 104;
    await pass();
    expect(came).toBeUndefined();
    state.requests = 105;
    await coming;
    expect(came).toBe(true);
  });

  it('is given up when it does not come', async () => {
    const { shown, listeners } = sights();
    expect(await momentOf(moment('begin', 1), KINDS['begin']!, shown, 20, never)).toBe(false);
    expect(listeners.size).toBe(0);
  });

  it('is not waited for when the run is interrupted', async () => {
    const { shown } = sights();
    const interrupted = new AbortController();
    const coming = momentOf(moment('begin', 1), KINDS['begin']!, shown, 60_000, interrupted.signal);
    setTimeout(() => interrupted.abort(), 10);
    await expect(coming).rejects.toThrow('aborted');
  });

  it('of any time is put off for as long as nothing is in flight, and not for ever', async () => {
    const { shown, state } = sights();
    state.inFlight = 0;
    let came: boolean | undefined;
    const idle = { ...moment('any', 1), againMs: [20, 30_000, 30_000] };
    const coming = momentOf(idle, KINDS['any']!, shown, 60_000, never).then((is) => (came = is));
    state.inFlight = 1;
    await coming;
    expect(came).toBe(true);
    state.inFlight = 0;
    expect(await momentOf({ ...idle, againMs: [1, 1, 1] }, KINDS['any']!, shown, 60_000, never)).toBe(true);
    expect(drawMoments(KINDS, 1, 1, ['any'])[0]!.againMs).toHaveLength(5);
    expect(drawMoments(KINDS, 1, 1, ['begin'])[0]!.againMs).toEqual([]);
  });
});
