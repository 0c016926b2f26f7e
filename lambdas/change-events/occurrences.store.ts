import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import type { DynamoDBDocumentClient, TransactWriteCommandInput } from '@aws-sdk/lib-dynamodb';
import { PutCommand } from '@aws-sdk/lib-dynamodb';
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

/** How long a row is kept: its event has long been on the bus, and in the archive. */
const KEPT_SECONDS = 90 * 86_400;

/**
 * Writes occurrences into the history, which is the outbox of their events. Rows of a subject are numbered by the
 * millisecond, so that none has to be read before another is written.
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

  /** Records an occurrence by itself. */
  async record(occurrence: Occurrence): Promise<void> {
    for (let later = 0; ; later += 1) {
      const { Put } = this.item(occurrence, later);
      try {
        await this.#client.send(new PutCommand(Put));
        return;
      } catch (error) {
        // Another one of the subject has had that millisecond.
        if (!(error instanceof ConditionalCheckFailedException)) throw error;
      }
    }
  }

  /**
   * The write that records an occurrence, as a part of a transaction. Its condition fails where another occurrence of the
   * subject has the same number; then it is made anew.
   *
   * @param later how much higher than the time of now its number is to be
   */
  item(occurrence: Occurrence, later = 0): { Put: NonNullable<TransactItem['Put']> } {
    const { subject, detailType, data, occurredAt, correlationId } = occurrence;
    const now = this.#clock.now();
    const row: OccurrenceRow = {
      watchId: subject,
      subject,
      version: now + later,
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
