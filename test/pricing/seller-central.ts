import type { IncomingMessage, ServerResponse } from 'node:http';
import { createPricingClient, type PricingClientOptions } from '../../lambdas/pricing/pricing.client.ts';
import type { SellingCredentials } from '../../lambdas/pricing/selling-credentials.ts';
import { createAccessTokens } from '../../lambdas/shared/oauth/access-tokens.ts';
import { createTokenClient } from '../../lambdas/shared/oauth/token.client.ts';
import { createAuthority, serve } from '../shared/https-server.ts';

export interface SeenRequest {
  readonly method: string;
  /** Path and query, as they came. */
  readonly target: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export type Answer = (seen: SeenRequest, response: ServerResponse) => void;

/** An answer of JSON, or of text as it is. */
export const json =
  (status: number, body: unknown, headers: Record<string, string> = {}): Answer =>
  (_, response) =>
    response.writeHead(status, headers).end(typeof body === 'string' ? body : JSON.stringify(body));

const authority = createAuthority('authority');
const identity = authority.then((issuer) => issuer.issue('server'));

export const CREDENTIALS = {
  clientId: 'amzn1.application-oa2-client.1',
  clientSecret: 'amzn1.oa2-cs.v1.hunter2secret',
  refreshToken: 'Atzr|hunter2refresh',
};

/**
 * An upstream that gives its answers in turn, the last one for ever, numbered access tokens beside them, and a client on
 * a clock that leaps.
 */
export async function setting(answers: Answer | [Answer, ...Answer[]], overrides: Partial<PricingClientOptions> = {}) {
  const turns = [answers].flat();
  const requests: SeenRequest[] = [];
  const tokenAnswers: Answer[] = [];
  let tokenRequests = 0;
  const upstream = await serve(await identity, async (request, response) => {
    const body = Buffer.concat(await request.toArray()).toString();
    const seen = { method: request.method ?? '', target: request.url ?? '', headers: request.headers, body };
    if (seen.target === '/auth/o2/token') {
      tokenRequests += 1;
      const granted = json(200, { access_token: `Atza|hunter2token${tokenRequests}`, expires_in: 3600 });
      (tokenAnswers.shift() ?? granted)(seen, response);
      return;
    }
    requests.push(seen);
    (turns.length > 1 ? turns.shift() : turns[0])?.(seen, response);
  });
  let now = 1_000_000;
  const sleeps: number[] = [];
  const clock = {
    now: () => (now += 1),
    async sleepUntil(time: number) {
      sleeps.push(time - now);
      now = Math.max(now, time);
    },
  };
  const account: SellingCredentials = { ...CREDENTIALS, ca: (await authority).cert };
  const credentials = async () => account;
  const retry = { attempts: 3, baseMs: 200, capMs: 5_000 };
  const client = createPricingClient({
    baseUrl: upstream.url,
    timeoutMs: 10_000,
    retry,
    tokens: createAccessTokens({
      requestToken: createTokenClient({ tokenUrl: `${upstream.url}/auth/o2/token`, timeoutMs: 10_000 }),
      retry,
      credentials,
      refreshCredentials: credentials,
      clock,
      random: () => 0.5,
    }),
    credentials,
    clock,
    random: () => 0.5,
    ...overrides,
  });
  return {
    client,
    requests,
    sleeps,
    url: upstream.url,
    tokenRequests: () => tokenRequests,
    /** The next answers of the token endpoint. */
    tokenAnswers,
    connections: upstream.connections,
    [Symbol.asyncDispose]: () => upstream[Symbol.asyncDispose](),
  };
}

export async function rejection(asking: Promise<unknown>): Promise<unknown> {
  return asking.then(
    () => {
      throw new Error('the request should have failed');
    },
    (error: unknown) => error,
  );
}
