import * as z from 'zod';
import { marketplaceOf } from '../lambdas/pricing/marketplaces.ts';
import { Change, told, words } from './event-phrases.ts';
import type { EventWords, NameOf } from './event-words.ts';

/** A row of any of a price's lists: what is told of one, wherever it stands. */
const Row = z.looseObject({
  landed: z.string().optional(),
  mine: z.boolean().nullish(),
  winners: z.array(z.looseObject({ sellerId: z.string() })).optional(),
  sellerId: z.string().optional(),
  condition: z.string().optional(),
  channel: z.string().optional(),
  count: z.number().optional(),
  rank: z.number().optional(),
  category: z.string().optional(),
  quantityTier: z.number().optional(),
});
type Row = z.infer<typeof Row>;
const rows = z.array(Row).default([]);
const Price = z.looseObject({
  currency: z.string().optional(),
  own: rows,
  buyBox: rows,
  lowest: rows,
  totalOfferCount: z.number().optional(),
});
const Data = z.looseObject({
  view: z.string(),
  marketplaceId: z.string(),
  asin: z.string().nullable(),
  sku: z.string().nullable(),
  condition: z.string().nullable(),
  customerType: z.string().nullable(),
  before: Price.nullable(),
  after: Price.nullable(),
  changes: z.array(Change),
});

/** The kinds of changes that a headline is about. */
const ABOUT: Readonly<Record<string, readonly string[]>> = {
  'Buy Box Changed': ['buyBoxChanged'],
  'Lowest Price Changed': ['lowestPriceChanged'],
  'Competitor Entered': ['offerChanged'],
  'Competitor Left': ['offerChanged'],
  'Offer Count Changed': ['totalOfferCountChanged', 'offerCountChanged', 'buyBoxEligibleChanged'],
};
const PRICES = ['ownPriceChanged', 'competitivePriceChanged', 'referencePriceChanged', 'offerChanged'];

/** What hardly anybody waits for comes last. */
const AS_WELL = ['salesRankChanged', 'detailChanged'];

/** What an event tells of a price, or undefined when it tells of something else. */
export function priceWords(headline: string, data: unknown, nameOf: NameOf): EventWords | undefined {
  const parsed = Data.safeParse(data);
  if (!parsed.success) return undefined;
  const { view, marketplaceId, asin, sku, condition, customerType, before, after, changes } = parsed.data;
  const place = [
    marketplaceOf(marketplaceId)?.country ?? marketplaceId,
    condition === 'Any' ? '' : condition,
    customerType === 'Business' ? customerType : '',
    view,
  ];
  const currency = after?.currency ?? before?.currency ?? '';
  const about = ABOUT[headline] ?? PRICES;
  const isAbout = ({ change, from, to }: Change): boolean =>
    about.includes(change) &&
    (headline !== 'Competitor Entered' || from === null) &&
    (headline !== 'Competitor Left' || to === null);
  const rank = (one: Change): number => (isAbout(one) ? 0 : AS_WELL.includes(one.change) ? 2 : 1);
  const sorted = changes.toSorted((a, b) => rank(a) - rank(b));
  const what =
    headline === 'Price Added' && after
      ? shown(after)
      : told(sorted.map((one) => story(one, currency, after?.buyBox ?? [])));
  const id = sku ?? asin ?? '?';
  const name = (sku === null ? undefined : nameOf(sku)) ?? (asin === null ? undefined : nameOf(asin)) ?? id;
  return { headline, title: name, story: [place.filter(Boolean).join(' '), what].filter(Boolean).join(': ') };
}

/** A price that is seen for the first time. */
function shown({ own, buyBox, lowest, totalOfferCount, currency = '' }: z.infer<typeof Price>): string {
  const [mine, box, least] = [own[0], buyBox[0], lowest[0]];
  return told([
    mine === undefined ? '' : `own price ${amount(mine, currency)}`,
    box === undefined ? '' : `Buy Box ${amount(box, currency)}${winner(box) && ` (${winner(box)})`}`,
    least === undefined ? '' : `lowest ${amount(least, currency)}`,
    totalOfferCount === undefined ? '' : `${totalOfferCount} ${totalOfferCount === 1 ? 'offer' : 'offers'}`,
  ]);
}

/** @param boxes the Buy Boxes that there are now */
function story(change: Change, currency: string, boxes: readonly Row[]): string {
  const from = rowOf(change.from);
  const to = rowOf(change.to);
  const row = to ?? from ?? {};
  switch (change.change) {
    case 'ownPriceChanged':
      return `own price${moved(from, to, currency)}`;
    case 'buyBoxChanged':
      return buyBox(String(change['outcome']), { from, to, boxes }, currency);
    case 'lowestPriceChanged':
      return `lowest ${spoken(row.condition, row.channel)}price${moved(from, to, currency)}`;
    case 'competitivePriceChanged':
      return `competitive price${moved(from, to, currency)}`;
    case 'offerChanged': {
      const seller = row.mine === true ? 'own offer' : `seller ${row.sellerId ?? '?'}`;
      if (from === undefined) return `${seller} entered at ${amount(row, currency)}`;
      return to === undefined ? `${seller} left` : `${seller}${moved(from, to, currency)}`;
    }
    case 'totalOfferCountChanged':
      return `${value(change.from)} → ${value(change.to)} offers`;
    case 'offerCountChanged':
      return `${from?.count ?? 0} → ${to?.count ?? 0} ${spoken(row.condition, row.channel)}offers`;
    case 'buyBoxEligibleChanged':
      return `${from?.count ?? 0} → ${to?.count ?? 0} ${spoken(row.condition, row.channel)}offers may win the Buy Box`;
    case 'referencePriceChanged':
      return `${words(value(change['price']))} ${value(change.from)} → ${value(change.to)} ${currency}`.trimEnd();
    case 'salesRankChanged':
      return `rank ${from?.rank ?? 'none'} → ${to?.rank ?? 'none'} in ${row.category ?? '?'}`;
    case 'detailChanged':
      return `${value(change['detail'])} ${value(change.from)} → ${value(change.to)}`;
    case 'watchInvalid':
      return `${value(change['code'])}: ${value(change['message'])}`;
    case 'priceAdded':
    case 'priceRemoved':
      return '';
    default:
      return words(change.change);
  }
}

function buyBox(
  outcome: string,
  { from, to, boxes }: { from: Row | undefined; to: Row | undefined; boxes: readonly Row[] },
  currency: string,
): string {
  if (to === undefined) {
    // Two may have shared it.
    const left = boxes.find((box) => box.condition === from?.condition && box.quantityTier === from?.quantityTier);
    if (left !== undefined && outcome === 'lost') return buyBox(outcome, { from, to: left, boxes }, currency);
    if (left !== undefined) return `Buy Box left to ${winner(left) || 'one seller'} at ${amount(left, currency)}`;
    return outcome === 'lost' ? 'Buy Box lost, nobody has it' : 'Buy Box gone';
  }
  const at = `at ${amount(to, currency)}`;
  if (outcome === 'won') return `Buy Box won ${at}`;
  if (outcome === 'lost') return `Buy Box lost to ${winner(to) || 'another seller'} ${at}`;
  const isPassedOn = winner(to) !== '' && (from === undefined || winner(from) !== winner(to));
  return isPassedOn ? `Buy Box goes to ${winner(to)} ${at}` : `Buy Box${moved(from, to, currency)}`;
}

/** Who has the Buy Box; nothing where nobody can tell. */
function winner({ mine, winners = [] }: Row): string {
  if (mine === true) return 'own offer';
  return winners.length === 0 ? '' : `seller ${winners.map(({ sellerId }) => sellerId).join(' and ')}`;
}

/** ` 13.99 → 12.99 USD`, with a space in front. */
function moved(from: Row | undefined, to: Row | undefined, currency: string): string {
  if (from === undefined) return ` ${amount(to ?? {}, currency)}`;
  if (to === undefined) return ' gone';
  return from.landed === to.landed ? ' changed' : ` ${from.landed ?? '?'} → ${amount(to, currency)}`;
}

function amount({ landed = '?' }: Row, currency: string): string {
  return `${landed} ${currency}`.trimEnd();
}

/** Words with a space behind, as far as they are there. */
function spoken(...given: readonly (string | undefined)[]): string {
  return given.map((word) => (word === undefined ? '' : `${word} `)).join('');
}

function rowOf(side: unknown): Row | undefined {
  return Row.safeParse(side).data;
}

function value(given: unknown): string {
  return typeof given === 'string' || typeof given === 'number' ? String(given) : 'none';
}
