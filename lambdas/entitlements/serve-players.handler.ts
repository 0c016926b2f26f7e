import * as z from 'zod/mini';

const nonEmpty = z.string().check(z.minLength(1));

/** Partner API → grants and reports players' entitlements, reads inventories. */
export const Environment = z.object({
  PARTNERS: nonEmpty,
  ENTITLEMENTS_TABLE: nonEmpty,
  HISTORY_TABLE: nonEmpty,
  GRANTS_QUEUE_URL: nonEmpty,
  HASH_KEY_SECRET: nonEmpty,
});
export type Environment = z.infer<typeof Environment>;
