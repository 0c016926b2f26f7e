import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

/** A request as far as its signature is about it. */
export interface SignedRequest {
  readonly method: string;
  /** Path and query as they stand in the request line. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface SigningKey {
  readonly secretAccessKey: string;
  /** Only temporary credentials have one. */
  readonly sessionToken?: string;
}

export type SignatureProblem =
  | { readonly kind: 'missing'; readonly message: string }
  | { readonly kind: 'incomplete'; readonly message: string }
  | { readonly kind: 'unsigned header'; readonly message: string }
  | { readonly kind: 'unknown key'; readonly message: string }
  | { readonly kind: 'wrong scope'; readonly message: string }
  | { readonly kind: 'expired'; readonly message: string }
  | { readonly kind: 'wrong'; readonly message: string };

export type SignatureCheck = { readonly accessKeyId: string } | { readonly problem: SignatureProblem };

/** AWS refuses a request whose date is further from its own clock than this. */
const LARGEST_SKEW_MS = 5 * 60_000;

/**
 * Checks a request's Signature Version 4 (header form), as AWS's own description has it and independently of the library
 * that signs.
 *
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 *
 * @param expected region and service that the request must be signed for; `free` names headers that need no signature
 *   although they begin with `x-amz-`
 * @param keyOf the key that belongs to an access key id, if there is one
 * @param now epoch milliseconds
 */
export function checkSignature(
  request: SignedRequest,
  expected: { readonly region: string; readonly service: string; readonly free?: readonly string[] },
  keyOf: (accessKeyId: string) => SigningKey | undefined,
  now: number,
): SignatureCheck {
  const problem = (kind: SignatureProblem['kind'], message: string): SignatureCheck => ({ problem: { kind, message } });
  const { authorization } = request.headers;
  if (authorization === undefined) return problem('missing', 'Request is missing Authentication Token');
  const parsed =
    /^AWS4-HMAC-SHA256 +Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, *SignedHeaders=([^,]+), *Signature=([0-9a-f]+)$/.exec(
      authorization,
    );
  if (!parsed)
    return problem(
      'incomplete',
      "Authorization header requires 'Credential', 'SignedHeaders' and 'Signature' parameters.",
    );
  const [, accessKeyId = '', day = '', region = '', service = '', signedNames = '', signature = ''] = parsed;
  const key = keyOf(accessKeyId);
  if (!key || header(request, 'x-amz-security-token') !== (key.sessionToken ?? ''))
    return problem('unknown key', 'The security token included in the request is invalid.');

  if (region !== expected.region || service !== expected.service) {
    const scope = `${expected.region}/${expected.service}`;
    return problem('wrong scope', `Credential should be scoped to ${scope}, not to ${region}/${service}.`);
  }
  const date = header(request, 'x-amz-date');
  const time = instantOf(date);
  if (time === undefined) return problem('incomplete', 'The request must have an X-Amz-Date header.');
  if (!date.startsWith(day)) {
    const text = `Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: ${date}`;
    return problem('wrong scope', text);
  }
  if (Math.abs(now - time) > LARGEST_SKEW_MS) {
    return problem('expired', `Signature expired or not yet valid: ${date} is more than 5 min from the current time.`);
  }
  const headers = signedNames.split(';');
  const unsigned = ['host', ...Object.keys(request.headers).filter((name) => name.startsWith('x-amz-'))].find(
    (name) => !headers.includes(name) && !expected.free?.includes(name),
  );
  if (unsigned !== undefined)
    return problem('unsigned header', `'${unsigned}' must be a 'SignedHeader' in the AWS Authorization.`);

  const scope = `${day}/${region}/${service}/aws4_request`;
  const text = ['AWS4-HMAC-SHA256', date, scope, sha256(canonicalRequest(request, headers))].join('\n');
  const signingKey = [day, region, service, 'aws4_request'].reduce<Buffer | string>(
    (secret, part) => hmac(secret, part),
    `AWS4${key.secretAccessKey}`,
  );
  const right = hmac(signingKey, text).toString('hex');
  const equal = right.length === signature.length && timingSafeEqual(Buffer.from(right), Buffer.from(signature));
  if (equal) return { accessKeyId };
  return problem(
    'wrong',
    'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method.',
  );
}

function canonicalRequest(request: SignedRequest, headers: readonly string[]): string {
  const [path, search] = split(request.url, '?');
  const query = [...new URLSearchParams(search)]
    .map(([name, value]) => [encode(name), encode(value)] as const)
    .sort(([a, av], [b, bv]) => order(a, b) || order(av, bv))
    .map((pair) => pair.join('='))
    .join('&');
  return [
    request.method,
    canonicalPath(path),
    query,
    ...headers.map((name) => `${name}:${header(request, name).trim().replace(/ +/g, ' ')}`),
    '',
    headers.join(';'),
    sha256(request.body),
  ].join('\n');
}

/** Without empty and dotted segments, and encoded once more: so it is for every service but S3. */
function canonicalPath(path: string): string {
  const segments: string[] = [];
  for (const segment of path.split('/')) {
    if (segment === '..') segments.pop();
    else if (segment !== '' && segment !== '.') segments.push(encode(segment));
  }
  return `/${segments.join('/')}${segments.length > 0 && path.endsWith('/') ? '/' : ''}`;
}

function split(text: string, at: string): [string, string] {
  const index = text.indexOf(at);
  return index === -1 ? [text, ''] : [text.slice(0, index), text.slice(index + 1)];
}

function header({ headers }: SignedRequest, name: string): string {
  return [headers[name] ?? ''].flat().join(',');
}

const encode = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);

function instantOf(date: string): number | undefined {
  const parsed = /^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})Z$/.exec(date);
  if (!parsed) return undefined;
  const [, year, month, day, hour, minute, second] = parsed;
  const time = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return Number.isNaN(time) ? undefined : time;
}

const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

const sha256 = (data: string | Buffer): string => createHash('sha256').update(data).digest('hex');
const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
