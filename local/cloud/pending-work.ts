import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** Work that was accepted and is not finished. */
export interface PendingItem {
  readonly id: string;
  /** What it is about, as it was given. */
  readonly content: unknown;
  /** When it was accepted, epoch milliseconds. */
  readonly acceptedAt: number;
  /** How far it has come, as last noted; undefined until then. */
  readonly progress: unknown;
}

/**
 * Work that services have promised to do later, kept in the data directory until it is done: whoever has been told that it
 * is accepted can rely on it, also when the process is killed in the next moment. What was under way then is begun again,
 * so that work is done at least once.
 */
export class PendingWork {
  private readonly database: DatabaseSync;
  private readonly statements;

  /** @throws Error that names the file, where it cannot be opened or is no database */
  constructor(dataDir: string) {
    mkdirSync(dataDir, { recursive: true });
    this.database = openDatabase(join(dataDir, 'pending-work.sqlite'));
    this.database.exec(`
      CREATE TABLE IF NOT EXISTS pending_work (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        kind TEXT NOT NULL,
        content TEXT NOT NULL,
        accepted_at INTEGER NOT NULL,
        progress TEXT
      )`);
    this.statements = {
      add: this.database.prepare('INSERT INTO pending_work (id, kind, content, accepted_at) VALUES (?, ?, ?, ?)'),
      note: this.database.prepare('UPDATE pending_work SET progress = ? WHERE id = ?'),
      remove: this.database.prepare('DELETE FROM pending_work WHERE id = ?'),
      list: this.database.prepare('SELECT * FROM pending_work WHERE kind = ? ORDER BY sequence'),
    };
  }

  /** Keeps work of a kind; it is on disk when this returns. */
  add(kind: string, content: unknown): PendingItem {
    const item = { id: randomUUID(), content, acceptedAt: Date.now(), progress: undefined };
    this.statements.add.run(item.id, kind, JSON.stringify(content), item.acceptedAt);
    return item;
  }

  note(id: string, progress: unknown): void {
    this.statements.note.run(JSON.stringify(progress), id);
  }

  remove(id: string): void {
    this.statements.remove.run(id);
  }

  /** Everything of a kind that is not done, in the order in which it was accepted. */
  list(kind: string): PendingItem[] {
    return this.statements.list.all(kind).map((row) => ({
      id: row['id'] as string,
      content: JSON.parse(row['content'] as string) as unknown,
      acceptedAt: row['accepted_at'] as number,
      progress: row['progress'] === null ? undefined : (JSON.parse(row['progress'] as string) as unknown),
    }));
  }

  /** Does several things to the kept work as one, or none of them where `work` throws. */
  atomically(work: () => void): void {
    this.database.exec('BEGIN');
    try {
      work();
      this.database.exec('COMMIT');
    } catch (error) {
      this.database.exec('ROLLBACK');
      throw error;
    }
  }

  close(): void {
    this.database.close();
  }
}

/** Opens a database in write-ahead mode, in which what is committed outlasts the process. */
function openDatabase(file: string): DatabaseSync {
  try {
    const database = new DatabaseSync(file);
    // The operating system keeps what a killed process has written; only a loss of power could take the latest commits.
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;');
    return database;
  } catch (error) {
    throw new Error(
      `${file} cannot be opened: ${(error as Error).message}. Move it away to go on without its content.`,
      {
        cause: error,
      },
    );
  }
}
