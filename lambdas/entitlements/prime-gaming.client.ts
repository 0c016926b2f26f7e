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
import { connectTrusting, type HttpAnswer, type ServerTrust } from '../shared/http.ts';
import { retry } from '../shared/retry.ts';
import type { RetryPolicy } from '../shared/settings.ts';
import type { Telemetry } from '../shared/telemetry.ts';
import type { ListedEntitlement } from './entitlement.ts';

/** Each call carries the player's own access token, which is neither kept nor told. */
export interface PlayerCall {
  readonly token: string;
  /** When the last try has to have ended, epoch milliseconds. */
  readonly deadline: number;
}

/**
 * What Amazon said of a report: `unknown` is an ERROR, no word about this entitlement, or no answer that tells whether the
 * report was had.
 */
export type ReportResult = 'reported' | 'unknown';

/**
 * Client of Prime Gaming's two endpoints and of Login with Amazon's profile.
 *
 * All methods throw of the upstream errors: CredentialError with code `TokenRefused` (401, and what says that the token is
 * invalid or has expired) or `ScopeMissing` (403), ThrottledError (429), RejectedError (other 4xx), UnavailableError (5xx,
 * 408, 3xx, no answer) and UnreadableAnswerError; and what `trust` throws. No message holds a token or anything of the
 * player.
 */
export interface PrimeGamingClient {
  /**
   * The Amazon account that a token is of: `user_id` of its profile, which is not empty. Name and e-mail address are dropped
   * unread. Asks again after what may pass.
   */
  accountOf(call: PlayerCall): Promise<string>;
  /**
   * GET /api/entitlements ("Calling the Entitlements API"): everything that is open. Each entitlement comes once; what
   * has no identifier, or no SKU, has an empty one and is counted. Asks again after what may pass.
   */
  list(call: PlayerCall): Promise<readonly ListedEntitlement[]>;
  /**
   * POST /api/fulfill ("Fulfillment Reporting"), once for one entitlement. Only what provably had no effect is thrown (401,
   * 403, 429, 400, 404, a request that never left), and of that only 429 and what never left is repeated. Whatever else
   * happens is `unknown`.
   *
   * @param playerId FulfillmentAddress
   */
  report(call: PlayerCall, entitlementId: string, playerId: string): Promise<ReportResult>;
}

export interface PrimeGamingClientOptions {
  /** Of the Entitlements API and the Fulfill API. */
  readonly baseUrl: string;
  /** Login with Amazon's profile. */
  readonly profileUrl: string;
  /** Time-out of one try. */
  readonly timeoutMs: number;
  /** Tries of one call. */
  readonly attempts: number;
  /** Whom to trust, asked before each try. */
  readonly trust: () => Promise<ServerTrust>;
  readonly clock: Clock;
  /** Uniform in [0, 1), such as `Math.random`. */
  readonly random: () => number;
  /** Counts `SchemaDrift`: what an answer has otherwise than the documents say. Tells of reports without an answer. */
  readonly telemetry: Pick<Telemetry, 'count' | 'warn'>;
}

/** Pauses between tries: a player is waiting. */
const PAUSES = { baseMs: 100, capMs: 500 };
/** No try begins with less time than this left, not even the first: it could only be cut off. */
const LEAST_TRY_MS = 250;

interface Question {
  readonly method: 'GET' | 'POST';
  readonly url: URL;
  readonly body?: string;
}

export function createPrimeGamingClient(options: PrimeGamingClientOptions): PrimeGamingClient {
  const { baseUrl, profileUrl, timeoutMs, attempts, clock, random, telemetry } = options;
  const policy: RetryPolicy = { attempts, ...PAUSES };
  const connect = connectTrusting(options.trust);
  const base = baseUrl.replace(/\/+$/u, '');
  const urls = {
    list: new URL(`${base}/api/entitlements`),
    report: new URL(`${base}/api/fulfill`),
    profile: new URL(profileUrl),
  };
  const drift = (shape: string): void => {
    telemetry.count('SchemaDrift', 1);
    telemetry.warn('an answer is not as the documents say', { shape });
  };

  const send = async ({ token, deadline }: PlayerCall, { method, url, body }: Question): Promise<HttpAnswer> => {
    const sendRequest = await connect();
    const left = deadline - clock.now();
    if (left < LEAST_TRY_MS) {
      throw new UnavailableError('NoTimeLeft', `no time was left to ask ${url.host}`, { unsent: true });
    }
    const headers = {
      accept: 'application/json',
      'x-amz-access-token': token,
      // The document's own example has a parameter that is malformed: "application/json;charset UTF-8".
      ...(body !== undefined && { 'content-type': 'application/json' }),
    };
    const answer = await sendRequest({
      method,
      url,
      headers,
      timeoutMs: Math.min(timeoutMs, left),
      ...(body !== undefined && { body }),
    });
    if (answer.status < 200 || answer.status > 299) throw statusError(answer, url.host);
    return answer;
  };

  const ask = <Result>(
    call: PlayerCall,
    question: Question,
    read: (answer: HttpAnswer, host: string) => Result,
    mayRepeat: (error: unknown) => boolean,
  ): Promise<Result> =>
    retry(async () => read(await send(call, question), question.url.host), policy, {
      shouldRetry: mayRepeat,
      clock,
      random,
      deadline: call.deadline - LEAST_TRY_MS,
    });

  /** What a 200 says, whatever its content type is. */
  const parsed = <Schema extends z.core.$ZodType>(
    { status, body, truncated }: HttpAnswer,
    schema: Schema,
    host: string,
  ): z.output<Schema> => {
    const result = status === 200 && !truncated ? z.safeParse(schema, parseJson(body)) : undefined;
    if (result?.success === true) return result.data;
    const shape = status !== 200 ? 'unexpected-status' : truncated ? 'too-large' : 'unknown-body';
    drift(shape);
    // Nothing of the body is kept: it may hold what is the player's, in a place that is not known.
    const message = `${host} answered ${status} with a body that cannot be read: ${shape}`;
    throw new UnreadableAnswerError(message, { status, raw: '', shape });
  };

  return {
    accountOf: (call) =>
      ask(call, { method: 'GET', url: urls.profile }, (answer, host) => parsed(answer, Profile, host).user_id, mayPass),

    list: (call) =>
      ask(
        call,
        { method: 'GET', url: urls.list },
        (answer, host) => readListed(parsed(answer, Listing, host).Entitlements, drift),
        mayPass,
      ),

    async report(call, entitlementId, playerId) {
      const update = { EntitlementId: entitlementId, LastInstruction: 'FULFILL', FulfillmentAddress: playerId };
      const body = JSON.stringify({ FulfillmentStatusUpdates: [update] });
      try {
        return await ask(
          call,
          { method: 'POST', url: urls.report, body },
          (answer, host) =>
            readReported(parsed(answer, Acknowledgements, host).FulfillmentStatusUpdates, entitlementId),
          (error) => isUnavailable(error) && hadNoEffect(error),
        );
      } catch (error) {
        if (!isOfTheAnswer(error) || hadNoEffect(error)) throw error;
        telemetry.warn('a report was not confirmed', { entitlementId, code: error.code, status: error.status });
        return 'unknown';
      }
    },
  };
}

const nonEmpty = z.string().check(z.minLength(1));

const Profile = z.object({ user_id: nonEmpty });
/** Without its array an answer is not read at all: an empty list means that nothing is left to be done. */
const Listing = z.object({ Entitlements: z.array(z.unknown()) });
const Acknowledgements = z.object({ FulfillmentStatusUpdates: z.array(z.unknown()) });

const Listed = z.object({
  /** The empty one is nobody's: with it, whoever looks for one that is not listed knows that the list is not whole. */
  EntitlementId: z.catch(nonEmpty, ''),
  /** The empty one is no SKU of anybody's: the entitlement stays open, and stays listed. */
  VendorProductId: z.catch(nonEmpty, ''),
  /** "Deprecated. This value will always be FULFILL": so it may go away. */
  NextInstruction: z.nullish(z.string()),
});
const UNREADABLE: z.infer<typeof Listed> = { EntitlementId: '', VendorProductId: '' };
const Acknowledgement = z.object({ EntitlementId: z.string(), Result: z.optional(z.unknown()) });

/** Judges each entry by itself: what is wrong with one is no reason to withhold the others. */
function readListed(entries: readonly unknown[], drift: (shape: string) => void): ListedEntitlement[] {
  const listed = new Map<string, ListedEntitlement>();
  for (const entry of entries) {
    const data = Listed.safeParse(entry).data ?? UNREADABLE;
    if (data.EntitlementId === '') drift('Entitlements[].EntitlementId');
    else if (data.VendorProductId === '') drift('Entitlements[].VendorProductId');
    if (listed.has(data.EntitlementId)) continue;
    listed.set(data.EntitlementId, {
      entitlementId: data.EntitlementId,
      sku: data.VendorProductId,
      instruction: data.NextInstruction ?? 'FULFILL',
    });
  }
  return [...listed.values()];
}

/** Decided by what is said about this entitlement, and by nothing else: SUCCESS, and no other word beside it. */
function readReported(entries: readonly unknown[], entitlementId: string): ReportResult {
  const results = entries
    .map((entry) => Acknowledgement.safeParse(entry).data)
    .filter((one) => one?.EntitlementId === entitlementId);
  return results.length > 0 && results.every((one) => one?.Result === 'SUCCESS') ? 'reported' : 'unknown';
}

function isUnavailable(error: unknown): boolean {
  return error instanceof ThrottledError || error instanceof UnavailableError;
}

function mayPass(error: unknown): boolean {
  return isUnavailable(error) || error instanceof UnreadableAnswerError;
}

/** Whether an error is about what came back, or did not. */
function isOfTheAnswer(error: unknown): error is UpstreamError {
  return mayPass(error) || error instanceof RejectedError;
}

/** What an API says of a request that it does not take up. Any other refusal may come from anywhere on the way. */
const REFUSALS = [400, 404];

/** Whether a failure proves that a report had no effect: it never left, or was refused before anything was done. */
function hadNoEffect(error: unknown): boolean {
  return (
    error instanceof ThrottledError ||
    (error instanceof RejectedError && error.status !== undefined && REFUSALS.includes(error.status)) ||
    (error instanceof UnavailableError && error.unsent)
  );
}

/** Codes by status, and by words of RFC 6750, section 3.1: the profile says with 400 what others say with 401. */
const TOKEN_ERRORS: ReadonlyMap<unknown, string> = new Map<unknown, string>([
  ['invalid_token', 'TokenRefused'],
  ['insufficient_scope', 'ScopeMissing'],
  [401, 'TokenRefused'],
  [403, 'ScopeMissing'],
]);
const Failure = z.object({ error: z.string() });

/** No word of the upstream's is kept, not even a code: it may quote the token. */
function statusError({ status, body }: HttpAnswer, host: string): UpstreamError {
  const message = `${host} answered ${status}`;
  if (status === 429) return new ThrottledError(message, { status });
  if (status === 408 || status >= 500) return new UnavailableError('ServerError', message, { status });
  if (status < 400) return new UnavailableError('Redirected', `${message} (redirects are not followed)`, { status });
  const code = TOKEN_ERRORS.get(Failure.safeParse(parseJson(body)).data?.error) ?? TOKEN_ERRORS.get(status);
  if (code !== undefined) return new CredentialError(code, `${message}: ${code}`, { status });
  return new RejectedError('Rejected', message, { status });
}
