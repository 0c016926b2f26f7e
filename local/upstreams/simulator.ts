import { close, listen, LOOPBACK } from './listening.ts';
import { systemClock, type Clock } from './clock.ts';
import { createControlServer } from './control-server.ts';
import { FaultRules } from './fault-rules.ts';
import { LogNormalLatency } from './latency.ts';
import { createMutualTlsServer } from './mutual-tls-server.ts';
import { openAccounts, type AccountOptions } from './offer-status/accounts.ts';
import type { DialectChoice } from './offer-status/dialect.ts';
import { LivingTitles } from './offer-status/living-titles.ts';
import { MATCHABLE_ATTRIBUTES, createOfferStatusApi } from './offer-status/offer-status-api.ts';
import { offerStatusControl } from './offer-status/offer-status-control.ts';
import { loadTitles, saveTitles } from './offer-status/saved-titles.ts';
import type { TitleState } from './offer-status/title-state.ts';
import type { OfferCodeTruth } from './offer-codes/offer-code-ledger.ts';
import { OFFER_CODE_ATTRIBUTES, OFFER_CODE_FAULTS } from './offer-codes/offer-codes-api.ts';
import { openOfferCodes, type OfferCodesOptions } from './offer-codes/offer-codes.ts';
import type { FindSigningKey, SigningCredentials } from './offer-codes/signing-keys.ts';
import type { AmazonAccount } from './entitlements/amazon-accounts.ts';
import type { Claim, Report } from './entitlements/claim-ledger.ts';
import type { AmazonAccountOptions, ClaimOptions, TokenOptions } from './entitlements/entitlement-options.ts';
import { ENTITLEMENT_ATTRIBUTES, ENTITLEMENT_FAULTS } from './entitlements/entitlements-api.ts';
import { PROFILE_PATH } from './entitlements/entitlements-request.ts';
import { openEntitlements, type EntitlementsOptions } from './entitlements/entitlements.ts';
import {
  BUY_WITH_PRIME_ATTRIBUTES,
  BUY_WITH_PRIME_FAULTS,
  BUY_WITH_PRIME_TOKEN_PATH,
  GRAPHQL_PATH,
} from './buy-with-prime/buy-with-prime-api.ts';
import type { MerchantCredentials } from './buy-with-prime/buy-with-prime-options.ts';
import {
  openBuyWithPrime,
  type BuyWithPrimeOptions,
  type BuyWithPrimeSteering,
} from './buy-with-prime/buy-with-prime.ts';
import { loadOrCreatePki } from './pki.ts';
import type { ItemState } from './pricing/item-state.ts';
import { PRICING_ATTRIBUTES, PRICING_FAULTS, TOKEN_PATH } from './pricing/pricing-api.ts';
import { openPricing, type PricingOptions } from './pricing/pricing.ts';
import type { SellingCredentials } from './pricing/selling-accounts.ts';
import { RequestLog, type RequestReport } from './request-log.ts';
import { createRandom } from './seeded-random.ts';
import { sharedControl } from './shared-control.ts';
import { createTlsServer, type TlsRequest } from './tls-server.ts';

export type { AccountOptions } from './offer-status/accounts.ts';
export type { OfferState, TitleState, WindowState } from './offer-status/title-state.ts';
export type { ItemState, OfferState as PriceOfferState } from './pricing/item-state.ts';
export type { ItemOptions, PricingOptions } from './pricing/pricing.ts';
export type { SellingAccountOptions } from './pricing/selling-accounts.ts';
export type { CodeState, OfferCodeTruth, Redemption } from './offer-codes/offer-code-ledger.ts';
export type { BenefitOptions, CodeOptions, Weekday } from './offer-codes/offer-code-options.ts';
export type { OfferCodesOptions } from './offer-codes/offer-codes.ts';
export type { FindSigningKey, SigningCredentials } from './offer-codes/signing-keys.ts';
export type { AmazonAccount } from './entitlements/amazon-accounts.ts';
export type { Claim, ClaimState, Report } from './entitlements/claim-ledger.ts';
export type { AmazonAccountOptions, ClaimOptions, TokenOptions } from './entitlements/entitlement-options.ts';
export type { EntitlementsOptions } from './entitlements/entitlements.ts';
export type { BuyWithPrimeDialect, BuyWithPrimeDialectChoice } from './buy-with-prime/buy-with-prime-dialect.ts';
export type {
  MerchantCredentials,
  MerchantOptions,
  ProductOptions,
  ShopperOptions,
} from './buy-with-prime/buy-with-prime-options.ts';
export type { BuyWithPrimeOptions, BuyWithPrimeSteering, LateOutcome } from './buy-with-prime/buy-with-prime.ts';
export type { OfferTruth } from './buy-with-prime/offer-book.ts';
export type { Order } from './buy-with-prime/order.ts';
export type { RequestReport } from './request-log.ts';

export interface SimulatorOptions {
  /** Where certificates are kept and re-used; made when missing. */
  pkiDir: string;
  /** The same seed gives the same lives, dialects and orders. @default 1 */
  seed?: number;
  /** Port of the HTTPS API. @default a free one */
  port?: number;
  /** Port of the plain-HTTP control endpoint. @default a free one */
  controlPort?: number;
  /** Where the titles' lives are kept, so that the next run with this seed goes on with them. @default nowhere */
  stateFile?: string;
  /** Requests that are remembered one by one. @default 50000 */
  requestsKept?: number;
  /** @default the system's clock and timers */
  clock?: Clock;
  offerStatus: OfferStatusOptions;
  /** Product Pricing and its tokens. @default not simulated */
  pricing?: PricingOptions;
  /** Verifying and redeeming offer codes. @default not simulated */
  offerCodes?: OfferCodesOptions;
  /** Prime Gaming's entitlements, and the profile of Login with Amazon. @default not simulated */
  entitlements?: EntitlementsOptions;
  /** Buy with Prime's offers and orders. @default not simulated */
  buyWithPrime?: BuyWithPrimeOptions;
  /** Receives one line per event worth knowing; never a key. @default silence */
  log?: (line: string) => void;
}

export interface OfferStatusOptions {
  accounts: readonly AccountOptions[];
  titles: readonly { licensor: string; alid: string; marketplace?: string }[];
  /** Mean number of changes per minute over the whole catalogue; 0 freezes it. @default 0.15 per title */
  tempo?: number;
  /** @default 'document' */
  dialect?: DialectChoice;
  /** Latency of every request. @default none */
  latency?: LogNormalLatency;
}

export interface Credentials {
  cert: string;
  key: string;
  ca: string;
  apiKey: string;
}

/** The simulated Buy with Prime. */
export interface BuyWithPrimeUpstream extends Omit<BuyWithPrimeSteering, 'credentials'> {
  /** The GraphQL endpoint, path included. */
  readonly graphqlUrl: string;
  /** Where its access tokens are asked for, path included. */
  readonly tokenUrl: string;
  /** What a client needs to ask in a merchant's name, and the authority to trust. Throws for an unknown account. */
  credentials(account: string): MerchantCredentials & { ca: string };
}

export interface Simulator {
  readonly offerStatusUrl: string;
  /** Base URL of Product Pricing. Throws where it is not simulated, as do all that belong to it. */
  readonly pricingUrl: string;
  /** Where its access tokens are asked for, path included. */
  readonly tokenUrl: string;
  readonly controlUrl: string;
  /** What a client needs to be let in: PEM texts and the API key. Throws for an unknown account. */
  credentials(account: string): Credentials;
  /** Every state the title has had, oldest first. Throws for a title that never was. */
  truth(licensor: string, alid: string): readonly TitleState[];
  /** What a client needs to ask for prices in an account's name, and the authority to trust. Throws for an unknown account. */
  pricingCredentials(account: string): SellingCredentials & { ca: string };
  /** Every state the item has had, oldest first. Throws for an item that never was. */
  priceTruth(marketplaceId: string, asin: string): readonly ItemState[];
  /** How often an access token was asked for in an account's name. Throws for an unknown account. */
  tokenCalls(account: string): number;
  /** Base URL of the API for offer codes. Throws where it is not simulated, as do all that belong to it. */
  readonly offerCodesUrl: string;
  /** What a client may sign with, and the authority to trust. */
  offerCodeCredentials(): SigningCredentials & { ca: string };
  /** From now on, `find` vouches for access keys besides the one above. It may be asked at each request. */
  onSigningKey(find: FindSigningKey): void;
  /** What is true of a code. Throws for one that never was. */
  offerCodeTruth(benefit: string, code: string): OfferCodeTruth;
  /** Base URL of Prime Gaming's endpoints. Throws where they are not simulated, as do all that belong to them. */
  readonly entitlementsUrl: string;
  /** Where Login with Amazon says whose an access token is, path included. */
  readonly profileUrl: string;
  /** The authority to trust: who calls shows the player's token. */
  entitlementsCredentials(): { ca: string };
  /** Adds a player's Amazon account or changes it. Throws where another account has its `user_id`. */
  addAccount(options: AmazonAccountOptions): AmazonAccount;
  /** A new access token of a player, whose account comes to be where there is none. */
  issueToken(options: TokenOptions): string;
  /** A player claims an offer; answers the EntitlementId. The account comes to be where there is none. */
  claim(options: ClaimOptions): string;
  /** Takes a claim back: it is not listed any more, and cannot be fulfilled. Throws where it is not open. */
  revoke(entitlementId: string): void;
  /** What an account is listed, oldest first; nothing for one that never was. */
  openClaims(account: string): readonly Claim[];
  /** Each item of each report of this run, oldest first, whatever was answered. */
  reports(): readonly Report[];
  /** Throws where Buy with Prime is not simulated. */
  readonly buyWithPrime: BuyWithPrimeUpstream;
  /** @param after leaves out arrivals up to this number, so that a reader can follow them. @default 0 */
  requests(after?: number): RequestReport;
  /** Stops at once: requests under way are cut off. */
  stop(): Promise<void>;
}

/** A process that is killed loses at most this much of its titles' lives. */
const SAVE_EVERY_MS = 2_000;
/** Nobody may look while notifications fall due. */
const NOTIFY_EVERY_MS = 200;

/** Starts the simulated upstreams on the loopback interface. */
export async function startSimulator(options: SimulatorOptions): Promise<Simulator> {
  const {
    pkiDir,
    stateFile,
    seed = 1,
    port = 0,
    controlPort = 0,
    clock = systemClock,
    offerStatus,
    log = silence,
  } = options;
  const { tempo, dialect = 'document' } = offerStatus;
  if (tempo !== undefined && !(tempo >= 0 && Number.isFinite(tempo))) {
    throw new Error(`The tempo must be zero or a positive number, not ${tempo}.`);
  }
  const latency = offerStatus.latency && LogNormalLatency.parse(offerStatus.latency);
  const accounts = openAccounts(offerStatus.accounts);
  const saved = stateFile === undefined ? {} : loadTitles(stateFile, seed);
  const titles = new LivingTitles({ seed, clock, tempo, saved, rules: { openWindows: dialect === 'mixed' } });
  for (const title of offerStatus.titles) {
    if (!titles.add(title)) throw new Error(`The title ${title.licensor} ${title.alid} is listed twice.`);
  }
  const pki = await loadOrCreatePki(
    pkiDir,
    offerStatus.accounts.map((account) => account.name),
  );

  const attributes = new Set([
    ...MATCHABLE_ATTRIBUTES,
    ...(options.pricing ? PRICING_ATTRIBUTES : []),
    ...(options.offerCodes ? OFFER_CODE_ATTRIBUTES : []),
    ...(options.entitlements ? ENTITLEMENT_ATTRIBUTES : []),
    ...(options.buyWithPrime ? BUY_WITH_PRIME_ATTRIBUTES : []),
  ]);
  const faults = new FaultRules([...attributes], createRandom(seed, 'faults'), [
    ...(options.pricing ? PRICING_FAULTS : []),
    ...(options.offerCodes ? OFFER_CODE_FAULTS : []),
    ...(options.entitlements ? ENTITLEMENT_FAULTS : []),
    ...(options.buyWithPrime ? BUY_WITH_PRIME_FAULTS : []),
  ]);
  const requests = new RequestLog(options.requestsKept);
  const pricing = options.pricing && openPricing(options.pricing, { seed, clock, faults, requests });
  const offerCodes = options.offerCodes && openOfferCodes(options.offerCodes, { seed, clock, faults, requests });
  const entitlements =
    options.entitlements && openEntitlements(options.entitlements, { seed, clock, faults, requests });
  const buyWithPrime =
    options.buyWithPrime && openBuyWithPrime(options.buyWithPrime, { seed, clock, faults, requests });
  const handle = createOfferStatusApi({ seed, clock, accounts, titles, faults, requests, dialect, latency });
  const served =
    <Request extends TlsRequest>(answer: (request: Request) => Promise<void>) =>
    (request: Request): void => {
      answer(request).catch((error: unknown) => {
        log(`A request failed inside the simulator: ${String(error)}`);
        request.reset();
      });
    };
  const refused = (reason: string): void => {
    requests.rejectTls();
    log(`Refused a TLS connection: ${reason}`);
  };
  const api = createMutualTlsServer(pki, served(handle), refused);
  const pricingApi = pricing && createTlsServer(pki, served(pricing.handle), refused);
  const offerCodesApi = offerCodes && createTlsServer(pki, served(offerCodes.handle), refused);
  const entitlementsApi = entitlements && createTlsServer(pki, served(entitlements.handle), refused);
  const buyWithPrimeApi = buyWithPrime && createTlsServer(pki, served(buyWithPrime.handle), refused);
  const control = createControlServer([
    ...sharedControl(faults, requests, log),
    ...offerStatusControl(titles),
    ...(pricing?.controls ?? []),
    ...(offerCodes?.controls ?? []),
    ...(entitlements?.controls ?? []),
    ...(buyWithPrime?.controls ?? []),
  ]);

  const save = async (): Promise<void> => {
    if (stateFile !== undefined) await saveTitles(stateFile, { seed, titles: titles.save() });
    await pricing?.save();
    await offerCodes?.save();
    await entitlements?.save();
    await buyWithPrime?.save();
  };
  const saving = setInterval(() => {
    save().catch((error: unknown) => log(`The lives of what is simulated could not be saved: ${String(error)}`));
  }, SAVE_EVERY_MS).unref();
  const notifying = options.pricing?.onNotification && setInterval(() => pricing?.passTime(), NOTIFY_EVERY_MS).unref();
  const stop = async (): Promise<void> => {
    clearInterval(saving);
    clearInterval(notifying);
    await Promise.all([
      api.stop(),
      ...[pricingApi, offerCodesApi, entitlementsApi, buyWithPrimeApi].map((server) => server?.stop()),
      close(control),
    ]);
    await save();
  };
  try {
    const offerStatusUrl = `https://${LOOPBACK}:${await listen(api.server, port, 'the Offer Status API')}`;
    const controlUrl = `http://${LOOPBACK}:${await listen(control, controlPort, 'the control endpoint')}`;
    const pricingUrl =
      pricingApi &&
      `https://${LOOPBACK}:${await listen(pricingApi.server, options.pricing?.port ?? 0, 'the Product Pricing API')}`;
    const offerCodesUrl =
      offerCodesApi &&
      `https://${LOOPBACK}:${await listen(offerCodesApi.server, options.offerCodes?.port ?? 0, 'the API for offer codes')}`;
    const entitlementsUrl =
      entitlementsApi &&
      `https://${LOOPBACK}:${await listen(entitlementsApi.server, options.entitlements?.port ?? 0, "Prime Gaming's endpoints")}`;
    const buyWithPrimeUrl =
      buyWithPrimeApi &&
      `https://${LOOPBACK}:${await listen(buyWithPrimeApi.server, options.buyWithPrime?.port ?? 0, "Buy with Prime's API")}`;
    if (buyWithPrimeUrl !== undefined) log(`Buy with Prime's API on ${buyWithPrimeUrl}.`);
    if (entitlementsUrl !== undefined) log(`Prime Gaming's endpoints on ${entitlementsUrl}.`);
    if (offerCodesUrl !== undefined) log(`API for offer codes on ${offerCodesUrl}.`);
    if (pricingUrl !== undefined) log(`Product Pricing API on ${pricingUrl}.`);
    log(`Offer Status API on ${offerStatusUrl}, control on ${controlUrl}.`);
    const simulated = () => {
      if (!pricing || pricingUrl === undefined) throw new Error('Product Pricing is not simulated: see `pricing`.');
      return { ...pricing, url: pricingUrl };
    };
    const simulatedCodes = () => {
      if (!offerCodes || offerCodesUrl === undefined)
        throw new Error('Offer codes are not simulated: see `offerCodes`.');
      return { ...offerCodes, url: offerCodesUrl };
    };
    const simulatedClaims = () => {
      if (!entitlements || entitlementsUrl === undefined)
        throw new Error('Entitlements are not simulated: see `entitlements`.');
      return { ...entitlements, url: entitlementsUrl };
    };
    return {
      offerStatusUrl,
      get pricingUrl() {
        return simulated().url;
      },
      get tokenUrl() {
        return `${simulated().url}${TOKEN_PATH}`;
      },
      controlUrl,
      credentials: (name) => {
        const account = offerStatus.accounts.find((candidate) => candidate.name === name);
        const pair = pki.clients.get(name);
        if (!account || !pair) throw new Error(`There is no account "${name}".`);
        return { cert: pair.cert, key: pair.key, ca: pki.ca, apiKey: account.apiKey };
      },
      truth: (licensor, alid) => {
        const title = titles.find({ licensor, alid });
        if (!title) throw new Error(`There never was a title ${licensor} ${alid}.`);
        return [...title.states];
      },
      pricingCredentials: (name) => ({ ...simulated().credentials(name), ca: pki.ca }),
      priceTruth: (marketplaceId, asin) => simulated().truth(marketplaceId, asin),
      tokenCalls: (name) => simulated().tokenCalls(name),
      get offerCodesUrl() {
        return simulatedCodes().url;
      },
      offerCodeCredentials: () => ({ ...simulatedCodes().credentials, ca: pki.ca }),
      onSigningKey: (find) => simulatedCodes().onSigningKey(find),
      offerCodeTruth: (benefit, code) => simulatedCodes().truth(benefit, code),
      get entitlementsUrl() {
        return simulatedClaims().url;
      },
      get profileUrl() {
        return `${simulatedClaims().url}${PROFILE_PATH}`;
      },
      entitlementsCredentials: () => {
        simulatedClaims();
        return { ca: pki.ca };
      },
      addAccount: (account) => simulatedClaims().addAccount(account),
      issueToken: (wanted) => simulatedClaims().issueToken(wanted),
      claim: (wanted) => simulatedClaims().claim(wanted),
      revoke: (entitlementId) => simulatedClaims().revoke(entitlementId),
      openClaims: (account) => simulatedClaims().openClaims(account),
      reports: () => simulatedClaims().reports(),
      get buyWithPrime() {
        if (!buyWithPrime || buyWithPrimeUrl === undefined)
          throw new Error('Buy with Prime is not simulated: see `buyWithPrime`.');
        return {
          ...buyWithPrime.steering,
          graphqlUrl: `${buyWithPrimeUrl}${GRAPHQL_PATH}`,
          tokenUrl: `${buyWithPrimeUrl}${BUY_WITH_PRIME_TOKEN_PATH}`,
          credentials: (name: string) => ({ ...buyWithPrime.steering.credentials(name), ca: pki.ca }),
        };
      },
      requests: (after) => requests.report(after),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function silence(): void {}
