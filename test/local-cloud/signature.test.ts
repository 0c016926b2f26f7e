import { createHash, createHmac } from 'node:crypto';
import { SignatureV4 } from '@smithy/signature-v4';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkSignature, type SignedRequest, type SigningKey } from '../../local/signature-v4.ts';

const KEY = {
  accessKeyId: 'ASIAWORKER',
  secretAccessKey: 'secret-of-the-worker',
  sessionToken: 'session-of-the-worker',
};
const NOW = new Date('2026-03-01T12:00:00Z');
const keyOf = (id: string): SigningKey | undefined => (id === KEY.accessKeyId ? KEY : undefined);

class Sha256 {
  readonly #hash: { update(data: string | Uint8Array): unknown; digest(): Buffer };
  constructor(secret?: unknown) {
    this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', secret as Uint8Array);
  }
  update(data: string | Uint8Array): void {
    this.#hash.update(data);
  }
  digest(): Promise<Uint8Array> {
    return Promise.resolve(new Uint8Array(this.#hash.digest()));
  }
}

interface Unsigned {
  path?: string;
  query?: Record<string, string>;
  headers?: Record<string, string>;
  body?: string;
  credentials?: { accessKeyId: string; secretAccessKey: string; sessionToken?: string };
  scope?: { service?: string; region?: string };
}

/** A request as an AWS SDK would sign and send it. */
async function signed({
  path = '/',
  query = {},
  headers = {},
  body = '{}',
  credentials = KEY,
  scope = {},
}: Unsigned = {}) {
  const signer = new SignatureV4({ service: 'sqs', region: 'us-east-1', ...scope, credentials, sha256: Sha256 });
  const request = { method: 'POST', protocol: 'http:', hostname: '127.0.0.1', path, query, body };
  const result = await signer.sign(
    { ...request, headers: { host: '127.0.0.1:4000', ...headers } },
    { signingDate: NOW },
  );
  const text = new URLSearchParams(query).toString().replaceAll('+', '%20');
  return {
    method: 'POST',
    url: text === '' ? path : `${path}?${text}`,
    headers: Object.fromEntries(Object.entries(result.headers).map(([name, value]) => [name.toLowerCase(), value])),
    body: Buffer.from(body),
  } satisfies SignedRequest;
}

const check = (request: SignedRequest, now = NOW.getTime()): string => {
  const result = checkSignature(request, { region: 'us-east-1', service: 'sqs' }, keyOf, now);
  return 'problem' in result ? result.problem.kind : result.accessKeyId;
};

describe('the signature of a request', () => {
  test('is right when an SDK’s signer made it', async () => {
    expect(check(await signed({ headers: { 'x-amz-target': 'AmazonSQS.SendMessage' } }))).toBe(KEY.accessKeyId);
  });

  test('is right for any path, query, header and body', async () => {
    const text = fc.string({ unit: 'grapheme-ascii', maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(text, { maxLength: 3 }),
        fc.dictionary(fc.string({ unit: fc.constantFrom('a', 'b', '-', '~', '!'), minLength: 1 }), text, {
          maxKeys: 3,
        }),
        fc.string({ unit: fc.constantFrom('a', ' ', '=', ';'), maxLength: 8 }),
        fc.string({ unit: 'grapheme' }),
        async (segments, query, header, body) => {
          const path = `/${segments.map((segment) => encodeURIComponent(segment)).join('/')}`;
          expect(check(await signed({ path, query, headers: { 'x-amz-meta': header }, body }))).toBe(KEY.accessKeyId);
        },
      ),
    );
  });

  test.each<[string, (request: SignedRequest) => Partial<SignedRequest>]>([
    ['the body', () => ({ body: Buffer.from('{ }') })],
    ['the path', () => ({ url: '/other' })],
    ['the query', () => ({ url: '/?a=1' })],
    ['the method', () => ({ method: 'PUT' })],
    ['a signed header', ({ headers }) => ({ headers: { ...headers, host: '127.0.0.1:5000' } })],
  ])('is wrong once %s has been altered', async (_, alter) => {
    const request = await signed();
    expect(check({ ...request, ...alter(request) })).toBe('wrong');
  });

  test('is wrong when made with another secret', async () => {
    expect(check(await signed({ credentials: { ...KEY, secretAccessKey: 'guessed' } }))).toBe('wrong');
  });

  test('counts for nothing with a key that nobody has, or with another session', async () => {
    expect(check(await signed({ credentials: { ...KEY, accessKeyId: 'ASIANOBODY' } }))).toBe('unknown key');
    expect(check(await signed({ credentials: { ...KEY, sessionToken: 'old' } }))).toBe('unknown key');
    const { sessionToken: _, ...lasting } = KEY;
    expect(check(await signed({ credentials: lasting }))).toBe('unknown key');
  });

  test('is for one service in one region', async () => {
    expect(check(await signed({ scope: { service: 'sns' } }))).toBe('wrong scope');
    expect(check(await signed({ scope: { region: 'eu-west-1' } }))).toBe('wrong scope');
  });

  test('is good for five minutes', async () => {
    const request = await signed();
    expect(check(request, NOW.getTime() + 5 * 60_000)).toBe(KEY.accessKeyId);
    expect(check(request, NOW.getTime() + 5 * 60_000 + 1)).toBe('expired');
    expect(check(request, NOW.getTime() - 5 * 60_000 - 1)).toBe('expired');
  });

  test('must be there, be readable, and cover each AWS header', async () => {
    const request = await signed();
    const { authorization, ...bare } = request.headers;
    expect(check({ ...request, headers: bare })).toBe('missing');
    expect(check({ ...request, headers: { ...bare, authorization: 'Bearer x' } })).toBe('incomplete');
    expect(check({ ...request, headers: { ...bare, authorization, 'x-amz-target': 'added' } })).toBe('unsigned header');
    const added = { ...request, headers: { ...request.headers, 'x-amz-request-id': '1' } };
    const expected = { region: 'us-east-1', service: 'sqs', free: ['x-amz-request-id'] };
    expect(checkSignature(added, expected, keyOf, NOW.getTime())).toEqual({ accessKeyId: KEY.accessKeyId });
    expect(check({ ...request, headers: { ...request.headers, 'x-amz-date': '20260302T120000Z' } })).toBe(
      'wrong scope',
    );
  });
});
