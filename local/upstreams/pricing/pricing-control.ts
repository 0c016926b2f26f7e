import * as z from 'zod';
import { ControlError, type ControlRequest, type ControlRoute } from '../control-server.ts';
import type { AccessTokens } from './access-tokens.ts';
import type { ItemId, ItemState, Market } from './item-state.ts';
import { currentState, type LivingItem, type LivingMarket } from './living-market.ts';
import { findMarketplace } from './marketplaces.ts';
import { OPERATIONS } from './operations.ts';
import type { SellingAccount } from './selling-accounts.ts';
import { readMarket } from './set-market.ts';

const text = z.string().min(1);
const NewItems = z.array(
  z.strictObject({ marketplaceId: text, asin: text, sku: text.optional(), account: text.optional() }),
);
const Tempo = z.strictObject({ tempo: z.number().min(0).nullable() });
const Rates = z
  .strictObject(
    Object.fromEntries(
      OPERATIONS.map((operation) => [
        operation,
        z
          .strictObject({ rate: z.number().positive(), burst: z.number().min(1) })
          .nullable()
          .optional(),
      ]),
    ),
  )
  .refine((rates) => Object.keys(rates).length > 0, 'Name at least one operation.');

export interface PriceTruth extends ItemId {
  /** The accounts' own listings of the item. */
  listings: readonly { account: string; sellerId: string; sku: string }[];
  states: readonly ItemState[];
}

export interface PricingControlParts {
  accounts: ReadonlyMap<string, SellingAccount>;
  tokens: AccessTokens;
  market: LivingMarket;
  /** Answers how many were new. */
  add(items: z.infer<typeof NewItems>): number;
}

/** The control operations that belong to Product Pricing: items and the truth about them, tokens, rates. */
export function pricingControl({ accounts, tokens, market, add }: PricingControlParts): ControlRoute[] {
  const itemPath = '/control/prices/:marketplaceId/:asin';
  const accountPath = '/control/selling-accounts/:account';
  const accountOf = ({ params }: ControlRequest): SellingAccount => {
    const account = accounts.get(params['account'] ?? '');
    if (!account) throw new ControlError(404, 'There is no such selling account.');
    return account;
  };
  const describe = ({ name, sellerId, marketplaces, limits }: SellingAccount) => ({
    name,
    sellerId,
    marketplaces: [...marketplaces],
    rates: Object.fromEntries(limits),
    tokenCalls: tokens.calls(name),
    revoked: tokens.isRevoked(name),
  });
  return [
    {
      method: 'POST',
      path: '/control/prices',
      handle: ({ body }) => {
        const wanted = NewItems.parse(body);
        try {
          return { status: 201, body: { added: add(wanted) } };
        } catch (error) {
          throw new ControlError(400, error instanceof Error ? error.message : String(error));
        }
      },
    },
    {
      method: 'POST',
      path: `${itemPath}/advance`,
      handle: (request) => {
        const item = find(market, request);
        if (!currentState(item).known) throw new ControlError(409, 'A deleted item has no next step; set it first.');
        return { body: market.advance(item) };
      },
    },
    {
      method: 'PUT',
      path: itemPath,
      handle: (request) => {
        const id = idOf(request);
        if (!findMarketplace(id.marketplaceId)) throw new ControlError(400, 'Amazon has no such marketplace.');
        const wanted = readMarket(request.body, id.marketplaceId);
        const item = findOrAdd(market, id);
        return { body: market.set(item, withSkus(wanted, item)) };
      },
    },
    {
      method: 'DELETE',
      path: itemPath,
      handle: (request) => {
        const item = find(market, request);
        return { body: currentState(item).known ? market.forget(item) : currentState(item) };
      },
    },
    {
      method: 'GET',
      path: '/control/price-truth',
      handle: ({ query }) => ({ body: { items: truths(market, query.get('marketplaceId'), query.get('asin')) } }),
    },
    {
      method: 'PUT',
      path: '/control/price-tempo',
      handle: ({ body }) => {
        const { tempo } = Tempo.parse(body);
        market.setTempo(tempo ?? undefined);
        return { body: { tempo } };
      },
    },
    {
      method: 'GET',
      path: '/control/selling-accounts',
      handle: () => ({ body: { accounts: [...accounts.values()].map(describe) } }),
    },
    {
      method: 'PUT',
      path: `${accountPath}/rates`,
      handle: (request) => {
        const account = accountOf(request);
        const rates = Rates.parse(request.body);
        for (const operation of OPERATIONS) {
          if (operation in rates) account.grant(operation, rates[operation] ?? undefined);
        }
        return { body: { rates: Object.fromEntries(account.limits) } };
      },
    },
    {
      method: 'POST',
      path: `${accountPath}/expire-tokens`,
      handle: (request) => ({ body: { expired: tokens.expire(accountOf(request).name) } }),
    },
    {
      method: 'PUT',
      path: `${accountPath}/revocation`,
      handle: (request) => {
        tokens.setRevoked(accountOf(request).name, true);
        return {};
      },
    },
    {
      method: 'DELETE',
      path: `${accountPath}/revocation`,
      handle: (request) => {
        tokens.setRevoked(accountOf(request).name, false);
        return {};
      },
    },
  ];
}

/** An account's offer is one of its listings, whether control names it or not. */
function withSkus(market: Market, { nature }: LivingItem): Market {
  const used = new Set(market.offers.map(({ sellerId, sku }) => `${sellerId}/${sku}`));
  const offers = market.offers.map((offer) => {
    if (offer.sku !== null) return offer;
    const listing = nature.listings.find(
      ({ sellerId, sku }) => sellerId === offer.sellerId && !used.has(`${sellerId}/${sku}`),
    );
    if (!listing) return offer;
    used.add(`${listing.sellerId}/${listing.sku}`);
    return { ...offer, sku: listing.sku };
  });
  return { ...market, offers };
}

function truths(market: LivingMarket, marketplaceId: string | null, asin: string | null): PriceTruth[] {
  if (marketplaceId !== null && asin !== null) {
    const item = market.find({ marketplaceId, asin });
    if (!item) throw new ControlError(404, 'There never was such an item.');
    return [truth(item)];
  }
  return [...market.all()]
    .filter(
      (item) =>
        (marketplaceId === null || item.marketplaceId === marketplaceId) && (asin === null || item.asin === asin),
    )
    .map(truth);
}

function truth({ marketplaceId, asin, nature, states }: LivingItem): PriceTruth {
  return { marketplaceId, asin, listings: nature.listings, states };
}

function idOf({ params }: ControlRequest): ItemId {
  return { marketplaceId: params['marketplaceId'] ?? '', asin: params['asin'] ?? '' };
}

function find(market: LivingMarket, request: ControlRequest): LivingItem {
  const item = market.find(idOf(request));
  if (!item) throw new ControlError(404, 'There is no such item.');
  return item;
}

function findOrAdd(market: LivingMarket, id: ItemId): LivingItem {
  market.add(id);
  const item = market.find(id);
  if (!item) throw new Error('An item that was just added is missing.');
  return item;
}
