import type { Clock } from '../shared/clock.ts';
import { RejectedError } from '../shared/errors.ts';
import type { PackedBucket } from '../shared/laps/packing.ts';
import type { AccessTokens } from '../shared/oauth/access-tokens.ts';
import { createAccessTokens } from '../shared/oauth/access-tokens.ts';
import type { RequestToken } from '../shared/oauth/token.client.ts';
import type { Bucket } from '../shared/pacer/pacer.ts';
import type { SecretReader } from '../shared/secrets.ts';
import type { RuntimeSettings } from '../shared/settings.ts';
import { pricingSecretName } from '../shared/settings.ts';
import type { PriceWatch } from '../shared/watches.ts';
import type { AskedPrices } from './ask-prices.ts';
import { askPrices } from './ask-prices.ts';
import type { PricingBucket } from './pricing-accounts.ts';
import { bucketOfWatch, pricingAccounts } from './pricing-accounts.ts';
import type { PricingClient, PricingClientOptions } from './pricing.client.ts';
import type { SellingCredentials } from './selling-credentials.ts';

/** Credentials are fetched before a slice's slots are taken, not in its middle. */
const LONGEST_SLICE_MS = 60_000;

/** The selling accounts of the settings, each with its buckets, its credentials and its client. */
export interface SellingClients {
  readonly bucket: (bucketId: string) => PricingBucket | undefined;
  readonly bucketOf: (watch: PriceWatch) => string | undefined;
  readonly sellerOf: (account: string) => string | undefined;
  /** @throws RejectedError when the settings name no such bucket */
  readonly ask: (
    bucket: PackedBucket,
    watches: ReadonlyMap<string, PriceWatch>,
    onLeft: () => void,
  ) => Promise<AskedPrices>;
  /** @throws CredentialError when the account's secret cannot be read or is refused, UnavailableError for want of an answer */
  readonly ready: (bucket: Bucket) => Promise<void>;
}

/** Builds one client per account, once: connections, credentials and tokens live as long as the execution environment. */
export function sellingClients(
  { stage, pricing }: Pick<RuntimeSettings, 'stage' | 'pricing'>,
  secrets: SecretReader<SellingCredentials>,
  clock: Clock,
  connect: { readonly requestToken: RequestToken; createClient(options: PricingClientOptions): PricingClient },
): SellingClients {
  const accounts = pricingAccounts(pricing);
  const buckets = new Map(accounts.flatMap((account) => account.buckets.map((bucket) => [bucket.id, bucket])));
  const connections = new Map(
    accounts.map(({ name, baseUrl }): [string, { tokens: AccessTokens; client: PricingClient }] => {
      const secret = pricingSecretName(stage, name, pricing.accounts[name]);
      const credentials = () => secrets.read(secret);
      const tokens = createAccessTokens({
        requestToken: connect.requestToken,
        retry: pricing.retry,
        credentials,
        refreshCredentials: () => secrets.refresh(secret),
        clock,
        random: Math.random,
      });
      const { timeoutMs, retry } = pricing;
      const client = connect.createClient({
        baseUrl,
        timeoutMs,
        retry,
        credentials,
        tokens,
        clock,
        random: Math.random,
      });
      return [name, { tokens, client }];
    }),
  );
  return {
    bucket: (bucketId) => buckets.get(bucketId),
    bucketOf: (watch) => bucketOfWatch(accounts, watch)?.id,
    sellerOf: (account) => accounts.find(({ name }) => name === account)?.sellerId,
    async ask({ id, limit }, watches, onLeft) {
      const bucket = buckets.get(id);
      const connection = bucket && connections.get(bucket.account);
      if (!connection) throw new RejectedError('UnknownBucket', `the settings name no bucket ${id}`);
      return askPrices(connection.client, bucket.operation, watches, {
        // A request that never left has cost the upstream nothing and may go again in the same slot.
        retryOn: 'unsent',
        // So has one whose token was refused; but where there is no token to spare, nothing is taken for granted.
        onExpired: limit.burst === 1 ? 'fail' : 'again',
        onLeft,
      });
    },
    async ready({ id }) {
      const account = buckets.get(id)?.account;
      if (account !== undefined) await connections.get(account)?.tokens.accessToken(LONGEST_SLICE_MS);
    },
  };
}
