import { SQSClient } from '@aws-sdk/client-sqs';
import * as z from 'zod/mini';
import { HistoryStore } from '../change-events/history.store.ts';
import { systemClock as clock } from '../shared/clock.ts';
import { connectDatabase, SERVICE_TIMEOUTS } from '../shared/database.ts';
import { partnerIdentifier } from '../shared/partner-api/partners.ts';
import { createPartnerHandler } from '../shared/partner-api/serve.ts';
import { ServedWatches } from '../shared/partner-api/served-watches.ts';
import { shippedSettings } from '../shared/settings.ts';
import { SlicesQueue } from '../shared/slices-queue.ts';
import { telemetryOf } from '../shared/telemetry.ts';
import { WatchStore } from '../shared/watches.store.ts';
import { pricingAccounts } from './pricing-accounts.ts';
import type { Prices } from './prices.ts';
import { servedPrices, servePrices } from './serve-prices.ts';

const nonEmpty = z.string().check(z.minLength(1));

/** Partner API → reads prices and their history, and keeps their watch list. */
export const Environment = z.object({
  PARTNERS: nonEmpty,
  WATCHES_TABLE: nonEmpty,
  HISTORY_TABLE: nonEmpty,
  SLICES_QUEUE_URL: nonEmpty,
});
export type Environment = z.infer<typeof Environment>;

const environment = Environment.parse(process.env);
const settings = shippedSettings(import.meta.url);
const telemetry = telemetryOf('prices', settings);
const database = connectDatabase();
const onUnreadable = (row: string): void => telemetry.warn('a row is not a price', { row });
const accounts = pricingAccounts(settings.pricing);
const watches = new ServedWatches({
  kind: servedPrices(accounts),
  watches: new WatchStore<Prices>(database, environment.WATCHES_TABLE, clock),
  slices: new SlicesQueue(new SQSClient(SERVICE_TIMEOUTS), environment.SLICES_QUEUE_URL),
  clock,
  onUnreadable,
});

export const handler = createPartnerHandler({
  routes: servePrices({
    accounts,
    watches,
    history: new HistoryStore(database, environment.HISTORY_TABLE, clock, onUnreadable),
  }),
  identify: partnerIdentifier(environment.PARTNERS, settings.partnerApi),
  telemetry,
  clock,
  corsOrigin: settings.partnerApi.corsOrigin,
});
