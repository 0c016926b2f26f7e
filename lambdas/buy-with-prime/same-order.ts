import { canonicalAmount } from '../shared/money.ts';
import type { OrderRequest } from './buy-with-prime-requests.ts';
import type { Order, OrderLine } from './order.ts';

interface WantedItem {
  readonly productId?: string | undefined;
  readonly sku?: string | undefined;
  readonly quantity: number;
}

/**
 * Whether an order that was found under the alias of a request is the one that it asks for: the same products in the same
 * quantities, and the same total. What Amazon does not tell is not the same.
 */
export function isSameOrder(
  { quote, additionalLineItems = [], totalPrice }: Pick<OrderRequest, 'quote' | 'additionalLineItems' | 'totalPrice'>,
  order: Pick<Order, 'lineItems' | 'totalPrice'>,
): boolean {
  const sameTotal =
    order.totalPrice !== null &&
    order.totalPrice.currencyCode === totalPrice.currencyCode &&
    order.totalPrice.amount === canonicalAmount(totalPrice.amount);
  return sameTotal && haveSameLines([...quote.lineItems, ...additionalLineItems], order.lineItems);
}

/** Lines of one product may be put together, or taken apart: quantities count. */
function haveSameLines(wanted: readonly WantedItem[], lines: readonly OrderLine[]): boolean {
  const open = wanted.map((item) => ({ item, left: item.quantity }));
  for (const line of lines) {
    let quantity = line.amount?.value ?? Number.NaN;
    for (const entry of open.filter(({ item }) => isOf(item, line))) {
      const taken = Math.min(entry.left, quantity);
      entry.left -= taken;
      quantity -= taken;
    }
    if (quantity !== 0) return false;
  }
  return open.every(({ left }) => left === 0);
}

/** Amazon names a SKU in one of several places. */
function isOf({ productId, sku }: WantedItem, { product }: OrderLine): boolean {
  if (product === null) return false;
  if (productId !== undefined) return product.productId === productId;
  return [product.sku, product.amazonSku?.value, product.externalId].includes(sku);
}
