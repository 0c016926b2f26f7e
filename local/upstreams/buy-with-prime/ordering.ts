import { randomUUID } from 'node:crypto';
import type { BuyWithPrimeDialect } from './buy-with-prime-dialect.ts';
import type { Delivery } from './delivery.ts';
import { amountOf, readAmount, writeAmount } from './exact-amount.ts';
import type {
  AliasInput,
  CreateOrderFromOfferInput,
  DiscountsInput,
  LineItemInput,
  MoneyInput,
} from './graphql-inputs.ts';
import { pricedLines, type Offer, type OfferBook } from './offer-book.ts';
import type { OrderLedger } from './order-ledger.ts';
import { totalOf } from './order-total.ts';
import type { Discounts, Order, OrderedProduct, OrderLine } from './order.ts';
import type { Product, ProductCatalogue } from './product-catalogue.ts';
import { quantityOf, refuseTooMany } from './quoting.ts';
import { invalid, lostOffer, takenAlias } from './refusals.ts';

const MOST_ALIASES = 5;
const MOST_LINKS = 5;
const LONGEST_ALIAS = 512;
const CURRENCY = 'USD';

export interface OrderingParts {
  readonly catalogue: ProductCatalogue;
  readonly offers: OfferBook;
  readonly ledger: OrderLedger;
  /** Milliseconds since the epoch. */
  now(): number;
  /** Whether an offer that has become an order cannot become another one. */
  readonly consumesOffers: boolean;
}

/**
 * Makes an order of an offer.
 *
 * @param keeps false judges the request and makes up an order that nobody will find, as if it had come to nothing
 * @throws Refusal where Amazon would make none
 */
export function orderOffer(
  account: string,
  input: CreateOrderFromOfferInput,
  dialect: Pick<BuyWithPrimeDialect, 'takenAlias' | 'lostOffer' | 'firstLook'>,
  keeps: boolean,
  parts: OrderingParts,
): Order {
  const { catalogue, offers, ledger, now, consumesOffers } = parts;
  const aliases = aliasesOf(input.aliases);
  const refuseTaken = (): void => {
    if (aliases.some((alias) => ledger.findByAlias(account, alias))) throw takenAlias(dialect.takenAlias);
  };
  if (dialect.firstLook === 'aliases') refuseTaken();
  const offer = offers.find(account, input.baseOfferId);
  if (!offer) throw lostOffer(dialect.lostOffer);
  refuseTaken();
  if (offer.destination.mismatch) {
    throw invalid('The address is another one than the customer has.', 'AddressMismatch');
  }
  if (offer.destination.postalCode === undefined) {
    throw invalid('The offer is for no address: nothing can be delivered.', 'InvalidAddress');
  }
  const lines = [
    ...offeredLines(offer, catalogue),
    ...(input.additionalLineItems ?? []).map((item) => additionalLine(account, item, now(), catalogue)),
  ];
  refuseTooMany(lines.map(({ product }) => product.prime));
  const links = input.orderLinks ?? [];
  if (links.length > MOST_LINKS) throw invalid(`There may be ${MOST_LINKS} order links, not ${links.length}.`);
  const discounts = discountsOf(input.discounts);
  const sums = totalOf(lines, discounts?.amount);
  if (sums.total.startsWith('-')) throw invalid('The discounts are larger than what they are taken off.');
  if (input.totalPrice != null) refuseOtherTotal(input.totalPrice.value, sums.total);
  const at = now();
  const order: Order = {
    orderId: `bwp-order-${randomUUID()}`,
    account,
    offerId: offer.offerId,
    aliases,
    customerId: randomUUID(),
    recipientId: randomUUID(),
    executionState: input.desiredExecutionState ?? 'NOT_STARTED',
    createdAt: at,
    updatedAt: at,
    lines,
    sums,
    discounts,
    orderLinks: links.map(({ destinationType, url, displayMessage = null }) => ({
      destinationType,
      url,
      displayMessage,
    })),
    packages: [],
    cancellations: [],
    returns: [],
    refunds: [],
  };
  if (keeps) {
    ledger.add(order);
    if (consumesOffers) offers.remove(offer.offerId);
  }
  return order;
}

function offeredLines(offer: Offer, catalogue: ProductCatalogue): OrderLine[] {
  return pricedLines(offer, catalogue).map(({ product, ...priced }, index) => {
    const delivery = offer.lines[index]?.delivery;
    if (delivery == null) throw invalid('The offer has an item that nobody delivers.');
    const bundle = product.bundle && catalogue.find(offer.account, product.bundle.productId);
    return {
      ...priced,
      lineId: randomUUID(),
      aliases: [],
      product: orderedProduct(product),
      bundle: bundle && product.bundle ? { product: orderedProduct(bundle), quantity: product.bundle.quantity } : null,
      delivery,
      discounts: null,
    };
  });
}

/** A line that joins the order beside those of its offer. The merchant may sell things that the catalogue has not. */
function additionalLine(account: string, item: LineItemInput, now: number, catalogue: ProductCatalogue): OrderLine {
  const { identifier, title, price } = item.product ?? {};
  const known = identifier == null || price != null ? undefined : catalogue.identify(account, identifier);
  if (known === undefined && price == null) throw invalid('An additional item must name a product or a price.');
  const { details } = item.selectedDeliveryOffer;
  if (details == null) throw invalid('An additional item must say who delivers it.');
  if (!['AMAZON', 'MERCHANT'].includes(details.deliveryProvider)) {
    throw invalid('The deliveryProvider must be AMAZON or MERCHANT.');
  }
  const isPrime = details.deliveryTerms?.isPrimeEligible ?? false;
  const delivery: Delivery = {
    id: details.id ?? null,
    previewId: details.deliveryPreviewId ?? null,
    isPrime,
    provider: details.deliveryProvider,
    speed: details.deliveryTerms?.deliverySpeed ?? null,
    earliest: now,
    latest: now + 7 * 86_400_000,
    messageText: 'Get it within a week',
    charge: dollars(details.deliveryCharge),
    discount: '0',
  };
  const discounts = discountsOf(item.discounts);
  const product: OrderedProduct = known
    ? orderedProduct(known)
    : {
        productId: identifier?.productId ?? null,
        sku: identifier?.sku ?? null,
        amazonSku: null,
        externalId: null,
        title: null,
        prime: isPrime,
        price: dollars(price),
      };
  return {
    lineId: randomUUID(),
    aliases: aliasesOf(item.aliases),
    product: { ...product, title: title ?? product.title, prime: isPrime },
    bundle: null,
    delivery,
    discounts,
    price: product.price,
    quantity: quantityOf(item.amount),
    charge: delivery.charge,
    chargeDiscount: '0',
    tax: dollars(item.taxes?.summary?.collectableTaxAmount),
    discount: discounts?.amount ?? '0',
  };
}

function orderedProduct(product: Product): OrderedProduct {
  const { productId, sku, amazonSku, externalId, title, prime, price } = product;
  return { productId, sku, amazonSku, externalId, title, prime, price };
}

function aliasesOf(given: readonly AliasInput[] | null | undefined): readonly AliasInput[] {
  const aliases = (given ?? []).map(({ aliasType, aliasId }) => ({ aliasType, aliasId }));
  if (aliases.length > MOST_ALIASES) throw invalid(`There may be ${MOST_ALIASES} aliases, not ${aliases.length}.`);
  if (aliases.some(({ aliasId, aliasType }) => aliasType === '' || aliasId === '' || aliasId.length > LONGEST_ALIAS)) {
    throw invalid(`An alias must have a type, and an identifier of 1 to ${LONGEST_ALIAS} characters.`);
  }
  if (new Set(aliases.map((alias) => JSON.stringify(alias))).size < aliases.length) {
    throw invalid('An alias is named twice.');
  }
  return aliases;
}

/** The summary counts; without one, the details do. */
function discountsOf(given: DiscountsInput | null | undefined): Discounts | null {
  if (given == null) return null;
  const details = (given.details ?? []).map(({ amount, displayString, couponCode, aliases }) => ({
    amount: dollars(amount),
    displayString: displayString ?? null,
    couponCode: couponCode ?? null,
    aliases: aliasesOf(aliases),
  }));
  const sum = writeAmount(details.reduce((all, { amount }) => all + amountOf(amount), 0n));
  const amount = given.summary?.amount == null ? sum : dollars(given.summary.amount);
  return { amount, displayString: given.summary?.displayString ?? null, details };
}

function dollars(money: MoneyInput | null | undefined): string {
  if (money == null) return '0';
  const amount = readAmount(money.amount);
  if (amount === undefined)
    throw invalid('An amount must have at most eleven digits before the point and four behind.');
  if (money.currencyCode !== CURRENCY) throw invalid(`The currency must be ${CURRENCY}.`);
  return writeAmount(amount);
}

/** No public page says how this is refused. */
function refuseOtherTotal({ amount, currencyCode }: MoneyInput, total: string): void {
  if (currencyCode === CURRENCY && readAmount(amount) === amountOf(total)) return;
  throw invalid('The total price of the order is another one.', 'TotalPriceMismatch');
}
