import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import type { DynamoDBDocumentClient, TransactWriteCommandInput } from '@aws-sdk/lib-dynamodb';
import { PutCommand } from '@aws-sdk/lib-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../shared/clock.ts';
import type { OccurrenceRow } from './history-row.ts';
import { unpublishedShard } from './unpublished.ts';

/** Something that happened to a subject which is not watched, and is told as one event. */
export interface Occurrence {
  /** Such as `code/<hash>`. */
  readonly subject: string;
  readonly detailType: string;
  /** The event's data: no secret, token, code or personal data. */
  readonly data: Readonly<Record<string, unknown>>;
  /** ISO instant at which the upstream says that it happened. @default when it is recorded */
  readonly occurredAt?: string | undefined;
  /** Found in the log lines of the request. */
  readonly correlationId: string;
}

type TransactItem = NonNullable<TransactWriteCommandInput['TransactItems']>[number];

/** How long a row is kept, and what is recorded once is known: its event has long been on the bus, and in the archive. */
const KEPT_SECONDS = 90 * 86_400;

/**
 * Writes occurrences into the history, which is the outbox of their events. Rows of a subject are numbered by the
 * millisecond, so that none has to be read before another is written; a subject that occurs once has the number 1.
 */
export class OccurrenceStore {
  readonly #client: DynamoDBDocumentClient;
  readonly #table: string;
  readonly #clock: Clock;

  constructor(client: DynamoDBDocumentClient, historyTable: string, clock: Clock) {
    this.#client = client;
    this.#table = historyTable;
    this.#clock = clock;
  }

  /**
   * Records an occurrence by itself, once, though the SDK repeats a call whose answer was lost. What one request tells of a
   * subject in the same words within a millisecond is one occurrence.
   */
  async record(occurrence: Occurrence): Promise<void> {
    const now = this.#clock.now();
    for (let later = 0; ; later += 1) {
      const { Put } = this.#put(occurrence, now, now + later);
      try {
        await this.#client.send(new PutCommand({ ...Put, ReturnValuesOnConditionCheckFailure: 'ALL_OLD' }));
        return;
      } catch (error) {
        if (!(error instanceof ConditionalCheckFailedException)) throw error;
        if (error.Item !== undefined && isSame(unmarshall(error.Item), Put.Item)) return;
        // Another one of the subject has had that millisecond.
      }
    }
  }

  /**
   * Records an occurrence that has its subject to itself, under the number 1: the first write counts, and whatever comes
   * later for the subject, in the same words or in others, changes and tells nothing for 90 days.
   *
   * @returns whether this call has recorded it; also false where the SDK repeated a write whose answer was lost
   */
  async recordOnce(occurrence: Occurrence): Promise<boolean> {
    try {
      await this.#client.send(new PutCommand(this.#put(occurrence, this.#clock.now(), 1).Put));
      return true;
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return false;
      throw error;
    }
  }

  /**
   * The write that records an occurrence, as a part of a transaction. Its condition fails where another occurrence of the
   * subject has the same number; then it is made anew.
   *
   * @param later how much higher than the time of now its number is to be
   */
  item(occurrence: Occurrence, later = 0): { Put: NonNullable<TransactItem['Put']> } {
    const now = this.#clock.now();
    return this.#put(occurrence, now, now + later);
  }

  #put(occurrence: Occurrence, now: number, version: number): { Put: NonNullable<TransactItem['Put']> } {
    const { subject, detailType, data, occurredAt, correlationId } = occurrence;
    const row: OccurrenceRow = {
      watchId: subject,
      subject,
      version,
      events: [{ detailType, data, ...(occurredAt !== undefined && { occurredAt }) }],
      correlationId,
      observedAt: new Date(now).toISOString(),
      unpublished: unpublishedShard(subject),
    };
    return {
      Put: {
        TableName: this.#table,
        Item: { ...row, expiresAt: Math.floor(now / 1000) + KEPT_SECONDS },
        ConditionExpression: 'attribute_not_exists(watchId)',
      },
    };
  }
}

/** Whether what stands in the way of a row is that row, written before. Its mark may be gone: it may have been published. */
function isSame(standing: Record<string, unknown>, row: Record<string, unknown> | undefined): boolean {
  return ['correlationId', 'observedAt', 'events'].every((field) => isDeepStrictEqual(standing[field], row?.[field]));
}
