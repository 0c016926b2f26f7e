import type { KeyedHash } from '../shared/keyed-hash.ts';
import { CredentialError, UpstreamError } from '../shared/errors.ts';
import { ApiError } from '../shared/partner-api/api-error.ts';
import { isServiceFailure } from '../shared/service-failure.ts';
import type { EntitlementsSettings } from '../shared/settings.ts';
import { Sku, type SkuItem } from '../shared/sku-items.ts';
import type { Catalogue } from './catalogue.ts';
import type { EntitlementRow, ListedEntitlement, PlayerOf } from './entitlement.ts';
import type { EntitlementStore, PlayerState, WriteOptions } from './entitlements.store.ts';
import { Obtaining, type Obtained, type ObtainParts } from './obtain-entitlement.ts';
import type { Reason } from './outcomes.ts';
import type { FulfilledEntitlement, Fulfilment } from './player-answers.ts';
import type { PrimeGamingClient } from './prime-gaming.client.ts';
import { UpstreamTime } from './upstream-time.ts';

/** A player starts the game, or opens the store. */
export interface FulfilWish extends PlayerOf {
  /** The player's access token of Login with Amazon: used for this request, and kept nowhere. */
  readonly token: string;
  readonly requestId: string;
  /** When the function ends, epoch milliseconds. */
  readonly functionDeadline: number;
}

export interface FulfilParts extends ObtainParts {
  readonly settings: Pick<EntitlementsSettings, 'deadlineMs' | 'attempts'>;
  readonly client: PrimeGamingClient;
  readonly catalogue: Catalogue;
  readonly store: ObtainParts['store'] & Pick<EntitlementStore, 'readPlayer' | 'read' | 'link' | 'report'>;
  readonly hash: KeyedHash;
}

/** What is kept of the function's time for writing down what is known by then. */
const RECORDING_MS = 3_000;
/** SKUs that one request works on side by side. */
const SIDE_BY_SIDE = 4;
const FULFIL = 'FULFILL';
const IDENTIFIER = /^[\x21-\x7e]{1,200}$/u;

/** What stands for an Amazon account, of which nothing else is kept. */
export const accountHash = (hash: KeyedHash, partner: string, userId: string): string =>
  hash('amazon account', [partner, userId]);

/**
 * Grants a player everything that Amazon lists as claimed, once, and reports it: see docs/adr/0014.
 *
 * @throws ApiError PLAYER_TOKEN_REFUSED and PLAYER_CONSENT_MISSING, also where Amazon refuses the token in the middle: what
 *   is granted stays, and the repeat reports it; ACCOUNT_OF_ANOTHER, PLAYER_LINKED_OTHERWISE; ENTITLEMENT_OF_ANOTHER where
 *   nothing else is listed; and what the client throws where nothing can be known
 */
export async function fulfilEntitlements(
  parts: FulfilParts,
  wish: FulfilWish,
): Promise<{ readonly fulfilment: Fulfilment; readonly upstreamMs: number | undefined }> {
  const { store, client, clock, hash, settings } = parts;
  const { partner, playerId, token, requestId, functionDeadline } = wish;
  const deadline = Math.min(clock.now() + settings.deadlineMs, functionDeadline - RECORDING_MS);
  const writing = { until: functionDeadline - 1_000, correlationId: requestId };
  const player = { partner, playerId };
  const time = new UpstreamTime();

  // Read before Amazon is asked: what was open by then, and is not listed now, is done.
  const state = await store.readPlayer(player);
  const call = { token, deadline };
  const [userId, listed] = await playersOwn(time.wait(() => Promise.all([client.accountOf(call), client.list(call)])));
  const account = accountHash(hash, partner, userId);
  await linkAccount(store, player, state, account, writing);

  const visit = new Visit(parts, { ...wish, player, account, deadline, writing, listed, time });
  const entitlements = await visit.run(state.open);
  return { fulfilment: { entitlements, complete: entitlements.every(isComplete) }, upstreamMs: time.ms };
}

async function linkAccount(
  store: Pick<EntitlementStore, 'link'>,
  player: PlayerOf,
  { account: linked }: PlayerState,
  account: string,
  writing: WriteOptions,
): Promise<void> {
  if (linked === account) return;
  if (linked !== undefined) throw new ApiError('PLAYER_LINKED_OTHERWISE');
  const result = await store.link(player, account, writing);
  if (result === 'accountOfAnother') throw new ApiError('ACCOUNT_OF_ANOTHER');
  if (result === 'playerLinkedOtherwise') throw new ApiError('PLAYER_LINKED_OTHERWISE');
}

interface VisitOptions extends FulfilWish {
  readonly player: PlayerOf;
  readonly account: string;
  readonly deadline: number;
  readonly writing: WriteOptions;
  readonly listed: readonly ListedEntitlement[];
  readonly time: UpstreamTime;
}

/** What is known of an entitlement in this request. */
interface Finding {
  readonly entitlementId: string;
  readonly sku: string;
  obtained: Obtained | { readonly kind: 'skipped'; readonly reason: Reason };
  reported: boolean;
  /** Why it is not reported. */
  unreported?: Reason;
}

/** One request of one player. */
class Visit {
  readonly #parts: FulfilParts;
  readonly #options: VisitOptions;
  #listed: ReadonlyMap<string, ListedEntitlement>;

  constructor(parts: FulfilParts, options: VisitOptions) {
    this.#parts = parts;
    this.#options = options;
    this.#listed = new Map(options.listed.map((one) => [one.entitlementId, one]));
  }

  async run(open: readonly string[]): Promise<FulfilledEntitlement[]> {
    const wanted: ListedEntitlement[] = [];
    const findings = new Map<string, Finding>();
    const refuse = ({ entitlementId, sku }: ListedEntitlement, kind: 'failed' | 'skipped', reason: Reason): void =>
      void findings.set(entitlementId, { entitlementId, sku, obtained: { kind, reason }, reported: false });
    for (const one of this.#options.listed) {
      if (one.instruction !== FULFIL) refuse(one, 'skipped', 'NO_INSTRUCTION');
      else if (!IDENTIFIER.test(one.entitlementId) || !Sku.safeParse(one.sku).success)
        refuse(one, 'failed', 'INVALID_ENTITLEMENT');
      else wanted.push(one);
    }
    this.#noteUnknown(
      this.#options.listed.filter((one) => isReason(findings.get(one.entitlementId), 'INVALID_ENTITLEMENT')),
    );
    const items = await this.#parts.catalogue.itemsOf(this.#options.partner, [
      ...new Set(wanted.map(({ sku }) => sku)),
    ]);
    const unknown = await this.#unclaimed(wanted.filter(({ sku }) => !items.has(sku)));
    const known = wanted.filter((one) => !unknown.includes(one));
    for (const one of unknown) refuse(one, 'failed', 'UNKNOWN_SKU');
    this.#noteUnknown(unknown);

    const obtaining = new Obtaining(this.#parts, {
      ...this.#options,
      ...this.#options.writing,
      itemsOf: (sku) => items.get(sku) ?? ([] as readonly SkuItem[]),
      listed: (entitlementId) => this.#listed.get(entitlementId),
    });
    // What has been claimed before comes first: what else is of its SKU waits for it.
    const inOrder = known.toSorted(
      (left, right) => Number(open.includes(right.entitlementId)) - Number(open.includes(left.entitlementId)),
    );
    const bySku = Map.groupBy(inOrder, ({ sku }) => sku);
    await sideBySide([...bySku.values()], SIDE_BY_SIDE, async (group) => {
      for (const one of group) findings.set(one.entitlementId, await this.#fulfil(obtaining, one));
    });
    await this.#confirm([...findings.values()]);

    const unlisted = await this.#closeUnlisted(open.filter((id) => isGone(this.#options.listed, id)));
    const inListOrder = this.#options.listed.map(({ entitlementId }) => findings.get(entitlementId));
    const all = [...inListOrder.filter((finding) => finding !== undefined), ...unlisted];
    const areOfAnother = wanted.length > 0 && all.every((finding) => isReason(finding, 'ENTITLEMENT_OF_ANOTHER'));
    if (areOfAnother) throw new ApiError('ENTITLEMENT_OF_ANOTHER');
    return all.map(toAnswer);
  }

  /** What was claimed once has laid down what it holds, and needs no catalogue any more. */
  async #unclaimed(unknown: readonly ListedEntitlement[]): Promise<ListedEntitlement[]> {
    const rows = unknown.map(({ entitlementId }) => this.#parts.store.read(this.#options.partner, entitlementId));
    const found = await Promise.all(rows);
    return unknown.filter((_, index) => found[index] === undefined);
  }

  async #fulfil(obtaining: Obtaining, { entitlementId, sku }: ListedEntitlement): Promise<Finding> {
    const finding: Finding = {
      entitlementId,
      sku,
      obtained: await obtaining
        .obtain({ entitlementId, sku })
        .catch((error: unknown) => this.#busy(entitlementId, error)),
      reported: false,
    };
    if (finding.obtained.kind === 'had') await this.#report(finding, finding.obtained.row);
    return finding;
  }

  /** Tells Amazon, once. */
  async #report(finding: Finding, row: EntitlementRow): Promise<void> {
    const { client, clock, telemetry } = this.#parts;
    const { token, deadline, playerId, time } = this.#options;
    if (clock.now() >= deadline) {
      finding.unreported = 'NO_TIME_LEFT';
      return;
    }
    telemetry.count('ReportsTried', 1);
    const result = await playersOwn(
      time.wait(() => client.report({ token, deadline }, row.entitlementId, playerId)),
    ).catch((error: unknown) => {
      if (!(error instanceof UpstreamError)) throw error;
      this.#noteFailure('a report failed', row.entitlementId, error);
      return 'unknown' as const;
    });
    if (result === 'unknown') {
      finding.unreported = 'REPORT_UNKNOWN';
      return;
    }
    telemetry.count('ReportsConfirmed', 1);
    await this.#record(finding, row, false);
  }

  async #record(finding: Finding, row: EntitlementRow, assumed: boolean): Promise<void> {
    try {
      if (row.status !== 'REPORTED') {
        const isFirst = await this.#parts.store.report(row, assumed, this.#options.writing);
        if (isFirst) this.#parts.telemetry.count('EntitlementsReported', 1);
      }
      finding.reported = true;
      delete finding.unreported;
    } catch (error) {
      finding.unreported = this.#busy(row.entitlementId, error).reason;
    }
  }

  /**
   * Finds out what became of reports that Amazon did not confirm: what it lists no more is done, and what it still lists is
   * reported again. The list is asked with the same token, so it is the same account's.
   */
  async #confirm(findings: readonly Finding[]): Promise<void> {
    const { client, clock, settings } = this.#parts;
    const { token, deadline, time } = this.#options;
    for (let attempt = 1; attempt <= settings.attempts; attempt += 1) {
      const open = findings.flatMap((finding) =>
        finding.unreported === 'REPORT_UNKNOWN' && finding.obtained.kind === 'had'
          ? [{ finding, row: finding.obtained.row }]
          : [],
      );
      if (open.length === 0 || clock.now() >= deadline) return;
      let listed: readonly ListedEntitlement[];
      try {
        listed = await playersOwn(time.wait(() => client.list({ token, deadline })));
      } catch (error) {
        if (!(error instanceof UpstreamError)) throw error;
        this.#noteFailure('unconfirmed reports could not be looked up', undefined, error);
        return;
      }
      await sideBySide(open, SIDE_BY_SIDE, async ({ finding, row }) => {
        if (isGone(listed, row.entitlementId)) await this.#record(finding, row, true);
        else if (attempt < settings.attempts) await this.#report(finding, row);
      });
    }
  }

  /** Closes what was open, granted, and is listed no more: Amazon knows, though its answer was lost. */
  async #closeUnlisted(open: readonly string[]): Promise<Finding[]> {
    const { store } = this.#parts;
    const { partner, account } = this.#options;
    const findings: Finding[] = [];
    await sideBySide(open, SIDE_BY_SIDE, async (entitlementId) => {
      // What cannot be read now is closed by a later visit: what has been done in this one is worth its answer.
      const row = await store.read(partner, entitlementId).catch((error: unknown) => {
        this.#busy(entitlementId, error);
        return undefined;
      });
      // Another account's list would say nothing about it.
      if (row?.account !== account || row.status === 'REPORTED' || row.status === 'PASSED') return;
      const { sku } = row;
      if (row.status === 'CLAIMED') {
        // What was given up, and is not to be had any more, waits for nobody but an operator.
        const obtained =
          row.stuck === undefined
            ? ({ kind: 'pending', reason: 'IN_PROGRESS' } as const)
            : ({ kind: 'failed', reason: 'GRANTER_REFUSED' } as const);
        findings.push({ entitlementId, sku, obtained, reported: false });
        return;
      }
      const finding: Finding = { entitlementId, sku, obtained: { kind: 'had', row }, reported: false };
      await this.#record(finding, row, true);
      findings.push(finding);
    });
    return findings;
  }

  /** What the tables could not do in time is left to the next request; the other entitlements go on. */
  #busy(entitlementId: string, error: unknown): { readonly kind: 'pending'; readonly reason: Reason } {
    if (!isServiceFailure(error)) throw error;
    const { telemetry } = this.#parts;
    telemetry.count('ApiFaults', 1);
    // The messages of the SDK's errors may hold anything.
    telemetry.warn('the tables could not be used', { entitlementId, fault: error instanceof Error ? error.name : '' });
    return { kind: 'pending', reason: 'STORAGE_BUSY' };
  }

  #noteFailure(message: string, entitlementId: string | undefined, error: UpstreamError): void {
    const { telemetry } = this.#parts;
    telemetry.count('ApiUpstreamFailures', 1);
    telemetry.warn(message, { entitlementId, code: error.code, status: error.status });
  }

  #noteUnknown(unknown: readonly ListedEntitlement[]): void {
    if (unknown.length === 0) return;
    const { telemetry } = this.#parts;
    telemetry.count('UnknownSkus', unknown.length);
    telemetry.warn('the catalogue does not know what is claimed', {
      partner: this.#options.partner,
      skus: [...new Set(unknown.map(({ sku }) => sku.slice(0, 200)))].slice(0, 20),
    });
  }
}

/** Whether a list says that an entitlement is not open any more. An entry without an identifier may be any of them. */
function isGone(listed: readonly ListedEntitlement[], id: string): boolean {
  return !listed.some(({ entitlementId }) => entitlementId === id || entitlementId === '');
}

/** A refused token is the player's, not the stage's. */
async function playersOwn<Result>(call: Promise<Result>): Promise<Result> {
  try {
    return await call;
  } catch (error) {
    if (!(error instanceof CredentialError) || error.status === undefined) throw error;
    throw new ApiError(error.code === 'ScopeMissing' ? 'PLAYER_CONSENT_MISSING' : 'PLAYER_TOKEN_REFUSED');
  }
}

/** Works on all, a few at a time; each is ended before the first failure is thrown. */
async function sideBySide<Item>(items: readonly Item[], most: number, work: (item: Item) => Promise<void>) {
  const waiting = [...items];
  const lanes = Array.from({ length: Math.min(most, items.length) }, async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await work(next);
  });
  const failure = (await Promise.allSettled(lanes)).find((lane) => lane.status === 'rejected');
  if (failure) throw failure.reason;
}

const isReason = (finding: Finding | undefined, reason: Reason): boolean =>
  finding !== undefined && finding.obtained.kind !== 'had' && finding.obtained.reason === reason;

function toAnswer({ entitlementId, sku, obtained, reported, unreported }: Finding): FulfilledEntitlement {
  if (obtained.kind !== 'had') {
    return { entitlementId, sku, outcome: obtained.kind, reported, reason: obtained.reason, items: [] };
  }
  const { alreadyOwnedBy, given = [] } = obtained.row;
  const outcome = alreadyOwnedBy === undefined ? 'granted' : 'alreadyOwned';
  return { entitlementId, sku, outcome, reported, reason: unreported ?? null, items: given };
}

/** Whether a later call would do no more by itself. */
function isComplete({ outcome, reported }: FulfilledEntitlement): boolean {
  return outcome === 'skipped' || outcome === 'failed' || (outcome !== 'pending' && reported);
}
