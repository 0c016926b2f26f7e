import fc from 'fast-check';
import type { Weakening } from './fulfilment-world.ts';
import { KINDS, type ViolationKind } from './monitor.ts';
import { runSchedule } from './run-schedule.ts';
import { schedule, type Schedule } from './schedule.ts';

export interface Found {
  /** Which schedule of the seed it was, from 1. */
  readonly at: number;
  readonly kinds: readonly ViolationKind[];
  /** The smallest schedule found that shows it, and what happens in it. */
  readonly story: string;
}
export interface Exploration {
  readonly schedules: number;
  readonly counts: Readonly<Record<string, number>>;
  readonly found: Found | undefined;
}

/** Runs random schedules until one of them violates something. Equal seeds give equal schedules. */
export async function explore(schedules: number, seed: number, weakening?: Weakening): Promise<Exploration> {
  const counts: Record<string, number> = {};
  let run = 0;
  const result = await fc.check(
    fc.asyncProperty(schedule, async (each) => {
      run += 1;
      const outcome = await runSchedule(each, weakening);
      for (const [what, times] of Object.entries(outcome.counts)) counts[what] = (counts[what] ?? 0) + times;
      return outcome.violations.length === 0;
    }),
    { numRuns: schedules, seed },
  );
  if (!result.failed) return { schedules: run, counts, found: undefined };
  if (result.counterexample === null) throw result.errorInstance ?? new Error('fast-check gave up');
  return {
    schedules: result.numRuns,
    counts,
    found: await retell(result.counterexample[0], result.numRuns, weakening),
  };
}

async function retell(each: Schedule, at: number, weakening: Weakening | undefined): Promise<Found> {
  const lines = [`schedule ${JSON.stringify(each)}`];
  const { violations } = await runSchedule(each, weakening, (line) => lines.push(line));
  const kinds = KINDS.filter((kind) => violations.some((violation) => violation.kind === kind));
  return { at, kinds, story: lines.join('\n') };
}
