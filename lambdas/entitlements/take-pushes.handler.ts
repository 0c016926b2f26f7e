import { SQSClient } from '@aws-sdk/client-sqs';
import * as z from 'zod/mini';
import { systemClock as clock } from '../shared/clock.ts';
import { SERVICE_TIMEOUTS } from '../shared/database.ts';
import { createPartnerHandler } from '../shared/partner-api/serve.ts';
import { createSecretReader, createSecretTextReader } from '../shared/secrets.ts';
import { entitlementsSecretName, shippedSettings } from '../shared/settings.ts';
import { RoleCredentials } from '../shared/sigv4/role-credentials.ts';
import { telemetryOf } from '../shared/telemetry.ts';
import { EntitlementsSecret } from './entitlements-secret.ts';
import { createFulfilmentParts } from './fulfilment-parts.client.ts';
import { createGrantQueue } from './grants-queue.client.ts';
import { createPushIdentifier } from './identify-push.ts';
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
const parts = createFulfilmentParts({
  environment,
  settings,
  credentials: () => RoleCredentials.parse(process.env),
  telemetry,
  clock,
});
const hashKeys = createSecretTextReader(parts.secretsManager, clock);
const partnerSecrets = createSecretReader(parts.secretsManager, clock, EntitlementsSecret);

export const handler = createPartnerHandler({
  routes: takePushes({
    ...parts,
    settings: settings.entitlements,
    grants: createGrantQueue(new SQSClient(SERVICE_TIMEOUTS), environment.GRANTS_QUEUE_URL),
    hashKey: () => hashKeys.read(environment.HASH_KEY_SECRET),
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
