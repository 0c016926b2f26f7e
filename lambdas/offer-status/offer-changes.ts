import * as z from 'zod/mini';
import { Offer, type Offers, Window } from './offer.ts';
import { canonicalWindows, sortedSet, without } from './offer-windows.ts';
import { refKey, windowRefs } from './window-refs.ts';

const offerKey = z.string().check(z.describe('Key of the changed offer: ALID, grouping entity or -, and marketplace.'));
const code = z.string();
const comments = z.nullable(z.string());

/** From when to when. */
export const Period = z.object({
  start: z.nullable(z.string()).check(z.describe('ISO instant in UTC, a word, or null for open.')),
  end: z.nullable(z.string()).check(z.describe('ISO instant in UTC, a word, or null for open.')),
});
export type Period = z.infer<typeof Period>;

/** Names one window of the offer as it was before the change. */
export const WindowRef = z.extend(
  z.pick(Window, { licenseType: true, contractId: true, territories: true, start: true, end: true }),
  {
    nth: z.int().check(z.nonnegative(), z.describe('0; 1, 2 … where several windows of the offer share all the rest.')),
  },
);
export type WindowRef = z.infer<typeof WindowRef>;

const window = WindowRef.check(z.describe('The window as it was before the change.'));
// One change for all items, so that the window, with all its territories, is not repeated for each of them.
const items = (of: string) =>
  z.array(z.string()).check(z.minLength(1), z.describe(`${of} that came or went, sorted, each once.`));
const platformIds = items('Global Title Identifiers');
const formatProfiles = items('Format profiles');
const territories = items('Territories');
const change = <Name extends string>(name: Name) => ({ change: z.literal(name), offerKey });

/** One named difference between two snapshots of a title. */
export const OfferChange = z.discriminatedUnion('change', [
  z.object({ ...change('offerAdded'), offer: Offer }),
  z.object({ ...change('offerRemoved') }),
  z.object({ ...change('statusMoved'), from: code, to: code }),
  z.object({ ...change('commentsChanged'), from: comments, to: comments }),
  z.object({ ...change('periodMoved'), from: Period, to: Period }),
  z.object({ ...change('platformIdsGained'), platformIds }),
  z.object({ ...change('platformIdsLost'), platformIds }),
  z.object({ ...change('windowAdded'), window: Window }),
  z.object({ ...change('windowRemoved'), window }),
  z.object({ ...change('windowMoved'), window, from: Period, to: Period }),
  z.object({
    ...change('windowStatusMoved'),
    window,
    from: z.nullable(code).check(z.describe("Null: the offer's status held.")),
    to: z.nullable(code).check(z.describe("Null: the offer's status holds.")),
  }),
  z.object({ ...change('windowCommentsChanged'), window, from: comments, to: comments }),
  z.object({ ...change('formatProfilesGained'), window, formatProfiles }),
  z.object({ ...change('formatProfilesLost'), window, formatProfiles }),
  z.object({ ...change('territoriesGained'), window, territories }),
  z.object({ ...change('territoriesLost'), window, territories }),
]);
export type OfferChange = z.infer<typeof OfferChange>;

/**
 * Replays changes: `applyOfferChanges(before, compareOffers(before, after))` equals `after` in all that is compared.
 *
 * @throws RangeError when a change names an offer or a window that the snapshot does not hold
 */
export function applyOfferChanges(before: Offers | null, changes: readonly OfferChange[]): Offers {
  const offers: Offers = { ...before };
  for (const [offerKey, ofOffer] of Map.groupBy(changes, (change) => change.offerKey)) {
    const [only] = ofOffer;
    const offer = offers[offerKey];
    if (only?.change === 'offerAdded') offers[offerKey] = only.offer;
    else if (!offer) throw new RangeError(`no offer ${offerKey} to change`);
    else if (only?.change === 'offerRemoved') delete offers[offerKey];
    else offers[offerKey] = applyToOffer(offer, ofOffer);
  }
  return offers;
}

function applyToOffer(offer: Offer, changes: readonly OfferChange[]): Offer {
  const next: Offer = { ...offer };
  // Windows are named as they were before, so all changes find theirs in the same list.
  const windows = new Map([...windowRefs(offer.windows)].map(([window, ref]) => [refKey(ref), { ...window }]));
  const named = (ref: WindowRef): Window => {
    const window = windows.get(refKey(ref));
    if (!window) throw new RangeError(`the offer has no window ${refKey(ref)}`);
    return window;
  };
  const removed = new Set<Window>();
  const added: Window[] = [];
  for (const change of changes) {
    switch (change.change) {
      case 'offerAdded':
      case 'offerRemoved':
        throw new RangeError(`${change.change} cannot stand among other changes of the same offer`);
      case 'statusMoved':
        next.status = change.to;
        break;
      case 'commentsChanged':
        next.comments = change.to;
        break;
      case 'periodMoved':
        Object.assign(next, change.to);
        break;
      case 'platformIdsGained':
        next.platformIds = sortedSet([...next.platformIds, ...change.platformIds]);
        break;
      case 'platformIdsLost':
        next.platformIds = without(next.platformIds, change.platformIds);
        break;
      case 'windowAdded':
        added.push(change.window);
        break;
      case 'windowRemoved':
        removed.add(named(change.window));
        break;
      case 'windowMoved':
        Object.assign(named(change.window), change.to);
        break;
      case 'windowStatusMoved':
        named(change.window).status = change.to;
        break;
      case 'windowCommentsChanged':
        named(change.window).comments = change.to;
        break;
      case 'formatProfilesGained': {
        const window = named(change.window);
        window.formatProfiles = sortedSet([...window.formatProfiles, ...change.formatProfiles]);
        break;
      }
      case 'formatProfilesLost': {
        const window = named(change.window);
        window.formatProfiles = without(window.formatProfiles, change.formatProfiles);
        break;
      }
      case 'territoriesGained': {
        const window = named(change.window);
        window.territories = sortedSet([...window.territories, ...change.territories]);
        break;
      }
      case 'territoriesLost': {
        const window = named(change.window);
        window.territories = without(window.territories, change.territories);
        break;
      }
    }
  }
  next.windows = canonicalWindows([...[...windows.values()].filter((window) => !removed.has(window)), ...added]);
  return next;
}
