import { exactNumber } from '../exact-number.ts';
import type { BuyWithPrimeDialect } from './buy-with-prime-dialect.ts';
import type { Delivery } from './delivery.ts';
import { amountOf, writeAmount } from './exact-amount.ts';
import type { Offer, OfferedLine } from './offer-book.ts';
import type { Product } from './product-catalogue.ts';

const LOCALE = 'en-US';

/** An offer as the schema has it: the connection that the query answers, with everything that can be asked of it. */
export function offerBody(offer: Offer, dialect: BuyWithPrimeDialect): object {
  const lineItems = offer.lines.map((line) => lineBody(line, offer.destination.postalCode !== undefined, dialect));
  return {
    edges: [{ node: { id: offer.offerId, lineItems } }],
    totalCount: dialect.totalCount ? 1 : null,
  };
}

function lineBody({ product, delivery }: OfferedLine, isPlaceKnown: boolean, dialect: BuyWithPrimeDialect): object {
  return {
    product: {
      productId: { value: product.productId },
      externalId: { value: product.externalId },
      sku: { value: product.sku },
      amazonSku: { value: product.amazonSku, marketplaceId: null },
      title: product.title,
      price: money(product.price, dialect),
      offerPrime: flag(product.offerPrime, dialect.detailsFlag),
    },
    deliveryOffer: delivery && deliveryBody(delivery, isPlaceKnown, dialect),
    reversalOffers: reversalBody(product, dialect),
  };
}

function deliveryBody(delivery: Delivery, isPlaceKnown: boolean, dialect: BuyWithPrimeDialect): object {
  const { summaryName, summaryFlag, detailsFlag } = dialect;
  const message = messageOf(delivery);
  const speed = { deliverySpeed: delivery.speed };
  const summary = {
    deliveryMessage: message,
    deliveryProvider: delivery.provider,
    deliveryTerms: { isPrimeEligible: flag(delivery.isPrime, summaryFlag), ...speed },
    deliveryCharge: money(delivery.charge, dialect),
  };
  const hasIds = isPlaceKnown && (!delivery.isPrime || dialect.primeIds);
  const details = {
    id: hasIds ? delivery.id : null,
    deliveryPreviewId: hasIds ? delivery.previewId : null,
    deliveryProvider: delivery.provider,
    date: isPlaceKnown ? { earliest: second(delivery.earliest), latest: second(delivery.latest) } : null,
    policy: { messaging: message },
    deliveryTerms: { isPrimeEligible: flag(delivery.isPrime, detailsFlag), ...speed },
  };
  return {
    deliveryOfferSummary: summaryName === 'summary' ? null : summary,
    summary: summaryName === 'deliveryOfferSummary' ? null : summary,
    details: isPlaceKnown || dialect.estimatedDetails ? details : null,
  };
}

function reversalBody({ prime, returnDays }: Product, { noReturns }: BuyWithPrimeDialect): object | null {
  if (prime && returnDays !== null) {
    return {
      summary: {
        title: { value: `Free ${returnDays}-day returns`, locale: LOCALE },
        description: { value: `Returns of this item are free for ${returnDays} days.`, locale: LOCALE },
        resolutionTypes: ['RETURN'],
      },
    };
  }
  if (noReturns === 'null') return null;
  return { summary: noReturns === 'no-summary' ? null : { title: null, description: null, resolutionTypes: [] } };
}

export function messageOf({ messageText, isPrime }: Delivery): object {
  return { messageText, badge: isPrime ? 'PRIME' : 'NONE', locale: LOCALE };
}

export function money(amount: string, { amounts }: Pick<BuyWithPrimeDialect, 'amounts'>): object {
  return { amount: exactNumber(writeAmount(amountOf(amount), amounts)), currencyCode: 'USD' };
}

function flag(value: boolean, spelling: 'word' | 'boolean'): boolean | string {
  return spelling === 'word' ? String(value) : value;
}

/** An instant to the second, as dates of delivery are. */
export function second(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19)}Z`;
}
