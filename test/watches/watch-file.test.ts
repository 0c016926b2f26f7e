import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { titleWatchId } from '../../lambdas/shared/watches.ts';
import { MARKETPLACES } from '../../lambdas/offer-status/offer-status.client.ts';
import { listWatches } from '../../local/watches/list.ts';
import type { BadLine } from '../../local/bulk/csv-file.ts';
import { openWatchFile } from '../../local/watches/watch-file.ts';
import { collect, pieces } from '../bulk/streams.ts';
import { LICENSOR, readAll, TITLES } from './reading.ts';

const check: Parameters<typeof readAll>[1] = {
  check(kind, { fields }) {
    const bucket = kind.bucketOf(fields);
    return 'problems' in bucket ? bucket.problems : [];
  },
};
/** Why a file's only line is refused. */
async function reason(line: string, header = 'licensor,marketplace,alid'): Promise<string> {
  const [first] = await readAll(`${header}\n${line}\n`, check);
  return (first as BadLine).reason;
}
const idOf = (alid: string, marketplace = 'GLOBAL') => titleWatchId({ licensor: LICENSOR, marketplace, alid });

describe('a file of watches', () => {
  it('knows its columns by their header, in any order, and fills in the marketplace', async () => {
    const lines = await readAll(`alid,licensor\nA,${LICENSOR}\n`);
    expect(lines).toEqual([
      { line: 2, watchId: idOf('A'), fields: { alid: 'A', licensor: LICENSOR, marketplace: 'GLOBAL' } },
    ]);
    expect(await readAll(`licensor,alid,marketplace\n${LICENSOR},A,\n${LICENSOR},A,DE\n`)).toMatchObject([
      { watchId: idOf('A') },
      { watchId: idOf('A', 'DE') },
    ]);
  });

  it('reads nothing from the columns of a rejects file and of a detailed list', async () => {
    const header = 'line,reason,licensor,marketplace,alid,class,version,observedAt,problem';
    expect(await readAll(`${header}\n7,why,${LICENSOR},GLOBAL,A,steady,3,now,\n`)).toMatchObject([
      { line: 2, watchId: idOf('A') },
    ]);
  });

  it.each([
    ['licensor,alidd', /no column "alidd"\. Did you mean "alid"\?.*licensor, marketplace, alid/],
    ['licensor;alid', /no column "licensor;alid".*separated by commas/],
    ['> offer-relay@0.1.0 watches', /printed by npm: use `npm run --silent`/],
    ['licensor,alid,', /Column 3 of the header has no name/],
    [`licensor,a\u001b[2Jlid`, /no column "a\\u001b\[2Jlid"/],
    [`licensor,${'x'.repeat(500)}`, /no column "x{80}…"/],
    ['licensor,alid,alid', /column "alid" is there twice/],
    ['licensor,marketplace', /Needed are, for title watches: licensor, marketplace \(default GLOBAL\), alid/],
    ['"licensor,alid', /Line 1, the header: a quote is opened/],
    ['', /file is empty.*header such as licensor, marketplace \(default GLOBAL\), alid/],
  ])('refuses the header %j', async (header, message) => {
    await expect(readAll(header)).rejects.toThrow(message);
  });

  it.each([
    [`${LICENSOR},GLOBAL,`, 'alid is empty'],
    [`,GLOBAL,A`, 'licensor is empty'],
    [`${LICENSOR},us,A`, 'marketplace is "us"; it must be one of GLOBAL, US, DE, JP, GB'],
    [`${LICENSOR},GLOBAL, A`, 'alid is " A"; it begins or ends with a space'],
    [`${LICENSOR},GLOBAL,"A\nB"`, 'a quote is opened and not closed on this line'],
    [`${LICENSOR},GLOBAL,A\u009bB`, 'alid is "A\\u{9b}B"; it holds a control character'],
    [
      `${LICENSOR},${'U'.repeat(500)},A`,
      `marketplace is "${'U'.repeat(80)}…"; it must be one of GLOBAL, US, DE, JP, GB`,
    ],
    [`${LICENSOR},GLOBAL,A\tB`, 'alid is "A\\tB"; it holds a control character'],
    [`${LICENSOR},GLOBAL,..`, 'alid is "..", which cannot be part of a path'],
    [
      `nobody,GLOBAL,A`,
      'licensor is "nobody", which no account of the settings names (known: example-studios, other-studios, slow-studios)',
    ],
    [`nobody,XX,`, 'marketplace is "XX"; it must be one of GLOBAL, US, DE, JP, GB; alid is empty'],
    [`${LICENSOR},GLOBAL`, 'has 2 fields, and the header has 3'],
    [`${LICENSOR},GLOBAL,A,B`, 'has 4 fields, and the header has 3; a field that holds a comma needs quotes'],
  ])('refuses the line %j and says why', async (line, message) => {
    expect(await reason(line)).toBe(message);
  });

  it('refuses what the index of the table cannot hold, and takes the longest that it can', async () => {
    const room = 1024 - Buffer.byteLength(idOf(''));
    expect(await readAll(`licensor,alid\n${LICENSOR},${'a'.repeat(room)}\n`)).toMatchObject([{ line: 2 }]);
    expect(await reason(`${LICENSOR},GLOBAL,${'a'.repeat(room + 1)}`)).toMatch(/too long together: 1025 bytes/);
  });

  it('refuses text that is not UTF-8 instead of putting a damaged identifier on the list', async () => {
    const latin1 = Buffer.from(`licensor,alid\n${LICENSOR},caf\u00e9\n`, 'latin1');
    expect(await readAll(latin1)).toMatchObject([{ line: 2, reason: expect.stringContaining('not UTF-8') }]);
  });

  it('keeps the fields of a refused line, so that it can be mended', async () => {
    const lines = await readAll(`line,alid,licensor\n9,,x\n9,A,x,more\n9,"A\n`);
    expect(lines.map((line) => (line as BadLine).original)).toEqual([['', 'x'], ['A', 'x', 'more'], ['9,"A']]);
  });

  it('begins at a given line', async () => {
    const lines = await readAll(`licensor,alid\n${LICENSOR},A\n\n${LICENSOR},B\n${LICENSOR},C\n`, { fromLine: 4 });
    expect(lines.map(({ line }) => line)).toEqual([4, 5]);
  });

  it('refuses to begin behind its end, except just behind it, where an earlier run may have ended', async () => {
    const text = `licensor,alid\n${LICENSOR},A\n`;
    expect(await readAll(text, { fromLine: 3 })).toEqual([]);
    await expect(readAll(text, { fromLine: 4 })).rejects.toThrow('The file ends with line 2, and --from-line is 4');
  });
});

describe('the printed list', () => {
  const part = fc
    .oneof(
      fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }),
      fc.string({ unit: fc.constantFrom('"', ',', '|', '%', ':', '/', ' ', 'é', '𝄞', '7', '='), minLength: 1 }),
    )
    .filter(
      (value) =>
        value.isWellFormed() &&
        value === value.trim() &&
        value !== '' &&
        !/[\p{Cc}\uFFFD]|^\.\.?$/u.test(value) &&
        Buffer.byteLength(encodeURIComponent(value)) < 400,
    );
  const title = fc.record({ licensor: part, marketplace: fc.constantFrom(...MARKETPLACES), alid: part });

  it.each([false, true])('can be imported as it is, whatever the identifiers hold (details: %s)', async (details) => {
    await fc.assert(
      fc.asyncProperty(fc.array(title, { maxLength: 8 }), fc.integer({ min: 1, max: 30 }), async (titles, size) => {
        const ids = titles.map(titleWatchId);
        async function* listed() {
          yield ids.map((watchId) => ({ watchId, bucketId: 'b', lap: 'b#steady', version: 1 }));
        }
        const out = new PassThrough();
        const printed = text(out);
        await listWatches({
          rows: { listed },
          kind: TITLES,
          out,
          warn: (message) => expect.fail(message),
          filter: {},
          onlyProblems: false,
          details,
        });
        out.end();
        const file = await openWatchFile(pieces(await printed, size), [TITLES]);
        const lines = await collect(file.lines);
        expect(lines.map((line) => ('watchId' in line ? line.watchId : line.reason))).toEqual(ids);
      }),
    );
  });
});
