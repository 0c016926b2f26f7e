import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { csvLine, readCsv, type CsvRecord } from '../../local/watches/csv.ts';
import { collect, pieces } from './reading.ts';

async function records(text: string | Uint8Array, size?: number): Promise<CsvRecord[]> {
  return (await collect(readCsv(pieces(text, size)))).flat();
}
const linesOf = (read: readonly CsvRecord[]) => read.map(({ line, fields, broken }) => [line, broken ?? fields]);
const LEFT_OPEN = 'a quote is opened and not closed';

describe('reading CSV', () => {
  it('takes a byte order mark, CRLF and LF side by side, quoted fields, empty lines and a missing last line break', async () => {
    const text = '\uFEFFa,b\r\n1,"x, ""y"""\n\r\n\n"2",\r\n3,é';
    expect(linesOf(await records(text))).toEqual([
      [1, ['a', 'b']],
      [2, ['1', 'x, "y"']],
      [5, ['2', '']],
      [6, ['3', 'é']],
    ]);
  });

  it('gives back what was written, whatever the fields hold and however the bytes arrive', async () => {
    const field = fc.oneof(
      fc.string({ unit: 'binary' }).filter((text) => !text.startsWith('\uFEFF') && text.isWellFormed()),
      fc.constantFrom('"', '""', ',', '\n', '\r\n', ' a ', '"a,b"', 'x"y', ''),
    );
    // A record of one empty field is an empty line.
    const record = fc.array(field, { minLength: 2, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(fc.array(record, { maxLength: 12 }), fc.integer({ min: 1, max: 40 }), async (rows, size) => {
        const read = await records(rows.map((row) => `${csvLine(row)}\n`).join(''), size);
        const isLong = (row: readonly string[]): boolean => row.join('').split('\n').length > 15;
        fc.pre(!rows.some(isLong));
        expect(read.map(({ fields }) => fields)).toEqual(rows);
      }),
    );
  });

  it('numbers records by the line on which they begin', async () => {
    expect(linesOf(await records('a,b\n"1\r\n2\n3",x\n4,y\n'))).toEqual([
      [1, ['a', 'b']],
      [2, ['1\r\n2\n3', 'x']],
      [5, ['4', 'y']],
    ]);
  });

  it('loses only the line on which a quote was forgotten', async () => {
    const many = Array.from({ length: 30 }, (_, index) => `${index},z`);
    const read = await records(['a,b', '"1,x', ...many, '2,"y', '3,w'].join('\n'));
    expect(read).toHaveLength(34);
    expect(read.filter(({ broken }) => broken !== undefined)).toEqual([
      { line: 2, fields: ['"1,x'], broken: LEFT_OPEN },
      { line: 33, fields: ['2,"y'], broken: LEFT_OPEN },
    ]);
    expect(read.at(-1)).toEqual({ line: 34, fields: ['3', 'w'] });
  });

  it('does not take two forgotten quotes for one field', async () => {
    expect(linesOf(await records('"1,x\n2,y\n3,"z\n4,w\n'))).toEqual([
      [1, LEFT_OPEN],
      [2, ['2', 'y']],
      [3, LEFT_OPEN],
      [4, ['4', 'w']],
    ]);
  });

  it('says what is wrong with quotes in the middle of a field, and goes on', async () => {
    expect(linesOf(await records('1,"a"b"\n2,a"b"c\n3,"a"b\n4,d\n5,"e""f"\n'))).toEqual([
      [1, LEFT_OPEN],
      [2, 'a quote stands inside a field without quotes: quote the field and double the quotes in it'],
      [3, 'something follows the closing quote of a field'],
      [4, ['4', 'd']],
      [5, ['5', 'e"f']],
    ]);
  });

  it('refuses what is no list: UTF-16, or a line without an end', async () => {
    await expect(records(Buffer.from('\uFEFFlicensor,alid\n', 'utf16le'))).rejects.toThrow('UTF-16');
    await expect(records(`a,b\n${'x'.repeat(100_000)}`, 10_000)).rejects.toThrow(/Line 2 is longer than 65536/);
  });
});
