import type * as z from 'zod/mini';
import { historyPage, versionFieldsOf } from '../change-events/history-page.ts';
import type { HistoryStore, StoredVersion } from '../change-events/history.store.ts';
import { canonical } from '../shared/partner-api/canonical.ts';
import type { ServedRoute } from '../shared/partner-api/serve.ts';
import { serve } from '../shared/partner-api/serve.ts';
import type { ServedKind, ServedWatches } from '../shared/partner-api/served-watches.ts';
import { watchFieldsOf } from '../shared/partner-api/served-watches.ts';
import type { PriceWatch } from '../shared/watches.ts';
import { parsePriceWatchId, priceWatchId } from '../shared/watches.ts';
import type { WatchEntry } from '../shared/watches.store.ts';
import type { ItemPath, WhichPrice } from './price-candidates.ts';
import { exactPrice, marketplaceIdOf, priceCandidates, refuseUnserved, SELECTORS } from './price-candidates.ts';
import type { PriceChange } from './price-changes.ts';
import type { PriceStatus, PriceVersion, PriceWatchEntry } from './price-answers.ts';
import type { byAsin, bySku, ItemRoutes } from './price-routes.ts';
import { priceRoutes } from './price-routes.ts';
import { canonicalTuning, readTuning } from './price-tuning.ts';
import { PRICE_ITEM, type Prices } from './prices.ts';
import type { SellingAccount } from './pricing-accounts.ts';
import { bucketOfWatch } from './pricing-accounts.ts';

/** Prices, as the partner API has to know them. */
export function servedPrices(accounts: readonly SellingAccount[]): ServedKind<PriceWatch> {
  return {
    prefix: 'price|',
    idOf: priceWatchId,
    parse: parsePriceWatchId,
    bucketOf: (watch) => bucketOfWatch(accounts, watch)?.id,
    selectors: SELECTORS,
  };
}

export interface ServePricesParts {
  readonly accounts: readonly SellingAccount[];
  readonly watches: ServedWatches<PriceWatch, Prices>;
  readonly history: Pick<HistoryStore, 'newestFirst' | 'stampAt'>;
}

/** The routes about prices, with their work. */
export function servePrices(parts: ServePricesParts): ServedRoute[] {
  const { watches } = parts;
  return [
    ...serveItems(parts, priceRoutes.byAsin, (path) => path),
    ...serveItems(parts, priceRoutes.bySku, (path) => path),
    serve(priceRoutes.list, async ({ query }) => {
      const { account, view } = query;
      const marketplaceId =
        query.marketplaceId === undefined ? undefined : marketplaceIdOf(query.marketplaceId, 'query parameter');
      const isWanted = (watch: PriceWatch): boolean =>
        (account ?? watch.account) === watch.account &&
        (view ?? watch.view) === watch.view &&
        (marketplaceId ?? watch.marketplaceId) === watch.marketplaceId;
      const { items, next } = await watches.list(query, [account, view, marketplaceId], isWanted);
      return { status: 200, body: { items: items.map(({ watch, row }) => entryOf(watch, row)), next } };
    }),
  ];
}

/** The routes about one item, by ASIN or by SKU. */
function serveItems<Path extends typeof byAsin | typeof bySku>(
  { accounts, watches, history }: ServePricesParts,
  routes: ItemRoutes<Path>,
  itemOf: (path: z.output<z.ZodMiniObject<Path>>) => ItemPath,
): ServedRoute[] {
  const candidates = (path: z.output<z.ZodMiniObject<Path>>, query: WhichPrice): PriceWatch[] =>
    priceCandidates(accounts, itemOf(path), query);
  return [
    serve(routes.price, async ({ path, query }) => {
      const { watch, row } = await watches.head(candidates(path, query));
      const price = canonical(row.state?.price ?? null);
      return { status: 200, body: { ...nounsOf(watch), ...watchFieldsOf(row), price } satisfies PriceStatus };
    }),
    serve(routes.history, async ({ path, query }) => {
      const { row } = await watches.recorded(candidates(path, query));
      return { status: 200, body: await historyPage(history, row, query, versionOf) };
    }),
    serve(routes.check, async ({ path, query }) => ({
      status: 202,
      body: await watches.check(candidates(path, query)),
    })),
    serve(routes.watch, async ({ path, query, body }) => {
      const watch = exactPrice(accounts, itemOf(path), query);
      const bucketId = bucketOfWatch(accounts, watch)?.id ?? refuseUnserved(accounts, watch);
      const tuning = body && { tuning: canonicalTuning(body) };
      const { isNew, row } = await watches.put({ watchId: priceWatchId(watch), bucketId, ...tuning });
      return { status: isNew ? 201 : 200, body: entryOf(watch, row) };
    }),
    serve(routes.readWatch, async ({ path, query }) => {
      const { watch, row } = await watches.entry(candidates(path, query));
      return { status: 200, body: entryOf(watch, row) };
    }),
    serve(routes.unwatch, async ({ path, query }) => {
      await watches.remove(priceWatchId(exactPrice(accounts, itemOf(path), query)));
      return { status: 204 };
    }),
  ];
}

function nounsOf({ account, view, marketplaceId, itemType, condition, customerType, item }: PriceWatch) {
  const asin = itemType === 'asin' ? item : null;
  const sku = itemType === 'sku' ? item : null;
  return { account, view, marketplaceId, asin, sku, condition, customerType };
}

function entryOf(watch: PriceWatch, row: WatchEntry): PriceWatchEntry {
  return { ...nounsOf(watch), ...watchFieldsOf(row), tuning: readTuning(row.tuning) };
}

function versionOf(version: StoredVersion): PriceVersion {
  const { price = null } = canonical(version.after) as Prices;
  return { ...versionFieldsOf(version), price, changes: canonical(version.changes[PRICE_ITEM] ?? []) as PriceChange[] };
}
