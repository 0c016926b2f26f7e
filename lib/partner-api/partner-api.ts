import { Construct } from 'constructs';
import { pushedPartners, type Settings } from '../../config/settings.ts';
import type { EntitlementGrants } from '../entitlements/entitlement-grants.ts';
import type { PacedQueue } from '../shared/paced-queue.ts';
import type { WatchTables } from '../shared/watch-tables.ts';
import { type ApiDocument, readApiDocument } from './api-document.ts';
import { PartnerAccess } from './partner-access.ts';
import { PartnerFunctions } from './partner-functions.ts';
import { PartnerGateway } from './partner-gateway.ts';
import { RequestStore } from './request-store.ts';

export interface PartnerApiProps {
  readonly tables: WatchTables;
  readonly titles: PacedQueue;
  readonly prices: PacedQueue;
  readonly grants: EntitlementGrants;
  readonly settings: Settings;
}

/** Whether there is anybody to call the API. */
export function hasPartners({ runtime }: Settings): boolean {
  return Object.keys(runtime.partnerApi.partners).length > 0;
}

/**
 * The REST API that partners call: verify and redeem offer codes, grant players what they claimed, quote and order with Buy
 * with Prime, read what the stack knows, keep the watch list.
 *
 * A partner is a role. API Gateway checks that its role signed, that the role may call the route, and that the key is one
 * of the stage's; the functions learn which key is whose, and check that both are one partner's. Where a partner has the push
 * integration, Amazon calls as well: its routes are open to everybody, and the function checks who signed.
 */
export class PartnerApi extends Construct {
  readonly gateway: PartnerGateway;
  /** By the partner's name. */
  readonly partners: ReadonlyMap<string, PartnerAccess>;
  readonly functions: PartnerFunctions;
  readonly store: RequestStore;

  constructor(scope: Construct, id: string, { tables, titles, prices, grants, settings }: PartnerApiProps) {
    super(scope, id);
    const document = deployed(readApiDocument(), settings);
    this.gateway = new PartnerGateway(this, 'Gateway', { document, settings });
    const { gateway } = this;
    this.partners = new Map(
      Object.entries(settings.runtime.partnerApi.partners).map(([name, partner]) => [
        name,
        new PartnerAccess(this, `Partner-${name}`, { name, partner, gateway, document, settings }),
      ]),
    );
    this.store = new RequestStore(this, 'Store', { settings });
    const { store } = this;
    const partners = [...this.partners]
      .map(([name, { role, apiKey }]) => `${name}=${role.roleId}/${apiKey.keyId}`)
      .join(' ');
    this.functions = new PartnerFunctions(this, 'Functions', {
      partners,
      document,
      tables,
      titles,
      prices,
      store,
      grants,
      settings,
    });

    for (const [handler, operations] of Map.groupBy(document.operations, (operation) => operation.handler)) {
      const target = this.functions.byHandler.get(handler);
      if (!target) throw new Error(`the API document names ${handler}, which no function runs`);
      gateway.serve(operations, target);
    }
  }
}

/** The document with the routes of the push integration only where somebody is to call them. */
function deployed(document: ApiDocument, settings: Settings): ApiDocument {
  if (Object.keys(pushedPartners(settings)).length > 0) return document;
  return { ...document, operations: document.operations.filter(({ capability }) => capability !== 'push') };
}
