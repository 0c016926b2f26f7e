import { compareWindows, windowIdentity, windowState, type Window } from './offer-windows.ts';

/** Which window of an offer became which. */
export interface MatchedWindows {
  readonly pairs: readonly { readonly from: Window; readonly to: Window }[];
  readonly removed: readonly Window[];
  readonly added: readonly Window[];
}

/**
 * Finds each window again in the next snapshot of its offer, in tiers: the same state; the same licence type, contract,
 * territories and dates; the same licence type, contract and territories, in order of start (it moved); the same
 * licence type, contract and dates with territories in common, the greatest overlap first (territories came or went).
 * What is left was removed or added. The result does not depend on the order of the windows given.
 */
export function matchWindows(before: readonly Window[], after: readonly Window[]): MatchedWindows {
  const pairs: { from: Window; to: Window }[] = [];
  let removed = before.toSorted(compareWindows);
  let added = after.toSorted(compareWindows);

  const take = (taken: readonly { from: Window; to: Window }[]): void => {
    pairs.push(...taken);
    const gone = new Set(taken.flatMap(({ from, to }) => [from, to]));
    removed = removed.filter((window) => !gone.has(window));
    added = added.filter((window) => !gone.has(window));
  };

  for (const sameness of [windowState, datedIdentity, windowIdentity]) take(pairInOrder(removed, added, sameness));
  take(pairByOverlap(removed, added));
  pairs.sort((left, right) => compareWindows(left.from, right.from) || compareWindows(left.to, right.to));
  return { pairs, removed, added };
}

/** Licence type, contract, territories and dates: several windows of an offer share them only by a slip or by format. */
export function datedIdentity(
  window: Pick<Window, 'licenseType' | 'contractId' | 'territories' | 'start' | 'end'>,
): string {
  return JSON.stringify([windowIdentity(window), window.start, window.end]);
}

/** Pairs windows that agree in some respect; where several do, in their one order, which is that of their starts. */
function pairInOrder(before: readonly Window[], after: readonly Window[], respect: (window: Window) => string) {
  const candidates = Map.groupBy(after, respect);
  return before.flatMap((from) => {
    const to = candidates.get(respect(from))?.shift();
    return to ? [{ from, to }] : [];
  });
}

function pairByOverlap(before: readonly Window[], after: readonly Window[]) {
  const scope = (window: Window): string =>
    JSON.stringify([window.licenseType, window.contractId, window.start, window.end]);
  const candidates = Map.groupBy(after, scope);
  const overlaps = before.flatMap((from) => {
    const territories = new Set(from.territories);
    return (candidates.get(scope(from)) ?? []).flatMap((to) => {
      const overlap = to.territories.filter((territory) => territories.has(territory)).length;
      return overlap === 0 ? [] : [{ from, to, overlap }];
    });
  });
  // Before equal overlaps the nearer size wins; the windows' own order, in which they come here, settles the rest.
  const excess = ({ from, to }: { from: Window; to: Window }): number =>
    from.territories.length + to.territories.length;
  overlaps.sort((left, right) => right.overlap - left.overlap || excess(left) - excess(right));
  const taken = new Set<Window>();
  return overlaps.flatMap(({ from, to }) => {
    if (taken.has(from) || taken.has(to)) return [];
    taken.add(from).add(to);
    return [{ from, to }];
  });
}
