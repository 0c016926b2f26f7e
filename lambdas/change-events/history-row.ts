import * as z from 'zod/mini';

const row = {
  /** Identifier of the watch; of an occurrence, its subject. */
  watchId: z.string(),
  version: z.int().check(z.positive()),
  correlationId: z.string(),
  observedAt: z.string(),
  unpublished: z.optional(z.string()),
};

/** One version of a watch. The state before is the state of version − 1. */
export const WatchVersion = z.object({
  ...row,
  subject: z.optional(z.undefined()),
  /** The state by item: what the watch looks like since this version. */
  after: z.record(z.string(), z.unknown()),
  /** What changed, by item. */
  changes: z.record(z.string(), z.array(z.unknown())),
  events: z.array(
    z.object({
      detailType: z.string(),
      item: z.string(),
      about: z.record(z.string(), z.nullable(z.string())),
      occurredAt: z.optional(z.string()),
    }),
  ),
  /** Path of the partner API under which this history can be read. */
  historyPath: z.string(),
  sentAt: z.number(),
});
export type WatchVersion = z.infer<typeof WatchVersion>;

/** Something that happened to a subject which is not watched: its events carry their whole data. */
export const OccurrenceRow = z.object({
  ...row,
  /** Such as `code/<hash>`. */
  subject: z.string(),
  events: z.array(
    z.object({
      detailType: z.string(),
      occurredAt: z.optional(z.string()),
      data: z.record(z.string(), z.unknown()),
    }),
  ),
});
export type OccurrenceRow = z.infer<typeof OccurrenceRow>;

/** A row is the outbox as well: it announces its events and carries `unpublished` until they are on the bus. */
export const HistoryRow = z.union([WatchVersion, OccurrenceRow]);
export type HistoryRow = z.infer<typeof HistoryRow>;

/** A key of the history table. */
export type HistoryKey = Pick<HistoryRow, 'watchId' | 'version'>;

/** A key as text, for maps and sets. */
export function keyText(key: HistoryKey): string {
  return `${key.watchId}#${key.version}`;
}
