import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Slice } from '../../lambdas/shared/laps/slice.ts';
import { systemClock } from '../../lambdas/shared/clock.ts';
import { priceWatchId, titleWatchId, type PriceWatch } from '../../lambdas/shared/watches.ts';
import { SlicesRefusedError } from '../../lambdas/shared/slices-queue.ts';
import { workThrough } from '../../local/watches/bulk.ts';
import { CheckNow, type Sending } from '../../local/watches/check-now.ts';
import type { WatchRow } from '../../local/watches/rows.ts';
import { LICENSOR, PRICES, TITLES } from './reading.ts';

const MAIN = 'offer-status|main|global|status';
const SLOW = 'offer-status|slow|global|status';
const line = (alid: string, licensor = LICENSOR) => ({
  line: 2,
  watchId: titleWatchId({ licensor, marketplace: 'GLOBAL', alid }),
  fields: {},
});

/** A check of watches that are all on the list, in the bucket of their licensor. */
function checkNow(requestId = 'r1', row: (watchId: string) => WatchRow | undefined = onTheList) {
  const sent: Slice[] = [];
  const check = new CheckNow({
    rows: {
      get: async (ids) =>
        new Map(ids.map((id) => [id, row(id)] as const).flatMap(([id, found]) => (found ? [[id, found]] : []))),
    },
    slices: { send: async (slices) => void sent.push(...slices) },
    kind: TITLES,
    sliceSeconds: 20,
    requestId,
    clock: systemClock,
  });
  const refusals: string[] = [];
  return {
    sent,
    refusals,
    async send() {
      let told: Sending | undefined;
      await check.send((sending) => (told = sending));
      return told;
    },
    take: (batch: ReturnType<typeof line>[]) =>
      check.take(
        batch,
        () => Promise.resolve(),
        (_, reason) => void refusals.push(reason),
      ),
  };
}
function onTheList(watchId: string): WatchRow {
  const bucketId = watchId.includes('slow-studios') ? SLOW : MAIN;
  return { watchId, bucketId, lap: `${bucketId}#steady` };
}

describe('checking now', () => {
  it('packs the watches of a bucket into slices as long as the planner’s, which no backlog counts', async () => {
    const { take, send, sent } = checkNow();
    await take(Array.from({ length: 450 }, (_, index) => line(`A${index}`)));
    await take([line('A3'), line('B', 'slow-studios'), line('C', 'slow-studios')]);
    expect(await send()).toEqual({ watches: 452, slices: 5, seconds: 45 });
    expect(sent.map(({ bucket, watches }) => [bucket, watches.length])).toEqual([
      [MAIN, 200],
      [MAIN, 200],
      [MAIN, 50],
      // A bucket that sends once in ten seconds gets one request a slice.
      [SLOW, 1],
      [SLOW, 1],
    ]);
    for (const slice of sent) {
      expect(Slice.parse(slice)).toEqual(slice);
      expect(slice).toMatchObject({ class: 'urgent' });
      expect(slice.endsAt).toBeUndefined();
    }
    expect(new Set(sent.flatMap(({ watches }) => watches)).size).toBe(452);
  });

  it('keeps a slice within the size of a message', async () => {
    const { take, send, sent } = checkNow();
    await take(Array.from({ length: 200 }, (_, index) => line(`${'x'.repeat(900)}${index}`)));
    await send();
    expect(sent.length).toBeGreaterThan(2);
    for (const slice of sent) expect(Buffer.byteLength(JSON.stringify(slice.watches))).toBeLessThanOrEqual(60_100);
    expect(sent.flatMap(({ watches }) => watches)).toHaveLength(200);
  });

  it('names its slices after the request, so that a repeat is the same message and another request is not', async () => {
    const slicesOf = async (requestId: string) => {
      const { take, send, sent } = checkNow(requestId);
      await take([line('A'), line('B')]);
      await send();
      return sent;
    };
    expect(await slicesOf('r1')).toEqual(await slicesOf('r1'));
    expect((await slicesOf('r2')).map(({ id }) => id)).toEqual([`${MAIN}#check-now#r2#1`]);
  });

  it('refuses what is not on the list or in a bucket that nobody serves, and takes the rest', async () => {
    const rows: Record<string, WatchRow | undefined> = {
      [line('A').watchId]: onTheList(line('A').watchId),
      [line('removed').watchId]: { watchId: line('removed').watchId, bucketId: MAIN },
      [line('orphan').watchId]: { watchId: line('orphan').watchId, bucketId: 'former', lap: 'former#steady' },
    };
    const { take, send, sent, refusals } = checkNow('r1', (watchId) => rows[watchId]);
    await take([line('A'), line('never'), line('removed'), line('orphan')]);
    expect(refusals).toEqual([
      'is not on the watch list: import it first',
      'is not on the watch list: import it first',
      'is in the bucket former, which the settings do not know: import it again to move it',
    ]);
    await send();
    expect(sent.map(({ watches }) => watches)).toEqual([[line('A').watchId]]);
  });

  it('refuses to keep a bucket busy for more than eight minutes, and sends nothing then', async () => {
    const { take, sent } = checkNow();
    await take(Array.from({ length: 48 }, (_, index) => line(`A${index}`, 'slow-studios')));
    await expect(take([line('one too many', 'slow-studios')])).rejects.toThrow(/more than 8 min .*Nothing was sent/);
    expect(sent).toEqual([]);
  });

  it('gives the same slices for the same lines, in whatever order the rows arrive', async () => {
    const ids = Array.from({ length: 1_000 }, (_, index) => ({ ...line(`A${index}`), line: index + 2 }));
    const slicesOf = async (turns: (batch: number) => number) => {
      const sent: Slice[] = [];
      let batches = 0;
      const check = new CheckNow({
        rows: {
          async get(watchIds) {
            for (let left = turns((batches += 1)); left > 0; left -= 1) await turn();
            return new Map(watchIds.map((id) => [id, onTheList(id)]));
          },
        },
        slices: { send: async (slices) => void sent.push(...slices) },
        kind: TITLES,
        sliceSeconds: 20,
        requestId: 'r1',
        clock: systemClock,
      });
      await workThrough({
        lines: (async function* () {
          yield* ids;
        })(),
        fromLine: 2,
        work: (batch, earlier) => check.take(batch, earlier, () => expect.fail()),
        reject: () => expect.fail(),
        stop: new AbortController().signal,
      });
      await check.send(() => undefined);
      return sent;
    };
    const inOrder = await slicesOf(() => 0);
    expect(await slicesOf((batch) => (batch * 7) % 5)).toEqual(inOrder);
    expect(inOrder.flatMap(({ watches }) => watches)).toEqual(ids.map(({ watchId }) => watchId));
  });

  it('tells what it sends before it does, and sends again what SQS refuses for a moment', async () => {
    let calls = 0;
    const { check, told } = sending(25, async () => {
      expect(told).toEqual([{ watches: 25, slices: 25, seconds: 250 }]);
      if ((calls += 1) === 2) throw new SlicesRefusedError('SQS refused 3 slices: InternalError');
    });
    await check();
    expect(calls).toBe(4);
  });

  it('says how many slices were sent for sure when SQS keeps refusing, or another error comes', async () => {
    let calls = 0;
    const refused = sending(25, async () => {
      if ((calls += 1) > 1) throw new SlicesRefusedError('refused');
    });
    await expect(refused.check()).rejects.toMatchObject({ name: 'PartlySentError', sent: 10 });
    expect(calls).toBe(6);
    const denied = sending(5, () => Promise.reject(new Error('denied')));
    await expect(denied.check()).rejects.toMatchObject({ sent: 0, cause: new Error('denied') });
  });
});

/** A check of so many watches of a bucket whose slices hold one each, with pauses that take no time. */
function sending(count: number, send: () => Promise<void>) {
  const told: Sending[] = [];
  const check = async (): Promise<void> => {
    const checks = new CheckNow({
      rows: { get: async (ids) => new Map(ids.map((id) => [id, onTheList(id)])) },
      slices: { send },
      kind: TITLES,
      sliceSeconds: 20,
      requestId: 'r1',
      clock: { now: () => 0, sleepUntil: () => Promise.resolve() },
    });
    const batch = Array.from({ length: count }, (_, index) => line(`A${index}`, 'slow-studios'));
    await checks.take(
      batch,
      () => Promise.resolve(),
      () => expect.fail(),
    );
    await checks.send((all) => void told.push(all));
  };
  return { check, told };
}

const LIST = 'pricing|shop|na|getPricing';
const SINGLE = 'pricing|shop|na|getListingOffers';
const BATCH = 'pricing|shop|na|getItemOffersBatch';
/** The line of a price watch; its bucket is that of its view. */
const priceLine = (item: string, fields: Partial<PriceWatch> = {}) => {
  const watch = {
    account: 'shop',
    view: 'own' as const,
    marketplaceId: 'ATVPDKIKX0DER',
    itemType: 'sku' as const,
    condition: 'Any' as const,
    customerType: 'Consumer' as const,
    item,
    ...fields,
  };
  const bucketId = watch.view === 'own' ? LIST : watch.itemType === 'asin' ? BATCH : SINGLE;
  return { line: 2, watchId: priceWatchId(watch), fields: {}, bucketId };
};

/** Checks price watches that are all on the list, in a class. */
function checkPrices(lines: readonly ReturnType<typeof priceLine>[], watchClass = 'steady') {
  const rows = new Map(
    lines.map(({ watchId, bucketId }) => [watchId, { watchId, bucketId, lap: `${bucketId}#${watchClass}` }]),
  );
  const happened: Slice[] = [];
  const check = new CheckNow({
    rows: { get: async () => rows },
    slices: { send: async (slices) => void happened.push(...slices) },
    kind: PRICES,
    sliceSeconds: 20,
    requestId: 'r1',
    clock: systemClock,
  });
  const begins: Sending[] = [];
  return {
    happened,
    begins,
    take: () =>
      check.take(
        lines,
        () => Promise.resolve(),
        (_, reason) => expect.fail(reason),
      ),
    send: () => check.send((sending) => void begins.push(sending)),
  };
}

describe('checking prices now', () => {
  it('puts watches into one request only where all of its parameters are the same', async () => {
    // In turn, as a file may have them: in the order of the file hardly two could share a request.
    const mixed = Array.from({ length: 50 }, (_, index) => [
      priceLine(`S${index}`),
      priceLine(`S${index}`, { condition: 'Used' }),
      priceLine(`S${index}`, { customerType: 'Business' }),
    ]).flat();
    const { take, send, begins, happened } = checkPrices(mixed);
    await take();
    await send();
    // Three groups of 50 at 20 a request; all would be 8 requests.
    expect(begins).toEqual([{ watches: 150, slices: 1, seconds: 0.9 }]);
    const [{ watches, bucket }] = happened as [Slice];
    expect(bucket).toBe(LIST);
    expect(watches).toEqual(mixed.map(({ watchId }) => watchId).sort());
  });

  it('packs a batch with whatever there is, and sends one item a request where the operation takes one', async () => {
    const conditions = ['New', 'Used'] as const;
    const offers = (itemType: 'asin' | 'sku') =>
      Array.from({ length: 30 }, (_, n) =>
        conditions.map((condition) =>
          priceLine(`B${String(n).padStart(9, '0')}`, { view: 'offers', itemType, condition }),
        ),
      ).flat();
    const { take, send, begins, happened } = checkPrices([...offers('asin'), ...offers('sku')]);
    await take();
    await send();
    const slices = happened;
    // 0.5 batches a second make 10 in a slice, 5 single requests a second make 100.
    expect(slices.map(({ bucket, watches }) => [bucket, watches.length])).toEqual([
      [BATCH, 60],
      [SINGLE, 60],
    ]);
    expect(begins).toEqual([{ watches: 120, slices: 2, seconds: 12 }]);
  });

  it('ends a slice with a whole request, as many as its message holds', async () => {
    const lines = Array.from({ length: 900 }, (_, index) =>
      priceLine(`${'s'.repeat(60)}${String(index).padStart(3, '0')}`),
    );
    const { take, send, begins, happened } = checkPrices(lines);
    await take();
    await send();
    const slices = happened;
    expect(slices.length).toBeGreaterThan(1);
    for (const slice of slices.slice(0, -1)) expect(slice.watches.length % 20).toBe(0);
    for (const { watches } of slices) expect(Buffer.byteLength(JSON.stringify(watches))).toBeLessThanOrEqual(60_100);
    expect(slices.flatMap(({ watches }) => watches)).toEqual(lines.map(({ watchId }) => watchId));
    expect(begins[0]?.seconds).toBe(45 / 10);
  });

  it('counts the requests that are really needed when it refuses what takes too long', async () => {
    // 240 batches of 20 take eight minutes.
    const batches = Array.from({ length: 240 * 20 }, (_, n) =>
      priceLine(`B${String(n).padStart(9, '0')}`, { view: 'offers', itemType: 'asin', condition: 'New' }),
    );
    await checkPrices(batches).take();
    const oneMore = priceLine('B999999999', { view: 'offers', itemType: 'asin', condition: 'New' });
    await expect(checkPrices([...batches, oneMore]).take()).rejects.toThrow(/more than 8 min .*Nothing was sent/);
  });

  it('takes what was found invalid, since no planner looks at it any more', async () => {
    const line = priceLine('S');
    const { take, send, happened } = checkPrices([line], 'invalid');
    await take();
    await send();
    expect(happened).toMatchObject([{ bucket: LIST, watches: [line.watchId] }]);
  });
});
