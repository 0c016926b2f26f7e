import { randomUUID } from 'node:crypto';
import type { DeliveryTermsInput } from './graphql-inputs.ts';
import type { Product } from './product-catalogue.ts';

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
/** Hours of the UTC day between which things are delivered: 8 in the morning to 8 in the evening, on the Pacific coast. */
const [FIRST_HOUR, LAST_HOUR] = [15, 27];
const WEEKDAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** How one line would be delivered: plain data. */
export interface Delivery {
  /** Prime's deliveries alone have identifiers. */
  readonly id: string | null;
  readonly previewId: string | null;
  readonly isPrime: boolean;
  readonly provider: string;
  readonly speed: string | null;
  /** Milliseconds since the epoch. */
  readonly earliest: number;
  readonly latest: number;
  readonly messageText: string;
  /** What it costs, and what Prime takes off again. */
  readonly charge: string;
  readonly discount: string;
}

/** The delivery of a product that is ordered now; null where there is none, or none as is wanted. */
export function deliveryOf(
  product: Product,
  now: number,
  wanted: DeliveryTermsInput | null | undefined,
): Delivery | null {
  const { prime, deliveredBy, deliveryDays, deliveryCharge } = product;
  const speed = prime ? null : 'Standard';
  if (deliveryDays === null) return null;
  if (wanted?.isPrimeEligible != null && wanted.isPrimeEligible !== prime) return null;
  if (wanted?.deliverySpeed != null && wanted.deliverySpeed !== speed) return null;
  const day = Math.floor(now / DAY_MS) * DAY_MS + deliveryDays * DAY_MS;
  return {
    id: prime ? randomUUID() : null,
    previewId: prime ? randomUUID() : null,
    isPrime: prime,
    provider: prime ? 'AMAZON' : deliveredBy,
    speed,
    earliest: Math.max(day + FIRST_HOUR * HOUR_MS, now),
    latest: day + LAST_HOUR * HOUR_MS,
    messageText: `Get it as soon as ${dayWords(day, deliveryDays)}`,
    charge: deliveryCharge,
    discount: prime ? deliveryCharge : '0',
  };
}

/** As the document words days: `Tomorrow May 11`, and `Thursday, Dec 7` for later ones. */
function dayWords(day: number, days: number): string {
  const date = new Date(day);
  const monthDay = `${MONTHS[date.getUTCMonth()]} ${date.getUTCDate()}`;
  if (days > 1) return `${WEEKDAYS[date.getUTCDay()]}, ${monthDay}`;
  return `${days === 0 ? 'Today' : 'Tomorrow'} ${monthDay}`;
}
