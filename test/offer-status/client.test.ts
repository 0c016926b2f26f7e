import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  createOfferStatusClient,
  OfferStatusCredentials,
  statusUrl,
  type OfferStatusClientOptions,
} from '../../lambdas/offer-status/offer-status.client.ts';
import {
  CredentialError,
  RejectedError,
  ThrottledError,
  UnavailableError,
  UnknownThingError,
  UnreadableAnswerError,
} from '../../lambdas/shared/errors.ts';
import { createAuthority, serve, type Authority } from '../shared/https-server.ts';

const API_KEY = 'hunter2-hunter2-hunter2';
const title = { licensor: 'acme', alid: 'md:alid:org:acme:1' };
const offer = {
  ALID: title.alid,
  OverallStatus: { ProgressCode: 'Live', Start: '2026-01-01', _timestamp: '2026-01-01T00:00:00Z' },
  PlatformID: ['amzn1.dv.gti.1'],
  Transaction: [],
};

let authority: Authority;
let tls: { cert: string; key: string; ca: string; requestCert: true; rejectUnauthorized: true };
let account: OfferStatusCredentials;
let renewed: OfferStatusCredentials;

beforeAll(async () => {
  authority = await createAuthority('authority');
  const [server, first, second] = await Promise.all(['server', 'first', 'second'].map((name) => authority.issue(name)));
  if (!server || !first || !second) throw new Error('no certificates');
  tls = { ...server, ca: authority.cert, requestCert: true, rejectUnauthorized: true };
  account = { ...first, apiKey: API_KEY, ca: authority.cert };
  renewed = { ...second, apiKey: 'the-renewed-key', ca: authority.cert };
});

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

const json =
  (status: number, body: unknown, headers: Record<string, string> = {}): Answer =>
  (_, response) =>
    response.writeHead(status, headers).end(typeof body === 'string' ? body : JSON.stringify(body));

/** An upstream that gives its answers in turn, the last one for ever, and a client on a clock that leaps. */
async function setting(answers: Answer | [Answer, ...Answer[]], overrides: Partial<OfferStatusClientOptions> = {}) {
  const turns = [answers].flat();
  const requests: { path: string; headers: IncomingMessage['headers']; subject: string | string[] | undefined }[] = [];
  const upstream = await serve(tls, (request, response) => {
    const socket = request.socket as TLSSocket;
    requests.push({
      path: request.url ?? '',
      headers: request.headers,
      subject: socket.getPeerCertificate().subject.CN,
    });
    (turns.length > 1 ? turns.shift() : turns[0])?.(request, response);
  });
  let now = 1_000_000;
  let stored = account;
  let refreshes = 0;
  const sleeps: number[] = [];
  const client = createOfferStatusClient({
    baseUrl: upstream.url,
    timeoutMs: 10_000,
    retry: { attempts: 3, baseMs: 200, capMs: 5_000 },
    credentials: async () => stored,
    refreshCredentials: async () => {
      refreshes += 1;
      return stored;
    },
    clock: {
      now: () => (now += 1),
      async sleepUntil(time) {
        sleeps.push(time - now);
        now = Math.max(now, time);
      },
    },
    random: () => 0.5,
    ...overrides,
  });
  return {
    client,
    requests,
    sleeps,
    refreshes: () => refreshes,
    store: (credentials: OfferStatusCredentials) => (stored = credentials),
    connections: upstream.connections,
    [Symbol.asyncDispose]: () => upstream[Symbol.asyncDispose](),
  };
}

async function rejection(asking: Promise<unknown>): Promise<unknown> {
  return asking.then(
    () => expect.unreachable('the request should have failed'),
    (error: unknown) => error,
  );
}

describe('asking for a status', () => {
  it('shows certificate and key, and gives answer, times, granted rate and drift', async () => {
    const body = { OfferStatuses: [{ ...offer, Foo: 1 }] };
    await using upstream = await setting(json(200, body, { 'x-amzn-RateLimit-Limit': '7.5' }));
    const result = await upstream.client.getStatus(title);
    expect(result).toEqual({
      answer: body,
      sentAt: 1_000_001,
      answeredAt: 1_000_002,
      rateLimit: 7.5,
      drift: ['field OfferStatuses[].Foo'],
    });
    expect(upstream.requests).toMatchObject([
      { path: '/v1/avails/acme/status/md%3Aalid%3Aorg%3Aacme%3A1', subject: 'first' },
    ]);
    expect(upstream.requests[0]?.headers).toMatchObject({ 'x-api-key': API_KEY, accept: 'application/json' });
  });

  it.each(['', 'many', '0', '-1', 'Infinity'])('takes no rate from the header %j', async (limit) => {
    await using upstream = await setting(json(200, { OfferStatuses: [] }, { 'x-amzn-RateLimit-Limit': limit }));
    expect(await upstream.client.getStatus(title)).not.toHaveProperty('rateLimit');
  });

  it('uses one connection for all requests', async () => {
    await using upstream = await setting(json(200, { OfferStatuses: [offer] }));
    for (let request = 0; request < 4; request += 1) await upstream.client.getStatus(title);
    expect([upstream.requests.length, upstream.connections()]).toEqual([4, 1]);
  });

  it('opens another connection when the credentials have changed', async () => {
    await using upstream = await setting(json(200, { OfferStatuses: [offer] }));
    await upstream.client.getStatus(title);
    upstream.store(renewed);
    await upstream.client.getStatus(title);
    await upstream.client.getStatus(title);
    expect(upstream.requests.map(({ subject }) => subject)).toEqual(['first', 'second', 'second']);
    expect(upstream.connections()).toBe(2);
  });
});

describe('the address', () => {
  it('holds every parameter, encoded', () => {
    const request = { licensor: "a/b 'c", alid: '50%+(1)*!', marketplace: 'JP', territory: 'au' };
    expect(statusUrl('https://upstream.example/stage/', request).href).toBe(
      'https://upstream.example/stage/v1/avails/a%2Fb%20%27c/status/50%25%2B%281%29%2A%21?marketplace=JP&territory=AU',
    );
  });

  it.each([
    [{ licensor: '' }, /licensor ""/],
    [{ alid: '..' }, /ALID "\.\."/],
    [{ marketplace: 'FR' }, /marketplace "FR" is not one of GLOBAL, US, DE, JP, GB/],
    [{ marketplace: 'us' }, /marketplace "us"/],
    [{ territory: 'USA' }, /territory "USA" is not a two-letter code/],
    [{ territory: 'U1' }, /territory "U1"/],
  ])('is refused for %j, naming parameter, value and what is allowed', async (wrong, told) => {
    await using upstream = await setting(json(200, { OfferStatuses: [] }));
    const error = await rejection(upstream.client.getStatus({ ...title, ...wrong }));
    expect(error).toBeInstanceOf(RangeError);
    expect(error).toMatchObject({ message: expect.stringMatching(told) });
    expect(upstream.requests).toEqual([]);
  });
});

describe('repeating', () => {
  it.each([
    ['429', json(429, {})],
    ['408', json(408, {})],
    ['500', json(500, 'oops')],
    ['503', json(503, {})],
    ['errors in place of offers', json(200, { OfferStatuses: [], errors: 'try later' })],
    ['a lost connection', (request: IncomingMessage) => void request.socket.destroy()],
  ] as [string, Answer][])('happens after %s, with growing pauses', async (_, failure) => {
    await using upstream = await setting([failure, failure, json(200, { OfferStatuses: [offer] })]);
    const { answer } = await upstream.client.getStatus(title);
    expect(answer.OfferStatuses).toHaveLength(1);
    expect(upstream.sleeps).toEqual([100, 200]);
  });

  it('gives the times of the request that was answered', async () => {
    await using upstream = await setting([json(503, {}), json(200, { OfferStatuses: [] })]);
    const { sentAt, answeredAt } = await upstream.client.getStatus(title);
    expect(sentAt).toBeGreaterThan(1_000_100);
    expect(answeredAt).toBe(sentAt + 1);
  });

  it('ends with the last failure', async () => {
    await using upstream = await setting(json(503, { message: 'maintenance' }));
    const error = await rejection(upstream.client.getStatus(title));
    expect(error).toBeInstanceOf(UnavailableError);
    expect(error).toMatchObject({ code: 'ServerError', status: 503, message: expect.stringContaining('maintenance') });
    expect(upstream.requests).toHaveLength(3);
  });

  it('happens after a time-out', async () => {
    const warm = json(200, { OfferStatuses: [] });
    await using upstream = await setting([warm, () => undefined, warm], { timeoutMs: 1_000 });
    await upstream.client.getStatus(title);
    await upstream.client.getStatus(title);
    expect(upstream.requests).toHaveLength(3);
  });

  it.each([
    ['429', json(429, {}), ThrottledError],
    ['503', json(503, {}), UnavailableError],
    ['a lost connection', (request: IncomingMessage) => void request.socket.destroy(), UnavailableError],
  ] as [string, Answer, typeof ThrottledError | typeof UnavailableError][])(
    'is left to a caller who pays for each request after %s',
    async (_, failure, kind) => {
      await using upstream = await setting(failure);
      expect(await rejection(upstream.client.getStatus(title, { retryOn: 'unsent' }))).toBeInstanceOf(kind);
      expect(upstream.requests).toHaveLength(1);
    },
  );

  it('of what was never sent costs nobody anything', async () => {
    const gone = await serve(tls, () => undefined);
    await gone[Symbol.asyncDispose]();
    await using upstream = await setting(json(200, { OfferStatuses: [] }), { baseUrl: gone.url });
    const error = await rejection(upstream.client.getStatus(title, { retryOn: 'unsent' }));
    expect(error).toMatchObject({ code: 'Unreachable', unsent: true });
    expect(upstream.sleeps).toHaveLength(2);
  });

  it('ends when the caller gives up', async () => {
    const controller = new AbortController();
    await using upstream = await setting(() => controller.abort(new Error('no longer wanted')));
    const error = await rejection(upstream.client.getStatus(title, { signal: controller.signal }));
    expect(error).toMatchObject({ message: 'no longer wanted' });
    expect(upstream.requests).toHaveLength(1);
  });
});

describe('refused credentials', () => {
  it.each([401, 403])('are read anew once after %i, and not sent again unchanged', async (status) => {
    await using upstream = await setting(json(status, { message: `key ${API_KEY} is not allowed` }));
    const error = await rejection(upstream.client.getStatus(title));
    expect(error).toBeInstanceOf(CredentialError);
    expect(error).toMatchObject({ status, message: expect.stringContaining('is not allowed') });
    expect(upstream.requests).toHaveLength(1);
    expect(upstream.refreshes()).toBe(1);
  });

  it('are replaced by those of the secret, once', async () => {
    await using upstream = await setting([json(403, {}), json(200, { OfferStatuses: [offer] })], {
      refreshCredentials: async () => renewed,
    });
    expect((await upstream.client.getStatus(title)).answer.OfferStatuses).toHaveLength(1);
    expect(upstream.requests.map(({ subject }) => subject)).toEqual(['first', 'second']);
    expect(upstream.requests[1]?.headers['x-api-key']).toBe('the-renewed-key');
  });

  it('fail for good when the renewed ones are refused too', async () => {
    await using upstream = await setting(json(403, {}), { refreshCredentials: async () => renewed });
    expect(await rejection(upstream.client.getStatus(title))).toBeInstanceOf(CredentialError);
    expect(upstream.requests).toHaveLength(2);
  });

  it('are not read anew when another request has brought new ones meanwhile', async () => {
    const given = [account, renewed];
    await using upstream = await setting([json(403, {}), json(200, { OfferStatuses: [] })], {
      credentials: async () => given.shift() ?? renewed,
    });
    await upstream.client.getStatus(title);
    expect(upstream.refreshes()).toBe(0);
    expect(upstream.requests.map(({ subject }) => subject)).toEqual(['first', 'second']);
  });

  it('are left to a caller who pays for each request, as a failure to repeat', async () => {
    await using upstream = await setting(json(403, {}), { refreshCredentials: async () => renewed });
    const error = await rejection(upstream.client.getStatus(title, { retryOn: 'unsent' }));
    expect(error).toMatchObject({ code: 'CredentialsRenewed', retryable: true, unsent: false });
    expect(upstream.requests).toHaveLength(1);
  });

  it('are told from a certificate that cannot be used, which is replaced as well', async () => {
    await using upstream = await setting(json(200, { OfferStatuses: [] }), {
      credentials: async () => ({ ...account, key: renewed.key }),
      refreshCredentials: async () => renewed,
    });
    await upstream.client.getStatus(title);
    expect(upstream.requests.map(({ subject }) => subject)).toEqual(['second']);
  });

  it('never end up in an error', async () => {
    for (const status of [200, 400, 401, 403, 404, 429, 503]) {
      await using upstream = await setting(json(status, { message: `got ${API_KEY}`, errors: [{ key: API_KEY }] }));
      const error = await rejection(upstream.client.getStatus(title));
      if (!(error instanceof Error)) throw new Error('expected an error');
      expect(`${error.stack} ${JSON.stringify(error)} ${String(error.cause)}`).not.toContain('hunter2');
    }
  });

  it('are refused in the secret when they cannot be a header', () => {
    expect(OfferStatusCredentials.safeParse({ ...account, apiKey: 'two\nlines' }).success).toBe(false);
    expect(OfferStatusCredentials.parse({ ...account, apiKey: ' key\n' }).apiKey).toBe('key');
  });
});

describe('an answer that is no status', () => {
  it('is an unknown title at 404', async () => {
    await using upstream = await setting(json(404, {}));
    const error = await rejection(upstream.client.getStatus(title));
    expect(error).toBeInstanceOf(UnknownThingError);
    expect(upstream.requests).toHaveLength(1);
  });

  it.each([
    [{ message: 'bad ALID' }, 'bad ALID'],
    [{ Message: 'bad ALID' }, 'bad ALID'],
    [{ error: { code: 'X', message: 'bad ALID' } }, 'bad ALID'],
    [{ errors: ['bad ALID', 'and licensor'] }, 'bad ALID; and licensor'],
    ['plain\n  text', 'plain text'],
  ])('is a rejection at 400 with what the upstream says in %j', async (body, said) => {
    await using upstream = await setting(json(400, body));
    const error = await rejection(upstream.client.getStatus(title));
    expect(error).toBeInstanceOf(RejectedError);
    expect(error).toMatchObject({ status: 400, retryable: false, message: expect.stringMatching(`: ${said}$`) });
    expect(upstream.requests).toHaveLength(1);
  });

  it('is told in bounded length', async () => {
    await using upstream = await setting(json(400, 'x'.repeat(100_000)));
    const error = await rejection(upstream.client.getStatus(title));
    expect(error instanceof Error && error.message.length).toBeLessThan(500);
  });

  it('is no place to be redirected to', async () => {
    await using upstream = await setting((_, response) => void response.writeHead(302, { location: '/' }).end());
    expect(await rejection(upstream.client.getStatus(title))).toMatchObject({ code: 'Redirected', status: 302 });
  });

  it('is unreadable when it is not JSON, and kept in bounded size', async () => {
    await using upstream = await setting(json(200, '<html>' + 'x'.repeat(300_000)));
    const error = await rejection(upstream.client.getStatus(title));
    expect(error).toBeInstanceOf(UnreadableAnswerError);
    expect(error).toMatchObject({ shape: 'not-json', status: 200, raw: expect.stringMatching(/^<html>x+$/) });
    expect(error instanceof UnreadableAnswerError && error.raw.length).toBeLessThanOrEqual(200_000);
    expect(upstream.requests).toHaveLength(1);
  });

  it('is unreadable when it is too large, and may not give the key away then either', async () => {
    await using upstream = await setting(json(200, `"${API_KEY}${'x'.repeat(5_000_000)}"`));
    const error = await rejection(upstream.client.getStatus(title));
    expect(error).toMatchObject({ shape: 'too-large', raw: expect.stringMatching(/^"\[redacted\]x+$/) });
    expect(error instanceof UnreadableAnswerError && error.raw.length).toBeLessThanOrEqual(200_000);
  });

  it('is unreadable with one fingerprint wherever in the list the slip is', async () => {
    const slip = { ...offer, Transaction: [{ LicenseType: 1, Territory: [] }] };
    await using upstream = await setting([
      json(200, { OfferStatuses: [slip] }),
      json(200, { OfferStatuses: [offer, offer, slip, slip] }),
    ]);
    const errors = [
      await rejection(upstream.client.getStatus(title)),
      await rejection(upstream.client.getStatus(title)),
    ];
    const shapes = errors.map((error) => (error instanceof UnreadableAnswerError ? error.shape : error));
    expect(shapes).toEqual([
      'OfferStatuses[].Transaction[].LicenseType:invalid_type',
      'OfferStatuses[].Transaction[].LicenseType:invalid_type',
    ]);
  });

  it.each([
    [{}, 'OfferStatuses:invalid_type'],
    [[], 'body:invalid_type'],
    [null, 'body:invalid_type'],
    [{ OfferStatuses: null }, 'OfferStatuses:invalid_type'],
    [{ OfferStatuses: [{ ...offer, OverallStatus: {} }] }, 'OfferStatuses[].OverallStatus.ProgressCode:custom'],
  ])('is unreadable as %j', async (body, shape) => {
    await using upstream = await setting(json(200, JSON.stringify(body)));
    expect(await rejection(upstream.client.getStatus(title))).toMatchObject({ code: 'UnreadableAnswer', shape });
  });

  it.each([
    { OfferStatuses: [], errors: ['the catalog is down'] },
    { errors: 'the catalog is down' },
    { OfferStatuses: null, errors: [{ message: 'the catalog is down' }] },
  ])('is a failure of the upstream as %j', async (body) => {
    await using upstream = await setting(json(200, body));
    const error = await rejection(upstream.client.getStatus(title));
    expect(error).toBeInstanceOf(UnavailableError);
    expect(error).toMatchObject({ code: 'UpstreamErrors', message: expect.stringContaining('the catalog is down') });
  });

  it('is of use when offers stand beside the errors, or when there is nothing to complain of', async () => {
    await using upstream = await setting([
      json(200, { OfferStatuses: [offer], errors: ['one scope failed'] }),
      json(200, { OfferStatuses: [], errors: [] }),
    ]);
    expect((await upstream.client.getStatus(title)).answer.errors).toEqual(['one scope failed']);
    expect((await upstream.client.getStatus(title)).answer.OfferStatuses).toEqual([]);
  });
});
