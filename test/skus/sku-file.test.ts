import { describe, expect, it } from 'vitest';
import { MOST_ITEMS } from '../../lambdas/shared/settings-schema.ts';
import { openSkuFile, readSkuNames, readSkus } from '../../local/skus/sku-file.ts';
import { pieces } from '../bulk/streams.ts';

const HEADER = 'sku,item,quantity,kind';
const read = async (...lines: readonly string[]) =>
  readSkus(await openSkuFile(pieces(lines.join('\n')), ['sku', 'item', 'kind']));
const coins = (quantity: number) => ({ itemId: 'coins', quantity, kind: 'stackable' });
const hat = { itemId: 'hat', quantity: 1, kind: 'unique' };

describe('a file of SKUs', () => {
  it('may hold the lines of a SKU apart, its columns in any order, and no quantities', async () => {
    const file = await read(HEADER, 'drop:1.a,hat,,unique', 'drop_2,coins,7,stackable', 'drop:1.a,coins,500,stackable');
    expect([...file.skus]).toEqual([
      ['drop:1.a', [coins(500), hat]],
      ['drop_2', [coins(7)]],
    ]);
    expect(file).toMatchObject({ rejected: [], rejectedSkus: 0, lines: 3 });
    expect([...(await read('kind,sku,item', 'unique,a,hat')).skus]).toEqual([['a', [hat]]]);
  });

  it('gives a SKU the same items in the same order, however its lines are ordered', async () => {
    const one = await read(HEADER, 'a,hat,1,unique', 'a,coins,5,stackable', 'a,Zebra,1,unique');
    const other = await read(HEADER, 'a,Zebra,1,unique', 'a,coins,5,stackable', 'a,hat,1,unique');
    expect([...one.skus]).toEqual([...other.skus]);
  });

  it.each([
    ['a b,hat,1,unique', 'sku is "a b"; expected 1 to 200 letters, digits and . _ : -, as VendorProductIds are spelt'],
    [',hat,1,unique', 'sku is empty; expected 1 to 200 letters'],
    [`${'s'.repeat(201)},hat,1,unique`, 'expected 1 to 200 letters'],
    ['ä,hat,1,unique', 'sku is "ä"; expected'],
    ['a,,1,unique', 'item is empty; expected 1 to 200 visible ASCII characters'],
    ['a,two words,1,unique', 'item is "two words"; expected 1 to 200 visible ASCII characters'],
    ['a,hat,1,Unique', 'kind is "Unique"; expected one of "stackable"|"unique"'],
    ['a,hat,1,', 'kind is empty; expected one of'],
    ['a,hat,2,unique', 'quantity is "2"; expected quantity 1 of items that are unique'],
    ['a,coins,0,stackable', 'quantity is "0"; expected number to be >=1'],
    ['a,coins,1000000001,stackable', 'quantity is "1000000001"; expected number to be <=1000000000'],
    ['a,coins,-5,stackable', 'quantity is "-5"; expected a whole number'],
    ['a,coins,1.5,stackable', 'quantity is "1.5"; expected a whole number'],
    ['a,coins,1e3,stackable', 'quantity is "1e3"; expected a whole number'],
    ['a,"co,ins",x,odd', 'quantity is "x"; expected a whole number; kind is "odd"; expected one of'],
  ])('rejects %j with its reason, and its SKU alone', async (line, reason) => {
    const file = await read(HEADER, line, 'other,coins,1,stackable');
    expect(file.rejected).toHaveLength(1);
    expect(file.rejected[0]).toMatchObject({ line: 2, reason: expect.stringContaining(reason) as string });
    expect([...file.skus.keys()]).toEqual(['other']);
  });

  it('rejects all lines of a SKU when one is wrong, each with its own columns, so that they can be mended', async () => {
    const file = await read(HEADER, 'a,coins,5,stackable', 'b,hat,1,unique', 'a,hat,9,unique', 'a,cape,,unique');
    expect(file.rejected).toEqual([
      { line: 2, reason: 'line 4 is wrong, and a SKU is taken as a whole', original: ['a', 'coins', '5', 'stackable'] },
      {
        line: 4,
        reason: 'quantity is "9"; expected quantity 1 of items that are unique',
        original: ['a', 'hat', '9', 'unique'],
      },
      { line: 5, reason: 'line 4 is wrong, and a SKU is taken as a whole', original: ['a', 'cape', '', 'unique'] },
    ]);
    expect(file.rejectedSkus).toBe(1);
    expect([...file.skus.keys()]).toEqual(['b']);
  });

  it('names every line on which a SKU has an item again, whatever its kind there', async () => {
    const file = await read(HEADER, 'a,x,1,stackable', 'a,y,1,unique', 'a,x,2,stackable', 'a,y,1,stackable');
    expect(file.rejected.map(({ line, reason }) => [line, reason])).toEqual([
      [2, 'line 4 is wrong, and a SKU is taken as a whole'],
      [3, 'line 4 is wrong, and a SKU is taken as a whole'],
      [4, 'item is "x"; expected each item once in one SKU'],
      [5, 'item is "y"; expected each item once in one SKU'],
    ]);
  });

  it('takes as many items of a SKU as one transaction grants, and not one more', async () => {
    const lines = Array.from({ length: MOST_ITEMS + 1 }, (_, index) => `a,item-${index},1,unique`);
    const most = await read(HEADER, ...lines.slice(1));
    expect(most.skus.get('a')).toHaveLength(MOST_ITEMS);
    const more = await read(HEADER, ...lines);
    expect(more.skus.size).toBe(0);
    expect(more.rejected).toHaveLength(MOST_ITEMS + 1);
    expect(more.rejected.at(-1)?.reason).toBe(
      `item is "item-${MOST_ITEMS}"; expected at most ${MOST_ITEMS} items in one SKU`,
    );
  });

  it.each([
    ['has a field too many', 'a,co,ins,5,stackable', 'has 5 fields, and the header has 4'],
    ['has a field too few', 'a,coins', 'has 2 fields'],
    ['leaves a quote open', 'a,"coins,5,stackable', 'a quote is opened and not closed'],
  ])('rejects the SKU that is named in a line that %s: an item of it would be missing', async (_, broken, reason) => {
    const file = await read(HEADER, 'a,hat,1,unique', 'b,hat,1,unique', broken);
    expect([...file.skus.keys()]).toEqual(['b']);
    expect(file.rejected).toEqual([
      expect.objectContaining({ line: 2, reason: 'line 4 is wrong, and a SKU is taken as a whole' }),
      expect.objectContaining({ line: 4, reason: expect.stringContaining(reason) as string }),
    ]);
  });

  it('is refused as a whole when a line is too long to say whose it is', async () => {
    await expect(read(HEADER, 'a,hat,1,unique', 'x'.repeat(70_000))).rejects.toThrow(
      'Line 3 is longer than 65536 characters. Nobody can say whose it is',
    );
  });

  it.each([
    ['sku,item', 'lacks kind'],
    ['item,kind', 'lacks sku'],
    ['sku,item,amount,kind', 'There is no column "amount".'],
    ['sku,item,quantitty,kind', 'Did you mean "quantity"?'],
    ['', 'It must begin with a header such as sku,item,kind'],
  ])('with the header %j is refused', async (header, message) => {
    await expect(read(header)).rejects.toThrow(message);
  });
});

describe('a file of names', () => {
  const names = async (...lines: readonly string[]) =>
    readSkuNames(await openSkuFile(pieces(lines.join('\n')), ['sku']));

  it('needs only the column sku, takes what `list` prints, and names each SKU once', async () => {
    expect([...(await names('sku', 'a', 'b', 'a')).skus.keys()]).toEqual(['a', 'b']);
    expect([...(await names(HEADER, 'a,hat,1,unique', 'a,x,5,stackable')).skus.keys()]).toEqual(['a']);
  });

  it('rejects what is no SKU', async () => {
    const file = await names('sku', 'a', 'not a SKU');
    expect(file.rejected).toEqual([expect.objectContaining({ line: 3, original: ['not a SKU'] })]);
    expect([...file.skus.keys()]).toEqual(['a']);
  });
});
