import type { AwsClient } from './aws-call.ts';
import { failedItems } from './batch-response.ts';
import { delay } from './delay.ts';
import type { FilterPattern } from './event-pattern.ts';
import { REGION } from './intrinsics.ts';
import type { FunctionRuntime } from './lambda-runtime.ts';
import type { QueueDefinition, SqsEventSourceDefinition } from './model.ts';
import { splitByPayload } from './payload-batches.ts';

/** What Lambda scales a standard queue up from, and more than the groups of a FIFO queue that one machine would serve. */
const DEFAULT_CONCURRENCY = { standard: 5, fifo: 64 };
const RECEIVE_LIMIT = 10;
const AFTER_ERROR_MS = 1000;

interface ReceivedMessage {
  MessageId: string;
  ReceiptHandle: string;
  Body: string;
  MD5OfBody: string;
  MD5OfMessageAttributes?: string;
  Attributes?: Record<string, string>;
  MessageAttributes?: Record<string, { DataType: string; StringValue?: string; BinaryValue?: string }>;
}

export interface SqsEventSourceOptions {
  definition: SqsEventSourceDefinition;
  queue: QueueDefinition;
  runtime: FunctionRuntime;
  sqs: AwsClient;
  /** How long one poll waits for a message. */
  waitSeconds: number;
  signal: AbortSignal;
}

/** Polls a queue for a function until the signal is aborted, then lets the running invocations finish. */
export async function runSqsEventSource(options: SqsEventSourceOptions): Promise<void> {
  const { definition, queue, signal } = options;
  const limit = definition.maximumConcurrency ?? DEFAULT_CONCURRENCY[queue.fifo ? 'fifo' : 'standard'];
  const running = new Set<Promise<void>>();
  while (!signal.aborted) {
    if (running.size >= limit) {
      await Promise.race(running);
      continue;
    }
    const batch = await receiveBatch(options);
    if (batch.length === 0) continue;
    if (signal.aborted) {
      await Promise.all(batch.map((message) => makeVisible(message, options)));
      break;
    }
    const work: Promise<void> = processBatch(batch, options)
      .catch((error: unknown) => options.runtime.note(`Event source ${queue.name}: ${String(error)}`))
      .finally(() => running.delete(work));
    running.add(work);
  }
  await Promise.all(running);
}

/** One receive, or as many as fill the batch within the batching window. */
async function receiveBatch(options: SqsEventSourceOptions): Promise<ReceivedMessage[]> {
  const { batchSize, batchingWindowSeconds } = options.definition;
  const batch = await receive(options, Math.min(batchSize, RECEIVE_LIMIT), options.waitSeconds);
  if (batch.length === 0 || batchingWindowSeconds === 0) return batch;
  const deadline = Date.now() + batchingWindowSeconds * 1000;
  while (batch.length < batchSize && !options.signal.aborted) {
    const leftSeconds = Math.floor((deadline - Date.now()) / 1000);
    const more = await receive(
      options,
      Math.min(batchSize - batch.length, RECEIVE_LIMIT),
      Math.max(0, Math.min(leftSeconds, options.waitSeconds)),
    );
    batch.push(...more);
    if (Date.now() >= deadline) break;
    if (more.length === 0 && leftSeconds < 1) await delay(Math.min(100, deadline - Date.now()), options.signal);
  }
  return batch;
}

async function receive(
  { sqs, queue, signal, runtime }: SqsEventSourceOptions,
  max: number,
  waitSeconds: number,
): Promise<ReceivedMessage[]> {
  try {
    const answer = await sqs.call<{ Messages?: ReceivedMessage[] }>('ReceiveMessage', {
      QueueUrl: queue.url,
      MaxNumberOfMessages: max,
      WaitTimeSeconds: waitSeconds,
      MessageSystemAttributeNames: ['All'],
      MessageAttributeNames: ['All'],
    });
    return answer.Messages ?? [];
  } catch (error) {
    if (!signal.aborted) runtime.note(`Event source ${queue.name}: ${String(error)}`);
    await delay(AFTER_ERROR_MS, signal);
    return [];
  }
}

function makeVisible(message: ReceivedMessage, { sqs, queue }: SqsEventSourceOptions): Promise<unknown> {
  const input = { QueueUrl: queue.url, ReceiptHandle: message.ReceiptHandle, VisibilityTimeout: 0 };
  return sqs.call('ChangeMessageVisibility', input).catch(() => undefined);
}

async function processBatch(batch: ReceivedMessage[], options: SqsEventSourceOptions): Promise<void> {
  const { definition } = options;
  const wanted = batch.filter((message) => matchesFilters(message, definition.filters));
  // A message that the filters reject is gone, as if it had been processed.
  await remove(
    batch.filter((message) => !wanted.includes(message)),
    options,
  );
  for (const part of splitByPayload(wanted, (message) => toRecord(message, options.queue.arn))) {
    await invokeWith(part, options);
  }
}

async function invokeWith(wanted: ReceivedMessage[], options: SqsEventSourceOptions): Promise<void> {
  const { definition, runtime } = options;
  const result = await runtime.invoke({ Records: wanted.map((message) => toRecord(message, options.queue.arn)) });
  if (result.outcome !== 'success') {
    // Lambda leaves what failed to its visibility time-out, or to the one that the function has set. A stop that cuts an
    // invocation off is nothing that AWS knows: the next start takes its messages up at once.
    if (options.signal.aborted) await Promise.all(wanted.map((message) => makeVisible(message, options)));
    return;
  }
  const failed = definition.reportBatchItemFailures
    ? failedItems(result.payload, new Set(wanted.map((message) => message.MessageId)))
    : new Set<string>();
  await remove(
    wanted.filter((message) => !failed.has(message.MessageId)),
    options,
  );
}

async function remove(messages: ReceivedMessage[], { sqs, queue }: SqsEventSourceOptions): Promise<void> {
  for (let start = 0; start < messages.length; start += RECEIVE_LIMIT) {
    const chunk = messages.slice(start, start + RECEIVE_LIMIT);
    await sqs.call('DeleteMessageBatch', {
      QueueUrl: queue.url,
      Entries: chunk.map((message, index) => ({ Id: String(index), ReceiptHandle: message.ReceiptHandle })),
    });
  }
}

function matchesFilters(message: ReceivedMessage, filters: FilterPattern[]): boolean {
  if (filters.length === 0) return true;
  const record = toRecord(message, '');
  return filters.some((filter) => {
    const bodyPattern = filter.source['body'];
    // A pattern that looks into the body wants it parsed; one that compares the whole body wants the text.
    const parsed = bodyPattern !== undefined && !Array.isArray(bodyPattern) ? parse(message.Body) : message.Body;
    return filter.matches({ ...record, body: parsed });
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html */
function toRecord(message: ReceivedMessage, queueArn: string) {
  return {
    messageId: message.MessageId,
    receiptHandle: message.ReceiptHandle,
    body: message.Body,
    attributes: message.Attributes ?? {},
    messageAttributes: Object.fromEntries(
      Object.entries(message.MessageAttributes ?? {}).map(([name, { DataType, StringValue, BinaryValue }]) => [
        name,
        {
          ...(StringValue === undefined ? {} : { stringValue: StringValue }),
          ...(BinaryValue === undefined ? {} : { binaryValue: BinaryValue }),
          stringListValues: [],
          binaryListValues: [],
          dataType: DataType,
        },
      ]),
    ),
    ...(message.MD5OfMessageAttributes ? { md5OfMessageAttributes: message.MD5OfMessageAttributes } : {}),
    md5OfBody: message.MD5OfBody,
    eventSource: 'aws:sqs',
    eventSourceARN: queueArn,
    awsRegion: REGION,
  };
}
