/** Clients of the partner API, in a thread of their own so that their work is not measured as the API's. */
import { Agent, request as httpRequest } from 'node:http';
import { parentPort, workerData } from 'node:worker_threads';
import aws4 from 'aws4';
import type { PartnerAccess } from '../local/partners-file.ts';

export interface ClientsData {
  readonly access: PartnerAccess;
}

export interface ApiRequest {
  /** @default GET */
  readonly method?: 'GET' | 'POST';
  /** Below the API's URL. */
  readonly path: string;
  /** Besides those of the signature and the API key. */
  readonly headers?: Readonly<Record<string, string>>;
  /** JSON. @default none */
  readonly body?: string;
}

/** One message in. */
export interface Lap {
  readonly requests: readonly ApiRequest[];
  /** Each has one connection, which it keeps for the lap, and one request under way. */
  readonly clients: number;
  /** When to stop asking, milliseconds since the epoch. */
  readonly until: number;
}

export interface ApiAnswer {
  /** 0 where there was none. */
  readonly status: number;
  /** Or why there was no answer. */
  readonly body: string;
  readonly totalMs: number;
  /** As `Server-Timing` has it. */
  readonly upstreamMs?: number;
}

/** One message out. */
export interface LapResult {
  /** In the order of the requests; those that the time was over for are missing at the end. */
  readonly answers: readonly ApiAnswer[];
  readonly elapsedMs: number;
}

const { access } = workerData as ClientsData;
const { host, hostname, port, pathname } = new URL(access.url);
const pathOf = ({ path }: ApiRequest): string => pathname.replace(/\/$/, '') + path;

function sign(request: ApiRequest): Record<string, string> {
  const unsigned = {
    host,
    method: request.method ?? 'GET',
    path: pathOf(request),
    service: 'execute-api',
    region: access.region,
    headers: {
      'x-api-key': access.apiKey,
      ...(request.body !== undefined && { 'content-type': 'application/json' }),
      ...request.headers,
    },
    ...(request.body !== undefined && { body: request.body }),
  };
  return aws4.sign(unsigned, access.credentials).headers as Record<string, string>;
}

function ask(agent: Agent, request: ApiRequest, headers: Record<string, string>): Promise<ApiAnswer> {
  const asked = performance.now();
  return new Promise((resolve) => {
    const fail = (error: Error): void =>
      resolve({ status: 0, body: String(error), totalMs: performance.now() - asked });
    const sent = httpRequest(
      { agent, hostname, port, method: request.method ?? 'GET', path: pathOf(request), headers },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', fail);
        response.on('end', () => {
          const upstream = /^upstream;dur=([\d.]+)$/.exec(String(response.headers['server-timing'] ?? ''))?.[1];
          resolve({
            status: response.statusCode ?? 0,
            body: Buffer.concat(chunks).toString(),
            totalMs: performance.now() - asked,
            ...(upstream !== undefined && { upstreamMs: Number(upstream) }),
          });
        });
      },
    );
    sent.on('error', fail);
    sent.end(request.body);
  });
}

async function run({ requests, clients, until }: Lap): Promise<LapResult> {
  // Signed before the clock starts: what signing costs is the client's affair. A lap is over before they expire.
  const signed = requests.map((request) => ({ request, headers: sign(request) })).entries();
  const answers: ApiAnswer[] = [];
  const agent = new Agent({ keepAlive: true });
  const begun = performance.now();
  await Promise.all(
    Array.from({ length: clients }, async () => {
      while (Date.now() <= until) {
        const next = signed.next();
        if (next.done) return;
        const [index, { request, headers }] = next.value;
        answers[index] = await ask(agent, request, headers);
      }
    }),
  );
  const elapsedMs = performance.now() - begun;
  agent.destroy();
  return { answers, elapsedMs };
}

parentPort?.on('message', (lap: Lap) => void run(lap).then((result) => parentPort?.postMessage(result)));
