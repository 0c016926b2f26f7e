import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { ScanCommand, type DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectDatabase } from '../../lambdas/shared/database.ts';
import { startDynamoDb } from '../../local/cloud/dynamodb-engine.ts';

export interface EngineTables {
  readonly database: DynamoDBDocumentClient;
  /** Calls sent so far, by command. */
  readonly calls: () => Record<string, number>;
  stop(): Promise<void>;
}

const S = 'S' as const;
const index = (name: string, hash: string, range: string, projection: 'KEYS_ONLY' | 'ALL' = 'KEYS_ONLY') => ({
  IndexName: name,
  KeySchema: [
    { AttributeName: hash, KeyType: 'HASH' as const },
    { AttributeName: range, KeyType: 'RANGE' as const },
  ],
  Projection: { ProjectionType: projection },
});

/** The stack's tables, named Watches, History, Buckets, Requests and Entitlements, on the real local engine in a fresh folder. */
export async function startEngineTables(): Promise<EngineTables> {
  const directory = await mkdtemp(join(tmpdir(), 'offer-relay-tables-'));
  const engine = await startDynamoDb(directory, undefined);
  const client = new DynamoDBClient({
    endpoint: engine.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  });
  const counts: Record<string, number> = {};
  client.middlewareStack.add(
    (next, context) => (args) => {
      const name = String(context['commandName']);
      counts[name] = (counts[name] ?? 0) + 1;
      return next(args);
    },
    { step: 'initialize' },
  );
  await client.send(
    new CreateTableCommand({
      TableName: 'Watches',
      BillingMode: 'PAY_PER_REQUEST',
      KeySchema: [{ AttributeName: 'watchId', KeyType: 'HASH' }],
      AttributeDefinitions: ['watchId', 'lap'].map((AttributeName) => ({ AttributeName, AttributeType: S })),
      GlobalSecondaryIndexes: [index('lap', 'lap', 'watchId')],
    }),
  );
  await client.send(
    new CreateTableCommand({
      TableName: 'History',
      BillingMode: 'PAY_PER_REQUEST',
      KeySchema: [
        { AttributeName: 'watchId', KeyType: 'HASH' },
        { AttributeName: 'version', KeyType: 'RANGE' },
      ],
      AttributeDefinitions: [
        { AttributeName: 'watchId', AttributeType: 'S' },
        { AttributeName: 'version', AttributeType: 'N' },
        { AttributeName: 'unpublished', AttributeType: 'S' },
        { AttributeName: 'observedAt', AttributeType: 'S' },
      ],
      GlobalSecondaryIndexes: [index('unpublished', 'unpublished', 'observedAt')],
    }),
  );
  await client.send(
    new CreateTableCommand({
      TableName: 'Buckets',
      BillingMode: 'PAY_PER_REQUEST',
      KeySchema: [{ AttributeName: 'bucketId', KeyType: 'HASH' }],
      AttributeDefinitions: [{ AttributeName: 'bucketId', AttributeType: 'S' }],
    }),
  );
  await client.send(
    new CreateTableCommand({
      TableName: 'Requests',
      BillingMode: 'PAY_PER_REQUEST',
      KeySchema: [{ AttributeName: 'requestId', KeyType: 'HASH' }],
      AttributeDefinitions: [{ AttributeName: 'requestId', AttributeType: 'S' }],
    }),
  );
  await client.send(
    new CreateTableCommand({
      TableName: 'Entitlements',
      BillingMode: 'PAY_PER_REQUEST',
      KeySchema: [
        { AttributeName: 'owner', KeyType: 'HASH' },
        { AttributeName: 'part', KeyType: 'RANGE' },
      ],
      AttributeDefinitions: [
        { AttributeName: 'owner', AttributeType: 'S' },
        { AttributeName: 'part', AttributeType: 'S' },
        { AttributeName: 'open', AttributeType: 'S' },
        { AttributeName: 'since', AttributeType: 'N' },
      ],
      GlobalSecondaryIndexes: [index('open', 'open', 'since', 'ALL')],
    }),
  );
  return {
    database: connectDatabase(client),
    calls: () => ({ ...counts }),
    async stop() {
      client.destroy();
      await engine.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Every row of a table. */
export async function rowsOf(database: DynamoDBDocumentClient, table: string): Promise<Record<string, unknown>[]> {
  const rows: Record<string, unknown>[] = [];
  let ExclusiveStartKey: Record<string, unknown> | undefined;
  do {
    const page = await database.send(new ScanCommand({ TableName: table, ExclusiveStartKey, ConsistentRead: true }));
    rows.push(...(page.Items ?? []));
    ExclusiveStartKey = page.LastEvaluatedKey;
  } while (ExclusiveStartKey);
  return rows;
}
