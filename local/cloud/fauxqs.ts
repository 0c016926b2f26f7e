import { findPackageJSON } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** The parts of the SQS engine's inside that are used here; the package exports none of them. */
export interface Message {
  messageId: string;
  sentTimestamp: number;
  sequenceNumber?: string;
  messageGroupId?: string;
  messageDeduplicationId?: string;
  approximateReceiveCount: number;
  approximateFirstReceiveTimestamp?: number;
}

export interface InFlight {
  message: Message;
  receiptHandle: string;
  visibilityDeadline: number;
}

export interface Queue {
  name: string;
  url: string;
  arn: string;
  attributes: Record<string, string>;
  persistence?: Persistence;
  messages: Message[];
  fifoMessages: Map<string, Message[]>;
  inflightMessages: Map<string, InFlight>;
  isFifo(): boolean;
  checkDeduplication(id: string): {
    isDuplicate: boolean;
    originalMessageId?: string;
    originalSequenceNumber?: string;
  };
  recordDeduplication(id: string, messageId: string, sequenceNumber?: string): void;
  enqueue(message: Message): void;
  dequeue(
    maxCount: number,
    visibilityTimeout: number | undefined,
    dlqResolver: unknown,
  ): { MessageId: string; ReceiptHandle: string }[];
  deleteMessage(receiptHandle: string): boolean;
  processTimers(): void;
  inspectMessages(): { ready: Message[]; delayed: Message[]; inflight: InFlight[] };
}

export interface Store {
  host: string;
  persistence?: Persistence;
  allQueues(): Iterable<Queue>;
  createQueue(name: string, url: string, ...rest: unknown[]): Queue;
  getQueue(url: string): Queue | undefined;
  shutdown(): void;
}

export interface Statement {
  run(...parameters: (string | number | null)[]): unknown;
  all(...parameters: (string | number | null)[]): Record<string, unknown>[];
}

export interface Persistence {
  db: { prepare(sql: string): Statement; exec(sql: string): void };
  loadSqsAndSns(sqs: Store, sns: unknown): void;
  updateMessageInflight(
    messageId: string,
    receiptHandle: string,
    deadline: number,
    receiveCount: number,
    firstReceive?: number,
  ): void;
  updateMessageReady(messageId: string): void;
  deleteMessage(messageId: string): void;
  close(): void;
}

/** The error that the engine answers with; anything else is an internal failure. */
export interface SqsError extends Error {
  readonly code: string;
  readonly queryErrorHeader: string;
  toJSON(): object;
}

type Constructor<T, A extends unknown[] = []> = new (...parameters: A) => T;

export interface Internals {
  SqsStore: Constructor<Store>;
  SnsStore: Constructor<object>;
  S3Store: Constructor<object>;
  PersistenceManager: Constructor<Persistence, [string]>;
  SqsError: Constructor<SqsError, [code: string, message: string]>;
  settableAttributes: Set<string>;
  /** Finds what a message body must not hold. */
  invalidBodyCharacter: RegExp;
}

/** Loads the engine's inside. @throws Error where the package is not installed */
export async function loadInternals(): Promise<Internals> {
  const root = findPackageJSON('fauxqs', import.meta.url);
  if (!root) throw new Error('The package fauxqs, which plays SQS, is not installed. Run npm ci.');
  const load = (path: string) =>
    import(pathToFileURL(join(dirname(root), 'dist', path)).href) as Promise<Record<string, unknown>>;
  const [sqs, sns, s3, persistence, types, errors] = await Promise.all(
    [
      'sqs/sqsStore.js',
      'sns/snsStore.js',
      's3/s3Store.js',
      'persistence.js',
      'sqs/sqsTypes.js',
      'common/errors.js',
    ].map(load),
  );
  return {
    SqsStore: sqs!['SqsStore'],
    SnsStore: sns!['SnsStore'],
    S3Store: s3!['S3Store'],
    PersistenceManager: persistence!['PersistenceManager'],
    SqsError: errors!['SqsError'],
    settableAttributes: types!['SETTABLE_ATTRIBUTES'],
    invalidBodyCharacter: types!['INVALID_MESSAGE_BODY_CHAR'],
  } as Internals;
}
