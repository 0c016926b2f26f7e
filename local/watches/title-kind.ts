import * as z from 'zod';
import { MARKETPLACES } from '../../lambdas/offer-status/offer-status.client.ts';
import { accountOfLicensor, offerStatusAccounts } from '../../lambdas/offer-status/offer-status-accounts.ts';
import type { OfferStatusSettings } from '../../lambdas/shared/settings.ts';
import { parseTitleWatchId, titleWatchId } from '../../lambdas/shared/watches.ts';
import { fittingId, oneOf, pathIdentifier, problemsOf } from './field-checks.ts';
import type { KindShape, WatchKind } from './kinds.ts';
import { quote } from '../bulk/quote.ts';

/** Titles at the Offer Status API. */
export const TITLE: KindShape = {
  name: 'title',
  noun: 'title',
  columns: [
    { name: 'licensor', help: 'its licensor' },
    { name: 'marketplace', help: 'its marketplace', default: 'GLOBAL' },
    { name: 'alid', help: 'its ALID or SKU' },
  ],
  filters: ['licensor'],
  queueOutput: 'SlicesQueueUrl',
};

const TitleFields = z.object({ licensor: pathIdentifier, marketplace: oneOf(MARKETPLACES), alid: pathIdentifier });

export function titleKind(settings: OfferStatusSettings): WatchKind {
  const accounts = offerStatusAccounts(settings);
  const known = accounts.flatMap(({ licensors }) => licensors).join(', ');
  return {
    ...TITLE,
    identify(fields) {
      const parsed = TitleFields.safeParse(fields);
      if (!parsed.success) return { problems: problemsOf(parsed.error) };
      return fittingId(titleWatchId(parsed.data), 'licensor and alid are too long together');
    },
    tuningOf: () => ({ value: {} }),
    describe: (watchId) => ({ ...parseTitleWatchId(watchId) }),
    bucketOf({ licensor = '' }) {
      const account = accountOfLicensor(accounts, licensor);
      if (account !== undefined) return { value: account.bucket.id };
      return {
        problems: [
          `licensor is ${quote(licensor)}, which no account of the settings names (known: ${known || 'none'})`,
        ],
      };
    },
    buckets: accounts.map(({ bucket }) => bucket),
  };
}
