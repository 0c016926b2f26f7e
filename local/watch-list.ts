import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { ScanCommand } from '@aws-sdk/lib-dynamodb';
import { accountOfLicensor, offerStatusAccounts } from '../lambdas/offer-status/offer-status-accounts.ts';
import { systemClock } from '../lambdas/shared/clock.ts';
import { connectDatabase } from '../lambdas/shared/database.ts';
import type { OfferStatusSettings } from '../lambdas/shared/settings.ts';
import type { TitleWatch } from '../lambdas/shared/watches.ts';
import { titleWatchId } from '../lambdas/shared/watches.ts';
import { WatchStore } from '../lambdas/shared/watches.store.ts';
import type { Cloud } from './cloud/cloud.ts';
import { inLanes } from './watches/lanes.ts';

const SIDE_BY_SIDE = 25;

/** The watch list of a running local cloud. */
export interface WatchList {
  isEmpty(): Promise<boolean>;
  /** Adds titles; returns how many were new. */
  add(titles: readonly TitleWatch[]): Promise<number>;
  remove(title: TitleWatch): Promise<boolean>;
  close(): void;
}

/** @throws RangeError from `add` when the settings name no account for a title's licensor */
export function openWatchList(cloud: Cloud, settings: OfferStatusSettings): WatchList {
  const client = new DynamoDBClient({
    endpoint: cloud.endpoints.dynamodb,
    region: cloud.region,
    credentials: cloud.credentials,
  });
  const table = cloud.physicalId('WatchTables/Watches');
  const database = connectDatabase(client);
  const store = new WatchStore(database, table, systemClock);
  const accounts = offerStatusAccounts(settings);

  const watchOf = (title: TitleWatch): { watchId: string; bucketId: string } => {
    const account = accountOfLicensor(accounts, title.licensor);
    if (!account) throw new RangeError(`no account of the settings names the licensor ${title.licensor}`);
    return { watchId: titleWatchId(title), bucketId: account.bucket.id };
  };
  return {
    async isEmpty() {
      const { Items = [] } = await database.send(new ScanCommand({ TableName: table, Limit: 1 }));
      return Items.length === 0;
    },
    async add(titles) {
      let added = 0;
      await inLanes(titles.map(watchOf), SIDE_BY_SIDE, async (watch) => {
        if (await store.add(watch)) added += 1;
      });
      return added;
    },
    remove: (title) => store.remove(titleWatchId(title)),
    close: () => client.destroy(),
  };
}
