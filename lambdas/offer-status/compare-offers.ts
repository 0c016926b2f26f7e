import { matchWindows, type MatchedWindows } from './match-windows.ts';
import type { OfferChange, Period, WindowRef } from './offer-changes.ts';
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
  const platformIds = difference(from.platformIds, to.platformIds);
  if (platformIds.gained) changes.push({ change: 'platformIdsGained', offerKey, platformIds: platformIds.gained });
  if (platformIds.lost) changes.push({ change: 'platformIdsLost', offerKey, platformIds: platformIds.lost });
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
  const formats = difference(from.formatProfiles, to.formatProfiles);
  if (formats.gained) changes.push({ change: 'formatProfilesGained', ...of, formatProfiles: formats.gained });
  if (formats.lost) changes.push({ change: 'formatProfilesLost', ...of, formatProfiles: formats.lost });
  const territories = difference(from.territories, to.territories);
  if (territories.gained) changes.push({ change: 'territoriesGained', ...of, territories: territories.gained });
  if (territories.lost) changes.push({ change: 'territoriesLost', ...of, territories: territories.lost });
  return changes;
}

/** What came and what went, each null where nothing did. */
function difference(from: readonly string[], to: readonly string[]) {
  const [gained, lost] = [without(to, from), without(from, to)];
  return { gained: gained.length > 0 ? gained : null, lost: lost.length > 0 ? lost : null };
}

const period = ({ start, end }: Period): Period => ({ start, end });

const moved = (from: Period, to: Period): boolean => from.start !== to.start || from.end !== to.end;

/**
 * The snapshot after an answer that came with errors: what such an answer lacks is unknown, not gone. Offers that it
 * lacks are kept. So is what it lacks of an offer that it has, since each scope of an offer is an entry of its own. Only
 * where it has every window of an offer and something new besides, it is taken for all there is to say about that offer.
 */
export function mergePartial(before: Offers | null, after: Offers): Offers {
  const merged: Offers = { ...before, ...after };
  for (const [offerKey, next] of Object.entries(after)) {
    const previous = before?.[offerKey];
    if (!previous) continue;
    const matched = matchWindows(windowsWithStatus(previous), windowsWithStatus(next));
    const together = withUnseen(previous, next, matched);
    // A scope without windows may be missing, too: an answer in which nothing is new may be a part of what was known.
    const lacking = matched.removed.length > 0 || compareOffer(offerKey, previous, together).length === 0;
    if (lacking) merged[offerKey] = together;
  }
  return merged;
}

/** An offer as its scopes that were seen make it now, together with what others may have given it before. */
function withUnseen(previous: Offer, next: Offer, matched: MatchedWindows): Offer {
  const [first = next.status, ...rest] = unseenStatuses(previous, matched);
  const merged = mergeOffers([
    next,
    // Only what was seen now tells when the offer changed.
    { ...previous, status: mostPressingCode([first, ...rest]), windows: [...matched.removed], updatedAt: null },
  ]);
  return { ...merged, comments: joinedComments(previous.comments, next.comments) };
}

/**
 * Codes that scopes which were not seen may still give the offer: the one it had, unless each window that had it was
 * seen with another; and those of unseen windows, except any more pressing than the offer's, which no scope had.
 */
function unseenStatuses(previous: Offer, { pairs, removed }: MatchedWindows): string[] {
  const { status } = previous;
  const bearers = windowsWithStatus(previous).filter((window) => window.status === status).length;
  const turned = pairs.filter(({ from, to }) => from.status === status && to.status !== status).length;
  const unseen = removed.flatMap((window) => window.status ?? []);
  return [
    ...(bearers > 0 && turned === bearers ? [] : [status]),
    ...unseen.filter((code) => mostPressingCode([code, status]) === status),
  ];
}

/** Comments of an offer were joined out of those of its scopes, so they are compared line by line. */
function joinedComments(previous: string | null, next: string | null): string | null {
  const [known, seen] = [previous?.split('\n') ?? [], next?.split('\n') ?? []];
  return without(seen, known).length === 0 ? previous : sortedSet([...known, ...seen]).join('\n');
}

/** Windows that say their status themselves, so that it stays theirs in other company. */
function windowsWithStatus(offer: Offer): Window[] {
  return offer.windows.map((window) => ({ ...window, status: window.status ?? offer.status }));
}
