import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { BatchWriteCommand } from '@aws-sdk/lib-dynamodb';
import { type Prices, pricesAfter } from '../lambdas/pricing/prices.ts';
import { createPricingClient } from '../lambdas/pricing/pricing.client.ts';
import { readPrice } from '../lambdas/pricing/read-price.ts';
import { sellingClients } from '../lambdas/pricing/selling-clients.ts';
import type { SellingCredentials } from '../lambdas/pricing/selling-credentials.ts';
import { systemClock } from '../lambdas/shared/clock.ts';
import { connectDatabase } from '../lambdas/shared/database.ts';
import { lapOf, type WatchClass } from '../lambdas/shared/laps/slice.ts';
import { createTokenClient } from '../lambdas/shared/oauth/token.client.ts';
import type { RuntimeSettings } from '../lambdas/shared/settings.ts';
import { type PriceWatch, priceWatchId } from '../lambdas/shared/watches.ts';
import type { Cloud } from '../local/cloud/cloud.ts';
import { inLanes } from '../local/bulk/lanes.ts';
import { MARKETPLACE, type Operation, packsOf } from './pacing/scenarios.ts';

/** A row of the watch table, with the fields that the benches look at. */
export interface SeededRow {
  readonly watchId: string;
  readonly state: Prices;
}

export interface SeedOptions {
  readonly cloud: Cloud;
  readonly settings: RuntimeSettings;
  /** Access to the watches' accounts past their buckets. */
  readonly credentials: SellingCredentials;
  readonly watches: readonly PriceWatch[];
  /** @default 'steady' */
  readonly watchClass?: WatchClass;
  /** What a row becomes before it is written. @default itself */
  readonly change?: (row: SeededRow) => SeededRow;
}

const REQUESTS_SIDE_BY_SIDE = 8;
const ROWS_PER_CALL = 25;

/** A watch that the operation serves. */
export function benchWatch(account: string, operation: Operation, item: string): PriceWatch {
  const isOwn = operation === 'getPricing';
  return {
    account,
    view: isOwn ? 'own' : 'offers',
    marketplaceId: MARKETPLACE,
    itemType: 'asin',
    condition: isOwn ? 'Any' : 'New',
    customerType: 'Consumer',
    item,
  };
}

/**
 * Puts watches on the list as they are when they have been seen before: nothing has changed since, as is so with nearly
 * every poll, so that the engines on this machine are no part of what is measured.
 *
 * @throws Error where an item cannot be read
 */
export async function seedPrices(options: SeedOptions): Promise<void> {
  const { cloud, settings, credentials, watches, watchClass = 'steady', change } = options;
  const { region, endpoints } = cloud;
  const client = new DynamoDBClient({ endpoint: endpoints.dynamodb, region, credentials: cloud.credentials });
  const database = connectDatabase(client);
  const table = cloud.physicalId('WatchTables/Watches');
  const { tokenUrl, timeoutMs } = settings.pricing;
  const secret = { read: () => Promise.resolve(credentials), refresh: () => Promise.resolve(credentials) };
  const accounts = sellingClients(settings, secret, systemClock, {
    requestToken: createTokenClient({ tokenUrl, timeoutMs }),
    createClient: createPricingClient,
  });
  try {
    await inLanes(packsOf(watches), REQUESTS_SIDE_BY_SIDE, async (pack) => {
      const byId = new Map(pack.map((watch) => [priceWatchId(watch), watch]));
      const bucketId = accounts.bucketOf(pack[0]!)!;
      const { answers, sentAt } = await accounts.ask(accounts.bucket(bucketId)!, byId, () => undefined);
      const seenAt = new Date(sentAt).toISOString();
      const rows = [...byId].map(([watchId, watch]) => {
        const answer = answers.get(watchId);
        const read = answer?.kind === 'item' ? readPrice(answer, watch, { sellerId: undefined }) : undefined;
        if (read?.kind !== 'price') throw new Error(`${watchId} has no price to begin with`);
        const row = {
          watchId,
          bucketId,
          lap: lapOf(bucketId, watchClass),
          state: pricesAfter(null, read.reading),
          version: 1,
          sentAt,
          addedAt: seenAt,
          observedAt: seenAt,
        };
        return change?.(row) ?? row;
      });
      for (let next = 0; next < rows.length; next += ROWS_PER_CALL) {
        const puts = rows.slice(next, next + ROWS_PER_CALL).map((Item) => ({ PutRequest: { Item } }));
        await database.send(new BatchWriteCommand({ RequestItems: { [table]: puts } }));
      }
    });
  } finally {
    client.destroy();
  }
}
