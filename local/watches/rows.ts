import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { Clock } from '../../lambdas/shared/clock.ts';
import { type WatchEntry, WatchStore } from '../../lambdas/shared/watches.store.ts';
import { PATIENCE } from '../bulk/batch-write.ts';

/** What the watch list says of a watch, without its state. */
export type WatchRow = Omit<WatchEntry, 'version'> & { readonly version?: number };

/** Reads the rows of watches in bulk, without their states. */
export class WatchRows {
  readonly #store: WatchStore<never>;

  constructor(client: DynamoDBDocumentClient, table: string, clock: Clock) {
    this.#store = new WatchStore(client, table, clock);
  }

  /**
   * The rows of these watches, strongly consistent; each identifier once.
   *
   * @throws UnprocessedKeysError when the table stays throttled for minutes
   */
  get(watchIds: readonly string[]): Promise<Map<string, WatchRow>> {
    return this.#store.entries(watchIds, PATIENCE);
  }

  /**
   * The watches that are on the list, page by page, in no particular order.
   *
   * @param prefix of the identifiers
   */
  async *listed(
    prefix: string,
    { onlyProblems }: { readonly onlyProblems: boolean },
  ): AsyncGenerator<readonly WatchRow[]> {
    let after: string | undefined;
    do {
      const page = await this.#store.scanEntries({ prefix, after, onlyProblems });
      yield page.entries;
      ({ after } = page);
    } while (after !== undefined);
  }
}
