import type { IncomingMessage, ServerResponse } from 'node:http';
import * as z from 'zod';
import { isSignedBy } from '../partner-api/push-signature.ts';
import { createAuthority, serve } from '../shared/https-server.ts';

/** What the backend does with the calls for a player. */
export type Mood =
  | 'gives'
  | 'is out of service'
  | 'refuses'
  /** The items are given, and nobody hears of it. */
  | 'gives and hangs up'
  | 'never answers';

const Call = z.strictObject({
  grantId: z.string(),
  partner: z.string(),
  playerId: z.string(),
  sku: z.string(),
  items: z.array(z.strictObject({ itemId: z.string(), quantity: z.int(), kind: z.enum(['stackable', 'unique']) })),
});
type Call = z.infer<typeof Call>;

export interface GameBackend extends AsyncDisposable {
  /** Where grants are posted. */
  readonly url: string;
  /** Authority of its certificate. */
  readonly ca: string;
  /** By player. @default gives */
  readonly moods: Map<string, Mood>;
  /** What it was called with, whatever came of it: the bodies as they were, in order. */
  bodiesFor(playerId: string): readonly string[];
  /** What a player has been given, each grant once. */
  givenTo(playerId: string): readonly Call['items'][];
  /** What was wrong with calls that it did not understand, or that were not signed by its key. */
  readonly complaints: readonly string[];
}

/** A game's own backend, which gives each grant once and answers a repetition as it answered the first call. */
export async function startGameBackend(webhookKey: string): Promise<GameBackend> {
  const authority = await createAuthority('authority of the game');
  const moods = new Map<string, Mood>();
  const bodies: { readonly playerId: string; readonly body: string }[] = [];
  const given = new Map<string, Call>();
  const complaints: string[] = [];

  const take = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    const answer = (status: number, content: object): void =>
      void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(content));
    const complain = (status: number, what: string): void => {
      complaints.push(what);
      answer(status, { error: what });
    };
    const headers = request.headers as Record<string, string>;
    if (`${request.method} ${request.url}` !== 'POST /prime/grants')
      return complain(404, `${request.method} ${request.url}`);
    if (!isSignedBy(webhookKey, headers, body, Date.now())) return complain(401, 'the signature is wrong');
    const { success, data: call } = Call.safeParse(JSON.parse(body));
    if (!success) return complain(400, 'the body is not as documented');
    if (headers['idempotency-key'] !== call.grantId || headers['webhook-id'] !== call.grantId) {
      return complain(400, 'the idempotency key is not that of the grant');
    }
    bodies.push({ playerId: call.playerId, body });
    const mood = moods.get(call.playerId) ?? 'gives';
    if (mood === 'is out of service') return answer(503, { error: 'maintenance' });
    if (mood === 'refuses') return answer(422, { error: 'no such character' });
    if (mood === 'never answers') return;
    if (!given.has(call.grantId)) given.set(call.grantId, call);
    if (mood === 'gives and hangs up') return void request.socket.destroy();
    answer(200, {});
  };

  const server = await serve(await authority.issue('game'), (request, response) => {
    take(request, response).catch((error: unknown) => {
      complaints.push(String(error));
      response.destroy();
    });
  });
  return {
    url: `${server.url}/prime/grants`,
    ca: authority.cert,
    moods,
    bodiesFor: (playerId) => bodies.filter((one) => one.playerId === playerId).map(({ body }) => body),
    givenTo: (playerId) => [...given.values()].filter((call) => call.playerId === playerId).map(({ items }) => items),
    complaints,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
