import * as z from 'zod/mini';

const nonEmpty = z.string().check(z.minLength(1));

/** Schedule → resumes what was left behind, and tells what is stuck. */
export const Environment = z.object({
  ENTITLEMENTS_TABLE: nonEmpty,
  HISTORY_TABLE: nonEmpty,
  GRANTS_QUEUE_URL: nonEmpty,
});
export type Environment = z.infer<typeof Environment>;
