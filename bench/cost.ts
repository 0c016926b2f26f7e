import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseOptions, UsageError, wholeNumber } from '../local/command-line.ts';
import { type CostCase, measureCase, type Measured } from './cost-case.ts';
import { naivePrice, type PriceTag, priceOf, SERVICES, totalOf } from './cost-prices.ts';
import { report } from './report.ts';

const GOAL_DOLLARS = 0.5;
const GOAL_HEAD_BYTES = 2_000;

const HELP = `What a million item polls cost on AWS, from the calls and the time that the stack really used.

Usage: npm run bench:cost -- [options]

  --seconds <n>  how long each case polls (default 100)
  --help         this text

Runs the synthesised stack on local clouds in front of a simulated SP-API with a median latency of 200 ms, for getPricing
and getItemOffersBatch at Amazon's rates of today and of its reference document, with heads of at least 2 KB and 6 KB. One poll
in a hundred finds a change: more do in the measurement, and what they cost is scaled down. Counted are the calls of functions and event sources, billed milliseconds × the template's memory,
capacity units of the items' real sizes, events and log bytes; the planner and the other schedules count as often as they
run in the time that a million polls take. bench/price-list.ts has the prices.

Beside it stands a design of one message, one invocation, one read and one request for each item, from the same
measurements.
Not counted: what does not grow with polls (idle queue polling by Lambda, secrets, custom metrics, alarms), and X-Ray: the
traces are the invocations per million polls that it is offered, of which it samples.

Takes about six minutes. Exit codes: 0 at most $${GOAL_DOLLARS} per million at 2 KB, 1 more, 2 wrong usage.
`;

const HEAD_BYTES = [GOAL_HEAD_BYTES, 6_000];
const RATES = [
  { operation: 'getPricing', profile: 'today', rate: 0.5, burst: 1 },
  { operation: 'getPricing', profile: 'document', rate: 10, burst: 20 },
  { operation: 'getItemOffersBatch', profile: 'today', rate: 0.1, burst: 1 },
  { operation: 'getItemOffersBatch', profile: 'document', rate: 0.5, burst: 1 },
] as const;
/** Three whole slices of the slowest bucket: with fewer, what a message costs would weigh too much or too little. */
const LEAST_REQUESTS = 18;
/** More take longer to put on the list than to poll. */
const MOST_ITEMS = 4_000;

async function run(seconds: number, folder: string): Promise<boolean> {
  const cases = HEAD_BYTES.flatMap((headBytes) =>
    RATES.map((rate): CostCase => {
      const requests = Math.max(LEAST_REQUESTS, Math.floor(rate.rate * seconds));
      return { ...rate, headBytes, items: Math.min(MOST_ITEMS, requests * 20) };
    }),
  );
  const measure = async (of: CostCase): Promise<Measured> => {
    console.log(`Polling ${nameOf(of)} …`);
    const place = join(folder, `${of.operation}-${of.profile}-${of.headBytes}`);
    mkdirSync(place);
    return measureCase(of, place);
  };
  // The slow ones mostly wait; the others go one after the other beside them.
  const isSlow = ({ items, rate }: CostCase): boolean => items / 20 / rate > seconds;
  const slow = Promise.all(cases.filter(isSlow).map(measure));
  const fast: Measured[] = [];
  for (const each of cases) if (!isSlow(each)) fast.push(await measure(each));
  const measured = [...fast, ...(await slow)];
  return tell(
    cases.map((each) => measured.find(({ of }) => of === each)!),
    seconds,
  );
}

function tell(measured: readonly Measured[], seconds: number): boolean {
  // The slowest bucket's slices are put off until they are due, which is an invocation that waits for no answer.
  const paced = measured.find(({ of }) => of.operation === 'getItemOffersBatch' && of.profile === 'today')!;
  let met = true;
  const rows = measured.map((result) => {
    const { of } = result;
    const tag = priceOf(result);
    const total = totalOf(tag);
    if (of.headBytes === GOAL_HEAD_BYTES && total > GOAL_DOLLARS) met = false;
    return {
      operation: of.operation,
      rates: of.profile,
      'head KB': of.headBytes / 1_000,
      polls: result.polled,
      changes: result.changes,
      'row bytes': result.meanRowBytes,
      ...shown(tag),
      total: round(total),
      naive: round(totalOf(naivePrice(result, paced))),
      traces: Math.round((result.traces / result.polled) * 1_000_000),
    };
  });
  console.log('US dollars per million item polls:');
  report('cost', rows, { seconds, measured });
  if (!met)
    console.error(`Missed: more than $${GOAL_DOLLARS} per million polls with heads of ${GOAL_HEAD_BYTES} bytes`);
  return met;
}

function shown(tag: PriceTag): Record<string, number> {
  return Object.fromEntries(SERVICES.map((service) => [service, round(tag[service])]));
}

function nameOf({ operation, profile, headBytes, items }: CostCase): string {
  return `${items} items by ${operation}, ${profile}, ${headBytes / 1_000} KB`;
}

function round(dollars: number): number {
  return Math.round(dollars * 10_000) / 10_000;
}

async function main(): Promise<number> {
  const values = parseOptions(process.argv.slice(2), { seconds: { type: 'string' }, help: { type: 'boolean' } });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const seconds = wholeNumber('--seconds', values.seconds ?? '100', 30, 140);
  const folder = mkdtempSync(join(tmpdir(), 'offer-relay-bench-'));
  try {
    return (await run(seconds, folder)) ? 0 : 1;
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
