import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../lambdas/shared/clock.ts';
import type { SkuItem } from '../../lambdas/shared/settings.ts';
import { csvLine } from '../../local/bulk/csv.ts';
import { CatalogueRows } from '../../local/skus/catalogue-rows.ts';
import { BATCH, Importer, inBatches, Remover } from '../../local/skus/import.ts';
import { listSkus, type Format } from '../../local/skus/list.ts';
import { openSkuFile, readSkus, SKU_COLUMNS } from '../../local/skus/sku-file.ts';
import { pieces } from '../bulk/streams.ts';
import { startCatalogueTable, TABLE } from './catalogue-table.ts';

// The engine writes some hundred rows a second where the machine is busy.
vi.setConfig({ testTimeout: 300_000 });

let table: Awaited<ReturnType<typeof startCatalogueTable>>;
beforeAll(async () => {
  table = await startCatalogueTable();
});
afterAll(() => table.stop());

let series = 0;
/** The catalogue of this test alone. */
let rows: CatalogueRows;
const partner = () => `partner-${series}`;
const nextPartner = (): void => {
  series += 1;
  rows = new CatalogueRows(table.database, TABLE, partner(), systemClock);
};
beforeEach(nextPartner);

const never = new AbortController().signal;
type Catalogue = readonly (readonly [sku: string, items: readonly SkuItem[]])[];

async function importCsv(csv: string, stop = never, into: Pick<CatalogueRows, 'get' | 'put'> = rows) {
  const file = await readSkus(await openSkuFile(pieces(csv, 4096), ['sku', 'item', 'kind']));
  expect(file.rejected).toEqual([]);
  const importer = new Importer(into, { dryRun: false });
  const failure: unknown = await inBatches([...file.skus], stop, (batch) => importer.import(batch)).then(
    () => undefined,
    (error: unknown) => error,
  );
  return { ...importer.counts, failure };
}
async function print(format: Format): Promise<{ out: string; warnings: string[] }> {
  const out = new PassThrough();
  const printed = text(out);
  const warnings: string[] = [];
  await listSkus({ rows, format, out, warn: (message) => void warnings.push(message) });
  out.end();
  return { out: await printed, warnings };
}
const csvOf = (lines: readonly (readonly string[])[]) => [SKU_COLUMNS, ...lines].map(csvLine).join('\n');
const linesOf = (catalogue: Catalogue) =>
  catalogue.flatMap(([sku, items]) => items.map(({ itemId, quantity, kind }) => [sku, itemId, String(quantity), kind]));
/** So many SKUs of one to three items. */
const catalogueOf = (count: number, quantity = (index: number) => index + 1): Catalogue =>
  Array.from({ length: count }, (_, index) => [
    `drop_${String(index).padStart(5, '0')}`,
    [
      { itemId: 'coins', quantity: quantity(index), kind: 'stackable' as const },
      { itemId: `skin_${index}`, quantity: 1, kind: 'unique' as const },
      { itemId: 'xp', quantity: 10, kind: 'stackable' as const },
    ].slice(0, 1 + (index % 3)),
  ]);
const writes = () => table.calls('BatchWriteItemCommand');

describe('a catalogue of 10,000 SKUs', () => {
  it('is imported whole, written only where it differs, and listed as it was imported', async () => {
    const catalogue = catalogueOf(10_000);
    const csv = csvOf(linesOf(catalogue));
    expect(await importCsv(csv)).toEqual({ added: 10_000, changed: 0, same: 0, failure: undefined });

    const before = writes();
    expect(await importCsv(csv)).toEqual({ added: 0, changed: 0, same: 10_000, failure: undefined });
    expect(writes()).toBe(before);

    const changed = catalogueOf(10_003, (index) => (index % 1_000 === 7 ? 9 : index + 1));
    expect(await importCsv(csvOf(linesOf(changed)))).toEqual({
      added: 3,
      changed: 10,
      same: 9_990,
      failure: undefined,
    });
    // Ten batches hold one that has changed, and the last batch the three that are new.
    expect(writes()).toBe(before + 11);

    const { out, warnings } = await print('csv');
    expect(out.trimEnd()).toBe(csvOf(linesOf(changed)));
    expect(warnings).toEqual([]);
    expect(Object.entries(JSON.parse((await print('json')).out) as object)).toEqual(changed);
  });
});

describe('an import', () => {
  const get = async (owner: string, part: string) =>
    (await table.database.send(new GetCommand({ TableName: TABLE, Key: { owner, part } }))).Item;

  it('writes rows as the functions read them', async () => {
    const start = Date.now();
    await importCsv('sku,item,quantity,kind\na,skin,,unique\na,coins,500,stackable\n');
    const row = await get(`catalogue|${partner()}`, 'a');
    expect(row).toEqual({
      owner: `catalogue|${partner()}`,
      part: 'a',
      items: [
        { itemId: 'coins', quantity: 500, kind: 'stackable' },
        { itemId: 'skin', quantity: 1, kind: 'unique' },
      ],
      updatedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string,
    });
    expect(Date.parse(String(row?.['updatedAt']))).toBeGreaterThanOrEqual(start);
  });

  it('leaves the catalogues of other partners and every other row alone', async () => {
    const others = [
      { owner: `catalogue|${partner()}x`, part: 'a', items: [] },
      { owner: `player|${partner()}|p`, part: 'sku|a', entitlementId: 'e' },
    ];
    for (const Item of others) await table.database.send(new PutCommand({ TableName: TABLE, Item }));
    await importCsv(csvOf(linesOf([['a', [{ itemId: 'x', quantity: 1, kind: 'unique' }]]])));
    const remover = new Remover(rows);
    await remover.remove(['a', 'b']);
    expect(remover.counts).toEqual({ removed: 1, notThere: 1 });
    for (const other of others) expect(await get(other.owner, other.part)).toEqual(other);
    expect((await print('csv')).out).toBe('sku,item,quantity,kind\n');
  });

  it('that is stopped between two batches leaves whole SKUs, and is finished by the same import', async () => {
    const csv = csvOf(linesOf(catalogueOf(900)));
    for (const stopAfter of [0, 1, 3]) {
      nextPartner();
      const controller = new AbortController();
      let batches = 0;
      const stopping: Pick<CatalogueRows, 'get' | 'put'> = {
        get: (skus) => rows.get(skus),
        async put(skus) {
          if (batches === stopAfter) controller.abort();
          batches += 1;
          await rows.put(skus);
        },
      };
      const stopped = await importCsv(csv, controller.signal, stopping);
      expect(stopped).toMatchObject({ changed: 0, same: 0, failure: undefined });
      // Every batch that was begun is finished: at most four were under way.
      expect(stopped.added).toBe(batches * BATCH);
      expect(batches).toBeGreaterThan(stopAfter);
      expect(batches).toBeLessThanOrEqual(stopAfter + 5);
      const wanted = new Set(linesOf(catalogueOf(900)).map(csvLine));
      const [, ...listed] = (await print('csv')).out.trimEnd().split('\n');
      expect(listed.every((line) => wanted.has(line))).toBe(true);

      expect(await importCsv(csv)).toMatchObject({ added: 900 - stopped.added, changed: 0, same: stopped.added });
      expect((await print('csv')).out.trimEnd()).toBe(csv);
    }
  });

  it('that fails in the middle of a batch is finished by the same import, whatever that batch had written', async () => {
    const csv = csvOf(linesOf(catalogueOf(700)));
    let puts = 0;
    const failing: Pick<CatalogueRows, 'get' | 'put'> = {
      get: (skus) => rows.get(skus),
      async put(skus) {
        const isThird = (puts += 1) === 3;
        await rows.put(isThird ? skus.slice(0, 30) : skus);
        if (isThird) throw new Error('connection lost');
      },
    };
    const failed = await importCsv(csv, never, failing);
    expect(failed.failure).toEqual(new Error('connection lost'));
    expect(failed.added).toBeLessThan(700);
    const again = await importCsv(csv);
    expect(again).toMatchObject({ added: 700 - failed.added - 30, same: failed.added + 30, failure: undefined });
    expect((await print('csv')).out.trimEnd()).toBe(csv);
  });

  it('of two at once leaves each SKU as one of both has it', async () => {
    const [one, other] = [catalogueOf(400), catalogueOf(400, (index) => index + 1_000)];
    await Promise.all([one, other].map((catalogue) => importCsv(csvOf(linesOf(catalogue)))));
    const allowed = new Set([...linesOf(one), ...linesOf(other)].map(csvLine));
    const [, ...listed] = (await print('csv')).out.trimEnd().split('\n');
    expect(listed).toHaveLength(linesOf(one).length);
    expect(listed.every((line) => allowed.has(line))).toBe(true);
  });

  it('and the list after it give back what was imported, whatever it was and however the lines were mixed', async () => {
    const sku = fc.stringMatching(/^[A-Za-z0-9._:-]{1,40}$/);
    const item = fc.record({
      itemId: fc.stringMatching(/^[\x21-\x7e]{1,40}$/),
      kind: fc.constantFrom('stackable' as const, 'unique' as const),
      many: fc.integer({ min: 1, max: 1_000_000_000 }),
    });
    const items = fc
      .uniqueArray(item, { minLength: 1, maxLength: 12, selector: ({ itemId }) => itemId })
      .map((some): SkuItem[] =>
        some.map(({ itemId, kind, many }) => ({ itemId, quantity: kind === 'unique' ? 1 : many, kind })),
      );
    const catalogues = fc.dictionary(sku, items, { maxKeys: 150, noNullPrototype: true }).chain((catalogue) => {
      const lines = linesOf(Object.entries(catalogue));
      const mixed = fc.shuffledSubarray(lines, { minLength: lines.length, maxLength: lines.length });
      return fc.tuple(fc.constant(catalogue), mixed, fc.boolean());
    });
    let imported = 0;
    await fc.assert(
      fc.asyncProperty(catalogues, async ([catalogue, mixed, leavesOnesOut]) => {
        nextPartner();
        const lines = mixed.map(([name = '', id = '', quantity = '', kind = '']) => [name, id, leavesOnesOut && quantity === '1' ? '' : quantity, kind]); // prettier-ignore
        const count = Object.keys(catalogue).length;
        imported += count;
        expect(await importCsv(csvOf(lines))).toMatchObject({ added: count, failure: undefined });
        const sorted = (some: readonly SkuItem[]) => some.toSorted((a, b) => (a.itemId < b.itemId ? -1 : 1));
        const wanted = new Map(Object.entries(catalogue).map(([name, some]) => [name, sorted(some)]));
        expect(new Map(Object.entries(JSON.parse((await print('json')).out) as object))).toEqual(wanted);
        // The list can be imported, and says nothing new.
        expect(await importCsv((await print('csv')).out)).toMatchObject({ added: 0, changed: 0, same: count });
      }),
      { numRuns: 60 },
    );
    expect(imported).toBeGreaterThan(100);
  });
});

describe('the list', () => {
  it('leaves out a row that holds no items, and says so', async () => {
    await importCsv('sku,item,kind\na,x,unique\nb,y,unique\n');
    await table.database.send(
      new PutCommand({ TableName: TABLE, Item: { owner: `catalogue|${partner()}`, part: 'aa', items: 'coins' } }),
    );
    const { out, warnings } = await print('json');
    expect(JSON.parse(out)).toEqual({
      a: [{ itemId: 'x', quantity: 1, kind: 'unique' }],
      b: [{ itemId: 'y', quantity: 1, kind: 'unique' }],
    });
    expect(warnings).toEqual(['A row is left out: "aa" does not hold items.']);
  });

  it('of an empty catalogue is a header, or an empty object', async () => {
    expect((await print('csv')).out).toBe('sku,item,quantity,kind\n');
    expect(JSON.parse((await print('json')).out)).toEqual({});
  });

  it('ends when whoever reads it has gone', async () => {
    let pages = 0;
    async function* listed() {
      for (;;) {
        pages += 1;
        yield Array.from({ length: 100 }, (_, index) => ({
          sku: `s${pages}-${index}`,
          items: [{ itemId: 'x', quantity: 1, kind: 'unique' }],
        }));
      }
    }
    const out = new PassThrough({ highWaterMark: 10_000 });
    const listing = listSkus({ rows: { listed }, format: 'csv', out, warn: () => undefined });
    await new Promise((resolve) => setTimeout(resolve, 100));
    out.destroy(Object.assign(new Error('gone'), { code: 'EPIPE' }));
    expect(await listing).toBeUndefined();
    expect(pages).toBeLessThan(50);
  });
});
