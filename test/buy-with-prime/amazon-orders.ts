import { AmazonRefusal } from '../../lambdas/buy-with-prime/amazon-refusal.ts';
import type { BuyWithPrimeCall, BuyWithPrimeClient } from '../../lambdas/buy-with-prime/buy-with-prime-port.ts';
import type { OrderRequest, QuoteRequest } from '../../lambdas/buy-with-prime/buy-with-prime-requests.ts';
import type { Order, OrderLine } from '../../lambdas/buy-with-prime/order.ts';
import type { Quote } from '../../lambdas/buy-with-prime/quote.ts';
import { UnavailableError } from '../../lambdas/shared/errors.ts';
import { canonicalAmount } from '../../lambdas/shared/money.ts';

type OrderAlias = { readonly aliasType: string; readonly aliasId: string };

/** How the next mutation goes: as it should, lost on its way or on the way back, or taken up only when it is let land. */
export type Fate = 'answered' | 'lost before' | 'lost after' | 'late';

interface LiveOffer {
  readonly lines: QuoteRequest['lineItems'];
  total: string;
  until: number;
}

const LOST = () => new UnavailableError('TimedOut', 'Amazon gave no complete answer');

/** Amazon's side of orders, in memory: offers that do not last, and orders of which no two have one alias. */
export class AmazonOrders {
  readonly offers = new Map<string, LiveOffer>();
  /** By alias: all that were ever made, of which more than one is a fault. */
  readonly orders = new Map<string, Order[]>();
  /** What was asked, in order. */
  readonly asked: ('offers' | 'createOrder' | 'findOrder')[] = [];
  /** Of the next mutations. */
  readonly fates: Fate[] = [];
  /** Mutations that are still on their way. */
  readonly late: (() => void)[] = [];
  /** What every mutation is refused with. */
  refusal: AmazonRefusal | undefined;
  /** Whether an order uses its offer up. */
  consumes = true;
  /** Whether an alias that exists is refused. */
  forbidsTwo = true;
  /** EXTERNAL_IDs of the orders that have further aliases, by `<type>|<id>`. */
  readonly furtherAliases = new Map<string, string>();
  /** How often an order is not found yet although it is there. */
  stale = 0;
  readonly #now: () => number;
  #count = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** An offer that lives for a quarter of an hour. */
  offer(lines: QuoteRequest['lineItems'], total: string): string {
    const id = `offer-${++this.#count}`;
    this.offers.set(id, { lines, total, until: this.#now() + 900_000 });
    return id;
  }

  /**
   * The API as one process sees it.
   *
   * @param moment passed before a request leaves, and before its answer arrives
   */
  client(moment: () => Promise<void> = async () => undefined): BuyWithPrimeClient {
    const ask = async <Result>(name: (typeof this.asked)[number], answer: () => Result): Promise<Result> => {
      await moment();
      this.asked.push(name);
      const settled = ((): (() => Result) => {
        try {
          const result = answer();
          return () => result;
        } catch (error) {
          return () => {
            throw error;
          };
        }
      })();
      await moment();
      return settled();
    };
    return {
      offers: (_call, request) => ask('offers', () => ({ quote: this.#quote(request), expiresAt: undefined })),
      findOrder: (_call: BuyWithPrimeCall, alias, by = { aliasType: 'EXTERNAL_ID', aliasId: alias }) =>
        ask('findOrder', () => (this.stale-- > 0 ? undefined : this.#found(by, alias))),
      createOrder: (_call, request, alias) => ask('createOrder', () => this.#mutate(request, alias)),
    };
  }

  #found({ aliasType, aliasId }: OrderAlias, alias: string): Order | undefined {
    if (aliasType === 'EXTERNAL_ID') return this.orders.get(aliasId)?.[0];
    const owner = this.furtherAliases.get(`${aliasType}|${aliasId}`);
    if (owner === undefined) return undefined;
    // It tells our orderId only where the order has our alias.
    const order = this.orders.get(owner)?.[0] ?? orderOf('another', owner, [], '0', 'STARTED');
    return owner === alias ? order : { ...order, orderId: null };
  }

  #mutate(request: OrderRequest, alias: string): Order {
    const fate = this.fates.shift() ?? 'answered';
    if (fate === 'lost before') throw LOST();
    if (fate === 'late') {
      this.late.push(() => {
        try {
          this.#create(request, alias);
        } catch (error) {
          // Nobody waits for this answer any more.
          if (!(error instanceof AmazonRefusal)) throw error;
        }
      });
      throw LOST();
    }
    if (fate === 'answered') return this.#create(request, alias);
    try {
      this.#create(request, alias);
    } catch (error) {
      if (!(error instanceof AmazonRefusal)) throw error;
    }
    throw LOST();
  }

  #create({ offerId, totalPrice, desiredExecutionState, aliases = [] }: OrderRequest, alias: string): Order {
    if (this.refusal) throw this.refusal;
    const offer = this.offers.get(offerId);
    if (offer === undefined || this.#now() >= offer.until) {
      throw new AmazonRefusal('ValidationError', 'OfferExpired', 'refused');
    }
    if (canonicalAmount(totalPrice.amount) !== offer.total) {
      throw new AmazonRefusal('ValidationError', 'TotalPriceMismatch', 'refused');
    }
    const standing = this.orders.get(alias) ?? [];
    if (standing.length > 0 && this.forbidsTwo) throw new AmazonRefusal('ConflictError', '', 'refused');
    if (aliases.some(({ aliasType, aliasId }) => this.furtherAliases.has(`${aliasType}|${aliasId}`))) {
      throw new AmazonRefusal('ValidationError', 'AliasValueAlreadyExists', 'refused');
    }
    const order = orderOf(`amazon-${++this.#count}`, alias, offer.lines, offer.total, desiredExecutionState);
    this.orders.set(alias, [...standing, order]);
    for (const { aliasType, aliasId } of aliases) this.furtherAliases.set(`${aliasType}|${aliasId}`, alias);
    if (this.consumes) this.offers.delete(offerId);
    return order;
  }

  #quote({ lineItems }: QuoteRequest): Quote {
    const offerId = this.offer(lineItems, '25');
    return {
      quotedAt: new Date(this.#now()).toISOString(),
      offers: [{ offerId, lineItems: [] }],
      totalCount: 1,
    };
  }
}

const NOTHING_ELSE = {
  createdAt: null,
  payments: null,
  tax: null,
  discounts: null,
} as const;

export function lineOf({ productId, sku, quantity }: QuoteRequest['lineItems'][number]): OrderLine {
  return {
    ...NOTHING_ELSE,
    aliases: [],
    id: null,
    amount: { unit: 'ONE', value: quantity },
    product: {
      productId: productId ?? `id of ${sku}`,
      sku: sku ?? `SKU of ${productId}`,
      externalId: null,
      amazonSku: null,
      title: null,
      price: null,
      productDetailPageUrl: null,
      image: null,
      bundle: null,
    },
    delivery: null,
    packageState: null,
    packages: [],
    cancellations: [],
  };
}

export function orderOf(
  amazonOrderId: string,
  alias: string,
  lines: QuoteRequest['lineItems'],
  total: string,
  executionState: string,
): Order {
  return {
    ...NOTHING_ELSE,
    aliases: [],
    orderId: alias.slice(alias.indexOf('/') + 1),
    amazonOrderId,
    executionState,
    updatedAt: null,
    bwpCustomerId: null,
    lineItems: lines.map(lineOf),
    totalPrice: { amount: total, currencyCode: 'USD' },
    totalPriceVerified: true,
    rollupCharges: [],
    refunds: null,
    returns: [],
    orderLinks: [],
  };
}
