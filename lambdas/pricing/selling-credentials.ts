import * as z from 'zod/mini';

/** Printable ASCII without blanks; margins that come with copying are cut off. */
const credential = z.string().check(z.trim(), z.regex(/^[\x21-\x7e]+$/u));

/** The secret of a selling account. */
export const SellingCredentials = z.object({
  clientId: credential.check(z.describe("LWA client identifier of the partner's SP-API application.")),
  clientSecret: credential.check(z.describe('LWA client secret of the application.')),
  refreshToken: credential.check(z.describe('LWA refresh token that the selling account gave the application.')),
  ca: z
    .optional(z.string().check(z.minLength(1)))
    .check(z.describe('Authority of the server certificates, PEM; default: the public ones.')),
});
export type SellingCredentials = z.infer<typeof SellingCredentials>;
