import { CredentialError, RejectedError, ThrottledError, UnavailableError } from '../shared/errors.ts';
import { AmazonRefusal } from './amazon-refusal.ts';

/** What the endpoint is known to say of requests that it does not take up. Any other status may come from anywhere on the way. */
const REFUSALS = [400, 404];

/** Whether a failure proves that no order was made: the request never left, or was refused before anything was done. */
export function hadNoEffect(error: unknown): boolean {
  return (
    error instanceof ThrottledError ||
    error instanceof CredentialError ||
    error instanceof AmazonRefusal ||
    (error instanceof RejectedError && error.status !== undefined && REFUSALS.includes(error.status)) ||
    (error instanceof UnavailableError && error.unsent)
  );
}
