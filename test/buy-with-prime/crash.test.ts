import fc from 'fast-check';
import { AmazonRefusal } from '../../lambdas/buy-with-prime/amazon-refusal.ts';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { rowsOf, startEngineTables, type EngineTables } from '../shared/engine-tables.ts';
import { Death, withMoments } from '../shared/moments.ts';
import { LeapingClock } from '../shared/virtual-clock.ts';
import { tellInto } from '../shared/told.ts';
import { AmazonOrders, orderOf, type Fate } from './amazon-orders.ts';
import { eventsOf, FUNCTION_MS, ITEMS, orderBody, SHOPPER, shopWorld, type ShopAnswer } from './shop-world.ts';

let tables: EngineTables;
beforeAll(async () => {
  tables = await startEngineTables();
});
afterAll(() => tables.stop());

/** Claim, mutation, settlement: before and after each. */
const MOMENTS = 6;
/** Claim, takeover, reading back, mutation, reading back again, settlement; a fresh quote for who is refused. */
const RESOLVING_MOMENTS = 14;

let clock = new LeapingClock();
let amazon = new AmazonOrders(clock.now);
let count = 0;
beforeEach(() => {
  clock = new LeapingClock();
  amazon = new AmazonOrders(clock.now);
});

interface Wish {
  readonly orderId: string;
  readonly key: string;
  readonly body: ReturnType<typeof orderBody>;
}

function wishFor(total = '25.00', offerId = amazon.offer(ITEMS, '25')): Wish {
  const orderId = `#${++count}/a`;
  return { orderId, key: `key-of-${orderId}`, body: orderBody(orderId, offerId, total) };
}

interface Tried {
  readonly answer: ShopAnswer | 'died';
  /** Moments that were passed. */
  readonly passed: number;
}

/** One invocation of a new process, which dies at the given moment. */
async function tryOnce({ key, body }: Wish, diesAt: number): Promise<Tried> {
  const death = new Death(diesAt);
  const moment = () => death.moment();
  const world = shopWorld({ database: withMoments(tables.database, moment), client: amazon.client(moment), clock });
  const answer = await Promise.race([world.order(key, body), death.died]);
  return { answer, passed: death.passed };
}

const isFinal = ({ status, body }: ShopAnswer): boolean =>
  status === 201 || status === 422 || (status === 409 && body.error?.code !== 'REQUEST_IN_PROGRESS');

/** Repeats as a partner does, until there is a final answer; each try dies where `deaths` says, and then nobody dies. */
async function untilFinal(wish: Wish, deaths: readonly number[]) {
  const told: string[] = [];
  for (let tries = 0; tries < 12; tries += 1) {
    const { answer } = await tryOnce(wish, deaths[tries] ?? Infinity);
    told.push(answer === 'died' ? 'died' : String(answer.status));
    if (answer !== 'died' && isFinal(answer))
      return { answer, told: `deaths at ${deaths.join(', ')}: ${told.join(', ')}` };
    clock.leap(FUNCTION_MS + 20_000);
  }
  throw new Error(`no final answer: ${told.join(', ')}`);
}

const ordersOf = ({ orderId }: Wish) => amazon.orders.get(`first/${orderId}`) ?? [];

/** One order, one event, and the same answer again without another mutation. */
async function expectOrdered(wish: Wish, answer: ShopAnswer, told: string): Promise<void> {
  expect(answer.status, told).toBe(201);
  expect(ordersOf(wish), told).toHaveLength(1);
  expect(answer.body['amazonOrderId'], told).toBe(ordersOf(wish)[0]?.amazonOrderId);
  const events = await eventsOf(tables.database, wish.orderId);
  expect(events, told).toMatchObject([
    { detailType: 'Order Created', data: { amazonOrderId: answer.body['amazonOrderId'] } },
  ]);
  amazon.asked.length = 0;
  const again = await tryOnce(wish, Infinity);
  expect(again.answer, told).toMatchObject({ status: 201, body: answer.body });
  expect(amazon.asked, told).not.toContain('createOrder');
  expect(await eventsOf(tables.database, wish.orderId), told).toEqual(events);
}

async function expectRejected(wish: Wish, answer: ShopAnswer, code: string, told: string): Promise<void> {
  expect(answer, told).toMatchObject({ status: 409, body: { error: { code }, quote: { totalCount: 1 } } });
  expect(ordersOf(wish), told).toEqual([]);
  const events = await eventsOf(tables.database, wish.orderId);
  expect(events, told).toMatchObject([{ detailType: 'Order Rejected', data: { reason: code } }]);
  amazon.asked.length = 0;
  const again = await tryOnce(wish, Infinity);
  expect(again.answer, told).toMatchObject({ status: 409, body: { error: { code }, quote: { totalCount: 1 } } });
  expect(amazon.asked, told).toEqual(['offers']);
  expect(await eventsOf(tables.database, wish.orderId), told).toEqual(events);
}

describe('an order whose function is killed', () => {
  it('passes each of its moments when nobody is killed', async () => {
    const { passed, answer } = await tryOnce(wishFor(), Infinity);
    expect(answer).toMatchObject({ status: 201, body: { assumed: false } });
    expect(passed).toBe(MOMENTS);
  });

  it('is made once, told once and answered alike, wherever one try or two in a row are killed', async () => {
    for (let first = 0; first <= MOMENTS; first += 1) {
      for (let second = 0; second <= RESOLVING_MOMENTS; second += 1) {
        const wish = wishFor();
        const { answer, told } = await untilFinal(wish, [first, second]);
        await expectOrdered(wish, answer, told);
      }
    }
  }, 120_000);

  it('is made once wherever it is killed, where its first answer was lost in whichever way', async () => {
    for (const fate of ['lost before', 'lost after', 'late'] satisfies Fate[]) {
      for (let second = 0; second <= RESOLVING_MOMENTS; second += 1) {
        const wish = wishFor();
        amazon.fates.push(fate);
        const { answer, told } = await untilFinal(wish, [Infinity, second]);
        for (const land of amazon.late.splice(0)) land();
        await expectOrdered(wish, answer, `${fate}, ${told}`);
      }
    }
  }, 120_000);

  it.each([
    ['OFFER_EXPIRED', () => wishFor('25.00', 'an offer that is gone')],
    ['PRICE_CHANGED', () => wishFor('24.99')],
  ])(
    'is refused with %s once and for all, with a fresh quote and no order, wherever it is killed',
    async (code, make) => {
      for (let first = 0; first <= MOMENTS + 2; first += 1) {
        for (let second = 0; second <= RESOLVING_MOMENTS; second += 3) {
          const wish = make();
          const { answer, told } = await untilFinal(wish, [first, second]);
          await expectRejected(wish, answer, code, told);
        }
      }
    },
    120_000,
  );

  it('leaves nothing of its shopper in any row, wherever it is killed', async () => {
    const rows = [...(await rowsOf(tables.database, 'Requests')), ...(await rowsOf(tables.database, 'History'))];
    expect(rows.length).toBeGreaterThan(100);
    const text = JSON.stringify(rows);
    for (const secret of Object.values(SHOPPER)) expect(text).not.toContain(secret);
  });
});

describe('an order that reaches Amazon after its answer was given up', () => {
  /** It lands when the repeat is at its `at`-th moment, or after the repeat. */
  async function landingAt(at: number, wish: Wish, before: () => void = () => undefined) {
    const telemetry = tellInto();
    let passed = -1;
    const moment = async (): Promise<void> => {
      if (passed >= 0 && passed++ === at) for (const land of amazon.late.splice(0)) land();
    };
    const world = shopWorld({
      database: withMoments(tables.database, moment),
      client: amazon.client(moment),
      clock,
      telemetry,
    });
    amazon.fates.push('late');
    const lost = await world.order(wish.key, wish.body);
    expect(lost).toMatchObject({ status: 504, body: { error: { code: 'ORDER_UNKNOWN' } } });
    before();
    passed = 0;
    const repeat = await world.order(wish.key, wish.body);
    passed = -1;
    for (const land of amazon.late.splice(0)) land();
    return repeat;
  }

  it('is one order, and answered as one, wherever in its repeat it lands', async () => {
    const assumed = new Set<unknown>();
    for (let at = 0; at <= RESOLVING_MOMENTS; at += 1) {
      const wish = wishFor();
      let answer = await landingAt(at, wish);
      if (!isFinal(answer)) answer = (await untilFinal(wish, [])).answer;
      await expectOrdered(wish, answer, `landed at ${at}`);
      assumed.add(answer.body['assumed']);
    }
    expect(assumed).toEqual(new Set([true, false]));
  });

  it('is not answered with a refusal while it may still land, whether or not it uses its offer up', async () => {
    for (const consumes of [true, false]) {
      for (let at = 0; at <= RESOLVING_MOMENTS; at += 1) {
        const wish = wishFor();
        amazon.consumes = consumes;
        // The price changes for the repeat, and changes back for the try that is still on its way.
        const repeat = await landingAt(at, wish, () => {
          const [offer] = [amazon.offers.get(wish.body.offerId)];
          if (offer) offer.total = '26';
          const land = amazon.late.shift();
          amazon.late.push(() => {
            if (offer) offer.total = '25';
            land?.();
          });
        });
        const told = `landed at ${at}`;
        expect([201, 504], told).toContain(repeat.status);
        const { answer } = await untilFinal(wish, []);
        await expectOrdered(wish, answer, told);
      }
    }
  });

  it('is refused for good where it has not landed when it can land no more', async () => {
    const wish = wishFor('25.00', 'an offer that is gone');
    amazon.fates.push('lost before');
    const world = shopWorld({ database: tables.database, client: amazon.client(), clock });
    expect((await world.order(wish.key, wish.body)).body.error?.code).toBe('ORDER_UNKNOWN');
    const soon = await world.order(wish.key, wish.body);
    expect(soon).toMatchObject({ status: 504, body: { error: { code: 'ORDER_UNKNOWN' } } });
    expect(Number(soon.headers['Retry-After'])).toBeGreaterThan(1);
    clock.leap(Number(soon.headers['Retry-After']) * 1_000);
    const late = await world.order(wish.key, wish.body);
    await expectRejected(wish, late, 'OFFER_EXPIRED', 'after the lease');
  });
});

describe('an order whose answer was lost', () => {
  it('is refused for good in time, however impatiently it is repeated', async () => {
    const wish = wishFor('25.00', 'an offer that is gone');
    amazon.fates.push('lost before');
    const world = shopWorld({ database: tables.database, client: amazon.client(), clock });
    const begun = clock.now();
    let answer = await world.order(wish.key, wish.body);
    while (!isFinal(answer)) {
      expect(clock.now() - begun).toBeLessThan(60_000);
      clock.leap(1_000);
      answer = await world.order(wish.key, wish.body);
    }
    await expectRejected(wish, answer, 'OFFER_EXPIRED', 'impatient');
  });

  it('is refused for good where one of its further aliases is that of another order', async () => {
    const wish = wishFor();
    const body = { ...wish.body, aliases: [{ aliasType: 'EXTERNAL_DISPLAY_ID', aliasId: '1001' }] };
    amazon.fates.push('lost before');
    amazon.furtherAliases.set('EXTERNAL_DISPLAY_ID|1001', 'another/1001');
    const world = shopWorld({ database: tables.database, client: amazon.client(), clock });
    expect((await world.order(wish.key, body)).body.error?.code).toBe('ORDER_UNKNOWN');
    const repeat = await world.order(wish.key, body);
    expect(repeat).toMatchObject({ status: 409, body: { error: { code: 'ORDER_EXISTS' } } });
    expect(ordersOf(wish)).toEqual([]);
  });

  it('is found by its further alias where it is not found by its own yet', async () => {
    const wish = wishFor();
    const body = {
      ...wish.body,
      aliases: [{ aliasType: 'EXTERNAL_DISPLAY_ID', aliasId: `display of ${wish.orderId}` }],
    };
    amazon.consumes = false;
    amazon.fates.push('lost after');
    const world = shopWorld({ database: tables.database, client: amazon.client(), clock });
    await world.order(wish.key, body);
    amazon.stale = 2;
    expect(await world.order(wish.key, body)).toMatchObject({ status: 201, body: { assumed: true } });
    expect(ordersOf(wish)).toHaveLength(1);
  });

  it('is refused in the end where its alias is taken and no order is ever found by it', async () => {
    const wish = wishFor();
    amazon.fates.push('lost before');
    const world = shopWorld({ database: tables.database, client: amazon.client(), clock });
    await world.order(wish.key, wish.body);
    amazon.refusal = new AmazonRefusal('ConflictError', '', 'refused');
    clock.leap(300_000);
    expect(await world.order(wish.key, wish.body)).toMatchObject({ status: 504 });
    clock.leap(400_000);
    const { status, body } = await world.order(wish.key, wish.body);
    expect([status, body.error?.code]).toEqual([409, 'ORDER_EXISTS']);
  });

  it('stays unknown while Amazon does not tell the whole of the order that it finds, and is found then', async () => {
    const wish = wishFor();
    amazon.fates.push('lost after');
    const sound = shopWorld({ database: tables.database, client: amazon.client(), clock });
    await sound.order(wish.key, wish.body);
    const [whole] = ordersOf(wish);
    const [line] = whole?.lineItems ?? [];
    const nameless = { ...line!, product: { ...line!.product!, productId: null } };
    const parts = [
      { totalPrice: null },
      { totalPrice: { amount: '25', currencyCode: null } },
      { lineItems: [] },
      { lineItems: [{ ...line!, product: null }] },
      { lineItems: [{ ...line!, amount: null }] },
      { lineItems: [nameless, ...whole!.lineItems.slice(1)] },
    ];
    for (const part of parts) {
      const client = { ...amazon.client(), findOrder: async () => ({ ...whole!, ...part }) };
      const partial = shopWorld({ database: tables.database, client, clock });
      const { body } = await partial.order(wish.key, wish.body);
      expect(body.error?.code, JSON.stringify(part)).toBe('ORDER_UNKNOWN');
    }
    await expectOrdered(wish, await sound.order(wish.key, wish.body), 'told in the end');
  });

  it('is its own where it is found by its alias, whichever aliases Amazon lists with it', async () => {
    const wish = wishFor();
    amazon.fates.push('lost after');
    const client = amazon.client();
    const silent: typeof client = {
      ...client,
      findOrder: async (...asked) => {
        const found = await client.findOrder(...asked);
        return found && { ...found, orderId: null };
      },
    };
    const world = shopWorld({ database: tables.database, client: silent, clock });
    await world.order(wish.key, wish.body);
    expect(await world.order(wish.key, wish.body)).toMatchObject({ status: 201, body: { assumed: true } });
  });

  it('is looked for in the account that it was sent to, whatever account the partner has meanwhile', async () => {
    const wish = wishFor();
    amazon.fates.push('lost after');
    const asked: string[] = [];
    const client = amazon.client();
    const heard = {
      ...client,
      findOrder: (...given: Parameters<typeof client.findOrder>) => {
        asked.push(given[0].account);
        return client.findOrder(...given);
      },
    };
    const world = (account: string) => shopWorld({ database: tables.database, client: heard, clock, account });
    await world('old-store').order(wish.key, wish.body);
    const repeat = await world('new-store').order(wish.key, wish.body);
    expect(repeat).toMatchObject({ status: 201, body: { assumed: true } });
    expect((await world('new-store').order(wish.key, wish.body)).status).toBe(201);
    expect(new Set(asked)).toEqual(new Set(['old-store']));
    expect(await eventsOf(tables.database, wish.orderId)).toMatchObject([{ data: { account: 'old-store' } }]);
  });

  it.each([true, false])(
    'is found in the same repeat where reading back lags behind (offer used up: %s)',
    async (consumes) => {
      const wish = wishFor();
      amazon.consumes = consumes;
      amazon.fates.push('lost after');
      const world = shopWorld({ database: tables.database, client: amazon.client(), clock });
      await world.order(wish.key, wish.body);
      clock.leap(FUNCTION_MS + 20_000);
      amazon.stale = 1;
      await expectOrdered(wish, await world.order(wish.key, wish.body), 'stale');
    },
  );

  it('is read back before it is made again, so that there is one even if Amazon did not forbid two', async () => {
    for (let at = 0; at <= MOMENTS; at += 1) {
      const wish = wishFor();
      amazon.consumes = false;
      amazon.forbidsTwo = false;
      amazon.fates.push('lost after');
      const { answer, told } = await untilFinal(wish, [at]);
      await expectOrdered(wish, answer, told);
    }
  });

  it('is another one where its lines or its total differ', async () => {
    const others = [
      { lines: [ITEMS[0]!], total: '25' },
      { lines: [...ITEMS, { productId: 'lamp', quantity: 1 }], total: '25' },
      { lines: [ITEMS[0]!, { sku: 'LAMP-01', quantity: 3 }], total: '25' },
      { lines: ITEMS, total: '25.01' },
    ];
    for (const { lines, total } of others) {
      const wish = wishFor();
      amazon.fates.push('lost before');
      const world = shopWorld({ database: tables.database, client: amazon.client(), clock });
      await world.order(wish.key, wish.body);
      amazon.orders.set(`first/${wish.orderId}`, [
        orderOf('another', `first/${wish.orderId}`, lines, total, 'STARTED'),
      ]);
      const { status, body } = await world.order(wish.key, wish.body);
      expect([status, body.error?.code]).toEqual([409, 'ORDER_EXISTS']);
      expect(await eventsOf(tables.database, wish.orderId)).toMatchObject([{ data: { reason: 'ORDER_EXISTS' } }]);
    }
  });
});

describe('a hundred repeats at once', () => {
  it('make one order for each key, however many answers are lost', async () => {
    for (const losses of [
      [],
      ['lost after'],
      ['lost before', 'lost after'],
      ['late', 'lost before', 'late'],
    ] as Fate[][]) {
      const wish = wishFor();
      amazon.fates.push(...losses);
      const world = shopWorld({ database: tables.database, client: amazon.client(), clock });
      let answers: ShopAnswer[] = [];
      for (let round = 0; round < 6; round += 1) {
        answers = await Promise.all(Array.from({ length: 100 }, () => world.order(wish.key, wish.body)));
        for (const { status, body } of answers) {
          if (status !== 201) expect(['REQUEST_IN_PROGRESS', 'ORDER_UNKNOWN']).toContain(body.error?.code);
        }
        for (const land of amazon.late.splice(0)) land();
        clock.leap(FUNCTION_MS + 20_000);
      }
      expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 100 }, () => 201));
      expect(new Set(answers.map(({ body }) => body['amazonOrderId'])).size).toBe(1);
      expect(ordersOf(wish)).toHaveLength(1);
      expect(await eventsOf(tables.database, wish.orderId)).toHaveLength(1);
      amazon.fates.length = 0;
    }
  }, 120_000);
});

describe('orders under random misfortune', () => {
  const Fates = fc.constantFrom<Fate>('answered', 'lost before', 'lost after', 'late');
  const Step = fc.record({
    diesAt: fc.option(fc.nat(RESOLVING_MOMENTS + 4), { nil: Infinity, freq: 2 }),
    fate: Fates,
    leapMs: fc.constantFrom(0, 1_000, 40_000, 1_000_000),
    lands: fc.boolean(),
    partner: fc.constantFrom('first', 'second'),
  });

  it('are made once per partner and orderId, and no partner is told of an order that is not there, or of none that is', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(Step, { minLength: 1, maxLength: 8 }), async (steps) => {
        amazon = new AmazonOrders(clock.now);
        const wish = wishFor();
        const offers = { first: wish.body.offerId, second: amazon.offer(ITEMS, '25') };
        const finals: Record<string, ShopAnswer> = {};
        const run = async (partner: 'first' | 'second', diesAt: number): Promise<void> => {
          const death = new Death(diesAt);
          const moment = () => death.moment();
          const world = shopWorld({
            database: withMoments(tables.database, moment),
            client: amazon.client(moment),
            clock,
          });
          const body = { ...wish.body, offerId: offers[partner] };
          const answer = await Promise.race([world.order(wish.key, body, partner), death.died]);
          if (answer === 'died' || !isFinal(answer)) return;
          // What was final stays as it was.
          const { status, body: told } = finals[partner] ?? answer;
          expect([answer.status, answer.body['amazonOrderId']]).toEqual([status, told['amazonOrderId']]);
          finals[partner] = answer;
        };
        for (const { diesAt, fate, leapMs, lands, partner } of steps) {
          amazon.fates.splice(0, Infinity, fate);
          await run(partner, diesAt);
          if (lands) for (const land of amazon.late.splice(0)) land();
          clock.leap(leapMs);
        }
        amazon.fates.length = 0;
        // An effect lands within the lease of its try, or never.
        for (const land of amazon.late.splice(0)) land();
        for (let round = 0; round < 3; round += 1) {
          for (const partner of ['first', 'second'] as const) {
            clock.leap(FUNCTION_MS + 20_000);
            await run(partner, Infinity);
          }
        }
        for (const partner of ['first', 'second'] as const) {
          const orders = amazon.orders.get(`${partner}/${wish.orderId}`) ?? [];
          const events = await eventsOf(tables.database, wish.orderId, partner);
          expect(events).toHaveLength(1);
          if (finals[partner]?.status === 201) {
            expect(orders.map(({ amazonOrderId }) => amazonOrderId)).toEqual([finals[partner].body['amazonOrderId']]);
          } else {
            expect(finals[partner]?.body.error?.code).toBe('OFFER_EXPIRED');
            expect(orders).toEqual([]);
          }
        }
      }),
      { numRuns: 300 },
    );
  }, 180_000);
});
