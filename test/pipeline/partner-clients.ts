import { execFile } from 'node:child_process';
import { request as send } from 'node:http';
import { promisify } from 'node:util';
import aws4 from 'aws4';
import type { PartnerAccess } from '../../local/partners-file.ts';

/** An answer of the partner API, as it came over the wire. */
export interface PartnerAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  /** Undefined without a body. */
  readonly body: unknown;
}

export interface PartnerCall {
  readonly method?: string;
  /** Below the URL of the API, encoded, with its query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** What the request says in place of the partner's own key; null says none. */
  readonly apiKey?: string | null;
  /** Changes the signed request before it is sent. */
  readonly alter?: (headers: Record<string, string>) => Record<string, string>;
  readonly region?: string;
  /** Hangs up, whatever has been answered by then. */
  readonly signal?: AbortSignal;
}

/** Calls the partner API with requests that are signed by aws4, and sent byte for byte as they were signed. */
export async function callSigned(access: PartnerAccess, call: PartnerCall): Promise<PartnerAnswer> {
  const { host, pathname } = new URL(access.url);
  const { method = 'GET', body, apiKey = access.apiKey, alter = (headers) => headers } = call;
  const path = `${pathname.replace(/\/$/, '')}${call.path}`;
  const signed = aws4.sign(
    {
      ...{ host, path, method, body, service: 'execute-api', region: call.region ?? access.region },
      headers: {
        ...(body !== undefined && { 'Content-Type': 'application/json' }),
        ...(apiKey !== null && { 'x-api-key': apiKey }),
        ...call.headers,
      },
    },
    access.credentials,
  );
  return sendRaw(access.url, method, path, alter(signed.headers as Record<string, string>), body, call.signal);
}

/** Sends a request as it is. @throws Error where the connection ends before the answer does, whoever ends it */
export function sendRaw(
  url: string,
  method: string,
  path: string,
  headers: Readonly<Record<string, string>>,
  body?: string,
  signal?: AbortSignal,
): Promise<PartnerAnswer> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const request = send({ hostname, port, method, path, headers, ...(signal && { signal }) }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers as Record<string, string>,
          text,
          body: text === '' ? undefined : JSON.parse(text),
        });
      });
    });
    request.on('error', reject);
    request.end(body);
  });
}

/** Calls the partner API with curl's own signing. Version 7 of curl signs paths with `:` or `%2F` wrongly. */
export async function callByCurl(access: PartnerAccess, path: string, ...options: string[]): Promise<PartnerAnswer> {
  const { accessKeyId, secretAccessKey, sessionToken } = access.credentials;
  const { stdout } = await promisify(execFile)('curl', [
    ...['--silent', '--show-error', '--include'],
    ...['--aws-sigv4', `aws:amz:${access.region}:execute-api`, '--user', `${accessKeyId}:${secretAccessKey}`],
    ...['--header', `x-amz-security-token: ${sessionToken}`, '--header', `x-api-key: ${access.apiKey}`],
    ...options,
    `${access.url}${path}`,
  ]);
  const [head = '', ...rest] = stdout.split('\r\n\r\n');
  const [statusLine = '', ...lines] = head.split('\r\n');
  const text = rest.join('\r\n\r\n');
  return {
    status: Number(statusLine.split(' ')[1]),
    headers: Object.fromEntries(
      lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
    ),
    text,
    body: text === '' ? undefined : JSON.parse(text),
  };
}
