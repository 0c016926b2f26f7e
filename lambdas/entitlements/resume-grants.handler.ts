import { SQSClient } from '@aws-sdk/client-sqs';
import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import * as z from 'zod/mini';
import { systemClock as clock } from '../shared/clock.ts';
import { SERVICE_TIMEOUTS } from '../shared/database.ts';
import { RefusedMessages } from '../shared/notifications/refused-messages.ts';
import { shippedSettings } from '../shared/settings.ts';
import { RoleCredentials } from '../shared/sigv4/role-credentials.ts';
import { telemetryOf } from '../shared/telemetry.ts';
import { createFulfilmentParts } from './fulfilment-parts.client.ts';
import { createGrantQueue } from './grants-queue.client.ts';
import { receiveGrants } from './receive-grants.ts';

const nonEmpty = z.string().check(z.minLength(1));

/** Queue of grants → grants what could not be granted at once, and gives up in the end. */
export const Environment = z.object({
  ENTITLEMENTS_TABLE: nonEmpty,
  HISTORY_TABLE: nonEmpty,
  GRANTS_QUEUE_URL: nonEmpty,
  DEAD_LETTER_QUEUE_URL: nonEmpty,
});
export type Environment = z.infer<typeof Environment>;

const environment = Environment.parse(process.env);
const settings = shippedSettings(import.meta.url);
const telemetry = telemetryOf('entitlements', settings);
const queues = new SQSClient(SERVICE_TIMEOUTS);
const parts = {
  ...createFulfilmentParts({
    environment,
    settings,
    credentials: () => RoleCredentials.parse(process.env),
    telemetry,
    clock,
  }),
  queue: createGrantQueue(queues, environment.GRANTS_QUEUE_URL),
  deadLetters: new RefusedMessages(queues, environment.DEAD_LETTER_QUEUE_URL),
  grantAttempts: settings.entitlements.grantAttempts,
};

export const handler = async (event: SQSEvent, context: Context): Promise<SQSBatchResponse> => {
  try {
    const staying = await receiveGrants(event.Records, parts, clock.now() + context.getRemainingTimeInMillis());
    return { batchItemFailures: staying.map((itemIdentifier) => ({ itemIdentifier })) };
  } finally {
    telemetry.flush();
  }
};
