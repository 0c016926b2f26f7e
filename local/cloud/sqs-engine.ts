import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { findPackageJSON } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { buildApp } from 'fauxqs';
import type { Engine } from './dynamodb-engine.ts';
import { REGION } from './intrinsics.ts';

/** The parts of the engine's inside that are used here; the package exports none of them. */
interface Message {
  messageId: string;
  sentTimestamp: number;
  sequenceNumber?: string;
  messageDeduplicationId?: string;
}
interface Queue {
  name: string;
  url: string;
  attributes: Record<string, string>;
  persistence?: Persistence;
  messages: Message[];
  fifoMessages: Map<string, Message[]>;
  recordDeduplication(id: string, messageId: string, sequenceNumber?: string): void;
  enqueue(message: Message): void;
  inspectMessages(): { ready: Message[]; delayed: Message[]; inflight: { message: Message }[] };
}
interface Store {
  host: string;
  persistence?: Persistence;
  allQueues(): Iterable<Queue>;
  createQueue(name: string, url: string, ...rest: unknown[]): Queue;
  getQueue(url: string): Queue | undefined;
  shutdown(): void;
}
interface Persistence {
  db: { prepare(sql: string): { run(...parameters: string[]): unknown } };
  loadSqsAndSns(sqs: Store, sns: unknown): void;
  updateMessageReady(messageId: string): void;
  deleteMessage(messageId: string): void;
  close(): void;
}
type Constructor<T, A extends unknown[] = []> = new (...parameters: A) => T;
interface Internals {
  SqsStore: Constructor<Store>;
  SnsStore: Constructor<object>;
  S3Store: Constructor<object>;
  PersistenceManager: Constructor<Persistence, [string]>;
  settableAttributes: Set<string>;
}

const DEDUPLICATION_WINDOW_MS = 5 * 60_000;
const RETENTION_SWEEP_MS = 60_000;
const SCOPE_SEPARATOR = '\u0000';

export interface SqsEngine extends Engine {
  /** Answers every long poll at once, so that a poller which stops takes no message with it. Absent for a given URL. */
  releasePolls?(): void;
}

/** An SQS endpoint: the given URL, or else the engine that the project brings, with its data in `dataDir`. */
export async function startSqs(dataDir: string, url: string | undefined): Promise<SqsEngine> {
  if (url) return { url, stop: () => Promise.resolve() };

  const internals = await loadInternals();
  internals.settableAttributes.add('DeduplicationScope').add('FifoThroughputLimit');
  const directory = join(dataDir, 'sqs');
  mkdirSync(directory, { recursive: true });

  const store = new internals.SqsStore();
  const persistence = new internals.PersistenceManager(directory);
  keepReceiveCountWhenVisibleAgain(persistence);
  scopeDeduplicationByGroup(store);
  const snsStore = new internals.SnsStore();
  persistence.loadSqsAndSns(store, snsStore);
  store.persistence = persistence;
  // Without a host of its own the store puts the host of the request into a queue's URL, which does resolve.
  store.host = '';
  for (const queue of store.allQueues()) {
    queue.persistence = persistence;
    rememberDeduplication(queue);
  }

  const options = {
    logger: false,
    defaultRegion: REGION,
    stores: { sqsStore: store, snsStore, s3Store: new internals.S3Store() },
  };
  const app = buildApp(options as unknown as Parameters<typeof buildApp>[0]);
  app.addHook('preHandler', async (request) =>
    addDeduplicationScope(store, String(request.headers['x-amz-target']), request.body),
  );
  // The package's own starter would listen on every interface.
  const address = await app.listen({ host: '127.0.0.1', port: 0 });
  for (const queue of store.allQueues()) queue.url = new URL(new URL(queue.url).pathname, address).href;

  const sweep = () => dropExpiredMessages(store, persistence);
  sweep();
  const sweeping = setInterval(sweep, RETENTION_SWEEP_MS);

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

async function loadInternals(): Promise<Internals> {
  const root = findPackageJSON('fauxqs', import.meta.url);
  if (!root) throw new Error('The package fauxqs, which plays SQS, is not installed. Run npm ci.');
  const load = (path: string) =>
    import(pathToFileURL(join(dirname(root), 'dist', path)).href) as Promise<Record<string, unknown>>;
  const [sqs, sns, s3, persistence, types] = await Promise.all(
    ['sqs/sqsStore.js', 'sns/snsStore.js', 's3/s3Store.js', 'persistence.js', 'sqs/sqsTypes.js'].map(load),
  );
  return {
    SqsStore: sqs!['SqsStore'],
    SnsStore: sns!['SnsStore'],
    S3Store: s3!['S3Store'],
    PersistenceManager: persistence!['PersistenceManager'],
    settableAttributes: types!['SETTABLE_ATTRIBUTES'],
  } as Internals;
}

/** The engine writes NULL into a NOT NULL column here: making a message visible at once would fail and lose it. */
function keepReceiveCountWhenVisibleAgain(persistence: Persistence): void {
  const update = persistence.db.prepare(
    'UPDATE sqs_messages SET receipt_handle = NULL, visibility_deadline = NULL WHERE message_id = ?',
  );
  persistence.updateMessageReady = (messageId) => update.run(messageId);
}

/** The engine forgets what it has seen when it stops; messages that are still there can remind it. */
function rememberDeduplication(queue: Queue): void {
  const { ready, delayed, inflight } = queue.inspectMessages();
  for (const message of [...ready, ...delayed, ...inflight.map((entry) => entry.message)]) {
    if (message.messageDeduplicationId && message.sentTimestamp > Date.now() - DEDUPLICATION_WINDOW_MS) {
      const scope = queue.attributes['DeduplicationScope'] === 'messageGroup' ? groupOf(message) + SCOPE_SEPARATOR : '';
      queue.recordDeduplication(scope + message.messageDeduplicationId, message.messageId, message.sequenceNumber);
    }
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

function groupOf(message: Message): string {
  return (message as { messageGroupId?: string }).messageGroupId ?? '';
}

/**
 * The engine deduplicates over the whole queue whatever DeduplicationScope says. For queues that deduplicate per message
 * group, the group goes in front of the deduplication id on the way in and is taken off again as the message is stored.
 */
function scopeDeduplicationByGroup(store: Store): void {
  const create = store.createQueue.bind(store);
  store.createQueue = (...parameters) => {
    const queue = create(...parameters);
    const enqueue = queue.enqueue.bind(queue);
    queue.enqueue = (message) => {
      const id = message.messageDeduplicationId;
      if (id?.includes(SCOPE_SEPARATOR)) message.messageDeduplicationId = id.slice(id.indexOf(SCOPE_SEPARATOR) + 1);
      enqueue(message);
    };
    return queue;
  };
}

interface FifoEntry {
  MessageBody?: string;
  MessageGroupId?: string;
  MessageDeduplicationId?: string;
}

function addDeduplicationScope(store: Store, target: string, body: unknown): void {
  const operation = target.split('.').at(-1);
  if (operation !== 'SendMessage' && operation !== 'SendMessageBatch') return;
  const input = body as FifoEntry & { QueueUrl?: string; Entries?: FifoEntry[] };
  const attributes = input.QueueUrl ? store.getQueue(input.QueueUrl)?.attributes : undefined;
  if (attributes?.['DeduplicationScope'] !== 'messageGroup') return;
  for (const entry of operation === 'SendMessage' ? [input] : (input.Entries ?? [])) {
    const byContent = attributes['ContentBasedDeduplication'] === 'true' && entry.MessageBody !== undefined;
    const id =
      entry.MessageDeduplicationId ??
      (byContent ? createHash('sha256').update(entry.MessageBody!).digest('hex') : undefined);
    if (id !== undefined) entry.MessageDeduplicationId = `${entry.MessageGroupId ?? ''}${SCOPE_SEPARATOR}${id}`;
  }
}
