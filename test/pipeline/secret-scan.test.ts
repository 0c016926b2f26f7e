import { appendFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from 'vitest';
import { scratchFolder } from '../lib/scratch-folder.ts';
import { scanForSecrets, secretsIn } from './secret-scan.ts';

const CODE = 'Grüße, "50%"/+ off';
const needles = [{ name: 'the code', value: CODE }];
const formsIn = (text: string | Buffer) => secretsIn(text, needles).map(({ form }) => form);

describe('a secret in a text is found', () => {
  test.each<[form: string, write: (text: string) => string | Buffer]>([
    ['as it is', (text) => text],
    ['percent-encoded', encodeURIComponent],
    ['percent-encoded', (text) => encodeURIComponent(text).toLowerCase().replace('gr', 'Gr')],
    ['percent-encoded twice', (text) => encodeURIComponent(encodeURIComponent(text))],
    ['form-encoded', (text) => new URLSearchParams({ '': text }).toString()],
    ['JSON-escaped', (text) => JSON.stringify(text)],
    ['JSON-escaped', (text) => JSON.stringify(text).replaceAll('/', '\\/')],
    ['JSON-escaped', (text) => JSON.stringify(text).replaceAll('ü', '\\u00fc').replaceAll('ß', '\\u00df')],
    ['JSON-escaped twice', (text) => JSON.stringify(JSON.stringify(text))],
    ['UTF-16', (text) => Buffer.from(text, 'utf16le')],
    ['hexadecimal', (text) => Buffer.from(text).toString('hex')],
  ])('when it is written %s', (form, write) => {
    const written = write(CODE);
    expect(formsIn(written)).toContain(form);
    expect(
      formsIn(Buffer.concat([Buffer.from('before '), Buffer.from(written as string), Buffer.from(' after')])),
    ).toContain(form);
  });

  test('when base64 holds it in the middle of something else, wherever it begins', () => {
    for (const before of ['', 'a', 'ab', 'abc', 'user:']) {
      for (const after of ['', 'x', 'xy', 'xyz']) {
        const text = Buffer.from(before + CODE + after);
        expect([before, after, formsIn(text.toString('base64'))]).toEqual([
          before,
          after,
          expect.arrayContaining(['base64']),
        ]);
        expect(formsIn(text.toString('base64url')).filter((form) => form.startsWith('base64'))).not.toEqual([]);
      }
    }
  });

  test('and nothing is found where there is none', () => {
    for (const text of [
      '',
      CODE.slice(1),
      CODE.toUpperCase(),
      Buffer.from(CODE.slice(0, -1)).toString('base64'),
      'a'.repeat(10_000),
    ])
      expect(formsIn(text)).toEqual([]);
  });

  test('but one that would be found by chance is refused, without a word of it', () => {
    expect(() => secretsIn('', [{ name: 'the short one', value: 'abc' }])).toThrow(
      /^the short one is shorter than 8 bytes/,
    );
  });
});

describe('a scan of folders', () => {
  test('names file and form of each find, and never the secret', async () => {
    const folder = scratchFolder();
    mkdirSync(join(folder, 'logs/deep'), { recursive: true });
    writeFileSync(join(folder, 'events.jsonl'), `${JSON.stringify({ detail: CODE })}\n`);
    writeFileSync(join(folder, 'logs/deep/access.log'), `GET /v1/${encodeURIComponent(CODE)} 200\n`);
    writeFileSync(join(folder, 'logs/clean.log'), 'nothing\n');

    const places = await scanForSecrets({ folders: [folder], needles });
    expect(places.sort((a, b) => a.place.localeCompare(b.place))).toEqual([
      { needle: 'the code', form: 'JSON-escaped', place: 'events.jsonl' },
      { needle: 'the code', form: 'percent-encoded', place: 'logs/deep/access.log' },
    ]);
    expect(secretsIn(JSON.stringify(places), needles)).toEqual([]);
  });

  test('finds what lies across the pieces that a large file is read in', async () => {
    const folder = scratchFolder();
    const file = join(folder, 'large.log');
    const piece = 1024 * 1024;
    for (const at of [piece - 5, 2 * piece - 12]) {
      writeFileSync(file, 'x'.repeat(at));
      appendFileSync(file, CODE + 'y'.repeat(piece));
      expect(await scanForSecrets({ folders: [folder], needles })).toEqual([
        { needle: 'the code', form: 'as it is', place: 'large.log' },
      ]);
    }
  });

  test('finds what lies across the pages of a database, where no search byte for byte finds it', async () => {
    const folder = scratchFolder();
    const file = join(folder, 'tables.sqlite');
    const isSplit = (at: number): boolean => {
      rmSync(file, { force: true });
      const database = new DatabaseSync(file);
      database.exec('PRAGMA page_size = 512; CREATE TABLE "some ""rows""" (id INTEGER, item TEXT)');
      const item = `${'z'.repeat(1_024 + at)}${CODE}${'z'.repeat(1_024 - at)}`;
      database.prepare('INSERT INTO "some ""rows""" VALUES (?, ?)').run(2n ** 60n, item);
      database.close();
      return !readFileSync(file).includes(CODE);
    };
    expect(Array.from({ length: 64 }, (_, step) => step * 8).some(isSplit)).toBe(true);
    expect(await scanForSecrets({ folders: [folder], needles })).toEqual([
      { needle: 'the code', form: 'as it is', place: 'tables.sqlite: some "rows".item' },
    ]);
  });

  test('reads a database that is open, with what has not been moved into its file yet', async () => {
    const folder = scratchFolder();
    const database = new DatabaseSync(join(folder, 'tables.sqlite'));
    try {
      database.exec('PRAGMA journal_mode = WAL; CREATE TABLE t (raw BLOB)');
      const insert = database.prepare('INSERT INTO t VALUES (?)');
      insert.run(Buffer.from(CODE));
      const places = (await scanForSecrets({ folders: [folder], needles })).map(({ place }) => place);
      expect(places).toEqual(expect.arrayContaining(['tables.sqlite-wal', 'tables.sqlite: t.raw']));
      // Whoever has it open goes on.
      insert.run('more');
    } finally {
      database.close();
    }
  });

  test('leaves out the files that may hold secrets, and only those', async () => {
    const folder = scratchFolder();
    for (const name of ['secrets.json', 'log']) writeFileSync(join(folder, name), CODE);
    const places = await scanForSecrets({ folders: [folder], needles, except: (path) => path === 'secrets.json' });
    expect(places.map(({ place }) => place)).toEqual(['log']);
  });

  test('fails where there is nothing to look at', async () => {
    await expect(scanForSecrets({ folders: [scratchFolder()], needles })).rejects.toThrow('holds no file');
    await expect(scanForSecrets({ folders: [join(scratchFolder(), 'gone')], needles })).rejects.toThrow('ENOENT');
  });
});
