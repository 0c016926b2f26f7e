import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import { mockClient } from 'aws-sdk-client-mock';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { CredentialError, UnavailableError } from '../../lambdas/shared/errors.ts';
import { pathSegment } from '../../lambdas/shared/http.ts';
import { assumeRole } from '../../lambdas/shared/sigv4/assumed-role.ts';
import { signRequest } from '../../lambdas/shared/sigv4/request-signer.ts';
import {
  EARLY_MS,
  givenCredentials,
  temporaryCredentials,
  type TemporaryCredentials,
} from '../../lambdas/shared/sigv4/signing-credentials.ts';
import { checkSignature } from '../../local/signature-v4.ts';

const KEY = { accessKeyId: 'ASIAKEY', secretAccessKey: 'secret/of+the=key', sessionToken: 'session+/=' };
const NOW = Date.parse('2026-03-01T12:00:00Z');
const SCOPE = { service: 'execute-api', region: 'eu-west-1' };

/** Signs as a client does, and has it checked as a server would: by the independent implementation. */
async function checked(
  path: string,
  headers: Record<string, string> = {},
  key: typeof KEY | Omit<typeof KEY, 'sessionToken'> = KEY,
) {
  const url = new URL(path, 'https://prime.example');
  const signed = await signRequest({ method: 'GET', url, headers, now: NOW }, SCOPE, key);
  const request = { method: 'GET', url: url.pathname, headers: signed, body: Buffer.alloc(0) };
  return { result: checkSignature(request, SCOPE, (id) => (id === key.accessKeyId ? key : undefined), NOW), signed };
}

describe('a signed request', () => {
  it.each([
    'plain',
    'with space',
    'a/b',
    'a%2Fb',
    '%',
    '%25',
    'a+b',
    'a&b=c?d#e',
    'a..b',
    '...',
    "~!*'()",
    'ünïcödé',
    '👩‍👩‍👧',
    ';:@$,',
    'x'.repeat(1_024),
  ])('is right for the code %j', async (code) => {
    const { result } = await checked(`/v1/offer-code/${pathSegment('code', code)}/verify`);
    expect(result).toEqual({ accessKeyId: KEY.accessKeyId });
  });

  it('is right for any text that a path can carry', async () => {
    const text = fc
      .string({ unit: 'binary', minLength: 1 })
      .filter((one) => one.isWellFormed() && !/^\.\.?$/u.test(one));
    await fc.assert(
      fc.asyncProperty(text, async (code) => {
        const { result } = await checked(`/a/${pathSegment('code', code)}/b`);
        expect(result).toEqual({ accessKeyId: KEY.accessKeyId });
      }),
    );
  });

  it('covers the host, the date, the session and whatever is given, and nothing else', async () => {
    const { signed, result } = await checked('/a', { 'x-amz-marketplace': 'US' });
    expect(result).toEqual({ accessKeyId: KEY.accessKeyId });
    expect(signed['authorization']).toContain('/20260301/eu-west-1/execute-api/aws4_request');
    expect(signed['authorization']).toContain('SignedHeaders=host;x-amz-date;x-amz-marketplace;x-amz-security-token');
    expect(Object.keys(signed).sort()).toEqual([
      'authorization',
      'host',
      'x-amz-date',
      'x-amz-marketplace',
      'x-amz-security-token',
    ]);
  });

  it('covers its body and its query, whatever they hold', async () => {
    const text = fc.string({ unit: 'binary' }).filter((one) => one.isWellFormed());
    const query = fc.array(fc.tuple(text, text), { maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(text, query, text, async (body, pairs, other) => {
        const url = new URL('https://game.example/grants');
        for (const [name, value] of pairs) url.searchParams.append(name, value);
        const headers = await signRequest({ method: 'POST', url, headers: {}, body, now: NOW }, SCOPE, KEY);
        const check = (sent: { url?: string; body?: string }) =>
          checkSignature(
            {
              method: 'POST',
              url: sent.url ?? `${url.pathname}${url.search}`,
              headers,
              body: Buffer.from(sent.body ?? body),
            },
            SCOPE,
            () => KEY,
            NOW,
          );
        expect(check({})).toEqual({ accessKeyId: KEY.accessKeyId });
        if (other !== body) expect(check({ body: other })).toHaveProperty('problem.kind', 'wrong');
        const more = `${url.pathname}${url.search === '' ? '?' : `${url.search}&`}more=1`;
        expect(check({ url: more })).toHaveProperty('problem.kind', 'wrong');
      }),
    );
  });

  it('has no session token where the credentials are lasting ones', async () => {
    const { sessionToken: _, ...lasting } = KEY;
    const { signed, result } = await checked('/a', {}, lasting);
    expect(result).toEqual({ accessKeyId: KEY.accessKeyId });
    expect(signed).not.toHaveProperty('x-amz-security-token');
  });
});

describe('credentials that somebody else keeps fresh', () => {
  it('are read anew each time, and renewed only where they have changed', async () => {
    let present = KEY;
    const source = givenCredentials(() => present);
    expect(await source.current()).toEqual(KEY);
    expect(await source.renew(KEY)).toBeUndefined();
    present = { ...KEY, sessionToken: 'next' };
    expect(await source.current()).toEqual(present);
    expect(await source.renew(KEY)).toEqual(present);
  });
});

describe('temporary credentials', () => {
  let now = 0;
  let fetches = 0;
  let failing = false;
  const clock = { now: () => now, sleepUntil: async () => undefined };
  const hour = 3_600_000;
  const fetch = async (): Promise<TemporaryCredentials> => {
    fetches += 1;
    await Promise.resolve();
    if (failing) throw new UnavailableError('RoleUnavailable', 'down', { unsent: true });
    return { ...KEY, accessKeyId: `ASIA${fetches}`, expiresAt: now + hour };
  };
  beforeEach(() => {
    now = 1_000;
    fetches = 0;
    failing = false;
  });

  it('are fetched once, however many wait', async () => {
    const source = temporaryCredentials(fetch, clock);
    const all = await Promise.all([source.current(), source.current(), source.current()]);
    expect(all.map(({ accessKeyId }) => accessKeyId)).toEqual(['ASIA1', 'ASIA1', 'ASIA1']);
    expect(fetches).toBe(1);
  });

  it('are replaced five minutes before they expire, and not sooner', async () => {
    const source = temporaryCredentials(fetch, clock);
    await source.current();
    now += hour - EARLY_MS - 1;
    expect((await source.current()).accessKeyId).toBe('ASIA1');
    now += 1;
    expect((await source.current()).accessKeyId).toBe('ASIA2');
  });

  it('serve to their end where no others can be had', async () => {
    const source = temporaryCredentials(fetch, clock);
    await source.current();
    failing = true;
    now += hour - 1;
    expect((await source.current()).accessKeyId).toBe('ASIA1');
    now += 1;
    await expect(source.current()).rejects.toThrow('down');
    failing = false;
    expect((await source.current()).accessKeyId).toBe('ASIA4');
  });

  it('are fetched once in the place of refused ones', async () => {
    const source = temporaryCredentials(fetch, clock);
    const refused = await source.current();
    const renewed = await Promise.all([source.renew(refused), source.renew(refused)]);
    expect(renewed.map((one) => one?.accessKeyId)).toEqual(['ASIA2', 'ASIA2']);
    expect((await source.renew(refused))?.accessKeyId).toBe('ASIA2');
    expect(fetches).toBe(2);
  });
});

describe('assuming a role', () => {
  const sts = mockClient(STSClient);
  const role = { arn: 'arn:aws:iam::111122223333:role/prime', externalId: 'external', sessionName: 'offer-relay-test' };
  const expiration = new Date(NOW);
  beforeEach(() => sts.reset());

  it('asks for an hour, in the name of the stage, with the external id', async () => {
    sts.on(AssumeRoleCommand).resolves({
      Credentials: { AccessKeyId: 'A', SecretAccessKey: 'S', SessionToken: 'T', Expiration: expiration },
    });
    expect(await assumeRole(new STSClient({}), role)).toEqual({
      accessKeyId: 'A',
      secretAccessKey: 'S',
      sessionToken: 'T',
      expiresAt: NOW,
    });
    expect(sts.commandCalls(AssumeRoleCommand)[0]?.args[0].input).toEqual({
      RoleArn: role.arn,
      RoleSessionName: 'offer-relay-test',
      DurationSeconds: 3_600,
      ExternalId: 'external',
    });
  });

  it.each(['AccessDenied', 'ValidationError', 'InvalidClientTokenId'])('is refused for good with %s', async (name) => {
    sts.on(AssumeRoleCommand).rejects(Object.assign(new Error('says secret-token'), { name }));
    const error: unknown = await assumeRole(new STSClient({}), role).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(CredentialError);
    expect(String(error)).toContain(name);
    expect(String(error)).not.toContain('secret-token');
  });

  it.each(['TimeoutError', 'InternalFailure', 'Throttling', 'ExpiredTokenException'])(
    'fails for now with %s, before anything was sent',
    async (name) => {
      sts.on(AssumeRoleCommand).rejects(Object.assign(new Error('x'), { name }));
      const error: unknown = await assumeRole(new STSClient({}), role).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(UnavailableError);
      expect((error as UnavailableError).unsent).toBe(true);
    },
  );

  it('fails for now where STS answers without credentials', async () => {
    sts.on(AssumeRoleCommand).resolves({ Credentials: { AccessKeyId: 'A' } as never });
    await expect(assumeRole(new STSClient({}), role)).rejects.toBeInstanceOf(UnavailableError);
  });
});
