import type { IncomingMessage, ServerResponse } from 'node:http';
import { createAuthority, serve } from '../shared/https-server.ts';

export type Operation = 'profile' | 'list' | 'fulfil';

/** What Amazon does with one call, in the place of what it is for. */
export type Behaviour =
  | { readonly kind: 'status'; readonly status: number }
  /** The connection ends, before the call has its effect or after. */
  | { readonly kind: 'reset'; readonly applied: boolean }
  /** A report is answered ERROR, though it may have had its effect. */
  | { readonly kind: 'error'; readonly applied: boolean }
  /** A report is answered without a word about the entitlement. */
  | { readonly kind: 'silent'; readonly applied: boolean }
  | { readonly kind: 'text'; readonly body: string };

export interface AmazonClaim {
  readonly userId: string;
  readonly sku: string;
  readonly instruction: string;
  fulfilled: boolean;
}

export interface Amazon extends AsyncDisposable {
  readonly url: string;
  readonly ca: string;
  /** Amazon account of each token that is good. */
  readonly tokens: Map<string, string>;
  /** Tokens that lack a scope. */
  readonly unconsented: Set<string>;
  readonly claims: Map<string, AmazonClaim>;
  /** Reports that had their effect, in order. */
  readonly reports: { readonly entitlementId: string; readonly address: string }[];
  readonly calls: { readonly operation: Operation; readonly body: string }[];
  /** What happens to the next calls of an operation, one after the other. */
  readonly next: Record<Operation, (Behaviour | undefined)[]>;
  /** Called just after a call has had its effect, and before it is answered. */
  after: (operation: Operation) => void;
  claim(userId: string, entitlementId: string, sku: string, instruction?: string): void;
  /** Entitlements that are still listed for an account. */
  open(userId: string): string[];
}

/** Prime Gaming's two endpoints and Login with Amazon's profile, as their documents have them. */
export async function startAmazon(): Promise<Amazon> {
  const authority = await createAuthority('amazon');
  const state = {
    ca: authority.cert,
    tokens: new Map<string, string>(),
    unconsented: new Set<string>(),
    claims: new Map<string, AmazonClaim>(),
    reports: [] as { entitlementId: string; address: string }[],
    calls: [] as { operation: Operation; body: string }[],
    next: { profile: [], list: [], fulfil: [] } as Record<Operation, (Behaviour | undefined)[]>,
    after: (_: Operation): void => undefined,
    claim(userId: string, entitlementId: string, sku: string, instruction = 'FULFILL') {
      state.claims.set(entitlementId, { userId, sku, instruction, fulfilled: false });
    },
    open: (userId: string): string[] =>
      [...state.claims].filter(([, claim]) => claim.userId === userId && !claim.fulfilled).map(([id]) => id),
  };
  const operationOf = ({ method, url }: IncomingMessage): Operation | undefined => {
    if (method === 'GET' && url === '/user/profile') return 'profile';
    if (method === 'GET' && url === '/api/entitlements') return 'list';
    return method === 'POST' && url === '/api/fulfill' ? 'fulfil' : undefined;
  };

  const take = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    const answer = (status: number, content: unknown): void =>
      void response
        .writeHead(status, { 'content-type': 'application/json;charset UTF-8' })
        .end(typeof content === 'string' ? content : JSON.stringify(content));
    const operation = operationOf(request);
    if (operation === undefined) return answer(404, {});
    state.calls.push({ operation, body });
    const behaviour = state.next[operation].shift();
    if (behaviour?.kind === 'status') return answer(behaviour.status, { message: 'no' });
    if (behaviour?.kind === 'text') return answer(200, behaviour.body);
    if (behaviour?.kind === 'reset' && !behaviour.applied) return void request.socket.destroy();

    const token = String(request.headers['x-amz-access-token']);
    const userId = state.tokens.get(token);
    if (userId === undefined) return answer(401, { error: 'invalid_token' });
    if (state.unconsented.has(token)) return answer(403, { error: 'insufficient_scope' });
    const effect = (): unknown => {
      if (operation === 'profile') return { user_id: userId, name: 'Anna Muster', email: 'anna@example.com' };
      if (operation === 'list') {
        const Entitlements = state.open(userId).map((EntitlementId) => {
          const claim = state.claims.get(EntitlementId);
          return { EntitlementId, VendorProductId: claim?.sku, NextInstruction: claim?.instruction };
        });
        return { Entitlements };
      }
      const { FulfillmentStatusUpdates: updates } = JSON.parse(body) as {
        FulfillmentStatusUpdates: { EntitlementId: string; FulfillmentAddress: string }[];
      };
      const acknowledged = updates.map(({ EntitlementId, FulfillmentAddress }) => {
        const claim = state.claims.get(EntitlementId);
        const isOpen = claim?.userId === userId && !claim.fulfilled;
        const applies =
          isOpen && (behaviour?.kind === 'error' || behaviour?.kind === 'silent' ? behaviour.applied : true);
        if (applies) {
          claim.fulfilled = true;
          state.reports.push({ entitlementId: EntitlementId, address: FulfillmentAddress });
        }
        return { EntitlementId, Result: isOpen && behaviour?.kind !== 'error' ? 'SUCCESS' : 'ERROR' };
      });
      return { FulfillmentStatusUpdates: behaviour?.kind === 'silent' ? [] : acknowledged };
    };
    const content = effect();
    state.after(operation);
    if (behaviour?.kind === 'reset') return void request.socket.destroy();
    answer(200, content);
  };

  const server = await serve(await authority.issue('gaming'), (request, response) => void take(request, response));
  return Object.assign(state, { url: server.url, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() });
}
