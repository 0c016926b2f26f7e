import {
  copyFileSync,
  createReadStream,
  existsSync,
  mkdtempSync,
  openSync,
  closeSync,
  readSync,
  readdirSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, relative } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** Something that must not be written down anywhere. */
export interface Needle {
  /** What it is, for people. The value itself is never repeated. */
  readonly name: string;
  /** At least 8 bytes: shorter ones occur by chance. */
  readonly value: string;
}

export interface SecretFinding {
  readonly needle: string;
  /** How it was written: `as it is`, `percent-encoded` and so on. */
  readonly form: string;
}

export interface SecretPlace extends SecretFinding {
  /** File below the scanned folder, with table and column where it is a SQLite database. */
  readonly place: string;
}

const SHORTEST_BYTES = 8;

/** What is searched for: a needle in one of its forms. */
interface Pattern extends SecretFinding {
  readonly bytes: Buffer;
}

const rfc3986 = (text: string): string =>
  encodeURIComponent(text.toWellFormed()).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );

/** Every way in which programs write a text down, each once. */
function patternsOf({ name, value }: Needle): Pattern[] {
  if (Buffer.byteLength(value) < SHORTEST_BYTES)
    throw new RangeError(`${name} is shorter than ${SHORTEST_BYTES} bytes, and would be found by chance`);
  const json = JSON.stringify(value).slice(1, -1);
  const encoded = rfc3986(value);
  const forms: [form: string, text: string | Buffer][] = [
    ['as it is', value],
    ['percent-encoded', encoded],
    ['percent-encoded', encodeURIComponent(value.toWellFormed())],
    ['percent-encoded', encoded.replaceAll(/%[0-9A-F]{2}/g, (code) => code.toLowerCase())],
    ['percent-encoded twice', rfc3986(encoded)],
    ['form-encoded', encoded.replaceAll('%20', '+')],
    ['JSON-escaped', json],
    ['JSON-escaped', json.replaceAll('/', '\\/')],
    ['JSON-escaped', [...escapedBeyondAscii(json)].join('')],
    ['JSON-escaped twice', JSON.stringify(json).slice(1, -1)],
    ['UTF-16', Buffer.from(value, 'utf16le')],
    ['hexadecimal', Buffer.from(value).toString('hex')],
    ...base64Cores(value).flatMap((core): [string, string][] => [
      ['base64', core],
      ['base64url', core.replaceAll('+', '-').replaceAll('/', '_')],
    ]),
  ];
  const seen = new Set<string>();
  return forms.flatMap(([form, text]) => {
    const bytes = Buffer.from(text as string);
    const key = bytes.toString('latin1');
    if (seen.has(key) || bytes.length < SHORTEST_BYTES) return [];
    seen.add(key);
    return [{ needle: name, form, bytes }];
  });
}

function* escapedBeyondAscii(text: string): Generator<string> {
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    yield unit < 0x80 ? text.charAt(index) : `\\u${unit.toString(16).padStart(4, '0')}`;
  }
}

/** What base64 makes of a text inside of a longer one, whose start decides how the bytes fall into groups of three. */
function base64Cores(value: string): string[] {
  const bytes = Buffer.from(value);
  return [0, 1, 2].map((before) => {
    const text = Buffer.concat([Buffer.alloc(before), bytes])
      .toString('base64')
      .replaceAll('=', '');
    // The first and the last letters hold bits of what is around it.
    const first = Math.ceil((before * 8) / 6);
    const last = Math.floor(((before + bytes.length) * 8) / 6);
    return text.slice(first, last);
  });
}

/**
 * The needles that a text holds, in whatever form.
 *
 * @throws RangeError for a needle that is too short to be told from chance
 */
export function secretsIn(text: string | Buffer, needles: readonly Needle[]): SecretFinding[] {
  return found(Buffer.from(text as string), needles.flatMap(patternsOf));
}

function found(bytes: Buffer, patterns: readonly Pattern[]): SecretFinding[] {
  return patterns.filter((pattern) => bytes.includes(pattern.bytes)).map(({ needle, form }) => ({ needle, form }));
}

export interface ScanOptions {
  readonly folders: readonly string[];
  readonly needles: readonly Needle[];
  /** Files that may hold secrets, by their path below the folder. @default none */
  readonly except?: (path: string) => boolean;
}

/**
 * Looks for secrets in every file below some folders: byte for byte, and in SQLite databases cell by cell as well, since
 * long cells lie scattered over pages there.
 *
 * @returns each needle once for each place and form; empty when all is well
 * @throws RangeError for a needle that is too short, and Error for a folder that is not there or empty: a scan of nothing
 *   proves nothing
 */
export async function scanForSecrets({ folders, needles, except = () => false }: ScanOptions): Promise<SecretPlace[]> {
  const patterns = needles.flatMap(patternsOf);
  const places: SecretPlace[] = [];
  for (const folder of folders) {
    const files = readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
    if (files.length === 0) throw new Error(`${folder} holds no file`);
    for (const file of files) {
      const path = relative(folder, file);
      if (except(path)) continue;
      const inFile = await foundInFile(file, patterns);
      const inCells = isDatabase(file) ? foundInCells(file, patterns) : [];
      places.push(
        ...inFile.map((finding) => ({ ...finding, place: path })),
        ...inCells.map(({ cell, ...finding }) => ({ ...finding, place: `${path}: ${cell}` })),
      );
    }
  }
  return places;
}

/** Reads in pieces that overlap by more than the longest pattern. */
async function foundInFile(file: string, patterns: readonly Pattern[]): Promise<SecretFinding[]> {
  const overlap = Math.max(0, ...patterns.map(({ bytes }) => bytes.length));
  const all = new Map<string, SecretFinding>();
  let rest = Buffer.alloc(0);
  for await (const piece of createReadStream(file, { highWaterMark: 1024 * 1024 })) {
    const bytes = Buffer.concat([rest, piece as Buffer]);
    for (const finding of found(bytes, patterns)) all.set(`${finding.needle}\n${finding.form}`, finding);
    rest = bytes.subarray(Math.max(0, bytes.length - overlap));
  }
  return [...all.values()];
}

function isDatabase(file: string): boolean {
  const start = Buffer.alloc(15);
  const handle = openSync(file, 'r');
  try {
    readSync(handle, start, 0, start.length, 0);
  } finally {
    closeSync(handle);
  }
  return start.toString('latin1') === 'SQLite format 3';
}

function foundInCells(file: string, patterns: readonly Pattern[]): (SecretFinding & { cell: string })[] {
  // A copy, with what has not been moved into the file yet: whoever has it open is not disturbed.
  const folder = mkdtempSync(join(tmpdir(), 'offer-relay-scan-'));
  const copy = join(folder, basename(file));
  try {
    for (const suffix of ['', '-wal']) if (existsSync(file + suffix)) copyFileSync(file + suffix, copy + suffix);
    const database = new DatabaseSync(copy);
    try {
      const tables = database.prepare(`SELECT name FROM sqlite_schema WHERE type = 'table'`).all();
      return tables.flatMap(({ name }) => foundInTable(database, String(name), patterns));
    } finally {
      database.close();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function foundInTable(database: DatabaseSync, table: string, patterns: readonly Pattern[]) {
  const all = new Map<string, SecretFinding & { cell: string }>();
  const quoted = table.replaceAll('"', '""');
  const rows = database.prepare(`SELECT * FROM "${quoted}"`);
  rows.setReadBigInts(true);
  for (const row of rows.iterate()) {
    for (const [column, value] of Object.entries(row)) {
      if (typeof value !== 'string' && !(value instanceof Uint8Array)) continue;
      for (const finding of found(Buffer.from(value as string), patterns)) {
        const cell = `${table}.${column}`;
        all.set(`${finding.needle}\n${finding.form}\n${cell}`, { ...finding, cell });
      }
    }
  }
  return [...all.values()];
}
