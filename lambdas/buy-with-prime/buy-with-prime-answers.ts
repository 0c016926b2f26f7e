import * as z from 'zod/mini';
import type { AnswerBodies } from '../shared/partner-api/answer-fields.ts';
import { Order } from './order.ts';
import { Quote } from './quote.ts';

export const PlacedOrder = z.object({
  orderId: z.string().check(z.describe('Your own identifier.')),
  amazonOrderId: z.string().check(z.describe("Amazon's identifier.")),
  assumed: z
    .boolean()
    .check(z.describe('True where an answer was lost, and the order was found with its lines and its total.')),
  order: z
    .nullable(Order)
    .check(z.describe('The whole order; null where Amazon could not tell it now: read it, later.')),
});
export type PlacedOrder = z.infer<typeof PlacedOrder>;

export const buyWithPrimeAnswers = {
  quoteOffers: { 200: Quote },
  orderOffer: { 201: PlacedOrder },
  readOrder: { 200: Order },
} as const satisfies AnswerBodies;
