import { randomBytes } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { TokenBucket } from '../token-bucket.ts';
import { marketplaceOf } from './marketplaces.ts';
import { OPERATIONS, RATE_PROFILES, type Operation, type RateLimit, type RateProfile } from './operations.ts';

/** A selling account that has authorised one application. */
export interface SellingAccountOptions {
  name: string;
  sellerId: string;
  /** Identifiers of marketplaces, all of one region. */
  marketplaces: readonly string[];
  /** Overrides the profile's rates. */
  rates?: Partial<Record<Operation, RateLimit>>;
  /** What the application logs in with. @default made anew at every start */
  credentials?: SellingCredentials;
}

/** The application's name and secret, and the account's consent. */
export interface SellingCredentials {
  clientId: string;
  clientSecret: string;
  refreshToken: string;
}

export interface SellingAccount {
  readonly name: string;
  readonly sellerId: string;
  readonly region: string;
  readonly marketplaces: ReadonlySet<string>;
  readonly credentials: SellingCredentials;
  /** What the gateway grants now; control may change it. */
  readonly limits: ReadonlyMap<Operation, RateLimit>;
  /** @param limit undefined goes back to what the account was opened with */
  grant(operation: Operation, limit: RateLimit | undefined): void;
  /** Takes a token of the operation's bucket, or answers false. */
  take(operation: Operation, now: number): boolean;
}

/** The accounts by name. Throws for options that no request could tell apart. */
export function openSellingAccounts(
  options: readonly SellingAccountOptions[],
  profile: RateProfile,
  clock: Clock,
): ReadonlyMap<string, SellingAccount> {
  const accounts = new Map<string, SellingAccount>();
  const refreshTokens = new Set<string>();
  for (const option of options) {
    const { name, sellerId, credentials = newCredentials() } = option;
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name)) throw new Error(`"${name}" cannot be an account's name.`);
    if (accounts.has(name)) throw new Error(`Two selling accounts are called "${name}".`);
    if (sellerId === '') throw new Error(`Selling account "${name}" has no seller identifier.`);
    if (refreshTokens.has(credentials.refreshToken)) {
      throw new Error(`Selling account "${name}" has the same refresh token as another account.`);
    }
    const regions = new Set(option.marketplaces.map((id) => marketplaceOf(id).region));
    const [region] = regions;
    if (region === undefined || regions.size > 1) {
      throw new Error(`Selling account "${name}" must have marketplaces of one region.`);
    }
    refreshTokens.add(credentials.refreshToken);
    const granted = { ...RATE_PROFILES[profile], ...option.rates };
    const limits = new Map<Operation, RateLimit>();
    const buckets = new Map<Operation, TokenBucket>();
    const grant = (operation: Operation, limit: RateLimit = granted[operation]): void => {
      // Another rate is no gift of tokens.
      const bucket = buckets.get(operation)?.withLimit(limit, clock.now()) ?? new TokenBucket(limit);
      buckets.set(operation, bucket);
      limits.set(operation, limit);
    };
    for (const operation of OPERATIONS) grant(operation);
    accounts.set(name, {
      name,
      sellerId,
      region,
      marketplaces: new Set(option.marketplaces),
      credentials,
      limits,
      grant,
      take: (operation, now) => buckets.get(operation)?.take(now) ?? false,
    });
  }
  return accounts;
}

/** Credentials in the shape of Amazon's. */
export function newCredentials(): SellingCredentials {
  const secret = (): string => randomBytes(24).toString('hex');
  return {
    clientId: `amzn1.application-oa2-client.${randomBytes(16).toString('hex')}`,
    clientSecret: `amzn1.oa2-cs.v1.${secret()}`,
    refreshToken: `Atzr|${secret()}`,
  };
}
