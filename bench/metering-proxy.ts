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
  /** Write capacity units, as the engine counts them: indexes included, transactions double. */
  readonly writeUnits: number;
  /** Writes whose condition did not hold. AWS charges them, and the engine does not say how much. */
  readonly refusedWrites: number;
  /** From the forwarding of each call to the last byte of its answer, in milliseconds; of calls side by side, the sum. */
  readonly engineMs: number;
}

export interface MeteringProxy {
  readonly url: string;
  /** What has been metered since the last question. */
  take(): Meter;
  stop(): Promise<void>;
}

const NOTHING: Meter = { calls: 0, items: 0, readUnits: 0, writeUnits: 0, refusedWrites: 0, engineMs: 0 };
const READS = ['GetItem', 'BatchGetItem', 'Query', 'Scan'];
const WRITES = ['PutItem', 'UpdateItem', 'DeleteItem', 'BatchWriteItem', 'TransactWriteItems'];

const REFUSALS = /ConditionalCheckFailed|TransactionCanceled/;

interface Answer {
  __type?: string;
  ConsumedCapacity?: { CapacityUnits?: number } | { CapacityUnits?: number }[];
  ScannedCount?: number;
  Item?: unknown;
  Responses?: Record<string, unknown[]>;
}

/** Stands in front of a DynamoDB engine and meters what passes: each read and write is made to tell the capacity it consumed. */
export async function startMeteringProxy(target: string): Promise<MeteringProxy> {
  const { hostname, port } = new URL(target);
  let meter = NOTHING;

  async function serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const operation = String(incoming.headers['x-amz-target'] ?? '').split('.')[1] ?? '';
    const isRead = READS.includes(operation);
    const isMetered = isRead || WRITES.includes(operation);
    const body = await bodyOf(incoming);
    const sent = isMetered ? Buffer.from(JSON.stringify({ ...parse(body), ReturnConsumedCapacity: 'TOTAL' })) : body;
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
    const cost = isMetered ? costOf(isRead, response.statusCode ?? 502, parse(answer)) : {};
    const { items = 0, readUnits = 0, writeUnits = 0, refusedWrites = 0 } = cost;
    meter = {
      calls: meter.calls + 1,
      items: meter.items + items,
      readUnits: meter.readUnits + readUnits,
      writeUnits: meter.writeUnits + writeUnits,
      refusedWrites: meter.refusedWrites + refusedWrites,
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

/** @throws Error when the engine does not say what a call has consumed */
function costOf(isRead: boolean, status: number, answer: Answer): Partial<Meter> {
  if (status !== 200) return REFUSALS.test(answer.__type ?? '') ? { refusedWrites: 1 } : {};
  const { ConsumedCapacity, ScannedCount, Item, Responses = {} } = answer;
  if (ConsumedCapacity === undefined) throw new Error('the DynamoDB engine does not tell the capacity it consumed');
  const units = [ConsumedCapacity].flat().reduce((sum, { CapacityUnits = 0 }) => sum + CapacityUnits, 0);
  if (!isRead) return { writeUnits: units };
  return {
    readUnits: units,
    items: ScannedCount ?? (Item === undefined ? 0 : 1) + Object.values(Responses).flat().length,
  };
}
