import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readContract } from './api-contract.ts';
import { CALLER, exampleHandlers } from './example-handlers.ts';
import { fuzzApi, type FuzzOptions } from './fuzz-api.ts';
import { sendToHandlers } from './proxy-event.ts';
import { requestsOf } from './request-generator.ts';

const contract = readContract();
const SECRET_HEADERS = {
  Authorization: 'AWS4-HMAC-SHA256 Credential=ASIAFUZZ/20260301/us-east-1/execute-api/aws4_request',
  'x-api-key': 'the-api-key-of-the-fuzz-test',
  'X-Amz-Security-Token': 'the-session-token-of-the-fuzz-test',
};
const SEED = Number(process.env['OFFER_RELAY_FUZZ_SEED'] ?? 20260301);

const fuzz = (options: Partial<FuzzOptions> & Pick<FuzzOptions, 'send'>) =>
  fuzzApi({ contract, requests: 10_000, seed: SEED, secretHeaders: SECRET_HEADERS, isComplete: true, ...options });

const told = (findings: readonly { problem: string }[]) => [...new Set(findings.map(({ problem }) => problem))];

// Takes as long as the machine does.
describe('10,000 generated requests over all routes', { timeout: 300_000 }, () => {
  test(`are answered as the document says, and never by a fault of ours (seed ${SEED})`, async () => {
    const { findings, statuses, successes } = await fuzz({ send: sendToHandlers(exampleHandlers(), CALLER) });
    expect(findings.slice(0, 10)).toEqual([]);
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
    expect(await findingsOf({ send, requests: 50 })).toEqual(['not let in although it is allowed: INVALID_SIGNATURE']);
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
});
