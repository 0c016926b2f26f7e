import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { ChangeStore } from '../change-events/changes.store.ts';
import { systemClock } from '../shared/clock.ts';
import { SERVICE_TIMEOUTS } from '../shared/database.ts';
import { createSliceWorker, WorkerEnvironment } from '../shared/laps/slice-worker.ts';
import { createTokenClient } from '../shared/oauth/token.client.ts';
import { createSecretReader } from '../shared/secrets.ts';
import { shippedSettings } from '../shared/settings.ts';
import { telemetryOf } from '../shared/telemetry.ts';
import { priceChecks } from './check-prices.ts';
import type { Prices } from './prices.ts';
import { createPricingClient } from './pricing.client.ts';
import { sellingClients } from './selling-clients.ts';
import { SellingCredentials } from './selling-credentials.ts';

/** Slices queue → polls the slice's prices at SP-API Product Pricing and records what changed. */
export const Environment = WorkerEnvironment;
export type Environment = WorkerEnvironment;

const environment = Environment.parse(process.env);
const settings = shippedSettings(import.meta.url);
const { retry, timeoutMs, tokenUrl } = settings.pricing;
const secrets = createSecretReader(new SecretsManagerClient(SERVICE_TIMEOUTS), systemClock, SellingCredentials);
const accounts = sellingClients(settings, secrets, systemClock, {
  requestToken: createTokenClient({ tokenUrl, timeoutMs }),
  createClient: createPricingClient,
});

export const handler = createSliceWorker<Prices>({
  environment,
  telemetry: telemetryOf('pricing', settings),
  polling: settings.polling,
  retry,
  bucket: accounts.bucket,
  checks({ database, ...parts }) {
    const changes = new ChangeStore(database, {
      watches: environment.WATCHES_TABLE,
      history: environment.HISTORY_TABLE,
    });
    // A repeat of what never left may begin as late as one time-out after the first try, and a token has to be had.
    return priceChecks({ ...parts, ...accounts, record: (change) => changes.record(change) }, 2 * timeoutMs);
  },
});
