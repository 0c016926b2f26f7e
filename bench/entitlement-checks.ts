import * as z from 'zod';
import { inventoryOf, type Player } from './entitlement-players.ts';

/** What is left behind once everything is fulfilled. */
export interface Remains {
  /** Every row of the table of entitlements. */
  readonly entitlements: readonly unknown[];
  /** Every row of the history, which is the outbox. */
  readonly history: readonly unknown[];
  /** What Prime Gaming was told, whatever it answered. */
  readonly reports: readonly {
    readonly entitlementId: string;
    readonly fulfillmentAddress: string | null;
    readonly applied: boolean;
  }[];
}

/** Everybody who was fulfilled. */
export interface Fulfilled {
  /** One request at a time, each of which was answered. */
  readonly oneByOne: readonly Player[];
  /** Requests may have been under way side by side: two may report one claim then, of which Amazon takes one. */
  readonly sideBySide: readonly Player[];
}

const Row = z.object({ owner: z.string(), part: z.string() });
const InventoryRow = z.object({ part: z.string(), quantity: z.number(), kind: z.string() });
const EntitlementRow = z.object({ entitlementId: z.string(), playerId: z.string(), status: z.string() });
const HistoryRow = z.object({ subject: z.string(), events: z.array(z.object({ detailType: z.string() })) });

/**
 * What of the players' claims is not as promised: every item had just once, every claim reported by its player and taken just
 * once, one event for each of both, nothing left open, and nothing of anybody else.
 */
export function brokenPromises(
  partner: string,
  { oneByOne, sideBySide }: Fulfilled,
  { entitlements, history, reports }: Remains,
): string[] {
  const players = [...oneByOne, ...sideBySide];
  const once = new Set(oneByOne);
  const owners = Map.groupBy(entitlements, (row) => Row.parse(row).owner);
  const rowsOf = (kind: string, id: string): readonly unknown[] => owners.get(`${kind}|${partner}|${id}`) ?? [];
  const told = Map.groupBy(reports, ({ entitlementId }) => entitlementId);
  const events = Map.groupBy(
    history.map((row) => HistoryRow.parse(row)),
    ({ subject }) => subject,
  );
  const broken: string[] = [];
  const expect = (what: string, found: unknown, expected: unknown): void => {
    const [is, should] = [JSON.stringify(found), JSON.stringify(expected)];
    if (is !== should) broken.push(`${what}: ${is} instead of ${should}`);
  };

  for (const player of players) {
    const { playerId, claims } = player;
    const had = rowsOf('inventory', playerId).map((row) => {
      const { part, quantity, kind } = InventoryRow.parse(row);
      return [part, { quantity, kind }] as const;
    });
    expect(`inventory of ${playerId}`, had.sort(byName), [...inventoryOf(player)].sort(byName));
    const open = rowsOf('player', playerId)
      .map((row) => Row.parse(row).part)
      .filter((part) => part.startsWith('open|'));
    expect(`what ${playerId} has open`, open, []);
    for (const { entitlementId } of claims) {
      const standing = rowsOf('entitlement', entitlementId).map((row) => EntitlementRow.parse(row));
      expect(`rows of ${entitlementId}`, standing, [{ entitlementId, playerId, status: 'REPORTED' }]);
      const heard = told.get(entitlementId) ?? [];
      const counted = once.has(player) ? heard : heard.filter(({ applied }) => applied);
      const addresses = counted.map(({ fulfillmentAddress }) => fulfillmentAddress);
      expect(`who reported ${entitlementId}`, addresses, [playerId]);
      const happened = (events.get(`entitlement/${partner}/${entitlementId}`) ?? [])
        .flatMap((row) => row.events.map(({ detailType }) => detailType))
        .sort();
      expect(`events of ${entitlementId}`, happened, ['Entitlement Granted', 'Entitlement Reported']);
    }
  }
  const claimed = players.reduce((sum, { claims }) => sum + claims.length, 0);
  const stored = [...owners.keys()].filter((owner) => owner.startsWith('entitlement|')).length;
  expect('entitlements in all', stored, claimed);
  expect('reports that were taken in all', reports.filter(({ applied }) => applied).length, claimed);
  const items = [...owners.keys()].filter((owner) => owner.startsWith('inventory|')).length;
  expect('inventories in all', items, players.filter(({ claims }) => claims.length > 0).length);
  return broken;
}

const byName = ([left]: readonly [string, unknown], [right]: readonly [string, unknown]): number =>
  left < right ? -1 : 1;
