import { fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DeleteMessageBatchCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { BatchWriteCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod';
import type { Account } from '../lambdas/offer-status/offer-status-accounts.ts';
import { connectDatabase } from '../lambdas/shared/database.ts';
import { lapOf, Slice } from '../lambdas/shared/laps/slice.ts';
import { BucketStore, lastReservation } from '../lambdas/shared/pacer/buckets.store.ts';
import { learnedRate } from '../lambdas/shared/pacer/rate.ts';
import { titleWatchId } from '../lambdas/shared/watches.ts';
import { createCloud, type InvocationInfo } from '../local/cloud/cloud.ts';
import { startDynamoDb } from '../local/cloud/dynamodb-engine.ts';
import type { HandlerRun } from './handler-process.ts';
import { type Meter, startMeteringProxy } from './metering-proxy.ts';

const PLANNER = 'TitleChecks/Planner/Function';
const ROWS_PER_CALL = 25;
const CALLS_IN_FLIGHT = 8;
const PROGRESS_ROWS = 25_000;

/** Half of the watches have not been seen yet; the planner goes through both laps of a bucket side by side. */
const CLASSES = ['new', 'steady'] as const;

export interface StandOptions {
  /** The synthesised stack. */
  readonly assembly: string;
  /** Where its tables and queues may live. */
  readonly folder: string;
  readonly accounts: readonly Account[];
  readonly watchesPerAccount: number;
  readonly signal: AbortSignal;
}

export interface Run {
  readonly durationMs: number;
  readonly cold: boolean;
  /** MiB, of whatever the place of the run can tell. */
  readonly memoryMb: number;
}

/** What one run of the planner did and took. */
export interface Tick extends Run, Meter {
  readonly planned: number;
  readonly slices: number;
}

/** A planner with a full watch list, whose workers are played: whatever it plans counts as started before the next tick. */
export interface PlannerStand {
  /** What the template grants the planner. */
  readonly limits: { readonly memoryMb: number; readonly timeoutMs: number };
  /** Runs the planner's function on the local cloud. */
  readonly inCloud: () => Promise<Run>;
  /** Starts the planner's bundle as a process of its own, which ends with the stand; returns how to run it there. */
  startProcess(): Promise<() => Promise<Run>>;
  /**
   * One tick from a backlog of nothing.
   *
   * @throws Error when the planner fails, or when what it sent is not just what comes next in each lap
   */
  tick(run: () => Promise<Run>): Promise<Tick>;
  stop(): Promise<void>;
}

/** The planner's part of the template, with every intrinsic function replaced. */
const FunctionProperties = z.object({
  Code: z.object({ S3Key: z.string() }),
  Environment: z.object({ Variables: z.record(z.string(), z.string()) }),
  MemorySize: z.number(),
  Timeout: z.number(),
});

/** Brings up a local cloud of its own and fills its watch list. */
export async function startPlannerStand(options: StandOptions): Promise<PlannerStand> {
  const { folder, assembly, accounts, watchesPerAccount, signal } = options;
  mkdirSync(folder, { recursive: true });
  const endings: (() => Promise<void> | void)[] = [];
  const stop = async (): Promise<void> => {
    for (const end of endings.splice(0).reverse()) await end();
  };
  try {
    return await build();
  } catch (error) {
    await stop();
    throw error;
  }

  async function build(): Promise<PlannerStand> {
    const engine = await startDynamoDb(folder, undefined);
    endings.push(() => engine.stop());
    const proxy = await startMeteringProxy(engine.url);
    endings.push(() => proxy.stop());
    let last: InvocationInfo | undefined;
    let heapMb = NaN;
    const cloud = await createCloud({
      assembly,
      dataDir: join(folder, 'cloud'),
      engines: { dynamodbUrl: proxy.url },
      onInvocation: (info) => (last = info),
      onLog({ text }) {
        const reported = /^REPORT .*Max Memory Used: (\d+) MB/.exec(text)?.[1];
        if (reported !== undefined) heapMb = Number(reported);
      },
    });
    endings.push(() => cloud.stop());
    const client = { region: cloud.region, credentials: cloud.credentials };
    const dynamodb = new DynamoDBClient({ ...client, endpoint: cloud.endpoints.dynamodb });
    const sqs = new SQSClient({ ...client, endpoint: cloud.endpoints.sqs });
    endings.push(() => dynamodb.destroy());
    endings.push(() => sqs.destroy());
    const database = connectDatabase(dynamodb);
    const bucketsTable = cloud.physicalId('WatchTables/Buckets');
    const buckets = new BucketStore(database, bucketsTable);
    const queueUrl = cloud.physicalId('TitleChecks/Queues/Slices');

    const laps = new Map<string, Lap>();
    for (const account of accounts) {
      for (const [half, watchClass] of CLASSES.entries()) {
        const lap = lapOf(account.bucket.id, watchClass);
        laps.set(lap, { watches: watchesOf(account, watchesPerAccount, half), position: 0 });
      }
    }
    await fill(cloud.physicalId('WatchTables/Watches'));

    const planner = [...cloud.resources.values()].find(({ constructPath = '' }) =>
      constructPath.replace(/\/Resource$/, '').endsWith(PLANNER),
    );
    const properties = FunctionProperties.parse(planner?.properties);

    return {
      limits: { memoryMb: properties.MemorySize, timeoutMs: properties.Timeout * 1000 },
      async inCloud() {
        const result = await cloud.invoke(PLANNER, {});
        if (result.outcome !== 'success') throw new Error(`the planner failed: ${result.error.errorMessage}`);
        return { durationMs: last!.durationMs, cold: last!.coldStart, memoryMb: heapMb };
      },
      async startProcess() {
        const bundle = join(assembly, `asset.${properties.Code.S3Key.replace(/\.zip$/, '')}`, 'index.mjs');
        const started = await startProcess(bundle, properties.MemorySize, {
          ...properties.Environment.Variables,
          AWS_REGION: cloud.region,
          AWS_ACCESS_KEY_ID: cloud.credentials.accessKeyId,
          AWS_SECRET_ACCESS_KEY: cloud.credentials.secretAccessKey,
          AWS_ENDPOINT_URL_DYNAMODB: cloud.endpoints.dynamodb,
          AWS_ENDPOINT_URL_SQS: cloud.endpoints.sqs,
        });
        endings.push(started.stop);
        return started.run;
      },
      async tick(run) {
        proxy.take();
        const result = await run();
        const meter = proxy.take();
        const planned = (await Promise.all(accounts.map(startAll))).reduce((sum, requests) => sum + requests, 0);
        return { ...result, ...meter, planned, slices: await drain(planned) };
      },
      stop,
    };

    /** Rows as `WatchStore.add` writes them. */
    async function fill(table: string): Promise<void> {
      const addedAt = new Date().toISOString();
      const rows = [...laps].flatMap(([lap, { watches }]) =>
        watches.map((watchId) => ({ watchId, bucketId: lap.slice(0, lap.lastIndexOf('#')), lap, addedAt })),
      );
      let next = 0;
      const write = async (): Promise<void> => {
        while (next < rows.length) {
          signal.throwIfAborted();
          if (next > 0 && next % PROGRESS_ROWS === 0) console.log(`  ${next} of ${rows.length} watches …`);
          let left: Rows = {
            [table]: rows.slice(next, (next += ROWS_PER_CALL)).map((Item) => ({ PutRequest: { Item } })),
          };
          while (Object.keys(left).length > 0) {
            const { UnprocessedItems = {} } = await database.send(new BatchWriteCommand({ RequestItems: left }));
            left = UnprocessedItems as Rows;
          }
        }
      };
      await Promise.all(Array.from({ length: CALLS_IN_FLIGHT }, write));
    }

    /**
     * Reserves the slots of all that is planned, as the worker of the last slice would, and lets the time pass that
     * sending it takes: the row's laps started so much longer ago. Returns how many requests there were.
     */
    async function startAll({ bucket }: Account): Promise<number> {
      const row = await buckets.read(bucket.id);
      const { planned = 0, started = 0 } = row;
      const now = Date.now();
      const reservation = { slice: `${bucket.id}#${planned}`, start: now, tat: now };
      const write = { ...reservation, ...learnedRate(row, bucket.limit), started: planned };
      if ((await buckets.reserve(bucket.id, write, lastReservation(row))) !== undefined)
        throw new Error(`somebody else works on ${bucket.id}`);
      const passedMs = ((planned - started) / bucket.limit.perSecond) * 1000;
      const aged = Object.entries(row.laps ?? {}).map(([watchClass, lap]) => [
        watchClass,
        { ...lap, startedAt: lap.startedAt - passedMs },
      ]);
      await database.send(
        new UpdateCommand({
          TableName: bucketsTable,
          Key: { bucketId: bucket.id },
          UpdateExpression: 'SET laps = :laps',
          ExpressionAttributeValues: { ':laps': Object.fromEntries(aged) as typeof row.laps },
        }),
      );
      return planned - started;
    }

    /** Takes every slice off the queue and checks that each goes on where its lap stood; returns how many there were. */
    async function drain(planned: number): Promise<number> {
      let slices = 0;
      let requests = 0;
      for (;;) {
        const { Messages = [] } = await sqs.send(
          new ReceiveMessageCommand({ QueueUrl: queueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 0 }),
        );
        if (Messages.length === 0) break;
        for (const { Body = '' } of Messages) {
          const slice = Slice.parse(JSON.parse(Body));
          const lap = laps.get(`${slice.bucket}#${slice.class}`);
          for (const watchId of slice.watches) {
            const expected = lap?.watches[lap.position % lap.watches.length];
            if (lap === undefined || watchId !== expected) throw new Error(`${watchId} is planned out of turn`);
            lap.position += 1;
          }
          slices += 1;
          requests += slice.watches.length;
        }
        const Entries = Messages.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle }));
        await sqs.send(new DeleteMessageBatchCommand({ QueueUrl: queueUrl, Entries }));
      }
      if (requests !== planned) throw new Error(`${planned} requests were planned and ${requests} sent`);
      return slices;
    }
  }
}

interface Lap {
  /** In key order. */
  readonly watches: readonly string[];
  /** Watches that have been planned since the start, over all laps. */
  position: number;
}

type Rows = Record<string, { PutRequest: { Item: Record<string, unknown> } }[]>;

/** One half of an account's watches: titles with identifiers as long and as scattered as real ones. */
function watchesOf({ licensors }: Account, count: number, half: number): string[] {
  const [licensor = ''] = licensors;
  return Array.from({ length: Math.floor(count / CLASSES.length) }, (_, index) => {
    const hash = createHash('sha256').update(`${half} ${index}`).digest('hex').toUpperCase();
    const eidr = (hash.slice(0, 20).match(/.{4}/g) ?? []).join('-');
    return titleWatchId({ licensor, marketplace: 'GLOBAL', alid: `md:alid:eidr-s:${eidr}-${hash.slice(20, 21)}` });
  }).sort();
}

/** As Lambda starts Node: a tenth of the function's memory is for young objects (two halves), the rest for old ones. */
async function startProcess(bundle: string, memoryMb: number, env: Record<string, string>) {
  const young = Math.floor(memoryMb / 10);
  const limits = [`--max-semi-space-size=${Math.floor(young / 2)}`, `--max-old-space-size=${memoryMb - young}`];
  const child = fork(join(import.meta.dirname, 'handler-process.ts'), [bundle], {
    env,
    execArgv: limits,
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  await once(child, 'spawn');
  const exited = once(child, 'exit');
  const gone = exited.then(([code]) => Promise.reject(new Error(`the planner's process ended with ${String(code)}`)));
  gone.catch(() => undefined);
  let cold = true;
  return {
    async run(): Promise<Run> {
      // Where the process is gone already, its exit says so.
      child.send({}, () => undefined);
      const [{ durationMs, peakMb, error }] = (await Promise.race([once(child, 'message'), gone])) as [HandlerRun];
      if (error !== undefined) throw new Error(`the planner failed: ${error}`);
      const run = { durationMs, cold, memoryMb: peakMb };
      cold = false;
      return run;
    },
    stop: async (): Promise<void> => {
      if (child.connected) child.disconnect();
      await exited;
    },
  };
}
