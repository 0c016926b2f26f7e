import { SQSClient } from '@aws-sdk/client-sqs';
import * as z from 'zod/mini';
import { systemClock as clock } from '../shared/clock.ts';
import { SERVICE_TIMEOUTS } from '../shared/database.ts';
import { partnerIdentifier } from '../shared/partner-api/partners.ts';
import { createPartnerHandler } from '../shared/partner-api/serve.ts';
import { createSecretReader, createSecretTextReader } from '../shared/secrets.ts';
import { shippedSettings } from '../shared/settings.ts';
import { RoleCredentials } from '../shared/sigv4/role-credentials.ts';
import { telemetryOf } from '../shared/telemetry.ts';
import { createFulfilmentParts } from './fulfilment-parts.client.ts';
import { createGrantQueue } from './grants-queue.client.ts';
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
const parts = createFulfilmentParts({
  environment,
  settings,
  credentials: () => RoleCredentials.parse(process.env),
  telemetry,
  clock,
});
const hashKeys = createSecretTextReader(parts.secretsManager, clock);
const authorities = createSecretReader(parts.secretsManager, clock, z.object({ ca: nonEmpty }));

export const handler = createPartnerHandler({
  routes: servePlayers({
    ...parts,
    settings: entitlements,
    client: createPrimeGamingClient({
      ...entitlements,
      trust: () => (trustSecret === undefined ? Promise.resolve({}) : authorities.read(trustSecret)),
      clock,
      random: Math.random,
      telemetry,
    }),
    grants: createGrantQueue(new SQSClient(SERVICE_TIMEOUTS), environment.GRANTS_QUEUE_URL),
    hashKey: () => hashKeys.read(environment.HASH_KEY_SECRET),
  }),
  identify: partnerIdentifier(environment.PARTNERS, settings.partnerApi),
  telemetry,
  clock,
  corsOrigin: settings.partnerApi.corsOrigin,
});
