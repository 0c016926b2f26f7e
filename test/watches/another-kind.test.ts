import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import type { WatchKind } from '../../local/watches/kinds.ts';
import { KIND_SHAPES } from '../../local/watches/kinds.ts';
import { listWatches } from '../../local/watches/list.ts';
import { readOptions, type Options } from '../../local/watches/options.ts';
import { oneLineFile } from '../../local/watches/source.ts';
import { openWatchFile } from '../../local/watches/watch-file.ts';
import { collect, pieces, TITLES } from './reading.ts';

/** Watches of prices: columns, filter and queue of their own. */
const PRICES: WatchKind = {
  name: 'price',
  noun: 'price',
  columns: [
    { name: 'store', help: 'the store that asks it' },
    { name: 'currency', help: 'its currency', default: 'EUR' },
    { name: 'sku', help: 'its article' },
  ],
  filters: ['store'],
  queueOutput: 'PriceSlicesQueueUrl',
  identify: ({ store = '', currency = '', sku = '' }) =>
    /^[A-Z]{3}$/u.test(currency)
      ? { value: ['price', store, currency, sku].join('|') }
      : { problems: ['currency is no currency'] },
  describe(watchId) {
    const [, store, currency, sku] = watchId.split('|');
    return { store, currency, sku };
  },
  bucketOf: ({ store }) => (store === 'acme' ? { value: 'b' } : { problems: ['store is of no account'] }),
  buckets: [],
};
const SHAPES = [...KIND_SHAPES, PRICES];
const options = (...argv: string[]) => readOptions(argv, SHAPES) as Options;
const help = (command: string) => (readOptions([command, '--help'], SHAPES) as { help: string }).help;
const lines = async (csv: AsyncIterable<Uint8Array>) => collect((await openWatchFile(csv, [TITLES, PRICES])).lines);

describe('another kind of watches', () => {
  it('has options and help by its columns', () => {
    expect(options('remove', '--store', 'acme', '--sku', '7').one).toEqual({ store: 'acme', sku: '7' });
    expect(options('list', '--kind', 'price', '--store', 'acme')).toMatchObject({ kind: 'price', filter: { store: 'acme' } }); // prettier-ignore
    expect(() => options('remove', '--store', 'acme')).toThrow('One price needs --store and --sku');
    expect(() => options('remove', '--store', 'acme', '--alid', 'A')).toThrow('different kinds');
    expect(() => options('remove')).toThrow('Give a file, or --licensor and --alid, or --store and --sku.');
    expect(help('check-now')).toMatch(/check-now --store <text> \[--currency <text>\] --sku <text> \[options\]/);
    expect(help('check-now')).toMatch(/or one price by\n +--store <text> +the store that asks it\n/);
    expect(help('import')).toContain('for prices: store, currency (optional, default EUR), sku');
    expect(help('list')).toMatch(/title or price \(default title\)[^]*--store <text> +only those with this store/);
  });

  it('is read from a file and from options, and listed so that it is read again', async () => {
    const read = await lines(pieces('sku,store\n7,acme\n8,other\n9,acme\n'));
    const ids = read.map((line) => ('watchId' in line ? line.watchId : line.reason));
    expect(ids).toEqual(['price|acme|EUR|7', 'price|other|EUR|8', 'price|acme|EUR|9']);
    expect(await lines(oneLineFile(options('remove', '--store', 'acme', '--sku', '7').one ?? {}))).toMatchObject([
      { watchId: 'price|acme|EUR|7' },
    ]);
    expect(await lines(pieces('store,currency,sku\nacme,€,7\n'))).toMatchObject([
      { reason: 'currency is no currency' },
    ]);
    const asked: string[] = [];
    const print = async (filter: Record<string, string>): Promise<string> => {
      const out = new PassThrough();
      const printed = text(out);
      async function* listed(prefix: string) {
        asked.push(prefix);
        yield ids.map((watchId) => ({ watchId, bucketId: 'b', lap: 'b#new' }));
      }
      const warn = (message: string) => expect.fail(message);
      await listWatches({ rows: { listed }, kind: PRICES, out, warn, filter, onlyProblems: false, details: true });
      out.end();
      return printed;
    };
    expect(await lines(pieces(await print({})))).toMatchObject(ids.map((watchId) => ({ watchId })));
    const chosen = await lines(pieces(await print({ store: 'other' })));
    expect(chosen).toMatchObject([{ watchId: 'price|other|EUR|8' }]);
    expect(asked).toEqual(['price|', 'price|']);
  });
});
