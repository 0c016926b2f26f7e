import * as z from 'zod/mini';
import { WebhookKeys } from '../shared/webhooks/standard-webhooks.ts';

/** What the secret of a partner may hold: only what the partner's settings use has to be there. */
export const EntitlementsSecret = z.object({
  /** Signs the calls of the game's webhook. */
  webhookKey: z.optional(WebhookKeys),
  /** Signs the calls that Amazon makes (push integration). */
  pushKey: z.optional(WebhookKeys),
  /** Authority of the webhook's server, PEM. @default the public ones */
  ca: z.optional(z.string().check(z.minLength(1))),
});
export type EntitlementsSecret = z.infer<typeof EntitlementsSecret>;
