import * as z from 'zod/mini';
import { defineRoute, historyQuery, listQuery, oneOf, pathText, queryText } from '../shared/partner-api/route.ts';
import { CUSTOMER_TYPES, ITEM_CONDITIONS, PRICE_VIEWS } from '../shared/watches.ts';
import { PriceTuning } from './price-tuning.ts';
import { ASIN, ASIN_RULE } from './price-watch-rules.ts';

const marketplaceId = pathText(20).check(
  z.describe('Marketplace of Amazon, by identifier (ATVPDKIKX0DER) or by country code (US).'),
);
export const byAsin = {
  marketplaceId,
  asin: z.string().check(z.regex(ASIN, { error: ASIN_RULE }), z.describe('ASIN of the item.')),
} as const;
export const bySku = { marketplaceId, sku: pathText(200).check(z.describe("The seller's SKU of the item.")) } as const;

const conditions = ['Any', ...ITEM_CONDITIONS] as const;
const account = queryText(40);
/** What tells watches of one item apart. */
const whichOne = {
  account: z.optional(account).check(z.describe('Selling account, as the settings name it.')),
  view: z.optional(oneOf(PRICE_VIEWS)).check(z.describe("The account's own price, competitive prices, or offers.")),
  condition: z.optional(oneOf(conditions)).check(z.describe('Condition that is asked for.')),
  customerType: z.optional(oneOf(CUSTOMER_TYPES)),
} as const;
/** What a watch is named by when it is put on the list or taken off it. */
const exactlyOne = {
  account: z.optional(account).check(z.describe('Default: the only account that sells in the marketplace.')),
  view: z._default(oneOf(PRICE_VIEWS), 'offers'),
  condition: z.optional(oneOf(conditions)).check(z.describe('Default: New in the view offers, else Any.')),
  customerType: z._default(oneOf(CUSTOMER_TYPES), 'Consumer'),
} as const;

/** What counts as a change, as a partner may set it: unlike in a row, an unknown field is an error. */
export const TuningRequest = z.strictObject({
  ...PriceTuning.shape,
  threshold: z.optional(
    z.strictObject({
      absolute: z.optional(
        z
          .string()
          .check(
            z.regex(/^\d{1,12}(?:\.\d{1,6})?$/u, { error: 'must be a decimal amount such as 0.50' }),
            z.regex(/[1-9]/u, { error: 'must be above 0' }),
            z.describe("Least difference of an amount that is told, in the price's currency."),
          ),
      ),
      percent: z.optional(
        z
          .number()
          .check(
            z.gte(0.0001),
            z.lte(100),
            z.describe('Least difference that is told, in per cent of the old amount.'),
          ),
      ),
    }),
  ),
});
export type TuningRequest = z.infer<typeof TuningRequest>;

type ItemPathShape = typeof byAsin | typeof bySku;

/** The same routes for items by ASIN and by SKU. */
const itemRoutes = <Path extends ItemPathShape>(pathParameters: Path, suffix: string, place: string) =>
  ({
    price: defineRoute({
      operationId: `readPrice${suffix}`,
      method: 'GET',
      path: `/v1/prices/${place}`,
      capability: 'reading',
      summary: 'The latest known price of a watched item.',
      pathParameters,
      query: whichOne,
      hasETag: true,
      answers: { 200: 'The price.' },
      errors: ['NOT_FOUND', 'AMBIGUOUS'],
    }),
    history: defineRoute({
      operationId: `readPriceHistory${suffix}`,
      method: 'GET',
      path: `/v1/prices/${place}/history`,
      capability: 'reading',
      summary: 'Every recorded version of a price, newest first, also of one that is not watched any more.',
      pathParameters,
      query: { ...whichOne, ...historyQuery },
      hasETag: true,
      answers: { 200: 'A page.' },
      errors: ['NOT_FOUND', 'AMBIGUOUS', 'INVALID_CURSOR'],
    }),
    check: defineRoute({
      operationId: `checkPrice${suffix}`,
      method: 'POST',
      path: `/v1/prices/${place}/check`,
      capability: 'watch-list',
      summary: 'Has a watched price looked at as soon as its rate limit lets it.',
      pathParameters,
      query: whichOne,
      answers: { 202: 'It will be looked at.' },
      errors: ['NOT_FOUND', 'AMBIGUOUS'],
    }),
    watch: defineRoute({
      operationId: `watchPrice${suffix}`,
      method: 'PUT',
      path: `/v1/watches/prices/${place}`,
      capability: 'watch-list',
      summary: 'Puts a price on the watch list, or tunes it. A body replaces its tuning; without one that stays.',
      pathParameters,
      query: exactlyOne,
      body: z.optional(TuningRequest),
      answers: {
        200: 'It was on the list already, and is tuned as asked.',
        201: 'It is on the list now.',
      },
      errors: ['AMBIGUOUS'],
    }),
    readWatch: defineRoute({
      operationId: `readPriceWatch${suffix}`,
      method: 'GET',
      path: `/v1/watches/prices/${place}`,
      capability: 'watch-list',
      summary: 'A price as the watch list has it.',
      pathParameters,
      query: whichOne,
      answers: { 200: 'The entry.' },
      errors: ['NOT_FOUND', 'AMBIGUOUS'],
    }),
    unwatch: defineRoute({
      operationId: `unwatchPrice${suffix}`,
      method: 'DELETE',
      path: `/v1/watches/prices/${place}`,
      capability: 'watch-list',
      summary: 'Takes a price off the watch list. Its history stays.',
      pathParameters,
      query: exactlyOne,
      answers: { 204: 'It is not on the list.' },
      errors: ['AMBIGUOUS'],
    }),
  }) as const;

/** The routes about one item that such a path names. */
export type ItemRoutes<Path extends ItemPathShape> = ReturnType<typeof itemRoutes<Path>>;

export const priceRoutes = {
  byAsin: itemRoutes(byAsin, '', '{marketplaceId}/{asin}'),
  bySku: itemRoutes(bySku, 'BySku', '{marketplaceId}/skus/{sku}'),
  list: defineRoute({
    operationId: 'listPriceWatches',
    method: 'GET',
    path: '/v1/watches/prices',
    capability: 'watch-list',
    summary: 'The prices on the watch list, in no particular order.',
    pathParameters: {},
    query: {
      account: z.optional(account),
      view: z.optional(oneOf(PRICE_VIEWS)),
      marketplaceId: z.optional(marketplaceId),
      ...listQuery,
    },
    answers: { 200: 'A page; it may hold fewer items than asked for.' },
    errors: ['INVALID_CURSOR'],
  }),
} as const;
