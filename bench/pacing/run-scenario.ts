import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Outcome } from './outcome.ts';
import type { OursJob } from './ours-process.ts';
import { OURS, OURS_PACING } from './ours.ts';
import type { PeerJob, PeerMessage } from './peer-messages.ts';
import { PEERS } from './peers/peers.ts';
import { itemsOf, leastTime, MARKETPLACE, PACK, type Scenario } from './scenarios.ts';
import type { SimulatorAddress, SimulatorCounts, SimulatorOrder } from './simulator-process.ts';

export interface ScenarioRun {
  readonly scenario: Scenario;
  readonly clients: readonly string[];
  /** An empty folder for everything that the run needs. */
  readonly folder: string;
  readonly signal: AbortSignal;
  readonly prepareOurs: (s: Scenario, address: SimulatorAddress, folder: string, limitMs: number) => Promise<OursJob>;
  readonly log: (line: string) => void;
}

/** Slower clients than this are stopped. */
const MOST_TIMES = 4;
/** Long enough for work that waits for the next minute's planning. */
const LEAST_LIMIT_MS = 90_000;
const GRACE_MS = 10_000;
const PROGRESS_MS = 10_000;

/** Runs a scenario with every client: the others side by side, each with a bucket of its own, then this project. */
export async function runScenario(run: ScenarioRun): Promise<Outcome[]> {
  const { scenario, clients, folder, signal, log } = run;
  signal.throwIfAborted();
  const limitMs = Math.max(LEAST_LIMIT_MS, MOST_TIMES * leastTime(scenario, 0));
  const simulator = startProcess('simulator-process.ts', signal);
  try {
    const order: SimulatorOrder = { scenario, clients, pkiDir: join(folder, 'upstreams') };
    simulator.send(order);
    const address = (await simulator.next()) as SimulatorAddress;
    const ca = join(folder, 'ca.pem');
    writeFileSync(ca, Object.values(address.credentials)[0]!.ca);
    const others = clients.filter((client) => client !== OURS);
    log(`(${scenario.id}) ${scenario.title}: at least ${(leastTime(scenario, 0) / 1000).toFixed(1)} s`);
    const peers = await Promise.all(
      others.map((client) => runClient(client, peerJobs(client, scenario, address, limitMs), 'peer-process.ts')),
    );
    const ours = clients.includes(OURS)
      ? [await runClient(OURS, [await run.prepareOurs(scenario, address, folder, limitMs)], 'ours-process.ts')]
      : [];
    simulator.send('counts');
    const counts = (await simulator.next()) as SimulatorCounts;
    return [...ours, ...peers].map((result) => ({ ...result, ...served(scenario, counts[result.client]!) }));

    async function runClient(client: string, jobs: readonly object[], program: string) {
      const processes = jobs.map((job) => {
        const child = startProcess(program, signal, { NODE_EXTRA_CA_CERTS: ca });
        child.send(job);
        return child;
      });
      try {
        await Promise.all(processes.map((child) => child.next()));
        for (const child of processes) child.send('go');
        let told = Date.now();
        const last = await Promise.all(
          processes.map((child) =>
            lastMessage(child, ({ answered }) => {
              if (Date.now() - told < PROGRESS_MS) return;
              told = Date.now();
              log(`(${scenario.id}) ${client}: ${answered} of ${itemsOf(scenario).length} items …`);
            }),
          ),
        );
        const result = merge(client, scenario, last);
        const seconds = ((result.lastAnswerAt ?? result.startedAt) - result.startedAt) / 1000;
        log(`(${scenario.id}) ${client}: ${result.answered} items in ${seconds.toFixed(1)} s`);
        return result;
      } finally {
        await Promise.all(processes.map((child) => child.stop()));
      }
    }
  } finally {
    await simulator.stop();
  }
}

function peerJobs(client: string, scenario: Scenario, address: SimulatorAddress, limitMs: number): PeerJob[] {
  const consumers = scenario.consumers ?? 1;
  const items = itemsOf(scenario);
  return Array.from({ length: consumers }, (_, consumer) => ({
    peer: client,
    operation: scenario.operation,
    marketplaceId: MARKETPLACE,
    items: items.filter((_item, index) => Math.floor(index / PACK) % consumers === consumer),
    rate: scenario.configured,
    consumers,
    credentials: address.credentials[client]!,
    hosts: { 'sellingpartnerapi-na.amazon.com': address.pricingUrl, 'api.amazon.com': address.tokenUrl },
    limitMs,
  }));
}

function merge(client: string, scenario: Scenario, messages: readonly PeerMessage[]) {
  const answers = messages.flatMap(({ lastAnswerAt }) => lastAnswerAt ?? []);
  const errors: Record<string, number> = {};
  for (const each of messages) {
    for (const [text, count] of Object.entries(each.errors)) errors[text] = (errors[text] ?? 0) + count;
  }
  return {
    scenario,
    client,
    pacing: client === OURS ? OURS_PACING : PEERS.find(({ name }) => name === client)!.pacing,
    startedAt: Math.min(...messages.map(({ startedAt = Infinity }) => startedAt)),
    lastAnswerAt: answers.length === 0 ? undefined : Math.max(...answers),
    answered: messages.reduce((sum, { answered }) => sum + answered, 0),
    ended: messages.every(({ kind }) => kind === 'done'),
    errors,
  };
}

/** What the server knows of a client. */
function served(scenario: Scenario, { byStatus, tokenCalls, faults, firstAt, lastAt }: SimulatorCounts[string]) {
  return {
    firstAt,
    lastAt,
    requests: Object.values(byStatus).reduce((sum, count) => sum + count, 0),
    throttled: byStatus['429'] ?? 0,
    tokenCalls,
    repeats: repeatsNeeded(scenario, faults),
  };
}

/** Requests that faults make necessary. An expired token costs none: the server asks for tokens before it counts. */
function repeatsNeeded({ fault, items }: Scenario, faults: number): number {
  const packs = Math.ceil(items / PACK);
  switch (fault?.kind) {
    case 'inner-failures':
      return Math.ceil(faults / PACK);
    case 'unavailable':
      // The last request of all is a good one.
      return Math.ceil(packs / (fault.every - 1)) - 1;
    case 'expired-token':
    case undefined:
      return 0;
  }
}

interface RunningProcess {
  send(message: unknown): void;
  /** The next message. @throws Error when the process ends without one */
  next(): Promise<unknown>;
  onMessage(see: (message: unknown) => void): void;
  readonly exited: Promise<unknown>;
  /** Rejects when the run is interrupted. */
  readonly aborted: Promise<never>;
  /** Lets the process end by itself, and ends it where it does not. */
  stop(): Promise<void>;
}

function startProcess(program: string, signal: AbortSignal, environment: Record<string, string> = {}): RunningProcess {
  const child: ChildProcess = fork(join(import.meta.dirname, program), [], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const exited = once(child, 'exit');
  const aborted = once(signal, 'abort').then((): never => {
    throw signal.reason as Error;
  });
  aborted.catch(() => undefined);
  const arrived: unknown[] = [];
  let see = (message: unknown): void => void arrived.push(message);
  child.on('message', (message) => see(message));
  const kill = (): void => void child.kill('SIGKILL');
  return {
    exited,
    aborted,
    send: (message) => void child.send(message as object, () => undefined),
    async next() {
      const ended = exited.then(([code]) => Promise.reject(new Error(`${program} ended with ${String(code)}`)));
      const message = new Promise((resolve) => {
        if (arrived.length > 0) resolve(arrived.shift());
        else {
          see = (first) => {
            see = (later) => void arrived.push(later);
            resolve(first);
          };
        }
      });
      return Promise.race([message, ended, aborted]);
    },
    onMessage(listener) {
      see = listener;
      for (const message of arrived.splice(0)) listener(message);
    },
    async stop() {
      if (child.connected) child.disconnect();
      const timer = setTimeout(kill, GRACE_MS);
      await exited;
      clearTimeout(timer);
    },
  };
}

/** What a client's process has said last when it ended: `done`, or where it had come to when it was lost. */
async function lastMessage(child: RunningProcess, see: (message: PeerMessage) => void): Promise<PeerMessage> {
  let last: PeerMessage = { kind: 'ready', answered: 0, errors: {} };
  const done = new Promise<void>((resolve) => {
    child.onMessage((message) => {
      last = message as PeerMessage;
      see(last);
      if (last.kind === 'done') resolve();
    });
  });
  await Promise.race([done, child.exited, child.aborted]);
  return last;
}
