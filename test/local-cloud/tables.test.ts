import {
  DynamoDBClient,
  DescribeTableCommand,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  TransactWriteItemsCommand,
} from '@aws-sdk/client-dynamodb';
import { expect, test } from 'vitest';
import { createCloud, type Cloud } from '../../local/cloud/cloud.ts';
import { cloudOf, temporaryDirectory, writeAssembly, type AssemblyParts } from './hand-written-assembly.ts';

function parts(properties: object = {}, type = 'AWS::DynamoDB::Table'): AssemblyParts {
  return {
    resources: {
      Table: {
        Type: type,
        Properties: {
          AttributeDefinitions: ['pk', 'lap', 'class'].map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
          KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
          BillingMode: 'PAY_PER_REQUEST',
          PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
          GlobalSecondaryIndexes: [
            {
              IndexName: 'lap',
              KeySchema: [
                { AttributeName: 'lap', KeyType: 'HASH' },
                { AttributeName: 'pk', KeyType: 'RANGE' },
              ],
              Projection: { ProjectionType: 'KEYS_ONLY' },
            },
            {
              IndexName: 'class',
              KeySchema: [{ AttributeName: 'class', KeyType: 'HASH' }],
              Projection: { ProjectionType: 'INCLUDE', NonKeyAttributes: ['a'] },
            },
          ],
          ...properties,
        },
      },
    },
    template: { Outputs: { Table: { Value: { Ref: 'Table' } } } },
  };
}

const client = (cloud: Cloud) =>
  new DynamoDBClient({ endpoint: cloud.endpoints.dynamodb, region: cloud.region, credentials: cloud.credentials });
const item = (pk: string, rest: object = {}) => ({
  pk: { S: pk },
  lap: { S: 'l' },
  class: { S: 'c' },
  a: { S: '1' },
  b: { S: '2' },
  ...rest,
});

test('an index holds what its projection says', async () => {
  const cloud = await cloudOf(parts());
  const TableName = cloud.outputs['Table']!;
  await client(cloud).send(new PutItemCommand({ TableName, Item: item('x') }));
  const query = async (IndexName: string, value: string) =>
    (
      await client(cloud).send(
        new QueryCommand({
          TableName,
          IndexName,
          KeyConditionExpression: '#k = :v',
          ExpressionAttributeNames: { '#k': IndexName },
          ExpressionAttributeValues: { ':v': { S: value } },
        }),
      )
    ).Items;
  expect(await query('lap', 'l')).toEqual([{ pk: { S: 'x' }, lap: { S: 'l' } }]);
  expect(await query('class', 'c')).toEqual([{ pk: { S: 'x' }, class: { S: 'c' }, a: { S: '1' } }]);
});

test('an index over a number holds the items that have one, in its order, and loses what no longer has it', async () => {
  const text = (AttributeName: string) => ({ AttributeName, AttributeType: 'S' });
  const cloud = await cloudOf(
    parts({
      AttributeDefinitions: [text('owner'), text('part'), text('open'), { AttributeName: 'since', AttributeType: 'N' }],
      KeySchema: [
        { AttributeName: 'owner', KeyType: 'HASH' },
        { AttributeName: 'part', KeyType: 'RANGE' },
      ],
      GlobalSecondaryIndexes: [
        {
          IndexName: 'open',
          KeySchema: [
            { AttributeName: 'open', KeyType: 'HASH' },
            { AttributeName: 'since', KeyType: 'RANGE' },
          ],
          Projection: { ProjectionType: 'ALL' },
        },
      ],
    }),
  );
  const TableName = cloud.outputs['Table']!;
  const row = (part: string, more: object) => ({ owner: { S: 'o' }, part: { S: part }, ...more });
  const open = (since: string) => ({ open: { S: '3' }, since: { N: since }, more: { S: 'm' } });
  // As texts, they would be in another order.
  for (const since of ['100', '9', '-1', '20.5']) {
    await client(cloud).send(new PutItemCommand({ TableName, Item: row(since, open(since)) }));
  }
  await client(cloud).send(new PutItemCommand({ TableName, Item: row('closed', { since: { N: '5' } }) }));
  const listed = async () =>
    (
      await client(cloud).send(
        new QueryCommand({
          TableName,
          IndexName: 'open',
          KeyConditionExpression: '#open = :shard',
          ExpressionAttributeNames: { '#open': 'open' },
          ExpressionAttributeValues: { ':shard': { S: '3' } },
        }),
      )
    ).Items;
  expect(await listed()).toEqual(['-1', '9', '20.5', '100'].map((since) => row(since, open(since))));

  await client(cloud).send(
    new TransactWriteItemsCommand({
      TransactItems: [
        {
          Update: {
            TableName,
            Key: row('9', {}),
            UpdateExpression: 'REMOVE #open',
            ExpressionAttributeNames: { '#open': 'open' },
          },
        },
      ],
    }),
  );
  expect(await listed()).toEqual(['-1', '20.5', '100'].map((since) => row(since, open(since))));
});

test('a global table of one replica is a table', async () => {
  const cloud = await cloudOf(
    parts(
      {
        Replicas: [{ Region: { Ref: 'AWS::Region' }, PointInTimeRecoverySpecification: {} }],
        PointInTimeRecoverySpecification: undefined,
      },
      'AWS::DynamoDB::GlobalTable',
    ),
  );
  const description = await client(cloud).send(new DescribeTableCommand({ TableName: cloud.outputs['Table']! }));
  expect(description.Table!.GlobalSecondaryIndexes!.map((index) => index.IndexName).sort()).toEqual(['class', 'lap']);
});

test('tables and their items outlast a restart, and a new index is added to them', async () => {
  const dataDir = temporaryDirectory();
  const before = await createCloud({
    enforcement: 'off',
    assembly: writeAssembly(
      parts({ AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }], GlobalSecondaryIndexes: undefined }),
    ),
    dataDir,
  });
  await client(before).send(
    new TransactWriteItemsCommand({
      TransactItems: [{ Put: { TableName: before.outputs['Table']!, Item: item('x') } }],
    }),
  );
  await before.stop();

  const after = await cloudOf(parts(), { dataDir });
  const TableName = after.outputs['Table']!;
  expect((await client(after).send(new GetItemCommand({ TableName, Key: { pk: { S: 'x' } } }))).Item).toEqual(
    item('x'),
  );
  const found = await client(after).send(
    new QueryCommand({
      TableName,
      IndexName: 'lap',
      KeyConditionExpression: 'lap = :l',
      ExpressionAttributeValues: { ':l': { S: 'l' } },
    }),
  );
  expect(found.Items).toHaveLength(1);
});

test('items past their time to live are deleted; texts, far past and future are not', async () => {
  const cloud = await cloudOf(parts({ TimeToLiveSpecification: { AttributeName: 'expires', Enabled: true } }), {
    timeToLiveSweepMs: 50,
  });
  const TableName = cloud.outputs['Table']!;
  const now = Math.floor(Date.now() / 1000);
  const times = {
    past: { N: String(now - 10) },
    future: { N: String(now + 3600) },
    text: { S: String(now - 10) },
    ancient: { N: String(now - 6 * 365 * 86_400) },
  };
  for (const [pk, expires] of Object.entries(times))
    await client(cloud).send(new PutItemCommand({ TableName, Item: item(pk, { expires }) }));
  await cloud.start();
  const there = async (pk: string) =>
    (await client(cloud).send(new GetItemCommand({ TableName, Key: { pk: { S: pk } } }))).Item !== undefined;
  await expect.poll(() => there('past')).toBe(false);
  for (const pk of ['future', 'text', 'ancient']) expect(await there(pk)).toBe(true);
});
