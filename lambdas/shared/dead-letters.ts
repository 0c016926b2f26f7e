import { createHash } from 'node:crypto';
import type { SQSClient } from '@aws-sdk/client-sqs';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import type { Slice } from './laps/slice.ts';

/** Why something ended in the dead-letter queue. */
export interface DeadLetterReason {
  readonly code: string;
  readonly message: string;
  /** What the upstream sent, where that could not be read. */
  readonly raw?: string | undefined;
}

/** A slice of the watches that failed, with the reason beside it: redriving it checks them again. */
export interface DeadSlice extends Slice {
  readonly reason: DeadLetterReason;
}

/** SQS takes 256 KB; a reader of the queue is served with less. */
const LARGEST_BODY_BYTES = 200_000;

/** The dead-letter queue, for what a worker gives up by its own hand. */
export class DeadLetterQueue {
  readonly #client: SQSClient;
  readonly #url: string;

  constructor(client: SQSClient, url: string) {
    this.#client = client;
    this.#url = url;
  }

  /** Gives up slices' watches; can be redriven. */
  async giveUp(letter: DeadSlice): Promise<void> {
    let body = JSON.stringify(letter);
    // The letter has to stay whole, or it could not be redriven: only what the upstream sent is shortened.
    for (let raw = letter.reason.raw ?? ''; Buffer.byteLength(body) > LARGEST_BODY_BYTES && raw !== '';) {
      raw = raw.slice(0, raw.length / 2);
      body = JSON.stringify({ ...letter, reason: { ...letter.reason, raw } });
    }
    await this.#send(letter.bucket, letter.reason, body);
  }

  /** Gives up a message that cannot be understood; its body is kept as it was, so a fixed worker can take it up. */
  async refuse(group: string, body: string, reason: DeadLetterReason): Promise<void> {
    await this.#send(group, reason, body);
  }

  async #send(group: string, reason: DeadLetterReason, body: string): Promise<void> {
    await this.#client.send(
      new SendMessageCommand({
        QueueUrl: this.#url,
        MessageBody: body,
        MessageGroupId: group,
        MessageDeduplicationId: createHash('sha256').update(body).digest('hex'),
        MessageAttributes: {
          reason: { DataType: 'String', StringValue: `${reason.code}: ${reason.message}`.slice(0, 1_000) },
        },
      }),
    );
  }
}
