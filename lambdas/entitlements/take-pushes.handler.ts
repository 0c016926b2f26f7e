import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SQSClient } from '@aws-sdk/client-sqs';
import * as z from 'zod/mini';
import { OccurrenceStore } from '../change-events/occurrences.store.ts';
import { systemClock as clock } from '../shared/clock.ts';
import { connectDatabase, SERVICE_TIMEOUTS } from '../shared/database.ts';
import { createPartnerHandler } from '../shared/partner-api/serve.ts';
import { createSecretReader, createSecretTextReader } from '../shared/secrets.ts';
import { entitlementsSecretName, shippedSettings } from '../shared/settings.ts';
import { RoleCredentials } from '../shared/sigv4/role-credentials.ts';
import { givenCredentials } from '../shared/sigv4/signing-credentials.ts';
import { telemetryOf } from '../shared/telemetry.ts';
import { CatalogueStore } from './catalogue.store.ts';
import { EntitlementsSecret } from './entitlements-secret.ts';
import { EntitlementStore } from './entitlements.store.ts';
import { createGranters } from './granters.client.ts';
import { createGrantQueue } from './grants-queue.client.ts';
import { createPushIdentifier } from './identify-push.ts';
import { InventoryStore } from './inventory.store.ts';
import { takePushes } from './take-pushes.ts';

const nonEmpty = z.string().check(z.minLength(1));

/** Amazon's calls (push integration) → grants claims, links and unlinks accounts. */
export const Environment = z.object({
  ENTITLEMENTS_TABLE: nonEmpty,
  HISTORY_TABLE: nonEmpty,
  GRANTS_QUEUE_URL: nonEmpty,
  HASH_KEY_SECRET: nonEmpty,
});
export type Environment = z.infer<typeof Environment>;

const environment = Environment.parse(process.env);
const settings = shippedSettings(import.meta.url);
const telemetry = telemetryOf('entitlements', settings);
const database = connectDatabase();
const secretsManager = new SecretsManagerClient(SERVICE_TIMEOUTS);
const hashKeys = createSecretTextReader(secretsManager, clock);
const partnerSecrets = createSecretReader(secretsManager, clock, EntitlementsSecret);
const inventory = new InventoryStore(database, environment.ENTITLEMENTS_TABLE, clock);
const occurrences = new OccurrenceStore(database, environment.HISTORY_TABLE, clock);

export const handler = createPartnerHandler({
  routes: takePushes({
    settings: settings.entitlements,
    catalogue: new CatalogueStore(database, environment.ENTITLEMENTS_TABLE, settings.partnerApi, clock, telemetry),
    store: new EntitlementStore(database, environment.ENTITLEMENTS_TABLE, occurrences, clock),
    granterOf: createGranters({
      settings,
      inventory: inventory.granter,
      secretsManager,
      credentials: givenCredentials(() => RoleCredentials.parse(process.env)),
      clock,
    }),
    grants: createGrantQueue(new SQSClient(SERVICE_TIMEOUTS), environment.GRANTS_QUEUE_URL),
    hashKey: () => hashKeys.read(environment.HASH_KEY_SECRET),
    telemetry,
    clock,
  }),
  identify: createPushIdentifier({
    settings: settings.partnerApi,
    secretOf: ({ name, entitlements }) =>
      partnerSecrets.read(entitlementsSecretName(settings.stage, name, entitlements)),
    telemetry,
    clock,
  }),
  telemetry,
  clock,
});
