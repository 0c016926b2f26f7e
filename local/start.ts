import { appendFileSync, writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import { SettingsError } from '../config/problems.ts';
import { loadSettings } from '../config/settings.ts';
import type { Cloud } from './cloud/cloud.ts';
import { createCloud, TemplateError } from './cloud/cloud.ts';
import { UsageError } from './command-line.ts';
import type { DataFolder } from './data-folder.ts';
import { DataFolderError, takeDataFolder } from './data-folder.ts';
import { eventWords } from './event-words.ts';
import { openExampleCatalogue, type ExampleCatalogue } from './example-catalogue.ts';
import { openNotificationQueue } from './notification-queue.ts';
import { openUpstreams, type Upstreams } from './open-upstreams.ts';
import { keepPartnersFile, type Served } from './partners-file.ts';
import { Screen } from './screen.ts';
import { HELP, readStartOptions, type StartOptions } from './start-options.ts';
import { synthesise } from './synthesise.ts';
import { offerCodesByState } from './upstreams/example-offer-codes.ts';
import { openWatchList } from './watch-list.ts';

const STAGE = 'local';
const OFFER_CODES_FILE = 'offer-codes.json';
const PARTNERS_FILE = 'partners.json';
/** The simulated upstreams and their control endpoint take the ports before it, and the latest of them those after. */
const API_PORT_OFFSET = 4;
/** A slice takes twenty seconds; one that is cut off is sent again by the next start. */
const STOP_GRACE_MS = 2_000;

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
  const settings = loadSettings(STAGE).runtime;
  const examples = openExampleCatalogue(settings, options.seed);

  screen.heading('Offer Relay on this machine');
  screen.step('looking for the upstream APIs, or simulating them');
  const upstreams = await openUpstreams({
    settings,
    seed: options.seed,
    port: options.port,
    path: (...parts) => folder.path('upstreams', ...parts),
    titles: examples.titles,
    items: examples.items,
    benefits: examples.benefits,
    codes: examples.codes,
    claims: examples.claims,
    products: examples.products,
    environment: process.env,
  });
  endings.push(() => upstreams.stop());
  screen.step('synthesising the stack, as `npx cdk deploy` would');
  await synthesise(STAGE, folder.path('cdk.out'), upstreams.overrides);
  screen.step('creating its tables, queues and functions');
  const eventsFile = folder.path('events.jsonl');
  const cloud = await createCloud({
    assembly: folder.path('cdk.out'),
    dataDir: folder.path('cloud'),
    secrets: upstreams.secrets,
    stopGraceMs: STOP_GRACE_MS,
    ...(options.port > 0 && { restApiPort: options.port + API_PORT_OFFSET }),
    onEvent(event) {
      appendFileSync(eventsFile, `${JSON.stringify(event)}\n`);
      screen.event(eventWords(event, (id) => examples.nameOf(id)));
    },
    onRefusal: (text) => screen.trouble(text),
    onInvocation({ functionId, error }) {
      // The request's id would make every failure another one.
      if (error) screen.trouble(`${functionId} failed: ${error.errorMessage.replace(/^RequestId: \S+ Error: /, '')}`);
    },
  });
  endings.push(() => cloud.stop());
  upstreams.onSigningKey((accessKeyId) => cloud.signingKey(accessKeyId));

  const list = openWatchList(cloud, settings);
  endings.push(() => list.close());
  const { titles, prices } = examples;
  if (titles.length > 0 && (await list.isEmpty('titles'))) {
    screen.step(`putting ${titles.length} example titles on the watch list, which has none`);
    await list.add(titles);
  }
  if (prices.length > 0 && (await list.isEmpty('prices'))) {
    screen.step(`putting ${prices.length} example prices on the watch list, which has none`);
    await list.addPrices(prices);
  }
  const notifications = openNotificationQueue(cloud);
  if (notifications !== undefined) {
    endings.push(() => notifications.close());
    upstreams.onNotification((notification) => {
      notifications
        .send(notification)
        .catch((error: unknown) => screen.trouble(`A notification is lost: ${String(error)}`));
    });
    // No notification is on its way any more when the queue goes.
    endings.push(() => upstreams.onNotification(() => undefined));
  }
  if (Object.keys(settings.partnerApi.partners).length > 0) {
    const file = folder.path(PARTNERS_FILE);
    const served = (partner: string): Served => servedBy(partner, examples, upstreams);
    endings.push(keepPartnersFile(file, cloud, settings.partnerApi, (text) => screen.trouble(text), served));
  }
  writeEndpoints(folder, cloud, upstreams);
  if (upstreams.simulatesOfferCodes) writeOfferCodes(folder, examples);
  showPlaces(screen, folder, cloud, upstreams, examples);
  await cloud.start();
}

/** The example player and shopper of a partner, as far as there are any and they are simulated. */
function servedBy(partner: string, { players, shoppers }: ExampleCatalogue, upstreams: Upstreams): Served {
  const [player, shopper] = [players.get(partner), shoppers.get(partner)];
  const playerToken = player && upstreams.playerToken(player.account);
  const shopperToken = shopper && upstreams.shopperToken(shopper.shopper);
  return {
    player: playerToken === undefined ? undefined : { playerId: player!.playerId, token: playerToken },
    shopper: shopperToken === undefined ? undefined : { token: shopperToken, externalId: shopper!.externalId },
  };
}

function writeEndpoints(folder: DataFolder, cloud: Cloud, { overrides, controlUrl }: Upstreams): void {
  const endpoints = {
    ...cloud.endpoints,
    region: cloud.region,
    credentials: cloud.credentials,
    partnerApi: [...cloud.restApis.values()][0]?.url,
    offerStatus: overrides.offerStatusUrl,
    pricing: overrides.pricingUrl,
    token: overrides.tokenUrl,
    offerCodes: overrides.offerCodesUrl,
    entitlements: overrides.entitlementsUrl,
    profile: overrides.profileUrl,
    buyWithPrime: overrides.buyWithPrimeUrl,
    buyWithPrimeToken: overrides.buyWithPrimeTokenUrl,
    control: controlUrl,
    outputs: cloud.outputs,
  };
  writeFileSync(folder.path('endpoints.json'), `${JSON.stringify(endpoints, null, 2)}\n`);
}

/** What there is to verify and redeem: each code's state is that before anybody has redeemed it. */
function writeOfferCodes(folder: DataFolder, { benefits, codes }: ExampleCatalogue): void {
  const text = JSON.stringify(offerCodesByState(benefits, codes), null, 2);
  writeFileSync(folder.path(OFFER_CODES_FILE), `${text}\n`);
}

function showPlaces(
  screen: Screen,
  folder: DataFolder,
  cloud: Cloud,
  upstreams: Upstreams,
  { players, products }: ExampleCatalogue,
): void {
  const { addresses, controlUrl, simulatesOfferCodes, simulatesEntitlements, simulatesBuyWithPrime } = upstreams;
  const [claimant] = simulatesEntitlements ? players.values() : [];
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
    ...addresses.map(({ name, url, isSimulated }, index): [string, string] => [
      index === 0 ? 'upstreams' : '',
      `${name} ${isSimulated ? 'simulated at' : 'at'} ${url ?? "Amazon's own endpoints"}`,
    ]),
    ...(controlUrl === undefined ? [] : ([['faults, truth', `${controlUrl}/control/…`]] as const)),
    ...[...cloud.restApis.values()].map(
      ({ url }) => ['partner API', `${url}/v1/…, keys and credentials in ${at(PARTNERS_FILE)}`] as const,
    ),
    ['database', cloud.endpoints.dynamodb],
    ['queues', cloud.endpoints.sqs],
    ['bus, secrets', cloud.endpoints.eventbridge],
    ['all addresses', at('endpoints.json')],
    ['all events', at('events.jsonl')],
    ...(simulatesOfferCodes ? ([['offer codes', `to try: ${at(OFFER_CODES_FILE)}`]] as const) : []),
    ...(claimant === undefined
      ? []
      : [
          [
            'entitlements',
            `to try: POST /v1/players/${claimant.playerId}/entitlements/fulfil, with the player's token in ${at(PARTNERS_FILE)}`,
          ] as const,
        ]),
    ...(simulatesBuyWithPrime
      ? [
          [
            'Buy with Prime',
            `to try: POST /v1/buy-with-prime/offers with ${products
              .slice(0, 3)
              .map(({ productId }) => productId)
              .join(', ')} …; the shopper's token in ${at(PARTNERS_FILE)}`,
          ] as const,
        ]
      : []),
    ['logs', at('cloud', 'logs')],
  ]);
  screen.line();
  screen.line('Change events as they reach the bus: every offer and price once, then what changes. Ctrl-C stops.');
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
