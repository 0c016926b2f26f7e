import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { GetCommand, QueryCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import * as z from 'zod/mini';
import type { Occurrence, OccurrenceStore } from '../change-events/occurrences.store.ts';
import { unpublishedShard, UNPUBLISHED_SHARDS } from '../change-events/unpublished.ts';
import type { Clock } from '../shared/clock.ts';
import { insist, transact, type Refusals, type TransactItem } from '../shared/transact.ts';
import { EntitlementRow, type GivenItem, type HeldEntitlement, type PlayerOf } from './entitlement.ts';
import type { EntitlementGranted, EntitlementReported, EntitlementStuck } from './entitlement-event-schemas.ts';
import type { GrantResult } from './granter.ts';

/** A try that may write while it holds an entitlement. */
export interface Hold {
  readonly fence: string;
  /** Epoch milliseconds at which others may take over. */
  readonly lease: number;
}

/** What is claimed for a player. */
export interface Claim extends PlayerOf, Hold {
  readonly entitlementId: string;
  readonly sku: string;
  readonly account: string;
  readonly items: EntitlementRow['items'];
}

/** That a player has a SKU, or is being given it: at most one grant per player and SKU. */
export const SkuRow = z.object({
  entitlementId: z.string(),
  status: z.enum(['CLAIMED', 'GRANTED']),
  grantId: z.string(),
});
export type SkuRow = z.infer<typeof SkuRow>;

export type ClaimResult =
  | { readonly kind: 'held'; readonly row: HeldEntitlement }
  /** The entitlement has a row already. */
  | { readonly kind: 'known'; readonly row: EntitlementRow }
  /** Another entitlement has the player's SKU. */
  | { readonly kind: 'skuTaken'; readonly by: SkuRow };

/** What a player is known to have besides items. */
export interface PlayerState {
  /** Keyed hash of the linked Amazon account. */
  readonly account: string | undefined;
  /** Entitlements that are not reported yet. */
  readonly open: readonly string[];
}

/** That the queue tries a grant again. */
export interface Queued {
  /** Epoch milliseconds. */
  readonly nextTryAt: number;
  /** Tries of the queue that have failed. */
  readonly tries: number;
}

export type LinkResult = 'linked' | 'accountOfAnother' | 'playerLinkedOtherwise';

export type GrantWritten =
  | { readonly kind: 'granted'; readonly row: EntitlementRow }
  /** The player has these unique items already: nothing is written. */
  | { readonly kind: 'owned'; readonly itemIds: readonly string[] }
  /** Another try has taken the entitlement over, or it is gone: nothing is written. */
  | { readonly kind: 'lost'; readonly row: EntitlementRow | undefined };

/** How long writes are repeated after failures that may pass, and what their events are found by. */
export interface WriteOptions {
  /** Epoch milliseconds. */
  readonly until: number;
  readonly correlationId: string;
}

const AccountRow = z.object({ playerId: z.string() });
const MarkerRow = z.object({
  part: z.string(),
  account: z.optional(z.string()),
  entitlementId: z.optional(z.string()),
});

const ENTITLEMENT = 'entitlement';
const ACCOUNT = 'account';
const entitlementKey = (partner: string, entitlementId: string) => ({
  owner: `entitlement|${partner}|${entitlementId}`,
  part: ENTITLEMENT,
});
const accountKey = (partner: string, account: string) => ({ owner: `account|${partner}|${account}`, part: ACCOUNT });
const playerOwner = ({ partner, playerId }: PlayerOf): string => `player|${partner}|${playerId}`;
const linkKey = (player: PlayerOf) => ({ owner: playerOwner(player), part: ACCOUNT });
const markerKey = (player: PlayerOf, entitlementId: string) => ({
  owner: playerOwner(player),
  part: `open|${entitlementId}`,
});
const SKU = 'sku|';
const skuKey = (player: PlayerOf, sku: string) => ({ owner: playerOwner(player), part: `${SKU}${sku}` });

/** Where an entitlement stands in the index: what is claimed must not be behind what waits for its player to come back. */
const openShard = (status: EntitlementRow['status'], entitlementId: string): string =>
  `${status}|${unpublishedShard(entitlementId)}`;

const IS_NEW = 'attribute_not_exists(#owner)';
const NAMES = { '#owner': 'owner' };
/** Far more rows than one entitlement gets in a millisecond: then the condition is about something else. */
const MOST_TAKEN = 20;

/**
 * Keeps who has been given what, in a table with the keys `owner` and `part` and the sparse index `open` (`open`, `since`).
 * Every step is one transaction, and conditional on what it was decided by; a step and its event are one.
 */
export class EntitlementStore {
  readonly #client: DynamoDBDocumentClient;
  readonly #table: string;
  readonly #occurrences: Pick<OccurrenceStore, 'item'>;
  readonly #clock: Clock;

  constructor(client: DynamoDBDocumentClient, table: string, occurrences: Pick<OccurrenceStore, 'item'>, clock: Clock) {
    this.#client = client;
    this.#table = table;
    this.#occurrences = occurrences;
    this.#clock = clock;
  }

  /** The player's link and open entitlements, strongly consistent: one call. */
  async readPlayer(player: PlayerOf): Promise<PlayerState> {
    let account: string | undefined;
    const open: string[] = [];
    let ExclusiveStartKey: Record<string, unknown> | undefined;
    do {
      const page = await this.#client.send(
        new QueryCommand({
          TableName: this.#table,
          KeyConditionExpression: '#owner = :owner AND part < :skus',
          ExpressionAttributeNames: NAMES,
          ExpressionAttributeValues: { ':owner': playerOwner(player), ':skus': SKU },
          ConsistentRead: true,
          ExclusiveStartKey,
        }),
      );
      for (const item of page.Items ?? []) {
        const row = MarkerRow.parse(item);
        if (row.part === ACCOUNT) account = row.account;
        else if (row.entitlementId !== undefined) open.push(row.entitlementId);
      }
      ExclusiveStartKey = page.LastEvaluatedKey;
    } while (ExclusiveStartKey);
    return { account, open };
  }

  /** An entitlement as it is now. */
  async read(partner: string, entitlementId: string): Promise<EntitlementRow | undefined> {
    const { Item } = await this.#client.send(
      new GetCommand({ TableName: this.#table, Key: entitlementKey(partner, entitlementId), ConsistentRead: true }),
    );
    return Item && EntitlementRow.parse(Item);
  }

  /** The player that an Amazon account is linked to. */
  async playerOf(partner: string, account: string): Promise<string | undefined> {
    const { Item } = await this.#client.send(
      new GetCommand({ TableName: this.#table, Key: accountKey(partner, account), ConsistentRead: true }),
    );
    return Item && AccountRow.parse(Item).playerId;
  }

  /** Links an Amazon account and a player, where neither is linked otherwise. */
  async link(player: PlayerOf, account: string, { until }: Pick<WriteOptions, 'until'>): Promise<LinkResult> {
    const { partner, playerId } = player;
    const put = (Item: Record<string, unknown>, same: string, value: string): TransactItem => ({
      Put: {
        TableName: this.#table,
        Item,
        ConditionExpression: `${IS_NEW} OR ${same} = :value`,
        ExpressionAttributeNames: NAMES,
        ExpressionAttributeValues: { ':value': value },
      },
    });
    const refusals = await this.#transact(
      [
        put({ ...accountKey(partner, account), playerId }, 'playerId', playerId),
        put({ ...linkKey(player), account }, 'account', account),
      ],
      until,
    );
    if (refusals === undefined) return 'linked';
    return refusals.has(0) ? 'accountOfAnother' : 'playerLinkedOtherwise';
  }

  /** Unlinks an Amazon account from its player, where they are linked. */
  async unlink(player: PlayerOf, account: string, { until }: Pick<WriteOptions, 'until'>): Promise<void> {
    const remove = (Key: Record<string, string>, same: string, value: string): TransactItem => ({
      Delete: {
        TableName: this.#table,
        Key,
        ConditionExpression: `${same} = :value`,
        ExpressionAttributeValues: { ':value': value },
      },
    });
    // Refused where they are not linked to each other: then there is nothing to do.
    await this.#transact(
      [
        remove(accountKey(player.partner, account), 'playerId', player.playerId),
        remove(linkKey(player), 'account', account),
      ],
      until,
    );
  }

  /** Claims an entitlement and its SKU for a player: the first step, in which nothing is granted. */
  async claim(claim: Claim, { until }: Pick<WriteOptions, 'until'>): Promise<ClaimResult> {
    const { partner, playerId, entitlementId, sku, account, items, fence, lease } = claim;
    const row = {
      ...{ partner, playerId, entitlementId, sku, account, items, fence, lease },
      status: 'CLAIMED',
      grantId: entitlementId,
      since: this.#clock.now(),
    } as const;
    const refusals = await this.#transact(
      [
        this.#putRow(row),
        {
          Put: {
            TableName: this.#table,
            Item: { ...skuKey(claim, sku), entitlementId, status: 'CLAIMED', grantId: entitlementId },
            ConditionExpression: IS_NEW,
            ExpressionAttributeNames: NAMES,
            ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
          },
        },
        this.#putMarker(row),
      ],
      until,
    );
    if (refusals === undefined) return { kind: 'held', row };
    if (refusals.has(0)) return this.#standing(EntitlementRow.parse(refusals.get(0)), fence);
    return { kind: 'skuTaken', by: SkuRow.parse(refusals.get(1)) };
  }

  /**
   * Records an entitlement of which the player has the SKU through another one: nothing is granted for it.
   *
   * @returns `changed` where the other one does not have the SKU any more
   */
  async recordOwned(claim: Claim, by: SkuRow, options: WriteOptions): Promise<ClaimResult | 'changed'> {
    const { partner, playerId, entitlementId, sku, account, items, fence, lease } = claim;
    const row: EntitlementRow = {
      ...{ partner, playerId, entitlementId, sku, account, items, fence, lease },
      status: 'GRANTED',
      grantId: by.grantId,
      given: [],
      alreadyOwnedBy: by.entitlementId,
      since: this.#clock.now(),
    };
    const refusals = await this.#transactWithEvent(
      [
        this.#putRow(row),
        {
          ConditionCheck: {
            TableName: this.#table,
            Key: skuKey(claim, sku),
            ConditionExpression: 'entitlementId = :other AND #status = :granted',
            ExpressionAttributeNames: { '#status': 'status' },
            ExpressionAttributeValues: { ':other': by.entitlementId, ':granted': 'GRANTED' },
          },
        },
        this.#putMarker(row),
      ],
      grantedEvent(row, options),
      options,
    );
    if (refusals === undefined) return { kind: 'known', row };
    return refusals.has(0) ? { kind: 'known', row: EntitlementRow.parse(refusals.get(0)) } : 'changed';
  }

  /**
   * Takes over an entitlement whose try has died, if it has not moved since it was seen.
   *
   * @returns the entitlement, held or as it is by now; undefined where it is gone
   */
  async takeOver(
    seen: EntitlementRow,
    { fence, lease }: Hold,
    { until }: Pick<WriteOptions, 'until'>,
  ): Promise<ClaimResult | undefined> {
    const command = new UpdateCommand({
      TableName: this.#table,
      Key: entitlementKey(seen.partner, seen.entitlementId),
      UpdateExpression: 'SET fence = :fence, lease = :lease',
      ConditionExpression: 'fence = :seen AND lease = :seenLease AND #status = :claimed',
      ExpressionAttributeNames: { '#status': 'status' },
      ExpressionAttributeValues: {
        ':fence': fence,
        ':lease': lease,
        ':seen': seen.fence,
        ':seenLease': seen.lease,
        ':claimed': 'CLAIMED',
      },
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    });
    try {
      await insist((sending) => this.#client.send(command, sending), { until, clock: this.#clock });
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
      return error.Item && this.#standing(EntitlementRow.parse(unmarshall(error.Item)), fence);
    }
    return { kind: 'held', row: { ...seen, status: 'CLAIMED', fence, lease } };
  }

  /**
   * Passes a SKU on from an entitlement whose try has died before it granted anything, and which Amazon lists no more, to
   * another one, with what its grant is told apart by: a webhook may have had that one. The former one's row stays, so that
   * nobody else can be given anything by it.
   *
   * @returns `changed` where the former one has moved since it was seen
   */
  async passOn(seen: EntitlementRow, claim: Claim, { until }: Pick<WriteOptions, 'until'>) {
    const { partner, playerId, entitlementId, sku, account, fence, lease } = claim;
    const { items, grantId } = seen;
    const row = {
      ...{ partner, playerId, entitlementId, sku, account, items, fence, lease, grantId },
      status: 'CLAIMED',
      since: this.#clock.now(),
    } as const;
    const refusals = await this.#transact(
      [
        this.#putRow(row),
        {
          Update: {
            TableName: this.#table,
            Key: entitlementKey(partner, seen.entitlementId),
            UpdateExpression: 'SET #status = :passed, #since = :since REMOVE #open, stuck, nextTryAt, tries',
            ConditionExpression: 'fence = :seen AND lease = :lease AND #status = :claimed',
            ExpressionAttributeNames: { '#status': 'status', '#since': 'since', '#open': 'open' },
            ExpressionAttributeValues: {
              ':passed': 'PASSED',
              ':since': row.since,
              ':seen': seen.fence,
              ':lease': seen.lease,
              ':claimed': 'CLAIMED',
            },
          },
        },
        {
          Update: {
            TableName: this.#table,
            Key: skuKey(claim, sku),
            UpdateExpression: 'SET entitlementId = :id',
            ConditionExpression: 'entitlementId = :other AND #status = :claimed',
            ExpressionAttributeNames: { '#status': 'status' },
            ExpressionAttributeValues: { ':id': entitlementId, ':other': seen.entitlementId, ':claimed': 'CLAIMED' },
          },
        },
        { Delete: { TableName: this.#table, Key: markerKey(seen, seen.entitlementId) } },
        this.#putMarker(row),
      ],
      until,
    );
    if (refusals === undefined) return { kind: 'held', row } as const;
    return refusals.has(0) ? this.#standing(EntitlementRow.parse(refusals.get(0)), fence) : ('changed' as const);
  }

  /** Records that the player has the items, together with the writes that give them: the second step, on the fence. */
  async grant(
    held: HeldEntitlement,
    { given, writes }: Extract<GrantResult, { kind: 'given' }>,
    options: WriteOptions,
  ): Promise<GrantWritten> {
    const { partner, entitlementId, sku, fence } = held;
    const { stuck: _stuck, nextTryAt: _nextTryAt, tries: _tries, ...rest } = held;
    const row: EntitlementRow = { ...rest, status: 'GRANTED', given: [...given], since: this.#clock.now() };
    const refusals = await this.#transactWithEvent(
      [
        {
          Update: {
            TableName: this.#table,
            Key: entitlementKey(partner, entitlementId),
            UpdateExpression:
              'SET #status = :granted, #given = :given, #since = :since, #open = :open REMOVE stuck, nextTryAt, tries',
            ConditionExpression: 'fence = :fence AND #status = :claimed',
            ExpressionAttributeNames: { '#status': 'status', '#given': 'given', '#since': 'since', '#open': 'open' },
            ExpressionAttributeValues: {
              ':granted': 'GRANTED',
              ':open': openShard('GRANTED', entitlementId),
              ':claimed': 'CLAIMED',
              ':given': given,
              ':since': row.since,
              ':fence': fence,
            },
            ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
          },
        },
        {
          Update: {
            TableName: this.#table,
            Key: skuKey(held, sku),
            UpdateExpression: 'SET #status = :granted',
            ConditionExpression: 'entitlementId = :id AND #status = :claimed',
            ExpressionAttributeNames: { '#status': 'status' },
            ExpressionAttributeValues: { ':granted': 'GRANTED', ':claimed': 'CLAIMED', ':id': entitlementId },
          },
        },
        ...writes.map(({ write }) => write),
      ],
      grantedEvent(row, options),
      options,
    );
    if (refusals === undefined) return { kind: 'granted', row };
    if (refusals.has(0)) {
      const standing = refusals.get(0);
      const found = standing && EntitlementRow.parse(standing);
      // An earlier write of this very try, whose answer was lost.
      if (found?.fence === fence && (found.status === 'GRANTED' || found.status === 'REPORTED')) {
        return { kind: 'granted', row: found };
      }
      return { kind: 'lost', row: found };
    }
    const owned = writes.filter((_, index) => refusals.has(index + 2)).map(({ itemId }) => itemId);
    return owned.length > 0 ? { kind: 'owned', itemIds: owned } : { kind: 'lost', row: undefined };
  }

  /**
   * Records that Amazon knows: the third step.
   *
   * @returns false where that had been recorded: then nothing happens
   */
  async report(row: EntitlementRow, assumed: boolean, options: WriteOptions): Promise<boolean> {
    const { partner, entitlementId } = row;
    const refusals = await this.#transactWithEvent(
      [
        {
          Update: {
            TableName: this.#table,
            Key: entitlementKey(partner, entitlementId),
            UpdateExpression: 'SET #status = :reported, #since = :since REMOVE #open, stuck',
            ConditionExpression: '#status = :granted',
            ExpressionAttributeNames: { '#status': 'status', '#since': 'since', '#open': 'open' },
            ExpressionAttributeValues: { ':reported': 'REPORTED', ':granted': 'GRANTED', ':since': this.#clock.now() },
          },
        },
        { Delete: { TableName: this.#table, Key: markerKey(row, entitlementId) } },
      ],
      {
        ...about(row, options),
        detailType: 'Entitlement Reported',
        data: { ...subjectOf(row), assumed } satisfies EntitlementReported,
      },
      options,
      1,
    );
    return refusals === undefined;
  }

  /**
   * Lets others take over at once an entitlement that is held and could not be granted.
   *
   * @param queued that the queue tries it again; undefined leaves what was noted of that
   */
  async release(
    held: HeldEntitlement,
    queued: Queued | undefined,
    { until }: Pick<WriteOptions, 'until'>,
  ): Promise<void> {
    try {
      await insist(
        (sending) =>
          this.#client.send(
            new UpdateCommand({
              TableName: this.#table,
              Key: entitlementKey(held.partner, held.entitlementId),
              UpdateExpression: `SET lease = :now${queued === undefined ? '' : ', nextTryAt = :next, tries = :tries'}`,
              ConditionExpression: 'fence = :fence AND #status = :claimed',
              ExpressionAttributeNames: { '#status': 'status' },
              ExpressionAttributeValues: {
                ':now': this.#clock.now(),
                ':fence': held.fence,
                ':claimed': 'CLAIMED',
                ...(queued && { ':next': queued.nextTryAt, ':tries': queued.tries }),
              },
            }),
            sending,
          ),
        { until, clock: this.#clock },
      );
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
    }
  }

  /**
   * Notes that an operator should look, once for each reason. It leaves the index: nothing but its player, or a message that
   * is redriven, can move it on. One that is CLAIMED is let go.
   *
   * @returns whether it was noted now
   */
  async markStuck(row: EntitlementRow, reason: string, options: WriteOptions): Promise<boolean> {
    const isClaimed = row.status === 'CLAIMED';
    const refusals = await this.#transactWithEvent(
      [
        {
          Update: {
            TableName: this.#table,
            Key: entitlementKey(row.partner, row.entitlementId),
            UpdateExpression: isClaimed
              ? 'SET stuck = :reason, lease = :now REMOVE #open, nextTryAt, tries'
              : 'SET stuck = :reason REMOVE #open',
            ConditionExpression:
              'fence = :fence AND #status = :status AND (attribute_not_exists(stuck) OR stuck <> :reason)',
            ExpressionAttributeNames: { '#status': 'status', '#open': 'open' },
            ExpressionAttributeValues: {
              ':reason': reason,
              ':fence': row.fence,
              ':status': row.status,
              ...(isClaimed && { ':now': this.#clock.now() }),
            },
          },
        },
      ],
      {
        ...about(row, options),
        detailType: 'Entitlement Stuck',
        data: {
          ...subjectOf(row),
          status: isClaimed ? 'CLAIMED' : 'GRANTED',
          reason,
          since: new Date(row.since).toISOString(),
        } satisfies EntitlementStuck,
      },
      options,
    );
    return refusals === undefined;
  }

  /**
   * Entitlements that are claimed and not granted, or granted and not reported, the longest in that status first within each
   * shard. The index lags a little.
   *
   * @param limit most of each of the eight shards
   */
  async openEntitlements(status: 'CLAIMED' | 'GRANTED', limit: number): Promise<EntitlementRow[]> {
    const shards = Array.from({ length: UNPUBLISHED_SHARDS }, async (_, shard) => {
      const rows: EntitlementRow[] = [];
      let ExclusiveStartKey: Record<string, unknown> | undefined;
      do {
        const page = await this.#client.send(
          new QueryCommand({
            TableName: this.#table,
            IndexName: 'open',
            KeyConditionExpression: '#open = :shard',
            ExpressionAttributeNames: { '#open': 'open' },
            ExpressionAttributeValues: { ':shard': `${status}|u${shard}` },
            Limit: limit - rows.length,
            ExclusiveStartKey,
          }),
        );
        rows.push(...(page.Items ?? []).map((item) => EntitlementRow.parse(item)));
        ExclusiveStartKey = page.LastEvaluatedKey;
      } while (ExclusiveStartKey && rows.length < limit);
      return rows;
    });
    return (await Promise.all(shards)).flat();
  }

  /** Held by this very try, where an earlier write of it got no answer; else as it stands. */
  #standing(row: EntitlementRow, fence: string): ClaimResult {
    return row.fence === fence && row.status === 'CLAIMED'
      ? { kind: 'held', row: { ...row, status: 'CLAIMED' } }
      : { kind: 'known', row };
  }

  #putRow(row: EntitlementRow): TransactItem {
    return {
      Put: {
        TableName: this.#table,
        Item: {
          ...entitlementKey(row.partner, row.entitlementId),
          ...row,
          open: openShard(row.status, row.entitlementId),
        },
        // What has passed its SKU on, and is listed again, is the same player's and the same SKU's, or nobody's.
        ConditionExpression: `${IS_NEW} OR (#status = :passed AND playerId = :playerId AND sku = :sku)`,
        ExpressionAttributeNames: { ...NAMES, '#status': 'status' },
        ExpressionAttributeValues: { ':passed': 'PASSED', ':playerId': row.playerId, ':sku': row.sku },
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      },
    };
  }

  #putMarker(row: EntitlementRow): TransactItem {
    const { entitlementId } = row;
    return { Put: { TableName: this.#table, Item: { ...markerKey(row, entitlementId), entitlementId } } };
  }

  #transact(items: readonly TransactItem[], until: number): Promise<Refusals | undefined> {
    return transact(this.#client, items, { until, clock: this.#clock });
  }

  /**
   * As `#transact`, with an event in the outbox: it gets another number where its own is taken.
   *
   * @param first how much higher than the time of now its number is to be: a report has often the very millisecond of its grant
   */
  async #transactWithEvent(
    items: readonly TransactItem[],
    event: Occurrence,
    { until }: WriteOptions,
    first = 0,
  ): Promise<Refusals | undefined> {
    for (let later = first; ; later += 1) {
      const refusals = await this.#transact([...items, this.#occurrences.item(event, later)], until);
      const isTaken = refusals?.size === 1 && refusals.has(items.length);
      if (!isTaken) return refusals;
      if (later >= MOST_TAKEN) throw new Error('the outbox takes no event of the entitlement');
    }
  }
}

const subjectOf = ({ partner, playerId, entitlementId, sku }: EntitlementRow) => ({
  partner,
  playerId,
  entitlementId,
  sku,
});

const about = ({ partner, entitlementId }: EntitlementRow, { correlationId }: WriteOptions) => ({
  subject: `entitlement/${partner}/${entitlementId}`,
  correlationId,
});

function grantedEvent(row: EntitlementRow, options: WriteOptions): Occurrence {
  const items: GivenItem[] = row.given ?? [];
  return {
    ...about(row, options),
    detailType: 'Entitlement Granted',
    data: { ...subjectOf(row), items, alreadyOwnedBy: row.alreadyOwnedBy ?? null } satisfies EntitlementGranted,
  };
}
