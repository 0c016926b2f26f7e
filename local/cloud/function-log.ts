import { createWriteStream, mkdirSync, type WriteStream } from 'node:fs';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';

/** The log files of the functions: `<dataDir>/logs/<logical id>.log`. */
export interface FunctionLogs {
  write(functionId: string, text: string): void;
  close(): Promise<void>;
}

export function openFunctionLogs(
  dataDir: string,
  onLog: ((line: { functionId: string; text: string }) => void) | undefined,
): FunctionLogs {
  const directory = join(dataDir, 'logs');
  mkdirSync(directory, { recursive: true });
  const streams = new Map<string, WriteStream>();

  return {
    write(functionId, text) {
      let stream = streams.get(functionId);
      if (!stream) {
        stream = createWriteStream(join(directory, `${functionId}.log`), { flags: 'a' });
        // A full disk must not stop the functions.
        stream.on('error', () => undefined);
        streams.set(functionId, stream);
      }
      stream.write(text.endsWith('\n') ? text : `${text}\n`);
      if (onLog) for (const line of text.replace(/\n$/, '').split('\n')) onLog({ functionId, text: line });
    },
    async close() {
      await Promise.all(
        [...streams.values()].map(async (stream) => {
          stream.end();
          await finished(stream).catch(() => undefined);
        }),
      );
    },
  };
}
