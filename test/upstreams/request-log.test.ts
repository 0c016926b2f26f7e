import { describe, expect, it } from 'vitest';
import { RequestLog } from '../../local/upstreams/request-log.ts';

describe('the request log', () => {
  it('forgets the oldest arrivals but never a count', () => {
    const log = new RequestLog(3);
    for (let at = 1; at <= 5; at += 1) {
      const arrival = log.arrive({ at, account: 'one', licensor: null, alid: null });
      if (at !== 5) log.finish(arrival, at === 1 ? 'dropped' : 200);
    }
    const report = log.report();
    expect(report.arrivals.map(({ number, at, outcome }) => [number, at, outcome])).toEqual([
      [3, 3, 200],
      [4, 4, 200],
      [5, 5, 'pending'],
    ]);
    expect(report).toMatchObject({ total: 5, forgotten: 2, byStatus: { dropped: 1, 200: 3, pending: 1 } });
    expect(log.report(4).arrivals.map(({ number }) => number)).toEqual([5]);
  });

  it('counts pricing requests by account and operation, apart from the other API’s', () => {
    const log = new RequestLog();
    const nobody = { at: 1, account: null, licensor: null, alid: null };
    expect(log.report()).not.toHaveProperty('operations');
    log.finish(log.arrive({ ...nobody, account: 'one' }), 200);
    log.finish(log.arrive({ ...nobody, account: 'one', operation: 'getPricing', items: ['B000000001'] }), 429);
    log.finish(log.arrive({ ...nobody, operation: 'getPricing' }), 403);
    expect(log.report()).toMatchObject({
      total: 3,
      accounts: { one: { total: 1, byStatus: { 200: 1 } } },
      operations: {
        'one/getPricing': { total: 1, byStatus: { 429: 1 } },
        '(none)/getPricing': { total: 1, byStatus: { 403: 1 } },
      },
    });
  });
});
