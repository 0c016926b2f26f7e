import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import * as z from 'zod';
import { bundleHandler, type HandlerPath } from '../lib/shared/handler-bundle.ts';
import { parseOptions, UsageError, wholeNumber } from '../local/command-line.ts';
import { buyWithPrimeSecretName } from '../lambdas/shared/settings.ts';
import { startSimulator } from '../local/upstreams/simulator.ts';
import type { ApiAnswer, ApiRequest } from './api-clients.ts';
import { ACCOUNT, API_PARTNER, API_STAGE, BENEFIT, OFFER_CODES_TRUST } from './api-stage.ts';
import { STAGE, startApiStand, type ApiStand } from './api-stand.ts';
import { quantile } from './quantile.ts';
import { report } from './report.ts';

const LARGEST_BUNDLE_BYTES = 400_000;
const MOST_WARM_UPS = 5;
/** Items of a quote. */
const ITEMS = 20;

const HELP = `What a verification of an offer code, and a quote of ${ITEMS} items, cost beside the time that Amazon takes.

Usage: npm run bench:api -- [options]

  --requests <n>     verifications that are measured (default 10000)
  --quotes <n>       quotes at checkout that are measured (default 3000)
  --concurrency <n>  clients, each with a connection that it keeps and one request under way (default 50)
  --warm-up <n>      of each kind before that, which are not measured (default 20 for each client); again, up to
                     ${MOST_WARM_UPS} times, where one fails
  --upstream-ms <n>  median of the simulated upstreams' time to answer, log-normal (default 100)
  --seconds <n>      the bench is given up after as long (default 900)
  --help             this text

Runs the synthesised stage on the local cloud: gateway, signature, usage plan, function, tables and all, in front of the
simulated APIs. A quote is one at checkout, of ${ITEMS} products, with the address of a shopper and the shopper's access token,
so that none is given twice. The clients sign with aws4, before each lap and outside of the measured time, in a thread of
their own. "own" is what is left of the time of a request when the time that it waited for the upstream is taken off, as the
header Server-Timing has it: the local gateway and the wait for one of this machine's processors included.

Exit codes: 0 every request was answered rightly and no bundle of the API is larger than ${LARGEST_BUNDLE_BYTES} bytes, 1 not,
2 wrong usage.
`;

const CODES = Array.from({ length: 100 }, (_, index) => String(100_000 + index));

const PRODUCTS = Array.from({ length: ITEMS }, (_, index) => ({
  account: ACCOUNT,
  productId: `product-${index}`,
  sku: `SKU-${index}`,
  title: `Product number ${index} of the bench`,
  price: `${10 + index}.99`,
  prime: index % 4 !== 3,
}));

interface Options {
  readonly requests: number;
  readonly quotes: number;
  readonly concurrency: number;
  readonly warmUp: number;
  readonly upstreamMs: number;
  readonly seconds: number;
}

/** One kind of request. */
interface Course {
  /** What they are, such as `verifications`. */
  readonly name: string;
  readonly count: number;
  readonly request: (index: number) => ApiRequest;
  readonly isRight: (answer: ApiAnswer) => boolean;
}

/** One request that was answered rightly. */
interface Sample {
  readonly totalMs: number;
  readonly upstreamMs: number;
}

interface Result {
  readonly name: string;
  readonly samples: readonly Sample[];
  /** What was not the right answer with the time of the upstream, in a few words. */
  readonly failures: readonly string[];
  readonly elapsedMs: number;
}

async function measure(options: Options, folder: string): Promise<Result[]> {
  const latency = { medianMs: options.upstreamMs, sigma: 0.3 };
  const simulator = await startSimulator({
    pkiDir: join(folder, 'upstreams'),
    offerStatus: { accounts: [], titles: [] },
    offerCodes: {
      benefits: [{ id: BENEFIT, marketplace: 'US', use: 'single' }],
      codes: CODES.map((code) => ({ benefit: BENEFIT, code })),
      latency,
    },
    buyWithPrime: {
      accounts: [{ account: ACCOUNT }],
      products: PRODUCTS,
      // Every client begins with an environment of its own, which wants a token.
      tokenRate: { rate: 1_000, burst: 1_000 },
      rate: { rate: 10_000, burst: 10_000 },
      latency,
    },
  });
  try {
    const { graphqlUrl, tokenUrl, credentials, issueShopperToken } = simulator.buyWithPrime;
    const stand = await startApiStand({
      folder,
      stage: API_STAGE,
      partner: API_PARTNER,
      upstreams: {
        offerCodesUrl: simulator.offerCodesUrl,
        buyWithPrimeUrl: graphqlUrl,
        buyWithPrimeTokenUrl: tokenUrl,
      },
      secrets: {
        [OFFER_CODES_TRUST]: { ca: simulator.offerCodeCredentials().ca },
        [buyWithPrimeSecretName(STAGE, ACCOUNT, undefined)]: credentials(ACCOUNT),
      },
    });
    try {
      simulator.onSigningKey((accessKeyId) => stand.cloud.signingKey(accessKeyId));
      const courses = [
        verifications(options.requests),
        quotes(options.quotes, issueShopperToken({ lifeMs: 36_000_000 })),
      ].filter(({ count }) => count > 0);
      const results: Result[] = [];
      for (const course of courses) results.push(await runCourse(stand, course, options));
      return results;
    } finally {
      await stand.stop();
    }
  } finally {
    await simulator.stop();
  }
}

function verifications(count: number): Course {
  return {
    name: 'verifications',
    count,
    request: (index) => ({ path: `/v1/benefits/${BENEFIT}/offer-codes/${CODES[index % CODES.length]!}/verify` }),
    isRight: ({ body }) => body.startsWith('{"valid":true,'),
  };
}

function quotes(count: number, shopperToken: string): Course {
  const body = JSON.stringify({
    lineItems: PRODUCTS.map(({ productId }) => ({ productId, quantity: 1 })),
    location: {
      shippingAddress: {
        name: 'Bench',
        streetAddress: '410 Terry Avenue N',
        locality: 'Seattle',
        region: 'WA',
        countryCode: 'US',
        postalCode: '98109',
      },
    },
  });
  const headers = { 'x-amz-access-token': shopperToken };
  return {
    name: `quotes of ${ITEMS} items`,
    count,
    request: () => ({ method: 'POST', path: '/v1/buy-with-prime/offers', body, headers }),
    isRight: ({ body: text }) => text.split('"isPrimeEligible":').length === ITEMS + 1,
  };
}

async function runCourse(stand: ApiStand, course: Course, options: Options): Promise<Result> {
  const { name, request, isRight } = course;
  const { concurrency, warmUp, seconds } = options;
  const givenUpAt = Date.now() + seconds * 1_000;
  const run = async (count: number): Promise<Result> => {
    const requests = Array.from({ length: count }, (_, index) => request(index));
    const { answers, elapsedMs } = await stand.ask(requests, concurrency, givenUpAt);
    const samples: Sample[] = [];
    const failures = Array<string>(count - answers.length).fill('not asked: it took too long');
    for (const answer of answers) {
      const { status, body, totalMs, upstreamMs } = answer;
      if (status === 200 && upstreamMs !== undefined && isRight(answer)) samples.push({ totalMs, upstreamMs });
      else failures.push(`${status} ${body.slice(0, 200)}`);
    }
    return { name, samples, failures, elapsedMs };
  };
  // While as many environments as clients start side by side, some take longer than they may.
  for (let round = 1; round <= MOST_WARM_UPS && warmUp > 0; round += 1) {
    console.log(`Warming up with ${warmUp} ${name} …`);
    const { failures } = await run(warmUp);
    if (failures.length === 0) break;
    console.log(`  ${failures.length} failed, such as: ${failures[0]!}`);
  }
  console.log(`${course.count} ${name} …`);
  return run(course.count);
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

function tell(results: readonly Result[], options: Options): boolean {
  const rows = results.flatMap(({ name, samples }) => {
    const times = {
      total: samples.map(({ totalMs }) => totalMs),
      upstream: samples.map(({ upstreamMs }) => upstreamMs),
      own: samples.map(({ totalMs, upstreamMs }) => totalMs - upstreamMs),
    };
    return Object.entries(times).map(([time, values]) => ({
      what: name,
      time,
      'p50 ms': round(quantile(values, 0.5)),
      'p99 ms': round(quantile(values, 0.99)),
      'longest ms': round(quantile(values, 1)),
    }));
  });
  const courses = results.map(({ name, samples, failures, elapsedMs }) => ({
    name,
    answered: samples.length,
    failures: failures.length,
    reasons: [...new Set(failures)].slice(0, 5),
    perSecond: Math.round(samples.length / (elapsedMs / 1_000)),
  }));
  const sizes = bundles();
  report('api', rows, { ...options, courses, bundles: sizes });
  for (const { name, answered, failures, reasons, perSecond } of courses) {
    console.log(`${answered} ${name}, ${failures} failures, ${perSecond} a second`);
    for (const reason of reasons) console.error(`Failed: ${reason}`);
  }
  for (const { handler, bytes } of sizes) console.log(`${handler}: ${bytes} bytes`);
  const tooLarge = sizes.filter(({ bytes }) => bytes > LARGEST_BUNDLE_BYTES);
  for (const { handler } of tooLarge) console.error(`Missed: ${handler} is larger than ${LARGEST_BUNDLE_BYTES} bytes`);
  return courses.every(({ answered, failures }) => failures === 0 && answered > 0) && tooLarge.length === 0;
}

async function main(): Promise<number> {
  const values = parseOptions(process.argv.slice(2), {
    requests: { type: 'string' },
    quotes: { type: 'string' },
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
    requests: wholeNumber('--requests', values.requests ?? '10000', 0, 1_000_000),
    quotes: wholeNumber('--quotes', values.quotes ?? '3000', 0, 1_000_000),
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
