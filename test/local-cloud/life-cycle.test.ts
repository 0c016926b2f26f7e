import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { once } from 'node:events';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { awsClient } from '../../local/cloud/aws-call.ts';
import { createCloud, type Cloud } from '../../local/cloud/cloud.ts';
import { cloudOf, temporaryDirectory, writeAssembly, type AssemblyParts } from './hand-written-assembly.ts';

const parts: AssemblyParts = {
  resources: {
    Queue: {
      Type: 'AWS::SQS::Queue',
      Properties: { FifoQueue: true, DeduplicationScope: 'messageGroup', FifoThroughputLimit: 'perMessageGroupId' },
    },
    Table: {
      Type: 'AWS::DynamoDB::Table',
      Properties: {
        AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
        KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
      },
    },
    Source: {
      Type: 'AWS::Lambda::EventSourceMapping',
      Properties: { EventSourceArn: { 'Fn::GetAtt': ['Queue', 'Arn'] }, FunctionName: { Ref: 'Work' }, BatchSize: 1 },
    },
    Schedule: {
      Type: 'AWS::Scheduler::Schedule',
      Properties: {
        ScheduleExpression: 'rate(1 minute)',
        FlexibleTimeWindow: { Mode: 'OFF' },
        Target: { Arn: { 'Fn::GetAtt': ['Work', 'Arn'] }, RoleArn: 'arn:aws:iam::000000000000:role/any' },
      },
    },
  },
  functions: { Work: { code: 'setInterval(() => {}, 1000); export const handler = async () => 1;' } },
  template: { Outputs: { Url: { Value: { Ref: 'Queue' } } } },
};

const queueOf = (cloud: Cloud) => {
  const sqs = awsClient(cloud.endpoints.sqs, 'AmazonSQS');
  const QueueUrl = cloud.outputs['Url']!;
  return {
    send: (group: string, id: string) =>
      sqs.call<{ MessageId: string }>('SendMessage', {
        QueueUrl,
        MessageBody: id,
        MessageGroupId: group,
        MessageDeduplicationId: id,
      }),
    receive: async (VisibilityTimeout: number) =>
      (
        await sqs.call<{ Messages?: { Body: string; ReceiptHandle: string; Attributes: Record<string, string> }[] }>(
          'ReceiveMessage',
          { QueueUrl, VisibilityTimeout, MaxNumberOfMessages: 10, MessageSystemAttributeNames: ['All'] },
        )
      ).Messages ?? [],
    makeVisible: (ReceiptHandle: string) =>
      sqs.call('ChangeMessageVisibility', { QueueUrl, ReceiptHandle, VisibilityTimeout: 0 }),
  };
};

/** A zombie, which nobody has reaped yet, has no executable any more. */
function isRunning(pid: number): boolean {
  try {
    return readlinkSync(`/proc/${pid}/exe`) !== '';
  } catch {
    return false;
  }
}
/** The engine is the process whose command line names the data directory. */
function enginePid(dataDir: string): number {
  const found = readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`${dataDir}/dynamodb`);
    } catch {
      return false;
    }
  });
  expect(found).toHaveLength(1);
  return Number(found[0]);
}

test('messages outlast a restart with their receive count, and the queue URL follows the engine', async () => {
  const dataDir = temporaryDirectory();
  const assembly = writeAssembly(parts);
  const first = await createCloud({ enforcement: 'off', assembly, dataDir });
  await queueOf(first).send('a', '1');
  const [message] = await queueOf(first).receive(30);
  await queueOf(first).makeVisible(message!.ReceiptHandle);
  await first.stop();

  const second = await cloudOf(parts, { dataDir });
  expect(second.outputs['Url']).toContain(new URL(second.endpoints.sqs).host);
  // What is still in the queue is still remembered as a duplicate.
  await queueOf(second).send('a', '1');
  const [again, ...rest] = await queueOf(second).receive(30);
  expect(rest).toEqual([]);
  expect(again!.Attributes['ApproximateReceiveCount']).toBe('2');
});

test('deduplication by message group lets two groups use one deduplication id', async () => {
  const cloud = await cloudOf(parts);
  const queue = queueOf(cloud);
  for (const group of ['a', 'b', 'a']) await queue.send(group, 'same');
  const messages = await queue.receive(30);
  expect(
    messages.map(({ Attributes }) => [Attributes['MessageGroupId'], Attributes['MessageDeduplicationId']]),
  ).toEqual([
    ['a', 'same'],
    ['b', 'same'],
  ]);
});

test('stop() leaves no process, server or thread behind, and can be called twice', async () => {
  const dataDir = temporaryDirectory();
  const cloud = await createCloud({ enforcement: 'off', assembly: writeAssembly(parts), dataDir, stopGraceMs: 500 });
  const pid = enginePid(dataDir);
  expect(isRunning(pid)).toBe(true);
  await cloud.start();
  await cloud.invoke('Work', {});
  const [first, second] = [cloud.stop(), cloud.stop()];
  await Promise.all([first, second]);
  expect(isRunning(pid)).toBe(false);
  for (const url of Object.values(cloud.endpoints)) await expect(fetch(url)).rejects.toThrow();
});

test('a program that only starts and stops a cloud ends by itself', async () => {
  const script = `
    import { createCloud } from ${JSON.stringify(join(process.cwd(), 'local/cloud/cloud.ts'))};
    const cloud = await createCloud({ enforcement: 'off', assembly: ${JSON.stringify(writeAssembly(parts))}, dataDir: ${JSON.stringify(temporaryDirectory())} });
    await cloud.start();
    await cloud.invoke('Work', {});
    await cloud.stop();`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += String(chunk)));
  child.stderr.on('data', (chunk: Buffer) => (output += String(chunk)));
  const [code] = (await once(child, 'exit')) as [number];
  expect({ code, output }).toEqual({ code: 0, output: '' });
});

test('an engine does not outlive a parent that is killed, and its data is there at the next start', async () => {
  const dataDir = temporaryDirectory();
  const script = `
    import { createCloud } from ${JSON.stringify(join(process.cwd(), 'local/cloud/cloud.ts'))};
    await createCloud({ enforcement: 'off', assembly: ${JSON.stringify(writeAssembly(parts))}, dataDir: ${JSON.stringify(dataDir)} });
    process.stdout.write('ready');`;
  const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(parent.stdout, 'data');
  const leftover = enginePid(dataDir);
  parent.kill('SIGKILL');
  await once(parent, 'exit');
  await expect.poll(() => isRunning(leftover)).toBe(false);

  const cloud = await cloudOf(parts, { dataDir });
  expect(cloud.resources.get('Table')!.physicalId).toMatch(/^Stack-Table-/);
});

test('a data directory serves one cloud at a time', async () => {
  const dataDir = temporaryDirectory();
  const cloud = await cloudOf(parts, { dataDir });
  await expect(createCloud({ enforcement: 'off', assembly: writeAssembly(parts), dataDir })).rejects.toThrow(
    `in use by process ${process.pid}`,
  );
  await cloud.stop();
  await cloudOf(parts, { dataDir });
});

test('everything listens on the loopback address only', async () => {
  const cloud = await cloudOf(parts);
  const ports = new Set(Object.values(cloud.endpoints).map((url) => Number(new URL(url).port)));
  const listening = readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[3] === '0A')
    .map((fields) => fields[1]!.split(':'))
    .filter(([, port]) => ports.has(parseInt(port!, 16)));
  expect(listening.length).toBe(ports.size);
  for (const [address] of listening) expect(address).toBe('0100007F');
});

test('engines given by URL are used, and left running', async () => {
  const engines = await cloudOf(parts);
  const cloud = await createCloud({
    enforcement: 'off',
    assembly: writeAssembly({ ...parts, resources: { ...parts.resources, More: { Type: 'AWS::SQS::Queue' } } }),
    dataDir: temporaryDirectory(),
    engines: { dynamodbUrl: engines.endpoints.dynamodb, sqsUrl: engines.endpoints.sqs },
  });
  const { QueueUrls } = await awsClient(engines.endpoints.sqs, 'AmazonSQS').call<{ QueueUrls: string[] }>(
    'ListQueues',
    {},
  );
  expect(QueueUrls.some((url) => url.includes('More'))).toBe(true);
  await cloud.start();
  await cloud.stop();
  await queueOf(engines).send('a', '1');
  expect(await queueOf(engines).receive(30)).toHaveLength(1);
});

test('messages older than the retention period are gone', async () => {
  const dataDir = temporaryDirectory();
  const first = await createCloud({ enforcement: 'off', assembly: writeAssembly(parts), dataDir });
  await queueOf(first).send('a', 'old');
  await queueOf(first).send('b', 'new');
  await first.stop();
  const messages = new DatabaseSync(join(dataDir, 'sqs/fauxqs.db'));
  messages.exec("UPDATE sqs_messages SET sent_timestamp = sent_timestamp - 5 * 86400 * 1000 WHERE body = 'old'");
  messages.close();
  const second = await cloudOf(parts, { dataDir });
  expect((await queueOf(second).receive(30)).map((message) => message.Body)).toEqual(['new']);
});
