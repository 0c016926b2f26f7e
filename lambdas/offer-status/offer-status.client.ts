import * as z from 'zod/mini';
import { oneLine, parseJson, redactor, shapeOf } from '../shared/answer-text.ts';
import type { Clock } from '../shared/clock.ts';
import {
  CredentialError,
  RejectedError,
  ThrottledError,
  UnavailableError,
  UnknownThingError,
  UnreadableAnswerError,
} from '../shared/errors.ts';
import { boundedRaw, connectHttps, pathSegment, type HttpAnswer, type SendRequest } from '../shared/http.ts';
import { retry } from '../shared/retry.ts';
import type { RetryPolicy } from '../shared/settings.ts';
import { answerDrift, answerErrors, OfferStatusAnswer } from './offer-status-answer.ts';
import { MARKETPLACES } from './marketplaces.ts';

const nonEmpty = z.string().check(z.minLength(1));

/** The secret of an Offer Status account. */
export const OfferStatusCredentials = z.object({
  cert: nonEmpty.check(z.describe('Client certificate, PEM.')),
  key: nonEmpty.check(z.describe('Private key of the certificate, PEM, without a passphrase.')),
  apiKey: z.string().check(z.trim(), z.regex(/^[\x21-\x7e]+$/u), z.describe('Value of the x-api-key header.')),
  ca: z.optional(nonEmpty).check(z.describe('Authority of the server certificate, PEM; default: the public ones.')),
});
export type OfferStatusCredentials = z.infer<typeof OfferStatusCredentials>;

export { MARKETPLACES };

/** Parameters of Get Status (section "Parameters"). */
export interface OfferStatusRequest {
  /** The partner's organization identifier. */
  readonly licensor: string;
  /** Title identifier, an ALID or SKU. */
  readonly alid: string;
  /** One of MARKETPLACES; GLOBAL when left out. */
  readonly marketplace?: string | undefined;
  /** Two letters; all territories when left out. */
  readonly territory?: string | undefined;
}

export interface GetStatusOptions {
  /**
   * `retryable` repeats after 429, 5xx, time-outs and lost connections; `unsent` only what never left, for callers that
   * pay for each request with a slot of the rate limit; no such repeat begins later than one time-out after the first.
   */
  readonly retryOn?: 'unsent' | 'retryable';
  readonly signal?: AbortSignal | undefined;
  /** Called when a request leaves, its connection standing. */
  readonly onLeft?: (() => void) | undefined;
}

export interface OfferStatusResult {
  readonly answer: OfferStatusAnswer;
  /** Milliseconds since the epoch at which the request that was answered began. */
  readonly sentAt: number;
  /** Milliseconds since the epoch at which its answer was complete. */
  readonly answeredAt: number;
  /** Requests per second that the upstream says it grants (header x-amzn-RateLimit-Limit). */
  readonly rateLimit?: number;
  /** What the document does not know; see `answerDrift`. */
  readonly drift: string[];
}

export interface OfferStatusClient {
  getStatus(request: OfferStatusRequest, options?: GetStatusOptions): Promise<OfferStatusResult>;
}

/** What the client needs from its handler. */
export interface OfferStatusClientOptions {
  readonly baseUrl: string;
  /** Time-out of each try, in milliseconds. */
  readonly timeoutMs: number;
  readonly retry: RetryPolicy;
  readonly credentials: () => Promise<OfferStatusCredentials>;
  /** The credentials as they are now, past any cache. */
  readonly refreshCredentials: () => Promise<OfferStatusCredentials>;
  readonly clock: Clock;
  /** Uniform in [0, 1), such as `Math.random`. */
  readonly random: () => number;
}

/**
 * Client of the Offer Status API: `GET /v1/avails/{licensor}/status/{ALID}` over mutual TLS with an API key
 * (section "Request Format").
 *
 * @returns a client whose `getStatus` throws RangeError for a parameter that the document does not allow, and of the
 *   upstream errors: UnknownThingError (404), ThrottledError (429), CredentialError (401, 403, refused certificate),
 *   RejectedError (other 4xx), UnavailableError (5xx, 3xx, no answer, errors in place of offers) and
 *   UnreadableAnswerError
 */
export function createOfferStatusClient(options: OfferStatusClientOptions): OfferStatusClient {
  const { baseUrl, timeoutMs, credentials, refreshCredentials, clock, random } = options;
  let connection: { readonly of: OfferStatusCredentials; readonly send: SendRequest } | undefined;

  const send = async (
    url: URL,
    using: OfferStatusCredentials,
    { signal, onLeft }: GetStatusOptions,
  ): Promise<OfferStatusResult> => {
    if (!connection || !sameCredentials(connection.of, using)) connection = { of: using, send: connectHttps(using) };
    const headers = { accept: 'application/json', 'x-api-key': using.apiKey };
    const sentAt = clock.now();
    const answer = await connection.send({ method: 'GET', url, headers, timeoutMs, signal, onLeft });
    const answeredAt = clock.now();
    return { ...readAnswer(answer, url, using.apiKey), sentAt, answeredAt };
  };

  /** One try; and a second one after a refusal, if the secret holds other credentials than those refused. */
  const attempt = async (url: URL, getOptions: GetStatusOptions): Promise<OfferStatusResult> => {
    const refused = await credentials();
    try {
      return await send(url, refused, getOptions);
    } catch (error) {
      if (!(error instanceof CredentialError)) throw error;
      const cached = await credentials();
      const renewed = sameCredentials(cached, refused) ? await refreshCredentials() : cached;
      if (sameCredentials(renewed, refused)) throw error;
      if (getOptions.retryOn === 'unsent') {
        throw new UnavailableError('CredentialsRenewed', 'the credentials were refused and have been renewed since');
      }
      return send(url, renewed, getOptions);
    }
  };

  return {
    async getStatus(request, getOptions = {}) {
      const url = statusUrl(baseUrl, request);
      const unsentOnly = getOptions.retryOn === 'unsent';
      return retry(() => attempt(url, getOptions), options.retry, {
        shouldRetry: (error) =>
          (error instanceof UnavailableError && (error.unsent || !unsentOnly)) ||
          (error instanceof ThrottledError && !unsentOnly),
        clock,
        random,
        signal: getOptions.signal,
        ...(unsentOnly && { deadline: clock.now() + timeoutMs }),
      });
    },
  };
}

function sameCredentials(left: OfferStatusCredentials, right: OfferStatusCredentials): boolean {
  return left.cert === right.cert && left.key === right.key && left.apiKey === right.apiKey && left.ca === right.ca;
}

/**
 * The address of a title's status.
 *
 * @throws RangeError naming the parameter, its value and what is allowed
 */
export function statusUrl(baseUrl: string, { licensor, alid, marketplace, territory }: OfferStatusRequest): URL {
  const url = new URL(
    `${baseUrl.replace(/\/+$/u, '')}/v1/avails/${pathSegment('licensor', licensor)}/status/${pathSegment('ALID', alid)}`,
  );
  if (marketplace !== undefined) {
    if (!MARKETPLACES.some((allowed) => allowed === marketplace)) {
      throw new RangeError(`marketplace ${JSON.stringify(marketplace)} is not one of ${MARKETPLACES.join(', ')}`);
    }
    url.searchParams.set('marketplace', marketplace);
  }
  if (territory !== undefined) {
    if (!/^[A-Za-z]{2}$/u.test(territory)) {
      throw new RangeError(`territory ${JSON.stringify(territory)} is not a two-letter code such as US, GB or AU`);
    }
    url.searchParams.set('territory', territory.toUpperCase());
  }
  return url;
}

function readAnswer({ status, headers, body, truncated }: HttpAnswer, url: URL, apiKey: string) {
  // An upstream may echo what it was sent, and neither messages nor quarantined answers may hold the key.
  const redact = redactor([apiKey]);
  if (status < 200 || status > 299) throw statusError(status, url, oneLine(redact(upstreamMessage(body))));

  const json = truncated ? undefined : parseJson(body);
  if (json === undefined) {
    const shape = truncated ? 'too-large' : 'not-json';
    const message = `${url.host} answered ${status} with a body that cannot be read: ${shape}`;
    throw new UnreadableAnswerError(message, { status, raw: boundedRaw(redact(body)), shape });
  }
  const failed = FailedAnswer.safeParse(json).data;
  const errors = failed ? answerErrors(failed) : [];
  if (errors.length > 0) {
    const message = `${url.host} answered ${status} with errors and no offers: ${oneLine(redact(errors.join('; ')))}`;
    throw new UnavailableError('UpstreamErrors', message, { status });
  }
  const parsed = OfferStatusAnswer.safeParse(json);
  if (!parsed.success) {
    const shape = shapeOf(parsed.error);
    const message = `${url.host} answered ${status} with a body that is not the documented one: ${shape}`;
    throw new UnreadableAnswerError(message, { status, raw: boundedRaw(redact(body)), shape });
  }
  const granted = Number(headers['x-amzn-ratelimit-limit'] ?? Number.NaN);
  return {
    answer: parsed.data,
    drift: answerDrift(parsed.data),
    ...(Number.isFinite(granted) && granted > 0 ? { rateLimit: granted } : {}),
  };
}

/** The upstream's errors in place of offers; with offers beside them the answer is of use. */
const FailedAnswer = z.object({
  OfferStatuses: z.nullish(z.array(z.unknown()).check(z.maxLength(0))),
  errors: z.optional(z.unknown()),
});

function statusError(status: number, url: URL, said: string) {
  const message = `${url.host} answered ${status} to ${url.pathname}${said ? `: ${said}` : ''}`;
  if (status === 401 || status === 403) return new CredentialError('CredentialsRefused', message, { status });
  if (status === 404) return new UnknownThingError('UnknownTitle', message, { status });
  if (status === 429) return new ThrottledError(message, { status });
  if (status === 408 || status >= 500) return new UnavailableError('ServerError', message, { status });
  if (status < 400) return new UnavailableError('Redirected', `${message} (redirects are not followed)`, { status });
  return new RejectedError('Rejected', message, { status });
}

const Failure = z.union([
  z.pipe(
    z.object({ message: z.string() }),
    z.transform(({ message }) => message),
  ),
  z.pipe(
    z.object({ Message: z.string() }),
    z.transform(({ Message }) => Message),
  ),
  z.pipe(
    z.object({ error: z.object({ message: z.string() }) }),
    z.transform(({ error }) => error.message),
  ),
  z.pipe(
    z.object({ errors: z.unknown() }),
    z.transform((answer) => answerErrors(answer).join('; ')),
  ),
]);

/** What the upstream itself says about a failure, in whichever place it says so. */
function upstreamMessage(text: string): string {
  return Failure.safeParse(parseJson(text)).data ?? text;
}
