import { describe, expect, it } from 'vitest';
import { ThrottledError, UnavailableError } from '../../lambdas/shared/errors.ts';
import { batchedResponse, failureBody, offersItem, ownPriceItem } from './documents.ts';
import { PriceWorld } from './price-world.ts';

const asinOf = (index: number): string => `B${String(index).padStart(9, '0')}`;
const asins = (count: number): string[] => Array.from({ length: count }, (_, index) => asinOf(index));

/** Watches of the own view that see a price, and one request that has recorded them. */
async function ownWorld(count: number) {
  const world = new PriceWorld();
  const ids = asins(count).map((item) => world.add({ view: 'own', condition: 'Any', item }));
  world.reply = (items) => ({ body: { payload: items.map((item) => ownPriceItem(item)) } });
  await world.visit(...ids);
  return { world, ids };
}

/** Watches of the offers view, likewise. */
async function offersWorld(count: number) {
  const world = new PriceWorld();
  const ids = asins(count).map((item) => world.add({ item }));
  const batch = (of: (item: string) => unknown) => (items: readonly string[]) => ({
    body: { responses: items.map((item) => batchedResponse(item, of(item))) },
  });
  world.reply = batch((item) => offersItem(item));
  await world.visit(...ids);
  return { world, ids, batch };
}

describe('checking prices', () => {
  it('asks about twenty at once, and tells the first sight of each as added', async () => {
    const { world, ids } = await ownWorld(20);
    expect(world.requests).toBe(1);
    expect(world.told()).toEqual(ids.map(() => 'Price Added'));
    expect(ids.every((id) => world.head(id).lap?.endsWith('#steady'))).toBe(true);
  });

  it('writes nothing while prices mean the same', async () => {
    const { world, ids } = await ownWorld(3);
    world.told();
    expect(await world.visit(...ids)).toEqual(ids.map(() => ({ kind: 'unchanged' })));
    expect(world.recorded).toEqual([]);
  });

  it('tells a changed price with both sides, under the watch and its own path', async () => {
    const { world, ids } = await ownWorld(2);
    world.told();
    world.reply = (items) => ({
      body: { payload: items.map((item) => ownPriceItem(item, item === asinOf(1) ? 11.5 : 12.99)) },
    });
    await world.visit(...ids);
    const [change] = world.recorded;
    expect(world.told()).toEqual(['Price Changed']);
    expect(change).toMatchObject({
      watchId: ids[1],
      historyPath: `/v1/prices/ATVPDKIKX0DER/${asinOf(1)}/history?account=main&view=own&condition=Any&customerType=Consumer`,
      events: [{ about: { account: 'main', view: 'own', asin: asinOf(1), condition: null } }],
    });
  });

  it('tells that the Buy Box was lost, and to whom', async () => {
    const { world, ids, batch } = await offersWorld(1);
    world.told();
    world.reply = batch((item) => offersItem(item, { ME: 12.99, RIVAL: 12.49 }));
    await world.visit(...ids);
    const [change] = world.recorded;
    expect(world.told()).toEqual(expect.arrayContaining(['Buy Box Changed', 'Lowest Price Changed']));
    expect(change?.changes['price']).toContainEqual(
      expect.objectContaining({
        change: 'buyBoxChanged',
        outcome: 'lost',
        to: expect.objectContaining({ winners: [{ sellerId: 'RIVAL' }] }),
      }),
    );
  });

  it('finds its answers by what they are about, whatever their order', async () => {
    const { world, ids, batch } = await offersWorld(5);
    world.told();
    const answers = batch((item) => offersItem(item, { ME: item === asinOf(3) ? 9.99 : 12.99, RIVAL: 13.49 }));
    world.reply = (items) => ({ body: { responses: answers(items).body.responses.toReversed() } });
    await world.visit(...ids);
    expect(world.recorded.map(({ watchId }) => watchId)).toEqual([ids[3]]);
  });

  it.each([
    ['throttled', failureBody('QuotaExceeded', 'slow down'), 429, ThrottledError],
    ['failing', failureBody('InternalFailure', 'oops'), 500, UnavailableError],
  ])('takes a %s item of a batch for a failure of that item alone', async (_, body, status, kind) => {
    const { world, ids } = await offersWorld(3);
    world.reply = (items) => ({
      body: {
        responses: items.map((item, index) =>
          index === 1 ? batchedResponse(item, body, status) : batchedResponse(item, offersItem(item)),
        ),
      },
    });
    const visits = await world.visit(...ids);
    expect(visits.map((visit) => visit.kind)).toEqual(['unchanged', 'failed', 'unchanged']);
    expect(visits[1]).toMatchObject({ error: expect.any(kind) });
    // The request itself was admitted: the bucket is not slowed down for it.
    expect(world.slots.at(-1)).toMatchObject({ throttled: false });
  });

  it('takes no fault of our own for a refusal of the request', async () => {
    const { world, ids } = await ownWorld(2);
    world.told();
    world.reply = (items) => ({ body: { payload: items.map((item) => ownPriceItem(item, 11)) } });
    world.recordFault = new RangeError('a fault of our own');
    await expect(world.visit(...ids)).rejects.toThrow('a fault of our own');
    expect(world.refusals).toEqual([]);
    expect(world.told()).toEqual([]);
  });

  it('takes an item that the answer leaves out for a failure that may pass', async () => {
    const { world, ids } = await offersWorld(3);
    world.reply = (items) => ({
      body: { responses: items.slice(1).map((item) => batchedResponse(item, offersItem(item))) },
    });
    const visits = await world.visit(...ids);
    expect(visits.map(({ kind }) => kind)).toEqual(['failed', 'unchanged', 'unchanged']);
    expect(visits[0]).toMatchObject({ error: { code: 'MissingItem', retryable: true } });
  });

  it('waits as long as Amazon says for an item that it has not processed yet, and tells nothing', async () => {
    const { world, ids, batch } = await offersWorld(2);
    world.told();
    const until = world.clock.now() + 2 * 3_600_000;
    const early = (item: string) => ({
      ...offersItem(item, {}),
      status: 'ActiveButTooSoonForProcessing',
      Summary: { TotalOfferCount: 0, OffersAvailableTime: new Date(until).toISOString() },
    });
    world.reply = batch((item) => (item === asinOf(0) ? early(item) : offersItem(item)));
    expect(await world.visit(...ids)).toEqual([{ kind: 'early', until }, { kind: 'unchanged' }]);
    expect(world.head(ids[0] ?? '')).toMatchObject({ notBefore: until, version: 1 });
    expect(world.told()).toEqual([]);
  });
});

describe('a thing that is no longer there', () => {
  it('is looked at twice before it is told', async () => {
    const { world, ids, batch } = await offersWorld(1);
    world.told();
    world.reply = batch((item) => offersItem(item, {}));
    expect(await world.visit(...ids)).toMatchObject([{ kind: 'vanished' }]);
    expect(world.head(ids[0] ?? '').lap).toMatch(/#urgent$/);
    expect(world.told()).toEqual([]);
    await world.visit(...ids);
    expect(world.told()).toEqual(['Price Removed']);
    expect(world.head(ids[0] ?? '').state).toEqual({});
  });

  it('is as if nothing had been when it is there again at the second look', async () => {
    const { world, ids, batch } = await offersWorld(1);
    world.told();
    world.reply = batch((item) => {
      const whole = offersItem(item);
      const { BuyBoxPrices: _, ...Summary } = whole.Summary;
      return { ...whole, Summary, Offers: whole.Offers.map((offer) => ({ ...offer, IsBuyBoxWinner: false })) };
    });
    await world.visit(...ids);
    world.reply = batch((item) => offersItem(item));
    expect(await world.visit(...ids)).toEqual([{ kind: 'unchanged' }]);
    expect(world.told()).toEqual([]);
    expect(world.head(ids[0] ?? '')).toMatchObject({ version: 1, missingSince: undefined });
  });
});

describe('a part that is no longer there', () => {
  /** An item without its list price, its threshold, or its Buy Box. */
  function without(item: string, ...parts: ('ListPrice' | 'CompetitivePriceThreshold' | 'BuyBoxPrices')[]) {
    const whole = offersItem(item);
    const Summary = Object.fromEntries(
      Object.entries(whole.Summary).filter(([name]) => !parts.includes(name as never)),
    );
    return { ...whole, Summary, Offers: whole.Offers.map((offer) => ({ ...offer, IsBuyBoxWinner: false })) };
  }

  it('must be missing twice itself: another part that was missing before does not count', async () => {
    const { world, ids, batch } = await offersWorld(1);
    world.told();
    world.reply = batch((item) => without(item, 'ListPrice'));
    expect(await world.visit(...ids)).toMatchObject([{ kind: 'vanished', missingParts: ['listPrice'] }]);
    world.reply = batch((item) => without(item, 'CompetitivePriceThreshold'));
    expect(await world.visit(...ids)).toMatchObject([
      { kind: 'vanished', missingParts: ['competitivePriceThreshold'] },
    ]);
    expect(world.told()).toEqual([]);
    await world.visit(...ids);
    expect(world.told()).toEqual(['Price Changed']);
    expect(world.head(ids[0] ?? '').missingParts).toBeUndefined();
  });

  it('is told as soon as every part that is missing was missing before', async () => {
    const { world, ids, batch } = await offersWorld(1);
    world.told();
    world.reply = batch((item) => without(item, 'ListPrice', 'CompetitivePriceThreshold'));
    await world.visit(...ids);
    world.reply = batch((item) => without(item, 'ListPrice'));
    await world.visit(...ids);
    expect(world.told()).toEqual(['Price Changed']);
    expect(world.head(ids[0] ?? '').state?.price).toMatchObject({ competitivePriceThreshold: '15' });
  });

  it('is not missed twice by a refusal and one look, nor the whole by a part and one refusal', async () => {
    const { world, ids, batch } = await offersWorld(2);
    const [id = '', other = ''] = ids;
    world.told();
    const answer = (of: (item: string) => unknown) =>
      batch((item) => (item === asinOf(0) ? of(item) : offersItem(item)));
    const refused = answer((item) => ({ status: 'ClientError', ASIN: item }));
    const partial = answer((item) => without(item, 'ListPrice'));
    for (const reply of [refused, partial, refused, partial]) {
      world.reply = reply;
      expect((await world.visit(id, other)).map(({ kind }) => kind)).toEqual(['vanished', 'unchanged']);
    }
    expect(world.told()).toEqual([]);
  });

  it('is remembered through a failure in between', async () => {
    const { world, ids, batch } = await offersWorld(1);
    world.told();
    world.reply = batch((item) => without(item, 'ListPrice'));
    await world.visit(...ids);
    world.reply = () => new UnavailableError('ServerError', 'busy');
    await world.visit(...ids);
    world.reply = batch((item) => without(item, 'ListPrice'));
    await world.visit(...ids);
    expect(world.told()).toEqual(['Price Changed']);
  });

  it('is the Buy Box of an item that is still on sale: lost to nobody, and won again', async () => {
    const world = new PriceWorld();
    const id = world.add({ view: 'competitive', condition: 'Any', item: asinOf(0) });
    const money = { CurrencyCode: 'USD', Amount: 12 };
    const box = { CompetitivePriceId: '1', condition: 'New', belongsToRequester: true, Price: { ListingPrice: money } };
    const item = (...CompetitivePrices: object[]) => ({
      status: 'Success',
      ASIN: asinOf(0),
      Product: { CompetitivePricing: { CompetitivePrices, NumberOfOfferListings: [{ Count: 5, condition: 'New' }] } },
    });
    const told: unknown[] = [];
    for (const answer of [item(box), item(), item(), item(box)]) {
      world.reply = () => ({ body: { payload: [answer] } });
      await world.visit(id);
      const changes = world.recorded.flatMap((change) => (change.changes['price'] ?? []) as { outcome?: string }[]);
      told.push([...world.told(), ...changes.flatMap(({ outcome = [] }) => outcome)]);
    }
    expect(told).toEqual([['Price Added'], [], ['Buy Box Changed', 'lost'], ['Buy Box Changed', 'won']]);
  });
});

describe('an identifier that Amazon refuses', () => {
  const refused = (item: string) => ({ status: 'ClientError', ASIN: item });

  it('makes a watch invalid that never saw a price, with an event, and costs no further request', async () => {
    const world = new PriceWorld();
    const ids = asins(2).map((item) => world.add({ view: 'own', condition: 'Any', item }));
    world.reply = (items) => ({ body: { payload: [refused(items[0] ?? ''), ownPriceItem(items[1] ?? '')] } });
    await world.visit(...ids);
    expect(world.told().toSorted()).toEqual(['Price Added', 'Watch Invalid']);
    const head = world.head(ids[0] ?? '');
    expect(head.lap).toMatch(/#invalid$/);
    expect(head.problem).toMatchObject({ code: 'ClientError' });
    // Asked about by hand it stays what it is, without another event.
    expect((await world.visit(...ids)).map(({ kind }) => kind)).toEqual(['invalid', 'unchanged']);
    expect(world.head(ids[0] ?? '').lap).toMatch(/#invalid$/);
    expect(world.told()).toEqual([]);
  });

  it('is missed twice, some time apart, where there was a price', async () => {
    const { world, ids } = await ownWorld(2);
    world.told();
    world.reply = (items) => ({ body: { payload: [refused(items[0] ?? ''), ownPriceItem(items[1] ?? '')] } });
    expect((await world.visit(...ids)).map(({ kind }) => kind)).toEqual(['vanished', 'unchanged']);
    expect(world.told()).toEqual([]);
    await world.visit(...ids);
    expect(world.told()).toEqual(['Watch Invalid']);
  });

  it('comes back when it is asked about again and Amazon takes it', async () => {
    const world = new PriceWorld();
    const id = world.add({ view: 'own', condition: 'Any', item: asinOf(0) });
    world.reply = (items) => ({ body: { payload: items.map(refused) } });
    await world.visit(id);
    world.told();
    world.reply = (items) => ({ body: { payload: items.map((item) => ownPriceItem(item)) } });
    await world.visit(id);
    expect(world.told()).toEqual(['Price Added']);
    expect(world.head(id)).toMatchObject({ lap: expect.stringMatching(/#steady$/), version: 2 });
    expect(world.head(id).problem).toBeUndefined();
  });

  it('is told from its neighbours when a request is refused for it by name', async () => {
    const world = new PriceWorld();
    const ids = asins(20).map((item) => world.add({ view: 'own', condition: 'Any', item }));
    world.reply = (items) =>
      items.includes(asinOf(7))
        ? {
            status: 400,
            body: failureBody('InvalidInput', `${asinOf(7)} is an invalid ASIN for marketplace ATVPDKIKX0DER`),
          }
        : { body: { payload: items.map((item) => ownPriceItem(item)) } };
    const visits = await world.visit(...ids);
    expect(visits.filter(({ kind }) => kind === 'doubtful')).toHaveLength(19);
    expect(visits[0]).toEqual({ kind: 'doubtful', pack: 20 });
    expect(world.told()).toEqual(['Watch Invalid']);
    expect(world.head(ids[7] ?? '').lap).toMatch(/#invalid$/);
  });

  it('is found by halves when a request is refused without a name, and condemns nobody else', async () => {
    const world = new PriceWorld();
    const ids = asins(20).map((item) => world.add({ view: 'own', condition: 'Any', item }));
    world.reply = (items) =>
      items.includes(asinOf(7))
        ? { status: 400, body: failureBody('InvalidInput', 'One or more request parameters are invalid.') }
        : { body: { payload: items.map((item) => ownPriceItem(item)) } };
    let waiting = [ids];
    for (let round = 0; round < 10 && waiting.length > 0; round += 1) {
      const next: string[][] = [];
      for (const group of waiting) {
        const visits = await world.visit(...group);
        const [visit] = visits;
        if (visit?.kind !== 'doubtful') continue;
        next.push(group.slice(0, visit.pack), group.slice(visit.pack));
      }
      waiting = next;
    }
    expect(waiting).toEqual([]);
    expect(world.told()).toEqual(Array.from({ length: 19 }, () => 'Price Added'));
    expect(world.requests).toBeLessThanOrEqual(11);
    // Alone, it is dead-lettered with what Amazon has said, and asked about no sooner than any other.
    expect(world.letters).toMatchObject([{ watches: [ids[7]], reason: { code: 'InvalidInput' } }]);
  });

  it('is not taken for named by what we say ourselves, nor by a status or an ordinary word', async () => {
    const world = new PriceWorld({ asin: 'getItemOffers' });
    const alone = world.add({ item: asinOf(0) });
    world.reply = () => ({
      status: 400,
      body: failureBody('InvalidInput', 'The requested marketplace is not available.'),
    });
    expect(await world.visit(alone)).toMatchObject([{ kind: 'failed', error: { code: 'InvalidInput' } }]);
    const skus = ['400', 'AAA', 'price', 'SKU-1', 'SKU-10'].map((item) =>
      world.add({ view: 'own', condition: 'Any', itemType: 'sku', item }),
    );
    world.reply = () => ({
      status: 400,
      body: failureBody('InvalidInput', 'One or more request parameters are invalid.'),
    });
    expect((await world.visit(...skus)).map(({ kind }) => kind)).toEqual(skus.map(() => 'doubtful'));
    expect(world.refusals).toEqual(['InvalidInput for 5']);
    world.reply = () => ({ status: 400, body: failureBody('InvalidInput', 'SKU-10 is fine, but SKU-1 is not.') });
    expect((await world.visit(...skus)).map(({ kind }) => kind)).toEqual([
      'doubtful',
      'doubtful',
      'doubtful',
      'recorded',
      'recorded',
    ]);
  });

  it('costs its halving twice at most, where it stays unnamed', async () => {
    const world = new PriceWorld();
    const [bad = '', good = ''] = asins(2).map((item) => world.add({ view: 'own', condition: 'Any', item }));
    world.reply = (items) =>
      items.includes(asinOf(0))
        ? { status: 400, body: failureBody('InvalidInput', 'One or more request parameters are invalid.') }
        : { body: { payload: items.map((item) => ownPriceItem(item)) } };
    await world.visit(bad);
    expect(world.letters).toHaveLength(1);
    // While nothing else is found, the upstream itself may be at fault.
    await world.visit(bad);
    expect(world.head(bad).lap).toMatch(/#steady$/);
    await world.visit(good);
    await world.visit(bad);
    expect(world.head(bad).lap).toMatch(/#invalid$/);
    expect(world.told()).toEqual(['Price Added', 'Watch Invalid']);
    expect(world.letters).toHaveLength(1);
  });

  it('is refused by name before anything is sent where the API cannot carry it', async () => {
    const world = new PriceWorld();
    const id = world.add({ view: 'own', condition: 'Any', itemType: 'sku', item: 'A,B' });
    // The real client refuses it; so must what stands in for it here.
    world.reply = () => {
      throw new RangeError('items "A,B" holds a comma');
    };
    await world.visit(id);
    expect(world.told()).toEqual(['Watch Invalid']);
    expect(world.head(id).problem).toMatchObject({ code: 'InvalidRequest', message: expect.stringContaining('comma') });
  });
});

describe('a watch that the settings no longer serve as before', () => {
  it('moves to the bucket that serves it now, without a request', async () => {
    const world = new PriceWorld();
    const id = world.add({}, { bucketId: 'pricing|main|na|getItemOffers' });
    const other = world.add({ item: asinOf(2) });
    world.reply = (items) => ({ body: { responses: items.map((item) => batchedResponse(item, offersItem(item))) } });
    const visits = await world.visit(other, id);
    expect(visits[1]).toEqual({ kind: 'moved', bucketId: 'pricing|main|na|getItemOffersBatch' });
    expect(world.head(id).lap).toBe('pricing|main|na|getItemOffersBatch#new');
  });
});

describe('noise', () => {
  it('below a threshold is silent, adds up, and is told once it reaches it', async () => {
    const world = new PriceWorld();
    const id = world.add(
      { view: 'own', condition: 'Any', item: asinOf(0) },
      { tuning: { threshold: { absolute: '0.50' } } },
    );
    const told: string[][] = [];
    for (const amount of [10, 10.2, 10.4, 10.5, 10.3]) {
      world.reply = (items) => ({ body: { payload: items.map((item) => ownPriceItem(item, amount)) } });
      await world.visit(id);
      told.push(world.told());
    }
    expect(told).toEqual([['Price Added'], [], [], ['Price Changed'], []]);
  });
});
