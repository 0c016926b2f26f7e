import * as z from 'zod/mini';

const nonEmpty = z.string().check(z.minLength(1));

/** What Lambda puts into a function's environment, and keeps fresh: the credentials of its role. */
export const RoleCredentials = z.pipe(
  z.object({
    AWS_ACCESS_KEY_ID: nonEmpty,
    AWS_SECRET_ACCESS_KEY: nonEmpty,
    AWS_SESSION_TOKEN: z.optional(z.string()),
  }),
  z.transform((given) => ({
    accessKeyId: given.AWS_ACCESS_KEY_ID,
    secretAccessKey: given.AWS_SECRET_ACCESS_KEY,
    sessionToken: given.AWS_SESSION_TOKEN,
  })),
);
