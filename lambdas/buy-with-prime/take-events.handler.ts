import { SQSClient } from '@aws-sdk/client-sqs';
import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import * as z from 'zod/mini';
import { OccurrenceStore } from '../change-events/occurrences.store.ts';
import { systemClock } from '../shared/clock.ts';
import { connectDatabase, SERVICE_TIMEOUTS } from '../shared/database.ts';
import { RefusedMessages } from '../shared/notifications/refused-messages.ts';
import { shippedSettings } from '../shared/settings.ts';
import { telemetryOf } from '../shared/telemetry.ts';
import { takeEvents } from './take-events.ts';

const nonEmpty = z.string().check(z.minLength(1));

/** Queue of Buy with Prime's own events → recorded once each, and told on the stack's bus. */
export const Environment = z.object({ HISTORY_TABLE: nonEmpty, DEAD_LETTER_QUEUE_URL: nonEmpty });
export type Environment = z.infer<typeof Environment>;

const environment = Environment.parse(process.env);
const telemetry = telemetryOf('buy-with-prime', shippedSettings(import.meta.url));
const parts = {
  occurrences: new OccurrenceStore(connectDatabase(), environment.HISTORY_TABLE, systemClock),
  refusedMessages: new RefusedMessages(new SQSClient(SERVICE_TIMEOUTS), environment.DEAD_LETTER_QUEUE_URL),
  ...telemetry,
};

export const handler = async (event: SQSEvent): Promise<SQSBatchResponse> => {
  try {
    const staying = await takeEvents(event.Records, parts);
    return { batchItemFailures: staying.map((itemIdentifier) => ({ itemIdentifier })) };
  } finally {
    telemetry.flush();
  }
};
