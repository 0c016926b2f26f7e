import { CUSTOMER_TYPES, ITEM_CONDITIONS, type CustomerType } from './item-state.ts';
import { findMarketplace } from './marketplaces.ts';
import type { Operation } from './operations.ts';

/** One item that a request asks about. */
export interface Lookup {
  marketplaceId: string;
  /** By what it is asked for, and the ASIN or SKU as given. */
  by: 'asin' | 'sku';
  name: string;
  /** Missing where an operation does not take it, or was not given it. */
  condition: string | undefined;
  customer: CustomerType;
  /** Whether the request says so, or leaves it to the default. */
  namesCustomer: boolean;
}

/** What a request asks, and whether it may. */
export interface PricingRequest {
  operation: Operation;
  lookups: readonly Lookup[];
  /** What an `InvalidInput` answer says. */
  problem: string | undefined;
}

const MAX_ITEMS = 20;
const INVALID_MARKETPLACE = 'Requested MarketplaceId is invalid, unsupported, or does not exist.';
const DUPLICATES = 'Duplicate requests submitted.  Cannot run batch request.';

const LIST_PATHS: Readonly<Record<string, Operation>> = {
  '/products/pricing/v0/price': 'getPricing',
  '/products/pricing/v0/competitivePrice': 'getCompetitivePricing',
};
const BATCH_PATHS: Readonly<Record<string, Operation>> = {
  '/batches/products/pricing/v0/itemOffers': 'getItemOffersBatch',
  '/batches/products/pricing/v0/listingOffers': 'getListingOffersBatch',
};

/** The operation that a method and path name; undefined where there is none. */
export function operationOf(method: string | undefined, path: string): Operation | undefined {
  if (method === 'POST') return BATCH_PATHS[path];
  if (method !== 'GET') return undefined;
  return LIST_PATHS[path] ?? offersOperation(path);
}

/** Reads a request of the operation that its path names, and finds what is wrong with it. */
export function readPricingRequest(operation: Operation, target: string, body: string): PricingRequest {
  const [path = '', query = ''] = target.split(/\?(.*)/s, 2);
  switch (operation) {
    case 'getPricing':
    case 'getCompetitivePricing':
      return { operation, ...readList(operation, new URLSearchParams(query)) };
    case 'getItemOffers':
    case 'getListingOffers':
      return { operation, ...readOffers(path, new URLSearchParams(query)) };
    case 'getItemOffersBatch':
    case 'getListingOffersBatch':
      return { operation, ...readBatch(operation, body) };
  }
}

/** Whether a text looks like an ASIN: ten letters and digits. */
export function isAsin(text: string): boolean {
  return /^[A-Z0-9]{10}$/.test(text);
}

export function invalidItem({ by, name, marketplaceId }: Lookup): string {
  return `${name} is an invalid ${by === 'asin' ? 'ASIN' : 'SKU'} for marketplace ${marketplaceId}`;
}

type Reading = Omit<PricingRequest, 'operation'>;

function readList(operation: Operation, query: URLSearchParams): Reading {
  const marketplaceId = query.get('MarketplaceId') ?? '';
  const itemType = query.get('ItemType') ?? '';
  const by = itemType === 'Sku' ? 'sku' : 'asin';
  const own = by === 'sku' ? 'Skus' : 'Asins';
  const other = by === 'sku' ? 'Asins' : 'Skus';
  const names = [...new Set(listOf(query, own))];
  const customer = query.get('CustomerType');
  const offerType = query.get('OfferType');
  const condition = query.get('ItemCondition') ?? undefined;
  const isBusiness = operation === 'getPricing' ? offerType === 'B2B' : customer === 'Business';
  const lookups = names.map((name): Lookup => ({
    marketplaceId,
    by,
    name,
    condition: operation === 'getPricing' ? condition : undefined,
    customer: isBusiness ? 'Business' : 'Consumer',
    namesCustomer: customer !== null || offerType !== null,
  }));

  const isGetPricing = operation === 'getPricing';
  const problem =
    repeated(query, ['MarketplaceId', 'ItemType', 'ItemCondition', 'CustomerType', 'OfferType']) ??
    marketplaceProblem(marketplaceId) ??
    requiredProblem('ItemType', itemType, ['Asin', 'Sku']) ??
    (query.has(other) ? `${other} cannot be used with ItemType ${itemType}.` : undefined) ??
    (names.length === 0 ? `Missing required parameter: ${own}.` : undefined) ??
    (names.length > MAX_ITEMS ? `${own} must not hold more than ${MAX_ITEMS} values.` : undefined) ??
    (isGetPricing ? choiceProblem('ItemCondition', condition, ITEM_CONDITIONS) : undefined) ??
    (isGetPricing ? choiceProblem('OfferType', offerType, ['B2C', 'B2B']) : undefined) ??
    (isGetPricing ? undefined : choiceProblem('CustomerType', customer, CUSTOMER_TYPES)) ??
    malformedAsin(lookups);
  return { lookups, problem };
}

function readOffers(path: string, query: URLSearchParams): Reading {
  const parsed = offersPath(path);
  const lookup = offersLookup(parsed, {
    MarketplaceId: query.get('MarketplaceId') ?? undefined,
    ItemCondition: query.get('ItemCondition') ?? undefined,
    CustomerType: query.get('CustomerType') ?? undefined,
  });
  const problem =
    repeated(query, ['MarketplaceId', 'ItemCondition', 'CustomerType']) ??
    (parsed?.name === undefined ? 'The path is not valid percent-encoding.' : undefined) ??
    lookup.problem ??
    malformedAsin([lookup.lookup]);
  return { lookups: [lookup.lookup], problem };
}

function readBatch(operation: Operation, body: string): Reading {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return { lookups: [], problem: 'Could not parse the request body as JSON.' };
  }
  const requests = isObject(parsed) ? parsed['requests'] : undefined;
  if (!Array.isArray(requests) || requests.length === 0) {
    return { lookups: [], problem: 'Missing required parameter: requests.' };
  }
  if (requests.length > MAX_ITEMS) {
    return { lookups: [], problem: `requests must not hold more than ${MAX_ITEMS} values.` };
  }
  const lookups: Lookup[] = [];
  for (const [index, request] of requests.entries()) {
    const { lookup, problem } = readBatched(operation, request);
    if (!lookup) return { lookups, problem: `requests[${index}]: ${problem ?? 'invalid'}` };
    // A marketplace is told without its place, as Amazon does.
    if (problem !== undefined) {
      return { lookups, problem: problem === INVALID_MARKETPLACE ? problem : `requests[${index}]: ${problem}` };
    }
    lookups.push(lookup);
  }
  const identities = lookups.map(({ namesCustomer: _namesCustomer, ...identity }) => JSON.stringify(identity));
  const isDistinct = new Set(identities).size === identities.length;
  return { lookups, problem: isDistinct ? undefined : DUPLICATES };
}

function readBatched(
  operation: Operation,
  request: unknown,
): { lookup?: Lookup | undefined; problem?: string | undefined } {
  if (!isObject(request)) return { problem: 'must be an object.' };
  const { uri, method, headers, MarketplaceId, ItemCondition, CustomerType } = request;
  if (typeof uri !== 'string') return { problem: 'Missing required parameter: uri.' };
  if (method !== 'GET') return { problem: 'method must be GET.' };
  if (headers !== undefined && !isObject(headers)) return { problem: 'headers must be an object.' };
  if (CustomerType !== undefined && typeof CustomerType !== 'string')
    return { problem: 'CustomerType must be a text.' };
  const parsed = offersPath(uri);
  const wanted = operation === 'getItemOffersBatch' ? 'asin' : 'sku';
  if (parsed?.by !== wanted || parsed.name === undefined) {
    const example = wanted === 'asin' ? 'items/{Asin}' : 'listings/{SellerSKU}';
    return { problem: `uri must be /products/pricing/v0/${example}/offers.` };
  }
  return offersLookup(parsed, { MarketplaceId, ItemCondition, CustomerType });
}

function offersLookup(
  parsed: OffersPath | undefined,
  { MarketplaceId, ItemCondition, CustomerType }: Record<string, unknown>,
): { lookup: Lookup; problem: string | undefined } {
  const marketplaceId = textOf(MarketplaceId) ?? '';
  const condition = textOf(ItemCondition);
  const customer = textOf(CustomerType);
  const problem =
    marketplaceProblem(marketplaceId) ??
    requiredProblem('ItemCondition', condition ?? '', ITEM_CONDITIONS) ??
    choiceProblem('CustomerType', customer, CUSTOMER_TYPES);
  return {
    lookup: {
      marketplaceId,
      by: parsed?.by ?? 'asin',
      name: parsed?.name ?? '',
      condition,
      customer: customer === 'Business' ? 'Business' : 'Consumer',
      namesCustomer: customer !== undefined,
    },
    problem,
  };
}

interface OffersPath {
  by: 'asin' | 'sku';
  /** Undefined where it is not valid percent-encoding. */
  name: string | undefined;
}

/**
 * Reads `/products/pricing/v0/items/{Asin}/offers` or `…/listings/{SellerSKU}/offers`.
 *
 * The path is split before it is decoded, and the segment decoded once: a SKU's own `/` arrives as `%2F`. No URL parser
 * is used, because it would resolve `.` and `..`.
 */
function offersPath(path: string): OffersPath | undefined {
  const match = /^\/products\/pricing\/v0\/(items|listings)\/([^/?]+)\/offers$/.exec(path);
  if (!match) return undefined;
  const [, kind, segment = ''] = match;
  return { by: kind === 'items' ? 'asin' : 'sku', name: decoded(segment) };
}

function offersOperation(path: string): Operation | undefined {
  const parsed = offersPath(path);
  if (!parsed) return undefined;
  return parsed.by === 'asin' ? 'getItemOffers' : 'getListingOffers';
}

function decoded(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}

/** List parameters are separated by commas, and may come more than once. */
function listOf(query: URLSearchParams, name: string): string[] {
  return query
    .getAll(name)
    .flatMap((value) => value.split(','))
    .filter((value) => value !== '');
}

function repeated(query: URLSearchParams, names: readonly string[]): string | undefined {
  const name = names.find((candidate) => query.getAll(candidate).length > 1);
  return name === undefined ? undefined : `${name} was given more than once.`;
}

function marketplaceProblem(marketplaceId: string): string | undefined {
  if (marketplaceId === '') return 'Missing required parameter: MarketplaceId.';
  return findMarketplace(marketplaceId) ? undefined : INVALID_MARKETPLACE;
}

function requiredProblem(name: string, value: string, allowed: readonly string[]): string | undefined {
  return value === '' ? `Missing required parameter: ${name}.` : choiceProblem(name, value, allowed);
}

function choiceProblem(name: string, value: string | null | undefined, allowed: readonly string[]): string | undefined {
  if (value == null || allowed.includes(value)) return undefined;
  return `Invalid ${name}. Allowed values: ${allowed.join(', ')}.`;
}

function malformedAsin(lookups: readonly Lookup[]): string | undefined {
  const bad = lookups.find(({ by, name }) => by === 'asin' && !isAsin(name));
  return bad && invalidItem(bad);
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
