import fc from 'fast-check';
import type { Weakening } from './fulfilment-world.ts';
import { KINDS, type ViolationKind } from './monitor.ts';
import { runSchedule } from './run-schedule.ts';
import { schedule, type Schedule } from './schedule.ts';

/** A schedule that violates something. */
export interface Found {
  /** Which one of the seed it was, from 1. */
  readonly at: number;
  readonly seed: number;
  /** What it violates, once it has been made as small as can be. */
  readonly kinds: readonly ViolationKind[];
  /** The small one, and all that happens in it. */
  readonly story: string;
}
export interface Exploration {
  readonly schedules: number;
  readonly violations: Readonly<Record<ViolationKind, number>>;
  /** How often everything else happened. */
  readonly counts: Readonly<Record<string, number>>;
  readonly found: Found | undefined;
}

/**
 * Runs random schedules until one of them violates something. Equal seeds give equal schedules.
 *
 * @param weakening what is done to what is sent to the tables
 */
export async function explore(schedules: number, seed: number, weakening?: Weakening): Promise<Exploration> {
  const { timeout } = AbortSignal;
  const never = new AbortController().signal;
  // Which calls fail is up to the schedule; real timers would outlive it by the thousand.
  AbortSignal.timeout = () => never;
  const { random } = Math;
  // Pauses between repetitions are as long each time that a schedule is run.
  Math.random = () => 0.5;
  try {
    return await search(schedules, seed, weakening);
  } finally {
    AbortSignal.timeout = timeout;
    Math.random = random;
  }
}

async function search(schedules: number, seed: number, weakening: Weakening | undefined): Promise<Exploration> {
  const counts: Record<string, number> = {};
  const violations = Object.fromEntries(KINDS.map((kind) => [kind, 0])) as Record<ViolationKind, number>;
  let run = 0;
  const result = await fc.check(
    fc.asyncProperty(schedule, async (each) => {
      run += 1;
      const outcome = await runSchedule(each, weakening);
      for (const [what, times] of Object.entries(outcome.counts)) counts[what] = (counts[what] ?? 0) + times;
      for (const { kind } of outcome.violations) violations[kind] += 1;
      return outcome.violations.length === 0;
    }),
    { numRuns: schedules, seed },
  );
  if (!result.failed) return { schedules: run, violations, counts, found: undefined };
  if (result.counterexample === null) throw result.errorInstance ?? new Error('fast-check gave up');
  const found = await retell(result.counterexample[0], weakening);
  return { schedules: result.numRuns, violations, counts, found: { ...found, at: result.numRuns, seed } };
}

async function retell(each: Schedule, weakening: Weakening | undefined): Promise<Pick<Found, 'kinds' | 'story'>> {
  const lines = [`schedule ${JSON.stringify(each)}`];
  const { violations } = await runSchedule(each, weakening, (line) => lines.push(line));
  const kinds = KINDS.filter((kind) => violations.some((violation) => violation.kind === kind));
  return { kinds, story: lines.join('\n') };
}

/** Adds up what several explorations saw. */
export function together(explorations: readonly Exploration[]): Omit<Exploration, 'found'> {
  const sum = <Name extends string>(all: readonly Readonly<Record<Name, number>>[]): Record<Name, number> => {
    const total = {} as Record<Name, number>;
    for (const [name, times] of all.flatMap((one) => Object.entries(one) as [Name, number][])) {
      total[name] = (total[name] ?? 0) + times;
    }
    return total;
  };
  return {
    schedules: explorations.reduce((total, { schedules }) => total + schedules, 0),
    violations: sum(explorations.map(({ violations }) => violations)),
    counts: sum(explorations.map(({ counts }) => counts)),
  };
}
