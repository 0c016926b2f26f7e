import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectDatabase } from '../../lambdas/shared/database.ts';
import { startDynamoDb } from '../../local/cloud/dynamodb-engine.ts';

export const TABLE = 'Entitlements';
export const CREDENTIALS = { accessKeyId: 'local', secretAccessKey: 'local' };
export const REGION = 'us-east-1';

/** The table Entitlements on the real local engine, in a fresh folder. */
export async function startCatalogueTable() {
  const directory = await mkdtemp(join(tmpdir(), 'offer-relay-catalogue-'));
  const engine = await startDynamoDb(directory, undefined);
  const client = new DynamoDBClient({ endpoint: engine.url, region: REGION, credentials: CREDENTIALS });
  const calls: Record<string, number> = {};
  client.middlewareStack.add(
    (next, context) => (args) => {
      const name = String(context['commandName']);
      calls[name] = (calls[name] ?? 0) + 1;
      return next(args);
    },
    { step: 'initialize' },
  );
  await client.send(
    new CreateTableCommand({
      TableName: TABLE,
      BillingMode: 'PAY_PER_REQUEST',
      KeySchema: [
        { AttributeName: 'owner', KeyType: 'HASH' },
        { AttributeName: 'part', KeyType: 'RANGE' },
      ],
      AttributeDefinitions: [
        { AttributeName: 'owner', AttributeType: 'S' },
        { AttributeName: 'part', AttributeType: 'S' },
      ],
    }),
  );
  const database: DynamoDBDocumentClient = connectDatabase(client);
  return {
    url: engine.url,
    database,
    /** Calls of a command sent so far by `database`. */
    calls: (command: string): number => calls[command] ?? 0,
    async stop(): Promise<void> {
      client.destroy();
      await engine.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
