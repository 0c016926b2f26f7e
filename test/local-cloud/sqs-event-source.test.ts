import { expect, test } from 'vitest';
import { awsClient } from '../../local/cloud/aws-call.ts';
import type { BusEvent, Cloud, InvocationInfo } from '../../local/cloud/cloud.ts';
import {
  cloudOf,
  collector,
  reportingFunction,
  temporaryDirectory,
  type AssemblyParts,
} from './hand-written-assembly.ts';

interface SqsDetail {
  at: number;
  event: {
    Records: {
      messageId: string;
      body: string;
      receiptHandle: string;
      eventSourceARN: string;
      attributes: Record<string, string>;
    }[];
  };
}

function parts(
  respond = '',
  options: { queue?: object; source?: object; function?: object; resources?: AssemblyParts['resources'] } = {},
): AssemblyParts {
  return {
    resources: {
      Queue: { Type: 'AWS::SQS::Queue', Properties: { FifoQueue: true, VisibilityTimeout: 20, ...options.queue } },
      Source: {
        Type: 'AWS::Lambda::EventSourceMapping',
        Properties: {
          EventSourceArn: { 'Fn::GetAtt': ['Queue', 'Arn'] },
          FunctionName: { Ref: 'Worker' },
          BatchSize: 1,
          FunctionResponseTypes: ['ReportBatchItemFailures'],
          ...options.source,
        },
      },
      ...options.resources,
    },
    functions: {
      Worker: {
        code: reportingFunction(respond),
        properties: { Environment: { Variables: { QUEUE_URL: { Ref: 'Queue' } } }, ...options.function },
      },
    },
    template: { Outputs: { Url: { Value: { Ref: 'Queue' } } } },
  };
}

async function run(assembly: AssemblyParts) {
  const seen = collector<SqsDetail>();
  const invocations = collector<InvocationInfo>();
  const cloud = await cloudOf(assembly, {
    onEvent: (event: BusEvent) => seen.add(event.detail as unknown as SqsDetail),
    onInvocation: (info) => invocations.add(info),
  });
  return { cloud, seen, invocations, ...queueOf(cloud) };
}

function queueOf(cloud: Cloud) {
  const sqs = awsClient(cloud.endpoints.sqs, 'AmazonSQS');
  const url = cloud.outputs['Url']!;
  let count = 0;
  return {
    send: (body: string, group?: string) =>
      sqs.call('SendMessage', {
        QueueUrl: url,
        MessageBody: body,
        ...(group ? { MessageGroupId: group, MessageDeduplicationId: String(count++) } : {}),
      }),
    attributes: async () =>
      (
        await sqs.call<{ Attributes: Record<string, string> }>('GetQueueAttributes', {
          QueueUrl: url,
          AttributeNames: ['All'],
        })
      ).Attributes,
  };
}

test('a message arrives as the record that Lambda documents, and is deleted when the function succeeds', async () => {
  const { cloud, seen, send, attributes } = await run(parts());
  await cloud.start();
  await send('{"x":1}', 'bucket');
  const [detail] = await seen.until(1);
  const record = detail!.event.Records[0]!;
  expect(record).toEqual({
    messageId: expect.any(String),
    receiptHandle: expect.any(String),
    body: '{"x":1}',
    attributes: {
      ApproximateReceiveCount: '1',
      SentTimestamp: expect.stringMatching(/^\d{13}$/),
      ApproximateFirstReceiveTimestamp: expect.stringMatching(/^\d{13}$/),
      SenderId: expect.any(String),
      SequenceNumber: expect.stringMatching(/^\d{20}$/),
      MessageGroupId: 'bucket',
      MessageDeduplicationId: '0',
    },
    messageAttributes: {},
    md5OfBody: expect.stringMatching(/^[0-9a-f]{32}$/),
    eventSource: 'aws:sqs',
    eventSourceARN: expect.stringMatching(/^arn:aws:sqs:us-east-1:000000000000:Stack-Queue-\w+\.fifo$/),
    awsRegion: 'us-east-1',
  });
  await expect.poll(async () => (await attributes())['ApproximateNumberOfMessagesNotVisible']).toBe('0');
});

test('messages of one group are handled one after another and in order, groups side by side', async () => {
  const { cloud, seen, send } = await run(parts('await new Promise((resolve) => setTimeout(resolve, 50));'));
  for (let n = 0; n < 5; n++) for (const group of ['a', 'b']) await send(JSON.stringify({ group, n }), group);
  await cloud.start();
  const order = (await seen.until(10)).map(
    ({ event }) => JSON.parse(event.Records[0]!.body) as { group: string; n: number },
  );
  for (const group of ['a', 'b'])
    expect(order.filter((body) => body.group === group).map((body) => body.n)).toEqual([0, 1, 2, 3, 4]);
});

test('the next message of a group follows within a few tens of milliseconds', async () => {
  const { cloud, seen, send } = await run(parts());
  for (let n = 0; n < 11; n++) await send(String(n), 'bucket');
  await cloud.start();
  const times = (await seen.until(11)).map(({ at }) => at);
  const gaps = times
    .slice(1)
    .map((at, index) => at - times[index]!)
    .sort((a, b) => a - b);
  // The median, so that a busy machine may stumble once.
  expect(gaps[5]).toBeLessThan(50);
});

test('a visibility that the function sets itself decides when the failed message comes back', async () => {
  const wait = `
    const record = event.Records[0];
    if (record.attributes.ApproximateReceiveCount === '1') {
      await fetch(process.env.AWS_ENDPOINT_URL, {
        method: 'POST',
        headers: { 'content-type': 'application/x-amz-json-1.0', 'x-amz-target': 'AmazonSQS.ChangeMessageVisibility' },
        body: JSON.stringify({ QueueUrl: process.env.QUEUE_URL, ReceiptHandle: record.receiptHandle, VisibilityTimeout: 1 }),
      });
      return { batchItemFailures: [{ itemIdentifier: record.messageId }] };
    }`;
  const { cloud, seen, send } = await run(parts(wait));
  await cloud.start();
  await send('first', 'bucket');
  await send('second', 'bucket');
  const [first, again, second] = await seen.until(3);
  expect([first, again, second].map((detail) => detail!.event.Records[0]!.body)).toEqual(['first', 'first', 'second']);
  expect(again!.event.Records[0]!.attributes['ApproximateReceiveCount']).toBe('2');
  expect(again!.at - first!.at).toBeGreaterThanOrEqual(990);
  expect(again!.at - first!.at).toBeLessThan(1500);
});

test('what fails again and again ends in the dead-letter queue, and the group goes on', async () => {
  const assembly = parts(`if (event.Records[0].body === 'poison') throw new Error('no');`, {
    queue: {
      VisibilityTimeout: 1,
      RedrivePolicy: { deadLetterTargetArn: { 'Fn::GetAtt': ['Dead', 'Arn'] }, maxReceiveCount: 2 },
    },
    function: { Timeout: 1 },
    resources: { Dead: { Type: 'AWS::SQS::Queue', Properties: { FifoQueue: true } } },
  });
  assembly.template = { Outputs: { Url: { Value: { Ref: 'Queue' } }, DeadUrl: { Value: { Ref: 'Dead' } } } };
  const { cloud, seen, send } = await run(assembly);
  await cloud.start();
  await send('poison', 'bucket');
  await send('good', 'bucket');
  const bodies = (await seen.until(3)).map(({ event }) => event.Records[0]!.body);
  expect(bodies).toEqual(['poison', 'poison', 'good']);
  const dead = await awsClient(cloud.endpoints.sqs, 'AmazonSQS').call<{ Messages: { Body: string }[] }>(
    'ReceiveMessage',
    { QueueUrl: cloud.outputs['DeadUrl']! },
  );
  expect(dead.Messages.map((message) => message.Body)).toEqual(['poison']);
});

test('of a batch only the reported items stay; an unknown identifier keeps them all', async () => {
  const respond = `
    const bad = event.Records.filter((record) => record.body === 'bad');
    if (event.Records.some((record) => record.body === 'nonsense')) return { batchItemFailures: [{ itemIdentifier: 'who?' }] };
    return { batchItemFailures: bad.map((record) => ({ itemIdentifier: record.messageId })) };`;
  const { cloud, invocations, send, attributes } = await run(
    parts(respond, { queue: { FifoQueue: false, VisibilityTimeout: 30 }, source: { BatchSize: 10 } }),
  );
  for (const body of ['good', 'bad', 'good']) await send(body);
  await cloud.start();
  await invocations.until(1);
  await expect.poll(async () => (await attributes())['ApproximateNumberOfMessagesNotVisible']).toBe('1');
  await send('nonsense');
  await invocations.until(2);
  expect((await attributes())['ApproximateNumberOfMessagesNotVisible']).toBe('2');
});

test('of a batch of a standard queue each message comes back when the function has said, and not before', async () => {
  const respond = `
    const failed = event.Records.filter(({ attributes }) => attributes.ApproximateReceiveCount === '1');
    for (const record of failed) {
      await fetch(process.env.AWS_ENDPOINT_URL, {
        method: 'POST',
        headers: { 'content-type': 'application/x-amz-json-1.0', 'x-amz-target': 'AmazonSQS.ChangeMessageVisibility' },
        body: JSON.stringify({
          QueueUrl: process.env.QUEUE_URL,
          ReceiptHandle: record.receiptHandle,
          VisibilityTimeout: Number(record.body),
        }),
      });
    }
    return { batchItemFailures: failed.map(({ messageId }) => ({ itemIdentifier: messageId })) };`;
  const { cloud, seen, send, attributes } = await run(
    // Who is not asked about the time would only come back after the test.
    parts(respond, { queue: { FifoQueue: false, VisibilityTimeout: 300 }, source: { BatchSize: 5 } }),
  );
  for (const seconds of ['3', '1']) await send(seconds);
  await cloud.start();
  const receipts = () =>
    seen.items.flatMap(({ at, event }) =>
      event.Records.map(({ body, attributes: own }) => ({ at, body, count: own['ApproximateReceiveCount'] })),
    );
  await expect.poll(() => receipts().length, { timeout: 20_000 }).toBe(4);
  const again = receipts().filter(({ count }) => count === '2');
  expect(again.map(({ body }) => body)).toEqual(['1', '3']);
  for (const { at, body } of again) {
    const first = receipts().find((one) => one.body === body && one.count === '1')!;
    expect(at - first.at).toBeGreaterThanOrEqual(Number(body) * 1000 - 10);
  }
  await expect
    .poll(async () => {
      const { ApproximateNumberOfMessages: waiting, ApproximateNumberOfMessagesNotVisible: hidden } =
        await attributes();
      return [waiting, hidden];
    })
    .toEqual(['0', '0']);
});

test('no more batches run at once than the maximum concurrency', async () => {
  const { cloud, seen, send } = await run(
    parts('await new Promise((resolve) => setTimeout(resolve, 100)); console.log("done");', {
      queue: { FifoQueue: false },
      source: { ScalingConfig: { MaximumConcurrency: 2 } },
    }),
  );
  for (let n = 0; n < 8; n++) await send(String(n));
  await cloud.start();
  const times = (await seen.until(8)).map(({ at }) => at);
  for (let n = 2; n < 8; n++) expect(times[n]! - times[n - 2]!).toBeGreaterThan(80);
});

test('a message that the filters reject never reaches the function and is gone', async () => {
  const { cloud, seen, send, attributes } = await run(
    parts('', {
      queue: { FifoQueue: false },
      source: { FilterCriteria: { Filters: [{ Pattern: '{"body":{"kind":["wanted"]}}' }] } },
    }),
  );
  await cloud.start();
  await send('{"kind":"other"}');
  await send('not even JSON');
  await send('{"kind":"wanted"}');
  expect((await seen.until(1))[0]!.event.Records[0]!.body).toBe('{"kind":"wanted"}');
  await expect.poll(async () => (await attributes())['ApproximateNumberOfMessagesNotVisible']).toBe('0');
  expect((await attributes())['ApproximateNumberOfMessages']).toBe('0');
});

test('a message whose invocation a stop cuts off is taken up at once by the next start', async () => {
  const dataDir = temporaryDirectory();
  const hangsAtFirst = `
    if (event.Records[0].attributes.ApproximateReceiveCount === '1') await new Promise((done) => setTimeout(done, 9000));`;
  const assembly = parts(hangsAtFirst, { queue: { VisibilityTimeout: 600 } });
  const seen = collector<SqsDetail>();
  const options = {
    dataDir,
    stopGraceMs: 10,
    onEvent: (event: BusEvent) => seen.add(event.detail as unknown as SqsDetail),
  };
  const first = await cloudOf(assembly, options);
  await first.start();
  await queueOf(first).send('cut off', 'bucket');
  await seen.until(1);
  await first.stop();
  const second = await cloudOf(assembly, options);
  await second.start();
  const [, again] = await seen.until(2);
  expect(again!.event.Records[0]).toMatchObject({ body: 'cut off', attributes: { ApproximateReceiveCount: '2' } });
});

test('a batch whose payload would be over 6 MiB is handed over in parts, none over it, and nothing is left out', async () => {
  const { cloud, invocations, send } = await run({
    ...parts('', { queue: { FifoQueue: false, VisibilityTimeout: 60 }, source: { BatchSize: 10 } }),
    functions: { Worker: { code: 'export const handler = async () => undefined;' } },
  });
  // Quotation marks take two bytes each in JSON.
  const bodies = Array.from({ length: 8 }, (_, index) => String(index).padEnd(1_000_000, '"'));
  for (const body of bodies) await send(body);
  await cloud.start();
  const handed = () => invocations.items.flatMap(({ event }) => (event as SqsDetail['event']).Records);
  await expect.poll(() => handed().length, { timeout: 20_000 }).toBe(8);
  expect(new Set(handed().map(({ body }) => body))).toEqual(new Set(bodies));
  for (const { event, outcome } of invocations.items) {
    expect(Buffer.byteLength(JSON.stringify(event))).toBeLessThanOrEqual(6 * 1024 * 1024);
    expect(outcome).toBe('success');
  }
});
