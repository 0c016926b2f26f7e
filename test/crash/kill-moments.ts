import { setTimeout as sleep } from 'node:timers/promises';
import { createRandom } from '../../local/upstreams/seeded-random.ts';
import type { Fact } from './facts.ts';

type Range = readonly [least: number, most: number];

/** A kind of moment at which a stack may be killed. */
export interface MomentKind {
  readonly about: string;
  /**
   * For how long the database stands still at that moment, in milliseconds, and goes on then: longer than a function may
   * take, so that functions time out.
   *
   * @default - the stack is killed
   */
  readonly stallMs?: number;
  /**
   * What is waited for: a fact, a number of upstream requests, or nothing but the delay.
   *
   * @param functionId logical id of a function, by the end of its construct path
   */
  readonly sight: 'nothing' | 'request' | ((fact: Fact, functionId: (path: string) => string) => boolean);
  /** The how manieth of them, counted from 1. */
  readonly count: Range;
  /** How long after it, in milliseconds. Real crashes lie before, between and behind the effects that follow. */
  readonly delayMs: Range;
}

/** A moment as the dice have it. */
export interface KillMoment {
  readonly kind: string;
  /** How long the stack is left alone before anything is waited for, in milliseconds. */
  readonly aloneMs: number;
  readonly count: number;
  readonly delayMs: number;
  /** Further delays, for a kind that waits for nothing: to be tried in turn where nothing is in flight. */
  readonly againMs: readonly number[];
}

/** Kills hit stacks that have hardly begun, and stacks that have got back into their stride. */
const ALONE_MS: Range = [0, 30_000];

/** How often a moment of any time is put off because nothing is in flight then. */
const AGAIN = 5;

/**
 * Draws the moments of a run: every kind comes up before any comes up again. The same seed gives the same moments.
 *
 * @param kills how many of them are to kill the stack; stalls come on top. Where there are only kinds of stalls to draw
 *   from, it is those that are counted.
 * @param only the kinds to draw from, in this order and over again, in place of all of them at random
 */
export function drawMoments(
  kinds: Readonly<Record<string, MomentKind>>,
  kills: number,
  seed: number,
  only: readonly string[] = [],
): KillMoment[] {
  const random = createRandom(seed, 'kills');
  const moments: KillMoment[] = [];
  const names = only.length > 0 ? only : Object.keys(kinds);
  const isStall = (kind: string): boolean => kinds[kind]!.stallMs !== undefined;
  const counts = names.every(isStall) ? () => true : (kind: string) => !isStall(kind);
  let left = kills;
  for (;;) {
    for (const kind of only.length > 0 ? only : random.shuffled(names)) {
      const { sight, count, delayMs } = kinds[kind]!;
      moments.push({
        kind,
        aloneMs: random.integer(...ALONE_MS),
        count: random.integer(...count),
        delayMs: random.integer(...delayMs),
        againMs: sight === 'nothing' ? Array.from({ length: AGAIN }, () => random.integer(...delayMs)) : [],
      });
      if (counts(kind)) left -= 1;
      if (left === 0) return moments;
    }
  }
}

/** What there is to see of a running stack. */
export interface Sights {
  onFact(listener: (fact: Fact) => void): () => void;
  functionId(path: string): string;
  /** Upstream requests so far. */
  requests(): number;
  /** Invocations that are running. */
  inFlight(): number;
}

const LOOK_EVERY_MS = 3;

/**
 * Waits for a moment.
 *
 * @returns false when it did not come within the limit
 */
export async function momentOf(
  moment: KillMoment,
  kind: MomentKind,
  sights: Sights,
  limitMs: number,
  signal: AbortSignal,
): Promise<boolean> {
  const { sight } = kind;
  await sleep(moment.aloneMs, undefined, { signal });
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  const limit = sleep(limitMs, false, { signal: either });
  limit.catch(() => undefined);
  let release: () => void = () => undefined;
  try {
    const seen =
      sight === 'nothing'
        ? Promise.resolve(true)
        : sight === 'request'
          ? requested(sights, moment.count, either)
          : new Promise<boolean>((resolve) => {
              let left = moment.count;
              release = sights.onFact((fact) => {
                if (sight(fact, (path) => sights.functionId(path)) && (left -= 1) === 0) resolve(true);
              });
            });
    const came = await Promise.race([seen, limit]);
    if (came && moment.delayMs > 0) await sleep(moment.delayMs, undefined, { signal });
    for (const delayMs of moment.againMs) {
      if (sights.inFlight() > 0) break;
      await sleep(delayMs, undefined, { signal });
    }
    return came;
  } finally {
    release();
    stop.abort();
  }
}

async function requested(sights: Sights, count: number, signal: AbortSignal): Promise<boolean> {
  const wanted = sights.requests() + count;
  while (!signal.aborted && sights.requests() < wanted) await sleep(LOOK_EVERY_MS);
  return true;
}
