import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { paginateScan, PutCommand, QueryCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import type { Message } from '@aws-sdk/client-sqs';
import {
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { WatchVersion } from '../../lambdas/change-events/history-row.ts';
import type { Offers } from '../../lambdas/offer-status/offers.ts';
import { systemClock } from '../../lambdas/shared/clock.ts';
import { connectDatabase } from '../../lambdas/shared/database.ts';
import { titleWatchId } from '../../lambdas/shared/watches.ts';
import type { WatchHead } from '../../lambdas/shared/watches.store.ts';
import { WatchStore } from '../../lambdas/shared/watches.store.ts';
import { titleOf } from './local-stack.ts';

/** Where a stack's tables and queues are to be found. */
export interface StoredAt {
  readonly region: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  readonly endpoints: { readonly dynamodb: string; readonly sqs: string };
  readonly outputs: Readonly<Record<string, string>>;
  /** Physical id of the one resource whose construct path ends so. */
  physicalId(constructPathSuffix: string): string;
}

/**
 * What a test looks at in the stack's tables and queues.
 *
 * @param room whose slices are meant, as the stack's outputs name it: '' for titles
 */
export function storedIn(cloud: StoredAt, room: '' | 'Price' = '') {
  const access = { region: cloud.region, credentials: cloud.credentials };
  const client = new DynamoDBClient({ ...access, endpoint: cloud.endpoints.dynamodb });
  const database = connectDatabase(client);
  const sqs = new SQSClient({ ...access, endpoint: cloud.endpoints.sqs });
  const watches = new WatchStore<Offers>(database, cloud.physicalId('WatchTables/Watches'), systemClock);
  const history = cloud.physicalId('WatchTables/History');
  const slices = cloud.outputs[`${room}SlicesQueueUrl`];
  const deadLetters = cloud.outputs[`${room}DeadLetterQueueUrl`];
  const rowsOf = async (table: string): Promise<Record<string, unknown>[]> => {
    const rows: Record<string, unknown>[] = [];
    for await (const page of paginateScan({ client: database }, { TableName: table, ConsistentRead: true })) {
      rows.push(...(page.Items ?? []));
    }
    return rows;
  };
  return {
    watches,
    /** Every row of the watch table, of the history and of the buckets, as they are. */
    watchRows: () => rowsOf(cloud.physicalId('WatchTables/Watches')),
    historyRows: () => rowsOf(history),
    bucketRows: () => rowsOf(cloud.physicalId('WatchTables/Buckets')),
    async head(alid: string): Promise<WatchHead<Offers> | undefined> {
      const watchId = titleWatchId(titleOf(alid));
      return (await watches.heads([watchId])).get(watchId);
    },
    async history(alid: string): Promise<WatchVersion[]> {
      const { Items = [] } = await database.send(
        new QueryCommand({
          TableName: history,
          KeyConditionExpression: 'watchId = :watch',
          ExpressionAttributeValues: { ':watch': titleWatchId(titleOf(alid)) },
          ConsistentRead: true,
        }),
      );
      return Items.map((item) => WatchVersion.parse(item));
    },
    /** Marks a version as unpublished, as if its event had been lost long ago. */
    async unpublish(row: WatchVersion, shard: string): Promise<void> {
      await database.send(
        new UpdateCommand({
          TableName: history,
          Key: { watchId: row.watchId, version: row.version },
          UpdateExpression: 'SET unpublished = :shard, observedAt = :long',
          ExpressionAttributeValues: { ':shard': shard, ':long': '2026-01-01T00:00:00.000Z' },
        }),
      );
    },
    /** Makes a thing that is missing as long missing as it has to be. */
    async ageMissing(watchId: string, byMs: number): Promise<void> {
      await database.send(
        new UpdateCommand({
          TableName: cloud.physicalId('WatchTables/Watches'),
          Key: { watchId },
          UpdateExpression: 'SET missingSince = missingSince - :by',
          ExpressionAttributeValues: { ':by': byMs },
        }),
      );
    },
    /** Puts a row into the history that no reader of it understands. */
    async putUnreadable(watchId: string): Promise<void> {
      await database.send(new PutCommand({ TableName: history, Item: { watchId, version: 1, after: 'nonsense' } }));
    },
    async send(group: string, body: string): Promise<void> {
      await sqs.send(
        new SendMessageCommand({
          QueueUrl: slices,
          MessageBody: body,
          MessageGroupId: group,
          MessageDeduplicationId: String(Math.random()),
        }),
      );
    },
    /** Takes what lies in the dead-letter queue. */
    async deadLetters(): Promise<Message[]> {
      const taken: Message[] = [];
      for (;;) {
        const { Messages = [] } = await sqs.send(
          new ReceiveMessageCommand({ QueueUrl: deadLetters, MaxNumberOfMessages: 10, MessageAttributeNames: ['All'] }),
        );
        if (Messages.length === 0) return taken;
        taken.push(...Messages);
        for (const { ReceiptHandle } of Messages) {
          await sqs.send(new DeleteMessageCommand({ QueueUrl: deadLetters, ReceiptHandle }));
        }
      }
    },
    /** Slices that wait or are being worked on. */
    async slicesLeft(): Promise<number> {
      const { Attributes = {} } = await sqs.send(
        new GetQueueAttributesCommand({
          QueueUrl: slices,
          AttributeNames: ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'],
        }),
      );
      return Object.values(Attributes).reduce((sum, count) => sum + Number(count), 0);
    },
    close(): void {
      client.destroy();
      sqs.destroy();
    },
  };
}

export type Stored = ReturnType<typeof storedIn>;
