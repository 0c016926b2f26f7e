import type { Clock } from '../clock.ts';
import { CredentialError, UnavailableError } from '../errors.ts';
import { retry } from '../retry.ts';
import type { RetryPolicy } from '../settings.ts';
import type { ClientCredentials, RequestToken } from './token.client.ts';

/** Tokens are replaced this long before they expire, so that none does on its way; short-lived ones in mid-life. */
export const EARLY_MS = 60_000;

/** A token that came in the place of a refused one and is refused within this time is not replaced again. */
export const REPLACEMENT_MS = 10_000;

/**
 * The access tokens of one account. Both methods throw CredentialError where the credentials are refused,
 * ThrottledError, and UnavailableError where no token could be had; no message holds a credential.
 */
export interface AccessTokens {
  /**
   * A token that is good for another minute.
   *
   * @param forMs for how long from now on asking again must not fetch one
   */
  accessToken(forMs?: number): Promise<string>;
  /**
   * A token in the place of one that an API has refused as expired or invalid; fetched unless somebody else has done so
   * meanwhile. Throws CredentialError as well when the refused one is such a replacement and a few seconds old.
   */
  renew(refused: string): Promise<string>;
}

export interface AccessTokensOptions {
  readonly requestToken: RequestToken;
  readonly retry: RetryPolicy;
  readonly credentials: () => Promise<ClientCredentials>;
  /** The credentials as they are now, past any cache. */
  readonly refreshCredentials: () => Promise<ClientCredentials>;
  readonly clock: Clock;
  /** Uniform in [0, 1), such as `Math.random`. */
  readonly random: () => number;
}

interface Kept {
  readonly token: string;
  readonly of: ClientCredentials;
  readonly until: number;
}

/**
 * Keeps the access token of one account. However many callers wait, one request fetches it; it is repeated after 5xx and
 * where there is no answer. Other credentials in the secret mean another token.
 */
export function createAccessTokens(options: AccessTokensOptions): AccessTokens {
  const { requestToken, credentials, refreshCredentials, clock, random } = options;
  let kept: Kept | undefined;
  let fetching: { readonly of: ClientCredentials; readonly done: Promise<Kept> } | undefined;
  let replacement: { readonly token: string; readonly at: number } | undefined;

  const grant = (of: ClientCredentials): Promise<Kept> =>
    retry(
      async () => {
        const askedAt = clock.now();
        const { token, lifeMs } = await requestToken(of);
        return { token, of, until: askedAt + lifeMs - Math.min(EARLY_MS, lifeMs / 2) };
      },
      options.retry,
      { shouldRetry: (error) => error instanceof UnavailableError, clock, random },
    );

  /** One grant; and a second one after a refusal, if the secret holds other credentials than those refused. */
  const fetchAndKeep = async (of: ClientCredentials): Promise<Kept> => {
    try {
      kept = await grant(of);
    } catch (error) {
      if (!(error instanceof CredentialError)) throw error;
      const cached = await credentials();
      const present = sameCredentials(cached, of) ? await refreshCredentials() : cached;
      if (sameCredentials(present, of)) throw error;
      kept = await grant(present);
    }
    return kept;
  };

  const fetchOnce = (of: ClientCredentials): Promise<Kept> => {
    if (fetching && sameCredentials(fetching.of, of)) return fetching.done;
    const begun = { of, done: fetchAndKeep(of).finally(() => (fetching = fetching === begun ? undefined : fetching)) };
    fetching = begun;
    return begun.done;
  };

  const keptOf = (of: ClientCredentials, forMs = 0): Kept | undefined =>
    kept && sameCredentials(kept.of, of) && clock.now() + forMs < kept.until ? kept : undefined;

  return {
    async accessToken(forMs = 0) {
      const current = await credentials();
      return (keptOf(current, forMs) ?? (await fetchOnce(current))).token;
    },

    async renew(refused) {
      const current = await credentials();
      const other = keptOf(current);
      if (other && other.token !== refused) return other.token;
      if (replacement?.token === refused && clock.now() < replacement.at + REPLACEMENT_MS) {
        const remedy =
          current.refreshToken === undefined
            ? 'see what the credentials still allow'
            : 'see whether the account still authorizes the application';
        throw new CredentialError(
          'FreshTokenRefused',
          `an access token was refused and so was the one in its place; ${remedy}`,
        );
      }
      const { token } = await fetchOnce(current);
      replacement = { token, at: clock.now() };
      return token;
    },
  };
}

function sameCredentials(left: ClientCredentials, right: ClientCredentials): boolean {
  return (
    left.clientId === right.clientId &&
    left.clientSecret === right.clientSecret &&
    left.refreshToken === right.refreshToken &&
    left.ca === right.ca
  );
}
