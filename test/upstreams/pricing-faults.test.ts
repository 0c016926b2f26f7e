import { describe, expect, it } from 'vitest';
import {
  ASIN,
  SHOP,
  SKU,
  US,
  batched,
  items,
  startPricing,
  type Answered,
  type StartedPricing,
} from './running-pricing.ts';

/** Adds a rule, for requests of prices unless it says otherwise: those for tokens go on. */
async function fault({ control }: StartedPricing, rule: object): Promise<void> {
  const answer = await control('POST', '/control/faults', { match: { api: 'pricing' }, ...rule });
  expect(answer).toMatchObject({ status: 201 });
}

const ONE = { ItemType: 'Asin', Asins: ASIN };

function statuses(answer: Answered, by: 'Asin' | 'SellerSKU' = 'Asin'): Record<string, number> {
  return Object.fromEntries(
    (answer.json.responses ?? []).map(({ request, status }) => [request[by] ?? '', status.statusCode]),
  );
}

describe('a fault of Product Pricing', () => {
  it('answers in the words of its errors unless told otherwise', async () => {
    const started = await startPricing();
    for (const [code, word] of [
      [429, 'QuotaExceeded'],
      [500, 'InternalFailure'],
      [503, 'ServiceUnavailable'],
    ] as const) {
      await fault(started, { kind: 'status', code, times: 1 });
      expect(await started.price(ONE)).toMatchObject({ status: code, json: { errors: [{ code: word }] } });
    }
    await fault(started, { kind: 'status', code: 418, body: { own: true }, times: 1 });
    expect(await started.price(ONE)).toMatchObject({ status: 418, json: { own: true } });
  });

  it('meets only the requests that it matches: by API, account, operation, marketplace, ASIN or SKU', async () => {
    const other = { ...SHOP, name: 'other', sellerId: 'A2OTHER' };
    const started = await startPricing({ accounts: [SHOP, other], items: items(2) });
    const asks: Record<string, () => Promise<Answered>> = {
      price: () => started.price({ ItemType: 'Asin', Asins: 'B000000001,B000000002' }),
      sku: () => started.price({ ItemType: 'Sku', Skus: 'SKU 1/x' }),
      offers: () => started.itemOffers('B000000001'),
      batch: () => started.itemBatch([batched('asin', 'B000000002')]),
      other: () => started.itemOffers('B000000001', {}, { account: 'other' }),
    };
    // Tokens are fetched before anything goes wrong.
    for (const ask of Object.values(asks)) expect((await ask()).status).toBe(200);
    const struck = async (match: object): Promise<string[]> => {
      await fault(started, { kind: 'status', code: 500, match });
      const names: string[] = [];
      for (const [name, ask] of Object.entries(asks)) if ((await ask()).status === 500) names.push(name);
      await started.control('DELETE', '/control/faults');
      return names;
    };
    expect(await struck({ api: 'pricing' })).toEqual(['price', 'sku', 'offers', 'batch', 'other']);
    expect(await struck({ api: 'offer-status' })).toEqual([]);
    expect(await struck({ account: 'other' })).toEqual(['other']);
    expect(await struck({ operation: 'getPricing' })).toEqual(['price', 'sku']);
    expect(await struck({ asin: 'B000000002' })).toEqual(['price', 'batch']);
    expect(await struck({ sku: 'SKU 1/x' })).toEqual(['sku']);
    expect(await struck({ marketplaceId: US, operation: 'getItemOffersBatch' })).toEqual(['batch']);
    expect(await struck({ marketplaceId: 'elsewhere' })).toEqual([]);
  });

  it('leaves the other API alone when it says so', async () => {
    const started = await startPricing();
    await fault(started, { kind: 'status', code: 500, match: { api: 'pricing' } });
    expect((await started.getTitle()).status).toBe(200);
    await started.control('DELETE', '/control/faults');
    await fault(started, { kind: 'status', code: 500, match: { api: 'offer-status' } });
    expect((await started.getTitle()).status).toBe(500);
    expect((await started.price(ONE)).status).toBe(200);
  });

  it('strikes every n-th request', async () => {
    const started = await startPricing();
    await fault(started, { kind: 'status', code: 503, every: 3, match: { operation: 'getPricing' } });
    const answers = [];
    for (let index = 0; index < 7; index += 1) {
      answers.push((await started.price(ONE)).status);
      await started.itemOffers(ASIN);
    }
    expect(answers).toEqual([200, 200, 503, 200, 200, 503, 200]);
    expect((await started.control('GET', '/control/faults')).json).toMatchObject({
      faults: [{ every: 3, matched: 7, applied: 2 }],
    });
  });

  it('breaks answers off, delays them, and cuts connections', async () => {
    const started = await startPricing();
    await fault(started, { kind: 'malformed', how: 'truncated', times: 1 });
    const broken = await started.price(ONE);
    expect(() => JSON.parse(broken.text) as unknown).toThrow();
    await fault(started, { kind: 'drop', times: 1 });
    await expect(started.price(ONE)).rejects.toMatchObject({ code: 'ECONNRESET' });
    await fault(started, { kind: 'latency', ms: 400, times: 1 });
    await started.price(ONE);
    expect(started.clock.waits).toEqual([100, 300]);
  });

  it('lets the schema drift, and leaves exact amounts as they are', async () => {
    const started = await startPricing();
    await started.control('PUT', `/control/prices/${US}/${ASIN}`, {
      offers: [{ sellerId: SHOP.sellerId, sku: SKU, listingPrice: '10.50' }],
    });
    const one = async (rule: object): Promise<string> => {
      await fault(started, { ...rule, kind: 'drift', times: 1 });
      return (await started.itemOffers(ASIN)).text;
    };
    expect(await one({ how: 'unknown-enum-value' })).toContain('"status":"Not-Yet-Documented"');
    expect(await one({ how: 'missing-field' })).not.toContain('"Identifier"');
    expect(await one({ how: 'wrong-type' })).toContain('"Offers":"unexpected"');
    const extended = await one({ how: 'unknown-field' });
    expect(extended).toContain('"IntroducedLater"');
    expect(extended).toContain('"Amount":10.50');
    expect(await one({ how: 'wrong-type', field: 'Amount' })).toContain('"Amount":"unexpected"');
  });

  it('costs a token all the same', async () => {
    const account = { name: 'shop', sellerId: SHOP.sellerId, marketplaces: [US] };
    const started = await startPricing({ accounts: [account] });
    await fault(started, { kind: 'status', code: 500, match: { operation: 'getPricing' } });
    expect((await started.price(ONE)).status).toBe(500);
    expect((await started.price(ONE)).status).toBe(429);
  });
});

describe('a failure inside a batch', () => {
  const three = items(3).map(({ asin }) => batched('asin', asin));

  it('strikes the items it matches, with their own status and error', async () => {
    const started = await startPricing({ items: items(3) });
    await fault(started, { kind: 'inner-status', code: 429, match: { asin: 'B000000002' } });
    await fault(started, { kind: 'inner-status', code: 500, match: { asin: 'B000000003' } });
    const answer = await started.itemBatch(three);
    expect(answer.status).toBe(200);
    expect(statuses(answer)).toEqual({ B000000001: 200, B000000002: 429, B000000003: 500 });
    const failed = answer.json.responses?.find(({ request }) => request['Asin'] === 'B000000002');
    expect(failed).toMatchObject({
      status: { reasonPhrase: 'Too Many Requests' },
      body: { errors: [{ code: 'QuotaExceeded' }] },
    });
    // A single request has no inside.
    expect((await started.itemOffers('B000000002')).status).toBe(200);
  });

  it('strikes each item’s first tries only, or a share of all', async () => {
    const started = await startPricing({ items: items(3) });
    await fault(started, { kind: 'inner-status', code: 500, firstTries: 2 });
    expect(Object.values(statuses(await started.itemBatch(three)))).toEqual([500, 500, 500]);
    expect(Object.values(statuses(await started.itemBatch(three.slice(0, 1))))).toEqual([500]);
    expect(statuses(await started.itemBatch(three))).toEqual({ B000000001: 200, B000000002: 500, B000000003: 500 });
    expect(Object.values(statuses(await started.itemBatch(three)))).toEqual([200, 200, 200]);

    await started.control('DELETE', '/control/faults');
    await fault(started, { kind: 'inner-status', code: 429, match: { probability: 0.5 } });
    const seen: number[] = [];
    for (let round = 0; round < 12; round += 1) seen.push(...Object.values(statuses(await started.itemBatch(three))));
    expect(seen.filter((status) => status === 429).length).toBeGreaterThan(8);
    expect(seen.filter((status) => status === 200).length).toBeGreaterThan(8);
  });

  it('can leave items out, of lists too', async () => {
    const started = await startPricing({ items: items(3) });
    await fault(started, { kind: 'inner-missing', match: { asin: 'B000000002' } });
    expect(Object.keys(statuses(await started.itemBatch(three))).sort()).toEqual(['B000000001', 'B000000003']);
    for (const ask of [started.price, started.competitive]) {
      const { json } = await ask({ ItemType: 'Asin', Asins: 'B000000001,B000000002,B000000003' });
      const asins = (json.payload as { ASIN: string }[]).map(({ ASIN: asin }) => asin);
      expect(asins.sort()).toEqual(['B000000001', 'B000000003']);
    }
    await fault(started, { kind: 'inner-missing', match: { sku: 'SKU 1/x' } });
    const answer = await started.listingBatch(items(3).map(({ sku }) => batched('sku', sku)));
    expect(Object.keys(statuses(answer, 'SellerSKU')).sort()).toEqual(['SKU 2/x', 'SKU 3/x']);
  });

  it('is refused when it could never do what it says', async () => {
    const { control } = await startPricing();
    for (const rule of [
      { kind: 'inner-status' },
      { kind: 'inner-status', code: 200 },
      { kind: 'inner-missing', firstTries: 0 },
      { kind: 'status', code: 500, every: 0 },
      { kind: 'expire-token', after: 3 },
      { kind: 'hang', match: { operations: 'typo' } },
    ]) {
      expect((await control('POST', '/control/faults', rule)).status).toBe(400);
    }
  });
});

describe('latency', () => {
  it('lets a token expire on the way to the API', async () => {
    const started = await startPricing({ tokenLifeSeconds: 1 });
    const token = await started.token();
    await fault(started, { kind: 'latency', ms: 1000, uplinkShare: 1 });
    expect((await started.price(ONE, { token })).status).toBe(403);
  });

  it('is a baseline of every request, of both kinds', async () => {
    const started = await startPricing({ latency: { medianMs: 100, sigma: 0, uplinkShare: 0.5 } });
    // First the token, then the price.
    await started.price(ONE);
    expect(started.clock.waits).toEqual([50, 50, 50, 50]);
  });
});
