import { paginateQuery, type DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { batchGet } from '../../lambdas/shared/batch-get.ts';
import type { Clock } from '../../lambdas/shared/clock.ts';
import type { SkuItem } from '../../lambdas/shared/settings.ts';
import { batchWrite, PATIENCE } from '../bulk/batch-write.ts';

/** A SKU of the catalogue; its items are as the table has them, which somebody else may have written. */
export interface CatalogueRow {
  readonly sku: string;
  readonly items: unknown;
}

/** What one partner's SKUs hold, in the table Entitlements. Every read is strongly consistent. */
export class CatalogueRows {
  readonly #client: DynamoDBDocumentClient;
  readonly #table: string;
  readonly #owner: string;
  readonly #clock: Clock;

  constructor(client: DynamoDBDocumentClient, table: string, partner: string, clock: Clock) {
    this.#client = client;
    this.#table = table;
    this.#owner = `catalogue|${partner}`;
    this.#clock = clock;
  }

  /**
   * The items of those of these SKUs that are in the catalogue.
   *
   * @param skus each once
   * @throws UnprocessedKeysError when the table stays throttled for minutes
   */
  async get(skus: readonly string[]): Promise<Map<string, unknown>> {
    const options = { attributes: ['part', 'items'], patience: PATIENCE };
    const rows = await batchGet(this.#client, this.#table, skus.map((sku) => this.#key(sku)), this.#clock, options); // prettier-ignore
    return new Map(rows.map(({ part, items }) => [String(part), items]));
  }

  /** Puts SKUs into the catalogue, each once. @throws UnprocessedItemsError when the table stays throttled for minutes */
  async put(skus: readonly (readonly [sku: string, items: readonly SkuItem[]])[]): Promise<void> {
    const updatedAt = new Date(this.#clock.now()).toISOString();
    const puts = skus.map(([sku, items]) => ({ put: { ...this.#key(sku), items, updatedAt } }));
    await batchWrite(this.#client, this.#table, puts, this.#clock);
  }

  /** Takes SKUs, each once, off the catalogue. @throws UnprocessedItemsError when the table stays throttled for minutes */
  async remove(skus: readonly string[]): Promise<void> {
    const deletions = skus.map((sku) => ({ delete: this.#key(sku) }));
    await batchWrite(this.#client, this.#table, deletions, this.#clock);
  }

  /** The whole catalogue, page by page, in the order of the SKUs. */
  async *listed(): AsyncGenerator<readonly CatalogueRow[]> {
    const pages = paginateQuery(
      { client: this.#client },
      {
        TableName: this.#table,
        KeyConditionExpression: '#owner = :owner',
        ProjectionExpression: '#part, #items',
        ExpressionAttributeNames: { '#owner': 'owner', '#part': 'part', '#items': 'items' },
        ExpressionAttributeValues: { ':owner': this.#owner },
        ConsistentRead: true,
      },
    );
    for await (const { Items = [] } of pages) {
      yield Items.map(({ part, items }) => ({ sku: String(part), items: items as unknown }));
    }
  }

  #key(sku: string): { owner: string; part: string } {
    return { owner: this.#owner, part: sku };
  }
}
