import type { Operation, Rate } from './scenarios.ts';

/** What a client's process is given; `go` follows when every process is ready. */
export interface PeerJob {
  readonly peer: string;
  readonly operation: Operation;
  readonly marketplaceId: string;
  readonly items: readonly string[];
  /** What the client is told about its bucket. */
  readonly rate: Rate;
  /** Processes that share the bucket, this one included. */
  readonly consumers: number;
  readonly credentials: { readonly clientId: string; readonly clientSecret: string; readonly refreshToken: string };
  /** Where Amazon's hosts are played, by host name. */
  readonly hosts: Readonly<Record<string, string>>;
  /** After so long it stops wherever it is. */
  readonly limitMs: number;
}

/** What a client's process says: `ready` once, `progress` while it runs, `done` at the end. */
export interface PeerMessage {
  readonly kind: 'ready' | 'progress' | 'done';
  /** Epoch milliseconds; absent before the start. */
  readonly startedAt?: number;
  /** When the last item was answered that had not been before, epoch milliseconds. */
  readonly lastAnswerAt?: number;
  /** Different items answered. */
  readonly answered: number;
  /** What the client gave up with, and how often. */
  readonly errors: Readonly<Record<string, number>>;
}
