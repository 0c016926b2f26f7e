import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keyedHash } from '../../lambdas/shared/keyed-hash.ts';
import { rowsOf, startEngineTables, type EngineTables } from '../shared/engine-tables.ts';
import { LeapingClock } from '../shared/virtual-clock.ts';
import { codeWorld, FUNCTION_MS, HASH_KEY, type ApiAnswer } from './code-world.ts';
import { tellInto } from '../shared/told.ts';
import { withMoments } from '../shared/moments.ts';
import { startUpstream, type Behaviour, type Upstream } from './upstream.ts';

let tables: EngineTables;
let upstream: Upstream;
beforeAll(async () => {
  tables = await startEngineTables();
  upstream = await startUpstream();
});
afterAll(async () => {
  await upstream[Symbol.asyncDispose]();
  await tables.stop();
});

const clock = new LeapingClock();
const hash = keyedHash(HASH_KEY);
let count = 0;

/** Moments of a repeat: before and after each call to DynamoDB, and Amazon's own before and after each decision. */
const MOMENTS = 14;

/** A redemption whose request reaches Amazon when its repeat is at its `at`-th moment, or after the repeat. */
async function landingAt(at: number, meanwhile: readonly Behaviour[] = []) {
  const code = `LATE-${++count}`;
  const telemetry = tellInto();
  let passed = -1;
  const moment = async (): Promise<void> => {
    if (passed >= 0 && passed++ === at) upstream.late.shift()?.();
  };
  upstream.now = clock.now;
  upstream.effect = moment;
  upstream.uses.set(code, 1);
  const { redeem } = codeWorld({ database: withMoments(tables.database, moment), upstream, clock, telemetry });
  const request = { code, key: `key-of-${code}` };

  upstream.next.push({ kind: 'late' });
  expect((await redeem(request)).body.error?.code).toBe('REDEMPTION_UNKNOWN');
  clock.leap(10_000);
  upstream.next.push(...meanwhile);
  passed = 0;
  const repeat = await redeem(request);
  const moments = passed;
  upstream.late.shift()?.();
  passed = -1;
  upstream.next.length = 0;

  let final: ApiAnswer = repeat;
  for (let more = 0; final.status !== 200 && more < 3; more += 1) {
    clock.leap(FUNCTION_MS + 20_000);
    final = await redeem(request);
  }
  const subject = `code/${hash('offer code', ['first', code])}`;
  const events = (await rowsOf(tables.database, 'History')).filter(({ watchId }) => watchId === subject);
  return { repeat, final, moments, events, telemetry, redeemed: upstream.redeemed.filter((one) => one.code === code) };
}

describe('a redemption that reaches Amazon after its answer was given up', () => {
  it('is never answered with a denial, and counts once, wherever in its repeat it lands', async () => {
    const assumed: unknown[] = [];
    for (let at = 0; at <= MOMENTS; at += 1) {
      const { final, repeat, moments, events, telemetry, redeemed } = await landingAt(at);
      const told = `landed at ${at}`;
      // Claim, takeover, guard, verification, redemption, settlement; whoever meets a denial reads the history as well.
      expect(moments, told).toBeGreaterThanOrEqual(12);
      expect(moments, told).toBeLessThanOrEqual(MOMENTS);
      expect(repeat.status, told).toBe(200);
      expect(final.body, told).toMatchObject({ redeemed: true });
      expect(redeemed, told).toHaveLength(1);
      expect(events, told).toMatchObject([{ events: [{ data: { redeemed: true } }] }]);
      expect(telemetry.counts['InvalidCodes'], told).toBeUndefined();
      assumed.push(final.body['assumed']);
    }
    // Before the repeat's own redemption it is what has used the code up, after it it changes nothing.
    expect(assumed.indexOf(false)).toBe(assumed.lastIndexOf(true) + 1);
    expect(new Set(assumed)).toEqual(new Set([true, false]));
  });

  it('stays unknown where the repeat is told that the deal rests', async () => {
    const resting: Behaviour = {
      kind: 'answer',
      status: 200,
      body: JSON.stringify({ message: 'FAILURE:DENIED:DEAL_INACTIVE' }),
    };
    const valid: Behaviour = { kind: 'answer', status: 200, body: JSON.stringify({ message: 'SUCCESS' }) };
    const { repeat, final, redeemed } = await landingAt(0, [valid, resting]);
    expect(repeat.body.error?.code).toBe('REDEMPTION_UNKNOWN');
    expect(final.body).toMatchObject({ redeemed: true, assumed: true });
    expect(redeemed).toHaveLength(1);
  });

  it('leaves the denial to its repeat where another key has surely redeemed the code in between', async () => {
    const code = `LATE-${++count}`;
    const telemetry = tellInto();
    upstream.effect = async () => undefined;
    upstream.uses.set(code, 1);
    const { redeem } = codeWorld({ database: tables.database, upstream, clock, telemetry });
    upstream.next.push({ kind: 'late' });
    await redeem({ code, key: `one-${code}` });
    let asked = 0;
    let other: ApiAnswer | undefined;
    upstream.effect = async (moment) => {
      // Just after the repeat has heard that the code is valid.
      if (moment === 'after' && ++asked === 1) other = await redeem({ code, key: `two-${code}` });
    };
    const repeat = await redeem({ code, key: `one-${code}` });
    upstream.effect = async () => undefined;
    upstream.late.shift()?.();
    expect(other?.body).toMatchObject({ redeemed: true, assumed: false });
    expect(repeat.body).toMatchObject({ redeemed: false, reason: 'INVALID_OFFER_CODE' });
    expect(upstream.redeemed.filter((one) => one.code === code)).toHaveLength(1);
    // The code was valid a moment ago, so this was no guess.
    expect(telemetry.counts['InvalidCodes']).toBeUndefined();
  });
});
