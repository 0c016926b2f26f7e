import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, onTestFinished, test } from 'vitest';
import { awsClient } from '../../local/cloud/aws-call.ts';
import type { BusEvent, Cloud, InvocationInfo } from '../../local/cloud/cloud.ts';
import { PendingWork } from '../../local/cloud/pending-work.ts';
import { startChild } from './child-process.ts';
import {
  cloudOf,
  collector,
  reportingFunction,
  temporaryDirectory,
  writeAssembly,
  type AssemblyParts,
} from './hand-written-assembly.ts';

/** A rule that gives events of the source `ask` to a function, and one that gives those of `tell` to a small queue. */
function parts(respond = ''): AssemblyParts {
  const rule = (source: string, target: object) => ({
    Type: 'AWS::Events::Rule',
    Properties: { EventPattern: { source: [source] }, Targets: [{ Id: 'T', ...target }] },
  });
  const arn = (logicalId: string) => ({ 'Fn::GetAtt': [logicalId, 'Arn'] });
  return {
    resources: {
      Ask: rule('ask', { Arn: arn('Work') }),
      Tell: rule('tell', {
        Arn: arn('Small'),
        RetryPolicy: { MaximumRetryAttempts: 2 },
        DeadLetterConfig: { Arn: arn('Dead') },
      }),
      Small: { Type: 'AWS::SQS::Queue', Properties: { MaximumMessageSize: 1024 } },
      Dead: { Type: 'AWS::SQS::Queue' },
      Failed: { Type: 'AWS::SQS::Queue' },
      Invoke: {
        Type: 'AWS::Lambda::EventInvokeConfig',
        Properties: {
          FunctionName: { Ref: 'Work' },
          Qualifier: '$LATEST',
          DestinationConfig: { OnFailure: { Destination: arn('Failed') } },
        },
      },
    },
    functions: { Work: { code: reportingFunction(respond) } },
    template: {
      Outputs: {
        Dead: { Value: { Ref: 'Dead' } },
        Failed: { Value: { Ref: 'Failed' } },
        Small: { Value: { Ref: 'Small' } },
      },
    },
  };
}

const putEvent = (eventbridge: string, source: string, detail: object) => {
  const events = awsClient(eventbridge, 'AWSEvents');
  onTestFinished(() => events.close());
  return events.call('PutEvents', {
    Entries: [{ Source: source, DetailType: 'T', Detail: JSON.stringify(detail) }],
  });
};

/** What is accepted and not done, as it stands in the data directory. */
function pendingIn(dataDir: string): { kind: string; progress: Record<string, unknown> | undefined }[] {
  const database = new DatabaseSync(join(dataDir, 'pending-work.sqlite'), { readOnly: true });
  try {
    return database
      .prepare('SELECT kind, progress FROM pending_work ORDER BY sequence')
      .all()
      .map(({ kind, progress }) => ({
        kind: kind as string,
        progress: progress === null ? undefined : (JSON.parse(progress as string) as Record<string, unknown>),
      }));
  } finally {
    database.close();
  }
}

async function receive(cloud: Cloud, output: string) {
  const sqs = awsClient(cloud.endpoints.sqs, 'AmazonSQS');
  onTestFinished(() => sqs.close());
  const answer = await sqs.call<{
    Messages?: { Body: string; MessageAttributes?: Record<string, { StringValue: string }> }[];
  }>('ReceiveMessage', { QueueUrl: cloud.outputs[output]!, WaitTimeSeconds: 20, MessageAttributeNames: ['All'] });
  return answer.Messages ?? [];
}

/** Polls for as long as a busy machine may take. */
const settled = <T>(work: () => T) => expect.poll(work, { timeout: 20_000 });

/** Events that the function has put, which say that it was invoked. */
const invocationsIn = (events: BusEvent[]) => events.filter(({ source }) => source === 'test');

const dies = 'await new Promise(() => setInterval(() => {}, 1000));';

test('an invocation that a kill cuts off is made again by the next start, with its event', async () => {
  const dataDir = temporaryDirectory();
  const child = await startChild({ dataDir, assembly: writeAssembly(parts(dies)) });
  await putEvent(child.ready.endpoints!.eventbridge, 'ask', { number: 1 });
  // The event itself, and the function that says it runs.
  await child.events.until(2);
  await child.kill();
  expect(pendingIn(dataDir)).toEqual([{ kind: 'asynchronous invocation', progress: undefined }]);

  const seen = collector<BusEvent>();
  const cloud = await cloudOf(parts(), { dataDir, onEvent: (event) => seen.add(event) });
  expect(seen.items).toEqual([]);
  await cloud.start();
  const [again] = await seen.until(1);
  expect(again).toMatchObject({ source: 'test', detail: { event: { source: 'ask', detail: { number: 1 } } } });
  await settled(() => pendingIn(dataDir)).toEqual([]);
});

test('retries of an invocation go on from where they were when the process was killed', async () => {
  const dataDir = temporaryDirectory();
  const failing = parts('throw new Error("no");');
  // The first retry comes after 60 s: far away.
  const child = await startChild({ dataDir, assembly: writeAssembly(failing), retryWaitScale: 1 });
  await putEvent(child.ready.endpoints!.eventbridge, 'ask', {});
  await settled(() => pendingIn(dataDir)[0]?.progress).toMatchObject({ attempts: 1 });
  await child.kill();
  expect(invocationsIn(child.events.items)).toHaveLength(1);
  const [left] = pendingIn(dataDir);
  const dueAt = left!.progress!['dueAt'] as number;
  expect(dueAt - Date.now()).toBeGreaterThan(30_000);
  // Brings the moment near, as if the minute had passed.
  const database = new DatabaseSync(join(dataDir, 'pending-work.sqlite'));
  database.prepare("UPDATE pending_work SET progress = json_set(progress, '$.dueAt', ?)").run(Date.now());
  database.close();

  const seen = collector<BusEvent>();
  const cloud = await cloudOf(failing, { dataDir, onEvent: (event) => seen.add(event) });
  await cloud.start();
  const [report] = await receive(cloud, 'Failed');
  expect(JSON.parse(report!.Body)).toMatchObject({
    requestContext: { condition: 'RetriesExhausted', approximateInvokeCount: 3 },
  });
  expect(invocationsIn(seen.items)).toHaveLength(2);
  await settled(() => pendingIn(dataDir)).toEqual([]);
});

test('an event that grew too old while nothing ran is given up as such', async () => {
  const dataDir = temporaryDirectory();
  const failing = parts('throw new Error("no");');
  const child = await startChild({ dataDir, assembly: writeAssembly(failing), retryWaitScale: 1 });
  await putEvent(child.ready.endpoints!.eventbridge, 'ask', {});
  await settled(() => pendingIn(dataDir)[0]?.progress).toMatchObject({ attempts: 1 });
  await child.kill();
  const database = new DatabaseSync(join(dataDir, 'pending-work.sqlite'));
  database
    .prepare(
      "UPDATE pending_work SET accepted_at = accepted_at - 21600000, progress = json_set(progress, '$.dueAt', ?)",
    )
    .run(Date.now());
  database.close();

  const cloud = await cloudOf(failing, { dataDir, retryWaitScale: 1 });
  await cloud.start();
  const [report] = await receive(cloud, 'Failed');
  expect(JSON.parse(report!.Body)).toMatchObject({
    requestContext: { condition: 'EventAgeExceeded', approximateInvokeCount: 1 },
  });
});

test('retries of a delivery go on from where they were when the process was killed', async () => {
  const dataDir = temporaryDirectory();
  const assembly = parts();
  const child = await startChild({ dataDir, assembly: writeAssembly(assembly), retryWaitScale: 100 });
  // Too large for the queue: every attempt fails.
  await putEvent(child.ready.endpoints!.eventbridge, 'tell', { text: 'x'.repeat(2000) });
  await settled(() => pendingIn(dataDir)[0]).toMatchObject({ kind: 'target delivery', progress: { failures: 1 } });
  await child.kill();
  // As if seven attempts had failed, more than are left to it, and the wait for the next one were over.
  const database = new DatabaseSync(join(dataDir, 'pending-work.sqlite'));
  database
    .prepare("UPDATE pending_work SET progress = json_set(progress, '$.failures', 7, '$.dueAt', ?)")
    .run(Date.now());
  database.close();

  const cloud = await cloudOf(assembly, { dataDir });
  await cloud.start();
  const [dead] = await receive(cloud, 'Dead');
  expect(dead!.MessageAttributes).toMatchObject({
    EXHAUSTED_RETRY_CONDITION: { StringValue: 'MaximumRetryAttempts' },
    RETRY_ATTEMPTS: { StringValue: '7' },
    ERROR_CODE: { StringValue: 'InvalidParameterValue' },
  });
  await settled(() => pendingIn(dataDir)).toEqual([]);
});

test('a stop keeps what waits for a retry, too', async () => {
  const dataDir = temporaryDirectory();
  const first = await cloudOf(parts('throw new Error("no");'), { dataDir, retryWaitScale: 1 });
  await putEvent(first.endpoints.eventbridge, 'ask', { number: 2 });
  await settled(() => pendingIn(dataDir)[0]?.progress).toMatchObject({ attempts: 1 });
  await first.stop();
  expect(pendingIn(dataDir)).toHaveLength(1);
});

test('an attempt that a stop cuts off is not counted', async () => {
  const dataDir = temporaryDirectory();
  const seen = collector<BusEvent>();
  const first = await cloudOf(parts(dies), { dataDir, stopGraceMs: 1, onEvent: (event) => seen.add(event) });
  await putEvent(first.endpoints.eventbridge, 'ask', {});
  await seen.until(2);
  await first.stop();
  expect(pendingIn(dataDir)).toEqual([{ kind: 'asynchronous invocation', progress: undefined }]);
});

test('what is accepted before the start is done once, not again by the start', async () => {
  const dataDir = temporaryDirectory();
  const seen = collector<BusEvent>();
  const cloud = await cloudOf(parts('await new Promise((done) => setTimeout(done, 200));'), {
    dataDir,
    onEvent: (event) => seen.add(event),
  });
  await putEvent(cloud.endpoints.eventbridge, 'ask', {});
  await cloud.start();
  await settled(() => pendingIn(dataDir)).toEqual([]);
  expect(invocationsIn(seen.items)).toHaveLength(1);
});

test('work for a function that the template no longer has is dropped with a note', async () => {
  const dataDir = temporaryDirectory();
  const child = await startChild({ dataDir, assembly: writeAssembly(parts(dies)) });
  await putEvent(child.ready.endpoints!.eventbridge, 'ask', {});
  await child.events.until(2);
  await child.kill();
  const notes: string[] = [];
  const { Dead } = parts().resources;
  const cloud = await cloudOf(
    { resources: { Dead: Dead! } },
    { dataDir, onLog: ({ functionId, text }) => notes.push(`${functionId}: ${text}`) },
  );
  await cloud.start();
  expect(notes).toEqual([expect.stringMatching(/^Cloud: Asynchronous invocation .* dropped.*function:Stack-Work-/)]);
  expect(pendingIn(dataDir)).toEqual([]);
});

test('wherever a kill strikes on the way from the bus to the function, an accepted event is pending once', async () => {
  const template = temporaryDirectory();
  const assembly = writeAssembly(parts(dies));
  await (await cloudOf(parts(dies), { dataDir: template })).stop();
  let survived = false;
  let deaths = 0;
  for (let n = 1; !survived; n++) {
    const dataDir = temporaryDirectory();
    cpSync(template, dataDir, { recursive: true });
    const child = await startChild({ dataDir, assembly });
    await child.dieAtWrite(n);
    survived = await putEvent(child.ready.endpoints!.eventbridge, 'ask', {}).then(
      () => true,
      () => false,
    );
    await child.kill();
    const kinds = pendingIn(dataDir).map(({ kind }) => kind);
    if (survived) expect(kinds).toEqual(['asynchronous invocation']);
    else deaths++;
    expect(kinds.length).toBeLessThanOrEqual(1);
    if (n > 1) expect(kinds).toHaveLength(1);
  }
  expect(deaths).toBeGreaterThanOrEqual(4);
}, 60_000);

test('an event of 1 MiB is invoked with; a larger one, which Lambda does not take, is not, nor tried again', async () => {
  const dataDir = temporaryDirectory();
  const invocations = collector<InvocationInfo>();
  const large = parts();
  large.functions = { Work: { code: 'export const handler = async () => 1;' } };
  const [target] = large.resources['Ask']!.Properties!['Targets'] as Record<string, unknown>[];
  target!['InputTransformer'] = {
    InputPathsMap: { text: '$.detail.text' },
    InputTemplate: `[${Array.from({ length: 8 }, () => '<text>').join(',')}]`,
  };
  const cloud = await cloudOf(large, { dataDir, retryWaitScale: 1, onInvocation: (info) => invocations.add(info) });
  // Eight texts with their quotation marks, seven commas and two brackets.
  const longest = Math.floor((1024 * 1024 - 9) / 8) - 2;
  for (const length of [longest + 1, longest]) {
    await putEvent(cloud.endpoints.eventbridge, 'ask', { text: 'x'.repeat(length) });
    await settled(() => pendingIn(dataDir)).toEqual([]);
  }
  await invocations.until(1);
  expect(invocations.items.map(({ event }) => (event as string[])[0]!.length)).toEqual([longest]);
});

test('several changes to pending work are made together or not at all', () => {
  const pending = new PendingWork(temporaryDirectory());
  onTestFinished(() => pending.close());
  const item = pending.add('a', 1);
  expect(() =>
    pending.atomically(() => {
      pending.remove(item.id);
      throw new Error('no');
    }),
  ).toThrow('no');
  expect(pending.list('a')).toEqual([item]);
});

test('a file of pending work that is no database is one clear error', () => {
  const dataDir = temporaryDirectory();
  writeFileSync(join(dataDir, 'pending-work.sqlite'), 'half a file that is no database, long enough to be read as one');
  expect(() => new PendingWork(dataDir)).toThrow(/pending-work\.sqlite cannot be opened: .*Move it away/);
});
