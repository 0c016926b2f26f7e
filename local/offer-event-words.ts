import * as z from 'zod';
import { Change, names, text, told, words } from './event-phrases.ts';
import type { EventWords, NameOf } from './event-words.ts';

const Offer = z.looseObject({
  status: z.string(),
  windows: z.array(z.looseObject({ licenseType: z.string(), territories: z.array(z.string()) })),
});
const Data = z.looseObject({
  alid: z.string(),
  groupingEntity: z.string().nullable(),
  before: Offer.nullable(),
  after: Offer.nullable(),
  changes: z.array(Change),
});

/** What an event tells of an offer, or undefined when it tells of something else. */
export function offerWords(headline: string, data: unknown, titleOf: NameOf): EventWords | undefined {
  const parsed = Data.safeParse(data);
  if (!parsed.success) return undefined;
  const { alid, groupingEntity, before, after, changes } = parsed.data;
  const offer = after ?? before;
  const kinds = names(new Set(offer?.windows.map((window) => window.licenseType)));
  const where = names(new Set(offer?.windows.flatMap((window) => window.territories)));
  const place = [kinds, groupingEntity, where && `in ${where}`].filter(Boolean).join(' ');
  const what = headline === 'Offer Added' ? (after?.status ?? '') : describe(headline, changes, before, after);
  return { headline, title: titleOf(alid) ?? alid, story: [place, what].filter(Boolean).join(': ') };
}

type OfferState = z.infer<typeof Offer> | null;

/** What changed, the kind that the headline is about first. */
function describe(headline: string, changes: readonly Change[], before: OfferState, after: OfferState): string {
  const isStatus = ({ change }: Change): boolean => change === 'statusMoved' || change === 'windowStatusMoved';
  const statusFirst = headline !== 'Offer Window Changed';
  const sorted = changes.toSorted((a, b) => Number(isStatus(b) === statusFirst) - Number(isStatus(a) === statusFirst));
  return told(sorted.map((change) => story(change, before, after)));
}

function story(change: Change, before: OfferState, after: OfferState): string {
  switch (change.change) {
    case 'statusMoved':
      return `${text(change.from)} → ${text(change.to)}`;
    case 'windowStatusMoved':
      // A window without a status of its own has the offer's.
      return `a window ${text(change.from ?? before?.status)} → ${text(change.to ?? after?.status)}`;
    case 'windowAdded':
      return `window added${windowOf(change)}`;
    case 'windowRemoved':
      return `window removed${windowOf(change)}`;
    case 'windowMoved':
      return `window moved to ${period(change.to)}`;
    case 'periodMoved':
      return `runs ${period(change.to)}`;
    case 'formatProfilesGained':
      return `gained ${listed(change['formatProfiles'])}`;
    case 'formatProfilesLost':
      return `lost ${listed(change['formatProfiles'])}`;
    case 'territoriesGained':
      return `gained ${listed(change['territories'])}`;
    case 'territoriesLost':
      return `lost ${listed(change['territories'])}`;
    case 'offerAdded':
    case 'offerRemoved':
      return '';
    default:
      return words(change.change);
  }
}

function windowOf(change: Change): string {
  const window = z.looseObject({ territories: z.array(z.string()) }).safeParse(change['window']);
  return window.success ? ` in ${names(new Set(window.data.territories))}` : '';
}

function period(value: unknown): string {
  const parsed = z.object({ start: z.string().nullable(), end: z.string().nullable() }).safeParse(value);
  return parsed.success ? `${day(parsed.data.start)} – ${day(parsed.data.end)}` : '';
}

function day(time: string | null): string {
  return time === null ? 'open' : time.replace(/T00:00:00\.000Z$/, '');
}

function listed(value: unknown): string {
  const parsed = z.array(z.string()).safeParse(value);
  return parsed.success ? names(new Set(parsed.data)) : '?';
}
