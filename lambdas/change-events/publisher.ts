import type { Clock } from '../shared/clock.ts';
import { fullJitter } from '../shared/retry.ts';
import type { RetryPolicy } from '../shared/settings.ts';
import type { Telemetry } from '../shared/telemetry.ts';
import type { EventBus } from './event-bus.client.ts';
import type { HistoryKey, HistoryRow } from './history-row.ts';
import type { HistoryStore } from './history.store.ts';
import { publishChanges } from './publish-changes.ts';

/** Entries that the bus refuses are put again this often before their rows are left to a later delivery. */
const REFUSED: RetryPolicy = { attempts: 4, baseMs: 200, capMs: 5_000 };

/**
 * The way from the history to the bus, as the publisher and the reconciler go it.
 *
 * @returns publishes rows' events; gives back the keys of the rows that failed
 */
export function publisherOf(
  history: HistoryStore,
  bus: EventBus,
  clock: Clock,
  telemetry: Telemetry,
): (rows: readonly HistoryRow[]) => Promise<HistoryKey[]> {
  const parts = {
    read: history.read.bind(history),
    clear: history.clear.bind(history),
    put: bus.put.bind(bus),
    clock,
    pause: (attempt: number) => fullJitter(attempt, REFUSED, Math.random),
    attempts: REFUSED.attempts,
    count: telemetry.count,
  };
  return (rows) => publishChanges(parts, rows);
}
