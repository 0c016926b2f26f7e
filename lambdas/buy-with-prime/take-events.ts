import { createHash } from 'node:crypto';
import type { OccurrenceStore } from '../change-events/occurrences.store.ts';
import type { RefusedMessages } from '../shared/notifications/refused-messages.ts';
import { readAmazonEvent } from './read-amazon-event.ts';

/** A record of an SQS event, as far as it matters here. */
export interface EventMessage {
  readonly messageId: string;
  /** What the rule made of an event: it holds nothing of a shopper, so that it may be put aside as it is. */
  readonly body: string;
}

export interface TakeEventsParts {
  readonly occurrences: Pick<OccurrenceStore, 'recordOnce'>;
  readonly refusedMessages: Pick<RefusedMessages, 'refuse'>;
  readonly count: (metric: 'TakenEvents' | 'RefusedEvents', by: number) => void;
  readonly info: (message: string, details: Readonly<Record<string, unknown>>) => void;
  readonly warn: (message: string, details: Readonly<Record<string, unknown>>) => void;
}

/**
 * Records each of Buy with Prime's own events once, however often it comes. What has been recorded before is done with; what
 * cannot be read goes to the dead-letter queue and holds up nothing.
 *
 * @returns identifiers of the messages that stay in the queue, because a table or a queue of ours could not be reached
 */
export async function takeEvents(messages: readonly EventMessage[], parts: TakeEventsParts): Promise<string[]> {
  const staying = await Promise.all(
    messages.map(async (message) => {
      try {
        await takeEvent(message, parts);
        return [];
      } catch (error) {
        parts.warn('an event stays in the queue', { correlationId: message.messageId, error });
        return [message.messageId];
      }
    }),
  );
  return staying.flat();
}

async function takeEvent({ messageId, body }: EventMessage, parts: TakeEventsParts): Promise<void> {
  const reading = readAmazonEvent(body);
  if ('refused' in reading) {
    await parts.refusedMessages.refuse(body, reading.refused);
    parts.count('RefusedEvents', 1);
    parts.warn('an event was refused', { correlationId: messageId, reason: reading.refused });
    return;
  }
  const { key, occurredAt, data } = reading.event;
  const isNew = await parts.occurrences.recordOnce({
    // Anything may be in a key, at any length.
    subject: `buy-with-prime/${createHash('sha256').update(key).digest('hex').slice(0, 32)}`,
    detailType: 'Buy with Prime Event Received',
    data,
    occurredAt,
    correlationId: messageId,
  });
  parts.count('TakenEvents', isNew ? 1 : 0);
  parts.info('an event', { correlationId: messageId, eventDescriptor: data.eventDescriptor, isNew });
}
