import { openCsvFile, REJECT_COLUMNS, type BadLine, type FieldsLine } from '../bulk/csv-file.ts';
import { InputError } from '../bulk/errors.ts';
import type { Column, Fields, WatchKind } from './kinds.ts';
import { isRequired, optionalNote } from './kinds.ts';

/** A line that describes a watch. */
export interface GoodLine {
  readonly line: number;
  readonly watchId: string;
  readonly fields: Fields;
}

export type WatchLine = GoodLine | BadLine;

export interface WatchFile {
  readonly kind: WatchKind;
  /** The file's own columns, in its order. */
  readonly columns: readonly string[];
  /** Every line behind the header; read no faster than it is asked for. */
  readonly lines: AsyncIterable<WatchLine>;
}

/** Columns of `list --details`: any file may have them, as it may have those of a rejects file, and nothing is read from them. */
export const DETAIL_COLUMNS = ['class', 'version', 'observedAt', 'problem'] as const;

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
  const file = await openCsvFile(chunks, {
    known: [...new Set(kinds.flatMap(({ columns }) => columns.map(({ name }) => name)))],
    unread: [...REJECT_COLUMNS, ...DETAIL_COLUMNS],
    example: namesOf(kinds[0]!.columns),
    fromLine,
  });
  const kind = kindOf(file.header, file.columns, kinds);
  const defaults = Object.fromEntries(kind.columns.map((column) => [column.name, column.default]));

  const readLine = ({ line, fields }: FieldsLine): WatchLine => {
    const bad = (problems: readonly string[]): BadLine => ({
      line,
      reason: problems.join('; '),
      original: file.columns.map((name) => fields[name] ?? ''),
    });
    const values: Record<string, string | undefined> = { ...defaults };
    for (const name of file.columns) {
      const field = fields[name] ?? '';
      values[name] = field === '' ? (defaults[name] ?? '') : field;
    }
    const watch = kind.identify(values);
    if ('problems' in watch) return bad(watch.problems);
    const good = { line, watchId: watch.value, fields: values };
    const problems = check(kind, good);
    return problems.length > 0 ? bad(problems) : good;
  };

  async function* lines(): AsyncGenerator<WatchLine> {
    for await (const line of file.lines) yield 'reason' in line ? line : readLine(line);
  }
  return { kind, columns: file.columns, lines: lines() };
}

/** @param own those of the header that are read */
function kindOf(header: readonly string[], own: readonly string[], kinds: readonly WatchKind[]): WatchKind {
  const fitting = kinds.find(
    ({ columns }) =>
      own.every((name) => columns.some((column) => column.name === name)) &&
      columns.every((column) => !isRequired(column) || own.includes(column.name)),
  );
  if (fitting !== undefined) return fitting;
  const wanted = kinds.map(({ name, columns }) => `${name} watches: ${namesOf(columns)}`).join('; ');
  throw new InputError(
    `The header ${header.join(',')} lacks columns, or mixes kinds of watches. Needed are, for ${wanted}.`,
  );
}

function namesOf(columns: readonly Column[]): string {
  return columns
    .map((column) => (isRequired(column) ? column.name : `${column.name} (${optionalNote(column)})`))
    .join(', ');
}
