import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { ScanCommand } from '@aws-sdk/lib-dynamodb';
import { batchGet } from '../../lambdas/shared/batch-get.ts';
import type { Clock } from '../../lambdas/shared/clock.ts';
import type { RetryPolicy } from '../../lambdas/shared/settings.ts';
import type { WatchHead } from '../../lambdas/shared/watches.store.ts';
import type { Tuning } from './kinds.ts';

/** What the watch list says of a watch, without its state. */
export type WatchRow = Pick<WatchHead<never>, 'watchId' | 'bucketId' | 'lap' | 'observedAt' | 'problem'> & {
  readonly version?: number;
  readonly tuning?: Tuning;
};

/** Nothing waits for a bulk command: it outlasts a minute or so of a throttled table. */
const PATIENCE: RetryPolicy = { attempts: 14, baseMs: 100, capMs: 20_000 };
const ATTRIBUTES = ['watchId', 'bucketId', 'lap', 'version', 'observedAt', 'problem', 'tuning'] as const;

/** Reads the rows of watches in bulk, without their states. */
export class WatchRows {
  readonly #client: DynamoDBDocumentClient;
  readonly #table: string;
  readonly #clock: Clock;

  constructor(client: DynamoDBDocumentClient, table: string, clock: Clock) {
    this.#client = client;
    this.#table = table;
    this.#clock = clock;
  }

  /**
   * The rows of these watches, strongly consistent; each identifier once.
   *
   * @throws UnprocessedKeysError when the table stays throttled for minutes
   */
  async get(watchIds: readonly string[]): Promise<Map<string, WatchRow>> {
    const keys = watchIds.map((watchId) => ({ watchId }));
    const items = await batchGet(this.#client, this.#table, keys, this.#clock, {
      attributes: ATTRIBUTES,
      patience: PATIENCE,
    });
    return new Map((items as unknown as WatchRow[]).map((row) => [row.watchId, row]));
  }

  /**
   * The watches that are on the list, page by page, in no particular order.
   *
   * A scan of the table and not queries of the index `lap`: a watch that changes its class while the list is read would
   * be met twice there or not at all, and one whose bucket the settings no longer know would never be met. The table
   * gives each row exactly once. It costs more, because a scan pays for the states that it leaves out: about 25,000 read
   * units for 100,000 titles of 2 KB, which is a third of a US cent.
   *
   * @param prefix of the identifiers
   */
  async *listed(prefix: string, options: { readonly onlyProblems: boolean }): AsyncGenerator<WatchRow[]> {
    const readPage = (after: Record<string, unknown> | undefined) =>
      this.#client.send(
        new ScanCommand({
          TableName: this.#table,
          ExclusiveStartKey: after,
          FilterExpression:
            'begins_with(#watchId, :prefix) AND attribute_exists(#lap)' +
            (options.onlyProblems ? ' AND attribute_exists(#problem)' : ''),
          ProjectionExpression: ATTRIBUTES.map((name) => `#${name}`).join(', '),
          ExpressionAttributeNames: Object.fromEntries(ATTRIBUTES.map((name) => [`#${name}`, name])),
          ExpressionAttributeValues: { ':prefix': prefix },
        }),
      );
    let page = await readPage(undefined);
    for (;;) {
      const more = page.LastEvaluatedKey;
      yield (page.Items ?? []) as unknown as WatchRow[];
      if (more === undefined) return;
      page = await readPage(more);
    }
  }
}
