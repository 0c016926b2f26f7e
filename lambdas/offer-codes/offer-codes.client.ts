import * as z from 'zod/mini';
import { parseJson, redactor } from '../shared/answer-text.ts';
import type { Clock } from '../shared/clock.ts';
import {
  CredentialError,
  RejectedError,
  ThrottledError,
  UnavailableError,
  UnreadableAnswerError,
  type UpstreamError,
} from '../shared/errors.ts';
import { connectTrusting, pathSegment, type HttpAnswer, type ServerTrust } from '../shared/http.ts';
import { retry } from '../shared/retry.ts';
import type { RetryPolicy } from '../shared/settings.ts';
import { signRequest, type SigningCredentials } from '../shared/sigv4/request-signer.ts';
import type { CredentialSource } from '../shared/sigv4/signing-credentials.ts';
import { readDecision, type CodeDecision } from './code-decision.ts';
import { isUnprocessed } from './unprocessed.ts';

/** One question about one code. */
export interface CodeRequest {
  readonly benefitId: string;
  readonly offerCode: string;
  /** Such as US. */
  readonly marketplace: string;
  /** AWS region that requests about the marketplace are signed for. */
  readonly region: string;
  /** IANA name. */
  readonly timeZone?: string | undefined;
  /** The caller's own, for the upstream's log. */
  readonly requestId: string;
  /** When the last try has to have ended, epoch milliseconds. */
  readonly deadline: number;
}

export interface DecidedCode {
  readonly decision: CodeDecision;
  /** From the first try to the answer, pauses included. */
  readonly upstreamMs: number;
}

/**
 * Both methods throw RangeError for a benefit or code that no path can carry, and of the upstream errors: ThrottledError
 * (429), CredentialError (401, 403, no credentials), RejectedError (other 4xx), UnavailableError (5xx, 408, 3xx, no
 * answer) and UnreadableAnswerError. No message holds a code, a token or a key.
 */
export interface OfferCodesClient {
  /** Asks whether a code is valid, and again after whatever may pass. */
  verify(request: CodeRequest): Promise<DecidedCode>;
  /**
   * Redeems a code, and asks again only after what provably had no effect: whatever else it throws, the code may have
   * been redeemed; see `isUnprocessed`.
   *
   * @param request `redeemedAt` epoch milliseconds, told to the minute
   */
  redeem(request: CodeRequest & { readonly redeemedAt: number }): Promise<DecidedCode>;
}

export interface OfferCodesClientOptions {
  readonly baseUrl: string;
  /** Time-out of one try. */
  readonly timeoutMs: number;
  /** Tries of one call. */
  readonly attempts: number;
  readonly credentials: CredentialSource;
  /** Whom to trust, asked before each try. */
  readonly trust: () => Promise<ServerTrust>;
  readonly clock: Clock;
  /** Uniform in [0, 1), such as `Math.random`. */
  readonly random: () => number;
}

/** Pauses between tries: somebody is waiting at a till. */
const PAUSES = { baseMs: 100, capMs: 500 };
/** No try begins with less time than this left, not even the first: it could only be cut off. */
const LEAST_TRY_MS = 250;

type Operation = 'verify' | 'redeem';

/** Client of the Verify Offer Code API: `GET …/offer-code/{code}/verify` and its sibling `POST …/redeem`, signed. */
export function createOfferCodesClient(options: OfferCodesClientOptions): OfferCodesClient {
  const { baseUrl, timeoutMs, attempts, credentials, trust, clock, random } = options;
  const policy: RetryPolicy = { attempts, ...PAUSES };
  const connect = connectTrusting(trust);

  const ask = async (
    operation: Operation,
    request: CodeRequest,
    added: Readonly<Record<string, string>>,
    mayRepeat: (error: unknown) => boolean,
  ): Promise<DecidedCode> => {
    const url = codeUrl(baseUrl, request, operation);
    const method = operation === 'verify' ? 'GET' : 'POST';
    const scope = { service: 'execute-api', region: request.region };
    const signedHeaders = {
      'x-amz-marketplace': request.marketplace,
      ...(request.timeZone !== undefined && { 'x-amz-time-zone': request.timeZone }),
      ...added,
    };

    const send = async (using: SigningCredentials): Promise<CodeDecision> => {
      const sendRequest = await connect();
      const signed = await signRequest({ method, url, headers: signedHeaders, now: clock.now() }, scope, using);
      const left = request.deadline - clock.now();
      if (left < LEAST_TRY_MS) {
        throw new UnavailableError('NoTimeLeft', `no time was left to ask ${url.host}`, { unsent: true });
      }
      const headers = { ...signed, accept: 'application/json', 'x-amz-request-id': request.requestId };
      const timeout = Math.min(timeoutMs, left);
      const answer = await sendRequest({ method, url, headers, timeoutMs: timeout }).catch((error: unknown) => {
        throw unconnected(error);
      });
      return readAnswer(answer, url.host, request.offerCode);
    };

    let renewed = false;
    const attempt = async (): Promise<CodeDecision> => {
      const using = await credentials.current();
      try {
        return await send(using);
      } catch (error) {
        const refused = error instanceof CredentialError && error.status !== undefined;
        if (!refused || renewed || (await credentials.renew(using)) === undefined) throw error;
        renewed = true;
        const message = 'the credentials were refused and have been renewed since';
        throw new UnavailableError('CredentialsRenewed', message, { unsent: true });
      }
    };

    const startedAt = performance.now();
    const decision = await retry(attempt, policy, {
      shouldRetry: mayRepeat,
      clock,
      random,
      deadline: request.deadline - LEAST_TRY_MS,
    });
    return { decision, upstreamMs: performance.now() - startedAt };
  };

  return {
    verify: (request) =>
      ask('verify', request, {}, (error) => isUnavailable(error) || error instanceof UnreadableAnswerError),
    redeem: (request) =>
      ask(
        'redeem',
        request,
        { 'x-amz-offer-code-redemption-time': redemptionTime(request.redeemedAt) },
        (error) => isUnavailable(error) && isUnprocessed(error),
      ),
  };
}

/** A time-out before the connection stood is one of the way there: nobody has been asked who could be slow to answer. */
function unconnected(error: unknown): unknown {
  const isOfTheWay = error instanceof UnavailableError && error.unsent && error.code === 'TimedOut';
  return isOfTheWay ? new UnavailableError('Unreachable', error.message, { unsent: true }) : error;
}

function isUnavailable(error: unknown): boolean {
  return error instanceof ThrottledError || error instanceof UnavailableError;
}

/** `YYYYMMDD'T'HHMM'Z'`. */
function redemptionTime(at: number): string {
  return `${new Date(at).toISOString().slice(0, 16).replaceAll(/[-:]/gu, '')}Z`;
}

function codeUrl(baseUrl: string, { benefitId, offerCode }: CodeRequest, operation: Operation): URL {
  const base = new URL(baseUrl);
  const path =
    `${base.pathname.replace(/\/+$/u, '')}/v1/customer/benefit/${segment('benefit', benefitId)}` +
    `/offer-code/${segment('offer code', offerCode)}/${operation}`;
  const url = new URL(path, base.origin);
  // What is signed is what is sent: a path that the address has changed would be another code's.
  if (url.pathname !== path) throw new RangeError('the path of the code cannot be sent as it is');
  return url;
}

/** As `pathSegment`, without the value in the error: it may be a code. */
function segment(field: string, value: string): string {
  try {
    return pathSegment(field, value);
  } catch {
    throw new RangeError(`the ${field} cannot be part of a path`);
  }
}

const Answer = z.object({ message: z.string() });
const Failure = z.object({ error: z.object({ code: z.string() }) });

/** `message` decides; what is not understood is never taken for a decision. */
function readAnswer({ status, body, truncated }: HttpAnswer, host: string, offerCode: string): CodeDecision {
  if (status < 200 || status > 299) throw statusError(status, host, errorCode(body, offerCode));
  const shape = (found: string): UnreadableAnswerError =>
    // Nothing of the body is kept: it may hold the code in a form that nobody recognises.
    new UnreadableAnswerError(`${host} answered ${status} with a body that cannot be read: ${found}`, {
      status,
      raw: '',
      shape: found,
    });
  if (status !== 200) throw shape('unexpected-status');
  const json = truncated ? undefined : parseJson(body);
  if (json === undefined) throw shape(truncated ? 'too-large' : 'not-json');
  const answer = Answer.safeParse(json);
  if (!answer.success) throw shape('no-message');
  const decision = readDecision(answer.data.message);
  if (decision === undefined) throw shape('unknown-message');
  return decision;
}

/** The upstream's error code where it is plainly one. Its message is not repeated: it may quote what was signed. */
function errorCode(body: string, offerCode: string): string {
  const code = Failure.safeParse(parseJson(body)).data?.error.code ?? '';
  return /^[A-Za-z]{1,60}$/u.test(code) && redactor([offerCode])(code) === code ? code : '';
}

function statusError(status: number, host: string, code: string): UpstreamError {
  const message = `${host} answered ${status}${code === '' ? '' : ` ${code}`}`;
  if (status === 401 || status === 403) return new CredentialError('CredentialsRefused', message, { status });
  if (status === 429) return new ThrottledError(message, { status });
  if (status === 408 || status >= 500) return new UnavailableError('ServerError', message, { status });
  if (status < 400) return new UnavailableError('Redirected', `${message} (redirects are not followed)`, { status });
  return new RejectedError('Rejected', message, { status, said: code });
}
