import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import type { Context } from 'aws-lambda';
import * as z from 'zod/mini';
import { systemClock } from '../shared/clock.ts';
import { connectDatabase, SERVICE_TIMEOUTS } from '../shared/database.ts';
import { shippedSettings } from '../shared/settings.ts';
import { telemetryOf } from '../shared/telemetry.ts';
import { EventBus } from './event-bus.client.ts';
import { HistoryStore } from './history.store.ts';
import { publisherOf } from './publisher.ts';
import { republishChanges } from './republish-changes.ts';

const nonEmpty = z.string().check(z.minLength(1));

/** Schedule → publishes history rows that the stream's publisher has left unpublished. */
export const Environment = z.object({
  HISTORY_TABLE: nonEmpty,
  BUS_NAME: nonEmpty,
});
export type Environment = z.infer<typeof Environment>;

const environment = Environment.parse(process.env);
const settings = shippedSettings(import.meta.url);
const telemetry = telemetryOf('change-events', settings);
const history = new HistoryStore(connectDatabase(), environment.HISTORY_TABLE, systemClock, (row, error) => {
  telemetry.error('unreadable history row', { row, error });
});
const bus = new EventBus(new EventBridgeClient(SERVICE_TIMEOUTS), environment.BUS_NAME, (error) => {
  telemetry.warn('the bus refused events', { error });
});
const publish = publisherOf(history, bus, systemClock, telemetry);
/** Time kept for the pass that is under way. */
const CLOSING_MS = 20_000;

export const handler = async (_event: unknown, context: Context): Promise<void> => {
  try {
    await republishChanges(
      {
        unpublishedBefore: (time, limit) => history.unpublishedBefore(time, limit),
        read: (keys) => history.read(keys),
        publish,
        clock: systemClock,
        gauge: (metric, value) =>
          metric === 'Republished' ? telemetry.count(metric, value) : telemetry.seconds(metric, value),
      },
      settings.publishing.reconcileAfterSeconds,
      systemClock.now() + context.getRemainingTimeInMillis() - CLOSING_MS,
    );
  } finally {
    telemetry.flush();
  }
};
