import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { loadSettings } from '../config/settings.ts';
import { createCloud, type Cloud, type CloudOptions } from '../local/cloud/cloud.ts';
import { partnerAccess } from '../local/partners-file.ts';
import { synthesise, type SynthesisOptions } from '../local/synthesise.ts';
import type { ApiAnswer, ApiRequest, ClientsData, Lap, LapResult } from './api-clients.ts';

/** Signatures are good for five minutes, and everything of a lap is signed before it begins. */
const LAP_REQUESTS = 2_000;
const LAP_MS = 240_000;

/** Name of the stage and of its one partner. */
export const STAGE = 'bench';

export interface ApiStandOptions extends Pick<CloudOptions, 'secrets' | 'onCall' | 'onInvocation'> {
  /** Where the stand may leave what it needs. */
  readonly folder: string;
  /** Settings of the stage besides its partner. */
  readonly stage: object;
  /** Settings of the partner, whom nobody throttles, besides its account. */
  readonly partner: object;
  /** Where the upstreams are. */
  readonly upstreams: Omit<SynthesisOptions, 'config'>;
}

/** A stage on the local cloud, and clients that call its API for one partner. */
export interface ApiStand {
  readonly cloud: Cloud;
  /**
   * Asks everything once, `clients` requests at a time.
   *
   * @param until when it is given up, milliseconds since the epoch
   * @returns the answers in order of the requests, and the time of it in milliseconds; what was not asked is missing at the end
   */
  ask(requests: readonly ApiRequest[], clients: number, until: number): Promise<LapResult>;
  stop(): Promise<void>;
}

/** The settings of a stand's stage, with its one partner. */
export function standSettings(stage: object, partner: object): object {
  const account = { accountId: '000000000000', externalId: STAGE, plan: { perSecond: 10_000, burst: 5_000 } };
  return { removalPolicy: 'destroy', ...stage, partnerApi: { partners: { [STAGE]: { ...account, ...partner } } } };
}

/** Synthesises the stack and starts it: gateway, signature, usage plan, functions, tables and all. */
export async function startApiStand(options: ApiStandOptions): Promise<ApiStand> {
  const { folder, stage, partner, upstreams, secrets, onCall, onInvocation } = options;
  const config = join(folder, 'config');
  mkdirSync(config, { recursive: true });
  writeFileSync(join(config, `${STAGE}.json`), JSON.stringify(standSettings(stage, partner)));
  console.log('Synthesising the stack …');
  await synthesise(STAGE, join(folder, 'cdk.out'), { ...upstreams, config });
  const cloud = await createCloud({
    assembly: join(folder, 'cdk.out'),
    dataDir: join(folder, 'cloud'),
    secrets,
    onCall,
    onInvocation,
    onRefusal: (text) => console.error(text),
  });
  try {
    await cloud.start();
    const { partnerApi } = loadSettings(STAGE, { directory: config }).runtime;
    const workerData: ClientsData = { access: partnerAccess(cloud, partnerApi)[STAGE]! };
    const clients = new Worker(new URL('./api-clients.ts', import.meta.url), { workerData });
    return {
      cloud,
      ask: (...asked) => askInLaps(clients, ...asked),
      async stop() {
        await clients.terminate();
        await cloud.stop();
      },
    };
  } catch (error) {
    await cloud.stop();
    throw error;
  }
}

async function askInLaps(
  worker: Worker,
  requests: readonly ApiRequest[],
  clients: number,
  givenUpAt: number,
): Promise<LapResult> {
  const answers: ApiAnswer[] = [];
  let elapsedMs = 0;
  while (answers.length < requests.length && Date.now() < givenUpAt) {
    const done = once(worker, 'message');
    worker.postMessage({
      requests: requests.slice(answers.length, answers.length + LAP_REQUESTS),
      clients,
      until: Math.min(givenUpAt, Date.now() + LAP_MS),
    } satisfies Lap);
    const [lap] = (await done) as [LapResult];
    answers.push(...lap.answers);
    elapsedMs += lap.elapsedMs;
  }
  return { answers, elapsedMs };
}
