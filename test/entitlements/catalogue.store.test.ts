import { PutCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CatalogueStore } from '../../lambdas/entitlements/catalogue.store.ts';
import { PartnerApiSettings } from '../../lambdas/shared/settings-schema.ts';
import { MOST_ITEMS } from '../../lambdas/shared/sku-items.ts';
import { type EngineTables, startEngineTables } from '../shared/engine-tables.ts';
import { recordedTelemetry } from '../shared/gateway-requests.ts';
import { LeapingClock } from '../shared/virtual-clock.ts';

let tables: EngineTables;
beforeAll(async () => {
  tables = await startEngineTables();
});
afterAll(() => tables.stop());

const coins = (quantity: number) => ({ itemId: 'coins', quantity, kind: 'stackable' as const });
const SETTINGS = PartnerApiSettings.parse({
  partners: {
    acme: {
      accountId: '111122223333',
      externalId: 'acme',
      entitlements: { skus: { 'of-settings': [coins(1)], 'of-both': [coins(2)] } },
    },
    rival: { accountId: '444455556666', externalId: 'rival' },
  },
});

let clock: LeapingClock;
let recorded: ReturnType<typeof recordedTelemetry>;
let store: CatalogueStore;
beforeEach(() => {
  clock = new LeapingClock();
  recorded = recordedTelemetry();
  store = new CatalogueStore(tables.database, 'Entitlements', SETTINGS, clock, recorded.telemetry);
});

const put = (partner: string, sku: string, items: unknown) =>
  tables.database.send(
    new PutCommand({
      TableName: 'Entitlements',
      Item: { owner: `catalogue|${partner}`, part: sku, items, updatedAt: '2026-01-01T00:00:00Z' },
    }),
  );
const itemsOf = async (partner: string, ...skus: string[]) => Object.fromEntries(await store.itemsOf(partner, skus));
const reads = async (work: () => Promise<unknown>): Promise<number> => {
  const before = tables.calls()['BatchGetItemCommand'] ?? 0;
  await work();
  return (tables.calls()['BatchGetItemCommand'] ?? 0) - before;
};

describe('the catalogue', () => {
  it('knows the SKUs of the settings before those of the table, and looks for nothing else', async () => {
    await put('acme', 'of-both', [coins(99)]);
    const asked = await reads(async () => {
      expect(await itemsOf('acme', 'of-settings', 'of-both')).toEqual({
        'of-settings': [coins(1)],
        'of-both': [coins(2)],
      });
      expect(await itemsOf('acme')).toEqual({});
    });
    expect(asked).toBe(0);
  });

  it('reads all others by one call, each once, and leaves out what nobody knows', async () => {
    await put('acme', 'a', [coins(3), { itemId: 'skin', quantity: 1, kind: 'unique' }]);
    await put('acme', 'b:1._-', [coins(4)]);
    const asked = await reads(async () =>
      expect(await itemsOf('acme', 'b:1._-', 'of-settings', 'a', 'nobody-knows', 'a')).toEqual({
        a: [coins(3), { itemId: 'skin', quantity: 1, kind: 'unique' }],
        'b:1._-': [coins(4)],
        'of-settings': [coins(1)],
      }),
    );
    expect(asked).toBe(1);
  });

  it('is each partner’s own', async () => {
    await put('acme', 'own', [coins(5)]);
    expect(await itemsOf('acme', 'own')).toEqual({ own: [coins(5)] });
    expect(await itemsOf('rival', 'own', 'of-settings')).toEqual({});
    await put('rival', 'own', [coins(6)]);
    expect(await itemsOf('rival', 'own')).toEqual({ own: [coins(6)] });
    expect(await itemsOf('acme', 'own')).toEqual({ own: [coins(5)] });
    expect(await itemsOf('toString', 'own')).toEqual({});
  });

  it('remembers what it found for a minute, and not a moment longer', async () => {
    await put('acme', 'kept', [coins(7)]);
    const ask = () => itemsOf('acme', 'kept');
    expect(await reads(ask)).toBe(1);
    await put('acme', 'kept', [coins(8)]);
    clock.leap(59_999);
    const kept = await reads(async () => expect(await ask()).toEqual({ kept: [coins(7)] }));
    expect(kept).toBe(0);
    clock.leap(1);
    const anew = await reads(async () => expect(await ask()).toEqual({ kept: [coins(8)] }));
    expect(anew).toBe(1);
  });

  it('does not remember what it did not find', async () => {
    expect(await itemsOf('acme', 'late')).toEqual({});
    await put('acme', 'late', [coins(9)]);
    expect(await itemsOf('acme', 'late')).toEqual({ late: [coins(9)] });
  });

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['a text', 'coins'],
    ['no item', []],
    ['an item without a name', [{ quantity: 1, kind: 'unique' }]],
    ['a quantity that is no number', [{ ...coins(1), quantity: '1' }]],
    ['a quantity of none', [coins(0)]],
    ['another kind', [{ ...coins(1), kind: 'SECRET' }]],
    ['two of what is unique', [{ itemId: 'skin', quantity: 2, kind: 'unique' }]],
    ['one item twice', [coins(1), coins(2)]],
    ['more items than a transaction takes', Array.from({ length: MOST_ITEMS + 1 }, (_, i) => ({ ...coins(1), itemId: `SECRET${i}` }))], // prettier-ignore
  ])('does not know a SKU whose row holds %s, says so without quoting it, and knows the others', async (_, items) => {
    await put('acme', 'broken', items);
    await put('acme', 'whole', [coins(1)]);
    expect(await itemsOf('acme', 'broken', 'whole')).toEqual({ whole: [coins(1)] });
    expect(recorded.lines).toEqual([
      {
        level: 'warn',
        message: 'a row of the catalogue cannot be read',
        details: { partner: 'acme', sku: 'broken', shape: expect.any(String) },
      },
    ]);
    expect(JSON.stringify(recorded.lines)).not.toContain('SECRET');
    await put('acme', 'broken', [coins(10)]);
    expect(await itemsOf('acme', 'broken')).toEqual({ broken: [coins(10)] });
  });

  it('does not know what is not spelt like a SKU, and does not ask the table for it', async () => {
    await put('acme', 'well-spelt', [coins(1)]);
    const spellings = ['', ' ', 'a b', 'ünïcödé', 'a/b', 'x'.repeat(201), 'x'.repeat(2_000)];
    expect(await itemsOf('acme', ...spellings, 'well-spelt')).toEqual({ 'well-spelt': [coins(1)] });
    expect(await reads(() => itemsOf('acme', ...spellings))).toBe(0);
    expect(await itemsOf('acme', 'constructor', 'toString', '__proto__')).toEqual({});
  });

  it('reads more SKUs than one call takes', async () => {
    const skus = Array.from({ length: 130 }, (_, index) => `many-${index}`);
    await Promise.all(skus.map((sku, index) => put('acme', sku, [coins(index + 1)])));
    const found = await store.itemsOf('acme', skus);
    expect(skus.map((sku) => found.get(sku)?.[0]?.quantity)).toEqual(skus.map((_, index) => index + 1));
  });
});
