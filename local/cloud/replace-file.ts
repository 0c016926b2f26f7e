import { closeSync, fsyncSync, openSync, renameSync, writeFileSync } from 'node:fs';

/** Gives a file new content in one step: whoever reads it, also after a crash, finds the old or the new, and all of it. */
export function replaceFile(file: string, content: string): void {
  const draft = `${file}.new`;
  const descriptor = openSync(draft, 'w');
  try {
    writeFileSync(descriptor, content);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(draft, file);
}
