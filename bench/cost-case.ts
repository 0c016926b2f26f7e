import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { minutesBetweenRuns } from '../config/schedules.ts';
import { loadSettings } from '../config/settings.ts';
import type { WatchClass } from '../lambdas/shared/laps/slice.ts';
import { pricingSecretName } from '../lambdas/shared/settings.ts';
import { type Cloud, createCloud } from '../local/cloud/cloud.ts';
import { startDynamoDb } from '../local/cloud/dynamodb-engine.ts';
import { synthesise } from '../local/synthesise.ts';
import { startSimulator } from '../local/upstreams/simulator.ts';
import { startMeteringProxy } from './metering-proxy.ts';
import { LATENCY, MARKETPLACE, type Operation } from './pacing/scenarios.ts';
import { benchWatch, type SeededRow, seedPrices } from './seed-prices.ts';
import { addUsage, NO_USAGE, scaleUsage, type Taken, type Usage, UsageMeter } from './usage-meter.ts';

export interface CostCase {
  readonly operation: Operation;
  /** Whose rates these are: Amazon's of today, or its reference document's. */
  readonly profile: 'today' | 'document';
  readonly rate: number;
  readonly burst: number;
  /** Bytes that a watch's row has at least. */
  readonly headBytes: number;
  readonly items: number;
}

export interface Measured extends Taken {
  readonly of: CostCase;
  readonly meanRowBytes: number;
  /** A minute's ticks of all schedules, with nothing to do. */
  readonly minute: Usage;
}

const STAGE = 'bench';
const ACCOUNT = 'seller';
/** Enough changes to know what one costs, also of few items; the prices count one in a hundred polls. */
const POLLS_PER_CHANGE = 20;
/** Polled before the measurement, so that every function is warm. */
const WARM_UP_ITEMS = 40;
const IDLE_TICKS = 5;
const PLANNER = 'PriceChecks/Planner/Function';
/** Two planners and the reconciler. */
const SCHEDULES = 3;
const PADDING_BYTES = '"padding":"",'.length;

/** Runs one case on a local cloud of its own. */
export async function measureCase(of: CostCase, folder: string): Promise<Measured> {
  const items = Array.from({ length: WARM_UP_ITEMS + of.items }, (_, index) => `B0${String(index).padStart(8, '0')}`);
  const rates = { [of.operation]: { rate: of.rate, burst: of.burst } };
  const seeder = `${ACCOUNT}-seeder`;
  const seller = { sellerId: 'A1SELLER', marketplaces: [MARKETPLACE] };
  const endings: (() => Promise<void>)[] = [];
  try {
    const simulator = await startSimulator({
      pkiDir: join(folder, 'upstreams'),
      offerStatus: { accounts: [], titles: [] },
      pricing: {
        accounts: [
          { ...seller, name: ACCOUNT, rates },
          { ...seller, name: seeder, rates: { [of.operation]: { rate: 1_000, burst: 1_000 } } },
        ],
        items: items.map((asin) => ({ marketplaceId: MARKETPLACE, asin, sku: `SKU-${asin}`, account: ACCOUNT })),
        tempo: 0,
        latency: LATENCY,
      },
    });
    endings.push(() => simulator.stop());
    const config = join(folder, 'config');
    mkdirSync(config);
    writeFileSync(
      join(config, `${STAGE}.json`),
      JSON.stringify({
        removalPolicy: 'destroy',
        // They run once at the start; after that the bench is their clock.
        schedules: { plan: 'rate(9 minutes)', reconcile: 'rate(60 minutes)' },
        polling: { backlogSeconds: 600 },
        pricing: {
          baseUrl: simulator.pricingUrl,
          tokenUrl: simulator.tokenUrl,
          offersOperations: { asin: 'getItemOffersBatch' },
          // What has been polled stays polled.
          minLapSeconds: { new: 86_400, steady: 86_400 },
          accounts: {
            [ACCOUNT]: {
              marketplaces: [MARKETPLACE],
              rates: { [of.operation]: { perSecond: of.rate, burst: of.burst } },
            },
          },
        },
      }),
    );
    const assembly = join(folder, 'cdk.out');
    await synthesise(STAGE, assembly, { config });
    const settings = loadSettings(STAGE, { directory: config }).runtime;
    const engine = await startDynamoDb(join(folder, 'dynamodb'), undefined);
    endings.push(() => engine.stop());
    const proxy = await startMeteringProxy(engine.url);
    endings.push(() => proxy.stop());
    const meter = new UsageMeter(proxy);
    const cloud = await createCloud({
      assembly,
      dataDir: join(folder, 'cloud'),
      engines: { dynamodbUrl: proxy.url },
      secrets: {
        [pricingSecretName(STAGE, ACCOUNT, settings.pricing.accounts[ACCOUNT])]: simulator.pricingCredentials(ACCOUNT),
      },
      onCall: (call) => meter.call(call),
      onInvocation: (info) => meter.invocation(info),
      onEvent: (event) => meter.event(event),
      onLog: ({ functionId, text }) => meter.log(functionId, text),
    });
    endings.push(() => cloud.stop());
    meter.open(cloud);
    await cloud.start();
    // Each schedule fires once when it is made. What is put on the list before that would be planned half.
    await meter.until(({ invocations }) => invocations >= SCHEDULES);

    const put = (some: readonly string[], watchClass: WatchClass, change: (row: SeededRow) => SeededRow) =>
      seedPrices({
        cloud,
        settings,
        credentials: simulator.pricingCredentials(seeder),
        watches: some.map((item) => benchWatch(ACCOUNT, of.operation, item)),
        watchClass,
        change,
      });
    // Another lap than the one to be measured. One change is enough to start the publisher.
    await put(items.slice(0, WARM_UP_ITEMS), 'new', staleRow(of.headBytes, everyNth(WARM_UP_ITEMS)));
    await tick(cloud, PLANNER);
    await meter.until(({ polled, events }) => polled >= WARM_UP_ITEMS && events > 0);

    let rowBytes = 0;
    const change = staleRow(of.headBytes, everyNth(POLLS_PER_CHANGE));
    await put(items.slice(WARM_UP_ITEMS), 'steady', (row) => {
      const changed = change(row);
      rowBytes += Buffer.byteLength(JSON.stringify(changed));
      return changed;
    });
    await meter.take();
    await tick(cloud, PLANNER);
    await meter.until(({ polled, changes, published }) => polled >= of.items && published >= changes);
    const polling = await meter.take();

    const { minute, plannerTick } = await idleMinute(cloud, meter);
    // The one that planned it all is among the minute's ticks.
    const usage = addUsage(polling.usage, scaleUsage(plannerTick, -1));
    return { of, meanRowBytes: Math.round(rowBytes / of.items), ...polling, usage, minute };
  } finally {
    for (const end of endings.reverse()) await end();
  }
}

/** A minute's part of every schedule with nothing to do, and one tick of the planner. */
async function idleMinute(cloud: Cloud, meter: UsageMeter): Promise<{ minute: Usage; plannerTick: Usage }> {
  const { plan, reconcile } = loadSettings('prod').schedules;
  const ticks = [
    { target: PLANNER, expression: plan },
    { target: 'TitleChecks/Planner/Function', expression: plan },
    { target: 'ChangePublishing/RepublishChanges/Function', expression: reconcile },
  ];
  let minute = NO_USAGE;
  let plannerTick = NO_USAGE;
  for (const { target, expression } of ticks) {
    await tick(cloud, target);
    await meter.take();
    for (let times = 0; times < IDLE_TICKS; times += 1) await tick(cloud, target);
    const one = scaleUsage((await meter.take()).usage, 1 / IDLE_TICKS);
    if (target === PLANNER) plannerTick = one;
    minute = addUsage(minute, scaleUsage({ ...one, schedulerInvocations: 1 }, 1 / minutesBetweenRuns(expression)));
  }
  return { minute, plannerTick };
}

async function tick(cloud: Cloud, target: string): Promise<void> {
  const result = await cloud.invoke(target, {});
  if (result.outcome !== 'success') throw new Error(`${target} failed: ${result.error.errorMessage}`);
}

/** True the first time and at every n-th from there. */
function everyNth(n: number): () => boolean {
  let times = 0;
  return () => times++ % n === 0;
}

/** Makes a row as large as wanted, and its prices a dollar dearer where it is chosen; one without a price is not. */
function staleRow(headBytes: number, isChosen: () => boolean): (row: SeededRow) => SeededRow {
  return (row) => {
    const missing = headBytes - Buffer.byteLength(JSON.stringify(row)) - PADDING_BYTES;
    const padded = missing > 0 ? { ...row, padding: 'x'.repeat(missing) } : row;
    if (!/"(listing|landed)":"\d/.test(JSON.stringify(row.state)) || !isChosen()) return padded;
    const text = JSON.stringify(row.state).replaceAll(
      /"(listing|landed)":"(\d+)/g,
      (_, name: string, dollars: string) => `"${name}":"${Number(dollars) + 1}`,
    );
    return { ...padded, state: JSON.parse(text) as SeededRow['state'] };
  };
}
