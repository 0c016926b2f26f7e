import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadSettings } from '../../config/settings.ts';
import { offerStatusSecretName } from '../../lambdas/shared/settings.ts';
import type { BusEvent, Cloud, CloudOptions } from '../../local/cloud/cloud.ts';
import { createCloud } from '../../local/cloud/cloud.ts';
import { synthesise } from '../../local/synthesise.ts';
import type { Simulator } from '../../local/upstreams/simulator.ts';
import { startSimulator } from '../../local/upstreams/simulator.ts';
import type { WatchList } from '../../local/watch-list.ts';
import { openWatchList } from '../../local/watch-list.ts';

const STAGE = 'pipeline';
export const LICENSOR = 'example-studios';

/** The synthesised stack on the local cloud, in front of a simulated upstream whose titles change only when told to. */
export interface LocalStack {
  readonly cloud: Cloud;
  readonly simulator: Simulator;
  readonly list: WatchList;
  /** Everything that has reached the bus, also before a restart. */
  readonly events: BusEvent[];
  /** Everything that the functions have logged. */
  readonly logs: string[];
  /** Invokes the planner again and again, in place of its schedule, until the condition holds, however long the machine takes. */
  poll(what: string, condition: () => boolean | Promise<boolean>, seconds?: number): Promise<void>;
  /** Calls the simulator's control endpoint. */
  control(method: string, path: string, body?: unknown): Promise<unknown>;
  /** Makes the upstream misbehave; returns how to end that. */
  fault(rule: Record<string, unknown>): Promise<() => Promise<void>>;
  /** Stops the cloud and starts it again on the same data. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export interface LocalStackOptions {
  readonly titles: readonly string[];
  /** Settings of the stage besides the account. */
  readonly settings?: Record<string, unknown>;
  readonly cloud?: Partial<CloudOptions>;
}

export const titleOf = (alid: string) => ({ licensor: LICENSOR, marketplace: 'GLOBAL', alid });

/** Waits for a condition, however long the machine takes. */
export async function until(what: string, condition: () => boolean | Promise<boolean>, seconds = 60): Promise<void> {
  const end = Date.now() + seconds * 1000;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`waited ${seconds} s in vain for ${what}`);
    await sleep(50);
  }
}

export async function startLocalStack(options: LocalStackOptions): Promise<LocalStack> {
  const folder = await mkdtemp(join(tmpdir(), 'offer-relay-pipeline-'));
  const config = join(folder, 'config');
  await mkdir(config);
  await writeFile(
    join(config, `${STAGE}.json`),
    JSON.stringify({
      removalPolicy: 'destroy',
      // The tests plan by hand, so that they decide when a lap starts.
      schedules: { plan: 'rate(9 minutes)', reconcile: 'rate(60 minutes)' },
      polling: { backlogSeconds: 600 },
      ...options.settings,
      offerStatus: {
        rate: { perSecond: 50, burst: 20 },
        minLapSeconds: { new: 1, urgent: 1, steady: 1 },
        retry: { attempts: 2, baseMs: 10, capMs: 20 },
        accounts: { main: { licensors: [LICENSOR] } },
      },
    }),
  );
  const simulator = await startSimulator({
    pkiDir: join(folder, 'upstreams'),
    offerStatus: {
      accounts: [{ name: 'main', apiKey: 'key-of-the-pipeline-tests', licensors: [LICENSOR], rate: 50, burst: 20 }],
      titles: options.titles.map(titleOf),
      tempo: 0,
    },
  });
  await synthesise(STAGE, join(folder, 'cdk.out'), { config, offerStatusUrl: simulator.offerStatusUrl });
  const settings = loadSettings(STAGE, { directory: config }).runtime;
  const secret = offerStatusSecretName(STAGE, 'main', settings.offerStatus.accounts['main']);
  const events: BusEvent[] = [];
  const logs: string[] = [];
  const create = async (): Promise<{ cloud: Cloud; list: WatchList }> => {
    const cloud = await createCloud({
      assembly: join(folder, 'cdk.out'),
      dataDir: join(folder, 'cloud'),
      secrets: { [secret]: simulator.credentials('main') },
      onEvent: (event) => events.push(event),
      onLog: ({ text }) => logs.push(text),
      ...options.cloud,
    });
    return { cloud, list: openWatchList(cloud, settings) };
  };
  let { cloud, list } = await create();
  await list.add(options.titles.map(titleOf));
  await cloud.start();

  const control = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const response = await fetch(simulator.controlUrl + path, {
      method,
      ...(body !== undefined && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return response.status === 204 ? undefined : response.json();
  };
  return {
    get cloud() {
      return cloud;
    },
    get list() {
      return list;
    },
    simulator,
    events,
    logs,
    control,
    async poll(what, condition, seconds = 60) {
      const end = Date.now() + seconds * 1000;
      while (!(await condition())) {
        if (Date.now() > end) throw new Error(`polled ${seconds} s in vain for ${what}`);
        const planned = await cloud.invoke('TitleChecks/Planner/Function', {});
        if (planned.outcome !== 'success') throw new Error(`planner: ${JSON.stringify(planned.error)}`);
        await sleep(300);
      }
    },
    async fault(rule) {
      const { id } = (await control('POST', '/control/faults', rule)) as { id: string };
      return async () => void (await control('DELETE', `/control/faults/${id}`));
    },
    async restart() {
      list.close();
      await cloud.stop();
      ({ cloud, list } = await create());
      await cloud.start();
    },
    async stop() {
      list.close();
      await cloud.stop();
      await simulator.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
