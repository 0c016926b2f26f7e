import * as z from 'zod';

const text = z.string().min(1);

/** What a player has agreed to: the scopes of an access token that decide something here. */
export const SCOPES = {
  /** `user_id`, name and e-mail address. */
  profile: 'profile',
  /** `user_id` alone. */
  userId: 'profile:user_id',
  postalCode: 'postal_code',
  /** Both endpoints of Prime Gaming. */
  entitlements: 'games::prime',
} as const;

/** An Amazon account. `account` is its name in the simulator and goes to nobody; the rest is what Amazon knows of it. */
export const AmazonAccountOptions = z.strictObject({
  account: text,
  /** Amazon's identifier, such as `amzn1.account.AE…`. @default made of the seed and the name */
  userId: text.optional(),
  /** @default made up */
  name: text.optional(),
  /** @default made up */
  email: text.optional(),
  /** @default made up */
  postalCode: text.optional(),
});
export type AmazonAccountOptions = z.infer<typeof AmazonAccountOptions>;

export const TokenOptions = z.strictObject({
  /** A name that is not known yet makes an account. */
  account: text,
  /** What the player has agreed to. @default profile, postal_code and games::prime */
  scopes: z.array(text).default([SCOPES.profile, SCOPES.postalCode, SCOPES.entitlements]),
  /** Milliseconds that it lives; with 0 it has expired already. @default an hour, as Amazon's */
  lifeMs: z.number().min(0).default(3_600_000),
});
export type TokenOptions = z.input<typeof TokenOptions>;

export const ClaimOptions = z.strictObject({
  /** A name that is not known yet makes an account. */
  account: text,
  /** VendorProductId. Any text: what Amazon's document does not allow is there to be refused. */
  sku: text,
  /** @default a new UUID */
  entitlementId: text.optional(),
  /** NextInstruction. @default FULFILL */
  instruction: text.default('FULFILL'),
});
export type ClaimOptions = z.input<typeof ClaimOptions>;
