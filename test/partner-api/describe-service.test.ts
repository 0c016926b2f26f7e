import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { ScanCommand } from '@aws-sdk/lib-dynamodb';
import { mockClient } from 'aws-sdk-client-mock';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeService } from '../../lambdas/partner-api/describe-service.ts';
import { serviceRoutes } from '../../lambdas/partner-api/service-routes.ts';
import { connectDatabase } from '../../lambdas/shared/database.ts';
import { BucketStore } from '../../lambdas/shared/pacer/buckets.store.ts';
import type { PartnerCapability } from '../../lambdas/shared/settings.ts';
import { startEngineTables, type EngineTables } from '../shared/engine-tables.ts';
import { CONTEXT, errorOf, eventOf, PARTNERS, partnerClient } from '../shared/gateway-requests.ts';
import { LeapingClock } from '../shared/virtual-clock.ts';

let tables: EngineTables;
beforeAll(async () => {
  tables = await startEngineTables();
});
afterAll(() => tables.stop());

const DOCUMENT = { openapi: '3.1.0', info: { title: 'x' }, servers: [{ url: 'https://{restApiId}' }], paths: {} };

function client(buckets: Pick<BucketStore, 'summaries'> = new BucketStore(tables.database, 'Buckets')) {
  const clock = new LeapingClock();
  const routes = describeService({ stage: 'test', buckets, document: DOCUMENT, clock });
  return { ...partnerClient(routes, clock), clock, routes };
}
const store = () => new BucketStore(tables.database, 'Buckets');

describe('the health of a stage', () => {
  it('is fine before anything has been polled', async () => {
    const { call, clock } = client();
    const time = new Date(clock.now()).toISOString();
    expect((await call(serviceRoutes.health)).body).toEqual({ status: 'ok', stage: 'test', time, upstreams: [] });
  });

  it('tells of each bucket whether it works, has nothing to do, or waits for its upstream, and is degraded by the last', async () => {
    const { call, clock } = client();
    const buckets = store();
    const reservation = { slice: 's', start: 1, tat: 1, configured: 10, granted: 10, share: 1, throttledAt: 0 };
    for (const id of ['b-busy', 'a-done', 'c-held']) {
      await buckets.reserve(id, { ...reservation, started: 5 }, undefined);
      await buckets.recordPlan(id, undefined, { planned: id === 'a-done' ? 5 : 9, laps: {}, unsent: [] });
    }
    const health = async () => {
      const { status, body } = await call(serviceRoutes.health);
      return [status, body['status'], body['upstreams']];
    };
    const others = [
      { bucket: 'a-done', status: 'idle' },
      { bucket: 'b-busy', status: 'ok' },
    ];
    expect(await health()).toEqual([200, 'ok', [...others, { bucket: 'c-held', status: 'ok' }]]);
    await buckets.hold('c-held', clock.now() + 1_000);
    expect(await health()).toEqual([200, 'degraded', [...others, { bucket: 'c-held', status: 'held' }]]);
    clock.leap(1_000);
    expect(await health()).toEqual([200, 'ok', [...others, { bucket: 'c-held', status: 'ok' }]]);
    await buckets.hold('c-held', clock.now() + 1_000);
    await buckets.hold('c-held', 0);
    expect(await health()).toEqual([200, 'ok', [...others, { bucket: 'c-held', status: 'ok' }]]);
  });

  it('names buckets, with their accounts, only to partners that may read', async () => {
    const { routes } = client({ summaries: () => Promise.resolve([{ bucketId: 'b', heldUntil: Infinity }]) });
    const health = routes.find(({ route }) => route === serviceRoutes.health);
    const bodyFor = async (capabilities: readonly PartnerCapability[]) => {
      const partner = { ...PARTNERS.partners['acme']!, name: 'acme', capabilities: [...capabilities] };
      return (await health?.answer(eventOf(serviceRoutes.health), partner, 0))?.body;
    };
    expect(await bodyFor(['reading'])).toMatchObject({
      status: 'degraded',
      upstreams: [{ bucket: 'b', status: 'held' }],
    });
    expect(await bodyFor(['offer-codes', 'watch-list'])).toMatchObject({ status: 'degraded', upstreams: [] });
  });

  it('knows every bucket, however many pages their table has', async () => {
    const scan = mockClient(tables.database);
    try {
      scan
        .on(ScanCommand)
        .resolvesOnce({ Items: [{ bucketId: 'z', heldUntil: Infinity }], LastEvaluatedKey: { bucketId: 'z' } })
        .resolvesOnce({ Items: [{ bucketId: 'a' }] });
      const { body } = await client().call(serviceRoutes.health);
      expect(body['upstreams']).toEqual([
        { bucket: 'a', status: 'idle' },
        { bucket: 'z', status: 'held' },
      ]);
      expect(scan.commandCalls(ScanCommand)[1]?.args[0].input.ExclusiveStartKey).toEqual({ bucketId: 'z' });
    } finally {
      scan.restore();
    }
  });

  it('is 503 where the table cannot be read', async () => {
    const credentials = { accessKeyId: 'x', secretAccessKey: 'x' };
    const lost = new DynamoDBClient({
      endpoint: 'http://127.0.0.1:1',
      region: 'us-east-1',
      credentials,
      maxAttempts: 1,
    });
    const { call } = client(new BucketStore(connectDatabase(lost), 'Buckets'));
    expect(errorOf(await call(serviceRoutes.health))).toMatch(/^503 STORAGE_UNAVAILABLE/u);
  });
});

describe('the OpenAPI document', () => {
  const { routes } = client({ summaries: () => Promise.resolve([]) });
  const served = routes.find(({ route }) => route === serviceRoutes.openApi)!;
  const partner = {} as Parameters<typeof served.answer>[1];
  const urlOf = async (
    context: { domainName?: string; path: string },
    headers: Record<string, string> = { 'X-Forwarded-Proto': 'https', 'X-Forwarded-Port': '443' },
  ) => {
    const event = eventOf(serviceRoutes.openApi, { headers });
    Object.assign(event.requestContext, context);
    const { body } = await served.answer(event, partner, CONTEXT.getRemainingTimeInMillis());
    const { servers, ...rest } = body as typeof DOCUMENT;
    expect(rest).toEqual({ openapi: '3.1.0', info: { title: 'x' }, paths: {} });
    expect(servers).toHaveLength(1);
    return servers[0]?.url;
  };

  it('names the address under which it was asked for: with the stage, with a base path, with neither', async () => {
    const domainName = 'abc.execute-api.eu-west-1.amazonaws.com';
    expect(await urlOf({ domainName, path: '/prod/v1/openapi.json' })).toBe(`https://${domainName}/prod`);
    expect(await urlOf({ domainName: 'api.example.com', path: '/v1/openapi.json' })).toBe('https://api.example.com');
    expect(await urlOf({ domainName: 'api.example.com', path: '/offers/v1/openapi.json' })).toBe(
      'https://api.example.com/offers',
    );
    expect(await urlOf({ domainName: 'api.example.com', path: '/v1/openapi.json' }, {})).toBe(
      'https://api.example.com',
    );
  });

  it('names a local address with its own protocol and port', async () => {
    const headers = { 'X-Forwarded-Proto': 'http', 'X-Forwarded-Port': '4567' };
    expect(await urlOf({ domainName: '127.0.0.1', path: '/local/v1/openapi.json' }, headers)).toBe(
      'http://127.0.0.1:4567/local',
    );
  });

  it('answers whatever the headers pretend', async () => {
    const headers = { 'X-Forwarded-Proto': 'java script', 'X-Forwarded-Port': '99999999' };
    expect(await urlOf({ domainName: 'api.example.com', path: '/v1/openapi.json' }, headers)).toBe(
      'https://api.example.com',
    );
  });

  it('has an ETag, and takes no parameters', async () => {
    const { call } = client();
    const { status, headers } = await call(serviceRoutes.openApi);
    expect(status).toBe(200);
    const known = { headers: { 'If-None-Match': headers['ETag']! } };
    expect((await call(serviceRoutes.openApi, known)).status).toBe(304);
    expect(errorOf(await call(serviceRoutes.openApi, { query: { a: 'b' } }))).toBe(
      '400 INVALID_REQUEST: query parameter a is not known here',
    );
  });
});
