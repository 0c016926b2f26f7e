import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SQSClient } from '@aws-sdk/client-sqs';
import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import * as z from 'zod/mini';
import { OccurrenceStore } from '../change-events/occurrences.store.ts';
import { systemClock as clock } from '../shared/clock.ts';
import { connectDatabase, SERVICE_TIMEOUTS } from '../shared/database.ts';
import { RefusedMessages } from '../shared/notifications/refused-messages.ts';
import { shippedSettings } from '../shared/settings.ts';
import { RoleCredentials } from '../shared/sigv4/role-credentials.ts';
import { givenCredentials } from '../shared/sigv4/signing-credentials.ts';
import { telemetryOf } from '../shared/telemetry.ts';
import { EntitlementStore } from './entitlements.store.ts';
import { createGranters } from './granters.client.ts';
import { createGrantQueue } from './grants-queue.client.ts';
import { InventoryStore } from './inventory.store.ts';
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
const database = connectDatabase();
const queues = new SQSClient(SERVICE_TIMEOUTS);
const inventory = new InventoryStore(database, environment.ENTITLEMENTS_TABLE, clock);
const occurrences = new OccurrenceStore(database, environment.HISTORY_TABLE, clock);
const parts = {
  store: new EntitlementStore(database, environment.ENTITLEMENTS_TABLE, occurrences, clock),
  granterOf: createGranters({
    settings,
    inventory: inventory.granter,
    secretsManager: new SecretsManagerClient(SERVICE_TIMEOUTS),
    credentials: givenCredentials(() => RoleCredentials.parse(process.env)),
    clock,
  }),
  queue: createGrantQueue(queues, environment.GRANTS_QUEUE_URL),
  deadLetters: new RefusedMessages(queues, environment.DEAD_LETTER_QUEUE_URL),
  grantAttempts: settings.entitlements.grantAttempts,
  telemetry,
  clock,
};

export const handler = async (event: SQSEvent, context: Context): Promise<SQSBatchResponse> => {
  try {
    const staying = await receiveGrants(event.Records, parts, clock.now() + context.getRemainingTimeInMillis());
    return { batchItemFailures: staying.map((itemIdentifier) => ({ itemIdentifier })) };
  } finally {
    telemetry.flush();
  }
};
