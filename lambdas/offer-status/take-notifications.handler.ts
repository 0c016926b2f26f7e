import { SQSClient } from '@aws-sdk/client-sqs';
import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import * as z from 'zod/mini';
import { systemClock } from '../shared/clock.ts';
import { connectDatabase, SERVICE_TIMEOUTS } from '../shared/database.ts';
import { RefusedMessages } from '../shared/notifications/refused-messages.ts';
import { takeNotifications } from '../shared/notifications/take-notifications.ts';
import { shippedSettings } from '../shared/settings.ts';
import { telemetryOf } from '../shared/telemetry.ts';
import { WatchStore } from '../shared/watches.store.ts';
import { offerStatusAccounts } from './offer-status-accounts.ts';
import { statusNotificationReader } from './read-status-notification.ts';

const nonEmpty = z.string().check(z.minLength(1));

/** Notifications queue → makes the titles urgent that Prime Video's notifications are about. */
export const Environment = z.object({ WATCHES_TABLE: nonEmpty, DEAD_LETTER_QUEUE_URL: nonEmpty });
export type Environment = z.infer<typeof Environment>;

const environment = Environment.parse(process.env);
const settings = shippedSettings(import.meta.url);
const telemetry = telemetryOf('offer-status', settings);
const parts = {
  read: statusNotificationReader(offerStatusAccounts(settings.offerStatus).flatMap(({ licensors }) => licensors)),
  watches: new WatchStore(connectDatabase(), environment.WATCHES_TABLE, systemClock),
  refusedMessages: new RefusedMessages(new SQSClient(SERVICE_TIMEOUTS), environment.DEAD_LETTER_QUEUE_URL),
  ...telemetry,
};

export const handler = async (event: SQSEvent): Promise<SQSBatchResponse> => {
  try {
    const staying = await takeNotifications(event.Records, parts);
    return { batchItemFailures: staying.map((itemIdentifier) => ({ itemIdentifier })) };
  } finally {
    telemetry.flush();
  }
};
