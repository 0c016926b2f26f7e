import type { Delivery } from './delivery.ts';
import type { AliasInput } from './graphql-inputs.ts';
import type { OrderTotal, PricedLine } from './order-total.ts';

// Plain data throughout, so that an order can be kept in a file. Times are milliseconds since the epoch, amounts are in US
// dollars, and nothing of the shopper is in here.

/** What is taken off, as the merchant said it. */
export interface Discounts {
  readonly amount: string;
  readonly displayString: string | null;
  readonly details: readonly {
    readonly amount: string;
    readonly displayString: string | null;
    readonly couponCode: string | null;
    readonly aliases: readonly AliasInput[];
  }[];
}

export interface OrderedProduct {
  readonly productId: string | null;
  readonly sku: string | null;
  readonly amazonSku: string | null;
  readonly externalId: string | null;
  readonly title: string | null;
  readonly prime: boolean;
  readonly price: string;
}

export interface OrderLine extends PricedLine {
  readonly lineId: string;
  readonly aliases: readonly AliasInput[];
  readonly product: OrderedProduct;
  /** What the product is sold as a part of. */
  readonly bundle: { readonly product: OrderedProduct; readonly quantity: number } | null;
  readonly delivery: Delivery;
  readonly discounts: Discounts | null;
}

/** How many pieces of which line something is about. */
export interface LineShare {
  readonly line: number;
  readonly quantity: number;
}

export interface Package extends LineShare {
  readonly id: string;
  readonly state: string;
  readonly reason: string | null;
  readonly trackingNumber: string;
  readonly carrierCode: string;
}

export interface Refund extends LineShare {
  readonly id: string;
  readonly at: number;
  readonly amount: string;
}

export interface Cancellation extends LineShare {
  readonly id: string;
  readonly at: number;
  readonly reason: string;
  readonly requestedBy: string;
  readonly additionalComments: string | null;
  readonly refundId: string;
}

export interface Return extends LineShare {
  readonly id: string;
  readonly packageId: string;
  readonly itemId: string;
  readonly at: number;
  readonly state: string;
  readonly condition: string;
}

export interface Order {
  readonly orderId: string;
  readonly account: string;
  readonly offerId: string;
  readonly aliases: readonly AliasInput[];
  readonly customerId: string;
  readonly recipientId: string;
  readonly executionState: 'STARTED' | 'NOT_STARTED';
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly lines: readonly OrderLine[];
  readonly sums: OrderTotal;
  readonly discounts: Discounts | null;
  readonly orderLinks: readonly {
    readonly destinationType: string;
    readonly url: string;
    readonly displayMessage: string | null;
  }[];
  readonly packages: readonly Package[];
  readonly cancellations: readonly Cancellation[];
  readonly returns: readonly Return[];
  readonly refunds: readonly Refund[];
}
