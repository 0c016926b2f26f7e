import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import type { DynamoDBBatchResponse, DynamoDBStreamEvent } from 'aws-lambda';
import * as z from 'zod/mini';
import { systemClock } from '../shared/clock.ts';
import { connectDatabase, SERVICE_TIMEOUTS } from '../shared/database.ts';
import { shippedSettings } from '../shared/settings.ts';
import { telemetryOf } from '../shared/telemetry.ts';
import { EventBus } from './event-bus.client.ts';
import { HistoryStore } from './history.store.ts';
import { publisherOf } from './publisher.ts';
import { publishStream } from './publish-stream.ts';

const nonEmpty = z.string().check(z.minLength(1));

/** Stream of the history (inserts) → events on the bus; a record that fails is reported by its sequence number. */
export const Environment = z.object({
  HISTORY_TABLE: nonEmpty,
  BUS_NAME: nonEmpty,
});
export type Environment = z.infer<typeof Environment>;

const environment = Environment.parse(process.env);
const telemetry = telemetryOf('change-events', shippedSettings(import.meta.url));
const history = new HistoryStore(connectDatabase(), environment.HISTORY_TABLE, systemClock, (row, error) => {
  telemetry.error('unreadable history row', { row, error });
});
const bus = new EventBus(new EventBridgeClient(SERVICE_TIMEOUTS), environment.BUS_NAME, (error) => {
  telemetry.warn('the bus refused events', { error });
});
const publish = publisherOf(history, bus, systemClock, telemetry);

export const handler = async (event: DynamoDBStreamEvent): Promise<DynamoDBBatchResponse> => {
  try {
    const records = event.Records.map(({ dynamodb }) => ({
      sequenceNumber: dynamodb?.SequenceNumber ?? '',
      image: unmarshall((dynamodb?.NewImage ?? {}) as Record<string, AttributeValue>),
    }));
    const failed = await publishStream(records, publish, (error) => {
      telemetry.error('unreadable history row', { error });
    });
    return { batchItemFailures: failed.map((itemIdentifier) => ({ itemIdentifier })) };
  } finally {
    telemetry.flush();
  }
};
