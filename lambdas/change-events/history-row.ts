import * as z from 'zod/mini';

/**
 * One version of a watch. The row is the outbox as well: it announces its events and carries `unpublished` until they
 * are on the bus. The state before is the state of version − 1.
 */
export const HistoryRow = z.object({
  watchId: z.string(),
  version: z.int().check(z.positive()),
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
  correlationId: z.string(),
  sentAt: z.number(),
  observedAt: z.string(),
  unpublished: z.optional(z.string()),
});
export type HistoryRow = z.infer<typeof HistoryRow>;

/** A key of the history table. */
export type HistoryKey = Pick<HistoryRow, 'watchId' | 'version'>;

/** A key as text, for maps and sets. */
export function keyText(key: HistoryKey): string {
  return `${key.watchId}#${key.version}`;
}
