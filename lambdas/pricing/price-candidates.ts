import { ambiguity } from '../shared/partner-api/served-watches.ts';
import { ApiError } from '../shared/partner-api/api-error.ts';
import { fitsIndex, identifierFault } from '../shared/watch-identifiers.ts';
import type { CustomerType, PriceView, PriceWatch } from '../shared/watches.ts';
import { CUSTOMER_TYPES, PRICE_VIEWS, priceWatchId } from '../shared/watches.ts';
import { MARKETPLACES, marketplaceOf } from './marketplaces.ts';
import { CONDITIONS_OF_VIEW, listFault, usualCondition } from './price-watch-rules.ts';
import type { SellingAccount } from './pricing-accounts.ts';

/** The item that a path names. */
export type ItemPath = { readonly marketplaceId: string } & ({ readonly asin: string } | { readonly sku: string });

/** What a query says of which watch of the item is meant. */
export interface WhichPrice {
  readonly account?: string | undefined;
  readonly view?: PriceView | undefined;
  readonly condition?: PriceWatch['condition'] | undefined;
  readonly customerType?: CustomerType | undefined;
}

/** The parameters that tell watches of one item apart, in the order in which they are asked for. */
export const SELECTORS = ['account', 'view', 'condition', 'customerType'] as const;

/**
 * The watches that a request may mean: those of every account that sells in the marketplace, in every view with every
 * condition that it can have. An account that is named may be one that the settings have lost: its history is still there.
 *
 * @throws ApiError INVALID_REQUEST for a marketplace that Amazon does not have
 */
export function priceCandidates(
  accounts: readonly SellingAccount[],
  path: ItemPath,
  { account, view, condition, customerType }: WhichPrice,
): PriceWatch[] {
  const item = itemOf(path);
  const sellers = account === undefined ? sellersIn(accounts, item.marketplaceId).map(({ name }) => name) : [account];
  const customers = customerType === undefined ? CUSTOMER_TYPES : [customerType];
  const asked = (view === undefined ? PRICE_VIEWS : [view]).flatMap((one) =>
    CONDITIONS_OF_VIEW[one]
      .filter((known) => condition === undefined || known === condition)
      .map((known) => ({ view: one, condition: known })),
  );
  return sellers.flatMap((seller) =>
    asked.flatMap((how) => customers.map((customer) => ({ ...item, ...how, account: seller, customerType: customer }))),
  );
}

/**
 * The one watch that a request names, as it can be put on the list or taken off it.
 *
 * @throws ApiError INVALID_REQUEST for what cannot be on the list; AMBIGUOUS where several accounts sell in the marketplace
 *   and none is named
 */
export function exactPrice(
  accounts: readonly SellingAccount[],
  path: ItemPath,
  { account, view, condition, customerType }: WhichPrice & { view: PriceView; customerType: CustomerType },
): PriceWatch {
  const item = itemOf(path);
  const conditions = CONDITIONS_OF_VIEW[view];
  const watch = {
    ...item,
    account: account ?? onlySeller(accounts, item.marketplaceId),
    view,
    condition: condition ?? usualCondition(view),
    customerType,
  };
  if (!conditions.includes(watch.condition)) {
    throw refusal(`query parameter condition must be one of ${conditions.join(', ')} in the view ${view}`);
  }
  if ('sku' in path) {
    const fault = identifierFault(path.sku) ?? listFault(view, path.sku);
    if (fault !== undefined) throw refusal(`path parameter sku ${fault}`);
  }
  if (fitsIndex(priceWatchId(watch))) return watch;
  throw refusal('path parameter sku is too long: percent-encoded it may take about 900 bytes');
}

/** @throws ApiError INVALID_REQUEST for a marketplace that Amazon does not have */
export function marketplaceIdOf(text: string, place: 'path parameter' | 'query parameter'): string {
  const marketplace = marketplaceOf(text);
  if (marketplace) return marketplace.id;
  const countries = MARKETPLACES.map(({ country }) => country).join(', ');
  throw refusal(`${place} marketplaceId must be one of ${countries}, or the identifier of one of these`);
}

/** @throws ApiError INVALID_REQUEST that says which accounts serve the watch's marketplace */
export function refuseUnserved(accounts: readonly SellingAccount[], { marketplaceId }: PriceWatch): never {
  const sellers = sellersIn(accounts, marketplaceId).map(({ name }) => name);
  if (sellers.length === 0) throw notSoldIn(accounts);
  throw refusal(`query parameter account must be one that sells in the marketplace: ${sellers.join(', ')}`);
}

function itemOf(path: ItemPath): Pick<PriceWatch, 'marketplaceId' | 'itemType' | 'item'> {
  const marketplaceId = marketplaceIdOf(path.marketplaceId, 'path parameter');
  return 'sku' in path
    ? { marketplaceId, itemType: 'sku', item: path.sku }
    : { marketplaceId, itemType: 'asin', item: path.asin };
}

function sellersIn(accounts: readonly SellingAccount[], marketplaceId: string): SellingAccount[] {
  return accounts.filter(({ marketplaces }) => marketplaces.some(({ id }) => id === marketplaceId));
}

function onlySeller(accounts: readonly SellingAccount[], marketplaceId: string): string {
  const sellers = sellersIn(accounts, marketplaceId).map(({ name }) => ({ account: name }));
  const [only, ...others] = sellers;
  if (only === undefined) throw notSoldIn(accounts);
  if (others.length > 0) throw ambiguity(sellers, ['account']);
  return only.account;
}

function notSoldIn(accounts: readonly SellingAccount[]): ApiError {
  const countries = new Set(accounts.flatMap(({ marketplaces }) => marketplaces.map(({ country }) => country)));
  return refusal(
    `path parameter marketplaceId must be one that an account of the settings sells in: ${[...countries].join(', ') || 'there is none'}`,
  );
}

function refusal(message: string): ApiError {
  return new ApiError('INVALID_REQUEST', message);
}
