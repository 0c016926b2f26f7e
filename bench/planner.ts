import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { loadSettings } from '../config/settings.ts';
import { offerStatusAccounts } from '../lambdas/offer-status/offer-status-accounts.ts';
import { synthesise } from '../local/synthesise.ts';
import { type PlannerStand, startPlannerStand, type Tick } from './planner-stand.ts';
import { quantile } from './quantile.ts';
import { report } from './report.ts';

const HELP = `What a planned request costs the planner with 1,000 and with 100,000 watches: time, reads and memory.

Usage: npm run bench:planner -- [options]

  --ticks <n>  ticks with each of the two sizes, alternating (default 150)
  --help       this text

Runs the synthesised planner on two local clouds side by side, in front of the same account at 10 requests a second; half
of the watches are new, half steady. The bench plays the workers: all that is planned counts as started before the next
tick, so that each tick plans a whole backlog. Then the same with 20 accounts of 5,000 watches, a tenth as often.

The time is that of warm invocations, the calls to the local engines included; what the DynamoDB engine took of it stands
beside it, as the sum of its calls (those of several buckets run side by side). "heap MB" is the most that the function's
thread held at the end of a tick. "peak MB" is the most that the same bundle ever had resident when it ran as often in a
process of its own, with the heap limits that Lambda gives Node: Lambda's limit is about that. Both are in MiB.

Takes about five minutes. Exit codes: 0 all goals met, 1 not, 2 wrong usage, 130 interrupted.
`;

const GOALS = {
  /** 100,000 : 1,000, of items and of capacity units per planned request. The first is free of noise. */
  readsRatio: 1.02,
  /** 100,000 : 1,000, of the medians of interleaved ticks per planned request. */
  timeRatio: 1.25,
};
const RATE = { perSecond: 10, burst: 5 };
const MANY_ACCOUNTS = 20;
const WARM_UP_TICKS = 1;
const PROGRESS_MS = 10_000;

/** A stage, and how many watches each of its accounts has. */
interface Case {
  readonly name: string;
  readonly accounts: number;
  readonly watchesPerAccount: number;
  readonly ticks: number;
}

interface Measured {
  readonly name: string;
  readonly limits: PlannerStand['limits'];
  readonly cold: Tick;
  /** Of warm invocations. */
  readonly ticks: readonly Tick[];
  /** In a process of the planner's own. */
  readonly peakMb: number;
}

async function measure(ticks: number, folder: string, signal: AbortSignal): Promise<boolean> {
  const small = { name: '1,000', accounts: 1, watchesPerAccount: 1_000, ticks };
  const large = { name: '100,000', accounts: 1, watchesPerAccount: 100_000, ticks };
  const many = {
    name: `${MANY_ACCOUNTS} × 5,000`,
    accounts: MANY_ACCOUNTS,
    watchesPerAccount: 5_000,
    ticks: Math.max(5, Math.round(ticks / 10)),
  };
  const [ofSmall, ofLarge] = await measureSideBySide([small, large], join(folder, 'sizes'), signal);
  const [ofMany] = await measureSideBySide([many], join(folder, 'buckets'), signal);
  return tell(ofSmall!, ofLarge!, ofMany!);
}

/** Measures cases with the same number of accounts and ticks, taking turns so that noise hits all of them. */
async function measureSideBySide(cases: readonly Case[], folder: string, signal: AbortSignal): Promise<Measured[]> {
  const { accounts: count, ticks } = cases[0]!;
  console.log(`Synthesising the stack for ${count} account${count === 1 ? '' : 's'} …`);
  const { assembly, accounts } = await synthesiseFor(count, folder);
  const stands: PlannerStand[] = [];
  try {
    for (const { name, watchesPerAccount } of cases) {
      signal.throwIfAborted();
      console.log(`Putting ${name} watches on the list …`);
      const place = join(folder, `cloud-${stands.length}`);
      stands.push(await startPlannerStand({ assembly, folder: place, accounts, watchesPerAccount, signal }));
    }
    const what = cases.map(({ name }) => name).join(' and ');
    const inCloud = await takeTurns(
      stands.map((stand) => () => stand.tick(stand.inCloud)),
      { ticks: ticks + WARM_UP_TICKS, what: `${what} watches, on the local cloud`, signal },
    );
    const processes = await Promise.all(stands.map((stand) => stand.startProcess()));
    const inProcess = await takeTurns(
      stands.map((stand, index) => () => stand.tick(processes[index]!)),
      { ticks, what: `${what} watches, in a process each`, signal },
    );
    return cases.map(({ name }, index) => ({
      name,
      limits: stands[index]!.limits,
      cold: inCloud[index]![0]!,
      ticks: inCloud[index]!.slice(WARM_UP_TICKS).filter(({ cold }) => !cold),
      peakMb: Math.max(...inProcess[index]!.map(({ memoryMb }) => memoryMb)),
    }));
  } finally {
    for (const stand of stands) await stand.stop();
  }
}

async function synthesiseFor(count: number, folder: string) {
  const stage = `bench-${count}`;
  const config = join(folder, 'config');
  mkdirSync(config, { recursive: true });
  writeFileSync(
    join(config, `${stage}.json`),
    JSON.stringify({
      removalPolicy: 'destroy',
      workers: { maximumConcurrency: Math.max(2, count) },
      offerStatus: {
        rate: RATE,
        minLapSeconds: { new: 1, urgent: 1, steady: 1 },
        accounts: Object.fromEntries(
          Array.from({ length: count }, (_, index) => [
            `account-${index + 1}`,
            { licensors: [`example-studios-${index + 1}`] },
          ]),
        ),
      },
    }),
  );
  const assembly = join(folder, 'cdk.out');
  // Nobody asks the upstream anything.
  await synthesise(stage, assembly, { config, offerStatusUrl: 'https://upstream.invalid' });
  return { assembly, accounts: offerStatusAccounts(loadSettings(stage, { directory: config }).runtime.offerStatus) };
}

interface Turns {
  readonly ticks: number;
  readonly what: string;
  readonly signal: AbortSignal;
}

/** Rounds of one tick each; who begins changes with every round. */
async function takeTurns(tickers: readonly (() => Promise<Tick>)[], { ticks, what, signal }: Turns): Promise<Tick[][]> {
  signal.throwIfAborted();
  const results = tickers.map((): Tick[] => []);
  console.log(`${ticks} ticks of ${what} …`);
  let told = Date.now();
  for (let round = 0; round < ticks; round += 1) {
    const order = [...tickers.entries()];
    for (const [index, tick] of round % 2 === 0 ? order : order.reverse()) {
      signal.throwIfAborted();
      results[index]!.push(await tick());
    }
    if (Date.now() - told < PROGRESS_MS) continue;
    told = Date.now();
    console.log(`  ${round + 1} of ${ticks} …`);
  }
  return results;
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** A case in figures. Reads are exact sums, times are medians. */
function figures({ ticks, cold, peakMb }: Measured) {
  const of = (pick: (tick: Tick) => number): number[] => ticks.map(pick);
  const mean = (pick: (tick: Tick) => number): number => sum(of(pick)) / ticks.length;
  const perRequest = (pick: (tick: Tick) => number): number => sum(of(pick)) / sum(of(({ planned }) => planned));
  return {
    requests: mean(({ planned }) => planned),
    slices: mean(({ slices }) => slices),
    calls: mean(({ calls }) => calls),
    items: perRequest(({ items }) => items),
    readUnits: perRequest(({ readUnits }) => readUnits),
    coldMs: cold.durationMs,
    medianMs: quantile(
      of(({ durationMs }) => durationMs),
      0.5,
    ),
    p95Ms: quantile(
      of(({ durationMs }) => durationMs),
      0.95,
    ),
    longestMs: Math.max(cold.durationMs, ...of(({ durationMs }) => durationMs)),
    requestMs: quantile(
      of(({ durationMs, planned }) => durationMs / planned),
      0.5,
    ),
    engineMs: quantile(
      of(({ engineMs, planned }) => engineMs / planned),
      0.5,
    ),
    heapMb: Math.max(...of(({ memoryMb }) => memoryMb)),
    peakMb,
  };
}

function tell(small: Measured, large: Measured, many: Measured): boolean {
  const all = [small, large, many].map((measured) => ({ measured, ...figures(measured) }));
  const [ofSmall, ofLarge] = all as [(typeof all)[number], (typeof all)[number]];
  const fits = (of: (typeof all)[number]): boolean =>
    of.peakMb < of.measured.limits.memoryMb && of.longestMs < of.measured.limits.timeoutMs;
  const ratio = (pick: (of: (typeof all)[number]) => number): number => pick(ofLarge) / pick(ofSmall);
  const itemsRatio = ratio(({ items }) => items);
  const unitsRatio = ratio(({ readUnits }) => readUnits);
  const timeRatio = ratio(({ requestMs }) => requestMs);
  const scales = itemsRatio <= GOALS.readsRatio && unitsRatio <= GOALS.readsRatio && timeRatio <= GOALS.timeRatio;

  const rows = all.map((of) => ({
    watches: of.measured.name,
    ticks: of.measured.ticks.length,
    'requests/tick': Math.round(of.requests),
    'sends/tick': round(of.slices, 1),
    'calls/tick': round(of.calls, 1),
    'cold ms': Math.round(of.coldMs),
    'ms/tick': round(of.medianMs, 1),
    'p95 ms': round(of.p95Ms, 1),
    'µs/request': round(of.requestMs * 1000, 1),
    'engine µs': round(of.engineMs * 1000, 1),
    'items/request': round(of.items, 4),
    'units/request': round(of.readUnits, 4),
    'heap MB': of.heapMb,
    'peak MB': Math.ceil(of.peakMb),
    met: fits(of) ? 'yes' : 'NO',
  }));
  const comparison = {
    watches: '100,000 : 1,000',
    'µs/request': round(timeRatio, 3),
    'engine µs': round(
      ratio(({ engineMs }) => engineMs),
      3,
    ),
    'items/request': round(itemsRatio, 4),
    'units/request': round(unitsRatio, 4),
    met: scales ? 'yes' : 'NO',
  };
  report('planner', [...rows, comparison], { goals: { ...GOALS, ...small.limits }, rate: RATE });
  return scales && all.every(fits);
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

function readTicks(): number | undefined {
  try {
    const { values } = parseArgs({ options: { ticks: { type: 'string' }, help: { type: 'boolean' } } });
    if (values.help) return undefined;
    const ticks = Number(values.ticks ?? '150');
    if (!(Number.isInteger(ticks) && ticks >= 5 && ticks <= 2000))
      throw new Error('--ticks must be a whole number from 5 to 2000');
    return ticks;
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exit(2);
  }
}

const ticks = readTicks();
if (ticks === undefined) process.stdout.write(HELP);
else {
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.once(signal, () => {
      console.log('Stopping …');
      interrupted.abort();
    });
  }
  const folder = mkdtempSync(join(tmpdir(), 'offer-relay-bench-'));
  try {
    process.exitCode = (await measure(ticks, folder, interrupted.signal)) ? 0 : 1;
  } catch (error) {
    // Ctrl-C reaches the processes that were started as well, and whatever fails then is no fault.
    if (!interrupted.signal.aborted) throw error;
    process.exitCode = 130;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
