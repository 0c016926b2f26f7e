import { randomUUID } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { exampleCatalogue } from './catalogue.ts';
import { writeAtomically } from './pki.ts';
import { startSimulator } from './simulator.ts';

const ACCOUNT = 'example';

const HELP = `Runs the simulated Prime Video Offer Status API on this machine.

Usage: node local/upstreams/main.ts [options]

  --seed <n>           the same seed gives the same titles and lives (default 1)
  --titles <n>         how many example titles (default 200)
  --tempo <n>          mean changes per minute over all titles, 0 freezes them (default 0.15 per title)
  --dialect <name>     document, or mixed: every spelling that clients must tolerate (default document)
  --rate <n>           requests per second (default 10)
  --burst <n>          (default 5)
  --latency <ms>       median latency of an answer, log-normal (default none)
  --port <n>           port of the API (default: a free one)
  --control-port <n>   port of the control endpoint (default: a free one)
  --pki-dir <path>     where certificates and keys are kept (default .local/upstreams)
  --help               this text

Stops on Ctrl-C. Exit codes: 0 stopped, 1 could not start, 2 wrong usage.
`;

class UsageError extends Error {
  override readonly name = 'UsageError';
}

function readArguments(argv: string[]) {
  const text = { type: 'string' } as const;
  let values;
  try {
    ({ values } = parseArgs({
      args: argv,
      options: {
        seed: text,
        titles: text,
        tempo: text,
        dialect: text,
        rate: text,
        burst: text,
        latency: text,
        port: text,
        'control-port': text,
        'pki-dir': text,
        help: { type: 'boolean' },
      },
    }));
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
  const { dialect = 'document' } = values;
  if (dialect !== 'document' && dialect !== 'mixed') throw new UsageError('--dialect must be document or mixed.');
  return {
    help: values.help === true,
    seed: readNumber('--seed', values.seed, { min: Number.MIN_SAFE_INTEGER, integer: true }) ?? 1,
    titles: readNumber('--titles', values.titles, { min: 0, max: 1_000_000, integer: true }) ?? 200,
    tempo: readNumber('--tempo', values.tempo, { min: 0 }),
    dialect,
    rate: readNumber('--rate', values.rate, { min: 0.001 }) ?? 10,
    burst: readNumber('--burst', values.burst, { min: 1 }) ?? 5,
    latency: readNumber('--latency', values.latency, { min: 0 }),
    port: readNumber('--port', values.port, { min: 0, max: 65_535, integer: true }) ?? 0,
    controlPort: readNumber('--control-port', values['control-port'], { min: 0, max: 65_535, integer: true }) ?? 0,
    pkiDir: path.resolve(values['pki-dir'] ?? '.local/upstreams'),
  } as const;
}

function readNumber(
  name: string,
  text: string | undefined,
  bounds: { min: number; max?: number; integer?: boolean },
): number | undefined {
  if (text === undefined) return undefined;
  const { min, max = Number.MAX_SAFE_INTEGER, integer = false } = bounds;
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!(value >= min && value <= max) || (integer && !Number.isInteger(value))) {
    throw new UsageError(`${name} cannot be "${text}".`);
  }
  return value;
}

/** The key outlives the process, so that a client configured once stays configured. */
async function keepApiKey(file: string): Promise<string> {
  const found = await readFile(file, 'utf8').catch(() => '');
  if (found.trim() !== '') return found.trim();
  const made = randomUUID();
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  await writeAtomically(file, made, 0o600);
  return made;
}

async function run(argv: string[]): Promise<void> {
  const options = readArguments(argv);
  if (options.help) {
    process.stdout.write(HELP);
    return;
  }
  const { seed, port, controlPort, pkiDir, tempo, dialect, rate, burst, latency } = options;
  const catalogue = exampleCatalogue(options.titles, seed);
  const client = path.join(pkiDir, 'clients', ACCOUNT);
  const apiKey = await keepApiKey(`${client}.api-key`);
  const simulator = await startSimulator({
    pkiDir,
    seed,
    port,
    controlPort,
    offerStatus: {
      accounts: [{ name: ACCOUNT, apiKey, licensors: ['example-studios'], rate, burst }],
      titles: catalogue,
      dialect,
      ...(tempo !== undefined && { tempo }),
      ...(latency !== undefined && { latency: { medianMs: latency, sigma: 0.5 } }),
    },
    log: (line) => process.stdout.write(`${line}\n`),
  });
  const [first] = catalogue;
  const example = first && `/v1/avails/${first.licensor}/status/${encodeURIComponent(first.alid)}`;
  process.stdout.write(
    [
      `Credentials: ${client}.pem, ${client}.key, ${client}.api-key; authority: ${path.join(pkiDir, 'ca.pem')}`,
      ...(example
        ? [
            `Try: curl --cert ${client}.pem --key ${client}.key --cacert ${path.join(pkiDir, 'ca.pem')} ` +
              `-H "x-api-key: $(cat ${client}.api-key)" '${simulator.offerStatusUrl}${example}'`,
          ]
        : []),
      'Stop with Ctrl-C.',
      '',
    ].join('\n'),
  );
  const stop = (): void => {
    void simulator.stop();
  };
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
}

try {
  await run(process.argv.slice(2));
} catch (error) {
  const isUsage = error instanceof UsageError;
  const reason = error instanceof Error ? error.message : String(error);
  process.stderr.write(`${reason}\n${isUsage ? 'See --help.\n' : ''}`);
  process.exitCode = isUsage ? 2 : 1;
}
