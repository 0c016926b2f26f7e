import { CredentialError, RejectedError, ThrottledError, UnavailableError } from '../shared/errors.ts';

/** What the API is known to say of requests that it does not take up. Any other status may come from anywhere on the way. */
const REFUSALS = [400, 404];

/** Whether a failure proves that the request had no effect: it never left, or was refused before anything was done. */
export function isUnprocessed(error: unknown): boolean {
  return (
    error instanceof ThrottledError ||
    error instanceof CredentialError ||
    (error instanceof RejectedError && error.status !== undefined && REFUSALS.includes(error.status)) ||
    (error instanceof UnavailableError && error.unsent)
  );
}
