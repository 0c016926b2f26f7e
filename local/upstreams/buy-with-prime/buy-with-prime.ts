import type { Clock } from '../clock.ts';
import type { ControlRoute } from '../control-server.ts';
import type { FaultRules } from '../fault-rules.ts';
import { LogNormalLatency } from '../latency.ts';
import type { RequestLog } from '../request-log.ts';
import type { TlsRequest } from '../tls-server.ts';
import { createBuyWithPrimeApi, type LateOrder } from './buy-with-prime-api.ts';
import { buyWithPrimeControl } from './buy-with-prime-control.ts';
import {
  DOCUMENT_DIALECT,
  mixedDialect,
  type BuyWithPrimeDialect,
  type BuyWithPrimeDialectChoice,
} from './buy-with-prime-dialect.ts';
import {
  RateOptions,
  type CancelOptions,
  type MerchantCredentials,
  type MerchantOptions,
  type ProductOptions,
  type ReturnOptions,
  type ShipOptions,
  type ShopperOptions,
} from './buy-with-prime-options.ts';
import { MerchantTokens } from './merchant-tokens.ts';
import { openMerchants } from './merchants.ts';
import { OfferBook, type OfferTruth } from './offer-book.ts';
import { OrderLedger } from './order-ledger.ts';
import type { Order } from './order.ts';
import { ProductCatalogue, type Product } from './product-catalogue.ts';
import { Refusal } from './refusals.ts';
import { loadOrders, saveOrders } from './saved-orders.ts';
import { ShopperTokens } from './shopper-tokens.ts';

export interface BuyWithPrimeOptions {
  accounts: readonly MerchantOptions[];
  /** What they sell. @default nothing */
  products?: readonly ProductOptions[];
  /** Shoppers whose tokens are known from the start. @default none */
  shoppers?: readonly ShopperOptions[];
  /** Seconds for which an offer can be ordered. @default 900 */
  offerLifeSeconds?: number;
  /** Whether an offer that has become an order cannot become another one. @default true */
  consumesOffers?: boolean;
  /** Seconds that an access token of a merchant lives. @default 900, as Amazon's */
  tokenLifeSeconds?: number;
  /** How often one client may ask for access tokens, by the second. @default 3, at most 3 at once */
  tokenRate?: { rate: number; burst: number };
  /** Requests that a merchant is granted, by the second. @default 100, at most 200 at once */
  rate?: { rate: number; burst: number };
  /** @default 'document' */
  dialect?: BuyWithPrimeDialectChoice;
  /** Latency of every request. @default none */
  latency?: LogNormalLatency;
  /** Where orders are kept, so that the next run with this seed goes on with them. @default nowhere */
  stateFile?: string;
  /** Port of the HTTPS API. @default a free one */
  port?: number;
}

export interface BuyWithPrimeParts {
  seed: number;
  clock: Clock;
  faults: FaultRules;
  requests: RequestLog;
}

/** What became of an order that was made late. */
export type LateOutcome = { readonly made: true } | { readonly made: false; readonly reason: string };

/** What tests and people do with the simulated Buy with Prime besides asking its API. */
export interface BuyWithPrimeSteering {
  /** Throws for an unknown account. */
  credentials(account: string): MerchantCredentials;
  /** How often an access token was asked for in an account's name. Throws for an unknown account. */
  tokenRequests(account: string): number;
  /** Ends every access token of an account now; answers how many. */
  expireTokens(account: string): number;
  /** A new access token of Login with Amazon for a shopper. */
  issueShopperToken(options?: ShopperOptions): string;
  /** Ends every token of a shopper now; answers how many. */
  expireShopperTokens(shopper: string): number;
  /** Adds a product, or gives it other properties. Throws for what cannot be. */
  setProduct(options: ProductOptions): Product;
  /** Gives a product another price. Offers that are out are ordered at the new one. Throws for an unknown product. */
  setPrice(account: string, productId: string, price: string): Product;
  /** The offers that can be ordered, with what an order costs now. @param account left out, of all merchants */
  offers(account?: string): OfferTruth[];
  /** Ends every offer now, or those of an account; answers how many. */
  expireOffers(account?: string): number;
  /** Every order, oldest first. @param account left out, of all merchants */
  orders(account?: string): Order[];
  /** Sends pieces of a line on their way. Throws for an unknown order, and where not as many pieces are left. */
  shipLine(orderId: string, options?: ShipOptions): Order;
  /** Takes pieces of a line that have not been shipped out of an order, and refunds them. Throws as above. */
  cancelLine(orderId: string, options?: CancelOptions): Order;
  /** Takes pieces of a line back that were shipped, and refunds them. Throws as above. */
  returnLine(orderId: string, options?: ReturnOptions): Order;
  /** Makes the orders whose requests a rule with the effect `later` has put off, oldest first. */
  landLateOrders(): LateOutcome[];
}

/** The simulated endpoints of Buy with Prime, without their server. */
export interface BuyWithPrime {
  readonly steering: BuyWithPrimeSteering;
  handle(request: TlsRequest): Promise<void>;
  controls: ControlRoute[];
  save(): Promise<void>;
}

/** Opens merchants, products and shoppers. Throws for options that cannot be right. */
export function openBuyWithPrime(
  options: BuyWithPrimeOptions,
  { seed, clock, faults, requests }: BuyWithPrimeParts,
): BuyWithPrime {
  const { stateFile, consumesOffers = true, dialect = 'document' } = options;
  const latency = options.latency && LogNormalLatency.parse(options.latency);
  const now = (): number => clock.now();
  const merchants = openMerchants(options.accounts, RateOptions.parse(options.rate ?? { rate: 100, burst: 200 }));
  const tokens = new MerchantTokens(merchants.values(), now, {
    lifeSeconds: positive('tokenLifeSeconds', options.tokenLifeSeconds ?? 900),
    limit: RateOptions.parse(options.tokenRate ?? { rate: 3, burst: 3 }),
  });
  const requireMerchant = (account: string) => {
    const merchant = merchants.get(account);
    if (!merchant) throw new Error(`There is no merchant "${account}".`);
    return merchant;
  };
  const catalogue = new ProductCatalogue();
  const setProduct = (product: ProductOptions): Product => {
    requireMerchant(product.account);
    return catalogue.set(product);
  };
  for (const product of options.products ?? []) {
    if (catalogue.find(product.account, product.productId)) {
      throw new Error(`The product "${product.productId}" of "${product.account}" is listed twice.`);
    }
    setProduct(product);
  }
  const shoppers = new ShopperTokens(now);
  for (const shopper of options.shoppers ?? []) shoppers.issue(shopper);
  const offers = new OfferBook(catalogue, now, positive('offerLifeSeconds', options.offerLifeSeconds ?? 900) * 1000);
  const ledger = new OrderLedger(now, stateFile === undefined ? [] : loadOrders(stateFile, seed));
  let savedRevision = ledger.revision;
  let late: LateOrder[] = [];

  const dialectOf = (request: number): BuyWithPrimeDialect => {
    if (dialect === 'mixed') return mixedDialect(seed, request);
    return dialect === 'document' ? DOCUMENT_DIALECT : { ...DOCUMENT_DIALECT, ...dialect };
  };
  const steering: BuyWithPrimeSteering = {
    credentials: (account) => requireMerchant(account).credentials,
    tokenRequests: (account) => tokens.calls(requireMerchant(account).account),
    expireTokens: (account) => tokens.expire(requireMerchant(account).account),
    issueShopperToken: (wanted) => shoppers.issue(wanted),
    expireShopperTokens: (shopper) => shoppers.expire(shopper),
    setProduct,
    setPrice: (account, productId, price) => catalogue.setPrice(account, productId, price),
    offers: (account) => offers.all(account),
    expireOffers: (account) => offers.expire(account),
    orders: (account) => ledger.all(account),
    shipLine: (orderId, wanted) => ledger.ship(orderId, wanted),
    cancelLine: (orderId, wanted) => ledger.cancel(orderId, wanted),
    returnLine: (orderId, wanted) => ledger.return(orderId, wanted),
    landLateOrders: () => {
      const waiting = late;
      late = [];
      return waiting.map(landed);
    },
  };
  return {
    steering,
    handle: createBuyWithPrimeApi({
      ...{ seed, clock, tokens, faults, requests, latency, dialectOf },
      ...{ catalogue, shoppers, offers, ledger, now, consumesOffers },
      postpone: (order) => void late.push(order),
    }),
    controls: buyWithPrimeControl(
      steering,
      () => [...merchants.keys()],
      () => catalogue.all(),
    ),
    save: async () => {
      if (stateFile === undefined || savedRevision === ledger.revision) return;
      savedRevision = ledger.revision;
      await saveOrders(stateFile, { seed, orders: ledger.all() });
    },
  };
}

/** An order that comes late is refused as any other: its alias may be taken by now, or its offer gone. */
function landed(order: LateOrder): LateOutcome {
  try {
    order();
    return { made: true };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { made: false, reason: error.code ?? error.type };
  }
}

function positive(name: string, seconds: number): number {
  if (!(seconds > 0 && Number.isFinite(seconds))) throw new Error(`${name} must be a positive number, not ${seconds}.`);
  return seconds;
}
