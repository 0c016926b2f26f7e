import { describe, expect, test } from 'vitest';
import { ServiceError } from '../../local/cloud/json-service.ts';
import { checkInvocationPayload, checkLimits, checkSecret } from '../../local/cloud/limits.ts';

const MIB = 1024 * 1024;
const standard = { QueueUrl: 'http://127.0.0.1/000000000000/q', MessageBody: 'b' };
const fifo = {
  QueueUrl: 'http://127.0.0.1/000000000000/q.fifo',
  MessageBody: 'b',
  MessageGroupId: 'g',
  MessageDeduplicationId: 'd',
};
const attributes = (count: number) =>
  Object.fromEntries(
    Array.from({ length: count }, (_, index) => [`a${index}`, { DataType: 'String', StringValue: 'x' }]),
  );
const attribute = (value: object, name = 'a') => ({ ...standard, MessageAttributes: { [name]: value } });
const text = { DataType: 'String', StringValue: 'x' };
const batch = (entry: object) => ({ QueueUrl: standard.QueueUrl, Entries: [{ Id: 'a', MessageBody: 'b', ...entry }] });
const operands = (count: number) => ({
  FilterExpression: `pk in (${Array.from({ length: count }, (_, index) => `:v${index}`).join(', ')}) OR b = :b`,
});
const condition = (bytes: number) => ({
  TransactItems: [
    { ConditionCheck: { TableName: 'Tab', ConditionExpression: 'attribute_exists(pk)'.padEnd(bytes, ' ') } },
  ],
});
/** One substitution of the given size in all, of which the last byte but one is two bytes in UTF-8. */
const substitution = (bytes: number) => ({ ExpressionAttributeValues: { ':v': { S: `${'x'.repeat(bytes - 4)}é` } } });
const events = (count: number, bytes = 10) => ({
  Entries: Array.from({ length: count }, () => ({
    Time: 1,
    Source: 's',
    DetailType: 't',
    Resources: ['r'],
    Detail: 'x'.repeat(bytes - 17),
  })),
});

interface Limit {
  target: string;
  allowed: Record<string, unknown>[];
  refused: Record<string, unknown>[];
  code: string;
  /** What the message must name. */
  names: string | RegExp;
}

const limits: Record<string, Limit> = {
  'the delay of a message is 0 to 900 s': {
    target: 'AmazonSQS.SendMessage',
    allowed: [0, 900].map((DelaySeconds) => ({ ...standard, DelaySeconds })),
    refused: [-1, 901, 0.5].map((DelaySeconds) => ({ ...standard, DelaySeconds })),
    code: 'InvalidParameterValue',
    names: /DelaySeconds.*900/,
  },
  'a message group id has 1 to 128 printable characters': {
    target: 'AmazonSQS.SendMessage',
    allowed: ['x'.repeat(128), '!~"#|'].map((MessageGroupId) => ({ ...fifo, MessageGroupId })),
    refused: ['x'.repeat(129), '', 'a b', 'é'].map((MessageGroupId) => ({ ...fifo, MessageGroupId })),
    code: 'InvalidParameterValue',
    names: /MessageGroupId.*1 to 128/,
  },
  'a deduplication id has 1 to 128 printable characters': {
    target: 'AmazonSQS.SendMessage',
    allowed: [{ ...fifo, MessageDeduplicationId: 'x'.repeat(128) }],
    refused: ['x'.repeat(129), 'a\u0000b'].map((MessageDeduplicationId) => ({ ...fifo, MessageDeduplicationId })),
    code: 'InvalidParameterValue',
    names: /MessageDeduplicationId.*1 to 128/,
  },
  'only a FIFO queue takes a deduplication id': {
    target: 'AmazonSQS.SendMessage',
    allowed: [fifo, { ...standard, MessageGroupId: 'fair' }],
    refused: [{ ...standard, MessageDeduplicationId: 'd' }],
    code: 'InvalidParameterValue',
    names: /MessageDeduplicationId.*queue type/,
  },
  'a message has ten attributes': {
    target: 'AmazonSQS.SendMessage',
    allowed: [{ ...standard, MessageAttributes: attributes(10) }],
    refused: [{ ...standard, MessageAttributes: attributes(11) }],
    code: 'InvalidParameterValue',
    names: 'maximum [10]',
  },
  'the name of a message attribute keeps to the rules': {
    target: 'AmazonSQS.SendMessage',
    allowed: [attribute(text, 'a.B-c_1'), attribute(text, 'x'.repeat(256)), attribute(text, 'awsome')],
    refused: ['x'.repeat(257), '.a', 'a.', 'a..b', 'AWS.a', 'amazon.a', 'a b'].map((name) => attribute(text, name)),
    code: 'InvalidParameterValue',
    names: '256 characters',
  },
  'the type of a message attribute is String, Number or Binary': {
    target: 'AmazonSQS.SendMessage',
    allowed: [
      attribute({ DataType: 'String.mine', StringValue: 'x' }),
      attribute({ DataType: 'Binary', BinaryValue: 'eA==' }),
    ],
    refused: [attribute({ DataType: 'Text', StringValue: 'x' }), attribute({ StringValue: 'x' })],
    code: 'InvalidParameterValue',
    names: 'Binary, Number, String',
  },
  'a message attribute has a value': {
    target: 'AmazonSQS.SendMessage',
    allowed: [attribute(text)],
    refused: [attribute({ DataType: 'String', StringValue: '' }), attribute({ DataType: 'Binary', StringValue: 'x' })],
    code: 'InvalidParameterValue',
    names: 'non-empty',
  },
  'a Number attribute is a number': {
    target: 'AmazonSQS.SendMessage',
    allowed: ['0', '-1.5e3'].map((StringValue) => attribute({ DataType: 'Number.int', StringValue })),
    refused: ['one', '1,5'].map((StringValue) => attribute({ DataType: 'Number', StringValue })),
    code: 'InvalidParameterValue',
    names: 'to a number',
  },
  'the id of a batch entry has 80 characters': {
    target: 'AmazonSQS.SendMessageBatch',
    allowed: [batch({ Id: 'x'.repeat(80) })],
    refused: [batch({ Id: 'x'.repeat(81) })],
    code: 'InvalidBatchEntryId',
    names: '80',
  },
  'an entry of a batch has an id and a body': {
    target: 'AmazonSQS.SendMessageBatch',
    allowed: [batch({})],
    refused: [batch({ Id: undefined }), batch({ MessageBody: '' }), batch({ MessageBody: undefined })],
    code: 'MissingParameter',
    names: /SendMessageBatchRequestEntry\.1\.(Id|MessageBody)/,
  },
  'a client request token is not empty': {
    target: 'DynamoDB_20120810.TransactWriteItems',
    allowed: [{ ClientRequestToken: 'x' }],
    refused: [{ ClientRequestToken: '' }],
    code: 'ValidationException',
    names: 'greater than or equal to 1',
  },
  'an expression in a transaction has 4096 bytes': {
    target: 'DynamoDB_20120810.TransactWriteItems',
    allowed: [condition(4096)],
    refused: [condition(4097)],
    code: 'ValidationException',
    names: '4096',
  },
  'IN has a hundred operands': {
    target: 'DynamoDB_20120810.Scan',
    allowed: [operands(100)],
    refused: [operands(101)],
    code: 'ValidationException',
    names: 'limit 100',
  },
  'the name of a substitution has 255 bytes': {
    target: 'DynamoDB_20120810.GetItem',
    allowed: [{ ExpressionAttributeNames: { [`#${'n'.repeat(254)}`]: 'pk' } }],
    refused: [{ ExpressionAttributeNames: { [`#${'n'.repeat(255)}`]: 'pk' } }],
    code: 'ValidationException',
    names: '255',
  },
  'all substitutions together have 2 MiB': {
    target: 'DynamoDB_20120810.Scan',
    allowed: [substitution(2 * MIB)],
    refused: [substitution(2 * MIB + 1)],
    code: 'ValidationException',
    names: String(2 * MIB),
  },
  'PutEvents takes ten entries': {
    target: 'AWSEvents.PutEvents',
    allowed: [events(10, 20)],
    refused: [events(11, 20)],
    code: 'ValidationException',
    names: 'equal to 10',
  },
  'the entries of PutEvents are below 1 MiB in total': {
    target: 'AWSEvents.PutEvents',
    allowed: [events(1, MIB - 1)],
    refused: [events(1, MIB), events(2, MIB / 2)],
    code: 'ValidationException',
    names: String(MIB),
  },
};

const refusal = (work: () => void): ServiceError | undefined => {
  try {
    work();
  } catch (error) {
    return error as ServiceError;
  }
  return undefined;
};

describe.each(Object.entries(limits))('%s', (_, { target, allowed, refused, code, names }) => {
  test.each(allowed)('allowed %#', (input) => expect(refusal(() => checkLimits(target, input))).toBeUndefined());
  test.each(refused)('refused %#', (input) => {
    const error = refusal(() => checkLimits(target, input));
    expect(error).toBeInstanceOf(ServiceError);
    expect(error!.code).toBe(code);
    expect(error!.message).toMatch(names);
  });
});

test('what has no limit of its own here passes', () => {
  checkLimits('AmazonSQS.ReceiveMessage', standard);
  checkLimits('AWSEvents.ListRules', {});
  checkLimits('GET /', {});
});

test('a synchronous payload has 6 MiB, an asynchronous one 1 MiB', () => {
  checkInvocationPayload(6 * MIB, 'RequestResponse');
  checkInvocationPayload(MIB, 'Event');
  expect(refusal(() => checkInvocationPayload(6 * MIB + 1, 'RequestResponse'))).toMatchObject({
    code: 'RequestTooLargeException',
    message: expect.stringContaining(String(6 * MIB)) as string,
  });
  expect(refusal(() => checkInvocationPayload(MIB + 1, 'Event'))).toMatchObject({
    code: 'RequestTooLargeException',
    message: expect.stringContaining(String(MIB)) as string,
  });
});

test('a secret has 65,536 bytes, not characters', () => {
  checkSecret('é'.repeat(32_768));
  for (const secret of ['x'.repeat(65_537), 'é'.repeat(32_769), '']) {
    expect(refusal(() => checkSecret(secret))).toMatchObject({
      code: 'ValidationException',
      message: expect.stringContaining('65536') as string,
    });
  }
});
