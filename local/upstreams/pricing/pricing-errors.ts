import type { Answer } from '../answer.ts';

/** Amazon's error code for a status. */
export function codeOf(status: number): string {
  switch (status) {
    case 400:
      return 'InvalidInput';
    case 401:
    case 403:
      return 'Unauthorized';
    case 404:
      return 'NotFound';
    case 429:
      return 'QuotaExceeded';
    case 503:
      return 'ServiceUnavailable';
    default:
      return status < 500 ? 'InvalidInput' : 'InternalFailure';
  }
}

/** Amazon's list of errors, with one error in it. */
export function errors(code: string, message: string, details = ''): object {
  return { errors: [{ code, message, details }] };
}

/** What an item of a batch says that fails for no reason of its own. */
export function innerErrors(status: number): object {
  const message = status === 429 ? QUOTA_MESSAGE : 'We encountered an internal error. Please try again.';
  return errors(codeOf(status), message);
}

/** Amazon's answer to a request that is wrong in itself. */
export function invalid(problem: string): Answer {
  return { status: 400, body: errors('InvalidInput', problem) };
}

/** What the gateway answers to those it does not let in. */
export function denied(details: string): Answer {
  return { status: 403, body: errors('Unauthorized', 'Access to requested resource is denied.', details) };
}

export const DENIED = denied('');
const QUOTA_MESSAGE = 'You exceeded your quota for the requested resource.';
export const QUOTA_EXCEEDED: Answer = { status: 429, body: errors('QuotaExceeded', QUOTA_MESSAGE) };
