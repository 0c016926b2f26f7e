import * as z from 'zod/mini';
import {
  CheckAccepted,
  defineRoute,
  historyQuery,
  listQuery,
  oneOf,
  pageOf,
  pathText,
  queryText,
  versionFields,
  watchFields,
} from '../shared/partner-api/route.ts';
import { MARKETPLACES } from './marketplaces.ts';
import { OfferChange } from './offer-changes.ts';
import { Offer } from './offer.ts';

const pathParameters = {
  licensor: pathText(200).check(z.describe("The partner's organization identifier.")),
  alid: pathText(700).check(z.describe('Title identifier: ALID or SKU.')),
} as const;
const marketplace = oneOf(MARKETPLACES);
const whichOne = z
  .optional(marketplace)
  .check(z.describe('Needed where the title is watched in several marketplaces.'));

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

export const titleRoutes = {
  status: defineRoute({
    operationId: 'readTitleStatus',
    method: 'GET',
    path: '/v1/titles/{licensor}/{alid}/status',
    capability: 'reading',
    summary: 'The latest known status of a watched title.',
    pathParameters,
    query: { marketplace: whichOne },
    hasETag: true,
    answers: { 200: { meaning: 'The status.', body: TitleStatus } },
    errors: ['NOT_FOUND', 'AMBIGUOUS'],
  }),
  history: defineRoute({
    operationId: 'readTitleHistory',
    method: 'GET',
    path: '/v1/titles/{licensor}/{alid}/history',
    capability: 'reading',
    summary: 'Every recorded version of a title, newest first, also of one that is not watched any more.',
    pathParameters,
    query: { marketplace: whichOne, ...historyQuery },
    hasETag: true,
    answers: { 200: { meaning: 'A page.', body: pageOf(TitleVersion) } },
    errors: ['NOT_FOUND', 'AMBIGUOUS', 'INVALID_CURSOR'],
  }),
  check: defineRoute({
    operationId: 'checkTitle',
    method: 'POST',
    path: '/v1/titles/{licensor}/{alid}/check',
    capability: 'watch-list',
    summary: 'Has a watched title looked at as soon as its rate limit lets it.',
    pathParameters,
    query: { marketplace: whichOne },
    answers: { 202: { meaning: 'It will be looked at.', body: CheckAccepted } },
    errors: ['NOT_FOUND', 'AMBIGUOUS'],
  }),
  watch: defineRoute({
    operationId: 'watchTitle',
    method: 'PUT',
    path: '/v1/watches/titles/{licensor}/{alid}',
    capability: 'watch-list',
    summary: 'Puts a title on the watch list.',
    pathParameters,
    query: { marketplace: z._default(marketplace, 'GLOBAL') },
    answers: {
      200: { meaning: 'It is on the list already.', body: TitleWatchEntry },
      201: { meaning: 'It is on the list now.', body: TitleWatchEntry },
    },
    errors: [],
  }),
  readWatch: defineRoute({
    operationId: 'readTitleWatch',
    method: 'GET',
    path: '/v1/watches/titles/{licensor}/{alid}',
    capability: 'watch-list',
    summary: 'A title as the watch list has it.',
    pathParameters,
    query: { marketplace: whichOne },
    answers: { 200: { meaning: 'The entry.', body: TitleWatchEntry } },
    errors: ['NOT_FOUND', 'AMBIGUOUS'],
  }),
  unwatch: defineRoute({
    operationId: 'unwatchTitle',
    method: 'DELETE',
    path: '/v1/watches/titles/{licensor}/{alid}',
    capability: 'watch-list',
    summary: 'Takes a title off the watch list. Its history stays.',
    pathParameters,
    query: { marketplace: z._default(marketplace, 'GLOBAL') },
    answers: { 204: { meaning: 'It is not on the list.' } },
    errors: [],
  }),
  list: defineRoute({
    operationId: 'listTitleWatches',
    method: 'GET',
    path: '/v1/watches/titles',
    capability: 'watch-list',
    summary: 'The titles on the watch list, in no particular order.',
    pathParameters: {},
    query: { licensor: z.optional(queryText(200)), ...listQuery },
    answers: { 200: { meaning: 'A page; it may hold fewer items than asked for.', body: pageOf(TitleWatchEntry) } },
    errors: ['INVALID_CURSOR'],
  }),
} as const;
