import { randomBytes } from 'node:crypto';
import { TokenBucket } from '../token-bucket.ts';
import { MerchantOptions, type MerchantCredentials } from './buy-with-prime-options.ts';

/** A merchant's account, with the rate that the API grants it. */
export interface Merchant {
  readonly account: string;
  readonly credentials: MerchantCredentials;
  readonly bucket: TokenBucket;
}

/** The merchants by name. Throws for options that no request could tell apart. */
export function openMerchants(
  options: readonly MerchantOptions[],
  limit: { rate: number; burst: number },
): ReadonlyMap<string, Merchant> {
  const merchants = new Map<string, Merchant>();
  const clients = new Set<string>();
  for (const option of options) {
    const { account, credentials = newMerchantCredentials() } = MerchantOptions.parse(option);
    if (merchants.has(account)) throw new Error(`Two merchants are called "${account}".`);
    if (clients.has(credentials.clientId)) throw new Error(`The merchant "${account}" has another one's client id.`);
    clients.add(credentials.clientId);
    merchants.set(account, { account, credentials, bucket: new TokenBucket(limit) });
  }
  return merchants;
}

export function newMerchantCredentials(): MerchantCredentials {
  return {
    clientId: `bwp-client-${randomBytes(12).toString('hex')}`,
    clientSecret: randomBytes(32).toString('base64url'),
    targetId: `bp-${randomBytes(8).toString('hex')}`,
  };
}
