import { buyWithPrimeWords } from './buy-with-prime-event-words.ts';
import type { BusEvent } from './cloud/cloud.ts';
import { entitlementWords } from './entitlement-event-words.ts';
import { offerCodeWords } from './offer-code-event-words.ts';
import { offerWords } from './offer-event-words.ts';
import { priceWords } from './price-event-words.ts';

/** An event in plain words. */
export interface EventWords {
  readonly headline: string;
  readonly title: string;
  readonly story: string;
}

/** What people call an ALID, an ASIN or a SKU, where it is known. */
export type NameOf = (id: string) => string | undefined;

/** Says in plain words what an event of this stack tells; other events keep their detail-type. */
export function eventWords(event: BusEvent, nameOf: NameOf): EventWords {
  const headline = event['detail-type'];
  const data = event.detail['data'];
  return (
    offerCodeWords(headline, data) ??
    entitlementWords(headline, data) ??
    buyWithPrimeWords(headline, data) ??
    offerWords(headline, data, nameOf) ??
    priceWords(headline, data, nameOf) ?? { headline, title: event.source, story: '' }
  );
}
