import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { sendAnswer, type Answer, type FaultDefaults } from '../answer.ts';
import { sleep, type Clock } from '../clock.ts';
import type { AnswerFault, FaultRules, RequestAttributes } from '../fault-rules.ts';
import { NO_DELAY, addDelays, sampleLatency, type LogNormalLatency } from '../latency.ts';
import { readBody } from '../request-body.ts';
import type { RequestLog } from '../request-log.ts';
import { createRandom } from '../seeded-random.ts';
import type { TlsRequest } from '../tls-server.ts';
import type { AccessTokens, TokenCheck } from './access-tokens.ts';
import type { LivingMarket } from './living-market.ts';
import type { Operation } from './operations.ts';
import type { PricingDialectChoice } from './pricing-dialect.ts';
import { DENIED, QUOTA_EXCEEDED, codeOf, denied, errors } from './pricing-errors.ts';
import { attributesOf, createPricingOperations } from './pricing-operations.ts';
import { operationOf, readPricingRequest } from './pricing-request.ts';
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
  tokens: AccessTokens;
  market: LivingMarket;
  faults: FaultRules;
  requests: RequestLog;
  dialect: PricingDialectChoice;
  rateHeader: RateHeader;
  latency: LogNormalLatency | undefined;
}

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
  const { seed, clock, tokens, market, faults, requests } = parts;
  const latencies = createRandom(seed, 'pricing-latency');
  const wordings = createRandom(seed, 'denial-wording');
  const headers = createRandom(seed, 'rate-header');
  const operate = createPricingOperations({ seed, clock, market, faults, dialect: parts.dialect });

  return async function handle(request: TlsRequest): Promise<void> {
    const body = (await readBody(request.message)).toString('utf8');
    const [path = ''] = (request.message.url ?? '').split('?', 1);
    if (path === TOKEN_PATH) await answerToken(request, body);
    else await answerPricing(request, path, body);
  };

  async function answerToken({ message, response, reset }: TlsRequest, body: string): Promise<void> {
    const form = formOf(message, body);
    const account = form && tokens.accountOf(form)?.name;
    const attributes = { api: 'login', operation: 'token', account };
    const delay = delayOf(attributes);
    await sleep(clock, delay.uplinkMs);
    const arrival = requests.arrive({
      at: clock.now(),
      account: account ?? null,
      licensor: null,
      alid: null,
      operation: 'token',
    });
    const granted = form ? tokens.answer(form) : NOT_A_FORM;
    const answer = { ...granted, headers: { ...granted.headers, 'x-amzn-RequestId': randomUUID() } };
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
    const answer = refusal ?? (account && wanted ? operate(wanted, account) : DENIED);
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
        return deniedFor('Access token is missing in the request header.');
      case 'malformed':
        return deniedFor('The access token you provided is revoked, malformed or invalid.');
      case 'expired':
        return deniedFor('The access token you provided has expired.');
      case 'valid':
        return caller.account.take(operation, now) ? undefined : QUOTA_EXCEEDED;
    }
  }

  /** The reason is in the details; some answers have had it for their message. */
  function deniedFor(reason: string): Answer {
    const isBrief = parts.dialect === 'mixed' && wordings.chance(0.5);
    return isBrief ? { status: 403, body: errors('Unauthorized', reason) } : denied(reason);
  }

  function rateHeader(
    account: SellingAccount | undefined,
    operation: Operation | undefined,
    answer: Answer,
    fault: AnswerFault | undefined,
  ): Record<string, string> {
    const status = fault?.kind === 'status' ? fault.code : answer.status;
    const limit = operation && account?.limits.get(operation);
    if (!limit || !STATUSES_WITH_RATE.has(status) || parts.rateHeader === 'never') return {};
    if (parts.rateHeader === 'sometimes' && headers.chance(0.4)) return {};
    return { 'x-amzn-RateLimit-Limit': String(limit.rate) };
  }
}

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
