import type { PriceView, PriceWatch } from '../shared/watches.ts';
import { ITEM_CONDITIONS } from '../shared/watches.ts';

/** Conditions that a view may ask for. `Any` is a request without a filter; those of the offers view always have one. */
export const CONDITIONS_OF_VIEW: Readonly<Record<PriceView, readonly PriceWatch['condition'][]>> = {
  own: ['Any', ...ITEM_CONDITIONS],
  competitive: ['Any'],
  offers: ITEM_CONDITIONS,
};

/** The condition of a watch that names none. */
export function usualCondition(view: PriceView): PriceWatch['condition'] {
  return view === 'offers' ? 'New' : 'Any';
}

export const ASIN = /^[A-Z0-9]{10}$/u;
export const ASIN_RULE = 'must be 10 capital letters and digits';

/** Why a view's requests cannot carry a SKU, as a phrase about the SKU; undefined where they can. */
export function listFault(view: PriceView, sku: string): string | undefined {
  if (view === 'offers' || !sku.includes(',')) return undefined;
  return 'holds a comma, and the views own and competitive ask Amazon for a list of SKUs that commas separate: only the view offers can watch it';
}
