import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Cloud } from '../../local/cloud/cloud.ts';
import { cloudOf, temporaryDirectory, writeAssembly, type Resources } from './hand-written-assembly.ts';
import { apiParts, call, urlOf, type ApiParts } from './rest-api-assembly.ts';

const type = (name: string, Properties: Record<string, unknown> = {}) => ({
  Type: `AWS::ApiGateway::${name}`,
  Properties,
});
const key = (properties: Record<string, unknown> = {}) => type('ApiKey', { Enabled: true, ...properties });
const plan = (properties: Record<string, unknown> = {}, stage: Record<string, unknown> = {}) =>
  type('UsagePlan', { ApiStages: [{ ApiId: { Ref: 'Api' }, Stage: { Ref: 'Stage' }, ...stage }], ...properties });
const opened = (keyId: string, planId: string) =>
  type('UsagePlanKey', { KeyId: { Ref: keyId }, KeyType: 'API_KEY', UsagePlanId: { Ref: planId } });

const KEYED = { ApiKeyRequired: true };
const METHODS: ApiParts['methods'] = { 'GET /a': KEYED, 'GET /b': KEYED, 'GET /free': {} };

/** A cloud with a clock that stands still until a test moves it. */
async function limited(resources: Resources, more: Partial<ApiParts> = {}) {
  const clock = { now: Date.UTC(2026, 2, 4, 12) };
  const cloud = await cloudOf(apiParts({ methods: METHODS, resources, ...more }), { now: () => clock.now });
  return { cloud, clock, statuses: statusesOf(cloud) };
}

/** Sends as many requests, one after the other, and gives the statuses. */
const statusesOf =
  (cloud: Cloud) =>
  async (count: number, path: string, keyId?: string): Promise<number[]> => {
    const headers: Record<string, string> = keyId === undefined ? {} : { 'x-api-key': cloud.apiKeyValue(keyId) };
    const statuses: number[] = [];
    for (let sent = 0; sent < count; sent++) statuses.push((await call(urlOf(cloud), { path, headers })).status);
    return statuses;
  };

describe('an API key', () => {
  test('opens what its usage plan has, and the function gets to know it', async () => {
    const { cloud } = await limited({ Key: key(), Plan: plan(), PlanKey: opened('Key', 'Plan') });
    const value = cloud.apiKeyValue('Key');
    expect(value).toMatch(/^[\da-zA-Z]{20,128}$/);
    const { status, event } = await call(urlOf(cloud), { path: '/a', headers: { 'X-API-Key': value } });
    expect(status).toBe(200);
    expect(event.requestContext.identity).toMatchObject({
      apiKey: value,
      apiKeyId: cloud.resources.get('Key')!.physicalId,
    });
    const free = await call(urlOf(cloud), { path: '/free', headers: { 'X-API-Key': value } });
    expect(free.event.requestContext.identity).toMatchObject({ apiKey: null, apiKeyId: null });
  });

  test.each<[string, Resources, string | undefined]>([
    ['is missing', {}, undefined],
    ['is nobody’s', {}, 'x'.repeat(40)],
    [
      'is switched off',
      { Other: key({ Enabled: false, Value: 'o'.repeat(20) }), OtherPlan: opened('Other', 'Plan') },
      'o'.repeat(20),
    ],
    ['has no usage plan', { Other: key({ Value: 'o'.repeat(20) }) }, 'o'.repeat(20)],
    [
      'has a usage plan for another API',
      {
        Other: key({ Value: 'o'.repeat(20) }),
        Elsewhere: type('UsagePlan', {}),
        OtherPlan: opened('Other', 'Elsewhere'),
      },
      'o'.repeat(20),
    ],
  ])('that %s opens nothing', async (_, resources, value) => {
    const { cloud } = await limited({ Key: key(), Plan: plan(), PlanKey: opened('Key', 'Plan'), ...resources });
    const headers: Record<string, string> = value === undefined ? {} : { 'x-api-key': value };
    const { status, json, headers: answered } = await call(urlOf(cloud), { path: '/a', headers });
    expect([status, json, answered['x-amzn-errortype']]).toEqual([403, { message: 'Forbidden' }, 'ForbiddenException']);
  });

  test('keeps its value over restarts, in a file of nobody else’s; a given one is in none', async () => {
    const given = 'g'.repeat(20);
    const dataDir = temporaryDirectory();
    const parts = apiParts({
      methods: METHODS,
      resources: { Key: key(), Second: key(), Given: key({ Value: given }) },
    });
    const first = await cloudOf(parts, { dataDir });
    const values = ['Key', 'Second', 'Given'].map((id) => first.apiKeyValue(id));
    await first.stop();
    const second = await cloudOf(parts, { dataDir });
    expect(['Key', 'Second', 'Given'].map((id) => second.apiKeyValue(id))).toEqual(values);
    expect(new Set(values).size).toBe(3);
    expect(values[2]).toBe(given);
    const file = join(dataDir, 'api-keys.json');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(file, 'utf8')).not.toContain(given);
    const elsewhere = await cloudOf(parts);
    expect(elsewhere.apiKeyValue('Key')).not.toBe(values[0]);
  });

  test('is found by its construct path, and nothing else is one', async () => {
    const parts = apiParts({ methods: METHODS, resources: { Key: key() } });
    const cloud = await cloudOf({
      ...parts,
      paths: { Key: 'Stack/Api/Partner/Key/Resource', Stage: 'Stack/Api/Stage' },
    });
    expect(cloud.apiKeyValue('Partner/Key')).toBe(cloud.apiKeyValue('Key'));
    expect(() => cloud.apiKeyValue('Api/Stage')).toThrow('Api/Stage is not an API key');
    expect(() => cloud.apiKeyValue('Nowhere')).toThrow('No resource has a construct path');
  });
});

describe('a throttle', () => {
  const throttled = (throttle: object, stage = {}) => ({
    Key: key(),
    Other: key(),
    Plan: plan({ Throttle: throttle }, stage),
    PlanKey: opened('Key', 'Plan'),
    OtherKey: opened('Other', 'Plan'),
  });

  test('of a usage plan is a token bucket for each key, over all methods', async () => {
    const { cloud, clock, statuses } = await limited(throttled({ RateLimit: 2, BurstLimit: 3 }));
    expect(await statuses(2, '/a', 'Key')).toEqual([200, 200]);
    expect(await statuses(2, '/b', 'Key')).toEqual([200, 429]);
    expect(await statuses(3, '/a', 'Other')).toEqual([200, 200, 200]);
    const headers = { 'x-api-key': cloud.apiKeyValue('Key') };
    const refused = await call(urlOf(cloud), { path: '/a', headers });
    expect(refused.json).toEqual({ message: 'Too Many Requests' });
    expect(refused.headers['x-amzn-errortype']).toBe('TooManyRequestsException');
    clock.now += 499;
    expect(await statuses(1, '/a', 'Key')).toEqual([429]);
    clock.now += 1;
    expect(await statuses(2, '/a', 'Key')).toEqual([200, 429]);
    clock.now += 60_000;
    expect(await statuses(4, '/a', 'Key')).toEqual([200, 200, 200, 429]);
    expect(await statuses(20, '/free')).toEqual(Array(20).fill(200));
  });

  test('of a method in a usage plan comes on top', async () => {
    const stage = { Throttle: { '/a/GET': { RateLimit: 1, BurstLimit: 1 } } };
    const { clock, statuses } = await limited(throttled({ RateLimit: 10, BurstLimit: 4 }, stage));
    expect(await statuses(2, '/a', 'Key')).toEqual([200, 429]);
    expect(await statuses(4, '/b', 'Key')).toEqual([200, 200, 200, 429]);
    clock.now += 100;
    // One token of the plan's, none of the method's; and what is refused takes none.
    expect(await statuses(1, '/a', 'Key')).toEqual([429]);
    expect(await statuses(1, '/b', 'Key')).toEqual([200]);
  });

  test('of a stage is for each method by itself, whoever calls; the closest setting wins', async () => {
    const { clock, statuses } = await limited(throttled({}), {
      stage: {
        MethodSettings: [
          {
            ResourcePath: '/*',
            HttpMethod: '*',
            ThrottlingRateLimit: 1,
            ThrottlingBurstLimit: 2,
            LoggingLevel: 'ERROR',
          },
          { ResourcePath: '/~1free', HttpMethod: 'GET', ThrottlingBurstLimit: 1 },
          { ResourcePath: '/b', HttpMethod: '*', ThrottlingRateLimit: 0.5, ThrottlingBurstLimit: 3 },
        ],
      },
    });
    expect(await statuses(1, '/a', 'Key')).toEqual([200]);
    expect(await statuses(2, '/a', 'Other')).toEqual([200, 429]);
    expect(await statuses(2, '/free')).toEqual([200, 429]);
    expect(await statuses(4, '/b', 'Key')).toEqual([200, 200, 200, 429]);
    clock.now += 1000;
    expect(await statuses(2, '/free')).toEqual([200, 429]);
    expect(await statuses(1, '/b', 'Key')).toEqual([429]);
    clock.now += 1000;
    expect(await statuses(2, '/b', 'Key')).toEqual([200, 429]);
  });
});

describe('a quota', () => {
  const withQuota = (quota: object, throttle?: object): Resources => ({
    Key: key(),
    Other: key(),
    Plan: plan({ Quota: quota, ...(throttle ? { Throttle: throttle } : {}) }),
    PlanKey: opened('Key', 'Plan'),
    OtherKey: opened('Other', 'Plan'),
  });

  test.each([
    ['DAY', '2026-03-04T23:59:59.999Z', '2026-03-05T00:00:00Z'],
    // A Wednesday, the Sunday after it, and Monday.
    ['WEEK', '2026-03-08T23:59:59.999Z', '2026-03-09T00:00:00Z'],
    ['MONTH', '2026-03-31T23:59:59.999Z', '2026-04-01T00:00:00Z'],
  ])('of a %s is for each key, until the next begins', async (period, last, next) => {
    const { cloud, clock, statuses } = await limited(withQuota({ Limit: 3, Period: period }));
    expect(await statuses(2, '/a', 'Key')).toEqual([200, 200]);
    expect(await statuses(2, '/b', 'Key')).toEqual([200, 429]);
    const refused = await call(urlOf(cloud), { path: '/a', headers: { 'x-api-key': cloud.apiKeyValue('Key') } });
    expect([refused.json, refused.headers['x-amzn-errortype']]).toEqual([
      { message: 'Limit Exceeded' },
      'LimitExceededException',
    ]);
    expect(await statuses(1, '/a', 'Other')).toEqual([200]);
    clock.now = Date.parse(last);
    expect(await statuses(1, '/a', 'Key')).toEqual([429]);
    clock.now = Date.parse(next);
    expect(await statuses(4, '/a', 'Key')).toEqual([200, 200, 200, 429]);
  });

  test('is less by its offset in the first period of a key', async () => {
    const { clock, statuses } = await limited(withQuota({ Limit: 3, Offset: 2, Period: 'WEEK' }));
    expect(await statuses(2, '/a', 'Key')).toEqual([200, 429]);
    clock.now += 7 * 24 * 60 * 60_000;
    expect(await statuses(4, '/a', 'Key')).toEqual([200, 200, 200, 429]);
  });

  test('does not count what a throttle refuses', async () => {
    const { clock, statuses } = await limited(withQuota({ Limit: 2, Period: 'DAY' }, { RateLimit: 1, BurstLimit: 1 }));
    expect(await statuses(3, '/a', 'Key')).toEqual([200, 429, 429]);
    clock.now += 1000;
    expect(await statuses(1, '/a', 'Key')).toEqual([200]);
    clock.now += 1000;
    expect(await statuses(1, '/a', 'Key')).toEqual([429]);
  });

  test('is counted on after a restart', async () => {
    const dataDir = temporaryDirectory();
    const assembly = writeAssembly(apiParts({ methods: METHODS, resources: withQuota({ Limit: 3, Period: 'DAY' }) }));
    const now = () => Date.UTC(2026, 2, 4, 12);
    const first = await cloudOf(apiParts({ methods: METHODS }), { assembly, dataDir, now });
    expect(await statusesOf(first)(2, '/a', 'Key')).toEqual([200, 200]);
    await first.stop();
    const second = await cloudOf(apiParts({ methods: METHODS }), { assembly, dataDir, now });
    expect(await statusesOf(second)(2, '/a', 'Key')).toEqual([200, 429]);
  });
});
