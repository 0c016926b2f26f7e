import type { ServiceError } from './json-service.ts';
import type { Caller } from './service-call.ts';

/** Elements by name, in the order in which they are written. */
export type XmlElements = { readonly [name: string]: string | XmlElements };

/** A service of AWS's query protocol that the cloud plays itself: parameters in a form, answers in XML. */
export interface QueryService {
  /** In signatures and IAM. */
  readonly name: string;
  readonly version: string;
  readonly namespace: string;
  /** Each gets the call's parameters, judges the call, and gives what is in its result. */
  readonly operations: Readonly<
    Record<string, (input: Readonly<Record<string, string>>, caller: Caller) => XmlElements>
  >;
}

export interface QueryCall {
  readonly action: string;
  readonly version: string;
  /** The other parameters, as they stand on the wire. */
  readonly input: Readonly<Record<string, string>>;
}

/** The call that a request of the query protocol makes; nothing, where it is of another protocol. */
export function readQueryCall(method: string, url: string, contentType: string, body: Buffer): QueryCall | undefined {
  const form = method === 'POST' && /^application\/x-www-form-urlencoded\b/i.test(contentType);
  if (!form && method !== 'GET') return undefined;
  const parameters = new URLSearchParams(form ? body.toString('utf8') : (url.split('?')[1] ?? ''));
  const { Action: action, Version: version = '', ...input } = Object.fromEntries(parameters);
  return action === undefined ? undefined : { action, version, input };
}

/** The answer to a call that went well. */
export function queryAnswer({ action }: QueryCall, namespace: string, result: XmlElements, requestId: string): string {
  const content = { [`${action}Result`]: result, ResponseMetadata: { RequestId: requestId } };
  return `<${action}Response xmlns="${namespace}">${xml(content)}</${action}Response>`;
}

/** The names that errors have in the query protocol, where they differ from those in the JSON protocols. */
const QUERY_CODE: Readonly<Record<string, string>> = {
  AccessDeniedException: 'AccessDenied',
  ExpiredTokenException: 'ExpiredToken',
  IncompleteSignatureException: 'IncompleteSignature',
  InvalidSignatureException: 'SignatureDoesNotMatch',
  MissingAuthenticationTokenException: 'MissingAuthenticationToken',
  UnknownOperationException: 'InvalidAction',
  UnrecognizedClientException: 'InvalidClientTokenId',
  ValidationException: 'ValidationError',
};

/** The answer to a call that failed, with its status. */
export function queryError(
  error: ServiceError,
  namespace: string,
  requestId: string,
): { readonly status: number; readonly body: string } {
  const Code = QUERY_CODE[error.code] ?? error.code;
  const status = Code === 'AccessDenied' ? 403 : error.status;
  const Type = status < 500 ? 'Sender' : 'Receiver';
  const content = { Error: { Type, Code, Message: error.message }, RequestId: requestId };
  return { status, body: `<ErrorResponse xmlns="${namespace}">${xml(content)}</ErrorResponse>` };
}

function xml(elements: XmlElements): string {
  return Object.entries(elements)
    .map(([name, value]) => `<${name}>${typeof value === 'string' ? escape(value) : xml(value)}</${name}>`)
    .join('');
}

const ENTITY: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };

/** Text that XML can hold; it cannot hold control characters, not even escaped. */
function escape(text: string): string {
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  return text.replace(/[&<>]/g, (character) => ENTITY[character]!).replace(/[\0-\x08\v\f\x0e-\x1f]/g, '\ufffd');
}
