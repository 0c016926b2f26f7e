import { createHash } from 'node:crypto';
import type { DeadLetterReason } from '../dead-letters.ts';
import { lapOf } from '../laps/slice.ts';
import type { WatchStore } from '../watches.store.ts';
import type { RefusedMessages } from './refused-messages.ts';

/** What a message says: that these watches, where they are on the list, are worth a look now. */
export interface Notification {
  /** The upstream's own identifier, equal whenever it sends the same notification; where it has none, the message's. */
  readonly id: string | undefined;
  readonly watchIds: readonly string[];
}

/** A room's reader of message bodies. It gives the reason where a body cannot be understood. */
export type ReadNotification = (
  body: string,
) => { readonly notification: Notification } | { readonly refused: DeadLetterReason };

/** A record of an SQS event, as far as it matters here. */
export interface NotificationRecord {
  readonly messageId: string;
  readonly body: string;
}

export interface TakeNotificationsParts {
  readonly read: ReadNotification;
  readonly watches: Pick<WatchStore<unknown>, 'whereabouts' | 'hurry'>;
  readonly refusedMessages: Pick<RefusedMessages, 'refuse'>;
  readonly count: (metric: 'NotificationsTaken' | 'NotificationsRefused' | 'WatchesHurried', by: number) => void;
  readonly info: (message: string, details: Readonly<Record<string, unknown>>) => void;
  readonly warn: (message: string, details: Readonly<Record<string, unknown>>) => void;
}

/** Identifiers that a row remembers: more than notifications come for one watch between two deliveries of one. */
const REMEMBERED = 10;
/** Longer identifiers are remembered by their hash, so that nobody's make a row grow. */
const LONGEST_ID = 64;

/** A watch that notifications of the batch are about. */
interface Call {
  readonly ids: Set<string>;
  readonly messageIds: Set<string>;
}

/**
 * Makes the watches urgent that a batch of notifications is about. However many notifications there are, a watch is
 * written at most once per batch, and not at all while it is urgent or new already, is off the list or unusable, or
 * remembers these notifications.
 *
 * What cannot be understood goes to the dead-letter queue and holds up nothing.
 *
 * @returns identifiers of the messages that stay in the queue, because a table or a queue of ours could not be reached
 */
export async function takeNotifications(
  records: readonly NotificationRecord[],
  parts: TakeNotificationsParts,
): Promise<string[]> {
  const calls = new Map<string, Call>();
  const distinct = new Set<string>();
  const refusals: Promise<void>[] = [];
  const staying = new Set<string>();
  const stay = (messageIds: Iterable<string>, error: unknown): void => {
    for (const messageId of messageIds) staying.add(messageId);
    parts.warn('messages stay in the queue', { error });
  };

  for (const { messageId, body } of records) {
    const reading = parts.read(body);
    if ('refused' in reading) {
      const refusal = parts.refusedMessages.refuse(body, reading.refused);
      refusals.push(refusal.catch((error: unknown) => stay([messageId], error)));
      continue;
    }
    const id = shortened(reading.notification.id ?? messageId);
    distinct.add(id);
    for (const watchId of reading.notification.watchIds) {
      const call = calls.get(watchId) ?? { ids: new Set(), messageIds: new Set() };
      calls.set(watchId, call);
      call.ids.add(id);
      call.messageIds.add(messageId);
    }
  }

  const [hurried] = await Promise.all([hurryAll(calls, parts, stay), ...refusals]);
  parts.count('NotificationsTaken', distinct.size);
  parts.count('NotificationsRefused', refusals.length);
  parts.count('WatchesHurried', hurried);
  parts.info('notifications', {
    messages: records.length,
    notifications: distinct.size,
    refused: refusals.length,
    hurried,
    staying: staying.size,
  });
  return [...staying];
}

/** @returns how many watches are urgent now that were not */
async function hurryAll(
  calls: ReadonlyMap<string, Call>,
  { watches }: TakeNotificationsParts,
  stay: (messageIds: Iterable<string>, error: unknown) => void,
): Promise<number> {
  let hurried = 0;
  try {
    const rows = await watches.whereabouts([...calls.keys()]);
    await Promise.all(
      rows.map(async ({ watchId, bucketId, lap, notified = [] }) => {
        const { ids, messageIds } = calls.get(watchId) ?? { ids: [], messageIds: [] };
        const fresh = [...ids].filter((id) => !notified.includes(id));
        if (lap !== lapOf(bucketId, 'steady') || fresh.length === 0) return;
        try {
          if (await watches.hurry({ watchId, bucketId }, [...notified, ...fresh].slice(-REMEMBERED))) hurried += 1;
        } catch (error) {
          stay(messageIds, error);
        }
      }),
    );
  } catch (error) {
    for (const { messageIds } of calls.values()) stay(messageIds, error);
  }
  return hurried;
}

function shortened(id: string): string {
  return id.length <= LONGEST_ID ? id : createHash('sha256').update(id).digest('hex');
}
