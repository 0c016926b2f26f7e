import { TransactionCanceledException, TransactionInProgressException } from '@aws-sdk/client-dynamodb';
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { TransactWriteCommand } from '@aws-sdk/lib-dynamodb';
import type { WatchProblem } from '../shared/watches.store.ts';
import type { AnnouncedEvent } from './change-event.ts';
import { unpublishedShard } from './unpublished.ts';

/** A change of a watched thing, ready to be recorded. */
export interface RecordedChange {
  readonly watchId: string;
  /** The version it was compared with; 0 before the first. */
  readonly seenVersion: number;
  readonly seenObservedAt: string | undefined;
  /** The bucket that was asked. A watch that has been moved to another one meanwhile must not fall back into its lap. */
  readonly bucketId: string;
  /** Lap of that bucket that the watch belongs to from now on. */
  readonly lap: string;
  /** Why the watch gets no answers from now on. */
  readonly problem?: WatchProblem | undefined;
  readonly after: Readonly<Record<string, unknown>>;
  readonly changes: Readonly<Record<string, readonly unknown[]>>;
  readonly events: readonly AnnouncedEvent[];
  readonly historyPath: string;
  readonly correlationId: string;
  /** When the request was sent and when its answer was understood, epoch milliseconds. */
  readonly sentAt: number;
  readonly now: number;
}

/** `recorded`, or why not: `outrun` by another version, a removal or a move, `contended` for now, `tooLarge` for a row. */
export type RecordOutcome = 'recorded' | 'outrun' | 'contended' | 'tooLarge';

/** Largest item that DynamoDB takes is 400 KB; attribute names and the other fields need a little room. */
const LARGEST_STATE_BYTES = 390_000;

/** Writes heads and history together: the row of the history is the outbox of its events. */
export class ChangeStore {
  readonly #client: DynamoDBDocumentClient;
  readonly #watches: string;
  readonly #history: string;

  constructor(client: DynamoDBDocumentClient, tables: { watches: string; history: string }) {
    this.#client = client;
    this.#watches = tables.watches;
    this.#history = tables.history;
  }

  /** Records a change in one transaction, provided that the head is still the version it was compared with. */
  async record(change: RecordedChange): Promise<RecordOutcome> {
    const version = change.seenVersion + 1;
    const observedAt = new Date(
      Math.max(change.now, change.seenObservedAt === undefined ? 0 : Date.parse(change.seenObservedAt) + 1),
    ).toISOString();
    const row = {
      watchId: change.watchId,
      version,
      after: change.after,
      changes: change.changes,
      events: change.events,
      historyPath: change.historyPath,
      correlationId: change.correlationId,
      sentAt: change.sentAt,
      observedAt,
      unpublished: unpublishedShard(change.watchId),
    };
    if (Buffer.byteLength(JSON.stringify(row)) > LARGEST_STATE_BYTES) return 'tooLarge';
    try {
      await this.#client.send(
        new TransactWriteCommand({
          TransactItems: [
            {
              Update: {
                TableName: this.#watches,
                Key: { watchId: change.watchId },
                UpdateExpression:
                  'SET #lap = :lap, #state = :after, version = :version, sentAt = :sentAt, observedAt = :observedAt, ' +
                  'changeCount = if_not_exists(changeCount, :none) + :one' +
                  (change.problem ? ', problem = :problem' : '') +
                  ` REMOVE attempts, missingSince, missingParts, notBefore${change.problem ? '' : ', problem'}`,
                // A removed watch has no lap; a watch never seen has no version.
                ConditionExpression:
                  change.seenVersion === 0
                    ? 'attribute_exists(#lap) AND bucketId = :bucketId AND attribute_not_exists(version)'
                    : 'attribute_exists(#lap) AND bucketId = :bucketId AND version = :seen',
                ExpressionAttributeNames: { '#lap': 'lap', '#state': 'state' },
                ExpressionAttributeValues: {
                  ':lap': change.lap,
                  ':bucketId': change.bucketId,
                  ':after': change.after,
                  ':version': version,
                  ':sentAt': change.sentAt,
                  ':observedAt': observedAt,
                  ':none': 0,
                  ':one': 1,
                  ...(change.problem && { ':problem': change.problem }),
                  ...(change.seenVersion > 0 && { ':seen': change.seenVersion }),
                },
              },
            },
            {
              Put: {
                TableName: this.#history,
                Item: row,
                ConditionExpression: 'attribute_not_exists(watchId)',
              },
            },
          ],
        }),
      );
      return 'recorded';
    } catch (error) {
      if (error instanceof TransactionInProgressException) return 'contended';
      if (error instanceof TransactionCanceledException) {
        const reasons = (error.CancellationReasons ?? []).map((reason) => reason.Code);
        if (reasons.includes('ConditionalCheckFailed')) return 'outrun';
        if (reasons.some((reason) => reason !== 'None' && reason !== undefined && CONTENTION.has(reason))) {
          return 'contended';
        }
      }
      throw error;
    }
  }
}

const CONTENTION = new Set(['TransactionConflict', 'ThrottlingError', 'ProvisionedThroughputExceeded']);
