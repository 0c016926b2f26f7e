import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import * as z from 'zod';
import { bundleHandler, type HandlerPath } from '../lib/shared/handler-bundle.ts';
import { parseOptions, UsageError, wholeNumber } from '../local/command-line.ts';
import { startSimulator } from '../local/upstreams/simulator.ts';
import { startApiStand, type ApiStand } from './api-stand.ts';
import { quantile } from './quantile.ts';
import { report } from './report.ts';

const LARGEST_BUNDLE_BYTES = 400_000;
const MOST_WARM_UPS = 5;

const HELP = `What a verification of an offer code costs beside the time that Amazon takes.

Usage: npm run bench:api -- [options]

  --requests <n>     verifications that are measured (default 10000)
  --concurrency <n>  clients, each with a connection that it keeps and one request under way (default 50)
  --warm-up <n>      verifications before that, which are not measured (default 20 for each client); again, up to
                     ${MOST_WARM_UPS} times, where one fails
  --upstream-ms <n>  median of the simulated upstream's time to answer, log-normal (default 100)
  --seconds <n>      the bench is given up after as long (default 900)
  --help             this text

Runs the synthesised stage on the local cloud: gateway, signature, usage plan, function, tables and all, in front of the
simulated API for offer codes. The clients sign with aws4, before each lap and outside of the measured time, in a thread of
their own. "own" is what is left of the time of a request when the time that it waited for the upstream is taken off, as the
header Server-Timing has it: the local gateway and the wait for one of this machine's processors included.

Exit codes: 0 every request was answered rightly and no bundle of the API is larger than ${LARGEST_BUNDLE_BYTES} bytes, 1 not,
2 wrong usage.
`;

const BENEFIT = 'BENCH_BENEFIT';
const TRUST_SECRET = 'offer-relay/bench/offer-codes/trust';
const CODES = Array.from({ length: 100 }, (_, index) => String(100_000 + index));

interface Options {
  readonly requests: number;
  readonly concurrency: number;
  readonly warmUp: number;
  readonly upstreamMs: number;
  readonly seconds: number;
}

/** One verification that was answered rightly. */
interface Sample {
  readonly totalMs: number;
  readonly upstreamMs: number;
}

interface Result {
  readonly samples: readonly Sample[];
  /** What was not `{valid: true}` with the time of the upstream, in a few words. */
  readonly failures: readonly string[];
  readonly elapsedMs: number;
}

async function measure(options: Options, folder: string): Promise<Result> {
  const simulator = await startSimulator({
    pkiDir: join(folder, 'upstreams'),
    offerStatus: { accounts: [], titles: [] },
    offerCodes: {
      benefits: [{ id: BENEFIT, marketplace: 'US', use: 'single' }],
      codes: CODES.map((code) => ({ benefit: BENEFIT, code })),
      latency: { medianMs: options.upstreamMs, sigma: 0.3 },
    },
  });
  try {
    const stand = await startApiStand({
      folder,
      stage: {
        offerCodes: {
          trustSecret: TRUST_SECRET,
          benefits: { [BENEFIT]: { marketplace: 'US', use: 'single' } },
          // A machine that is busy with other things is no upstream that fails.
          timeoutMs: 10_000,
          deadlineMs: 20_000,
        },
      },
      partner: { benefits: [BENEFIT] },
      upstreams: { offerCodesUrl: simulator.offerCodesUrl },
      secrets: { [TRUST_SECRET]: { ca: simulator.offerCodeCredentials().ca } },
    });
    try {
      simulator.onSigningKey((accessKeyId) => stand.cloud.signingKey(accessKeyId));
      return await runLaps(stand, options);
    } finally {
      await stand.stop();
    }
  } finally {
    await simulator.stop();
  }
}

async function runLaps(stand: ApiStand, { requests, concurrency, warmUp, seconds }: Options): Promise<Result> {
  const givenUpAt = Date.now() + seconds * 1_000;
  const verify = async (count: number): Promise<Result> => {
    const verifications = Array.from({ length: count }, (_, index) => ({
      path: `/v1/benefits/${BENEFIT}/offer-codes/${CODES[index % CODES.length]!}/verify`,
    }));
    const { answers, elapsedMs } = await stand.ask(verifications, concurrency, givenUpAt);
    const samples: Sample[] = [];
    const failures = Array<string>(count - answers.length).fill('not asked: it took too long');
    for (const { status, body, totalMs, upstreamMs } of answers) {
      if (status === 200 && upstreamMs !== undefined && body.startsWith('{"valid":true,'))
        samples.push({ totalMs, upstreamMs });
      else failures.push(`${status} ${body.slice(0, 200)}`);
    }
    return { samples, failures, elapsedMs };
  };
  // While as many environments as clients start side by side, some take longer than they may.
  for (let round = 1; round <= MOST_WARM_UPS && warmUp > 0; round += 1) {
    console.log(`Warming up with ${warmUp} verifications …`);
    const { failures } = await verify(warmUp);
    if (failures.length === 0) break;
    console.log(`  ${failures.length} failed, such as: ${failures[0]!}`);
  }
  console.log(`${requests} verifications …`);
  return verify(requests);
}

const round = (value: number): number => Number(value.toFixed(1));

/** The functions that serve the API, as its document names them. */
function bundles(): { handler: string; bytes: number }[] {
  const file = resolve(import.meta.dirname, '../docs/openapi.json');
  const Operation = z.object({ 'x-offer-relay-handler': z.templateLiteral([z.string(), '/', z.string()]) });
  const { paths } = z
    .object({ paths: z.record(z.string(), z.record(z.string(), Operation)) })
    .parse(JSON.parse(readFileSync(file, 'utf8')));
  const handlers = Object.values(paths).flatMap((methods) =>
    Object.values(methods).map((operation): HandlerPath => operation['x-offer-relay-handler']),
  );
  return [...new Set(handlers)]
    .sort()
    .map((handler) => ({ handler, bytes: Buffer.byteLength(bundleHandler(handler)) }));
}

function tell({ samples, failures, elapsedMs }: Result, options: Options): boolean {
  const times = {
    total: samples.map(({ totalMs }) => totalMs),
    upstream: samples.map(({ upstreamMs }) => upstreamMs),
    own: samples.map(({ totalMs, upstreamMs }) => totalMs - upstreamMs),
  };
  const perSecond = Math.round(samples.length / (elapsedMs / 1_000));
  const rows = Object.entries(times).map(([time, values]) => ({
    time,
    'p50 ms': round(quantile(values, 0.5)),
    'p99 ms': round(quantile(values, 0.99)),
    'longest ms': round(quantile(values, 1)),
  }));
  const sizes = bundles();
  const reasons = [...new Set(failures)].slice(0, 5);
  report('api', rows, {
    ...options,
    answered: samples.length,
    failures: failures.length,
    reasons,
    perSecond,
    bundles: sizes,
  });
  console.log(`${samples.length} verifications, ${failures.length} failures, ${perSecond} a second`);
  for (const { handler, bytes } of sizes) console.log(`${handler}: ${bytes} bytes`);
  for (const reason of reasons) console.error(`Failed: ${reason}`);
  const tooLarge = sizes.filter(({ bytes }) => bytes > LARGEST_BUNDLE_BYTES);
  for (const { handler } of tooLarge) console.error(`Missed: ${handler} is larger than ${LARGEST_BUNDLE_BYTES} bytes`);
  return failures.length === 0 && samples.length > 0 && tooLarge.length === 0;
}

async function main(): Promise<number> {
  const values = parseOptions(process.argv.slice(2), {
    requests: { type: 'string' },
    concurrency: { type: 'string' },
    'warm-up': { type: 'string' },
    'upstream-ms': { type: 'string' },
    seconds: { type: 'string' },
    help: { type: 'boolean' },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const concurrency = wholeNumber('--concurrency', values.concurrency ?? '50', 1, 500);
  const options = {
    requests: wholeNumber('--requests', values.requests ?? '10000', 1, 1_000_000),
    concurrency,
    warmUp: wholeNumber('--warm-up', values['warm-up'] ?? String(20 * concurrency), 0, 100_000),
    upstreamMs: wholeNumber('--upstream-ms', values['upstream-ms'] ?? '100', 1, 1_000),
    seconds: wholeNumber('--seconds', values.seconds ?? '900', 10, 36_000),
  };
  const folder = mkdtempSync(join(tmpdir(), 'offer-relay-bench-'));
  try {
    return tell(await measure(options, folder), options) ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  const isUsage = error instanceof UsageError;
  console.error(isUsage ? `${error.message}\nSee --help.` : error);
  process.exitCode = isUsage ? 2 : 1;
}
