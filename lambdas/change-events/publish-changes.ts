import type { Clock } from '../shared/clock.ts';
import { EVENT_SOURCE, eventId, SCHEMA_VERSION } from './change-event.ts';
import type { HistoryKey, HistoryRow, OccurrenceRow, WatchVersion } from './history-row.ts';
import { keyText } from './history-row.ts';

/** An event as the bus takes it. */
export interface BusEntry {
  readonly source: string;
  readonly detailType: string;
  readonly detail: string;
  readonly time: Date;
}

export interface PublishParts {
  /** Reads rows of the history; a row that does not exist is missing from the answer. */
  readonly read: (keys: readonly HistoryKey[]) => Promise<readonly HistoryRow[]>;
  /** Puts entries on the bus. Returns the indices of those that the bus did not take. */
  readonly put: (entries: readonly BusEntry[]) => Promise<ReadonlySet<number>>;
  /** Takes a row out of the index of unpublished ones. */
  readonly clear: (key: HistoryKey) => Promise<void>;
  readonly clock: Clock;
  /** Pause before what the bus refused is put again, milliseconds. */
  readonly pause: (attempt: number) => number;
  /** How often an entry is put before its row counts as failed. */
  readonly attempts: number;
  readonly count: (metric: 'EventsPublished' | 'PublishFailures', by: number) => void;
}

const LARGEST_STATES_BYTES = 60_000;
const LARGEST_DETAIL_BYTES = 200_000;
const CLEARED_SIDE_BY_SIDE = 20;

/**
 * Publishes the events that history rows announce, then marks the rows as published. May be repeated at any time: an
 * event keeps its identifier.
 *
 * @returns keys of the rows whose events are not all on the bus
 */
export async function publishChanges(parts: PublishParts, rows: readonly HistoryRow[]): Promise<HistoryKey[]> {
  const earlier = await statesBefore(parts, rows);
  const pending = rows.flatMap((row) =>
    isOccurrence(row)
      ? occurrenceEntries(row)
      : changeEntries(row, earlier.get(keyText({ watchId: row.watchId, version: row.version - 1 }))),
  );
  const unsent = await putAll(parts, pending);
  const failed = new Set(unsent.map(({ row }) => keyText(row)));
  const isFailed = (row: HistoryRow): boolean => failed.has(keyText(row));

  const published = rows.filter((row) => !isFailed(row));
  for (let index = 0; index < published.length; index += CLEARED_SIDE_BY_SIDE) {
    await Promise.all(published.slice(index, index + CLEARED_SIDE_BY_SIDE).map((row) => parts.clear(row)));
  }
  parts.count('EventsPublished', pending.length - unsent.length);
  if (unsent.length > 0) parts.count('PublishFailures', unsent.length);
  return rows.filter(isFailed).map(({ watchId, version }) => ({ watchId, version }));
}

interface PendingEntry {
  readonly row: HistoryRow;
  readonly entry: BusEntry;
}

async function putAll(parts: PublishParts, pending: readonly PendingEntry[]): Promise<readonly PendingEntry[]> {
  let left = pending;
  for (let attempt = 1; left.length > 0 && attempt <= parts.attempts; attempt += 1) {
    if (attempt > 1) await parts.clock.sleepUntil(parts.clock.now() + parts.pause(attempt - 1));
    const refused = await parts.put(left.map(({ entry }) => entry));
    left = left.filter((_, index) => refused.has(index));
  }
  return left;
}

function isOccurrence(row: HistoryRow): row is OccurrenceRow {
  return row.subject !== undefined;
}

/** The states of the versions before, read only where an event needs one. */
async function statesBefore(
  parts: PublishParts,
  rows: readonly HistoryRow[],
): Promise<Map<string, WatchVersion['after']>> {
  const versions = rows.filter((row) => !isOccurrence(row));
  const states = new Map(versions.map((row) => [keyText(row), row.after]));
  const wanted = versions
    .filter((row) => row.version > 1 && row.events.length > 0)
    .map(({ watchId, version }) => ({ watchId, version: version - 1 }))
    .filter((key) => !states.has(keyText(key)));
  if (wanted.length > 0) {
    for (const row of await parts.read(wanted)) if (!isOccurrence(row)) states.set(keyText(row), row.after);
  }
  return states;
}

function changeEntries(row: WatchVersion, before: WatchVersion['after'] | undefined): PendingEntry[] {
  const subject = `watch/${row.watchId}`;
  return row.events.map((event) => {
    const states = { before: before?.[event.item] ?? null, after: row.after[event.item] ?? null };
    const changes = row.changes[event.item] ?? [];
    const large = byteLength(states) > LARGEST_STATES_BYTES;
    const short = { before: null, after: null, changes, truncated: true };
    // Even the changes may be too many for the bus.
    const fitting = [...(large ? [] : [{ ...states, changes, truncated: false }]), short].find(
      (data) => byteLength(data) <= LARGEST_DETAIL_BYTES,
    );
    const data = fitting ?? { ...short, changes: [] };
    return entryOf(row, subject, event, event.item, {
      watchId: row.watchId,
      ...event.about,
      ...data,
      ...(data.truncated && { history: row.historyPath }),
    });
  });
}

function occurrenceEntries(row: OccurrenceRow): PendingEntry[] {
  return row.events.map((event) => entryOf(row, row.subject, event, '', event.data));
}

function entryOf(
  row: HistoryRow,
  subject: string,
  { detailType, occurredAt = row.observedAt }: { detailType: string; occurredAt?: string | undefined },
  item: string,
  data: Record<string, unknown>,
): PendingEntry {
  const detail = {
    metadata: {
      id: eventId(subject, row.version, detailType, item),
      subject,
      sequence: row.version,
      occurredAt,
      observedAt: row.observedAt,
      schemaVersion: SCHEMA_VERSION,
      correlationId: row.correlationId,
    },
    data,
  };
  const entry = { source: EVENT_SOURCE, detailType, detail: JSON.stringify(detail), time: new Date(row.observedAt) };
  return { row, entry };
}

function byteLength(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value));
}
