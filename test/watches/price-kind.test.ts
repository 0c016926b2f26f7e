import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  CUSTOMER_TYPES,
  ITEM_CONDITIONS,
  priceWatchId,
  type PriceWatch,
  titleWatchId,
} from '../../lambdas/shared/watches.ts';
import { PriceTuning } from '../../lambdas/pricing/price-tuning.ts';
import { MARKETPLACES } from '../../lambdas/pricing/marketplaces.ts';
import type { Tuning } from '../../local/watches/kinds.ts';
import { listWatches, type ListParts } from '../../local/watches/list.ts';
import { readOptions, type Options } from '../../local/watches/options.ts';
import { oneLineFile } from '../../local/bulk/source.ts';
import type { BadLine } from '../../local/bulk/csv-file.ts';
import { openWatchFile, type GoodLine } from '../../local/watches/watch-file.ts';
import { collect, pieces } from '../bulk/streams.ts';
import { importCheck, KINDS, PRICES, readAll, TITLES } from './reading.ts';

const US = 'ATVPDKIKX0DER';
const watch = (fields: Partial<PriceWatch> = {}): PriceWatch => ({
  account: 'shop',
  view: 'offers',
  marketplaceId: US,
  itemType: 'asin',
  condition: 'New',
  customerType: 'Consumer',
  item: 'B000000001',
  ...fields,
});
const HEADER = 'account,view,marketplace,asin,sku,condition,customer-type,threshold,sales-ranks';
async function lineOf(line: string, header = HEADER) {
  const [first] = await readAll(`${header}\n${line}\n`, { check: importCheck });
  return first!;
}
const tuningOf = async (line: string, before: Tuning = {}, header = HEADER) => {
  const checked = PRICES.tuningOf(((await lineOf(line, header)) as GoodLine).fields, before);
  return 'value' in checked ? checked.value : checked.problems;
};
const options = (...argv: string[]) => readOptions(argv) as Options;
const help = (command: string) => (readOptions([command, '--help']) as { help: string }).help;

type Listed = ReturnType<ListParts['rows']['listed']> extends AsyncGenerator<infer Page> ? Page : never;
/** What `list` prints of these rows. */
async function print(rows: Listed, parts: Partial<ListParts> = {}): Promise<string> {
  async function* listed() {
    yield rows;
  }
  const out = new PassThrough();
  const printed = text(out);
  const warn = (message: string) => expect.fail(message);
  await listWatches({ rows: { listed }, kind: PRICES, out, warn, filter: {}, onlyProblems: false, details: false, ...parts }); // prettier-ignore
  out.end();
  return printed;
}

describe('a file of prices', () => {
  it.each<[string, Partial<PriceWatch>]>([
    ['account,marketplace,asin\nshop,US,B000000001', {}],
    ['asin,account,marketplace\nB000000001,shop,ATVPDKIKX0DER', {}],
    [`${HEADER}\nshop,,us,B000000001,,,,,`, {}],
    [`${HEADER}\nshop,offers,US,,"A,B",Used,Business,,`, { itemType: 'sku', item: 'A,B', condition: 'Used', customerType: 'Business' }], // prettier-ignore
    [`${HEADER}\nshop,own,CA,,.,,,,`, { view: 'own', marketplaceId: 'A2EUQ1WTGCTBG2', itemType: 'sku', item: '.', condition: 'Any' }], // prettier-ignore
    [`${HEADER}\nshop,own,US,B000000001,,Club,,,`, { view: 'own', condition: 'Club' }],
    [`${HEADER}\nshop,own,US,B000000001,,Any,,,`, { view: 'own', condition: 'Any' }],
    [`${HEADER}\nshop,competitive,US,B000000001,,,,,`, { view: 'competitive', condition: 'Any' }],
    [`${HEADER}\nshop-eu,offers,GB,B000000001,,,,,`, { account: 'shop-eu', marketplaceId: 'A1F83G8C2ARO7P' }],
  ])('names a watch by %j', async (csv, fields) => {
    const lines = await readAll(`${csv}\n`, { check: importCheck });
    expect(lines).toMatchObject([{ line: 2, watchId: priceWatchId(watch(fields)) }]);
  });

  it.each([
    [',offers,US,B000000001,,,,,', 'account is empty'],
    ['shop,offer,US,B000000001,,,,,', 'view is "offer"; it must be one of own, competitive, offers'],
    ['shop,offers,,B000000001,,,,,', 'marketplace is empty'],
    ['shop,offers,XX,B000000001,,,,,', `marketplace is "XX"; it must be one of ${MARKETPLACES.map(({ country }) => country).join(', ')}, or the identifier of one of these`], // prettier-ignore
    ['shop,offers,US,,,,,,', 'asin and sku are both empty; one of them must be filled'],
    ['shop,offers,US,B000000001,S,,,,', 'asin is "B000000001" and sku is "S"; only one of them may be filled'],
    ['shop,offers,US,b000000001,,,,,', 'asin is "b000000001"; it must be 10 capital letters and digits'],
    ['shop,offers,US,B00000001,,,,,', 'asin is "B00000001"; it must be 10 capital letters and digits'],
    ['shop,offers,US,B0000000012,,,,,', 'asin is "B0000000012"; it must be 10 capital letters and digits'],
    ['shop,offers,US,, S,,,,', 'sku is " S"; it begins or ends with a space'],
    ['shop,offers,US,,S\tT,,,,', 'sku is "S\\tT"; it holds a control character'],
    ['shop,offers,US,,..,,,,', 'sku is "..", which cannot be part of a path'],
    ['shop,own,US,,"A,B",,,,', 'sku is "A,B"; it holds a comma, and the views own and competitive ask Amazon for a list of SKUs that commas separate: only the view offers can watch it'], // prettier-ignore
    ['shop,competitive,US,,"A,B",,,,', 'sku is "A,B"; it holds a comma, and the views own and competitive ask Amazon for a list of SKUs that commas separate: only the view offers can watch it'], // prettier-ignore
    ['shop,offers,US,B000000001,,Any,,,', 'condition is "Any"; for the view offers it must be one of New, Used, Collectible, Refurbished, Club'], // prettier-ignore
    ['shop,own,US,B000000001,,new,,,', 'condition is "new"; for the view own it must be one of Any, New, Used, Collectible, Refurbished, Club'], // prettier-ignore
    [
      'shop,competitive,US,B000000001,,New,,,',
      'condition is "New"; for the view competitive it must be Any or be empty',
    ],
    ['shop,offers,US,B000000001,,,B2B,,', 'customer-type is "B2B"; it must be one of Consumer, Business'],
    ['shop,offers,US,B000000001,,,,,maybe', 'sales-ranks is "maybe"; it must be yes or no'],
    ['nobody,offers,US,B000000001,,,,,', 'account is "nobody", which the settings do not name (known: shop, shop-eu)'],
    ['shop,offers,DE,B000000001,,,,,', 'marketplace is "DE", which the settings do not give to the account shop (it has: US, CA)'], // prettier-ignore
    [',x,YY,,,,Both,,', /^account is empty; view is "x".*; marketplace is "YY".*; customer-type is "Both".*; asin and sku are both empty/], // prettier-ignore
  ])('refuses the line %j and says why', async (line, message) => {
    const { reason } = (await lineOf(line)) as BadLine;
    expect(reason).toEqual(typeof message === 'string' ? message : expect.stringMatching(message));
  });

  it('refuses every other answer than yes and no', async () => {
    const line = await lineOf('shop,US,B000000001,Yes,nope', 'account,marketplace,asin,sales-ranks,offer-counts');
    expect((line as BadLine).reason).toBe(
      'sales-ranks is "Yes"; it must be yes or no; offer-counts is "nope"; it must be yes or no',
    );
  });

  it.each(['0', '0.00', '0%', '-1', '1,50', '101%', '2 %', '1 2', '1% 2%', '1 2% 3', '1e3', '$1', ' 1', '1.', '.5'])(
    'refuses the threshold %j',
    async (threshold) => {
      const { reason } = (await lineOf(`shop,offers,US,B000000001,,,,"${threshold}",`)) as BadLine;
      expect(reason).toBe(
        `threshold is "${threshold}"; it must be an amount above 0 such as 0.50, a percentage up to 100 such as 2%, or both, such as 0.50 2%`,
      );
    },
  );

  it.each<[string, Tuning]>([
    ['0.50,', { threshold: { absolute: '0.50' } }],
    ['2%,no', { threshold: { percent: 2 } }],
    ['0.50 2.5%,yes', { threshold: { absolute: '0.50', percent: 2.5 }, compareSalesRanks: true }],
    ['100% 1000,', { threshold: { absolute: '1000', percent: 100 } }],
    [',', {}],
    [',,no', { ignoreOfferCounts: true }],
    [',,yes', {}],
    ['1%,yes,no', { threshold: { percent: 1 }, compareSalesRanks: true, ignoreOfferCounts: true }],
  ])('tunes by %j', async (fields, tuning) => {
    const header = fields.split(',').length === 2 ? HEADER : `${HEADER},offer-counts`;
    const told = await tuningOf(`shop,offers,US,B000000001,,,,${fields}`, {}, header);
    expect(told).toEqual(tuning);
    expect(PriceTuning.parse(told)).toEqual(tuning);
  });

  it('keeps that part of a tuning whose column the file does not have, and drops what an empty field stands for', async () => {
    const before = { threshold: { percent: 2 }, compareSalesRanks: true, ignoreOfferCounts: true, later: 7 };
    const ranks = { compareSalesRanks: true };
    const counts = { ignoreOfferCounts: true };
    const line = 'shop,US,B000000001';
    const header = 'account,marketplace,asin';
    expect(await tuningOf(line, before, header)).toEqual(before);
    expect(await tuningOf(`${line},`, before, `${header},threshold`)).toEqual({ ...ranks, ...counts, later: 7 });
    const threshold = { percent: 2 };
    for (const field of ['no', '']) {
      const told = await tuningOf(`${line},${field}`, before, `${header},sales-ranks`);
      expect(told).toEqual({ threshold, ...counts, later: 7 });
    }
    for (const field of ['yes', '']) {
      const told = await tuningOf(`${line},${field}`, before, `${header},offer-counts`);
      expect(told).toEqual({ threshold, ...ranks, later: 7 });
    }
  });

  it.each([
    ['own', 'sku', 'getPricing'],
    ['competitive', 'asin', 'getCompetitivePricing'],
    ['offers', 'asin', 'getItemOffersBatch'],
    ['offers', 'sku', 'getListingOffers'],
  ])('puts the view %s by %s into the bucket of %s', async (view, itemType, operation) => {
    const line = await lineOf(`shop,US,${view},B000000001`, `account,marketplace,view,${itemType}`);
    expect(PRICES.bucketOf((line as GoodLine).fields)).toEqual({ value: `pricing|shop|na|${operation}` });
  });

  it('refuses what the index of the table cannot hold', async () => {
    const room = 1024 - Buffer.byteLength(priceWatchId(watch({ itemType: 'sku', item: '' })));
    const line = (length: number) => lineOf(`shop,offers,US,,${'s'.repeat(length)},,,,`);
    expect(await line(room)).toMatchObject({ line: 2, watchId: expect.any(String) });
    expect(await line(room + 1)).toMatchObject({ reason: expect.stringContaining('too long with its account: 1025') });
  });

  it('is told from a file of titles by its header, and not mixed with one', async () => {
    const file = await openWatchFile(pieces('account,marketplace,asin\n'), KINDS);
    expect(file.kind.name).toBe('price');
    await expect(openWatchFile(pieces('licensor,marketplace,asin\n'), KINDS)).rejects.toThrow(
      /lacks columns, or mixes.*for title watches: licensor, .*; price watches: account, view \(default offers\), marketplace, asin \(optional\)/,
    );
    await expect(openWatchFile(pieces('acount,marketplace,asin\n'), KINDS)).rejects.toThrow('Did you mean "account"?');
  });
});

describe('one price on the command line', () => {
  it('has options by its columns, except by those of its tuning', async () => {
    const { one } = options('remove', '--account', 'shop', '--marketplace', 'CA', '--sku', 'A', '--view', 'own');
    expect(one).toEqual({ account: 'shop', marketplace: 'CA', sku: 'A', view: 'own' });
    const { lines } = await openWatchFile(oneLineFile(one ?? {}), KINDS);
    const own = watch({ view: 'own', marketplaceId: 'A2EUQ1WTGCTBG2', itemType: 'sku', item: 'A', condition: 'Any' });
    expect(await collect(lines)).toMatchObject([{ watchId: priceWatchId(own) }]);
    expect(() => options('remove', '--account', 'shop')).toThrow('One price needs --account and --marketplace');
    expect(() => options('remove', '--account', 'shop', '--alid', 'A')).toThrow('different kinds');
    expect(() => options('check-now', '--threshold', '1')).toThrow('--threshold');
    expect(() => options('remove')).toThrow('--licensor and --alid, or --account and --marketplace.');
  });

  it('is explained', () => {
    expect(help('check-now')).toMatch(/or one price by\n +--account <text> +its selling account/);
    expect(help('import')).toMatch(/for prices\n +account +its selling account[^]* {2}threshold +the least difference/);
    expect(help('list')).toMatch(/title or price \(default title[^]*--marketplace <text> +only those/);
    for (const command of ['import', 'list', 'remove', 'check-now']) {
      for (const line of help(command).split('\n')) expect(line.length).toBeLessThanOrEqual(120);
    }
  });

  it('is listed by the kind that the options belong to', () => {
    expect(options('list').kind).toBe('title');
    expect(options('list', '--licensor', 'x').kind).toBe('title');
    expect(options('list', '--marketplace', 'US')).toMatchObject({ kind: 'price', filter: { marketplace: 'US' } });
    expect(options('list', '--kind', 'title', '--account', 'x').kind).toBe('title');
  });
});

describe('the printed list of prices', () => {
  it('chooses by country code and identifier alike, and marks what is invalid', async () => {
    const rows = [watch(), watch({ marketplaceId: 'A2EUQ1WTGCTBG2' }), watch({ marketplaceId: 'GONE' })].map((one) => ({
      watchId: priceWatchId(one),
      bucketId: 'b',
      lap: 'b#invalid',
      problem: { code: 'InvalidInput', message: 'no such ASIN', since: '' },
      tuning: { threshold: { absolute: '0.50', percent: 2 }, compareSalesRanks: true, ignoreOfferCounts: true },
    }));
    const line = (place: string) => `shop,offers,${place},B000000001,,New,Consumer,0.50 2%,yes,no`;
    const linesOf = async (filter: Record<string, string>) =>
      (await print(rows, { filter })).trim().split('\n').slice(1);
    expect(await linesOf({})).toEqual([line('US'), line('CA'), line('GONE')]);
    expect(await linesOf({ marketplace: 'ca' })).toEqual([line('CA')]);
    expect(await linesOf({ marketplace: US, view: 'offers' })).toEqual([line('US')]);
    expect(await linesOf({ view: 'own' })).toEqual([]);
    const [, detailed] = (await print(rows, { details: true })).split('\n');
    expect(detailed).toBe(`${line('US')},invalid,0,,InvalidInput: no such ASIN`);
  });

  it('shows what it can read of a tuning that somebody else has written', async () => {
    const row = { watchId: priceWatchId(watch()), bucketId: 'b', lap: 'b#new' };
    const tunings = [{ threshold: 'a lot' }, { threshold: { absolute: 5, percent: 3 } }, { compareSalesRanks: 'yes' }];
    const printed = await print(tunings.map((tuning) => ({ ...row, tuning })));
    expect(printed.match(/Consumer,.*$/gmu)).toEqual(['Consumer,,,', 'Consumer,3%,,', 'Consumer,,,']);
  });

  it('leaves out rows that are no prices', async () => {
    const warnings: string[] = [];
    const row = { watchId: 'price|broken', bucketId: 'b', lap: 'b#new' };
    await print([row], { warn: (message) => void warnings.push(message) });
    expect(warnings).toEqual(['A row is left out: "price|broken" is not the identifier of a price.']);
  });

  const sku = fc
    .oneof(
      fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }),
      fc.string({ unit: fc.constantFrom('"', ',', '|', '%', '+', '/', ' ', 'é', '𝄞', '7', '=', '#'), minLength: 1 }),
    )
    .filter((value) => value.isWellFormed() && value === value.trim() && !/^$|[\p{Cc}\uFFFD]|^\.\.?$/u.test(value));
  const item = fc.oneof(
    fc.record({ itemType: fc.constant('asin' as const), item: fc.stringMatching(/^[A-Z0-9]{10}$/u) }),
    fc.record({ itemType: fc.constant('sku' as const), item: sku }),
  );
  const view = fc.oneof(
    fc.record({ view: fc.constant('own' as const), condition: fc.constantFrom('Any' as const, ...ITEM_CONDITIONS) }),
    fc.record({ view: fc.constant('competitive' as const), condition: fc.constant('Any' as const) }),
    fc.record({ view: fc.constant('offers' as const), condition: fc.constantFrom(...ITEM_CONDITIONS) }),
  );
  const place = fc.record({
    account: fc.constantFrom('shop', 'shop-eu'),
    marketplaceId: fc.constantFrom(...MARKETPLACES.map(({ id }) => id)),
    customerType: fc.constantFrom(...CUSTOMER_TYPES),
  });
  const price: fc.Arbitrary<PriceWatch> = fc
    .tuple(item, view, place)
    .map(([what, how, where]) => ({ ...what, ...how, ...where }))
    .filter((one) => one.itemType === 'asin' || one.view === 'offers' || !one.item.includes(','));
  const digits = fc.stringMatching(/^[1-9][0-9]{0,5}(?:\.[0-9]{1,4})?$/u);
  const percent = fc.integer({ min: 1, max: 1_000_000 }).map((steps) => steps / 10_000);
  const threshold = fc.oneof(
    fc.record({ absolute: digits }),
    fc.record({ percent }),
    fc.record({ absolute: digits, percent }),
  );
  const tuning = fc.oneof(
    fc.constant({}),
    fc.record(
      { threshold, compareSalesRanks: fc.constant(true), ignoreOfferCounts: fc.constant(true) },
      { requiredKeys: [] },
    ),
  );

  it.each([false, true])(
    'can be imported as it is, with every tuning, whatever the SKUs hold (details: %s)',
    async (details) => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.tuple(price, tuning), { maxLength: 8 }),
          fc.integer({ min: 1, max: 30 }),
          async (watches, size) => {
            const rows = watches.map(([one, how]) => ({ watchId: priceWatchId(one), bucketId: 'b', lap: 'b#steady', tuning: how })); // prettier-ignore
            const file = await openWatchFile(pieces(await print(rows, { details }), size), KINDS);
            expect(file.kind).toBe(PRICES);
            const lines = await collect(file.lines);
            expect(lines.map((line) => ('watchId' in line ? line.watchId : line.reason))).toEqual(
              rows.map(({ watchId }) => watchId),
            );
            // Whatever the watch's tuning is now, the line says all of it.
            const stale = { threshold: { absolute: '7' }, compareSalesRanks: true, ignoreOfferCounts: true };
            const tunings = lines.map((line) => PRICES.tuningOf((line as GoodLine).fields, stale));
            expect(tunings).toEqual(rows.map((row) => ({ value: row.tuning })));
          },
        ),
      );
    },
  );

  it('does not take a title for a price', () => {
    const title = titleWatchId({ licensor: 'l', marketplace: 'US', alid: 'a' });
    expect(() => PRICES.describe(title)).toThrow(RangeError);
    expect(() => TITLES.describe(priceWatchId(watch()))).toThrow(RangeError);
  });
});
