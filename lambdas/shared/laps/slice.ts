import * as z from 'zod/mini';

/**
 * The classes of a bucket's watches, in the order in which they are served. `urgent` wants another look soon, `new` has
 * not been seen yet, `steady` is everything else.
 */
export const WATCH_CLASSES = ['urgent', 'new', 'steady'] as const;
export type WatchClass = (typeof WATCH_CLASSES)[number];

/** Partition of the lap index: one bucket's watches of one class. */
export function lapOf(bucketId: string, watchClass: WatchClass): string {
  return `${bucketId}#${watchClass}`;
}

/** Lap of a bucket's watches that its upstream refuses for good: no planner reads it. */
export function invalidLapOf(bucketId: string): string {
  return `${bucketId}#invalid`;
}

/** The class that a watch's lap attribute says. */
export function classOf(lap: string): string {
  return lap.slice(lap.lastIndexOf('#') + 1);
}

const nonEmpty = z.string().check(z.minLength(1));

/** The message of the slices queue: the piece of a lap that a bucket sends in one go. */
export const Slice = z.object({
  id: nonEmpty,
  bucket: nonEmpty,
  class: nonEmpty,
  /** Count of planned requests of the bucket up to and including this slice; absent where nobody planned it. */
  endsAt: z.optional(z.int().check(z.positive())),
  /** Most watches of one request, where the bucket's own number has been refused. */
  pack: z.optional(z.int().check(z.positive())),
  /** Empty in a marker, which only says that everything planned before it has gone by. */
  watches: z.array(nonEmpty),
});
export type Slice = z.infer<typeof Slice>;
