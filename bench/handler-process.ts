/** Runs a bundled handler in a process of its own, as Lambda does: `handler-process.ts <index.mjs>`, driven by messages. */
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

/** The answer to each message: the event that the handler is called with. */
export interface HandlerRun {
  readonly durationMs: number;
  /** The most memory that the process has ever had resident, in MiB. */
  readonly peakMb: number;
  readonly error?: string;
}

/** Not `maxRSS`: on Linux a process inherits that from the one that started it. */
function peakMb(): number {
  try {
    const kibibytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
    if (kibibytes !== undefined) return Number(kibibytes) / 1024;
  } catch {
    // No such file but on Linux.
  }
  return process.resourceUsage().maxRSS / 1024;
}

const { handler } = (await import(pathToFileURL(process.argv[2] ?? '').href)) as {
  handler: (event: unknown) => Promise<unknown>;
};

async function run(event: unknown): Promise<HandlerRun> {
  const begun = performance.now();
  const error = await handler(event).then(
    () => undefined,
    (reason: unknown) => String(reason),
  );
  return { durationMs: performance.now() - begun, peakMb: peakMb(), ...(error !== undefined && { error }) };
}

// Whoever has started it ends it: Ctrl-C reaches both.
process.on('SIGINT', () => undefined);
process.on('disconnect', () => process.exit());
process.on('message', (event) => void run(event).then((result) => process.send?.(result)));
