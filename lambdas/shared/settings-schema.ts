import * as z from 'zod/mini';
import { Sku, SkuItems } from './sku-items.ts';

export * from './sku-items.ts';

const httpsUrl = z.url({ protocol: /^https$/, error: 'expected an https:// URL' });
const name = z.string().check(
  z.regex(/^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/, {
    error: 'expected 1 to 40 lower-case letters, digits and inner hyphens',
  }),
);
const text = (longest: number) => z.string().check(z.minLength(1), z.maxLength(longest));
const awsRegion = z
  .string()
  .check(z.regex(/^[a-z]{2}(?:-[a-z]+)+-\d$/, { error: 'expected an AWS region such as us-east-1' }));
const whole = (low: number, high: number) => z.int().check(z.gte(low), z.lte(high));

/** The sustained rate and the depth of one upstream token bucket. */
export const RateLimit = z.strictObject({
  perSecond: z.number().check(z.positive(), z.lte(1000), z.describe('Requests per second that the upstream grants.')),
  burst: whole(1, 1000).check(z.describe('Depth of the upstream token bucket, in requests.')),
});
export type RateLimit = z.infer<typeof RateLimit>;

/** How many invalid offer codes may be tried in a window of time. */
export const InvalidCodesLimit = z.strictObject({ limit: whole(1, 100_000), windowSeconds: whole(10, 86_400) });
export type InvalidCodesLimit = z.infer<typeof InvalidCodesLimit>;

/** How often one request is tried and how long the pauses between tries may be (full jitter). */
export const RetryPolicy = z.strictObject({
  attempts: whole(1, 10).check(z.describe('Tries in total, the first one included.')),
  baseMs: whole(1, 60_000).check(z.describe('Upper bound of the first pause, in milliseconds.')),
  capMs: whole(1, 300_000).check(z.describe('Upper bound of every pause, in milliseconds.')),
});
export type RetryPolicy = z.infer<typeof RetryPolicy>;

/** One partner account at the Offer Status API: one client certificate, one key, one token bucket. */
export const OfferStatusAccount = z.strictObject({
  licensors: z
    .array(text(200))
    .check(z.minLength(1), z.describe('The licensor identifiers whose titles this account may ask for.')),
  secret: z
    .optional(text(512))
    .check(
      z.describe('Name of the secret {cert, key, apiKey, ca?}; default offer-relay/<stage>/offer-status/<account>.'),
    ),
  baseUrl: z.optional(httpsUrl).check(z.describe('Overrides offerStatus.baseUrl, for example with the sandbox host.')),
  rate: z.optional(RateLimit).check(z.describe('Overrides offerStatus.rate for this account.')),
});
export type OfferStatusAccount = z.infer<typeof OfferStatusAccount>;

/** Where Prime Video may send its notifications to, which is a queue of the stack. */
export const StatusNotificationSettings = z.strictObject({
  enabled: z._default(z.boolean(), false).check(z.describe('Make a queue whose messages make their titles urgent.')),
  senderAccounts: z
    ._default(z.array(z.string().check(z.regex(/^\d{12}$/, { error: 'expected the 12 digits of an AWS account' }))), [])
    .check(z.describe('AWS accounts that may send to the queue, as Prime Video names them.')),
  eventBus: z
    .optional(
      z
        .strictObject({
          name: z
            .string()
            .check(z.regex(/^[\w./-]{1,256}$/, { error: 'expected the name of an event bus' }))
            .check(
              z.describe('Name of a bus in the account and region of the stack, such as that of a partner source.'),
            ),
          source: z
            .optional(text(256))
            .check(z.describe('Source of the events that are meant; default: every event of the bus.')),
        })
        .check(
          z.refine(({ name: bus, source }) => bus !== 'default' || source !== undefined, {
            path: ['source'],
            error: 'expected a source, since the default bus carries events of every service',
          }),
        ),
    )
    .check(z.describe('Bus whose events are put into the queue.')),
});
export type StatusNotificationSettings = z.infer<typeof StatusNotificationSettings>;

export const OfferStatusSettings = z.strictObject({
  baseUrl: z
    ._default(httpsUrl, 'https://partnerapi.primevideo.com')
    .check(z.describe('Base URL of the Offer Status API.')),
  timeoutMs: z._default(whole(100, 30_000), 10_000).check(z.describe('Time-out of one request.')),
  retry: z.prefault(RetryPolicy, { attempts: 3, baseMs: 200, capMs: 5_000 }),
  rate: z.prefault(RateLimit, { perSecond: 10, burst: 5 }).check(z.describe('Rate that Amazon grants one partner.')),
  minLapSeconds: z
    .prefault(
      z.strictObject({
        new: z._default(whole(1, 86_400), 60),
        urgent: z._default(whole(1, 86_400), 60),
        steady: z._default(whole(1, 86_400), 300),
      }),
      {},
    )
    .check(z.describe('Least time between two starts of a lap, for each class of watches.')),
  accounts: z
    ._default(z.record(name, OfferStatusAccount), {})
    .check(z.describe('Partner accounts by name. The name is part of what is stored: do not change it.')),
  notifications: z.prefault(StatusNotificationSettings, {}).check(z.describe("Prime Video's notifications.")),
});
export type OfferStatusSettings = z.infer<typeof OfferStatusSettings>;

/** The six operations of SP-API Product Pricing v0. */
export const PRICING_OPERATIONS = [
  'getPricing',
  'getCompetitivePricing',
  'getListingOffers',
  'getItemOffers',
  'getItemOffersBatch',
  'getListingOffersBatch',
] as const;
export type PricingOperation = (typeof PRICING_OPERATIONS)[number];

const operation = z.enum(PRICING_OPERATIONS);

/** Which operation serves the offers view; the default is the one with the most items per second. */
export const OffersOperations = z.strictObject({
  asin: z.optional(z.enum(['getItemOffersBatch', 'getItemOffers'])),
  sku: z.optional(z.enum(['getListingOffersBatch', 'getListingOffers'])),
});
export type OffersOperations = z.infer<typeof OffersOperations>;

/** One selling account at SP-API: one refresh token, in one region. */
export const PricingAccount = z.strictObject({
  marketplaces: z
    .array(text(20))
    .check(
      z.minLength(1),
      z.describe('Marketplaces of one region, by country code (US, UK, JP) or by identifier (ATVPDKIKX0DER).'),
    ),
  sellerId: z
    .optional(text(50))
    .check(z.describe("The account's seller identifier: tells its own offers apart where an answer does not.")),
  secret: z
    .optional(text(512))
    .check(
      z.describe(
        'Name of the secret {clientId, clientSecret, refreshToken, ca?}; default offer-relay/<stage>/pricing/<account>.',
      ),
    ),
  rates: z
    .optional(z.partialRecord(operation, RateLimit))
    .check(z.describe("Overrides the profile's rate of an operation for this account.")),
  offersOperations: z
    .optional(OffersOperations)
    .check(z.describe('Overrides pricing.offersOperations for this account.')),
});
export type PricingAccount = z.infer<typeof PricingAccount>;

export const PricingSettings = z.strictObject({
  baseUrl: z
    .optional(httpsUrl)
    .check(z.describe("Base URL of SP-API in every region; default: Amazon's own endpoint of the account's region.")),
  tokenUrl: z
    ._default(httpsUrl, 'https://api.amazon.com/auth/o2/token')
    .check(z.describe('Token endpoint of Login with Amazon.')),
  sandbox: z._default(z.boolean(), false).check(z.describe("Use SP-API's sandbox endpoints.")),
  timeoutMs: z._default(whole(100, 30_000), 10_000).check(z.describe('Time-out of one request.')),
  retry: z.prefault(RetryPolicy, { attempts: 3, baseMs: 200, capMs: 5_000 }),
  rateProfile: z
    ._default(z.enum(['today', 'document']), 'today')
    .check(z.describe("Amazon's default rates: those of today, or the higher ones that its reference document lists.")),
  offersOperations: z
    .prefault(OffersOperations, {})
    .check(
      z.describe('Operation that serves the offers view, by ASIN and by SKU; default: the most items per second.'),
    ),
  minLapSeconds: z
    .prefault(
      z.strictObject({
        new: z._default(whole(1, 86_400), 60),
        urgent: z._default(whole(1, 86_400), 60),
        steady: z._default(whole(1, 86_400), 300),
      }),
      {},
    )
    .check(z.describe('Least time between two starts of a lap, for each class of watches.')),
  accounts: z
    ._default(z.record(name, PricingAccount), {})
    .check(z.describe('Selling accounts by name. The name is part of what is stored: do not change it.')),
  notifications: z
    .prefault(
      z.strictObject({
        enabled: z
          ._default(z.boolean(), true)
          .check(z.describe('Where there are accounts: make a queue for ANY_OFFER_CHANGED and its like.')),
      }),
      {},
    )
    .check(z.describe("SP-API's notifications about changed offers.")),
});
export type PricingSettings = z.infer<typeof PricingSettings>;

/** How Prime's offer codes are asked about, and which benefits there are. */
export const OfferCodesSettings = z.strictObject({
  baseUrl: z
    ._default(httpsUrl, 'https://prime-apis.amazon.com')
    .check(z.describe('Base URL of the API that verifies and redeems offer codes.')),
  timeoutMs: z._default(whole(100, 10_000), 2_000).check(z.describe('Time-out of one try.')),
  deadlineMs: z
    ._default(whole(500, 20_000), 6_000)
    .check(z.describe('Time for all tries of one request together: somebody is waiting at a till.')),
  attempts: z._default(whole(1, 3), 3).check(z.describe("Tries of one request; the API's own rule is at most three.")),
  regions: z
    ._default(
      z.record(z.string().check(z.regex(/^[A-Z]{2}$/, { error: 'expected a marketplace such as US' })), awsRegion),
      {
        US: 'us-east-1',
        IN: 'eu-west-1',
      },
    )
    .check(z.describe('AWS region that requests about a marketplace are signed for.')),
  role: z
    .optional(
      z.strictObject({
        arn: z.string().check(
          z.regex(/^arn:aws[a-z-]*:iam::\d{12}:role\/[\w+=,.@/-]{1,512}$/, {
            error: 'expected the ARN of an IAM role',
          }),
        ),
        externalId: z.optional(text(1224)),
      }),
    )
    .check(z.describe("Role in whose name requests are signed, where it is not the function's own that Amazon knows.")),
  apiArn: z
    .optional(
      z.string().check(
        z.regex(/^arn:aws[a-z-]*:execute-api:[a-z0-9-]+:\d{12}:[a-z0-9]+\/[^*?]+(?:\/\*)?$/, {
          error: 'expected an ARN such as arn:aws:execute-api:us-east-1:111122223333:abc123/prod/*',
        }),
      ),
    )
    .check(z.describe('ARN of the API that the function may invoke, where Amazon names one at onboarding.')),
  trustSecret: z
    .optional(text(512))
    .check(z.describe('Name of a secret {ca}: the authority to trust where the API is not reached at Amazon itself.')),
  benefits: z
    ._default(
      z.record(
        text(200),
        z.strictObject({
          marketplace: z.string().check(z.describe('Marketplace of the benefit: one of offerCodes.regions.')),
          // No default: a benefit of multiple use that is taken for one of single use may be redeemed twice.
          use: z
            .enum(['single', 'multiple'])
            .check(z.describe('Whether a code of this benefit can be redeemed once or several times.')),
        }),
      ),
      {},
    )
    .check(z.describe('Benefits by the identifier that Amazon Prime gave at onboarding.')),
  invalidCodes: z
    .prefault(InvalidCodesLimit, { limit: 20, windowSeconds: 600 })
    .check(z.describe('How many codes that do not exist a partner may try, unless its own settings say otherwise.')),
});
export type OfferCodesSettings = z.infer<typeof OfferCodesSettings>;

/** Who gives players their items. */
export const GranterSettings = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('inventory') }),
  z.strictObject({
    kind: z.literal('webhook'),
    url: httpsUrl.check(
      z.describe("The game's own backend, which is called for each grant. It is reached from the internet, in no VPC."),
    ),
    signature: z
      ._default(
        z.discriminatedUnion('kind', [
          z.strictObject({ kind: z.literal('hmac') }),
          z.strictObject({
            kind: z.literal('sigv4'),
            service: z._default(z.enum(['execute-api', 'lambda']), 'execute-api'),
            region: awsRegion,
            resourceArn: z.string().check(
              z.regex(/^arn:aws[a-z-]*:(?:execute-api|lambda):[a-z0-9-]+:\d{12}:[^*?]+(?:\/\*)?$/, {
                error: 'expected the ARN of what the functions may invoke',
              }),
            ),
          }),
        ]),
        { kind: 'hmac' },
      )
      .check(
        z.describe(
          'How calls are signed: hmac by the key in the secret (Standard Webhooks), or sigv4 by the role of the function.',
        ),
      ),
    timeoutMs: z._default(whole(100, 10_000), 3_000).check(z.describe('Time-out of one call.')),
  }),
]);
export type GranterSettings = z.infer<typeof GranterSettings>;

/** How one partner's players get what they claimed with Prime Gaming. */
export const PartnerEntitlements = z.strictObject({
  skus: z
    ._default(z.record(Sku, SkuItems), {})
    .check(z.describe('What each VendorProductId holds. `npm run skus` keeps longer lists in the table.')),
  granter: z
    ._default(GranterSettings, { kind: 'inventory' })
    .check(z.describe("Who gives the items: the stack's own inventory, or a webhook of the game.")),
  push: z
    ._default(z.boolean(), false)
    .check(z.describe('Whether Amazon calls for each claim, on a route that is signed by a key (push integration).')),
  secret: z
    .optional(text(512))
    .check(
      z.describe(
        'Name of the secret {webhookKey?, pushKey?, ca?}; default offer-relay/<stage>/entitlements/<partner>. Read only where one is used.',
      ),
    ),
});
export type PartnerEntitlements = z.infer<typeof PartnerEntitlements>;

/** How Prime Gaming's entitlements are asked about, and when one counts as stuck. */
export const EntitlementsSettings = z.strictObject({
  baseUrl: z
    ._default(httpsUrl, 'https://gaming.amazon.com')
    .check(z.describe('Base URL of the Entitlements API and the Fulfill API.')),
  profileUrl: z
    ._default(httpsUrl, 'https://api.amazon.com/user/profile')
    .check(z.describe('Where Login with Amazon says whose an access token is.')),
  timeoutMs: z._default(whole(100, 10_000), 4_000).check(z.describe('Time-out of one try.')),
  deadlineMs: z
    ._default(whole(1_000, 22_000), 18_000)
    .check(z.describe('Time for everything that one request asks of Amazon and of a webhook.')),
  attempts: z._default(whole(1, 5), 3).check(z.describe('Tries of one question, and of one report.')),
  trustSecret: z
    .optional(text(512))
    .check(
      z.describe('Name of a secret {ca}: the authority to trust where the APIs are not reached at Amazon itself.'),
    ),
  grantAttempts: z
    ._default(whole(1, 100), 12)
    .check(
      z.describe(
        'Tries by the queue that reached the granter before a grant is dead-lettered; their pauses grow to 15 minutes.',
      ),
    ),
  stuckAfterSeconds: z
    ._default(whole(60, 30 * 86_400), 86_400)
    .check(
      z.describe(
        'Age from which an entitlement that is granted and not reported counts as stuck. Grants are given up by grantAttempts.',
      ),
    ),
});
export type EntitlementsSettings = z.infer<typeof EntitlementsSettings>;

/** One merchant account at Buy with Prime: one pair of API credentials, one business product, one catalogue. */
export const BuyWithPrimeAccount = z.strictObject({
  secret: z
    .optional(text(512))
    .check(
      z.describe(
        'Name of the secret {clientId, clientSecret, targetId, ca?}; default offer-relay/<stage>/buy-with-prime/<account>.',
      ),
    ),
});
export type BuyWithPrimeAccount = z.infer<typeof BuyWithPrimeAccount>;

/** Where Buy with Prime's own events come in. */
export const BuyWithPrimeEvents = z.strictObject({
  eventBus: z.strictObject({
    name: z
      .string()
      .check(z.regex(/^[\w./-]{1,256}$/, { error: 'expected the name of an event bus' }))
      .check(z.describe('Name of the bus, in the account and region of the stack, that the partner event source has.')),
    source: z
      .optional(text(256))
      .check(z.describe('Source of the events that are meant; default: every source below aws.partner/buywithprime.')),
  }),
});
export type BuyWithPrimeEvents = z.infer<typeof BuyWithPrimeEvents>;

/** How Buy with Prime is asked for offers and orders. */
export const BuyWithPrimeSettings = z.strictObject({
  graphqlUrl: z
    ._default(httpsUrl, 'https://api.buywithprime.amazon.com/graphql')
    .check(z.describe('The GraphQL endpoint.')),
  tokenUrl: z
    ._default(httpsUrl, 'https://api.buywithprime.amazon.com/token')
    .check(z.describe('Where API credentials are exchanged for access tokens.')),
  apiVersion: z
    ._default(
      z.string().check(z.regex(/^\d{4}-\d{2}-\d{2}$/, { error: 'expected a version such as 2024-11-01' })),
      '2024-11-01',
    )
    .check(z.describe('Version of the API that is asked for (x-api-version).')),
  timeoutMs: z._default(whole(100, 15_000), 5_000).check(z.describe('Time-out of one try.')),
  deadlineMs: z
    ._default(whole(1_000, 22_000), 15_000)
    .check(z.describe('Time for everything that one request of a partner asks of Amazon.')),
  attempts: z
    ._default(whole(1, 5), 3)
    .check(z.describe('Tries of one query; a mutation is repeated only where it had no effect.')),
  quoteCacheSeconds: z
    ._default(whole(0, 300), 60)
    .check(z.describe('How long a quote that names neither a place nor a shopper is given again; 0: not at all.')),
  accounts: z
    ._default(z.record(name, BuyWithPrimeAccount), {})
    .check(z.describe('Merchant accounts by name. Partners name theirs.')),
  events: z
    .optional(BuyWithPrimeEvents)
    .check(z.describe("Take Buy with Prime's own events over onto the stack's bus.")),
});
export type BuyWithPrimeSettings = z.infer<typeof BuyWithPrimeSettings>;

/** What a partner may be let do; reading the service's health and its OpenAPI document is always part of it. */
export const PARTNER_CAPABILITIES = ['offer-codes', 'entitlements', 'buy-with-prime', 'reading', 'watch-list'] as const;
export type PartnerCapability = (typeof PARTNER_CAPABILITIES)[number];

/** One partner of the API: one role that its AWS account may assume, and one API key. */
export const Partner = z.strictObject({
  accountId: z
    .string()
    .check(
      z.regex(/^\d{12}$/, { error: 'expected the 12 digits of an AWS account' }),
      z.describe("The partner's AWS account, which may assume the partner's role."),
    ),
  externalId: z
    .string()
    .check(
      z.regex(/^[\w+=,.@:/-]{2,1224}$/, { error: 'expected 2 to 1224 letters, digits and _+=,.@:/-' }),
      z.describe('What the partner has to name when it assumes its role.'),
    ),
  capabilities: z
    ._default(z.array(z.enum(PARTNER_CAPABILITIES)), [...PARTNER_CAPABILITIES])
    .check(z.describe('What the partner may do. The watch list belongs to the whole stage. Default: everything.')),
  benefits: z
    ._default(z.array(text(200)), [])
    .check(
      z.describe('Benefits whose offer codes the partner may verify and redeem, as offerCodes.benefits has them.'),
    ),
  plan: z
    .prefault(
      z.strictObject({
        perSecond: z._default(z.number().check(z.positive(), z.lte(10_000)), 10),
        burst: z._default(whole(1, 5_000), 20),
        quota: z.optional(
          z.strictObject({ requests: whole(1, 2_000_000_000), period: z.enum(['DAY', 'WEEK', 'MONTH']) }),
        ),
      }),
      {},
    )
    .check(z.describe('Usage plan: sustained rate, depth of its token bucket, and requests per period.')),
  invalidCodes: z.optional(InvalidCodesLimit).check(z.describe('Overrides offerCodes.invalidCodes for this partner.')),
  entitlements: z.prefault(PartnerEntitlements, {}).check(z.describe("What the partner's players get, and how.")),
  buyWithPrime: z
    .optional(
      z.strictObject({
        account: name.check(z.describe('Merchant account of the shop: one of buyWithPrime.accounts.')),
      }),
    )
    .check(z.describe('For whose account the partner may ask for offers and order. Default: for none.')),
});
export type Partner = z.infer<typeof Partner>;

export const PartnerApiSettings = z.strictObject({
  partners: z
    ._default(z.record(name, Partner), {})
    .check(
      z.describe('Partners by name. There is an API where there is a partner. The name is part of what is stored.'),
    ),
  corsOrigin: z
    .optional(
      z.string().check(
        z.regex(/^(?:\*|https?:\/\/[\w.-]+(?::\d{1,5})?)$/, {
          error: 'expected an origin such as https://shop.example',
        }),
      ),
    )
    .check(z.describe('Origin whose pages may call the API in browsers. Default: none.')),
});
export type PartnerApiSettings = z.infer<typeof PartnerApiSettings>;

export const PollingSettings = z.strictObject({
  backlogSeconds: z._default(whole(30, 600), 150).check(z.describe('Work planned ahead for each bucket.')),
  sliceSeconds: z._default(whole(5, 30), 20).check(z.describe('Sending time of one slice.')),
  attempts: z
    ._default(whole(1, 20), 5)
    .check(z.describe('Visits at which a watch may fail before it is dead-lettered.')),
});
export type PollingSettings = z.infer<typeof PollingSettings>;

export const PublishingSettings = z.strictObject({
  reconcileAfterSeconds: z
    ._default(whole(30, 86_400), 300)
    .check(z.describe('Age from which a history row that is still unpublished is published again.')),
});
export type PublishingSettings = z.infer<typeof PublishingSettings>;

/** What the functions read at run time: the part of `config/<stage>.json` that ships as `settings.json` in each asset. */
export const RuntimeSettings = z.strictObject({
  stage: name,
  logLevel: z
    ._default(z.enum(['DEBUG', 'INFO']), 'INFO')
    .check(z.describe('Least level that is logged. Above INFO, Lambda would drop the lines that hold the metrics.')),
  polling: z.prefault(PollingSettings, {}),
  publishing: z.prefault(PublishingSettings, {}),
  offerStatus: z.prefault(OfferStatusSettings, {}),
  pricing: z.prefault(PricingSettings, {}),
  offerCodes: z.prefault(OfferCodesSettings, {}),
  entitlements: z.prefault(EntitlementsSettings, {}),
  buyWithPrime: z.prefault(BuyWithPrimeSettings, {}),
  partnerApi: z.prefault(PartnerApiSettings, {}),
});
export type RuntimeSettings = z.infer<typeof RuntimeSettings>;
