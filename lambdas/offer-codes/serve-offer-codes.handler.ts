import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { STSClient } from '@aws-sdk/client-sts';
import * as z from 'zod/mini';
import { OccurrenceStore } from '../change-events/occurrences.store.ts';
import { systemClock as clock } from '../shared/clock.ts';
import { connectDatabase, SERVICE_TIMEOUTS } from '../shared/database.ts';
import { IdempotencyTable } from '../shared/idempotency/idempotency.store.ts';
import { partnerIdentifier } from '../shared/partner-api/partners.ts';
import { createPartnerHandler } from '../shared/partner-api/serve.ts';
import { createSecretReader, createSecretTextReader } from '../shared/secrets.ts';
import { shippedSettings } from '../shared/settings.ts';
import { assumeRole } from '../shared/sigv4/assumed-role.ts';
import { RoleCredentials } from '../shared/sigv4/role-credentials.ts';
import { givenCredentials, temporaryCredentials } from '../shared/sigv4/signing-credentials.ts';
import { telemetryOf } from '../shared/telemetry.ts';
import { CodeHistoryStore } from './code-history.store.ts';
import { InvalidCodeStore } from './invalid-codes.store.ts';
import { createOfferCodesClient } from './offer-codes.client.ts';
import { serveOfferCodes } from './serve-offer-codes.ts';

const nonEmpty = z.string().check(z.minLength(1));

/** Partner API → verifies and redeems offer codes. */
export const Environment = z.object({
  PARTNERS: nonEmpty,
  REQUESTS_TABLE: nonEmpty,
  HISTORY_TABLE: nonEmpty,
  HASH_KEY_SECRET: nonEmpty,
});
export type Environment = z.infer<typeof Environment>;

const environment = Environment.parse(process.env);
const settings = shippedSettings(import.meta.url);
const { role, trustSecret, ...offerCodes } = settings.offerCodes;
const telemetry = telemetryOf('offer-codes', settings);
const database = connectDatabase();
const secretsManager = new SecretsManagerClient(SERVICE_TIMEOUTS);
const hashKeys = createSecretTextReader(secretsManager, clock);
const authorities = createSecretReader(secretsManager, clock, z.object({ ca: nonEmpty }));

function assumedRole({ arn, externalId }: NonNullable<typeof role>) {
  const client = new STSClient({ ...SERVICE_TIMEOUTS, maxAttempts: 2 });
  const sessionName = `offer-relay-${settings.stage}`.slice(0, 64);
  return temporaryCredentials(() => assumeRole(client, { arn, externalId, sessionName }), clock);
}

const client = createOfferCodesClient({
  ...offerCodes,
  credentials: role ? assumedRole(role) : givenCredentials(() => RoleCredentials.parse(process.env)),
  trust: () => (trustSecret === undefined ? Promise.resolve({}) : authorities.read(trustSecret)),
  clock,
  random: Math.random,
});

export const handler = createPartnerHandler({
  routes: serveOfferCodes({
    settings: offerCodes,
    client,
    hashKey: () => hashKeys.read(environment.HASH_KEY_SECRET),
    requests: new IdempotencyTable(database, environment.REQUESTS_TABLE, clock),
    invalidCodes: new InvalidCodeStore(database, environment.REQUESTS_TABLE, clock),
    codeHistory: new CodeHistoryStore(database, environment.HISTORY_TABLE),
    occurrences: new OccurrenceStore(database, environment.HISTORY_TABLE, clock),
    telemetry,
    clock,
  }),
  identify: partnerIdentifier(environment.PARTNERS, settings.partnerApi),
  telemetry,
  clock,
  corsOrigin: settings.partnerApi.corsOrigin,
});
