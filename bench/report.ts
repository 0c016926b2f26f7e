import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const RESULTS = join(import.meta.dirname, 'results');

/** Prints a table of figures and keeps them as `bench/results/<name>.json`. */
export function report(name: string, rows: readonly Readonly<Record<string, string | number>>[], about: object): void {
  console.table(Object.fromEntries(rows.map((row, index) => [index + 1, row])));
  mkdirSync(RESULTS, { recursive: true });
  const file = join(RESULTS, `${name}.json`);
  const result = { name, node: process.version, measuredAt: new Date().toISOString(), ...about, rows };
  writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`);
}
