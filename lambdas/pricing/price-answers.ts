import * as z from 'zod/mini';
import {
  type AnswerBodies,
  CheckAccepted,
  pageOf,
  versionFields,
  watchFields,
} from '../shared/partner-api/answer-fields.ts';
import { PriceChange } from './price-changes.ts';
import { PriceSnapshot } from './price-snapshot.ts';
import { PriceTuning } from './price-tuning.ts';

const item = {
  account: z.string(),
  view: z.string(),
  marketplaceId: z.string(),
  asin: z.nullable(z.string()).check(z.describe('Null where the watch is by SKU.')),
  sku: z.nullable(z.string()).check(z.describe('Null where the watch is by ASIN.')),
  condition: z.string(),
  customerType: z.string(),
} as const;

export const PriceStatus = z.object({
  ...item,
  ...watchFields,
  price: z.nullable(PriceSnapshot).check(z.describe('Null where there is no price, or none is known yet.')),
});
export type PriceStatus = z.infer<typeof PriceStatus>;

export const PriceVersion = z.object({
  ...versionFields,
  price: z.nullable(PriceSnapshot).check(z.describe('The price since this version; null where there was none.')),
  changes: z.array(PriceChange).check(z.describe('What changed from the version before.')),
});
export type PriceVersion = z.infer<typeof PriceVersion>;

export const PriceWatchEntry = z.object({
  ...item,
  ...watchFields,
  tuning: PriceTuning.check(z.describe('What counts as a change; empty: everything usual does.')),
});
export type PriceWatchEntry = z.infer<typeof PriceWatchEntry>;

/** The same for items by ASIN and by SKU. */
const ofItems = (suffix: '' | 'BySku'): AnswerBodies => ({
  [`readPrice${suffix}`]: { 200: PriceStatus },
  [`readPriceHistory${suffix}`]: { 200: pageOf(PriceVersion) },
  [`checkPrice${suffix}`]: { 202: CheckAccepted },
  [`watchPrice${suffix}`]: { 200: PriceWatchEntry, 201: PriceWatchEntry },
  [`readPriceWatch${suffix}`]: { 200: PriceWatchEntry },
});

export const priceAnswers: AnswerBodies = {
  ...ofItems(''),
  ...ofItems('BySku'),
  listPriceWatches: { 200: pageOf(PriceWatchEntry) },
};
