import type { RequestListener } from 'node:http';
import { createServer, type ServerOptions } from 'node:https';
import { generate } from 'selfsigned';

export interface Identity {
  readonly cert: string;
  readonly key: string;
}

export interface Authority extends Identity {
  issue(subject: string, options?: { from?: Date; to?: Date; curve?: 'P-256' | 'P-384' }): Promise<Identity>;
}

/** A certificate authority for tests. Its server certificates are valid for 127.0.0.1 only. */
export async function createAuthority(name: string): Promise<Authority> {
  const ec = { keyType: 'ec', algorithm: 'sha256' } as const;
  const root = await generate([{ name: 'commonName', value: name }], {
    ...ec,
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  });
  const self = { cert: root.cert, key: root.private };
  return {
    ...self,
    async issue(subject, { from, to, curve = 'P-256' } = {}) {
      const issued = await generate([{ name: 'commonName', value: subject }], {
        ...ec,
        ca: self,
        curve,
        ...(from ? { notBeforeDate: from } : {}),
        ...(to ? { notAfterDate: to } : {}),
        extensions: [
          { name: 'basicConstraints', cA: false },
          { name: 'keyUsage', digitalSignature: true },
          { name: 'extKeyUsage', serverAuth: true, clientAuth: true },
          { name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] },
        ],
      });
      return { cert: issued.cert, key: issued.private };
    },
  };
}

export interface RunningServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** TLS connections accepted so far. */
  connections(): number;
}

/** An HTTPS server on a free port of 127.0.0.1, closed when its scope ends. */
export async function serve(options: ServerOptions, listener: RequestListener): Promise<RunningServer> {
  let connections = 0;
  const server = createServer(options, listener);
  server.on('secureConnection', () => (connections += 1));
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return {
    url: `https://127.0.0.1:${address.port}`,
    port: address.port,
    connections: () => connections,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
