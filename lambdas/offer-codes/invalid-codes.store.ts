import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { GetCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod/mini';
import type { Clock } from '../shared/clock.ts';
import type { InvalidCodesLimit } from '../shared/settings.ts';

const Counter = z.object({ count: z.int() });

/** A counter is kept this long after its window, for whoever looks into a trip. */
const KEPT_SECONDS = 86_400;

/** Counts, by partner and fixed window of time, the answers that a code does not exist. */
export class InvalidCodeStore {
  readonly #client: DynamoDBDocumentClient;
  readonly #table: string;
  readonly #clock: Clock;

  constructor(client: DynamoDBDocumentClient, table: string, clock: Clock) {
    this.#client = client;
    this.#table = table;
    this.#clock = clock;
  }

  /** Such answers in the window of now, strongly consistent, and the seconds until the window ends. */
  async inWindow(
    partner: string,
    { windowSeconds }: InvalidCodesLimit,
  ): Promise<{ readonly count: number; readonly endsInSeconds: number }> {
    const { Item } = await this.#client.send(
      new GetCommand({ TableName: this.#table, Key: this.#key(partner, windowSeconds), ConsistentRead: true }),
    );
    const end = this.#start(windowSeconds) + windowSeconds;
    return { count: Item ? Counter.parse(Item).count : 0, endsInSeconds: end - this.#clock.now() / 1_000 };
  }

  /** Counts one more. */
  async add(partner: string, { windowSeconds }: InvalidCodesLimit): Promise<void> {
    await this.#client.send(
      new UpdateCommand({
        TableName: this.#table,
        Key: this.#key(partner, windowSeconds),
        UpdateExpression: 'SET expiresAt = :expiresAt ADD #count :one',
        ExpressionAttributeNames: { '#count': 'count' },
        ExpressionAttributeValues: {
          ':one': 1,
          ':expiresAt': this.#start(windowSeconds) + windowSeconds + KEPT_SECONDS,
        },
      }),
    );
  }

  #key(partner: string, windowSeconds: number): { requestId: string } {
    return { requestId: `invalid-codes|${partner}|${this.#start(windowSeconds)}` };
  }

  /** Epoch seconds. */
  #start(windowSeconds: number): number {
    const now = Math.floor(this.#clock.now() / 1_000);
    return now - (now % windowSeconds);
  }
}
