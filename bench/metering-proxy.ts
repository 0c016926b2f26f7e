import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What calls to DynamoDB have cost. */
export interface Meter {
  readonly calls: number;
  /** Items that were read, returned or not. */
  readonly items: number;
  /** Read capacity units, as the engine counts them. */
  readonly readUnits: number;
  /** From the forwarding of each call to the last byte of its answer, in milliseconds; of calls side by side, the sum. */
  readonly engineMs: number;
}

export interface MeteringProxy {
  readonly url: string;
  /** What has been metered since the last question. */
  take(): Meter;
  stop(): Promise<void>;
}

const NOTHING: Meter = { calls: 0, items: 0, readUnits: 0, engineMs: 0 };
const READS = ['GetItem', 'BatchGetItem', 'Query', 'Scan'];

interface Answer {
  ConsumedCapacity?: { CapacityUnits?: number } | { CapacityUnits?: number }[];
  ScannedCount?: number;
  Item?: unknown;
  Responses?: Record<string, unknown[]>;
}

/** Stands in front of a DynamoDB engine and meters what passes: each read is made to tell the capacity it consumed. */
export async function startMeteringProxy(target: string): Promise<MeteringProxy> {
  const { hostname, port } = new URL(target);
  let meter = NOTHING;

  async function serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const operation = String(incoming.headers['x-amz-target'] ?? '').split('.')[1] ?? '';
    const isRead = READS.includes(operation);
    const body = await bodyOf(incoming);
    const sent = isRead ? Buffer.from(JSON.stringify({ ...parse(body), ReturnConsumedCapacity: 'TOTAL' })) : body;
    const begun = performance.now();
    const forwarded = request({
      hostname,
      port,
      method: incoming.method,
      path: incoming.url,
      headers: { ...incoming.headers, 'content-length': sent.length },
    });
    forwarded.end(sent);
    const [response] = (await once(forwarded, 'response')) as [IncomingMessage];
    const answer = await bodyOf(response);
    const engineMs = performance.now() - begun;
    const read = isRead && response.statusCode === 200 ? costOf(parse(answer)) : NOTHING;
    meter = {
      calls: meter.calls + 1,
      items: meter.items + read.items,
      readUnits: meter.readUnits + read.readUnits,
      engineMs: meter.engineMs + engineMs,
    };
    outgoing.writeHead(response.statusCode ?? 502, { ...response.headers, 'content-length': answer.length });
    outgoing.end(answer);
  }

  const server = createServer((incoming, outgoing) => {
    serve(incoming, outgoing).catch(() => outgoing.destroy());
  });
  // A frozen function cannot notice that an idle connection was closed.
  server.keepAliveTimeout = 10 * 60_000;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    take() {
      const taken = meter;
      meter = NOTHING;
      return taken;
    },
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

async function bodyOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function parse(body: Buffer): object {
  return JSON.parse(body.toString('utf8')) as object;
}

/** @throws Error when the engine does not say what the call has consumed */
function costOf(answer: Answer): Pick<Meter, 'items' | 'readUnits'> {
  const { ConsumedCapacity, ScannedCount, Item, Responses = {} } = answer;
  if (ConsumedCapacity === undefined) throw new Error('the DynamoDB engine does not tell the capacity it consumed');
  const readUnits = [ConsumedCapacity].flat().reduce((sum, { CapacityUnits = 0 }) => sum + CapacityUnits, 0);
  const items = ScannedCount ?? (Item === undefined ? 0 : 1) + Object.values(Responses).flat().length;
  return { items, readUnits };
}
