import type { SQSClient } from '@aws-sdk/client-sqs';
import { ChangeMessageVisibilityCommand, SendMessageBatchCommand } from '@aws-sdk/client-sqs';
import type { GrantQueue } from './grant-queue.ts';

const MESSAGES_PER_CALL = 10;

/** The queue of grants in SQS. */
export interface SqsGrantQueue extends GrantQueue {
  /** Has a message that was received come again after a while. */
  postpone(receiptHandle: string, seconds: number): Promise<void>;
}

/** @param QueueUrl of a standard queue */
export function createGrantQueue(client: SQSClient, QueueUrl: string): SqsGrantQueue {
  return {
    async send(messages, delaySeconds) {
      for (let start = 0; start < messages.length; start += MESSAGES_PER_CALL) {
        const Entries = messages.slice(start, start + MESSAGES_PER_CALL).map((message, index) => ({
          Id: String(index),
          MessageBody: JSON.stringify(message),
          DelaySeconds: delaySeconds,
        }));
        const { Failed = [] } = await client.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
        if (Failed.length > 0) throw new Error(`SQS took ${Failed.length} messages not (${Failed[0]?.Code ?? ''})`);
      }
    },
    async postpone(ReceiptHandle, seconds) {
      await client.send(new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle, VisibilityTimeout: seconds }));
    },
  };
}
