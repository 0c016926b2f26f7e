import * as z from 'zod';
import { ControlError, type ControlRoute } from '../control-server.ts';
import type { AmazonAccounts } from './amazon-accounts.ts';
import type { ClaimLedger } from './claim-ledger.ts';
import { AmazonAccountOptions, ClaimOptions, TokenOptions } from './entitlement-options.ts';
import type { PlayerTokens } from './player-tokens.ts';

const NewAccounts = z.array(AmazonAccountOptions);
const NewTokens = z.array(TokenOptions);
const NewClaims = z.array(ClaimOptions);

export interface EntitlementsControlParts {
  accounts: AmazonAccounts;
  tokens: PlayerTokens;
  ledger: ClaimLedger;
}

/** The control operations that belong to entitlements: accounts, tokens, claims, and what was reported. */
export function entitlementsControl({ accounts, tokens, ledger }: EntitlementsControlParts): ControlRoute[] {
  return [
    {
      method: 'POST',
      path: '/control/prime-gaming/accounts',
      handle: ({ body }) => {
        const wanted = NewAccounts.parse(body);
        const added = wanted.map((options) => refusing(400, () => accounts.set(options)));
        return { status: 201, body: { accounts: added } };
      },
    },
    {
      method: 'GET',
      path: '/control/prime-gaming/accounts',
      handle: () => ({ body: { accounts: accounts.all() } }),
    },
    {
      method: 'POST',
      path: '/control/prime-gaming/accounts/:account/expire-tokens',
      handle: ({ params }) => {
        const account = params['account'] ?? '';
        if (!accounts.find(account)) throw new ControlError(404, `There is no account "${account}".`);
        return { body: { expired: tokens.expire(account) } };
      },
    },
    {
      method: 'POST',
      path: '/control/prime-gaming/tokens',
      handle: ({ body }) => {
        const wanted = NewTokens.parse(body);
        for (const { account } of wanted) accounts.require(account);
        return { status: 201, body: { tokens: wanted.map((options) => tokens.issue(options)) } };
      },
    },
    {
      method: 'POST',
      path: '/control/prime-gaming/claims',
      handle: ({ body }) => {
        const wanted = NewClaims.parse(body);
        refuseTaken(
          wanted.flatMap(({ entitlementId }) => entitlementId ?? []),
          ledger,
        );
        return { status: 201, body: { entitlementIds: wanted.map((options) => ledger.claim(options)) } };
      },
    },
    {
      method: 'GET',
      path: '/control/prime-gaming/claims',
      handle: ({ query }) => {
        const account = query.get('account');
        return { body: { claims: ledger.all().filter((claim) => account === null || claim.account === account) } };
      },
    },
    {
      method: 'DELETE',
      path: '/control/prime-gaming/claims/:entitlementId',
      handle: ({ params }) => {
        const id = params['entitlementId'] ?? '';
        if (!ledger.revoke(id)) throw new ControlError(404, 'There is no open claim of this identifier.');
        return { body: ledger.find(id) };
      },
    },
    {
      method: 'GET',
      path: '/control/prime-gaming/reports',
      handle: ({ query }) => {
        const after = Number(query.get('after') ?? 0);
        if (!Number.isInteger(after) || after < 0)
          throw new ControlError(400, '`after` must be the number of a report.');
        return { body: { reports: ledger.reports().slice(after) } };
      },
    },
  ];
}

/** Nothing of a list is claimed where one of it cannot be. */
function refuseTaken(ids: readonly string[], ledger: ClaimLedger): void {
  const seen = new Set<string>();
  for (const id of ids) {
    const state = ledger.find(id)?.state;
    if (seen.has(id) || state === 'open' || state === 'fulfilled') {
      throw new ControlError(409, `There is a claim "${id}" already.`);
    }
    seen.add(id);
  }
}

function refusing<Result>(status: number, act: () => Result): Result {
  try {
    return act();
  } catch (error) {
    throw new ControlError(status, (error as Error).message);
  }
}
