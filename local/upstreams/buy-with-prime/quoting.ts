import { deliveryOf } from './delivery.ts';
import { destinationOf } from './destinations.ts';
import type { AmountInput, OffersInput } from './graphql-inputs.ts';
import type { Destination, Offer, OfferBook } from './offer-book.ts';
import type { ProductCatalogue } from './product-catalogue.ts';
import { invalid } from './refusals.ts';
import type { ShopperTokens } from './shopper-tokens.ts';

const MOST_ITEMS = 40;
const MOST_OF_A_KIND = 20;

export interface QuotingParts {
  readonly catalogue: ProductCatalogue;
  readonly shoppers: ShopperTokens;
  readonly offers: OfferBook;
  /** Milliseconds since the epoch. */
  now(): number;
}

/**
 * Makes an offer of line items for a merchant.
 *
 * @throws Refusal for what Amazon's pages on errors name, and for more items than they allow
 */
export function makeOffer(account: string, input: OffersInput, parts: QuotingParts): Offer {
  const { catalogue, offers, now } = parts;
  const { lineItems } = input;
  if (lineItems.length === 0) throw invalid('There must be a line item.');
  if (lineItems.length > MOST_ITEMS) throw invalid(`There may be ${MOST_ITEMS} line items, not ${lineItems.length}.`);
  const destination = placeOf(input, parts.shoppers);
  const lines = lineItems.map(({ product: named, amount, deliveryTerms }) => {
    const { productId, identifier } = named;
    if ((productId == null) === (identifier == null)) {
      throw invalid('A product is named by its productId or by its identifier.');
    }
    const product = catalogue.identify(account, productId == null ? (identifier ?? {}) : { productId });
    return { product, quantity: quantityOf(amount), delivery: deliveryOf(product, now(), deliveryTerms) };
  });
  refuseTooMany(lines.map(({ product }) => product.prime));
  return offers.make(account, lines, destination);
}

/** @throws Refusal where there are more items of a kind than may be, or more than may be in all */
export function refuseTooMany(eligible: readonly boolean[]): void {
  if (eligible.length > MOST_ITEMS) throw invalid(`There may be ${MOST_ITEMS} line items, not ${eligible.length}.`);
  for (const kind of [true, false]) {
    const count = eligible.filter((prime) => prime === kind).length;
    if (count > MOST_OF_A_KIND) {
      const which = kind ? 'eligible for Prime' : 'not eligible for Prime';
      throw invalid(`There may be ${MOST_OF_A_KIND} line items that are ${which}, not ${count}.`);
    }
  }
}

/** @throws Refusal for an amount that is not a number of pieces */
export function quantityOf({ unit, value }: AmountInput): number {
  if (unit != null && unit !== 'ONE') throw invalid('The unit of an amount must be ONE.');
  const quantity = Number(value);
  if (!Number.isSafeInteger(quantity) || quantity < 1 || quantity > 9_999) {
    throw invalid('The value of an amount must be a whole number from 1 to 9999.');
  }
  return quantity;
}

function placeOf({ location, shopperIdentity }: OffersInput, shoppers: ShopperTokens): Destination {
  const token = shopperIdentity?.lwaAccessToken;
  if (shopperIdentity != null && token == null) throw invalid('A shopperIdentity must have an lwaAccessToken.');
  const shopper = token == null ? undefined : shoppers.identify(token.value, token.externalId);
  const { ipAddress, shippingAddress } = location ?? {};
  if (location != null && (ipAddress == null) === (shippingAddress == null)) {
    throw invalid('A location is an ipAddress or a shippingAddress.');
  }
  if (shippingAddress == null) return { postalCode: shopper?.postalCode, mismatch: false };
  const postalCode = destinationOf(shippingAddress);
  const saved = shopper?.postalCode;
  return { postalCode, mismatch: saved !== undefined && saved !== postalCode };
}
