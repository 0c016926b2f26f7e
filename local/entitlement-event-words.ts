import * as z from 'zod';
import type { EventWords } from './event-words.ts';

const Entitlement = z.object({ partner: z.string(), playerId: z.string(), sku: z.string() });
const Item = z.object({ itemId: z.string(), quantity: z.number(), granted: z.boolean() });
const Granted = Entitlement.extend({ items: z.array(Item), alreadyOwnedBy: z.nullable(z.string()) });
const Reported = Entitlement.extend({ assumed: z.boolean() });
const Stuck = Entitlement.extend({ status: z.string(), reason: z.string() });

/** What an event about an entitlement tells; undefined for any other. */
export function entitlementWords(headline: string, data: unknown): EventWords | undefined {
  switch (headline) {
    case 'Entitlement Granted': {
      const granted = Granted.safeParse(data).data;
      return granted && words(headline, granted, gift(granted));
    }
    case 'Entitlement Reported': {
      const reported = Reported.safeParse(data).data;
      return reported && words(headline, reported, reported.assumed ? 'Amazon lists it no more' : 'Amazon knows');
    }
    case 'Entitlement Stuck': {
      const stuck = Stuck.safeParse(data).data;
      const place = stuck?.status === 'GRANTED' ? 'granted, but not reported' : 'not granted';
      return stuck && words(headline, stuck, `${place}: ${stuck.reason}`);
    }
    default:
      return undefined;
  }
}

function gift({ items, alreadyOwnedBy }: z.infer<typeof Granted>): string {
  if (alreadyOwnedBy !== null) return 'nothing, another entitlement has granted it';
  const stories = items.map(({ itemId, quantity, granted }) => {
    if (!granted) return `${itemId} (owned already)`;
    return quantity === 1 ? itemId : `${quantity} ${itemId}`;
  });
  return stories.length === 0 ? 'nothing' : stories.join(', ');
}

function words(headline: string, { partner, playerId, sku }: z.infer<typeof Entitlement>, story: string): EventWords {
  return { headline, title: sku, story: `${playerId} of ${partner}: ${story}` };
}
