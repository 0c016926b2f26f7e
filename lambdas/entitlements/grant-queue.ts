import * as z from 'zod/mini';

/** A grant that is to be repeated until it is had: the body of a message. */
export const GrantMessage = z.object({ partner: z.string(), entitlementId: z.string() });
export type GrantMessage = z.infer<typeof GrantMessage>;

/** Where grants wait that could not be had at once. */
export interface GrantQueue {
  /** @param delaySeconds before the first try, up to 900 */
  send(messages: readonly GrantMessage[], delaySeconds: number): Promise<void>;
}
