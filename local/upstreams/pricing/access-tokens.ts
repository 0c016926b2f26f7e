import { randomBytes } from 'node:crypto';
import type { Answer } from '../answer.ts';
import type { Clock } from '../clock.ts';
import type { SellingAccount } from './selling-accounts.ts';

/** What an `x-amz-access-token` header is worth. */
export type TokenCheck =
  | { kind: 'valid'; account: SellingAccount }
  | { kind: 'expired'; account: SellingAccount }
  | { kind: 'missing' }
  | { kind: 'malformed' };

interface IssuedToken {
  account: SellingAccount;
  expiresAt: number;
}

const MAX_TOKEN_CHARACTERS = 2048;
/** Expired tokens are told from unknown ones for this long, so that memory does not grow for ever. */
const REMEMBERED_MS = 24 * 3_600_000;

/** Login with Amazon: trades refresh tokens for access tokens that live for a while. */
export class AccessTokens {
  readonly #clock: Clock;
  readonly #lifeSeconds: number;
  readonly #accounts: readonly SellingAccount[];
  readonly #issued = new Map<string, IssuedToken>();
  readonly #calls = new Map<string, number>();
  readonly #revoked = new Set<string>();

  constructor(accounts: Iterable<SellingAccount>, clock: Clock, lifeSeconds: number) {
    this.#accounts = [...accounts];
    this.#clock = clock;
    this.#lifeSeconds = lifeSeconds;
  }

  /** How often the endpoint was asked in an account's name, successfully or not. */
  calls(account: string): number {
    return this.#calls.get(account) ?? 0;
  }

  /** Ends every access token of an account now; answers how many. */
  expire(account: string): number {
    const now = this.#clock.now();
    let ended = 0;
    for (const token of this.#issued.values()) {
      if (token.account.name !== account || token.expiresAt <= now) continue;
      token.expiresAt = now;
      ended += 1;
    }
    return ended;
  }

  /** Ends one access token now. */
  expireOne(header: string): void {
    const token = this.#issued.get(header);
    if (token) token.expiresAt = Math.min(token.expiresAt, this.#clock.now());
  }

  /** Takes an account's consent back or gives it again. Access tokens that are out live on, as they do at Amazon. */
  setRevoked(account: string, revoked: boolean): void {
    if (revoked) this.#revoked.add(account);
    else this.#revoked.delete(account);
  }

  isRevoked(account: string): boolean {
    return this.#revoked.has(account);
  }

  check(header: string | string[] | undefined): TokenCheck {
    if (typeof header !== 'string' || header === '') return { kind: 'missing' };
    const token = this.#issued.get(header);
    if (!token) return { kind: 'malformed' };
    return { kind: token.expiresAt > this.#clock.now() ? 'valid' : 'expired', account: token.account };
  }

  /** The account that a form names by its refresh token, or else its client identifier. */
  accountOf(form: URLSearchParams): SellingAccount | undefined {
    const byToken = this.#accounts.find(({ credentials }) => credentials.refreshToken === form.get('refresh_token'));
    return byToken ?? this.#accounts.find(({ credentials }) => credentials.clientId === form.get('client_id'));
  }

  /** Answers a form that was posted to the token endpoint. */
  answer(form: URLSearchParams): Answer {
    const caller = this.accountOf(form);
    if (caller) this.#calls.set(caller.name, this.calls(caller.name) + 1);

    const grantType = form.get('grant_type');
    if (grantType === null || grantType === '') return missing('grant_type');
    if (grantType !== 'refresh_token') {
      return refuse(
        400,
        'unsupported_grant_type',
        'The authorization grant type is not supported by the authorization server',
      );
    }
    for (const field of ['client_id', 'refresh_token']) {
      if ((form.get(field) ?? '') === '') return missing(field);
    }
    const isClient = this.#accounts.some(
      ({ credentials }) =>
        credentials.clientId === form.get('client_id') && credentials.clientSecret === form.get('client_secret'),
    );
    if (!isClient) return refuse(401, 'invalid_client', 'Client authentication failed');
    // One application's refresh token is worth nothing in another's hands.
    const isConsent = caller?.credentials.clientId === form.get('client_id') && isRefreshTokenOf(caller, form);
    if (!caller || !isConsent || this.#revoked.has(caller.name)) {
      return refuse(
        400,
        'invalid_grant',
        "The request has an invalid grant parameter : refresh_token. User may have revoked or didn't grant the permission.",
      );
    }
    return {
      status: 200,
      headers: NO_STORE,
      body: {
        access_token: this.#issue(caller),
        refresh_token: caller.credentials.refreshToken,
        token_type: 'bearer',
        expires_in: this.#lifeSeconds,
      },
    };
  }

  #issue(account: SellingAccount): string {
    const now = this.#clock.now();
    for (const [token, { expiresAt }] of this.#issued) {
      if (expiresAt < now - REMEMBERED_MS) this.#issued.delete(token);
    }
    const token = `Atza|${randomBytes(48).toString('base64url')}`;
    this.#issued.set(token, { account, expiresAt: now + this.#lifeSeconds * 1000 });
    return token;
  }
}

const NO_STORE = { 'cache-control': 'no-store', pragma: 'no-cache' };

function isRefreshTokenOf(account: SellingAccount, form: URLSearchParams): boolean {
  const given = form.get('refresh_token') ?? '';
  return given.length <= MAX_TOKEN_CHARACTERS && given === account.credentials.refreshToken;
}

function missing(field: string): Answer {
  return refuse(400, 'invalid_request', `The request is missing a required parameter : ${field}`);
}

function refuse(status: number, error: string, description: string): Answer {
  return { status, headers: NO_STORE, body: { error, error_description: description } };
}
