import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { classOf } from '../../lambdas/shared/laps/slice.ts';
import { csvLine } from './csv.ts';
import type { WatchKind } from './kinds.ts';
import type { WatchRow, WatchRows } from './rows.ts';
import { DETAIL_COLUMNS } from './watch-file.ts';

export interface ListParts {
  readonly rows: Pick<WatchRows, 'listed'>;
  readonly kind: WatchKind;
  readonly out: Writable;
  readonly warn: (message: string) => void;
  readonly licensor?: string | undefined;
  readonly onlyProblems: boolean;
  readonly details: boolean;
}

/**
 * Prints the watch list as CSV, no faster than it is taken. Ends when whoever reads it has gone.
 *
 * @returns how many watches were printed
 */
export async function listWatches(parts: ListParts): Promise<number> {
  const { rows, kind, out, warn, licensor, onlyProblems, details } = parts;
  const columns = kind.columns.map(({ name }) => name);
  let printed = 0;
  const print = pipe(out);
  if (!(await print(csvLine([...columns, ...(details ? DETAIL_COLUMNS : [])])))) return printed;
  for await (const page of rows.listed(`${kind.name}|`, { onlyProblems })) {
    const lines: string[] = [];
    for (const row of page) {
      let fields;
      try {
        fields = kind.describe(row.watchId);
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        warn(`A row is left out: ${error.message}`);
        continue;
      }
      if (licensor !== undefined && fields['licensor'] !== licensor) continue;
      lines.push(csvLine([...columns.map((name) => fields[name] ?? ''), ...(details ? detailsOf(row) : [])]));
    }
    printed += lines.length;
    if (lines.length > 0 && !(await print(lines.join('\n')))) break;
  }
  return printed;
}

/** In the order of DETAIL_COLUMNS. */
function detailsOf({ lap = '', version = 0, observedAt = '', problem }: WatchRow): string[] {
  const why = problem === undefined ? '' : `${problem.code}: ${problem.message}`;
  return [classOf(lap), String(version), observedAt, why];
}

/** Writes lines; says whether anybody still reads. */
function pipe(out: Writable): (text: string) => Promise<boolean> {
  let gone: NodeJS.ErrnoException | undefined;
  out.on('error', (error: NodeJS.ErrnoException) => (gone = error));
  const check = (): boolean => {
    if (gone !== undefined && gone.code !== 'EPIPE') throw gone;
    return gone === undefined;
  };
  return async (text) => {
    if (!check()) return false;
    // `once` rejects with the error that the listener above has kept.
    if (!out.write(`${text}\n`)) await once(out, 'drain').catch(() => undefined);
    return check();
  };
}
