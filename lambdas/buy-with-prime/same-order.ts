import { canonicalAmount } from '../shared/money.ts';
import type { OrderRequest } from './buy-with-prime-requests.ts';
import type { Order, OrderLine } from './order.ts';

interface WantedItem {
  readonly productId?: string | undefined;
  readonly sku?: string | undefined;
  readonly quantity: number;
}

type Judgement = 'same' | 'other' | 'untold';

/**
 * Whether an order that was found under the alias of a request is the one that it asks for: the same products in the same
 * quantities, and the same total.
 *
 * @returns `untold` where nothing that Amazon tells speaks against it, and Amazon does not tell everything
 */
export function compareOrder(
  { quote, additionalLineItems = [], totalPrice }: Pick<OrderRequest, 'quote' | 'additionalLineItems' | 'totalPrice'>,
  order: Pick<Order, 'lineItems' | 'totalPrice'>,
): Judgement {
  const judgements = [
    compareTotal(totalPrice, order.totalPrice),
    compareLines([...quote.lineItems, ...additionalLineItems], order.lineItems),
  ];
  return judgements.find((one) => one === 'other') ?? judgements.find((one) => one === 'untold') ?? 'same';
}

function compareTotal(wanted: OrderRequest['totalPrice'], total: Order['totalPrice']): Judgement {
  if (total === null) return 'untold';
  if (total.amount !== canonicalAmount(wanted.amount)) return 'other';
  if (total.currencyCode === null) return 'untold';
  return total.currencyCode === wanted.currencyCode ? 'same' : 'other';
}

/** Lines of one product may be put together, or taken apart: quantities count. */
function compareLines(wanted: readonly WantedItem[], lines: readonly OrderLine[]): Judgement {
  if (lines.length === 0) return 'untold';
  const open = wanted.map((item) => ({ item, left: item.quantity }));
  for (const line of lines) {
    if (typeof line.amount?.value !== 'number') return 'untold';
    let quantity = line.amount.value;
    for (const entry of open.filter(({ item }) => namesOf(item, line).includes(item.productId ?? item.sku ?? null))) {
      const taken = Math.min(entry.left, quantity);
      entry.left -= taken;
      quantity -= taken;
    }
    if (quantity === 0) continue;
    const isNamed = wanted.every((item) => namesOf(item, line).some((name) => name !== null));
    return isNamed ? 'other' : 'untold';
  }
  return open.every(({ left }) => left === 0) ? 'same' : 'other';
}

/** What a line says of its product, by the kind of name that an item wants it by: Amazon has a SKU in one of several places. */
function namesOf({ productId }: WantedItem, { product }: OrderLine): readonly (string | null)[] {
  if (product === null) return [];
  if (productId !== undefined) return [product.productId];
  return [product.sku, product.amazonSku?.value ?? null, product.externalId];
}
