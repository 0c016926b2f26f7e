import { CsvError, parse } from 'csv-parse/sync';
import { InputError } from './errors.ts';

/** One record of a CSV file. */
export interface CsvRecord {
  /** Number of the line on which it begins, from 1. */
  readonly line: number;
  /** Its fields; of a record that is no CSV, its whole text as the only one. */
  readonly fields: readonly string[];
  /** Why it is no CSV. */
  readonly broken?: string;
}

/** What is longer is no list of watches; it bounds the memory that a wrong file can take. */
const LONGEST_LINE = 64 * 1024;
/**
 * A field may hold line breaks (RFC 4180), so one forgotten quote would swallow the file. Behind so many lines the quote
 * counts as forgotten.
 */
const MOST_LINES_OF_A_RECORD = 20;

const REASONS: Readonly<Record<string, string>> = {
  CSV_INVALID_CLOSING_QUOTE: 'something follows the closing quote of a field',
  INVALID_OPENING_QUOTE: 'a quote stands inside a field without quotes: quote the field and double the quotes in it',
  CSV_QUOTE_NOT_CLOSED: 'a quote is opened and not closed',
};

/**
 * Reads CSV (RFC 4180; a byte order mark, CRLF and LF, and empty lines are fine) as UTF-8. A record that is no CSV costs
 * only the line on which it begins: reading goes on with the next line.
 *
 * @returns the records, in groups of what arrived together
 * @throws InputError when it cannot be a CSV file
 */
export async function* readCsv(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<CsvRecord[]> {
  const decoder = new TextDecoder('utf-8');
  const cutter = new RecordCutter();
  let begun = false;
  let rest = '';
  for await (const chunk of chunks) {
    if (!begun && (chunk[0] === 0xff || chunk[0] === 0xfe)) {
      throw new InputError('The file is not UTF-8 but UTF-16. Save it as UTF-8.');
    }
    begun = true;
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    yield cutter.cut(lines);
    if (rest.length > LONGEST_LINE) {
      throw new InputError(`Line ${cutter.nextLine} is longer than ${LONGEST_LINE} characters: is this a CSV file?`);
    }
  }
  rest += decoder.decode();
  yield [...cutter.cut(rest === '' ? [] : [rest]), ...cutter.end()];
}

/** One line of CSV, without a line break at its end. */
export function csvLine(fields: readonly string[]): string {
  return fields
    .map((field) => (/[",\r\n]|^\s|\s$/u.test(field) ? `"${field.replaceAll('"', '""')}"` : field))
    .join(',');
}

/** Puts lines together to records, and takes these apart. */
class RecordCutter {
  /** Lines of a record that has a quote open. */
  #open: string[] = [];
  #line = 1;
  #texts: { line: number; text: string }[] = [];
  #records: CsvRecord[] = [];

  /** Number of the line that comes next. */
  get nextLine(): number {
    return this.#line + this.#open.length;
  }

  cut(lines: readonly string[]): CsvRecord[] {
    this.#take(lines);
    return this.#taken();
  }

  /** What is left when the file is over. */
  end(): CsvRecord[] {
    while (this.#open.length > 0) this.#giveUpFirstLine('CSV_QUOTE_NOT_CLOSED');
    return this.#taken();
  }

  #take(lines: readonly string[]): void {
    for (const line of lines) {
      if (this.#open.length === 0 && !line.includes('"')) {
        this.#texts.push({ line: this.#line, text: line });
        this.#line += 1;
        continue;
      }
      this.#open.push(line);
      const text = this.#open.join('\n');
      const isWhole = text.split('"').length % 2 === 1;
      if (isWhole) this.#close(text);
      else if (this.#open.length >= MOST_LINES_OF_A_RECORD || text.length > LONGEST_LINE) {
        this.#giveUpFirstLine('CSV_QUOTE_NOT_CLOSED');
      }
    }
  }

  #close(text: string): void {
    const { length } = this.#open;
    if (length > 1) {
      const [record] = takeApart([{ line: this.#line, text }]);
      // The quotes of several lines happen to add up, and are no CSV together: each line stands for itself.
      if (record?.broken !== undefined) return this.#giveUpFirstLine('CSV_QUOTE_NOT_CLOSED');
    }
    this.#texts.push({ line: this.#line, text });
    this.#line += length;
    this.#open = [];
  }

  #giveUpFirstLine(code: string): void {
    const [first = '', ...others] = this.#open;
    this.#open = [];
    this.#flush();
    this.#records.push({ line: this.#line, fields: [withoutReturn(first)], broken: REASONS[code] ?? code });
    this.#line += 1;
    this.#take(others);
  }

  #flush(): void {
    this.#records.push(...takeApart(this.#texts.filter(({ text }) => text !== '' && text !== '\r')));
    this.#texts = [];
  }

  #taken(): CsvRecord[] {
    this.#flush();
    const records = this.#records;
    this.#records = [];
    return records;
  }
}

/** Takes many records apart in one go, which is far faster than one by one; those that are no CSV are found by halving. */
function takeApart(texts: readonly { line: number; text: string }[]): CsvRecord[] {
  if (texts.length === 0) return [];
  try {
    const text = texts.map((one) => withoutReturn(one.text)).join('\n');
    const records = parse(text, { relax_column_count: true, record_delimiter: '\n', max_record_size: 0 });
    return records.map((fields, index) => ({ line: texts[index]!.line, fields }));
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const [only] = texts;
    if (texts.length === 1 && only !== undefined) {
      return [{ line: only.line, fields: [withoutReturn(only.text)], broken: REASONS[error.code] ?? error.message }];
    }
    const middle = Math.ceil(texts.length / 2);
    return [...takeApart(texts.slice(0, middle)), ...takeApart(texts.slice(middle))];
  }
}

function withoutReturn(line: string): string {
  return line.endsWith('\r') ? line.slice(0, -1) : line;
}
