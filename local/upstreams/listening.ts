import type { Server } from 'node:net';

export const LOOPBACK = '127.0.0.1';

/** Listens on the loopback interface and answers the port; `0` asks for a free one. */
export async function listen(server: Server, port: number, purpose: string): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException): void => {
      const reason = error.code === 'EADDRINUSE' ? 'the port is in use' : error.message;
      reject(new Error(`Cannot listen on ${LOOPBACK}:${port} for ${purpose}: ${reason}.`, { cause: error }));
    };
    server.once('error', fail);
    server.listen(port, LOOPBACK, () => {
      server.off('error', fail);
      resolve();
    });
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The server has no port.');
  return address.port;
}

/** Closes a server and every connection it still has, answered or not. */
export async function close(server: Server & { closeAllConnections(): void }): Promise<void> {
  if (!server.listening) return;
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
