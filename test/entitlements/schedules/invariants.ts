import type { GivenItem } from '../../../lambdas/entitlements/entitlement.ts';
import { PARTNER, SKUS, UNKNOWN_SKU, type FulfilmentWorld } from './fulfilment-world.ts';
import type { Scenario } from './schedule.ts';
import { isOpen } from './upstreams.ts';

interface Entitlement {
  readonly entitlementId: string;
  readonly playerId: string;
  readonly sku: string;
  readonly status: string;
  readonly alreadyOwnedBy?: string;
  readonly given?: readonly GivenItem[];
}
interface HistoryEvent {
  readonly detailType: string;
  readonly data: { readonly entitlementId: string; readonly reason?: string; readonly since?: string };
}

/** An Amazon account is linked to one player, and that player to it: at any time. */
export function checkLinks({ database, monitor }: FulfilmentWorld): void {
  const links = database
    .rows('Entitlements')
    .filter(({ part }) => part === 'account')
    .map(({ owner, playerId, account }) => {
      const [kind, , id] = String(owner).split('|');
      return kind === 'account' ? `${String(id)} of ${String(playerId)}` : `${String(account)} of ${String(id)}`;
    });
  for (const link of links) {
    if (links.filter((other) => other === link).length !== 2) monitor.violate('wrong link', link);
  }
}

/** What has to be true when all is quiet. */
export function checkInvariants(world: FulfilmentWorld, granter: Scenario['granter']): void {
  const { database, monitor, amazon, queue } = world;
  checkLinks(world);
  const rows = database.rows('Entitlements');
  const history = database.rows('History');
  const all = rows.filter(({ owner }) => String(owner).startsWith('entitlement|')) as unknown as Entitlement[];
  // What has passed its SKU on has been given nothing, and stays so that nobody else is.
  const entitlements = all.filter(({ status }) => status !== 'PASSED');

  for (const { owner, part } of rows) {
    if (String(part).startsWith('open|')) monitor.violate('left behind', `the marker ${String(owner)} ${String(part)}`);
  }
  if (queue.messages.length + queue.deadLetters.length > 0) monitor.violate('left behind', 'messages in the queue');

  /** SKUs of each player, by the entitlement that they were granted for. */
  const granted = new Map<string, Map<string, string>>();
  for (const { entitlementId, playerId, sku, status, alreadyOwnedBy } of entitlements) {
    if (status === 'CLAIMED') monitor.violate('left behind', `${entitlementId} is CLAIMED`);
    if (status === 'CLAIMED' || alreadyOwnedBy !== undefined) continue;
    const skus = granted.get(playerId) ?? new Map<string, string>();
    granted.set(playerId, skus);
    const other = skus.get(sku);
    if (other !== undefined) monitor.violate('double grant', `${playerId} has ${sku} by ${other} and ${entitlementId}`);
    skus.set(sku, entitlementId);
  }
  for (const { entitlementId, playerId, sku, alreadyOwnedBy } of entitlements) {
    if (alreadyOwnedBy !== undefined && granted.get(playerId)?.has(sku) !== true) {
      monitor.violate('lost grant', `${playerId} does not own ${sku}, for which ${entitlementId} was passed over`);
    }
  }
  if (granter === 'inventory') {
    checkInventories(world, granted);
    checkUnique(world, entitlements);
  } else checkGame(world, granted);

  for (const claim of amazon.claims) {
    const { entitlementId, sku, fulfilledFor } = claim;
    const row = entitlements.find((one) => one.entitlementId === entitlementId);
    if (sku === UNKNOWN_SKU) {
      if (row || fulfilledFor !== undefined) monitor.violate('reported early', `${entitlementId} has an unknown SKU`);
    } else if (isOpen(claim)) {
      monitor.violate('unreported', `${entitlementId} is still listed`);
    } else if (fulfilledFor !== undefined) {
      if (!world.owns(fulfilledFor, sku)) monitor.violate('lost grant', `${fulfilledFor} lacks ${sku}`);
      if (row?.playerId !== fulfilledFor)
        monitor.violate('lost grant', `no row of ${entitlementId} for ${fulfilledFor}`);
      if (row?.status !== 'REPORTED') monitor.violate('left behind', `${entitlementId} is not recorded as reported`);
    }
  }
  checkEvents(world, entitlements);

  if (/token-of|user-of/u.test(JSON.stringify([rows, history]))) monitor.violate('personal data', 'in a row');
}

/** Inventories hold exactly what was granted. */
function checkInventories(
  { database, monitor }: FulfilmentWorld,
  granted: ReadonlyMap<string, ReadonlyMap<string, string>>,
): void {
  const expected = new Map<string, number>();
  for (const [playerId, skus] of granted) {
    for (const { itemId, quantity, kind } of [...skus.keys()].flatMap((sku) => SKUS[sku] ?? [])) {
      const place = `${playerId} ${itemId}`;
      expected.set(place, kind === 'unique' ? 1 : (expected.get(place) ?? 0) + quantity);
    }
  }
  const actual = new Map<string, number>();
  for (const { owner, part, quantity } of database.rows('Entitlements')) {
    const [kind, , playerId] = String(owner).split('|');
    if (kind === 'inventory') actual.set(`${playerId} ${String(part)}`, Number(quantity));
  }
  for (const place of new Set([...expected.keys(), ...actual.keys()])) {
    const [wanted = 0, given = 0] = [expected.get(place), actual.get(place)];
    if (given !== wanted) {
      monitor.violate(given > wanted ? 'double grant' : 'lost grant', `${place}: ${given} instead of ${wanted}`);
    }
  }
}

/** What is unique is told to be given by one entitlement only. */
function checkUnique({ monitor }: FulfilmentWorld, entitlements: readonly Entitlement[]): void {
  const told = new Set<string>();
  for (const { playerId, given = [] } of entitlements) {
    for (const { itemId, kind, granted } of given) {
      const place = `${playerId} ${itemId}`;
      if (kind !== 'unique' || !granted) continue;
      if (told.has(place)) monitor.violate('double grant', `${place} is told to be given twice`);
      told.add(place);
    }
  }
}

/** The game has given each SKU once to each player, and exactly what is recorded. */
function checkGame(
  { game, database, monitor }: FulfilmentWorld,
  granted: ReadonlyMap<string, ReadonlyMap<string, string>>,
): void {
  const given = new Map<string, string>();
  for (const { grant } of game.grants.values()) {
    const place = `${grant.playerId} ${grant.sku}`;
    const other = given.get(place);
    if (other !== undefined) monitor.violate('double grant', `${place} by ${other} and ${grant.grantId}`);
    given.set(place, grant.grantId);
    if (granted.get(grant.playerId)?.has(grant.sku) !== true) {
      monitor.violate('double grant', `${place} was given, and is not recorded`);
    }
  }
  for (const [playerId, skus] of granted) {
    for (const sku of skus.keys()) {
      if (!given.has(`${playerId} ${sku}`)) monitor.violate('lost grant', `${playerId} was not given ${sku}`);
    }
  }
  if (database.rows('Entitlements').some(({ owner }) => String(owner).startsWith(`inventory|${PARTNER}`))) {
    monitor.violate('double grant', 'the inventory was written for a game with a webhook');
  }
}

/** Each thing that happened to an entitlement is told once, and nothing that did not happen. */
function checkEvents({ database, monitor }: FulfilmentWorld, entitlements: readonly Entitlement[]): void {
  const told = new Map<string, number>();
  for (const row of database.rows('History')) {
    for (const { detailType, data } of row['events'] as HistoryEvent[]) {
      const what = `${data.entitlementId} ${detailType} ${data.reason ?? ''} ${data.since ?? ''}`.trim();
      told.set(what, (told.get(what) ?? 0) + 1);
    }
  }
  for (const [what, times] of told) if (times > 1) monitor.violate('wrong event', `${times} times: ${what}`);
  for (const { entitlementId, status } of entitlements) {
    for (const [detailType, isDue] of [
      ['Entitlement Granted', status !== 'CLAIMED'],
      ['Entitlement Reported', status === 'REPORTED'],
    ] as const) {
      if (told.has(`${entitlementId} ${detailType}`) !== isDue) {
        monitor.violate('wrong event', `${entitlementId}: ${isDue ? 'no ' : ''}${detailType}`);
      }
    }
  }
}
