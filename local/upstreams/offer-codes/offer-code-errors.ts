import type { Answer } from '../answer.ts';

/** The codes of errors that the document names; those of other statuses are assumed. */
function codeOf(status: number): string {
  switch (status) {
    case 400:
      return 'BadRequest';
    case 403:
      return 'InvalidSignature';
    case 404:
      return 'NotFound';
    case 429:
      return 'TooManyRequests';
    case 503:
      return 'ServiceUnavailable';
    default:
      return status < 500 ? 'BadRequest' : 'InternalError';
  }
}

/** The body of an error: `{error: {code, message}}`. */
export function errorBody(status: number, message: string, code: string = codeOf(status)): object {
  return { error: { code, message } };
}

export function badRequest(message: string): Answer {
  return { status: 400, body: errorBody(400, message) };
}

export const MISSING_AUTHENTICATION: Answer = {
  status: 403,
  body: errorBody(403, 'Request is missing Authentication Token', 'MissingAuthenticationToken'),
};

export function invalidSignature(message: string): Answer {
  return { status: 403, body: errorBody(403, message) };
}

export const NO_SUCH_ROUTE: Answer = { status: 404, body: errorBody(404, 'No such resource.') };
