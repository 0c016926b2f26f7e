import { afterEach, beforeAll, afterAll, describe, expect, test, vi } from 'vitest';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { awsClient, type AwsCallError, type AwsClient } from '../../local/cloud/aws-call.ts';
import { startDynamoDb, type Engine } from '../../local/cloud/dynamodb-engine.ts';
import { startSqs } from '../../local/cloud/sqs-engine.ts';

const MIB = 1024 * 1024;
const engines: Engine[] = [];
let directory: string;
let dynamodb: AwsClient;
let sqs: AwsClient;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'engine-limits-'));
  engines.push(await startDynamoDb(directory, undefined), await startSqs(directory, undefined));
  dynamodb = awsClient(engines[0]!.url, 'DynamoDB_20120810');
  sqs = awsClient(engines[1]!.url, 'AmazonSQS');
  await dynamodb.call('CreateTable', {
    TableName: 'Table',
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: ['pk', 'sk'].map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
    KeySchema: [
      { AttributeName: 'pk', KeyType: 'HASH' },
      { AttributeName: 'sk', KeyType: 'RANGE' },
    ],
  });
  await sqs.call('CreateQueue', { QueueName: 'q', Attributes: { VisibilityTimeout: '60' } });
  await sqs.call('CreateQueue', { QueueName: 'small', Attributes: { MaximumMessageSize: '1024' } });
  await sqs.call('CreateQueue', { QueueName: 'q.fifo', Attributes: { FifoQueue: 'true', VisibilityTimeout: '60' } });
});
afterAll(async () => {
  dynamodb.close();
  sqs.close();
  for (const engine of engines) await engine.stop();
  rmSync(directory, { recursive: true });
});
afterEach(() => {
  vi.useRealTimers();
});

const url = (name: string) => `http://127.0.0.1/000000000000/${name}`;
const text = (length: number) => ({ S: 'x'.repeat(length) });
const key = (pk: string, sk = 's') => ({ pk: { S: pk }, sk: { S: sk } });
const keys = (count: number) => Array.from({ length: count }, (_, index) => key(`k${index}`));
const table = (input: object) => ({ TableName: 'Table', ...input });
const item = (pk: string, attributes: object = {}) => table({ Item: { ...key(pk), ...attributes } });
const number = (N: string) => item('number', { n: { N } });
/** An item of so many bytes: names and values of its attributes. */
const itemOf = (bytes: number) => item('k', { a: text(bytes - 'pkkskSa'.length) });
const batchGet = (count: number) => ({ RequestItems: { Table: { Keys: keys(count) } } });
const batchWrite = (count: number) => ({
  RequestItems: { Table: keys(count).map((Item) => ({ PutRequest: { Item } })) },
});
const transaction = (count: number, bytes: number) => ({
  TransactItems: keys(count).map((k) => ({ Put: table({ Item: { ...k, a: text(bytes) } }) })),
});
const expression = (kind: string, start: string, bytes: number) =>
  table({ Key: key('k'), [kind]: start.padEnd(bytes, ' ') });

const send = (input: object, name = 'q') => ({ QueueUrl: url(name), MessageBody: 'b', ...input });
const fifo = (input: object) =>
  send({ MessageGroupId: 'g', MessageDeduplicationId: crypto.randomUUID(), ...input }, 'q.fifo');
const attribute = (length: number) => ({
  MessageAttributes: { a: { DataType: 'String', StringValue: 'x'.repeat(length) } },
});
const batch = (count: number, length = 1) => ({
  QueueUrl: url('q'),
  Entries: Array.from({ length: count }, (_, index) => ({ Id: String(index), MessageBody: 'x'.repeat(length) })),
});
const entries = (...ids: string[]) => ({ QueueUrl: url('q'), Entries: ids.map((Id) => ({ Id, MessageBody: 'b' })) });
const receive = (input: object) => ({ QueueUrl: url('q'), ...input });

type Case = [
  limit: string,
  operation: string,
  allowed: object[],
  refused: object[],
  code: string,
  names: string | RegExp,
];

/** What the engines enforce by themselves; test/local-cloud/limits.test.ts has the rest. */
const tableLimits: Case[] = [
  ['an item of 400 KB', 'PutItem', [itemOf(409_600)], [itemOf(409_601)], 'ValidationException', 'maximum allowed size'],
  [
    'a partition key of 2048 bytes',
    'PutItem',
    [item('p'.repeat(2048))],
    [item('p'.repeat(2049))],
    'ValidationException',
    '2048',
  ],
  [
    'a sort key of 1024 bytes',
    'PutItem',
    [table({ Item: key('p', 's'.repeat(1024)) })],
    [table({ Item: key('p', 's'.repeat(1025)) })],
    'ValidationException',
    '1024',
  ],
  [
    'a key that is not empty',
    'PutItem',
    [item('p')],
    [item(''), table({ Item: key('p', '') })],
    'ValidationException',
    'empty',
  ],
  ['38 digits', 'PutItem', [number('1'.repeat(38))], [number('1'.repeat(39))], 'ValidationException', '38'],
  ['numbers to 9.9E+125', 'PutItem', [number('9.9e125')], [number('1e126')], 'ValidationException', 'overflow'],
  ['numbers from 1E-130', 'PutItem', [number('1e-130')], [number('1e-131')], 'ValidationException', 'underflow'],
  ['100 items of BatchGetItem', 'BatchGetItem', [batchGet(100)], [batchGet(101)], 'ValidationException', '100'],
  ['25 items of BatchWriteItem', 'BatchWriteItem', [batchWrite(25)], [batchWrite(26)], 'ValidationException', '25'],
  [
    '100 items of a transaction',
    'TransactWriteItems',
    [transaction(100, 1)],
    [transaction(101, 1)],
    'ValidationException',
    '100',
  ],
  [
    '4 MB of a transaction',
    'TransactWriteItems',
    [transaction(10, 400_000)],
    [transaction(11, 400_000)],
    'ValidationException',
    '4MB',
  ],
  [
    'a client request token of 36 characters',
    'TransactWriteItems',
    [{ ...transaction(1, 1), ClientRequestToken: 't'.repeat(36) }],
    [{ ...transaction(1, 1), ClientRequestToken: 't'.repeat(37) }],
    'ValidationException',
    '36',
  ],
  ...[
    ['ConditionExpression', 'attribute_not_exists(gone)'],
    ['UpdateExpression', 'REMOVE gone'],
  ].map(([kind, start]): Case => [
    `a ${kind} of 4 KB`,
    'UpdateItem',
    [expression(kind!, start!, 4096)],
    [expression(kind!, start!, 4097)],
    'ValidationException',
    '4097',
  ]),
];

const queueLimits: Case[] = [
  [
    'a message of 1 MiB',
    'SendMessage',
    [send({ MessageBody: 'x'.repeat(MIB) })],
    [send({ MessageBody: 'x'.repeat(MIB + 1) })],
    'InvalidParameterValue',
    String(MIB),
  ],
  [
    "a message of the queue's own size, its attributes included",
    'SendMessage',
    [send(attribute(1024 - 'baString'.length), 'small')],
    [send(attribute(1025 - 'baString'.length), 'small')],
    'InvalidParameterValue',
    '1024',
  ],
  ['a body', 'SendMessage', [send({})], [send({ MessageBody: '' })], 'MissingParameter', 'MessageBody'],
  [
    'the characters of XML',
    'SendMessage',
    ['\t\n\r ', '\uD7FF\uE000\uFFFD', '😀\u{10FFFF}'].map((MessageBody) => send({ MessageBody })),
    ['\u0000', '\uFFFE', '\uD800', '\uDC00\uD800'].map((MessageBody) => send({ MessageBody })),
    'InvalidMessageContents',
    'Invalid characters',
  ],
  [
    'a message group',
    'SendMessage',
    [fifo({})],
    [fifo({ MessageGroupId: undefined })],
    'MissingParameter',
    'MessageGroupId',
  ],
  [
    'a deduplication id',
    'SendMessage',
    [fifo({})],
    [fifo({ MessageDeduplicationId: undefined })],
    'InvalidParameterValue',
    'ContentBasedDeduplication',
  ],
  [
    'no delay per message in a FIFO queue',
    'SendMessage',
    [fifo({ DelaySeconds: 0 })],
    [fifo({ DelaySeconds: 1 })],
    'InvalidParameterValue',
    'DelaySeconds',
  ],
  [
    '1 MiB of a batch',
    'SendMessageBatch',
    [batch(2, MIB / 2)],
    [batch(2, MIB / 2 + 1)],
    'BatchRequestTooLong',
    String(MIB),
  ],
  ['ten entries', 'SendMessageBatch', [batch(10)], [batch(11)], 'TooManyEntriesInBatchRequest', '10'],
  ['one entry', 'SendMessageBatch', [batch(1)], [batch(0)], 'EmptyBatchRequest', 'any entries'],
  [
    'different ids',
    'SendMessageBatch',
    [entries('a', 'b')],
    [entries('a', 'a')],
    'BatchEntryIdsNotDistinct',
    'same Id',
  ],
  ['ids of letters', 'SendMessageBatch', [entries('a-B_1')], [entries('a!')], 'InvalidBatchEntryId', 'alphanumeric'],
  [
    '1 to 10 messages',
    'ReceiveMessage',
    [1, 10].map((MaxNumberOfMessages) => receive({ MaxNumberOfMessages })),
    [0, 11].map((MaxNumberOfMessages) => receive({ MaxNumberOfMessages })),
    'InvalidParameterValue',
    /1 and 10/,
  ],
  [
    'a wait of 0 to 20 s',
    'ReceiveMessage',
    [receive({ WaitTimeSeconds: 0 })],
    [-1, 21].map((WaitTimeSeconds) => receive({ WaitTimeSeconds })),
    'InvalidParameterValue',
    '20',
  ],
  [
    'a visibility of 12 h',
    'ReceiveMessage',
    [0, 43_200].map((VisibilityTimeout) => receive({ VisibilityTimeout })),
    [-1, 43_201].map((VisibilityTimeout) => receive({ VisibilityTimeout })),
    'InvalidParameterValue',
    '43200',
  ],
];

const outcome = (client: AwsClient, operation: string, input: object) =>
  client.call(operation, input).then(
    () => undefined,
    (error: unknown) => error as AwsCallError,
  );

describe.each([
  ['DynamoDB', () => dynamodb, tableLimits],
  ['SQS', () => sqs, queueLimits],
] as const)('%s', (_, client, limits) => {
  test.each(limits)('takes %s, and no more', async (_limit, operation, allowed, refused, code, names) => {
    for (const input of allowed) expect(await outcome(client(), operation, input)).toBeUndefined();
    for (const input of refused) {
      const error = await outcome(client(), operation, input);
      expect(error).toMatchObject({ code });
      expect(error!.message).toMatch(names);
    }
  });
});

test('a page has at most 1 MB of items', async () => {
  for (let n = 0; n < 4; n++) {
    await dynamodb.call('PutItem', table({ Item: { ...key('page', String(n)), a: text(300_000) } }));
  }
  const page = await dynamodb.call<{ Items: unknown[]; LastEvaluatedKey: unknown }>(
    'Query',
    table({ KeyConditionExpression: 'pk = :pk', ExpressionAttributeValues: { ':pk': { S: 'page' } } }),
  );
  expect(page.Items.length).toBeLessThan(4);
  expect(page.LastEvaluatedKey).toBeDefined();
});

test('BatchGetItem answers with at most 16 MB and says what it has left out', async () => {
  const all = Array.from({ length: 42 }, (_, n) => key('many', String(n)));
  for (const k of all) await dynamodb.call('PutItem', table({ Item: { ...k, a: text(400_000) } }));
  const answer = await dynamodb.call<{
    Responses: { Table: unknown[] };
    UnprocessedKeys: { Table?: { Keys: unknown[] } };
  }>('BatchGetItem', { RequestItems: { Table: { Keys: all } } });
  expect(answer.Responses.Table.length + answer.UnprocessedKeys.Table!.Keys.length).toBe(42);
  expect(answer.Responses.Table.length * 400_000).toBeLessThanOrEqual(16 * MIB);
});

test('a client request token makes a transaction happen once, and is refused with another content', async () => {
  const add = (step: string) => ({
    ClientRequestToken: 'token',
    TransactItems: [
      {
        Update: table({
          Key: key('counter'),
          UpdateExpression: 'ADD n :step',
          ExpressionAttributeValues: { ':step': { N: step } },
        }),
      },
    ],
  });
  await dynamodb.call('TransactWriteItems', add('1'));
  await dynamodb.call('TransactWriteItems', add('1'));
  expect(await outcome(dynamodb, 'TransactWriteItems', add('2'))).toMatchObject({
    code: 'IdempotentParameterMismatchException',
  });
  const counter = await dynamodb.call('GetItem', table({ Key: key('counter') }));
  expect(counter).toMatchObject({ Item: { n: { N: '1' } } });
});

test('what is wrong with one entry of a batch is said of that entry; the others go on', async () => {
  const answer = await sqs.call<{ Successful: { Id: string }[]; Failed: object[] }>('SendMessageBatch', {
    QueueUrl: url('q.fifo'),
    Entries: ['good', 'bad'].map((Id) => ({
      Id,
      MessageBody: 'b',
      MessageGroupId: Id === 'good' ? 'g' : 'x'.repeat(129),
      MessageDeduplicationId: crypto.randomUUID(),
    })),
  });
  expect(answer.Successful.map(({ Id }) => Id)).toEqual(['good']);
  expect(answer.Failed).toEqual([
    {
      Id: 'bad',
      SenderFault: true,
      Code: 'InvalidParameterValue',
      Message: expect.stringContaining('1 to 128') as string,
    },
  ]);
});

describe('a receipt handle', () => {
  const invalid = { code: 'ReceiptHandleIsInvalid' };
  async function handleFrom(name: string): Promise<string> {
    await sqs.call('PurgeQueue', { QueueUrl: url(name) });
    await sqs.call('SendMessage', name.endsWith('.fifo') ? fifo({}) : send({}, name));
    const answer = await sqs.call<{ Messages: { ReceiptHandle: string }[] }>('ReceiveMessage', { QueueUrl: url(name) });
    return answer.Messages[0]!.ReceiptHandle;
  }

  test('that was never given is refused, also in a batch', async () => {
    const foreign = await handleFrom('small');
    for (const ReceiptHandle of ['garbage', crypto.randomUUID(), foreign]) {
      expect(await outcome(sqs, 'DeleteMessage', receive({ ReceiptHandle }))).toMatchObject(invalid);
      const change = receive({ ReceiptHandle, VisibilityTimeout: 1 });
      expect(await outcome(sqs, 'ChangeMessageVisibility', change)).toMatchObject(invalid);
      const Entries = [{ Id: 'a', ReceiptHandle, VisibilityTimeout: 1 }];
      for (const operation of ['DeleteMessageBatch', 'ChangeMessageVisibilityBatch']) {
        expect(await sqs.call(operation, { QueueUrl: url('q'), Entries })).toEqual({
          Successful: [],
          Failed: [expect.objectContaining({ Id: 'a', Code: 'ReceiptHandleIsInvalid' })],
        });
      }
    }
  });

  test('that was given deletes its message, and again without an error', async () => {
    const ReceiptHandle = await handleFrom('q');
    await sqs.call('DeleteMessage', receive({ ReceiptHandle }));
    await sqs.call('DeleteMessage', receive({ ReceiptHandle }));
  });

  test('of a FIFO queue deletes nothing once its visibility time-out is over', async () => {
    const input = { QueueUrl: url('q.fifo'), ReceiptHandle: await handleFrom('q.fifo') };
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 60_001 });
    const error = await outcome(sqs, 'DeleteMessage', input);
    expect(error).toMatchObject({ code: 'InvalidParameterValue' });
    expect(error!.message).toContain('expired');
  });

  test('keeps its message invisible for twelve hours in all, counted from the receipt', async () => {
    const earliest = Date.now();
    const ReceiptHandle = await handleFrom('q');
    const latest = Date.now();
    const change = (VisibilityTimeout: number) =>
      outcome(sqs, 'ChangeMessageVisibility', receive({ ReceiptHandle, VisibilityTimeout }));
    expect(await change(40_000)).toBeUndefined();
    vi.useFakeTimers({ toFake: ['Date'], now: earliest + 3600_000 });
    expect(await change(39_600)).toBeUndefined();
    vi.setSystemTime(latest + 3600_001);
    const error = await change(39_600);
    expect(error).toMatchObject({ code: 'InvalidParameterValue' });
    expect(error!.message).toContain('43200');
    expect(await change(0)).toBeUndefined();
  });
});
