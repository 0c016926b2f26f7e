import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { QueryCommand } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod/mini';
import type { Clock } from '../shared/clock.ts';
import type { SkuItem } from '../shared/sku-items.ts';
import type { TransactItem } from '../shared/transact.ts';
import type { PlayerOf } from './entitlement.ts';
import type { Granter } from './granter.ts';

const InventoryRow = z.object({
  part: z.string(),
  quantity: z.int(),
  kind: z.enum(['stackable', 'unique']),
  /** Epoch milliseconds. */
  updatedAt: z.number(),
});

/** An item of a player, as the inventory has it. */
export interface OwnedItem {
  readonly itemId: string;
  readonly quantity: number;
  readonly kind: 'stackable' | 'unique';
  /** Epoch milliseconds of the latest grant. */
  readonly updatedAt: number;
}

const ownerOf = ({ partner, playerId }: PlayerOf): string => `inventory|${partner}|${playerId}`;

/** What players have been given, for games without an inventory of their own: one row for each item of a player. */
export class InventoryStore {
  readonly #client: DynamoDBDocumentClient;
  readonly #table: string;
  readonly #clock: Clock;

  constructor(client: DynamoDBDocumentClient, table: string, clock: Clock) {
    this.#client = client;
    this.#table = table;
    this.#clock = clock;
  }

  /** A page of a player's items in order of their identifiers, strongly consistent. @param after the last one before it */
  async items(
    player: PlayerOf,
    limit: number,
    after: string | undefined,
  ): Promise<{ readonly items: readonly OwnedItem[]; readonly more: boolean }> {
    const owner = ownerOf(player);
    const page = await this.#client.send(
      new QueryCommand({
        TableName: this.#table,
        KeyConditionExpression: '#owner = :owner',
        ExpressionAttributeNames: { '#owner': 'owner' },
        ExpressionAttributeValues: { ':owner': owner },
        ConsistentRead: true,
        Limit: limit,
        ...(after !== undefined && { ExclusiveStartKey: { owner, part: after } }),
      }),
    );
    const items = (page.Items ?? []).map((item) => {
      const { part: itemId, quantity, kind, updatedAt } = InventoryRow.parse(item);
      return { itemId, quantity, kind, updatedAt };
    });
    return { items, more: page.LastEvaluatedKey !== undefined };
  }

  /** Grants by writes of the transaction that records the grant, so that neither is ever there without the other. */
  readonly granter: Granter = (entitlement, owned) => {
    const given = entitlement.items.map((item) => ({ ...item, granted: !owned.has(item.itemId) }));
    const writes = given
      .filter(({ granted }) => granted)
      .map((item) => ({ itemId: item.itemId, write: this.#write(entitlement, item) }));
    return Promise.resolve({ kind: 'given', given, writes });
  };

  #write(player: PlayerOf, { itemId, quantity, kind }: SkuItem): TransactItem {
    const Key = { owner: ownerOf(player), part: itemId };
    const values = { ':quantity': quantity, ':kind': kind, ':now': this.#clock.now() };
    const names = { '#quantity': 'quantity', '#kind': 'kind' };
    return {
      Update:
        kind === 'stackable'
          ? {
              TableName: this.#table,
              Key,
              UpdateExpression: 'SET #kind = :kind, updatedAt = :now ADD #quantity :quantity',
              ExpressionAttributeNames: names,
              ExpressionAttributeValues: values,
            }
          : {
              TableName: this.#table,
              Key,
              UpdateExpression: 'SET #kind = :kind, updatedAt = :now, #quantity = :quantity',
              ConditionExpression: 'attribute_not_exists(#owner)',
              ExpressionAttributeNames: { ...names, '#owner': 'owner' },
              ExpressionAttributeValues: values,
            },
    };
  }
}
