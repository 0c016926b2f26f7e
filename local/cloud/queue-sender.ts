import type { AccessControl } from './access-control.ts';
import type { AwsClient } from './aws-call.ts';
import { judgedClient } from './judged-client.ts';
import type { QueueDefinition } from './model.ts';
import type { Caller } from './service-call.ts';

export interface OutgoingMessage {
  body: string;
  attributes?: Record<string, string | number>;
  messageGroupId?: string;
}

/** Sends messages to queues by ARN, as the services do that have a queue as a target, destination or dead-letter queue. */
export interface QueueSender {
  knows(queueArn: string): boolean;
  /**
   * @param caller in whose name the service sends
   * @throws ServiceError `AccessDeniedException` where they may not
   */
  send(queueArn: string, message: OutgoingMessage, caller: Caller): Promise<void>;
}

export function queueSender(
  sqs: AwsClient,
  queues: ReadonlyMap<string, QueueDefinition>,
  access: AccessControl,
): QueueSender {
  return {
    knows: (queueArn) => queues.has(queueArn),
    async send(queueArn, { body, attributes, messageGroupId }, caller) {
      const queue = queues.get(queueArn);
      if (!queue) throw new Error(`There is no queue ${queueArn}`);
      const judged = judgedClient(sqs, access, caller, () => [{ action: 'sqs:SendMessage', resource: queueArn }]);
      await judged.call('SendMessage', {
        QueueUrl: queue.url,
        MessageBody: body,
        ...(attributes ? { MessageAttributes: messageAttributes(attributes) } : {}),
        // EventBridge leaves deduplication to the queue's content; a FIFO target without a group was refused earlier.
        ...(messageGroupId === undefined ? {} : { MessageGroupId: messageGroupId }),
      });
    },
  };
}

function messageAttributes(attributes: Record<string, string | number>) {
  return Object.fromEntries(
    Object.entries(attributes)
      // SQS takes no attribute without a value, and an error may have no message.
      .filter(([, value]) => value !== '')
      .map(([name, value]) => [
        name,
        { DataType: typeof value === 'number' ? 'Number' : 'String', StringValue: String(value) },
      ]),
  );
}
