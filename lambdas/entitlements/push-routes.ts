import * as z from 'zod/mini';
import { defineRoute, pathText } from '../shared/partner-api/route.ts';
import { PlayerId } from './player-id.ts';

// The contract of the push integration is not public: these shapes are assumed. Fields that nobody knows are let through.
const pathParameters = { partner: pathText(40).check(z.describe('The partner, as the settings name it.')) } as const;

const userId = z
  .string()
  .check(
    z.regex(/^[\x21-\x7e]{1,200}$/u, { error: 'must be 1 to 200 visible ASCII characters' }),
    z.describe('The Amazon account: user_id of Login with Amazon.'),
  );

export const PushedClaim = z.looseObject({
  EntitlementId: z
    .string()
    .check(z.regex(/^[\x21-\x7e]{1,200}$/u, { error: 'must be 1 to 200 visible ASCII characters' })),
  VendorProductId: z
    .string()
    .check(z.regex(/^[A-Za-z0-9._:-]{1,200}$/u, { error: 'must be 1 to 200 letters, digits and . _ : -' })),
  UserId: userId,
});
export const PushedLink = z.looseObject({ UserId: userId, FulfillmentAddress: PlayerId });
export const PushedUnlink = z.looseObject({ UserId: userId });

const common = { method: 'POST', capability: 'push', pathParameters, query: {} } as const;

export const pushRoutes = {
  claim: defineRoute({
    ...common,
    operationId: 'pushClaim',
    path: '/v1/push/{partner}/claims',
    summary: 'Push integration: Amazon tells of a claim, and the player linked to the account gets it, once.',
    body: PushedClaim,
    answers: { 200: 'The player has the items.' },
    errors: [
      'PUSH_SIGNATURE_REFUSED',
      'NOT_FOUND',
      'ACCOUNT_NOT_LINKED',
      'UNKNOWN_SKU',
      'ENTITLEMENT_OF_ANOTHER',
      'GRANT_REFUSED',
      'GRANT_PENDING',
    ],
  }),
  link: defineRoute({
    ...common,
    operationId: 'pushAccountLink',
    path: '/v1/push/{partner}/account-links',
    summary: 'Push integration: links an Amazon account to a player.',
    body: PushedLink,
    answers: { 204: 'They are linked.' },
    errors: ['PUSH_SIGNATURE_REFUSED', 'NOT_FOUND', 'ACCOUNT_OF_ANOTHER', 'PLAYER_LINKED_OTHERWISE'],
  }),
  unlink: defineRoute({
    ...common,
    operationId: 'pushAccountUnlink',
    path: '/v1/push/{partner}/account-unlinks',
    summary: 'Push integration: unlinks an Amazon account from its player.',
    body: PushedUnlink,
    answers: { 204: 'It is linked to nobody.' },
    errors: ['PUSH_SIGNATURE_REFUSED', 'NOT_FOUND'],
  }),
} as const;
