import type { UpstreamError } from '../shared/errors.ts';
import { UnavailableError, UnreadableAnswerError } from '../shared/errors.ts';
import { boundedRaw } from '../shared/http.ts';
import type { PriceWatch } from '../shared/watches.ts';
import { normaliseOffers, normalisePrice } from './normalise-prices.ts';
import type { PriceReading } from './prices.ts';
import type { OffersItem, PriceItem } from './pricing-answers.ts';

/** What an item of an answer amounts to. */
export type ReadPrice =
  | { readonly kind: 'price'; readonly reading: PriceReading }
  /** Amazon does not know the item, or does not take its identifier. */
  | { readonly kind: 'refused'; readonly code: string; readonly message: string }
  /** Amazon has nothing to say yet; `until` in epoch milliseconds, where it says so. */
  | { readonly kind: 'early'; readonly until: number | undefined }
  | { readonly kind: 'failed'; readonly error: UpstreamError };

/** Reads an item by its status. An item that cannot be understood is a failure that holds it, for quarantine. */
export function readPrice(
  { item }: { readonly item: PriceItem | OffersItem },
  watch: PriceWatch,
  own: { readonly sellerId: string | undefined },
): ReadPrice {
  switch (item.status) {
    case 'ClientError':
      return { kind: 'refused', code: 'ClientError', message: `Amazon does not take ${watch.itemType} ${watch.item}` };
    case 'ServerError':
      return { kind: 'failed', error: new UnavailableError('ServerError', 'Amazon could not answer about the item') };
    case 'ActiveButTooSoonForProcessing':
      return { kind: 'early', until: availableAt(item) };
  }
  try {
    const reading = watch.view === 'offers' ? normaliseOffers(item, watch, own) : normalisePrice(item, watch, own);
    return { kind: 'price', reading };
  } catch (error) {
    const raw = boundedRaw(JSON.stringify(item));
    if (error instanceof UnreadableAnswerError) {
      return { kind: 'failed', error: new UnreadableAnswerError(error.message, { raw, shape: error.shape }) };
    }
    // Whatever it is, it is in this item: the others are none the worse for it.
    const name = error instanceof Error ? error.name : 'error';
    const message = `the item cannot be understood: ${error instanceof Error ? error.message : String(error)}`;
    return { kind: 'failed', error: new UnreadableAnswerError(message, { raw, shape: name }) };
  }
}

function availableAt(item: PriceItem | OffersItem): number | undefined {
  const time = 'Summary' in item ? Date.parse(item.Summary?.OffersAvailableTime ?? '') : Number.NaN;
  return Number.isNaN(time) ? undefined : time;
}
