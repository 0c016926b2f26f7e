import { createServer, type Server, type ServerOptions } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { close } from './listening.ts';
import type { Pki } from './pki.ts';

/** A request over TLS, and the means to cut it off. */
export interface TlsRequest {
  message: IncomingMessage;
  response: ServerResponse;
  /** Cuts the connection with a TCP reset: the client sees no orderly end. */
  reset(): void;
}

export interface TlsServer {
  server: Server;
  /** Closes the server and cuts every connection, those amid their handshake included. */
  stop(): Promise<void>;
}

/** An HTTPS server with the simulator's certificate. */
export function createTlsServer(
  pki: Pki,
  onRequest: (request: TlsRequest) => void,
  onRejected: (reason: string) => void,
  options: ServerOptions = {},
): TlsServer {
  // The TCP socket beneath each TLS one: only it can send a reset.
  const beneath = new Map<number, Socket>();

  const server = createServer(
    {
      cert: pki.server.cert,
      key: pki.server.key,
      minVersion: 'TLSv1.2',
      keepAlive: true,
      keepAliveTimeout: 60_000,
      ...options,
    },
    (message, response) => {
      onRequest({
        message,
        response,
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
