import { HistoryStore } from '../change-events/history.store.ts';
import { systemClock } from '../shared/clock.ts';
import { createWatchHandler, WatchHandlerEnvironment } from '../shared/partner-api/watch-handler.ts';
import { shippedSettings } from '../shared/settings.ts';
import type { PriceWatch } from '../shared/watches.ts';
import { pricingAccounts } from './pricing-accounts.ts';
import type { Prices } from './prices.ts';
import { servedPrices, servePrices } from './serve-prices.ts';

/** Partner API → reads prices and their history, and keeps their watch list. */
export const Environment = WatchHandlerEnvironment;
export type Environment = WatchHandlerEnvironment;

const environment = Environment.parse(process.env);
const settings = shippedSettings(import.meta.url);
const accounts = pricingAccounts(settings.pricing);

export const handler = createWatchHandler<PriceWatch, Prices>({
  environment,
  settings,
  service: 'prices',
  kind: servedPrices(accounts),
  routes({ watches, database, onUnreadable }) {
    const history = new HistoryStore(database, environment.HISTORY_TABLE, systemClock, onUnreadable);
    return servePrices({ accounts, watches, history });
  },
});
