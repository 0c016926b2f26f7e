import type { Writable } from 'node:stream';
import { classOf } from '../../lambdas/shared/laps/slice.ts';
import { csvLine } from '../bulk/csv.ts';
import { lineWriter } from '../bulk/line-writer.ts';
import type { Fields, WatchKind } from './kinds.ts';
import type { WatchRow, WatchRows } from './rows.ts';
import { quote } from '../bulk/quote.ts';
import { DETAIL_COLUMNS } from './watch-file.ts';

export interface ListParts {
  readonly rows: Pick<WatchRows, 'listed'>;
  readonly kind: WatchKind;
  readonly out: Writable;
  readonly warn: (message: string) => void;
  /** Values that these columns must have. */
  readonly filter: Fields;
  readonly onlyProblems: boolean;
  readonly details: boolean;
}

/**
 * Prints the watch list as CSV, no faster than it is taken. Ends when whoever reads it has gone.
 *
 * @returns how many watches were printed; undefined when the reader has gone before the end
 */
export async function listWatches(parts: ListParts): Promise<number | undefined> {
  const { rows, kind, out, warn, filter, onlyProblems, details } = parts;
  const wanted = Object.entries(filter).map(([name, value]) => {
    const column = kind.columns.find((one) => one.name === name);
    return [name, value === undefined ? value : (column?.canonical?.(value) ?? value)] as const;
  });
  const columns = kind.columns.map(({ name }) => name);
  let printed = 0;
  const print = lineWriter(out);
  if (!(await print(csvLine([...columns, ...(details ? DETAIL_COLUMNS : [])])))) return undefined;
  for await (const page of rows.listed(`${kind.name}|`, { onlyProblems })) {
    const lines: string[] = [];
    for (const row of page) {
      let fields;
      try {
        fields = kind.describe(row.watchId, row.tuning);
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        warn(`A row is left out: ${quote(row.watchId)} is not the identifier of a ${kind.noun}.`);
        continue;
      }
      if (wanted.some(([column, value]) => fields[column] !== value)) continue;
      lines.push(csvLine([...columns.map((name) => fields[name] ?? ''), ...(details ? detailsOf(row) : [])]));
    }
    printed += lines.length;
    if (lines.length > 0 && !(await print(lines.join('\n')))) return undefined;
  }
  return printed;
}

/** In the order of DETAIL_COLUMNS. */
function detailsOf({ lap = '', version = 0, observedAt = '', problem }: WatchRow): string[] {
  const why = problem === undefined ? '' : `${problem.code}: ${problem.message}`;
  // What an upstream has said may hold line breaks, and `import` reads line by line.
  return [classOf(lap), String(version), observedAt, why.replaceAll(/\p{Cc}+/gu, ' ')];
}
