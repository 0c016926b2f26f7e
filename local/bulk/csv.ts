import { CsvError, parse } from 'csv-parse/sync';
import { InputError } from './errors.ts';

/** One record of a CSV file. */
export interface CsvRecord {
  /** Number of its line, from 1. */
  readonly line: number;
  /** Its fields; of a record that is no CSV, its whole text as the only one; none of a line that is too long. */
  readonly fields: readonly string[];
  /** Why it is no CSV. */
  readonly broken?: string;
}

/** In UTF-16 units. What is longer describes no watch; it bounds the memory that a wrong file can take. */
export const LONGEST_LINE = 64 * 1024;

const REASONS: Readonly<Record<string, string>> = {
  CSV_INVALID_CLOSING_QUOTE: 'something follows the closing quote of a field',
  INVALID_OPENING_QUOTE: 'a quote stands inside a field without quotes: quote the field and double the quotes in it',
  CSV_QUOTE_NOT_CLOSED: 'a quote is opened and not closed on this line',
};

/**
 * Reads CSV as UTF-8 (RFC 4180, except that no field holds a line break; a byte order mark, CRLF and LF, and empty lines
 * are fine). Each line stands for itself, so one that is no CSV, or too long, costs no other.
 *
 * @returns the records, in groups of what arrived together
 * @throws InputError when it cannot be a CSV file
 */
export async function* readCsv(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<CsvRecord[]> {
  const decoder = new TextDecoder('utf-8');
  let begun = false;
  let line = 1;
  let rest = '';
  const cut = (texts: readonly string[]): CsvRecord[] => {
    if (line === 1 && texts[0] !== undefined) refuseOtherFormats(texts[0]);
    const records = recordsOf(texts, line);
    line += texts.length;
    return records;
  };
  for await (const chunk of chunks) {
    if (!begun && (chunk[0] === 0xff || chunk[0] === 0xfe)) {
      throw new InputError('The file is not UTF-8 but UTF-16. Save it as UTF-8.');
    }
    begun = true;
    const texts = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = texts.pop() ?? '';
    yield cut(texts);
    if (rest.length > LONGEST_LINE) {
      if (line === 1) refuseOtherFormats(rest);
      // Enough to be found too long when its end has come.
      rest = rest.slice(0, LONGEST_LINE + 1);
    }
  }
  rest += decoder.decode();
  if (rest !== '') yield cut([rest]);
}

/** One line of CSV, without a line break at its end. */
export function csvLine(fields: readonly string[]): string {
  return fields
    .map((field) => (/[",\r\n]|^\s|\s$/u.test(field) ? `"${field.replaceAll('"', '""')}"` : field))
    .join(',');
}

/** @param first the first line, or its beginning */
function refuseOtherFormats(first: string): void {
  if (first.startsWith('\u001f')) throw new InputError('The file is compressed with gzip. Unpack it first.');
  if (first.startsWith('PK\u0003\u0004')) {
    throw new InputError('The file is a zip archive, as spreadsheets are. Unpack it, or save it as CSV.');
  }
  if (withoutReturn(first).includes('\r')) {
    throw new InputError('The lines of the file end in CR alone. Save it with the line ends LF or CRLF.');
  }
}

type Line = Pick<CsvRecord, 'line'> & { readonly text: string };

function recordsOf(texts: readonly string[], firstLine: number): CsvRecord[] {
  const records: CsvRecord[] = [];
  let whole: Line[] = [];
  for (const [index, text] of texts.entries()) {
    const line = firstLine + index;
    const isTooLong = text.length > LONGEST_LINE;
    if (!isTooLong && !hasOddQuotes(text)) {
      if (text !== '' && text !== '\r') whole.push({ line, text });
      continue;
    }
    // A quote that is left open would swallow the lines behind it.
    records.push(...takeApart(whole));
    whole = [];
    if (isTooLong) records.push({ line, fields: [], broken: `is longer than ${LONGEST_LINE} characters` });
    else records.push(...takeApart([{ line, text }]));
  }
  records.push(...takeApart(whole));
  return records;
}

function hasOddQuotes(text: string): boolean {
  return text.includes('"') && text.split('"').length % 2 === 0;
}

/** Takes many lines apart in one go, which is far faster than one by one; those that are no CSV are found by halving. */
function takeApart(lines: readonly Line[]): CsvRecord[] {
  if (lines.length === 0) return [];
  try {
    const text = lines.map((one) => withoutReturn(one.text)).join('\n');
    const records = parse(text, { relax_column_count: true, record_delimiter: '\n', max_record_size: 0 });
    return records.map((fields, index) => ({ line: lines[index]!.line, fields }));
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const [only] = lines;
    if (lines.length === 1 && only !== undefined) {
      return [{ line: only.line, fields: [withoutReturn(only.text)], broken: REASONS[error.code] ?? error.message }];
    }
    const middle = Math.ceil(lines.length / 2);
    return [...takeApart(lines.slice(0, middle)), ...takeApart(lines.slice(middle))];
  }
}

function withoutReturn(line: string): string {
  return line.endsWith('\r') ? line.slice(0, -1) : line;
}
