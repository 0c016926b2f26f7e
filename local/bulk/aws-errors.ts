const REFUSED = [
  'UnrecognizedClientException',
  'InvalidClientTokenId',
  'InvalidSignatureException',
  'SignatureDoesNotMatch',
  'IncompleteSignature',
  'AuthFailure',
];
const EXPIRED = ['ExpiredToken', 'ExpiredTokenException', 'RequestExpired'];
const DENIED = ['AccessDenied', 'AccessDeniedException', 'AuthorizationError'];
const THROTTLED = [
  'ProvisionedThroughputExceededException',
  'ThrottlingException',
  'Throttling',
  'RequestLimitExceeded',
  'RequestThrottled',
  'UnprocessedKeysError',
  'UnprocessedItemsError',
];
const GONE = ['ResourceNotFoundException', 'QueueDoesNotExist'];
const UNREACHABLE = ['ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', 'EAI_AGAIN', 'ETIMEDOUT', 'EPIPE', 'EHOSTUNREACH'];

export interface ExplainOptions {
  /** Whether the local stack was called. @default false */
  readonly isLocal?: boolean;
  /** The document that lists the permissions. @default none is named */
  readonly manual?: string;
}

/** What an error of an AWS client means and what to do; undefined where the error is none of these. */
export function explainAwsError(error: unknown, { isLocal = false, manual }: ExplainOptions = {}): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { name, message } = error;
  const code = (error as NodeJS.ErrnoException).code ?? '';
  const isUnreachable = UNREACHABLE.includes(code) || name === 'TimeoutError';
  if (isLocal) {
    if (isUnreachable || GONE.includes(name)) {
      return `The local stack does not answer (${message || code}). Start it with \`npm start\`.`;
    }
    if ('$metadata' in error) return `The local stack answered ${name}: ${message}`;
  }
  if (name === 'CredentialsProviderError' || message.includes('Could not load credentials')) {
    return `No AWS credentials were found (${message}). Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.`;
  }
  if (/^Region (?:is missing|not accepted)/u.test(message))
    return 'No AWS region is given. Set AWS_REGION, or add --region <region>.';
  if (DENIED.includes(name)) {
    const [, permission, , resource] = /perform:? (\S+)( on resource: (\S+))?/u.exec(message) ?? [];
    const lists = (what: string): string => (manual === undefined ? '' : ` ${manual} lists ${what}.`);
    if (permission === undefined) return `AWS denies access: ${message}.${lists('the permissions')}`;
    return `The permission ${permission}${resource === undefined ? '' : ` on ${resource}`} is missing.${lists('all')}`;
  }
  if (EXPIRED.includes(name)) return `The AWS credentials have expired (${message}). Renew them and go on.`;
  if (REFUSED.includes(name)) return `AWS refuses the credentials: ${message}`;
  if (GONE.includes(name)) return `The stack's table or queue is gone (${message}). Has the stack been deleted?`;
  if (THROTTLED.includes(name)) return `AWS has throttled for too long (${message}). Go on in a few minutes.`;
  if (isUnreachable) return `The stack does not answer (${message || code}).`;
  if (name === 'SlicesRefusedError') return `${message}.`;
  if ('$metadata' in error) return `AWS answered ${name}: ${message}`;
  return undefined;
}
