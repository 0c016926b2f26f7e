import * as z from 'zod/mini';

const nonEmpty = z.string().check(z.minLength(1));

/** Amazon's calls (push integration) → grants claims, links and unlinks accounts. */
export const Environment = z.object({
  ENTITLEMENTS_TABLE: nonEmpty,
  HISTORY_TABLE: nonEmpty,
  GRANTS_QUEUE_URL: nonEmpty,
  HASH_KEY_SECRET: nonEmpty,
});
export type Environment = z.infer<typeof Environment>;
