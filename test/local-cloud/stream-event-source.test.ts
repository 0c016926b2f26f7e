import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { awsClient } from '../../local/cloud/aws-call.ts';
import { createCloud, type BusEvent, type Cloud } from '../../local/cloud/cloud.ts';
import {
  cloudOf,
  collector,
  reportingFunction,
  temporaryDirectory,
  writeAssembly,
  type AssemblyParts,
} from './hand-written-assembly.ts';

interface StreamDetail {
  event: {
    Records: {
      eventName: string;
      eventSourceARN: string;
      dynamodb: { SequenceNumber: string; NewImage?: { pk: { S: string } } };
    }[];
  };
}

function parts(respond = '', source: object = {}): AssemblyParts {
  return {
    resources: {
      Table: {
        Type: 'AWS::DynamoDB::Table',
        Properties: {
          AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
          KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
          BillingMode: 'PAY_PER_REQUEST',
          StreamSpecification: { StreamViewType: 'NEW_AND_OLD_IMAGES' },
        },
      },
      Dead: { Type: 'AWS::SQS::Queue' },
      Source: {
        Type: 'AWS::Lambda::EventSourceMapping',
        Properties: {
          EventSourceArn: { 'Fn::GetAtt': ['Table', 'StreamArn'] },
          FunctionName: { Ref: 'Reader' },
          StartingPosition: 'TRIM_HORIZON',
          FunctionResponseTypes: ['ReportBatchItemFailures'],
          ...source,
        },
      },
    },
    functions: { Reader: { code: reportingFunction(respond) } },
    template: { Outputs: { Table: { Value: { Ref: 'Table' } }, DeadUrl: { Value: { Ref: 'Dead' } } } },
  };
}

const keys = (detail: StreamDetail) => detail.event.Records.map((record) => record.dynamodb.NewImage?.pk.S);

async function put(cloud: Cloud, ...items: string[]) {
  const dynamodb = awsClient(cloud.endpoints.dynamodb, 'DynamoDB_20120810');
  for (const pk of items) {
    await dynamodb.call('PutItem', {
      TableName: cloud.outputs['Table']!,
      Item: { pk: { S: pk }, bytes: { B: 'aGk=' }, n: { N: '1' } },
    });
  }
}

async function run(assembly: AssemblyParts) {
  const seen = collector<StreamDetail>();
  const cloud = await cloudOf(assembly, {
    onEvent: (event: BusEvent) => seen.add(event.detail as unknown as StreamDetail),
  });
  return { cloud, seen };
}

async function deadLetters(cloud: Cloud): Promise<Record<string, Record<string, unknown>>[]> {
  const sqs = awsClient(cloud.endpoints.sqs, 'AmazonSQS');
  const answer = await sqs.call<{ Messages?: { Body: string }[] }>('ReceiveMessage', {
    QueueUrl: cloud.outputs['DeadUrl']!,
    WaitTimeSeconds: 10,
    MaxNumberOfMessages: 10,
  });
  return (answer.Messages ?? []).map((message) => JSON.parse(message.Body) as Record<string, Record<string, unknown>>);
}

test('changes made before the source starts are read from the trim horizon, as Lambda shows them', async () => {
  const { cloud, seen } = await run(parts());
  await put(cloud, 'a', 'b');
  await cloud.start();
  const [batch] = await seen.until(1);
  expect(keys(batch!)).toEqual(['a', 'b']);
  expect(batch!.event.Records[0]).toEqual({
    eventID: expect.any(String),
    eventName: 'INSERT',
    eventVersion: '1.1',
    eventSource: 'aws:dynamodb',
    awsRegion: 'us-east-1',
    eventSourceARN: expect.stringMatching(
      /^arn:aws:dynamodb:us-east-1:000000000000:table\/Stack-Table-\w+\/stream\/.+/,
    ),
    dynamodb: {
      ApproximateCreationDateTime: expect.any(Number),
      Keys: { pk: { S: 'a' } },
      NewImage: { pk: { S: 'a' }, bytes: { B: 'aGk=' }, n: { N: '1' } },
      SequenceNumber: expect.any(String),
      SizeBytes: expect.any(Number),
      StreamViewType: 'NEW_AND_OLD_IMAGES',
    },
  });
});

test('after a restart the stream goes on where it was, and nothing is read twice', async () => {
  const assembly = writeAssembly(parts());
  const dataDir = temporaryDirectory();
  const seen = collector<StreamDetail>();
  const options = {
    enforcement: 'off' as const,
    assembly,
    dataDir,
    retryWaitScale: 0.001,
    onEvent: (event: BusEvent) => seen.add(event.detail as unknown as StreamDetail),
  };

  const first = await createCloud(options);
  await put(first, 'a', 'b');
  await first.start();
  await seen.until(1);
  await first.stop();

  const second = await createCloud(options);
  await put(second, 'c');
  await second.start();
  await seen.until(2);
  await second.stop();
  expect(seen.items.map(keys)).toEqual([['a', 'b'], ['c']]);
});

test('only records that a filter accepts reach the function', async () => {
  const { cloud, seen } = await run(
    parts('', {
      FilterCriteria: {
        Filters: [{ Pattern: '{"eventName":["INSERT"],"dynamodb":{"NewImage":{"pk":{"S":[{"prefix":"w"}]}}}}' }],
      },
    }),
  );
  await put(cloud, 'other', 'wanted', 'wanted');
  await cloud.start();
  await put(cloud, 'wide');
  await expect.poll(() => seen.items.flatMap(keys)).toEqual(['wanted', 'wide']);
});

test('a partial failure is retried from the lowest failed record, and no later than it', async () => {
  const respond = `
    globalThis.tries = (globalThis.tries ?? 0) + 1;
    if (globalThis.tries === 1) return { batchItemFailures: [{ itemIdentifier: event.Records[2].dynamodb.SequenceNumber }, { itemIdentifier: event.Records[1].dynamodb.SequenceNumber }] };`;
  const { cloud, seen } = await run(parts(respond));
  await put(cloud, 'a', 'b', 'c', 'd');
  await cloud.start();
  expect((await seen.until(2)).map(keys)).toEqual([
    ['a', 'b', 'c', 'd'],
    ['b', 'c', 'd'],
  ]);
});

test('a poison record is isolated by halving and reported to the on-failure queue; the others flow', async () => {
  const respond = `if (event.Records.some((record) => record.dynamodb.NewImage.pk.S === 'poison')) throw new Error('no');`;
  const { cloud, seen } = await run(
    parts(respond, {
      BisectBatchOnFunctionError: true,
      MaximumRetryAttempts: 2,
      DestinationConfig: { OnFailure: { Destination: { 'Fn::GetAtt': ['Dead', 'Arn'] } } },
    }),
  );
  await put(cloud, 'a', 'b', 'poison', 'c');
  await cloud.start();
  const [letter] = await deadLetters(cloud);
  expect(letter).toEqual({
    version: '1.0',
    timestamp: expect.any(String),
    requestContext: {
      requestId: expect.any(String),
      functionArn: expect.stringMatching(/^arn:aws:lambda:us-east-1:000000000000:function:Stack-Reader-\w+$/),
      condition: 'RetryAttemptsExhausted',
      approximateInvokeCount: 3,
    },
    responseContext: { statusCode: 200, executedVersion: '$LATEST', functionError: 'Unhandled' },
    DDBStreamBatchInfo: {
      shardId: expect.stringMatching(/^shardId-/),
      startSequenceNumber: '3',
      endSequenceNumber: '3',
      approximateArrivalOfFirstRecord: expect.stringMatching(/Z$/),
      approximateArrivalOfLastRecord: expect.stringMatching(/Z$/),
      batchSize: 1,
      streamArn: expect.stringMatching(/^arn:aws:dynamodb:us-east-1:/),
    },
  });
  await expect.poll(() => seen.items.map(keys)).toContainEqual(['c']);
  expect(seen.items.map(keys)).toContainEqual(['a', 'b']);
});

test('records older than the maximum age go to the on-failure queue', async () => {
  const { cloud } = await run(
    parts('throw new Error("no");', {
      // 60 s at a thousandth: by the second attempt the record is too old.
      MaximumRecordAgeInSeconds: 60,
      DestinationConfig: { OnFailure: { Destination: { 'Fn::GetAtt': ['Dead', 'Arn'] } } },
    }),
  );
  await put(cloud, 'a');
  await cloud.start();
  const [letter] = await deadLetters(cloud);
  expect(letter!['requestContext']).toMatchObject({ condition: 'RecordAgeExceeded' });
});

test('lanes of a shard run side by side, keep each item in order and lose nothing', async () => {
  const { cloud, seen } = await run(
    parts('await new Promise((resolve) => setTimeout(resolve, 20));', { ParallelizationFactor: 4, BatchSize: 1 }),
  );
  const dynamodb = awsClient(cloud.endpoints.dynamodb, 'DynamoDB_20120810');
  for (let n = 0; n < 5; n++)
    for (const pk of ['a', 'b', 'c'])
      await dynamodb.call('PutItem', {
        TableName: cloud.outputs['Table']!,
        Item: { pk: { S: pk }, n: { N: String(n) } },
      });
  await cloud.start();
  await seen.until(15);
  for (const pk of ['a', 'b', 'c']) {
    const numbers = seen.items
      .flatMap(({ event }) => event.Records)
      .filter((record) => record.dynamodb.NewImage?.pk.S === pk)
      .map((record) => Number(record.dynamodb.SequenceNumber));
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    expect(numbers).toHaveLength(5);
  }
});

test('records past a day go when the cloud starts, the numbers go on, and finding the next one needs no search', async () => {
  const assembly = writeAssembly(parts());
  const dataDir = temporaryDirectory();
  const first = await createCloud({ enforcement: 'off', assembly, dataDir });
  await put(first, 'a', 'b', 'c');
  await first.stop();
  const withDatabase = <T>(work: (database: DatabaseSync) => T): T => {
    const database = new DatabaseSync(join(dataDir, 'dynamodb/tables.sqlite'));
    try {
      return work(database);
    } finally {
      database.close();
    }
  };
  withDatabase((database) => database.exec('UPDATE _stream_records SET created_at = created_at - 2 * 86400'));

  const seen = collector<StreamDetail>();
  const second = await createCloud({
    enforcement: 'off',
    assembly,
    dataDir,
    onEvent: (event) => seen.add(event.detail as unknown as StreamDetail),
  });
  await put(second, 'd');
  await second.start();
  const [batch] = await seen.until(1);
  await second.stop();
  expect(batch!.event.Records.map((record) => record.dynamodb.SequenceNumber)).toEqual(['3', '4']);
  const plan = withDatabase((database) =>
    database
      .prepare(
        "EXPLAIN QUERY PLAN SELECT MAX(CAST(sequence_number AS INTEGER)) FROM _stream_records WHERE table_name = 'x'",
      )
      .all(),
  );
  expect(JSON.stringify(plan)).toContain('stream_position');
});
