import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SQSClient } from '@aws-sdk/client-sqs';
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { connectDatabase, SERVICE_TIMEOUTS } from '../../lambdas/shared/database.ts';
import type { RuntimeSettings } from '../../lambdas/shared/settings.ts';
import type { SlicesQueue } from '../../lambdas/shared/slices-queue.ts';

/** A running stack one of whose tables is worked on. */
export interface Target {
  /** As it is called in messages, such as `OfferRelay-prod in eu-west-1`. */
  readonly name: string;
  readonly settings: RuntimeSettings;
  /** Name of the table. */
  readonly table: string;
  /** An output of the stack. @throws TargetError when it has none of that name */
  readonly output: (name: string) => string;
  readonly database: DynamoDBDocumentClient;
  readonly sqs: ConstructorParameters<typeof SlicesQueue>[0];
  close(): void;
}

/** Options of SDK clients; an endpoint that is left out is that of AWS, or of the usual environment variables. */
export interface Access {
  readonly region: string | undefined;
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
  readonly endpoints?: { readonly dynamodb: string; readonly sqs: string };
  /** Tries of each call. */
  readonly maxAttempts: number;
}

/** Clients that back off as a whole when they are throttled, so that bulk work leaves the workers their share. */
export function connect({
  region,
  credentials,
  endpoints,
  maxAttempts,
}: Access): Pick<Target, 'database' | 'sqs' | 'close'> {
  const options = {
    ...SERVICE_TIMEOUTS,
    retryMode: 'adaptive',
    maxAttempts,
    ...(region !== undefined && { region }),
    ...(credentials && { credentials }),
  };
  const dynamodb = new DynamoDBClient({ ...options, ...(endpoints && { endpoint: endpoints.dynamodb }) });
  const sqs = new SQSClient({ ...options, ...(endpoints && { endpoint: endpoints.sqs }) });
  return {
    database: connectDatabase(dynamodb),
    sqs,
    close() {
      dynamodb.destroy();
      sqs.destroy();
    },
  };
}
