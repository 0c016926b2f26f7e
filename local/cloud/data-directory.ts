import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Takes a data directory for this process; two clouds on one would each take the other's messages. Gives the function that
 * lets it go again. The directory of a process that has died is free.
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
  writeFileSync(file, JSON.stringify({ pid: process.pid, started: startOf(process.pid) }));
  return () => rmSync(file, { force: true });
}

function readOwner(file: string): { pid: number; started: string } | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as { pid: number; started: string };
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
