import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';

/**
 * Time limits of calls to AWS's services, far above what they need: a call that hangs is repeated by the SDK instead of
 * using up the function's time.
 */
export const SERVICE_TIMEOUTS = {
  requestHandler: { connectionTimeout: 2_000, requestTimeout: 5_000, throwOnRequestTimeout: true },
} as const;

/** Calls to DynamoDB that are under way at once. More would wait for a connection for longer than they are given. */
const SIDE_BY_SIDE = 40;

/**
 * A DynamoDB client that takes and gives plain objects; fields that are undefined are left out of what is written. However
 * many calls are made at once, a number that connections can bear is under way, and the others wait for their turn.
 */
export function connectDatabase(client: DynamoDBClient = new DynamoDBClient(SERVICE_TIMEOUTS)): DynamoDBDocumentClient {
  const waiting: (() => void)[] = [];
  let underway = 0;
  client.middlewareStack.add(
    (next) => async (call) => {
      // Whoever leaves hands the place over, so that nobody slips in between.
      if (underway < SIDE_BY_SIDE) underway += 1;
      else await new Promise<void>((resolve) => waiting.push(resolve));
      try {
        return await next(call);
      } finally {
        const first = waiting.shift();
        if (first) first();
        else underway -= 1;
      }
    },
    { step: 'initialize', name: 'sideBySide' },
  );
  return DynamoDBDocumentClient.from(client, { marshallOptions: { removeUndefinedValues: true } });
}
