import { createHash, createHmac } from 'node:crypto';
import { SignatureV4 } from '@smithy/signature-v4';

/** What requests are signed with. Temporary credentials have a session token. */
export interface SigningCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
}

export interface UnsignedRequest {
  readonly method: string;
  /** Its path is signed as it stands there, which is as it is sent; its query by names and values. */
  readonly url: URL;
  /** Signed, all of them. */
  readonly headers: Readonly<Record<string, string>>;
  /** Signed as well. @default no body */
  readonly body?: string;
  /** Epoch milliseconds. */
  readonly now: number;
}

/** Whom a signature is meant for. */
export interface SigningScope {
  readonly service: string;
  readonly region: string;
}

/** The one part of the hash interface that the signer uses, on Node's own implementation. */
class Sha256 {
  readonly #hash: { update(data: string | Uint8Array): unknown; digest(): Buffer };
  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', secret as string | Uint8Array);
  }
  update(data: string | Uint8Array): void {
    this.#hash.update(data);
  }
  digest(): Promise<Uint8Array> {
    return Promise.resolve(new Uint8Array(this.#hash.digest()));
  }
}

/**
 * Signs a request by Signature Version 4, for any service but S3: the path, which is percent-encoded
 * already, is encoded once more in what is signed.
 *
 * @returns all headers of the request: those given, `host`, `x-amz-date`, `x-amz-security-token` and `authorization`
 */
export async function signRequest(
  { method, url, headers, body, now }: UnsignedRequest,
  scope: SigningScope,
  { accessKeyId, secretAccessKey, sessionToken }: SigningCredentials,
): Promise<Record<string, string>> {
  const signer = new SignatureV4({
    ...scope,
    sha256: Sha256,
    applyChecksum: false,
    credentials: { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) },
  });
  const signed = await signer.sign(
    {
      method,
      protocol: url.protocol,
      hostname: url.hostname,
      path: url.pathname,
      query: queryOf(url),
      headers: { ...headers, host: url.host },
      ...(body !== undefined && { body }),
    },
    { signingDate: new Date(now) },
  );
  return signed.headers;
}

function queryOf({ searchParams }: URL): Record<string, string[]> {
  return Object.fromEntries([...new Set(searchParams.keys())].map((name) => [name, searchParams.getAll(name)]));
}
