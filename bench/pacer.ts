import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { loadSettings } from '../config/settings.ts';
import { offerStatusSecretName } from '../lambdas/shared/settings.ts';
import { createCloud } from '../local/cloud/cloud.ts';
import { synthesise } from '../local/synthesise.ts';
import type { RequestReport, Simulator } from '../local/upstreams/simulator.ts';
import { startSimulator } from '../local/upstreams/simulator.ts';
import { openWatchList } from '../local/watch-list.ts';
import { report } from './report.ts';

const HELP = `How much of an upstream's rate the deployed workers use, and whether they are ever throttled.

Usage: npm run bench:pacer -- [options]

  --seconds <n>  how long to measure, after every title has been seen once (default 180)
  --help         this text

Runs the synthesised stack on the local cloud with one account per rate, all at the same time. The simulated upstream
answers after a log-normal time with a median of 200 ms (sigma 0.25, a quarter of it before the token bucket is asked).
Takes about three minutes more than what is measured. Exit codes: 0 all goals met, 1 not, 2 wrong usage.
`;

/** The rates to hold, and the least share of each that must be used. */
const RATES = [
  { perSecond: 10, burst: 5, goal: 0.99 },
  { perSecond: 10, burst: 20, goal: 0.99 },
  { perSecond: 5, burst: 10, goal: 0.98 },
  { perSecond: 0.5, burst: 1, goal: 0.92 },
  { perSecond: 0.1, burst: 1, goal: 0.97 },
];
const STAGE = 'bench';
/** Titles per account: a lap as long as the planner's backlog. */
const LAP_SECONDS = 120;

const accounts = RATES.map((rate, index) => ({ ...rate, name: `rate-${index + 1}`, licensor: `studio-${index + 1}` }));
const titles = accounts.flatMap(({ perSecond, licensor }) =>
  Array.from({ length: Math.max(10, Math.ceil(perSecond * LAP_SECONDS)) }, (_, index) => ({
    licensor,
    marketplace: 'GLOBAL',
    alid: `TITLE_${String(index).padStart(5, '0')}`,
  })),
);

async function measure(seconds: number, folder: string): Promise<boolean> {
  const config = join(folder, 'config');
  mkdirSync(config);
  writeFileSync(
    join(config, `${STAGE}.json`),
    JSON.stringify({
      removalPolicy: 'destroy',
      offerStatus: {
        minLapSeconds: { new: 1, urgent: 1, steady: 1 },
        accounts: Object.fromEntries(
          accounts.map(({ name, licensor, perSecond, burst }) => [
            name,
            { licensors: [licensor], rate: { perSecond, burst } },
          ]),
        ),
      },
    }),
  );
  const simulator = await startSimulator({
    pkiDir: join(folder, 'upstreams'),
    offerStatus: {
      accounts: accounts.map(({ name, licensor, perSecond, burst }) => ({
        name,
        licensors: [licensor],
        apiKey: `key-of-${name}-in-the-bench`,
        rate: perSecond,
        burst,
      })),
      titles,
      tempo: 0,
      latency: { medianMs: 200, sigma: 0.25, uplinkShare: 0.25 },
    },
  });
  try {
    console.log('Synthesising the stack …');
    await synthesise(STAGE, join(folder, 'cdk.out'), { config, offerStatusUrl: simulator.offerStatusUrl });
    const settings = loadSettings(STAGE, { directory: config }).runtime;
    const names = Object.entries(settings.offerStatus.accounts);
    const cloud = await createCloud({
      assembly: join(folder, 'cdk.out'),
      dataDir: join(folder, 'cloud'),
      secrets: Object.fromEntries(
        names.map(([name, account]) => [offerStatusSecretName(STAGE, name, account), simulator.credentials(name)]),
      ),
    });
    try {
      const list = openWatchList(cloud, settings);
      await list.add(titles);
      await cloud.start();
      await everyTitleSeen(simulator);
      console.log(`Measuring for ${seconds} s …`);
      const from = Date.now();
      await sleep(seconds * 1000);
      const arrivals = simulator.requests().arrivals.filter(({ at }) => at >= from);
      list.close();
      return tell(arrivals, seconds);
    } finally {
      await cloud.stop();
    }
  } finally {
    await simulator.stop();
  }
}

/** Waits until the first lap is over: from then on every bucket has a full backlog of laps. */
async function everyTitleSeen(simulator: Simulator): Promise<void> {
  for (let seen = -1; ;) {
    const now = new Set(simulator.requests().arrivals.map(({ licensor, alid }) => `${licensor} ${alid}`)).size;
    if (now !== seen) console.log(`Seen ${now} of ${titles.length} titles once …`);
    seen = now;
    if (seen >= titles.length) return;
    await sleep(10_000);
  }
}

function tell(arrivals: RequestReport['arrivals'], seconds: number): boolean {
  let met = true;
  const rows = accounts.map(({ name, perSecond, burst, goal }) => {
    const mine = arrivals.filter(({ account }) => account === name);
    const throttled = mine.filter(({ outcome }) => outcome === 429).length;
    // From one arrival to another, so that every gap between them counts and no part of an interval is lost.
    const span = ((mine.at(-1)?.at ?? 0) - (mine[0]?.at ?? 0)) / 1000;
    const used = span > 0 ? (mine.length - 1) / (span * perSecond) : 0;
    if (throttled > 0 || used < goal) met = false;
    return {
      'rate/s': perSecond,
      burst,
      requests: mine.length,
      '429s': throttled,
      'longest gap s': longestGap(mine.map(({ at }) => at)) / 1000,
      'used %': Number((used * 100).toFixed(2)),
      'goal %': goal * 100,
      met: throttled === 0 && used >= goal ? 'yes' : 'NO',
    };
  });
  report('pacer', rows, {
    seconds,
    latency: 'log-normal, median 200 ms, sigma 0.25, a quarter before the token bucket',
  });
  return met;
}

function longestGap(times: readonly number[]): number {
  return Math.max(0, ...times.slice(1).map((time, index) => time - (times[index] ?? time)));
}

function readSeconds(): number | undefined {
  try {
    const { values } = parseArgs({ options: { seconds: { type: 'string' }, help: { type: 'boolean' } } });
    if (values.help) return undefined;
    const seconds = Number(values.seconds ?? '180');
    if (!(seconds >= 10 && seconds <= 3600)) throw new Error('--seconds must be a number from 10 to 3600');
    return seconds;
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exit(2);
  }
}

const seconds = readSeconds();
if (seconds === undefined) process.stdout.write(HELP);
else {
  const folder = mkdtempSync(join(tmpdir(), 'offer-relay-bench-'));
  try {
    process.exitCode = (await measure(seconds, folder)) ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
