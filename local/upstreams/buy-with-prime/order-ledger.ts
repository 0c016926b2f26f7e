import { randomInt, randomUUID } from 'node:crypto';
import { CancelOptions, ReturnOptions, ShipOptions } from './buy-with-prime-options.ts';
import { amountOf, writeAmount } from './exact-amount.ts';
import type { AliasInput } from './graphql-inputs.ts';
import type { LineShare, Order, Refund } from './order.ts';

/** Every order of every merchant. An alias belongs to one order of its merchant, for ever. */
export class OrderLedger {
  readonly #now: () => number;
  readonly #orders = new Map<string, Order>();
  /** Identifiers of orders by account and alias. */
  readonly #byAlias = new Map<string, string>();
  /** Counts what a saved ledger would have to hold. */
  #revision = 0;

  /**
   * @param now milliseconds since the epoch
   * @param saved orders of an earlier run
   */
  constructor(now: () => number, saved: readonly Order[] = []) {
    this.#now = now;
    for (const order of saved) this.#put(order);
  }

  get revision(): number {
    return this.#revision;
  }

  /** Oldest first. @param account left out, of all merchants */
  all(account?: string): Order[] {
    return [...this.#orders.values()].filter((order) => account === undefined || order.account === account);
  }

  find(account: string, orderId: string): Order | undefined {
    const order = this.#orders.get(orderId);
    return order?.account === account ? order : undefined;
  }

  findByAlias(account: string, alias: AliasInput): Order | undefined {
    return this.#orders.get(this.#byAlias.get(keyOf(account, alias)) ?? '');
  }

  /** Keeps a new order. Throws where one of its aliases is taken: nobody may have asked before. */
  add(order: Order): void {
    const { account, aliases, orderId } = order;
    if (aliases.some((alias) => this.findByAlias(account, alias))) throw new Error(`An alias of ${orderId} is taken.`);
    this.#put(order);
  }

  /** Sends pieces of a line on their way. Throws where there are not as many left. */
  ship(orderId: string, options: ShipOptions = {}): Order {
    const { line, quantity, state, reason } = ShipOptions.parse(options);
    const order = this.#require(orderId);
    const share = this.#share(order, line, quantity, [order.packages, order.cancellations]);
    const shipped = { ...share, id: randomUUID(), state, reason: reason ?? null };
    const tracker = { trackingNumber: `TBA${randomInt(1e11, 2e11)}`, carrierCode: 'AMZN_US' };
    return this.#change(order, { packages: [...order.packages, { ...shipped, ...tracker }] });
  }

  /** Takes pieces of a line that have not been shipped out of an order, and refunds them. */
  cancel(orderId: string, options: CancelOptions = {}): Order {
    const { line, quantity, additionalComments, ...why } = CancelOptions.parse(options);
    const order = this.#require(orderId);
    const share = this.#share(order, line, quantity, [order.packages, order.cancellations]);
    const refund = this.#refund(order, share);
    const made = { ...share, ...why, id: randomUUID(), at: this.#now(), refundId: refund.id };
    return this.#change(order, {
      cancellations: [...order.cancellations, { ...made, additionalComments: additionalComments ?? null }],
      refunds: [...order.refunds, refund],
    });
  }

  /** Takes pieces of a line back that were shipped, and refunds them. */
  return(orderId: string, options: ReturnOptions = {}): Order {
    const { line, quantity, state, condition } = ReturnOptions.parse(options);
    const order = this.#require(orderId);
    const shipped = piecesOf(line, [order.packages]);
    const share = this.#share(order, line, quantity, [order.returns], shipped);
    const ids = { id: randomUUID(), packageId: randomUUID(), itemId: randomUUID() };
    return this.#change(order, {
      returns: [...order.returns, { ...share, ...ids, at: this.#now(), state, condition }],
      refunds: [...order.refunds, this.#refund(order, share)],
    });
  }

  #require(orderId: string): Order {
    const order = this.#orders.get(orderId);
    if (!order) throw new Error(`There is no order "${orderId}".`);
    return order;
  }

  /** As many pieces as are wanted, if there are as many that none of the lists is about. */
  #share(
    { lines }: Order,
    line: number,
    wanted: number | undefined,
    taken: readonly (readonly LineShare[])[],
    among?: number,
  ): LineShare {
    const all = among ?? lines[line]?.quantity;
    if (all === undefined) throw new Error(`The order has no line ${line}.`);
    const left = all - piecesOf(line, taken);
    const quantity = wanted ?? left;
    if (quantity < 1 || quantity > left) throw new Error(`Of line ${line}, ${left} are left.`);
    return { line, quantity };
  }

  #refund({ lines }: Order, { line, quantity }: LineShare): Refund {
    const amount = writeAmount(amountOf(lines[line]?.price ?? '0') * BigInt(quantity));
    return { id: randomUUID(), at: this.#now(), line, quantity, amount };
  }

  #change(order: Order, change: Partial<Order>): Order {
    const changed = { ...order, ...change, updatedAt: this.#now() };
    this.#put(changed);
    return changed;
  }

  #put(order: Order): void {
    this.#orders.set(order.orderId, order);
    for (const alias of order.aliases) this.#byAlias.set(keyOf(order.account, alias), order.orderId);
    this.#revision += 1;
  }
}

function piecesOf(line: number, lists: readonly (readonly LineShare[])[]): number {
  return lists
    .flat()
    .filter((share) => share.line === line)
    .reduce((sum, { quantity }) => sum + quantity, 0);
}

function keyOf(account: string, { aliasType, aliasId }: AliasInput): string {
  return JSON.stringify([account, aliasType, aliasId]);
}
