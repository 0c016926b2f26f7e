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
import type { Offers } from './offer.ts';
import { offerStatusAccounts } from './offer-status-accounts.ts';
import { servedTitles, serveTitles } from './serve-titles.ts';

const nonEmpty = z.string().check(z.minLength(1));

/** Partner API → reads status and history of titles, and keeps their watch list. */
export const Environment = z.object({
  PARTNERS: nonEmpty,
  WATCHES_TABLE: nonEmpty,
  HISTORY_TABLE: nonEmpty,
  SLICES_QUEUE_URL: nonEmpty,
});
export type Environment = z.infer<typeof Environment>;

const environment = Environment.parse(process.env);
const settings = shippedSettings(import.meta.url);
const telemetry = telemetryOf('titles', settings);
const database = connectDatabase();
const onUnreadable = (row: string): void => telemetry.warn('a row is not a title', { row });
const kind = servedTitles(offerStatusAccounts(settings.offerStatus));
const watches = new ServedWatches({
  kind,
  watches: new WatchStore<Offers>(database, environment.WATCHES_TABLE, clock),
  slices: new SlicesQueue(new SQSClient(SERVICE_TIMEOUTS), environment.SLICES_QUEUE_URL),
  clock,
  onUnreadable,
});

export const handler = createPartnerHandler({
  routes: serveTitles({
    kind,
    watches,
    history: new HistoryStore(database, environment.HISTORY_TABLE, clock, onUnreadable),
  }),
  identify: partnerIdentifier(environment.PARTNERS, settings.partnerApi),
  telemetry,
  clock,
  corsOrigin: settings.partnerApi.corsOrigin,
});
