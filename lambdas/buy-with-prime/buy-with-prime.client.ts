import type { IncomingHttpHeaders } from 'node:http';
import * as z from 'zod/mini';
import { parseJson } from '../shared/answer-text.ts';
import type { Clock } from '../shared/clock.ts';
import {
  CredentialError,
  RejectedError,
  ThrottledError,
  UnavailableError,
  UnreadableAnswerError,
  type UpstreamError,
} from '../shared/errors.ts';
import { connectTrusting, type HttpAnswer, type SendRequest } from '../shared/http.ts';
import { createAccessTokens, type AccessTokens } from '../shared/oauth/access-tokens.ts';
import { createTokenClient } from '../shared/oauth/token.client.ts';
import { retry } from '../shared/retry.ts';
import type { BuyWithPrimeSettings, RetryPolicy } from '../shared/settings.ts';
import type { Telemetry } from '../shared/telemetry.ts';
import type { BuyWithPrimeCredentials } from './buy-with-prime-credentials.ts';
import type { BuyWithPrimeCall, BuyWithPrimeClient, FreshQuote } from './buy-with-prime-port.ts';
import { documents, type SentDocument } from './graphql-documents.ts';
import { offersVariables, orderVariables } from './graphql-variables.ts';
import { hadNoEffect } from './order-effect.ts';
import type { Order } from './order.ts';
import { quoteExpiry } from './quote-expiry.ts';
import { errorOfGraphql, readGraphqlErrors, type GraphqlError } from './read-graphql-errors.ts';
import { EXTERNAL_ID, readOrder } from './read-order.ts';
import { readOffers } from './read-quote.ts';
import { createThrottlePause, PauseTooLongError, type Permit, type ThrottlePause } from './throttle-pause.ts';

export interface BuyWithPrimeClientOptions {
  readonly settings: Pick<BuyWithPrimeSettings, 'graphqlUrl' | 'tokenUrl' | 'apiVersion' | 'timeoutMs' | 'attempts'>;
  /** Credentials of a merchant account by its name, asked before each try. */
  readonly credentials: (account: string) => Promise<BuyWithPrimeCredentials>;
  /** The same as they are now, past any cache. */
  readonly refreshCredentials: (account: string) => Promise<BuyWithPrimeCredentials>;
  readonly clock: Clock;
  /** Uniform in [0, 1), such as `Math.random`. */
  readonly random: () => number;
  /** Counts `SchemaDrift` (what an answer has otherwise than the documents say) and `PartialAnswers`. */
  readonly telemetry: Pick<Telemetry, 'count' | 'warn'>;
}

/** Pauses between tries: a shopper is waiting. */
const PAUSES = { baseMs: 100, capMs: 1_000 };
/** No try begins with less time than this left, not even the first: it could only be cut off. */
const LEAST_TRY_MS = 250;

/** What the container keeps of one merchant account. */
interface Account {
  readonly credentials: () => Promise<BuyWithPrimeCredentials>;
  readonly connect: () => Promise<SendRequest>;
  readonly tokens: AccessTokens;
  readonly pause: ThrottlePause;
}

/** What an answer says, of which something can be read. */
interface GraphqlAnswer {
  readonly data: Readonly<Record<string, unknown>>;
  readonly errors: readonly GraphqlError[];
  readonly headers: IncomingHttpHeaders;
  /** Epoch milliseconds. */
  readonly askedAt: number;
}

/** An operation of the API, and what is made of its answer. */
interface Operation<Variables, Result> {
  readonly document: SentDocument<Variables>;
  readonly variables: Variables;
  /** The result, or undefined where the answer has none: then its errors decide, or it is not readable. */
  readonly read: (answer: GraphqlAnswer) => { readonly result: Result; readonly drift: readonly string[] } | undefined;
  readonly mayRepeat: (error: unknown) => boolean;
  /** Whether an answer without a result may come from an operation that was done all the same. */
  readonly mayBeDone?: (answer: GraphqlAnswer) => boolean;
}

/** Keeps connections, access tokens and pauses of each account as long as it lives itself. */
export function createBuyWithPrimeClient(options: BuyWithPrimeClientOptions): BuyWithPrimeClient {
  const { settings, clock, random, telemetry } = options;
  const url = new URL(settings.graphqlUrl);
  const policy: RetryPolicy = { attempts: settings.attempts, ...PAUSES };
  const requestToken = createTokenClient(settings);
  const accounts = new Map<string, Account>();

  const accountOf = (name: string): Account => {
    const known = accounts.get(name);
    if (known !== undefined) return known;
    const credentials = () => options.credentials(name);
    const account: Account = {
      credentials,
      connect: connectTrusting(credentials),
      tokens: createAccessTokens({
        requestToken,
        // A try that gets no token is repeated as any other, within the time of its call.
        retry: { attempts: 1, ...PAUSES },
        credentials,
        refreshCredentials: () => options.refreshCredentials(name),
        clock,
        random,
      }),
      pause: createThrottlePause(url.host, clock, random),
    };
    accounts.set(name, account);
    return account;
  };

  /** At least what a try needs. */
  const timeLeft = ({ deadline }: BuyWithPrimeCall): number => {
    const left = deadline - clock.now();
    if (left >= LEAST_TRY_MS) return left;
    throw new UnavailableError('NoTimeLeft', `no time was left to ask ${url.host}`, { unsent: true });
  };

  const drifted = (places: readonly string[]): void => {
    if (places.length === 0) return;
    telemetry.count('SchemaDrift', places.length);
    telemetry.warn('an answer is not as the documents say', { places });
  };

  const unreadable = (status: number, shape: string): UnreadableAnswerError => {
    drifted([shape]);
    // Nothing of the body is kept: it may hold what is a shopper's, in a place that is not known.
    const message = `${url.host} answered ${status} with a body that cannot be read: ${shape}`;
    return new UnreadableAnswerError(message, { status, raw: '', shape });
  };

  /** One request and its answer. What its status says is thrown, unless its errors say more. */
  const exchange = async <Variables>(
    call: BuyWithPrimeCall,
    { connect, credentials, pause }: Account,
    permit: Permit,
    token: string,
    { document, variables }: Pick<Operation<Variables, unknown>, 'document' | 'variables'>,
  ): Promise<Pick<HttpAnswer, 'status' | 'headers'> & { data: unknown; errors: readonly GraphqlError[] }> => {
    const [{ targetId }, send] = await Promise.all([credentials(), connect()]);
    const left = timeLeft(call);
    const answer = await send({
      method: 'POST',
      url,
      headers: {
        accept: 'application/json',
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        'x-api-target-id': targetId,
        'x-api-version': settings.apiVersion,
      },
      body: JSON.stringify({ query: document.text, variables, operationName: document.operationName }),
      timeoutMs: Math.min(settings.timeoutMs, left),
    });
    const { status, truncated } = answer;
    const body = (truncated ? undefined : GraphqlBody.safeParse(parseJson(answer.body)).data) ?? {};
    const errors = readGraphqlErrors(body);
    const retryAfterMs = retryAfter(answer.headers, clock.now());
    const isThrottled = status === 429 || errors.some(({ type }) => type === 'ThrottlingError');
    if (isThrottled || (status === 503 && retryAfterMs > 0)) pause.throttled(permit, retryAfterMs);
    else if (status < 500) pause.succeeded(permit);
    const isGood = status >= 200 && status <= 299;
    if (!isGood && !saysWhy(status, errors)) throw statusError(status, url.host);
    if (truncated) throw unreadable(status, 'too-large');
    return { status, headers: answer.headers, data: isGood ? body.data : undefined, errors };
  };

  const run = async <Variables, Result>(
    call: BuyWithPrimeCall,
    operation: Operation<Variables, Result>,
  ): Promise<Result> => {
    const account = accountOf(call.account);
    let refused: string | undefined;

    const send = async (): Promise<Result> => {
      timeLeft(call);
      const permit = await account.pause.take(call.deadline - LEAST_TRY_MS);
      const token = await tokenFor(call, account, permit, refused);
      const askedAt = clock.now();
      const answer = await exchange(call, account, permit, token, operation).catch((error: unknown) => {
        if (error instanceof CredentialError && error.status !== undefined) refused ??= token;
        throw error;
      });
      const { errors, headers, status } = answer;
      const data = isObject(answer.data) ? answer.data : {};
      const found = operation.read({ data, errors, headers, askedAt });
      if (found !== undefined) {
        drifted(found.drift);
        if (errors.length > 0 && found.result !== undefined) tellPartial(errors);
        return found.result;
      }
      if (errors.length === 0 || operation.mayBeDone?.({ data, errors, headers, askedAt }) === true) {
        throw unreadable(status, `${operation.document.operationName}:no-result`);
      }
      const error = errorOfGraphql(errors, url.host, status);
      if (error instanceof CredentialError) refused ??= token;
      throw error;
    };

    return retry(
      async () => {
        const before = refused;
        try {
          return await send();
        } catch (error) {
          // The one renewal of a call: the request goes out again at once, and counts as the same try.
          if (before !== undefined || refused === undefined) throw error;
          return send();
        }
      },
      policy,
      {
        shouldRetry: (error) => !(error instanceof PauseTooLongError) && operation.mayRepeat(error),
        clock,
        random,
        deadline: call.deadline - LEAST_TRY_MS,
      },
    );
  };

  const tokenFor = async (
    call: BuyWithPrimeCall,
    { tokens, pause }: Account,
    permit: Permit,
    refused: string | undefined,
  ): Promise<string> => {
    const left = timeLeft(call);
    try {
      return await within(left, refused === undefined ? tokens.accessToken() : tokens.renew(refused), () => {
        const message = `${new URL(settings.tokenUrl).host} gave no access token within ${left} ms`;
        return new UnavailableError('TimedOut', message, { unsent: true });
      });
    } catch (error) {
      if (error instanceof ThrottledError) pause.throttled(permit);
      if (!(error instanceof UnavailableError) || error.unsent) throw error;
      // Whatever became of the request for a token, the request that needed it has not left.
      const { code, message, status } = error;
      throw new UnavailableError(code, message, { unsent: true, ...(status !== undefined && { status }) });
    }
  };

  const tellPartial = (errors: readonly GraphqlError[]): void => {
    telemetry.count('PartialAnswers', 1);
    const { message } = errorOfGraphql(errors, url.host);
    telemetry.warn('an answer has data and errors', { message });
  };

  const ask = async <Variables, Result>(
    call: BuyWithPrimeCall,
    operation: Operation<Variables, Result>,
  ): Promise<Result> => {
    const startedAt = performance.now();
    try {
      return await run(call, operation);
    } finally {
      call.onWaited?.(performance.now() - startedAt);
    }
  };

  return {
    offers: (call, request, shopperToken) =>
      ask(call, {
        document:
          request.location?.shippingAddress === undefined ? documents.productPageOffers : documents.checkoutOffers,
        variables: offersVariables(request, shopperToken),
        read({ data, errors, headers, askedAt }) {
          const expiresAt = quoteExpiry(data, headers, askedAt);
          const found = readOffers(data);
          // With errors beside it, an empty list does not mean that nothing is offered.
          if (found === undefined || (found.offers.length === 0 && errors.length > 0)) return undefined;
          const { offers, totalCount, drift } = found;
          const quote = { quotedAt: new Date(askedAt).toISOString(), offers, totalCount };
          // What is missing for a moment is nothing to be given to others.
          const until = errors.length > 0 ? askedAt : expiresAt;
          return { result: { quote, expiresAt: until } satisfies FreshQuote, drift };
        },
        mayRepeat: mayPass,
      }),

    createOrder: (call, request, alias) =>
      ask(call, {
        document: documents.createOrderFromOffer,
        variables: orderVariables(request, alias),
        read: ({ data }) => resultOf(readOrder(orderMade(data), alias)),
        mayRepeat: (error) => isUnavailable(error) && hadNoEffect(error),
        mayBeDone: ({ data, errors }) =>
          data['createOrderFromOffer'] != null || errors.some(({ isOfPart }) => isOfPart),
      }),

    findOrder: (call, alias, by) =>
      ask<unknown, Order | undefined>(call, {
        document: documents.findOrder,
        variables: { orderIdentifier: { alias: by ?? { aliasType: EXTERNAL_ID, aliasId: alias } } },
        read({ data, errors }) {
          const isMissing =
            errors.length > 0
              ? data['order'] == null &&
                errors.every(({ type, isOfPart }) => type === 'ResourceNotFoundError' && !isOfPart)
              : data['order'] === null;
          return isMissing
            ? { result: undefined, drift: [] }
            : resultOf(readOrder(data['order'], alias, by === undefined));
        },
        mayRepeat: mayPass,
      }),
  };
}

const GraphqlBody = z.looseObject({ data: z.optional(z.unknown()), errors: z.optional(z.unknown()) });

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function resultOf(found: ReturnType<typeof readOrder>): { result: Order; drift: readonly string[] } | undefined {
  return found && { result: found.order, drift: found.drift };
}

/** Where the mutation answers the order; the document's own sample has it one step further out. */
function orderMade({ createOrderFromOffer, order }: Readonly<Record<string, unknown>>): unknown {
  return isObject(createOrderFromOffer) ? createOrderFromOffer['order'] : order;
}

function isUnavailable(error: unknown): boolean {
  return error instanceof ThrottledError || error instanceof UnavailableError;
}

function mayPass(error: unknown): boolean {
  return isUnavailable(error) || error instanceof UnreadableAnswerError;
}

/** Whether a 4xx brings errors along that say why: it may be a refusal with its reason. */
function saysWhy(status: number, errors: readonly GraphqlError[]): boolean {
  const isRefusal = status >= 400 && status <= 499 && status !== 408 && status !== 429;
  return isRefusal && errors.length > 0 && errors.every(({ type }) => type !== undefined);
}

function statusError(status: number, host: string): UpstreamError {
  const message = `${host} answered ${status}`;
  if (status === 401 || status === 403) return new CredentialError('AccessDenied', message, { status });
  if (status === 429) return new ThrottledError(message, { status });
  if (status === 408 || status >= 500) return new UnavailableError('ServerError', message, { status });
  if (status < 400) return new UnavailableError('Redirected', `${message} (redirects are not followed)`, { status });
  return new RejectedError('Rejected', message, { status });
}

/** Milliseconds, or 0 where the header is missing or says nothing (RFC 9110, section 10.2.3). */
function retryAfter({ 'retry-after': header = '' }: IncomingHttpHeaders, now: number): number {
  const ms = /^\d+$/u.test(header) ? Number(header) * 1_000 : Date.parse(header) - now;
  return Math.max(0, ms || 0);
}

/** What the work gives, or an error where that takes longer; the work itself goes on for others who wait for it. */
async function within<Result>(ms: number, work: Promise<Result>, late: () => Error): Promise<Result> {
  const { promise: tooLate, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(late()), Math.min(ms, 2 ** 31 - 1));
  try {
    return await Promise.race([work, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}
