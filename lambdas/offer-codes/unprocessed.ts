import { CredentialError, RejectedError, ThrottledError, UnavailableError } from '../shared/errors.ts';

/** Whether a failure proves that the request had no effect: it never left, or was refused before anything was done. */
export function isUnprocessed(error: unknown): boolean {
  return (
    error instanceof ThrottledError ||
    error instanceof RejectedError ||
    error instanceof CredentialError ||
    (error instanceof UnavailableError && error.unsent)
  );
}
