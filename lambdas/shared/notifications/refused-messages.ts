import type { SQSClient } from '@aws-sdk/client-sqs';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import type { DeadLetterReason } from '../dead-letters.ts';

/** The dead-letter queue of a standard queue, for messages that a function itself cannot understand. */
export class RefusedMessages {
  readonly #client: SQSClient;
  readonly #url: string;

  constructor(client: SQSClient, url: string) {
    this.#client = client;
    this.#url = url;
  }

  /** Puts a message aside with the reason in its attribute `reason`; its body stays as it was, so it can be redriven. */
  async refuse(body: string, reason: DeadLetterReason): Promise<void> {
    await this.#client.send(
      new SendMessageCommand({
        QueueUrl: this.#url,
        MessageBody: body,
        MessageAttributes: {
          reason: { DataType: 'String', StringValue: `${reason.code}: ${reason.message}`.slice(0, 1_000) },
        },
      }),
    );
  }
}
