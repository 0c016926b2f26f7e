import { describe, expect, test } from 'vitest';
import { neededPermissions } from '../../local/cloud/needed-permissions.ts';

const SECRET = 'arn:aws:secretsmanager:us-east-1:000000000000:secret:offers/main-AbCdEf';
const directory = { secretArn: (id: string) => (id === 'offers/main' || id === SECRET ? SECRET : undefined) };
const needed = (target: string, input: object): string[] =>
  neededPermissions(target, input as Record<string, unknown>, directory).map(
    ({ action, resource }) => `${action} ${resource.replace(/^arn:aws:\w+:us-east-1:000000000000:/, '')}`,
  );
const queue = { QueueUrl: 'http://127.0.0.1:4000/000000000000/slices.fifo' };

describe('the permissions that a call needs', () => {
  test.each<[string, object, string[]]>([
    ['DynamoDB_20120810.GetItem', { TableName: 'T' }, ['dynamodb:GetItem table/T']],
    ['DynamoDB_20120810.PutItem', { TableName: 'T' }, ['dynamodb:PutItem table/T']],
    ['DynamoDB_20120810.UpdateItem', { TableName: 'T' }, ['dynamodb:UpdateItem table/T']],
    ['DynamoDB_20120810.DeleteItem', { TableName: 'T' }, ['dynamodb:DeleteItem table/T']],
    ['DynamoDB_20120810.Query', { TableName: 'T' }, ['dynamodb:Query table/T']],
    ['DynamoDB_20120810.Query', { TableName: 'T', IndexName: 'I' }, ['dynamodb:Query table/T/index/I']],
    ['DynamoDB_20120810.Scan', { TableName: 'T', IndexName: 'I' }, ['dynamodb:Scan table/T/index/I']],
    [
      'DynamoDB_20120810.BatchGetItem',
      { RequestItems: { A: {}, B: {} } },
      ['dynamodb:BatchGetItem table/A', 'dynamodb:BatchGetItem table/B'],
    ],
    [
      'DynamoDB_20120810.BatchWriteItem',
      { RequestItems: { A: [], B: [] } },
      ['dynamodb:BatchWriteItem table/A', 'dynamodb:BatchWriteItem table/B'],
    ],
    [
      'DynamoDB_20120810.TransactWriteItems',
      {
        TransactItems: [
          { Put: { TableName: 'A' } },
          { Put: { TableName: 'A' } },
          { Update: { TableName: 'A' } },
          { Delete: { TableName: 'B' } },
          { ConditionCheck: { TableName: 'C' } },
        ],
      },
      [
        'dynamodb:PutItem table/A',
        'dynamodb:UpdateItem table/A',
        'dynamodb:DeleteItem table/B',
        'dynamodb:ConditionCheckItem table/C',
      ],
    ],
    [
      'DynamoDB_20120810.TransactGetItems',
      { TransactItems: [{ Get: { TableName: 'A' } }, { Get: { TableName: 'B' } }] },
      ['dynamodb:GetItem table/A', 'dynamodb:GetItem table/B'],
    ],
    ['AmazonSQS.SendMessage', queue, ['sqs:SendMessage slices.fifo']],
    ['AmazonSQS.SendMessageBatch', { ...queue, Entries: [{}] }, ['sqs:SendMessage slices.fifo']],
    ['AmazonSQS.ReceiveMessage', queue, ['sqs:ReceiveMessage slices.fifo']],
    ['AmazonSQS.DeleteMessageBatch', { ...queue, Entries: [{}] }, ['sqs:DeleteMessage slices.fifo']],
    [
      'AmazonSQS.ChangeMessageVisibilityBatch',
      { ...queue, Entries: [{}] },
      ['sqs:ChangeMessageVisibility slices.fifo'],
    ],
    ['AmazonSQS.GetQueueUrl', { QueueName: 'slices.fifo' }, ['sqs:GetQueueUrl slices.fifo']],
    ['AmazonSQS.SendMessage', { ...queue, QueueName: 'mine' }, ['sqs:SendMessage slices.fifo']],
    [
      'AWSEvents.PutEvents',
      { Entries: [{ EventBusName: 'bus' }, {}, { EventBusName: 'bus' }] },
      ['events:PutEvents event-bus/bus', 'events:PutEvents event-bus/default'],
    ],
    [
      'secretsmanager.GetSecretValue',
      { SecretId: 'offers/main' },
      ['secretsmanager:GetSecretValue secret:offers/main-AbCdEf'],
    ],
    [
      'AWSSecurityTokenServiceV20110615.AssumeRole',
      { RoleArn: 'arn:aws:iam::000000000000:role/upstream' },
      ['sts:AssumeRole arn:aws:iam::000000000000:role/upstream'],
    ],
    ['AWSSecurityTokenServiceV20110615.GetCallerIdentity', {}, []],
    ['secretsmanager.GetSecretValue', { SecretId: 'nobody' }, ['secretsmanager:GetSecretValue secret:nobody-??????']],
  ])('%s of %j', (target, input, expected) => {
    expect(needed(target, input)).toEqual(expected);
  });

  test.each([
    'DynamoDB_20120810.ExecuteStatement',
    'DynamoDB_20120810.BatchExecuteStatement',
    'DynamoDB_20120810.CreateTable',
    'DynamoDB_20120810.constructor',
    'DynamoDB_20120810',
    'DynamoDBStreams_20120810.GetRecords',
    'AmazonSQS.CreateQueue',
    'constructor.name',
    'AmazonSSM.GetParameter',
  ])('are not made up for %s, which is refused by name', (target) => {
    expect(() => needed(target, { TableName: 'T', ...queue })).toThrow(`does not play ${target}`);
  });

  test.each<[string, unknown, RegExp]>([
    ['DynamoDB_20120810.GetItem', {}, /TableName/],
    ['DynamoDB_20120810.GetItem', { TableName: '' }, /TableName/],
    ['DynamoDB_20120810.GetItem', { TableName: 'arn:aws:dynamodb:us-east-1:000000000000:table/T' }, /not its ARN/],
    ['DynamoDB_20120810.BatchGetItem', { RequestItems: [] }, /RequestItems/],
    ['DynamoDB_20120810.TransactWriteItems', { TransactItems: 'x' }, /TransactItems/],
    ['DynamoDB_20120810.TransactWriteItems', { TransactItems: [null] }, /0 must be an object/],
    ['DynamoDB_20120810.TransactWriteItems', { TransactItems: [{ Put: null }] }, /Put must be an object/],
    ['DynamoDB_20120810.TransactWriteItems', { TransactItems: [{ Put: {} }] }, /TableName/],
    ['DynamoDB_20120810.TransactWriteItems', { TransactItems: [{ toString: { TableName: 'T' } }] }, /no toString/],
    ['AmazonSQS.SendMessage', { QueueUrl: 'mine' }, /QueueUrl/],
    ['AmazonSQS.SendMessageBatch', { ...queue, Entries: [null] }, /0 must be an object/],
    ['AmazonSQS.SendMessageBatch', { ...queue, Entries: [] }, /Entries/],
    ['AWSEvents.PutEvents', { Entries: [null] }, /0 must be an object/],
    ['secretsmanager.GetSecretValue', {}, /SecretId/],
    ['AWSSecurityTokenServiceV20110615.AssumeRole', {}, /RoleArn/],
  ])('cannot be told from %s of %j: the field is named', (target, input, message) => {
    expect(() => needed(target, input as object)).toThrow(message);
  });

  test('for a queue of another account are on that account’s queue', () => {
    const url = 'https://sqs.us-east-1.amazonaws.com/111122223333/slices.fifo';
    expect(needed('AmazonSQS.SendMessage', { QueueUrl: url })).toEqual([
      'sqs:SendMessage arn:aws:sqs:us-east-1:111122223333:slices.fifo',
    ]);
  });
});
