import { redactor } from '../shared/answer-text.ts';
import type { Clock } from '../shared/clock.ts';
import { ThrottledError, UnavailableError } from '../shared/errors.ts';
import { connectHttps, type SendRequest } from '../shared/http.ts';
import type { AccessTokens } from '../shared/oauth/access-tokens.ts';
import { retry } from '../shared/retry.ts';
import type { RetryPolicy } from '../shared/settings.ts';
import type { OffersItem, PriceItem } from './pricing-answers.ts';
import {
  getCompetitivePricing,
  getOffers,
  getOffersBatch,
  getPricing,
  itemOffersOf,
  listingOffersOf,
  type GetCompetitivePricingRequest,
  type GetItemOffersRequest,
  type GetListingOffersRequest,
  type GetPricingRequest,
  type WireRequest,
} from './pricing-requests.ts';
import {
  readOffers,
  readOffersBatch,
  readPrices,
  TokenRefusedError,
  type ItemAnswer,
  type PricingAnswer,
  type ReadAnswer,
} from './pricing-results.ts';
import type { SellingCredentials } from './selling-credentials.ts';

export type { ItemAnswer } from './pricing-results.ts';

export interface CallOptions {
  /**
   * `retryable` (default) repeats after 429, 5xx, time-outs and lost connections; `unsent` only what never left, for
   * callers that pay for each request with a slot of the rate limit; no such repeat begins later than one time-out after
   * the first.
   */
  readonly retryOn?: 'unsent' | 'retryable';
  /**
   * After an access token was refused as expired or invalid, and has been renewed: `again` (default) sends the request
   * once more at once, `fail` throws UnavailableError `TokenRenewed`, so that the caller takes another slot for it.
   */
  readonly onExpired?: 'again' | 'fail';
  readonly signal?: AbortSignal | undefined;
  /** Called when a request leaves, its connection standing. */
  readonly onLeft?: (() => void) | undefined;
}

export interface PricingResult<Body> {
  readonly body: Body;
  /** Milliseconds since the epoch at which the request that was answered began. */
  readonly sentAt: number;
  /** Milliseconds since the epoch at which its answer was complete. */
  readonly answeredAt: number;
  /** Requests per second that Amazon grants for the operation (header x-amzn-RateLimit-Limit). */
  readonly rateLimit?: number;
  /** Amazon's name for the request (header x-amzn-RequestId), which its support asks for. */
  readonly requestId?: string;
  /** Surprises that belong to no item, such as a response that nobody asked for; see `boundedDrift`. */
  readonly drift?: readonly string[];
}

type Prices = ReadonlyMap<string, ItemAnswer<PriceItem>>;
type Offers = ItemAnswer<OffersItem>;

/**
 * The six operations of Product Pricing v0. Each throws RangeError for a parameter that cannot be sent, naming it, and of
 * the upstream errors, for the request as a whole: ThrottledError (429), CredentialError (401, 403, refused credentials),
 * UnavailableError (5xx, 3xx, no answer, no access token to be had), RejectedError (other 4xx: `code` is Amazon's, such as
 * InvalidInput, and the message holds Amazon's) and UnreadableAnswerError. What went wrong with one item is its answer.
 */
export interface PricingClient {
  /** Own prices, by item as it was asked for. */
  getPricing(request: GetPricingRequest, options?: CallOptions): Promise<PricingResult<Prices>>;
  /** Competitive prices, by item as it was asked for. */
  getCompetitivePricing(request: GetCompetitivePricingRequest, options?: CallOptions): Promise<PricingResult<Prices>>;
  getItemOffers(request: GetItemOffersRequest, options?: CallOptions): Promise<PricingResult<Offers>>;
  getListingOffers(request: GetListingOffersRequest, options?: CallOptions): Promise<PricingResult<Offers>>;
  /** For 1 to 20 different requests; the answers are in their order. */
  getItemOffersBatch(
    request: { readonly requests: readonly GetItemOffersRequest[] },
    options?: CallOptions,
  ): Promise<PricingResult<readonly Offers[]>>;
  /** For 1 to 20 different requests; the answers are in their order. */
  getListingOffersBatch(
    request: { readonly requests: readonly GetListingOffersRequest[] },
    options?: CallOptions,
  ): Promise<PricingResult<readonly Offers[]>>;
}

/** What the client needs from its handler. */
export interface PricingClientOptions {
  /** Endpoint of the account's region. */
  readonly baseUrl: string;
  /** Time-out of each try, in milliseconds. */
  readonly timeoutMs: number;
  readonly retry: RetryPolicy;
  readonly tokens: AccessTokens;
  /** For the authority of the server's certificate, and to take them out of what is sent back. */
  readonly credentials: () => Promise<SellingCredentials>;
  readonly clock: Clock;
  /** Uniform in [0, 1), such as `Math.random`. */
  readonly random: () => number;
}

/** SP-API wants to know application, version and language ("Include a User-Agent header in all requests"). */
const USER_AGENT = `OfferRelay/0.1 (Language=Node.js/${process.versions.node.replace(/\..*$/u, '')})`;

/** Client of one selling account in one region. */
export function createPricingClient(options: PricingClientOptions): PricingClient {
  const { timeoutMs, tokens, credentials, clock, random } = options;
  const baseUrl = options.baseUrl.replace(/\/+$/u, '');
  let connection: { readonly ca: string | undefined; readonly send: SendRequest } | undefined;

  const send = async <Body>(
    request: WireRequest,
    read: (answer: PricingAnswer) => ReadAnswer<Body>,
    token: string,
    { signal, onLeft }: CallOptions,
  ): Promise<PricingResult<Body>> => {
    const { ca, clientSecret, refreshToken } = await credentials();
    if (!connection || connection.ca !== ca) connection = { ca, send: connectHttps({ ca }) };
    const { method, target, body } = request;
    const url = new URL(`${baseUrl}${target}`);
    const headers = {
      accept: 'application/json',
      'user-agent': USER_AGENT,
      'x-amz-access-token': token,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    };
    const sentAt = clock.now();
    const answer = await connection.send({
      method,
      url,
      headers,
      ...(body === undefined ? {} : { body }),
      timeoutMs,
      signal,
      onLeft,
    });
    const answeredAt = clock.now();
    const redact = redactor([token, clientSecret, refreshToken]);
    const granted = Number(answer.headers['x-amzn-ratelimit-limit'] ?? Number.NaN);
    const requestId = textOf(answer.headers['x-amzn-requestid']);
    const content = read({
      status: answer.status,
      text: redact(answer.body),
      truncated: answer.truncated,
      host: url.host,
      path: url.pathname,
      requestId,
    });
    return {
      body: content.body,
      sentAt,
      answeredAt,
      ...(Number.isFinite(granted) && granted > 0 ? { rateLimit: granted } : {}),
      ...(requestId === undefined ? {} : { requestId }),
      ...(content.drift.length > 0 ? { drift: content.drift } : {}),
    };
  };

  const call = async <Body>(
    request: WireRequest,
    read: (answer: PricingAnswer) => ReadAnswer<Body>,
    callOptions: CallOptions = {},
  ): Promise<PricingResult<Body>> => {
    const { retryOn, onExpired, signal } = callOptions;
    const unsentOnly = retryOn === 'unsent';
    const sendWith = (token: string): Promise<PricingResult<Body>> =>
      retry(() => send(request, read, token, callOptions), options.retry, {
        shouldRetry: (error) =>
          (error instanceof UnavailableError && (error.unsent || !unsentOnly)) ||
          (error instanceof ThrottledError && !unsentOnly),
        clock,
        random,
        signal,
        ...(unsentOnly && { deadline: clock.now() + timeoutMs }),
      });

    const token = await unlessAborted(tokens.accessToken(), signal);
    try {
      return await sendWith(token);
    } catch (error) {
      if (!(error instanceof TokenRefusedError)) throw error;
      const renewed = await unlessAborted(tokens.renew(token), signal);
      if (onExpired === 'fail') {
        throw new UnavailableError('TokenRenewed', 'the access token was refused and has been renewed since', {
          status: error.status ?? 403,
        });
      }
      return sendWith(renewed);
    }
  };

  const prices = (
    wire: WireRequest,
    { itemType, items }: Pick<GetPricingRequest, 'itemType' | 'items'>,
    callOptions?: CallOptions,
  ): Promise<PricingResult<Prices>> => call(wire, (answer) => readPrices(answer, itemType, items), callOptions);

  return {
    getPricing: async (request, callOptions) => prices(getPricing(request), request, callOptions),
    getCompetitivePricing: async (request, callOptions) => prices(getCompetitivePricing(request), request, callOptions),
    getItemOffers: async (request, callOptions) => call(getOffers(itemOffersOf(request)), readOffers, callOptions),
    getListingOffers: async (request, callOptions) =>
      call(getOffers(listingOffersOf(request)), readOffers, callOptions),
    async getItemOffersBatch({ requests }, callOptions) {
      const asked = requests.map(itemOffersOf);
      return call(getOffersBatch('asin', asked), (answer) => readOffersBatch(answer, asked), callOptions);
    },
    async getListingOffersBatch({ requests }, callOptions) {
      const asked = requests.map(listingOffersOf);
      return call(getOffersBatch('sku', asked), (answer) => readOffersBatch(answer, asked), callOptions);
    },
  };
}

/** A header that is worth keeping: a short word. */
function textOf(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' && /^[\x21-\x7e]{1,100}$/u.test(header) ? header : undefined;
}

/** The result, or the signal's reason if that comes first; the work itself goes on for others who wait for it. */
async function unlessAborted<Result>(work: Promise<Result>, signal: AbortSignal | undefined): Promise<Result> {
  if (!signal) return work;
  // Where the signal wins, nobody else may listen to a failure of the work.
  work.catch(() => undefined);
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
