import { nearest } from '../../config/problems.ts';
import { readCsv, type CsvRecord } from './csv.ts';
import { InputError } from './errors.ts';
import type { Column, Fields, WatchKind } from './kinds.ts';
import { isRequired, optionalNote } from './kinds.ts';
import { quote } from './quote.ts';

/** A line that describes a watch. */
export interface GoodLine {
  readonly line: number;
  readonly watchId: string;
  readonly fields: Fields;
}

/** A line that does not, and why. */
export interface BadLine {
  readonly line: number;
  readonly reason: string;
  /** Its fields in the order of the file's own columns. */
  readonly original: readonly string[];
}

export type WatchLine = GoodLine | BadLine;

export interface WatchFile {
  readonly kind: WatchKind;
  /** The file's own columns, in its order. */
  readonly columns: readonly string[];
  /** Every line behind the header; read no faster than it is asked for. */
  readonly lines: AsyncIterable<WatchLine>;
}

/** Columns of a rejects file and of `list --details`: any file may have them, and nothing is read from them. */
export const REJECT_COLUMNS = ['line', 'reason'] as const;
export const DETAIL_COLUMNS = ['class', 'version', 'observedAt', 'problem'] as const;
const UNREAD_COLUMNS: readonly string[] = [...REJECT_COLUMNS, ...DETAIL_COLUMNS];

export interface ReadOptions {
  /** Leaves out the lines before this one, except the header. */
  readonly fromLine?: number;
  /** What else a line has to meet; returns what is wrong with it. */
  readonly check?: (kind: WatchKind, line: GoodLine) => readonly string[];
}

/**
 * Opens a file of watches: reads its header, which says what kind of watches it holds.
 *
 * @throws InputError when the header is missing or holds what no kind has; also from the lines, when there is none to
 * begin at
 */
export async function openWatchFile(
  chunks: AsyncIterable<Uint8Array>,
  kinds: readonly WatchKind[],
  { fromLine = 1, check = () => [] }: ReadOptions = {},
): Promise<WatchFile> {
  const records = readCsv(chunks);
  let first;
  do first = await records.next();
  while (!first.done && first.value.length === 0);
  const [header, ...others] = first.done ? [] : first.value;
  if (header === undefined) {
    throw new InputError(`The file is empty. It must begin with a header such as ${namesOf(kinds[0]!.columns)}.`);
  }
  if (header.broken !== undefined) throw new InputError(`Line ${header.line}, the header: ${header.broken}.`);
  const names = header.fields.map((name) => name.trim());
  const kind = kindOf(names, kinds);
  const own = names.map((name, index) => ({ name, index })).filter(({ name }) => !UNREAD_COLUMNS.includes(name));
  const defaults = Object.fromEntries(kind.columns.map((column) => [column.name, column.default]));

  const readLine = ({ line, fields, broken }: CsvRecord): WatchLine => {
    const bad = (reason: string): BadLine => {
      const surplus = fields.slice(names.length);
      return { line, reason, original: [...own.map(({ index }) => fields[index] ?? ''), ...surplus] };
    };
    if (broken !== undefined) return { line, reason: broken, original: fields };
    if (fields.length !== names.length) {
      const hint = fields.length > names.length ? '; a field that holds a comma needs quotes' : '';
      return bad(`has ${fields.length} fields, and the header has ${names.length}${hint}`);
    }
    const values: Record<string, string | undefined> = { ...defaults };
    for (const { name, index } of own) {
      const field = fields[index] ?? '';
      values[name] = field === '' ? (defaults[name] ?? '') : field;
    }
    const watch = kind.identify(values);
    if ('problems' in watch) return bad(watch.problems.join('; '));
    const good = { line, watchId: watch.value, fields: values };
    const problems = check(kind, good);
    return problems.length > 0 ? bad(problems.join('; ')) : good;
  };

  async function* lines(): AsyncGenerator<WatchLine> {
    let last = header!.line;
    const take = function* (group: readonly CsvRecord[]): Generator<WatchLine> {
      last = group.at(-1)?.line ?? last;
      for (const record of group) if (record.line >= fromLine) yield readLine(record);
    };
    yield* take(others);
    for await (const group of records) yield* take(group);
    // An earlier run may have ended exactly at the end.
    if (fromLine > last + 1) {
      throw new InputError(`The file ends with line ${last}, and --from-line is ${fromLine}: nothing was done.`);
    }
  }
  return { kind, columns: own.map(({ name }) => name), lines: lines() };
}

function kindOf(names: readonly string[], kinds: readonly WatchKind[]): WatchKind {
  const every = new Set(kinds.flatMap(({ columns }) => columns.map(({ name }) => name)));
  const known = [...every].join(', ');
  for (const [index, name] of names.entries()) {
    if (name === '') throw new InputError(`Column ${index + 1} of the header has no name. Is a comma too many in it?`);
    if (names.indexOf(name) !== index) throw new InputError(`The column ${quote(name)} is there twice.`);
    if (every.has(name) || UNREAD_COLUMNS.includes(name)) continue;
    const near = nearest(name, [...every]);
    throw new InputError(
      [
        `There is no column ${quote(name)}.`,
        near === undefined ? '' : ` Did you mean "${near}"?`,
        ` The columns are: ${known}; they are separated by commas.`,
        name.startsWith('> ') ? ' That line was printed by npm: use `npm run --silent`.' : '',
        ' The first line of a file is its header.',
      ].join(''),
    );
  }
  const own = names.filter((name) => every.has(name));
  const fitting = kinds.find(
    ({ columns }) =>
      own.every((name) => columns.some((column) => column.name === name)) &&
      columns.every((column) => !isRequired(column) || own.includes(column.name)),
  );
  if (fitting !== undefined) return fitting;
  const wanted = kinds.map(({ name, columns }) => `${name} watches: ${namesOf(columns)}`).join('; ');
  throw new InputError(
    `The header ${names.join(',')} lacks columns, or mixes kinds of watches. Needed are, for ${wanted}.`,
  );
}

function namesOf(columns: readonly Column[]): string {
  return columns
    .map((column) => (isRequired(column) ? column.name : `${column.name} (${optionalNote(column)})`))
    .join(', ');
}
