import type { Clock } from '../clock.ts';
import type { ControlRoute } from '../control-server.ts';
import type { FaultRules } from '../fault-rules.ts';
import { LogNormalLatency } from '../latency.ts';
import type { RequestLog } from '../request-log.ts';
import type { TlsRequest } from '../tls-server.ts';
import { AccessTokens } from './access-tokens.ts';
import type { ItemState } from './item-state.ts';
import { LivingMarket } from './living-market.ts';
import type { Listing } from './market-birth.ts';
import { findMarketplace } from './marketplaces.ts';
import type { RateProfile } from './operations.ts';
import { Notifications } from './notifications.ts';
import { createPricingApi, type RateHeader } from './pricing-api.ts';
import { pricingControl } from './pricing-control.ts';
import type { PricingDialectChoice } from './pricing-dialect.ts';
import { isAsin } from './pricing-request.ts';
import { loadItems, saveItems } from './saved-items.ts';
import {
  openSellingAccounts,
  type SellingAccount,
  type SellingAccountOptions,
  type SellingCredentials,
} from './selling-accounts.ts';

export interface PricingOptions {
  accounts: readonly SellingAccountOptions[];
  /** Amazon's default rates: those of today, or those of the document. @default 'today' */
  profile?: RateProfile;
  items: readonly ItemOptions[];
  /** Mean number of changes per minute over all items; 0 freezes them. @default 0.15 per item */
  tempo?: number;
  /** Latency of every request. @default none */
  latency?: LogNormalLatency;
  /** @default 'document' */
  dialect?: PricingDialectChoice;
  /** Whether answers tell the account's rate. @default 'always' */
  rateHeader?: RateHeader;
  /** How long an access token lives, in seconds. @default 3600 */
  tokenLifeSeconds?: number;
  /** Where the items' lives are kept, so that the next run with this seed goes on with them. @default nowhere */
  stateFile?: string;
  /** Port of the HTTPS API. @default a free one */
  port?: number;
  /** Receives notifications of changed offers, as Amazon would put them into a queue. @default none are made */
  onNotification?: (notification: object) => void;
}

/** An item on sale in a marketplace; with a SKU, one that an account lists there. */
export interface ItemOptions {
  marketplaceId: string;
  asin: string;
  sku?: string | undefined;
  /** Whose listing it is. @default the first account that sells in the marketplace */
  account?: string | undefined;
}

export interface PricingParts {
  seed: number;
  clock: Clock;
  faults: FaultRules;
  requests: RequestLog;
}

/** The simulated Product Pricing API, without its server. */
export interface Pricing {
  handle(request: TlsRequest): Promise<void>;
  controls: ControlRoute[];
  /** Throws for an unknown account. */
  credentials(account: string): SellingCredentials;
  /** Every state the item has had, oldest first. Throws for an item that never was. */
  truth(marketplaceId: string, asin: string): readonly ItemState[];
  /** How often the token endpoint was asked in an account's name. Throws for an unknown account. */
  tokenCalls(account: string): number;
  /** Lets everything happen that has fallen due. */
  passTime(): void;
  save(): Promise<void>;
}

/** Opens accounts and items. Throws for options that cannot be right. */
export function openPricing(options: PricingOptions, { seed, clock, faults, requests }: PricingParts): Pricing {
  const { profile = 'today', tempo, dialect = 'document', rateHeader = 'always', stateFile } = options;
  const { tokenLifeSeconds = 3600 } = options;
  if (tempo !== undefined && !(tempo >= 0 && Number.isFinite(tempo))) {
    throw new Error(`The tempo must be zero or a positive number, not ${tempo}.`);
  }
  if (!(tokenLifeSeconds > 0)) throw new Error(`A token must live for some time, not for ${tokenLifeSeconds} seconds.`);
  const latency = options.latency && LogNormalLatency.parse(options.latency);
  const accounts = openSellingAccounts(options.accounts, profile, clock);
  const tokens = new AccessTokens(accounts.values(), clock, tokenLifeSeconds);
  const saved = stateFile === undefined ? {} : loadItems(stateFile, seed);
  const { onNotification } = options;
  const notifications =
    onNotification && new Notifications({ seed, now: () => clock.now(), send: (message) => onNotification(message) });
  const market = new LivingMarket({
    seed,
    clock,
    tempo,
    saved,
    onChange: (item, before, after) => notifications?.note(item, before, after),
  });
  addItems(market, accounts, options.items);

  let savedRevision = -1;
  const accountOf = (name: string): SellingAccount => {
    const account = accounts.get(name);
    if (!account) throw new Error(`There is no selling account "${name}".`);
    return account;
  };
  return {
    handle: createPricingApi({
      seed,
      clock,
      tokens,
      market,
      faults,
      requests,
      dialect,
      rateHeader,
      latency,
    }),
    controls: pricingControl({ accounts, tokens, market, add: (items) => addItems(market, accounts, items) }),
    credentials: (name) => accountOf(name).credentials,
    truth: (marketplaceId, asin) => {
      const item = market.find({ marketplaceId, asin });
      if (!item) throw new Error(`There never was an item ${marketplaceId} ${asin}.`);
      return [...item.states];
    },
    tokenCalls: (name) => tokens.calls(accountOf(name).name),
    passTime: () => market.passTime(),
    save: async () => {
      market.passTime();
      if (stateFile === undefined || savedRevision === market.revision) return;
      savedRevision = market.revision;
      await saveItems(stateFile, { seed, items: market.save() });
    },
  };
}

/** Adds items with their listings; answers how many items or listings were new. Throws for one that cannot be. */
function addItems(
  market: LivingMarket,
  accounts: ReadonlyMap<string, SellingAccount>,
  options: readonly ItemOptions[],
): number {
  const items = new Map<string, { marketplaceId: string; asin: string; listings: Listing[] }>();
  for (const { marketplaceId, asin, sku, account: name } of options) {
    if (!findMarketplace(marketplaceId)) throw new Error(`Amazon has no marketplace "${marketplaceId}".`);
    if (!isAsin(asin)) throw new Error(`"${asin}" is no ASIN: ten capital letters and digits.`);
    const key = `${marketplaceId} ${asin}`;
    const item = items.get(key) ?? { marketplaceId, asin, listings: [] };
    items.set(key, item);
    if (sku === undefined) continue;
    const seller =
      name === undefined
        ? [...accounts.values()].find(({ marketplaces }) => marketplaces.has(marketplaceId))
        : accounts.get(name);
    if (!seller?.marketplaces.has(marketplaceId)) {
      throw new Error(`No account ${name === undefined ? '' : `"${name}" `}sells ${sku} in ${marketplaceId}.`);
    }
    item.listings.push({ account: seller.name, sellerId: seller.sellerId, sku });
  }
  let added = 0;
  for (const { listings, ...id } of items.values()) if (market.add(id, listings)) added += 1;
  return added;
}
