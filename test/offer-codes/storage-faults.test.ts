import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keyedHash } from '../../lambdas/shared/keyed-hash.ts';
import { rowsOf, startEngineTables, type EngineTables } from '../shared/engine-tables.ts';
import { failing, FAULTS, type Fault } from '../shared/failing-database.ts';
import { LeapingClock } from '../shared/virtual-clock.ts';
import { codeWorld, FUNCTION_MS, HASH_KEY, type ApiAnswer } from './code-world.ts';
import { tellInto } from '../shared/told.ts';
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

const says = (message: string): Behaviour => ({ kind: 'answer', status: 200, body: JSON.stringify({ message }) });

/** What a redemption meets, and how it has to end whatever DynamoDB does. */
const SCENES = {
  'a valid code': { benefit: 'SINGLE', uses: 1, ends: { redeemed: true, assumed: false }, counts: 1 },
  'a valid code of multiple use': { benefit: 'MULTIPLE', uses: 5, ends: { redeemed: true, assumed: false }, counts: 1 },
  'a code that does not exist': { benefit: 'SINGLE', uses: 0, ends: { redeemed: false }, counts: 0 },
  'a code over its limit': {
    ...{ benefit: 'SINGLE', uses: 0, counts: 0 },
    says: says('FAILURE:DENIED:EXCEEDED_USAGE_LIMIT'),
    ends: { redeemed: false, reason: 'EXCEEDED_USAGE_LIMIT' },
  },
} as const;
type Scene = (typeof SCENES)[keyof typeof SCENES];

const clock = new LeapingClock();
const hash = keyedHash(HASH_KEY);
let count = 0;

/**
 * A redemption whose first try, or the repeat of a lost one, meets faults; it is repeated without any until it is final.
 *
 * @returns calls that the try with the faults made
 */
async function redeemThrough(
  told: string,
  scene: Scene,
  fault: Fault,
  fails: (call: number, command: string) => boolean,
  { afterLoss = false } = {},
): Promise<number> {
  const { benefit, uses, ends, counts } = scene;
  const code = `STORAGE-${++count}`;
  const request = { code, benefit, key: `key-of-${code}` };
  const telemetry = tellInto();
  const about = `${told}, ${fault}`;
  upstream.now = clock.now;
  upstream.next.length = 0;
  if (uses > 0) upstream.uses.set(code, uses);
  const sound = codeWorld({ database: tables.database, upstream, clock, telemetry });
  if (afterLoss) {
    upstream.next.push({ kind: 'reset', processed: false });
    expect((await sound.redeem(request)).body.error?.code).toBe('REDEMPTION_UNKNOWN');
  }
  // A code that is over its limit says so whenever it is asked.
  upstream.always = 'says' in scene ? scene.says : undefined;
  const faulty = failing(tables.database, fault, fails);
  let answer: ApiAnswer = await codeWorld({ database: faulty.client, upstream, clock, telemetry }).redeem(request);
  // 200, or an error that has the partner repeat.
  expect([200, 409, 500, 503, 504], about).toContain(answer.status);
  for (let more = 0; answer.status !== 200 && more < 3; more += 1) {
    clock.leap(FUNCTION_MS + 20_000);
    answer = await sound.redeem(request);
  }
  upstream.always = undefined;

  expect(answer, about).toMatchObject({ status: 200, body: ends });
  expect(upstream.redeemed.filter((one) => one.code === code).length, about).toBe(counts);
  const subject = `code/${hash('offer code', ['first', code])}`;
  const events = (await rowsOf(tables.database, 'History')).filter(({ watchId }) => watchId === subject);
  expect(events, about).toMatchObject([{ events: [{ data: ends }] }]);
  expect((await sound.redeem(request)).body, about).toEqual(answer.body);
  return faulty.calls();
}

const scenes = Object.entries(SCENES);

describe('a redemption of which DynamoDB fails', () => {
  it.each(scenes)(
    'any call, or up to four in a row, is had once, told once and never misjudged: %s',
    async (_, scene) => {
      for (const fault of FAULTS) {
        const calls = await redeemThrough('no fault', scene, fault, () => false);
        for (let first = 0; first < calls; first += 1) {
          for (let row = 1; row <= 4; row += 1) {
            const told = `calls ${first} to ${first + row - 1}`;
            await redeemThrough(told, scene, fault, (call) => call >= first && call < first + row);
          }
        }
      }
    },
    60_000,
  );

  it.each(scenes)(
    'every settlement keeps its answer until there is one that succeeds: %s',
    async (_, scene) => {
      for (const fault of FAULTS) {
        await redeemThrough('all settlements', scene, fault, (_call, command) => command === 'TransactWriteCommand');
      }
    },
    60_000,
  );

  it('any call in finding out what became of a lost one, up to four in a row, counts once', async () => {
    const scene = SCENES['a valid code'];
    for (const fault of FAULTS) {
      const calls = await redeemThrough('no fault', scene, fault, () => false, { afterLoss: true });
      for (let first = 0; first < calls; first += 1) {
        for (let row = 1; row <= 4; row += 1) {
          const told = `calls ${first} to ${first + row - 1} of the repeat`;
          const fails = (call: number) => call >= first && call < first + row;
          await redeemThrough(told, scene, fault, fails, { afterLoss: true });
        }
      }
    }
  }, 60_000);
});

describe('a client that hangs up in the middle of a redemption', () => {
  it('finds its answer under the key when it comes again, since the function runs on', async () => {
    const code = `STORAGE-${++count}`;
    const request = { code, key: `key-of-${code}` };
    upstream.now = clock.now;
    upstream.uses.set(code, 1);
    const { redeem } = codeWorld({ database: tables.database, upstream, clock });
    const asked = Promise.withResolvers<undefined>();
    const goOn = Promise.withResolvers<undefined>();
    upstream.effect = async (moment) => {
      if (moment === 'before') return;
      asked.resolve(undefined);
      await goOn.promise;
    };
    const unheard = redeem(request);
    await asked.promise;
    // Amazon has redeemed the code, and nobody waits for the answer any more.
    expect((await redeem(request)).body.error?.code).toBe('REQUEST_IN_PROGRESS');
    goOn.resolve(undefined);
    const { body } = await unheard;
    upstream.effect = async () => undefined;
    const again = await redeem(request);
    expect(again).toMatchObject({ status: 200, body: { redeemed: true, assumed: false } });
    expect(again.body).toEqual(body);
    expect(upstream.redeemed.filter((one) => one.code === code)).toHaveLength(1);
  });
});
