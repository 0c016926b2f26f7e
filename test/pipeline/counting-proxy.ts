import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Stands in front of an engine and counts its calls by operation. */
export async function startCountingProxy(target: string) {
  const counts = new Map<string, number>();
  const { hostname, port } = new URL(target);
  const server = createServer((incoming, outgoing) => {
    const operation = String(incoming.headers['x-amz-target'] ?? '').split('.')[1] ?? '';
    counts.set(operation, (counts.get(operation) ?? 0) + 1);
    const forwarded = request(
      { hostname, port, method: incoming.method, path: incoming.url, headers: incoming.headers },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
      },
    );
    forwarded.on('error', () => outgoing.destroy());
    incoming.pipe(forwarded);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** Calls that write, since the last question. */
    writes(): Record<string, number> {
      const writes = [...counts].filter(([operation]) => /Put|Update|Delete|Write/.test(operation));
      counts.clear();
      return Object.fromEntries(writes);
    },
    stop: () => new Promise((resolve) => server.close(resolve)),
  };
}
