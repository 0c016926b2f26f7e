import { AwsCallError, type AwsClient } from './aws-call.ts';
import { delay } from './delay.ts';
import { REGION } from './intrinsics.ts';
import type { FunctionRuntime } from './lambda-runtime.ts';
import type { StreamDefinition, StreamEventSourceDefinition } from './model.ts';
import type { QueueSender } from './queue-sender.ts';
import { processStreamBatch, type StreamRecord } from './stream-batch.ts';
import { ShardProgress, type StreamCheckpoints } from './stream-checkpoint.ts';
import { StreamLane } from './stream-lane.ts';

/** Lambda polls a shard four times a second; a little more often here, because it is the only delay there is. */
const IDLE_POLL_MS = 150;
const NEW_SHARD_POLL_MS = 1000;
const READ_LIMIT = 1000;
const READ_AHEAD = 2000;

export interface StreamEventSourceOptions {
  definition: StreamEventSourceDefinition;
  stream: StreamDefinition;
  runtime: FunctionRuntime;
  streams: AwsClient;
  sender: QueueSender;
  checkpoints: StreamCheckpoints;
  waitScale: number;
  signal: AbortSignal;
}

interface RecordsPage {
  Records?: StreamRecord[];
  NextShardIterator?: string;
}

interface Shard {
  ShardId: string;
  ParentShardId?: string;
}

/** Reads a table's stream for a function until the signal is aborted: every shard in order, a child after its parent. */
export async function runStreamEventSource(options: StreamEventSourceOptions): Promise<void> {
  const { signal, runtime, checkpoints } = options;
  let fromLatest = options.definition.startingPosition === 'LATEST' && checkpoints.fresh;
  const finished = new Set<string>();
  const reading = new Map<string, Promise<void>>();
  while (!signal.aborted) {
    try {
      const shards = await listShards(options);
      if (fromLatest) {
        checkpoints.start(await lastRecords(shards, options));
        fromLatest = false;
      }
      const known = new Set(shards.map((shard) => shard.ShardId));
      for (const { ShardId, ParentShardId } of shards) {
        const parentOpen = ParentShardId !== undefined && known.has(ParentShardId) && !finished.has(ParentShardId);
        if (reading.has(ShardId) || finished.has(ShardId) || parentOpen) continue;
        const work = readShard(ShardId, options).then(() => {
          finished.add(ShardId);
          reading.delete(ShardId);
        });
        reading.set(ShardId, work);
      }
    } catch (error) {
      if (!signal.aborted) runtime.note(`Event source ${options.definition.logicalId}: ${String(error)}`);
    }
    // A shard that ends has children; where none has ended there is nothing new to find.
    if (reading.size > 0) await Promise.race(reading.values());
    else await delay(NEW_SHARD_POLL_MS, signal);
  }
  await Promise.all(reading.values());
}

async function listShards({ streams, stream }: StreamEventSourceOptions): Promise<Shard[]> {
  const shards: Shard[] = [];
  let from: string | undefined;
  do {
    const page = await streams.call<{ StreamDescription: { Shards: Shard[]; LastEvaluatedShardId?: string } }>(
      'DescribeStream',
      {
        StreamArn: stream.engineArn,
        ...(from ? { ExclusiveStartShardId: from } : {}),
      },
    );
    shards.push(...page.StreamDescription.Shards);
    from = page.StreamDescription.LastEvaluatedShardId;
  } while (from);
  return shards;
}

/**
 * The last sequence number of each shard that has records. Noted down, it is the same place after a restart, where the
 * iterator type LATEST would pass over what was written and not yet processed.
 */
async function lastRecords(shards: Shard[], options: StreamEventSourceOptions): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const { ShardId } of shards) {
    let iterator: string | undefined = await shardIterator(ShardId, undefined, options);
    while (iterator !== undefined) {
      const page: RecordsPage = await options.streams.call('GetRecords', {
        ShardIterator: iterator,
        Limit: READ_LIMIT,
      });
      const last = page.Records?.at(-1);
      if (!last) break;
      found[ShardId] = last.dynamodb.SequenceNumber;
      iterator = page.NextShardIterator;
    }
  }
  return found;
}

/** Reads one shard to its end, or until the signal is aborted. */
async function readShard(shardId: string, options: StreamEventSourceOptions): Promise<void> {
  const { definition, runtime, streams, checkpoints, signal } = options;
  const progress = new ShardProgress((sequenceNumber) => checkpoints.save(shardId, sequenceNumber));
  const batchOptions = {
    ...options,
    shardId,
    onDone: (records: StreamRecord[]) => progress.done(records.map((record) => record.dynamodb.SequenceNumber)),
  };
  const lanes = Array.from(
    { length: definition.parallelizationFactor },
    () => new StreamLane(definition, signal, (batch) => processStreamBatch(batch, batchOptions)),
  );
  const working = lanes.map((lane) => lane.run());

  let lastRead = checkpoints.position(shardId);
  let iterator: string | undefined;
  while (!signal.aborted) {
    if (progress.open > READ_AHEAD) {
      await delay(IDLE_POLL_MS, signal);
      continue;
    }
    try {
      iterator ??= await shardIterator(shardId, lastRead, options);
      const answer = await streams.call<RecordsPage>(
        'GetRecords',
        { ShardIterator: iterator, Limit: READ_LIMIT },
        signal,
      );
      const records = answer.Records ?? [];
      const passedOver: string[] = [];
      for (const record of records) {
        lastRead = record.dynamodb.SequenceNumber;
        progress.add(lastRead);
        const seen = {
          ...record,
          eventSource: 'aws:dynamodb',
          awsRegion: REGION,
          eventSourceARN: definition.streamArn,
        };
        if (definition.filters.length === 0 || definition.filters.some((filter) => filter.matches(seen))) {
          lanes[laneOf(record, lanes.length)]!.add(seen);
        } else passedOver.push(lastRead);
      }
      if (passedOver.length > 0) progress.done(passedOver);
      iterator = answer.NextShardIterator;
      if (iterator === undefined) break;
      if (records.length === 0) await delay(IDLE_POLL_MS, signal);
    } catch (error) {
      if (signal.aborted) break;
      iterator = undefined;
      if (error instanceof AwsCallError && error.code === 'TrimmedDataAccessException') lastRead = undefined;
      else if (!(error instanceof AwsCallError && error.code === 'ExpiredIteratorException')) {
        runtime.note(`Event source ${definition.logicalId}: ${String(error)}`);
        await delay(NEW_SHARD_POLL_MS, signal);
      }
    }
  }
  for (const lane of lanes) lane.end();
  await Promise.all(working);
}

async function shardIterator(
  shardId: string,
  after: string | undefined,
  options: StreamEventSourceOptions,
): Promise<string> {
  const { stream, streams } = options;
  const start = after
    ? { ShardIteratorType: 'AFTER_SEQUENCE_NUMBER', SequenceNumber: after }
    : { ShardIteratorType: 'TRIM_HORIZON' };
  const answer = await streams.call<{ ShardIterator: string }>('GetShardIterator', {
    StreamArn: stream.engineArn,
    ShardId: shardId,
    ...start,
  });
  return answer.ShardIterator;
}

/** Records of one item stay in one lane, which keeps them in order. */
function laneOf(record: StreamRecord, lanes: number): number {
  if (lanes === 1) return 0;
  let hash = 0;
  for (const character of JSON.stringify(record.dynamodb.Keys)) hash = (hash * 31 + character.charCodeAt(0)) | 0;
  return Math.abs(hash) % lanes;
}
