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
import { pricingAccounts } from './pricing-accounts.ts';
import { offerNotificationReader } from './read-offer-notification.ts';

const nonEmpty = z.string().check(z.minLength(1));

/** Notifications queue → makes the price watches urgent that SP-API's notifications are about. */
export const Environment = z.object({ WATCHES_TABLE: nonEmpty, DEAD_LETTER_QUEUE_URL: nonEmpty });
export type Environment = z.infer<typeof Environment>;

const environment = Environment.parse(process.env);
const settings = shippedSettings(import.meta.url);
const telemetry = telemetryOf('pricing', settings);
const parts = {
  read: offerNotificationReader(pricingAccounts(settings.pricing)),
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
