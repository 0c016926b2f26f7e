/** `Start` and `End` of offers and windows: an instant, a word such as `Open`, or nothing at all. */

const WORDS = ['Open', 'Immediate', 'TBD'] as const;
const byFoldedWord = new Map<string, string>(WORDS.map((word) => [word.toLowerCase(), word]));

const NOTATION =
  /^(?<date>(?<year>\d{4})-(?<month>\d\d)-(?<day>\d\d))(?:[T ](?<clock>\d\d:\d\d(?::\d\d)?)(?<fraction>\.\d+)?)?\s*(?<zone>Z|[+-]\d\d(?::?\d\d)?)?$/iu;

/**
 * Reads a date or a date-time as an instant. Without an offset it is taken as UTC, without a time as midnight;
 * fractions finer than a millisecond are cut off.
 *
 * @returns the instant as `2026-01-01T00:00:00.000Z`, or null when the text is no date of the calendar
 */
export function instantOf(text: string): string | null {
  const parts = NOTATION.exec(text.trim())?.groups;
  if (!parts) return null;
  const [year, month, day] = [Number(parts['year']), Number(parts['month']), Number(parts['day'])];
  // Date.parse turns 30 February into 2 March; a slip of the upstream must not become a plausible date.
  if (month < 1 || month > 12 || day < 1 || day > new Date(Date.UTC(2000 + (year % 400), month, 0)).getUTCDate()) {
    return null;
  }
  const fraction = (parts['fraction'] ?? '.').slice(0, 4).padEnd(4, '0');
  const clock = (parts['clock'] ?? '00:00').padEnd(8, ':00');
  const time = Date.parse(`${parts['date']}T${clock}${fraction}${offset(parts['zone'])}`);
  return Number.isNaN(time) ? null : new Date(time).toISOString();
}

function offset(zone: string | undefined): string {
  if (zone === undefined || zone.toUpperCase() === 'Z') return 'Z';
  const digits = zone.slice(1).replace(':', '').padEnd(4, '0');
  return `${zone.slice(0, 1)}${digits.slice(0, 2)}:${digits.slice(2)}`;
}

/**
 * One spelling for each date, so that a change of notation is no change.
 *
 * @returns an ISO instant in UTC; for anything else the word: known ones in their usual spelling, others in upper case;
 *   null for nothing
 */
export function canonicalDate(value: string | null | undefined): string | null {
  const text = value?.trim();
  if (!text) return null;
  return instantOf(text) ?? byFoldedWord.get(text.toLowerCase()) ?? text.toUpperCase();
}

/** Whether a canonical date is an instant or one of the words seen in the field. */
export function isKnownDate(date: string | null): boolean {
  return date === null || byFoldedWord.has(date.toLowerCase()) || instantOf(date) !== null || date.startsWith('+');
}

/** Order of starts: open ones (absent, `Open`, `Immediate`), instants, then words that promise no date yet. */
export function compareStarts(left: string | null, right: string | null): number {
  const rank = (date: string | null): number => {
    if (date === null) return 0;
    if (date === 'Open' || date === 'Immediate') return 1;
    return instantOf(date) === null ? 3 : 2;
  };
  return rank(left) - rank(right) || compareText(left ?? '', right ?? '');
}

/** Order of ends: `Immediate`, instants, words that promise no date yet, then open ones (`Open`, absent). */
export function compareEnds(left: string | null, right: string | null): number {
  const rank = (date: string | null): number => {
    if (date === null) return 4;
    if (date === 'Open') return 3;
    if (date === 'Immediate') return 0;
    return instantOf(date) === null ? 2 : 1;
  };
  return rank(left) - rank(right) || compareText(left ?? '', right ?? '');
}

/** The latest of several time stamps in any notation; null when none is an instant. */
export function latestInstant(times: Iterable<string | null>): string | null {
  let latest: string | null = null;
  for (const time of times) {
    const instant = time === null ? null : instantOf(time);
    if (instant !== null && (latest === null || instant > latest)) latest = instant;
  }
  return latest;
}

/** Order by code unit, which no locale changes. */
export function compareText(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
