import type { PricingOperation } from '../shared/settings.ts';
import type { PriceWatch } from '../shared/watches.ts';
import type { OffersItem, PriceItem } from './pricing-answers.ts';
import type { CallOptions, ItemAnswer, PricingClient } from './pricing.client.ts';

/** An answer about one watch: an item of the list operations, or one of the offers operations. */
export type PriceAnswer = ItemAnswer<PriceItem | OffersItem>;

export interface AskedPrices {
  /** By watch. */
  readonly answers: ReadonlyMap<string, PriceAnswer>;
  /** When the request was sent, epoch milliseconds. */
  readonly sentAt: number;
  /** Requests per second that the upstream says it grants. */
  readonly rateLimit?: number | undefined;
  /** Surprises that belong to no item. */
  readonly drift?: readonly string[] | undefined;
}

/**
 * Asks one operation about watches that can share a request of it.
 *
 * @throws RangeError for watches that the operation cannot be asked about, and the errors of the client
 */
export async function askPrices(
  client: PricingClient,
  operation: PricingOperation,
  watches: ReadonlyMap<string, PriceWatch>,
  options: CallOptions,
): Promise<AskedPrices> {
  const all = [...watches];
  const [first] = all;
  if (first === undefined) throw new RangeError('a request needs a watch');
  const [watchId, watch] = first;
  const byItem = (answers: ReadonlyMap<string, PriceAnswer>): Map<string, PriceAnswer> =>
    new Map(all.flatMap(([id, { item }]) => entry(id, answers.get(item))));
  const inOrder = (answers: readonly PriceAnswer[]): Map<string, PriceAnswer> =>
    new Map(all.flatMap(([id], index) => entry(id, answers[index])));
  const items = { itemType: watch.itemType, items: all.map(([, { item }]) => item) };
  switch (operation) {
    case 'getPricing': {
      const { marketplaceId, condition, customerType } = watch;
      const { body, ...rest } = await client.getPricing(
        {
          marketplaceId,
          ...items,
          condition: condition === 'Any' ? undefined : condition,
          offerType: customerType === 'Business' ? 'B2B' : 'B2C',
        },
        options,
      );
      return { answers: byItem(body), ...rest };
    }
    case 'getCompetitivePricing': {
      const { marketplaceId, customerType } = watch;
      const { body, ...rest } = await client.getCompetitivePricing({ marketplaceId, ...items, customerType }, options);
      return { answers: byItem(body), ...rest };
    }
    case 'getItemOffers': {
      const { body, ...rest } = await client.getItemOffers({ ...offersOf(watch), asin: watch.item }, options);
      return { answers: new Map([[watchId, body]]), ...rest };
    }
    case 'getListingOffers': {
      const { body, ...rest } = await client.getListingOffers({ ...offersOf(watch), sku: watch.item }, options);
      return { answers: new Map([[watchId, body]]), ...rest };
    }
    case 'getItemOffersBatch': {
      const requests = all.map(([, each]) => ({ ...offersOf(each), asin: each.item }));
      const { body, ...rest } = await client.getItemOffersBatch({ requests }, options);
      return { answers: inOrder(body), ...rest };
    }
    case 'getListingOffersBatch': {
      const requests = all.map(([, each]) => ({ ...offersOf(each), sku: each.item }));
      const { body, ...rest } = await client.getListingOffersBatch({ requests }, options);
      return { answers: inOrder(body), ...rest };
    }
  }
}

function entry(watchId: string, answer: PriceAnswer | undefined): [string, PriceAnswer][] {
  return answer === undefined ? [] : [[watchId, answer]];
}

function offersOf({ marketplaceId, condition, customerType }: PriceWatch) {
  if (condition === 'Any') throw new RangeError('the condition Any cannot be asked for where offers are listed');
  return { marketplaceId, condition, customerType };
}
