import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { batchedResponse, richOffersItem, richOwnPriceItem } from './documents.ts';
import { PriceWorld } from './price-world.ts';

const ASINS = ['B000000000', 'B000000001', 'B000000002'];

const money = (amount: number) => ({ CurrencyCode: 'USD', Amount: amount });

function competitiveItem(asin: string) {
  return {
    status: 'Success',
    ASIN: asin,
    Product: {
      Identifiers: { MarketplaceASIN: { MarketplaceId: 'ATVPDKIKX0DER', ASIN: asin } },
      CompetitivePricing: {
        CompetitivePrices: [
          {
            CompetitivePriceId: '1',
            Price: { LandedPrice: money(12), ListingPrice: money(12), Shipping: money(0), Points: { PointsNumber: 3 } },
            condition: 'New',
            subcondition: 'New',
            offerType: 'B2C',
            belongsToRequester: true,
            sellerId: 'ME',
          },
          { CompetitivePriceId: '2', Price: { ListingPrice: money(7) }, condition: 'Used', subcondition: 'Good' },
        ],
        NumberOfOfferListings: [
          { Count: 4, condition: 'New' },
          { Count: 2, condition: 'Used' },
        ],
        TradeInValue: money(1.5),
      },
      SalesRankings: [{ ProductCategoryId: 'books', Rank: 7 }],
    },
  };
}

const VIEWS = {
  own: {
    watch: { view: 'own', condition: 'Any' },
    body: (asins: readonly string[]) => ({ payload: asins.map(richOwnPriceItem) }),
  },
  competitive: {
    watch: { view: 'competitive', condition: 'Any' },
    body: (asins: readonly string[]) => ({ payload: asins.map(competitiveItem) }),
  },
  offers: {
    watch: { view: 'offers' },
    body: (asins: readonly string[]) => ({
      responses: asins.map((asin) => batchedResponse(asin, richOffersItem(asin))),
    }),
  },
} as const;

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

/** Where something can be broken: the containers of a document with a key each. */
function places(value: Json, path = ''): { holder: Record<string, Json> | Json[]; key: string; path: string }[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    const place = { holder: value, key, path: `${path}.${key}` };
    return [place, ...places(inner, place.path)];
  });
}

/** Words that may be any: another one is another truth, and no accident. */
const FREE = new Set([
  ...['SellerId', 'sellerId', 'SellerSKU', 'CompetitivePriceId', 'ProductCategoryId', 'State', 'Country'],
]);

/** How something is missing, and how it is there but wrong: of another type, or of a value that nobody knows. */
const ABSENCES = ['drop', 'null', 'emptyText'];
const WRONGS = ['number', 'text', 'list', 'object', 'flag'];

/** One thing that goes wrong somewhere. */
const accident = fc.record({ at: fc.nat(), how: fc.constantFrom(...ABSENCES, ...WRONGS) });

/** Breaks a document at one place; tells where and how. */
function breakAt(body: Json, { at, how }: { at: number; how: string }): string {
  const all = places(body);
  const place = all[at % all.length];
  if (!place || (how === 'text' && FREE.has(place.key))) return 'nothing';
  const told = `${how} at ${place.path}`;
  const { holder, key } = place as { holder: Record<string, Json>; key: string };
  const old = holder[key];
  if (how === 'drop') {
    if (Array.isArray(holder)) holder.splice(Number(key), 1);
    else Reflect.deleteProperty(holder, key);
    return told;
  }
  const wrong: Record<string, Json> = {
    null: null,
    number: -7.5,
    text: 'Xyzzy',
    list: ['Xyzzy'],
    object: { Xyzzy: 1 },
    flag: typeof old === 'boolean' ? 'Xyzzy' : true,
    emptyText: '',
  };
  // Another value of the right type would be another truth, not an accident: but for words, which may be unknown ones.
  const broken = wrong[how] ?? null;
  if (typeof broken === 'number' && typeof old === 'number') return 'nothing';
  holder[key] = broken;
  return told;
}

describe('a broken answer', () => {
  it.each(Object.entries(VIEWS))(
    'never throws out of a worker, makes no false change, and is kept with its reason: %s view',
    async (_, { watch, body }) => {
      let quarantined = 0;
      await fc.assert(
        fc.asyncProperty(fc.array(accident, { minLength: 1, maxLength: 3 }), async (accidents) => {
          const world = new PriceWorld();
          const ids = ASINS.map((item) => world.add({ ...watch, item }));
          const whole = (): { body: Json } => ({ body: JSON.parse(JSON.stringify(body(ASINS))) as Json });
          world.reply = whole;
          await world.visit(...ids);
          expect(world.told()).toHaveLength(3);
          const before = ids.map((id) => world.head(id).state);

          const broken = whole().body;
          const accidentsTold = accidents.map((each) => breakAt(broken, each));
          world.reply = () => ({ body: broken });
          const visits = await world.visit(...ids);
          const changes = world.recorded.map((change) => change.changes['price']);
          expect({ accidentsTold, changes }).toEqual({ accidentsTold, changes: [] });
          if (accidents.every(({ how }) => WRONGS.includes(how))) {
            await world.visit(...ids);
            const again = world.recorded.map((change) => change.changes['price']);
            expect({ accidentsTold, again }).toEqual({ accidentsTold, again: [] });
          }
          for (const visit of visits) {
            if (visit.kind === 'failed') expect(visit.error.message).not.toBe('');
          }
          for (const letter of world.letters) {
            quarantined += 1;
            expect(letter.reason.code).toBe('UnreadableAnswer');
            expect(letter.reason.message).not.toBe('');
            expect(letter.reason.raw).toEqual(expect.any(String));
          }

          world.reply = whole;
          expect((await world.visit(...ids)).map(({ kind }) => kind)).toEqual(ids.map(() => 'unchanged'));
          expect(world.told()).toEqual([]);
          expect(ids.map((id) => world.head(id).state)).toEqual(before);
        }),
        { numRuns: Number(process.env['FUZZ_RUNS'] ?? 1_000) },
      );
      // The accidents do reach what is read.
      expect(quarantined).toBeGreaterThan(100);
    },
    600_000,
  );

  it.each(Object.entries(VIEWS))(
    'at any one place makes no change at the first look, nor ever where something is wrong rather than missing: %s view',
    async (_, { watch, body }) => {
      const [asin = ''] = ASINS;
      const whole = (): Json => JSON.parse(JSON.stringify(body([asin]))) as Json;
      const count = places(whole()).length;
      expect(count).toBeGreaterThan(20);
      const changed: string[] = [];
      for (const how of [...ABSENCES, ...WRONGS]) {
        for (let at = 0; at < count; at += 1) {
          const world = new PriceWorld();
          const id = world.add({ ...watch, item: asin });
          world.reply = () => ({ body: whole() });
          await world.visit(id);
          world.told();
          const broken = whole();
          const accidentTold = breakAt(broken, { at, how });
          world.reply = () => ({ body: broken });
          await world.visit(id);
          if (WRONGS.includes(how)) await world.visit(id);
          const told = world.told();
          if (told.length > 0) changed.push(`${accidentTold}: ${told.join(', ')}`);
        }
      }
      expect(changed).toEqual([]);
    },
    120_000,
  );

  it('that is no JSON, or none of this API, is kept for each watch with its reason', async () => {
    for (const text of ['', '<html>busy</html>', '[]', '{"payload":7}', 'null', '{"payload":null}']) {
      const world = new PriceWorld();
      const ids = ASINS.map((item) => world.add({ view: 'own', condition: 'Any', item }));
      world.reply = () => ({ body: text });
      const visits = await world.visit(...ids);
      expect(visits.map(({ kind }) => kind)).toEqual(['failed', 'failed', 'failed']);
      expect(world.told()).toEqual([]);
    }
  });
});
