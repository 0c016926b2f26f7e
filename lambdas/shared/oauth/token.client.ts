import * as z from 'zod/mini';
import { oneLine, parseJson, redactor } from '../answer-text.ts';
import { CredentialError, ThrottledError, UnavailableError, type UpstreamError } from '../errors.ts';
import { connectHttps, type HttpAnswer, type SendRequest } from '../http.ts';

/** What Amazon gave an application, by which it gets access tokens. */
export interface ClientCredentials {
  readonly clientId: string;
  readonly clientSecret: string;
  /** Of an account that lets the application act for it; left out where the application acts for itself. */
  readonly refreshToken?: string | undefined;
  /** Authority of the server certificate, PEM; default: the public ones. */
  readonly ca?: string | undefined;
}

export interface TokenGrant {
  readonly token: string;
  /** For how long the token is good, counted from the request. */
  readonly lifeMs: number;
}

export type RequestToken = (credentials: ClientCredentials) => Promise<TokenGrant>;

/** How long Amazon's tokens live. None is believed to live longer. */
const LONGEST_LIFE_SECONDS = 3_600;
/** What a token is taken to live of which that is not told. */
const UNTOLD_LIFE_SECONDS = 300;

const INVALID_CLIENT = {
  code: 'InvalidClient',
  remedy: 'client identifier and client secret do not fit, or were rotated: store the present ones',
} as const;

/**
 * Refusals that no repetition mends, by the grant and by the answer's `error` (RFC 6749, section 5.2): their code, and what
 * mends them.
 */
const REFUSALS = {
  refresh_token: new Map([
    ['invalid_client', INVALID_CLIENT],
    [
      'invalid_grant',
      {
        code: 'InvalidGrant',
        remedy:
          'the refresh token is revoked or expired: authorize the application again and store the new refresh token',
      },
    ],
    [
      'unauthorized_client',
      {
        code: 'UnauthorizedClient',
        remedy:
          'the refresh token was given to another application: store the one that was given to this client identifier',
      },
    ],
  ]),
  client_credentials: new Map([
    ['invalid_client', INVALID_CLIENT],
    [
      'invalid_grant',
      { code: 'InvalidGrant', remedy: 'the credentials are revoked or expired: make new ones and store them' },
    ],
    [
      'unauthorized_client',
      {
        code: 'UnauthorizedClient',
        remedy: 'the credentials may not be used in this way: see what they were made for, or make new ones',
      },
    ],
  ]),
} as const;
type GrantType = keyof typeof REFUSALS;

const Grant = z.object({
  access_token: z.string().check(z.regex(/^[\x21-\x7e]+$/u)),
  expires_in: z.optional(z.unknown()),
});

const Refusal = z.object({
  error: z.optional(z.string()),
  error_description: z.optional(z.string()),
});

/**
 * Client of a token endpoint: Login with Amazon's with a refresh token ("Access Token Request"), and without one any that
 * gives tokens for client credentials (RFC 6749, section 4.4).
 *
 * @param options `timeoutMs` bounds one request
 * @returns a function that asks once for an access token. It throws CredentialError when the credentials are refused
 *   (`code` names the refusal), ThrottledError (429), and UnavailableError (5xx, 3xx, no answer, an answer without a token)
 */
export function createTokenClient({ tokenUrl, timeoutMs }: { tokenUrl: string; timeoutMs: number }): RequestToken {
  const url = new URL(tokenUrl);
  let connection: { readonly ca: string | undefined; readonly send: SendRequest } | undefined;
  return async (credentials) => {
    const { clientId, clientSecret, refreshToken, ca } = credentials;
    if (!connection || connection.ca !== ca) connection = { ca, send: connectHttps({ ca }) };
    const grantType: GrantType = refreshToken === undefined ? 'client_credentials' : 'refresh_token';
    const form = new URLSearchParams({
      grant_type: grantType,
      ...(refreshToken !== undefined && { refresh_token: refreshToken }),
      client_id: clientId,
      client_secret: clientSecret,
    });
    const answer = await connection.send({
      method: 'POST',
      url,
      headers: { accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded;charset=UTF-8' },
      body: form.toString(),
      timeoutMs,
    });
    return readGrant(answer, url, grantType, redactor([clientSecret, refreshToken ?? '']));
  };
}

function readGrant(
  { status, body }: HttpAnswer,
  url: URL,
  grantType: GrantType,
  redact: (text: string) => string,
): TokenGrant {
  const json = parseJson(body);
  if (status < 200 || status > 299) {
    const { error = '', error_description: description = '' } = Refusal.safeParse(json).data ?? {};
    throw refusalError(status, url, grantType, redact(error), oneLine(redact(description)));
  }
  const grant = Grant.safeParse(json).data;
  if (!grant) {
    // Nothing of such an answer is kept: it may hold a token in a place that is not known.
    throw new UnavailableError('UnreadableToken', `${url.host} answered ${status} without an access token`, { status });
  }
  const told = Number(typeof grant.expires_in === 'string' ? grant.expires_in.trim() || Number.NaN : grant.expires_in);
  const seconds = told > 0 ? Math.min(told, LONGEST_LIFE_SECONDS) : UNTOLD_LIFE_SECONDS;
  return { token: grant.access_token, lifeMs: seconds * 1_000 };
}

function refusalError(
  status: number,
  url: URL,
  grantType: GrantType,
  error: string,
  description: string,
): UpstreamError {
  const said = [error, description].filter(Boolean).join(': ');
  const message = `${url.host} answered ${status} to a request for an access token${said ? `: ${said}` : ''}`;
  if (status === 429) return new ThrottledError(message, { status });
  if (status === 408 || status >= 500) return new UnavailableError('ServerError', message, { status });
  if (status < 400) return new UnavailableError('Redirected', `${message} (redirects are not followed)`, { status });
  const { code, remedy } = REFUSALS[grantType].get(error) ?? {
    code: 'TokenRefused',
    remedy: 'see whether the secret holds what Amazon gave',
  };
  return new CredentialError(code, `${message} (${remedy})`, { status });
}
