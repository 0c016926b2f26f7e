import type { RuntimeSettings } from '../../lambdas/shared/settings.ts';
import { RuntimeSettings as Schema } from '../../lambdas/shared/settings-schema.ts';
import { watchKinds, type WatchKind } from '../../local/watches/kinds.ts';
import { collect, pieces } from '../bulk/streams.ts';
import { openWatchFile, type ReadOptions, type WatchLine } from '../../local/watches/watch-file.ts';

export const LICENSOR = 'example-studios';
export const SETTINGS: RuntimeSettings = Schema.parse({
  stage: 'test',
  offerStatus: {
    accounts: {
      main: { licensors: [LICENSOR, 'other-studios'] },
      slow: { licensors: ['slow-studios'], rate: { perSecond: 0.1, burst: 1 } },
    },
  },
  pricing: {
    rateProfile: 'document',
    accounts: {
      shop: { marketplaces: ['US', 'CA'], offersOperations: { sku: 'getListingOffers' } },
      'shop-eu': { marketplaces: ['DE', 'UK'] },
    },
  },
});
export const KINDS: readonly WatchKind[] = watchKinds(SETTINGS);
export const [TITLES, PRICES] = KINDS as [WatchKind, WatchKind];

export async function readAll(text: string | Uint8Array, options: ReadOptions = {}): Promise<WatchLine[]> {
  const file = await openWatchFile(pieces(text), KINDS, options);
  return collect(file.lines);
}

/** Checks of a line beyond its own fields, as an import makes them. */
export const importCheck: ReadOptions['check'] = (kind, { fields }) =>
  [kind.bucketOf(fields), kind.tuningOf(fields, {})].flatMap((one) => ('problems' in one ? one.problems : []));
