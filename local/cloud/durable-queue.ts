import type { Internals, Message, Persistence, Queue, SqsError } from './fauxqs.ts';
import { readReceiptHandle, receiptHandle } from './receipt-handle.ts';

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/using-messagededuplicationid-property.html */
const DEDUPLICATION_WINDOW_MS = 5 * 60_000;
/** From the receipt on, however often it is changed. https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html */
const LONGEST_VISIBILITY_MS = 12 * 3600_000;
/** Stands between a message group and a deduplication id that counts within that group only. */
export const SCOPE_SEPARATOR = '\u0000';

interface Sent {
  messageId: string;
  sequenceNumber: string | undefined;
  at: number;
}

/** Gives the engine's queues what a queue in SQS has: nothing that they have answered is lost when the process is killed. */
export class QueueDurability {
  private readonly persistence: Persistence;
  private readonly SqsError: Internals['SqsError'];
  /** By queue name, then by deduplication id. */
  private readonly sent = new Map<string, Map<string, Sent>>();
  private readonly statements;
  private inTransaction = false;

  constructor(persistence: Persistence, SqsError: Internals['SqsError']) {
    this.persistence = persistence;
    this.SqsError = SqsError;
    persistence.db.exec(`
      CREATE TABLE IF NOT EXISTS deduplication (
        queue_name TEXT NOT NULL,
        id TEXT NOT NULL,
        message_id TEXT NOT NULL,
        sequence_number TEXT,
        sent_at INTEGER NOT NULL,
        PRIMARY KEY (queue_name, id)
      ) WITHOUT ROWID`);
    this.statements = {
      remember: persistence.db.prepare('INSERT OR REPLACE INTO deduplication VALUES (?, ?, ?, ?, ?)'),
      forget: persistence.db.prepare('DELETE FROM deduplication WHERE sent_at <= ?'),
      ready: persistence.db.prepare(
        'UPDATE sqs_messages SET receipt_handle = NULL, visibility_deadline = NULL WHERE message_id = ?',
      ),
    };
    this.forgetOldDeduplication();
    for (const row of persistence.db.prepare('SELECT * FROM deduplication').all()) {
      this.sentBy(row['queue_name'] as string).set(row['id'] as string, {
        messageId: row['message_id'] as string,
        sequenceNumber: (row['sequence_number'] as string | null) ?? undefined,
        at: row['sent_at'] as number,
      });
    }
    // The engine writes NULL into a NOT NULL column here: making a message visible at once would fail and lose it.
    persistence.updateMessageReady = (messageId) => this.statements.ready.run(messageId);
  }

  /** Forgets ids whose five minutes are over. */
  forgetOldDeduplication(): void {
    const oldest = Date.now() - DEDUPLICATION_WINDOW_MS;
    this.statements.forget.run(oldest);
    for (const ids of this.sent.values()) {
      for (const [id, { at }] of ids) if (at <= oldest) ids.delete(id);
    }
  }

  /** Changes a queue that has just been made or loaded. */
  apply(queue: Queue): void {
    this.keepDeduplication(queue);
    this.giveReceiptHandles(queue);
    this.heedReceiptHandles(queue);
  }

  /** The engine keeps ten thousand ids, in memory only; SQS keeps each for five minutes, also that of a deleted message. */
  private keepDeduplication(queue: Queue): void {
    let recorded: { id: string; sent: Sent } | undefined;
    queue.checkDeduplication = (id) => {
      const sent = this.sent.get(queue.name)?.get(id);
      if (!sent || sent.at <= Date.now() - DEDUPLICATION_WINDOW_MS) return { isDuplicate: false };
      return {
        isDuplicate: true,
        originalMessageId: sent.messageId,
        originalSequenceNumber: sent.sequenceNumber,
      };
    };
    queue.recordDeduplication = (id, messageId, sequenceNumber) => {
      recorded = { id, sent: { messageId, sequenceNumber, at: Date.now() } };
    };
    const enqueue = queue.enqueue.bind(queue);
    queue.enqueue = (message) => {
      const fresh = recorded?.sent.messageId === message.messageId ? recorded : undefined;
      recorded = undefined;
      // An id without its message would make the sender's next attempt a duplicate of nothing.
      this.atomically(() => {
        const id = message.messageDeduplicationId;
        if (id?.includes(SCOPE_SEPARATOR)) message.messageDeduplicationId = id.slice(id.indexOf(SCOPE_SEPARATOR) + 1);
        enqueue(message);
        if (!fresh) return;
        const { messageId, sequenceNumber, at } = fresh.sent;
        this.statements.remember.run(queue.name, fresh.id, messageId, sequenceNumber ?? null, at);
      });
      if (fresh) this.sentBy(queue.name).set(fresh.id, fresh.sent);
    };
  }

  /**
   * Receiving is one transaction: a message that goes to the dead-letter queue is in one of the two queues at any time. The
   * handles that it gives can be told from what was never a handle.
   */
  private giveReceiptHandles(queue: Queue): void {
    const dequeue = queue.dequeue.bind(queue);
    queue.dequeue = (...parameters) =>
      this.atomically(() => {
        const received = dequeue(...parameters);
        for (const message of received) {
          const entry = queue.inflightMessages.get(message.ReceiptHandle)!;
          queue.inflightMessages.delete(message.ReceiptHandle);
          const { messageId, approximateReceiveCount, approximateFirstReceiveTimestamp } = entry.message;
          const handle = receiptHandle(queue.arn, { messageId, receivedAt: Date.now() });
          entry.receiptHandle = message.ReceiptHandle = handle;
          queue.inflightMessages.set(handle, entry);
          this.persistence.updateMessageInflight(
            messageId,
            handle,
            entry.visibilityDeadline,
            approximateReceiveCount,
            approximateFirstReceiveTimestamp,
          );
        }
        return received;
      });
  }

  /** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessage.html */
  private heedReceiptHandles(queue: Queue): void {
    const deleteMessage = queue.deleteMessage.bind(queue);
    queue.deleteMessage = (handle) => {
      const fault = this.receiptFault(queue, handle);
      if (fault) throw fault;
      return deleteMessage(handle);
    };
  }

  /** Why SQS would not delete a message by a handle. What is deleted already, or received again since, is no error. */
  receiptFault(queue: Queue, handle: unknown): SqsError | undefined {
    const receipt = readReceiptHandle(queue.arn, handle);
    if (!receipt) return this.notAHandle(handle);
    // The engine notices only when it is asked for messages that a visibility time-out is over.
    queue.processTimers();
    if (!queue.isFifo() || queue.inflightMessages.has(handle as string)) return undefined;
    if (!messagesOf(queue).some(({ messageId }) => messageId === receipt.messageId)) return undefined;
    return new this.SqsError(
      'InvalidParameterValue',
      `Value ${String(handle)} for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired.`,
    );
  }

  /** Why SQS would not change the visibility time-out, in seconds; the engine checks its range. */
  visibilityFault(queue: Queue, handle: unknown, timeout: unknown): SqsError | undefined {
    const receipt = readReceiptHandle(queue.arn, handle);
    // The engine asks for a handle where there is none.
    if (!receipt) return handle ? this.notAHandle(handle) : undefined;
    queue.processTimers();
    const seconds = Number(timeout ?? 0);
    const endsTooLate = Date.now() + seconds * 1000 > receipt.receivedAt + LONGEST_VISIBILITY_MS;
    if (seconds === 0 || !endsTooLate) return undefined;
    return new this.SqsError(
      'InvalidParameterValue',
      `Value ${seconds} for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout for the message is beyond the limit [${LONGEST_VISIBILITY_MS / 1000} seconds].`,
    );
  }

  private notAHandle(handle: unknown): SqsError {
    return new this.SqsError(
      'ReceiptHandleIsInvalid',
      `The input receipt handle "${String(handle)}" is not a valid receipt handle.`,
    );
  }

  private sentBy(queueName: string): Map<string, Sent> {
    let ids = this.sent.get(queueName);
    if (!ids) this.sent.set(queueName, (ids = new Map<string, Sent>()));
    return ids;
  }

  /** Everything that the work writes is on disk, or nothing of it. */
  private atomically<T>(work: () => T): T {
    if (this.inTransaction) return work();
    const { db } = this.persistence;
    db.exec('BEGIN IMMEDIATE');
    this.inTransaction = true;
    try {
      const result = work();
      db.exec('COMMIT');
      return result;
    } catch (error) {
      db.exec('ROLLBACK');
      throw error;
    } finally {
      this.inTransaction = false;
    }
  }
}

function messagesOf(queue: Queue): Message[] {
  const { ready, delayed, inflight } = queue.inspectMessages();
  return [...ready, ...delayed, ...inflight.map(({ message }) => message)];
}
