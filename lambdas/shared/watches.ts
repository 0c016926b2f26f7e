/** Identifiers of watches. Parts are percent-encoded so that `|` separates and key order is packing order. */

/** One title to poll at the Offer Status API. */
export interface TitleWatch {
  readonly licensor: string;
  readonly marketplace: string;
  readonly alid: string;
}

const encode = (part: string): string => encodeURIComponent(part).replaceAll('|', '%7C');

/** `title|licensor|marketplace|alid` */
export function titleWatchId(watch: TitleWatch): string {
  return ['title', watch.licensor, watch.marketplace, watch.alid].map(encode).join('|');
}

/** @throws RangeError when the identifier is not that of a title watch. */
export function parseTitleWatchId(watchId: string): TitleWatch {
  const [kind, licensor, marketplace, alid, ...rest] = watchId.split('|').map(decode);
  if (kind !== 'title' || !licensor || !marketplace || !alid || rest.length > 0) {
    throw new RangeError(`not the identifier of a title watch: ${watchId}`);
  }
  return { licensor, marketplace, alid };
}

/** What a price watch looks at: the seller's own price, the competitive price, or the lowest offers. */
export const PRICE_VIEWS = ['own', 'competitive', 'offers'] as const;
export type PriceView = (typeof PRICE_VIEWS)[number];

export const ITEM_TYPES = ['asin', 'sku'] as const;
export type ItemType = (typeof ITEM_TYPES)[number];

/** Conditions of SP-API Product Pricing v0 ("ConditionType"). */
export const ITEM_CONDITIONS = ['New', 'Used', 'Collectible', 'Refurbished', 'Club'] as const;
export type ItemCondition = (typeof ITEM_CONDITIONS)[number];

export const CUSTOMER_TYPES = ['Consumer', 'Business'] as const;
export type CustomerType = (typeof CUSTOMER_TYPES)[number];

/** One price to poll at SP-API Product Pricing. */
export interface PriceWatch {
  /** Selling account, as the settings name it. */
  readonly account: string;
  readonly view: PriceView;
  /** Amazon's identifier, such as ATVPDKIKX0DER. */
  readonly marketplaceId: string;
  readonly itemType: ItemType;
  /** `Any` where the request does not filter: always in the competitive view, never in the offers view. */
  readonly condition: ItemCondition | 'Any';
  readonly customerType: CustomerType;
  /** ASIN or seller SKU. */
  readonly item: string;
}

/** `price|account|view|marketplaceId|asin/sku|condition|customerType|item` */
export function priceWatchId(watch: PriceWatch): string {
  const { account, view, marketplaceId, itemType, condition, customerType, item } = watch;
  return ['price', account, view, marketplaceId, itemType, condition, customerType, item].map(encode).join('|');
}

/** @throws RangeError when the identifier is not that of a price watch. */
export function parsePriceWatchId(watchId: string): PriceWatch {
  const [kind, account, view, marketplaceId, itemType, condition, customerType, item, ...rest] = watchId
    .split('|')
    .map(decode);
  const watch = {
    account: account ?? '',
    view: PRICE_VIEWS.find((known) => known === view),
    marketplaceId: marketplaceId ?? '',
    itemType: ITEM_TYPES.find((known) => known === itemType),
    condition: (['Any', ...ITEM_CONDITIONS] as const).find((known) => known === condition),
    customerType: CUSTOMER_TYPES.find((known) => known === customerType),
    item: item ?? '',
  };
  const { account: seller, marketplaceId: place, item: thing } = watch;
  if (kind !== 'price' || rest.length > 0 || !seller || !place || !thing || !isComplete(watch)) {
    throw new RangeError(`not the identifier of a price watch: ${watchId}`);
  }
  return watch;
}

function isComplete(watch: { readonly [Key in keyof PriceWatch]: PriceWatch[Key] | undefined }): watch is PriceWatch {
  return Object.values(watch).every((part) => part !== undefined);
}

/** A malformed part decodes to nothing, which no identifier has. */
function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return '';
  }
}
