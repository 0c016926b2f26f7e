import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { replaceFile } from './replace-file.ts';

const Positions = z.record(z.string(), z.string());

/** How far an event source has come in each shard of a stream; kept in a file, so that a restart goes on from there. */
export class StreamCheckpoints {
  private readonly file: string;
  private positions: Record<string, string>;
  /** Whether the event source has yet to read for the first time. */
  readonly fresh: boolean;

  constructor(dataDir: string, eventSourceId: string, streamArn: string) {
    const directory = join(dataDir, 'checkpoints');
    mkdirSync(directory, { recursive: true });
    // A table made anew has another stream, whose sequence numbers start again.
    this.file = join(
      directory,
      `${eventSourceId}-${streamArn
        .split('/')
        .at(-1)!
        .replace(/[^\w.-]/g, '_')}.json`,
    );
    this.fresh = !existsSync(this.file);
    this.positions = readPositions(this.file);
  }

  /** The sequence number of the last record that is dealt with, and everything before it. */
  position(shardId: string): string | undefined {
    return this.positions[shardId];
  }

  /** Sets where reading begins, by shard id; a shard that is not named is read from its first record. */
  start(positions: Record<string, string>): void {
    this.positions = positions;
    replaceFile(this.file, JSON.stringify(positions));
  }

  save(shardId: string, sequenceNumber: string): void {
    this.positions[shardId] = sequenceNumber;
    replaceFile(this.file, JSON.stringify(this.positions));
  }
}

/** A file that a crash of the machine has cut says nothing: records are rather read twice than passed over. */
function readPositions(file: string): Record<string, string> {
  try {
    return Positions.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return {};
  }
}

/** Finds how far a shard is dealt with while several lanes finish its records out of order. */
export class ShardProgress {
  private readonly pending: { sequenceNumber: string; done: boolean }[] = [];
  private readonly bySequenceNumber = new Map<string, { done: boolean }>();
  private readonly onAdvance: (sequenceNumber: string) => void;

  constructor(onAdvance: (sequenceNumber: string) => void) {
    this.onAdvance = onAdvance;
  }

  get open(): number {
    return this.pending.length;
  }

  add(sequenceNumber: string): void {
    const entry = { sequenceNumber, done: false };
    this.pending.push(entry);
    this.bySequenceNumber.set(sequenceNumber, entry);
  }

  done(sequenceNumbers: Iterable<string>): void {
    for (const sequenceNumber of sequenceNumbers) {
      const entry = this.bySequenceNumber.get(sequenceNumber);
      if (entry) entry.done = true;
    }
    let last: string | undefined;
    while (this.pending[0]?.done) {
      last = this.pending.shift()!.sequenceNumber;
      this.bySequenceNumber.delete(last);
    }
    if (last !== undefined) this.onAdvance(last);
  }
}
