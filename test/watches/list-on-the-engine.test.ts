import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { GetCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ChangeStore } from '../../lambdas/change-events/changes.store.ts';
import { systemClock } from '../../lambdas/shared/clock.ts';
import { priceWatchId, titleWatchId } from '../../lambdas/shared/watches.ts';
import { WatchStore } from '../../lambdas/shared/watches.store.ts';
import { workThrough } from '../../local/watches/bulk.ts';
import { Importer } from '../../local/watches/import.ts';
import { listWatches, type ListParts } from '../../local/watches/list.ts';
import { Remover } from '../../local/watches/remove.ts';
import { WatchRows } from '../../local/watches/rows.ts';
import { openWatchFile } from '../../local/watches/watch-file.ts';
import { startEngineTables, type EngineTables } from '../shared/engine-tables.ts';
import { pieces } from '../bulk/streams.ts';
import { KINDS, LICENSOR, PRICES, TITLES } from './reading.ts';

const BUCKET = 'offer-status|main|global|status';
let tables: EngineTables;
let rows: WatchRows;
let store: WatchStore<never>;
beforeAll(async () => {
  tables = await startEngineTables();
  rows = new WatchRows(tables.database, 'Watches', systemClock);
  store = new WatchStore(tables.database, 'Watches', systemClock);
});
afterAll(() => tables.stop());

let series = 0;
beforeEach(() => void (series += 1));
/** Titles of this test alone. */
const alid = (index: number) => `T${series}-${String(index).padStart(4, '0')}`;
const idOf = (index: number) => titleWatchId({ licensor: LICENSOR, marketplace: 'GLOBAL', alid: alid(index) });
const fileOf = (indices: readonly number[]) =>
  ['licensor,alid', ...indices.map((index) => `${LICENSOR},${alid(index)}`), ''].join('\n');
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index);

async function importFile(csv: string) {
  const file = await openWatchFile(pieces(csv, 4096), KINDS);
  const importer = new Importer({ rows, store, kind: file.kind });
  const end = await workThrough({
    lines: file.lines,
    fromLine: 2,
    work: (batch, earlier) => importer.import(batch, earlier),
    reject: ({ reason }) => expect.fail(reason),
    stop: new AbortController().signal,
  });
  expect(end.failure).toBeUndefined();
  return importer.counts;
}
const remover = async (indices: readonly number[]) => {
  const removing = new Remover(store);
  await removing.remove(indices.map((index) => ({ line: 2, watchId: idOf(index), fields: {} })));
  return removing.counts;
};
async function print(options: Partial<ListParts> = {}): Promise<string[]> {
  const out = new PassThrough();
  const printed = text(out);
  const warn = () => undefined;
  await listWatches({ rows, kind: TITLES, out, warn, filter: {}, onlyProblems: false, details: false, ...options });
  out.end();
  return (await printed).trimEnd().split('\n');
}
/** Records the next version of a title, as a worker does. */
async function record(index: number) {
  const head = (await rows.get([idOf(index)])).get(idOf(index));
  return new ChangeStore(tables.database, { watches: 'Watches', history: 'History' }).record({
    watchId: idOf(index),
    seenVersion: head?.version ?? 0,
    seenObservedAt: head?.observedAt,
    bucketId: head?.bucketId ?? BUCKET,
    lap: `${head?.bucketId ?? BUCKET}#steady`,
    after: {},
    changes: {},
    events: [],
    historyPath: '/',
    correlationId: 'm',
    sentAt: 5,
    now: Date.now(),
  });
}
const writes = () => tables.calls()['UpdateItemCommand'] ?? 0;

describe('an import', () => {
  it('puts each watch on the list once, in its bucket’s lap of new ones, and writes nothing the second time', async () => {
    const file = fileOf([...upTo(350), 3, 349, 3]);
    expect(await importFile(file)).toEqual({
      added: 350,
      alreadyThere: 0,
      returned: 0,
      moved: 0,
      tuned: 0,
      duplicates: 3,
    });
    expect((await rows.get([idOf(7)])).get(idOf(7))).toMatchObject({ bucketId: BUCKET, lap: `${BUCKET}#new` });
    const before = writes();
    expect(await importFile(file)).toEqual({
      added: 0,
      alreadyThere: 350,
      returned: 0,
      moved: 0,
      tuned: 0,
      duplicates: 3,
    });
    expect(writes()).toBe(before);
  });

  it('goes on with the versions of a watch that was removed, so that no version comes twice', async () => {
    await importFile(fileOf([0]));
    expect(await record(0)).toBe('recorded');
    expect(await record(0)).toBe('recorded');
    expect(await remover([0, 1])).toEqual({ removed: 1, notOnTheList: 1 });
    expect(await record(0)).toBe('outrun');
    expect(await remover([0])).toEqual({ removed: 0, notOnTheList: 1 });
    expect(await importFile(fileOf([0, 0]))).toMatchObject({ returned: 1, duplicates: 1, added: 0 });
    expect(await record(0)).toBe('recorded');
    const { version } = (await rows.get([idOf(0)])).get(idOf(0)) ?? {};
    expect(version).toBe(3);
  });

  it('moves a watch that is in another bucket than the settings say, and leaves its head alone', async () => {
    await store.add({ watchId: idOf(0), bucketId: 'offer-status|former|global|status' });
    await record(0);
    expect(await importFile(fileOf([0, 1]))).toMatchObject({ moved: 1, added: 1 });
    expect((await rows.get([idOf(0)])).get(idOf(0))).toMatchObject({
      bucketId: BUCKET,
      lap: `${BUCKET}#new`,
      version: 1,
    });
    expect(await importFile(fileOf([0, 1]))).toMatchObject({ moved: 0, alreadyThere: 2 });
  });

  it('reads rows without their states', async () => {
    await importFile(fileOf([0]));
    await record(0);
    const row = (await rows.get([idOf(0)])).get(idOf(0));
    expect(Object.keys(row ?? {}).sort()).toEqual(['bucketId', 'lap', 'observedAt', 'version', 'watchId']);
  });
});

describe('an import of prices', () => {
  const asin = (index: number) => `B${String(series).padStart(4, '0')}${String(index).padStart(5, '0')}`;
  const priceOf = (index: number) =>
    priceWatchId({
      account: 'shop',
      view: 'offers',
      marketplaceId: 'ATVPDKIKX0DER',
      itemType: 'asin',
      condition: 'New',
      customerType: 'Consumer',
      item: asin(index),
    });
  const prices = (columns: string, ...lines: string[]) =>
    [`account,marketplace,asin${columns}`, ...lines.map((rest, index) => `shop,US,${asin(index)}${rest}`), ''].join(
      '\n',
    );
  const whole = async (index: number) => {
    const { Item } = await tables.database.send(new GetCommand({ TableName: 'Watches', Key: { watchId: priceOf(index) } })); // prettier-ignore
    return Item;
  };
  const none = { added: 0, alreadyThere: 0, returned: 0, moved: 0, tuned: 0, duplicates: 0 };

  it('keeps the tuning on the row, changes it later, and touches nothing else of the row', async () => {
    const tuned = prices(',threshold,sales-ranks', ',0.50 2%,yes', ',,', ',5%,no');
    expect(await importFile(tuned)).toEqual({ ...none, added: 3 });
    const bucketId = 'pricing|shop|na|getItemOffersBatch';
    expect(await whole(0)).toMatchObject({
      bucketId,
      lap: `${bucketId}#new`,
      tuning: { threshold: { absolute: '0.50', percent: 2 }, compareSalesRanks: true },
    });
    expect(await whole(1)).not.toHaveProperty('tuning');
    expect((await whole(2))?.['tuning']).toEqual({ threshold: { percent: 5 } });
    await store.place({ watchId: priceOf(0), bucketId }, 'steady', { attempts: 2 });
    const before = writes();
    expect(await importFile(tuned)).toEqual({ ...none, alreadyThere: 3 });
    expect(await importFile(prices('', '', '', ''))).toEqual({ ...none, alreadyThere: 3 });
    expect(writes()).toBe(before);

    const was = await whole(0);
    expect(await importFile(prices(',threshold', ',1', ',', ','))).toEqual({ ...none, tuned: 2, alreadyThere: 1 });
    expect(await whole(0)).toEqual({
      ...was,
      tuning: { threshold: { absolute: '1' }, compareSalesRanks: true },
      tunedAt: expect.any(String),
    });
    expect(await whole(2)).not.toHaveProperty('tuning');
  });

  it('lets the last of the lines that name one watch decide, near or far', async () => {
    const line = (threshold: string) => `shop,US,${asin(0)},${threshold}`;
    const others = Array.from({ length: 300 }, (_, index) => `shop,US,${asin(index + 1)},`);
    const header = 'account,marketplace,asin,threshold';
    const tuning = async () => ((await whole(0))?.['tuning'] as { threshold: unknown }).threshold;
    expect(await importFile([header, line('1'), line('2')].join('\n'))).toEqual({ ...none, added: 1, duplicates: 1 });
    expect(await tuning()).toEqual({ absolute: '2' });
    const far = await importFile([header, line('3'), ...others, line('4')].join('\n'));
    expect(far).toEqual({ ...none, added: 300, tuned: 1, duplicates: 1 });
    expect(await tuning()).toEqual({ absolute: '4' });
  });

  it('gives a watch that comes back the tuning that it had, unless its line says another', async () => {
    await importFile(prices(',threshold', ',1', ',2'));
    for (const index of [0, 1]) await store.remove(priceOf(index));
    expect(await importFile(prices('', ''))).toEqual({ ...none, returned: 1 });
    expect((await whole(0))?.['tuning']).toEqual({ threshold: { absolute: '1' } });
    expect(await importFile(prices(',threshold', ',1', ','))).toEqual({ ...none, alreadyThere: 1, returned: 1 });
    expect(await whole(1)).not.toHaveProperty('tuning');
  });

  it('moves and tunes in one go, and counts it as moved', async () => {
    await store.add({ watchId: priceOf(0), bucketId: 'pricing|former|na|getPricing' });
    expect(await importFile(prices(',threshold', ',1'))).toEqual({ ...none, moved: 1 });
    expect(await whole(0)).toMatchObject({
      bucketId: 'pricing|shop|na|getItemOffersBatch',
      tuning: { threshold: { absolute: '1' } },
    });
  });

  it('is what the list prints, with its tuning', async () => {
    await importFile(prices(',threshold,sales-ranks', ',0.50 2%,yes', ',,'));
    const printed = await print({ kind: PRICES });
    const mine = printed.filter((line) => line.includes(asin(0).slice(0, 5)));
    expect(mine.sort()).toEqual([
      `shop,offers,US,${asin(0)},,New,Consumer,0.50 2%,yes,`,
      `shop,offers,US,${asin(1)},,New,Consumer,,,`,
    ]);
    const again = await importFile([printed[0], ...mine].join('\n'));
    expect(again).toEqual({ ...none, alreadyThere: 2 });
  });

  it('does not tune what is not on the list', async () => {
    expect(await store.tune(priceOf(0), { threshold: {} })).toBe(false);
    expect(await whole(0)).toBeUndefined();
  });
});

describe('the list', () => {
  it('holds what is on it, and gives it so that it can be imported', async () => {
    await importFile(fileOf(upTo(120)));
    await remover([5]);
    const printed = await print();
    const mine = printed.filter((line) => line.includes(`T${series}-`));
    expect(mine.sort()).toEqual(upTo(120).filter((n) => n !== 5).map((n) => `${LICENSOR},GLOBAL,${alid(n)}`)); // prettier-ignore
    expect(await importFile(printed.join('\n'))).toMatchObject({ added: 0, returned: 0 });
  });

  it('filters by licensor and by problem, and tells class, version, time and problem', async () => {
    await importFile(`licensor,alid\nother-studios,${alid(1)}\nother-studios,${alid(2)}\n${LICENSOR},${alid(3)}\n`);
    const troubled = titleWatchId({ licensor: 'other-studios', marketplace: 'GLOBAL', alid: alid(2) });
    const problem = { code: 'BadRequest', message: 'no such,\r\ntitle', since: '2026-01-01T00:00:00.000Z' };
    await store.place({ watchId: troubled, bucketId: BUCKET }, 'steady', { problem });
    expect((await print({ filter: { licensor: 'other-studios' } })).length).toBe(3);
    expect(await print({ filter: { licensor: 'other-studios' }, onlyProblems: true, details: true })).toEqual([
      'licensor,marketplace,alid,class,version,observedAt,problem',
      `other-studios,GLOBAL,${alid(2)},steady,0,,"BadRequest: no such, title"`,
    ]);
  });

  it('shows a watch whose bucket the settings no longer know, and leaves out a row that nobody can read', async () => {
    await store.add({ watchId: idOf(1), bucketId: 'offer-status|former|global|status' });
    const warnings: string[] = [];
    await tables.database.send(
      new UpdateCommand({
        TableName: 'Watches',
        Key: { watchId: 'title|broken' },
        UpdateExpression: 'SET #lap = :lap',
        ExpressionAttributeNames: { '#lap': 'lap' },
        ExpressionAttributeValues: { ':lap': 'b#new' },
      }),
    );
    const printed = await print({ warn: (message) => void warnings.push(message) });
    expect(printed).toContain(`${LICENSOR},GLOBAL,${alid(1)}`);
    expect(warnings).toEqual(['A row is left out: "title|broken" is not the identifier of a title.']);
  });

  it('reads on only when the lines before have been taken, and ends when whoever took them has gone', async () => {
    let pages = 0;
    async function* listed() {
      for (;;) {
        pages += 1;
        yield upTo(100).map((n) => ({ watchId: idOf(n), bucketId: BUCKET, lap: `${BUCKET}#steady` }));
      }
    }
    const out = new PassThrough({ highWaterMark: 10_000 });
    const listing = print({ rows: { listed }, out });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(pages).toBeLessThan(20);
    out.destroy(Object.assign(new Error('gone'), { code: 'EPIPE' }));
    // `print` would put an end to its own stream, which is another one.
    await listing;
    expect(pages).toBeLessThan(20);
  });
});
