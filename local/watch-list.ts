import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { paginateScan } from '@aws-sdk/lib-dynamodb';
import { accountOfLicensor, offerStatusAccounts } from '../lambdas/offer-status/offer-status-accounts.ts';
import { systemClock } from '../lambdas/shared/clock.ts';
import { connectDatabase } from '../lambdas/shared/database.ts';
import { bucketOfWatch, pricingAccounts } from '../lambdas/pricing/pricing-accounts.ts';
import type { RuntimeSettings } from '../lambdas/shared/settings.ts';
import type { PriceWatch, TitleWatch } from '../lambdas/shared/watches.ts';
import { priceWatchId, titleWatchId } from '../lambdas/shared/watches.ts';
import { type NewWatch, WatchStore } from '../lambdas/shared/watches.store.ts';
import type { Cloud } from './cloud/cloud.ts';
import { inLanes } from './bulk/lanes.ts';

const SIDE_BY_SIDE = 25;

/** What the identifiers of each kind begin with. */
const KIND_PREFIXES = { titles: 'title|', prices: 'price|' } as const;

/** The watch list of a running local cloud. */
export interface WatchList {
  /** Whether nothing of a kind was ever on the list. */
  isEmpty(kind: 'titles' | 'prices'): Promise<boolean>;
  /** Adds titles; returns how many were new. */
  add(titles: readonly TitleWatch[]): Promise<number>;
  /** Adds prices; returns how many were new. */
  addPrices(prices: readonly PriceWatch[]): Promise<number>;
  remove(title: TitleWatch): Promise<boolean>;
  close(): void;
}

/** @throws RangeError from `add` and `addPrices` when the settings name no account for a watch */
export function openWatchList(cloud: Cloud, settings: Pick<RuntimeSettings, 'offerStatus' | 'pricing'>): WatchList {
  const client = new DynamoDBClient({
    endpoint: cloud.endpoints.dynamodb,
    region: cloud.region,
    credentials: cloud.credentials,
  });
  const table = cloud.physicalId('WatchTables/Watches');
  const database = connectDatabase(client);
  const store = new WatchStore(database, table, systemClock);
  const partners = offerStatusAccounts(settings.offerStatus);
  const sellers = pricingAccounts(settings.pricing);

  const titleToAdd = (title: TitleWatch): NewWatch => {
    const account = accountOfLicensor(partners, title.licensor);
    if (!account) throw new RangeError(`no account of the settings names the licensor ${title.licensor}`);
    return { watchId: titleWatchId(title), bucketId: account.bucket.id };
  };
  const priceToAdd = (price: PriceWatch): NewWatch => {
    const bucket = bucketOfWatch(sellers, price);
    if (!bucket) throw new RangeError(`no account ${price.account} of the settings sells in ${price.marketplaceId}`);
    return { watchId: priceWatchId(price), bucketId: bucket.id };
  };
  const add = async (watches: readonly NewWatch[]): Promise<number> => {
    let added = 0;
    await inLanes(watches, SIDE_BY_SIDE, async (watch) => {
      if (await store.add(watch)) added += 1;
    });
    return added;
  };
  return {
    async isEmpty(kind) {
      const pages = paginateScan(
        { client: database },
        {
          TableName: table,
          FilterExpression: 'begins_with(watchId, :kind)',
          ExpressionAttributeValues: { ':kind': KIND_PREFIXES[kind] },
          ProjectionExpression: 'watchId',
        },
      );
      for await (const { Items = [] } of pages) if (Items.length > 0) return false;
      return true;
    },
    add: (titles) => add(titles.map(titleToAdd)),
    addPrices: (prices) => add(prices.map(priceToAdd)),
    remove: (title) => store.remove(titleWatchId(title)),
    close: () => client.destroy(),
  };
}
