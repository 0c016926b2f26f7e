import { datedIdentity } from './match-windows.ts';
import type { WindowRef } from './offer-changes.ts';
import { compareWindows, type Window } from './offer-windows.ts';

/** How changes name an offer's windows: each window with its reference. */
export function windowRefs(windows: readonly Window[]): Map<Window, WindowRef> {
  const seen = new Map<string, number>();
  return new Map(
    windows.toSorted(compareWindows).map((window) => {
      const { licenseType, contractId, territories, start, end } = window;
      const identity = datedIdentity(window);
      const nth = seen.get(identity) ?? 0;
      seen.set(identity, nth + 1);
      return [window, { licenseType, contractId, territories, start, end, nth }];
    }),
  );
}

/** A reference as text, for maps. */
export const refKey = (ref: WindowRef): string => JSON.stringify([datedIdentity(ref), ref.nth]);
