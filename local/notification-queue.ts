import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { Cloud } from './cloud/cloud.ts';

/** The stack's output that holds the address of the queue for SP-API's notifications. */
const OUTPUT = 'PricingNotificationsQueueUrl';

/** The queue of a running local cloud that Amazon would send its notifications to. */
export interface NotificationQueue {
  send(notification: object): Promise<void>;
  close(): void;
}

/** Undefined where the stack has no such queue. */
export function openNotificationQueue(cloud: Cloud): NotificationQueue | undefined {
  const QueueUrl = cloud.outputs[OUTPUT];
  if (QueueUrl === undefined) return undefined;
  const client = new SQSClient({
    endpoint: cloud.endpoints.sqs,
    region: cloud.region,
    credentials: cloud.credentials,
  });
  return {
    async send(notification) {
      await client.send(new SendMessageCommand({ QueueUrl, MessageBody: JSON.stringify(notification) }));
    },
    close: () => client.destroy(),
  };
}
