import * as z from 'zod/mini';
import { defineRoute, historyQuery, listQuery, oneOf, pathText, queryText } from '../shared/partner-api/route.ts';
import { MARKETPLACES } from './marketplaces.ts';

const pathParameters = {
  licensor: pathText(200).check(z.describe("The partner's organization identifier.")),
  alid: pathText(700).check(z.describe('Title identifier: ALID or SKU.')),
} as const;
const marketplace = oneOf(MARKETPLACES);
const whichOne = z
  .optional(marketplace)
  .check(z.describe('Needed where the title is watched in several marketplaces.'));

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
    answers: { 200: 'The status.' },
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
    answers: { 200: 'A page.' },
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
    answers: { 202: 'It will be looked at.' },
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
      200: 'It is on the list already.',
      201: 'It is on the list now.',
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
    answers: { 200: 'The entry.' },
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
    answers: { 204: 'It is not on the list.' },
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
    answers: { 200: 'A page; it may hold fewer items than asked for.' },
    errors: ['INVALID_CURSOR'],
  }),
} as const;
