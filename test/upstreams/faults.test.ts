import { describe, expect, it } from 'vitest';
import { ACCOUNT, ALID, LICENSOR, start, titlePath, type Started } from './running-simulator.ts';

async function fault({ control }: Started, rule: object): Promise<string> {
  const answer = await control('POST', '/control/faults', rule);
  expect(answer).toMatchObject({ status: 201 });
  return (answer.json as { id: string }).id;
}

describe('a fault', () => {
  it('answers with a chosen status, body and headers, as often as asked', async () => {
    const started = await start();
    const rule = { kind: 'status', code: 503, body: { message: 'later' }, headers: { 'retry-after': '3' }, times: 2 };
    await fault(started, rule);
    const expected = { status: 503, json: { message: 'later' }, headers: { 'retry-after': '3' } };
    expect(await started.getTitle()).toMatchObject(expected);
    expect(await started.getTitle()).toMatchObject(expected);
    expect(await started.getTitle()).toMatchObject({ status: 200 });
    expect((await started.control('GET', '/control/faults')).json).toEqual({ faults: [] });
  });

  it('meets only the requests that it matches', async () => {
    const other = { licensor: LICENSOR, alid: 'other' };
    const started = await start({ offerStatus: { titles: [{ licensor: LICENSOR, alid: ALID }, other] } });
    await fault(started, { match: other, kind: 'status', code: 500 });
    await fault(started, { match: { account: 'nobody' }, kind: 'status', code: 501 });
    expect((await started.getTitle()).status).toBe(200);
    expect((await started.getTitle('', 'other')).status).toBe(500);
  });

  it('strikes with its probability, the same requests for the same seed', async () => {
    const run = async (): Promise<number[]> => {
      const started = await start({ seed: 5 });
      await fault(started, { match: { probability: 0.5 }, kind: 'status', code: 500 });
      const statuses = [];
      for (let index = 0; index < 40; index += 1) statuses.push((await started.getTitle()).status);
      return statuses;
    };
    const statuses = await run();
    expect(statuses.filter((status) => status === 500).length).toBeGreaterThan(8);
    expect(statuses.filter((status) => status === 200).length).toBeGreaterThan(8);
    expect(await run()).toEqual(statuses);
  });

  it('can be listed and taken back, one or all', async () => {
    const started = await start();
    const id = await fault(started, { kind: 'status', code: 500 });
    await fault(started, { kind: 'hang', times: 3 });
    expect((await started.getTitle()).status).toBe(500);
    expect((await started.control('GET', '/control/faults')).json).toMatchObject({
      faults: [
        { id, kind: 'status', code: 500, timesLeft: null, applied: 1 },
        { kind: 'hang', timesLeft: 3, applied: 0 },
      ],
    });
    expect((await started.control('DELETE', `/control/faults/${id}`)).status).toBe(204);
    expect((await started.control('DELETE', `/control/faults/${id}`)).status).toBe(404);
    expect((await started.control('DELETE', '/control/faults')).json).toEqual({ removed: 1 });
    expect((await started.getTitle()).status).toBe(200);
  });

  it('is refused when it could never do what it says', async () => {
    const { control } = await start();
    const rules = [
      {},
      { kind: 'earthquake' },
      { kind: 'status' },
      { kind: 'hang', times: 0 },
      { kind: 'hang', match: { licencor: 'typo' } },
      { kind: 'latency', ms: 5, medianMs: 5 },
      { kind: 'headers', headers: { 'bad name': 'x' } },
    ];
    for (const rule of rules) {
      expect(await control('POST', '/control/faults', rule)).toMatchObject({
        status: 400,
        json: { error: expect.any(String) as string },
      });
    }
  });

  it('cuts or garbles the JSON of an answer', async () => {
    const started = await start();
    await fault(started, { kind: 'malformed', times: 1 });
    await fault(started, { kind: 'malformed', how: 'invalid', times: 1 });
    const truncated = await started.getTitle();
    expect(truncated).toMatchObject({ status: 200, json: undefined });
    expect(truncated.text).toMatch(/^\{"OfferStatuses":/);
    expect(await started.getTitle()).toMatchObject({
      status: 200,
      json: undefined,
      text: expect.stringContaining('<html>') as string,
    });
  });

  it('resets the connection before the answer or in the middle of it', async () => {
    const started = await start();
    await fault(started, { kind: 'drop', times: 1 });
    await fault(started, { kind: 'drop', when: 'mid-answer', times: 1 });
    await expect(started.getTitle()).rejects.toMatchObject({
      code: 'ECONNRESET',
      message: expect.not.stringContaining('aborted') as string,
    });
    await expect(started.getTitle()).rejects.toMatchObject({ code: 'ECONNRESET', message: 'aborted' });
    expect((await started.getTitle()).status).toBe(200);
    expect(started.simulator.requests().byStatus).toEqual({ 200: 1, dropped: 2 });
  });

  it('never answers when it hangs, and stopping the simulator ends the wait', async () => {
    const started = await start();
    await fault(started, { kind: 'hang', times: 1 });
    const answer = started.getTitle().then(
      () => 'answered',
      () => 'cut off',
    );
    while (started.simulator.requests().byStatus['hung'] !== 1) await new Promise((resolve) => setImmediate(resolve));
    expect((await started.getTitle()).status).toBe(200);
    await started.simulator.stop();
    expect(await answer).toBe('cut off');
  });

  it('lets the schema drift in four ways', async () => {
    const started = await start();
    const one = async (rule: object): Promise<Record<string, unknown>> => {
      await fault(started, { ...rule, kind: 'drift', times: 1 });
      const { json, status } = await started.getTitle();
      expect(status).toBe(200);
      return (json as { OfferStatuses: Record<string, unknown>[] }).OfferStatuses[0] ?? {};
    };
    expect(await one({ how: 'unknown-enum-value' })).toMatchObject({
      OverallStatus: { ProgressCode: 'Not-Yet-Documented' },
    });
    const licenceDrift = await one({ how: 'unknown-enum-value', field: 'LicenseType', value: 'AVOD' });
    expect((licenceDrift['Transaction'] as unknown[])[0]).toMatchObject({ LicenseType: 'AVOD' });
    expect(await one({ how: 'unknown-field' })).toMatchObject({
      IntroducedLater: {},
      Licensor: { IntroducedLater: {} },
    });
    expect(await one({ how: 'missing-field' })).not.toHaveProperty('OverallStatus');
    expect(await one({ how: 'missing-field', field: 'Licensor' })).not.toHaveProperty('Licensor');
    expect(await one({ how: 'wrong-type' })).toMatchObject({ Transaction: 'unexpected' });
  });

  it('adds headers to answers of any status', async () => {
    const started = await start();
    await fault(started, { kind: 'headers', headers: { 'x-amzn-RateLimit-Limit': '7' } });
    for (const alid of [ALID, 'nothing']) {
      expect((await started.getTitle('', alid)).headers).toMatchObject({ 'x-amzn-ratelimit-limit': '7' });
    }
    const refused = await started.get(titlePath(), { headers: {} });
    expect(refused).toMatchObject({ status: 403, headers: { 'x-amzn-ratelimit-limit': '7' } });
  });

  it('costs a token all the same, and does not strike what the gateway turned away', async () => {
    const started = await start({ offerStatus: { accounts: [{ ...ACCOUNT, rate: 1, burst: 1 }] } });
    await fault(started, { kind: 'status', code: 500, times: 2 });
    expect((await started.getTitle()).status).toBe(500);
    expect((await started.getTitle()).status).toBe(429);
    started.clock.pass(1000);
    expect((await started.getTitle()).status).toBe(500);
  });
});

describe('latency', () => {
  it('passes partly before the request reaches the token bucket and partly after', async () => {
    const started = await start();
    const sent = started.clock.now();
    await fault(started, { kind: 'latency', ms: 1000, times: 1 });
    await started.getTitle();
    expect(started.clock.waits).toEqual([250, 750]);
    expect(started.simulator.requests().arrivals).toMatchObject([{ at: sent + 250 }]);
    await fault(started, { kind: 'latency', ms: 1000, uplinkShare: 0.9 });
    await started.getTitle();
    expect(started.clock.waits.slice(2)).toEqual([900, 100]);
  });

  it('lets a refused request find a token that was refilled on its way', async () => {
    const started = await start({ offerStatus: { accounts: [{ ...ACCOUNT, rate: 10, burst: 1 }] } });
    expect((await started.getTitle()).status).toBe(200);
    await fault(started, { kind: 'latency', ms: 400, times: 1 });
    expect((await started.getTitle()).status).toBe(200);
  });

  it('is log-normal around its median as a baseline, and seeded', async () => {
    const run = async (): Promise<number[]> => {
      const started = await start({ offerStatus: { latency: { medianMs: 100, sigma: 0.5, uplinkShare: 1 } } });
      for (let index = 0; index < 101; index += 1) await started.getTitle();
      return started.clock.waits;
    };
    const waits = await run();
    const sorted = [...waits].sort((one, other) => one - other);
    expect(waits).toHaveLength(101);
    expect(sorted[50]).toBeGreaterThan(80);
    expect(sorted[50]).toBeLessThan(125);
    expect(sorted[100]).toBeGreaterThan(200);
    expect(await run()).toEqual(waits);
  });
});
