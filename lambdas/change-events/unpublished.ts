import { createHash } from 'node:crypto';

/** Shards of the index of unpublished rows, so that no single partition takes every change. */
export const UNPUBLISHED_SHARDS = 8;

/** Shard in which a watch's rows wait for being published. */
export function unpublishedShard(watchId: string): string {
  const [first = 0] = createHash('sha256').update(watchId).digest();
  return `u${first % UNPUBLISHED_SHARDS}`;
}
