import * as z from 'zod';
import type { EventWords } from './event-words.ts';

const Order = z.object({
  partner: z.string(),
  orderId: z.string(),
  totalPrice: z.object({ amount: z.string(), currencyCode: z.string() }),
  items: z.number(),
});
const Created = Order.extend({ desiredExecutionState: z.string(), assumed: z.boolean() });
const Rejected = Order.extend({ reason: z.string() });
const Received = z.object({
  eventDescriptor: z.string(),
  amazonOrderIds: z.array(z.string()),
  resources: z.array(z.string()),
});

/** What an event about Buy with Prime tells; undefined for any other. */
export function buyWithPrimeWords(headline: string, data: unknown): EventWords | undefined {
  switch (headline) {
    case 'Order Created': {
      const created = Created.safeParse(data).data;
      return created && words(headline, created, creation(created));
    }
    case 'Order Rejected': {
      const rejected = Rejected.safeParse(data).data;
      return rejected && words(headline, rejected, rejected.reason);
    }
    case 'Buy with Prime Event Received': {
      const received = Received.safeParse(data).data;
      if (!received) return undefined;
      const { eventDescriptor, amazonOrderIds, resources } = received;
      return { headline, title: eventDescriptor, story: amazonOrderIds[0] ?? resources[0] ?? '' };
    }
    default:
      return undefined;
  }
}

function creation({ desiredExecutionState, assumed }: z.infer<typeof Created>): string {
  const begun = desiredExecutionState === 'STARTED' ? 'delivery begins' : 'not started yet';
  return assumed ? `${begun}, found after its answer was lost` : begun;
}

function words(headline: string, order: z.infer<typeof Order>, story: string): EventWords {
  const { partner, orderId, totalPrice, items } = order;
  const size = `${items} ${items === 1 ? 'item' : 'items'} for ${totalPrice.amount} ${totalPrice.currencyCode}`;
  return { headline, title: orderId, story: `${partner}, ${size}: ${story}` };
}
