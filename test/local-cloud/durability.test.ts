import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { awsClient } from '../../local/cloud/aws-call.ts';
import type { BusEvent } from '../../local/cloud/cloud.ts';
import { lockDataDirectory } from '../../local/cloud/data-directory.ts';
import { startSqs } from '../../local/cloud/sqs-engine.ts';
import { startChild } from './child-process.ts';
import {
  cloudOf,
  collector,
  reportingFunction,
  temporaryDirectory,
  writeAssembly,
  type AssemblyParts,
} from './hand-written-assembly.ts';

function parts(respond = '', source: object = {}): AssemblyParts {
  return {
    resources: {
      Table: {
        Type: 'AWS::DynamoDB::Table',
        Properties: {
          AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
          KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
          BillingMode: 'PAY_PER_REQUEST',
          StreamSpecification: { StreamViewType: 'NEW_IMAGE' },
        },
      },
      Source: {
        Type: 'AWS::Lambda::EventSourceMapping',
        Properties: {
          EventSourceArn: { 'Fn::GetAtt': ['Table', 'StreamArn'] },
          FunctionName: { Ref: 'Reader' },
          StartingPosition: 'TRIM_HORIZON',
          BatchSize: 1,
          ...source,
        },
      },
    },
    functions: { Reader: { code: reportingFunction(respond), properties: { Timeout: 60 } } },
    template: { Outputs: { Table: { Value: { Ref: 'Table' } } } },
  };
}

function tableOf(at: { endpoints?: { dynamodb: string }; outputs?: Readonly<Record<string, string>> }) {
  const dynamodb = awsClient(at.endpoints!.dynamodb, 'DynamoDB_20120810');
  onTestFinished(() => dynamodb.close());
  const TableName = at.outputs!['Table']!;
  return {
    put: (pk: string) => dynamodb.call('PutItem', { TableName, Item: { pk: { S: pk } } }),
    transact: (...pks: string[]) =>
      dynamodb.call('TransactWriteItems', {
        TransactItems: pks.map((pk) => ({ Put: { TableName, Item: { pk: { S: pk } } } })),
      }),
    keys: async () => {
      const { Items } = await dynamodb.call<{ Items: { pk: { S: string } }[] }>('Scan', { TableName });
      return new Set(Items.map(({ pk }) => pk.S));
    },
  };
}

/** Waits for the end of the engine whose parent has been killed: its command line names the data directory. */
const untilGone = (dataDir: string) =>
  patiently(() =>
    readdirSync('/proc').filter((pid) => {
      try {
        return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`${dataDir}/dynamodb`);
      } catch {
        return false;
      }
    }),
  ).toEqual([]);

/** Polls for as long as a busy machine may take. */
const patiently = <T>(work: () => T) => expect.poll(work, { timeout: 20_000 });

/** Keys of the stream records that the function says it was given, in order. */
const keysIn = (events: BusEvent[]) =>
  events.flatMap(({ detail }) =>
    (detail['event'] as { Records: { dynamodb: { Keys: { pk: { S: string } } } }[] }).Records.map(
      ({ dynamodb }) => dynamodb.Keys.pk.S,
    ),
  );

test('whatever the tables have acknowledged is there after a kill in the midst of writing', async () => {
  const dataDir = temporaryDirectory();
  const child = await startChild({ dataDir, assembly: writeAssembly(parts()) });
  const table = tableOf(child.ready);
  const acknowledged: string[] = [];
  const enough = Promise.withResolvers<true>();
  const writer = async (name: string) => {
    for (let n = 0; ; n++) {
      const pks = [`${name}-${n}-a`, `${name}-${n}-b`];
      await (n % 2 === 0 ? table.transact(...pks) : table.put(pks[0]!));
      acknowledged.push(...(n % 2 === 0 ? pks : [pks[0]!]));
      if (acknowledged.length > 100) enough.resolve(true);
    }
  };
  const writers = ['x', 'y', 'z'].map((name) => writer(name).catch(() => undefined));
  await enough.promise;
  await child.kill();
  await Promise.all(writers);
  await untilGone(dataDir);

  const kept = await tableOf(await cloudOf(parts(), { dataDir })).keys();
  expect(acknowledged.filter((pk) => !kept.has(pk))).toEqual([]);
  // Of a transaction there is all or nothing.
  for (const pk of kept) if (pk.endsWith('-b')) expect(kept).toContain(pk.replace(/b$/, 'a'));
});

test('a stream goes on with the record that a kill cut off, and with none that was done', async () => {
  const dataDir = temporaryDirectory();
  const hangs = `if (event.Records[0].dynamodb.Keys.pk.S === '3') await new Promise((done) => setTimeout(done, 50_000));`;
  const child = await startChild({ dataDir, assembly: writeAssembly(parts(hangs)), start: true });
  for (const pk of ['1', '2', '3', '4']) await tableOf(child.ready).put(pk);
  expect(keysIn(await child.events.until(3))).toEqual(['1', '2', '3']);
  await child.kill();
  await untilGone(dataDir);

  const seen = collector<BusEvent>();
  const cloud = await cloudOf(parts(), { dataDir, onEvent: (event) => seen.add(event) });
  await cloud.start();
  expect(keysIn(await seen.until(2))).toEqual(['3', '4']);
});

test('a source that starts at the latest record loses none to a kill before its first batch is done', async () => {
  const dataDir = temporaryDirectory();
  const latest = (respond = '') => parts(respond, { StartingPosition: 'LATEST' });
  const early = await cloudOf(latest(), { dataDir });
  await tableOf(early).put('before');
  await early.stop();
  const child = await startChild({
    dataDir,
    assembly: writeAssembly(latest('await new Promise((done) => setTimeout(done, 50_000));')),
    start: true,
  });
  // Its place is noted down before it reads.
  const checkpoints = join(dataDir, 'checkpoints');
  await patiently(() => readdirSync(checkpoints, { recursive: true }).length).toBe(1);
  await tableOf(child.ready).put('after');
  expect(keysIn(await child.events.until(1))).toEqual(['after']);
  await child.kill();
  await untilGone(dataDir);

  const seen = collector<BusEvent>();
  const cloud = await cloudOf(latest(), { dataDir, onEvent: (event) => seen.add(event) });
  await cloud.start();
  expect(keysIn(await seen.until(1))).toEqual(['after']);
});

test.each(['', '{"shard', 'null', '{"shard":1}'])(
  'records are read again where a checkpoint holds %o',
  async (content) => {
    const dataDir = temporaryDirectory();
    const first = collector<BusEvent>();
    const cloud = await cloudOf(parts('', { StartingPosition: 'LATEST' }), {
      dataDir,
      onEvent: (event) => first.add(event),
    });
    await cloud.start();
    const directory = join(dataDir, 'checkpoints');
    await patiently(() => readdirSync(directory).length).toBe(1);
    await tableOf(cloud).put('1');
    await first.until(1);
    await cloud.stop();
    for (const file of readdirSync(directory)) writeFileSync(join(directory, file), content);

    const seen = collector<BusEvent>();
    const again = await cloudOf(parts('', { StartingPosition: 'LATEST' }), {
      dataDir,
      onEvent: (event) => seen.add(event),
    });
    await again.start();
    expect(keysIn(await seen.until(1))).toEqual(['1']);
  },
);

test.each(['', '{"pid":', 'null', '{}', '{"pid":"1"}', '{"pid":0,"started":"unknown"}'])(
  'a data directory whose owner is written as %o is free',
  (content) => {
    const dataDir = temporaryDirectory();
    const file = join(dataDir, 'in-use-by.json');
    writeFileSync(file, content);
    const release = lockDataDirectory(dataDir);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ pid: process.pid });
    expect(() => lockDataDirectory(dataDir)).toThrow(`in use by process ${process.pid}`);
    release();
  },
);

test('a file of messages that is no database is one clear error', async () => {
  const dataDir = temporaryDirectory();
  const file = join(dataDir, 'sqs', 'fauxqs.db');
  const engine = await startSqs(dataDir, undefined);
  await engine.stop();
  writeFileSync(file, 'half a file that is no database, and long enough to be read as one, or so it seems');
  await expect(startSqs(dataDir, undefined)).rejects.toThrow(/fauxqs\.db cannot be opened: .*Move it away/);
});
