import { closeSync, constants, createReadStream, fstatSync, openSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { isatty, ReadStream } from 'node:tty';
import { csvLine } from './csv.ts';
import { InputError } from './errors.ts';

/** Where a file comes from, and how much of it has been read. */
export interface Source {
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Bytes read so far. */
  readonly bytes: () => number;
  /** Size of the file; undefined for a pipe, which can be read only once. */
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
  const { stream, totalBytes } = file === '-' ? { stream: process.stdin, totalBytes: undefined } : open(file);
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

/** What an error of the file system means, to stand behind a colon. */
export function fileProblem(error: unknown): string {
  const { code = 'unknown', message } = error as NodeJS.ErrnoException;
  const words: Readonly<Record<string, string>> = {
    ENOENT: 'there is no such file or folder',
    EACCES: 'access is denied',
    EPERM: 'access is denied',
    EROFS: 'the disk can only be read',
    ENOSPC: 'the disk is full',
    EISDIR: 'it is a folder, and a file is needed',
    ENOTDIR: 'a part of its path is no folder',
  };
  return words[code] ?? message;
}

function open(file: string): { readonly stream: Readable; readonly totalBytes: number | undefined } {
  let fd: number | undefined;
  try {
    // A pipe that nobody writes to would hold a thread of the process, and with it the end of the process.
    fd = openSync(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    const stats = fstatSync(fd);
    if (stats.isDirectory()) throw Object.assign(new Error(), { code: 'EISDIR' });
    if (stats.isFIFO()) return { stream: new Socket({ fd, readable: true, writable: false }), totalBytes: undefined };
    if (isatty(fd)) return { stream: new ReadStream(fd), totalBytes: undefined };
    return { stream: createReadStream(file, { fd }), totalBytes: stats.isFile() ? stats.size : undefined };
  } catch (error) {
    if (fd !== undefined) closeSync(fd);
    throw new InputError(`${file} cannot be read: ${fileProblem(error)}.`, { cause: error });
  }
}
