import { randomBytes } from 'node:crypto';
import type { Answer } from '../answer.ts';
import { TokenBucket } from '../token-bucket.ts';
import type { Merchant } from './merchants.ts';

/** What an `Authorization` header is worth. */
export type MerchantTokenCheck =
  { readonly kind: 'valid' | 'expired'; readonly merchant: Merchant } | { readonly kind: 'missing' | 'unknown' };

interface IssuedToken {
  readonly merchant: Merchant;
  expiresAt: number;
}

export interface TokenEndpointOptions {
  readonly lifeSeconds: number;
  /** How often one client may ask. */
  readonly limit: { readonly rate: number; readonly burst: number };
}

/** Expired tokens are told from unknown ones for this long, so that memory does not grow for ever. */
const REMEMBERED_MS = 24 * 3_600_000;
const NO_STORE = { 'cache-control': 'no-store', pragma: 'no-cache' };

/** The token endpoint: trades API credentials for access tokens that live for a while. They are kept in memory only. */
export class MerchantTokens {
  readonly #merchants: readonly Merchant[];
  readonly #now: () => number;
  readonly #lifeMs: number;
  readonly #buckets: ReadonlyMap<string, TokenBucket>;
  readonly #issued = new Map<string, IssuedToken>();
  readonly #calls = new Map<string, number>();

  /** @param now milliseconds since the epoch */
  constructor(merchants: Iterable<Merchant>, now: () => number, { lifeSeconds, limit }: TokenEndpointOptions) {
    this.#merchants = [...merchants];
    this.#now = now;
    this.#lifeMs = lifeSeconds * 1000;
    this.#buckets = new Map(this.#merchants.map(({ account }) => [account, new TokenBucket(limit)]));
  }

  /** How often the endpoint was asked in an account's name, successfully or not. */
  calls(account: string): number {
    return this.#calls.get(account) ?? 0;
  }

  /** Ends every token of an account now; answers how many. */
  expire(account: string): number {
    const now = this.#now();
    const living = [...this.#issued.values()].filter(
      ({ merchant, expiresAt }) => merchant.account === account && expiresAt > now,
    );
    for (const token of living) token.expiresAt = now;
    return living.length;
  }

  /** Ends the token of a header now. */
  expireOne(header: string | undefined): void {
    const token = this.#issued.get(bearerOf(header) ?? '');
    if (token) token.expiresAt = Math.min(token.expiresAt, this.#now());
  }

  check(header: string | undefined): MerchantTokenCheck {
    const bearer = bearerOf(header);
    if (bearer === undefined) return { kind: 'missing' };
    const token = this.#issued.get(bearer);
    if (!token) return { kind: 'unknown' };
    return { kind: token.expiresAt > this.#now() ? 'valid' : 'expired', merchant: token.merchant };
  }

  /** The merchant that a form names by its client identifier. */
  merchantOf(form: URLSearchParams): Merchant | undefined {
    return this.#merchants.find(({ credentials }) => credentials.clientId === form.get('client_id'));
  }

  /**
   * Whether a form is turned away as one too many. Counts it.
   *
   * @param merchant whom the form names
   */
  refuseRapid(merchant: Merchant): Answer | undefined {
    this.#calls.set(merchant.account, this.calls(merchant.account) + 1);
    return this.#buckets.get(merchant.account)?.take(this.#now()) === true
      ? undefined
      : refuse(429, 'too_many_requests', 'Access tokens are asked for too often.');
  }

  /** Answers a form that was posted to the token endpoint, which is OAuth 2.0's (RFC 6749, section 4.4). */
  answer(form: URLSearchParams): Answer {
    for (const field of ['grant_type', 'client_id', 'client_secret']) {
      const given = form.getAll(field);
      if (given.length !== 1 || given[0] === '') {
        return refuse(400, 'invalid_request', `The parameter ${field} must be given, once.`);
      }
    }
    if (form.get('grant_type') !== 'client_credentials') {
      return refuse(400, 'unsupported_grant_type', 'The grant type must be client_credentials.');
    }
    const merchant = this.merchantOf(form);
    if (merchant?.credentials.clientSecret !== form.get('client_secret')) {
      return refuse(401, 'invalid_client', 'The client is not known, or its secret is another one.');
    }
    return {
      status: 200,
      headers: NO_STORE,
      body: { access_token: this.#issue(merchant), token_type: 'Bearer', expires_in: this.#lifeMs / 1000 },
    };
  }

  #issue(merchant: Merchant): string {
    const now = this.#now();
    for (const [token, { expiresAt }] of this.#issued) {
      if (expiresAt < now - REMEMBERED_MS) this.#issued.delete(token);
    }
    const token = `bwp|${randomBytes(96).toString('base64url')}`;
    this.#issued.set(token, { merchant, expiresAt: now + this.#lifeMs });
    return token;
  }
}

function bearerOf(header: string | undefined): string | undefined {
  return /^Bearer (\S+)$/i.exec(header ?? '')?.[1];
}

function refuse(status: number, error: string, description: string): Answer {
  return { status, headers: NO_STORE, body: { error, error_description: description } };
}
