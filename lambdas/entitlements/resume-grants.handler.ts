import * as z from 'zod/mini';

const nonEmpty = z.string().check(z.minLength(1));

/** Queue of grants → grants what could not be granted at once, and gives up in the end. */
export const Environment = z.object({
  ENTITLEMENTS_TABLE: nonEmpty,
  HISTORY_TABLE: nonEmpty,
  GRANTS_QUEUE_URL: nonEmpty,
  DEAD_LETTER_QUEUE_URL: nonEmpty,
});
export type Environment = z.infer<typeof Environment>;
