import { randomUUID } from 'node:crypto';
import { failedItems } from './batch-response.ts';
import { delay } from './delay.ts';
import { callerOf } from './deployment-checks.ts';
import type { FunctionRuntime } from './lambda-runtime.ts';
import type { StreamEventSourceDefinition } from './model.ts';
import type { QueueSender } from './queue-sender.ts';

/** A stream record as Lambda hands it to a function. */
export interface StreamRecord {
  eventID: string;
  eventName: string;
  eventSourceARN: string;
  dynamodb: { SequenceNumber: string; ApproximateCreationDateTime: number; Keys: Record<string, unknown> };
}

export interface StreamBatchOptions {
  definition: StreamEventSourceDefinition;
  runtime: FunctionRuntime;
  sender: QueueSender;
  /** 1 waits between retries as long as Lambda might; it also scales the record age. */
  waitScale: number;
  signal: AbortSignal;
  shardId: string;
  /** Told as soon as records need not be looked at again: processed, or given up. */
  onDone(records: StreamRecord[]): void;
}

type Condition = 'RetryAttemptsExhausted' | 'RecordAgeExceeded';

const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 30_000;

/** Takes a batch through the function: retries, halves, drops what is too old, and reports what it gives up. */
export async function processStreamBatch(
  records: StreamRecord[],
  options: StreamBatchOptions,
  failuresBefore = 0,
): Promise<void> {
  const { definition, signal, waitScale } = options;
  let batch = records;
  let failures = failuresBefore;
  while (batch.length > 0 && !signal.aborted) {
    batch = await dropExpired(batch, options, failures);
    if (batch.length === 0) return;

    const first = await firstFailure(batch, options);
    if (signal.aborted && first !== undefined) return;
    if (first === undefined) return options.onDone(batch);
    if (first > 0) {
      options.onDone(batch.slice(0, first));
      batch = batch.slice(first);
      // The rest is a batch of its own: it has not failed yet as such.
      failures = 0;
      continue;
    }
    if (definition.bisectOnError && batch.length > 1) {
      // Halving is not counted as a retry.
      const middle = Math.ceil(batch.length / 2);
      await processStreamBatch(batch.slice(0, middle), options, failures);
      batch = batch.slice(middle);
      continue;
    }
    failures++;
    if (definition.maximumRetryAttempts >= 0 && failures > definition.maximumRetryAttempts) {
      await giveUp(batch, options, 'RetryAttemptsExhausted', failures);
      return options.onDone(batch);
    }
    await delay(Math.min(FIRST_RETRY_MS * 2 ** Math.min(failures - 1, 10), LONGEST_RETRY_MS) * waitScale, signal);
  }
}

/** The index of the first record that failed; nothing, when none did. */
async function firstFailure(
  batch: StreamRecord[],
  { definition, runtime }: StreamBatchOptions,
): Promise<number | undefined> {
  const result = await runtime.invoke({ Records: batch });
  if (result.outcome !== 'success') return 0;
  if (!definition.reportBatchItemFailures) return undefined;
  const identifiers = new Set(batch.map((record) => record.dynamodb.SequenceNumber));
  const failed = failedItems(result.payload, identifiers);
  const index = batch.findIndex((record) => failed.has(record.dynamodb.SequenceNumber));
  return index === -1 ? undefined : index;
}

async function dropExpired(
  batch: StreamRecord[],
  options: StreamBatchOptions,
  failures: number,
): Promise<StreamRecord[]> {
  const { maximumRecordAgeSeconds } = options.definition;
  if (maximumRecordAgeSeconds < 0) return batch;
  const oldest = Date.now() / 1000 - maximumRecordAgeSeconds * options.waitScale;
  const expired = batch.filter((record) => record.dynamodb.ApproximateCreationDateTime < oldest);
  if (expired.length === 0) return batch;
  await giveUp(expired, options, 'RecordAgeExceeded', failures);
  options.onDone(expired);
  return batch.filter((record) => !expired.includes(record));
}

/** https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html */
async function giveUp(
  batch: StreamRecord[],
  options: StreamBatchOptions,
  condition: Condition,
  invocations: number,
): Promise<void> {
  const { definition, runtime, sender, shardId, signal, waitScale } = options;
  if (!definition.onFailureArn) return;
  const [first, last] = [batch[0]!.dynamodb, batch.at(-1)!.dynamodb];
  const arrival = (seconds: number) => new Date(seconds * 1000).toISOString().replace(/\.000Z$/, 'Z');
  const body = JSON.stringify({
    requestContext: {
      requestId: randomUUID(),
      functionArn: runtime.definition.arn,
      condition,
      approximateInvokeCount: invocations,
    },
    responseContext: { statusCode: 200, executedVersion: '$LATEST', functionError: 'Unhandled' },
    version: '1.0',
    timestamp: new Date().toISOString(),
    DDBStreamBatchInfo: {
      shardId,
      startSequenceNumber: first.SequenceNumber,
      endSequenceNumber: last.SequenceNumber,
      approximateArrivalOfFirstRecord: arrival(first.ApproximateCreationDateTime),
      approximateArrivalOfLastRecord: arrival(last.ApproximateCreationDateTime),
      batchSize: batch.length,
      streamArn: definition.streamArn,
    },
  });
  // Records must not be passed over before their destination knows of them.
  while (!signal.aborted) {
    try {
      return await sender.send(definition.onFailureArn, { body }, callerOf(runtime.definition));
    } catch (error) {
      runtime.note(`Event source ${definition.logicalId}: ${String(error)}`);
      await delay(LONGEST_RETRY_MS * waitScale, signal);
    }
  }
}
