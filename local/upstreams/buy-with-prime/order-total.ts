import { amountOf, percentage, writeAmount, type Amount } from './exact-amount.ts';

/** What one line costs, before it is added up. */
export interface PricedLine {
  readonly price: string;
  readonly quantity: number;
  /** What delivery costs, and what is taken off it. */
  readonly charge: string;
  readonly chargeDiscount: string;
  /** Tax of the whole line. */
  readonly tax: string;
  /** What is taken off the whole line. */
  readonly discount: string;
}

/** The sums of an order, in US dollars. */
export interface OrderTotal {
  readonly subtotal: string;
  readonly shipping: string;
  readonly tax: string;
  readonly discount: string;
  readonly total: string;
}

/** Tax of a line in cents: per cent of its price, rounded half up. */
export function taxOf(price: string, quantity: number, taxPercent: string): string {
  return writeAmount(percentage(amountOf(price) * BigInt(quantity), amountOf(taxPercent)));
}

/** Prices and deliveries, less what is taken off, and taxes: exactly. */
export function totalOf(lines: readonly PricedLine[], orderDiscount = '0'): OrderTotal {
  const sum = (amount: (line: PricedLine) => Amount): Amount => lines.reduce((all, line) => all + amount(line), 0n);
  const subtotal = sum(({ price, quantity }) => amountOf(price) * BigInt(quantity));
  const shipping = sum(({ charge, chargeDiscount }) => amountOf(charge) - amountOf(chargeDiscount));
  const tax = sum((line) => amountOf(line.tax));
  const discount = sum((line) => amountOf(line.discount)) + amountOf(orderDiscount);
  return {
    subtotal: writeAmount(subtotal),
    shipping: writeAmount(shipping),
    tax: writeAmount(tax),
    discount: writeAmount(discount),
    total: writeAmount(subtotal + shipping + tax - discount),
  };
}
