import * as z from 'zod/mini';

/** A part of credentials: printable ASCII without blanks. Margins that come with copying are cut off. */
export const credentialText = z.string().check(z.trim(), z.regex(/^[\x21-\x7e]+$/u));
