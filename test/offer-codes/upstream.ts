import type { IncomingMessage, ServerResponse } from 'node:http';
import { checkSignature, type SigningKey } from '../../local/signature-v4.ts';
import { createAuthority, serve } from '../shared/https-server.ts';

export const KEY = {
  accessKeyId: 'ASIAFUNCTION',
  secretAccessKey: 'secret-of-the-function',
  sessionToken: 'session/+=',
};
const REGIONS: Readonly<Record<string, string>> = { US: 'us-east-1', IN: 'eu-west-1' };

/** A request as it came: its path byte for byte. */
export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly operation: string;
  readonly code: string;
  readonly headers: IncomingMessage['headers'];
  /** What was wrong with its signature. */
  readonly problem: string | undefined;
}

/** What the upstream does with a request, in the place of what it is for. */
export type Behaviour =
  | { readonly kind: 'answer'; readonly status: number; readonly body: string; readonly length?: number }
  /** The connection ends, before the request is processed or after. */
  | { readonly kind: 'reset'; readonly processed: boolean }
  /** The connection ends at once, and the request is processed when the test lets it land. */
  | { readonly kind: 'late' }
  /** The answer never comes, though the request is processed. */
  | { readonly kind: 'hang' };

export interface Upstream extends AsyncDisposable {
  readonly url: string;
  readonly ca: string;
  readonly seen: Seen[];
  /** How often each code can still be redeemed; one that is not there is invalid. */
  readonly uses: Map<string, number>;
  /** Codes of redemptions that counted, in order, with the time told. */
  readonly redeemed: { readonly code: string; readonly at: string | undefined }[];
  /** Processes what has come late: one function for each, in order. */
  readonly late: (() => void)[];
  /** What happens to the next requests, one after the other. */
  readonly next: Behaviour[];
  /** What happens to every request when `next` is empty. */
  always: Behaviour | undefined;
  /** Called with each request before it is dealt with, and after it has been. */
  effect: (moment: 'before' | 'after') => Promise<void>;
  now: () => number;
  keyOf: (accessKeyId: string) => SigningKey | undefined;
  connections(): number;
}

/** Prime's API as its document has it, for one partner: an HTTPS server that checks signatures and counts redemptions. */
export async function startUpstream(): Promise<Upstream> {
  const authority = await createAuthority('prime');
  const identity = await authority.issue('prime-apis');
  const state = {
    ca: authority.cert,
    seen: [] as Seen[],
    uses: new Map<string, number>(),
    redeemed: [] as { code: string; at: string | undefined }[],
    late: [] as (() => void)[],
    next: [] as Behaviour[],
    always: undefined as Behaviour | undefined,
    effect: async (_: 'before' | 'after'): Promise<void> => undefined,
    now: Date.now,
    keyOf: (id: string) => (id === KEY.accessKeyId ? KEY : undefined) as SigningKey | undefined,
  };

  const decide = (operation: string, code: string, at: string | undefined): string => {
    const left = state.uses.get(code) ?? 0;
    if (left === 0) return 'INVALID_OFFER_CODE';
    if (operation === 'redeem') {
      state.uses.set(code, left - 1);
      state.redeemed.push({ code, at });
    }
    return 'SUCCESS';
  };

  const take = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { method = '', url = '', headers } = request;
    const [, code = '', operation = ''] =
      /^\/v1\/customer\/benefit\/[^/]+\/offer-code\/([^/]+)\/(verify|redeem)$/u.exec(url) ?? [];
    const expected = { region: REGIONS[String(headers['x-amz-marketplace'])] ?? '', service: 'execute-api' };
    const checked = checkSignature(
      { method, url, headers, body: Buffer.alloc(0) },
      { ...expected, free: ['x-amz-request-id'] },
      state.keyOf,
      state.now(),
    );
    const problem = 'problem' in checked ? checked.problem.kind : undefined;
    state.seen.push({ method, path: url, operation, code: decodeURIComponent(code), headers, problem });
    const behaviour = state.next.shift() ?? state.always;

    if (behaviour?.kind === 'reset' && !behaviour.processed) return void request.socket.destroy();
    if (behaviour?.kind === 'answer') {
      const length = behaviour.length === undefined ? {} : { 'content-length': behaviour.length };
      response.writeHead(behaviour.status, { 'content-type': 'application/json', ...length });
      if (behaviour.length === undefined) response.end(behaviour.body);
      // Once it is on its way, the connection ends in the middle of the body.
      else response.write(behaviour.body, () => request.socket.destroySoon());
      return;
    }
    if (problem !== undefined) {
      response.writeHead(403).end('{"error":{"code":"InvalidSignature","message":"no"}}');
      return;
    }
    const at = headers['x-amz-offer-code-redemption-time'];
    const process = () => decide(operation, decodeURIComponent(code), at === undefined ? undefined : String(at));
    if (behaviour?.kind === 'late') {
      state.late.push(process);
      return void request.socket.destroy();
    }
    await state.effect('before');
    const message = process();
    await state.effect('after');
    if (behaviour?.kind === 'reset') return void request.socket.destroy();
    if (behaviour?.kind === 'hang') return;
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ message }));
  };

  const server = await serve(identity, (request, response) => void take(request, response));
  return Object.assign(state, {
    url: server.url,
    connections: server.connections,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  });
}
