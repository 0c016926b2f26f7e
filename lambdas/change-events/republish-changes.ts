import type { Clock } from '../shared/clock.ts';
import type { HistoryKey, HistoryRow } from './history-row.ts';
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

/**
 * Publishes what the stream's publisher has left unpublished for too long: whatever stood still, no event is lost.
 *
 * @param afterSeconds age from which a row is taken up
 * @param deadline when to stop, epoch milliseconds; the next run goes on
 */
export async function republishChanges(parts: RepublishParts, afterSeconds: number, deadline: number): Promise<void> {
  const before = new Date(parts.clock.now() - afterSeconds * 1000);
  let republished = 0;
  let oldest: number | undefined;
  do {
    const keys = await parts.unpublishedBefore(before, PASS);
    if (oldest === undefined) {
      const times = keys.map((key) => Date.parse(key.observedAt));
      oldest = times.length === 0 ? 0 : (parts.clock.now() - Math.min(...times)) / 1000;
    }
    if (keys.length === 0) break;
    // The index lags behind the table: what has been published since is left alone.
    const rows = (await parts.read(keys))
      .filter((row) => row.unpublished !== undefined)
      .sort((a, b) => a.observedAt.localeCompare(b.observedAt));
    const failed = await parts.publish(rows);
    republished += rows.length - failed.length;
    // The bus does not take them now: no use in asking for the same rows again.
    if (failed.length > 0 || rows.length === 0) break;
  } while (parts.clock.now() < deadline);
  parts.gauge('OldestUnpublishedSeconds', oldest);
  parts.gauge('Republished', republished);
}
