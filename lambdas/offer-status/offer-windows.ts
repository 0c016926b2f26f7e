import { compareEnds, compareStarts, compareText } from './offer-dates.ts';
import type { Window } from './offer.ts';

export type { Window } from './offer.ts';

/** A window's licence type, contract and territories: what makes it the same window when its dates move. */
export function windowIdentity(window: Pick<Window, 'licenseType' | 'contractId' | 'territories'>): string {
  return JSON.stringify([window.licenseType, window.contractId, window.territories]);
}

/** Everything about a window that counts as its state: equal states are no change. */
export function windowState(window: Window): string {
  const { licenseType, contractId, territories, start, end, formatProfiles, status, comments } = window;
  return JSON.stringify([licenseType, contractId, territories, start, end, formatProfiles, status, comments]);
}

/** The one order of an offer's windows: by identity, then start, then end, then the rest. */
export function compareWindows(left: Window, right: Window): number {
  return (
    compareText(windowIdentity(left), windowIdentity(right)) ||
    compareStarts(left.start, right.start) ||
    compareEnds(left.end, right.end) ||
    compareText(windowState(left), windowState(right)) ||
    compareText(left.transactionId ?? '', right.transactionId ?? '')
  );
}

/** Windows in their one order, each state once. */
export function canonicalWindows(windows: readonly Window[]): Window[] {
  const byState = new Map<string, Window>();
  for (const window of windows.toSorted(compareWindows)) {
    const state = windowState(window);
    if (!byState.get(state)?.transactionId) byState.set(state, window);
  }
  return [...byState.values()];
}

/** Sorted by code unit, each once. */
export function sortedSet(values: Iterable<string>): string[] {
  return [...new Set(values)].sort(compareText);
}

/** The values that are not among `others`. */
export function without(values: readonly string[], others: readonly string[]): string[] {
  const unwanted = new Set(others);
  return values.filter((value) => !unwanted.has(value));
}
