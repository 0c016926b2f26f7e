import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';

/**
 * Time limits of calls to AWS's services, far above what they need: a call that hangs is repeated by the SDK instead of
 * using up the function's time.
 */
export const SERVICE_TIMEOUTS = {
  requestHandler: { connectionTimeout: 2_000, requestTimeout: 5_000, throwOnRequestTimeout: true },
} as const;

/** A DynamoDB client that takes and gives plain objects; fields that are undefined are left out of what is written. */
export function connectDatabase(client: DynamoDBClient = new DynamoDBClient(SERVICE_TIMEOUTS)): DynamoDBDocumentClient {
  return DynamoDBDocumentClient.from(client, { marshallOptions: { removeUndefinedValues: true } });
}
