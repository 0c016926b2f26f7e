import { AwsCallError, type AwsClient } from './aws-call.ts';
import { delay } from './delay.ts';
import type { TimeToLiveDefinition } from './model.ts';

const SWEEP_EVERY_MS = 30_000;
const FIVE_YEARS_S = 5 * 365 * 86_400;

/**
 * Deletes items whose time has passed, which the engine does not. As in DynamoDB only a number counts, and a moment more
 * than five years ago is taken for a mistake.
 */
export async function sweepExpiredItems(
  tables: readonly TimeToLiveDefinition[],
  dynamodb: AwsClient,
  signal: AbortSignal,
  everyMs: number = SWEEP_EVERY_MS,
): Promise<void> {
  while (!signal.aborted && tables.length > 0) {
    for (const table of tables) await sweep(table, dynamodb, signal).catch(() => undefined);
    await delay(everyMs, signal);
  }
}

async function sweep(table: TimeToLiveDefinition, dynamodb: AwsClient, signal: AbortSignal): Promise<void> {
  const now = Math.floor(Date.now() / 1000);
  const names = Object.fromEntries(table.keys.map((key, index) => [`#k${index}`, key]));
  const condition = '#ttl BETWEEN :oldest AND :now AND attribute_type(#ttl, :number)';
  const values = { ':oldest': { N: String(now - FIVE_YEARS_S) }, ':now': { N: String(now) }, ':number': { S: 'N' } };
  let from: unknown;
  do {
    const page = await dynamodb.call<{ Items?: Record<string, unknown>[]; LastEvaluatedKey?: unknown }>('Scan', {
      TableName: table.tableName,
      FilterExpression: condition,
      ProjectionExpression: Object.keys(names).join(', '),
      ExpressionAttributeNames: { ...names, '#ttl': table.attribute },
      ExpressionAttributeValues: values,
      ...(from ? { ExclusiveStartKey: from } : {}),
    });
    for (const item of page.Items ?? []) {
      if (signal.aborted) return;
      const deletion = dynamodb.call('DeleteItem', {
        TableName: table.tableName,
        Key: Object.fromEntries(table.keys.map((key) => [key, item[key]])),
        // Its time may have been put off since it was read.
        ConditionExpression: condition,
        ExpressionAttributeNames: { '#ttl': table.attribute },
        ExpressionAttributeValues: values,
      });
      await deletion.catch((error: unknown) => {
        if (!(error instanceof AwsCallError && error.code === 'ConditionalCheckFailedException')) throw error;
      });
    }
    from = page.LastEvaluatedKey;
  } while (from && !signal.aborted);
}
