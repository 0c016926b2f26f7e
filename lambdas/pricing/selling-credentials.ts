import * as z from 'zod/mini';
import { credentialText } from '../shared/oauth/credential-text.ts';

/** The secret of a selling account. */
export const SellingCredentials = z.object({
  clientId: credentialText.check(z.describe("LWA client identifier of the partner's SP-API application.")),
  clientSecret: credentialText.check(z.describe('LWA client secret of the application.')),
  refreshToken: credentialText.check(z.describe('LWA refresh token that the selling account gave the application.')),
  ca: z
    .optional(z.string().check(z.minLength(1)))
    .check(z.describe('Authority of the server certificates, PEM; default: the public ones.')),
});
export type SellingCredentials = z.infer<typeof SellingCredentials>;
