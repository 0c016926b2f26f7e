/**
 * Runs this project in a process of its own, driven by the same messages as the other clients: the synthesised stack on the
 * local cloud, with its planner at work and its worker cold. Nothing in it knows that it is being measured.
 */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { BatchWriteCommand } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod';
import { loadSettings } from '../../config/settings.ts';
import { pricesAfter } from '../../lambdas/pricing/prices.ts';
import { createPricingClient } from '../../lambdas/pricing/pricing.client.ts';
import { readPrice } from '../../lambdas/pricing/read-price.ts';
import { sellingClients } from '../../lambdas/pricing/selling-clients.ts';
import type { SellingCredentials } from '../../lambdas/pricing/selling-credentials.ts';
import { systemClock } from '../../lambdas/shared/clock.ts';
import { connectDatabase } from '../../lambdas/shared/database.ts';
import { lapOf } from '../../lambdas/shared/laps/slice.ts';
import { createLwaClient } from '../../lambdas/shared/lwa/lwa.client.ts';
import { pricingSecretName } from '../../lambdas/shared/settings.ts';
import { priceWatchId, type PriceWatch } from '../../lambdas/shared/watches.ts';
import { createCloud } from '../../local/cloud/cloud.ts';
import { inLanes } from '../../local/watches/lanes.ts';
import type { PeerMessage } from './peer-messages.ts';
import { MARKETPLACE, type Operation, packsOf } from './scenarios.ts';

export interface OursJob {
  /** The synthesised stack, and the folder of the stage file it was made of. */
  readonly assembly: string;
  readonly config: string;
  readonly stage: string;
  /** Name of the one selling account. */
  readonly account: string;
  readonly credentials: SellingCredentials;
  /** Another application's access to the same account, for what goes before. */
  readonly seeder: SellingCredentials;
  /** Where tables and queues may live. */
  readonly folder: string;
  readonly operation: Operation;
  readonly items: readonly string[];
  readonly limitMs: number;
}

const PLANNER = 'PriceChecks/Planner/Function';
const REQUESTS_SIDE_BY_SIDE = 8;
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
let answered = 0;
const times: { startedAt?: number; lastAnswerAt?: number } = {};
const errors: Record<string, number> = {};

/** A worker's log tells of each slice how its watches fared, in the moment in which it has done with it. */
const SliceLine = z.object({
  message: z.object({
    message: z.literal('slice'),
    visits: z.object({ unchanged: z.number().default(0), recorded: z.number().default(0) }),
  }),
});

function readLog(text: string): void {
  if (!text.includes('"slice"')) return;
  const line = SliceLine.safeParse(JSON.parse(text));
  if (!line.success) return;
  const { unchanged, recorded } = line.data.message.visits;
  answered += unchanged + recorded;
  times.lastAnswerAt = Date.now();
}

function blame(text: string): void {
  errors[text] = (errors[text] ?? 0) + 1;
}

function tell(kind: PeerMessage['kind']): Promise<void> {
  const message: PeerMessage = { kind, answered, errors, ...times };
  return new Promise((resolve) => process.send?.(message, () => resolve()));
}

const planned = Promise.withResolvers<undefined>();
const cloud = await createCloud({
  assembly: job.assembly,
  dataDir: job.folder,
  secrets: {
    [pricingSecretName(job.stage, job.account, settings.pricing.accounts[job.account])]: job.credentials,
  },
  onRefusal: blame,
  onLog: ({ text }) => readLog(text),
  onInvocation({ functionId, outcome, error }) {
    if (functionId.includes('PriceChecksPlanner')) planned.resolve(undefined);
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
while (answered < job.items.length && Date.now() < end) await sleep(50);
clearInterval(progress);
await tell('done');
process.disconnect();

/**
 * Puts the watches on the list as they are when they have been seen before: nothing has changed since, as is so with
 * nearly every poll, so the engines on this machine are no part of what is measured.
 */
async function fill(): Promise<void> {
  const client = new DynamoDBClient({
    endpoint: cloud.endpoints.dynamodb,
    region: cloud.region,
    credentials: cloud.credentials,
  });
  const database = connectDatabase(client);
  const tableName = cloud.physicalId('WatchTables/Watches');
  const { tokenUrl, timeoutMs } = settings.pricing;
  const secret = { read: () => Promise.resolve(job.seeder), refresh: () => Promise.resolve(job.seeder) };
  const accounts = sellingClients(settings, secret, systemClock, {
    requestToken: createLwaClient({ tokenUrl, timeoutMs }),
    createClient: createPricingClient,
  });
  await inLanes(packsOf(job.items), REQUESTS_SIDE_BY_SIDE, async (items) => {
    const watches = new Map(items.map(watchOf).map((watch) => [priceWatchId(watch), watch]));
    const bucketId = accounts.bucketOf(watchOf(items[0]!))!;
    const { answers, sentAt } = await accounts.ask(accounts.bucket(bucketId)!, watches, () => undefined);
    const seenAt = new Date(sentAt).toISOString();
    const rows = [...watches].map(([watchId, watch]) => {
      const answer = answers.get(watchId);
      const read = answer?.kind === 'item' ? readPrice(answer, watch, { sellerId: undefined }) : undefined;
      if (read?.kind !== 'price') throw new Error(`${watchId} has no price to begin with`);
      const state = pricesAfter(null, read.reading);
      const lap = lapOf(bucketId, 'steady');
      return { watchId, bucketId, lap, state, version: 1, sentAt, addedAt: seenAt, observedAt: seenAt };
    });
    await database.send(
      new BatchWriteCommand({ RequestItems: { [tableName]: rows.map((Item) => ({ PutRequest: { Item } })) } }),
    );
  });
  client.destroy();
}
