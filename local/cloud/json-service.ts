import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An error answer of a service. */
export class ServiceError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = 'ServiceError';
    this.code = code;
  }
}

export type Operations = Record<string, (input: Record<string, unknown>) => unknown>;

export interface JsonService {
  readonly url: string;
  stop(): Promise<void>;
}

/** Serves operations of AWS's JSON protocol by their `X-Amz-Target`. What it does not know, it refuses by name. */
export async function serveJson(operations: Operations): Promise<JsonService> {
  const server = createServer((request, response) => {
    void (async () => {
      const target = String(request.headers['x-amz-target'] ?? `${request.method} ${request.url}`);
      let status = 200;
      let answer: unknown;
      try {
        const input = await readBody(request);
        const operation = Object.hasOwn(operations, target) ? operations[target] : undefined;
        if (!operation) throw new ServiceError('UnknownOperationException', `The local cloud does not play ${target}`);
        answer = await operation(input);
      } catch (error) {
        const known = error instanceof ServiceError;
        status = known ? 400 : 500;
        answer = { __type: known ? error.code : 'InternalFailure', message: (error as Error).message };
      }
      response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-requestid': randomUUID() });
      response.end(JSON.stringify(answer ?? {}));
    })();
  });
  // A frozen Lambda environment cannot notice that an idle connection was closed, so it is kept for longer than it is idle.
  server.keepAliveTimeout = 10 * 60_000;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

async function readBody(request: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString('utf8');
  try {
    return text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
  } catch {
    throw new ServiceError('SerializationException', 'The body is not JSON');
  }
}
