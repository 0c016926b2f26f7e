import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Pki } from './pki.ts';
import { createTlsServer, type TlsRequest, type TlsServer } from './tls-server.ts';

/** A request over a connection whose client certificate the authority has signed. */
export interface MutualTlsRequest extends TlsRequest {
  /** The common name in the client's certificate. */
  clientName: string;
}

/** An HTTPS server that ends the handshake of every client without a certificate from the simulator's authority. */
export function createMutualTlsServer(
  pki: Pki,
  onRequest: (request: MutualTlsRequest) => void,
  onRejected: (reason: string) => void,
): TlsServer {
  const clientNames = new WeakMap<Socket, string>();
  const tls = createTlsServer(
    pki,
    (request) => onRequest({ ...request, clientName: clientNames.get(request.message.socket) ?? '' }),
    onRejected,
    { ca: pki.ca, requestCert: true, rejectUnauthorized: true },
  );
  tls.server.on('secureConnection', (socket: TLSSocket) => {
    // Once per connection: reading a certificate is too slow for every request.
    clientNames.set(socket, commonNameOf(socket));
  });
  return tls;
}

function commonNameOf(socket: TLSSocket): string {
  const subject = socket.getPeerX509Certificate()?.subject ?? '';
  return /^CN=(.*)$/m.exec(subject)?.[1] ?? '';
}
