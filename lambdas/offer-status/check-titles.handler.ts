import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { ChangeStore } from '../change-events/changes.store.ts';
import { systemClock } from '../shared/clock.ts';
import { SERVICE_TIMEOUTS } from '../shared/database.ts';
import { createSliceWorker, WorkerEnvironment } from '../shared/laps/slice-worker.ts';
import { createSecretReader } from '../shared/secrets.ts';
import { shippedSettings } from '../shared/settings.ts';
import { telemetryOf } from '../shared/telemetry.ts';
import { accountClients } from './account-clients.ts';
import { titleChecks } from './check-titles.ts';
import type { Offers } from './offers.ts';
import { createOfferStatusClient, OfferStatusCredentials } from './offer-status.client.ts';

/** Slices queue → polls the slice's titles at the Offer Status API and records what changed. */
export const Environment = WorkerEnvironment;
export type Environment = WorkerEnvironment;

const environment = Environment.parse(process.env);
const settings = shippedSettings(import.meta.url);
const { retry, timeoutMs } = settings.offerStatus;
const secrets = createSecretReader(new SecretsManagerClient(SERVICE_TIMEOUTS), systemClock, OfferStatusCredentials);
const accounts = accountClients(settings, secrets, systemClock, createOfferStatusClient);

export const handler = createSliceWorker<Offers>({
  environment,
  telemetry: telemetryOf('offer-status', settings),
  polling: settings.polling,
  retry,
  bucket: accounts.bucket,
  checks({ database, ...parts }) {
    const changes = new ChangeStore(database, {
      watches: environment.WATCHES_TABLE,
      history: environment.HISTORY_TABLE,
    });
    // A repeat of what never left may begin as late as one time-out after the first try.
    return titleChecks({ ...parts, ...accounts, record: (change) => changes.record(change) }, 2 * timeoutMs);
  },
});
