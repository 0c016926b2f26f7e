import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect, it, onTestFinished } from 'vitest';
import type { Cloud } from '../../local/cloud/cloud.ts';
import { openNotificationQueue } from '../../local/notification-queue.ts';

const cloudWith = (sqs: string, outputs: Record<string, string>) =>
  ({ endpoints: { sqs }, region: 'us-east-1', credentials: { accessKeyId: 'a', secretAccessKey: 'b' }, outputs }) as unknown as Cloud; // prettier-ignore

it('puts a notification into the stack’s queue as Amazon would: its JSON is the message', async () => {
  const bodies: unknown[] = [];
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const call = JSON.parse(body) as { MessageBody: string };
      bodies.push(call);
      // The SDK looks whether the message has arrived as it was sent.
      const MD5OfMessageBody = createHash('md5').update(call.MessageBody).digest('hex');
      response.writeHead(200, { 'content-type': 'application/x-amz-json-1.0' });
      response.end(JSON.stringify({ MessageId: '1', MD5OfMessageBody }));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const queue = openNotificationQueue(cloudWith(url, { PricingNotificationsQueueUrl: `${url}/0/notifications` }));
  const notification = { NotificationType: 'ANY_OFFER_CHANGED', NotificationMetadata: { NotificationId: 'n1' } };
  await queue?.send(notification);
  queue?.close();
  expect(bodies).toMatchObject([{ QueueUrl: `${url}/0/notifications`, MessageBody: JSON.stringify(notification) }]);
});

it('is none where the stack has none', () => {
  expect(openNotificationQueue(cloudWith('http://127.0.0.1:1', {}))).toBeUndefined();
});
