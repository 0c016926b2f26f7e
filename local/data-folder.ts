import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The folder in which a local stack keeps everything. One process at a time may use it. */
export interface DataFolder {
  path(...parts: string[]): string;
  release(): void;
}

/** The folder cannot be used; the message says what to do. */
export class DataFolderError extends Error {
  override readonly name = 'DataFolderError';
}

/** Marks a folder as ours, so that `--fresh` never deletes anything else. */
const MARK = 'offer-relay-data';

/**
 * Takes the folder for this process.
 *
 * @param fresh empties it first
 * @throws DataFolderError when another process uses it, or when it would have to be emptied and is not one of ours
 */
export function takeDataFolder(folder: string, fresh: boolean): DataFolder {
  const path = (...parts: string[]): string => join(folder, ...parts);
  const lock = path('running.pid');
  const running = existsSync(lock) ? Number(readFileSync(lock, 'utf8')) : undefined;
  if (running !== undefined && running !== process.pid && isAlive(running)) {
    throw new DataFolderError(
      `A local stack is running here already (process ${running}). Stop it, or give another --data folder.`,
    );
  }
  if (fresh && existsSync(folder)) {
    if (!existsSync(path(MARK)))
      throw new DataFolderError(`${folder} was not made by this program, so --fresh leaves it alone.`);
    rmSync(folder, { recursive: true });
  }
  mkdirSync(folder, { recursive: true });
  writeFileSync(path(MARK), 'Data of a local Offer Relay stack; may be deleted while none is running.\n');
  writeFileSync(lock, String(process.pid));
  return { path, release: () => rmSync(lock, { force: true }) };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
