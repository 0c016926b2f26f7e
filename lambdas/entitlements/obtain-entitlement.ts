import { randomUUID } from 'node:crypto';
import type { Clock } from '../shared/clock.ts';
import { UpstreamError } from '../shared/errors.ts';
import { LEASE_MARGIN_MS } from '../shared/idempotency/run-once.ts';
import type { SkuItem } from '../shared/sku-items.ts';
import type { Telemetry } from '../shared/telemetry.ts';
import type { EntitlementRow, PlayerOf } from './entitlement.ts';
import type { Claim, ClaimResult, EntitlementStore, SkuRow } from './entitlements.store.ts';
import { grantEntitlement, type GrantOptions, type GrantParts } from './grant-entitlement.ts';
import { isQueued, type GrantQueue } from './grant-queue.ts';
import type { Reason } from './outcomes.ts';

/** What a player is to have. */
export interface Wanted {
  readonly entitlementId: string;
  readonly sku: string;
}

/** The player has it, or why not. */
export type Obtained =
  | { readonly kind: 'had'; readonly row: EntitlementRow }
  | { readonly kind: 'pending' | 'failed'; readonly reason: Reason };

export interface ObtainParts extends GrantParts {
  readonly store: Pick<
    EntitlementStore,
    'claim' | 'takeOver' | 'read' | 'recordOwned' | 'passOn' | 'grant' | 'release'
  >;
  readonly grants: GrantQueue;
  readonly telemetry: Pick<Telemetry, 'count' | 'warn'>;
  readonly clock: Clock;
}

export interface ObtainOptions extends GrantOptions {
  readonly player: PlayerOf;
  /** Keyed hash of the player's Amazon account. */
  readonly account: string;
  /** When the function ends, epoch milliseconds: until then, and a little longer, this try holds what it claims. */
  readonly functionDeadline: number;
  readonly itemsOf: (sku: string) => readonly SkuItem[];
  /**
   * The entitlement as Amazon lists it at present, or undefined where it lists it no more.
   *
   * @default nothing is known of others
   */
  readonly listed?: (entitlementId: string) => Wanted | undefined;
}

/** Moves of others that one request follows before it leaves the rest to the next one. */
const MOST_TURNS = 6;
/** How soon the queue tries again what a webhook could not do at once, in seconds. */
const FIRST_RETRY_S = 15;

const pending = (reason: Reason): Obtained => ({ kind: 'pending', reason });
const failed = (reason: Reason): Obtained => ({ kind: 'failed', reason });
const had = (row: EntitlementRow): Obtained => ({ kind: 'had', row });

/**
 * Brings a player what is claimed, once, whatever others do at the same time and wherever they have died: claims, grants, or
 * finds out that it has been had. One object for each request.
 */
export class Obtaining {
  readonly #parts: ObtainParts;
  readonly #options: ObtainOptions;
  readonly #hold: { readonly fence: string; readonly lease: number };
  readonly #results = new Map<string, Promise<Obtained>>();
  readonly #underway = new Set<string>();
  /** Grants of one player may be about one item, and DynamoDB would cancel those that meet: one is written after the other. */
  #written: Promise<unknown> = Promise.resolve();

  constructor(parts: ObtainParts, options: ObtainOptions) {
    this.#parts = parts;
    this.#options = options;
    this.#hold = { fence: randomUUID(), lease: options.functionDeadline + LEASE_MARGIN_MS };
  }

  /** Entitlements of one SKU have to come one after the other. @throws what keeps DynamoDB from working */
  obtain(wanted: Wanted): Promise<Obtained> {
    const { entitlementId } = wanted;
    const known = this.#results.get(entitlementId);
    if (known) return known;
    this.#underway.add(entitlementId);
    const result = this.#obtain(wanted).finally(() => this.#underway.delete(entitlementId));
    this.#results.set(entitlementId, result);
    return result;
  }

  async #obtain(wanted: Wanted): Promise<Obtained> {
    const claim = this.#claimOf(wanted);
    for (let turn = 0; turn < MOST_TURNS; turn += 1) {
      if (this.#parts.clock.now() >= this.#options.deadline) return pending('NO_TIME_LEFT');
      const claimed = await this.#parts.store.claim(claim, this.#options);
      const next = claimed.kind === 'skuTaken' ? await this.#behind(claim, claimed.by) : claimed;
      const obtained = next === undefined || isObtained(next) ? next : await this.#settle(wanted, next);
      if (obtained !== undefined) return obtained;
    }
    return pending('IN_PROGRESS');
  }

  /** @returns undefined where it has to be looked at anew */
  async #settle(wanted: Wanted, result: ClaimResult): Promise<Obtained | undefined> {
    if (result.kind === 'skuTaken') return undefined;
    const { row } = result;
    if (row.playerId !== this.#options.player.playerId) return failed('ENTITLEMENT_OF_ANOTHER');
    if (row.sku !== wanted.sku) return failed('SKU_CHANGED');
    if (row.status === 'PASSED') return undefined;
    if (row.status !== 'CLAIMED') return had(row);
    if (result.kind === 'held') return this.#grant({ ...row, status: 'CLAIMED' });
    if (this.#parts.clock.now() < row.lease) return pending('IN_PROGRESS');
    const taken = await this.#parts.store.takeOver(row, this.#hold, this.#options);
    if (taken?.kind !== 'held') return undefined;
    const obtained = await this.#grant(taken.row);
    if (obtained?.kind === 'had') this.#parts.telemetry.count('GrantsResumed', 1);
    return obtained;
  }

  /** What comes of a claim whose SKU another entitlement has. @returns undefined where it has to be looked at anew */
  async #behind(claim: Claim, by: SkuRow): Promise<ClaimResult | Obtained | undefined> {
    const { store, clock, telemetry } = this.#parts;
    if (by.status === 'GRANTED') {
      const recorded = await store.recordOwned(claim, by, this.#options);
      if (recorded === 'changed') return undefined;
      if (recorded.kind === 'known' && recorded.row.fence === claim.fence) telemetry.count('EntitlementsGranted', 1);
      return recorded;
    }
    const other = await store.read(claim.partner, by.entitlementId);
    if (other?.status !== 'CLAIMED') return undefined;
    if (clock.now() < other.lease) return pending('SKU_IN_PROGRESS');
    // What another Amazon account has claimed for the player is not in this one's list.
    const { listed, account } = this.#options;
    const stillListed = listed && other.account === account ? listed(other.entitlementId) : other;
    if (stillListed) {
      // Passed on by another request to the one that is waiting for this one.
      if (this.#underway.has(other.entitlementId)) return pending('SKU_IN_PROGRESS');
      // It was first, and is still to be had: then this one has nothing left to grant.
      const first = await this.obtain(other);
      return first.kind === 'had' ? undefined : first.kind === 'failed' ? first : pending('SKU_IN_PROGRESS');
    }
    const passed = await store.passOn(other, claim, this.#options);
    return passed === 'changed' ? undefined : passed;
  }

  async #grant(held: Extract<ClaimResult, { kind: 'held' }>['row']): Promise<Obtained | undefined> {
    const { telemetry } = this.#parts;
    let granted;
    try {
      const { granterOf, store } = this.#parts;
      const grant: typeof store.grant = (...grantOf) => this.#inTurn(() => store.grant(...grantOf));
      granted = await grantEntitlement({ granterOf, store: { grant } }, held, this.#options);
    } catch (error) {
      if (!(error instanceof UpstreamError)) throw error;
      telemetry.warn('a grant failed', { entitlementId: held.entitlementId, code: error.code, error });
      await this.#leaveToQueue(held);
      return pending('GRANTER_UNAVAILABLE');
    }
    if (granted.kind === 'refused') {
      telemetry.warn('a grant was refused', { entitlementId: held.entitlementId });
      await this.#leaveToQueue(held);
      return failed('GRANTER_REFUSED');
    }
    if (granted.kind === 'lost') return undefined;
    telemetry.count('EntitlementsGranted', 1);
    return had(granted.row);
  }

  #inTurn<Result>(write: () => Promise<Result>): Promise<Result> {
    const result = this.#written.then(write, write);
    this.#written = result;
    return result;
  }

  /** What is in the queue already, or was given up, gets there no second time: a player's own request may try it all the same. */
  async #leaveToQueue(held: Extract<ClaimResult, { kind: 'held' }>['row']): Promise<void> {
    const { store, grants, telemetry, clock } = this.#parts;
    const { partner, entitlementId } = held;
    // What has been given up is known to whoever has to mend it.
    if (held.stuck === undefined) telemetry.count('GrantFailures', 1);
    // Where the message cannot be sent, the sweeper finds the claim.
    const now = clock.now();
    const isNew = held.stuck === undefined && !isQueued(held, now);
    if (isNew) {
      await grants.send([{ partner, entitlementId }], FIRST_RETRY_S).catch((error: unknown) => {
        telemetry.warn('a grant could not be queued', { entitlementId, error });
      });
    }
    await store.release(held, isNew ? { nextTryAt: now + FIRST_RETRY_S * 1_000, tries: 0 } : undefined, this.#options);
  }

  #claimOf({ entitlementId, sku }: Wanted): Claim {
    const { player, account, itemsOf } = this.#options;
    const items = itemsOf(sku).map(({ itemId, quantity, kind }) => ({ itemId, quantity, kind }));
    return { ...player, ...this.#hold, entitlementId, sku, account, items };
  }
}

function isObtained(result: ClaimResult | Obtained): result is Obtained {
  return result.kind === 'had' || result.kind === 'pending' || result.kind === 'failed';
}
