import { randomUUID } from 'node:crypto';
import { sendAnswer, type Answer, type FaultDefaults } from '../answer.ts';
import { sleep, type Clock } from '../clock.ts';
import { takesEffect, type FaultRules } from '../fault-rules.ts';
import { NO_DELAY, addDelays, sampleLatency, type LogNormalLatency } from '../latency.ts';
import { readBody } from '../request-body.ts';
import type { RequestLog } from '../request-log.ts';
import { createRandom } from '../seeded-random.ts';
import type { TlsRequest } from '../tls-server.ts';
import type { AmazonAccounts } from './amazon-accounts.ts';
import type { ClaimLedger, FulfillmentUpdate } from './claim-ledger.ts';
import { NO_SUCH_ROUTE, gaming, gamingError, profileError, refuseProfile } from './entitlement-errors.ts';
import { SCOPES } from './entitlement-options.ts';
import { operationOf, readUpdates, type Operation } from './entitlements-request.ts';
import type { PlayerTokenCheck, PlayerTokens } from './player-tokens.ts';

/** What a fault rule can match of a request about entitlements. */
export const ENTITLEMENT_ATTRIBUTES = ['api', 'operation', 'account', 'entitlement', 'sku'] as const;
/** What these endpoints can play besides the faults that all can. */
export const ENTITLEMENT_FAULTS = ['effect', 'expire-token', 'inner-result', 'inner-missing'] as const;

export interface EntitlementsApiParts {
  seed: number;
  clock: Clock;
  accounts: AmazonAccounts;
  tokens: PlayerTokens;
  ledger: ClaimLedger;
  faults: FaultRules;
  requests: RequestLog;
  latency: LogNormalLatency | undefined;
}

/** Each of them lets a client know the `user_id`. */
const PROFILE_SCOPES = [SCOPES.profile, SCOPES.userId, SCOPES.postalCode];

const FAULT_DEFAULTS: Readonly<Record<Operation, FaultDefaults>> = {
  entitlements: {
    enumField: 'NextInstruction',
    mandatoryField: 'EntitlementId',
    typedField: 'VendorProductId',
    errorBody: (status) => gamingError(`Simulated ${status}`),
  },
  fulfil: {
    enumField: 'Result',
    mandatoryField: 'Result',
    typedField: 'Result',
    errorBody: (status) => gamingError(`Simulated ${status}`),
  },
  profile: {
    enumField: 'user_id',
    mandatoryField: 'user_id',
    typedField: 'user_id',
    errorBody: (status) => profileError('ServerError', `Simulated ${status}`),
  },
};

/**
 * Answers Prime Gaming's two endpoints and Login with Amazon's profile: route and token first, then the operation, then
 * what goes wrong.
 */
export function createEntitlementsApi(parts: EntitlementsApiParts): (request: TlsRequest) => Promise<void> {
  const { seed, clock, accounts, tokens, ledger, faults, requests } = parts;
  const latencies = createRandom(seed, 'entitlements-latency');

  return async function handle({ message, response, reset }: TlsRequest): Promise<void> {
    const body = await readBody(message);
    const operation = operationOf(message.method, message.url ?? '');
    const updates = operation === 'fulfil' ? readUpdates(message.headers, body) : [];
    const token = message.headers['x-amz-access-token'];
    const presented = tokens.check(token);
    const account = 'account' in presented ? presented.account : undefined;
    const attributes = { operation, account, ...attributesOf(operation, account, updates) };
    const baseline = parts.latency ? sampleLatency(parts.latency, latencies) : NO_DELAY;
    const delay = addDelays(baseline, faults.takeDelay(attributes));
    await sleep(clock, delay.uplinkMs);

    const arrival = requests.arrive({
      at: clock.now(),
      account: account ?? null,
      licensor: null,
      alid: null,
      operation: operation ?? '(none)',
      ...(operation === 'fulfil' && { items: attributes.entitlement }),
    });
    if (account !== undefined && faults.takeTokenExpiry(attributes)) tokens.expireOne(token);
    // The token is looked at when the request arrives: it may have expired on its way.
    const refusal = operation ? refuse(operation, tokens.check(token)) : NO_SUCH_ROUTE;
    // A request that is turned away never reaches what can break behind that.
    const fault = refusal ? undefined : faults.takeAnswerFault(attributes);
    const isKnown = operation !== undefined && 'account' in presented;
    const answer = refusal ?? (isKnown ? operate(operation, presented, updates, takesEffect(fault)) : NO_SUCH_ROUTE);
    const extra = faults.takeHeaders(attributes);

    await sleep(clock, delay.downlinkMs);
    const headers = { ...answer.headers, 'x-amzn-RequestId': randomUUID() };
    const outcome = sendAnswer(
      { response, reset },
      { ...answer, headers },
      fault,
      extra,
      FAULT_DEFAULTS[operation ?? 'entitlements'],
    );
    requests.finish(arrival, outcome);
  };

  /** What turns a request away before the operation is looked at; undefined lets it in. */
  function refuse(operation: Operation, check: PlayerTokenCheck): Answer | undefined {
    if (operation === 'profile') {
      if (check.kind === 'missing') return refuseProfile('missing');
      if (check.kind !== 'valid') return refuseProfile('token');
      return PROFILE_SCOPES.some((scope) => check.scopes.has(scope)) ? undefined : refuseProfile('scope');
    }
    if (check.kind === 'missing') return gaming(401, gamingError('The header x-amz-access-token is missing.'));
    if (check.kind !== 'valid') return gaming(401, gamingError('The access token is invalid or has expired.'));
    return check.scopes.has(SCOPES.entitlements)
      ? undefined
      : gaming(403, gamingError('Not all permissions are authorized'));
  }

  function operate(
    operation: Operation,
    { account, scopes }: Extract<PlayerTokenCheck, { account: string }>,
    updates: readonly FulfillmentUpdate[] | string,
    takesPlace: boolean,
  ): Answer {
    switch (operation) {
      case 'entitlements':
        return gaming(200, { Entitlements: listed(account) });
      case 'fulfil':
        if (typeof updates === 'string') return gaming(400, gamingError(updates));
        return gaming(200, {
          FulfillmentStatusUpdates: updates.flatMap((update) => acknowledged(account, update, takesPlace)),
        });
      case 'profile':
        return { status: 200, body: profileOf(account, scopes) };
    }
  }

  function listed(account: string): object[] {
    return ledger
      .open(account)
      .flatMap(({ entitlementId, sku, instruction }) =>
        faults.takeInnerFault(itemAttributes('entitlements', account, entitlementId), entitlementId, ['inner-missing'])
          ? []
          : [{ EntitlementId: entitlementId, NextInstruction: instruction, VendorProductId: sku }],
      );
  }

  function acknowledged(account: string, update: FulfillmentUpdate, takesPlace: boolean): object[] {
    const { EntitlementId } = update;
    const fault = faults.takeInnerFault(itemAttributes('fulfil', account, EntitlementId), EntitlementId, [
      'inner-result',
      'inner-missing',
    ]);
    const result = ledger.report(account, update, takesPlace && takesEffect(fault));
    if (fault?.kind === 'inner-missing') return [];
    return [{ EntitlementId, Result: fault?.kind === 'inner-result' ? fault.result : result }];
  }

  /** What the token's scopes let a client know. */
  function profileOf(account: string, scopes: ReadonlySet<string>): object {
    const { userId, name, email, postalCode } = accounts.require(account);
    return {
      user_id: userId,
      ...(scopes.has(SCOPES.profile) && { name, email }),
      ...(scopes.has(SCOPES.postalCode) && { postal_code: postalCode }),
    };
  }

  function itemAttributes(operation: Operation, account: string, entitlementId: string) {
    return {
      api: 'prime-gaming',
      operation,
      account,
      entitlement: entitlementId,
      sku: ledger.find(entitlementId)?.sku,
    };
  }

  /** What a fault rule can match of a request: which entitlements it is about. */
  function attributesOf(
    operation: Operation | undefined,
    account: string | undefined,
    updates: readonly FulfillmentUpdate[] | string,
  ) {
    const api = operation === 'profile' ? 'login' : 'prime-gaming';
    if (operation === 'entitlements' && account !== undefined) {
      const open = ledger.open(account);
      return { api, entitlement: open.map(({ entitlementId }) => entitlementId), sku: open.map(({ sku }) => sku) };
    }
    const named = typeof updates === 'string' ? [] : updates.map(({ EntitlementId }) => EntitlementId);
    return { api, entitlement: named, sku: named.flatMap((id) => ledger.find(id)?.sku ?? []) };
  }
}
