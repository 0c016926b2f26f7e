import type { HistoryKey } from './history-row.ts';
import { HistoryRow, keyText } from './history-row.ts';

/** An insert into the history, as the stream tells it. */
export interface StreamInsert {
  readonly sequenceNumber: string;
  readonly image: unknown;
}

/**
 * Publishes a batch of stream records. A record that is no history row fails alone.
 *
 * @returns sequence numbers of the records to deliver again
 */
export async function publishStream(
  records: readonly StreamInsert[],
  publish: (rows: readonly HistoryRow[]) => Promise<readonly HistoryKey[]>,
  onUnreadable: (error: unknown) => void,
): Promise<string[]> {
  const failed: string[] = [];
  const rows: HistoryRow[] = [];
  const numbers = new Map<string, string>();
  for (const { sequenceNumber, image } of records) {
    const parsed = HistoryRow.safeParse(image);
    if (!parsed.success) {
      onUnreadable(parsed.error);
      failed.push(sequenceNumber);
      continue;
    }
    rows.push(parsed.data);
    numbers.set(keyText(parsed.data), sequenceNumber);
  }
  for (const key of await publish(rows)) {
    const sequenceNumber = numbers.get(keyText(key));
    if (sequenceNumber !== undefined) failed.push(sequenceNumber);
  }
  return failed;
}
