import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SQSClient } from '@aws-sdk/client-sqs';
import * as z from 'zod/mini';
import { OccurrenceStore } from '../change-events/occurrences.store.ts';
import { systemClock as clock } from '../shared/clock.ts';
import { connectDatabase, SERVICE_TIMEOUTS } from '../shared/database.ts';
import { partnerIdentifier } from '../shared/partner-api/partners.ts';
import { createPartnerHandler } from '../shared/partner-api/serve.ts';
import { createSecretReader, createSecretTextReader } from '../shared/secrets.ts';
import { shippedSettings } from '../shared/settings.ts';
import { RoleCredentials } from '../shared/sigv4/role-credentials.ts';
import { givenCredentials } from '../shared/sigv4/signing-credentials.ts';
import { telemetryOf } from '../shared/telemetry.ts';
import { CatalogueStore } from './catalogue.store.ts';
import { EntitlementStore } from './entitlements.store.ts';
import { createGranters } from './granters.client.ts';
import { createGrantQueue } from './grants-queue.client.ts';
import { InventoryStore } from './inventory.store.ts';
import { createPrimeGamingClient } from './prime-gaming.client.ts';
import { servePlayers } from './serve-players.ts';

const nonEmpty = z.string().check(z.minLength(1));

/** Partner API → grants and reports players' entitlements, reads inventories. */
export const Environment = z.object({
  PARTNERS: nonEmpty,
  ENTITLEMENTS_TABLE: nonEmpty,
  HISTORY_TABLE: nonEmpty,
  GRANTS_QUEUE_URL: nonEmpty,
  HASH_KEY_SECRET: nonEmpty,
});
export type Environment = z.infer<typeof Environment>;

const environment = Environment.parse(process.env);
const settings = shippedSettings(import.meta.url);
const { trustSecret, ...entitlements } = settings.entitlements;
const telemetry = telemetryOf('entitlements', settings);
const database = connectDatabase();
const secretsManager = new SecretsManagerClient(SERVICE_TIMEOUTS);
const hashKeys = createSecretTextReader(secretsManager, clock);
const authorities = createSecretReader(secretsManager, clock, z.object({ ca: nonEmpty }));
const inventory = new InventoryStore(database, environment.ENTITLEMENTS_TABLE, clock);
const occurrences = new OccurrenceStore(database, environment.HISTORY_TABLE, clock);

export const handler = createPartnerHandler({
  routes: servePlayers({
    settings: entitlements,
    client: createPrimeGamingClient({
      ...entitlements,
      trust: () => (trustSecret === undefined ? Promise.resolve({}) : authorities.read(trustSecret)),
      clock,
      random: Math.random,
      telemetry,
    }),
    catalogue: new CatalogueStore(database, environment.ENTITLEMENTS_TABLE, settings.partnerApi, clock, telemetry),
    store: new EntitlementStore(database, environment.ENTITLEMENTS_TABLE, occurrences, clock),
    inventory,
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
  identify: partnerIdentifier(environment.PARTNERS, settings.partnerApi),
  telemetry,
  clock,
  corsOrigin: settings.partnerApi.corsOrigin,
});
