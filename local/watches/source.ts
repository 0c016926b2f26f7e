import { createReadStream, statSync } from 'node:fs';
import { csvLine } from './csv.ts';
import { InputError } from './errors.ts';

/** Where a file comes from, and how much of it has been read. */
export interface Source {
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Bytes read so far. */
  readonly bytes: () => number;
  /** Size of the file; undefined for a pipe. */
  readonly totalBytes: number | undefined;
  /** Lets go of it, also in the middle. */
  close(): void;
}

/**
 * A file, or standard input for `-`.
 *
 * @throws InputError when it cannot be read
 */
export function openSource(file: string): Source {
  const totalBytes = file === '-' ? undefined : sizeOf(file);
  const stream = file === '-' ? process.stdin : createReadStream(file);
  let bytes = 0;
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for await (const chunk of stream as AsyncIterable<Uint8Array>) {
      bytes += chunk.length;
      yield chunk;
    }
  }
  return { chunks: chunks(), bytes: () => bytes, totalBytes, close: () => void stream.destroy() };
}

/** A file of one line, made of its fields. */
export async function* oneLineFile(fields: Readonly<Record<string, string>>): AsyncGenerator<Uint8Array> {
  yield Buffer.from(`${csvLine(Object.keys(fields))}\n${csvLine(Object.values(fields))}\n`);
}

function sizeOf(file: string): number {
  let stats;
  try {
    stats = statSync(file);
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    const reason = code === 'ENOENT' ? 'there is no such file' : code === 'EACCES' ? 'access is denied' : code;
    throw new InputError(`${file} cannot be read: ${reason}.`);
  }
  if (stats.isDirectory()) throw new InputError(`${file} is a folder, and a file is needed.`);
  return stats.size;
}
