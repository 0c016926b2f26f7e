import { createHash } from 'node:crypto';
import type { SQSClient } from '@aws-sdk/client-sqs';
import { ChangeMessageVisibilityCommand, SendMessageBatchCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import type { Slice } from './laps/slice.ts';

/** SQS took a call, but not all of its slices. */
export class SlicesRefusedError extends Error {
  override readonly name = 'SlicesRefusedError';
}

/** The FIFO queue between planner and workers. Its message group is the bucket, so one slice of a bucket runs at a time. */
export class SlicesQueue {
  readonly #client: SQSClient;
  readonly #url: string;

  constructor(client: SQSClient, url: string) {
    this.#client = client;
    this.#url = url;
  }

  /**
   * Sends slices in order. The same slice sent twice within five minutes is one message, so a planner may be repeated.
   *
   * @throws SlicesRefusedError when SQS did not take all of them
   */
  async send(slices: readonly Slice[]): Promise<void> {
    for (const batch of batches(slices)) {
      const { Failed = [] } = await this.#client.send(
        new SendMessageBatchCommand({
          QueueUrl: this.#url,
          Entries: batch.map((slice, index) => ({ Id: String(index), ...messageOf(slice) })),
        }),
      );
      const [first] = Failed;
      if (first) {
        throw new SlicesRefusedError(`SQS refused ${Failed.length} slices: ${first.Code ?? ''} ${first.Message ?? ''}`);
      }
    }
  }

  /** Puts the watches of a slice that could not be served at the end of the bucket's queue. */
  async sendAgain(slice: Slice, watches: readonly string[], delivery: string): Promise<void> {
    const again: Slice = { ...slice, id: `${slice.id.replace(/~[^~]*$/, '')}~${delivery}`, watches: [...watches] };
    await this.#client.send(new SendMessageCommand({ QueueUrl: this.#url, ...messageOf(again) }));
  }

  /** Hides a received message for about that long, in whole seconds from 1 up; its group waits behind it. */
  async hide(receiptHandle: string, seconds: number): Promise<void> {
    await this.#client.send(
      new ChangeMessageVisibilityCommand({
        QueueUrl: this.#url,
        ReceiptHandle: receiptHandle,
        VisibilityTimeout: Math.max(1, Math.floor(seconds)),
      }),
    );
  }
}

function messageOf(slice: Slice): { MessageBody: string; MessageGroupId: string; MessageDeduplicationId: string } {
  const body = JSON.stringify(slice);
  return {
    MessageBody: body,
    MessageGroupId: slice.bucket,
    // Bound to the content: a repeat with other watches is another message, and no watch is lost to deduplication.
    MessageDeduplicationId: createHash('sha256').update(body).digest('hex'),
  };
}

const BATCH_ENTRIES = 10;
const BATCH_BYTES = 250_000;

function batches(slices: readonly Slice[]): Slice[][] {
  const result: Slice[][] = [];
  let bytes = 0;
  for (const slice of slices) {
    const size = Buffer.byteLength(JSON.stringify(slice));
    const open = result.at(-1);
    if (open === undefined || open.length === BATCH_ENTRIES || bytes + size > BATCH_BYTES) {
      result.push([slice]);
      bytes = size;
    } else {
      open.push(slice);
      bytes += size;
    }
  }
  return result;
}
