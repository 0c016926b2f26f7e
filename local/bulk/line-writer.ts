import { once } from 'node:events';
import type { Writable } from 'node:stream';

/**
 * Writes lines, no faster than they are taken; each write says whether anybody still reads.
 *
 * @throws Error from a write, when it fails for another reason than that nobody reads
 */
export function lineWriter(out: Writable): (text: string) => Promise<boolean> {
  let gone: NodeJS.ErrnoException | undefined;
  out.on('error', (error: NodeJS.ErrnoException) => (gone = error));
  const check = (): boolean => {
    if (gone !== undefined && gone.code !== 'EPIPE') throw gone;
    return gone === undefined;
  };
  return async (text) => {
    if (!check()) return false;
    // `once` rejects with the error that the listener above has kept.
    if (!out.write(`${text}\n`)) await once(out, 'drain').catch(() => undefined);
    return check();
  };
}
