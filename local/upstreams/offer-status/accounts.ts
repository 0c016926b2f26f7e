import { TokenBucket } from '../token-bucket.ts';

/** A partner's access to the API. */
export interface AccountOptions {
  /** Names the client certificate too, so letters, digits, `.`, `_` and `-` only. */
  name: string;
  apiKey: string;
  /** The licensors whose titles this key may ask for. */
  licensors: readonly string[];
  /** Requests per second. @default 10 */
  rate?: number;
  /** @default 5 */
  burst?: number;
}

export interface Account {
  name: string;
  licensors: ReadonlySet<string>;
  bucket: TokenBucket;
}

/** The accounts by API key. Throws for options that no request could tell apart or no file could be named after. */
export function openAccounts(options: readonly AccountOptions[]): ReadonlyMap<string, Account> {
  const accounts = new Map<string, Account>();
  const names = new Set<string>();
  for (const { name, apiKey, licensors, rate = 10, burst = 5 } of options) {
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name)) throw new Error(`"${name}" cannot be an account's name.`);
    if (names.has(name)) throw new Error(`Two accounts are called "${name}".`);
    if (apiKey === '') throw new Error(`Account "${name}" has an empty API key.`);
    if (accounts.has(apiKey)) throw new Error(`Account "${name}" has the same API key as another account.`);
    names.add(name);
    accounts.set(apiKey, { name, licensors: new Set(licensors), bucket: new TokenBucket({ rate, burst }) });
  }
  return accounts;
}
