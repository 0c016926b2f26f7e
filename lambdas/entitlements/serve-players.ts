import * as z from 'zod/mini';
import { keyedHash } from '../shared/keyed-hash.ts';
import { ApiError, type ApiErrorCode } from '../shared/partner-api/api-error.ts';
import { cursorsOf } from '../shared/partner-api/cursor.ts';
import { serve, type ServedRoute } from '../shared/partner-api/serve.ts';
import type { EntitlementStore } from './entitlements.store.ts';
import { fulfilEntitlements, type FulfilParts } from './fulfil-entitlements.ts';
import type { InventoryStore } from './inventory.store.ts';
import type { InventoryItem } from './player-answers.ts';
import { playerRoutes } from './player-routes.ts';

export interface PlayerParts extends Omit<FulfilParts, 'hash'> {
  readonly store: FulfilParts['store'] & Pick<EntitlementStore, 'unlink'>;
  readonly inventory: Pick<InventoryStore, 'items'>;
  /** Key of the hashes that stand for Amazon accounts. */
  readonly hashKey: () => Promise<string>;
}

/** Amazon does not let the player in: of one player that is usual, of most players it is not. */
const REFUSED: readonly ApiErrorCode[] = ['PLAYER_TOKEN_REFUSED', 'PLAYER_CONSENT_MISSING'];
/** What is kept of the function's time for the answer. */
const ANSWERING_MS = 1_000;

/** The routes about players. */
export function servePlayers(parts: PlayerParts): ServedRoute[] {
  const { store, inventory, hashKey, telemetry } = parts;
  return [
    serve(playerRoutes.fulfil, async ({ partner, path, playerToken, requestId, deadline }) => {
      const hash = keyedHash(await hashKey());
      const { fulfilment, upstreamMs } = await fulfilEntitlements(
        { ...parts, hash },
        { partner: partner.name, ...path, token: playerToken, requestId, functionDeadline: deadline },
      ).catch((error: unknown) => {
        const isRefused = error instanceof ApiError && REFUSED.includes(error.code);
        if (isRefused) telemetry.count('PlayersRefused', 1);
        throw error;
      });
      return { status: 200, body: fulfilment, upstreamMs };
    }),
    serve(playerRoutes.inventory, async ({ partner, path, query }) => {
      const cursors = cursorsOf(['inventory', partner.name, path.playerId], z.string());
      const after = query.cursor === undefined ? undefined : cursors.decode(query.cursor);
      const { items, more } = await inventory.items({ partner: partner.name, ...path }, query.limit, after);
      const last = items.at(-1);
      const body = {
        items: items.map((item): InventoryItem => ({ ...item, updatedAt: new Date(item.updatedAt).toISOString() })),
        next: more && last ? cursors.encode(last.itemId) : null,
      };
      return { status: 200, body };
    }),
    serve(playerRoutes.unlink, async ({ partner, path, deadline }) => {
      const player = { partner: partner.name, ...path };
      const { account } = await store.readPlayer(player);
      if (account !== undefined) await store.unlink(player, account, { until: deadline - ANSWERING_MS });
      return { status: 204 };
    }),
  ];
}
