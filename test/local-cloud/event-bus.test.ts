import {
  EventBridgeClient,
  ListRulesCommand,
  PutEventsCommand,
  PutPartnerEventsCommand,
  type PutEventsRequestEntry,
} from '@aws-sdk/client-eventbridge';
import { expect, test } from 'vitest';
import { awsClient } from '../../local/cloud/aws-call.ts';
import type { BusEvent, Cloud } from '../../local/cloud/cloud.ts';
import { cloudOf, collector, type AssemblyParts, type Resources } from './hand-written-assembly.ts';

const bus: Resources = { Bus: { Type: 'AWS::Events::EventBus', Properties: { Name: 'changes' } } };

function client(cloud: Cloud) {
  return new EventBridgeClient({
    endpoint: cloud.endpoints.eventbridge,
    region: cloud.region,
    credentials: cloud.credentials,
  });
}

function rule(target: object, properties: object = {}): Resources {
  return {
    Rule: {
      Type: 'AWS::Events::Rule',
      Properties: {
        EventBusName: { Ref: 'Bus' },
        EventPattern: { detail: { kind: ['wanted'] } },
        Targets: [{ Id: 'T', Arn: { 'Fn::GetAtt': ['Queue', 'Arn'] }, ...target }],
        ...properties,
      },
    },
    Queue: { Type: 'AWS::SQS::Queue', Properties: { FifoQueue: true, ContentBasedDeduplication: true } },
    Standard: { Type: 'AWS::SQS::Queue' },
  };
}

const outputs = {
  template: { Outputs: { Queue: { Value: { Ref: 'Queue' } }, Standard: { Value: { Ref: 'Standard' } } } },
};

async function receive(cloud: Cloud, queue: string) {
  const sqs = awsClient(cloud.endpoints.sqs, 'AmazonSQS');
  const answer = await sqs.call<{
    Messages?: {
      Body: string;
      Attributes: Record<string, string>;
      MessageAttributes?: Record<string, { StringValue: string }>;
    }[];
  }>('ReceiveMessage', {
    QueueUrl: cloud.outputs[queue]!,
    WaitTimeSeconds: 10,
    MessageSystemAttributeNames: ['All'],
    MessageAttributeNames: ['All'],
  });
  return answer.Messages?.[0];
}

const wanted: PutEventsRequestEntry = {
  EventBusName: 'changes',
  Source: 'offers',
  DetailType: 'Offer Added',
  Detail: '{"kind":"wanted","n":1,"text":"a \\"b\\""}',
  Resources: ['watch/1'],
};

test('an accepted event reaches the hook in its full envelope', async () => {
  const events = collector<[BusEvent, string]>();
  const cloud = await cloudOf({ resources: bus }, { onEvent: (event, busName) => events.add([event, busName]) });
  const answer = await client(cloud).send(new PutEventsCommand({ Entries: [wanted] }));
  const [[event, busName]] = (await events.until(1)) as [[BusEvent, string]];
  expect(busName).toBe('changes');
  expect(event).toEqual({
    version: '0',
    id: answer.Entries![0]!.EventId,
    'detail-type': 'Offer Added',
    source: 'offers',
    account: '000000000000',
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
    region: 'us-east-1',
    resources: ['watch/1'],
    detail: { kind: 'wanted', n: 1, text: 'a "b"' },
  });
});

test('bad entries fail one by one, the others are accepted', async () => {
  const cloud = await cloudOf({ resources: bus });
  const answer = await client(cloud).send(
    new PutEventsCommand({
      Entries: [
        wanted,
        { ...wanted, Detail: 'no JSON' },
        { ...wanted, Detail: '[1]' },
        { ...wanted, DetailType: '' },
        { ...wanted, Source: 'aws.ec2' },
        { ...wanted, EventBusName: 'nowhere' },
      ],
    }),
  );
  expect(answer.FailedEntryCount).toBe(5);
  expect(answer.Entries!.map((entry) => entry.ErrorCode)).toEqual([
    undefined,
    'MalformedDetail',
    'MalformedDetail',
    'InvalidArgument',
    'NotAuthorizedForSourceException',
    'ResourceNotFoundException',
  ]);
});

test('eleven entries, or a megabyte of them, are refused as a whole', async () => {
  const cloud = await cloudOf({ resources: bus });
  await expect(
    client(cloud).send(new PutEventsCommand({ Entries: Array.from({ length: 11 }, () => wanted) })),
  ).rejects.toThrow(/less than or equal to 10/);
  const large = { ...wanted, Detail: JSON.stringify({ text: 'x'.repeat(530_000) }) };
  await expect(client(cloud).send(new PutEventsCommand({ Entries: [large, large] }))).rejects.toThrow(/Total size/);
});

test('a rule sends what its pattern matches to a FIFO queue, in the group it names', async () => {
  const cloud = await cloudOf({
    resources: { ...bus, ...rule({ SqsParameters: { MessageGroupId: 'all' } }) },
    ...outputs,
  });
  await client(cloud).send(new PutEventsCommand({ Entries: [{ ...wanted, Detail: '{"kind":"other"}' }, wanted] }));
  const message = await receive(cloud, 'Queue');
  expect(JSON.parse(message!.Body)).toMatchObject({ source: 'offers', detail: { kind: 'wanted' } });
  expect(message!.Attributes['MessageGroupId']).toBe('all');
});

test.each<[string, object, unknown]>([
  ['Input', { Input: '{"fixed":true}' }, { fixed: true }],
  ['InputPath', { InputPath: '$.detail.n' }, 1],
  [
    'InputTransformer',
    {
      InputTransformer: {
        InputPathsMap: { text: '$.detail.text', n: '$.detail.n', first: '$.resources[0]' },
        InputTemplate: '{"n": <n>, "said": "<text> by <first>", "text": <text>, "rule": "<aws.events.rule-name>"}',
      },
    },
    { n: 1, said: 'a "b" by watch/1', text: 'a "b"', rule: 'R' },
  ],
  [
    'InputTransformer with a list, an object and what the event does not have',
    {
      InputTransformer: {
        InputPathsMap: {
          resources: '$.resources',
          type: '$.detail-type',
          detail: '$.detail',
          missing: '$.detail.none.such',
          late: '$.resources[7]',
          inherited: '$.detail.constructor',
        },
        InputTemplate: `{
          "resources": <resources>, "detail-type": <type>, "detail": <detail>,
          "missing": <missing>, "late": <late>, "inherited": <inherited>, "within": "nothing: <missing>"
        }`,
      },
    },
    {
      resources: ['watch/1'],
      'detail-type': 'Offer Added',
      detail: { kind: 'wanted', n: 1, text: 'a "b"' },
      missing: '',
      late: '',
      inherited: '',
      within: 'nothing: ',
    },
  ],
  [
    "InputTransformer with AWS's own variables",
    { InputTransformer: { InputTemplate: '{"event": <aws.events.event>, "whole": <aws.events.event.json>}' } },
    {
      event: {
        version: '0',
        id: expect.any(String),
        detailType: 'Offer Added',
        source: 'offers',
        account: '000000000000',
        time: expect.any(String),
        region: 'us-east-1',
        resources: ['watch/1'],
      },
      whole: expect.objectContaining({ 'detail-type': 'Offer Added', detail: { kind: 'wanted', n: 1, text: 'a "b"' } }),
    },
  ],
])('%s shapes what a target gets', async (_, target, expected) => {
  const resources = {
    ...bus,
    ...rule({ Arn: { 'Fn::GetAtt': ['Standard', 'Arn'] }, SqsParameters: {}, ...target }, { Name: 'R' }),
  };
  const cloud = await cloudOf({ resources, ...outputs });
  await client(cloud).send(new PutEventsCommand({ Entries: [wanted] }));
  expect(JSON.parse((await receive(cloud, 'Standard'))!.Body)).toEqual(expected);
});

test.each<[string, object, RegExp]>([
  [
    'a placeholder that nothing stands for',
    { InputTransformer: { InputPathsMap: { a: '$.id' }, InputTemplate: '"<a> and <b>"' } },
    /InputTransformer: .*invalid placeholder b/,
  ],
  [
    'a placeholder as a key',
    { InputTransformer: { InputPathsMap: { a: '$.id' }, InputTemplate: '{<a>: 1}' } },
    /no JSON/,
  ],
  [
    'a path with a wildcard',
    { InputTransformer: { InputPathsMap: { a: '$.resources[*]' }, InputTemplate: '{"a": <a>}' } },
    /\$\.resources\[\*\] is no path in dot notation/,
  ],
  ['a path in brackets', { InputPath: "$.detail['n']" }, /InputPath: .*no path in dot notation/],
  [
    "a variable with a name that is AWS's",
    { InputTransformer: { InputPathsMap: { 'aws-a': '$.id' }, InputTemplate: '{"a": <aws-a>}' } },
    /aws-a is no name/,
  ],
  ['a constant and a path', { Input: '1', InputPath: '$.id' }, /only one of Input, InputPath, or InputTransformer/],
  [
    'a transformer in front of another bus',
    { Arn: { 'Fn::GetAtt': ['Bus', 'Arn'] }, InputPath: '$.detail' },
    /a bus gets the event as it is/,
  ],
])('%s is refused when the stack is deployed', async (_, target, message) => {
  const resources = { ...bus, ...rule({ Arn: { 'Fn::GetAtt': ['Standard', 'Arn'] }, ...target }) };
  await expect(cloudOf({ resources })).rejects.toThrow(message);
});

test('the dead-letter queue of a target gets the event as it was, not what was made of it', async () => {
  const target = {
    SqsParameters: { MessageGroupId: 'all' },
    RetryPolicy: { MaximumRetryAttempts: 0 },
    DeadLetterConfig: { Arn: { 'Fn::GetAtt': ['Standard', 'Arn'] } },
    InputTransformer: { InputPathsMap: { n: '$.detail.n' }, InputTemplate: '{"n": <n>}' },
  };
  const resources: Resources = { ...bus, ...rule(target) };
  resources['Queue'] = { Type: 'AWS::SQS::Queue', Properties: { FifoQueue: true } };
  const cloud = await cloudOf({ resources, ...outputs });
  await client(cloud).send(new PutEventsCommand({ Entries: [wanted] }));
  expect(JSON.parse((await receive(cloud, 'Standard'))!.Body)).toMatchObject({
    source: 'offers',
    detail: { kind: 'wanted', n: 1, text: 'a "b"' },
  });
});

test('what cannot be delivered goes to the dead-letter queue of the target after its retries', async () => {
  const target = {
    SqsParameters: { MessageGroupId: 'all' },
    RetryPolicy: { MaximumRetryAttempts: 2 },
    DeadLetterConfig: { Arn: { 'Fn::GetAtt': ['Standard', 'Arn'] } },
  };
  const resources: Resources = { ...bus, ...rule(target) };
  // Without deduplication by content the FIFO queue refuses EventBridge's message, which has no deduplication id.
  resources['Queue'] = { Type: 'AWS::SQS::Queue', Properties: { FifoQueue: true } };
  const cloud = await cloudOf({ resources, ...outputs });
  await client(cloud).send(new PutEventsCommand({ Entries: [wanted] }));
  const message = await receive(cloud, 'Standard');
  expect(JSON.parse(message!.Body)).toMatchObject({ source: 'offers' });
  const attributes = Object.fromEntries(
    Object.entries(message!.MessageAttributes!).map(([name, { StringValue }]) => [name, StringValue]),
  );
  expect(attributes).toMatchObject({
    RETRY_ATTEMPTS: '2',
    EXHAUSTED_RETRY_CONDITION: 'MaximumRetryAttempts',
    RULE_ARN: expect.stringContaining(':rule/changes/'),
    TARGET_ARN: expect.stringContaining('.fifo'),
  });
});

test('a rule may be on a bus that was there before, such as that of a partner, and on no other', async () => {
  const name = 'aws.partner/example.com/offers';
  const arn = `arn:aws:events:us-east-1:000000000000:event-bus/${name}`;
  for (const EventBusName of [name, arn]) {
    const resources = rule({ Arn: { 'Fn::GetAtt': ['Standard', 'Arn'] } }, { EventBusName });
    const cloud = await cloudOf({ resources, ...outputs }, { buses: [name] });
    await client(cloud).send(new PutEventsCommand({ Entries: [{ ...wanted, EventBusName: name }] }));
    expect(JSON.parse((await receive(cloud, 'Standard'))?.Body ?? '{}')).toMatchObject({ source: 'offers' });
    await expect(cloudOf({ resources }, { buses: ['offers'] })).rejects.toThrow(/Rule.*EventBusName.*is no bus/s);
  }
});

test("what a partner sends arrives on the bus that has its source's name", async () => {
  const name = 'aws.partner/example.com/offers';
  const target = rule({ Arn: { 'Fn::GetAtt': ['Standard', 'Arn'] } }, { EventBusName: name });
  const cloud = await cloudOf({ resources: target, ...outputs }, { buses: [name] });
  const { EventBusName: _, ...entry } = wanted;
  const answer = await client(cloud).send(
    new PutPartnerEventsCommand({
      Entries: [
        { ...entry, Source: name },
        { ...entry, Source: 'aws.partner/example.com/unknown' },
        { ...entry, Source: 'offers' },
        { ...entry, Source: 'aws.ec2' },
      ],
    }),
  );
  expect(answer.Entries!.map(({ ErrorCode }) => ErrorCode)).toEqual([
    undefined,
    'ResourceNotFoundException',
    'InvalidArgument',
    'InvalidArgument',
  ]);
  expect(JSON.parse((await receive(cloud, 'Standard'))!.Body)).toMatchObject({ source: name, resources: ['watch/1'] });
  // The account itself cannot speak in a partner's name.
  const own = await client(cloud).send(
    new PutEventsCommand({ Entries: [{ ...wanted, Source: name, EventBusName: name }] }),
  );
  expect(own.Entries).toMatchObject([{ ErrorCode: 'NotAuthorizedForSourceException' }]);
  await expect(
    client(cloud).send(
      new PutPartnerEventsCommand({ Entries: Array.from({ length: 21 }, () => ({ ...entry, Source: name })) }),
    ),
  ).rejects.toThrow(/less than or equal to 20/);
});

test('a rule forwards to another bus, whose rules see the event', async () => {
  const resources: Resources = {
    ...bus,
    ...rule({ Arn: { 'Fn::GetAtt': ['Standard', 'Arn'] } }),
    Second: { Type: 'AWS::Events::EventBus', Properties: { Name: 'first' } },
    Forward: {
      Type: 'AWS::Events::Rule',
      Properties: {
        EventBusName: { Ref: 'Second' },
        EventPattern: { source: ['offers'] },
        Targets: [{ Id: 'B', Arn: { 'Fn::GetAtt': ['Bus', 'Arn'] } }],
      },
    },
  };
  const cloud = await cloudOf({ resources, ...outputs });
  await client(cloud).send(new PutEventsCommand({ Entries: [{ ...wanted, EventBusName: 'first' }] }));
  expect(JSON.parse((await receive(cloud, 'Standard'))!.Body)).toMatchObject({ detail: { kind: 'wanted' } });
  expect((await client(cloud).send(new ListRulesCommand({ EventBusName: 'first' }))).Rules).toHaveLength(1);
});

function failing(settings: object | undefined, functionProperties: object = {}): AssemblyParts {
  return {
    resources: {
      ...bus,
      ...rule({ Arn: { 'Fn::GetAtt': ['Work', 'Arn'] }, InputPath: '$.detail' }),
      ...(settings
        ? {
            Settings: {
              Type: 'AWS::Lambda::EventInvokeConfig',
              Properties: { FunctionName: { Ref: 'Work' }, Qualifier: '$LATEST', ...settings },
            },
          }
        : {}),
    },
    functions: {
      Work: {
        code: `export const handler = async ({ kind, ok }) => { if (ok) return 'fine'; throw new Error('no ' + kind); };`,
        properties: { ...functionProperties },
      },
    },
    ...outputs,
  };
}

test('a function that fails is tried three times, then its event goes to the on-failure destination', async () => {
  const attempts = collector<unknown>();
  const cloud = await cloudOf(
    failing({ DestinationConfig: { OnFailure: { Destination: { 'Fn::GetAtt': ['Standard', 'Arn'] } } } }),
    { onInvocation: (info) => attempts.add(info) },
  );
  await client(cloud).send(new PutEventsCommand({ Entries: [wanted] }));
  expect(JSON.parse((await receive(cloud, 'Standard'))!.Body)).toEqual({
    version: '1.0',
    timestamp: expect.any(String),
    requestContext: {
      requestId: expect.any(String),
      functionArn: expect.stringMatching(/:function:Stack-Work-\w+:\$LATEST$/),
      condition: 'RetriesExhausted',
      approximateInvokeCount: 3,
    },
    requestPayload: { kind: 'wanted', n: 1, text: 'a "b"' },
    responseContext: { statusCode: 200, executedVersion: '$LATEST', functionError: 'Unhandled' },
    responsePayload: { errorType: 'Error', errorMessage: 'no wanted', trace: expect.any(Array) },
  });
  expect(attempts.items).toHaveLength(3);
});

test('a success is told to the on-success destination', async () => {
  const cloud = await cloudOf(
    failing({ DestinationConfig: { OnSuccess: { Destination: { 'Fn::GetAtt': ['Standard', 'Arn'] } } } }),
  );
  await client(cloud).send(new PutEventsCommand({ Entries: [{ ...wanted, Detail: '{"kind":"wanted","ok":true}' }] }));
  expect(JSON.parse((await receive(cloud, 'Standard'))!.Body)).toMatchObject({
    requestContext: { condition: 'Success', approximateInvokeCount: 1 },
    responsePayload: 'fine',
  });
});

test("a function's dead-letter queue gets the event that no attempt could handle", async () => {
  const attempts = collector<unknown>();
  const cloud = await cloudOf(
    failing({ MaximumRetryAttempts: 0 }, { DeadLetterConfig: { TargetArn: { 'Fn::GetAtt': ['Standard', 'Arn'] } } }),
    { onInvocation: (info) => attempts.add(info) },
  );
  await client(cloud).send(new PutEventsCommand({ Entries: [wanted] }));
  const message = await receive(cloud, 'Standard');
  expect(JSON.parse(message!.Body)).toMatchObject({ kind: 'wanted' });
  expect(message!.MessageAttributes).toMatchObject({
    ErrorMessage: { StringValue: 'no wanted' },
    ErrorCode: { StringValue: '200' },
    RequestID: { StringValue: expect.any(String) },
  });
  expect(attempts.items).toHaveLength(1);
});
