import { keyedHash } from '../shared/keyed-hash.ts';
import { ApiError } from '../shared/partner-api/api-error.ts';
import { serve, type ServedRoute } from '../shared/partner-api/serve.ts';
import type { EntitlementsSettings } from '../shared/settings.ts';
import type { Catalogue } from './catalogue.ts';
import type { EntitlementStore } from './entitlements.store.ts';
import { accountHash } from './fulfil-entitlements.ts';
import { Obtaining, type Obtained, type ObtainParts } from './obtain-entitlement.ts';
import type { PushAcknowledgement } from './push-answers.ts';
import { pushRoutes } from './push-routes.ts';

export interface PushParts extends ObtainParts {
  readonly settings: Pick<EntitlementsSettings, 'deadlineMs'>;
  readonly store: ObtainParts['store'] & Pick<EntitlementStore, 'link' | 'unlink' | 'playerOf' | 'report'>;
  readonly catalogue: Catalogue;
  /** Key of the hashes that stand for Amazon accounts. */
  readonly hashKey: () => Promise<string>;
}

/** What is kept of the function's time for writing down what is known by then. */
const RECORDING_MS = 3_000;
/** How soon Amazon may ask again for what is being granted, in seconds. */
const RETRY_AFTER_S = 30;
/** And for what an operator has to add to the catalogue. */
const UNKNOWN_RETRY_AFTER_S = 3_600;

/** The routes that Amazon calls in a push integration: the protocol is the same, and the answer is the report. */
export function takePushes(parts: PushParts): ServedRoute[] {
  const { store, catalogue, hashKey, settings, clock, telemetry } = parts;
  return [
    serve(pushRoutes.claim, async ({ partner: { name: partner }, body, requestId, deadline: functionDeadline }) => {
      const { EntitlementId: entitlementId, VendorProductId: sku, UserId: userId } = body;
      const account = accountHash(keyedHash(await hashKey()), partner, userId);
      const playerId = await store.playerOf(partner, account);
      if (playerId === undefined) throw new ApiError('ACCOUNT_NOT_LINKED');
      const items = await catalogue.itemsOf(partner, [sku]);
      // What was claimed once has laid down what it holds.
      if (!items.has(sku) && (await store.read(partner, entitlementId)) === undefined) {
        telemetry.count('UnknownSkus', 1);
        telemetry.warn('the catalogue does not know what is claimed', { partner, skus: [sku] });
        throw new ApiError('UNKNOWN_SKU', undefined, UNKNOWN_RETRY_AFTER_S);
      }
      const writing = { until: functionDeadline - 1_000, correlationId: requestId };
      const obtaining = new Obtaining(parts, {
        ...writing,
        player: { partner, playerId },
        account,
        deadline: Math.min(clock.now() + settings.deadlineMs, functionDeadline - RECORDING_MS),
        functionDeadline,
        itemsOf: (one) => items.get(one) ?? [],
      });
      const row = rowOf(await obtaining.obtain({ entitlementId, sku }));
      // Where the answer is lost, Amazon asks again and gets the same one.
      if (row.status !== 'REPORTED' && (await store.report(row, false, writing))) {
        telemetry.count('EntitlementsReported', 1);
      }
      const acknowledgement: PushAcknowledgement = { EntitlementId: entitlementId, Result: 'SUCCESS' };
      return { status: 200, body: acknowledgement };
    }),
    serve(pushRoutes.link, async ({ partner: { name: partner }, body, deadline }) => {
      const account = accountHash(keyedHash(await hashKey()), partner, body.UserId);
      const player = { partner, playerId: body.FulfillmentAddress };
      const linked = await store.link(player, account, { until: deadline - RECORDING_MS });
      if (linked === 'accountOfAnother') throw new ApiError('ACCOUNT_OF_ANOTHER');
      if (linked === 'playerLinkedOtherwise') throw new ApiError('PLAYER_LINKED_OTHERWISE');
      return { status: 204 };
    }),
    serve(pushRoutes.unlink, async ({ partner: { name: partner }, body, deadline }) => {
      const account = accountHash(keyedHash(await hashKey()), partner, body.UserId);
      const playerId = await store.playerOf(partner, account);
      const options = { until: deadline - RECORDING_MS };
      if (playerId !== undefined) await store.unlink({ partner, playerId }, account, options);
      return { status: 204 };
    }),
  ];
}

function rowOf(obtained: Obtained) {
  if (obtained.kind === 'had') return obtained.row;
  if (obtained.kind === 'pending') throw new ApiError('GRANT_PENDING', undefined, RETRY_AFTER_S);
  if (obtained.reason === 'GRANTER_REFUSED') throw new ApiError('GRANT_REFUSED');
  if (obtained.reason === 'ENTITLEMENT_OF_ANOTHER') throw new ApiError('ENTITLEMENT_OF_ANOTHER');
  throw new ApiError('INVALID_REQUEST', 'VendorProductId is not the one that the entitlement was claimed with');
}
