import { globSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, paginateScan } from '@aws-sdk/lib-dynamodb';
import { Fulfilment } from '../lambdas/entitlements/player-answers.ts';
import { bundleHandler, type HandlerPath } from '../lib/shared/handler-bundle.ts';
import { parseOptions, UsageError, wholeNumber } from '../local/command-line.ts';
import type { Cloud } from '../local/cloud/cloud.ts';
import { startSimulator, type Simulator } from '../local/upstreams/simulator.ts';
import type { ApiAnswer, ApiRequest } from './api-clients.ts';
import { STAGE, startApiStand, type ApiStand } from './api-stand.ts';
import { DynamoDbCalls, type CallCounts } from './dynamodb-calls.ts';
import { brokenPromises, type Remains } from './entitlement-checks.ts';
import { enrolPlayer, MOST_CLAIMS, SKUS, type Player } from './entitlement-players.ts';
import { quantile } from './quantile.ts';
import { report } from './report.ts';

const LARGEST_BUNDLE_BYTES = 400_000;
/** Calls to DynamoDB for each entitlement that is fulfilled, of players who claim at least so many. */
const MOST_CALLS = 4;
const MOST_CALLS_FROM_CLAIMS = 3;

const MOST_ROUNDS = 60;
const MOST_WARM_UPS = 8;
const PAUSE_MS = 1_000;

const HELP = `What fulfilling players' entitlements costs beside the time that Amazon takes, and whether each comes out once.

Usage: npm run bench:entitlements -- [options]

  --players <n>      players whose game starts (default 2000)
  --claims <n>       SKUs that each has claimed, 1 to ${MOST_CLAIMS} (default 3)
  --concurrency <n>  clients, each with a connection that it keeps and one request under way (default 50)
  --at-once <n>      requests at once for one further player (default 200)
  --warm-up <n>      players before that, who are not measured (default 5 for each client)
  --upstream-ms <n>  median of each answer of the simulated Amazon, log-normal (default 100)
  --seconds <n>      the bench is given up after as long (default 1800)
  --help             this text

Runs the synthesised stage on the local cloud, with the built-in inventory, in front of a simulated Prime Gaming. Everybody
is fulfilled once, then everybody once more with nothing left to do, then one further player by many requests at once. What
is answered with 429, or is not complete, is asked again. "own" is what is left of the time of a request when the time that it
waited for Amazon is taken off, as the header Server-Timing has it: the local gateway and the wait for one of this machine's
processors included. "repeated transactions" were sent again because no answer came in time: the engine that comes along
does one after another and cancels none, as DynamoDB would where several meet. In the end tables, outbox and reports of every
player are gone through. Many requests at once need processors: on a machine that is busy with other things, give fewer.

Exit codes: 0 every promise is kept: each item had once, each claim reported once, one event of each, no 5xx, with ${MOST_CALLS_FROM_CLAIMS} claims
or more at most ${MOST_CALLS} calls to DynamoDB for each entitlement, no bundle larger than ${LARGEST_BUNDLE_BYTES} bytes; 1 not; 2 wrong usage.
`;

const TRUST_SECRET = 'offer-relay/bench/entitlements/trust';

interface Options {
  readonly players: number;
  readonly claims: number;
  readonly concurrency: number;
  readonly atOnce: number;
  readonly warmUp: number;
  readonly upstreamMs: number;
  readonly seconds: number;
}

/** What came of asking for some players until each was complete. */
interface Visits {
  /** All answers, those to repetitions included. */
  readonly answers: readonly ApiAnswer[];
  readonly throttled: number;
  readonly incomplete: number;
  /** What was neither, in a few words. */
  readonly failures: readonly string[];
  /** Players who never were. */
  readonly unfinished: number;
  /** Entitlements that answers told of. */
  readonly told: number;
  readonly elapsedMs: number;
}

interface Phase extends Visits {
  readonly name: string;
  /** Those that it fulfils and shares its calls among, where that tells what one costs. */
  readonly entitlements?: number;
  readonly calls: CallCounts;
  readonly coldStarts: number;
}

interface Measured {
  readonly phases: readonly Phase[];
  readonly broken: readonly string[];
}

async function measure(options: Options, folder: string): Promise<Measured> {
  const simulator = await startSimulator({
    pkiDir: join(folder, 'upstreams'),
    offerStatus: { accounts: [], titles: [] },
    entitlements: { latency: { medianMs: options.upstreamMs, sigma: 0.3 } },
  });
  try {
    let functionId = '';
    let coldStarts = 0;
    const calls = new DynamoDbCalls(() => functionId);
    const stand = await startApiStand({
      folder,
      // A machine that is busy with other things is no Amazon that fails.
      stage: { entitlements: { trustSecret: TRUST_SECRET, timeoutMs: 7_000, deadlineMs: 22_000 } },
      partner: { capabilities: ['entitlements'], entitlements: { skus: SKUS, granter: { kind: 'inventory' } } },
      upstreams: { entitlementsUrl: simulator.entitlementsUrl, profileUrl: simulator.profileUrl },
      secrets: { [TRUST_SECRET]: simulator.entitlementsCredentials() },
      onCall: calls.count,
      onInvocation: ({ functionId: invoked, coldStart }) => (coldStarts += Number(coldStart && invoked === functionId)),
    });
    try {
      functionId = playersFunction(stand.cloud);
      return await runPhases({ stand, simulator, calls, coldStarts: () => coldStarts }, options);
    } finally {
      await stand.stop();
    }
  } finally {
    await simulator.stop();
  }
}

function playersFunction({ resources }: Cloud): string {
  const found = [...resources].find(
    ([, { type, constructPath = '' }]) => type === 'AWS::Lambda::Function' && constructPath.includes('/ServePlayers/'),
  );
  if (found === undefined) throw new Error('the template has no function that serves players');
  return found[0];
}

interface Parts {
  readonly stand: ApiStand;
  readonly simulator: Simulator;
  readonly calls: DynamoDbCalls;
  /** Of the function that serves players, so far. */
  readonly coldStarts: () => number;
}

async function runPhases(
  parts: Parts,
  { players, claims, concurrency, atOnce, warmUp, seconds }: Options,
): Promise<Measured> {
  const { stand, simulator, calls, coldStarts } = parts;
  const until = Date.now() + seconds * 1_000;
  const enrol = (name: string, count: number): Player[] =>
    Array.from({ length: count }, (_, number) =>
      enrolPlayer(simulator, `${name}-${number}`, { number, claims, tokenMs: seconds * 1_000 }),
    );
  const early = enrol('early', warmUp);
  const measured = enrol('player', players);
  const rehearsing = enrol('rehearsing', MOST_WARM_UPS);
  const [further] = enrol('further', 1);

  const phase = async (name: string, visited: readonly Player[], clients: number, entitlements?: number) => {
    console.log(`${name}: ${visited.length} requests …`);
    calls.take();
    const coldBefore = coldStarts();
    const visits = await fulfil(stand, visited, clients, until);
    return {
      name,
      ...visits,
      coldStarts: coldStarts() - coldBefore,
      calls: calls.take(),
      ...(entitlements !== undefined && { entitlements }),
    };
  };
  if (warmUp > 0) await warm(parts, () => early.map(fulfilmentOf), concurrency, until);
  const first = await phase('fulfil', measured, concurrency, players * claims);
  const second = await phase('nothing left', measured, concurrency);
  // As many environments, each of which has been through the same: with another player in each round.
  const rehearsal = (round: number) => Array<ApiRequest>(atOnce).fill(fulfilmentOf(rehearsing[round - 1]!));
  await warm(parts, rehearsal, atOnce, until);
  const storm = await phase('one player', Array<Player>(atOnce).fill(further!), atOnce);
  // What a busy machine let fail while it warmed up is no part of any phase, and has to come out all the same.
  await fulfil(stand, [...early, ...rehearsing], concurrency, until);

  const phases = [first, second, storm];
  const repeated = second.told > 0 ? [`the second pass told of ${second.told} entitlements`] : [];
  const remains = { ...(await readTables(stand.cloud)), reports: simulator.reports() };
  const fulfilled = { oneByOne: measured, sideBySide: [...early, ...rehearsing, further!] };
  return { phases, broken: [...repeated, ...brokenPromises(STAGE, fulfilled, remains)] };
}

const fulfilmentOf = ({ playerId, token }: Player): ApiRequest => ({
  method: 'POST',
  path: `/v1/players/${playerId}/entitlements/fulfil`,
  headers: { 'x-amz-access-token': token },
});

/**
 * Asks again and again, until there is an environment for each client: while many start side by side, some take longer than
 * they may.
 */
async function warm(
  { stand, coldStarts }: Parts,
  requestsOf: (round: number) => readonly ApiRequest[],
  clients: number,
  until: number,
): Promise<void> {
  for (let round = 1; round <= MOST_WARM_UPS; round += 1) {
    const requests = requestsOf(round);
    const coldBefore = coldStarts();
    const { answers } = await stand.ask(requests, clients, until);
    const failed = answers.filter(({ status }) => status !== 200);
    const cold = coldStarts() - coldBefore;
    const because = failed[0] ? `, such as: ${inShort(failed[0])}` : '';
    console.log(`Warmed up by ${requests.length} requests: ${cold} cold starts, ${failed.length} failed${because}`);
    if (failed.length === 0 && cold === 0) break;
  }
}

/** Calls for each player, and again for those who are not complete, as their game would. */
async function fulfil(stand: ApiStand, players: readonly Player[], clients: number, until: number): Promise<Visits> {
  const answers: ApiAnswer[] = [];
  const failures: string[] = [];
  let [throttled, incomplete, told, elapsedMs] = [0, 0, 0, 0];
  let left = players;
  for (let round = 1; left.length > 0 && round <= MOST_ROUNDS && Date.now() < until; round += 1) {
    if (round > 1) await sleep(PAUSE_MS);
    const lap = await stand.ask(left.map(fulfilmentOf), clients, until);
    elapsedMs += lap.elapsedMs;
    answers.push(...lap.answers);
    left = left.filter((_, index) => {
      const answer = lap.answers[index];
      if (answer?.status === 429) throttled += 1;
      else if (answer?.status === 200 && answer.upstreamMs !== undefined) {
        const { entitlements, complete } = Fulfilment.parse(JSON.parse(answer.body));
        told += entitlements.length;
        if (complete) return false;
        incomplete += 1;
      } else if (answer) failures.push(inShort(answer));
      return true;
    });
  }
  return { answers, throttled, incomplete, failures, unfinished: left.length, told, elapsedMs };
}

const inShort = ({ status, body }: ApiAnswer): string => `${status} ${body.slice(0, 200)}`;

/** What the tables hold in the end, as an operator reads it. */
async function readTables(cloud: Cloud): Promise<Omit<Remains, 'reports'>> {
  const { endpoints, region, credentials } = cloud;
  const client = DynamoDBDocumentClient.from(new DynamoDBClient({ endpoint: endpoints.dynamodb, region, credentials }));
  const rowsOf = async (TableName: string): Promise<unknown[]> => {
    const rows: unknown[] = [];
    for await (const page of paginateScan({ client }, { TableName, ConsistentRead: true })) {
      rows.push(...(page.Items ?? []));
    }
    return rows;
  };
  try {
    return {
      entitlements: await rowsOf(cloud.physicalId('Store/Entitlements')),
      history: await rowsOf(cloud.physicalId('WatchTables/History')),
    };
  } finally {
    client.destroy();
  }
}

const rounded = (value: number, digits = 1): number => Number(value.toFixed(digits));

function rowOf({ name, answers, throttled, incomplete, failures, entitlements, calls, coldStarts, elapsedMs }: Phase) {
  const timed = answers.flatMap(({ totalMs, upstreamMs }) =>
    upstreamMs === undefined ? [] : [{ upstreamMs, ownMs: totalMs - upstreamMs }],
  );
  const own = timed.map(({ ownMs }) => ownMs);
  return {
    phase: name,
    requests: answers.length,
    'a second': rounded(answers.length / (elapsedMs / 1_000)),
    throttled,
    incomplete,
    failed: failures.length,
    'cold starts': coldStarts,
    'own p50 ms': rounded(quantile(own, 0.5)),
    'own p99 ms': rounded(quantile(own, 0.99)),
    'upstream p50 ms': rounded(
      quantile(
        timed.map(({ upstreamMs }) => upstreamMs),
        0.5,
      ),
    ),
    'calls/request': rounded(calls.all / answers.length, 2),
    'calls/entitlement': entitlements === undefined ? '' : rounded(calls.all / entitlements, 2),
    'repeated transactions': calls.repeatedTransactions,
  };
}

function bundles(): { handler: string; bytes: number }[] {
  const lambdas = resolve(import.meta.dirname, '../lambdas');
  return globSync('entitlements/*.handler.ts', { cwd: lambdas })
    .sort()
    .map((file) => {
      const handler = file.replace(/\.handler\.ts$/, '') as HandlerPath;
      return { handler, bytes: Buffer.byteLength(bundleHandler(handler)) };
    });
}

function tell({ phases, broken }: Measured, options: Options): boolean {
  const sizes = bundles();
  const [first] = phases;
  const perEntitlement = (first?.calls.all ?? NaN) / (first?.entitlements ?? NaN);
  const missed = [
    ...broken,
    ...phases.flatMap(({ name, failures, unfinished }) => [
      ...(failures.length > 0 ? [`${name}: ${failures.length} failures, such as ${failures[0]!}`] : []),
      ...(unfinished > 0 ? [`${name}: ${unfinished} never came to an end`] : []),
    ]),
    // With fewer, the call that links a player and the one that reads the player have too few to be shared by.
    ...(options.claims >= MOST_CALLS_FROM_CLAIMS && !(perEntitlement <= MOST_CALLS)
      ? [`${perEntitlement.toFixed(2)} calls to DynamoDB for each entitlement, more than ${MOST_CALLS}`]
      : []),
    ...sizes
      .filter(({ bytes }) => bytes > LARGEST_BUNDLE_BYTES)
      .map(({ handler }) => `${handler} is larger than ${LARGEST_BUNDLE_BYTES} bytes`),
  ];
  report('entitlements', phases.map(rowOf), {
    ...options,
    calls: Object.fromEntries(phases.map(({ name, calls }) => [name, calls.byCommand])),
    bundles: sizes,
    missed: missed.slice(0, 100),
  });
  console.table(Object.fromEntries(phases.map(({ name, calls }) => [name, calls.byCommand])));
  for (const { handler, bytes } of sizes) console.log(`${handler}: ${bytes} bytes`);
  for (const one of missed.slice(0, 20)) console.error(`Missed: ${one}`);
  console.log(missed.length === 0 ? 'Every promise is kept.' : `${missed.length} promises are broken.`);
  return missed.length === 0;
}

async function main(): Promise<number> {
  const values = parseOptions(process.argv.slice(2), {
    players: { type: 'string' },
    claims: { type: 'string' },
    concurrency: { type: 'string' },
    'at-once': { type: 'string' },
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
    players: wholeNumber('--players', values.players ?? '2000', 1, 100_000),
    claims: wholeNumber('--claims', values.claims ?? '3', 1, MOST_CLAIMS),
    concurrency,
    atOnce: wholeNumber('--at-once', values['at-once'] ?? '200', 1, 500),
    warmUp: wholeNumber('--warm-up', values['warm-up'] ?? String(5 * concurrency), 0, 100_000),
    upstreamMs: wholeNumber('--upstream-ms', values['upstream-ms'] ?? '100', 1, 1_000),
    // Sessions of the partner's role last for an hour.
    seconds: wholeNumber('--seconds', values.seconds ?? '1800', 10, 3_300),
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
