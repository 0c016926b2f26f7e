import * as z from 'zod/mini';

/** Printable ASCII without blanks; margins that come with copying are cut off. */
const credential = z.string().check(z.trim(), z.regex(/^[\x21-\x7e]+$/u));

/** The secret of a merchant account: the API credentials as Buy with Prime's merchant console gives them. */
export const BuyWithPrimeCredentials = z.object({
  clientId: credential.check(z.describe('Client identifier of the API credentials.')),
  clientSecret: credential.check(z.describe('Client secret of the API credentials.')),
  targetId: credential.check(z.describe('Target identifier: the business product that requests are about.')),
  ca: z
    .optional(z.string().check(z.minLength(1)))
    .check(z.describe('Authority of the server certificates, PEM; default: the public ones.')),
});
export type BuyWithPrimeCredentials = z.infer<typeof BuyWithPrimeCredentials>;
