import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readContract } from './api-contract.ts';
import { CALLER, exampleHandlers, PUSH_KEYS } from './example-handlers.ts';
import { fuzzApi, type FuzzOptions } from './fuzz-api.ts';
import { sendToHandlers } from './proxy-event.ts';
import { isSignedBy, webhookHeaders } from './push-signature.ts';
import { requestsOf } from './request-generator.ts';
import { LATEST_OFFER, rememberingOffers, SHOPPER, shopBodies } from './shop-bodies.ts';

const contract = readContract();
const SECRET_HEADERS = {
  Authorization: 'AWS4-HMAC-SHA256 Credential=ASIAFUZZ/20260301/us-east-1/execute-api/aws4_request',
  'x-api-key': 'the-api-key-of-the-fuzz-test',
  'X-Amz-Security-Token': 'the-session-token-of-the-fuzz-test',
};
const SEED = Number(process.env['OFFER_RELAY_FUZZ_SEED'] ?? 20260301);

const fuzz = (options: Partial<FuzzOptions> & Pick<FuzzOptions, 'send'>) =>
  fuzzApi({
    contract,
    requests: 10_000,
    seed: SEED,
    secretHeaders: SECRET_HEADERS,
    pushKeys: PUSH_KEYS,
    known: { partner: ['example'] },
    isComplete: true,
    ...options,
  });

const told = (findings: readonly { problem: string }[]) => [...new Set(findings.map(({ problem }) => problem))];

type Headers = Readonly<Record<string, string>>;
const signed = (key: string, body = '') => webhookHeaders(key, 'msg_1', Date.now(), body);

function accountIn(body = ''): string {
  try {
    const { UserId } = JSON.parse(body) as { readonly UserId?: unknown };
    return typeof UserId === 'string' ? UserId : '';
  } catch {
    return '';
  }
}

test('a signature of the push integration is that of the specification of Standard Webhooks', () => {
  // The example of its libraries.
  const key = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
  const headers = webhookHeaders(key, 'msg_p5jXN8AQM9LWM0D4loKWxJek', 1_614_265_330_000, '{"test": 2432232314}');
  expect(headers['webhook-signature']).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
  expect(isSignedBy(key, headers, '{"test": 2432232314}', 1_614_265_400_000)).toBe(true);
  expect(isSignedBy(key, headers, '{"test": 2432232314}', 1_614_265_931_000)).toBe(false);
});

// Takes as long as the machine does.
describe('10,000 generated requests over all routes', { timeout: 300_000 }, () => {
  test(`are answered as the document says, and never by a fault of ours (seed ${SEED})`, async () => {
    const { findings, statuses, successes } = await fuzz({ send: sendToHandlers(exampleHandlers(), CALLER) });
    expect(findings.slice(0, 10)).toEqual([]);
    expect(statuses[401]).toBeGreaterThan(100);
    // Neither side of the door was left out.
    for (const [operationId, count] of Object.entries(successes))
      expect([operationId, count > 50]).toEqual([operationId, true]);
    expect(statuses[400]).toBeGreaterThan(2_000);
    expect(Object.values(statuses).reduce((sum, count) => sum + count)).toBe(10_000);
  });

  test('are the same for the same seed', () => {
    const sample = (seed: number) => JSON.stringify(fc.sample(requestsOf(contract.operations), { numRuns: 200, seed }));
    expect(sample(1)).toBe(sample(1));
    expect(sample(1)).not.toBe(sample(2));
  });
});

describe('the judge of answers finds', { timeout: 120_000 }, () => {
  const findingsOf = async (options: Partial<FuzzOptions> & Pick<FuzzOptions, 'send'>) =>
    told((await fuzz({ requests: 1_000, ...options })).findings);
  const lying = (...lie: Parameters<typeof exampleHandlers>) => sendToHandlers(exampleHandlers(...lie), CALLER);
  const honest = sendToHandlers(exampleHandlers(), CALLER);

  test('an answer of another shape', async () => {
    const send = lying({
      readHealth: () => ({ status: 200, body: { status: 'fine', stage: 'x', time: 'x', upstreams: [] } }),
      verifyOfferCode: () => ({ status: 200, body: { valid: true } }),
    });
    expect(await findingsOf({ send })).toEqual(
      expect.arrayContaining([
        'body/status must be equal to one of the allowed values',
        "body must have required property 'message'",
      ]),
    );
  });

  test('a field that the document does not name', async () => {
    const body = { watchId: 'w', requestedAt: 'now', internal: true };
    expect(await findingsOf({ send: lying({ checkTitle: () => ({ status: 202, body }) }) })).toEqual([
      'body must NOT have additional properties (internal)',
    ]);
  });

  test('a status that the document does not have', async () => {
    expect(await findingsOf({ send: lying({ readHealth: () => ({ status: 418, body: {} }) }) })).toEqual([
      'status 418 is not in the document',
    ]);
  });

  test('a fault of ours, and one that breaks the function', async () => {
    const broken = lying({
      unwatchTitle: () => {
        throw new TypeError('undefined is not a function');
      },
    });
    expect(await findingsOf({ send: broken })).toEqual(['500 INTERNAL_ERROR is a fault of ours']);
    const bare = async () => ({ status: 502, headers: {}, body: '{"message": "Internal server error"}' });
    expect(await findingsOf({ send: bare })).toEqual(
      expect.arrayContaining(['502 without a code', 'the header x-amz-apigw-id is missing']),
    );
  });

  test('an error under a code that its route does not have', async () => {
    const send: FuzzOptions['send'] = async (request) => {
      const answer = await honest(request);
      return { ...answer, body: answer.body.replace('INVALID_REQUEST', 'INVALID_CURSOR') };
    };
    expect(await findingsOf({ send, only: (id) => id === 'readHealth' })).toEqual([
      'body/error/code must be equal to one of the allowed values',
    ]);
  });

  test('another request id, a missing ETag, and a body where there is none', async () => {
    const send: FuzzOptions['send'] = async (request) => {
      const { headers, body, status } = await honest(request);
      const { etag: _, ...others } = headers;
      return { status, headers: { ...others, 'x-amz-apigw-id': 'another' }, body: status === 204 ? '{}' : body };
    };
    expect(await findingsOf({ send })).toEqual(
      expect.arrayContaining([
        'the requestId is not that of the headers',
        'the header ETag is missing',
        'an answer 204 has no body',
      ]),
    );
  });

  test('a flawed request that is taken, and an allowed one that is not', async () => {
    const body = { watchId: 'w', requestedAt: 'now' };
    const takesAll: FuzzOptions['send'] = async () => ({
      status: 202,
      headers: { 'content-type': 'application/json', 'x-amz-apigw-id': 'id' },
      body: JSON.stringify(body),
    });
    const only = (id: string) => id === 'checkTitle';
    const problems = await findingsOf({ send: takesAll, only });
    for (const flaw of [
      'path parameter alid',
      'encoding of alid',
      'unknown query parameter',
      'query parameter marketplace',
      'marketplace twice',
    ])
      expect(problems).toContain(`202 although it is flawed: ${flaw}`);
    const takesNone: FuzzOptions['send'] = async (request) => honest({ ...request, query: [['nobody-knows', '']] });
    expect(await findingsOf({ send: takesNone, only })).toEqual(['refused although it is allowed']);
  });

  test('an allowed request that is not let in', async () => {
    const send: FuzzOptions['send'] = async (request) => {
      const answer = await honest(request);
      const error = { code: 'INVALID_SIGNATURE', message: 'no', requestId: answer.headers['x-amz-apigw-id'] };
      return {
        ...answer,
        status: 403,
        headers: { ...answer.headers, 'content-type': 'application/json' },
        body: JSON.stringify({ error }),
      };
    };
    const only = (id: string) => !id.startsWith('push');
    expect(await findingsOf({ send, only, requests: 50 })).toEqual([
      'not let in although it is allowed: INVALID_SIGNATURE',
    ]);
  });

  test.each([
    ['as it is', (text: string) => text],
    ['base64', (text: string) => Buffer.from(text).toString('base64')],
  ])('a secret that comes back (%s)', async (form, write) => {
    const send: FuzzOptions['send'] = async (request) => {
      const answer = await honest(request);
      return { ...answer, headers: { ...answer.headers, 'x-echo': write(request.headers['x-api-key'] ?? '') } };
    };
    expect(await findingsOf({ send, requests: 50 })).toEqual([`the answer repeats secret 2 of the request (${form})`]);
  });

  test('a call of the push integration that is let in by no signature, or kept out by the right one', async () => {
    const only = (id: string) => id === 'pushAccountUnlink';
    const nobodyLooks: FuzzOptions['send'] = (request) => {
      const key = Object.values(PUSH_KEYS)[0]!;
      return honest({ ...request, headers: { ...request.headers, ...signed(key, request.body) } });
    };
    expect(await findingsOf({ send: nobodyLooks, only })).toEqual(
      expect.arrayContaining(['204 although it is flawed: signature', 'let in although it is not signed right: 204']),
    );
    const everybodyOut: FuzzOptions['send'] = (request) =>
      honest({ ...request, headers: { ...request.headers, ...signed('whsec_AAAA', request.body) } });
    expect(await findingsOf({ send: everybodyOut, only })).toEqual(['not let in although it is signed right']);
  });

  test.each([
    ['a token of a player', 'fulfilEntitlements', (headers: Headers) => headers['x-amz-access-token'] ?? ''],
    ['an Amazon account', 'pushClaim', (_: Headers, body: string | undefined) => accountIn(body)],
  ])('%s that comes back', async (_, operationId, secretOf) => {
    const send: FuzzOptions['send'] = async (request) => {
      const answer = await honest(request);
      return { ...answer, headers: { ...answer.headers, 'x-echo': secretOf(request.headers, request.body) } };
    };
    const findings = await findingsOf({ send, only: (id) => id === operationId, requests: 100 });
    expect(findings).toEqual(
      expect.arrayContaining([expect.stringMatching(/^the answer repeats secret \d of the request \(as it is\)$/)]),
    );
  });

  test('an offer code that comes back', async () => {
    const send: FuzzOptions['send'] = async (request) => {
      const answer = await honest(request);
      return { ...answer, headers: { ...answer.headers, 'x-echo': request.pathParameters['offerCode'] ?? '' } };
    };
    const known = { offerCode: ['A CODE THAT/NOBODY MAY SEE'] };
    expect(await findingsOf({ send, known, only: (id) => id === 'verifyOfferCode', requests: 50 })).toContain(
      'the answer repeats secret 4 of the request (percent-encoded)',
    );
  });

  test('something of a shopper that comes back', async () => {
    const shop = { productIds: ['mug'], skus: ['MUG-01'], orderIds: ['order-1'] };
    const send: FuzzOptions['send'] = async (request) => {
      const answer = await honest(request);
      return { ...answer, headers: { ...answer.headers, 'x-echo': request.body?.replaceAll(/[^ -~]/g, '') ?? '' } };
    };
    const options = { only: (id: string) => id === 'quoteOffers', requests: 100, isComplete: false };
    const shopped = { bodies: shopBodies(shop), privateTexts: Object.values(SHOPPER) };
    expect(await findingsOf({ send, ...options, ...shopped })).toContain(
      'the answer repeats secret 4 of the request (as it is)',
    );
  });
});

describe('orders of the fuzz', () => {
  test('are of the latest offer that a quote has named, for what it costs', async () => {
    const bodies: unknown[] = [];
    const honest = sendToHandlers(exampleHandlers({}, { always: true }), CALLER);
    const send = rememberingOffers(async (request) => {
      if (request.operation.operationId === 'orderOffer' && request.flaw === undefined)
        bodies.push(JSON.parse(request.body!));
      return honest(request);
    });
    const shop = { productIds: ['mug'], skus: ['MUG-01'], orderIds: ['order-1', 'a/b é'] };
    const only = (id: string) => ['quoteOffers', 'orderOffer'].includes(id);
    await fuzz({ send, only, requests: 200, bodies: shopBodies(shop), isComplete: false });
    expect(bodies.length).toBeGreaterThan(20);
    const latest = bodies.filter((body) => (body as { offerId: string }).offerId === 'offer-7f3c');
    expect(latest.length).toBeGreaterThan(bodies.length / 3);
    expect(latest).toContainEqual(expect.objectContaining({ totalPrice: { amount: '21.50', currencyCode: 'USD' } }));
    expect(bodies.slice(10)).not.toContainEqual(expect.objectContaining({ offerId: LATEST_OFFER }));
  });
});
