import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { QueryCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod/mini';
import { batchGet } from '../shared/batch-get.ts';
import type { Clock } from '../shared/clock.ts';
import type { HistoryKey } from './history-row.ts';
import { HistoryRow } from './history-row.ts';
import { UNPUBLISHED_SHARDS } from './unpublished.ts';

const UnpublishedKey = z.object({ watchId: z.string(), version: z.number(), observedAt: z.string() });
/** A row that still waits for its events to be published, as the index shows it. */
export type UnpublishedKey = z.infer<typeof UnpublishedKey>;

/** The history table: every version of every watch, and which of them are not published yet. */
export class HistoryStore {
  readonly #client: DynamoDBDocumentClient;
  readonly #table: string;
  readonly #clock: Clock;
  readonly #onUnreadable: (row: string, error: unknown) => void;

  /** @param onUnreadable hears of rows that are no history rows */
  constructor(
    client: DynamoDBDocumentClient,
    table: string,
    clock: Clock,
    onUnreadable: (row: string, error: unknown) => void,
  ) {
    this.#client = client;
    this.#table = table;
    this.#clock = clock;
    this.#onUnreadable = onUnreadable;
  }

  /** The rows with these keys, strongly consistent, without those that do not exist or cannot be read. */
  async read(keys: readonly HistoryKey[]): Promise<HistoryRow[]> {
    const plain = keys.map(({ watchId, version }) => ({ watchId, version }));
    const items = await batchGet(this.#client, this.#table, plain, this.#clock);
    return items.flatMap((item) => {
      const row = HistoryRow.safeParse(item);
      if (row.success) return [row.data];
      this.#onUnreadable(`${String(item['watchId'])}#${String(item['version'])}`, row.error);
      return [];
    });
  }

  /** Takes a row out of the index of unpublished ones. */
  async clear(key: HistoryKey): Promise<void> {
    await this.#client.send(
      new UpdateCommand({
        TableName: this.#table,
        Key: { watchId: key.watchId, version: key.version },
        UpdateExpression: 'REMOVE unpublished',
        ConditionExpression: 'attribute_exists(watchId)',
      }),
    );
  }

  /**
   * Keys of rows that were observed before a time and are still unpublished, oldest first within each shard.
   *
   * @param limit most keys per shard
   */
  async unpublishedBefore(time: Date, limit: number): Promise<UnpublishedKey[]> {
    const shards = Array.from({ length: UNPUBLISHED_SHARDS }, async (_, shard) => {
      const page = await this.#client.send(
        new QueryCommand({
          TableName: this.#table,
          IndexName: 'unpublished',
          KeyConditionExpression: 'unpublished = :shard AND observedAt < :time',
          ExpressionAttributeValues: { ':shard': `u${shard}`, ':time': time.toISOString() },
          Limit: limit,
        }),
      );
      return (page.Items ?? []).map((item) => UnpublishedKey.parse(item));
    });
    return (await Promise.all(shards)).flat();
  }
}
