import { boundedDrift } from '../shared/drift.ts';
import type { TitleWatch } from '../shared/watches.ts';
import { compareEnds, compareStarts, isKnownDate, latestInstant } from './offer-dates.ts';
import { answerErrors, type OfferStatusAnswer } from './offer-status-answer.ts';
import type { Offer, Offers } from './offer.ts';
import { canonicalWindows, sortedSet } from './offer-windows.ts';
import { mostPressingCode } from './progress-code.ts';
import { readOfferStatus } from './read-offer-status.ts';

export type { Offer, Offers } from './offer.ts';

const encode = (part: string): string => encodeURIComponent(part.toWellFormed());

/** `alid|grouping entity or -|marketplace`, parts percent-encoded: what stays the same while an offer changes. */
export function offerKey(offer: Pick<Offer, 'alid' | 'groupingEntity' | 'marketplace'>): string {
  // A grouping entity named "-" must not be taken for none.
  const grouping = offer.groupingEntity === null ? '-' : encode(offer.groupingEntity).replace(/^-$/u, '%2D');
  return `${encode(offer.alid)}|${grouping}|${encode(offer.marketplace)}`;
}

/**
 * Turns an answer of the Offer Status API into a snapshot in which equal states are equal data: whatever the order,
 * the notation of dates and codes, and the time stamps.
 *
 * @param answer a parsed answer (section "Get Status Response")
 * @param watch what was asked for: gives the marketplace, which the answer lacks, and stands in for a missing ALID or
 *   OrganizationID
 * @returns the offers by key; whether the upstream reported errors beside them, so that absent ones may only be unknown;
 *   and unknown words in place of dates (`Start=SOMEDAY`, `End=…`), which add to the surprises that `answerDrift` finds
 */
export function normaliseOffers(
  answer: OfferStatusAnswer,
  watch: TitleWatch,
): { offers: Offers; partial: boolean; drift: string[] } {
  const scopes = new Map<string, Offer[]>();
  const drift: string[] = [];
  for (const entry of answer.OfferStatuses) {
    const offer = readOfferStatus(entry, watch);
    const key = offerKey(offer);
    scopes.set(key, [...(scopes.get(key) ?? []), offer]);
    for (const { start, end } of [offer, ...offer.windows]) {
      if (!isKnownDate(start)) drift.push(`Start=${start}`);
      if (!isKnownDate(end)) drift.push(`End=${end}`);
    }
  }
  const offers: Offers = {};
  for (const key of [...scopes.keys()].sort()) {
    const [first, ...rest] = scopes.get(key) ?? [];
    if (first) offers[key] = mergeOffers([first, ...rest]);
  }
  return { offers, partial: answerErrors(answer).length > 0, drift: boundedDrift(drift) };
}

/**
 * One offer out of the entries that the upstream gives for its scopes (business lines and territories). Where their
 * codes differ, each entry's code becomes its windows' own, so that none is lost; a window's code that equals the
 * offer's is left out, so that Amazon's filling in of what already holds is no change.
 */
export function mergeOffers(entries: readonly [Offer, ...Offer[]]): Offer {
  const [first, ...rest] = entries;
  const status = mostPressingCode([first.status, ...rest.map((entry) => entry.status)]);
  const windows = entries.flatMap((entry) =>
    entry.windows.map((window) => {
      const own = window.status ?? entry.status;
      return { ...window, status: own === status ? null : own };
    }),
  );
  const comments = sortedSet(entries.flatMap((entry) => entry.comments ?? []));
  return {
    alid: first.alid,
    groupingEntity: first.groupingEntity,
    marketplace: first.marketplace,
    licensor: {
      organizationId: sortedSet(entries.map((entry) => entry.licensor.organizationId))[0] ?? '',
      displayName: sortedSet(entries.flatMap((entry) => entry.licensor.displayName ?? []))[0] ?? null,
    },
    status,
    comments: comments.length === 0 ? null : comments.join('\n'),
    start: entries.map((entry) => entry.start).sort(compareStarts)[0] ?? null,
    end:
      entries
        .map((entry) => entry.end)
        .sort(compareEnds)
        .at(-1) ?? null,
    platformIds: sortedSet(entries.flatMap((entry) => entry.platformIds)),
    windows: canonicalWindows(windows),
    updatedAt: latestInstant(entries.map((entry) => entry.updatedAt)),
  };
}
