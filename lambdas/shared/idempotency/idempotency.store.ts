import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { DeleteCommand, PutCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import * as z from 'zod/mini';
import type { Clock } from '../clock.ts';
import { insist, transact, type TransactItem } from '../transact.ts';

const Fields = z.record(z.string(), z.unknown());

/** What stands under an idempotency key. */
export const KeyedRequest = z.object({
  requestId: z.string(),
  /** Keyed hash of the operation and the request: no other request may use the key. */
  requestHash: z.string(),
  /**
   * IN_FLIGHT: a try holds the key until its lease ends; if it has not ended by then, nobody knows how far it came.
   * UNKNOWN: nobody knows whether the effect was had, or, where there is an answer, that could not be made final. DONE:
   * the answer is final.
   */
  status: z.enum(['IN_FLIGHT', 'UNKNOWN', 'DONE']),
  /** Names the try that holds the key. Only that one may write. */
  fence: z.string(),
  /**
   * Epoch milliseconds. Of what is UNKNOWN: until when what was lost may still have its effect.
   */
  lease: z.number(),
  /** What the first try laid down: by it an unknown effect is resolved, and the answer rebuilt. */
  reference: Fields,
  /** Enough to make the same answer again. */
  answer: z.optional(z.object({ status: z.int(), data: Fields })),
  /** Epoch seconds. DynamoDB deletes lazily, so what has expired counts as absent. */
  expiresAt: z.number(),
});
export type KeyedRequest = z.infer<typeof KeyedRequest>;
export type KeyedAnswer = NonNullable<KeyedRequest['answer']>;

/**
 * Writes that belong to an answer, in one transaction with it.
 *
 * @param later counts how often one of their conditions has failed: rows that are numbered by time take a higher number
 */
export type FurtherWrites = (later: number) => readonly TransactItem[];

/** A try: the row that it wants or holds, by its fence. */
export interface Hold extends Pick<KeyedRequest, 'requestId' | 'fence'> {
  /** How long its writes are repeated after failures that may pass, epoch milliseconds. */
  readonly until: number;
}

/** Keeps what stands under idempotency keys. Each write is conditional on what it was decided by. */
export interface IdempotencyStore {
  /**
   * Puts a request under its key, if there is nothing or what is there has expired.
   *
   * @returns what stands under the key in its way, or undefined: then the key is held
   */
  claim(request: Omit<KeyedRequest, 'status' | 'answer'>): Promise<KeyedRequest | undefined>;
  /** Takes the key over from a try that has been seen, if it has not moved since. @returns whether it is held now */
  takeOver(seen: KeyedRequest, by: Pick<KeyedRequest, 'fence' | 'lease'>): Promise<boolean>;
  /**
   * Makes the answer final, with whatever else belongs to it, if the key is still held.
   *
   * @returns `settled`, also where an earlier write of this very try turns out to have been the one; otherwise what
   *   stands there instead, or undefined for nothing
   */
  settle(
    hold: Hold,
    answer: KeyedAnswer,
    expiresAt: number,
    further?: FurtherWrites,
  ): Promise<'settled' | KeyedRequest | undefined>;
  /**
   * Notes that the effect is unknown, if the key is still held.
   *
   * @param known `answer` where it is known, and could not be made final; `lostUntil` in the place of the lease, where this
   *   try has lost nothing itself
   */
  suspend(
    hold: Hold,
    known?: { readonly answer?: KeyedAnswer | undefined; readonly lostUntil?: number | undefined },
  ): Promise<void>;
  /** Gives the key back as if it had never been used, if it is still held. */
  release(hold: Hold): Promise<void>;
}

/** Far more rows than one subject gets in a millisecond: then the condition is about something else. */
const MOST_TAKEN = 100;

/** The store in a table with the partition key `requestId` and the time-to-live attribute `expiresAt`. */
export class IdempotencyTable implements IdempotencyStore {
  readonly #client: DynamoDBDocumentClient;
  readonly #table: string;
  readonly #clock: Clock;

  constructor(client: DynamoDBDocumentClient, table: string, clock: Clock) {
    this.#client = client;
    this.#table = table;
    this.#clock = clock;
  }

  async claim(request: Omit<KeyedRequest, 'status' | 'answer'>): Promise<KeyedRequest | undefined> {
    try {
      await this.#client.send(
        new PutCommand({
          TableName: this.#table,
          Item: { ...request, status: 'IN_FLIGHT' },
          // The SDK repeats a call whose answer was lost: a claim must not be in its own way.
          ConditionExpression: 'attribute_not_exists(requestId) OR expiresAt <= :now OR fence = :fence',
          ExpressionAttributeValues: { ':now': Math.floor(this.#clock.now() / 1_000), ':fence': request.fence },
          ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
        }),
      );
      return undefined;
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException && error.Item) {
        return KeyedRequest.parse(unmarshall(error.Item));
      }
      throw error;
    }
  }

  takeOver(seen: KeyedRequest, by: Pick<KeyedRequest, 'fence' | 'lease'>): Promise<boolean> {
    return this.#ifCondition(
      0,
      new UpdateCommand({
        TableName: this.#table,
        Key: { requestId: seen.requestId },
        UpdateExpression: 'SET #status = :inFlight, fence = :fence, lease = :lease',
        ConditionExpression: '(fence = :seen AND #status = :seenStatus) OR (fence = :fence AND #status = :inFlight)',
        ExpressionAttributeNames: { '#status': 'status' },
        ExpressionAttributeValues: {
          ':inFlight': 'IN_FLIGHT',
          ':fence': by.fence,
          ':lease': by.lease,
          ':seen': seen.fence,
          ':seenStatus': seen.status,
        },
      }),
    );
  }

  async settle(
    { requestId, fence, until }: Hold,
    answer: KeyedAnswer,
    expiresAt: number,
    further: FurtherWrites = () => [],
  ): Promise<'settled' | KeyedRequest | undefined> {
    for (let later = 0; ; later += 1) {
      const refusals = await transact(
        this.#client,
        [
          {
            Update: {
              TableName: this.#table,
              Key: { requestId },
              UpdateExpression: 'SET #status = :done, answer = :answer, expiresAt = :expiresAt',
              ConditionExpression: 'fence = :fence AND #status = :inFlight',
              ExpressionAttributeNames: { '#status': 'status' },
              ExpressionAttributeValues: {
                ':done': 'DONE',
                ':inFlight': 'IN_FLIGHT',
                ':fence': fence,
                ':answer': answer,
                ':expiresAt': expiresAt,
              },
              ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
            },
          },
          ...further(later),
        ],
        { until, clock: this.#clock },
      );
      if (refusals === undefined) return 'settled';
      if (refusals.has(0)) {
        const standing = refusals.get(0);
        const row = standing && KeyedRequest.parse(standing);
        // An earlier write of this very try, whose answer was lost.
        return row?.fence === fence && row.status === 'DONE' ? 'settled' : row;
      }
      // A further write has met its like.
      if (later >= MOST_TAKEN) throw new Error('the further writes of an answer are refused');
    }
  }

  async suspend(
    { requestId, fence, until }: Hold,
    { answer, lostUntil }: { answer?: KeyedAnswer | undefined; lostUntil?: number | undefined } = {},
  ): Promise<void> {
    const set = ['#status = :unknown'];
    if (answer !== undefined) set.push('answer = :answer');
    if (lostUntil !== undefined) set.push('lease = :lostUntil');
    await this.#ifCondition(
      until,
      new UpdateCommand({
        TableName: this.#table,
        Key: { requestId },
        UpdateExpression: `SET ${set.join(', ')}`,
        ConditionExpression: 'fence = :fence AND #status = :inFlight',
        ExpressionAttributeNames: { '#status': 'status' },
        ExpressionAttributeValues: {
          ':unknown': 'UNKNOWN',
          ':inFlight': 'IN_FLIGHT',
          ':fence': fence,
          ...(answer !== undefined && { ':answer': answer }),
          ...(lostUntil !== undefined && { ':lostUntil': lostUntil }),
        },
      }),
    );
  }

  async release({ requestId, fence, until }: Hold): Promise<void> {
    await this.#ifCondition(
      until,
      new DeleteCommand({
        TableName: this.#table,
        Key: { requestId },
        ConditionExpression: 'fence = :fence AND #status = :inFlight',
        ExpressionAttributeNames: { '#status': 'status' },
        ExpressionAttributeValues: { ':inFlight': 'IN_FLIGHT', ':fence': fence },
      }),
    );
  }

  #ifCondition(until: number, command: UpdateCommand | DeleteCommand): Promise<boolean> {
    return insist(
      async (options) => {
        try {
          await (command instanceof UpdateCommand
            ? this.#client.send(command, options)
            : this.#client.send(command, options));
          return true;
        } catch (error) {
          if (error instanceof ConditionalCheckFailedException) return false;
          throw error;
        }
      },
      { until, clock: this.#clock },
    );
  }
}
