import { SQSClient } from '@aws-sdk/client-sqs';
import type { Context } from 'aws-lambda';
import * as z from 'zod/mini';
import { OccurrenceStore } from '../change-events/occurrences.store.ts';
import { systemClock as clock } from '../shared/clock.ts';
import { connectDatabase, SERVICE_TIMEOUTS } from '../shared/database.ts';
import { shippedSettings } from '../shared/settings.ts';
import { telemetryOf } from '../shared/telemetry.ts';
import { EntitlementStore } from './entitlements.store.ts';
import { createGrantQueue } from './grants-queue.client.ts';
import { sweepEntitlements } from './sweep-entitlements.ts';

const nonEmpty = z.string().check(z.minLength(1));

/** Schedule → resumes what was left behind, and tells what is stuck. */
export const Environment = z.object({
  ENTITLEMENTS_TABLE: nonEmpty,
  HISTORY_TABLE: nonEmpty,
  GRANTS_QUEUE_URL: nonEmpty,
});
export type Environment = z.infer<typeof Environment>;

const environment = Environment.parse(process.env);
const settings = shippedSettings(import.meta.url);
const telemetry = telemetryOf('entitlements', settings);
const database = connectDatabase();
const occurrences = new OccurrenceStore(database, environment.HISTORY_TABLE, clock);
const parts = {
  store: new EntitlementStore(database, environment.ENTITLEMENTS_TABLE, occurrences, clock),
  grants: createGrantQueue(new SQSClient(SERVICE_TIMEOUTS), environment.GRANTS_QUEUE_URL),
  stuckAfterSeconds: settings.entitlements.stuckAfterSeconds,
  telemetry,
  clock,
};

export const handler = async (_event: unknown, context: Context): Promise<void> => {
  const functionDeadline = clock.now() + context.getRemainingTimeInMillis();
  try {
    await sweepEntitlements(parts, { correlationId: context.awsRequestId, functionDeadline });
  } finally {
    telemetry.flush();
  }
};
