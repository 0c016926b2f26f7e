import type { RefusedMessages } from '../shared/notifications/refused-messages.ts';
import type { Telemetry } from '../shared/telemetry.ts';
import { GrantMessage } from './grant-queue.ts';
import type { SqsGrantQueue } from './grants-queue.client.ts';
import { resumeGrant, type ResumeParts } from './resume-grants.ts';

/** A record of an SQS event, as far as it matters here. */
export interface GrantRecord {
  readonly messageId: string;
  readonly receiptHandle: string;
  readonly body: string;
}

export interface ReceiveGrantsParts extends Omit<ResumeParts, 'giveUp' | 'telemetry'> {
  readonly queue: Pick<SqsGrantQueue, 'postpone'>;
  readonly deadLetters: Pick<RefusedMessages, 'refuse'>;
  readonly telemetry: Pick<Telemetry, 'count' | 'warn'>;
}

/**
 * Works off messages of the grants queue, side by side. One that cannot be understood goes to the dead-letter queue at once.
 *
 * @param functionDeadline when the function ends, epoch milliseconds
 * @returns identifiers of the messages that stay in the queue
 */
export async function receiveGrants(
  records: readonly GrantRecord[],
  parts: ReceiveGrantsParts,
  functionDeadline: number,
): Promise<string[]> {
  const { queue, deadLetters, telemetry } = parts;
  const staying: string[] = [];
  await Promise.all(
    records.map(async ({ messageId, receiptHandle, body }) => {
      try {
        const message = readMessage(body);
        if (message === undefined) {
          await deadLetters.refuse(body, { code: 'UnreadableMessage', message: 'it names no entitlement' });
          return;
        }
        const resumed = await resumeGrant(
          { ...parts, giveUp: (_, reason) => deadLetters.refuse(body, reason) },
          { message, messageId, functionDeadline },
        );
        if (resumed.kind === 'done') return;
        staying.push(messageId);
        await queue.postpone(receiptHandle, resumed.inSeconds);
      } catch (error) {
        // It comes again when its visibility time-out is over.
        if (!staying.includes(messageId)) staying.push(messageId);
        telemetry.warn('a grant stays in the queue', { messageId, error });
      }
    }),
  );
  return staying;
}

function readMessage(body: string): GrantMessage | undefined {
  try {
    return GrantMessage.safeParse(JSON.parse(body)).data;
  } catch {
    return undefined;
  }
}
