import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { Clock } from '../shared/clock.ts';
import { UnavailableError } from '../shared/errors.ts';
import { createSecretReader } from '../shared/secrets.ts';
import { entitlementsSecretName, type RuntimeSettings } from '../shared/settings.ts';
import type { CredentialSource } from '../shared/sigv4/signing-credentials.ts';
import { EntitlementsSecret } from './entitlements-secret.ts';
import type { Granter, GranterOf } from './granter.ts';
import { createWebhookGranter } from './webhook-granter.client.ts';

export interface GrantersOptions {
  readonly settings: Pick<RuntimeSettings, 'stage' | 'partnerApi'>;
  /** The granter of partners without a webhook. */
  readonly inventory: Granter;
  readonly secretsManager: SecretsManagerClient;
  /** Of the function, for webhooks that are signed by SigV4. */
  readonly credentials: Pick<CredentialSource, 'current'>;
  readonly clock: Clock;
}

/** The granters of all partners, made once. A grant of a partner that the settings have no more fails, and is kept. */
export function createGranters({
  settings,
  inventory,
  secretsManager,
  credentials,
  clock,
}: GrantersOptions): GranterOf {
  const secrets = createSecretReader(secretsManager, clock, EntitlementsSecret);
  const granters = new Map<string, Granter>();
  for (const [partner, { entitlements }] of Object.entries(settings.partnerApi.partners)) {
    const { granter } = entitlements;
    if (granter.kind === 'inventory') {
      granters.set(partner, inventory);
      continue;
    }
    const name = entitlementsSecretName(settings.stage, partner, entitlements);
    const secret = () => secrets.read(name);
    granters.set(partner, createWebhookGranter({ settings: granter, secret, credentials, clock }));
  }
  return (partner) => granters.get(partner) ?? unknownPartner;
}

const unknownPartner: Granter = ({ partner }) =>
  Promise.reject(new UnavailableError('UnknownPartner', `the settings have no partner ${partner}`, { unsent: true }));
