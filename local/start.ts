import { randomBytes } from 'node:crypto';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import { SettingsError } from '../config/problems.ts';
import { loadSettings } from '../config/settings.ts';
import { accountOfLicensor, offerStatusAccounts } from '../lambdas/offer-status/offer-status-accounts.ts';
import { offerStatusSecretName } from '../lambdas/shared/settings.ts';
import type { Cloud } from './cloud/cloud.ts';
import { createCloud, TemplateError } from './cloud/cloud.ts';
import { UsageError } from './command-line.ts';
import type { DataFolder } from './data-folder.ts';
import { DataFolderError, takeDataFolder } from './data-folder.ts';
import { eventWords } from './event-words.ts';
import { Screen } from './screen.ts';
import { HELP, readStartOptions, type StartOptions } from './start-options.ts';
import { synthesise } from './synthesise.ts';
import { exampleCatalogue } from './upstreams/catalogue.ts';
import { startSimulator } from './upstreams/simulator.ts';
import { openWatchList } from './watch-list.ts';

const STAGE = 'local';
const EXAMPLE_TITLES = 200;
/** A slice takes twenty seconds; one that is cut off is sent again by the next start. */
const STOP_GRACE_MS = 2_000;

/** An Offer Status API to talk to, and the secrets that let the stack in. */
interface Upstream {
  readonly url: string;
  readonly controlUrl?: string;
  readonly secrets: Record<string, unknown>;
  stop(): Promise<void>;
}

async function main(argv: readonly string[]): Promise<number> {
  const options = readStartOptions(argv);
  if (options.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const screen = new Screen(process.stdout, options);
  const endings: (() => Promise<void> | void)[] = [];
  try {
    const stopped = interrupted();
    const folder = takeDataFolder(options.data, options.fresh);
    endings.push(() => folder.release());
    const running = bringUp(options, folder, screen, endings);
    await Promise.race([running.then(() => stopped), stopped]);
    screen.line();
    screen.line('Stopping …');
    // Whatever is being started is ended as well.
    await running.catch(() => undefined);
  } finally {
    const troubles: unknown[] = [];
    // One part that cannot end well must not keep the others running.
    for (const end of endings.reverse()) {
      try {
        await end();
      } catch (error) {
        troubles.push(error);
      }
    }
    for (const trouble of troubles) console.error(trouble);
  }
  screen.line('Stopped. The next start goes on from here.');
  return 0;
}

async function bringUp(
  options: StartOptions,
  folder: DataFolder,
  screen: Screen,
  endings: (() => Promise<void> | void)[],
): Promise<void> {
  const settings = loadSettings(STAGE);
  const { offerStatus } = settings.runtime;
  const catalogue = exampleCatalogue(EXAMPLE_TITLES, options.seed);
  const titles = new Map(catalogue.map(({ alid, title }) => [alid, title]));

  screen.heading('Offer Relay on this machine');
  const upstream = await openUpstream(options, folder, catalogue, screen);
  endings.push(() => upstream.stop());
  screen.step('synthesising the stack, as `npx cdk deploy` would');
  await synthesise(STAGE, folder.path('cdk.out'), { offerStatusUrl: upstream.url });
  screen.step('creating its tables, queues and functions');
  const eventsFile = folder.path('events.jsonl');
  const cloud = await createCloud({
    assembly: folder.path('cdk.out'),
    dataDir: folder.path('cloud'),
    secrets: upstream.secrets,
    stopGraceMs: STOP_GRACE_MS,
    onEvent(event) {
      appendFileSync(eventsFile, `${JSON.stringify(event)}\n`);
      screen.event(eventWords(event, (alid) => titles.get(alid)));
    },
    onRefusal: (text) => screen.trouble(text),
    onInvocation({ functionId, error }) {
      // The request's id would make every failure another one.
      if (error) screen.trouble(`${functionId} failed: ${error.errorMessage.replace(/^RequestId: \S+ Error: /, '')}`);
    },
  });
  endings.push(() => cloud.stop());

  const list = openWatchList(cloud, offerStatus);
  endings.push(() => list.close());
  const isExample = accountOfLicensor(offerStatusAccounts(offerStatus), catalogue[0]?.licensor ?? '') !== undefined;
  if (isExample && (await list.isEmpty())) {
    screen.step(`putting ${EXAMPLE_TITLES} example titles on the empty watch list`);
    await list.add(catalogue);
  }
  writeEndpoints(folder, cloud, upstream);
  showPlaces(screen, folder, cloud, upstream);
  await cloud.start();
}

/** The simulator, unless the environment or the settings point elsewhere. */
async function openUpstream(
  options: StartOptions,
  folder: DataFolder,
  catalogue: ReturnType<typeof exampleCatalogue>,
  screen: Screen,
): Promise<Upstream> {
  const { stage, offerStatus } = loadSettings(STAGE).runtime;
  const url = process.env['OFFER_RELAY_OFFER_STATUS_URL'] ?? offerStatus.baseUrl;
  if (process.env['OFFER_RELAY_OFFER_STATUS_URL'] !== undefined || new URL(url).hostname !== '127.0.0.1') {
    return { url, secrets: secretsFromFile(url), stop: () => Promise.resolve() };
  }
  screen.step('starting the simulated Offer Status API');
  const simulator = await startSimulator({
    pkiDir: folder.path('upstreams'),
    stateFile: folder.path('upstreams', 'titles.json'),
    seed: options.seed,
    port: options.port,
    controlPort: options.port === 0 ? 0 : options.port + 1,
    offerStatus: {
      accounts: offerStatusAccounts(offerStatus).map(({ name, licensors, bucket }) => ({
        name,
        licensors,
        apiKey: randomBytes(24).toString('base64url'),
        rate: bucket.limit.perSecond,
        burst: bucket.limit.burst,
      })),
      titles: catalogue,
    },
  });
  const secrets = Object.entries(offerStatus.accounts).map(([name, account]) => [
    offerStatusSecretName(stage, name, account),
    simulator.credentials(name),
  ]);
  return {
    url: simulator.offerStatusUrl,
    controlUrl: simulator.controlUrl,
    secrets: Object.fromEntries(secrets) as Record<string, unknown>,
    stop: () => simulator.stop(),
  };
}

function secretsFromFile(url: string): Record<string, unknown> {
  const file = process.env['OFFER_RELAY_SECRETS_FILE'];
  if (file === undefined) {
    throw new UsageError(
      `The Offer Status API is ${url}: its credentials must be in a JSON file that OFFER_RELAY_SECRETS_FILE names. See --help.`,
    );
  }
  try {
    const secrets: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (typeof secrets === 'object' && secrets !== null) return secrets as Record<string, unknown>;
  } catch (error) {
    throw new UsageError(`OFFER_RELAY_SECRETS_FILE: ${file} cannot be read as JSON (${(error as Error).name}).`);
  }
  throw new UsageError(`OFFER_RELAY_SECRETS_FILE: ${file} must hold an object of secrets by name.`);
}

function writeEndpoints(folder: DataFolder, cloud: Cloud, upstream: Upstream): void {
  const endpoints = {
    ...cloud.endpoints,
    region: cloud.region,
    credentials: cloud.credentials,
    offerStatus: upstream.url,
    ...(upstream.controlUrl !== undefined && { offerStatusControl: upstream.controlUrl }),
    outputs: cloud.outputs,
  };
  writeFileSync(folder.path('endpoints.json'), `${JSON.stringify(endpoints, null, 2)}\n`);
}

function showPlaces(screen: Screen, folder: DataFolder, cloud: Cloud, upstream: Upstream): void {
  const count = (...types: string[]): number =>
    [...cloud.resources.values()].filter((resource) => types.includes(resource.type)).length;
  const at = (...parts: string[]): string => relative(process.cwd(), folder.path(...parts)) || '.';
  screen.line();
  screen.table([
    [
      'stack',
      `${count('AWS::Lambda::Function')} functions, ${count('AWS::DynamoDB::Table', 'AWS::DynamoDB::GlobalTable')} tables, ` +
        `${count('AWS::SQS::Queue')} queues, 1 bus, from ${at('cdk.out')}`,
    ],
    [
      'upstream',
      `Prime Video Offer Status ${upstream.controlUrl === undefined ? 'at' : 'simulated at'} ${upstream.url}`,
    ],
    ...(upstream.controlUrl === undefined ? [] : ([['faults, truth', `${upstream.controlUrl}/control/…`]] as const)),
    ['database', cloud.endpoints.dynamodb],
    ['queues', cloud.endpoints.sqs],
    ['bus, secrets', cloud.endpoints.eventbridge],
    ['all addresses', at('endpoints.json')],
    ['all events', at('events.jsonl')],
    ['logs', at('cloud', 'logs')],
  ]);
  screen.line();
  screen.line('Change events as they reach the bus: every offer once, then what changes. Ctrl-C stops.');
}

/** How often it is seen whether whoever started this process is still there. */
const PARENT_WATCH_MS = 1_000;

/**
 * Resolves at the first Ctrl-C or SIGTERM, or when npm has gone without a word; a second Ctrl-C ends the process at once.
 */
function interrupted(): Promise<void> {
  return new Promise((resolve) => {
    let asked = false;
    const ask = (): void => {
      if (asked) process.exit(130);
      asked = true;
      resolve();
    };
    process.on('SIGINT', ask).on('SIGTERM', ask);
    const parent = process.ppid;
    // npm passes a signal on to the shell that it has started, and the shell to nobody.
    setInterval(() => {
      if (process.ppid !== parent && !asked) ask();
    }, PARENT_WATCH_MS).unref();
  });
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const isUsage = error instanceof UsageError;
  const known = [UsageError, SettingsError, TemplateError, DataFolderError].some((kind) => error instanceof kind);
  if (known) console.error((error as Error).message);
  else console.error(error);
  process.exitCode = isUsage ? 2 : 1;
}
