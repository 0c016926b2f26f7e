import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { csvLine, LONGEST_LINE, readCsv, type CsvRecord } from '../../local/bulk/csv.ts';
import { collect, pieces } from './streams.ts';

async function records(text: string | Uint8Array, size?: number): Promise<CsvRecord[]> {
  return (await collect(readCsv(pieces(text, size)))).flat();
}
const linesOf = (read: readonly CsvRecord[]) => read.map(({ line, fields, broken }) => [line, broken ?? fields]);
const LEFT_OPEN = 'a quote is opened and not closed on this line';

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
      fc.string({ unit: 'binary' }).filter((text) => !text.includes('\n') && text.isWellFormed()),
      fc.constantFrom('"', '""', ',', '\r', ' a ', '"a,b"', 'x"y', ''),
    );
    // A record of one empty field is an empty line.
    const record = fc.array(field, { minLength: 2, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(fc.array(record, { maxLength: 12 }), fc.integer({ min: 1, max: 40 }), async (rows, size) => {
        const all = [['first', 'line'], ...rows];
        const read = await records(all.map((row) => `${csvLine(row)}\n`).join(''), size);
        expect(read.map(({ line, fields }) => [line, fields])).toEqual(all.map((row, index) => [index + 1, row]));
      }),
    );
  });

  it('reads line by line: good lines between quotes that are left open are not swallowed', async () => {
    expect(linesOf(await records('a,b\n"1\r\n2,x\n3,y\n4",z\n5,w\n'))).toEqual([
      [1, ['a', 'b']],
      [2, LEFT_OPEN],
      [3, ['2', 'x']],
      [4, ['3', 'y']],
      [5, 'a quote stands inside a field without quotes: quote the field and double the quotes in it'],
      [6, ['5', 'w']],
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
      [1, 'something follows the closing quote of a field'],
      [2, 'a quote stands inside a field without quotes: quote the field and double the quotes in it'],
      [3, 'something follows the closing quote of a field'],
      [4, ['4', 'd']],
      [5, ['5', 'e"f']],
    ]);
  });

  it('refuses a line that is too long, and goes on behind it, however the bytes arrive', async () => {
    const longest = `${'y'.repeat(LONGEST_LINE - 2)},z`;
    const text = `a,b\n1,2\n${'x'.repeat(200_000)}\n${longest}\n${longest}!\n3,4\n${'é'.repeat(LONGEST_LINE + 1)}`;
    const tooLong = 'is longer than 65536 characters';
    for (const size of [1_000, 4_096, 65_536, 1_000_000]) {
      const read = await records(text, size);
      expect(read.map(({ line, fields, broken }) => [line, broken ?? fields.length])).toEqual([
        [1, 2],
        [2, 2],
        [3, tooLong],
        [4, 2],
        [5, tooLong],
        [6, 2],
        [7, tooLong],
      ]);
    }
  });

  it.each([
    ['UTF-16', Buffer.from('\uFEFFlicensor,alid\n', 'utf16le'), 'UTF-16'],
    ['gzip', Buffer.concat([Buffer.from([0x1f, 0x8b, 8, 0]), Buffer.alloc(100_000, 7)]), 'compressed with gzip'],
    ['zip', Buffer.concat([Buffer.from('PK\u0003\u0004'), Buffer.alloc(100, 7)]), 'a zip archive'],
    ['lines that end in CR alone', 'a,b\r1,2\r3,4\r', 'end in CR alone'],
    ['many lines that end in CR alone', 'a,b\r'.repeat(50_000), 'end in CR alone'],
  ])('refuses what is no list: %s', async (_, content, message) => {
    for (const size of [1, 70_000]) await expect(records(content, size)).rejects.toThrow(message);
  });
});
