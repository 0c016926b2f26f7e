import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tellInto } from '../shared/told.ts';
import { startEngineTables, type EngineTables } from '../shared/engine-tables.ts';
import { failing, FAULTS, type Fault } from '../shared/failing-database.ts';
import { LeapingClock } from '../shared/virtual-clock.ts';
import { AmazonOrders } from './amazon-orders.ts';
import { eventsOf, FUNCTION_MS, ITEMS, orderBody, shopWorld } from './shop-world.ts';

let tables: EngineTables;
beforeAll(async () => {
  tables = await startEngineTables();
});
afterAll(() => tables.stop());

/** What an order meets, and how it has to end whatever DynamoDB does. */
const SCENES = {
  'of an offer that stands': { live: true, status: 201, detailType: 'Order Created', orders: 1 },
  'of an offer that is gone': { live: false, status: 409, detailType: 'Order Rejected', orders: 0 },
} as const;
type Scene = (typeof SCENES)[keyof typeof SCENES];

const clock = new LeapingClock();
let count = 0;

/**
 * An order whose first try, or the repeat of a lost one, meets faults; it is repeated without any until it is final.
 *
 * @returns calls that the try with the faults made
 */
async function orderThrough(
  told: string,
  { live, status, detailType, orders }: Scene,
  fault: Fault,
  fails: (call: number, command: string) => boolean,
  { afterLoss = false } = {},
): Promise<number> {
  const amazon = new AmazonOrders(clock.now);
  const orderId = `storage-${++count}`;
  const key = `key-of-${orderId}`;
  const body = orderBody(orderId, live ? amazon.offer(ITEMS, '25') : 'gone');
  const about = `${told}, ${fault}`;
  const telemetry = tellInto();
  const sound = shopWorld({ database: tables.database, client: amazon.client(), clock, telemetry });
  if (afterLoss) {
    amazon.fates.push('lost after');
    expect((await sound.order(key, body)).body.error?.code).toBe('ORDER_UNKNOWN');
    clock.leap(FUNCTION_MS + 20_000);
  }
  const faulty = failing(tables.database, fault, fails);
  const world = shopWorld({ database: faulty.client, client: amazon.client(), clock, telemetry });
  let answer = await world.order(key, body);
  // The end, or an error that has the partner repeat.
  expect([status, 409, 500, 503, 504], about).toContain(answer.status);
  const isOpen = () => answer.status !== status || answer.body.error?.code === 'REQUEST_IN_PROGRESS';
  for (let more = 0; isOpen() && more < 3; more += 1) {
    clock.leap(FUNCTION_MS + 20_000);
    answer = await sound.order(key, body);
  }
  expect(answer.status, about).toBe(status);
  expect(amazon.orders.get(`first/${orderId}`) ?? [], about).toHaveLength(orders);
  expect(await eventsOf(tables.database, orderId), about).toMatchObject([{ detailType }]);
  expect((await sound.order(key, body)).status, about).toBe(status);
  return faulty.calls();
}

const scenes = Object.entries(SCENES);

describe('an order of which DynamoDB fails', () => {
  it.each(scenes)(
    'any call, or up to four in a row, ends as it should, and is told once: %s',
    async (_, scene) => {
      for (const fault of FAULTS) {
        const calls = await orderThrough('no fault', scene, fault, () => false);
        for (let first = 0; first < calls; first += 1) {
          for (let row = 1; row <= 4; row += 1) {
            const told = `calls ${first} to ${first + row - 1}`;
            await orderThrough(told, scene, fault, (call) => call >= first && call < first + row);
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
        await orderThrough('all settlements', scene, fault, (_call, command) => command === 'TransactWriteCommand');
      }
    },
    60_000,
  );

  it('any call in finding out what became of a lost one, up to four in a row, is one order', async () => {
    const scene = SCENES['of an offer that stands'];
    for (const fault of FAULTS) {
      const calls = await orderThrough('no fault', scene, fault, () => false, { afterLoss: true });
      for (let first = 0; first < calls; first += 1) {
        for (let row = 1; row <= 4; row += 1) {
          const told = `calls ${first} to ${first + row - 1} of the repeat`;
          const fails = (call: number) => call >= first && call < first + row;
          await orderThrough(told, scene, fault, fails, { afterLoss: true });
        }
      }
    }
  }, 60_000);
});
