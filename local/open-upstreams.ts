import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { rootCertificates } from 'node:tls';
import { offerStatusAccounts } from '../lambdas/offer-status/offer-status-accounts.ts';
import { pricingAccounts } from '../lambdas/pricing/pricing-accounts.ts';
import type { OfferStatusSettings, PricingSettings, RuntimeSettings } from '../lambdas/shared/settings.ts';
import {
  buyWithPrimeSecretName,
  entitlementsSecretName,
  offerStatusSecretName,
  pricingSecretName,
} from '../lambdas/shared/settings.ts';
import { UsageError } from './command-line.ts';
import type { SynthesisOptions } from './synthesise.ts';
import type { UpstreamAddress } from './upstream-addresses.ts';
import { upstreamAddresses, usedMerchants } from './upstream-addresses.ts';
import type { ExampleOfferCode } from './upstreams/example-offer-codes.ts';
import type {
  BenefitOptions,
  BuyWithPrimeOptions,
  ClaimOptions,
  EntitlementsOptions,
  FindSigningKey,
  ItemOptions,
  OfferCodesOptions,
  OfferStatusOptions,
  PricingOptions,
  ProductOptions,
  Simulator,
} from './upstreams/simulator.ts';
import { startSimulator } from './upstreams/simulator.ts';

/** The APIs to talk to, and what lets the stack in. */
export interface Upstreams {
  readonly addresses: readonly UpstreamAddress[];
  /** Replaces the addresses of the settings. */
  readonly overrides: Pick<
    SynthesisOptions,
    | 'offerStatusUrl'
    | 'pricingUrl'
    | 'tokenUrl'
    | 'offerCodesUrl'
    | 'entitlementsUrl'
    | 'profileUrl'
    | 'buyWithPrimeUrl'
    | 'buyWithPrimeTokenUrl'
  >;
  readonly secrets: Readonly<Record<string, unknown>>;
  /** Undefined where nothing is simulated. */
  readonly controlUrl: string | undefined;
  /** Takes the simulator's notifications from now on; those before are lost, as Amazon's may be. */
  onNotification(take: (notification: object) => void): void;
  readonly simulatesOfferCodes: boolean;
  /** Says whose signatures the simulated API for offer codes takes from now on: until then, nobody's of the stack. */
  onSigningKey(find: FindSigningKey): void;
  readonly simulatesEntitlements: boolean;
  /** A new access token of a simulated player, good for an hour; undefined where Prime Gaming is not simulated. */
  playerToken(account: string): string | undefined;
  readonly simulatesBuyWithPrime: boolean;
  /** A new access token of a simulated shopper, good for an hour; undefined where Buy with Prime is not simulated. */
  shopperToken(shopper: string): string | undefined;
  stop(): Promise<void>;
}

export interface UpstreamsOptions {
  readonly settings: RuntimeSettings;
  readonly seed: number;
  /** Port of the first simulated API; the others take the next ones, but for one that is the partner API's. 0 for free ones. */
  readonly port: number;
  /** Path of a file or folder of the simulator. */
  readonly path: (...parts: string[]) => string;
  readonly titles: OfferStatusOptions['titles'];
  readonly items: readonly ItemOptions[];
  readonly benefits: readonly BenefitOptions[];
  readonly codes: readonly ExampleOfferCode[];
  readonly claims: readonly ClaimOptions[];
  readonly products: readonly ProductOptions[];
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** One API as the stack will know it. */
interface Opened {
  readonly address: UpstreamAddress;
  readonly overrides: Upstreams['overrides'];
  readonly secrets: Readonly<Record<string, unknown>>;
}

/**
 * Starts the simulator of each API that the settings expect on this machine, unless the environment points elsewhere.
 *
 * @throws UsageError when another API is to be asked and its credentials are not given
 */
export async function openUpstreams(options: UpstreamsOptions): Promise<Upstreams> {
  const { settings, environment } = options;
  const { offerStatus, pricing, offerCodes, entitlements, buyWithPrime } = upstreamAddresses(settings, environment);
  const names = secretNames(settings);
  const others = [offerStatus, pricing, buyWithPrime].filter((api) => api?.isSimulated === false) as UpstreamAddress[];
  const file = environment['OFFER_RELAY_SECRETS_FILE'];
  // Who asks about offer codes signs in the name of a role, and about entitlements shows a player's token: there may be an
  // authority to trust, and no secret to know.
  const mayBeGiven = [offerCodes, entitlements].some((api) => api?.isSimulated === false) || names.partners.length > 0;
  const given = others.length > 0 || (mayBeGiven && file !== undefined) ? secretsFromFile(others, file) : {};
  // The simulator's own secrets are made anew at every start: a file that was made for all APIs knows nothing of them.
  const secretsOf = (api: readonly string[]): Record<string, unknown> =>
    Object.fromEntries(Object.entries(given).filter(([name]) => api.includes(name)));
  let take: (notification: object) => void = () => undefined;
  const simulator = [offerStatus, pricing, offerCodes, entitlements, buyWithPrime].some(
    (api) => api?.isSimulated === true,
  )
    ? await startSimulator({
        pkiDir: options.path(),
        stateFile: options.path('titles.json'),
        seed: options.seed,
        port: options.port,
        controlPort: nextPort(options.port, 1),
        offerStatus: offerStatus.isSimulated ? partners(settings.offerStatus, options) : { accounts: [], titles: [] },
        ...(pricing?.isSimulated === true && {
          pricing: { ...sellers(settings.pricing, options), onNotification: (notification) => take(notification) },
        }),
        ...(offerCodes?.isSimulated === true && { offerCodes: deals(settings, options) }),
        ...(entitlements?.isSimulated === true && { entitlements: claimed(options) }),
        ...(buyWithPrime?.isSimulated === true && { buyWithPrime: shops(settings, options) }),
      })
    : undefined;
  const opened: Opened[] = [
    offerStatus.isSimulated && simulator !== undefined
      ? simulatedOfferStatus(settings, offerStatus, simulator)
      : { address: offerStatus, overrides: { offerStatusUrl: offerStatus.url }, secrets: secretsOf(names.offerStatus) },
  ];
  if (pricing?.isSimulated === true && simulator !== undefined) {
    opened.push(simulatedPricing(settings, pricing, simulator));
  } else if (pricing !== undefined) {
    const { url, tokenUrl } = pricing;
    const overrides = { tokenUrl, ...(url !== undefined && { pricingUrl: url }) };
    opened.push({ address: pricing, overrides, secrets: secretsOf(names.pricing) });
  }
  if (offerCodes?.isSimulated === true && simulator !== undefined) {
    opened.push(simulatedOfferCodes(settings, offerCodes, simulator));
  } else if (offerCodes !== undefined) {
    opened.push({
      address: offerCodes,
      overrides: { offerCodesUrl: offerCodes.url },
      secrets: { ...trustIn(settings.offerCodes, rootCertificates.join('\n')), ...secretsOf(names.offerCodes) },
    });
  }
  if (entitlements?.isSimulated === true && simulator !== undefined) {
    opened.push(simulatedEntitlements(settings, entitlements, simulator));
  } else if (entitlements !== undefined) {
    const { url, profileUrl } = entitlements;
    opened.push({
      address: entitlements,
      overrides: { entitlementsUrl: url, profileUrl },
      secrets: { ...trustIn(settings.entitlements, rootCertificates.join('\n')), ...secretsOf(names.entitlements) },
    });
  }
  if (buyWithPrime?.isSimulated === true && simulator !== undefined) {
    opened.push(simulatedBuyWithPrime(settings, buyWithPrime, simulator));
  } else if (buyWithPrime !== undefined) {
    opened.push({
      address: buyWithPrime,
      overrides: { buyWithPrimeUrl: buyWithPrime.url, buyWithPrimeTokenUrl: buyWithPrime.tokenUrl },
      secrets: secretsOf(names.buyWithPrime),
    });
  }
  return {
    addresses: opened.map(({ address }) => address),
    overrides: Object.assign({}, ...opened.map(({ overrides }) => overrides)) as Upstreams['overrides'],
    secrets: Object.assign(secretsOf(names.partners), ...opened.map(({ secrets }) => secrets)) as Upstreams['secrets'],
    controlUrl: simulator?.controlUrl,
    onNotification: (taker) => void (take = taker),
    simulatesOfferCodes: offerCodes?.isSimulated === true,
    onSigningKey: (find) => {
      if (offerCodes?.isSimulated === true) simulator?.onSigningKey(find);
    },
    simulatesEntitlements: entitlements?.isSimulated === true,
    playerToken: (account) => (entitlements?.isSimulated === true ? simulator?.issueToken({ account }) : undefined),
    simulatesBuyWithPrime: buyWithPrime?.isSimulated === true,
    shopperToken: (shopper) =>
      buyWithPrime?.isSimulated === true ? simulator?.buyWithPrime.issueShopperToken({ shopper }) : undefined,
    stop: async () => simulator?.stop(),
  };
}

function partners(settings: OfferStatusSettings, { titles }: UpstreamsOptions): OfferStatusOptions {
  const accounts = offerStatusAccounts(settings).map(({ name, licensors, bucket }) => ({
    name,
    licensors,
    apiKey: randomBytes(24).toString('base64url'),
    rate: bucket.limit.perSecond,
    burst: bucket.limit.burst,
  }));
  return { accounts, titles };
}

function sellers(settings: PricingSettings, { items, path, port }: UpstreamsOptions): PricingOptions {
  const accounts = pricingAccounts(settings).map(({ name, sellerId, marketplaces, buckets }) => ({
    name,
    sellerId: sellerId ?? `SELLER-${name.toUpperCase()}`,
    marketplaces: marketplaces.map(({ id }) => id),
    rates: Object.fromEntries(
      buckets.map(({ operation, limit }) => [operation, { rate: limit.perSecond, burst: limit.burst }]),
    ),
  }));
  return { accounts, items, profile: settings.rateProfile, stateFile: path('items.json'), port: nextPort(port, 2) };
}

function deals({ offerCodes }: RuntimeSettings, { benefits, codes, path, port }: UpstreamsOptions): OfferCodesOptions {
  return {
    benefits,
    codes: codes.map(({ state: _, ...code }) => code),
    regions: offerCodes.regions,
    stateFile: path('offer-code-lives.json'),
    port: nextPort(port, 3),
  };
}

function claimed({ claims, path, port }: UpstreamsOptions): EntitlementsOptions {
  return { claims, stateFile: path('claims.json'), port: nextPort(port, 5) };
}

function shops(settings: RuntimeSettings, { products, path, port }: UpstreamsOptions): BuyWithPrimeOptions {
  const accounts = usedMerchants(settings).map((account) => ({ account }));
  return { accounts, products, stateFile: path('orders.json'), port: nextPort(port, 6) };
}

/** The names of each API's secrets, and of those that partners' own backends need. */
function secretNames(settings: RuntimeSettings) {
  const { stage, offerStatus, pricing, offerCodes, entitlements, buyWithPrime, partnerApi } = settings;
  return {
    offerStatus: Object.entries(offerStatus.accounts).map(([name, account]) =>
      offerStatusSecretName(stage, name, account),
    ),
    pricing: Object.entries(pricing.accounts).map(([name, account]) => pricingSecretName(stage, name, account)),
    offerCodes: offerCodes.trustSecret === undefined ? [] : [offerCodes.trustSecret],
    entitlements: entitlements.trustSecret === undefined ? [] : [entitlements.trustSecret],
    buyWithPrime: usedMerchants(settings).map((account) =>
      buyWithPrimeSecretName(stage, account, buyWithPrime.accounts[account]),
    ),
    partners: Object.entries(partnerApi.partners)
      .filter(([, partner]) => partner.entitlements.push || partner.entitlements.granter.kind === 'webhook')
      .map(([name, partner]) => entitlementsSecretName(stage, name, partner.entitlements)),
  };
}

function simulatedOfferStatus(
  { stage, offerStatus }: RuntimeSettings,
  address: UpstreamAddress,
  simulator: Simulator,
): Opened {
  const secrets = Object.entries(offerStatus.accounts).map(([name, account]) => [
    offerStatusSecretName(stage, name, account),
    simulator.credentials(name),
  ]);
  return {
    address: { ...address, url: simulator.offerStatusUrl },
    overrides: { offerStatusUrl: simulator.offerStatusUrl },
    secrets: Object.fromEntries(secrets) as Opened['secrets'],
  };
}

function simulatedPricing({ stage, pricing }: RuntimeSettings, address: UpstreamAddress, simulator: Simulator): Opened {
  const secrets = Object.entries(pricing.accounts).map(([name, account]) => [
    pricingSecretName(stage, name, account),
    simulator.pricingCredentials(name),
  ]);
  return {
    address: { ...address, url: simulator.pricingUrl },
    overrides: { pricingUrl: simulator.pricingUrl, tokenUrl: simulator.tokenUrl },
    secrets: Object.fromEntries(secrets) as Opened['secrets'],
  };
}

function simulatedOfferCodes(settings: RuntimeSettings, address: UpstreamAddress, simulator: Simulator): Opened {
  return {
    address: { ...address, url: simulator.offerCodesUrl },
    overrides: { offerCodesUrl: simulator.offerCodesUrl },
    secrets: trustIn(settings.offerCodes, simulator.offerCodeCredentials().ca),
  };
}

function simulatedEntitlements(settings: RuntimeSettings, address: UpstreamAddress, simulator: Simulator): Opened {
  const { entitlementsUrl, profileUrl } = simulator;
  return {
    address: { ...address, url: entitlementsUrl },
    overrides: { entitlementsUrl, profileUrl },
    secrets: trustIn(settings.entitlements, simulator.entitlementsCredentials().ca),
  };
}

function simulatedBuyWithPrime(settings: RuntimeSettings, address: UpstreamAddress, simulator: Simulator): Opened {
  const { stage, buyWithPrime } = settings;
  const { graphqlUrl, tokenUrl, credentials } = simulator.buyWithPrime;
  const secrets = usedMerchants(settings).map((account) => [
    buyWithPrimeSecretName(stage, account, buyWithPrime.accounts[account]),
    credentials(account),
  ]);
  return {
    address: { ...address, url: graphqlUrl },
    overrides: { buyWithPrimeUrl: graphqlUrl, buyWithPrimeTokenUrl: tokenUrl },
    secrets: Object.fromEntries(secrets) as Opened['secrets'],
  };
}

/** The secret that makes the stack trust an authority, where the settings name one. */
function trustIn({ trustSecret }: { readonly trustSecret?: string | undefined }, ca: string): Record<string, unknown> {
  return trustSecret === undefined ? {} : { [trustSecret]: { ca } };
}

function nextPort(port: number, offset: number): number {
  return port === 0 ? 0 : port + offset;
}

function secretsFromFile(others: readonly UpstreamAddress[], file: string | undefined): Record<string, unknown> {
  if (file === undefined) {
    const named = others.map(({ name, url }) => `${name} is ${url ?? "Amazon's own"}`).join(', and ');
    throw new UsageError(
      `${named}: its credentials must be in a JSON file that OFFER_RELAY_SECRETS_FILE names. See --help.`,
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
