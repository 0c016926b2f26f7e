/**
 * Runs this project in a process of its own, driven by the same messages as the other clients: the synthesised stack on the
 * local cloud. Nothing in it knows that it is being measured.
 */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import { loadSettings } from '../../config/settings.ts';
import type { SellingCredentials } from '../../lambdas/pricing/selling-credentials.ts';
import { pricingSecretName } from '../../lambdas/shared/settings.ts';
import { createCloud } from '../../local/cloud/cloud.ts';
import type { PeerMessage } from './peer-messages.ts';
import type { Operation } from './scenarios.ts';
import { benchWatch, seedPrices } from '../seed-prices.ts';

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
const WORKER = 'PriceChecks/Worker/Function';
const PROGRESS_MS = 500;

const [job] = (await once(process, 'message')) as [OursJob];
const settings = loadSettings(job.stage, { directory: job.config }).runtime;
const watchOf = (item: string) => benchWatch(job.account, job.operation, item);
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

// The other clients are loaded when their time begins, and so are the functions here: the planner has run as it does every
// minute, and the worker has seen a message that is none. Neither has read a secret or fetched a token.
await cloud.start();
await planned.promise;
await cloud.invoke(WORKER, {
  Records: [
    {
      messageId: 'warm-up',
      receiptHandle: 'none',
      body: 'no slice',
      attributes: { ApproximateReceiveCount: '1', MessageGroupId: 'warm-up' },
    },
  ],
});
await seedPrices({ cloud, settings, credentials: job.seeder, watches: job.items.map(watchOf) });
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
