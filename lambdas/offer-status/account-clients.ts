import type { Clock } from '../shared/clock.ts';
import { RejectedError } from '../shared/errors.ts';
import type { PackedBucket } from '../shared/laps/packing.ts';
import type { Bucket } from '../shared/pacer/pacer.ts';
import type { SecretReader } from '../shared/secrets.ts';
import type { RuntimeSettings } from '../shared/settings.ts';
import { offerStatusSecretName } from '../shared/settings.ts';
import { accountOfLicensor, offerStatusAccounts } from './offer-status-accounts.ts';
import type { OfferStatusClient, OfferStatusClientOptions, OfferStatusCredentials } from './offer-status.client.ts';

/** Credentials are fetched before a slice's slots are taken, not in its middle. */
const LONGEST_SLICE_MS = 60_000;

/** The accounts of the settings, each with its bucket, its credentials and its client. */
export interface AccountClients {
  readonly bucket: (bucketId: string) => PackedBucket | undefined;
  readonly bucketOf: (licensor: string) => string | undefined;
  /** @throws RejectedError when the settings name no account for the licensor */
  readonly client: (licensor: string) => OfferStatusClient;
  /** @throws CredentialError when the account's secret cannot be read */
  readonly ready: (bucket: Bucket) => Promise<void>;
}

/** Builds one client per account, once: connections and credentials live as long as the execution environment. */
export function accountClients(
  settings: Pick<RuntimeSettings, 'stage' | 'offerStatus'>,
  secrets: SecretReader<OfferStatusCredentials>,
  clock: Clock,
  createClient: (options: OfferStatusClientOptions) => OfferStatusClient,
): AccountClients {
  const { stage, offerStatus } = settings;
  const accounts = offerStatusAccounts(offerStatus).map((account) => {
    const secret = offerStatusSecretName(stage, account.name, offerStatus.accounts[account.name]);
    const credentials = (forMs?: number): Promise<OfferStatusCredentials> => secrets.read(secret, forMs);
    const client = createClient({
      baseUrl: account.baseUrl,
      timeoutMs: offerStatus.timeoutMs,
      retry: offerStatus.retry,
      credentials: () => credentials(),
      refreshCredentials: () => secrets.refresh(secret),
      clock,
      random: Math.random,
    });
    return { ...account, credentials, client };
  });
  return {
    bucket: (bucketId) => accounts.find(({ bucket }) => bucket.id === bucketId)?.bucket,
    bucketOf: (licensor) => accountOfLicensor(accounts, licensor)?.bucket.id,
    client: (licensor) => {
      const account = accountOfLicensor(accounts, licensor);
      if (account) return account.client;
      throw new RejectedError('UnknownLicensor', `the settings name no Offer Status account for licensor ${licensor}`);
    },
    ready: async ({ id }) => {
      await accounts.find(({ bucket }) => bucket.id === id)?.credentials(LONGEST_SLICE_MS);
    },
  };
}
