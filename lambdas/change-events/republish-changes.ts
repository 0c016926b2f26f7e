import type { Clock } from '../shared/clock.ts';
import type { HistoryKey, HistoryRow } from './history-row.ts';
import { keyText } from './history-row.ts';
import type { UnpublishedKey } from './history.store.ts';

export interface RepublishParts {
  readonly unpublishedBefore: (time: Date, limit: number) => Promise<readonly UnpublishedKey[]>;
  readonly read: (keys: readonly HistoryKey[]) => Promise<readonly HistoryRow[]>;
  readonly publish: (rows: readonly HistoryRow[]) => Promise<readonly HistoryKey[]>;
  readonly clock: Clock;
  readonly gauge: (metric: 'Republished' | 'OldestUnpublishedSeconds', value: number) => void;
}

/** Rows per shard and pass. */
const PASS = 50;
/** More refused rows than this are no exception; the next run goes on. */
const MOST_REFUSED = 500;

/**
 * Publishes what the stream's publisher has left unpublished for too long: whatever stood still, no event is lost.
 *
 * @param afterSeconds age from which a row is taken up
 * @param deadline when to stop, epoch milliseconds; the next run goes on
 */
export async function republishChanges(parts: RepublishParts, afterSeconds: number, deadline: number): Promise<void> {
  const before = new Date(parts.clock.now() - afterSeconds * 1000);
  let republished = 0;
  let oldest = 0;
  const refused = new Set<string>();
  try {
    do {
      const keys = (await parts.unpublishedBefore(before, PASS + refused.size)).filter(
        (key) => !refused.has(keyText(key)),
      );
      if (keys.length === 0) break;
      const times = keys.map((key) => Date.parse(key.observedAt));
      oldest ||= (parts.clock.now() - Math.min(...times)) / 1000;
      // The index lags behind the table: what has been published since is left alone.
      const rows = (await parts.read(keys))
        .filter((row) => row.unpublished !== undefined)
        .sort((a, b) => a.observedAt.localeCompare(b.observedAt));
      const failed = await parts.publish(rows);
      republished += rows.length - failed.length;
      // Neither what the bus refuses nor what cannot be read keeps back what lies behind it.
      const left = new Set(failed.map(keyText));
      const done = new Set(rows.map(keyText).filter((key) => !left.has(key)));
      for (const key of keys.map(keyText)) if (!done.has(key)) refused.add(key);
    } while (parts.clock.now() < deadline && refused.size < MOST_REFUSED);
  } finally {
    parts.gauge('OldestUnpublishedSeconds', oldest);
    parts.gauge('Republished', republished);
  }
}
