import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach } from 'vitest';
import { startSimulator, type Simulator, type SimulatorOptions } from '../../local/upstreams/simulator.ts';

/** A clock that stands still until told otherwise. A wait takes exactly as long as asked, and no real time. */
export class ManualClock {
  #now = Date.UTC(2026, 4, 1);
  readonly waits: number[] = [];
  now = (): number => this.#now;
  pass(ms: number): void {
    this.#now += ms;
  }
  sleep = async (ms: number): Promise<void> => {
    this.waits.push(ms);
    this.pass(ms);
  };
}

export interface Received {
  status: number;
  headers: NodeJS.Dict<string | string[]>;
  text: string;
  /** The parsed body; undefined when it is not JSON. */
  json: unknown;
}

export const LICENSOR = 'example-studios';
export const ALID = 'md:alid:eidr-s:1234/5678 +%2F';
export const ACCOUNT = { name: 'example', apiKey: 'key-of-example', licensors: [LICENSOR], rate: 1000, burst: 1000 };

const directories: string[] = [];
const running: { simulator: Simulator; agent: Agent }[] = [];
let sharedPki: string | undefined;

export async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(path.join(tmpdir(), 'simulator-test-'));
  directories.push(directory);
  return directory;
}

afterEach(async () => {
  for (const { simulator, agent } of running.splice(0)) {
    agent.destroy();
    await simulator.stop();
  }
});

afterAll(async () => {
  for (const directory of directories.splice(0)) await rm(directory, { recursive: true, force: true });
});

export interface Started {
  simulator: Simulator;
  clock: ManualClock;
  get(path: string, overrides?: CallOverrides): Promise<Received>;
  getTitle(query?: string, alid?: string): Promise<Received>;
  control(method: string, path: string, body?: unknown): Promise<Received>;
}

export interface CallOverrides {
  method?: string;
  headers?: Record<string, string>;
  account?: string;
  /** Replaces the client certificate; null sends none. */
  certificate?: { cert: string; key: string } | null;
  agent?: Agent;
}

/** A simulator with one frozen title and one generous account unless told otherwise, and clients for both ports. */
export async function start(
  options: Partial<Omit<SimulatorOptions, 'offerStatus'>> & {
    offerStatus?: Partial<SimulatorOptions['offerStatus']>;
  } = {},
): Promise<Started> {
  const clock = new ManualClock();
  sharedPki ??= await temporaryDirectory();
  const simulator = await startSimulator({
    pkiDir: sharedPki,
    clock,
    ...options,
    offerStatus: {
      accounts: [ACCOUNT],
      titles: [{ licensor: LICENSOR, alid: ALID }],
      tempo: 0,
      ...options.offerStatus,
    },
  });
  const agent = new Agent({ keepAlive: true });
  running.push({ simulator, agent });

  const get = async (target: string, overrides: CallOverrides = {}): Promise<Received> => {
    const { cert, key, ca, apiKey } = simulator.credentials(overrides.account ?? ACCOUNT.name);
    const identity = overrides.certificate === null ? {} : (overrides.certificate ?? { cert, key });
    return await new Promise<Received>((resolve, reject) => {
      const { port } = new URL(simulator.offerStatusUrl);
      const call = request({
        host: '127.0.0.1',
        port,
        path: target,
        method: overrides.method ?? 'GET',
        headers: overrides.headers ?? { 'x-api-key': apiKey },
        agent: overrides.agent ?? agent,
        ca,
        ...identity,
      });
      call.on('error', reject);
      call.on('response', (response) => {
        const chunks: Buffer[] = [];
        response.on('error', reject);
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text, json: parse(text) });
        });
      });
      call.end();
    });
  };
  return {
    simulator,
    clock,
    get,
    getTitle: (query = '', alid = ALID) => get(`${titlePath(alid)}${query}`),
    control: async (method, target, body) => {
      const response = await fetch(`${simulator.controlUrl}${target}`, {
        method,
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      return { status: response.status, headers: Object.fromEntries(response.headers), text, json: parse(text) };
    },
  };
}

export function titlePath(alid: string = ALID, licensor: string = LICENSOR): string {
  return `/v1/avails/${encodeURIComponent(licensor)}/status/${encodeURIComponent(alid)}`;
}

export function controlPath(alid: string = ALID, licensor: string = LICENSOR): string {
  return `/control/titles/${encodeURIComponent(licensor)}/${encodeURIComponent(alid)}`;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
