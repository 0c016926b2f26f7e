import { cpSync } from 'node:fs';
import { afterEach, expect, onTestFinished, test, vi } from 'vitest';
import { awsClient, type AwsClient } from '../../local/cloud/aws-call.ts';
import { startSqs } from '../../local/cloud/sqs-engine.ts';
import { startChild } from './child-process.ts';
import { temporaryDirectory } from './hand-written-assembly.ts';

interface Message {
  MessageId: string;
  Body: string;
  ReceiptHandle: string;
  Attributes: Record<string, string>;
  MessageAttributes?: Record<string, unknown>;
}

afterEach(() => {
  vi.useRealTimers();
});

/** Sets this process's clock, which is the engine's, and leaves its timers alone. */
function setClock(epochMs: number): void {
  vi.useFakeTimers({ toFake: ['Date'], now: epochMs });
}

/** The engine in this process, after another one has been killed. */
async function reopen(dataDir: string) {
  const engine = await startSqs(dataDir, undefined);
  const sqs = awsClient(engine.url, 'AmazonSQS');
  let stopping: Promise<void> | undefined;
  const stop = () => {
    sqs.close();
    return (stopping ??= engine.stop());
  };
  onTestFinished(stop);
  return { sqs, stop };
}

function queueOf(sqs: AwsClient, name: string) {
  const QueueUrl = `${sqs.url}/000000000000/${name}`;
  const call = <T = object>(operation: string, input: object = {}) => sqs.call<T>(operation, { QueueUrl, ...input });
  return {
    call,
    create: (Attributes: Record<string, string> = {}) =>
      sqs.call('CreateQueue', {
        QueueName: name,
        Attributes: { ...(name.endsWith('.fifo') ? { FifoQueue: 'true' } : {}), ...Attributes },
      }),
    send: (MessageBody: string, input: object = {}) =>
      call<{ MessageId: string; SequenceNumber: string }>('SendMessage', { MessageBody, ...input }),
    receive: async (input: object = {}) =>
      (
        await call<{ Messages?: Message[] }>('ReceiveMessage', {
          MaxNumberOfMessages: 10,
          MessageSystemAttributeNames: ['All'],
          MessageAttributeNames: ['All'],
          ...input,
        })
      ).Messages ?? [],
    attributes: async () =>
      (await call<{ Attributes: Record<string, string> }>('GetQueueAttributes', { AttributeNames: ['All'] }))
        .Attributes,
  };
}
const fifo = (group: string, id: string) => ({ MessageGroupId: group, MessageDeduplicationId: id });
const bodies = (messages: Message[]) => messages.map(({ Body }) => Body);

/** Runs the work on queues in a process, kills that process, and opens its data directory in this one. */
async function afterKill<T>(work: (sqs: AwsClient) => Promise<T>) {
  const dataDir = temporaryDirectory();
  const child = await startChild({ dataDir });
  const before = await work(child.sqs);
  await child.kill();
  return { before, dataDir, ...(await reopen(dataDir)) };
}

test('ready messages, their attributes, the order within groups and sequence numbers outlast a kill', async () => {
  const MessageAttributes = { kind: { DataType: 'String', StringValue: 'é😀' } };
  const { before, sqs } = await afterKill(async (child) => {
    const queue = queueOf(child, 'q.fifo');
    await queue.create({ VisibilityTimeout: '77' });
    await queue.send('a1', { ...fifo('a', '1'), MessageAttributes });
    for (const [group, id] of ['b1', 'a2', 'b2'].map((id) => [id[0]!, id])) await queue.send(id!, fifo(group!, id!));
    return queue.send('a3', fifo('a', 'a3'));
  });
  const queue = queueOf(sqs, 'q.fifo');
  expect(await queue.attributes()).toMatchObject({ VisibilityTimeout: '77', FifoQueue: 'true' });
  const seen: Message[] = [];
  for (let messages = await queue.receive(); messages.length > 0; messages = await queue.receive()) {
    seen.push(...messages);
    for (const { ReceiptHandle } of messages) await queue.call('DeleteMessage', { ReceiptHandle });
  }
  expect(bodies(seen).filter((body) => body.startsWith('a'))).toEqual(['a1', 'a2', 'a3']);
  expect(bodies(seen).filter((body) => body.startsWith('b'))).toEqual(['b1', 'b2']);
  expect(seen[0]!.MessageAttributes).toEqual(MessageAttributes);
  const next = await queue.send('a4', fifo('a', 'a4'));
  expect(BigInt(next.SequenceNumber)).toBeGreaterThan(BigInt(before.SequenceNumber));
});

test('a delayed message keeps its remaining delay through a kill', async () => {
  const { before, sqs } = await afterKill(async (child) => {
    const queue = queueOf(child, 'q');
    await queue.create();
    const earliest = Date.now();
    await queue.send('later', { DelaySeconds: 900 });
    return { earliest, latest: Date.now() };
  });
  const queue = queueOf(sqs, 'q');
  setClock(before.earliest + 899_999);
  expect(await queue.receive()).toEqual([]);
  expect((await queue.attributes())['ApproximateNumberOfMessagesDelayed']).toBe('1');
  // The engine was opened again later than this, less 900 s.
  setClock(before.latest + 900_001);
  expect(bodies(await queue.receive())).toEqual(['later']);
});

test('a message in flight at a kill comes back at its deadline, not before, with its receive count', async () => {
  const { before, sqs } = await afterKill(async (child) => {
    const queue = queueOf(child, 'q.fifo');
    await queue.create({ VisibilityTimeout: '100' });
    await queue.send('first', fifo('g', '1'));
    await queue.send('second', fifo('g', '2'));
    const earliest = Date.now();
    expect(bodies(await queue.receive())).toEqual(['first']);
    return { earliest, latest: Date.now() };
  });
  const queue = queueOf(sqs, 'q.fifo');
  setClock(before.earliest + 99_999);
  // The whole group waits for it.
  expect(await queue.receive()).toEqual([]);
  setClock(before.latest + 100_001);
  const [again] = await queue.receive();
  expect(again).toMatchObject({ Body: 'first', Attributes: { ApproximateReceiveCount: '2' } });
});

test('a visibility that was changed before a kill counts after it', async () => {
  const { before, sqs } = await afterKill(async (child) => {
    const queue = queueOf(child, 'q');
    await queue.create({ VisibilityTimeout: '10' });
    await queue.send('kept');
    const [message] = await queue.receive();
    const earliest = Date.now();
    await queue.call('ChangeMessageVisibility', { ReceiptHandle: message!.ReceiptHandle, VisibilityTimeout: 500 });
    return { earliest, latest: Date.now() };
  });
  const queue = queueOf(sqs, 'q');
  setClock(before.earliest + 499_999);
  expect(await queue.receive()).toEqual([]);
  setClock(before.latest + 500_001);
  expect(bodies(await queue.receive())).toEqual(['kept']);
});

test('a receipt handle from before a kill still deletes its message and changes its visibility', async () => {
  const { before, sqs, stop, dataDir } = await afterKill(async (child) => {
    const queue = queueOf(child, 'q');
    await queue.create({ VisibilityTimeout: '100' });
    await queue.send('to delete');
    await queue.send('to show');
    return queue.receive();
  });
  const queue = queueOf(sqs, 'q');
  const handle = (body: string) => ({ ReceiptHandle: before.find(({ Body }) => Body === body)!.ReceiptHandle });
  await queue.call('DeleteMessage', handle('to delete'));
  await queue.call('ChangeMessageVisibility', { ...handle('to show'), VisibilityTimeout: 0 });
  expect(bodies(await queue.receive())).toEqual(['to show']);
  await stop();
  setClock(Date.now() + 101_000);
  expect(bodies(await queueOf((await reopen(dataDir)).sqs, 'q').receive())).toEqual(['to show']);
});

test.each([
  ['queue', ['same']],
  ['messageGroup', ['same', 'same in b']],
])('an id is remembered through a kill per %s for five minutes, though its message is deleted', async (scope, left) => {
  const { before, sqs } = await afterKill(async (child) => {
    const queue = queueOf(child, 'q.fifo');
    await queue.create({
      DeduplicationScope: scope,
      FifoThroughputLimit: scope === 'queue' ? 'perQueue' : 'perMessageGroupId',
    });
    const earliest = Date.now();
    const { MessageId, SequenceNumber } = await queue.send('same', fifo('a', 'id'));
    await queue.send('same in b', fifo('b', 'id'));
    const received = await queue.receive();
    expect(bodies(received)).toEqual(left);
    for (const { ReceiptHandle } of received) await queue.call('DeleteMessage', { ReceiptHandle });
    return { first: { MessageId, SequenceNumber }, earliest, latest: Date.now() };
  });
  const queue = queueOf(sqs, 'q.fifo');
  setClock(before.earliest + 299_999);
  for (const group of ['a', 'b']) {
    const again = await queue.send('again', fifo(group, 'id'));
    if (group === 'a') expect(again).toMatchObject(before.first);
  }
  expect(await queue.receive()).toEqual([]);
  setClock(before.latest + 300_000);
  await queue.send('new', fifo('a', 'id'));
  expect(bodies(await queue.receive())).toEqual(['new']);
});

/** Does the work in a process that dies at its first write, in another at its second, until one survives it. */
async function atEveryWrite(
  prepare: (sqs: AwsClient) => Promise<unknown>,
  work: (sqs: AwsClient) => Promise<unknown>,
  check: (sqs: AwsClient, survived: boolean) => Promise<void>,
): Promise<number> {
  const template = temporaryDirectory();
  const prepared = await reopen(template);
  await prepare(prepared.sqs);
  await prepared.stop();
  for (let n = 1; ; n++) {
    const dataDir = temporaryDirectory();
    cpSync(template, dataDir, { recursive: true });
    const child = await startChild({ dataDir });
    await child.dieAtWrite(n);
    const survived = await work(child.sqs).then(
      () => true,
      () => false,
    );
    await child.kill();
    const reopened = await reopen(dataDir);
    await check(reopened.sqs, survived);
    await reopened.stop();
    if (survived) return n - 1;
  }
}

test('wherever a kill strikes, a message on its way to the dead-letter queue is in one of the two', async () => {
  const deaths = await atEveryWrite(
    async (sqs) => {
      const [queue, dead] = [queueOf(sqs, 'q.fifo'), queueOf(sqs, 'dead.fifo')];
      await dead.create();
      await queue.create({
        VisibilityTimeout: '0',
        RedrivePolicy: JSON.stringify({
          deadLetterTargetArn: 'arn:aws:sqs:us-east-1:000000000000:dead.fifo',
          maxReceiveCount: 1,
        }),
      });
      await queue.send('poison', fifo('g', '1'));
      await queue.receive();
    },
    (sqs) => queueOf(sqs, 'q.fifo').receive(),
    async (sqs, survived) => {
      const inQueue = Number((await queueOf(sqs, 'q.fifo').attributes())['ApproximateNumberOfMessages']);
      const inDead = bodies(await queueOf(sqs, 'dead.fifo').receive());
      expect(inQueue + inDead.length).toBe(1);
      if (survived) expect(inDead).toEqual(['poison']);
    },
  );
  expect(deaths).toBeGreaterThanOrEqual(4);
}, 60_000);

test('wherever a kill strikes, sending again with the same id leaves exactly one message', async () => {
  const deaths = await atEveryWrite(
    (sqs) => queueOf(sqs, 'q.fifo').create(),
    (sqs) => queueOf(sqs, 'q.fifo').send('once', fifo('g', 'id')),
    async (sqs) => {
      const queue = queueOf(sqs, 'q.fifo');
      await queue.send('once', fifo('g', 'id'));
      expect((await queue.attributes())['ApproximateNumberOfMessages']).toBe('1');
    },
  );
  expect(deaths).toBeGreaterThanOrEqual(4);
}, 60_000);

test('wherever a kill strikes, a message that is being received is there once', async () => {
  await atEveryWrite(
    async (sqs) => {
      await queueOf(sqs, 'q').create({ VisibilityTimeout: '600' });
      await queueOf(sqs, 'q').send('once');
    },
    (sqs) => queueOf(sqs, 'q').receive(),
    async (sqs, survived) => {
      const attributes = await queueOf(sqs, 'q').attributes();
      expect([attributes['ApproximateNumberOfMessages'], attributes['ApproximateNumberOfMessagesNotVisible']]).toEqual(
        survived ? ['0', '1'] : ['1', '0'],
      );
    },
  );
}, 60_000);
