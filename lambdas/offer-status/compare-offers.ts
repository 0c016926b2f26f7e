import { matchWindows } from './match-windows.ts';
import type { OfferChange, Period, WindowRef } from './offer-changes.ts';
import { compareEnds, compareStarts } from './offer-dates.ts';
import { sortedSet, without, type Window } from './offer-windows.ts';
import { mergeOffers, type Offer, type Offers } from './offers.ts';
import { mostPressingCode } from './progress-code.ts';
import { windowRefs } from './window-refs.ts';

/**
 * Names what differs between two snapshots of a title. Licensor, time stamps and transaction identifiers are
 * informative and make no difference.
 *
 * @param before the earlier snapshot; null when the title was never seen
 * @returns changes in a fixed order, by offer; empty when nothing that counts differs
 */
export function compareOffers(before: Offers | null, after: Offers): OfferChange[] {
  const keys = sortedSet([...Object.keys(before ?? {}), ...Object.keys(after)]);
  return keys.flatMap((offerKey): OfferChange[] => {
    const [from, to] = [before?.[offerKey], after[offerKey]];
    if (!to) return [{ change: 'offerRemoved', offerKey }];
    if (!from) return [{ change: 'offerAdded', offerKey, offer: to }];
    return compareOffer(offerKey, from, to);
  });
}

function compareOffer(offerKey: string, from: Offer, to: Offer): OfferChange[] {
  const changes: OfferChange[] = [];
  if (from.status !== to.status) changes.push({ change: 'statusMoved', offerKey, from: from.status, to: to.status });
  if (from.comments !== to.comments) {
    changes.push({ change: 'commentsChanged', offerKey, from: from.comments, to: to.comments });
  }
  if (moved(from, to)) changes.push({ change: 'periodMoved', offerKey, from: period(from), to: period(to) });
  for (const platformId of without(to.platformIds, from.platformIds)) {
    changes.push({ change: 'platformIdGained', offerKey, platformId });
  }
  for (const platformId of without(from.platformIds, to.platformIds)) {
    changes.push({ change: 'platformIdLost', offerKey, platformId });
  }
  const refs = windowRefs(from.windows);
  const matched = matchWindows(from.windows, to.windows);
  const ref = (window: Window): WindowRef => {
    const found = refs.get(window);
    if (!found) throw new RangeError('a window without a reference');
    return found;
  };
  for (const window of matched.added) changes.push({ change: 'windowAdded', offerKey, window });
  for (const window of matched.removed) changes.push({ change: 'windowRemoved', offerKey, window: ref(window) });
  for (const pair of matched.pairs) changes.push(...compareWindow(offerKey, ref(pair.from), pair.from, pair.to));
  return changes;
}

function compareWindow(offerKey: string, window: WindowRef, from: Window, to: Window): OfferChange[] {
  const changes: OfferChange[] = [];
  const of = { offerKey, window };
  if (moved(from, to)) changes.push({ change: 'windowMoved', ...of, from: period(from), to: period(to) });
  if (from.status !== to.status) {
    changes.push({ change: 'windowStatusMoved', ...of, from: from.status, to: to.status });
  }
  if (from.comments !== to.comments) {
    changes.push({ change: 'windowCommentsChanged', ...of, from: from.comments, to: to.comments });
  }
  for (const formatProfile of without(to.formatProfiles, from.formatProfiles)) {
    changes.push({ change: 'formatProfileGained', ...of, formatProfile });
  }
  for (const formatProfile of without(from.formatProfiles, to.formatProfiles)) {
    changes.push({ change: 'formatProfileLost', ...of, formatProfile });
  }
  for (const territory of without(to.territories, from.territories)) {
    changes.push({ change: 'territoryGained', ...of, territory });
  }
  for (const territory of without(from.territories, to.territories)) {
    changes.push({ change: 'territoryLost', ...of, territory });
  }
  return changes;
}

const period = ({ start, end }: Period): Period => ({ start, end });

const moved = (from: Period, to: Period): boolean => from.start !== to.start || from.end !== to.end;

/**
 * The snapshot after an answer that came with errors: what such an answer lacks is unknown, not gone. Offers that it
 * lacks are kept. So are windows that it lacks of an offer that it has, since each scope of an offer is an entry of its
 * own; they count towards the offer's status and period as their scope did.
 */
export function mergePartial(before: Offers | null, after: Offers): Offers {
  const merged: Offers = { ...before, ...after };
  for (const [offerKey, next] of Object.entries(after)) {
    const previous = before?.[offerKey];
    if (!previous) continue;
    const kept = matchWindows(windowsWithStatus(previous), windowsWithStatus(next)).removed;
    const [first, ...rest] = kept.map((window) => window.status ?? previous.status);
    if (first === undefined) continue;
    merged[offerKey] = mergeOffers([
      next,
      {
        ...previous,
        status: mostPressingCode([first, ...rest]),
        comments: null,
        start: kept.map((window) => window.start).sort(compareStarts)[0] ?? null,
        end:
          kept
            .map((window) => window.end)
            .sort(compareEnds)
            .at(-1) ?? null,
        windows: [...kept],
        updatedAt: null,
      },
    ]);
  }
  return merged;
}

/** Windows that say their status themselves, so that it stays theirs in other company. */
function windowsWithStatus(offer: Offer): Window[] {
  return offer.windows.map((window) => ({ ...window, status: window.status ?? offer.status }));
}
