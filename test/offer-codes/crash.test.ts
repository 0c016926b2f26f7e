import { QueryCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keyedHash } from '../../lambdas/shared/keyed-hash.ts';
import { startEngineTables, type EngineTables } from '../shared/engine-tables.ts';
import { Death, withMoments } from '../shared/moments.ts';
import { LeapingClock } from '../shared/virtual-clock.ts';
import { codeWorld, FUNCTION_MS, HASH_KEY, type ApiAnswer } from './code-world.ts';

import { startUpstream, type Upstream } from './upstream.ts';

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

/** Of a redemption that succeeds, and of one that finds out what became of an earlier one and redeems then. */
const MOMENTS = 7;
const RESOLVING_MOMENTS = 12;

const clock = new LeapingClock();
const hash = keyedHash(HASH_KEY);
let count = 0;

interface Tried {
  readonly answer: ApiAnswer | 'died';
  /** Moments that were passed. */
  readonly passed: number;
}

/** One invocation of a new process, which dies at the given moment. The upstream's own work lies between two moments. */
async function tryOnce(code: string, benefit: string, diesAt: number): Promise<Tried> {
  const death = new Death(diesAt);
  upstream.now = clock.now;
  upstream.effect = async (moment) => {
    // The upstream lives on: only that the function dies while its request is there can be told.
    if (moment === 'before') return;
    await Promise.race([death.moment(), new Promise((resolve) => setImmediate(resolve))]);
  };
  const world = codeWorld({ database: withMoments(tables.database, () => death.moment()), upstream, clock });
  const answer = await Promise.race([world.redeem({ code, benefit, key: `key-of-${code}` }), death.died]);
  return { answer, passed: death.passed };
}

/** Repeats as a partner does, until there is a final answer; each try dies where `deaths` says, and then nobody dies. */
async function untilFinal(code: string, benefit: string, deaths: readonly number[]) {
  const statuses: (number | 'died')[] = [];
  for (let tries = 0; tries < 12; tries += 1) {
    const { answer } = await tryOnce(code, benefit, deaths[tries] ?? Infinity);
    statuses.push(answer === 'died' ? 'died' : answer.status);
    if (answer !== 'died' && answer.status === 200) return { answer, statuses };
    clock.leap(FUNCTION_MS + 20_000);
  }
  throw new Error(`no final answer: ${statuses.join(', ')}`);
}

async function eventsOf(code: string): Promise<Record<string, unknown>[]> {
  const { Items = [] } = await tables.database.send(
    new QueryCommand({
      TableName: 'History',
      KeyConditionExpression: 'watchId = :subject',
      ExpressionAttributeValues: { ':subject': `code/${hash('offer code', ['first', code])}` },
      ConsistentRead: true,
    }),
  );
  return Items;
}

async function check(deaths: readonly number[], uses: number): Promise<void> {
  const code = `CRASH-${++count}`;
  if (uses > 0) upstream.uses.set(code, uses);
  const { answer, statuses } = await untilFinal(code, 'SINGLE', deaths);
  const told = `deaths at ${deaths.join(', ')}: ${statuses.join(', ')}`;

  const redeemed = upstream.redeemed.filter((one) => one.code === code);
  expect(redeemed.length, told).toBe(uses > 0 ? 1 : 0);
  if (uses > 0) expect(answer.body['redeemed'], told).toBe(true);
  // Without a history nobody can tell a code that was never valid from one that was used up by a lost redemption.
  if (answer.body['redeemed'] === true && uses === 0) expect(answer.body['assumed'], told).toBe(true);
  if (redeemed[0]) {
    const minute = String(answer.body['redeemedAt']).replaceAll(/[-:]/gu, '').replace(/00Z$/u, 'Z');
    expect(redeemed[0].at, told).toBe(minute);
  }
  const events = await eventsOf(code);
  expect(events, told).toHaveLength(1);
  expect(events[0], told).toMatchObject({
    events: [{ detailType: 'Offer Code Redeemed', data: { redeemed: answer.body['redeemed'] } }],
  });
  // The same key again: the same answer, no other event, nothing asked.
  const asked = upstream.seen.length;
  const again = await tryOnce(code, 'SINGLE', Infinity);
  expect(again.answer, told).toMatchObject({ status: 200, body: answer.body });
  expect(upstream.seen.length, told).toBe(asked);
  expect(await eventsOf(code), told).toEqual(events);
}

describe('a redemption whose function is killed', () => {
  it('passes each of its moments when nobody is killed', async () => {
    upstream.uses.set('ALIVE', 1);
    const { passed } = await tryOnce('ALIVE', 'SINGLE', Infinity);
    // The guard, the claim, Amazon, the settlement: before and after each, and Amazon's own.
    expect(passed).toBe(MOMENTS);
  });

  it('is had once, told once and answered alike, wherever one try or two in a row are killed', async () => {
    for (let first = 0; first <= MOMENTS; first += 1) {
      await check([first], 1);
      for (let second = 0; second <= RESOLVING_MOMENTS; second += 1) await check([first, second], 1);
    }
  }, 120_000);

  it('of a code that is not valid never redeems anything, wherever it is killed', async () => {
    for (let first = 0; first <= MOMENTS; first += 1) await check([first], 0);
  }, 60_000);

  it('of a code that can be used again is never repeated blindly, and stays unknown where it may have happened', async () => {
    for (let first = 0; first <= MOMENTS; first += 1) {
      const code = `MANY-${first}`;
      upstream.uses.set(code, 5);
      const { answer } = await tryOnce(code, 'MULTIPLE', first);
      clock.leap(FUNCTION_MS + 20_000);
      const second = await tryOnce(code, 'MULTIPLE', Infinity);
      const redeemed = upstream.redeemed.filter((one) => one.code === code).length;
      expect(redeemed).toBeLessThanOrEqual(1);
      if (answer !== 'died') expect(second.answer).toMatchObject({ status: 200, body: answer.body });
      else if (second.answer !== 'died' && second.answer.status === 200) expect(redeemed).toBe(1);
      else expect(second.answer).toMatchObject({ status: 504, body: { error: { code: 'REDEMPTION_UNKNOWN' } } });
    }
  }, 60_000);
});
