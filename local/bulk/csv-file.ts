import { nearest } from '../../config/problems.ts';
import { readCsv, type CsvRecord } from './csv.ts';
import { InputError } from './errors.ts';
import { quote } from './quote.ts';

/** A line whose fields fit the header. */
export interface FieldsLine {
  readonly line: number;
  /** What it holds, by the name of the column; what the file leaves empty is empty. */
  readonly fields: Readonly<Record<string, string>>;
}

/** A line that is not taken, and why. */
export interface BadLine {
  readonly line: number;
  readonly reason: string;
  /** Its fields in the order of the file's own columns; of a line that is no CSV its text; of one too long nothing. */
  readonly original: readonly string[];
}

export interface CsvFile {
  /** Every name in the header. */
  readonly header: readonly string[];
  /** The columns that are read, in the file's order. */
  readonly columns: readonly string[];
  /** Every line behind the header; read no faster than it is asked for. */
  readonly lines: AsyncIterable<FieldsLine | BadLine>;
}

export interface CsvFileOptions {
  /** Every column that a file may have. */
  readonly known: readonly string[];
  /** Columns that a file may have as well, and nothing is read from. @default those of a rejects file */
  readonly unread?: readonly string[];
  /** A header, for the message to whoever gives none. */
  readonly example: string;
  /** Leaves out the lines before this one, except the header. @default 1 */
  readonly fromLine?: number;
}

/** Columns in front of a rejects file. */
export const REJECT_COLUMNS = ['line', 'reason'] as const;

/**
 * Opens a CSV file: reads its header, and takes each line apart by it.
 *
 * @throws InputError when the header is missing or holds an unknown column; also from the lines, when there is none to
 * begin at
 */
export async function openCsvFile(
  chunks: AsyncIterable<Uint8Array>,
  { known, unread = REJECT_COLUMNS, example, fromLine = 1 }: CsvFileOptions,
): Promise<CsvFile> {
  const records = readCsv(chunks);
  let first;
  do first = await records.next();
  while (!first.done && first.value.length === 0);
  const [header, ...others] = first.done ? [] : first.value;
  if (header === undefined) {
    throw new InputError(`The file is empty. It must begin with a header such as ${example}.`);
  }
  if (header.broken !== undefined) throw new InputError(`Line ${header.line}, the header: ${header.broken}.`);
  const names = header.fields.map((name) => name.trim());
  refuseUnknown(names, known, unread);
  const own = names.map((name, index) => ({ name, index })).filter(({ name }) => !unread.includes(name));

  const readLine = ({ line, fields, broken }: CsvRecord): FieldsLine | BadLine => {
    if (broken !== undefined) return { line, reason: broken, original: fields };
    if (fields.length !== names.length) {
      const hint = fields.length > names.length ? '; a field that holds a comma needs quotes' : '';
      const surplus = fields.slice(names.length);
      return {
        line,
        reason: `has ${fields.length} fields, and the header has ${names.length}${hint}`,
        original: [...own.map(({ index }) => fields[index] ?? ''), ...surplus],
      };
    }
    const values: Record<string, string> = {};
    for (const { name, index } of own) values[name] = fields[index] ?? '';
    return { line, fields: values };
  };

  async function* lines(): AsyncGenerator<FieldsLine | BadLine> {
    let last = header!.line;
    const take = function* (group: readonly CsvRecord[]): Generator<FieldsLine | BadLine> {
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
  return { header: names, columns: own.map(({ name }) => name), lines: lines() };
}

function refuseUnknown(names: readonly string[], known: readonly string[], unread: readonly string[]): void {
  for (const [index, name] of names.entries()) {
    if (name === '') throw new InputError(`Column ${index + 1} of the header has no name. Is a comma too many in it?`);
    if (names.indexOf(name) !== index) throw new InputError(`The column ${quote(name)} is there twice.`);
    if (known.includes(name) || unread.includes(name)) continue;
    const near = nearest(name, known);
    throw new InputError(
      [
        `There is no column ${quote(name)}.`,
        near === undefined ? '' : ` Did you mean "${near}"?`,
        ` The columns are: ${known.join(', ')}; they are separated by commas.`,
        name.startsWith('> ') ? ' That line was printed by npm: use `npm run --silent`.' : '',
        ' The first line of a file is its header.',
      ].join(''),
    );
  }
}
