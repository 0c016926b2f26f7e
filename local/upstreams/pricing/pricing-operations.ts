import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { Answer } from '../answer.ts';
import type { Clock } from '../clock.ts';
import type { FaultRules, InnerFault } from '../fault-rules.ts';
import { createRandom, type Random } from '../seeded-random.ts';
import { currentState, type LivingItem, type LivingMarket } from './living-market.ts';
import { offersPayload } from './offers-body.ts';
import type { Operation } from './operations.ts';
import { competitivePrice, ownPrice, unknownPrice, type PricedItem } from './price-body.ts';
import { DOCUMENT_DIALECT, mixedDialect, type PricingDialect, type PricingDialectChoice } from './pricing-dialect.ts';
import { DENIED, codeOf, errors, innerErrors, invalid } from './pricing-errors.ts';
import { invalidItem, isAsin, type Lookup, type PricingRequest } from './pricing-request.ts';
import type { SellingAccount } from './selling-accounts.ts';

export interface PricingOperationsParts {
  seed: number;
  clock: Clock;
  market: LivingMarket;
  faults: FaultRules;
  dialect: PricingDialectChoice;
}

/** Answers a request that the gateway has let in, in the name of an account. */
export type Operate = (wanted: PricingRequest, account: SellingAccount) => Answer;

/** The six operations on a market. What can go wrong inside a batch or list goes wrong here. */
export function createPricingOperations(parts: PricingOperationsParts): Operate {
  const { seed, clock, market, faults } = parts;
  const orders = createRandom(seed, 'pricing-orders');
  return operate;

  function operate(wanted: PricingRequest, account: SellingAccount): Answer {
    if (wanted.problem !== undefined) return invalid(wanted.problem);
    const { operation, lookups } = wanted;
    switch (operation) {
      case 'getPricing':
      case 'getCompetitivePricing': {
        if (!lookups.every(({ marketplaceId }) => account.marketplaces.has(marketplaceId))) return DENIED;
        const payload = lookups
          .filter((lookup) => !innerFault(operation, lookup, account, ['inner-missing']))
          .map((lookup) => listed(operation, lookup, account));
        return { status: 200, body: { payload: orders.shuffled(payload) } };
      }
      case 'getItemOffers':
      case 'getListingOffers': {
        const [lookup] = lookups;
        return lookup ? offers(lookup, account, 400) : DENIED;
      }
      case 'getItemOffersBatch':
      case 'getListingOffersBatch': {
        const responses = lookups.flatMap((lookup) => batched(operation, lookup, account));
        return { status: 200, body: { responses: orders.shuffled(responses) } };
      }
    }
  }

  function listed(operation: Operation, lookup: Lookup, account: SellingAccount): object {
    const item = findItem(lookup, account);
    if (!item) return unknownPrice(lookup);
    const context = contextOf(item);
    const priced = pricedItem(item, lookup);
    return operation === 'getPricing' ? ownPrice(priced, account, context) : competitivePrice(priced, account, context);
  }

  function offers(lookup: Lookup, account: SellingAccount, unknownStatus: 400 | 404): Answer {
    if (!account.marketplaces.has(lookup.marketplaceId)) return DENIED;
    const isMalformed = lookup.by === 'asin' && !isAsin(lookup.name);
    const item = isMalformed ? undefined : findItem(lookup, account);
    if (!item) {
      const status = isMalformed ? 400 : unknownStatus;
      return { status, body: errors(codeOf(status), invalidItem(lookup)) };
    }
    const context = { ...contextOf(item), now: clock.now() };
    return { status: 200, body: { payload: offersPayload(pricedItem(item, lookup), account, context) } };
  }

  function batched(operation: Operation, lookup: Lookup, account: SellingAccount): object[] {
    const fault = innerFault(operation, lookup, account, ['inner-missing', 'inner-status']);
    if (fault?.kind === 'inner-missing') return [];
    const answer: Answer = fault
      ? { status: fault.code, body: fault.body ?? innerErrors(fault.code) }
      : offers(lookup, account, dialectOf({ marketplaceId: lookup.marketplaceId, asin: lookup.name }).unknownItem);
    const { marketplaceId, condition, customer, namesCustomer, by, name } = lookup;
    return [
      {
        headers: { 'x-amzn-RequestId': randomUUID(), Date: new Date(clock.now()).toUTCString() },
        status: { statusCode: answer.status, reasonPhrase: STATUS_CODES[answer.status] ?? '' },
        body: answer.body,
        request: {
          MarketplaceId: marketplaceId,
          ItemCondition: condition,
          ...(namesCustomer && { CustomerType: customer }),
          [by === 'asin' ? 'Asin' : 'SellerSKU']: name,
        },
      },
    ];
  }

  function innerFault<Kind extends InnerFault['kind']>(
    operation: Operation,
    lookup: Lookup,
    { name: account }: SellingAccount,
    kinds: readonly Kind[],
  ): Extract<InnerFault, { kind: Kind }> | undefined {
    const item = JSON.stringify([account, operation, lookup]);
    return faults.takeInnerFault({ account, operation, ...attributesOf([lookup]) }, item, kinds);
  }

  function findItem({ by, name, marketplaceId }: Lookup, account: SellingAccount): LivingItem | undefined {
    const item =
      by === 'asin'
        ? market.find({ marketplaceId, asin: name })
        : market.findListing(account.name, marketplaceId, name);
    return item && currentState(item).known ? item : undefined;
  }

  function pricedItem(item: LivingItem, lookup: Lookup): PricedItem {
    const constants = createRandom(seed, item.marketplaceId, item.asin, 'constants');
    return { lookup, asin: item.asin, state: currentState(item), constants };
  }

  function contextOf(item: LivingItem): { marketplaceId: string; dialect: PricingDialect; random: Random } {
    item.answers += 1;
    const random = createRandom(seed, item.marketplaceId, item.asin, 'answer', item.answers);
    return { marketplaceId: item.marketplaceId, dialect: dialectOf(item), random };
  }

  function dialectOf(item: { marketplaceId: string; asin: string }): PricingDialect {
    return parts.dialect === 'mixed' ? mixedDialect(seed, item) : DOCUMENT_DIALECT;
  }
}

/** What a fault rule can match of what is asked for. */
export function attributesOf(lookups: readonly Lookup[]) {
  const names = (by: Lookup['by']): string[] => lookups.filter((lookup) => lookup.by === by).map(({ name }) => name);
  return {
    api: 'pricing',
    marketplaceId: lookups.map(({ marketplaceId }) => marketplaceId),
    asin: names('asin'),
    sku: names('sku'),
  };
}
