import { SQSClient } from '@aws-sdk/client-sqs';
import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import * as z from 'zod/mini';
import { systemClock } from '../clock.ts';
import { connectDatabase, SERVICE_TIMEOUTS } from '../database.ts';
import type { Telemetry } from '../telemetry.ts';
import { WatchStore } from '../watches.store.ts';
import { RefusedMessages } from './refused-messages.ts';
import type { ReadNotification } from './take-notifications.ts';
import { takeNotifications } from './take-notifications.ts';

const nonEmpty = z.string().check(z.minLength(1));

/** What a function that takes notifications is told by its environment. */
export const TakerEnvironment = z.object({ WATCHES_TABLE: nonEmpty, DEAD_LETTER_QUEUE_URL: nonEmpty });
export type TakerEnvironment = z.infer<typeof TakerEnvironment>;

/** The handler of a door for notifications, which a room's reader understands. Built once per execution environment. */
export function createNotificationTaker(options: {
  readonly environment: TakerEnvironment;
  readonly telemetry: Telemetry;
  readonly read: ReadNotification;
}): (event: SQSEvent) => Promise<SQSBatchResponse> {
  const { environment, telemetry, read } = options;
  const parts = {
    read,
    watches: new WatchStore(connectDatabase(), environment.WATCHES_TABLE, systemClock),
    refusedMessages: new RefusedMessages(new SQSClient(SERVICE_TIMEOUTS), environment.DEAD_LETTER_QUEUE_URL),
    ...telemetry,
  };
  return async (event) => {
    try {
      const staying = await takeNotifications(event.Records, parts);
      return { batchItemFailures: staying.map((itemIdentifier) => ({ itemIdentifier })) };
    } finally {
      telemetry.flush();
    }
  };
}
