import { renameSync, writeFileSync } from 'node:fs';

/** Gives a file new content in one step: whoever reads it, also after a kill, finds the old or the new, and all of it. */
export function replaceFile(file: string, content: string): void {
  const draft = `${file}.new`;
  writeFileSync(draft, content);
  renameSync(draft, file);
}
