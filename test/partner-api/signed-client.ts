import { Agent, request as httpRequest } from 'node:http';
import { Agent as TlsAgent, request as httpsRequest } from 'node:https';
import aws4 from 'aws4';
import type { PartnerAccess } from '../../local/partners-file.ts';
import type { ApiAnswer } from './api-contract.ts';
import { type GeneratedRequest, pathOf, queryOf } from './request-generator.ts';

export interface WireRequest {
  readonly method: string;
  /** Below the API's URL, as it stands in the request line; with its query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  /** Sends it as it is, without the signature of a role and without an API key, as Amazon does. @default false */
  readonly isBare?: boolean;
}

export interface SignedClient {
  send(request: WireRequest): Promise<ApiAnswer>;
  close(): void;
}

/** A client of the API as partners have one: signed by aws4, which is not ours, over connections that are kept. */
export function signedClient({ url, region, credentials, apiKey }: PartnerAccess, connections = 50): SignedClient {
  const { protocol, host, hostname, port, pathname } = new URL(url);
  const isTls = protocol === 'https:';
  const options = { keepAlive: true, maxSockets: connections };
  const agent = isTls ? new TlsAgent(options) : new Agent(options);
  const start = isTls ? httpsRequest : httpRequest;
  return {
    send: ({ method, path, headers = {}, body, isBare = false }) =>
      new Promise((resolve, reject) => {
        const below = pathname.replace(/\/$/, '') + path;
        const signed = isBare
          ? { path: below, headers }
          : aws4.sign(
              {
                host,
                method,
                path: below,
                service: 'execute-api',
                region,
                headers: { 'x-api-key': apiKey, ...headers },
                ...(body !== undefined && { body }),
              },
              credentials,
            );
        const sent = start(
          {
            agent,
            hostname,
            port,
            method,
            path: signed.path ?? path,
            headers: signed.headers as Record<string, string>,
          },
          (response) => {
            const chunks: Buffer[] = [];
            response.on('data', (chunk: Buffer) => chunks.push(chunk));
            response.on('error', reject);
            response.on('end', () => {
              const given = Object.entries(response.headers).map(([name, value]) => [name, [value].flat().join(',')]);
              resolve({
                status: response.statusCode ?? 0,
                headers: Object.fromEntries(given) as Record<string, string>,
                body: Buffer.concat(chunks).toString(),
              });
            });
          },
        );
        sent.on('error', reject);
        sent.end(body);
      }),
    close: () => agent.destroy(),
  };
}

/** Sends generated requests over the wire. */
export function sendOver(client: SignedClient): (request: GeneratedRequest) => Promise<ApiAnswer> {
  return (request) => {
    const query = queryOf(request);
    const { operation, method, headers, body } = request;
    const path = pathOf(request) + (query === '' ? '' : `?${query}`);
    return client.send({ method, path, headers, body, isBare: operation.capability === 'push' });
  };
}
