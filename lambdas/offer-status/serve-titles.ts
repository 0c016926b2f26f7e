import { historyPage, versionFieldsOf } from '../change-events/history-page.ts';
import type { HistoryStore } from '../change-events/history.store.ts';
import { ApiError } from '../shared/partner-api/api-error.ts';
import { canonical } from '../shared/partner-api/canonical.ts';
import type { ServedRoute } from '../shared/partner-api/serve.ts';
import { serve } from '../shared/partner-api/serve.ts';
import type { ServedKind, ServedWatches } from '../shared/partner-api/served-watches.ts';
import { watchFieldsOf } from '../shared/partner-api/served-watches.ts';
import { fitsIndex, identifierFault } from '../shared/watch-identifiers.ts';
import type { TitleWatch } from '../shared/watches.ts';
import { parseTitleWatchId, titleWatchId } from '../shared/watches.ts';
import type { WatchEntry } from '../shared/watches.store.ts';
import { MARKETPLACES } from './marketplaces.ts';
import type { OfferChange } from './offer-changes.ts';
import type { Account } from './offer-status-accounts.ts';
import { accountOfLicensor } from './offer-status-accounts.ts';
import type { Offers } from './offer.ts';
import type { TitleStatus, TitleVersion, TitleWatchEntry } from './title-answers.ts';
import { titleRoutes } from './title-routes.ts';

/** Titles, as the partner API has to know them. */
export function servedTitles(accounts: readonly Account[]): ServedKind<TitleWatch> {
  return {
    prefix: 'title|',
    idOf: titleWatchId,
    parse: parseTitleWatchId,
    bucketOf: ({ licensor }) => accountOfLicensor(accounts, licensor)?.bucket.id,
    selectors: ['marketplace'],
  };
}

export interface ServeTitlesParts {
  readonly kind: ServedKind<TitleWatch>;
  readonly watches: ServedWatches<TitleWatch, Offers>;
  readonly history: Pick<HistoryStore, 'newestFirst' | 'stampAt'>;
}

/** The routes about titles, with their work. */
export function serveTitles({ kind, watches, history }: ServeTitlesParts): ServedRoute[] {
  return [
    serve(titleRoutes.status, async ({ path, query }) => {
      const { watch, row } = await watches.head(candidates(path, query.marketplace));
      const offers = Object.values(canonical(row.state ?? {}));
      return { status: 200, body: { ...watch, ...watchFieldsOf(row), offers } satisfies TitleStatus };
    }),
    serve(titleRoutes.history, async ({ path, query }) => {
      const { row } = await watches.recorded(candidates(path, query.marketplace));
      const page = await historyPage(history, row, query, (version): TitleVersion => ({
        ...versionFieldsOf(version),
        offers: Object.values(canonical(version.after) as Offers),
        changes: Object.values(canonical(version.changes)).flat() as OfferChange[],
      }));
      return { status: 200, body: page };
    }),
    serve(titleRoutes.check, async ({ path, query }) => ({
      status: 202,
      body: await watches.check(candidates(path, query.marketplace)),
    })),
    serve(titleRoutes.watch, async ({ path, query }) => {
      const watch = listable({ ...path, ...query });
      const bucketId = kind.bucketOf(watch);
      if (bucketId === undefined) throw refusal('licensor is none that an account of the settings serves');
      const { isNew, row } = await watches.put({ watchId: titleWatchId(watch), bucketId });
      return { status: isNew ? 201 : 200, body: entryOf(watch, row) };
    }),
    serve(titleRoutes.readWatch, async ({ path, query }) => {
      const { watch, row } = await watches.entry(candidates(path, query.marketplace));
      return { status: 200, body: entryOf(watch, row) };
    }),
    serve(titleRoutes.unwatch, async ({ path, query }) => {
      await watches.remove(titleWatchId(listable({ ...path, ...query })));
      return { status: 204 };
    }),
    serve(titleRoutes.list, async ({ query }) => {
      const { licensor } = query;
      const isWanted = (watch: TitleWatch): boolean => licensor === undefined || watch.licensor === licensor;
      const { items, next } = await watches.list(query, [licensor], isWanted);
      return { status: 200, body: { items: items.map(({ watch, row }) => entryOf(watch, row)), next } };
    }),
  ];
}

/** The watches that a request may mean. */
function candidates(path: Pick<TitleWatch, 'licensor' | 'alid'>, marketplace: string | undefined): TitleWatch[] {
  return (marketplace === undefined ? MARKETPLACES : [marketplace]).map((one) => ({ ...path, marketplace: one }));
}

/** @throws ApiError INVALID_REQUEST for what cannot be on the list */
function listable(watch: TitleWatch): TitleWatch {
  for (const name of ['licensor', 'alid'] as const) {
    const fault = identifierFault(watch[name]);
    if (fault !== undefined) throw refusal(`${name} ${fault}`);
  }
  if (fitsIndex(titleWatchId(watch))) return watch;
  throw refusal('licensor and alid are too long together: percent-encoded they may take about 1000 bytes');
}

function refusal(what: string): ApiError {
  return new ApiError('INVALID_REQUEST', `path parameter ${what}`);
}

function entryOf({ licensor, alid, marketplace }: TitleWatch, row: WatchEntry): TitleWatchEntry {
  return { licensor, alid, marketplace, ...watchFieldsOf(row) };
}
