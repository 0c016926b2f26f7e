import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadSettings } from '../../config/settings.ts';
import { PRICING_OPERATIONS } from '../../lambdas/shared/settings-schema.ts';
import {
  buyWithPrimeSecretName,
  entitlementsSecretName,
  offerStatusSecretName,
  pricingSecretName,
  type RuntimeSettings,
} from '../../lambdas/shared/settings.ts';
import type { PriceWatch } from '../../lambdas/shared/watches.ts';
import type { BusEvent, Cloud, CloudOptions } from '../../local/cloud/cloud.ts';
import { createCloud } from '../../local/cloud/cloud.ts';
import { openNotificationQueue } from '../../local/notification-queue.ts';
import { synthesise } from '../../local/synthesise.ts';
import type {
  AmazonAccount,
  BuyWithPrimeOptions,
  BuyWithPrimeUpstream,
  ItemOptions,
  OfferCodesOptions,
  ShopperOptions,
  Simulator,
  TokenOptions,
} from '../../local/upstreams/simulator.ts';
import { startSimulator } from '../../local/upstreams/simulator.ts';
import type { WatchList } from '../../local/watch-list.ts';
import { scanForSecrets, secretsIn, type Needle } from './secret-scan.ts';
import { openWatchList } from '../../local/watch-list.ts';

const STAGE = 'pipeline';
export const LICENSOR = 'example-studios';
export const US = 'ATVPDKIKX0DER';
export const CANADA = 'A2EUQ1WTGCTBG2';
export const JAPAN = 'A1VC38T7YXB528';
export const AUSTRALIA = 'A39IBJ37TRP1C6';
/** The selling accounts of the stage, each in a region of its own. */
export const SELLERS = {
  americas: { sellerId: 'A1AMERICAS', marketplaces: [US, CANADA] },
  // Has no token to spare, and asks for offers one by one.
  pacific: { sellerId: 'A1PACIFIC', marketplaces: [JAPAN, AUSTRALIA] },
} as const;
export type SellerName = keyof typeof SELLERS;

/** The synthesised stack on the local cloud, in front of simulated upstreams where things change only when told to. */
export interface LocalStack {
  readonly cloud: Cloud;
  /** Without the issuing of tokens: each has to be known to `stop`. */
  readonly simulator: Omit<Simulator, 'issueToken' | 'buyWithPrime'> & {
    readonly buyWithPrime: Omit<BuyWithPrimeUpstream, 'issueShopperToken'>;
  };
  readonly settings: RuntimeSettings;
  /** Everything that the stack writes lies below. */
  readonly folder: string;
  readonly list: WatchList;
  /** Everything that has reached the stack's bus, also before a restart. */
  readonly events: BusEvent[];
  /** Everything that the functions have logged. */
  readonly logs: string[];
  /** What Amazon would have told the sellers of changed offers; none of it reaches the stack by itself. */
  readonly notifications: object[];
  /** Invokes the titles' planner again and again, in place of its schedule, until the condition holds, however long the machine takes. */
  poll(what: string, condition: () => boolean | Promise<boolean>, seconds?: number): Promise<void>;
  /** The same with the prices' planner. */
  pollPrices(what: string, condition: () => boolean | Promise<boolean>, seconds?: number): Promise<void>;
  /** Puts a notification into the queue that SP-API sends to. */
  notify(notification: object): Promise<void>;
  /** Calls the simulator's control endpoint. */
  control(method: string, path: string, body?: unknown): Promise<unknown>;
  /** Makes the upstream misbehave; returns how to end that. */
  fault(rule: Record<string, unknown>): Promise<() => Promise<void>>;
  /** A new access token of a player, whose Amazon account comes to be where there is none. */
  issueToken(options: TokenOptions): string;
  /** A new access token of a shopper who is signed in. */
  issueShopperToken(options?: ShopperOptions): string;
  /** Stops the cloud and starts it again on the same data. */
  restart(): Promise<void>;
  /** Something secret that the test has sent: `stop` makes sure that it was written nowhere. */
  keepsSecret(name: string, value: string): void;
  /**
   * @throws Error when a secret, a token, a key, an offer code or anything of a player's Amazon account is found in anything
   *   that the stack has written
   */
  stop(): Promise<void>;
}

export interface LocalStackOptions {
  readonly titles: readonly string[];
  /** What is on sale. @default nothing */
  readonly items?: readonly ItemOptions[];
  /** Prices on the watch list. @default none */
  readonly prices?: readonly PriceWatch[];
  /** Offer codes that exist at Amazon. @default none */
  readonly codes?: NonNullable<OfferCodesOptions['codes']>;
  /** Settings of the offer codes. */
  readonly offerCodes?: Record<string, unknown>;
  /** Settings of the entitlements. */
  readonly entitlements?: Record<string, unknown>;
  /** Merchants at Buy with Prime, each of which gets its secret, what they sell, and settings besides. @default not simulated */
  readonly buyWithPrime?: BuyWithPrimeOptions & { readonly settings?: Record<string, unknown> };
  /** Partners of the API, by name. @default none, and no API */
  readonly partners?: Record<string, unknown>;
  /** What a partner's secret of entitlements holds, by the partner's name. @default partners have none */
  readonly partnerSecrets?: Readonly<Record<string, EntitlementsSecretText>>;
  /** Settings of the stage besides the accounts. */
  readonly settings?: Record<string, unknown>;
  readonly cloud?: Partial<CloudOptions>;
}

/** A partner's secret as an operator writes it. */
export interface EntitlementsSecretText {
  readonly webhookKey?: string;
  readonly pushKey?: string;
  readonly ca?: string;
}

/** Benefits of the stage: a code of the first is used up when it is redeemed. */
export const BENEFITS = {
  ONCE: { marketplace: 'US', use: 'single' },
  OFTEN: { marketplace: 'IN', use: 'multiple' },
} as const;
const TRUST_SECRET = 'trust-of-the-pipeline-tests';
const ENTITLEMENTS_TRUST_SECRET = 'trust-in-prime-gaming';

const SELLER_NAMES = Object.keys(SELLERS) as SellerName[];
const ratesOf = <Limit>(limit: Limit) => Object.fromEntries(PRICING_OPERATIONS.map((operation) => [operation, limit]));

export const titleOf = (alid: string) => ({ licensor: LICENSOR, marketplace: 'GLOBAL', alid });

/** Waits for a condition, however long the machine takes. */
export async function until(what: string, condition: () => boolean | Promise<boolean>, seconds = 60): Promise<void> {
  const end = Date.now() + seconds * 1000;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`waited ${seconds} s in vain for ${what}`);
    await sleep(50);
  }
}

/** What the local cloud itself has to remember. */
const mayHoldSecrets = (path: string): boolean => ['api-keys.json', 'generated-secrets.json'].includes(path);

/** Every text within the secrets that the functions read. */
function secretNeedles(secrets: Readonly<Record<string, unknown>>): Needle[] {
  return Object.entries(secrets).flatMap(([secret, content]) =>
    Object.entries(content as Record<string, string>)
      // Whom to trust is no secret.
      .filter(([field]) => field !== 'ca' && field !== 'cert' && field !== 'clientId' && field !== 'targetId')
      .map(([field, value]) => ({ name: `${secret}: ${field}`, value })),
  );
}

/** Credentials of the functions and partners' API keys. */
function cloudNeedles(cloud: Cloud): Needle[] {
  return [...cloud.resources].flatMap(([id, { type }]) =>
    type === 'AWS::ApiGateway::ApiKey' ? [{ name: `API key ${id}`, value: cloud.apiKeyValue(id) }] : [],
  );
}

/** Shorter codes would be found by chance. */
function codeNeedles(codes: LocalStackOptions['codes'] = []): Needle[] {
  return codes
    .filter(({ code }) => Buffer.byteLength(code) >= 8)
    .map(({ code }) => ({ name: `offer code ${JSON.stringify(code)}`, value: code }));
}

/** What nobody but Amazon and the player may know. */
function playerNeedles(accounts: readonly AmazonAccount[]): Needle[] {
  return accounts.flatMap(({ account, userId, name, email }) =>
    Object.entries({ userId, name, email }).map(([field, value]) => ({ name: `${field} of ${account}`, value })),
  );
}

export async function startLocalStack(options: LocalStackOptions): Promise<LocalStack> {
  const shops = options.buyWithPrime?.accounts ?? [];
  const folder = await mkdtemp(join(tmpdir(), 'offer-relay-pipeline-'));
  const config = join(folder, 'config');
  await mkdir(config);
  await writeFile(
    join(config, `${STAGE}.json`),
    JSON.stringify({
      removalPolicy: 'destroy',
      // The tests plan by hand, so that they decide when a lap starts.
      schedules: { plan: 'rate(9 minutes)', reconcile: 'rate(60 minutes)', sweep: 'rate(60 minutes)' },
      polling: { backlogSeconds: 600 },
      ...options.settings,
      offerStatus: {
        rate: { perSecond: 50, burst: 20 },
        minLapSeconds: { new: 1, urgent: 1, steady: 1 },
        retry: { attempts: 2, baseMs: 10, capMs: 20 },
        accounts: { main: { licensors: [LICENSOR] } },
      },
      pricing: {
        minLapSeconds: { new: 1, urgent: 1, steady: 1 },
        retry: { attempts: 2, baseMs: 10, capMs: 20 },
        accounts: {
          americas: { ...SELLERS.americas, rates: ratesOf({ perSecond: 50, burst: 20 }) },
          pacific: {
            ...SELLERS.pacific,
            rates: ratesOf({ perSecond: 50, burst: 1 }),
            offersOperations: { asin: 'getItemOffers', sku: 'getListingOffers' },
          },
        },
      },
      offerCodes: { trustSecret: TRUST_SECRET, benefits: BENEFITS, ...options.offerCodes },
      entitlements: { trustSecret: ENTITLEMENTS_TRUST_SECRET, ...options.entitlements },
      buyWithPrime: {
        accounts: Object.fromEntries(shops.map(({ account }) => [account, {}])),
        ...options.buyWithPrime?.settings,
      },
      partnerApi: { partners: options.partners ?? {} },
    }),
  );
  const notifications: object[] = [];
  const simulator = await startSimulator({
    pkiDir: join(folder, 'upstreams'),
    offerStatus: {
      accounts: [{ name: 'main', apiKey: 'key-of-the-pipeline-tests', licensors: [LICENSOR], rate: 50, burst: 20 }],
      titles: options.titles.map(titleOf),
      tempo: 0,
    },
    pricing: {
      // Each has as many tokens to spare: how exactly the pace is kept is not what these tests are about.
      accounts: SELLER_NAMES.map((name) => ({ name, ...SELLERS[name], rates: ratesOf({ rate: 50, burst: 20 }) })),
      items: options.items ?? [],
      tempo: 0,
      onNotification: (notification) => notifications.push(notification),
    },
    offerCodes: {
      benefits: Object.entries(BENEFITS).map(([id, benefit]) => ({ id, ...benefit })),
      codes: options.codes ?? [],
    },
    entitlements: {},
    ...(options.buyWithPrime && { buyWithPrime: options.buyWithPrime }),
  });
  const { offerStatusUrl, pricingUrl, tokenUrl, offerCodesUrl, entitlementsUrl, profileUrl } = simulator;
  const urls = {
    ...{ offerStatusUrl, pricingUrl, tokenUrl, offerCodesUrl, entitlementsUrl, profileUrl },
    ...(options.buyWithPrime && {
      buyWithPrimeUrl: simulator.buyWithPrime.graphqlUrl,
      buyWithPrimeTokenUrl: simulator.buyWithPrime.tokenUrl,
    }),
  };
  await synthesise(STAGE, join(folder, 'cdk.out'), { config, ...urls });
  const settings = loadSettings(STAGE, { directory: config }).runtime;
  const { offerStatus, pricing, buyWithPrime, partnerApi } = settings;
  const secrets: Record<string, unknown> = {
    [TRUST_SECRET]: { ca: simulator.offerCodeCredentials().ca },
    [ENTITLEMENTS_TRUST_SECRET]: simulator.entitlementsCredentials(),
    [offerStatusSecretName(STAGE, 'main', offerStatus.accounts['main'])]: simulator.credentials('main'),
  };
  for (const name of SELLER_NAMES) {
    secrets[pricingSecretName(STAGE, name, pricing.accounts[name])] = simulator.pricingCredentials(name);
  }
  for (const { account } of shops) {
    const name = buyWithPrimeSecretName(STAGE, account, buyWithPrime.accounts[account]);
    secrets[name] = simulator.buyWithPrime.credentials(account);
  }
  for (const [name, secret] of Object.entries(options.partnerSecrets ?? {})) {
    secrets[entitlementsSecretName(STAGE, name, partnerApi.partners[name]!.entitlements)] = secret;
  }
  const events: BusEvent[] = [];
  const logs: string[] = [];
  const guessed: Needle[] = [{ name: 'a signature', value: 'AWS4-HMAC-SHA256' }];
  const create = async (): Promise<{ cloud: Cloud; list: WatchList }> => {
    const cloud = await createCloud({
      assembly: join(folder, 'cdk.out'),
      dataDir: join(folder, 'cloud'),
      secrets,
      onEvent: (event, busName) => {
        if (!options.cloud?.buses?.includes(busName)) events.push(event);
      },
      onLog: ({ text }) => logs.push(text),
      ...options.cloud,
    });
    return { cloud, list: openWatchList(cloud, settings) };
  };
  let { cloud, list } = await create();
  // Amazon knows the role of the function, and its keys along with it.
  simulator.onSigningKey((accessKeyId) => cloud.signingKey(accessKeyId));
  await list.add(options.titles.map(titleOf));
  await list.addPrices(options.prices ?? []);
  await cloud.start();

  const pollWith =
    (planner: string): LocalStack['poll'] =>
    async (what, condition, seconds = 60) => {
      const end = Date.now() + seconds * 1000;
      while (!(await condition())) {
        if (Date.now() > end) throw new Error(`polled ${seconds} s in vain for ${what}`);
        const planned = await cloud.invoke(planner, {});
        if (planned.outcome !== 'success') throw new Error(`planner: ${JSON.stringify(planned.error)}`);
        await sleep(300);
      }
    };

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
    settings,
    folder,
    events,
    logs,
    control,
    notifications,
    poll: pollWith('TitleChecks/Planner/Function'),
    pollPrices: pollWith('PriceChecks/Planner/Function'),
    async notify(notification) {
      const queue = openNotificationQueue(cloud);
      if (queue === undefined) throw new Error('the stack takes no notifications');
      await queue.send(notification).finally(() => queue.close());
    },
    issueToken(wanted) {
      const token = simulator.issueToken(wanted);
      guessed.push({ name: `an access token of ${wanted.account}`, value: token });
      return token;
    },
    issueShopperToken(wanted) {
      const token = simulator.buyWithPrime.issueShopperToken(wanted);
      guessed.push({ name: 'an access token of a shopper', value: token });
      return token;
    },
    async fault(rule) {
      const { id } = (await control('POST', '/control/faults', rule)) as { id: string };
      return async () => void (await control('DELETE', `/control/faults/${id}`));
    },
    keepsSecret: (name, value) => void guessed.push({ name, value }),
    async restart() {
      list.close();
      await cloud.stop();
      ({ cloud, list } = await create());
      await cloud.start();
    },
    async stop() {
      list.close();
      const { accounts } = (await control('GET', '/control/prime-gaming/accounts')) as { accounts: AmazonAccount[] };
      const needles = [
        ...secretNeedles(secrets),
        ...cloudNeedles(cloud),
        ...codeNeedles(options.codes),
        ...playerNeedles(accounts),
        ...guessed,
      ];
      await cloud.stop();
      await simulator.stop();
      const found = [
        ...(await scanForSecrets({ folders: [join(folder, 'cloud')], needles, except: mayHoldSecrets })),
        ...secretsIn([...logs, ...events.map((event) => JSON.stringify(event))].join('\n'), needles),
      ];
      await rm(folder, { recursive: true, force: true });
      if (found.length > 0) throw new Error(`the stack has written secrets down: ${JSON.stringify(found, null, 2)}`);
    },
  };
}
