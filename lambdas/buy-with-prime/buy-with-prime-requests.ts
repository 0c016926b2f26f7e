import * as z from 'zod/mini';
import { pathText } from '../shared/partner-api/route.ts';

const text = (longest: number) =>
  z.string().check(
    z.minLength(1, { error: 'must not be empty' }),
    z.maxLength(longest, { error: `must have at most ${longest} characters` }),
    z.refine((value) => value.isWellFormed(), { error: 'must be well-formed Unicode' }),
  );

/** Most line items of a quote or an order, and most that are, or are not, eligible for Prime ("Create a Buy with Prime Order"). */
export const MOST_ITEMS = 40;
export const MOST_ITEMS_OF_A_KIND = 20;

const amount = z.string().check(
  // Fifteen digits: a binary number carries them exactly, which is what JSON is often read into on the way.
  z.regex(/^\d{1,11}(?:\.\d{1,4})?$/u, { error: 'must be a decimal amount in a text, such as "10.99"' }),
  z.describe('Exact decimal amount, such as 10.99.'),
);
const currencyCode = z
  .string()
  .check(z.regex(/^[A-Z]{3}$/u, { error: 'must be a currency such as USD' }), z.describe('ISO 4217, such as USD.'));

/** A sum that a request names. */
export const MoneyAsked = z.strictObject({ amount, currencyCode });
export type MoneyAsked = z.infer<typeof MoneyAsked>;

/** A rule as the document tells it: one of two fields, and not both. */
const saysEither = (one: string, other: string) => z.meta({ oneOf: [{ required: [one] }, { required: [other] }] });

const oneIdentifier = z.refine<{ productId?: string | undefined; sku?: string | undefined }>(
  ({ productId, sku }) => (productId === undefined) !== (sku === undefined),
  { error: 'must have either productId or sku' },
);
const identifiers = {
  productId: z.optional(text(200)).check(z.describe("Buy with Prime's identifier of the product.")),
  sku: z.optional(text(200)).check(z.describe("The merchant's SKU, in the place of productId.")),
} as const;
const quantity = z
  .int({ error: 'must be a whole number' })
  .check(z.gte(1), z.lte(9_999), z.describe('How many of the product.'));

/** A line item of a quote. */
export const QuotedItem = z
  .strictObject({
    ...identifiers,
    quantity,
    isPrimeEligible: z
      .optional(z.boolean())
      .check(
        z.describe('A filter: only offers with Prime delivery, or only ones without. Default: whatever there is.'),
      ),
  })
  .check(oneIdentifier, saysEither('productId', 'sku'));
export type QuotedItem = z.infer<typeof QuotedItem>;

/** Where a shopper wants things delivered. */
export const ShippingAddress = z.strictObject({
  name: z.optional(text(200)),
  streetAddress: text(400),
  locality: text(200),
  region: text(100),
  countryCode: z
    .string()
    .check(z.regex(/^[A-Z]{2}$/u, { error: 'must be a country such as US' }), z.describe('ISO 3166, such as US.')),
  postalCode: text(20),
});
export type ShippingAddress = z.infer<typeof ShippingAddress>;

/** Where a shopper is, or wants things delivered. */
export const Location = z
  .strictObject({
    ipAddress: z
      .optional(z.union([z.ipv4(), z.ipv6()], { error: 'must be an IP address' }))
      .check(z.describe("The shopper's IP address: on product pages.")),
    shippingAddress: z.optional(ShippingAddress).check(z.describe('At checkout, in the place of ipAddress.')),
  })
  .check(
    z.refine(({ ipAddress, shippingAddress }) => (ipAddress === undefined) !== (shippingAddress === undefined), {
      error: 'must have either ipAddress or shippingAddress',
    }),
    saysEither('ipAddress', 'shippingAddress'),
  );
export type Location = z.infer<typeof Location>;

/** Whether at most so many are to be eligible for Prime, and at most so many not. What is left open is of neither kind yet. */
const areWithinKinds = (items: readonly { readonly isPrimeEligible?: boolean | undefined }[]): boolean =>
  [true, false].every(
    (kind) => items.filter(({ isPrimeEligible }) => isPrimeEligible === kind).length <= MOST_ITEMS_OF_A_KIND,
  );

const isWithinLimits = z.refine<{ readonly lineItems: readonly { isPrimeEligible?: boolean | undefined }[] }>(
  ({ lineItems }) => areWithinKinds(lineItems),
  {
    path: ['lineItems'],
    error: `must have at most ${MOST_ITEMS_OF_A_KIND} items that are to be eligible for Prime, and as many that are not`,
  },
);

/** What offers are asked for: the line items of a page, and what is known of the shopper. */
export const QuoteRequest = z
  .strictObject({
    lineItems: z
      .array(QuotedItem)
      .check(
        z.minLength(1, { error: 'must not be empty' }),
        z.maxLength(MOST_ITEMS, { error: `must have at most ${MOST_ITEMS} items` }),
      ),
    location: z
      .optional(Location)
      .check(z.describe('Left out: estimates that hold for anybody, without a date of delivery.')),
    shopperExternalId: z
      .optional(text(512))
      .check(z.describe("Your own identifier of the shopper's checkout session; only with a shopper's access token.")),
  })
  .check(isWithinLimits);
export type QuoteRequest = z.infer<typeof QuoteRequest>;

const Alias = z.strictObject({
  aliasType: text(100).check(z.describe('Such as EXTERNAL_DISPLAY_ID. EXTERNAL_ID is the orderId, and not free.')),
  aliasId: text(200),
});

const Discounts = z.strictObject({
  summary: z.optional(z.strictObject({ amount: MoneyAsked, displayString: z.optional(text(400)) })),
  details: z.optional(
    z
      .array(
        z.strictObject({
          amount: MoneyAsked,
          displayString: z.optional(text(400)),
          couponCode: z.optional(text(200)),
          aliases: z.optional(z.array(Alias).check(z.maxLength(5))),
        }),
      )
      .check(z.maxLength(50)),
  ),
});

/** A line item that joins an order beside those of its offer, such as one that the merchant delivers. */
export const AdditionalItem = z
  .strictObject({
    ...identifiers,
    quantity,
    title: z.optional(text(400)),
    price: z.optional(MoneyAsked),
    delivery: z
      .strictObject({
        provider: z.enum(['AMAZON', 'MERCHANT'], { error: 'must be one of AMAZON, MERCHANT' }),
        isPrimeEligible: z._default(z.boolean(), false),
        speed: z.optional(text(100)),
        charge: z.optional(MoneyAsked),
        deliveryOfferId: z.optional(text(500)),
        deliveryPreviewId: z.optional(text(500)),
      })
      .check(z.describe('Who delivers it, and how.')),
    discounts: z.optional(Discounts),
    taxes: z.optional(MoneyAsked).check(z.describe('Tax that is collected for it.')),
    aliases: z.optional(z.array(Alias).check(z.maxLength(5))),
  })
  .check(oneIdentifier, saysEither('productId', 'sku'));
export type AdditionalItem = z.infer<typeof AdditionalItem>;

const orderItemsWithinLimits = z.refine<{
  readonly quote: QuoteRequest;
  readonly additionalLineItems?: readonly AdditionalItem[] | undefined;
}>(
  ({ quote, additionalLineItems = [] }) =>
    quote.lineItems.length + additionalLineItems.length <= MOST_ITEMS &&
    areWithinKinds([...quote.lineItems, ...additionalLineItems.map(({ delivery }) => delivery)]),
  {
    path: ['additionalLineItems'],
    error: `must leave at most ${MOST_ITEMS} items together with those of the quote, ${MOST_ITEMS_OF_A_KIND} of a kind`,
  },
);

/** The partner's own identifier of an order. */
export const orderIdText = pathText(128).check(
  z.describe('Your own identifier of the order. There is at most one order for it, whatever the Idempotency-Key.'),
);

/** A wish to turn an offer into an order. */
export const OrderRequest = z
  .strictObject({
    orderId: orderIdText,
    offerId: text(2_000).check(z.describe('The offer, as a quote named it.')),
    quote: QuoteRequest.check(
      z.describe('What the offer was asked for with: by it a fresh quote is made where the offer is gone.'),
    ),
    totalPrice: MoneyAsked.check(
      z.describe('What the shopper has agreed to pay in total. Where it is another amount now, no order is made.'),
    ),
    desiredExecutionState: z
      .enum(['STARTED', 'NOT_STARTED'], { error: 'must be one of STARTED, NOT_STARTED' })
      .check(z.describe('Whether Amazon begins to fulfil the order at once.')),
    customer: z
      .optional(z.strictObject({ name: z.optional(text(200)), email: text(320) }))
      .check(z.describe('Whom Amazon tells about the order. Passed on, and never stored.')),
    aliases: z
      .optional(
        z.array(Alias).check(
          z.maxLength(4, { error: 'must have at most 4 aliases' }),
          z.refine((aliases) => aliases.every(({ aliasType }) => aliasType !== 'EXTERNAL_ID'), {
            error: 'must not have the type EXTERNAL_ID, which holds the orderId',
          }),
        ),
      )
      .check(z.describe('Further identifiers of yours that Amazon keeps with the order.')),
    discounts: z.optional(Discounts),
    orderLinks: z.optional(
      z
        .array(
          z.strictObject({
            destinationType: text(100).check(z.describe('Such as EXTERNAL_ORDER_MANAGEMENT.')),
            url: z
              .url({ protocol: /^https$/u, error: 'must be an https:// URL' })
              .check(z.maxLength(2_000), z.meta({ pattern: '^https://' })),
            displayMessage: z.optional(text(400)),
          }),
        )
        .check(z.maxLength(5, { error: 'must have at most 5 links' })),
    ),
    additionalLineItems: z.optional(z.array(AdditionalItem)),
  })
  .check(orderItemsWithinLimits);
export type OrderRequest = z.infer<typeof OrderRequest>;
