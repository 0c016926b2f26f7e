import { HistoryStore } from '../change-events/history.store.ts';
import { systemClock } from '../shared/clock.ts';
import { createWatchHandler, WatchHandlerEnvironment } from '../shared/partner-api/watch-handler.ts';
import { shippedSettings } from '../shared/settings.ts';
import type { TitleWatch } from '../shared/watches.ts';
import type { Offers } from './offer.ts';
import { offerStatusAccounts } from './offer-status-accounts.ts';
import { servedTitles, serveTitles } from './serve-titles.ts';

/** Partner API → reads status and history of titles, and keeps their watch list. */
export const Environment = WatchHandlerEnvironment;
export type Environment = WatchHandlerEnvironment;

const environment = Environment.parse(process.env);
const settings = shippedSettings(import.meta.url);
const kind = servedTitles(offerStatusAccounts(settings.offerStatus));

export const handler = createWatchHandler<TitleWatch, Offers>({
  environment,
  settings,
  service: 'titles',
  kind,
  routes({ watches, database, onUnreadable }) {
    const history = new HistoryStore(database, environment.HISTORY_TABLE, systemClock, onUnreadable);
    return serveTitles({ kind, watches, history });
  },
});
