import { parseOptions, UsageError, wholeNumber } from '../../local/command-line.ts';
import type { MomentKind } from './kill-moments.ts';

export interface CrashOptions {
  readonly help: boolean;
  readonly kills: number;
  readonly seed: number;
  readonly at: readonly string[];
  readonly keep: boolean;
}

export function helpText(moments: Readonly<Record<string, MomentKind>>): string {
  const kinds = Object.entries(moments).map(([name, { about }]) => `                 ${name.padEnd(8)} ${about}`);
  return `Kills the local stack again and again while titles change, and looks whether anything was lost.

Usage: npm run crash -- [options]

  --kills <n>    how often to kill it; stalls of its database come on top (default 10)
  --seed <n>     decides the moments and the titles' lives (default 1)
  --at <kinds>   the kinds of moments to kill it at, separated by commas, in turn (default: all, at random):
${kinds.join('\n')}
  --keep         keep the data folder, also when nothing is wrong
  --help         this text

The stack runs as a process of its own that is ended by SIGKILL and started again on the same data. The simulated
upstream lives on and knows what was true and what was asked. Ten kills take about five minutes.
Exit codes: 0 nothing was lost, 1 something was, or the stack did not come back, 2 wrong usage, 130 interrupted.
`;
}

/** @throws UsageError which says what is allowed */
export function readCrashOptions(argv: readonly string[], moments: Readonly<Record<string, MomentKind>>): CrashOptions {
  const values = parseOptions(argv, {
    help: { type: 'boolean' },
    kills: { type: 'string' },
    seed: { type: 'string' },
    at: { type: 'string' },
    keep: { type: 'boolean' },
  });
  const at = values.at?.split(',').map((kind) => kind.trim()) ?? [];
  for (const kind of at) {
    if (!Object.hasOwn(moments, kind)) {
      throw new UsageError(`--at names "${kind}"; the kinds are ${Object.keys(moments).join(', ')}.`);
    }
  }
  return {
    help: values.help ?? false,
    kills: wholeNumber('--kills', values.kills ?? '10', 1, 1_000),
    seed: wholeNumber('--seed', values.seed ?? '1', 0),
    at,
    keep: values.keep ?? false,
  };
}
