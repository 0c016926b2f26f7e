import { createServer, type Server } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { close } from './listening.ts';
import type { Pki } from './pki.ts';

/** A request over a connection whose client certificate the authority has signed. */
export interface TlsRequest {
  message: IncomingMessage;
  response: ServerResponse;
  /** The common name in the client's certificate. */
  clientName: string;
  /** Cuts the connection with a TCP reset: the client sees no orderly end. */
  reset(): void;
}

export interface MutualTlsServer {
  server: Server;
  /** Closes the server and cuts every connection, those amid their handshake included. */
  stop(): Promise<void>;
}

/** An HTTPS server that ends the handshake of every client without a certificate from the simulator's authority. */
export function createMutualTlsServer(
  pki: Pki,
  onRequest: (request: TlsRequest) => void,
  onRejected: (reason: string) => void,
): MutualTlsServer {
  // The TCP socket beneath each TLS one: only it can send a reset.
  const beneath = new Map<number, Socket>();
  const clientNames = new WeakMap<Socket, string>();

  const server = createServer(
    {
      cert: pki.server.cert,
      key: pki.server.key,
      ca: pki.ca,
      requestCert: true,
      rejectUnauthorized: true,
      minVersion: 'TLSv1.2',
      keepAlive: true,
      keepAliveTimeout: 60_000,
    },
    (message, response) => {
      onRequest({
        message,
        response,
        clientName: clientNames.get(message.socket) ?? '',
        reset: () => {
          (beneath.get(message.socket.remotePort ?? -1) ?? message.socket).resetAndDestroy();
          message.socket.destroy();
        },
      });
    },
  );
  server.on('connection', (socket: Socket) => {
    const port = socket.remotePort;
    if (port === undefined) return;
    beneath.set(port, socket);
    socket.once('close', () => beneath.delete(port));
  });
  server.on('secureConnection', (socket: TLSSocket) => {
    // Once per connection: reading a certificate is too slow for every request.
    clientNames.set(socket, commonNameOf(socket));
  });
  server.on('tlsClientError', (error: NodeJS.ErrnoException) => onRejected(error.code ?? error.message));
  return {
    server,
    stop: async () => {
      const closed = close(server);
      for (const socket of beneath.values()) socket.destroy();
      await closed;
    },
  };
}

function commonNameOf(socket: TLSSocket): string {
  const subject = socket.getPeerX509Certificate()?.subject ?? '';
  return /^CN=(.*)$/m.exec(subject)?.[1] ?? '';
}
