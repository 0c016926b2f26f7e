import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { sendAnswer, type Answer, type FaultDefaults } from '../answer.ts';
import { sleep, type Clock } from '../clock.ts';
import type { AnswerFault, FaultRules, InnerFault, RequestAttributes } from '../fault-rules.ts';
import { NO_DELAY, addDelays, sampleLatency, type LogNormalLatency } from '../latency.ts';
import type { RequestLog } from '../request-log.ts';
import { createRandom, type Random } from '../seeded-random.ts';
import type { TlsRequest } from '../tls-server.ts';
import type { AccessTokens, TokenCheck } from './access-tokens.ts';
import { currentState, type LivingItem, type LivingMarket } from './living-market.ts';
import { offersPayload } from './offers-body.ts';
import type { Operation } from './operations.ts';
import { competitivePrice, ownPrice, unknownPrice, type PricedItem } from './price-body.ts';
import { DOCUMENT_DIALECT, mixedDialect, type PricingDialect, type PricingDialectChoice } from './pricing-dialect.ts';
import {
  invalidItem,
  isAsin,
  operationOf,
  readPricingRequest,
  type Lookup,
  type PricingRequest,
} from './pricing-request.ts';
import type { SellingAccount } from './selling-accounts.ts';

/** What a fault rule can match of a request for prices or tokens. */
export const PRICING_ATTRIBUTES = ['api', 'account', 'operation', 'marketplaceId', 'asin', 'sku'] as const;
/** The special faults that this API can play. */
export const PRICING_FAULTS = ['inner-status', 'inner-missing', 'expire-token'] as const;

/** Where access tokens are asked for. At Amazon this is another host. */
export const TOKEN_PATH = '/auth/o2/token';

export type RateHeader = 'always' | 'never' | 'sometimes';

export interface PricingApiParts {
  seed: number;
  clock: Clock;
  accounts: ReadonlyMap<string, SellingAccount>;
  tokens: AccessTokens;
  market: LivingMarket;
  faults: FaultRules;
  requests: RequestLog;
  dialect: PricingDialectChoice;
  rateHeader: RateHeader;
  latency: LogNormalLatency | undefined;
}

const MAX_BODY_BYTES = 1024 * 1024;
/** Answers that tell the account's rate. On all others the header is deprecated. */
const STATUSES_WITH_RATE = new Set([200, 400, 404]);

const PRICING_FAULT_DEFAULTS: FaultDefaults = {
  enumField: 'status',
  mandatoryField: 'Identifier',
  typedField: 'Offers',
  errorBody: (status) => errors(codeOf(status), `Simulated ${status}`),
};
const TOKEN_FAULT_DEFAULTS: FaultDefaults = {
  enumField: 'token_type',
  mandatoryField: 'access_token',
  typedField: 'expires_in',
  errorBody: (status) => ({ error: 'server_error', error_description: `Simulated ${status}` }),
};

/** Answers requests for prices and for tokens: gateway first (token, rate), then the operation, then what goes wrong. */
export function createPricingApi(parts: PricingApiParts): (request: TlsRequest) => Promise<void> {
  const { seed, clock, accounts, tokens, market, faults, requests } = parts;
  const latencies = createRandom(seed, 'pricing-latency');
  const orders = createRandom(seed, 'pricing-orders');
  const headers = createRandom(seed, 'rate-header');

  return async function handle(request: TlsRequest): Promise<void> {
    const body = await readBody(request.message);
    const [path = ''] = (request.message.url ?? '').split('?', 1);
    if (path === TOKEN_PATH) await answerToken(request, body);
    else await answerPricing(request, path, body);
  };

  async function answerToken({ message, response, reset }: TlsRequest, body: string): Promise<void> {
    const form = formOf(message, body);
    const account = form && tokens.accountOf(form)?.name;
    const attributes = { api: 'pricing', operation: 'token', account };
    const delay = delayOf(attributes);
    await sleep(clock, delay.uplinkMs);
    const arrival = requests.arrive({
      at: clock.now(),
      account: account ?? null,
      licensor: null,
      alid: null,
      operation: 'token',
    });
    const answer = form ? tokens.answer(form) : NOT_A_FORM;
    const fault = faults.takeAnswerFault(attributes);
    const extra = faults.takeHeaders(attributes);
    await sleep(clock, delay.downlinkMs);
    requests.finish(arrival, sendAnswer({ response, reset }, answer, fault, extra, TOKEN_FAULT_DEFAULTS));
  }

  async function answerPricing({ message, response, reset }: TlsRequest, path: string, body: string): Promise<void> {
    const operation = operationOf(message.method, path);
    const wanted = operation && readPricingRequest(operation, message.url ?? '', body);
    const token = message.headers['x-amz-access-token'];
    const caller = tokens.check(token);
    const account = 'account' in caller ? caller.account : undefined;
    const attributes = { account: account?.name, operation, ...attributesOf(wanted?.lookups ?? []) };
    const delay = delayOf(attributes);
    await sleep(clock, delay.uplinkMs);

    const now = clock.now();
    const arrival = requests.arrive({
      at: now,
      account: account?.name ?? null,
      licensor: null,
      alid: null,
      operation: operation ?? '(none)',
      marketplaceIds: [...new Set(wanted?.lookups.map(({ marketplaceId }) => marketplaceId))],
      items: wanted?.lookups.map(({ name }) => name) ?? [],
    });
    if (account && typeof token === 'string' && faults.takeTokenExpiry(attributes)) tokens.expireOne(token);
    // The token is looked at when the request arrives: it may have expired on its way.
    const refusal = refuse(tokens.check(token), operation, now);
    const answer = refusal ?? (account && wanted ? operate(wanted, account, attributes) : DENIED);
    // A request that the gateway turns away never reaches what can break behind it.
    const fault = refusal ? undefined : faults.takeAnswerFault(attributes);
    const extra = { ...rateHeader(account, operation, answer, fault), ...faults.takeHeaders(attributes) };

    await sleep(clock, delay.downlinkMs);
    const outcome = sendAnswer(
      { response, reset },
      { ...answer, headers: { 'x-amzn-RequestId': randomUUID() } },
      fault,
      extra,
      PRICING_FAULT_DEFAULTS,
    );
    requests.finish(arrival, outcome);
  }

  function delayOf(attributes: RequestAttributes) {
    const baseline = parts.latency ? sampleLatency(parts.latency, latencies) : NO_DELAY;
    return addDelays(baseline, faults.takeDelay(attributes));
  }

  /** What the gateway answers before the operation is looked at; undefined lets the request in. */
  function refuse(caller: TokenCheck, operation: Operation | undefined, now: number): Answer | undefined {
    if (!operation) return denied('');
    switch (caller.kind) {
      case 'missing':
        return denied('Access token is missing in the request header.');
      case 'malformed':
        return denied('The access token you provided is revoked, malformed or invalid.');
      case 'expired':
        return denied('The access token you provided has expired.');
      case 'valid':
        return caller.account.take(operation, now) ? undefined : QUOTA_EXCEEDED;
    }
  }

  function operate(wanted: PricingRequest, account: SellingAccount, attributes: RequestAttributes): Answer {
    if (wanted.problem !== undefined) return invalid(wanted.problem);
    const { operation, lookups } = wanted;
    switch (operation) {
      case 'getPricing':
      case 'getCompetitivePricing': {
        if (!lookups.every(({ marketplaceId }) => account.marketplaces.has(marketplaceId))) return DENIED;
        const payload = lookups
          .filter((lookup) => !innerFault(operation, lookup, attributes, ['inner-missing']))
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
        const responses = lookups.flatMap((lookup) => batched(operation, lookup, account, attributes));
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

  function batched(
    operation: Operation,
    lookup: Lookup,
    account: SellingAccount,
    attributes: RequestAttributes,
  ): object[] {
    const fault = innerFault(operation, lookup, attributes, ['inner-missing', 'inner-status']);
    if (fault?.kind === 'inner-missing') return [];
    const answer: Answer = fault
      ? { status: fault.code, body: fault.body ?? innerErrors(fault.code) }
      : offers(lookup, account, dialectOf({ marketplaceId: lookup.marketplaceId, asin: lookup.name }).unknownItem);
    const { marketplaceId, condition, customer, namesCustomer, by, name } = lookup;
    return [
      {
        headers: { 'x-amzn-RequestId': randomUUID(), Date: new Date(clock.now()).toUTCString() },
        status: { statusCode: answer.status, reasonPhrase: REASONS[answer.status] ?? '' },
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

  function innerFault(
    operation: Operation,
    lookup: Lookup,
    { account }: RequestAttributes,
    kinds: readonly InnerFault['kind'][],
  ): InnerFault | undefined {
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

  function rateHeader(
    account: SellingAccount | undefined,
    operation: Operation | undefined,
    answer: Answer,
    fault: AnswerFault | undefined,
  ): Record<string, string> {
    const status = fault?.kind === 'status' ? fault.code : answer.status;
    const limit = operation && account && accounts.get(account.name)?.limits.get(operation);
    if (!limit || !STATUSES_WITH_RATE.has(status) || parts.rateHeader === 'never') return {};
    if (parts.rateHeader === 'sometimes' && headers.chance(0.4)) return {};
    return { 'x-amzn-RateLimit-Limit': String(limit.rate) };
  }
}

function attributesOf(lookups: readonly Lookup[]) {
  const names = (by: Lookup['by']): string[] => lookups.filter((lookup) => lookup.by === by).map(({ name }) => name);
  return {
    api: 'pricing',
    marketplaceId: lookups.map(({ marketplaceId }) => marketplaceId),
    asin: names('asin'),
    sku: names('sku'),
  };
}

const REASONS: Readonly<Record<number, string>> = {
  200: 'OK',
  400: 'Bad Request',
  403: 'Forbidden',
  404: 'Not Found',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
};

/** Amazon's error code for a status. */
function codeOf(status: number): string {
  switch (status) {
    case 400:
      return 'InvalidInput';
    case 401:
    case 403:
      return 'Unauthorized';
    case 404:
      return 'NotFound';
    case 429:
      return 'QuotaExceeded';
    case 503:
      return 'ServiceUnavailable';
    default:
      return status < 500 ? 'InvalidInput' : 'InternalFailure';
  }
}

function errors(code: string, message: string, details = ''): object {
  return { errors: [{ code, message, details }] };
}

function innerErrors(status: number): object {
  const message = status === 429 ? QUOTA_MESSAGE : 'We encountered an internal error. Please try again.';
  return errors(codeOf(status), message);
}

function invalid(problem: string): Answer {
  return { status: 400, body: errors('InvalidInput', problem) };
}

function denied(details: string): Answer {
  return { status: 403, body: errors('Unauthorized', 'Access to requested resource is denied.', details) };
}

const DENIED = denied('');
const QUOTA_MESSAGE = 'You exceeded your quota for the requested resource.';
const QUOTA_EXCEEDED: Answer = { status: 429, body: errors('QuotaExceeded', QUOTA_MESSAGE) };
const NOT_A_FORM: Answer = {
  status: 400,
  body: { error: 'invalid_request', error_description: 'The request must be a POST of a form.' },
};

/** The fields of a posted form, or of the JSON object that several libraries post in its place. */
function formOf(message: IncomingMessage, body: string): URLSearchParams | undefined {
  const type = message.headers['content-type'] ?? '';
  if (message.method !== 'POST') return undefined;
  if (/^application\/x-www-form-urlencoded\b/i.test(type)) return new URLSearchParams(body);
  if (!/^application\/json\b/i.test(type)) return undefined;
  try {
    const fields = Object.entries(JSON.parse(body) as object).filter(([, value]) => typeof value === 'string');
    return new URLSearchParams(fields);
  } catch {
    return undefined;
  }
}

/** The body as text; one that is too long is cut off, and will not be understood. */
async function readBody(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    if (size <= MAX_BODY_BYTES) chunks.push(chunk);
    size += chunk.length;
  }
  return Buffer.concat(chunks).toString('utf8');
}
