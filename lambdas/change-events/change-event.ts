import { createHash } from 'node:crypto';

/** The `source` of every event that Offer Relay puts on its bus. */
export const EVENT_SOURCE = 'offer-relay';

/** Version of the envelope and of the data shapes; rises when a subscriber would have to change. */
export const SCHEMA_VERSION = 1;

/**
 * An event that a history row announces. The row's `items` hold the state; the event names one of them.
 *
 * @property detailType title case, such as `Offer Went Live`
 * @property item key of the changed item within the snapshot
 * @property about the item's own identifying nouns, spread into the event's data
 */
export interface AnnouncedEvent {
  readonly detailType: string;
  readonly item: string;
  readonly about: Readonly<Record<string, string | null>>;
  readonly occurredAt?: string;
}

/** Identifier of an event: the same change always gives the same one, so at-least-once delivery can be deduplicated. */
export function eventId(subject: string, sequence: number, detailType: string, item: string): string {
  return createHash('sha256')
    .update(JSON.stringify([subject, sequence, detailType, item]))
    .digest('hex')
    .slice(0, 32);
}
