import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { styleText } from 'node:util';
import { lostOf, type Outcome, ratioOf } from './outcome.ts';
import { OURS } from './ours.ts';
import { leastTime, rateOf } from './scenarios.ts';

const RESULTS = join(import.meta.dirname, '../results');
/** What this project must not miss. */
const MOST_RATIO = { burst: 1.05, single: 1.12 };
const NOTE_WIDTH = 100;

type Style = Parameters<typeof styleText>[0];

/** The table, a line for each client; colour only on a terminal. */
export function tellOutcomes(outcomes: readonly Outcome[], out: NodeJS.WriteStream): void {
  const paint = (style: Style, text: string): string => styleText(style, text, { stream: out });
  const head = ['', 'client', '× least', 'seconds', 'to first', 'requests', '429s', 'lost', 'tokens'];
  const rows = outcomes.map((outcome) => [
    outcome.scenario.id,
    outcome.client,
    figure(ratioOf(outcome), 3),
    figure(secondsOf(outcome), 1),
    figure(between(outcome.startedAt, outcome.firstAt) ?? Infinity, 1),
    String(outcome.requests),
    String(outcome.throttled),
    String(lostOf(outcome)),
    String(outcome.tokenCalls),
  ]);
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]!.length)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => (column < 2 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)))
      .join('  ');
  out.write(`\n${paint('bold', line(head))}\n`);
  for (const [index, outcome] of outcomes.entries()) {
    const { scenario } = outcome;
    if (outcomes[index - 1]?.scenario !== scenario) {
      const { rate, burst } = rateOf(scenario);
      const least = (leastTime(scenario, 0) / 1000).toFixed(1);
      out.write(paint('dim', `${scenario.title}: ${scenario.operation}, ${rate}/s burst ${burst}, least ${least} s\n`));
    }
    const text = line(rows[index]!);
    if (outcome.client === OURS) out.write(`${paint(misses(outcome).length > 0 ? 'red' : 'green', text)}\n`);
    else out.write(`${lostOf(outcome) > 0 ? paint('yellow', text) : text}\n`);
    for (const note of notesOf(outcome)) out.write(paint('dim', `   ${note}\n`));
  }
  out.write('\n');
  for (const [client, pacing] of new Map(outcomes.map((outcome) => [outcome.client, outcome.pacing]))) {
    out.write(`${client}: ${pacing}\n`);
  }
}

/** Writes the figures as JSON; returns where. */
export function keepOutcomes(outcomes: readonly Outcome[], about: object): string {
  mkdirSync(RESULTS, { recursive: true });
  const file = join(RESULTS, 'pacing.json');
  const rows = outcomes.map(({ scenario, startedAt: _a, lastAnswerAt: _b, firstAt: _c, lastAt: _d, ...outcome }) => ({
    scenario: scenario.id,
    title: scenario.title,
    ...outcome,
  }));
  const figures = outcomes.map((outcome) => ({
    ratio: ratioOf(outcome),
    seconds: secondsOf(outcome),
    // Where they went: before the first request reached the bucket, between the first and the last, and after it.
    startSeconds: between(outcome.startedAt, outcome.firstAt),
    sendingSeconds: between(outcome.firstAt, outcome.lastAt),
    endSeconds: between(outcome.lastAt, outcome.lastAnswerAt),
    leastSeconds: leastTime(outcome.scenario, outcome.repeats) / 1000,
    lost: lostOf(outcome),
  }));
  const result = {
    name: 'pacing',
    node: process.version,
    ...about,
    rows: rows.map((row, i) => ({ ...row, ...figures[i] })),
  };
  writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`);
  return file;
}

/** Whether this project meets its goals; says which it misses. */
export function judge(outcomes: readonly Outcome[], out: NodeJS.WriteStream): boolean {
  const missed = outcomes
    .filter(({ client }) => client === OURS)
    .flatMap((outcome) => misses(outcome).map((miss) => `(${outcome.scenario.id}) ${miss}`));
  for (const miss of missed) out.write(styleText('red', `Missed: ${miss}\n`, { stream: out }));
  return missed.length === 0;
}

function misses(outcome: Outcome): string[] {
  const most = rateOf(outcome.scenario).burst > 1 ? MOST_RATIO.burst : MOST_RATIO.single;
  const tokens = outcome.scenario.fault?.kind === 'expired-token' ? 2 : 1;
  const checks: [boolean, string][] = [
    [ratioOf(outcome) <= most, `${figure(ratioOf(outcome), 3)} × the least time, at most ${most}`],
    [outcome.throttled === 0, `${outcome.throttled} × 429`],
    [lostOf(outcome) === 0, `${lostOf(outcome)} items lost`],
    [outcome.tokenCalls === tokens, `${outcome.tokenCalls} token calls for ${tokens} tokens`],
  ];
  return checks.flatMap(([met, text]) => (met ? [] : [text]));
}

function notesOf({ errors, ended }: Outcome): string[] {
  return [
    ...Object.entries(errors).map(([text, count]) => `${count} × ${text}`.slice(0, NOTE_WIDTH)),
    ...(ended ? [] : ['stopped: its time was over']),
  ];
}

function secondsOf({ startedAt, lastAnswerAt }: Outcome): number {
  return lastAnswerAt === undefined ? Infinity : (lastAnswerAt - startedAt) / 1000;
}

function between(from: number | undefined, to: number | undefined): number | undefined {
  return from === undefined || to === undefined ? undefined : (to - from) / 1000;
}

function figure(value: number, digits: number): string {
  return Number.isFinite(value) ? value.toFixed(digits) : '–';
}
