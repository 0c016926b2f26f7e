import { randomUUID } from 'node:crypto';
import type { Answer } from '../answer.ts';

/** The document's header, which is malformed: there should be `charset=`. */
const GAMING_HEADERS = { 'content-type': 'application/json;charset UTF-8', 'content-language': 'en-US' };

/** An answer of Prime Gaming. */
export function gaming(status: number, body: object): Answer {
  return { status, headers: { ...GAMING_HEADERS }, body };
}

/** The body of an error of Prime Gaming: its document has none, so this one is made up. */
export function gamingError(message: string): object {
  return { message };
}

/** The body of an error of Login with Amazon's profile. */
export function profileError(error: string, description: string): object {
  return { error, error_description: description, request_id: randomUUID() };
}

/** An error of Login with Amazon in its own words. */
export const PROFILE_REFUSALS = {
  missing: [400, 'invalid_request', 'The request is missing a required parameter or is otherwise malformed.'],
  token: [
    400,
    'invalid_token',
    'The access token provided is expired, revoked, malformed, or invalid for other reasons.',
  ],
  scope: [403, 'insufficient_scope', 'The access token provided does not have access to the required scope.'],
} as const;

export function refuseProfile(reason: keyof typeof PROFILE_REFUSALS): Answer {
  const [status, error, description] = PROFILE_REFUSALS[reason];
  return { status, body: profileError(error, description) };
}

export const NO_SUCH_ROUTE: Answer = { status: 404, body: gamingError('No such resource.') };
