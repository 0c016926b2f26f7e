/**
 * Runs this project in a process of its own, driven by the same messages as the other clients: the synthesised stack on the
 * local cloud, with its planner at work and its worker cold. Nothing in it knows that it is being measured.
 */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { loadSettings } from '../../config/settings.ts';
import { pricingAccounts } from '../../lambdas/pricing/pricing-accounts.ts';
import { systemClock } from '../../lambdas/shared/clock.ts';
import { connectDatabase } from '../../lambdas/shared/database.ts';
import { pricingSecretName } from '../../lambdas/shared/settings.ts';
import { priceWatchId, type PriceWatch } from '../../lambdas/shared/watches.ts';
import { WatchStore } from '../../lambdas/shared/watches.store.ts';
import { createCloud, type ServiceCall } from '../../local/cloud/cloud.ts';
import { inLanes } from '../../local/watches/lanes.ts';
import type { PeerMessage } from './peer-messages.ts';
import { MARKETPLACE, type Operation } from './scenarios.ts';

export interface OursJob {
  /** The synthesised stack, and the folder of the stage file it was made of. */
  readonly assembly: string;
  readonly config: string;
  readonly stage: string;
  /** Name of the one selling account. */
  readonly account: string;
  readonly credentials: object;
  /** Where tables and queues may live. */
  readonly folder: string;
  readonly operation: Operation;
  readonly items: readonly string[];
  readonly limitMs: number;
}

const PLANNER = 'PriceChecks/Planner/Function';
const WRITES_SIDE_BY_SIDE = 25;
const PROGRESS_MS = 500;

const [job] = (await once(process, 'message')) as [OursJob];
const settings = loadSettings(job.stage, { directory: job.config }).runtime;
const watchOf = (item: string): PriceWatch => ({
  account: job.account,
  view: job.operation === 'getPricing' ? 'own' : 'offers',
  marketplaceId: MARKETPLACE,
  itemType: 'asin',
  condition: job.operation === 'getPricing' ? 'Any' : 'New',
  customerType: 'Consumer',
  item,
});
const missing = new Set(job.items.map((item) => priceWatchId(watchOf(item))));
const times: { startedAt?: number; lastAnswerAt?: number } = {};
const errors: Record<string, number> = {};

/** A first sight is a change, so each watch whose item has been answered is recorded. */
function seeCall({ operation, input }: ServiceCall): void {
  if (operation !== 'TransactWriteItems') return;
  for (const { Put } of (input as { TransactItems: { Put?: { Item: Row } }[] }).TransactItems) {
    if (Put === undefined || !missing.delete(Put.Item.watchId.S)) continue;
    times.lastAnswerAt = Math.max(times.lastAnswerAt ?? 0, Date.parse(Put.Item.observedAt.S));
  }
}

/** A row of the history, on the wire. */
interface Row {
  readonly watchId: { readonly S: string };
  /** When the answer was understood. */
  readonly observedAt: { readonly S: string };
}

function blame(text: string): void {
  errors[text] = (errors[text] ?? 0) + 1;
}

function tell(kind: PeerMessage['kind']): Promise<void> {
  const message: PeerMessage = { kind, answered: job.items.length - missing.size, errors, ...times };
  return new Promise((resolve) => process.send?.(message, () => resolve()));
}

const planned = Promise.withResolvers<void>();
const cloud = await createCloud({
  assembly: job.assembly,
  dataDir: job.folder,
  secrets: {
    [pricingSecretName(job.stage, job.account, settings.pricing.accounts[job.account])]: job.credentials,
  },
  onCall: seeCall,
  onRefusal: blame,
  onInvocation({ functionId, outcome, error }) {
    if (functionId.includes('PriceChecksPlanner')) planned.resolve();
    if (outcome !== 'success') blame(`${functionId}: ${error?.errorMessage ?? outcome}`);
  },
});
process.on('SIGINT', () => undefined);
process.on('disconnect', () => void cloud.stop().then(() => process.exit()));

// As on AWS, where it has run every minute before there was anything to do, the planner is warm.
await cloud.start();
await planned.promise;
await fill();
await tell('ready');
await once(process, 'message');
times.startedAt = Date.now();
const progress = setInterval(() => void tell('progress'), PROGRESS_MS);
const end = Date.now() + job.limitMs;
await cloud.invoke(PLANNER, {});
while (missing.size > 0 && Date.now() < end) await sleep(50);
clearInterval(progress);
await tell('done');
process.disconnect();

async function fill(): Promise<void> {
  const client = new DynamoDBClient({
    endpoint: cloud.endpoints.dynamodb,
    region: cloud.region,
    credentials: cloud.credentials,
  });
  const store = new WatchStore(connectDatabase(client), cloud.physicalId('WatchTables/Watches'), systemClock);
  const account = pricingAccounts(settings.pricing).find(({ name }) => name === job.account)!;
  await inLanes(job.items.map(watchOf), WRITES_SIDE_BY_SIDE, async (watch) => {
    const bucketId = account.bucketOf(watch.view, watch.itemType).id;
    await store.add({ watchId: priceWatchId(watch), bucketId });
  });
  client.destroy();
}
