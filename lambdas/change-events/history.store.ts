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

/** A version as its row has it. What was written was valid by the schema of its time, and is passed on as it is. */
export interface StoredVersion {
  readonly version: number;
  /** ISO instant. */
  readonly observedAt: string;
  readonly after: Readonly<Record<string, unknown>>;
  readonly changes: Readonly<Record<string, readonly unknown[]>>;
  readonly events: readonly { readonly detailType: string }[];
}
const VERSION = ['version', 'observedAt', 'after', 'changes', 'events'] as const satisfies (keyof StoredVersion)[];

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

  /**
   * The versions of a watch below one of them, newest first, strongly consistent. Read as they are taken: at most a
   * megabyte ahead.
   *
   * @param pageSize how many are probably taken
   */
  async *newestFirst(watchId: string, below: number, pageSize: number): AsyncGenerator<StoredVersion> {
    let more: Record<string, unknown> | undefined;
    do {
      const page = await this.#client.send(
        new QueryCommand({
          TableName: this.#table,
          KeyConditionExpression: '#watchId = :watchId AND #version < :below',
          ProjectionExpression: VERSION.map((name) => `#${name}`).join(', '),
          ExpressionAttributeNames: Object.fromEntries(['watchId', ...VERSION].map((name) => [`#${name}`, name])),
          ExpressionAttributeValues: { ':watchId': watchId, ':below': below },
          ScanIndexForward: false,
          ConsistentRead: true,
          Limit: pageSize,
          ExclusiveStartKey: more,
        }),
      );
      yield* (page.Items ?? []).map(
        (item) => ({ after: {}, changes: {}, events: [], ...item }) as unknown as StoredVersion,
      );
      more = page.LastEvaluatedKey;
    } while (more !== undefined);
  }

  /** The newest version of a watch up to one of them, with the time of its recording; undefined where there is none. */
  async stampAt(watchId: string, upTo: number): Promise<{ version: number; observedAt: string } | undefined> {
    const page = await this.#client.send(
      new QueryCommand({
        TableName: this.#table,
        KeyConditionExpression: 'watchId = :watchId AND version <= :upTo',
        ProjectionExpression: 'version, observedAt',
        ExpressionAttributeValues: { ':watchId': watchId, ':upTo': upTo },
        ScanIndexForward: false,
        ConsistentRead: true,
        Limit: 1,
      }),
    );
    const [item] = page.Items ?? [];
    return item && { version: Number(item['version']), observedAt: String(item['observedAt']) };
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
