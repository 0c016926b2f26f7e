import { DatabaseSync } from 'node:sqlite';

const STREAM_RETENTION_S = 24 * 3600;

/**
 * Looks after the DynamoDB engine's table of stream records. The engine finds the next sequence number by reading all of a
 * table's records, so that writes slow down as they pile up, and it never lets one go. An index on what it looks for keeps
 * writes and reads fast, and what is past a stream's 24 hours goes, but for the last record, from which it goes on counting.
 */
export function tendStreamRecords(database: string): void {
  const connection = new DatabaseSync(database, { timeout: 5000 });
  try {
    const known = connection
      .prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = '_stream_records'")
      .get();
    // Another version of the engine may keep them elsewhere; it works without this, only slower.
    if (!known) return;
    connection.exec(
      `CREATE INDEX IF NOT EXISTS stream_position ON _stream_records (table_name, CAST(sequence_number AS INTEGER));
       DELETE FROM _stream_records WHERE created_at < unixepoch() - ${STREAM_RETENTION_S}
         AND id NOT IN (SELECT MAX(id) FROM _stream_records GROUP BY table_name);`,
    );
  } finally {
    connection.close();
  }
}
