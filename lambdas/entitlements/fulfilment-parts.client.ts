import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { OccurrenceStore } from '../change-events/occurrences.store.ts';
import type { Clock } from '../shared/clock.ts';
import { connectDatabase, SERVICE_TIMEOUTS } from '../shared/database.ts';
import type { RuntimeSettings } from '../shared/settings.ts';
import type { SigningCredentials } from '../shared/sigv4/request-signer.ts';
import { givenCredentials } from '../shared/sigv4/signing-credentials.ts';
import type { Telemetry } from '../shared/telemetry.ts';
import { CatalogueStore } from './catalogue.store.ts';
import { EntitlementStore } from './entitlements.store.ts';
import { createGranters } from './granters.client.ts';
import { InventoryStore } from './inventory.store.ts';

export interface FulfilmentPartsOptions {
  readonly environment: { readonly ENTITLEMENTS_TABLE: string; readonly HISTORY_TABLE: string };
  readonly settings: RuntimeSettings;
  /** Of the function's role, as they are now. */
  readonly credentials: () => SigningCredentials;
  readonly telemetry: Telemetry;
  readonly clock: Clock;
}

/** What every function has that grants: its tables, its granters, its secrets. Built once per execution environment. */
export function createFulfilmentParts(options: FulfilmentPartsOptions) {
  const { environment, settings, credentials, telemetry, clock } = options;
  const { ENTITLEMENTS_TABLE, HISTORY_TABLE } = environment;
  const database = connectDatabase();
  const secretsManager = new SecretsManagerClient(SERVICE_TIMEOUTS);
  const inventory = new InventoryStore(database, ENTITLEMENTS_TABLE, clock);
  return {
    secretsManager,
    inventory,
    store: new EntitlementStore(
      database,
      ENTITLEMENTS_TABLE,
      new OccurrenceStore(database, HISTORY_TABLE, clock),
      clock,
    ),
    catalogue: new CatalogueStore(database, ENTITLEMENTS_TABLE, settings.partnerApi, clock, telemetry),
    granterOf: createGranters({
      settings,
      inventory: inventory.granter,
      secretsManager,
      credentials: givenCredentials(credentials),
      clock,
    }),
    telemetry,
    clock,
  };
}
