import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { BatchWriteCommand } from '@aws-sdk/lib-dynamodb';
import type { Clock } from '../../lambdas/shared/clock.ts';
import { fullJitter } from '../../lambdas/shared/retry.ts';
import type { RetryPolicy } from '../../lambdas/shared/settings.ts';

/** Nothing waits for a bulk command: it outlasts a minute or so of a throttled table. */
export const PATIENCE: RetryPolicy = { attempts: 14, baseMs: 100, capMs: 20_000 };

/** What one BatchWriteItem takes. */
const ITEMS_PER_CALL = 25;

/** DynamoDB keeps leaving items unwritten: the table is throttled. */
export class UnprocessedItemsError extends Error {
  override readonly name = 'UnprocessedItemsError';
}

/** Puts an item, or deletes one by its key. */
export type ItemWrite =
  { readonly put: Record<string, unknown> } | { readonly delete: Record<string, string | number> };

/**
 * Writes items whatever was there before, 25 in a call; what DynamoDB left over is written again. Where it fails, any of
 * them may have been written.
 *
 * @param writes each item once
 * @throws UnprocessedItemsError when DynamoDB keeps leaving items over
 */
export async function batchWrite(
  client: DynamoDBDocumentClient,
  table: string,
  writes: readonly ItemWrite[],
  clock: Clock,
  patience: RetryPolicy = PATIENCE,
): Promise<void> {
  for (let next = 0; next < writes.length; next += ITEMS_PER_CALL) {
    const requests = writes
      .slice(next, next + ITEMS_PER_CALL)
      .map((write) =>
        'put' in write ? { PutRequest: { Item: write.put } } : { DeleteRequest: { Key: write.delete } },
      );
    await writeAll(client, table, requests, clock, patience);
  }
}

type WriteRequests = NonNullable<BatchWriteCommand['input']['RequestItems']>[string];

async function writeAll(
  client: DynamoDBDocumentClient,
  table: string,
  requests: WriteRequests,
  clock: Clock,
  patience: RetryPolicy,
): Promise<void> {
  let left = requests;
  for (let attempt = 1; left.length > 0; attempt += 1) {
    if (attempt > patience.attempts) {
      throw new UnprocessedItemsError(
        `DynamoDB left ${left.length} items of ${table} unwritten after ${patience.attempts} tries`,
      );
    }
    if (attempt > 1) await clock.sleepUntil(clock.now() + fullJitter(attempt - 1, patience, Math.random));
    const answer = await client.send(new BatchWriteCommand({ RequestItems: { [table]: left } }));
    left = answer.UnprocessedItems?.[table] ?? [];
  }
}
