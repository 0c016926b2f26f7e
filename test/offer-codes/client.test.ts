import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createOfferCodesClient, type OfferCodesClientOptions } from '../../lambdas/offer-codes/offer-codes.client.ts';
import { isUnprocessed } from '../../lambdas/offer-codes/unprocessed.ts';
import { systemClock } from '../../lambdas/shared/clock.ts';
import { CredentialError, UnavailableError } from '../../lambdas/shared/errors.ts';
import type { SigningCredentials } from '../../lambdas/shared/sigv4/request-signer.ts';
import { givenCredentials, type CredentialSource } from '../../lambdas/shared/sigv4/signing-credentials.ts';
import { LeapingClock } from '../shared/virtual-clock.ts';
import { KEY, startUpstream, type Upstream } from './upstream.ts';

let upstream: Upstream;
beforeAll(async () => {
  upstream = await startUpstream();
});
afterAll(() => upstream[Symbol.asyncDispose]());
beforeEach(() => {
  upstream.seen.length = 0;
  upstream.next.length = 0;
  upstream.always = undefined;
  upstream.now = Date.now;
  upstream.keyOf = (id) => (id === KEY.accessKeyId ? KEY : undefined);
});

const client = (options: Partial<OfferCodesClientOptions> = {}) =>
  createOfferCodesClient({
    baseUrl: upstream.url,
    timeoutMs: 10_000,
    attempts: 3,
    credentials: givenCredentials(() => KEY),
    trust: async () => ({ ca: upstream.ca }),
    clock: systemClock,
    random: () => 0,
    ...options,
  });
const request = (given: { offerCode?: string; benefitId?: string; timeZone?: string; deadline?: number } = {}) => ({
  benefitId: 'BENEFIT',
  offerCode: 'CODE-1',
  marketplace: 'US',
  region: 'us-east-1',
  requestId: 'request-1',
  deadline: Infinity,
  ...given,
});
const fails = (status: number) => ({ kind: 'answer', status, body: '' }) as const;

describe('the client of offer codes', () => {
  it('signs for the marketplace’s region, and shows marketplace, time zone, session and its request id', async () => {
    upstream.uses.set('CODE-1', 1);
    await client().verify({ ...request({ timeZone: 'Asia/Kolkata' }), marketplace: 'IN', region: 'eu-west-1' });
    const [seen] = upstream.seen;
    expect(seen).toMatchObject({
      method: 'GET',
      path: '/v1/customer/benefit/BENEFIT/offer-code/CODE-1/verify',
      problem: undefined,
      headers: {
        'x-amz-marketplace': 'IN',
        'x-amz-time-zone': 'Asia/Kolkata',
        'x-amz-security-token': KEY.sessionToken,
        'x-amz-request-id': 'request-1',
      },
    });
    const signed = /SignedHeaders=([^,]+)/u.exec(String(seen?.headers.authorization))?.[1]?.split(';');
    expect(signed).toEqual(['host', 'x-amz-date', 'x-amz-marketplace', 'x-amz-security-token', 'x-amz-time-zone']);
  });

  it('sends no time zone where none is given, and tells the minute of a redemption, signed', async () => {
    upstream.uses.set('CODE-1', 1);
    await client().redeem({ ...request(), redeemedAt: Date.parse('2026-03-01T23:59:59.999Z') });
    const [seen] = upstream.seen;
    expect(seen).toMatchObject({ method: 'POST', operation: 'redeem', problem: undefined });
    expect(seen?.headers).not.toHaveProperty('x-amz-time-zone');
    expect(seen?.headers['x-amz-offer-code-redemption-time']).toBe('20260301T2359Z');
    expect(String(seen?.headers.authorization)).toContain('x-amz-offer-code-redemption-time');
    expect(seen?.headers['content-length']).toBe('0');
  });

  it.each([
    'with space',
    'a/b?c#d',
    'a%2Fb',
    '%',
    'a+b',
    'a..b',
    '...',
    'ünïcödé 👩‍👧',
    "~!*'();:@&=+$,",
    '\\back\\slash',
    'x'.repeat(1_024),
  ])('sends the code %j as it is, under a right signature', async (offerCode) => {
    upstream.uses.set(offerCode, 1);
    const { decision } = await client().verify(request({ offerCode, benefitId: offerCode.slice(0, 200) }));
    expect(decision).toEqual({ accepted: true, message: 'SUCCESS' });
    expect(upstream.seen[0]).toMatchObject({ code: offerCode, problem: undefined });
  });

  it.each(['', '.', '..', 'lone \ud800'])(
    'refuses the code %j, which no path can carry, without quoting it',
    async (offerCode) => {
      const error: unknown = await client()
        .verify(request({ offerCode }))
        .catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(RangeError);
      expect(String(error)).toBe('RangeError: the offer code cannot be part of a path');
    },
  );

  it('keeps the path of its base URL', async () => {
    await client({ baseUrl: `${upstream.url}/stage//` }).verify(request());
    expect(upstream.seen[0]?.path).toBe('/stage/v1/customer/benefit/BENEFIT/offer-code/CODE-1/verify');
    expect(upstream.seen[0]?.problem).toBeUndefined();
  });

  it('signs each try anew', async () => {
    const clock = new LeapingClock();
    upstream.now = clock.now;
    upstream.uses.set('CODE-1', 1);
    upstream.next.push(fails(500), fails(503));
    const trust = async () => {
      clock.leap(400_000);
      return { ca: upstream.ca };
    };
    // The upstream's clock goes along: a signature of the first try would have expired twice over.
    await client({ clock, trust }).verify(request());
    expect(upstream.seen.map(({ problem }) => problem)).toEqual([undefined, undefined, undefined]);
    expect(new Set(upstream.seen.map(({ headers }) => headers['x-amz-date'])).size).toBe(3);
  });

  it('keeps its connection', async () => {
    const before = upstream.connections();
    const one = client();
    for (let index = 0; index < 3; index += 1) await one.verify(request());
    expect(upstream.connections() - before).toBe(1);
  });

  it('pauses at most 100 ms, then 200 ms, between its tries', async () => {
    const clock = new LeapingClock();
    upstream.now = clock.now;
    upstream.always = fails(500);
    const from = clock.now();
    await client({ clock, random: () => 0.999_999 })
      .verify(request())
      .catch(() => undefined);
    expect(upstream.seen).toHaveLength(3);
    expect(clock.now() - from).toBeGreaterThan(290);
    expect(clock.now() - from).toBeLessThanOrEqual(300);
  });

  it('tries no more often than it may', async () => {
    upstream.always = fails(429);
    await client({ attempts: 1 })
      .verify(request())
      .catch(() => undefined);
    expect(upstream.seen).toHaveLength(1);
  });

  it('begins no try that has less than a quarter of a second left, not even the first', async () => {
    const clock = new LeapingClock();
    upstream.now = clock.now;
    upstream.always = fails(429);
    for (const operation of ['verify', 'redeem'] as const) {
      for (const left of [-1, 0, 1, 249]) {
        const asked = client({ clock })[operation]({ ...request({ deadline: clock.now() + left }), redeemedAt: 0 });
        const error: unknown = await asked.catch((reason: unknown) => reason);
        expect(error).toMatchObject({ code: 'NoTimeLeft', unsent: true });
      }
    }
    expect(upstream.seen).toHaveLength(0);
    const atFirst = { ...request({ deadline: clock.now() + 250 }), redeemedAt: 0 };
    await expect(client({ clock }).redeem(atFirst)).rejects.toMatchObject({ code: 'Throttled' });
    expect(upstream.seen).toHaveLength(1);
  });

  it('takes five statuses for a proof that a redemption had no effect, and no other', async () => {
    const proving: number[] = [];
    for (let status = 300; status < 600; status += 1) {
      upstream.next.push(fails(status));
      const error: unknown = await client({ attempts: 1 })
        .redeem({ ...request(), redeemedAt: 0 })
        .catch((reason: unknown) => reason);
      expect(error).toMatchObject({ status });
      if (isUnprocessed(error)) proving.push(status);
    }
    expect(proving).toEqual([400, 401, 403, 404, 429]);
  });

  it('cuts a try off when the time of all tries has run out', async () => {
    upstream.always = { kind: 'hang' };
    const error: unknown = await client()
      .verify(request({ deadline: Date.now() + 1_500 }))
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'TimedOut' });
    expect(upstream.seen).toHaveLength(1);
  });

  it('trusts the authority that it is given, and asks again after it has changed', async () => {
    const trusted: { ca?: string } = {};
    const one = client({ attempts: 1, trust: async () => trusted });
    await expect(one.verify(request())).rejects.toMatchObject({ code: 'UntrustedServer', unsent: true });
    trusted.ca = upstream.ca;
    await one.verify(request());
    expect(upstream.seen).toHaveLength(1);
  });

  it('tells how long the upstream took', async () => {
    const { upstreamMs } = await client().verify(request());
    expect(upstreamMs).toBeGreaterThan(0);
  });
});

describe('refused credentials', () => {
  const NEXT = { ...KEY, accessKeyId: 'ASIANEXT' };
  const source = (renewed: SigningCredentials | undefined): CredentialSource & { renewals: number } => {
    let present: SigningCredentials = KEY;
    return {
      renewals: 0,
      current: () => Promise.resolve(present),
      renew() {
        this.renewals += 1;
        if (renewed) present = renewed;
        return Promise.resolve(renewed);
      },
    };
  };

  it.each(['verify', 'redeem'] as const)(
    'are renewed once, and the %s is tried again with others',
    async (operation) => {
      upstream.uses.set('CODE-1', 1);
      upstream.keyOf = (id) => (id === NEXT.accessKeyId ? NEXT : undefined);
      const credentials = source(NEXT);
      const { decision } = await client({ credentials })[operation]({ ...request(), redeemedAt: 0 });
      expect(decision.accepted).toBe(true);
      expect(credentials.renewals).toBe(1);
      expect(upstream.seen.map(({ problem }) => problem)).toEqual(['unknown key', undefined]);
    },
  );

  it('are an error where the others are refused as well', async () => {
    upstream.keyOf = () => undefined;
    const credentials = source(NEXT);
    const error: unknown = await client({ credentials })
      .verify(request())
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(CredentialError);
    expect(credentials.renewals).toBe(1);
    expect(upstream.seen).toHaveLength(2);
  });

  it('are an error at once where there are no others', async () => {
    upstream.keyOf = () => undefined;
    await expect(client({ credentials: source(undefined) }).verify(request())).rejects.toMatchObject({
      code: 'CredentialsRefused',
      status: 403,
      message: `${new URL(upstream.url).host} answered 403 InvalidSignature`,
    });
    expect(upstream.seen).toHaveLength(1);
  });

  it('that cannot be had now leave a redemption unsent, and it is tried again', async () => {
    upstream.uses.set('CODE-1', 1);
    let asked = 0;
    const credentials: CredentialSource = {
      current() {
        asked += 1;
        if (asked === 1) throw new UnavailableError('RoleUnavailable', 'down', { unsent: true });
        return Promise.resolve(KEY);
      },
      renew: () => Promise.resolve(undefined),
    };
    const { decision } = await client({ credentials }).redeem({ ...request(), redeemedAt: 0 });
    expect(decision.accepted).toBe(true);
  });
});
