import type { PackedBucket } from '../shared/laps/packing.ts';
import type { OffersOperations, PricingOperation, PricingSettings, RateLimit } from '../shared/settings.ts';
import type { ItemType, PriceView, PriceWatch } from '../shared/watches.ts';
import type { Marketplace, Region } from './marketplaces.ts';
import { endpointOf, marketplaceOf } from './marketplaces.ts';
import { isUniform, packOf, RATE_PROFILES } from './operations.ts';

/** A selling account with the token buckets that its watches need: one for each operation in use. */
export interface SellingAccount {
  readonly name: string;
  readonly region: Region;
  readonly marketplaces: readonly Marketplace[];
  readonly sellerId: string | undefined;
  readonly baseUrl: string;
  readonly buckets: readonly PricingBucket[];
  /** The bucket that serves watches of a view, by ASIN or by SKU. */
  bucketOf(view: PriceView, itemType: ItemType): PricingBucket;
}

export interface PricingBucket extends PackedBucket {
  readonly account: string;
  readonly operation: PricingOperation;
}

/**
 * The accounts that the settings name.
 *
 * @throws RangeError for a marketplace that Amazon does not have; settings that were loaded have none
 */
export function pricingAccounts(settings: PricingSettings): SellingAccount[] {
  return Object.entries(settings.accounts).map(([name, account]) => {
    const marketplaces = account.marketplaces.map((text) => {
      const marketplace = marketplaceOf(text);
      if (!marketplace) throw new RangeError(`Amazon has no marketplace ${text}`);
      return marketplace;
    });
    const region = marketplaces[0]?.region ?? 'na';
    const rateOf = (operation: PricingOperation): RateLimit =>
      account.rates?.[operation] ?? RATE_PROFILES[settings.rateProfile][operation];
    const chosen = { ...settings.offersOperations, ...account.offersOperations };
    const operations = {
      own: { asin: 'getPricing', sku: 'getPricing' },
      competitive: { asin: 'getCompetitivePricing', sku: 'getCompetitivePricing' },
      offers: offersOperations(chosen, rateOf),
    } as const satisfies Record<PriceView, Record<ItemType, PricingOperation>>;
    const inUse = new Set<PricingOperation>(Object.values(operations).flatMap((byType) => Object.values(byType)));
    const buckets = new Map(
      [...inUse].map((operation): [PricingOperation, PricingBucket] => [
        operation,
        {
          id: `pricing|${name}|${region}|${operation}`,
          account: name,
          operation,
          limit: rateOf(operation),
          pack: packOf(operation),
          uniform: isUniform(operation),
        },
      ]),
    );
    return {
      name,
      region,
      marketplaces,
      sellerId: account.sellerId,
      baseUrl: settings.baseUrl ?? endpointOf(region, settings.sandbox),
      buckets: [...buckets.values()],
      bucketOf(view, itemType) {
        const bucket = buckets.get(operations[view][itemType]);
        if (!bucket) throw new RangeError(`no bucket serves the ${view} view by ${itemType}`);
        return bucket;
      },
    };
  });
}

/** The bucket that serves a watch, or undefined where the settings do not name its account with its marketplace. */
export function bucketOfWatch(
  accounts: readonly SellingAccount[],
  watch: Pick<PriceWatch, 'account' | 'marketplaceId' | 'view' | 'itemType'>,
): PricingBucket | undefined {
  const account = accounts.find(({ name }) => name === watch.account);
  const isSoldThere = account?.marketplaces.some(({ id }) => id === watch.marketplaceId);
  return isSoldThere ? account?.bucketOf(watch.view, watch.itemType) : undefined;
}

/** The chosen operations, or else those that check the most items per second. */
function offersOperations(chosen: OffersOperations, rateOf: (operation: PricingOperation) => RateLimit) {
  const itemsPerSecond = (operation: PricingOperation): number => rateOf(operation).perSecond * packOf(operation);
  const faster = <Operation extends PricingOperation>(batch: Operation, single: Operation): Operation =>
    itemsPerSecond(batch) >= itemsPerSecond(single) ? batch : single;
  return {
    asin: chosen.asin ?? faster<'getItemOffersBatch' | 'getItemOffers'>('getItemOffersBatch', 'getItemOffers'),
    sku:
      chosen.sku ?? faster<'getListingOffersBatch' | 'getListingOffers'>('getListingOffersBatch', 'getListingOffers'),
  };
}
