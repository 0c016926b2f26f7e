import type * as z from 'zod';
import type { PlacedOrder } from '../../lambdas/buy-with-prime/buy-with-prime-answers.ts';
import type { OrderRequest, QuoteRequest } from '../../lambdas/buy-with-prime/buy-with-prime-requests.ts';
import type { Order } from '../../lambdas/buy-with-prime/order.ts';
import type { OfferLine, Quote } from '../../lambdas/buy-with-prime/quote.ts';
import type { FulfilledEntitlement, Fulfilment, InventoryItem } from '../../lambdas/entitlements/player-answers.ts';
import type { PushAcknowledgement } from '../../lambdas/entitlements/push-answers.ts';
import type { PushedClaim, PushedLink, PushedUnlink } from '../../lambdas/entitlements/push-routes.ts';
import type { Redemption, Verification } from '../../lambdas/offer-codes/offer-code-answers.ts';
import type { RedemptionRequest } from '../../lambdas/offer-codes/offer-code-routes.ts';
import type { TitleStatus, TitleVersion, TitleWatchEntry } from '../../lambdas/offer-status/title-answers.ts';
import type { Health } from '../../lambdas/partner-api/service-answers.ts';
import type { PriceStatus, PriceVersion, PriceWatchEntry } from '../../lambdas/pricing/price-answers.ts';
import type { TuningRequest } from '../../lambdas/pricing/price-routes.ts';
import type { CheckAccepted } from '../../lambdas/shared/partner-api/answer-fields.ts';

/** A request of an operation, and its answers. A test holds each to the schemas. */
export interface OperationExample {
  /** Only those query parameters that deserve to be shown. */
  readonly query?: Readonly<Record<string, string | number>>;
  readonly body?: unknown;
  /** By HTTP status, and by name. */
  readonly answers: Readonly<Record<number, Readonly<Record<string, unknown>>>>;
}

/** Path parameters are the same in every example. */
export const PATH_EXAMPLES: Readonly<Record<string, string>> = {
  benefitId: 'EXAMPLE_BENEFIT',
  offerCode: 'EXAMPLE-CODE-0001',
  playerId: 'player-4711',
  partner: 'example',
  orderId: 'order-1001',
  licensor: 'example-studios',
  alid: 'ES_MOV_000004',
  marketplaceId: 'US',
  asin: 'B000000001',
  sku: 'EXAMPLE-SKU-1',
};
export const REQUEST_ID_EXAMPLE = 'ZxTq2Ej6oAMEs1g=';
export const IDEMPOTENCY_KEY_EXAMPLE = '7d0c3a5e-1b8f-4b52-9f0e-6a1d2c4b8e91';
export const PLAYER_TOKEN_EXAMPLE = 'Atza|token-of-an-example-player';
export const SHOPPER_TOKEN_EXAMPLE = 'Atza|token-of-an-example-shopper';
/** Of a call that Amazon signs by the key of a partner. */
export const WEBHOOK_EXAMPLES = {
  id: 'msg_2fVd0b1c9Qe',
  timestamp: '1772366400',
  signature: 'v1,Y2FsY3VsYXRlZC1mcm9tLXRoZS1leGFtcGxlLWtleS4=',
};

type Page<Item> = { items: Item[]; next: string | null };

const watched = { version: 2, changedAt: '2026-03-01T12:00:00.123Z', queue: 'steady', problem: null };
const title = {
  licensor: 'example-studios',
  alid: 'ES_MOV_000004',
  marketplace: 'GLOBAL',
  watchId: 'title|example-studios|GLOBAL|ES_MOV_000004',
  ...watched,
} satisfies TitleWatchEntry;

const offer = {
  alid: 'ES_MOV_000004',
  groupingEntity: null,
  marketplace: 'US',
  licensor: { organizationId: 'example-studios', displayName: 'Example Studios' },
  status: 'Live',
  comments: null,
  start: '2026-03-01T00:00:00Z',
  end: null,
  platformIds: ['amzn1.dv.gti.00000000-0000-0000-0000-000000000004'],
  windows: [
    {
      contractId: 'EXAMPLE-CONTRACT',
      licenseType: 'SVOD',
      territories: ['CA', 'US'],
      formatProfiles: ['HD', 'UHD'],
      start: '2026-03-01T00:00:00Z',
      end: null,
      status: null,
      comments: null,
      transactionId: null,
    },
  ],
  updatedAt: '2026-03-01T11:58:40Z',
} satisfies TitleStatus['offers'][number];

const titleVersion = {
  version: 2,
  observedAt: '2026-03-01T12:00:00.123Z',
  events: ['Offer Went Live'],
  offers: [offer],
  changes: [{ change: 'statusMoved', offerKey: 'ES_MOV_000004|-|US', from: 'Ready', to: 'Live' }],
} satisfies TitleVersion;

const item = (id: { asin: string; sku: null } | { asin: null; sku: string }) => {
  const [kind, name] = id.sku === null ? ['asin', id.asin] : ['sku', id.sku];
  return {
    account: 'example',
    view: 'offers',
    marketplaceId: 'ATVPDKIKX0DER',
    ...id,
    condition: 'New',
    customerType: 'Consumer',
    watchId: `price|example|offers|ATVPDKIKX0DER|${kind}|New|Consumer|${name}`,
    ...watched,
  };
};

const buyBox = {
  condition: 'New',
  customerType: 'Consumer',
  listing: '19.99',
  shipping: '0',
  landed: '19.99',
  mine: true,
  winners: [{ sellerId: 'A1EXAMPLESELLR', prime: true }],
};
const snapshot = {
  asin: 'B000000001',
  condition: 'New',
  status: 'Success',
  currency: 'USD',
  own: [],
  buyBox: [buyBox],
  lowest: [
    { condition: 'New', channel: 'Amazon', customerType: 'Consumer', listing: '19.99', shipping: '0', landed: '19.99' },
  ],
  competitive: [],
  offers: [
    {
      sellerId: 'A1EXAMPLESELLR',
      mine: true,
      channel: 'Amazon',
      listing: '19.99',
      shipping: '0',
      landed: '19.99',
      prime: 'national',
      buyBoxWinner: true,
      featured: true,
    },
  ],
  totalOfferCount: 1,
  offerCounts: [{ condition: 'New', channel: 'Amazon', count: 1 }],
  buyBoxEligible: [{ condition: 'New', channel: 'Amazon', count: 1 }],
  salesRanks: [{ category: 'Example Category', rank: 1205 }],
} satisfies PriceStatus['price'];

const priceVersion = {
  version: 2,
  observedAt: '2026-03-01T12:00:00.123Z',
  events: ['Buy Box Changed'],
  price: snapshot,
  changes: [{ change: 'buyBoxChanged', outcome: 'won', from: { ...buyBox, mine: false, winners: [] }, to: buyBox }],
} satisfies PriceVersion;

const tuning = { threshold: { absolute: '0.50', percent: 2 }, ignoreOfferCounts: true } satisfies TuningRequest;

const pricesOf = (id: Parameters<typeof item>[0], suffix: '' | 'BySku'): Record<string, OperationExample> => {
  const entry = item(id);
  const one = { account: 'example', view: 'offers' };
  const tuned = { ...entry, tuning } satisfies PriceWatchEntry;
  return {
    [`readPrice${suffix}`]: {
      query: one,
      answers: { 200: { known: { ...entry, price: snapshot } satisfies PriceStatus } },
    },
    [`readPriceHistory${suffix}`]: {
      query: { from: '2026-03-01T00:00:00Z', limit: 20 },
      answers: { 200: { lastPage: { items: [priceVersion], next: null } satisfies Page<PriceVersion> } },
    },
    [`checkPrice${suffix}`]: {
      answers: {
        202: { accepted: { watchId: entry.watchId, requestedAt: '2026-03-01T12:00:00.123Z' } satisfies CheckAccepted },
      },
    },
    [`watchPrice${suffix}`]: {
      query: one,
      body: tuning,
      answers: {
        200: { tuned },
        201: {
          added: { ...tuned, version: 0, changedAt: null, queue: 'new' } satisfies PriceWatchEntry,
        },
      },
    },
    [`readPriceWatch${suffix}`]: { query: one, answers: { 200: { watched: tuned } } },
    [`unwatchPrice${suffix}`]: { query: one, answers: {} },
  };
};

const granted = {
  entitlementId: 'b2b5f185-c529-8eee-2b0e-ecd365f74181',
  sku: 'primegaming_season01_drop01',
  outcome: 'granted',
  reported: true,
  reason: null,
  items: [
    { itemId: 'coins', quantity: 500, kind: 'stackable', granted: true },
    { itemId: 'skin_mechahat', quantity: 1, kind: 'unique', granted: false },
  ],
} satisfies FulfilledEntitlement;

const nothingDone = { reported: false, items: [] };
const unfinished = [
  {
    ...nothingDone,
    entitlementId: '0d9f6b1e-7c41-4c5a-9a39-2f1d5e8b7c60',
    sku: 'primegaming_season01_drop02',
    outcome: 'pending',
    reason: 'GRANTER_UNAVAILABLE',
  },
  {
    ...nothingDone,
    entitlementId: '7b1c2f5a-93d4-4e0b-8f6e-51c0a7d2e934',
    sku: 'primegaming_season02_drop01',
    outcome: 'failed',
    reason: 'UNKNOWN_SKU',
  },
] as const satisfies readonly FulfilledEntitlement[];

const AMAZON_ACCOUNT = 'amzn1.account.EXAMPLEACCOUNT0000000000000';

const usd = (amount: string) => ({ amount, currencyCode: 'USD' });
const freeReturns = {
  title: { value: 'Free 30-day returns', locale: 'en-US' },
  description: { value: 'Free returns within 30 days with Buy with Prime.', locale: 'en-US' },
  resolutionTypes: ['RETURN'],
};
const mug = {
  productId: 'example-mug',
  sku: 'MUG-01',
  externalId: null,
  amazonSku: { value: 'MUG-01', marketplaceId: 'ATVPDKIKX0DER' },
  title: 'Enamel Mug',
  price: usd('12.5'),
};
const poster = {
  productId: 'example-poster',
  sku: 'POSTER-01',
  externalId: null,
  amazonSku: null,
  title: 'Harbour Poster',
  price: usd('9'),
};
const ofMug = {
  // What a quote tells of a product; its SKU stands where Amazon has it.
  product: { ...mug, sku: null, amazonSku: { value: 'MUG-01', marketplaceId: null }, offerPrime: true },
  delivery: {
    isPrimeEligible: true,
    provider: 'AMAZON',
    speed: null,
    message: { text: 'Get it as soon as Thu, Mar 5', badge: 'PRIME', locale: 'en-US' },
    earliest: null,
    latest: '2026-03-06T03:00:00Z',
    deliveryOfferId: 'delivery-offer-5060887210',
    deliveryPreviewId: 'delivery-preview-0001',
  },
  returns: freeReturns,
} satisfies OfferLine;
const ofPoster = {
  product: { ...poster, sku: null, offerPrime: false },
  delivery: {
    isPrimeEligible: false,
    provider: 'MERCHANT',
    speed: null,
    message: null,
    earliest: null,
    latest: null,
    deliveryOfferId: null,
    deliveryPreviewId: null,
  },
  returns: null,
} satisfies OfferLine;
const nowhere = { earliest: null, latest: null, deliveryOfferId: null, deliveryPreviewId: null };

const quoteAtCheckout = {
  lineItems: [
    { sku: 'MUG-01', quantity: 1 },
    { sku: 'POSTER-01', quantity: 1 },
  ],
  location: {
    shippingAddress: {
      name: 'Jane Example',
      streetAddress: '410 Terry Avenue N',
      locality: 'Seattle',
      region: 'WA',
      countryCode: 'US',
      postalCode: '98109',
    },
  },
} satisfies QuoteRequest;

/** What is offered at a checkout; also what an error offers in the place of an offer that is gone. */
export const QUOTE_EXAMPLE = {
  quotedAt: '2026-03-01T12:00:00.123Z',
  offers: [{ offerId: 'offer-7f3c', lineItems: [ofMug, ofPoster] }],
  totalCount: 1,
} satisfies Quote;
const productPageQuote = {
  quotedAt: '2026-03-01T12:00:00.123Z',
  offers: [
    {
      offerId: 'offer-19ab',
      lineItems: [
        {
          ...ofMug,
          product: { ...ofMug.product, title: null, price: null, offerPrime: null },
          delivery: {
            ...{ ...ofMug.delivery, ...nowhere },
            message: { text: 'Get it as soon as Thursday, Mar 5', badge: 'PRIME', locale: null },
          },
        },
      ],
    },
  ],
  totalCount: null,
} satisfies Quote;

const whole = { unit: 'ONE', value: 1 };
const orderedAt = '2026-03-01T12:01:07.000Z';
const untaxed = { tax: null, discounts: null };
const orderLine = (
  id: string,
  product: typeof mug | typeof poster,
  {
    deliveryOfferId,
    deliveryPreviewId,
    provider,
    isPrimeEligible,
    speed,
    message,
    earliest,
    latest,
  }: typeof ofMug.delivery | typeof ofPoster.delivery,
) =>
  ({
    id,
    aliases: [],
    amount: whole,
    createdAt: orderedAt,
    product: { ...product, productDetailPageUrl: null, image: null, bundle: null },
    delivery: {
      ...{ deliveryOfferId, deliveryPreviewId, provider, isPrimeEligible, speed, message, earliest, latest },
      ...{ recipientId: null, charge: null, rollupPrices: [], ...untaxed },
      lineItems: [{ lineItemId: id, lineItemAmount: whole, amount: whole }],
    },
    ...{ packageState: null, packages: [], payments: null, cancellations: [], ...untaxed },
  }) satisfies Order['lineItems'][number];
const order = {
  orderId: 'order-1001',
  amazonOrderId: 'amazon-order-3f9d0c',
  aliases: [],
  executionState: 'STARTED',
  createdAt: orderedAt,
  updatedAt: orderedAt,
  bwpCustomerId: null,
  lineItems: [orderLine('line-1', mug, ofMug.delivery), orderLine('line-2', poster, ofPoster.delivery)],
  totalPrice: usd('21.5'),
  totalPriceVerified: true,
  rollupCharges: [{ type: 'ORDER_SUB_TOTAL', displayString: 'Subtotal', value: usd('21.5') }],
  ...untaxed,
  payments: null,
  refunds: null,
  returns: [],
  orderLinks: [
    {
      destinationType: 'EXTERNAL_ORDER_MANAGEMENT',
      url: 'https://shop.example/orders/order-1001',
      displayMessage: 'Your order',
    },
  ],
} satisfies Order;
const delivered = {
  ...order,
  updatedAt: '2026-03-05T18:20:00.000Z',
  lineItems: order.lineItems.map((line, index) =>
    index > 0
      ? line
      : {
          ...line,
          packageState: 'DELIVERED',
          packages: [
            {
              ...{ id: 'package-1', state: 'DELIVERED', reason: null },
              ...{ trackingNumber: 'TBA000000000001', carrierCode: 'AMZN_US' },
              lineItems: [{ lineItemId: 'line-1', lineItemAmount: whole, amount: whole }],
            },
          ],
        },
  ),
} satisfies Order;
const placed = { orderId: 'order-1001', amazonOrderId: order.amazonOrderId, assumed: false };

/** By operation id. */
export const OPERATION_EXAMPLES: Readonly<Record<string, OperationExample>> = {
  verifyOfferCode: {
    query: { timeZone: 'America/Los_Angeles' },
    answers: {
      200: {
        valid: { valid: true, message: 'SUCCESS' } satisfies Verification,
        unknown: {
          valid: false,
          reason: 'INVALID_OFFER_CODE',
          message: 'INVALID_OFFER_CODE',
        } satisfies Verification,
        usedUp: {
          valid: false,
          reason: 'EXCEEDED_USAGE_LIMIT',
          message: 'FAILURE:DENIED:EXCEEDED_USAGE_LIMIT',
        } satisfies Verification,
      },
    },
  },
  redeemOfferCode: {
    query: { timeZone: 'America/Los_Angeles' },
    body: { redeemedAt: '2026-03-01T12:00:00Z' } satisfies z.infer<typeof RedemptionRequest>,
    answers: {
      200: {
        redeemed: { redeemed: true, redeemedAt: '2026-03-01T12:00:00Z', assumed: false } satisfies Redemption,
        denied: {
          redeemed: false,
          reason: 'DEAL_INACTIVE',
          message: 'FAILURE:DENIED:DEAL_INACTIVE',
        } satisfies Redemption,
      },
    },
  },
  fulfilEntitlements: {
    answers: {
      200: {
        everything: {
          entitlements: [
            granted,
            {
              ...nothingDone,
              entitlementId: '4f6a0e7d-2b93-4d1c-a8e5-9c3b7f2d1064',
              sku: granted.sku,
              outcome: 'alreadyOwned',
              reported: true,
              reason: null,
            },
          ],
          complete: true,
        } satisfies Fulfilment,
        callAgain: {
          entitlements: [{ ...granted, reported: false, reason: 'REPORT_UNKNOWN' }, ...unfinished],
          complete: false,
        } satisfies Fulfilment,
        nothingClaimed: { entitlements: [], complete: true } satisfies Fulfilment,
      },
    },
  },
  readInventory: {
    query: { limit: 100 },
    answers: {
      200: {
        lastPage: {
          items: [
            { itemId: 'coins', quantity: 750, kind: 'stackable', updatedAt: '2026-03-01T12:00:00.123Z' },
            { itemId: 'skin_mechahat', quantity: 1, kind: 'unique', updatedAt: '2026-02-03T09:30:00.000Z' },
          ],
          next: null,
        } satisfies Page<InventoryItem>,
      },
    },
  },
  unlinkAmazonAccount: { answers: {} },
  pushClaim: {
    body: {
      EntitlementId: granted.entitlementId,
      VendorProductId: granted.sku,
      UserId: AMAZON_ACCOUNT,
    } satisfies z.infer<typeof PushedClaim>,
    answers: {
      200: { granted: { EntitlementId: granted.entitlementId, Result: 'SUCCESS' } satisfies PushAcknowledgement },
    },
  },
  pushAccountLink: {
    body: { UserId: AMAZON_ACCOUNT, FulfillmentAddress: 'player-4711' } satisfies z.infer<typeof PushedLink>,
    answers: {},
  },
  pushAccountUnlink: { body: { UserId: AMAZON_ACCOUNT } satisfies z.infer<typeof PushedUnlink>, answers: {} },
  quoteOffers: {
    body: quoteAtCheckout,
    answers: {
      200: {
        checkout: QUOTE_EXAMPLE,
        productPage: productPageQuote,
        nothingOffered: { quotedAt: '2026-03-01T12:00:00.123Z', offers: [], totalCount: 0 } satisfies Quote,
      },
    },
  },
  orderOffer: {
    body: {
      orderId: 'order-1001',
      offerId: 'offer-7f3c',
      quote: quoteAtCheckout,
      totalPrice: usd('21.50'),
      desiredExecutionState: 'STARTED',
      customer: { name: 'Jane Example', email: 'jane@example.com' },
      orderLinks: [...order.orderLinks],
    } satisfies OrderRequest,
    answers: {
      201: {
        ordered: { ...placed, order } satisfies PlacedOrder,
        found: { ...placed, assumed: true, order } satisfies PlacedOrder,
        notReadNow: { ...placed, order: null } satisfies PlacedOrder,
      },
    },
  },
  readOrder: { answers: { 200: { placed: order, delivered } } },
  readTitleStatus: { answers: { 200: { live: { ...title, offers: [offer] } satisfies TitleStatus } } },
  readTitleHistory: {
    query: { from: '2026-03-01T00:00:00Z', limit: 20 },
    answers: { 200: { lastPage: { items: [titleVersion], next: null } satisfies Page<TitleVersion> } },
  },
  checkTitle: {
    answers: {
      202: { accepted: { watchId: title.watchId, requestedAt: '2026-03-01T12:00:00.123Z' } satisfies CheckAccepted },
    },
  },
  watchTitle: {
    answers: {
      200: { known: title },
      201: { added: { ...title, version: 0, changedAt: null, queue: 'new' } satisfies TitleWatchEntry },
    },
  },
  readTitleWatch: {
    answers: {
      200: {
        watched: title,
        refused: {
          ...title,
          problem: {
            code: 'UnknownTitle',
            message: 'The Offer Status API does not know this title.',
            since: '2026-03-01T12:00:00.123Z',
          },
        } satisfies TitleWatchEntry,
      },
    },
  },
  unwatchTitle: { answers: {} },
  listTitleWatches: {
    query: { licensor: 'example-studios', limit: 100 },
    answers: { 200: { lastPage: { items: [title], next: null } satisfies Page<TitleWatchEntry> } },
  },
  ...pricesOf({ asin: 'B000000001', sku: null }, ''),
  ...pricesOf({ asin: null, sku: 'EXAMPLE-SKU-1' }, 'BySku'),
  listPriceWatches: {
    query: { account: 'example', view: 'offers', limit: 100 },
    answers: {
      200: {
        lastPage: {
          items: [{ ...item({ asin: 'B000000001', sku: null }), tuning: {} }],
          next: null,
        } satisfies Page<PriceWatchEntry>,
      },
    },
  },
  readHealth: {
    answers: {
      200: {
        ok: {
          status: 'ok',
          stage: 'prod',
          time: '2026-03-01T12:00:00.123Z',
          upstreams: [{ bucket: 'offer-status|main|global|status', status: 'ok' }],
        } satisfies z.infer<typeof Health>,
      },
    },
  },
  readOpenApiDocument: { answers: { 200: { excerpt: { openapi: '3.1.0' } } } },
};
