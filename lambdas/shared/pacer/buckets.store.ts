import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { GetCommand, ScanCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import type { LearnedRate } from './rate.ts';
import type { Reservation } from './reservation.ts';

/** Where the planner stands in one lap. */
export interface LapState {
  /** The watch that the last slice of this lap ended with; null between laps. */
  readonly cursor: string | null;
  /** When the current (or last) lap was expected to start, epoch milliseconds. */
  readonly startedAt: number;
  /** The bucket's `planned` after the last slice of this class. */
  readonly through: number;
}

/** A planned slice as a range of its lap: behind `after`, up to and including `last`. */
export interface SliceOutline {
  readonly class: string;
  readonly after: string | null;
  readonly last: string;
  readonly endsAt: number;
}

/**
 * The one row of an upstream token bucket; empty before its first use. `planned` and `started` count requests: the
 * difference is the backlog. The planner and the reservations write different attributes, so neither ever undoes the
 * other.
 */
export interface BucketRow extends Partial<Reservation>, Partial<LearnedRate> {
  // Written by the planner.
  readonly planVersion?: number;
  readonly planned?: number;
  readonly laps?: Readonly<Record<string, LapState>>;
  /** Slices that have been planned and perhaps not been sent. */
  readonly unsent?: readonly SliceOutline[];
  /** Since when a full backlog has not moved, what had been started then, and when that was acted upon last. */
  readonly stall?: { readonly started: number; readonly since: number; readonly markedAt: number };
  // Written with a reservation.
  readonly started?: number;
  /** The upstream is down: plan nothing before, epoch milliseconds. Written by whoever holds a slice. */
  readonly heldUntil?: number;
}

/** What a bucket's row says of how its polling goes. */
export type BucketSummary = Pick<BucketRow, 'planned' | 'started' | 'heldUntil'> & { readonly bucketId: string };

/** What a reservation writes. */
export interface ReservationWrite extends Reservation, LearnedRate {
  /** Count of planned requests with which the slice ends; absent for a slice that nobody planned. */
  readonly started?: number;
}

/** The last reservation that the row holds. */
export function lastReservation(row: BucketRow): Reservation | undefined {
  const { slice, start, tat } = row;
  return slice === undefined || start === undefined || tat === undefined ? undefined : { slice, start, tat };
}

/** What the planner writes once its slices are sent. */
export interface PlanWrite {
  readonly planned: number;
  readonly laps: Readonly<Record<string, LapState>>;
  readonly unsent: readonly SliceOutline[];
}

export class BucketStore {
  readonly #client: DynamoDBDocumentClient;
  readonly #table: string;

  constructor(client: DynamoDBDocumentClient, table: string) {
    this.#client = client;
    this.#table = table;
  }

  /** The bucket's row, strongly consistent; empty when there is none yet. */
  async read(bucketId: string): Promise<BucketRow> {
    const { Item } = await this.#client.send(
      new GetCommand({ TableName: this.#table, Key: { bucketId }, ConsistentRead: true }),
    );
    // Written by this class only.
    return (Item ?? {}) as BucketRow;
  }

  /** Every bucket that has been used, by its identifier. There are a few dozen at most, so the table is read whole. */
  async summaries(): Promise<BucketSummary[]> {
    const summaries: BucketSummary[] = [];
    let more: Record<string, unknown> | undefined;
    do {
      const page = await this.#client.send(
        new ScanCommand({
          TableName: this.#table,
          ProjectionExpression: 'bucketId, planned, started, heldUntil',
          ExclusiveStartKey: more,
        }),
      );
      // Written by this class only.
      summaries.push(...((page.Items ?? []) as BucketSummary[]));
      more = page.LastEvaluatedKey;
    } while (more !== undefined);
    return summaries.sort((a, b) => (a.bucketId < b.bucketId ? -1 : 1));
  }

  /**
   * Writes a reservation, provided that the last one is still the one the caller computed it from.
   *
   * @param seen the last reservation, or undefined when the bucket had none
   * @returns undefined when written; otherwise the row as it is now, for another try
   */
  async reserve(
    bucketId: string,
    write: ReservationWrite,
    seen: Pick<Reservation, 'slice' | 'tat'> | undefined,
  ): Promise<BucketRow | undefined> {
    const values = Object.entries(write).filter(([, value]) => value !== undefined);
    try {
      await this.#client.send(
        new UpdateCommand({
          TableName: this.#table,
          Key: { bucketId },
          UpdateExpression: `SET ${values.map(([name]) => `#${name} = :${name}`).join(', ')}`,
          ConditionExpression:
            seen === undefined ? 'attribute_not_exists(#slice)' : '#slice = :seenSlice AND #tat = :seenTat',
          ExpressionAttributeNames: Object.fromEntries(values.map(([name]) => [`#${name}`, name])),
          ExpressionAttributeValues: {
            ...Object.fromEntries(values.map(([name, value]) => [`:${name}`, value])),
            ...(seen && { ':seenSlice': seen.slice, ':seenTat': seen.tat }),
          },
        }),
      );
      return undefined;
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return this.read(bucketId);
      throw error;
    }
  }

  /** Asks the planner to plan nothing before a time, epoch milliseconds; 0 ends a hold. */
  async hold(bucketId: string, heldUntil: number): Promise<void> {
    await this.#client.send(
      new UpdateCommand({
        TableName: this.#table,
        Key: { bucketId },
        UpdateExpression: 'SET heldUntil = :until',
        ExpressionAttributeValues: { ':until': heldUntil },
      }),
    );
  }

  /**
   * Writes where the planner stands and what it is about to send, provided that no other planner has been there since.
   *
   * @returns the row's new version, or undefined when another planner was faster
   */
  async recordPlan(bucketId: string, seenVersion: number | undefined, plan: PlanWrite): Promise<number | undefined> {
    const next = (seenVersion ?? 0) + 1;
    const written = await this.#plannerUpdate(bucketId, seenVersion, {
      UpdateExpression: 'SET planVersion = :next, planned = :planned, laps = :laps, unsent = :unsent REMOVE stall',
      ExpressionAttributeValues: {
        ':next': next,
        ':planned': plan.planned,
        ':laps': plan.laps,
        ':unsent': plan.unsent,
      },
    });
    return written ? next : undefined;
  }

  /** Takes note that the slices of this version of the plan have been sent. */
  async recordSent(bucketId: string, version: number): Promise<void> {
    await this.#plannerUpdate(bucketId, version, { UpdateExpression: 'REMOVE unsent' });
  }

  /** Takes note that a full backlog does not move. */
  async recordStall(bucketId: string, version: number | undefined, stall: BucketRow['stall']): Promise<void> {
    await this.#plannerUpdate(bucketId, version, {
      UpdateExpression: 'SET stall = :stall',
      ExpressionAttributeValues: { ':stall': stall },
    });
  }

  async #plannerUpdate(
    bucketId: string,
    version: number | undefined,
    update: { UpdateExpression: string; ExpressionAttributeValues?: Record<string, unknown> },
  ): Promise<boolean> {
    const values = { ...update.ExpressionAttributeValues, ...(version !== undefined && { ':seen': version }) };
    try {
      await this.#client.send(
        new UpdateCommand({
          TableName: this.#table,
          Key: { bucketId },
          UpdateExpression: update.UpdateExpression,
          ConditionExpression: version === undefined ? 'attribute_not_exists(planVersion)' : 'planVersion = :seen',
          ...(Object.keys(values).length > 0 && { ExpressionAttributeValues: values }),
        }),
      );
      return true;
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return false;
      throw error;
    }
  }
}
