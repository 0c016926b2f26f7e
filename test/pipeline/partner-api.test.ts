import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OfferCodeRedeemed, OfferCodeVerified } from '../../lambdas/offer-codes/offer-code-event-schemas.ts';
import { Redemption, Verification } from '../../lambdas/offer-codes/offer-code-answers.ts';
import { TitleStatus } from '../../lambdas/offer-status/title-answers.ts';
import { PriceStatus } from '../../lambdas/pricing/price-answers.ts';
import type { PartnerAccess } from '../../local/partners-file.ts';
import { partnerAccess } from '../../local/partners-file.ts';
import type { LocalStack } from './local-stack.ts';
import { LICENSOR, startLocalStack, until, US } from './local-stack.ts';
import { callByCurl, callSigned, sendRaw, type PartnerAnswer } from './partner-clients.ts';

const ASIN = 'B0US000001';
const ALID = 'md:alid:eidr-s:0001/2';
const SKU = 'Shelf 3 / 12 + 50%';
const item = { view: 'offers', marketplaceId: US, condition: 'New', customerType: 'Consumer' } as const;
const PARTNERS = {
  acme: {
    accountId: '111122223333',
    externalId: 'acme-1',
    benefits: ['ONCE', 'OFTEN'],
    plan: { perSecond: 500, burst: 1000 },
  },
  // Looks, and does nothing else.
  reader: { accountId: '444455556666', externalId: 'reader-1', capabilities: ['reading'] },
  slow: { accountId: '777788889999', externalId: 'slow-1', plan: { perSecond: 0.001, burst: 3 } },
  rare: {
    accountId: '777788889999',
    externalId: 'rare-1',
    plan: { perSecond: 100, burst: 100, quota: { requests: 2, period: 'MONTH' } },
  },
  guesser: {
    accountId: '121212121212',
    externalId: 'guesser-1',
    benefits: ['ONCE'],
    invalidCodes: { limit: 3, windowSeconds: 86_400 },
  },
} as const;

/** What a till may send as a code: whatever a scanner or a customer makes up. */
const AWKWARD = [
  'with spaces  in it',
  'a%2Fb',
  'a/b',
  '1+1=2',
  '..a',
  'größe-茶壺-🎬',
  `long-${'x'.repeat(1_000)}`,
  'quote\'"<>&;',
  '(a)*!~,@:$',
  '%',
  '?query#fragment',
  'a\\b|c',
];
/** Codes that a path cannot carry, or that no code can be, by the rule that names them. */
const REFUSED: readonly [string, RegExp][] = [
  ['%2E%2E', /must not be "\." or "\.\."/],
  ['%E4', /not well-formed percent-encoded/],
  ['x%00y', /control characters/],
  [`x${'y'.repeat(1_024)}`, /at most 1024 characters/],
];

const GUESSES = ['GUESS-CODE-1', 'GUESS-CODE-2', 'GUESS-CODE-3'] as const;

const names = Object.keys(PARTNERS) as (keyof typeof PARTNERS)[];
const code = (text: string, use = 'ONCE') => `/v1/benefits/${use}/offer-codes/${encodeURIComponent(text)}`;

let stack: LocalStack;
let access: Record<keyof typeof PARTNERS, PartnerAccess>;
beforeAll(async () => {
  stack = await startLocalStack({
    titles: [ALID, 'OTHER'],
    items: [{ marketplaceId: US, asin: ASIN, sku: SKU }],
    prices: [
      { ...item, account: 'americas', itemType: 'asin', item: ASIN },
      { ...item, account: 'americas', itemType: 'sku', item: SKU },
    ],
    codes: [
      ...['GOOD-CODE-1', 'GOOD-CODE-2', 'LOST-CODE-1', 'LOST-CODE-2', 'RACE-CODE-1', ...AWKWARD].map((text) => ({
        benefit: 'ONCE',
        code: text,
      })),
      { benefit: 'OFTEN', code: 'AGAIN-CODE-1' },
      { benefit: 'ONCE', code: 'OLD-CODE-1', expiresAt: '2020-01-01T00:00:00Z' },
      { benefit: 'ONCE', code: 'DENIED-CODE-1', message: 'FAILURE:DENIED:SOMETHING_NEW' },
    ],
    partners: PARTNERS,
    offerCodes: { timeoutMs: 1_000, deadlineMs: 3_500 },
  });
  access = partnerAccess(stack.cloud, { partners: stack.settings.partnerApi.partners });
  for (const name of names) {
    const { secretAccessKey, sessionToken } = access[name].credentials;
    stack.keepsSecret(`secret key of ${name}`, secretAccessKey);
    stack.keepsSecret(`session token of ${name}`, sessionToken);
  }
  for (const guess of GUESSES) stack.keepsSecret('a guessed code', guess);
});
// Fails when any code, key, token or signature is found in what the stack has written.
afterAll(() => stack.stop());

const acme = (method: string, path: string, more: { body?: string; headers?: Record<string, string> } = {}) =>
  callSigned(access.acme, { method, path, ...more });
const redeem = (text: string, key: string, use = 'ONCE') =>
  acme('POST', `${code(text, use)}/redeem`, { headers: { 'Idempotency-Key': key } });

function expectError(answer: PartnerAnswer, status: number, errorCode: string): void {
  expect([answer.status, answer.body]).toEqual([
    status,
    {
      error: {
        code: errorCode,
        message: expect.stringMatching(/./),
        requestId: answer.headers['x-amz-apigw-id'],
      },
    },
  ]);
  expect(answer.headers['content-type']).toBe('application/json');
}

describe("the partner API, called by clients that are not the project's", () => {
  it('verifies and redeems a code, reads a status, a price and a history for curl', async () => {
    await stack.poll('the titles', async () => !(await stack.list.isEmpty('titles')) && stack.events.length >= 2);
    await stack.pollPrices(
      'the prices',
      () => stack.events.filter(({ 'detail-type': type }) => type === 'Price Added').length === 2,
    );

    const verified = await callByCurl(access.acme, `${code('GOOD-CODE-1')}/verify?timeZone=America%2FLos_Angeles`);
    expect([verified.status, verified.body]).toEqual([200, { valid: true, message: 'SUCCESS' }]);

    const key = ['--request', 'POST', '--header', 'Idempotency-Key: curl-1'];
    const redeemed = await callByCurl(access.acme, `${code('GOOD-CODE-1')}/redeem`, ...key);
    expect(redeemed.status).toBe(200);
    expect(Redemption.parse(redeemed.body)).toMatchObject({ redeemed: true, assumed: false });
    expect(stack.simulator.offerCodeTruth('ONCE', 'GOOD-CODE-1').redemptions).toHaveLength(1);

    const title = await callByCurl(access.acme, `/v1/titles/${LICENSOR}/OTHER/status`);
    expect(TitleStatus.parse(title.body)).toMatchObject({ alid: 'OTHER', marketplace: 'GLOBAL', version: 1 });

    const price = await callByCurl(access.acme, `/v1/prices/${US}/${ASIN}`);
    expect(PriceStatus.parse(price.body)).toMatchObject({ asin: ASIN, sku: null, view: 'offers', version: 1 });

    const history = await callByCurl(access.acme, `/v1/titles/${LICENSOR}/OTHER/history?limit=1`);
    expect(history.body).toMatchObject({ items: [{ version: 1, events: ['Offer Added'] }], next: null });
  });

  it('does the same for aws4, with identifiers that curl 7 cannot sign', async () => {
    const verified = await acme('GET', `${code('GOOD-CODE-2')}/verify`);
    expect(Verification.parse(verified.body)).toEqual({ valid: true, message: 'SUCCESS' });

    const body = JSON.stringify({ redeemedAt: '2026-03-01T12:34:56+01:00' });
    const headers = { 'Idempotency-Key': 'aws4-1' };
    const redeemed = await acme('POST', `${code('GOOD-CODE-2')}/redeem`, { headers, body });
    expect(redeemed.body).toEqual({ redeemed: true, redeemedAt: '2026-03-01T11:34:00Z', assumed: false });
    expect(stack.simulator.offerCodeTruth('ONCE', 'GOOD-CODE-2').redemptions).toEqual([
      { at: expect.any(Number), redemptionTime: '20260301T1134Z' },
    ]);

    const title = await acme('GET', `/v1/titles/${LICENSOR}/${encodeURIComponent(ALID)}/status`);
    expect(TitleStatus.parse(title.body).alid).toBe(ALID);
    const price = await acme('GET', `/v1/prices/${US}/skus/${encodeURIComponent(SKU)}`);
    expect(PriceStatus.parse(price.body)).toMatchObject({ sku: SKU, asin: null });
  });

  it('answers 304 to whoever has the latest status already', async () => {
    const path = `/v1/titles/${LICENSOR}/OTHER/status`;
    const first = await acme('GET', path);
    const tag = first.headers['etag'] ?? '';
    expect(tag).toMatch(/^"[\w-]+"$/);
    const again = await acme('GET', path, { headers: { 'If-None-Match': tag } });
    expect([again.status, again.text, again.headers['etag']]).toEqual([304, '', tag]);
  });

  it('keeps the watch list: puts, lists, checks at once, takes off', async () => {
    const path = `/v1/watches/titles/${LICENSOR}/ADDED`;
    expect((await acme('PUT', path)).status).toBe(201);
    expect((await acme('PUT', path)).status).toBe(200);
    const listed = await acme('GET', `/v1/watches/titles?licensor=${LICENSOR}`);
    expect((listed.body as { items: { alid: string }[] }).items.map(({ alid }) => alid).sort()).toEqual([
      'ADDED',
      'OTHER',
      ALID,
    ]);
    const asked = () => stack.simulator.requests().arrivals.filter(({ alid }) => alid === 'OTHER').length;
    const before = asked();
    expect((await acme('POST', `/v1/titles/${LICENSOR}/OTHER/check`)).status).toBe(202);
    await until('the title to be asked about without a plan', () => asked() > before);
    expect((await acme('DELETE', path)).status).toBe(204);
    expectError(await acme('GET', path), 404, 'NOT_FOUND');
  });

  it('tells its health, and serves the document that describes it', async () => {
    const health = await acme('GET', '/v1/health');
    expect(health.body).toMatchObject({ status: 'ok', stage: 'pipeline' });
    const document = await acme('GET', '/v1/openapi.json');
    expect(document.body).toMatchObject({ openapi: '3.1.0', servers: [{ url: access.acme.url }] });
    expect((document.body as { paths: object }).paths).toHaveProperty('/v1/health');
  });
});

describe('the gateway lets in', () => {
  const health = '/v1/health';

  it('nobody whose signature is wrong, for another region, of a stranger, or missing', async () => {
    const forged = { ...access.acme, credentials: { ...access.acme.credentials, secretAccessKey: 'guessed' } };
    expectError(await callSigned(forged, { path: health }), 403, 'INVALID_SIGNATURE');
    const stranger = {
      ...access.acme,
      credentials: { ...access.acme.credentials, accessKeyId: 'ASIASTRANGER12345678' },
    };
    expect((await callSigned(stranger, { path: health })).status).toBe(403);
    expect((await callSigned(access.acme, { path: health, region: 'eu-west-1' })).status).toBe(403);
    const { pathname } = new URL(access.acme.url);
    const unsigned = await sendRaw(access.acme.url, 'GET', `${pathname}${health}`, { 'x-api-key': access.acme.apiKey });
    expectError(unsigned, 403, 'MISSING_AUTHENTICATION');
    const altered = await callSigned(access.acme, {
      path: health,
      alter: (headers) => ({ ...headers, 'X-Amz-Date': '20200101T000000Z' }),
    });
    expectError(altered, 403, 'INVALID_SIGNATURE');
    expectError(await callSigned(access.acme, { path: '/v1/no-such-route' }), 403, 'MISSING_AUTHENTICATION');
  });

  it('no text of the client as the identifier of its request', async () => {
    stack.keepsSecret('an identifier of a client', 'CHOSEN-BY-THE-CLIENT');
    const headers = { 'x-amzn-RequestId': 'CHOSEN-BY-THE-CLIENT' };
    expect((await acme('GET', health, { headers })).status).toBe(200);
    expectError(await acme('GET', '/v1/titles/x/y/status', { headers }), 404, 'NOT_FOUND');
    expectError(await callSigned(access.acme, { path: health, apiKey: null, headers }), 403, 'API_KEY_REFUSED');
    expect((await acme('GET', `${code('GOOD-CODE-2')}/verify`, { headers })).status).toBe(200);
  });

  it('nobody without an API key, with one that does not exist, or with that of another partner', async () => {
    expectError(await callSigned(access.acme, { path: health, apiKey: null }), 403, 'API_KEY_REFUSED');
    expectError(await callSigned(access.acme, { path: health, apiKey: 'made-up' }), 403, 'API_KEY_REFUSED');
    const { apiKey } = access.reader;
    expectError(await callSigned(access.acme, { path: health, apiKey }), 403, 'API_KEY_OF_ANOTHER');
  });

  it('nobody beyond what the settings let the partner do', async () => {
    expect((await callSigned(access.reader, { path: `/v1/titles/${LICENSOR}/OTHER/status` })).status).toBe(200);
    expectError(await callSigned(access.reader, { path: `${code('GOOD-CODE-1')}/verify` }), 403, 'ACCESS_DENIED');
    const put = { method: 'PUT', path: `/v1/watches/titles/${LICENSOR}/MINE` };
    expectError(await callSigned(access.reader, put), 403, 'ACCESS_DENIED');
    expectError(await acme('GET', code('X', 'NOT-MINE') + '/verify'), 403, 'BENEFIT_NOT_ALLOWED');
  });

  it('no more requests than the plan has', async () => {
    const answers = await Promise.all(Array.from({ length: 6 }, () => callSigned(access.slow, { path: health })));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 200, 429, 429, 429]);
    const refused = answers.find(({ status }) => status === 429)!;
    expectError(refused, 429, 'THROTTLED');
    expect(refused.headers['retry-after']).toBe('1');

    for (const _ of [1, 2]) expect((await callSigned(access.rare, { path: health })).status).toBe(200);
    expectError(await callSigned(access.rare, { path: health }), 429, 'QUOTA_EXCEEDED');
  });
});

describe('offer codes', () => {
  it('arrive at Amazon exactly as the partner has them, however awkward', async () => {
    for (const text of AWKWARD) {
      const answer = await acme('GET', `${code(text)}/verify`);
      expect([text, answer.status, answer.body]).toEqual([text, 200, { valid: true, message: 'SUCCESS' }]);
      expect(stack.simulator.offerCodeTruth('ONCE', text).verifications).toBe(1);
    }
  });

  it('are refused, by the rule that they break, where a path cannot carry them', async () => {
    for (const [segment, rule] of REFUSED) {
      const answer = await acme('GET', `/v1/benefits/ONCE/offer-codes/${segment}/verify`);
      expectError(answer, 400, 'INVALID_REQUEST');
      expect((answer.body as { error: { message: string } }).error.message).toMatch(rule);
    }
  });

  it("keep Amazon's reasons", async () => {
    expect((await acme('GET', `${code('OLD-CODE-1')}/verify`)).body).toEqual({
      ...{ valid: false, reason: 'INVALID_OFFER_CODE', message: 'INVALID_OFFER_CODE' },
    });
    expect((await acme('GET', `${code('DENIED-CODE-1')}/verify`)).body).toEqual({
      ...{ valid: false, reason: 'SOMETHING_NEW', message: 'FAILURE:DENIED:SOMETHING_NEW' },
    });
  });

  it('are redeemed once under one Idempotency-Key, by however many at a time', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => redeem('RACE-CODE-1', 'race-1')));
    expect(answers.filter(({ status }) => status !== 200 && status !== 409)).toEqual([]);
    expect(stack.simulator.offerCodeTruth('ONCE', 'RACE-CODE-1').redemptions).toHaveLength(1);
    const [first, ...rest] = answers.filter(({ status }) => status === 200);
    for (const answer of [...rest, await redeem('RACE-CODE-1', 'race-1')]) expect(answer.body).toEqual(first?.body);

    expectError(await redeem('GOOD-CODE-1', 'race-1'), 422, 'IDEMPOTENCY_KEY_REUSED');
    expectError(await acme('POST', `${code('GOOD-CODE-1')}/redeem`), 400, 'IDEMPOTENCY_KEY_REQUIRED');
    // A key is its partner's own.
    const other = { method: 'POST', path: `${code('OLD-CODE-1')}/redeem`, headers: { 'Idempotency-Key': 'race-1' } };
    expect((await callSigned(access.guesser, other)).body).toMatchObject({ redeemed: false });
  });

  it('whose redemption got no answer are found out about by the same key, and redeemed no second time', async () => {
    const mend = await stack.fault({ kind: 'drop', match: { operation: 'redeem', code: 'LOST-CODE-1' } });
    expectError(await redeem('LOST-CODE-1', 'lost-1'), 504, 'REDEMPTION_UNKNOWN');
    await mend();
    const known = await redeem('LOST-CODE-1', 'lost-1');
    expect(known.body).toMatchObject({ redeemed: true, assumed: true });
    expect(stack.simulator.offerCodeTruth('ONCE', 'LOST-CODE-1').redemptions).toHaveLength(1);

    const block = await stack.fault({
      ...{ kind: 'drop', effect: 'none', match: { operation: 'redeem', code: 'LOST-CODE-2' } },
    });
    expectError(await redeem('LOST-CODE-2', 'lost-2'), 504, 'REDEMPTION_UNKNOWN');
    await block();
    expect((await redeem('LOST-CODE-2', 'lost-2')).body).toMatchObject({ redeemed: true, assumed: false });
    expect(stack.simulator.offerCodeTruth('ONCE', 'LOST-CODE-2').redemptions).toHaveLength(1);
  });

  it('cannot be guessed for long', async () => {
    // One of the three has been spent above: an expired code is invalid, too.
    const guess = (text: string) => callSigned(access.guesser, { path: `${code(text)}/verify` });
    for (const text of ['GUESS-CODE-1', 'GUESS-CODE-2']) {
      expect((await guess(text)).body).toMatchObject({ valid: false, reason: 'INVALID_OFFER_CODE' });
    }
    const stopped = await guess('GUESS-CODE-3');
    expectError(stopped, 429, 'TOO_MANY_INVALID_CODES');
    expect(Number(stopped.headers['retry-after'])).toBeGreaterThan(0);
    expect(() => stack.simulator.offerCodeTruth('ONCE', 'GUESS-CODE-3')).toThrow();
    // Nobody else is stopped.
    expect((await acme('GET', `${code('GUESS-CODE-3')}/verify`)).status).toBe(200);
  });

  it('are told of on the bus, under a hash', async () => {
    await until(
      'the events of both kinds',
      () =>
        stack.events.filter(({ 'detail-type': type }) => type === 'Offer Code Redeemed').length >= 6 &&
        stack.events.filter(({ 'detail-type': type }) => type === 'Offer Code Verified').length >= AWKWARD.length,
    );
    const codes = stack.events.filter(({ 'detail-type': type }) => type.startsWith('Offer Code'));
    for (const { 'detail-type': type, detail } of codes) {
      const schema = type === 'Offer Code Verified' ? OfferCodeVerified : OfferCodeRedeemed;
      const { metadata, data } = detail as { metadata: { subject: string }; data: { codeHash: string } };
      expect(schema.parse(data)).toEqual(data);
      expect(metadata.subject).toBe(`code/${data.codeHash}`);
    }
    expect(new Set(codes.map(({ detail }) => (detail as { data: { partner: string } }).data.partner))).toEqual(
      new Set(['acme', 'guesser']),
    );
  });
});
