import { randomBytes } from 'node:crypto';
import { TokenOptions } from './entitlement-options.ts';

/** What an `x-amz-access-token` header is worth. */
export type PlayerTokenCheck =
  | { readonly kind: 'valid' | 'expired'; readonly account: string; readonly scopes: ReadonlySet<string> }
  | { readonly kind: 'missing' | 'unknown' };

interface IssuedToken {
  readonly account: string;
  readonly scopes: ReadonlySet<string>;
  expiresAt: number;
}

/** Gives tokens the length of Amazon's, which have 350 characters or more. */
const TOKEN_BYTES = 270;

/** Login with Amazon, once a player has agreed: access tokens that live for a while. They are kept in memory only. */
export class PlayerTokens {
  readonly #now: () => number;
  readonly #issued = new Map<string, IssuedToken>();

  /** @param now milliseconds since the epoch */
  constructor(now: () => number) {
    this.#now = now;
  }

  issue(options: TokenOptions): string {
    const { account, scopes, lifeMs } = TokenOptions.parse(options);
    const token = `Atza|${randomBytes(TOKEN_BYTES).toString('base64url')}`;
    this.#issued.set(token, { account, scopes: new Set(scopes), expiresAt: this.#now() + lifeMs });
    return token;
  }

  check(header: string | readonly string[] | undefined): PlayerTokenCheck {
    if (typeof header !== 'string' || header === '') return { kind: 'missing' };
    const token = this.#issued.get(header);
    if (!token) return { kind: 'unknown' };
    const { account, scopes, expiresAt } = token;
    return { kind: expiresAt > this.#now() ? 'valid' : 'expired', account, scopes };
  }

  /** Ends every token of an account now, as when the player takes the consent back; answers how many. */
  expire(account: string): number {
    const now = this.#now();
    let ended = 0;
    for (const token of this.#issued.values()) {
      if (token.account !== account || token.expiresAt <= now) continue;
      token.expiresAt = now;
      ended += 1;
    }
    return ended;
  }

  /** Ends one token now. */
  expireOne(header: string | readonly string[] | undefined): void {
    const token = typeof header === 'string' ? this.#issued.get(header) : undefined;
    if (token) token.expiresAt = Math.min(token.expiresAt, this.#now());
  }
}
