import * as z from 'zod/mini';
import { credentialText } from '../shared/oauth/credential-text.ts';

/** The secret of a merchant account: the API credentials as Buy with Prime's merchant console gives them. */
export const BuyWithPrimeCredentials = z.object({
  clientId: credentialText.check(z.describe('Client identifier of the API credentials.')),
  clientSecret: credentialText.check(z.describe('Client secret of the API credentials.')),
  targetId: credentialText.check(z.describe('Target identifier: the business product that requests are about.')),
  ca: z
    .optional(z.string().check(z.minLength(1)))
    .check(z.describe('Authority of the server certificates, PEM; default: the public ones.')),
});
export type BuyWithPrimeCredentials = z.infer<typeof BuyWithPrimeCredentials>;
