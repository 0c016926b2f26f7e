import { expect, it } from 'vitest';
import { OccurrenceStore } from '../../lambdas/change-events/occurrences.store.ts';
import type { HeldEntitlement } from '../../lambdas/entitlements/entitlement.ts';
import { EntitlementStore } from '../../lambdas/entitlements/entitlements.store.ts';
import { Obtaining } from '../../lambdas/entitlements/obtain-entitlement.ts';
import { UnavailableError } from '../../lambdas/shared/errors.ts';
import { ENTITLEMENT_TABLES, memoryDatabase } from '../shared/memory-database.ts';
import { LeapingClock } from '../shared/virtual-clock.ts';

const FUNCTION_MS = 20_000;

it('takes no SKU from an entitlement of another Amazon account, of which a list says nothing', async () => {
  const { client } = memoryDatabase(ENTITLEMENT_TABLES);
  const clock = new LeapingClock();
  const store = new EntitlementStore(client, 'Entitlements', new OccurrenceStore(client, 'History', clock), clock);
  const asked: string[] = [];
  let isDown = true;
  const obtaining = (account: string, listed: readonly string[]): Obtaining => {
    const functionDeadline = clock.now() + FUNCTION_MS;
    return new Obtaining(
      {
        store,
        granterOf: () => async (held: HeldEntitlement) => {
          asked.push(`${held.entitlementId} by ${held.grantId}`);
          if (isDown) throw new UnavailableError('ServerError', 'no answer');
          return { kind: 'given', given: [], writes: [] };
        },
        grants: { send: async () => undefined },
        telemetry: { count: () => undefined, warn: () => undefined },
        clock,
      },
      {
        player: { partner: 'acme', playerId: 'p-1' },
        account,
        deadline: functionDeadline - 3_000,
        until: functionDeadline - 1_000,
        functionDeadline,
        correlationId: 'request',
        itemsOf: () => [{ itemId: 'coins', quantity: 500, kind: 'stackable' }],
        listed: (entitlementId) => (listed.includes(entitlementId) ? { entitlementId, sku: 'drop01' } : undefined),
      },
    );
  };

  // The player's first account claims it, and the game may have given it.
  const first = await obtaining('first', ['e-1']).obtain({ entitlementId: 'e-1', sku: 'drop01' });
  expect(first).toEqual({ kind: 'pending', reason: 'GRANTER_UNAVAILABLE' });
  // The player links another account, which has claimed the same.
  isDown = false;
  const second = await obtaining('second', ['e-2']).obtain({ entitlementId: 'e-2', sku: 'drop01' });

  // The first one keeps its row, so that no other player who links the first account can be granted it by the same grant.
  expect(asked).toEqual(['e-1 by e-1', 'e-1 by e-1']);
  expect(await store.read('acme', 'e-1')).toMatchObject({ status: 'GRANTED', playerId: 'p-1', account: 'first' });
  expect(second).toMatchObject({ kind: 'had', row: { alreadyOwnedBy: 'e-1' } });
});
