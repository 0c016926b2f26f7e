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
});
