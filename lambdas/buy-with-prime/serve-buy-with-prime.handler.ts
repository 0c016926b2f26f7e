import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import * as z from 'zod/mini';
import { OccurrenceStore } from '../change-events/occurrences.store.ts';
import { systemClock as clock } from '../shared/clock.ts';
import { connectDatabase, SERVICE_TIMEOUTS } from '../shared/database.ts';
import { IdempotencyTable } from '../shared/idempotency/idempotency.store.ts';
import { partnerIdentifier } from '../shared/partner-api/partners.ts';
import { createPartnerHandler } from '../shared/partner-api/serve.ts';
import { createSecretReader, createSecretTextReader } from '../shared/secrets.ts';
import { buyWithPrimeSecretName, shippedSettings } from '../shared/settings.ts';
import { telemetryOf } from '../shared/telemetry.ts';
import { BuyWithPrimeCredentials } from './buy-with-prime-credentials.ts';
import { createBuyWithPrimeClient } from './buy-with-prime.client.ts';
import { serveBuyWithPrime } from './serve-buy-with-prime.ts';

const nonEmpty = z.string().check(z.minLength(1));

/** Partner API → quotes and orders with Buy with Prime. */
export const Environment = z.object({
  PARTNERS: nonEmpty,
  REQUESTS_TABLE: nonEmpty,
  HISTORY_TABLE: nonEmpty,
  HASH_KEY_SECRET: nonEmpty,
});
export type Environment = z.infer<typeof Environment>;

const environment = Environment.parse(process.env);
const settings = shippedSettings(import.meta.url);
const telemetry = telemetryOf('buy-with-prime', settings);
const database = connectDatabase();
const secretsManager = new SecretsManagerClient(SERVICE_TIMEOUTS);
const hashKeys = createSecretTextReader(secretsManager, clock);
const secrets = createSecretReader(secretsManager, clock, BuyWithPrimeCredentials);
const secretOf = (account: string): string =>
  buyWithPrimeSecretName(settings.stage, account, settings.buyWithPrime.accounts[account]);

export const handler = createPartnerHandler({
  routes: serveBuyWithPrime({
    settings: settings.buyWithPrime,
    client: createBuyWithPrimeClient({
      settings: settings.buyWithPrime,
      credentials: (account) => secrets.read(secretOf(account)),
      refreshCredentials: (account) => secrets.refresh(secretOf(account)),
      clock,
      random: Math.random,
      telemetry,
    }),
    hashKey: () => hashKeys.read(environment.HASH_KEY_SECRET),
    requests: new IdempotencyTable(database, environment.REQUESTS_TABLE, clock),
    occurrences: new OccurrenceStore(database, environment.HISTORY_TABLE, clock),
    telemetry,
    clock,
  }),
  identify: partnerIdentifier(environment.PARTNERS, settings.partnerApi),
  telemetry,
  clock,
  corsOrigin: settings.partnerApi.corsOrigin,
});
