/** Clients of the partner API, in a thread of their own so that their work is not measured as the API's. */
import { Agent, request as httpRequest } from 'node:http';
import { parentPort, workerData } from 'node:worker_threads';
import aws4 from 'aws4';
import type { PartnerAccess } from '../local/partners-file.ts';

export interface ClientsData {
  readonly access: PartnerAccess;
  /** Each has one connection, which it keeps, and one request under way. */
  readonly clients: number;
}

/** One message in: the paths to ask for, below the API's URL, and when to stop asking. */
export interface Lap {
  readonly paths: readonly string[];
  /** Milliseconds since the epoch. */
  readonly until: number;
}

/** One answered request. */
export interface Sample {
  readonly totalMs: number;
  /** As `Server-Timing` has it. */
  readonly upstreamMs: number;
}

/** One message out. */
export interface LapResult {
  readonly samples: readonly Sample[];
  /** What was not `{valid: true}` with the time of the upstream, in a few words. */
  readonly failures: readonly string[];
  readonly elapsedMs: number;
}

interface Answer {
  readonly status: number;
  readonly serverTiming: string;
  readonly body: string;
}

const { access, clients } = workerData as ClientsData;
const { host, hostname, port, pathname } = new URL(access.url);
const agent = new Agent({ keepAlive: true, maxSockets: clients });

function sign(path: string): Record<string, string> {
  const unsigned = {
    host,
    path: pathname.replace(/\/$/, '') + path,
    service: 'execute-api',
    region: access.region,
    headers: { 'x-api-key': access.apiKey },
  };
  return aws4.sign(unsigned, access.credentials).headers as Record<string, string>;
}

function ask(path: string, headers: Record<string, string>): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest(
      { agent, hostname, port, path: pathname.replace(/\/$/, '') + path, headers },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            serverTiming: String(response.headers['server-timing'] ?? ''),
            body: Buffer.concat(chunks).toString(),
          }),
        );
      },
    );
    sent.on('error', reject);
    sent.end();
  });
}

async function run({ paths, until }: Lap): Promise<LapResult> {
  // Signed before the clock starts: what signing costs is the client's affair. A lap is over before they expire.
  const requests = paths.map((path) => ({ path, headers: sign(path) })).values();
  const samples: Sample[] = [];
  const failures: string[] = [];
  const begun = performance.now();
  await Promise.all(
    Array.from({ length: clients }, async () => {
      for (const { path, headers } of requests) {
        if (Date.now() > until) return;
        const asked = performance.now();
        try {
          const answer = await ask(path, headers);
          const totalMs = performance.now() - asked;
          const upstream = /^upstream;dur=([\d.]+)$/.exec(answer.serverTiming)?.[1];
          if (answer.status === 200 && upstream !== undefined && answer.body.startsWith('{"valid":true,'))
            samples.push({ totalMs, upstreamMs: Number(upstream) });
          else failures.push(`${answer.status} ${answer.body.slice(0, 200)}`);
        } catch (error) {
          failures.push(String(error));
        }
      }
    }),
  );
  return { samples, failures, elapsedMs: performance.now() - begun };
}

parentPort?.on('message', (lap: Lap) => void run(lap).then((result) => parentPort?.postMessage(result)));
