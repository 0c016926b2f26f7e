import * as z from 'zod/mini';
import { SCHEMA_VERSION } from './change-event.ts';

/** Says which event this is, what it is about and where it stands in the order of its subject. */
export const EventMetadata = z.object({
  id: z.string().check(z.describe('Stable over redeliveries: deduplicate by it.')),
  subject: z
    .string()
    .check(z.describe('What the event is about: watch/<watchId>, entitlement/<id>, order/<id>, code/<hash>.')),
  sequence: z.int().check(z.positive(), z.describe('Rises with each version of the subject: order by it.')),
  occurredAt: z.iso
    .datetime()
    .check(z.describe("The upstream's own time of the change where it gives one, else observedAt.")),
  observedAt: z.iso.datetime().check(z.describe('When Offer Relay recorded the change.')),
  schemaVersion: z.literal(SCHEMA_VERSION),
  correlationId: z.string().check(z.describe('Found in the log lines of the poll or request that led to the event.')),
});
export type EventMetadata = z.infer<typeof EventMetadata>;

/** The envelope: the `detail` of each event on the bus. */
export function changeEventDetail<Data extends z.core.$ZodType>(data: Data) {
  return z.object({ metadata: EventMetadata, data });
}
