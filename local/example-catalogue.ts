import { accountOfLicensor, offerStatusAccounts } from '../lambdas/offer-status/offer-status-accounts.ts';
import { pricingAccounts } from '../lambdas/pricing/pricing-accounts.ts';
import type { RuntimeSettings } from '../lambdas/shared/settings.ts';
import type { PriceWatch, TitleWatch } from '../lambdas/shared/watches.ts';
import { exampleCatalogue } from './upstreams/catalogue.ts';
import { exampleClaims, type ExampleClaim } from './upstreams/example-claims.ts';
import { exampleItems } from './upstreams/example-items.ts';
import { exampleOfferCodes, type ExampleOfferCode } from './upstreams/example-offer-codes.ts';
import { exampleProducts } from './upstreams/example-products.ts';
import { usedMerchants } from './upstream-addresses.ts';
import type { BenefitOptions, ItemOptions, ProductOptions } from './upstreams/simulator.ts';

const TITLES = 200;
const ITEMS = 60;
const CODES_IN_EACH_STATE = 12;
const USAGE_LIMIT = 3;
const PLAYER_ID = 'player-1';
const EXTERNAL_ID = 'checkout-1';

/** A player of a partner's game who has claimed something. */
export interface ExamplePlayer {
  readonly playerId: string;
  /** Name of the player's Amazon account in the simulator. */
  readonly account: string;
}

/** A shopper who is signed in at a partner's shop. */
export interface ExampleShopper {
  /** The partner's own identifier of the checkout session. */
  readonly externalId: string;
  /** The shopper's name in the simulator. */
  readonly shopper: string;
}

/** What `npm start` watches, redeems, fulfils and sells while nobody has said anything else. */
export interface ExampleCatalogue {
  readonly titles: readonly TitleWatch[];
  /** What the simulated sellers sell, or could. */
  readonly items: readonly ItemOptions[];
  /** Each item's offers, and own and competitive prices where there is an account's own SKU. */
  readonly prices: readonly PriceWatch[];
  /** The deals behind the benefits of the settings. */
  readonly benefits: readonly BenefitOptions[];
  /** Offer codes of each benefit, in each state that they can have. */
  readonly codes: readonly ExampleOfferCode[];
  /** A player for each partner that has SKUs, by the partner's name. */
  readonly players: ReadonlyMap<string, ExamplePlayer>;
  /** What those players have claimed: each SKU of the partner once. */
  readonly claims: readonly ExampleClaim[];
  /** What the merchant accounts of Buy with Prime sell, each the same. */
  readonly products: readonly ProductOptions[];
  /** A shopper for each partner that may order, by the partner's name. */
  readonly shoppers: ReadonlyMap<string, ExampleShopper>;
  /** What people call an ALID, an ASIN or a SKU of the catalogue. */
  nameOf(id: string): string | undefined;
}

/** The examples of a seed: titles and items as far as the accounts of the settings may watch them, codes, claims, products. */
export function openExampleCatalogue(
  settings: Pick<RuntimeSettings, 'offerStatus' | 'pricing' | 'offerCodes' | 'partnerApi'>,
  seed: number,
): ExampleCatalogue {
  const partners = offerStatusAccounts(settings.offerStatus);
  const titles = exampleCatalogue(TITLES, seed);
  const sellers = pricingAccounts(settings.pricing);
  const sold = exampleItems(ITEMS, seed).flatMap((item) => {
    const seller = sellers.find(({ marketplaces }) => marketplaces.some(({ id }) => id === item.marketplaceId));
    return seller === undefined ? [] : [{ ...item, account: seller.name }];
  });
  const benefits = Object.entries(settings.offerCodes.benefits).map(([id, { marketplace, use }]) => ({
    id,
    marketplace,
    use,
    ...(use === 'multiple' && { usageLimit: USAGE_LIMIT }),
  }));
  const games = Object.entries(settings.partnerApi.partners)
    .filter(([, { capabilities }]) => capabilities.includes('entitlements'))
    .map(([name, { entitlements }]) => ({ name, account: `${name}-player`, skus: Object.keys(entitlements.skus) }))
    .filter(({ skus }) => skus.length > 0);
  const shops = Object.entries(settings.partnerApi.partners).filter(
    ([, { capabilities, buyWithPrime }]) => capabilities.includes('buy-with-prime') && buyWithPrime !== undefined,
  );
  const names = new Map([
    ...titles.map(({ alid, title }) => [alid, title] as const),
    ...sold.flatMap(({ asin, sku, name }) => [asin, sku].map((id) => [id, name] as const)),
  ]);
  return {
    titles: titles.filter(({ licensor }) => accountOfLicensor(partners, licensor) !== undefined),
    items: sold.map(({ marketplaceId, asin, sku, account }) => ({ marketplaceId, asin, sku, account })),
    prices: sold.flatMap(pricesOf),
    benefits,
    codes: exampleOfferCodes(benefits, CODES_IN_EACH_STATE, seed),
    players: new Map(games.map(({ name, account }) => [name, { playerId: PLAYER_ID, account }])),
    claims: games.flatMap(({ account, skus }) => exampleClaims(account, skus, seed)),
    products: exampleProducts(usedMerchants(settings)),
    shoppers: new Map(shops.map(([name]) => [name, { externalId: EXTERNAL_ID, shopper: `${name}-shopper` }])),
    nameOf: (id) => names.get(id),
  };
}

function pricesOf({ account, marketplaceId, asin, sku }: ItemOptions & { account: string }): PriceWatch[] {
  const watch = { account, marketplaceId, customerType: 'Consumer' } as const;
  const offers: PriceWatch = { ...watch, view: 'offers', itemType: 'asin', condition: 'New', item: asin };
  // The lists of SKUs in requests have commas between them.
  if (sku === undefined || sku.includes(',')) return [offers];
  const bySku = { ...watch, itemType: 'sku', condition: 'Any', item: sku } as const;
  return [offers, { ...bySku, view: 'own' }, { ...bySku, view: 'competitive' }];
}
