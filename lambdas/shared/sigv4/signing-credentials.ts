import type { Clock } from '../clock.ts';
import type { SigningCredentials } from './request-signer.ts';

/**
 * Where the credentials come from that requests are signed with. Both methods throw CredentialError where there can be
 * none, and UnavailableError where there are none now.
 */
export interface CredentialSource {
  current(): Promise<SigningCredentials>;
  /**
   * Others in the place of those that an upstream has refused; fetched unless somebody else has done so meanwhile.
   * Undefined where there are no others to be had.
   */
  renew(refused: SigningCredentials): Promise<SigningCredentials | undefined>;
}

/**
 * Credentials that somebody else keeps fresh, as Lambda does those of a function's role.
 *
 * @param read the credentials as they are now
 */
export function givenCredentials(read: () => SigningCredentials): CredentialSource {
  return {
    current: () => Promise.resolve(read()),
    renew(refused) {
      const present = read();
      return Promise.resolve(sameCredentials(present, refused) ? undefined : present);
    },
  };
}

/** Credentials with their end. */
export interface TemporaryCredentials extends SigningCredentials {
  /** Epoch milliseconds. */
  readonly expiresAt: number;
}

/** They are replaced this long before they expire. */
export const EARLY_MS = 5 * 60_000;

/**
 * Keeps temporary credentials. However many callers wait, they are fetched once. Where the fetch of new ones fails, the
 * old ones serve until they expire.
 */
export function temporaryCredentials(fetch: () => Promise<TemporaryCredentials>, clock: Clock): CredentialSource {
  let kept: TemporaryCredentials | undefined;
  let underway: Promise<TemporaryCredentials> | undefined;

  const fetchOnce = (): Promise<TemporaryCredentials> => {
    underway ??= fetch()
      .then((fetched) => (kept = fetched))
      .finally(() => (underway = undefined));
    return underway;
  };

  return {
    async current() {
      if (kept && clock.now() + EARLY_MS < kept.expiresAt) return kept;
      try {
        return await fetchOnce();
      } catch (error) {
        if (kept && clock.now() < kept.expiresAt) return kept;
        throw error;
      }
    },
    async renew(refused) {
      if (kept && !sameCredentials(kept, refused)) return kept;
      return fetchOnce();
    },
  };
}

function sameCredentials(left: SigningCredentials, right: SigningCredentials): boolean {
  return (
    left.accessKeyId === right.accessKeyId &&
    left.secretAccessKey === right.secretAccessKey &&
    left.sessionToken === right.sessionToken
  );
}
