import type { IncomingHttpHeaders } from 'node:http';
import { createAuthority, serve } from './https-server.ts';

/** A request as it came, byte for byte. */
export interface SeenRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** What the server does with a request. */
export type Behaviour =
  | {
      readonly kind: 'answer';
      readonly status: number;
      /** What is no text is made into JSON. */
      readonly body?: unknown;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** The connection ends without an answer. */
  | { readonly kind: 'reset' }
  /** The connection ends within the body of a 200. */
  | { readonly kind: 'cut' }
  /** The answer never comes. */
  | { readonly kind: 'hang' };

export interface ScriptedServer extends AsyncDisposable {
  readonly url: string;
  readonly host: string;
  /** Authority of its certificate. */
  readonly ca: string;
  readonly seen: SeenRequest[];
  /** What happens to the next requests, one after the other. */
  readonly next: Behaviour[];
  /** What happens to every request when `next` is empty. */
  always: Behaviour;
  connections(): number;
  /** Forgets what was seen and what should happen. */
  reset(): void;
}

export const answer = (status: number, body?: unknown, headers?: Readonly<Record<string, string>>): Behaviour => ({
  kind: 'answer',
  status,
  body,
  ...(headers && { headers }),
});

const WITHOUT_A_SCRIPT = answer(500, 'the test has not said what to answer');

/**
 * An HTTPS server that notes each request and does what it is told.
 *
 * @param aside what happens to requests that the script is not about, such as those for access tokens; they are not noted
 */
export async function startScriptedServer(
  name: string,
  aside: (request: SeenRequest) => Behaviour | undefined = () => undefined,
): Promise<ScriptedServer> {
  const authority = await createAuthority(name);
  // Under another name than the authority's own, or the certificate would look self-signed.
  const identity = await authority.issue(`${name}-server`);
  const state = { seen: [] as SeenRequest[], next: [] as Behaviour[], always: WITHOUT_A_SCRIPT };
  const server = await serve(identity, (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      const seen = { method, url, headers, body: Buffer.concat(chunks) };
      const beside = aside(seen);
      if (beside === undefined) state.seen.push(seen);
      const behaviour = beside ?? state.next.shift() ?? state.always;
      if (behaviour.kind === 'hang') return;
      if (behaviour.kind === 'reset') return void request.socket.destroy();
      if (behaviour.kind === 'cut') {
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': 1_000 });
        // Once it is on its way, the connection ends in the middle of the body.
        return void response.write('{', () => request.socket.destroySoon());
      }
      const { status, body = '' } = behaviour;
      response.writeHead(status, { 'content-type': 'application/json;charset UTF-8', ...behaviour.headers });
      response.end(typeof body === 'string' ? body : JSON.stringify(body));
    });
  });
  return Object.assign(state, {
    url: server.url,
    host: new URL(server.url).host,
    ca: authority.cert,
    connections: server.connections,
    reset() {
      state.seen.length = 0;
      state.next.length = 0;
      state.always = WITHOUT_A_SCRIPT;
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  });
}
