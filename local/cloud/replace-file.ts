import { renameSync, rmSync, writeFileSync } from 'node:fs';

/**
 * Gives a file new content in one step: whoever reads it, also after a kill, finds the old or the new, and all of it.
 *
 * @param mode the file's permissions, as far as the process's mask lets them be
 */
export function replaceFile(file: string, content: string, mode = 0o666): void {
  const draft = `${file}.new`;
  // One that a kill has left would keep its own permissions.
  rmSync(draft, { force: true });
  writeFileSync(draft, content, { mode });
  renameSync(draft, file);
}
