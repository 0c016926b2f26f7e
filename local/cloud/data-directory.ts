import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { replaceFile } from './replace-file.ts';

const Owner = z.object({ pid: z.int().positive(), started: z.string() });

/**
 * Takes a data directory for this process; two clouds on one would each take the other's messages. Gives the function that
 * lets it go again. The directory of a process that has died is free, also where a crash of the machine has left a file that
 * names nobody: a live owner's file is whole.
 *
 * @throws Error that names the process which has the directory
 */
export function lockDataDirectory(dataDir: string): () => void {
  mkdirSync(dataDir, { recursive: true });
  const file = join(dataDir, 'in-use-by.json');
  const owner = readOwner(file);
  if (owner && isRunning(owner.pid) && startOf(owner.pid) === owner.started) {
    throw new Error(
      `The data directory ${dataDir} is in use by process ${owner.pid}. Stop that one, or choose another directory.`,
    );
  }
  replaceFile(
    file,
    JSON.stringify({ pid: process.pid, started: startOf(process.pid) } satisfies z.infer<typeof Owner>),
  );
  return () => rmSync(file, { force: true });
}

function readOwner(file: string): z.infer<typeof Owner> | undefined {
  try {
    return Owner.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return undefined;
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Tells a process from a later one with the same id, where the system shows when a process began. */
function startOf(pid: number): string {
  try {
    // The fields after the program's name, which may itself hold spaces and brackets; the start is the 22nd of all.
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ')[19]!;
  } catch {
    return 'unknown';
  }
}
