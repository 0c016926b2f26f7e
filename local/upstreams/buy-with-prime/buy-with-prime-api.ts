import { randomUUID } from 'node:crypto';
import { executeSync, GraphQLError } from 'graphql';
import { sendAnswer, type Answer, type FaultDefaults } from '../answer.ts';
import { sleep, type Clock } from '../clock.ts';
import { isExactNumber } from '../exact-number.ts';
import { isLate, takesEffect, type FaultRules, type GraphqlFault } from '../fault-rules.ts';
import { NO_DELAY, addDelays, sampleLatency, type LogNormalLatency } from '../latency.ts';
import { readBody } from '../request-body.ts';
import type { RequestLog } from '../request-log.ts';
import { createRandom } from '../seeded-random.ts';
import type { TlsRequest } from '../tls-server.ts';
import type { BuyWithPrimeDialect } from './buy-with-prime-dialect.ts';
import type { CreateOrderFromOfferInput, OffersInput, OrderIdentifierInput } from './graphql-inputs.ts';
import { graphqlErrors, readGraphqlRequest, responseType, schema, type GraphqlRequest } from './graphql-request.ts';
import type { MerchantTokens } from './merchant-tokens.ts';
import type { Merchant } from './merchants.ts';
import { offerBody } from './offer-body.ts';
import { orderBody } from './order-body.ts';
import { orderOffer, type OrderingParts } from './ordering.ts';
import { makeOffer, type QuotingParts } from './quoting.ts';
import { accessDenied, invalid, notFound, Refusal, throttled, wordError } from './refusals.ts';

/** What a fault rule can match of a request to Buy with Prime. */
export const BUY_WITH_PRIME_ATTRIBUTES = ['api', 'operation', 'account', 'product', 'alias'] as const;
/** What these endpoints can play besides the faults that all can. */
export const BUY_WITH_PRIME_FAULTS = ['effect', 'late-effect', 'expire-token', 'graphql-error'] as const;
export const GRAPHQL_PATH = '/graphql';
export const BUY_WITH_PRIME_TOKEN_PATH = '/token';

const API_VERSION = '2024-11-01';
const API = 'buy-with-prime';

/** An order that was asked for, whose answer is gone, and that will be made later. */
export type LateOrder = () => void;

export interface BuyWithPrimeApiParts extends QuotingParts, OrderingParts {
  readonly seed: number;
  readonly clock: Clock;
  readonly tokens: MerchantTokens;
  readonly faults: FaultRules;
  readonly requests: RequestLog;
  readonly latency: LogNormalLatency | undefined;
  /** @param request counts from 1 */
  dialectOf(request: number): BuyWithPrimeDialect;
  /** Takes what is to be ordered later. */
  postpone(order: LateOrder): void;
}

const ORDER_DEFAULTS: FaultDefaults = {
  enumField: 'executionState',
  mandatoryField: 'id',
  typedField: 'lineItems',
  errorBody: (status) => graphqlErrors(`Simulated ${status}`),
};
const FAULT_DEFAULTS: Readonly<Record<string, FaultDefaults>> = {
  offers: { ...ORDER_DEFAULTS, enumField: 'badge' },
  token: {
    enumField: 'token_type',
    mandatoryField: 'access_token',
    typedField: 'expires_in',
    errorBody: (status) => ({ error: 'server_error', error_description: `Simulated ${status}` }),
  },
};

/** A request as far as it can be known before it is answered. */
interface Asked {
  readonly merchant: Merchant | undefined;
  readonly operations: readonly string[];
  readonly products?: readonly string[];
  readonly aliases?: readonly string[];
  /** Turns the request away, or lets it in; undefined lets it in. */
  refuse(dialect: BuyWithPrimeDialect): Answer | undefined;
  answer(fault: { applies: boolean; late: boolean }, dialect: BuyWithPrimeDialect): Answer;
}

const NO_SUCH_ROUTE: Answer = { status: 404, body: graphqlErrors('No such resource.') };

/**
 * Answers the token endpoint and the GraphQL endpoint: token, version, target and rate first, then the document, then the
 * operation, then what goes wrong.
 */
export function createBuyWithPrimeApi(parts: BuyWithPrimeApiParts): (request: TlsRequest) => Promise<void> {
  const { seed, clock, tokens, ledger, faults, requests } = parts;
  const latencies = createRandom(seed, 'buy-with-prime-latency');
  let arrived = 0;

  return async function handle({ message, response, reset }: TlsRequest): Promise<void> {
    const body = await readBody(message);
    const [path = ''] = (message.url ?? '').split('?', 1);
    const asked = ask(message.method, path, message.headers, body);
    const { merchant, operations, products = [], aliases = [] } = asked;
    const attributes = {
      api: API,
      operation: operations,
      account: merchant?.account,
      product: products,
      alias: aliases,
    };
    const usual = parts.latency ? sampleLatency(parts.latency, latencies) : NO_DELAY;
    const delay = addDelays(usual, faults.takeDelay(attributes));
    await sleep(clock, delay.uplinkMs);

    const items = [...products, ...aliases];
    const arrival = requests.arrive({
      at: clock.now(),
      account: merchant?.account ?? null,
      licensor: null,
      alid: null,
      operation: operations.join('+') || '(none)',
      ...(items.length > 0 && { items }),
    });
    arrived += 1;
    const dialect = parts.dialectOf(arrived);
    if (merchant && path === GRAPHQL_PATH && faults.takeTokenExpiry(attributes)) {
      tokens.expireOne(message.headers.authorization);
    }
    // What is decided here is decided when the request arrives: a token may have expired on its way.
    const refusal = asked.refuse(dialect);
    // A request that is turned away never reaches what can break behind that.
    const fault = refusal ? undefined : faults.takeAnswerFault(attributes);
    const graphqlFault = refusal || fault || path !== GRAPHQL_PATH ? undefined : faults.takeGraphqlFault(attributes);
    const broken = fault ?? graphqlFault;
    const whole = refusal ?? asked.answer({ applies: takesEffect(broken), late: isLate(broken) }, dialect);
    const answer = graphqlFault ? { ...whole, body: withError(whole.body, graphqlFault, dialect) } : whole;
    const extra = faults.takeHeaders(attributes);

    await sleep(clock, delay.downlinkMs);
    const headers = { ...answer.headers, 'x-amzn-RequestId': randomUUID() };
    const defaults = FAULT_DEFAULTS[operations[0] ?? ''] ?? ORDER_DEFAULTS;
    requests.finish(arrival, sendAnswer({ response, reset }, { ...answer, headers }, fault, extra, defaults));
  };

  function ask(
    method: string | undefined,
    path: string,
    headers: TlsRequest['message']['headers'],
    body: Buffer,
  ): Asked {
    if (method === 'POST' && path === BUY_WITH_PRIME_TOKEN_PATH) return askToken(headers, body);
    if (method === 'POST' && path === GRAPHQL_PATH) return askGraphql(headers, body);
    return { merchant: undefined, operations: [], refuse: () => NO_SUCH_ROUTE, answer: () => NO_SUCH_ROUTE };
  }

  function askToken(headers: TlsRequest['message']['headers'], body: Buffer): Asked {
    const [mediaType = ''] = (headers['content-type'] ?? '').split(';', 1);
    // Another body than a form has none of the parameters, and is told so.
    const isForm = mediaType.trim().toLowerCase() === 'application/x-www-form-urlencoded';
    const form = new URLSearchParams(isForm ? body.toString('utf8') : '');
    const merchant = tokens.merchantOf(form);
    return {
      merchant,
      operations: ['token'],
      refuse: () => merchant && tokens.refuseRapid(merchant),
      answer: () => tokens.answer(form),
    };
  }

  function askGraphql(headers: TlsRequest['message']['headers'], body: Buffer): Asked {
    const request = readGraphqlRequest(headers, body);
    const type = { 'content-type': `${responseType(headers)}; charset=utf-8` };
    const presented = tokens.check(headers.authorization);
    const merchant = 'merchant' in presented ? presented.merchant : undefined;
    const { operations = [], products = [], aliases = [] } = 'document' in request ? request : {};
    return {
      merchant,
      operations,
      products,
      aliases,
      refuse: (dialect) => {
        const check = tokens.check(headers.authorization);
        if (check.kind !== 'valid') {
          const error = check.kind === 'missing' ? '' : ' error="invalid_token"';
          const body = graphqlErrors('The access token is missing, invalid or expired.');
          return { status: 401, headers: { ...type, 'www-authenticate': `Bearer${error}` }, body };
        }
        const refusal = turnedAway(check.merchant, headers);
        if (refusal) return { status: 200, headers: type, body: refusedWhole(refusal, dialect) };
        return 'refusal' in request ? { ...request.refusal, headers: type } : undefined;
      },
      answer: (fault, dialect) => ({
        status: 200,
        headers: type,
        body: 'document' in request && merchant ? execute(request, merchant.account, fault, dialect) : null,
      }),
    };
  }

  function turnedAway(
    { credentials, bucket }: Merchant,
    headers: TlsRequest['message']['headers'],
  ): Refusal | undefined {
    if (headers['x-api-version'] !== API_VERSION) return invalid(`The x-api-version must be ${API_VERSION}.`);
    if (headers['x-api-target-id'] !== credentials.targetId) {
      return accessDenied('The x-api-target-id is missing, or is not one that the access token is for.');
    }
    return bucket.take(clock.now()) ? undefined : throttled();
  }

  function execute(
    { document, operationName, variables }: GraphqlRequest,
    account: string,
    { applies, late }: { applies: boolean; late: boolean },
    dialect: BuyWithPrimeDialect,
  ): object {
    const { errors, data } = executeSync({
      schema,
      document,
      variableValues: variables,
      ...(operationName !== undefined && { operationName }),
      rootValue: {
        offers: ({ input }: { input: OffersInput }) => offerBody(makeOffer(account, input, parts), dialect),
        order: ({ orderIdentifier }: { orderIdentifier: OrderIdentifierInput }) =>
          findOrder(account, orderIdentifier, dialect),
        createOrderFromOffer: ({ input }: { input: CreateOrderFromOfferInput }) => {
          const order = orderOffer(account, input, dialect, applies, parts);
          if (late) parts.postpone(() => orderOffer(account, input, dialect, true, parts));
          return { order: orderBody(order, dialect) };
        },
      },
    });
    return {
      ...(data !== undefined && { data }),
      ...(errors && { errors: errors.map((error) => worded(error, dialect)) }),
    };
  }

  function findOrder(account: string, { orderId, alias }: OrderIdentifierInput, dialect: BuyWithPrimeDialect) {
    if ((orderId == null) === (alias == null)) throw invalid('An order is named by its orderId or by an alias.');
    const order = alias == null ? ledger.find(account, orderId!) : ledger.findByAlias(account, alias);
    if (order) return orderBody(order, dialect);
    if (dialect.noOrder === 'null') return null;
    throw notFound('There is no such order.');
  }
}

/** An error of the API's own is worded as the dialect has it; one of the document or its variables is GraphQL's. */
function worded(error: GraphQLError, { errorPlace }: BuyWithPrimeDialect): object {
  const { cause, message, path, locations } = error;
  if (cause instanceof Refusal) {
    const { type, code } = cause;
    return wordError({ type, code, message, path, locations }, errorPlace);
  }
  // A resolver of the simulator has failed: tests must not take that for an answer.
  if (cause instanceof Error && !(cause instanceof GraphQLError)) throw cause;
  return error.toJSON();
}

function refusedWhole({ type, code, message }: Refusal, { errorPlace }: BuyWithPrimeDialect): object {
  return { data: null, errors: [wordError({ type, code, message }, errorPlace)] };
}

/** What a fault makes of an answer: nothing but its error, or null wherever the named field was. */
function withError(body: unknown, fault: GraphqlFault, { errorPlace }: BuyWithPrimeDialect): object {
  const { errorType: type, errorCode: code, message = `Simulated ${fault.errorType}`, field } = fault;
  if (field === undefined) return { data: null, errors: [wordError({ type, code, message }, errorPlace)] };
  const paths: (string | number)[][] = [];
  const { data, errors = [] } = body as { data?: unknown; errors?: object[] };
  const holed = withoutField(data, field, [], paths);
  return {
    data: holed,
    errors: [...errors, ...paths.map((path) => wordError({ type, code, message, path }, errorPlace))],
  };
}

function withoutField(
  node: unknown,
  field: string,
  path: readonly (string | number)[],
  found: (string | number)[][],
): unknown {
  if (Array.isArray(node)) return node.map((item, index) => withoutField(item, field, [...path, index], found));
  if (typeof node !== 'object' || node === null || isExactNumber(node)) return node;
  const entries = Object.entries(node).map(([key, value]) => {
    const place = [...path, key];
    if (key !== field || value === null) return [key, withoutField(value, field, place, found)] as const;
    found.push(place);
    return [key, null] as const;
  });
  return Object.fromEntries(entries);
}
