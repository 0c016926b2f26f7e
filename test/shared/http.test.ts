import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import * as fc from 'fast-check';
import { CredentialError, UnavailableError } from '../../lambdas/shared/errors.ts';
import {
  boundedRaw,
  connectHttps,
  MAX_ANSWER_BYTES,
  MAX_RAW_BYTES,
  pathSegment,
  queryValue,
} from '../../lambdas/shared/http.ts';
import { createAuthority, serve, type Authority, type Identity } from './https-server.ts';

let authority: Authority;
let server: Identity;
let client: Identity & { ca: string };

beforeAll(async () => {
  authority = await createAuthority('authority');
  [server, client] = await Promise.all([
    authority.issue('server'),
    authority.issue('client').then((issued) => ({ ...issued, ca: authority.cert })),
  ]);
});

const get = (url: string | URL, timeoutMs = 5_000) =>
  ({ method: 'GET', url: new URL(url), headers: {}, timeoutMs }) as const;

async function rejection(sending: Promise<unknown>): Promise<unknown> {
  return sending.then(
    () => expect.unreachable('the request should have failed'),
    (error: unknown) => error,
  );
}

/** A TCP server that does what it is told with each connection; closed with the test. */
async function listen(connected: (socket: Socket) => void): Promise<string> {
  const tcp = createServer((socket) => {
    socket.on('error', () => undefined);
    connected(socket);
  });
  await once(tcp.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => void tcp.close());
  return `https://127.0.0.1:${(tcp.address() as AddressInfo).port}/`;
}

describe('the HTTPS client', () => {
  it('shows its certificate and gives status, headers and body', async () => {
    await using upstream = await serve(
      { ...server, ca: authority.cert, requestCert: true, rejectUnauthorized: true },
      (request, response) => {
        response.writeHead(418, {
          'x-seen': `${request.method} ${request.url} ${String(request.headers['x-api-key'])}`,
        });
        response.end('{"ü":1}');
      },
    );
    const answer = await connectHttps(client)({ ...get(`${upstream.url}/a%2Fb?c=d`), headers: { 'x-api-key': 'k' } });
    expect(answer).toMatchObject({ status: 418, body: '{"ü":1}' });
    expect(answer.headers['x-seen']).toBe('GET /a%2Fb?c=d k');
  });

  it('posts a body with its length', async () => {
    await using upstream = await serve(server, async (request, response) => {
      const chunks = await request.toArray();
      response.end(`${request.headers['content-length']} ${Buffer.concat(chunks).toString()}`);
    });
    const answer = await connectHttps(client)({ ...get(upstream.url), method: 'POST', body: 'ü' });
    expect(answer.body).toBe('2 ü');
  });

  it('uses one connection for requests that follow each other', async () => {
    await using upstream = await serve(server, (_, response) => response.end());
    const send = connectHttps(client);
    for (let request = 0; request < 3; request += 1) await send(get(upstream.url));
    expect(upstream.connections()).toBe(1);
  });

  it('says when a request leaves: with its connection standing, before the answer, and not where it never does', async () => {
    const seen: string[] = [];
    await using upstream = await serve(server, (_, response) => {
      seen.push('arrives');
      response.end();
    });
    const send = connectHttps(client);
    const onLeft = (): void => void seen.push(`leaves over connection ${upstream.connections()}`);
    await send({ ...get(upstream.url), onLeft });
    await send({ ...get(upstream.url), onLeft });
    // On the first connection the server counts the handshake after the client has.
    expect(seen.filter((what) => what === 'arrives')).toHaveLength(2);
    expect(seen[0]).toMatch(/^leaves/);
    expect(seen[2]).toBe('leaves over connection 1');

    const mute = await listen(() => undefined);
    await rejection(send({ ...get(mute, 200), onLeft }));
    expect(seen).toHaveLength(4);
  });

  it('does not follow a redirect', async () => {
    await using upstream = await serve(server, (_, response) => {
      response.writeHead(302, { location: 'https://127.0.0.1:1/' }).end();
    });
    expect((await connectHttps(client)(get(upstream.url))).status).toBe(302);
  });

  it('drops a byte order mark', async () => {
    await using upstream = await serve(server, (_, response) => response.end('\uFEFF{}'));
    expect((await connectHttps(client)(get(upstream.url))).body).toBe('{}');
  });

  it('stops reading an answer beyond its bound, and can be used again', async () => {
    let bytes = MAX_ANSWER_BYTES;
    await using upstream = await serve(server, (_, response) => response.end(Buffer.alloc(bytes, 'x')));
    const send = connectHttps(client);
    const whole = await send(get(upstream.url));
    expect([whole.truncated, whole.body.length]).toEqual([false, MAX_ANSWER_BYTES]);
    bytes = 3 * MAX_ANSWER_BYTES;
    const cut = await send(get(upstream.url));
    expect([cut.status, cut.truncated]).toEqual([200, true]);
    expect(cut.body.length).toBeLessThan(2 * MAX_ANSWER_BYTES);
    bytes = 1;
    expect(await send(get(upstream.url))).toMatchObject({ body: 'x', truncated: false });
  });

  it('ends an exchange when the caller gives up', async () => {
    const controller = new AbortController();
    await using upstream = await serve(server, () => controller.abort(new Error('no longer wanted')));
    const send = connectHttps(client);
    const error = await rejection(send({ ...get(upstream.url), signal: controller.signal }));
    expect(error).toMatchObject({ message: 'no longer wanted' });
    expect(await rejection(send({ ...get(upstream.url), signal: controller.signal }))).toBe(error);
  });
});

describe('a request without an answer', () => {
  it('was not sent when nobody listens', async () => {
    await using upstream = await serve(server, () => undefined);
    const { url } = upstream;
    await upstream[Symbol.asyncDispose]();
    const error = await rejection(connectHttps(client)(get(url)));
    expect(error).toMatchObject({
      code: 'Unreachable',
      unsent: true,
      message: expect.stringContaining('ECONNREFUSED'),
    });
  });

  it('was not sent when the host is unknown', async () => {
    const error = await rejection(connectHttps(client)(get('https://upstream.invalid/')));
    expect(error).toMatchObject({ code: 'Unreachable', unsent: true });
  });

  it('was not sent when the other side does not speak TLS', async () => {
    const url = await listen((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    expect(await rejection(connectHttps(client)(get(url)))).toMatchObject({ code: 'Unreachable', unsent: true });
  });

  it('was not sent when the connection closes during the handshake', async () => {
    const url = await listen((socket) => socket.once('data', () => socket.destroy()));
    expect(await rejection(connectHttps(client)(get(url)))).toMatchObject({ code: 'Unreachable', unsent: true });
  });

  it('was not sent when the time is up during the handshake', async () => {
    const sockets: Socket[] = [];
    const url = await listen((socket) => sockets.push(socket));
    expect(await rejection(connectHttps(client)(get(url, 50)))).toMatchObject({ code: 'TimedOut', unsent: true });
    for (const socket of sockets) socket.destroy();
  });

  it('may have been sent when the time is up afterwards', async () => {
    const send = connectHttps(client);
    let answering = true;
    await using upstream = await serve(server, (_, response) => {
      if (answering) response.end();
    });
    await send(get(upstream.url));
    answering = false;
    // On the connection of the first request, so that no slow handshake can use up the time.
    const error = await rejection(send(get(upstream.url, 50)));
    expect(error).toMatchObject({ code: 'TimedOut', unsent: false, message: expect.stringContaining('50 ms') });
  });

  it('may have been sent when the time is up within the body', async () => {
    const send = connectHttps(client);
    let whole = true;
    await using upstream = await serve(server, (_, response) => {
      response.write('{');
      if (whole) response.end();
    });
    await send(get(upstream.url));
    whole = false;
    const error = await rejection(send(get(upstream.url, 50)));
    expect(error).toMatchObject({ code: 'TimedOut', unsent: false });
  });

  it('may have been sent when a new connection is reset', async () => {
    await using upstream = await serve(server, (request) => void request.socket.destroy());
    const error = await rejection(connectHttps(client)(get(upstream.url)));
    expect(error).toMatchObject({ code: 'ConnectionLost', unsent: false });
  });

  it('may have been sent when a reused connection is reset', async () => {
    let requests = 0;
    await using upstream = await serve(server, (request, response) => {
      requests += 1;
      if (requests === 1) response.end();
      else request.socket.destroy();
    });
    const send = connectHttps(client);
    await send(get(upstream.url));
    expect(await rejection(send(get(upstream.url)))).toMatchObject({ code: 'ConnectionLost', unsent: false });
    expect(upstream.connections()).toBe(1);
  });

  it('has no answer when the body breaks off', async () => {
    await using upstream = await serve(server, (request, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('{', () => request.socket.destroy());
    });
    const error = await rejection(connectHttps(client)(get(upstream.url)));
    expect(error).toBeInstanceOf(UnavailableError);
    expect(error).toMatchObject({ code: 'ConnectionLost', unsent: false });
  });
});

describe('trust', () => {
  it('is refused to a server of another authority, naming it', async () => {
    const foreign = await createAuthority('foreign');
    let requests = 0;
    await using upstream = await serve(await foreign.issue('server'), (_, response) => {
      requests += 1;
      response.end();
    });
    const error = await rejection(connectHttps(client)(get(upstream.url)));
    expect(error).toMatchObject({ code: 'UntrustedServer', unsent: true });
    expect(error).toMatchObject({ message: expect.stringContaining(`127.0.0.1:${upstream.port}`) });
    expect(requests).toBe(0);
  });

  it('is refused even when the environment would switch verification off', async () => {
    const foreign = await createAuthority('foreign');
    await using upstream = await serve(await foreign.issue('server'), (_, response) => response.end());
    const before = process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    onTestFinished(() => {
      if (before === undefined) delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
      else process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = before;
    });
    expect(await rejection(connectHttps(client)(get(upstream.url)))).toMatchObject({ code: 'UntrustedServer' });
  });

  it('is refused to a server of another name', async () => {
    await using upstream = await serve(server, (_, response) => response.end());
    const error = await rejection(connectHttps(client)(get(`https://localhost:${upstream.port}/`)));
    expect(error).toMatchObject({ code: 'UntrustedServer', unsent: true });
    expect(error).toMatchObject({ message: expect.stringContaining('ERR_TLS_CERT_ALTNAME_INVALID') });
  });

  it('is refused to a server whose certificate has expired', async () => {
    const expired = await authority.issue('server', { from: new Date('2020-01-01'), to: new Date('2020-02-01') });
    await using upstream = await serve(expired, (_, response) => response.end());
    const error = await rejection(connectHttps(client)(get(upstream.url)));
    expect(error).toMatchObject({ code: 'UntrustedServer', unsent: true });
    expect(error).toMatchObject({ message: expect.stringContaining('CERT_HAS_EXPIRED') });
  });
});

describe('the client certificate', () => {
  it('is refused after the handshake of TLS 1.3', async () => {
    // The server takes signatures of one curve and this certificate has another, so that none can be shown.
    const unfit = { ...client, ...(await authority.issue('client', { curve: 'P-384' })) };
    await using upstream = await serve(
      {
        ...server,
        ca: authority.cert,
        requestCert: true,
        rejectUnauthorized: true,
        minVersion: 'TLSv1.3',
        sigalgs: 'ecdsa_secp256r1_sha256',
      },
      (_, response) => response.end(),
    );
    const error = await rejection(connectHttps(unfit)(get(upstream.url)));
    expect(error).toBeInstanceOf(CredentialError);
    expect(error).toMatchObject({ code: 'CertificateRefused', message: expect.stringContaining('required') });
  });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'of a foreign authority is hinted at when %s just closes',
    async (version) => {
      const stranger = { ...client, ...(await (await createAuthority('foreign')).issue('client')) };
      await using upstream = await serve(
        { ...server, ca: authority.cert, requestCert: true, rejectUnauthorized: true, maxVersion: version },
        (_, response) => response.end(),
      );
      const error = await rejection(connectHttps(stranger)(get(upstream.url)));
      expect(error).toBeInstanceOf(UnavailableError);
      expect(error).toMatchObject({
        unsent: version === 'TLSv1.2',
        message: expect.stringContaining('the client certificate may not be accepted'),
      });
    },
  );

  it.each([
    ['bad certificate', 42],
    ['certificate revoked', 44],
    ['certificate expired', 45],
    ['certificate unknown', 46],
    ['unknown authority', 48],
    ['certificate required', 116],
  ])('is refused by the alert %s', async (_, alert) => {
    const url = await listen((socket) => {
      socket.once('data', () => socket.end(Buffer.from([0x15, 3, 3, 0, 2, 2, alert])));
    });
    const error = await rejection(connectHttps(client)(get(url)));
    expect(error).toBeInstanceOf(CredentialError);
    expect(error).toMatchObject({ code: 'CertificateRefused', retryable: true });
  });

  it.each([
    ['a text that is no certificate', () => ({ ...client, cert: 'hunter2' })],
    ['a text that is no key', () => ({ ...client, key: 'hunter2' })],
    ['the key of another certificate', () => ({ ...client, key: server.key })],
  ])('cannot be used with %s', (_, certificate) => {
    const connecting = () => connectHttps(certificate());
    expect(connecting).toThrow(CredentialError);
    expect(connecting).toThrow(/^(?!.*hunter2).*cannot be used \(ERR_OSSL/);
  });
});

describe('a client without a certificate', () => {
  it('trusts the authority that it was given, and shows nothing', async () => {
    await using upstream = await serve(
      { ...server, ca: authority.cert, requestCert: true, rejectUnauthorized: false },
      (request, response) => response.end(JSON.stringify((request.socket as TLSSocket).getPeerCertificate())),
    );
    const send = connectHttps({ ca: authority.cert });
    expect((await send(get(upstream.url))).body).toBe('{}');
    await send(get(upstream.url));
    expect(upstream.connections()).toBe(1);
  });

  it('trusts the public authorities where it was given none', async () => {
    await using upstream = await serve(server, (_, response) => response.end());
    expect(await rejection(connectHttps({})(get(upstream.url)))).toMatchObject({ code: 'UntrustedServer' });
  });

  it('says that a certificate is asked for', async () => {
    const url = await listen((socket) => {
      socket.once('data', () => socket.end(Buffer.from([0x15, 3, 3, 0, 2, 2, 116])));
    });
    const error = await rejection(connectHttps({ ca: authority.cert })(get(url)));
    expect(error).toMatchObject({
      code: 'CertificateRefused',
      message: expect.stringContaining('asks for a client certificate'),
    });
  });

  it('does not blame a certificate for a connection that is closed', async () => {
    const url = await listen((socket) => socket.once('data', () => socket.resetAndDestroy()));
    const error = await rejection(connectHttps({ ca: authority.cert })(get(url)));
    expect(error).toMatchObject({ code: 'Unreachable', message: expect.stringMatching(/\(ECONNRESET\)$/) });
  });

  it('cannot use an authority that is no certificate', () => {
    expect(() => connectHttps({ ca: 'hunter2' })).toThrow(/^the authority of the server's certificate cannot be used/);
    expect(() => connectHttps({ ca: 'hunter2' })).toThrow(CredentialError);
    expect(() => connectHttps({ ...client, ca: 'hunter2' })).toThrow(CredentialError);
  });
});

describe('a path segment', () => {
  it.each([
    ["a:b/c d+e%f'(g)*!", 'a%3Ab%2Fc%20d%2Be%25f%27%28g%29%2A%21'],
    ['md:cid:org:é~_-.', 'md%3Acid%3Aorg%3A%C3%A9~_-.'],
    ['...', '...'],
  ])('encodes %s', (text, encoded) => {
    expect(pathSegment('ALID', text)).toBe(encoded);
  });

  it.each(['', '.', '..', '\ud800'])('refuses %j, naming the field', (text) => {
    expect(() => pathSegment('licensor', text)).toThrow(RangeError);
    expect(() => pathSegment('licensor', text)).toThrow('licensor');
  });

  it('stays one segment of a URL that decodes to what it was', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (text) => {
        fc.pre(text !== '.' && text !== '..');
        const { pathname } = new URL(`https://upstream.example/before/${pathSegment('ALID', text)}/after`);
        const [, before, segment, after, ...rest] = pathname.split('/');
        expect([before, decodeURIComponent(segment ?? ''), after, rest]).toEqual(['before', text, 'after', []]);
        expect(segment).toMatch(/^(?:[A-Za-z0-9._~-]|%[0-9A-F]{2})+$/);
      }),
    );
  });
});

describe('a value of a query', () => {
  it('is encoded but for the unreserved characters', () => {
    expect(queryValue('sku', "a b+c,d/%é'~")).toBe('a%20b%2Bc%2Cd%2F%25%C3%A9%27~');
    expect(queryValue('sku', '..')).toBe('..');
  });

  it.each(['', '\ud800'])('is refused as %j, naming the field', (text) => {
    expect(() => queryValue('sku', text)).toThrow(/^sku /);
    expect(() => queryValue('sku', text)).toThrow(RangeError);
  });
});

it('keeps a bounded part of an unreadable answer, whole characters only', () => {
  expect(boundedRaw('short')).toBe('short');
  const kept = boundedRaw('x'.repeat(MAX_RAW_BYTES - 4) + '🎬🎬');
  expect(Buffer.byteLength(kept)).toBeLessThanOrEqual(MAX_RAW_BYTES);
});
