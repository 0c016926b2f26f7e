import * as z from 'zod';

/** The vocabularies that the API's document lists. Answers may hold others: states set by control are free text. */
export const FORMAT_PROFILES = ['SD', 'HD', 'UHD', 'MAX'] as const;
export const MARKETPLACES = ['GLOBAL', 'US', 'DE', 'JP', 'GB'] as const;

const text = z.string().min(1);
/** A date such as `2026-03-01T00:00:00Z`, a word such as `Open`, or null for a side that is not given at all. */
const Boundary = text.nullable();

/** One availability window. */
export const WindowState = z.strictObject({
  territories: z.array(text),
  formatProfiles: z.array(text),
  contractId: text,
  start: Boundary,
  end: Boundary,
});
export type WindowState = Readonly<z.infer<typeof WindowState>>;

/** One offer: a business line of a title. All its windows have the offer's licence type. */
export const OfferState = z.strictObject({
  /** The channel or subscription; null for everything but SVOD. */
  groupingEntity: text.nullable(),
  licenseType: text,
  progressCode: text,
  windows: z.array(WindowState),
});
export type OfferState = Readonly<z.infer<typeof OfferState>>;

/** What control may set outright. */
export const TitleMeaning = z.strictObject({ offers: z.array(OfferState) });

/** A title at one moment of its life: everything that has meaning, and nothing that has not (order, timestamps). */
export interface TitleState {
  /** Counts from 0. */
  step: number;
  /** Since when, in milliseconds since the epoch. */
  at: number;
  /** What happened: `born`, `went-live`, `window-added`, `set`, `deleted` … */
  event: string;
  /** False when the API answers 404. */
  known: boolean;
  offers: readonly OfferState[];
}

export interface TitleId {
  licensor: string;
  alid: string;
}

/** Tells a title's offers apart. */
export function offerKey(offer: OfferState): string {
  return `${offer.licenseType}/${offer.groupingEntity ?? ''}`;
}

const DAY_MS = 86_400_000;

/** Day 0 is fixed, so that a life does not depend on the day on which the simulator was started. */
const DAY_ZERO = Date.UTC(2026, 0, 1);

/** The calendar of the lives counts days; answers show dates. */
export function dateOfDay(day: number): string {
  return new Date(DAY_ZERO + day * DAY_MS).toISOString().replace('.000Z', 'Z');
}

/** The day of a date; undefined for a word or nothing. */
export function dayOfDate(boundary: string | null): number | undefined {
  const time = boundary === null ? Number.NaN : Date.parse(boundary);
  return Number.isNaN(time) ? undefined : Math.floor((time - DAY_ZERO) / DAY_MS);
}

/** Whether one of an offer's windows has begun. A word instead of a date counts as begun. */
export function hasOpenWindow(offer: OfferState, today: number): boolean {
  return offer.windows.some((window) => (dayOfDate(window.start) ?? today) <= today);
}
