import type { IncomingMessage, ServerResponse } from 'node:http';
import { beforeAll, describe, expect, it } from 'vitest';
import { CredentialError, ThrottledError, UnavailableError } from '../../lambdas/shared/errors.ts';
import {
  createAccessTokens,
  EARLY_MS,
  REPLACEMENT_MS,
  type AccessTokensOptions,
} from '../../lambdas/shared/oauth/access-tokens.ts';
import { createTokenClient, type ClientCredentials } from '../../lambdas/shared/oauth/token.client.ts';
import { createAuthority, serve, type Authority, type Identity } from './https-server.ts';

const CLIENT_SECRET = 'amzn1.oa2-cs.v1.hunter2secret';
const REFRESH_TOKEN = 'Atzr|hunter2/refresh+token==';

let authority: Authority;
let identity: Identity;
let account: ClientCredentials;
let rotated: ClientCredentials;

beforeAll(async () => {
  authority = await createAuthority('authority');
  identity = await authority.issue('server');
  account = {
    clientId: 'amzn1.application-oa2-client.1',
    clientSecret: CLIENT_SECRET,
    refreshToken: REFRESH_TOKEN,
    ca: authority.cert,
  };
  rotated = { ...account, refreshToken: 'Atzr|another' };
});

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

const json =
  (status: number, body: unknown): Answer =>
  (_, response) =>
    response.writeHead(status).end(typeof body === 'string' ? body : JSON.stringify(body));

const granted = (token: string, rest: object = { expires_in: 3600 }): Answer =>
  json(200, { access_token: token, token_type: 'bearer', ...rest });

/** A token endpoint that gives its answers in turn, then numbered tokens of an hour, on a clock that leaps. */
async function setting(answers: readonly Answer[] = [], overrides: Partial<AccessTokensOptions> = {}) {
  const turns = [...answers];
  const requests: { method: string; path: string; headers: IncomingMessage['headers']; form: URLSearchParams }[] = [];
  const upstream = await serve(identity, async (request, response) => {
    const form = new URLSearchParams(Buffer.concat(await request.toArray()).toString());
    requests.push({ method: request.method ?? '', path: request.url ?? '', headers: request.headers, form });
    (turns.shift() ?? granted(`Atza|${requests.length}`))(request, response);
  });
  let now = 1_000_000;
  let stored = account;
  let secret = account;
  let refreshes = 0;
  const sleeps: number[] = [];
  const tokens = createAccessTokens({
    requestToken: createTokenClient({ tokenUrl: `${upstream.url}/auth/o2/token`, timeoutMs: 10_000 }),
    retry: { attempts: 3, baseMs: 200, capMs: 5_000 },
    credentials: async () => stored,
    refreshCredentials: async () => {
      refreshes += 1;
      return (stored = secret);
    },
    clock: {
      now: () => now,
      async sleepUntil(time) {
        sleeps.push(time - now);
        now = Math.max(now, time);
      },
    },
    random: () => 0.5,
    ...overrides,
  });
  return {
    tokens,
    requests,
    sleeps,
    refreshes: () => refreshes,
    pass: (ms: number) => void (now += ms),
    /** Puts other credentials into the secret; those in memory stay until they are read again. */
    rotate: (credentials: ClientCredentials) => void (secret = credentials),
    /** The memory of the secret has run out and holds what the secret holds. */
    reread: () => void (stored = secret),
    connections: upstream.connections,
    [Symbol.asyncDispose]: () => upstream[Symbol.asyncDispose](),
  };
}

async function rejection(asking: Promise<unknown>): Promise<unknown> {
  return asking.then(
    () => expect.unreachable('there should be no token'),
    (error: unknown) => error,
  );
}

describe('asking for an access token', () => {
  it('posts the documented form and gives the token', async () => {
    await using upstream = await setting([granted('Atza|first')]);
    expect(await upstream.tokens.accessToken()).toBe('Atza|first');
    expect(upstream.requests).toMatchObject([{ method: 'POST', path: '/auth/o2/token' }]);
    expect(upstream.requests[0]?.headers).toMatchObject({
      'content-type': 'application/x-www-form-urlencoded;charset=UTF-8',
      accept: 'application/json',
    });
    expect(Object.fromEntries(upstream.requests[0]?.form ?? [])).toEqual({
      grant_type: 'refresh_token',
      refresh_token: REFRESH_TOKEN,
      client_id: account.clientId,
      client_secret: CLIENT_SECRET,
    });
  });

  it('happens once for fifty callers who wait', async () => {
    await using upstream = await setting();
    const given = await Promise.all(Array.from({ length: 50 }, () => upstream.tokens.accessToken()));
    expect(new Set(given)).toEqual(new Set(['Atza|1']));
    expect(upstream.requests).toHaveLength(1);
  });

  it('fails for all who wait, and is tried anew by the next', async () => {
    await using upstream = await setting([json(401, { error: 'invalid_client' })]);
    const failures = await Promise.all([1, 2, 3].map(() => rejection(upstream.tokens.accessToken())));
    expect(failures.every((error) => error instanceof CredentialError)).toBe(true);
    expect(upstream.requests).toHaveLength(1);
    expect(await upstream.tokens.accessToken()).toBe('Atza|2');
  });
});

describe('a token', () => {
  it('is kept until a minute before it expires', async () => {
    await using upstream = await setting();
    await upstream.tokens.accessToken();
    upstream.pass(3_600_000 - EARLY_MS - 1);
    expect(await upstream.tokens.accessToken()).toBe('Atza|1');
    upstream.pass(1);
    expect(await upstream.tokens.accessToken()).toBe('Atza|2');
    expect(upstream.requests).toHaveLength(2);
  });

  it('is fetched before its time for who needs one that lasts', async () => {
    await using upstream = await setting();
    await upstream.tokens.accessToken();
    upstream.pass(3_600_000 - EARLY_MS - 30_000);
    expect(await upstream.tokens.accessToken(29_999)).toBe('Atza|1');
    expect(await upstream.tokens.accessToken(30_000)).toBe('Atza|2');
    expect(await upstream.tokens.accessToken(30_000)).toBe('Atza|2');
  });

  it.each([
    ['an hour when it says so in text', { expires_in: '3600' }, 3_540_000],
    ['an hour at most', { expires_in: 1e9 }, 3_540_000],
    ['five minutes when it does not say', {}, 240_000],
    ['five minutes when it says nonsense', { expires_in: 'soon' }, 240_000],
    ['five minutes when it says nothing', { expires_in: null }, 240_000],
    ['five minutes when it says a blank', { expires_in: ' ' }, 240_000],
    ['five minutes when it says a negative time', { expires_in: -1 }, 240_000],
    ['half its time when that is short', { expires_in: 60 }, 30_000],
  ])('lives %s', async (_, rest, usedFor) => {
    await using upstream = await setting([granted('Atza|first', rest)]);
    await upstream.tokens.accessToken();
    upstream.pass(usedFor - 1);
    expect(await upstream.tokens.accessToken()).toBe('Atza|first');
    upstream.pass(1);
    expect(await upstream.tokens.accessToken()).toBe('Atza|2');
  });

  it('counts its life from when it was asked for', async () => {
    let pass = (_: number): void => undefined;
    await using upstream = await setting([
      (request, response) => {
        pass(100_000);
        granted('Atza|slow')(request, response);
      },
    ]);
    pass = upstream.pass;
    await upstream.tokens.accessToken();
    upstream.pass(3_600_000 - EARLY_MS - 100_000);
    expect(await upstream.tokens.accessToken()).toBe('Atza|2');
  });
});

describe('a refused token', () => {
  it('is replaced once, however many callers were refused with it', async () => {
    await using upstream = await setting();
    const { tokens } = upstream;
    const refused = await tokens.accessToken();
    const renewed = await Promise.all(Array.from({ length: 50 }, () => tokens.renew(refused)));
    expect(new Set(renewed)).toEqual(new Set(['Atza|2']));
    expect(await tokens.accessToken()).toBe('Atza|2');
    expect(upstream.requests).toHaveLength(2);
  });

  it('is not replaced again for a caller who comes late', async () => {
    await using upstream = await setting();
    const refused = await upstream.tokens.accessToken();
    await upstream.tokens.renew(refused);
    expect(await upstream.tokens.renew(refused)).toBe('Atza|2');
    expect(upstream.requests).toHaveLength(2);
  });

  it('is not replaced without end when its replacement is refused too', async () => {
    await using upstream = await setting();
    const replacement = await upstream.tokens.renew(await upstream.tokens.accessToken());
    const error = await rejection(upstream.tokens.renew(replacement));
    expect(error).toBeInstanceOf(CredentialError);
    expect(error).toMatchObject({ code: 'FreshTokenRefused' });
    expect(upstream.requests).toHaveLength(2);
    upstream.pass(REPLACEMENT_MS);
    expect(await upstream.tokens.renew(replacement)).toBe('Atza|3');
  });
});

describe('refused credentials', () => {
  it.each([
    [400, 'invalid_grant', 'InvalidGrant', /authorize the application again/],
    [401, 'invalid_client', 'InvalidClient', /client secret/],
    [400, 'unauthorized_client', 'UnauthorizedClient', /another application/],
    [400, 'invalid_request', 'TokenRefused', /see whether the secret/],
  ])('with %i %s say what to do, after one look at the secret', async (status, error, code, remedy) => {
    await using upstream = await setting([json(status, { error, error_description: 'not so' })]);
    const failure = await rejection(upstream.tokens.accessToken());
    expect(failure).toBeInstanceOf(CredentialError);
    expect(failure).toMatchObject({ code, status, message: expect.stringMatching(remedy) });
    expect(failure).toMatchObject({ message: expect.stringContaining(`${error}: not so`) });
    expect([upstream.requests.length, upstream.refreshes()]).toEqual([1, 1]);
  });

  it('are replaced by those of the secret, once', async () => {
    await using upstream = await setting([json(400, { error: 'invalid_grant' }), granted('Atza|rotated')]);
    upstream.rotate(rotated);
    expect(await upstream.tokens.accessToken()).toBe('Atza|rotated');
    expect(upstream.requests.map(({ form }) => form.get('refresh_token'))).toEqual([REFRESH_TOKEN, 'Atzr|another']);
    expect(await upstream.tokens.accessToken()).toBe('Atza|rotated');
  });

  it('fail for good when those of the secret are refused too', async () => {
    await using upstream = await setting([
      json(400, { error: 'invalid_grant' }),
      json(400, { error: 'invalid_grant' }),
    ]);
    upstream.rotate(rotated);
    expect(await rejection(upstream.tokens.accessToken())).toBeInstanceOf(CredentialError);
    expect(upstream.requests).toHaveLength(2);
  });

  it('give way to those that the secret holds by now, and their token with them', async () => {
    await using upstream = await setting();
    await upstream.tokens.accessToken();
    upstream.rotate(rotated);
    expect(await upstream.tokens.accessToken()).toBe('Atza|1');
    upstream.reread();
    expect(await upstream.tokens.accessToken()).toBe('Atza|2');
    expect(upstream.requests[1]?.form.get('refresh_token')).toBe('Atzr|another');
  });

  it('never end up in an error, however they come back', async () => {
    const echoes = [
      CLIENT_SECRET,
      REFRESH_TOKEN,
      encodeURIComponent(REFRESH_TOKEN),
      'Atzr%7Chunter2%2Frefresh%2Btoken%3D%3D',
    ];
    for (const status of [302, 400, 401, 429, 503]) {
      const answer = json(status, { error: echoes.join(' '), error_description: `got ${echoes.join(' ')}` });
      await using upstream = await setting([answer, answer, answer]);
      const error = await rejection(upstream.tokens.accessToken());
      if (!(error instanceof Error)) throw new Error('expected an error');
      expect(`${error.stack} ${JSON.stringify(error)} ${String(error.cause)}`).not.toMatch(/hunter2/);
    }
  });
});

describe('an endpoint that gives no token', () => {
  it('is not asked again at once when it throttles', async () => {
    await using upstream = await setting([json(429, { error: 'slow_down' })]);
    expect(await rejection(upstream.tokens.accessToken())).toBeInstanceOf(ThrottledError);
    expect(upstream.requests).toHaveLength(1);
  });

  it.each([
    ['503', json(503, 'oops')],
    ['408', json(408, {})],
    ['302', json(302, '')],
    ['a lost connection', (request: IncomingMessage) => void request.socket.destroy()],
    ['an answer that is not JSON', json(200, '<html>')],
    ['an answer without a token', json(200, { token_type: 'bearer', expires_in: 3600 })],
    ['a token that cannot be a header', granted('Atza|two\nlines')],
  ] as [string, Answer][])('is asked again after %s, with growing pauses', async (_, failure) => {
    await using upstream = await setting([failure, failure]);
    expect(await upstream.tokens.accessToken()).toBe('Atza|3');
    expect(upstream.sleeps).toEqual([100, 200]);
  });

  it('is given up in the end', async () => {
    await using upstream = await setting(Array.from({ length: 3 }, () => json(500, {})));
    const error = await rejection(upstream.tokens.accessToken());
    expect(error).toBeInstanceOf(UnavailableError);
    expect(error).toMatchObject({ code: 'ServerError', status: 500 });
    expect(upstream.requests).toHaveLength(3);
  });

  it('keeps nothing of an answer that may hold a token somewhere', async () => {
    const answer = json(200, { accessToken: 'Atza|hunter2' });
    await using upstream = await setting([answer, answer, answer]);
    const error = await rejection(upstream.tokens.accessToken());
    expect(error).toMatchObject({ code: 'UnreadableToken' });
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain('hunter2');
  });

  it('is trusted by the authority of the credentials only', async () => {
    const foreign = await createAuthority('foreign');
    await using upstream = await setting([], { credentials: async () => ({ ...account, ca: foreign.cert }) });
    expect(await rejection(upstream.tokens.accessToken())).toMatchObject({ code: 'UntrustedServer' });
    expect(upstream.requests).toEqual([]);
  });
});

describe('credentials without a refresh token', () => {
  const application = () => ({ clientId: 'client-1', clientSecret: CLIENT_SECRET, ca: authority.cert });
  const asApplication = { credentials: async () => application(), refreshCredentials: async () => application() };

  it('are posted as client credentials, and nothing else', async () => {
    await using upstream = await setting([granted('first')], asApplication);
    expect(await upstream.tokens.accessToken()).toBe('first');
    expect(Object.fromEntries(upstream.requests[0]?.form ?? [])).toEqual({
      grant_type: 'client_credentials',
      client_id: 'client-1',
      client_secret: CLIENT_SECRET,
    });
  });

  it('get a token that is kept, renewed once for all, and not renewed without end', async () => {
    await using upstream = await setting(
      Array.from({ length: 2 }, (_, index) => granted(`token-${index}`, { expires_in: 900 })),
      asApplication,
    );
    const { tokens } = upstream;
    await tokens.accessToken();
    upstream.pass(900_000 - EARLY_MS - 1);
    expect(await tokens.accessToken()).toBe('token-0');
    const renewed = await Promise.all(Array.from({ length: 50 }, () => tokens.renew('token-0')));
    expect(new Set(renewed)).toEqual(new Set(['token-1']));
    const error = await rejection(tokens.renew('token-1'));
    expect(error).toMatchObject({
      code: 'FreshTokenRefused',
      message: expect.stringMatching(/credentials still allow/),
    });
    expect(error).toMatchObject({ message: expect.not.stringMatching(/authorizes/) });
    expect(upstream.requests).toHaveLength(2);
  });

  it.each([
    [400, 'invalid_grant', 'InvalidGrant', /revoked or expired: make new ones/],
    [401, 'invalid_client', 'InvalidClient', /client secret/],
    [400, 'unauthorized_client', 'UnauthorizedClient', /what they were made for/],
    [400, 'unsupported_grant_type', 'TokenRefused', /see whether the secret/],
  ])('say what to do after %i %s, without a word about a refresh token', async (status, error, code, remedy) => {
    await using upstream = await setting(
      [json(status, { error, error_description: `got ${CLIENT_SECRET}` })],
      asApplication,
    );
    const failure = await rejection(upstream.tokens.accessToken());
    expect(failure).toMatchObject({ code, status, message: expect.stringMatching(remedy) });
    expect(String(failure)).not.toMatch(/refresh token|hunter2/);
    expect(upstream.requests).toHaveLength(1);
  });
});
