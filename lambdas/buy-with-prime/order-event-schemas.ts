import * as z from 'zod/mini';
import { changeEventDetail } from '../change-events/change-event-schema.ts';

const about = {
  partner: z.string().check(z.describe('Partner that ordered, as the settings name it.')),
  account: z.string().check(z.describe('Merchant account at Buy with Prime, as the settings name it.')),
  orderId: z.string().check(z.describe("The partner's own identifier of the order.")),
  totalPrice: z
    .object({ amount: z.string(), currencyCode: z.string() })
    .check(z.describe('What the shopper has agreed to pay in total.')),
  items: z.int().check(z.describe('How many line items were to be ordered.')),
};

/** Data of `Order Created`: Buy with Prime has made an order. One event for each Idempotency-Key that ended in one. */
export const OrderCreated = z.object({
  ...about,
  amazonOrderId: z.string().check(z.describe("Amazon's identifier of the order.")),
  desiredExecutionState: z.enum(['STARTED', 'NOT_STARTED']),
  assumed: z
    .boolean()
    .check(z.describe('True where an answer was lost, and the order was found with its lines and its total.')),
});
export type OrderCreated = z.infer<typeof OrderCreated>;

/** Data of `Order Rejected`: no order was made, and the same request will not make one. One event for each Idempotency-Key. */
export const OrderRejected = z.object({
  ...about,
  reason: z.string().check(z.describe('Why not: the code that the partner was answered, such as OFFER_EXPIRED.')),
});
export type OrderRejected = z.infer<typeof OrderRejected>;

/** Data of `Buy with Prime Event Received`: what Buy with Prime itself has told, without what it holds of a shopper. */
export const BuyWithPrimeEventReceived = z.object({
  eventDescriptor: z.string().check(z.describe("Amazon's own type, such as PACKAGE_DELIVERED.")),
  eventId: z.nullable(z.string()).check(z.describe("Amazon's identifier of the event.")),
  apiVersion: z.nullable(z.string()),
  subscriptionId: z.nullable(z.string()),
  businessProductId: z.nullable(z.string()).check(z.describe('Whose event it is, where its resources tell.')),
  resources: z
    .array(z.string())
    .check(z.describe('What it is about, such as businessProduct/<id>/order/<order id>/return/<return id>.')),
  amazonOrderIds: z.array(z.string()).check(z.describe("The orders among its resources, by Amazon's identifier.")),
});
export type BuyWithPrimeEventReceived = z.infer<typeof BuyWithPrimeEventReceived>;

/**
 * The whole `detail` of each event about Buy with Prime, by detail type: the published JSON Schemas are made of these. No
 * function runs them, so they lie apart from what the bundles hold.
 */
export const buyWithPrimeEventSchemas = {
  'Order Created': changeEventDetail(OrderCreated),
  'Order Rejected': changeEventDetail(OrderRejected),
  'Buy with Prime Event Received': changeEventDetail(BuyWithPrimeEventReceived),
} as const;
