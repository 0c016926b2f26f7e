import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { buildApp } from 'fauxqs';
import { QueueDurability, SCOPE_SEPARATOR } from './durable-queue.ts';
import type { Engine } from './dynamodb-engine.ts';
import { loadInternals, type Message, type Persistence, type Queue, type Store } from './fauxqs.ts';
import { REGION } from './intrinsics.ts';
import { messageFault } from './limits.ts';

const SWEEP_MS = 60_000;
/** Everything but what https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html allows. */
const INVALID_BODY_CHARACTER = /[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/u;

export interface SqsEngine extends Engine {
  /** Answers every long poll at once, so that a poller which stops takes no message with it. Absent for a given URL. */
  releasePolls?(): void;
}

/**
 * An SQS endpoint: the given URL, or else the engine that the project brings, with its data in `dataDir`. What the engine
 * has answered is there at the next start, however this process ends.
 *
 * @throws Error where the package is not installed, or that names the file whose content is no database
 */
export async function startSqs(dataDir: string, url: string | undefined): Promise<SqsEngine> {
  if (url) return { url, stop: () => Promise.resolve() };

  const internals = await loadInternals();
  internals.settableAttributes.add('DeduplicationScope').add('FifoThroughputLimit');
  // The engine takes the two halves of a character beyond U+FFFF, such as an emoji, for two that are not allowed.
  internals.invalidBodyCharacter.test = (body) => INVALID_BODY_CHARACTER.test(body);
  const directory = join(dataDir, 'sqs');
  mkdirSync(directory, { recursive: true });

  const store = new internals.SqsStore();
  const persistence = open(() => new internals.PersistenceManager(directory), join(directory, 'fauxqs.db'));
  const durability = new QueueDurability(persistence, internals.SqsError);
  const createQueue = store.createQueue.bind(store);
  store.createQueue = (...parameters) => {
    const queue = createQueue(...parameters);
    durability.apply(queue);
    return queue;
  };
  const snsStore = new internals.SnsStore();
  persistence.loadSqsAndSns(store, snsStore);
  store.persistence = persistence;
  // Without a host of its own the store puts the host of the request into a queue's URL, which does resolve.
  store.host = '';
  for (const queue of store.allQueues()) queue.persistence = persistence;

  const options = {
    logger: false,
    defaultRegion: REGION,
    stores: { sqsStore: store, snsStore, s3Store: new internals.S3Store() },
  };
  const app = buildApp(options as unknown as Parameters<typeof buildApp>[0]);
  const refused = new WeakMap<object, FailedEntry[]>();
  app.addHook('preHandler', async (request, reply) => {
    const operation = String(request.headers['x-amz-target']).split('.').at(-1)!;
    const input = (request.body ?? {}) as QueueRequest;
    const queue = input.QueueUrl ? store.getQueue(input.QueueUrl) : undefined;
    if (!queue) return;
    reply.header('content-type', 'application/x-amz-json-1.0');
    if (operation === 'ChangeMessageVisibility') {
      const fault = durability.visibilityFault(queue, input.ReceiptHandle, input.VisibilityTimeout);
      if (fault) return reply.status(400).header('x-amzn-query-error', fault.queryErrorHeader).send(fault.toJSON());
    }
    const failed = refuseEntries(operation, input, queue, durability);
    if (failed.length > 0) {
      if (input.Entries!.length === 0) return reply.send({ Successful: [], Failed: failed });
      refused.set(request, failed);
    }
    addDeduplicationScope(operation, input, queue);
  });
  app.addHook('preSerialization', async (request, _reply, payload) => {
    const answer = payload as { Failed?: FailedEntry[] };
    answer.Failed?.push(...(refused.get(request) ?? []));
    return payload;
  });
  // The package's own starter would listen on every interface.
  const address = await app.listen({ host: '127.0.0.1', port: 0 });
  for (const queue of store.allQueues()) queue.url = new URL(new URL(queue.url).pathname, address).href;

  const sweep = () => {
    dropExpiredMessages(store, persistence);
    durability.forgetOldDeduplication();
  };
  sweep();
  const sweeping = setInterval(sweep, SWEEP_MS);

  return {
    url: address,
    releasePolls: () => store.shutdown(),
    async stop() {
      clearInterval(sweeping);
      store.shutdown();
      await app.close();
      persistence.close();
    },
  };
}

function open<T>(work: () => T, file: string): T {
  try {
    return work();
  } catch (error) {
    throw new Error(
      `${file} cannot be opened: ${(error as Error).message}. Move it away to go on without its messages.`,
      {
        cause: error,
      },
    );
  }
}

/** The engine keeps messages for ever. */
function dropExpiredMessages(store: Store, persistence: Persistence): void {
  for (const queue of store.allQueues()) {
    const oldest = Date.now() - Number(queue.attributes['MessageRetentionPeriod']) * 1000;
    const keep = (message: Message) => {
      if (message.sentTimestamp >= oldest) return true;
      persistence.deleteMessage(message.messageId);
      return false;
    };
    queue.messages = queue.messages.filter(keep);
    for (const [group, messages] of queue.fifoMessages) {
      const kept = messages.filter(keep);
      if (kept.length > 0) queue.fifoMessages.set(group, kept);
      else queue.fifoMessages.delete(group);
    }
  }
}

interface Entry {
  Id?: string;
  MessageBody?: string;
  MessageGroupId?: string;
  MessageDeduplicationId?: string;
  ReceiptHandle?: unknown;
  VisibilityTimeout?: unknown;
}

type QueueRequest = Entry & { QueueUrl?: string; Entries?: Entry[] };

interface FailedEntry {
  Id: string;
  SenderFault: true;
  Code: string;
  Message: string;
}

/** Takes those entries out of a batch which SQS would refuse one by one and the engine would take. */
function refuseEntries(
  operation: string,
  input: QueueRequest,
  queue: Queue,
  durability: QueueDurability,
): FailedEntry[] {
  const faultOf = {
    SendMessageBatch: (entry: Entry) => messageFault({ ...entry }, queue.name),
    DeleteMessageBatch: ({ ReceiptHandle }: Entry) => durability.receiptFault(queue, ReceiptHandle),
    ChangeMessageVisibilityBatch: ({ ReceiptHandle, VisibilityTimeout }: Entry) =>
      durability.visibilityFault(queue, ReceiptHandle, VisibilityTimeout),
  }[operation];
  const entries = input.Entries ?? [];
  // What is wrong with the batch as a whole comes before what is wrong with an entry.
  if (!faultOf || entries.length > 10 || new Set(entries.map(({ Id }) => Id)).size < entries.length) return [];
  const failed: FailedEntry[] = [];
  input.Entries = entries.filter((entry) => {
    const fault = faultOf(entry);
    if (fault) failed.push({ Id: String(entry.Id), SenderFault: true, Code: fault.code, Message: fault.message });
    return !fault;
  });
  return failed;
}

/**
 * The engine deduplicates over the whole queue whatever DeduplicationScope says. For queues that deduplicate per message
 * group, the group goes in front of the deduplication id on the way in and is taken off again as the message is stored.
 */
function addDeduplicationScope(operation: string, input: QueueRequest, { attributes }: Queue): void {
  if (operation !== 'SendMessage' && operation !== 'SendMessageBatch') return;
  if (attributes['DeduplicationScope'] !== 'messageGroup') return;
  for (const entry of operation === 'SendMessage' ? [input] : (input.Entries ?? [])) {
    const byContent = attributes['ContentBasedDeduplication'] === 'true' && entry.MessageBody !== undefined;
    const id =
      entry.MessageDeduplicationId ??
      (byContent ? createHash('sha256').update(entry.MessageBody!).digest('hex') : undefined);
    if (id !== undefined) entry.MessageDeduplicationId = `${entry.MessageGroupId ?? ''}${SCOPE_SEPARATOR}${id}`;
  }
}
