import * as z from 'zod/mini';
import {
  type AnswerBodies,
  CheckAccepted,
  pageOf,
  versionFields,
  watchFields,
} from '../shared/partner-api/answer-fields.ts';
import { OfferChange } from './offer-changes.ts';
import { Offer } from './offer.ts';

const title = {
  licensor: z.string(),
  alid: z.string(),
  marketplace: z.string(),
} as const;

export const TitleStatus = z.object({
  ...title,
  ...watchFields,
  offers: z.array(Offer).check(z.describe('Offers of the title, in one fixed order.')),
});
export type TitleStatus = z.infer<typeof TitleStatus>;

export const TitleVersion = z.object({
  ...versionFields,
  offers: z.array(Offer).check(z.describe('Offers since this version.')),
  changes: z.array(OfferChange).check(z.describe('What changed from the version before.')),
});
export type TitleVersion = z.infer<typeof TitleVersion>;

export const TitleWatchEntry = z.object({ ...title, ...watchFields });
export type TitleWatchEntry = z.infer<typeof TitleWatchEntry>;

export const titleAnswers = {
  readTitleStatus: { 200: TitleStatus },
  readTitleHistory: { 200: pageOf(TitleVersion) },
  checkTitle: { 202: CheckAccepted },
  watchTitle: { 200: TitleWatchEntry, 201: TitleWatchEntry },
  readTitleWatch: { 200: TitleWatchEntry },
  listTitleWatches: { 200: pageOf(TitleWatchEntry) },
} as const satisfies AnswerBodies;
