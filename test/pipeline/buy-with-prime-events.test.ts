import { EventBridgeClient, PutPartnerEventsCommand } from '@aws-sdk/client-eventbridge';
import {
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  type Message,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { type DynamoDBDocumentClient, QueryCommand } from '@aws-sdk/lib-dynamodb';
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buyWithPrimeEventSchemas } from '../../lambdas/buy-with-prime/order-event-schemas.ts';
import { connectDatabase } from '../../lambdas/shared/database.ts';
import type { BusEvent, ServiceCall } from '../../local/cloud/cloud.ts';
import { startLocalStack, until, type LocalStack } from './local-stack.ts';

/** The name of the source is that of its bus. */
const BUS = 'aws.partner/buywithprime/example-shop';
const CUSTOMER = { name: 'Wilhelmina Beispielfrau', email: 'wilhelmina@customer.example' };
const EVENT = buyWithPrimeEventSchemas['Buy with Prime Event Received'];

const calls: ServiceCall[] = [];
let stack: LocalStack;
let bridge: EventBridgeClient;
let sqs: SQSClient;
let dynamodb: DynamoDBClient;
let database: DynamoDBDocumentClient;

/** What a restart gives another address. */
function enter(): void {
  leave();
  const { credentials, region, endpoints } = stack.cloud;
  bridge = new EventBridgeClient({ endpoint: endpoints.eventbridge, region, credentials });
  sqs = new SQSClient({ endpoint: endpoints.sqs, region, credentials });
  dynamodb = new DynamoDBClient({ endpoint: endpoints.dynamodb, region, credentials });
  database = connectDatabase(dynamodb);
}
function leave(): void {
  for (const client of [bridge, sqs, dynamodb]) client?.destroy();
}

beforeAll(async () => {
  stack = await startLocalStack({
    titles: [],
    buyWithPrime: { accounts: [], settings: { events: { eventBus: { name: BUS } } } },
    cloud: { buses: [BUS], onCall: (call) => calls.push(call) },
  });
  for (const [field, value] of Object.entries(CUSTOMER)) stack.keepsSecret(`${field} of a customer`, value);
  enter();
});
// Fails when the customer is found in what the stack has written, in a log or on its bus.
afterAll(async () => {
  leave();
  await stack?.stop();
});

interface AmazonDetail {
  readonly idempotencyKey?: string;
  readonly [field: string]: unknown;
}
const resourceOf = (order: string) => `businessProduct/business-1/order/${order}/delivery/delivery-1`;
const detailOf = (idempotencyKey: string, more: object = {}): AmazonDetail => ({
  idempotencyKey,
  eventDescriptor: 'PACKAGE_DELIVERED',
  resources: [resourceOf(`order of ${idempotencyKey}`)],
  eventId: `event of ${idempotencyKey}`,
  apiVersion: '2024-11-01',
  subscriptionId: 'subscription-1',
  eventTime: '2026-01-20T12:34:56Z',
  data: { order: { customer: [{ contact: CUSTOMER }] } },
  ...more,
});

/** Has Amazon put events on the partner's bus. Gives EventBridge's identifiers. */
async function tell(...entries: { type?: string; detail: AmazonDetail; resources?: string[] }[]): Promise<string[]> {
  const { Entries = [] } = await bridge.send(
    new PutPartnerEventsCommand({
      Entries: entries.map(({ type = 'PACKAGE_DELIVERED', detail, resources = [resourceOf('order-1')] }) => ({
        Source: BUS,
        DetailType: type,
        Detail: JSON.stringify(detail),
        Resources: resources,
        Time: new Date('2026-01-20T12:34:57Z'),
      })),
    }),
  );
  return Entries.map(({ EventId, ErrorCode }) => EventId ?? `refused: ${ErrorCode}`);
}

const subjectOf = (key: string): string =>
  `buy-with-prime/${createHash('sha256').update(key).digest('hex').slice(0, 32)}`;
const detailsOf = (events: readonly BusEvent[]) => events.map(({ detail }) => EVENT.parse(detail));
/** What the stack's bus has had about a key. */
const toldOf = (key: string) =>
  detailsOf(stack.events.filter((event) => event['detail-type'] === 'Buy with Prime Event Received')).filter(
    ({ metadata }) => metadata.subject === subjectOf(key),
  );
const untilTold = (key: string) => until(`the event of ${key} on the bus`, () => toldOf(key).length > 0);

async function rowsOf(key: string): Promise<number> {
  const { Count = 0 } = await database.send(
    new QueryCommand({
      TableName: stack.cloud.outputs['HistoryTableName'],
      KeyConditionExpression: 'watchId = :subject',
      ExpressionAttributeValues: { ':subject': subjectOf(key) },
    }),
  );
  return Count;
}

const urlOf = (queue: 'Queue' | 'DeadLetterQueue') => stack.cloud.outputs[`BuyWithPrimeEvents${queue}Url`];
const send = (MessageBody: string) => sqs.send(new SendMessageCommand({ QueueUrl: urlOf('Queue'), MessageBody }));

/** Until the function has taken everything there is. */
async function drained(): Promise<void> {
  const names = ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'] as const;
  await until('the queue to be empty', async () => {
    const { Attributes = {} } = await sqs.send(
      new GetQueueAttributesCommand({ QueueUrl: urlOf('Queue'), AttributeNames: [...names] }),
    );
    return names.every((name) => Attributes[name] === '0');
  });
}

/** Takes one message out of the dead-letter queue. */
async function takeDeadLetter(): Promise<Message> {
  let letter: Message | undefined;
  await until('a dead letter', async () => {
    const received = await sqs.send(
      new ReceiveMessageCommand({
        QueueUrl: urlOf('DeadLetterQueue'),
        MessageAttributeNames: ['All'],
        WaitTimeSeconds: 5,
      }),
    );
    [letter] = received.Messages ?? [];
    return letter !== undefined;
  });
  await sqs.send(
    new DeleteMessageCommand({ QueueUrl: urlOf('DeadLetterQueue'), ReceiptHandle: letter?.ReceiptHandle }),
  );
  return letter ?? {};
}

describe("Buy with Prime's own events on the local cloud", () => {
  it("reach the stack's bus in its envelope", async () => {
    await tell({ detail: detailOf('envelope') });
    await untilTold('envelope');
    expect(toldOf('envelope')).toEqual([
      {
        metadata: {
          id: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
          subject: subjectOf('envelope'),
          sequence: 1,
          occurredAt: '2026-01-20T12:34:56.000Z',
          observedAt: expect.any(String) as string,
          schemaVersion: 1,
          correlationId: expect.any(String) as string,
        },
        data: {
          eventDescriptor: 'PACKAGE_DELIVERED',
          eventId: 'event of envelope',
          apiVersion: '2024-11-01',
          subscriptionId: 'subscription-1',
          businessProductId: 'business-1',
          resources: [resourceOf('order-1'), resourceOf('order of envelope')],
          amazonOrderIds: ['order-1', 'order of envelope'],
        },
      },
    ]);
    const [{ metadata }] = toldOf('envelope') as [ReturnType<typeof toldOf>[number]];
    expect(stack.logs.join('')).toContain(metadata.correlationId);
  });

  it('are told once however often they are sent, in one delivery or in two, and each key for itself', async () => {
    const again = { detail: detailOf('again') };
    await tell(again, again, { detail: detailOf('another') });
    await untilTold('again');
    await tell(again);
    await untilTold('another');
    // As SQS does that delivers at least once.
    await send(
      JSON.stringify({ id: 'bridge-1', 'detail-type': 'PACKAGE_DELIVERED', detail: { idempotencyKey: 'again' } }),
    );
    await until('five messages to be taken', () => takings('again') + takings('another') >= 5);
    await drained();
    // What comes after it is told, so nothing is on its way.
    await tell({ detail: detailOf('afterwards') });
    await untilTold('afterwards');
    expect([await rowsOf('again'), await rowsOf('another')]).toEqual([1, 1]);
    expect([toldOf('again').length, toldOf('another').length]).toEqual([1, 1]);
  });

  it('are known by the identifier of EventBridge in their older form, which holds nothing', async () => {
    const [id = ''] = await tell({ type: 'DELIVERY_COMPLETED', detail: {} });
    await untilTold(id);
    expect(toldOf(id)).toMatchObject([
      {
        metadata: { occurredAt: '2026-01-20T12:34:57.000Z' },
        data: {
          eventDescriptor: 'DELIVERY_COMPLETED',
          eventId: null,
          apiVersion: null,
          subscriptionId: null,
          businessProductId: 'business-1',
          amazonOrderIds: ['order-1'],
        },
      },
    ]);
  });

  it('leave the shopper behind before they reach the queue', async () => {
    await tell({ type: 'ORDER_CONFIRMED', detail: detailOf('confirmed', { eventDescriptor: 'ORDER_CONFIRMED' }) });
    await untilTold('confirmed');
    expect(toldOf('confirmed')[0]?.data.eventDescriptor).toBe('ORDER_CONFIRMED');
    const sent = calls.filter(({ caller, operation }) => caller.kind === 'rule' && operation === 'SendMessage');
    const bodies = sent.map(({ input }) => String(input['MessageBody']));
    expect(bodies.some((body) => body.includes('ORDER_CONFIRMED'))).toBe(true);
    for (const body of bodies) {
      expect(body).not.toContain('data');
      for (const value of Object.values(CUSTOMER)) expect(body).not.toContain(value);
    }
  });

  it('go to the dead-letter queue with the reason when they cannot be read, and are told once they have been mended', async () => {
    await tell({ type: ' ', detail: detailOf('unread', { eventDescriptor: '' }) });
    await tell({ detail: detailOf('besides') });
    await untilTold('besides');
    const { Body = '', MessageAttributes } = await takeDeadLetter();
    expect(MessageAttributes?.['reason']?.StringValue).toBe(
      'UnreadableMessage: neither detail.eventDescriptor nor detail-type is there',
    );
    const letter = JSON.parse(Body) as { detail: object };
    expect(letter.detail).toMatchObject({ idempotencyKey: 'unread', eventDescriptor: '' });
    expect(letter.detail).not.toHaveProperty('data');
    await send(JSON.stringify({ ...letter, 'detail-type': 'PACKAGE_DELIVERED' }));
    await untilTold('unread');
    expect(await rowsOf('unread')).toBe(1);
  });

  it('need every permission that their function and their rule have, and no other', async () => {
    await drained();
    expect(calls.filter(({ refusal }) => refusal !== undefined)).toEqual([]);
    const used = calls
      .filter(({ caller }) => caller.roleArn?.includes('BuyWithPrimeEvents'))
      .flatMap(({ permissions }) => permissions.map(({ action }) => action))
      .filter((action) => !/^(?:logs|xray):/.test(action));
    expect([...new Set(used)].sort()).toEqual([
      'dynamodb:PutItem',
      'sqs:DeleteMessage',
      'sqs:GetQueueAttributes',
      'sqs:ReceiveMessage',
      'sqs:SendMessage',
    ]);
  });

  it('wait in the dead-letter queue while they cannot be recorded, and are told after a redrive', async () => {
    const file = join(stack.folder, 'cdk.out', 'OfferRelay-pipeline.template.json');
    const sound = await readFile(file, 'utf8');
    await writeFile(file, withoutHistory(sound));
    await stack.restart();
    enter();
    await tell({ detail: detailOf('unrecorded') });
    const { Body = '', MessageAttributes } = await takeDeadLetter();
    // Nobody has refused it: it came here after five tries.
    expect(MessageAttributes?.['reason']).toBeUndefined();
    expect(JSON.parse(Body)).not.toHaveProperty('detail.data');
    expect(toldOf('unrecorded')).toEqual([]);

    await writeFile(file, sound);
    await stack.restart();
    enter();
    // As a redrive does; the local queues know no StartMessageMoveTask.
    await send(Body);
    await untilTold('unrecorded');
    expect(await rowsOf('unrecorded')).toBe(1);
    // What was told before the restarts is known after them.
    await tell({ detail: detailOf('again') }, { detail: detailOf('last') });
    await untilTold('last');
    await drained();
    expect([await rowsOf('again'), toldOf('again').length]).toEqual([1, 1]);
  });
});

/** How many messages about a key the function has tried to record. */
const takings = (key: string): number =>
  calls.filter(
    ({ operation, caller, input }) =>
      operation === 'PutItem' &&
      caller.kind === 'function' &&
      JSON.stringify(input['Item'] ?? {}).includes(subjectOf(key)),
  ).length;

/** The template with a function that writes where it may not, and a queue that does not let anybody wait for its tries. */
function withoutHistory(text: string): string {
  const template = JSON.parse(text) as { Resources: Record<string, { Type: string; Properties: never }> };
  const resource = (type: string, prefix: string): Record<string, unknown> => {
    const ids = Object.keys(template.Resources).filter(
      (id) => id.startsWith(prefix) && template.Resources[id]?.Type === type,
    );
    expect(ids).toHaveLength(1);
    return template.Resources[ids[0]!]!.Properties;
  };
  const taker = resource('AWS::Lambda::Function', 'BuyWithPrimeEventsTakeEventsFunction');
  const { Variables } = taker['Environment'] as { Variables: Record<string, unknown> };
  const [watches] = Object.keys(template.Resources).filter((id) => /^WatchTablesWatches[0-9A-F]{8}$/.test(id));
  taker['Environment'] = { Variables: { ...Variables, HISTORY_TABLE: { Ref: watches } } };
  taker['Timeout'] = 3;
  resource('AWS::SQS::Queue', 'BuyWithPrimeEventsQueue')['VisibilityTimeout'] = 3;
  return JSON.stringify(template);
}
