import { checkSignature, type SignatureProblem } from '../../signature-v4.ts';
import type { AccessControl } from '../access-control.ts';
import { identityOf, type CallerIdentity } from '../caller-identity.ts';
import type { IssuedCredentials } from '../credentials.ts';
import { ACCOUNT_ID, REGION } from '../intrinsics.ts';
import { ServiceError } from '../json-service.ts';
import { OPERATOR } from '../service-call.ts';
import { headerOf, type ApiRequest } from './api-request.ts';
import { GatewayError, type GatewayResponseType } from './gateway-error.ts';

/** A caller who has been let in. */
export interface AuthorizedCaller extends CallerIdentity {
  readonly accessKey: string | null;
}

const PROBLEMS: Readonly<Record<SignatureProblem['kind'], readonly [GatewayResponseType, string]>> = {
  missing: ['MISSING_AUTHENTICATION_TOKEN', 'MissingAuthenticationTokenException'],
  incomplete: ['DEFAULT_4XX', 'IncompleteSignatureException'],
  'unsigned header': ['INVALID_SIGNATURE', 'InvalidSignatureException'],
  'unknown key': ['INVALID_SIGNATURE', 'UnrecognizedClientException'],
  'wrong scope': ['INVALID_SIGNATURE', 'InvalidSignatureException'],
  expired: ['EXPIRED_TOKEN', 'InvalidSignatureException'],
  wrong: ['INVALID_SIGNATURE', 'InvalidSignatureException'],
};

/**
 * Checks who sends a request (Signature Version 4 in the header) and whether they may, as methods with `AWS_IAM` do.
 *
 * @param resource ARN of what is called, `arn:aws:execute-api:<region>:<account>:<api>/<stage>/<verb>/<path>`
 * @param now epoch milliseconds
 * @throws GatewayError of the type that API Gateway has for it
 */
export function authorize(
  request: ApiRequest,
  resource: string,
  { credentials, access, enforced }: { credentials: IssuedCredentials; access: AccessControl; enforced: boolean },
  now: number,
): AuthorizedCaller {
  const claimed = /Credential=([^/,]+)/.exec(headerOf(request, 'authorization') ?? '')?.[1] ?? '';
  if (!enforced) {
    const caller = credentials.find(claimed)?.caller;
    return { ...identityOf(caller ?? OPERATOR), accessKey: caller ? claimed : null };
  }
  const { httpMethod: method, url, body, message } = request;
  const expected = { region: REGION, service: 'execute-api' };
  const check = checkSignature(
    { method, url, headers: message.headers, body },
    expected,
    (id) => credentials.find(id),
    now,
  );
  if ('problem' in check) {
    if (credentials.hasExpired(claimed)) throw new GatewayError('EXPIRED_TOKEN');
    const { kind, message: text } = check.problem;
    const [type, errorType] = PROBLEMS[kind];
    throw new GatewayError(type, { status: 403, errorType, ...(kind === 'missing' ? {} : { message: text }) });
  }
  const { caller } = credentials.find(check.accessKeyId)!;
  try {
    access.judge({
      caller,
      service: 'execute-api',
      operation: 'Invoke',
      input: { httpMethod: method, path: request.fullPath },
      permissions: [{ action: 'execute-api:Invoke', resource }],
    });
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    // A stranger learns no more of the API's account than the end of its number.
    const masked = resource.replace(`:${ACCOUNT_ID}:`, `:********${ACCOUNT_ID.slice(-4)}:`);
    throw new GatewayError('ACCESS_DENIED', { message: error.message.replace(resource, masked) });
  }
  return { ...identityOf(caller), accessKey: check.accessKeyId };
}
