import * as z from 'zod/mini';

/** A grant that is to be repeated until it is had: the body of a message. */
export const GrantMessage = z.object({ partner: z.string(), entitlementId: z.string() });
export type GrantMessage = z.infer<typeof GrantMessage>;

/** What the queue was to try again, and has not for so long, is not in the queue any more. */
const LATE_MS = 15 * 60_000;

/** Whether the queue is going to try a grant that has failed, and must not get it a second time. */
export function isQueued({ nextTryAt }: { readonly nextTryAt?: number | undefined }, now: number): boolean {
  return nextTryAt !== undefined && now < nextTryAt + LATE_MS;
}

/** Where grants wait that could not be had at once. */
export interface GrantQueue {
  /** @param delaySeconds before the first try, up to 900 */
  send(messages: readonly GrantMessage[], delaySeconds: number): Promise<void>;
}
