import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { BatchGetCommand } from '@aws-sdk/lib-dynamodb';
import type { Clock } from './clock.ts';
import { fullJitter } from './retry.ts';
import type { RetryPolicy } from './settings.ts';

const KEYS_PER_CALL = 100;
/** How long a function waits for what was left over: it has little time, and its message comes again. */
const FUNCTION_PATIENCE: RetryPolicy = { attempts: 6, baseMs: 50, capMs: 2_000 };

/** DynamoDB keeps leaving keys over: the table is throttled. */
export class UnprocessedKeysError extends Error {
  override readonly name = 'UnprocessedKeysError';
}

export interface BatchGetOptions {
  /** Those to read. @default all of them */
  readonly attributes?: readonly string[];
  /** Whether every write that has ended is seen, at twice the price. @default true */
  readonly consistent?: boolean;
  /** Tries of each call, and the pauses between them. */
  readonly patience?: RetryPolicy;
}

/**
 * Reads items by key, in calls of 100 side by side; what DynamoDB left over is asked for again.
 *
 * @returns the items that exist, in no particular order
 * @throws UnprocessedKeysError when DynamoDB keeps leaving keys over
 */
export async function batchGet(
  client: DynamoDBDocumentClient,
  table: string,
  keys: readonly Record<string, string | number>[],
  clock: Clock,
  options: BatchGetOptions = {},
): Promise<Record<string, unknown>[]> {
  const calls = Array.from({ length: Math.ceil(keys.length / KEYS_PER_CALL) }, (_, index) =>
    readChunk(client, table, keys.slice(index * KEYS_PER_CALL, (index + 1) * KEYS_PER_CALL), clock, options),
  );
  return (await Promise.all(calls)).flat();
}

async function readChunk(
  client: DynamoDBDocumentClient,
  table: string,
  keys: readonly Record<string, string | number>[],
  clock: Clock,
  { attributes, consistent = true, patience = FUNCTION_PATIENCE }: BatchGetOptions,
): Promise<Record<string, unknown>[]> {
  const projection = attributes && {
    ProjectionExpression: attributes.map((name) => `#${name}`).join(', '),
    ExpressionAttributeNames: Object.fromEntries(attributes.map((name) => [`#${name}`, name])),
  };
  const items: Record<string, unknown>[] = [];
  let left: Record<string, unknown>[] = [...keys];
  for (let attempt = 1; left.length > 0; attempt += 1) {
    if (attempt > patience.attempts) {
      throw new UnprocessedKeysError(
        `DynamoDB left ${left.length} keys of ${table} unread after ${patience.attempts} tries`,
      );
    }
    if (attempt > 1) await clock.sleepUntil(clock.now() + fullJitter(attempt - 1, patience, Math.random));
    const answer = await client.send(
      new BatchGetCommand({ RequestItems: { [table]: { Keys: left, ConsistentRead: consistent, ...projection } } }),
    );
    items.push(...(answer.Responses?.[table] ?? []));
    left = answer.UnprocessedKeys?.[table]?.Keys ?? [];
  }
  return items;
}
