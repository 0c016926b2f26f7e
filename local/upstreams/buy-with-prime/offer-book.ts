import { randomUUID } from 'node:crypto';
import type { Delivery } from './delivery.ts';
import { taxOf, totalOf } from './order-total.ts';
import type { Product, ProductCatalogue } from './product-catalogue.ts';

export interface OfferedLine {
  /** As it was when the offer was made. */
  readonly product: Product;
  readonly quantity: number;
  readonly delivery: Delivery | null;
}

/** What is known of where things go: nothing of an address but this is kept. */
export interface Destination {
  /** Undefined where only an IP address is known, or nothing. */
  readonly postalCode: string | undefined;
  /** Whether Amazon has another address of the shopper who is signed in. */
  readonly mismatch: boolean;
}

export interface Offer {
  readonly offerId: string;
  readonly account: string;
  readonly lines: readonly OfferedLine[];
  readonly destination: Destination;
  readonly expiresAt: number;
}

/** What may be known of an offer from outside. */
export interface OfferTruth {
  readonly offerId: string;
  readonly account: string;
  readonly lines: readonly { readonly productId: string; readonly quantity: number; readonly deliverable: boolean }[];
  /** What an order of these lines costs now, in US dollars: what `totalPrice` has to name. */
  readonly total: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** Offers that have expired are forgotten one by one as new ones come. */
const FORGOTTEN_AT_ONCE = 2;

/** The offers that are out. They do not last, and are kept in memory only. */
export class OfferBook {
  readonly #catalogue: ProductCatalogue;
  readonly #now: () => number;
  readonly #lifeMs: number;
  /** Oldest first. */
  readonly #offers = new Map<string, Offer>();

  /** @param now milliseconds since the epoch */
  constructor(catalogue: ProductCatalogue, now: () => number, lifeMs: number) {
    this.#catalogue = catalogue;
    this.#now = now;
    this.#lifeMs = lifeMs;
  }

  make(account: string, lines: readonly OfferedLine[], destination: Destination): Offer {
    const now = this.#now();
    let looked = 0;
    for (const [id, { expiresAt }] of this.#offers) {
      if (expiresAt > now || looked === FORGOTTEN_AT_ONCE) break;
      this.#offers.delete(id);
      looked += 1;
    }
    const offer = { offerId: randomUUID(), account, lines, destination, expiresAt: now + this.#lifeMs };
    this.#offers.set(offer.offerId, offer);
    return offer;
  }

  /** An offer of this account that has not expired. */
  find(account: string, offerId: string): Offer | undefined {
    const offer = this.#offers.get(offerId);
    return offer?.account === account && offer.expiresAt > this.#now() ? offer : undefined;
  }

  /** Takes an offer away, as when an order was made of it. */
  remove(offerId: string): void {
    this.#offers.delete(offerId);
  }

  /** Ends every offer now, or those of an account; answers how many. */
  expire(account?: string): number {
    const ended = this.#living(account);
    for (const { offerId } of ended) this.#offers.delete(offerId);
    return ended.length;
  }

  /** Every offer that has not expired, oldest first. */
  all(account?: string): OfferTruth[] {
    return this.#living(account).map((offer) => ({
      offerId: offer.offerId,
      account: offer.account,
      lines: offer.lines.map(({ product: { productId }, quantity, delivery }) => ({
        productId,
        quantity,
        deliverable: delivery !== null,
      })),
      total: totalOf(pricedLines(offer, this.#catalogue)).total,
      expiresAt: offer.expiresAt,
    }));
  }

  #living(account: string | undefined): Offer[] {
    const now = this.#now();
    return [...this.#offers.values()].filter(
      (offer) => offer.expiresAt > now && (account === undefined || offer.account === account),
    );
  }
}

/** What the lines of an offer cost at the prices of now, which may have changed since it was made. */
export function pricedLines({ account, lines }: Offer, catalogue: ProductCatalogue) {
  return lines.map(({ product: quoted, quantity, delivery }) => {
    const product = catalogue.find(account, quoted.productId) ?? quoted;
    return {
      product,
      price: product.price,
      quantity,
      charge: delivery?.charge ?? '0',
      chargeDiscount: delivery?.discount ?? '0',
      tax: taxOf(product.price, quantity, product.taxPercent),
      discount: '0',
    };
  });
}
