import { count } from './screen.ts';

/** Prints what has come of a file, with how long that took and the memory that the process had at most. */
export function printSummary(
  title: string,
  counts: Readonly<Record<string, number>>,
  { lines, seconds }: { readonly lines: number; readonly seconds: number },
): void {
  const peak = process.resourceUsage().maxRSS / 1024;
  const all = [
    ...Object.entries(counts).map(([name, value]) => [name, count(value)] as const),
    ['seconds', seconds.toFixed(1)],
    ['lines a second', count(Math.round(lines / Math.max(seconds, 0.001)))],
    ['peak memory', `${Math.round(peak)} MB`],
  ] as const;
  const names = Math.max(...all.map(([name]) => name.length));
  const values = Math.max(...all.map(([, value]) => value.length));
  const table = all.map(([name, value]) => `  ${name.padEnd(names)}  ${value.padStart(values)}`);
  process.stdout.write([`${title}:`, ...table, ''].join('\n'));
}
