import { SQSClient } from '@aws-sdk/client-sqs';
import * as z from 'zod/mini';
import { systemClock } from '../shared/clock.ts';
import { connectDatabase, SERVICE_TIMEOUTS } from '../shared/database.ts';
import { topUpBuckets } from '../shared/laps/top-up.ts';
import { BucketStore } from '../shared/pacer/buckets.store.ts';
import { shippedSettings } from '../shared/settings.ts';
import { SlicesQueue } from '../shared/slices-queue.ts';
import { telemetryOf } from '../shared/telemetry.ts';
import { WatchStore } from '../shared/watches.store.ts';
import { offerStatusAccounts } from './offer-status-accounts.ts';

const nonEmpty = z.string().check(z.minLength(1));

/** Schedule (every minute) → tops up each account's bucket with slices of its laps. */
export const Environment = z.object({
  WATCHES_TABLE: nonEmpty,
  BUCKETS_TABLE: nonEmpty,
  SLICES_QUEUE_URL: nonEmpty,
});
export type Environment = z.infer<typeof Environment>;

const environment = Environment.parse(process.env);
const settings = shippedSettings(import.meta.url);
const telemetry = telemetryOf('offer-status', settings);
const database = connectDatabase();
const buckets = new BucketStore(database, environment.BUCKETS_TABLE);
const watches = new WatchStore(database, environment.WATCHES_TABLE, systemClock);
const slices = new SlicesQueue(new SQSClient(SERVICE_TIMEOUTS), environment.SLICES_QUEUE_URL);
const orders = offerStatusAccounts(settings.offerStatus).map(({ bucket }) => ({
  ...bucket,
  pack: 1,
  backlogSeconds: settings.polling.backlogSeconds,
  sliceSeconds: settings.polling.sliceSeconds,
  minLapSeconds: settings.offerStatus.minLapSeconds,
}));

export const handler = async (): Promise<void> => {
  try {
    const { slices: planned, stalledSeconds } = await topUpBuckets(orders, {
      buckets,
      lapReader: (id) => watches.lapReader(id),
      send: (list) => slices.send(list),
      now: systemClock.now,
    });
    telemetry.count('SlicesPlanned', planned);
    telemetry.seconds('StalledSeconds', stalledSeconds);
    telemetry.info('planned', { slices: planned });
  } finally {
    telemetry.flush();
  }
};
