import { defineRoute, listQuery } from '../shared/partner-api/route.ts';
import { PlayerId } from './player-id.ts';

const pathParameters = { playerId: PlayerId } as const;

export const playerRoutes = {
  fulfil: defineRoute({
    operationId: 'fulfilEntitlements',
    method: 'POST',
    path: '/v1/players/{playerId}/entitlements/fulfil',
    capability: 'entitlements',
    summary: 'Grants a player everything that is claimed with Prime Gaming, once, and reports it to Amazon.',
    description:
      'Call it whenever the player starts the game or opens the store: what has been granted is never granted again. The ' +
      'first call links the Amazon account of the token to the player. Call again where `complete` is false.',
    pathParameters,
    query: {},
    playerToken: true,
    answers: { 200: 'What became of each entitlement.' },
    errors: [
      'PLAYER_TOKEN_REQUIRED',
      'PLAYER_TOKEN_REFUSED',
      'PLAYER_CONSENT_MISSING',
      'ACCOUNT_OF_ANOTHER',
      'PLAYER_LINKED_OTHERWISE',
      'ENTITLEMENT_OF_ANOTHER',
      'UPSTREAM_REJECTED',
      'UPSTREAM_UNREADABLE',
      'UPSTREAM_THROTTLED',
      'UPSTREAM_UNAVAILABLE',
      'UPSTREAM_TIMEOUT',
    ],
  }),
  inventory: defineRoute({
    operationId: 'readInventory',
    method: 'GET',
    path: '/v1/players/{playerId}/inventory',
    capability: 'entitlements',
    summary: "What the stack's own inventory has given a player. Empty where a webhook of the game grants.",
    pathParameters,
    query: { ...listQuery },
    hasETag: true,
    answers: { 200: 'A page, by item.' },
    errors: ['INVALID_CURSOR'],
  }),
  unlink: defineRoute({
    operationId: 'unlinkAmazonAccount',
    method: 'DELETE',
    path: '/v1/players/{playerId}/amazon-account',
    capability: 'entitlements',
    summary: 'Unlinks the Amazon account of a player. What was granted stays, and is not granted again.',
    pathParameters,
    query: {},
    answers: { 204: 'No Amazon account is linked to the player.' },
    errors: [],
  }),
} as const;
